//! What the widget asks for beside its socket: whether a site's token is good, a message to be left, a transcript by
//! e-mail. The widget's own page may, and where the widget has no frame the pages of the sites that embed it ([`embedding`]):
//! nothing here answers another origin. Surveys alone are also asked by the pages that a chat was handed over from.

use std::net::SocketAddr;

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use baton_core::session::{Chat, Identity, Input, Message, Survey};
use baton_protocol::limits::{MAX_LABEL, MAX_TEXT, MAX_URL};
use baton_protocol::model::{Customer, Page};
use baton_protocol::{ChatId, ResumeToken};
use serde::{Deserialize, Serialize};

use super::http::{App, bearer};
use super::{documents, embedding, proxy};
use crate::driver::now;
use crate::mail::{self, Unposted};

/// Bytes of a request: a message of the longest kind.
pub const MAX_BODY: usize = 2 * MAX_TEXT + 8 * 1024;

/// A site's token.
#[derive(Deserialize)]
pub struct Shown {
    token: String,
}

/// What it says.
#[derive(Serialize)]
struct Known {
    subject: String,
    name: String,
    email: String,
    /// Whether the chat was another customer's.
    other: bool,
}

impl From<&Identity> for Known {
    fn from(from: &Identity) -> Self {
        let Identity { subject, name, email, .. } = from.clone();
        Self { subject, name, email, other: false }
    }
}

/// A message that is left.
#[derive(Deserialize)]
pub struct Left {
    #[serde(default)]
    area: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    /// The number to be called, where that is wanted. Then neither an address nor a text is needed.
    #[serde(default)]
    phone: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    page: Option<Page>,
}

impl Left {
    /// What is missing or wrong.
    fn mistake(&self) -> Option<&'static str> {
        let line = |text: &str| text.len() <= MAX_LABEL && !text.chars().any(char::is_control);
        let (email, phone) = (self.email.trim(), self.phone.trim());
        let called = !phone.is_empty();
        if !line(&self.name) {
            Some("a name is one line")
        } else if called && !is_phone(phone) {
            Some("a telephone number is digits, and + - ( ) / . between them")
        } else if !(mail::is_address(email) && line(email) || called && email.is_empty()) {
            Some("an e-mail address is needed, or a telephone number")
        } else if self.text.len() > MAX_TEXT || self.text.trim().is_empty() && !called {
            Some("a message has some text, and not too much of it")
        } else {
            None
        }
    }
}

/// Whether somebody could dial it. The longest numbers have 15 digits (E.164), and an extension may follow.
fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(|letter| letter.is_numeric()).count();
    let fits = |letter: char| letter.is_numeric() || " +-()/.".contains(letter);
    (5..=20).contains(&digits) && text.chars().count() <= 40 && text.chars().all(fits)
}

/// `POST /v1/identify`: whether a token is good, before there is a chat.
pub async fn identify(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(shown): Json<Shown>,
) -> Response<Body> {
    match check(&app, peer, &headers, &shown) {
        Ok(known) => Json(Known::from(&known)).into_response(),
        Err(response) => response,
    }
}

/// `POST /v1/identify/{chat}`: the same, for the customer of a chat; its agent sees it.
pub async fn identify_chat(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(chat): Path<ChatId>,
    headers: HeaderMap,
    Json(shown): Json<Shown>,
) -> Response<Body> {
    if !is_customer(&app, chat, &headers).await {
        return refuse(StatusCode::UNAUTHORIZED, "this chat is somebody else's");
    }
    match check(&app, peer, &headers, &shown) {
        Ok(known) => {
            let differs =
                |before: &Identity| (&before.site, &before.subject) != (&known.site, &known.subject);
            let look = |chat: &Chat| chat.record.visitor.verified.as_deref().is_some_and(differs);
            let other = app.gateway.look_at_chat(chat, look).unwrap_or(false);
            let answer = Known { other, ..Known::from(&known) };
            app.gateway.tell_chat(chat, Input::Identified(known));
            Json(answer).into_response()
        }
        Err(response) => response,
    }
}

#[expect(clippy::result_large_err, reason = "it is the answer")]
fn check(
    app: &App,
    peer: SocketAddr,
    headers: &HeaderMap,
    shown: &Shown,
) -> Result<Identity, Response<Body>> {
    let ip = proxy::client(peer.ip(), headers, &app.gateway.config.trusted_proxies);
    if !app.gateway.visitors.may_show(ip) {
        return Err(refuse(
            StatusCode::TOO_MANY_REQUESTS,
            "too many tokens from this address: wait a minute",
        ));
    }
    let checked = app.gateway.visitors.sites.check(&shown.token, now().0 / 1_000);
    checked.map_err(|why| refuse(StatusCode::UNPROCESSABLE_ENTITY, &why))
}

/// `POST /v1/messages`: leaves a message, which waits in the area's queue.
pub async fn leave(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(left): Json<Left>,
) -> Response<Body> {
    let gateway = &app.gateway;
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin.is_some_and(|origin| origin != gateway.config.origin())
        && embedding::site(&app, &headers).is_none()
    {
        return refuse(StatusCode::FORBIDDEN, "this page may not use the gateway");
    }
    if let Some(mistake) = left.mistake() {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, mistake);
    }
    let Left { area, name, email, phone, text, page } = left;
    let area = match (area.as_str(), gateway.settings.areas.first()) {
        ("", Some(first)) => first.name.clone(),
        (name, _) if gateway.config.area(name).is_some() => area,
        _ => return refuse(StatusCode::UNPROCESSABLE_ENTITY, "there is no such area"),
    };
    let ip = proxy::client(peer.ip(), &headers, &gateway.config.trusted_proxies);
    if !gateway.visitors.may_leave(ip) {
        return refuse(
            StatusCode::TOO_MANY_REQUESTS,
            "too many messages from this address: try again in an hour",
        );
    }
    let customer = Customer {
        name,
        email: email.trim().to_owned(),
        subject: String::new(),
        login_at: now(),
        client_type: "message".into(),
    };
    let page = page.filter(|page| page.url.len() <= MAX_URL && page.title.len() <= MAX_LABEL);
    let call_back = !phone.trim().is_empty();
    let (phone, out_of_hours) = (phone.trim().to_owned(), !gateway.is_open(&area));
    let chat = gateway.leave_message(Message { area, customer, page, text, phone, out_of_hours });
    tracing::info!(%chat, call_back, "a message was left");
    StatusCode::ACCEPTED.into_response()
}

/// `POST /v1/transcripts/{chat}`: the transcript to the address that its customer has given.
pub async fn transcript(
    State(app): State<App>,
    Path(chat): Path<ChatId>,
    headers: HeaderMap,
) -> Response<Body> {
    if !is_customer(&app, chat, &headers).await {
        return refuse(StatusCode::UNAUTHORIZED, "this chat is somebody else's");
    }
    // Of a long chat only the newest part is in memory.
    if let Err(error) = app.gateway.whole_chat(chat).await {
        tracing::error!(%chat, %error, "a transcript could not be read");
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "it could not be read: try again");
    }
    match app.gateway.post_transcript(chat) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(Unposted::Address) => {
            refuse(StatusCode::UNPROCESSABLE_ENTITY, "there is no address to post it to")
        }
        Err(Unposted::TooMany) => refuse(StatusCode::TOO_MANY_REQUESTS, "it was posted a few times already"),
    }
}

/// How a chat was.
#[derive(Deserialize)]
pub struct Answer {
    score: u8,
    #[serde(default)]
    text: String,
}

/// `GET /v1/surveys/{chat}`: whether its customer is asked how it was, once it is over. The company that had the chat last is
/// the one that asks, wherever the widget came from.
pub async fn asks(State(app): State<App>, Path(chat): Path<ChatId>, headers: HeaderMap) -> Response<Body> {
    if !is_customer(&app, chat, &headers).await {
        return refuse(StatusCode::UNAUTHORIZED, "this chat is somebody else's");
    }
    let answer = Json(serde_json::json!({ "asks": app.gateway.config.end.survey }));
    to_its_page(&app, chat, &headers, answer.into_response())
}

/// An answer about a chat, for the pages that its customer may come from.
fn to_its_page(app: &App, chat: ChatId, headers: &HeaderMap, answer: Response<Body>) -> Response<Body> {
    match documents::foreign_origin(&app.gateway, chat, headers) {
        Ok(origin) => documents::permit(answer, origin),
        Err(_) => refuse(StatusCode::FORBIDDEN, "this page may not use the gateway"),
    }
}

/// `POST /v1/surveys/{chat}`: how it was, from the customer of a chat that is over. The first answer counts.
pub async fn survey(
    State(app): State<App>,
    Path(chat): Path<ChatId>,
    headers: HeaderMap,
    Json(Answer { score, text }): Json<Answer>,
) -> Response<Body> {
    if !is_customer(&app, chat, &headers).await {
        return refuse(StatusCode::UNAUTHORIZED, "this chat is somebody else's");
    }
    if !app.gateway.config.end.survey {
        return refuse(StatusCode::NOT_FOUND, "nobody asks");
    }
    if !Survey::SCORES.contains(&score) || text.len() > MAX_TEXT {
        return refuse(
            StatusCode::UNPROCESSABLE_ENTITY,
            "a score is from 1 to 5, and what is added not too long",
        );
    }
    let answer = to_its_page(&app, chat, &headers, StatusCode::ACCEPTED.into_response());
    if answer.status() == StatusCode::ACCEPTED {
        app.gateway.tell_chat(chat, Input::Surveyed(Survey { score, text }));
    }
    answer
}

/// By the token of the chat's session, as for documents.
async fn is_customer(app: &App, chat: ChatId, headers: &HeaderMap) -> bool {
    let token: Option<ResumeToken> = bearer(headers).and_then(|token| token.parse().ok());
    let Some(token) = token else { return false };
    app.gateway.chat_by_token(token.digest()).await.is_ok_and(|found| found == Some(chat))
}

fn refuse(status: StatusCode, why: &str) -> Response<Body> {
    (status, Json(serde_json::json!({ "error": why }))).into_response()
}
