//! Full-text search, and what reports are made of. Nothing here is on the way of a message: chats are indexed when
//! they are over, a few at a time.

use baton_core::session;
use baton_protocol::{ChatId, Timestamp};
use rusqlite::{Connection, params};
use serde::Deserialize;

use super::rows::{chat_within, entries, from_json, number};
use crate::store::facts::{BEGIN, END, Facts, Found, searched};

/// Words around what was found.
const AROUND: u32 = 24;

/// Chats that are over and not indexed.
pub(super) fn unindexed(db: &Connection, most: u32) -> rusqlite::Result<Vec<ChatId>> {
    let sql = "SELECT id FROM chat WHERE NOT open AND id NOT IN (SELECT chat FROM search_chat) LIMIT ?1";
    db.prepare_cached(sql)?.query_map([most], |row| row.get(0).map(ChatId))?.collect()
}

/// Indexes a chat, unless it is indexed, open or gone.
pub(super) fn index(db: &Connection, chat: ChatId) -> rusqlite::Result<()> {
    let Some(stored) = chat_within(db, chat)?.filter(|stored| !stored.row.open) else { return Ok(()) };
    if db.execute("INSERT OR IGNORE INTO search_chat (chat) VALUES (?1)", [chat.0])? == 0 {
        return Ok(());
    }
    let mut insert = db.prepare_cached("INSERT INTO search (text, chat, seq) VALUES (?1, ?2, ?3)")?;
    let mut place = db.prepare_cached("INSERT INTO search_row (chat, id) VALUES (?1, ?2)")?;
    let mut add = |text: &str, seq: u64| {
        let id = insert.insert(params![text, chat.0, number(seq)])?;
        place.execute(params![chat.0, id]).map(drop)
    };
    let context =
        stored.context.and_then(|json| serde_json::from_str::<Came>(&json).ok()).unwrap_or_default();
    for line in context.transcript {
        add(&line.text, 0)?;
    }
    for entry in &stored.entries {
        if let Some(text) = searched(&entry.body) {
            add(text, entry.seq)?;
        }
    }
    Ok(())
}

/// What is read of a context.
#[derive(Default, Deserialize)]
struct Came {
    transcript: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    text: String,
}

/// Takes a chat out of the index.
pub(super) fn forget(db: &Connection, chat: ChatId) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM search WHERE rowid IN (SELECT id FROM search_row WHERE chat = ?1)",
        "DELETE FROM search_row WHERE chat = ?1",
        "DELETE FROM search_chat WHERE chat = ?1",
    ] {
        db.prepare_cached(sql)?.execute([chat.0])?;
    }
    Ok(())
}

/// What fits every word, the best first: in chats that this agent has had, or in all.
pub(super) fn find(
    db: &Connection,
    words: &str,
    served: Option<&str>,
    most: u32,
) -> rusqlite::Result<Vec<Found>> {
    // Each word as it stands, and as the beginning of a longer one: nothing in it is an operator.
    let words = words.split_whitespace().map(|word| format!("\"{}\"*", word.replace('"', "\"\"")));
    let wanted = words.collect::<Vec<_>>().join(" ");
    let sql = "SELECT chat.id, search.seq, snippet(search, 0, ?4, ?5, '…', ?6), chat.record \
               FROM search JOIN chat ON chat.id = search.chat WHERE search MATCH ?1 AND (?2 IS NULL OR EXISTS \
               (SELECT 1 FROM json_each(chat.record, '$.served') WHERE value = ?2)) ORDER BY search.rank LIMIT ?3";
    let (begin, end) = (BEGIN.to_string(), END.to_string());
    let found = |row: &rusqlite::Row<'_>| {
        let seq = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
        Ok(Found { chat: ChatId(row.get(0)?), seq, excerpt: row.get(2)?, record: row.get(3)? })
    };
    db.prepare_cached(sql)?.query_map(params![wanted, served, most, begin, end, AROUND], found)?.collect()
}

/// Chats of a customer whom a site has named, the newest first.
pub(super) fn of_visitor(
    db: &Connection,
    site: &str,
    subject: &str,
    most: u32,
) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT record FROM chat WHERE json_extract(record, '$.visitor.verified.site') = ?1 \
               AND json_extract(record, '$.visitor.verified.subject') = ?2 \
               ORDER BY json_extract(record, '$.since') DESC LIMIT ?3";
    db.prepare_cached(sql)?.query_map(params![site, subject, most], |row| row.get(0))?.collect()
}

/// The facts of chats that came between two times.
pub(super) fn facts(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    most: u32,
) -> rusqlite::Result<Vec<Facts>> {
    let sql = "SELECT id, record, NOT open FROM chat WHERE json_extract(record, '$.since') >= ?1 \
               AND json_extract(record, '$.since') < ?2 ORDER BY json_extract(record, '$.since') LIMIT ?3";
    let mut chats = db.prepare_cached(sql)?;
    let mut rows = chats.query(params![number(from.0), number(to.0), most])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, record): (_, session::Record) = (ChatId(row.get(0)?), from_json(row, 1)?);
        let mut facts = Facts::of(&record, row.get(2)?);
        entries(db, id)?.iter().for_each(|entry| facts.entry(entry));
        all.push(facts);
    }
    Ok(all)
}
