//! Uploads.

use baton_protocol::model::DocumentCard;
use baton_protocol::{ChatId, TransferId};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{from_json, number, to_json};
use crate::store::{UploadLimit, UploadRow};

/// The column that an agent's uploads have their name in; a customer's have nothing.
fn agent(by: Option<&str>) -> &str {
    by.unwrap_or_default()
}

pub(super) fn put(db: &Connection, row: &UploadRow, most: UploadLimit) -> rusqlite::Result<bool> {
    let UploadRow { chat, by, card, at } = row;
    // The same bytes again, perhaps by another name.
    let again = "UPDATE upload SET card = ?4 WHERE chat = ?1 AND sha256 = ?2 AND agent = ?3";
    let members = params![chat.0, card.sha256, agent(by.as_deref()), to_json(card)?];
    if db.prepare_cached(again)?.execute(members)? > 0 {
        return Ok(true);
    }
    let sum = "SELECT count(*), coalesce(sum(size), 0) FROM upload WHERE chat = ?1";
    let (count, bytes): (i64, i64) =
        db.prepare_cached(sum)?.query_row([chat.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let size = number(card.size);
    if count >= number(most.count) || bytes.saturating_add(size) > number(most.bytes) {
        return Ok(false);
    }
    let sql = "INSERT INTO upload (chat, sha256, agent, at, size, card) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (agent, at, json) = (agent(by.as_deref()), number(at.0), to_json(card)?);
    db.prepare_cached(sql)?.execute(params![chat.0, card.sha256, agent, at, size, json])?;
    Ok(true)
}

pub(super) fn find(
    db: &Connection,
    chat: ChatId,
    by: Option<&str>,
    sha256: &str,
) -> rusqlite::Result<Option<DocumentCard>> {
    let sql = "SELECT card FROM upload WHERE chat = ?1 AND sha256 = ?2 AND agent = ?3";
    let key = params![chat.0, sha256, agent(by)];
    db.prepare_cached(sql)?.query_row(key, |row| from_json(row, 0)).optional()
}

pub(super) fn chat_by_transfer(db: &Connection, transfer: TransferId) -> rusqlite::Result<Option<ChatId>> {
    let sql = "SELECT id FROM chat WHERE json_extract(record, '$.outgoing.Settled.attempt.transfer') = ?1";
    let found = db.prepare_cached(sql)?.query_row([transfer.to_string()], |row| row.get(0).map(ChatId));
    found.optional()
}
