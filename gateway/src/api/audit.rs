//! The audit: transfers, rescues, erasures, and what administrators changed.

use axum::Json;
use axum::extract::State;
use baton_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::problem::{Asked, Problem};
use crate::edge::http::App;
use crate::store::Scope;

/// Records of one answer, at most.
const MOST: u32 = 1_000;

/// Which records.
#[derive(Deserialize, IntoParams)]
pub struct Which {
    /// Only those before this time, in milliseconds since 1970.
    before: Option<u64>,
    /// So many at most, up to 1,000; 100 without it.
    most: Option<u32>,
    /// Only what was changed by administrators.
    #[serde(default)]
    changes: bool,
}

/// A record. Never what was said.
#[derive(Serialize, ToSchema)]
pub struct Record {
    /// When, in milliseconds since 1970.
    at: u64,
    /// Who.
    who: String,
    /// What it is about: where a transfer went, what was changed.
    what: String,
    /// What happened, in a word.
    step: String,
    /// More about it.
    detail: String,
    /// The chat, if it is about one.
    chat: Option<String>,
    /// The transfer, if it is about one.
    transfer: Option<String>,
}

/// What the audit has, the newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", security(("session" = []), ("key" = [])), params(Which),
    responses((status = 200, body = Vec<Record>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<Vec<Record>>, Problem> {
    caller.may_read(Scope::Audit)?;
    let before = which.before.map_or(Timestamp(u64::MAX), Timestamp);
    let most = which.most.unwrap_or(100).min(MOST);
    let records = app.gateway.store.audit_before(before, most, which.changes).await?;
    let shown = |record: baton_core::audit::Record| Record {
        at: record.at.0,
        step: record.step.name().into(),
        detail: record.step.detail(),
        who: record.agent,
        what: record.to,
        chat: record.chat.map(|chat| chat.to_string()),
        transfer: record.transfer.map(|transfer| transfer.to_string()),
    };
    Ok(Json(records.into_iter().map(shown).collect()))
}
