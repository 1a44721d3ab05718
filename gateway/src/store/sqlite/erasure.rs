//! Erasures: their records, the tombstones, and the removal itself.

use baton_core::erase::{Record, Thing};
use baton_protocol::federation::Erased;
use baton_protocol::{ChatId, ErasureId, TransferId};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::to_json;
use crate::store::tombstones;

pub(super) fn save(db: &Connection, open: bool, record: &Record) -> rusqlite::Result<usize> {
    for name in tombstones(record) {
        let sql = "INSERT OR REPLACE INTO tombstone (name, erasure) VALUES (?1, ?2)";
        db.prepare_cached(sql)?.execute(params![name, record.id.0])?;
    }
    let sql = "INSERT OR REPLACE INTO erasure (id, open, record) VALUES (?1, ?2, ?3)";
    db.prepare_cached(sql)?.execute(params![record.id.0, open, to_json(record)?])
}

pub(super) fn of(db: &Connection, name: &str) -> rusqlite::Result<Option<ErasureId>> {
    let sql = "SELECT erasure FROM tombstone WHERE name = ?1";
    db.prepare_cached(sql)?.query_row([name], |row| row.get(0).map(ErasureId)).optional()
}

/// A look through everything: it is seldom asked for, and an index of addresses would cost every message.
pub(super) fn things_of(db: &Connection, email: &str) -> rusqlite::Result<Vec<Thing>> {
    let sql = "SELECT id FROM chat WHERE lower(json_extract(record, '$.customer.email')) = lower(?1) \
               OR lower(json_extract(context, '$.customer.email')) = lower(?1)";
    let mut things = db
        .prepare(sql)?
        .query_map([email], |row| row.get(0).map(|id| Thing::Chat(ChatId(id))))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let sql = "SELECT peer, transfer FROM incoming \
               WHERE lower(json_extract(record, '$.context.customer.email')) = lower(?1)";
    let incoming = db
        .prepare(sql)?
        .query_map([email], |row| Ok(Thing::Incoming(row.get(0)?, TransferId(row.get(1)?))))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    things.extend(incoming);
    Ok(things)
}

/// Chats of this server that have to do with a transfer from or to that peer, as the audit knows.
pub(super) fn chats_about(
    db: &Connection,
    peer: &str,
    transfer: TransferId,
) -> rusqlite::Result<Vec<ChatId>> {
    let sql = "SELECT DISTINCT chat FROM audit WHERE transfer = ?1 AND peer = ?2 AND chat IS NOT NULL";
    let mut sql = db.prepare_cached(sql)?;
    sql.query_map(params![transfer.0, peer], |row| row.get(0).map(ChatId))?.collect()
}

/// Transfers to other servers by which something of a chat was sent, as the audit knows.
pub(super) fn sent(db: &Connection, chat: ChatId) -> rusqlite::Result<Vec<(String, TransferId)>> {
    let sql = "SELECT DISTINCT peer, transfer FROM audit \
               WHERE chat = ?1 AND step = 'sent' AND peer IS NOT NULL AND length(transfer) = 16";
    let mut sql = db.prepare_cached(sql)?;
    sql.query_map([chat.0], |row| Ok((row.get(0)?, TransferId(row.get(1)?))))?.collect()
}

/// How many entries a chat has.
const ENTRIES: &str = "SELECT ifnull(sum(json_array_length(entries)), 0) FROM talk WHERE chat = ?1";

/// How much there is.
pub(super) fn amount(db: &Connection, things: &[Thing]) -> rusqlite::Result<Erased> {
    let mut amount = Erased::default();
    let count = |sql: &str, chat: ChatId| -> rusqlite::Result<u64> {
        let count: i64 = db.prepare_cached(sql)?.query_row([chat.0], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    for thing in things {
        match thing {
            Thing::Chat(chat) => {
                amount.chats += count("SELECT count(*) FROM chat WHERE id = ?1", *chat)?;
                amount.entries += count(ENTRIES, *chat)?;
                amount.contexts += count("SELECT count(context) FROM chat WHERE id = ?1", *chat)?;
            }
            Thing::Incoming(peer, transfer) => {
                let sql = "SELECT 1 FROM incoming WHERE peer = ?1 AND transfer = ?2";
                amount.contexts += u64::from(db.prepare_cached(sql)?.exists(params![peer, transfer.0])?);
            }
        }
    }
    Ok(amount)
}

/// Removes it. What was there is overwritten, since the connection deletes securely.
pub(super) fn wipe(db: &Connection, things: &[Thing]) -> rusqlite::Result<Erased> {
    let amount = amount(db, things)?;
    for thing in things {
        match thing {
            Thing::Chat(chat) => {
                super::search::forget(db, *chat)?;
                for sql in [
                    "DELETE FROM talk WHERE chat = ?1",
                    "DELETE FROM upload WHERE chat = ?1",
                    "DELETE FROM chat WHERE id = ?1",
                ] {
                    db.prepare_cached(sql)?.execute([chat.0])?;
                }
            }
            Thing::Incoming(peer, transfer) => {
                let sql = "DELETE FROM incoming WHERE peer = ?1 AND transfer = ?2";
                db.prepare_cached(sql)?.execute(params![peer, transfer.0])?;
            }
        }
    }
    Ok(amount)
}
