//! Rows to values and back.

use std::sync::Arc;

use baton_protocol::model::Entry;
use baton_protocol::{ChatId, SecretDigest, TransferId};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{ChatRow, IncomingRow, StoredChat};

/// What [`incoming_row`] reads.
pub(super) const INCOMING: &str = "SELECT peer, transfer, version, wtid, open, record FROM incoming";

/// SQLite's integers have a sign. Versions, numbers and times stay far below half of the range.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|value| u64::try_from(value).unwrap_or(0))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

/// What was said in a chat, in order.
pub(super) fn entries(db: &Connection, chat: ChatId) -> rusqlite::Result<Vec<Arc<Entry>>> {
    let mut sql = db.prepare_cached("SELECT entries FROM talk WHERE chat = ?1 ORDER BY first")?;
    let mut rows = sql.query([chat.0])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.extend(from_json::<Vec<Entry>>(row, 0)?.into_iter().map(Arc::new));
    }
    Ok(all)
}

pub(super) fn incoming_row(row: &Row<'_>) -> rusqlite::Result<IncomingRow> {
    Ok(IncomingRow {
        peer: row.get(0)?,
        transfer: TransferId(row.get(1)?),
        version: unsigned(row, 2)?,
        wtid: SecretDigest(row.get(3)?),
        open: row.get(4)?,
        json: row.get(5)?,
    })
}

pub(super) fn stored_chat(db: &Connection, id: ChatId) -> rusqlite::Result<Option<StoredChat>> {
    // One transaction, so that row and entries are of the same moment.
    chat_within(&*db.unchecked_transaction()?, id)
}

/// The same within a transaction that there is.
pub(super) fn chat_within(moment: &Connection, id: ChatId) -> rusqlite::Result<Option<StoredChat>> {
    let sql = "SELECT version, token, open, record, context FROM chat WHERE id = ?1";
    let found = moment.prepare_cached(sql)?.query_row([id.0], |row| {
        let (version, token) = (unsigned(row, 0)?, SecretDigest(row.get(1)?));
        let chat = ChatRow { id, version, token, open: row.get(2)?, json: row.get(3)? };
        Ok((chat, row.get(4)?))
    });
    let Some((row, context)) = found.optional()? else { return Ok(None) };
    Ok(Some(StoredChat { row, context, entries: entries(moment, id)? }))
}
