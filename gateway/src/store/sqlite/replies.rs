//! Replies for later use, and chats that are over.

use baton_protocol::MessageId;
use baton_protocol::model::Reply;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::store::ReplyRow;

fn row(row: &Row<'_>) -> rusqlite::Result<ReplyRow> {
    let owner: Option<String> = row.get(1)?;
    let personal = owner.is_some();
    let reply = Reply { id: MessageId(row.get(0)?), shortcut: row.get(2)?, text: row.get(3)?, personal };
    Ok(ReplyRow { owner, reply })
}

pub(super) fn all(db: &Connection) -> rusqlite::Result<Vec<ReplyRow>> {
    let sql = "SELECT id, owner, shortcut, text FROM reply ORDER BY shortcut, id";
    db.prepare_cached(sql)?.query_map([], row)?.collect()
}

pub(super) fn put(db: &Connection, reply: &ReplyRow, most: usize) -> rusqlite::Result<bool> {
    let ReplyRow { owner, reply } = reply;
    let known = db.query_row("SELECT 1 FROM reply WHERE id = ?1", [reply.id.0], |_| Ok(())).optional()?;
    let count: i64 =
        db.query_row("SELECT count(*) FROM reply WHERE owner IS ?1", [owner], |row| row.get(0))?;
    if known.is_none() && usize::try_from(count).is_ok_and(|count| count >= most) {
        return Ok(false);
    }
    let sql = "INSERT OR REPLACE INTO reply (id, owner, shortcut, text) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![reply.id.0, owner, reply.shortcut, reply.text])?;
    Ok(true)
}

pub(super) fn remove(db: &Connection, id: MessageId) -> rusqlite::Result<bool> {
    Ok(db.execute("DELETE FROM reply WHERE id = ?1", [id.0])? > 0)
}

pub(super) fn closed_chats(
    db: &Connection,
    served: Option<&str>,
    most: u32,
) -> rusqlite::Result<Vec<String>> {
    // The index gives the order; whose they are is looked up in each.
    let sql = "SELECT record FROM chat WHERE NOT open AND (?1 IS NULL OR EXISTS \
               (SELECT 1 FROM json_each(record, '$.served') WHERE value = ?1)) \
               ORDER BY json_extract(record, '$.since') DESC LIMIT ?2";
    db.prepare_cached(sql)?.query_map(params![served, most], |row| row.get(0))?.collect()
}
