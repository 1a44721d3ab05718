//! Sessions of the console's: begun by a password, ended one by one or all at once.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use baton_protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Caller, own_page};
use super::cookie;
use super::problem::{Problem, Sent};
use crate::edge::http::App;
use crate::store::{AgentRow, Role};

/// Name and password.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    name: String,
    #[schema(format = Password)]
    password: String,
}

/// Whose session it is.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Login name.
    name: String,
    /// The name that customers see.
    title: String,
    /// What they may do.
    role: Role,
    /// What the header `baton-csrf` of changes must say.
    csrf: String,
    /// What may come of a chat; anything, when there is none.
    dispositions: Vec<String>,
}

/// How one can log in.
#[derive(Serialize, ToSchema)]
pub struct Ways {
    /// The company, as it shows itself.
    title: String,
    /// Its colour.
    accent: String,
    /// What the provider is called that one can log in with, beside a password; the browser goes to
    /// `/api/v1/oidc/start`.
    provider: Option<String>,
}

type Cookie = [(HeaderName, HeaderValue); 1];

fn cookies(token: Option<&baton_protocol::ResumeToken>, app: &App) -> Result<Cookie, Problem> {
    let value = cookie::set(token, &app.gateway.config).ok_or_else(|| Problem::ours(&"no cookie"))?;
    Ok([(header::SET_COOKIE, value)])
}

/// How one can log in here.
#[utoipa::path(get, path = "/api/v1/login", tag = "session",
    responses((status = 200, body = Ways), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn ways(State(app): State<App>) -> Json<Ways> {
    let config = &app.gateway.config;
    let provider = config.oidc.as_ref().map(|oidc| oidc.title.clone());
    Json(Ways { title: config.title.clone(), accent: config.accent.clone(), provider })
}

/// Log in. The answer sets a cookie; it is for browsers.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Credentials,
    responses((status = 204, description = "Logged in"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    Sent(Credentials { name, password }): Sent<Credentials>,
) -> Result<(StatusCode, Cookie), Problem> {
    own_page(&app, &headers)?;
    match app.gateway.log_in(&name, password).await? {
        Ok((agent, token)) => {
            tracing::info!(login = %agent.name, "a session began");
            Ok((StatusCode::NO_CONTENT, cookies(Some(&token), &app)?))
        }
        Err(ErrorCode::TooManyAttempts) => Err(Problem::too_often()),
        Err(code) => Err(Problem::forbidden(code.to_string())),
    }
}

/// Whose session this is.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", security(("session" = [])),
    responses((status = 200, body = Session), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn look(State(app): State<App>, caller: Caller) -> Result<Json<Session>, Problem> {
    let Caller::Agent { agent, csrf, .. } = caller else { return Err(only_people()) };
    let AgentRow { name, title, role, .. } = *agent;
    let dispositions = app.gateway.config.console.dispositions.clone();
    Ok(Json(Session { name, title, role, csrf, dispositions }))
}

/// End this session.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", security(("session" = [])),
    responses((status = 204, description = "Logged out"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn end(State(app): State<App>, caller: Caller) -> Result<(StatusCode, Cookie), Problem> {
    let Caller::Agent { agent, session, .. } = caller else { return Err(only_people()) };
    app.gateway.log_out(&agent.name, Some(session)).await?;
    Ok((StatusCode::NO_CONTENT, cookies(None, &app)?))
}

/// End every session of one's own, in every browser.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "session", security(("session" = [])),
    responses((status = 204, description = "Logged out everywhere"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn end_all(State(app): State<App>, caller: Caller) -> Result<(StatusCode, Cookie), Problem> {
    let Caller::Agent { agent, .. } = caller else { return Err(only_people()) };
    app.gateway.log_out(&agent.name, None).await?;
    tracing::info!(login = %agent.name, "every session ended");
    Ok((StatusCode::NO_CONTENT, cookies(None, &app)?))
}

fn only_people() -> Problem {
    Problem::forbidden("a key has no session")
}
