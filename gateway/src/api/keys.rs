//! Keys with which programs use the API. A key is shown once, when it is made; what is kept is its digest.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use baton_protocol::{ResumeToken, SecretDigest, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::{Problem, Sent, checked};
use crate::config::rules;
use crate::driver::{now, random};
use crate::edge::http::App;
use crate::hex;
use crate::store::{ApiKey, Change, Scope};

/// What a key begins with, so that whoever finds one somewhere knows what it is.
const PREFIX: &str = "baton_";

/// Keys of one gateway, at most.
const MOST: usize = 1_000;

/// What a key is to be.
#[derive(Deserialize, ToSchema)]
pub struct Wanted {
    /// What it is for.
    pub title: String,
    /// What it opens.
    pub scopes: Vec<Scope>,
    /// Whether it changes things, too.
    #[serde(default)]
    pub writes: bool,
    /// Milliseconds after which it ends; without it, never.
    pub ends_in: Option<u64>,
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
pub struct Key {
    /// What it is called by.
    id: String,
    /// What it is for.
    title: String,
    /// What it opens.
    scopes: Vec<Scope>,
    /// Whether it changes things, too.
    writes: bool,
    /// Who made it.
    made_by: String,
    /// When, in milliseconds since 1970.
    made_at: u64,
    /// When it ends, in milliseconds since 1970; never without it.
    ends_at: Option<u64>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub struct NewKey {
    /// The key.
    key: Key,
    /// Its secret. It is not shown again.
    secret: String,
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, title, scopes, writes, made_by, made_at, ends_at, .. } = key;
        Self { id, title, scopes, writes, made_by, made_at: made_at.0, ends_at: ends_at.map(|end| end.0) }
    }
}

/// A new key, and its secret.
#[must_use]
pub fn make(wanted: Wanted, by: &str, now: Timestamp) -> (ApiKey, String) {
    let secret = ResumeToken::from_bytes(random());
    let id = hex(&random::<4>());
    let Wanted { title, scopes, writes, ends_in } = wanted;
    let (digest, ends_at) = (secret.digest(), ends_in.map(|time| now.plus(time)));
    let key = ApiKey { id, title, digest, scopes, writes, made_by: by.into(), made_at: now, ends_at };
    (key, format!("{PREFIX}{}", secret.reveal()))
}

/// The digest of a secret, if it can be one.
#[must_use]
pub fn digest(secret: &str) -> Option<SecretDigest> {
    let secret: ResumeToken = secret.strip_prefix(PREFIX)?.parse().ok()?;
    Some(secret.digest())
}

/// Every key, without the secrets.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", security(("session" = [])),
    responses((status = 200, body = Vec<Key>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<Key>>, Problem> {
    caller.must_be_admin()?;
    Ok(Json(app.gateway.store.api_keys().await?.into_iter().map(Key::from).collect()))
}

/// Make a key. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", security(("session" = [])), request_body = Wanted,
    responses((status = 201, body = NewKey), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    Sent(wanted): Sent<Wanted>,
) -> Result<(StatusCode, Json<NewKey>), Problem> {
    caller.must_be_admin()?;
    let title = checked("title", rules::label(&wanted.title))?;
    if wanted.scopes.is_empty() {
        return Err(Problem::wrong("`scopes`: a key opens something"));
    }
    if app.gateway.store.api_keys().await?.len() >= MOST {
        return Err(Problem::conflict(format!("there are {MOST} keys already: revoke one")));
    }
    let mut scopes = wanted.scopes;
    scopes.sort_by_key(|scope| *scope as u8);
    scopes.dedup();
    let (key, secret) = make(Wanted { title, scopes, ..wanted }, &caller.name(), now());
    let what = format!("key {} ({})", key.id, key.title);
    caller.change(&app, Change::PutKey(key.clone()), what, "made").await?;
    Ok((StatusCode::CREATED, Json(NewKey { key: key.into(), secret })))
}

/// Make a key worthless, from now on.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys", security(("session" = [])),
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 204, description = "Revoked"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.must_be_admin()?;
    if caller.change(&app, Change::RemoveKey(id.clone()), format!("key {id}"), "revoked").await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::absent(format!("there is no key {id:?}")))
    }
}
