//! Load, races, and listeners that misbehave.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;

fn long_append(chat: u8, seq: u64) -> Op {
    let mut id = [chat; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    let id = baton_protocol::MessageId(id);
    let body = Body::Text("x".repeat(200));
    let entry = Entry { seq, at: SOON, id, author: Author::Customer, body };
    Op::Append { chat: ChatId([chat; 16]), entry: Arc::new(entry) }
}

#[test]
fn every_store_refuses_the_same_batches_and_undoes_them_whole() {
    let incoming = |number: u8, wtid: u8| {
        Op::SaveIncoming(IncomingRow {
            peer: "acme".into(),
            transfer: TransferId([number; 16]),
            version: 0,
            wtid: SecretDigest([wtid; 32]),
            open: true,
            json: "{}".into(),
        })
    };
    let context = |number: u8| Op::SaveContext { chat: ChatId([number; 16]), json: "{}".into() };
    for (store, _folder) in stores() {
        assert!(!is_stored(&*store, vec![context(1)]), "a context without its chat");
        assert!(is_stored(&*store, vec![chat(1, 0), context(1), chat(1, 1)]));
        assert!(!is_stored(&*store, vec![append(1, 1), append(1, 1)]), "an entry twice");
        assert!(!is_stored(&*store, vec![chat(1, 2), append(1, 1), chat(1, 2)]), "a version twice");
        assert!(!is_stored(&*store, vec![incoming(1, 7), incoming(2, 7)]), "a WTID of two transfers");
        // Nothing of them is left in the way.
        assert!(is_stored(&*store, vec![chat(1, 2), append(1, 1), incoming(2, 7)]));
    }
}

#[tokio::test]
async fn a_huge_batch_is_stored_whole() {
    for (store, _folder) in stores() {
        let ops = std::iter::once(chat(1, 0)).chain((1..=10_000).map(|seq| long_append(1, seq)));
        assert!(is_stored(&*store, ops.collect()));
        assert_eq!(store.chat(ChatId([1; 16])).await.unwrap().unwrap().entries.len(), 10_000);
    }
}

#[test]
fn a_done_may_commit() {
    for (store, _folder) in stores() {
        let (sender, receiver) = channel();
        let (again, later) = (store.clone(), sender.clone());
        let done = Box::new(move |_| {
            sender.send(1).unwrap();
            let done = Box::new(move |_| later.send(2).unwrap());
            assert!(again.commit(Batch { ops: Vec::new(), done }).is_ok());
        });
        // On a thread of its own: a store that cannot do it would hang the test.
        std::thread::spawn(move || assert!(store.commit(Batch { ops: Vec::new(), done }).is_ok()));
        let soon = Duration::from_secs(10);
        assert_eq!((receiver.recv_timeout(soon), receiver.recv_timeout(soon)), (Ok(1), Ok(2)));
    }
}

#[test]
fn a_done_that_panics_does_not_stop_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("baton.db")).unwrap();
    let done = Box::new(|_| panic!("on purpose"));
    assert!(store.commit(Batch { ops: Vec::new(), done }).is_ok());
    assert!(is_stored(&store, vec![chat(1, 0)]));
}

#[test]
fn the_last_holder_of_a_store_may_be_a_done() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("baton.db")).unwrap());
    let ((go, wait), (sender, receiver)) = (channel::<()>(), channel());
    let last = store.clone();
    let done = Box::new(move |_| {
        wait.recv().unwrap();
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(last)));
        sender.send(dropped.is_ok()).unwrap();
    });
    assert!(store.commit(Batch { ops: Vec::new(), done }).is_ok());
    drop(store);
    go.send(()).unwrap();
    assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(true));
}

#[test]
fn two_programs_may_open_a_new_file_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baton.db");
        let open = || {
            let path = path.clone();
            std::thread::spawn(move || SqliteStore::open(&path).map(drop).map_err(|error| error.to_string()))
        };
        let all = [open(), open(), open(), open()];
        assert!(all.into_iter().all(|one| one.join().unwrap() == Ok(())));
    }
}

/// Signatures are checked against replays while the chats write all they can. Shows that none fails and none is
/// stuck; how fast they are is for a bench.
#[tokio::test(flavor = "multi_thread")]
async fn s2_replays_are_found_out_while_the_store_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("baton.db")).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let (busy, stopped) = (store.clone(), stop.clone());
    let load = std::thread::spawn(move || {
        let waiting = Arc::new(());
        for seq in 1.. {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            let one = waiting.clone();
            let done = Box::new(move |_| drop(one));
            let _ = busy.commit(Batch { ops: vec![long_append(1, seq)], done });
            while Arc::strong_count(&waiting) > 256 {
                std::thread::yield_now();
            }
        }
    });
    let all = async {
        for number in 0..100 {
            assert!(store.use_once(&number.to_string(), LATER, SOON).await.unwrap());
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), all).await;
    stop.store(true, Ordering::Relaxed);
    load.join().unwrap();
    assert!(in_time.is_ok());
}

/// As several gateways on one file would: only the database decides.
#[tokio::test(flavor = "multi_thread")]
async fn d3_two_processes_honour_a_code_and_an_id_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baton.db");
    let both = [Arc::new(SqliteStore::open(&path).unwrap()), Arc::new(SqliteStore::open(&path).unwrap())];
    let code = SecretDigest([3; 32]);
    both[0].grant_code(code, "grant", LATER).await.unwrap();
    let tries = (0..50u8).map(|number| {
        let store = both[usize::from(number % 2)].clone();
        tokio::spawn(async move {
            let grant = store.redeem_code(code, TransferId([number; 16]), SOON).await.unwrap();
            (grant.is_some(), store.use_once("jti", LATER, SOON).await.unwrap())
        })
    });
    let (mut redeemed, mut used) = (0, 0);
    for one in tries.collect::<Vec<_>>() {
        let (grant, first) = one.await.unwrap();
        redeemed += u32::from(grant);
        used += u32::from(first);
    }
    assert_eq!((redeemed, used), (1, 1));
}
