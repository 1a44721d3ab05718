//! Documents over HTTP: uploads and downloads of the people of a chat.
//!
//! Who they are is said by the token of their WebSocket session, in the `Authorization` header; the name of a file
//! stands in a header as well, since addresses are logged on the way (S1).

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use baton_core::erase::Thing;
use baton_core::session::Reader;
use baton_protocol::federation::Denial;
use baton_protocol::model::{DocumentCard, DocumentState};
use baton_protocol::{ChatId, ErrorCode, ResumeToken};
use futures_util::StreamExt;

use super::files;
use super::http::App;
use crate::api;
use crate::documents::spool::Spool;
use crate::driver::{Gateway, now};
use crate::store::{UploadLimit, UploadRow};

/// The header with a file's name, percent-encoded UTF-8.
const NAME: HeaderName = HeaderName::from_static("baton-name");

/// A sender of whom nothing is heard for so long is given up.
const SILENCE: Duration = Duration::from_secs(15);

/// A whole upload takes no longer, on whatever line.
const UPLOAD: Duration = Duration::from_secs(600);

/// Who asks.
enum Who {
    Customer,
    Agent(String),
}

type Answer = Result<Response<Body>, Denial>;

/// `OPTIONS /v1/documents/…`, `/v1/surveys/…`: whether a page of this origin may ask (Fetch standard, CORS-preflight).
pub async fn preflight(
    State(app): State<App>,
    Path(path): Path<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response<Body> {
    let chat = path.first().and_then(|(_, chat)| chat.parse().ok());
    let origin = chat.and_then(|chat| foreign_origin(&app.gateway, chat, &headers).ok().flatten());
    let mut response = StatusCode::NO_CONTENT.into_response();
    if origin.is_some() {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        let allowed = HeaderValue::from_static("authorization, baton-name, content-type");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    permit(response, origin)
}

/// `POST /v1/documents/{chat}`
pub async fn upload(State(app): State<App>, Path(chat): Path<ChatId>, request: Request) -> Response<Body> {
    let origin = match foreign_origin(&app.gateway, chat, request.headers()) {
        Ok(origin) => origin,
        Err(denial) => return denied(denial),
    };
    permit(take(&app.gateway, chat, request).await.unwrap_or_else(denied), origin)
}

/// `GET /v1/documents/{chat}/{sha256}`
pub async fn download(
    State(app): State<App>,
    Path((chat, sha256)): Path<(ChatId, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let origin = match foreign_origin(&app.gateway, chat, &headers) {
        Ok(origin) => origin,
        Err(denial) => return denied(denial),
    };
    permit(give(&app.gateway, chat, &sha256, &headers).await.unwrap_or_else(denied), origin)
}

async fn take(gateway: &Gateway, chat: ChatId, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let by = match who(gateway, chat, &parts.headers).await? {
        Who::Customer => None,
        Who::Agent(login) => Some(login),
    };
    let serves = gateway.look_at_chat(chat, |chat| {
        let theirs = by.is_none() || chat.agent_login() == by.as_deref();
        theirs && chat.is_open() && chat.record.outgoing.serves()
    });
    if serves != Some(true) {
        return Err(deny(ErrorCode::ChatOver, ""));
    }
    let _place = gateway.uploads.admit(chat).ok_or_else(|| Denial {
        retry_after: Some(60),
        ..deny(ErrorCode::TooManyAttempts, "too many uploads at once")
    })?;
    let name = parts.headers.get(NAME).map(|name| name.as_bytes()).unwrap_or_default();
    let name = percent_encoding::percent_decode(name).decode_utf8_lossy();
    let documents = &gateway.documents;
    let mut spool = documents.upload(gateway.number()).await.map_err(ours)?;
    let card = match receive(gateway, &mut spool, body).await {
        Ok(()) => documents
            .check(&spool, &name)
            .ok_or_else(|| deny(ErrorCode::BadDocument, "files of this kind are not taken here")),
        Err(denial) => Err(denial),
    };
    store(gateway, chat, by, spool, card?).await
}

/// The row first: it counts against the chat's limits. Whoever says the document finds the file as well, or is
/// refused.
async fn store(
    gateway: &Gateway,
    chat: ChatId,
    by: Option<String>,
    spool: Spool,
    card: DocumentCard,
) -> Answer {
    let limits = gateway.documents.limits();
    let most = UploadLimit { count: limits.per_chat, bytes: limits.per_chat_bytes };
    let row = UploadRow { chat, by, card: card.clone(), at: now() };
    if !gateway.store.put_upload(row, most).await.map_err(|error| ours(error.into()))? {
        return Err(deny(ErrorCode::BadDocument, "this chat has as many documents as it may have"));
    }
    gateway.documents.keep(chat, spool).await.map_err(ours)?;
    if gateway.is_erased(&Thing::Chat(chat)) {
        gateway.remove_late(chat).await.map_err(ours)?;
        return Err(deny(ErrorCode::ChatOver, ""));
    }
    tracing::info!(%chat, bytes = card.size, "document stored");
    Ok(Json(card).into_response())
}

async fn receive(gateway: &Gateway, spool: &mut Spool, body: Body) -> Result<(), Denial> {
    let most = gateway.documents.limits().max_bytes;
    let mut parts = body.into_data_stream();
    let broken = || deny(ErrorCode::BadDocument, "the upload was not completed");
    let receive = async {
        while let Some(part) = tokio::time::timeout(SILENCE, parts.next()).await.map_err(|_| broken())? {
            let part = part.map_err(|_| broken())?;
            if spool.size() + part.len() as u64 > most {
                return Err(deny(ErrorCode::BadDocument, &format!("a document has {most} bytes at most")));
            }
            spool.write(&part).await.map_err(|error| ours(error.into()))?;
        }
        if spool.size() == 0 { Err(deny(ErrorCode::BadDocument, "the file is empty")) } else { Ok(()) }
    };
    tokio::time::timeout(UPLOAD, receive).await.unwrap_or_else(|_| Err(broken()))
}

async fn give(gateway: &Gateway, chat: ChatId, sha256: &str, headers: &HeaderMap) -> Answer {
    let who = who(gateway, chat, headers).await?;
    let reader = match &who {
        Who::Customer => Reader::Customer,
        Who::Agent(login) => Reader::Agent(login),
    };
    let unknown = || deny(ErrorCode::UnknownDocument, "");
    gateway.whole_chat(chat).await.map_err(ours)?;
    let found = gateway.look_at_chat(chat, |chat| chat.document(reader, sha256)).flatten();
    let (card, state) = found.ok_or_else(unknown)?;
    if state == DocumentState::Arriving {
        let denial = deny(ErrorCode::UnknownDocument, "it is still on its way");
        return Err(Denial { retry_after: Some(2), ..denial });
    }
    let DocumentCard { sha256, name, media_type, .. } = &card;
    let file = files::File { chat, sha256, name, media_type };
    files::answer(&gateway.documents, file, headers).await.map_err(ours)?.ok_or_else(unknown)
}

/// The chat's customer, or an agent, by their session's token. Whoever is neither learns nothing about the chat.
async fn who(gateway: &Gateway, chat: ChatId, headers: &HeaderMap) -> Result<Who, Denial> {
    let unknown = || deny(ErrorCode::WrongPassword, "the token is not valid");
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token: ResumeToken = match header {
        Some(value) => value.strip_prefix("Bearer ").and_then(|token| token.parse().ok()),
        None => api::cookie::session(headers, &gateway.config),
    }
    .ok_or_else(unknown)?;
    if gateway.chat_by_token(token.digest()).await.map_err(ours)? == Some(chat) {
        return Ok(Who::Customer);
    }
    let agent = gateway.store.agent_by_token(token.digest(), now()).await;
    let login = agent.map_err(|error| ours(error.into()))?.ok_or_else(unknown)?;
    // Only the console's own page has an agent's token.
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin.is_some_and(|origin| origin != gateway.config.origin()) {
        return Err(unknown());
    }
    gateway.chat(chat).await.map_err(ours)?;
    Ok(Who::Agent(login))
}

/// The request's web origin, if it is not our own and this chat's customer may ask from there (CORS).
pub(super) fn foreign_origin(
    gateway: &Gateway,
    chat: ChatId,
    headers: &HeaderMap,
) -> Result<Option<HeaderValue>, Denial> {
    let Some(value) = headers.get(header::ORIGIN) else { return Ok(None) };
    let origin = value.to_str().unwrap_or_default();
    let named = || {
        let named = gateway.look_at_chat(chat, |chat| chat.record.origins.iter().any(|name| name == origin));
        named.unwrap_or(false)
    };
    if origin == gateway.config.origin() {
        Ok(None)
    } else if gateway.config.sites.iter().any(|site| site == origin) || named() {
        Ok(Some(value.clone()))
    } else {
        Err(deny(ErrorCode::NotPermitted, "this page may not use the gateway"))
    }
}

pub(super) fn permit(mut response: Response<Body>, origin: Option<HeaderValue>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

fn deny(code: ErrorCode, detail: &str) -> Denial {
    let detail = if detail.is_empty() { code.to_string() } else { detail.into() };
    Denial { code, detail, retry_after: None }
}

fn ours(error: anyhow::Error) -> Denial {
    tracing::error!(%error, "a document could not be stored or read");
    deny(ErrorCode::Internal, "")
}

fn denied(denial: Denial) -> Response<Body> {
    let status = match denial.code {
        ErrorCode::WrongPassword => StatusCode::UNAUTHORIZED,
        ErrorCode::NotPermitted => StatusCode::FORBIDDEN,
        ErrorCode::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::BadDocument => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::ChatOver => StatusCode::CONFLICT,
        ErrorCode::UnknownDocument if denial.retry_after.is_some() => StatusCode::CONFLICT,
        ErrorCode::UnknownDocument => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let retry = denial.retry_after.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
    (status, retry, Json(denial)).into_response()
}
