//! SQLite: one file, one writer with group commit ([`writer`]), readers beside it.

mod administer;
mod erasure;
mod replies;
mod rows;
mod search;
mod uploads;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use baton_core::audit;
use baton_core::erase::{self, Thing};
use baton_protocol::federation::Erased;
use baton_protocol::model::{DocumentCard, Presence};
use baton_protocol::{ChatId, ErasureId, MessageId, SecretDigest, Timestamp, TransferId};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::de::DeserializeOwned;

use super::facts::{Facts, Found};
use super::{
    AgentRow, Answer, ApiKey, Batch, Change, IncomingRow, PeerRow, ReplyRow, Store, StoreError, StoredChat,
    UploadLimit, UploadRow, tombstone,
};
use rows::{INCOMING, from_json, incoming_row, number, stored_chat};
use writer::Writer;

/// How long a command line tool and the server wait for each other's transaction.
const BUSY: Duration = Duration::from_secs(5);

/// Connections that read. A read takes microseconds; a few spare a long transcript's reader the others' wait.
const READERS: usize = 4;

/// KiB of pages that the writer keeps. The newest page of each chat at work, and of the index beside it, is written to
/// again and again; what falls out is read again for it. Negative: KiB, as SQLite has it.
const WRITER_CACHE: i32 = -64 * 1024;

/// Pages in the log after which it is moved into the file, 64 MiB: pages that many commits change are moved once.
const CHECKPOINT: i32 = 16_384;

/// How long before the expiry of the newest token an older one must have expired to be removed, in milliseconds. Two
/// days: tokens last for a working day.
const KEEP_TOKENS: u64 = 2 * 24 * 60 * 60 * 1_000;

/// The schema, one step a version. `user_version` counts the steps taken: SQLite's own mechanism, which a
/// migration library would only repeat.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema-2.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
    include_str!("schema-5.sql"),
    include_str!("schema-6.sql"),
    include_str!("schema-7.sql"),
    include_str!("schema-8.sql"),
    include_str!("schema-9.sql"),
];

/// See the module.
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
}

struct Readers {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
    /// For what takes long, so that nobody who chats waits for it.
    slow: Mutex<Connection>,
}

impl SqliteStore {
    /// Opens the file, creates it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer version of this program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut writer = connect(path)?;
        writer.pragma_update(None, "cache_size", WRITER_CACHE).map_err(failed)?;
        writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT).map_err(failed)?;
        migrate(&mut writer)?;
        let connections = (0..READERS).map(|_| reader(path).map(Mutex::new)).collect::<Result<_, _>>()?;
        let readers =
            Arc::new(Readers { connections, next: AtomicUsize::new(0), slow: Mutex::new(reader(path)?) });
        Ok(Self { writer: Writer::start(writer)?, readers })
    }

    /// Runs a question beside the writer, where blocking is allowed.
    fn ask<'a, T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'a, T> {
        self.ask_one(
            |readers| &readers.connections[readers.next.fetch_add(1, Ordering::Relaxed) % READERS],
            question,
        )
    }

    /// The same for what may take seconds.
    fn ask_slowly<'a, T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'a, T> {
        self.ask_one(|readers| &readers.slow, question)
    }

    fn ask_one<'a, T: Send + 'static>(
        &self,
        choose: fn(&Readers) -> &Mutex<Connection>,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'a, T> {
        let readers = self.readers.clone();
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || question(&choose(&readers).lock()));
            asked.await.map_err(|error| StoreError::Failed(error.to_string()))?.map_err(failed)
        })
    }

    fn records<T: DeserializeOwned + Send + 'static>(&self, sql: &'static str) -> Answer<'_, Vec<T>> {
        self.ask(move |db| db.prepare_cached(sql)?.query_map([], |row| from_json(row, 0))?.collect())
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY)?;
        use_wal(&db)?;
        // What is erased is overwritten, not only forgotten (threat 22).
        db.pragma_update(None, "secure_delete", "ON")?;
        // An acknowledgement means stored: every commit is synced.
        db.pragma_update(None, "synchronous", "FULL")?;
        Ok(db)
    };
    open().map_err(|error| StoreError::Failed(format!("{}: {error}", path.display())))
}

/// Write-ahead log: readers and the writer do not wait for each other. The mode stays in the file, so only the first
/// to open a new one changes it; SQLite does not let another who is just opening it wait, so that one tries again.
fn use_wal(db: &Connection) -> rusqlite::Result<()> {
    let until = Instant::now() + BUSY;
    loop {
        match db.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && Instant::now() < until =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// A connection that cannot write, whatever it is asked.
fn reader(path: &Path) -> Result<Connection, StoreError> {
    let db = connect(path)?;
    db.pragma_update(None, "query_only", "ON").map_err(failed)?;
    Ok(db)
}

fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    // The lock first: a server and a command line tool may open a new file at the same moment.
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let (taken, known) = (usize::try_from(version).unwrap_or(usize::MAX), MIGRATIONS.len());
    let Some(steps) = MIGRATIONS.get(taken..) else {
        let text = format!(
            "the database is of version {version}, this program knows up to {known}: use a newer one"
        );
        return Err(StoreError::Failed(text));
    };
    for (step, sql) in (version + 1..).zip(steps) {
        transaction.execute_batch(sql).map_err(failed)?;
        transaction.pragma_update(None, "user_version", step).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "a parameter of map_err")]
fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::Failed(said(&error))
}

/// What SQLite says, and what an operator can do about it.
fn said(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ": make room on the disk",
        Some(ErrorCode::DatabaseBusy) => ": another program holds the database for too long",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            ": is the data folder this user's, and writable?"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ": restore it from a copy",
        _ => "",
    };
    format!("{error}{advice}")
}

impl Store for SqliteStore {
    fn commit(&self, batch: Batch) -> Result<(), Batch> {
        self.writer.commit(batch)
    }

    fn chat(&self, id: ChatId) -> Answer<'_, Option<StoredChat>> {
        self.ask(move |db| stored_chat(db, id))
    }

    fn chat_by_token(&self, token: SecretDigest) -> Answer<'_, Option<ChatId>> {
        self.ask(move |db| {
            let mut sql = db.prepare_cached("SELECT id FROM chat WHERE token = ?1")?;
            sql.query_row([token.0], |row| row.get(0).map(ChatId)).optional()
        })
    }

    fn chat_by_transfer(&self, transfer: TransferId) -> Answer<'_, Option<ChatId>> {
        self.ask(move |db| uploads::chat_by_transfer(db, transfer))
    }

    fn put_upload(&self, upload: UploadRow, most: UploadLimit) -> Answer<'_, bool> {
        self.writer.change(move |db| uploads::put(db, &upload, most))
    }

    fn upload<'a>(
        &'a self,
        chat: ChatId,
        by: Option<&'a str>,
        sha256: &'a str,
    ) -> Answer<'a, Option<DocumentCard>> {
        let (by, sha256) = (by.map(str::to_owned), sha256.to_owned());
        self.ask(move |db| uploads::find(db, chat, by.as_deref(), &sha256))
    }

    fn replies(&self) -> Answer<'_, Vec<ReplyRow>> {
        self.ask(replies::all)
    }

    fn put_reply(&self, reply: ReplyRow, most: usize) -> Answer<'_, bool> {
        self.writer.change(move |db| replies::put(db, &reply, most))
    }

    fn remove_reply(&self, id: MessageId) -> Answer<'_, bool> {
        self.writer.change(move |db| replies::remove(db, id))
    }

    fn closed_chats<'a>(&'a self, served: Option<&'a str>, most: u32) -> Answer<'a, Vec<String>> {
        let served = served.map(str::to_owned);
        self.ask(move |db| replies::closed_chats(db, served.as_deref(), most))
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
        self.ask(|db| {
            db.prepare_cached(&format!("{INCOMING} WHERE open"))?.query_map([], incoming_row)?.collect()
        })
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
        self.writer.change(move |db| administer::put_agent(db, &agent))
    }

    fn put_agent_token<'a>(
        &'a self,
        token: SecretDigest,
        name: &'a str,
        expires: Timestamp,
    ) -> Answer<'a, ()> {
        let name = name.to_owned();
        self.writer.change(move |db| {
            // Long past, whatever the caller's clock is doing.
            let old = expires.0.saturating_sub(KEEP_TOKENS);
            db.execute("DELETE FROM agent_token WHERE expires <= ?1", [number(old)])?;
            let sql = "INSERT OR REPLACE INTO agent_token (token, name, expires) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![token.0, name, number(expires.0)])?;
            Ok(())
        })
    }

    fn remove_agent_tokens<'a>(&'a self, name: &'a str, one: Option<SecretDigest>) -> Answer<'a, ()> {
        let name = name.to_owned();
        self.writer.change(move |db| administer::remove_tokens(db, &name, one))
    }

    fn set_presence<'a>(&'a self, name: &'a str, presence: Presence) -> Answer<'a, ()> {
        let name = name.to_owned();
        self.writer.change(move |db| administer::set_presence(db, &name, presence))
    }

    fn administer(&self, change: Change, record: audit::Record) -> Answer<'_, bool> {
        self.writer.change(move |db| administer::make(db, change, &record))
    }

    fn api_keys(&self) -> Answer<'_, Vec<ApiKey>> {
        self.records("SELECT record FROM api_key ORDER BY id")
    }

    fn agent_by_token(&self, token: SecretDigest, now: Timestamp) -> Answer<'_, Option<String>> {
        self.ask(move |db| {
            let mut sql =
                db.prepare_cached("SELECT name FROM agent_token WHERE token = ?1 AND expires > ?2")?;
            sql.query_row(params![token.0, number(now.0)], |row| row.get(0)).optional()
        })
    }

    fn peers(&self) -> Answer<'_, Vec<PeerRow>> {
        self.records("SELECT record FROM peer ORDER BY name")
    }

    fn put_peer(&self, peer: PeerRow) -> Answer<'_, ()> {
        self.writer.change(move |db| administer::put_peer(db, &peer))
    }

    fn remove_peer<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        let name = name.to_owned();
        self.writer.change(move |db| administer::remove_peer(db, &name))
    }

    fn audit(&self, since: Timestamp, most: u32) -> Answer<'_, Vec<audit::Record>> {
        self.ask(move |db| {
            let sql = "SELECT record FROM audit WHERE at >= ?1 ORDER BY id LIMIT ?2";
            let mut sql = db.prepare_cached(sql)?;
            sql.query_map(params![number(since.0), most], |row| from_json(row, 0))?.collect()
        })
    }

    fn audit_before(&self, before: Timestamp, most: u32, changes: bool) -> Answer<'_, Vec<audit::Record>> {
        self.ask(move |db| {
            let sql = "SELECT record FROM audit WHERE at < ?1 AND (NOT ?3 OR step = 'changed') \
                       ORDER BY at DESC, id DESC LIMIT ?2";
            let mut sql = db.prepare_cached(sql)?;
            sql.query_map(params![number(before.0), most, changes], |row| from_json(row, 0))?.collect()
        })
    }

    fn things_of<'a>(&'a self, email: &'a str) -> Answer<'a, Vec<Thing>> {
        let email = email.to_owned();
        self.ask(move |db| erasure::things_of(db, &email))
    }

    fn chats_about<'a>(&'a self, peer: &'a str, transfer: TransferId) -> Answer<'a, Vec<ChatId>> {
        let peer = peer.to_owned();
        self.ask(move |db| erasure::chats_about(db, &peer, transfer))
    }

    fn sent(&self, chat: ChatId) -> Answer<'_, Vec<(String, TransferId)>> {
        self.ask(move |db| erasure::sent(db, chat))
    }

    fn amount(&self, things: Vec<Thing>) -> Answer<'_, Erased> {
        self.ask(move |db| erasure::amount(db, &things))
    }

    fn wipe(&self, things: Vec<Thing>) -> Answer<'_, Erased> {
        Box::pin(async move {
            let erased = self.writer.change(move |db| erasure::wipe(db, &things)).await?;
            // The log before the file still has what was written once.
            self.writer.truncate_log().await?;
            Ok(erased)
        })
    }

    fn save_erasure(&self, open: bool, record: erase::Record) -> Answer<'_, ()> {
        self.writer.change(move |db| erasure::save(db, open, &record).map(drop))
    }

    fn erasure(&self, id: ErasureId) -> Answer<'_, Option<erase::Record>> {
        self.ask(move |db| {
            let mut sql = db.prepare_cached("SELECT record FROM erasure WHERE id = ?1")?;
            sql.query_row([id.0], |row| from_json(row, 0)).optional()
        })
    }

    fn erasures(&self) -> Answer<'_, Vec<erase::Record>> {
        self.records("SELECT record FROM erasure")
    }

    fn open_erasures(&self) -> Answer<'_, Vec<erase::Record>> {
        self.records("SELECT record FROM erasure WHERE open")
    }

    fn erasure_of<'a>(&'a self, thing: &'a Thing) -> Answer<'a, Option<ErasureId>> {
        let name = tombstone(thing);
        self.ask(move |db| erasure::of(db, &name))
    }

    fn facts(&self, from: Timestamp, to: Timestamp, most: u32) -> Answer<'_, Vec<Facts>> {
        self.ask_slowly(move |db| search::facts(db, from, to, most))
    }

    fn index_some(&self, most: u32) -> Answer<'_, bool> {
        Box::pin(async move {
            let chats = self.ask_slowly(move |db| search::unindexed(db, most)).await?;
            let more = chats.len() >= usize::try_from(most).unwrap_or(usize::MAX);
            for chat in chats {
                // Each by itself, so that messages are stored in between.
                self.writer.change(move |db| search::index(db, chat)).await?;
            }
            Ok(more)
        })
    }

    fn search<'a>(&'a self, words: &'a str, served: Option<&'a str>, most: u32) -> Answer<'a, Vec<Found>> {
        let (words, served) = (words.to_owned(), served.map(str::to_owned));
        self.ask_slowly(move |db| search::find(db, &words, served.as_deref(), most))
    }

    fn chats_of_visitor<'a>(&'a self, site: &'a str, subject: &'a str, most: u32) -> Answer<'a, Vec<String>> {
        let (site, subject) = (site.to_owned(), subject.to_owned());
        self.ask(move |db| search::of_visitor(db, &site, &subject, most))
    }

    fn use_once<'a>(&'a self, id: &'a str, expires: Timestamp, now: Timestamp) -> Answer<'a, bool> {
        let id = id.to_owned();
        self.writer.change(move |db| {
            db.prepare_cached("DELETE FROM used WHERE expires <= ?1")?.execute([number(now.0)])?;
            let mut sql = db.prepare_cached("INSERT OR IGNORE INTO used (id, expires) VALUES (?1, ?2)")?;
            Ok(sql.execute(params![id, number(expires.0)])? == 1)
        })
    }

    fn grant_code<'a>(&'a self, code: SecretDigest, grant: &'a str, expires: Timestamp) -> Answer<'a, ()> {
        let grant = grant.to_owned();
        self.writer.change(move |db| {
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
        self.writer.change(move |db| {
            db.execute("DELETE FROM code WHERE expires <= ?1", [number(now.0)])?;
            // One statement decides who is first, whichever process asks.
            let sql = "UPDATE code SET transfer = ?2 WHERE code = ?1 AND (transfer IS NULL OR transfer = ?2) \
                       RETURNING permits";
            db.prepare_cached(sql)?.query_row(params![code.0, transfer.0], |row| row.get(0)).optional()
        })
    }
}
