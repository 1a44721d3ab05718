//! The one writer of the file: a thread that takes whatever waits into one transaction, so that the number of times
//! the disk is asked to sync does not grow with the load.
//!
//! Everything that changes the file goes through here, single statements too: a second writing connection waits for
//! this one's lock by polling and syncs for each statement, so that its slowest calls take ten times as long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use baton_core::audit;
use baton_protocol::ChatId;
use baton_protocol::model::Entry;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::erasure;
use super::rows::{number, to_json};
use super::{failed, said};
use crate::store::{Answer, Batch, ChatRow, IncomingRow, Op, StoreError};

/// Batches that may wait. At a thousand batches a commit this is a few seconds of work; more waiting means that
/// the disk has stopped.
const MAX_WAITING: usize = 16_384;

/// Batches in one transaction: enough to spread a sync over many, few enough to keep the answer quick.
const MAX_TOGETHER: usize = 4_096;

/// Told when the transaction is durable, or has failed.
type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A single change: makes it, and says whether it is to be kept and who is to be told.
type Change = Box<dyn FnOnce(&Connection) -> (bool, Done) + Send>;

enum Job {
    Batch(Batch),
    Change(Change),
    /// Takes everything out of the log beside the file.
    TruncateLog(oneshot::Sender<Result<(), StoreError>>),
}

/// The writer. Dropping it waits until everything that was handed over is stored.
pub(super) struct Writer {
    /// Gone only while it is dropped: the thread ends when its channel is closed and empty.
    jobs: Option<SyncSender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(db: Connection) -> Result<Self, StoreError> {
        let (jobs, waiting) = sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("baton-store".into())
            .spawn(move || run(db, &waiting))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) fn commit(&self, batch: Batch) -> Result<(), Batch> {
        #[cfg(feature = "sabotage")]
        let batch = crate::sabotage::tell_early(batch);
        match self.send(Job::Batch(batch)) {
            Err(Job::Batch(batch)) => Err(batch),
            _ => Ok(()),
        }
    }

    /// Makes a single change; its answer comes when it is durable.
    pub(super) fn change<'a, T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'a, T> {
        let (sender, receiver) = oneshot::channel();
        let change = move |db: &Connection| {
            let made = change(db);
            let keep = made.is_ok();
            let done: Done = Box::new(move |stored| {
                // Nobody waits any more: the change is made all the same.
                let _ = sender.send(stored.and(made.map_err(failed)));
            });
            (keep, done)
        };
        let taken = self.send(Job::Change(Box::new(change))).is_ok();
        Box::pin(async move {
            if !taken {
                return Err(StoreError::Failed("too many changes wait for the disk".into()));
            }
            receiver.await.unwrap_or_else(|_| Err(StoreError::Failed("the transaction was not begun".into())))
        })
    }

    /// Moves what is in the log into the file and leaves nothing of it in the log; after what was handed over before.
    pub(super) fn truncate_log(&self) -> Answer<'_, ()> {
        let (sender, receiver) = oneshot::channel();
        let taken = self.send(Job::TruncateLog(sender)).is_ok();
        Box::pin(async move {
            if !taken {
                return Err(StoreError::Failed("too many changes wait for the disk".into()));
            }
            receiver.await.unwrap_or_else(|_| Err(StoreError::Failed("the store has stopped".into())))
        })
    }

    fn send(&self, job: Job) -> Result<(), Job> {
        let Some(jobs) = &self.jobs else { return Err(job) };
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let Some(thread) = self.thread.take() else { return };
        // A `done` may be the last holder of the store: the writer's thread cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            // A writer that panicked has said so already.
            let _ = thread.join();
        }
    }
}

/// The thread: until every sender is gone and nothing waits.
fn run(mut db: Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        #[cfg(feature = "sabotage")]
        crate::sabotage::dawdle();
        let together = std::iter::once(first).chain(waiting.try_iter().take(MAX_TOGETHER - 1));
        let (jobs, truncations): (Vec<Job>, Vec<Job>) =
            together.partition(|job| !matches!(job, Job::TruncateLog(_)));
        let mut jobs = jobs.into_iter();
        // What stores nothing need not wait for a sync: what was handed over before it is durable already.
        while let Some(done) = next_without_ops(&mut jobs) {
            tell(done, Ok(()));
        }
        for (done, result) in store(&mut db, jobs) {
            tell(done, result);
        }
        for job in truncations {
            if let Job::TruncateLog(done) = job {
                // Nobody waits any more: it is done all the same.
                let _ = done.send(truncate(&db));
            }
        }
    }
}

/// Waits for readers of what is older, as long as the connection is patient.
fn truncate(db: &Connection) -> Result<(), StoreError> {
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failed)?;
    if busy == 0 {
        Ok(())
    } else {
        Err(StoreError::Failed("a reader keeps the log from being emptied".into()))
    }
}

/// Whoever is told may fail; the others' words are still to be stored.
fn tell(done: Done, result: Result<(), StoreError>) {
    if catch_unwind(AssertUnwindSafe(|| done(result))).is_err() {
        tracing::error!("somebody who was told of a stored batch has panicked");
    }
}

/// Takes the first job if it is a batch without ops.
fn next_without_ops(jobs: &mut std::vec::IntoIter<Job>) -> Option<Done> {
    match jobs.as_slice().first() {
        Some(Job::Batch(batch)) if batch.ops.is_empty() => {}
        _ => return None,
    }
    match jobs.next() {
        Some(Job::Batch(batch)) => Some(batch.done),
        _ => None,
    }
}

/// Stores the jobs in one transaction and says who is to be told what, in the jobs' order.
fn store(db: &mut Connection, mut jobs: std::vec::IntoIter<Job>) -> Vec<(Done, Result<(), StoreError>)> {
    if jobs.as_slice().is_empty() {
        return Vec::new();
    }
    let mut told = Vec::with_capacity(jobs.len());
    let Err(error) = transact(db, &mut jobs, &mut told) else { return told };
    let why = said(&error);
    tracing::error!(%why, jobs = told.len() + jobs.len(), "a transaction failed");
    let left = jobs.filter_map(|job| match job {
        Job::Batch(batch) => Some(batch.done),
        // Who waits for a change that was not begun learns it from the sender's being dropped.
        Job::Change(_) | Job::TruncateLog(_) => None,
    });
    let all = told.into_iter().map(|(done, _)| done).chain(left);
    all.map(|done| (done, Err(StoreError::Failed(why.clone())))).collect()
}

fn transact(
    db: &mut Connection,
    jobs: &mut std::vec::IntoIter<Job>,
    told: &mut Vec<(Done, Result<(), StoreError>)>,
) -> rusqlite::Result<()> {
    let mut buffer = Vec::new();
    if stored_together(db, &mut buffer, jobs.as_slice())? {
        told.extend(jobs.filter_map(done_of).map(|done| (done, Ok(()))));
        return Ok(());
    }
    let mut transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    while let Some(job) = jobs.as_slice().first() {
        if matches!(job, Job::Batch(_)) {
            let count = jobs.as_slice().iter().take_while(|job| matches!(job, Job::Batch(_))).count();
            let results = store_row(&mut transaction, &mut buffer, &jobs.as_slice()[..count])?;
            told.extend(jobs.take(count).filter_map(done_of).zip(results));
        } else if let Some(Job::Change(change)) = jobs.next() {
            // In a savepoint of its own: one that fails is undone by itself.
            let savepoint = transaction.savepoint()?;
            let (keep, done) = change(&savepoint);
            told.push((done, Ok(())));
            if keep { savepoint.commit()? } else { savepoint.finish()? }
        }
    }
    transaction.commit()
}

/// Where there is nothing but batches, and none of them conflicts, which is so nearly always: they need no savepoint,
/// which would copy every page that they change.
fn stored_together(db: &mut Connection, buffer: &mut Vec<u8>, jobs: &[Job]) -> rusqlite::Result<bool> {
    if batches(jobs).count() < jobs.len() {
        return Ok(false);
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored = apply(&transaction, buffer, batches(jobs)).is_ok();
    if stored {
        transaction.commit()?
    } else {
        transaction.rollback()?
    }
    Ok(stored)
}

fn batches(jobs: &[Job]) -> impl Iterator<Item = &Batch> + Clone {
    jobs.iter().filter_map(|job| match job {
        Job::Batch(batch) => Some(batch),
        Job::Change(_) | Job::TruncateLog(_) => None,
    })
}

fn done_of(job: Job) -> Option<Done> {
    match job {
        Job::Batch(batch) => Some(batch.done),
        Job::Change(_) | Job::TruncateLog(_) => None,
    }
}

/// Stores batches that stand in a row. Hardly ever does one conflict, so all of them share a savepoint; when one does,
/// each gets its own, and only that one is undone.
fn store_row(
    transaction: &mut Transaction<'_>,
    buffer: &mut Vec<u8>,
    row: &[Job],
) -> rusqlite::Result<Vec<Result<(), StoreError>>> {
    let together = transaction.savepoint()?;
    if apply(&together, buffer, batches(row)).is_ok() {
        together.commit()?;
        return Ok(batches(row).map(|_| Ok(())).collect());
    }
    together.finish()?;
    let alone = |batch: &Batch| {
        let savepoint = transaction.savepoint()?;
        let result = apply(&savepoint, buffer, std::iter::once(batch));
        if result.is_ok() {
            savepoint.commit()?
        } else {
            savepoint.finish()?
        }
        Ok(result)
    };
    batches(row).map(alone).collect()
}

/// All of these, what they append last and a chat at a time; the first that fails ends it.
fn apply<'a>(
    db: &Connection,
    buffer: &mut Vec<u8>,
    batches: impl Iterator<Item = &'a Batch>,
) -> Result<(), StoreError> {
    let mut said: Vec<(ChatId, &Entry)> = Vec::new();
    for op in batches.flat_map(|batch| &batch.ops) {
        let changed = match op {
            Op::Append { chat, entry } => {
                said.push((*chat, entry));
                continue;
            }
            Op::SaveChat(row) => save_chat(db, row),
            Op::SaveIncoming(row) => save_incoming(db, row),
            Op::SaveContext { chat, json } => db
                .prepare_cached("UPDATE chat SET context = ?2 WHERE id = ?1")
                .and_then(|mut sql| sql.execute(params![chat.0, json])),
            Op::Audit(record) => keep(db, record),
            Op::SaveErasure(open, record) => erasure::save(db, *open, record),
        };
        is_one(changed)?;
    }
    // Stable: what is said in a chat keeps its order.
    said.sort_by_key(|(chat, _)| *chat);
    said.chunk_by(|one, next| one.0 == next.0).try_for_each(|talk| append(db, buffer, talk))
}

/// One row, or somebody else was there first.
fn is_one(changed: rusqlite::Result<usize>) -> Result<(), StoreError> {
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

/// Bytes of a row after which the next one begins: whoever reads a transcript has it a row at a time.
const ROW: usize = 32 * 1024;

/// Appends to a chat what all of it has said, in as few rows as there may be. It must follow what is there.
fn append(db: &Connection, buffer: &mut Vec<u8>, said: &[(ChatId, &Entry)]) -> Result<(), StoreError> {
    let Some((chat, _)) = said.first() else { return Ok(()) };
    let sql = "SELECT last FROM talk WHERE chat = ?1 ORDER BY first DESC LIMIT 1";
    let mut sql = db.prepare_cached(sql).map_err(failed)?;
    let mut last = sql.query_row([chat.0], |row| row.get(0)).optional().map_err(failed)?.unwrap_or(0);
    let mut insert = db
        .prepare_cached("INSERT INTO talk (chat, first, last, entries) VALUES (?1, ?2, ?3, ?4)")
        .map_err(failed)?;
    let mut rest = said.iter().peekable();
    while let Some((_, first)) = rest.peek() {
        let first = number(first.seq);
        buffer.clear();
        while let Some((_, entry)) = rest.next_if(|_| buffer.len() < ROW) {
            if number(entry.seq) <= last {
                return Err(StoreError::Conflict);
            }
            last = number(entry.seq);
            buffer.push(if buffer.is_empty() { b'[' } else { b',' });
            serde_json::to_writer(&mut *buffer, entry)
                .map_err(|error| StoreError::Failed(error.to_string()))?;
        }
        buffer.push(b']');
        // What serde_json writes is UTF-8.
        let entries = str::from_utf8(buffer).map_err(|error| StoreError::Failed(error.to_string()))?;
        is_one(insert.execute(params![chat.0, first, last, entries]))?;
    }
    Ok(())
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

pub(super) fn keep(db: &Connection, record: &audit::Record) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO audit (at, chat, transfer, peer, step, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (at, chat) = (number(record.at.0), record.chat.map(|chat| chat.0));
    // Empty where a record is about no transfer.
    let transfer = record.transfer.as_ref().map_or(&[][..], |transfer| &transfer.0);
    let (step, json) = (record.step.name(), to_json(record)?);
    db.prepare_cached(sql)?.execute(params![at, chat, transfer, record.peer, step, json])
}
