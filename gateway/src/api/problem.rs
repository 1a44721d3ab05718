//! What goes wrong, as RFC 9457 writes it.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Body};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::config::Config;
use crate::edge::http::App;
use crate::store::StoreError;

/// Why a request was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, in a sentence for a person.
    detail: String,
    /// What is wrong with settings, one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mistakes: Vec<Mistake>,
}

/// One mistake in settings.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mistake {
    /// What is wrong.
    pub what: String,
    /// How it would be right.
    pub example: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            detail: detail.into(),
            mistakes: Vec::new(),
        }
    }

    /// Nobody knows who asks.
    pub fn unknown() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "log in, or send a key that has not ended")
    }

    /// They may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// There is no such thing.
    pub fn absent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// It would contradict what there is.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// What was sent is not what it must be.
    pub fn wrong(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// The same, mistake by mistake.
    pub fn mistakes(mistakes: Vec<Mistake>) -> Self {
        let detail = mistakes.iter().map(|mistake| mistake.what.as_str()).collect::<Vec<_>>().join("; ");
        Self { mistakes, ..Self::wrong(detail) }
    }

    /// They ask too often.
    pub fn too_often() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too many requests: wait a moment")
    }

    /// The fault is ours. What it is stands in the log.
    pub fn ours(error: &impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request to the API failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server could not do it; its log says why")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::ours(&error)
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::ours(&format!("{error:#}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = (status == StatusCode::TOO_MANY_REQUESTS).then_some([(header::RETRY_AFTER, "5")]);
        let mut response = (status, retry, Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// A JSON body.
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let refused = |why: JsonRejection| Problem::new(why.status(), why.body_text());
        Json::from_request(request, app).await.map(|Json(sent)| Self(sent)).map_err(refused)
    }
}

/// What stands after the question mark.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let refused = |why: QueryRejection| Problem::new(why.status(), why.body_text());
        Query::from_request_parts(parts, app).await.map(|Query(asked)| Self(asked)).map_err(refused)
    }
}

/// Holds a value against one of the settings' rules.
pub fn checked<T>(name: &str, value: Result<T, String>) -> Result<T, Problem> {
    value.map_err(|why| Problem::wrong(format!("`{name}`: {why}")))
}

/// Only areas that the settings name.
pub fn known_areas(areas: &[String], config: &Config) -> Result<(), Problem> {
    match areas.iter().find(|area| config.area(area).is_none()) {
        Some(unknown) => Err(Problem::wrong(format!("`areas`: there is no area {unknown:?}"))),
        None => Ok(()),
    }
}
