//! A commit: as many batches as wait while the one before is written, each with what one connection has said at once.
//! Measured until the last of them is known to be stored, on the disk of the folder for temporary files.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::sync::Arc;
use std::sync::mpsc::channel;

use baton_gateway::store::memory::MemoryStore;
use baton_gateway::store::sqlite::SqliteStore;
use baton_gateway::store::{Batch, Op, Store, StoreError};
use baton_protocol::model::{Author, Body, Entry};
use baton_protocol::{ChatId, MessageId, Timestamp};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Chats at work.
const CHATS: u64 = 100;

struct Load {
    store: Arc<dyn Store>,
    /// The number of the next entry, of all chats.
    next: u64,
}

impl Load {
    fn entry(&mut self, chat: u64) -> Op {
        self.next += 1;
        let entry = Entry {
            seq: self.next,
            at: Timestamp(1_800_000_000_000),
            id: MessageId(u128::from(self.next).to_be_bytes()),
            author: if self.next.is_multiple_of(2) { Author::Customer } else { Author::Agent("Anna".into()) },
            body: Body::Text("x".repeat(64)),
        };
        // As random as real names are: what stands together in the file is not what comes together.
        let name = u128::from(chat).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Op::Append { chat: ChatId(name.to_be_bytes()), entry: Arc::new(entry) }
    }

    /// So many batches of so many entries, until all are stored.
    fn commit(&mut self, batches: u64, entries: u64) {
        let (sender, told) = channel();
        for batch in 0..batches {
            let ops = (0..entries).map(|_| self.entry(batch % CHATS)).collect();
            let sender = sender.clone();
            let done = Box::new(move |result: Result<(), StoreError>| {
                result.unwrap();
                sender.send(()).unwrap();
            });
            assert!(self.store.commit(Batch { ops, done }).is_ok());
        }
        assert_eq!(told.into_iter().take(usize::try_from(batches).unwrap()).count() as u64, batches);
    }
}

fn commit(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("baton.db")).unwrap());
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::bounded(1_000));
    for (name, store) in [("memory", memory), ("SQLite", sqlite)] {
        let mut load = Load { store, next: 0 };
        let mut group = criterion.benchmark_group(format!("store commit, {name}"));
        for (batches, entries) in [(1, 1), (100, 1), (100, 16)] {
            group.throughput(Throughput::Elements(batches * entries));
            let what = format!("{batches} batches of {entries}");
            group.bench_function(BenchmarkId::from_parameter(what), |bencher| {
                bencher.iter(|| load.commit(batches, entries));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, commit);
criterion_main!(benches);
