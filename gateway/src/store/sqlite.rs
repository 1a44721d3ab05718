//! SQLite: one file, one writer with group commit, readers beside it.
//!
//! The writer takes everything that waits into one transaction, so that the number of times the disk is asked to
//! sync does not grow with the load. Each batch stands in a savepoint of its own: one that conflicts is undone by
//! itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use baton_protocol::model::{Author, Body, Entry};
use baton_protocol::{ChatId, MessageId, SecretDigest, Timestamp, TransferId};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{AgentRow, Answer, Batch, ChatRow, IncomingRow, Op, PeerRow, Store, StoreError, StoredChat};

/// Batches that may wait. At a thousand batches a commit this is a few seconds of work; more waiting means that
/// the disk has stopped.
const MAX_WAITING: usize = 16_384;

/// Batches in one transaction: enough to spread a sync over many, few enough to keep the answer quick.
const MAX_TOGETHER: usize = 4_096;

/// How long a command line tool and the server wait for each other's transaction.
const BUSY: Duration = Duration::from_secs(5);

/// The schema, one step a version. `user_version` counts the steps taken: SQLite's own mechanism, which a
/// migration library would only repeat.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// See the module.
pub struct SqliteStore {
    writer: SyncSender<Batch>,
    reader: Arc<Mutex<Connection>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the file, creates it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer version of this program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = connect(path)?;
        migrate(&writer)?;
        let reader = Arc::new(Mutex::new(connect(path)?));
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("baton-store".into())
            .spawn(move || write(writer, &receiver))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { writer: sender, reader, thread: Some(thread) })
    }

    /// Runs a question beside the writer, where blocking is allowed.
    fn ask<'a, T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'a, T> {
        let reader = self.reader.clone();
        Box::pin(async move {
            let answer = tokio::task::spawn_blocking(move || question(&reader.lock())).await;
            answer.map_err(|error| StoreError::Failed(error.to_string()))?.map_err(failed)
        })
    }

    fn records<T: DeserializeOwned + Send + 'static>(&self, sql: &'static str) -> Answer<'_, Vec<T>> {
        self.ask(move |db| db.prepare_cached(sql)?.query_map([], |row| from_json(row, 0))?.collect())
    }
}

impl Drop for SqliteStore {
    /// Waits until everything that was handed over is stored.
    fn drop(&mut self) {
        let (closed, _) = sync_channel(0);
        drop(std::mem::replace(&mut self.writer, closed));
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so already.
            let _ = thread.join();
        }
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // An acknowledgement means stored: every commit is synced.
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", "ON")?;
        Ok(db)
    };
    open().map_err(|error| StoreError::Failed(format!("{}: {error}", path.display())))
}

fn migrate(db: &Connection) -> Result<(), StoreError> {
    let version: u32 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let version = version as usize;
    if version > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        let text = format!("the database is of version {version}, this program knows up to {known}: use a newer one");
        return Err(StoreError::Failed(text));
    }
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(version) {
        let all = format!("BEGIN IMMEDIATE; {sql}; PRAGMA user_version = {}; COMMIT;", step + 1);
        db.execute_batch(&all).map_err(failed)?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "a parameter of map_err")]
fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// The writer's thread: until every sender is gone.
fn write(mut db: Connection, batches: &Receiver<Batch>) {
    while let Ok(first) = batches.recv() {
        let mut together = vec![first];
        together.extend(batches.try_iter().take(MAX_TOGETHER - 1));
        let results = store(&mut db, &together);
        for (batch, result) in together.into_iter().zip(results) {
            (batch.done)(result);
        }
    }
}

/// Stores the batches in one transaction; one result each.
fn store(db: &mut Connection, batches: &[Batch]) -> Vec<Result<(), StoreError>> {
    if batches.iter().all(|batch| batch.ops.is_empty()) {
        return batches.iter().map(|_| Ok(())).collect();
    }
    let mut transaction = || -> rusqlite::Result<Vec<Result<(), StoreError>>> {
        let mut transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut results = Vec::with_capacity(batches.len());
        for batch in batches {
            let savepoint = transaction.savepoint()?;
            let result = batch.ops.iter().try_for_each(|op| apply(&savepoint, op));
            match result {
                Ok(()) => savepoint.commit()?,
                Err(_) => drop(savepoint),
            }
            results.push(result);
        }
        transaction.commit()?;
        Ok(results)
    };
    transaction().unwrap_or_else(|error| {
        let text = error.to_string();
        batches.iter().map(|_| Err(StoreError::Failed(text.clone()))).collect()
    })
}

fn apply(db: &Connection, op: &Op) -> Result<(), StoreError> {
    let changed = match op {
        Op::SaveChat(row) => save_chat(db, row),
        Op::SaveIncoming(row) => save_incoming(db, row),
        Op::SaveContext { chat, json } => db
            .prepare_cached("UPDATE chat SET context = ?2 WHERE id = ?1")
            .and_then(|mut sql| sql.execute(params![chat.0, json])),
        Op::Append { chat, entry } => append(db, *chat, entry),
    };
    match changed {
        Ok(1) => Ok(()),
        Ok(_) => Err(StoreError::Conflict),
        Err(rusqlite::Error::SqliteFailure(error, _))
            if error.code == rusqlite::ErrorCode::ConstraintViolation =>
        {
            Err(StoreError::Conflict)
        }
        Err(error) => Err(failed(error)),
    }
}

fn save_chat(db: &Connection, row: &ChatRow) -> rusqlite::Result<usize> {
    let ChatRow { id, version, token, open, json } = row;
    if *version == 0 {
        let sql = "INSERT INTO chat (id, version, token, open, record) VALUES (?1, 1, ?2, ?3, ?4)";
        return db.prepare_cached(sql)?.execute(params![id.0, token.0, open, json]);
    }
    let sql = "UPDATE chat SET version = version + 1, token = ?3, open = ?4, record = ?5 \
               WHERE id = ?1 AND version = ?2";
    db.prepare_cached(sql)?.execute(params![id.0, number(*version), token.0, open, json])
}

fn save_incoming(db: &Connection, row: &IncomingRow) -> rusqlite::Result<usize> {
    let IncomingRow { peer, transfer, version, wtid, open, json } = row;
    if *version == 0 {
        let sql = "INSERT INTO incoming (peer, transfer, version, wtid, open, record) \
                   VALUES (?1, ?2, 1, ?3, ?4, ?5)";
        return db.prepare_cached(sql)?.execute(params![peer, transfer.0, wtid.0, open, json]);
    }
    let sql = "UPDATE incoming SET version = version + 1, wtid = ?4, open = ?5, record = ?6 \
               WHERE peer = ?1 AND transfer = ?2 AND version = ?3";
    db.prepare_cached(sql)?.execute(params![peer, transfer.0, number(*version), wtid.0, open, json])
}

fn append(db: &Connection, chat: ChatId, entry: &Entry) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO entry (chat, seq, at, id, author, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (author, body) = (to_json(&entry.author)?, to_json(&entry.body)?);
    db.prepare_cached(sql)?.execute(params![
        chat.0,
        number(entry.seq),
        number(entry.at.0),
        entry.id.0,
        author,
        body
    ])
}

/// SQLite's integers have a sign. Versions, numbers and times stay far below half of the range.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|value| u64::try_from(value).unwrap_or(0))
}

fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let (author, body): (Author, Body) = (from_json(row, 3)?, from_json(row, 4)?);
    let (seq, at) = (unsigned(row, 0)?, Timestamp(unsigned(row, 1)?));
    Ok(Entry { seq, at, id: MessageId(row.get(2)?), author, body })
}

fn incoming_row(row: &Row<'_>) -> rusqlite::Result<IncomingRow> {
    Ok(IncomingRow {
        peer: row.get(0)?,
        transfer: TransferId(row.get(1)?),
        version: unsigned(row, 2)?,
        wtid: SecretDigest(row.get(3)?),
        open: row.get(4)?,
        json: row.get(5)?,
    })
}

const INCOMING: &str = "SELECT peer, transfer, version, wtid, open, record FROM incoming";

fn stored_chat(db: &Connection, id: ChatId) -> rusqlite::Result<Option<StoredChat>> {
    let sql = "SELECT version, token, open, record, context FROM chat WHERE id = ?1";
    let found = db.prepare_cached(sql)?.query_row([id.0], |row| {
        let (version, token) = (unsigned(row, 0)?, SecretDigest(row.get(1)?));
        let chat = ChatRow { id, version, token, open: row.get(2)?, json: row.get(3)? };
        Ok((chat, row.get(4)?))
    });
    let Some((row, context)) = found.optional()? else { return Ok(None) };
    let sql = "SELECT seq, at, id, author, body FROM entry WHERE chat = ?1 ORDER BY seq";
    let entries = db.prepare_cached(sql)?.query_map([id.0], entry)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(StoredChat { row, context, entries }))
}

impl Store for SqliteStore {
    fn commit(&self, batch: Batch) -> Result<(), Batch> {
        self.writer.try_send(batch).map_err(|error| match error {
            TrySendError::Full(batch) | TrySendError::Disconnected(batch) => batch,
        })
    }

    fn chat(&self, id: ChatId) -> Answer<'_, Option<StoredChat>> {
        self.ask(move |db| {
            // One transaction, so that row and entries are of the same moment.
            let moment = db.unchecked_transaction()?;
            stored_chat(&moment, id)
        })
    }

    fn chat_by_token(&self, token: SecretDigest) -> Answer<'_, Option<ChatId>> {
        self.ask(move |db| {
            let mut sql = db.prepare_cached("SELECT id FROM chat WHERE token = ?1")?;
            sql.query_row([token.0], |row| row.get(0).map(ChatId)).optional()
        })
    }

    fn open_chats(&self) -> Answer<'_, Vec<ChatId>> {
        self.ask(|db| {
            let mut sql = db.prepare_cached("SELECT id FROM chat WHERE open")?;
            sql.query_map([], |row| row.get(0).map(ChatId))?.collect()
        })
    }

    fn incoming<'a>(&'a self, peer: &'a str, transfer: TransferId) -> Answer<'a, Option<IncomingRow>> {
        let peer = peer.to_owned();
        self.ask(move |db| {
            let mut sql = db.prepare_cached(&format!("{INCOMING} WHERE peer = ?1 AND transfer = ?2"))?;
            sql.query_row(params![peer, transfer.0], incoming_row).optional()
        })
    }

    fn incoming_by_wtid(&self, wtid: SecretDigest) -> Answer<'_, Option<IncomingRow>> {
        self.ask(move |db| {
            let mut sql = db.prepare_cached(&format!("{INCOMING} WHERE wtid = ?1"))?;
            sql.query_row([wtid.0], incoming_row).optional()
        })
    }

    fn open_incoming(&self) -> Answer<'_, Vec<IncomingRow>> {
        self.ask(|db| db.prepare_cached(&format!("{INCOMING} WHERE open"))?.query_map([], incoming_row)?.collect())
    }

    fn agents(&self) -> Answer<'_, Vec<AgentRow>> {
        self.records("SELECT record FROM agent ORDER BY name")
    }

    fn agent<'a>(&'a self, name: &'a str) -> Answer<'a, Option<AgentRow>> {
        let name = name.to_owned();
        self.ask(move |db| {
            let mut sql = db.prepare_cached("SELECT record FROM agent WHERE name = ?1")?;
            sql.query_row([name], |row| from_json(row, 0)).optional()
        })
    }

    fn put_agent(&self, agent: AgentRow) -> Answer<'_, ()> {
        self.ask(move |db| {
            let json = to_json(&agent)?;
            db.execute("INSERT OR REPLACE INTO agent (name, record) VALUES (?1, ?2)", params![agent.name, json])?;
            Ok(())
        })
    }

    fn put_agent_token<'a>(
        &'a self,
        token: SecretDigest,
        name: &'a str,
        expires: Timestamp,
    ) -> Answer<'a, ()> {
        let name = name.to_owned();
        self.ask(move |db| {
            let sql = "INSERT OR REPLACE INTO agent_token (token, name, expires) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![token.0, name, number(expires.0)])?;
            Ok(())
        })
    }

    fn agent_by_token(&self, token: SecretDigest, now: Timestamp) -> Answer<'_, Option<String>> {
        self.ask(move |db| {
            db.execute("DELETE FROM agent_token WHERE expires <= ?1", [number(now.0)])?;
            let mut sql = db.prepare_cached("SELECT name FROM agent_token WHERE token = ?1")?;
            sql.query_row([token.0], |row| row.get(0)).optional()
        })
    }

    fn peers(&self) -> Answer<'_, Vec<PeerRow>> {
        self.records("SELECT record FROM peer ORDER BY name")
    }

    fn put_peer(&self, peer: PeerRow) -> Answer<'_, ()> {
        self.ask(move |db| {
            let json = to_json(&peer)?;
            db.execute("INSERT OR REPLACE INTO peer (name, record) VALUES (?1, ?2)", params![peer.name, json])?;
            Ok(())
        })
    }

    fn remove_peer<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        let name = name.to_owned();
        self.ask(move |db| Ok(db.execute("DELETE FROM peer WHERE name = ?1", [name])? > 0))
    }

    fn use_once<'a>(&'a self, id: &'a str, expires: Timestamp, now: Timestamp) -> Answer<'a, bool> {
        let id = id.to_owned();
        self.ask(move |db| {
            db.execute("DELETE FROM used WHERE expires <= ?1", [number(now.0)])?;
            let sql = "INSERT OR IGNORE INTO used (id, expires) VALUES (?1, ?2)";
            Ok(db.execute(sql, params![id, number(expires.0)])? == 1)
        })
    }

    fn grant_code<'a>(&'a self, code: SecretDigest, grant: &'a str, expires: Timestamp) -> Answer<'a, ()> {
        let grant = grant.to_owned();
        self.ask(move |db| {
            let sql = "INSERT INTO code (code, permits, expires) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![code.0, grant, number(expires.0)])?;
            Ok(())
        })
    }

    fn redeem_code(
        &self,
        code: SecretDigest,
        transfer: TransferId,
        now: Timestamp,
    ) -> Answer<'_, Option<String>> {
        self.ask(move |db| {
            db.execute("DELETE FROM code WHERE expires <= ?1", [number(now.0)])?;
            // One statement decides who is first, whichever process asks.
            let sql = "UPDATE code SET transfer = ?2 WHERE code = ?1 AND (transfer IS NULL OR transfer = ?2) \
                       RETURNING permits";
            db.prepare_cached(sql)?.query_row(params![code.0, transfer.0], |row| row.get(0)).optional()
        })
    }
}
