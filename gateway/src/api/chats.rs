//! What was said in chats that are over: found by its words, or by the customer, for whoever may read it.

use axum::Json;
use axum::extract::{Path, State};
use baton_core::session::{self, Identity};
use baton_protocol::ChatId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::problem::{Asked, Problem};
use crate::edge::http::App;
use crate::store::Scope;
use crate::store::facts::{BEGIN, END, Found};

/// Places that a search finds, at most.
const MOST_FOUND: u32 = 50;

/// Bytes of what is searched for.
const MOST_WORDS: usize = 200;

/// Earlier chats of one customer, at most.
const MOST_EARLIER: u32 = 20;

/// What is searched for.
#[derive(Deserialize, IntoParams)]
pub struct Words {
    /// Words, each of which must be there, or be the beginning of one that is.
    q: String,
}

/// A place that a search has found.
#[derive(Serialize, ToSchema)]
pub struct Place {
    /// The chat.
    chat: Card,
    /// The number of the entry; 0 for what came along from another server.
    seq: u64,
    /// The words around it, in parts.
    excerpt: Vec<Part>,
}

/// A part of an excerpt.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct Part {
    /// The text.
    text: String,
    /// Whether it is what was searched for.
    found: bool,
}

/// A chat in a list.
#[derive(Serialize, ToSchema)]
pub struct Card {
    /// Its id.
    id: String,
    /// The area, by name.
    area: String,
    /// The customer's name, if known.
    name: String,
    /// The subject, if known.
    subject: String,
    /// When it came, in milliseconds since 1970.
    since: u64,
    /// What came of it.
    disposition: String,
}

/// What is known of a chat's customer beside the chat.
#[derive(Serialize, ToSchema)]
pub struct Known {
    /// The site that says who they are, and has signed it.
    site: Option<String>,
    /// Its own name for the customer.
    subject: Option<String>,
    /// Their earlier chats here, the newest first. Only of a customer whom a site has named.
    earlier: Vec<Card>,
}

impl From<session::Record> for Card {
    fn from(record: session::Record) -> Self {
        let disposition = record.outcome.map(|outcome| outcome.disposition).unwrap_or_default();
        let (name, subject) = (record.customer.name, record.customer.subject);
        Self {
            id: record.id.to_string(),
            area: record.area,
            name,
            subject,
            since: record.since.0,
            disposition,
        }
    }
}

/// Search in chats that are over: in those that one has had; supervisors and keys in all.
#[utoipa::path(get, path = "/api/v1/search", tag = "chats", security(("session" = []), ("key" = [])), params(Words),
    responses((status = 200, body = Vec<Place>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn search(
    State(app): State<App>,
    caller: Caller,
    Asked(Words { q }): Asked<Words>,
) -> Result<Json<Vec<Place>>, Problem> {
    caller.may_read(Scope::Chats)?;
    if q.trim().is_empty() || q.len() > MOST_WORDS || q.contains('\0') {
        return Err(Problem::wrong(format!("`q`: some words, of {MOST_WORDS} bytes at most")));
    }
    let found = app.gateway.store.search(&q, caller.only_own(), MOST_FOUND).await?;
    Ok(Json(found.into_iter().filter_map(place).collect()))
}

fn place(found: Found) -> Option<Place> {
    let record: session::Record = serde_json::from_str(&found.record).ok()?;
    Some(Place { chat: record.into(), seq: found.seq, excerpt: parts(&found.excerpt) })
}

fn parts(excerpt: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (at, piece) in excerpt.split([BEGIN, END]).enumerate() {
        if !piece.is_empty() {
            parts.push(Part { text: piece.into(), found: at % 2 == 1 });
        }
    }
    parts
}

/// Who the customer of an open chat is, and what they asked before: for its agent, and for supervisors.
#[utoipa::path(get, path = "/api/v1/chats/{id}/customer", tag = "chats", security(("session" = []), ("key" = [])),
    params(("id" = String, Path, description = "The chat: 32 hexadecimal digits")),
    responses((status = 200, body = Known), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn customer(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Known>, Problem> {
    caller.may_read(Scope::Chats)?;
    let absent = || Problem::absent("there is no such chat, or it is not yours");
    let chat: ChatId = id.parse().map_err(|_| absent())?;
    if !app.gateway.chat(chat).await? || !may_see(&app, &caller, chat) {
        return Err(absent());
    }
    let verified = app.gateway.verified(chat);
    let Some(Identity { site, subject, .. }) = verified else {
        return Ok(Json(Known { site: None, subject: None, earlier: Vec::new() }));
    };
    let rows = app.gateway.store.chats_of_visitor(&site, &subject, MOST_EARLIER).await?;
    let records = rows.iter().filter_map(|row| serde_json::from_str::<session::Record>(row).ok());
    let earlier = records.filter(|record| record.id != chat).map(Card::from).collect();
    Ok(Json(Known { site: Some(site), subject: Some(subject), earlier }))
}

fn may_see(app: &App, caller: &Caller, chat: ChatId) -> bool {
    let has = |login: &str| app.gateway.with_queue(|queue| queue.chats_of(login).contains(&chat));
    caller.only_own().is_none_or(|login| has(login) || app.gateway.has_served(login, chat))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_says_what_was_found() {
        let part = |text: &str, found| Part { text: text.into(), found };
        assert_eq!(
            parts("My \u{2}stove\u{3} leaks"),
            [part("My ", false), part("stove", true), part(" leaks", false)]
        );
        assert_eq!(parts("\u{2}a\u{3}"), [part("a", true)]);
        assert_eq!(parts(""), []);
    }
}
