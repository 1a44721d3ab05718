//! The company's replies for later use. Agents' own are theirs alone.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use baton_protocol::MessageId;
use baton_protocol::limits::MAX_REPLIES;
use baton_protocol::model::Reply as Kept;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::{Problem, Sent};
use crate::driver::supervise::fits;
use crate::edge::http::App;
use crate::store::{Change, ReplyRow, Scope};

/// A reply for later use. `{name}`, `{agent}` and `{company}` in it are filled in.
#[derive(Serialize, ToSchema)]
pub struct Reply {
    /// Its id: 32 hexadecimal digits.
    id: String,
    /// The word by which it is found, after `/`.
    shortcut: String,
    /// The text.
    text: String,
}

/// What a reply is to be.
#[derive(Deserialize, ToSchema)]
pub struct NewReply {
    /// The word by which it is found, after `/`.
    shortcut: String,
    /// The text.
    text: String,
}

/// Every reply of the company's.
#[utoipa::path(get, path = "/api/v1/replies", tag = "replies", security(("session" = []), ("key" = [])),
    responses((status = 200, body = Vec<Reply>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<Reply>>, Problem> {
    caller.may_read(Scope::Replies)?;
    let rows = app.gateway.store.replies().await?.into_iter().filter(|row| row.owner.is_none());
    let shown = |row: ReplyRow| Reply {
        id: row.reply.id.to_string(),
        shortcut: row.reply.shortcut,
        text: row.reply.text,
    };
    Ok(Json(rows.map(shown).collect()))
}

/// Keep a reply for everybody, or change one.
#[utoipa::path(put, path = "/api/v1/replies/{id}", tag = "replies", security(("session" = []), ("key" = [])),
    params(("id" = String, Path, description = "32 hexadecimal digits, made by whoever writes it first")),
    request_body = NewReply,
    responses((status = 204, description = "Kept"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Sent(NewReply { shortcut, text }): Sent<NewReply>,
) -> Result<StatusCode, Problem> {
    caller.may_change(Scope::Replies)?;
    let id = id_of(&app, &id).await?;
    let reply = Kept { id, shortcut, text, personal: false };
    if !fits(&reply) {
        return Err(Problem::wrong(
            "a reply has a word without spaces or slashes, and some text, not too much of it",
        ));
    }
    let what = format!("reply /{}", reply.shortcut);
    let kept = caller
        .change(&app, Change::PutReply(ReplyRow { owner: None, reply }, MAX_REPLIES), what, "kept")
        .await?;
    if !kept {
        return Err(Problem::conflict(format!("there are {MAX_REPLIES} replies already")));
    }
    app.gateway.send_replies_to_all().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a reply.
#[utoipa::path(delete, path = "/api/v1/replies/{id}", tag = "replies", security(("session" = []), ("key" = [])),
    params(("id" = String, Path, description = "32 hexadecimal digits")),
    responses((status = 204, description = "Forgotten"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may_change(Scope::Replies)?;
    let id = id_of(&app, &id).await?;
    if !caller.change(&app, Change::RemoveReply(id), format!("reply {id}"), "forgotten").await? {
        return Err(Problem::absent("there is no such reply"));
    }
    app.gateway.send_replies_to_all().await;
    Ok(StatusCode::NO_CONTENT)
}

/// An id that is nobody's own: what is an agent's is no concern of anybody else's, and does not show.
async fn id_of(app: &App, id: &str) -> Result<MessageId, Problem> {
    let id: MessageId = id.parse().map_err(|_| Problem::wrong("an id has 32 hexadecimal digits"))?;
    let rows = app.gateway.store.replies().await?;
    if rows.iter().any(|row| row.reply.id == id && row.owner.is_some()) {
        return Err(Problem::absent("there is no such reply"));
    }
    Ok(id)
}
