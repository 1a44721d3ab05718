//! One suite for every store. What goes wrong is in [`trouble`].

mod erasure;
mod search;
mod trouble;

use std::sync::Arc;
use std::sync::mpsc::channel;

use baton_protocol::model::{Author, Body, Event, Presence};

use super::memory::MemoryStore;
use super::sqlite::SqliteStore;
use super::*;

const SOON: Timestamp = Timestamp(1_000);
const LATER: Timestamp = Timestamp(2_000);

fn stores() -> Vec<(Arc<dyn Store>, Option<tempfile::TempDir>)> {
    let sqlite = || {
        let folder = tempfile::tempdir().unwrap();
        (Arc::new(SqliteStore::open(&folder.path().join("baton.db")).unwrap()), Some(folder))
    };
    let ((alone, folder), (people, other)) = (sqlite(), sqlite());
    let memory = Arc::new(MemoryStore::default());
    vec![(memory, None), (alone, folder), (Arc::new(MemoryStore::default().with_people(people)), other)]
}

#[tokio::test]
async fn s2_whoever_is_removed_at_the_command_line_is_gone_from_a_gateway_that_keeps_chats_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("baton.db");
    let gateway = MemoryStore::bounded(10).with_people(Arc::new(SqliteStore::open(&file).unwrap()));
    // Another process.
    let operator = SqliteStore::open(&file).unwrap();
    operator.put_agent(agent("zoe")).await.unwrap();
    assert!(gateway.agent("zoe").await.unwrap().is_some());
    gateway.put_agent_token(SecretDigest([7; 32]), "zoe", LATER).await.unwrap();
    assert!(is_stored(&gateway, vec![chat(1, 0), Op::Audit(Box::new(audited(1_000, audit::Step::Arrived)))]));
    let record = audit::Record::change(Timestamp(1_500), "operator", "agent zoe".into(), "removed");
    assert!(operator.administer(Change::RemoveAgent("zoe".into()), record.clone()).await.unwrap());
    assert!(gateway.agent("zoe").await.unwrap().is_none());
    assert!(gateway.agent_by_token(SecretDigest([7; 32]), SOON).await.unwrap().is_none());
    let first = audited(1_000, audit::Step::Arrived);
    assert_eq!(
        gateway.audit(Timestamp(0), 10).await.unwrap(),
        [first, record.clone()],
        "of both, in their order"
    );
    assert_eq!(gateway.audit_before(LATER, 1, false).await.unwrap(), [record], "the newest");
    assert!(operator.open_chats().await.unwrap().is_empty(), "chats are in memory alone");
}

fn agent(name: &str) -> AgentRow {
    AgentRow {
        name: name.into(),
        title: "Bob".into(),
        password_hash: Hidden::new("hash".into()),
        external: None,
        role: Role::Supervisor,
        areas: vec!["sales".into()],
        max_chats: 6,
        by_hand: false,
        presence: Presence::Available,
    }
}

fn chat(number: u8, version: u64) -> Op {
    let (id, token) = (ChatId([number; 16]), SecretDigest([number; 32]));
    Op::SaveChat(ChatRow { id, version, token, open: true, json: format!("{{\"v\":{version}}}") })
}

fn entry(seq: u64, author: Author, body: Body) -> Entry {
    let id = baton_protocol::MessageId([u8::try_from(seq).unwrap(); 16]);
    Entry { seq, at: SOON, id, author, body }
}

fn append(number: u8, seq: u64) -> Op {
    let entry = entry(seq, Author::Agent("Bob".into()), Body::Text(format!("line {seq}")));
    Op::Append { chat: ChatId([number; 16]), entry: Arc::new(entry) }
}

/// Stores the batches and waits for every answer, in the order in which they came.
fn commit(store: &dyn Store, batches: Vec<Vec<Op>>) -> Vec<(usize, Result<(), StoreError>)> {
    let (sender, receiver) = channel();
    for (number, ops) in batches.into_iter().enumerate() {
        let sender = sender.clone();
        let done = Box::new(move |result| sender.send((number, result)).unwrap());
        assert!(store.commit(Batch { ops, done }).is_ok());
    }
    drop(sender);
    receiver.iter().collect()
}

fn is_stored(store: &dyn Store, ops: Vec<Op>) -> bool {
    commit(store, vec![ops]).iter().all(|(_, result)| result.is_ok())
}

fn audited(at: u64, step: audit::Step) -> audit::Record {
    let (chat, transfer) = (Some(ChatId([1; 16])), Some(TransferId([2; 16])));
    let (agent, peer, to) = ("bob".into(), Some("globex".into()), "globex/repairs".into());
    audit::Record { at: Timestamp(at), chat, transfer, agent, peer, to, step }
}

#[tokio::test]
async fn o2_the_audit_is_stored_with_its_step_or_not_at_all() {
    for (store, _folder) in stores() {
        let denied = audit::Step::Denied { rule: "rule 1".into(), reason: "no".into() };
        let (first, second) = (audited(1_000, denied), audited(2_000, audit::Step::Arrived));
        let keep = |record: &audit::Record| Op::Audit(Box::new(record.clone()));
        let answers = commit(
            &*store,
            vec![
                vec![chat(1, 0), keep(&first)],
                // Its chat is at another version: neither is stored.
                vec![keep(&second), chat(1, 7)],
                vec![keep(&second), chat(1, 1)],
            ],
        );
        assert_eq!(answers.iter().filter(|(_, result)| result.is_ok()).count(), 2);
        assert_eq!(store.audit(Timestamp(0), 10).await.unwrap(), [first, second.clone()]);
        assert_eq!(store.audit(Timestamp(1_001), 10).await.unwrap(), [second]);
    }
}

#[tokio::test]
async fn o2_nobody_changes_the_audit_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baton.db");
    let store = SqliteStore::open(&path).unwrap();
    commit(&store, vec![vec![Op::Audit(Box::new(audited(1, audit::Step::Arrived)))]]);
    let db = rusqlite::Connection::open(&path).unwrap();
    for sql in ["DELETE FROM audit", "UPDATE audit SET step = 'x'"] {
        let error = db.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{error}");
    }
}

#[tokio::test]
async fn batches_are_answered_in_order_and_found_again() {
    for (store, _folder) in stores() {
        let batches = vec![vec![chat(1, 0), append(1, 1)], vec![], vec![append(1, 2), chat(1, 1)]];
        let answers = commit(&*store, batches);
        assert_eq!(answers.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(answers.iter().all(|(_, result)| result.is_ok()));
        let stored = store.chat(ChatId([1; 16])).await.unwrap().unwrap();
        assert_eq!((stored.row.version, stored.entries.len()), (2, 2));
        assert_eq!(stored.row.json, "{\"v\":1}");
        assert_eq!(store.chat_by_token(SecretDigest([1; 32])).await.unwrap(), Some(ChatId([1; 16])));
        assert_eq!(store.open_chats().await.unwrap(), [ChatId([1; 16])]);
    }
}

#[tokio::test]
async fn a_writer_who_has_seen_an_older_version_is_told_and_changes_nothing() {
    for (store, _folder) in stores() {
        let answers = commit(
            &*store,
            vec![
                vec![chat(1, 0)],
                vec![append(1, 1), chat(1, 7)],
                vec![chat(1, 0)],
                vec![append(1, 2)],
                vec![append(1, 2)],
            ],
        );
        let failed: Vec<bool> = answers.iter().map(|(_, result)| result.is_err()).collect();
        assert_eq!(failed, [false, true, true, false, true]);
        let stored = store.chat(ChatId([1; 16])).await.unwrap().unwrap();
        assert_eq!(stored.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2]);
    }
}

#[tokio::test]
async fn d3_a_code_is_honoured_for_one_transfer() {
    for (store, _folder) in stores() {
        let (code, one, other) = (SecretDigest([3; 32]), TransferId([1; 16]), TransferId([2; 16]));
        store.grant_code(code, "grant", LATER).await.unwrap();
        assert_eq!(store.redeem_code(code, one, SOON).await.unwrap().as_deref(), Some("grant"));
        assert_eq!(store.redeem_code(code, other, SOON).await.unwrap(), None);
        assert_eq!(store.redeem_code(code, one, SOON).await.unwrap().as_deref(), Some("grant"));
        assert_eq!(store.redeem_code(code, one, LATER).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_an_id_is_used_once_however_many_try() {
    for (store, _folder) in stores() {
        let tries = (0..50).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.use_once("jti", LATER, SOON).await.unwrap() })
        });
        let mut first = 0;
        for one in tries.collect::<Vec<_>>() {
            first += usize::from(one.await.unwrap());
        }
        assert_eq!(first, 1);
        assert!(store.use_once("jti", Timestamp(3_000), LATER).await.unwrap(), "it has expired");
    }
}

#[tokio::test]
async fn agents_tokens_and_peers_are_kept() {
    for (store, _folder) in stores() {
        let agent = agent("bob");
        assert!(!format!("{agent:?}").contains("hash\""));
        store.put_agent(agent.clone()).await.unwrap();
        assert_eq!(store.agent("bob").await.unwrap(), Some(agent.clone()));
        let record = || audit::Record::change(Timestamp(1), "bob", "agent bob".into(), "by hand");
        let by_hand =
            async |name: &str, on| store.administer(Change::SetByHand(name.into(), on), record()).await;
        assert!(by_hand("bob", true).await.unwrap());
        assert!(!by_hand("bob", true).await.unwrap(), "it is so already");
        assert!(!by_hand("nobody", true).await.unwrap(), "nobody is made by it");
        assert_eq!(store.agent("bob").await.unwrap(), Some(AgentRow { by_hand: true, ..agent }));
        assert_eq!(store.agent("nobody").await.unwrap(), None);
        store.set_presence("bob", Presence::Away).await.unwrap();
        store.set_presence("nobody", Presence::Away).await.unwrap();
        assert_eq!(store.agent("bob").await.unwrap().unwrap().presence, Presence::Away);
        let token = SecretDigest([9; 32]);
        store.put_agent_token(token, "bob", LATER).await.unwrap();
        assert_eq!(store.agent_by_token(token, SOON).await.unwrap().as_deref(), Some("bob"));
        assert_eq!(store.agent_by_token(token, LATER).await.unwrap(), None);
        store.put_agent(store.agent("bob").await.unwrap().unwrap()).await.unwrap();
        assert_eq!(store.agent_by_token(token, SOON).await.unwrap(), None, "a new password ends old logins");
        assert!(store.peers().await.unwrap().is_empty() && !store.remove_peer("globex").await.unwrap());
    }
}

#[tokio::test]
async fn everything_is_there_after_opening_the_file_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baton.db");
    let store = SqliteStore::open(&path).unwrap();
    let wtid = SecretDigest([4; 32]);
    let row = IncomingRow {
        peer: "acme".into(),
        transfer: TransferId([5; 16]),
        version: 0,
        wtid,
        open: true,
        json: "{}".into(),
    };
    let many = (1..200).map(|seq| append(2, seq)).collect();
    commit(&store, vec![vec![chat(2, 0)], many, vec![Op::SaveIncoming(row)]]);
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.chat(ChatId([2; 16])).await.unwrap().unwrap().entries.len(), 199);
    assert_eq!(store.incoming_by_wtid(wtid).await.unwrap().unwrap().version, 1);
    assert_eq!(store.open_incoming().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baton.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(include_str!("schema.sql")).unwrap();
    db.execute_batch("INSERT INTO used VALUES ('old', 1500); PRAGMA user_version = 1").unwrap();
    let said = [
        entry(1, Author::Customer, Body::Text("a \"quoted\" word\n☂".into())),
        entry(2, Author::Agent("Ann".into()), Body::Note("seen".into())),
        entry(3, Author::System, Body::Event(Event::Joined { agent: "Ann".into() })),
    ];
    let row = "INSERT INTO chat VALUES (?1, 1, ?2, 1, '{}', NULL)";
    db.execute(row, rusqlite::params![[1_u8; 16], [1_u8; 32]]).unwrap();
    for entry in &said {
        let author = serde_json::to_string(&entry.author).unwrap();
        let body = serde_json::to_string(&entry.body).unwrap();
        let (seq, at) = (i64::try_from(entry.seq).unwrap(), i64::try_from(entry.at.0).unwrap());
        let row = rusqlite::params![[1_u8; 16], seq, at, entry.id.0, author, body];
        db.execute("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6)", row).unwrap();
    }
    drop(db);
    let store = SqliteStore::open(&path).unwrap();
    let stored = store.chat(ChatId([1; 16])).await.unwrap().unwrap().entries;
    assert!(stored.iter().map(|entry| &**entry).eq(&said));
    assert!(is_stored(&store, vec![append(1, 4)]) && !is_stored(&store, vec![append(1, 3)]));
    assert!(!store.use_once("old", LATER, SOON).await.unwrap());
    drop(store);
    let db = rusqlite::Connection::open(&path).unwrap();
    let version: u32 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version as usize, super::sqlite::MIGRATIONS.len());
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baton.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let error = SqliteStore::open(&path).err().unwrap().to_string();
    assert!(error.contains("version 99"), "{error}");
}

#[tokio::test]
async fn uploads_are_counted_by_chat_and_found_by_who_made_them() {
    let card = |number: u8, size: u64| DocumentCard {
        sha256: format!("{number:02x}").repeat(32),
        name: "a.pdf".into(),
        media_type: "application/pdf".into(),
        size,
    };
    for (store, _folder) in stores() {
        let (chat, most) = (ChatId([1; 16]), UploadLimit { count: 2, bytes: 100 });
        let put = async |chat: ChatId, by: Option<&str>, card: DocumentCard| {
            let row = UploadRow { chat, by: by.map(str::to_owned), card, at: SOON };
            store.put_upload(row, most).await.unwrap()
        };
        assert!(put(chat, None, card(1, 60)).await);
        assert!(put(chat, None, card(1, 60)).await, "the same again");
        assert!(!put(chat, Some("anna"), card(2, 41)).await, "too many bytes");
        assert!(put(chat, Some("anna"), card(2, 40)).await);
        assert!(!put(chat, None, card(3, 0)).await, "too many");
        assert!(put(ChatId([2; 16]), None, card(3, 100)).await);
        let renamed = DocumentCard { name: "another name".into(), ..card(1, 60) };
        assert!(put(chat, None, renamed.clone()).await, "the same bytes by another name");
        let hash = |number: u8| card(number, 0).sha256;
        assert_eq!(store.upload(chat, None, &hash(1)).await.unwrap(), Some(renamed));
        for (by, number) in [(None, 2), (Some("ben"), 2), (Some("anna"), 1), (None, 3)] {
            assert_eq!(store.upload(chat, by, &hash(number)).await.unwrap(), None, "{by:?} {number}");
        }
    }
}

#[tokio::test]
async fn a_chat_that_has_gone_is_found_by_its_transfer() {
    for (store, _folder) in stores() {
        let (transfer, other) = (TransferId([7; 16]), TransferId([8; 16]));
        let json =
            format!("{{\"outgoing\":{{\"Settled\":{{\"attempt\":{{\"transfer\":\"{transfer}\"}}}}}}}}");
        let row = |number: u8, json: String| {
            let (id, token) = (ChatId([number; 16]), SecretDigest([number; 32]));
            Op::SaveChat(ChatRow { id, version: 0, token, open: false, json })
        };
        let open = row(2, "{\"outgoing\":\"Owned\"}".into());
        assert!(commit(&*store, vec![vec![row(1, json), open]])[0].1.is_ok());
        assert_eq!(store.chat_by_transfer(transfer).await.unwrap(), Some(ChatId([1; 16])));
        assert_eq!(store.chat_by_transfer(other).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a4_replies_are_kept_by_owner_and_only_so_many() {
    for (store, _folder) in stores() {
        let row = |number: u8, owner: Option<&str>, shortcut: &str| ReplyRow {
            owner: owner.map(str::to_owned),
            reply: Reply {
                id: MessageId([number; 16]),
                shortcut: shortcut.into(),
                text: "Hello".into(),
                personal: owner.is_some(),
            },
        };
        assert!(store.put_reply(row(1, Some("bob"), "hi"), 1).await.unwrap());
        assert!(!store.put_reply(row(2, Some("bob"), "bye"), 1).await.unwrap(), "one is the most");
        assert!(store.put_reply(row(1, Some("bob"), "hello"), 1).await.unwrap(), "replaced");
        assert!(store.put_reply(row(3, None, "again"), 1).await.unwrap(), "the company has its own");
        assert_eq!(store.replies().await.unwrap(), [row(3, None, "again"), row(1, Some("bob"), "hello")]);
        assert!(store.remove_reply(MessageId([1; 16])).await.unwrap());
        assert!(!store.remove_reply(MessageId([1; 16])).await.unwrap());
    }
}

#[tokio::test]
async fn a2_closed_chats_are_those_of_an_agent_the_newest_first() {
    for (store, _folder) in stores() {
        let over = |number: u8, since: u64, served: &str, open| {
            let (id, token) = (ChatId([number; 16]), SecretDigest([number; 32]));
            let json = format!("{{\"since\":{since},\"served\":[\"{served}\"]}}");
            Op::SaveChat(ChatRow { id, version: 0, token, open, json })
        };
        let ops = vec![
            over(1, 10, "bob", false),
            over(2, 30, "bob", false),
            over(3, 20, "ann", false),
            over(4, 40, "bob", true),
        ];
        commit(&*store, vec![ops]);
        let since = |rows: Vec<String>| rows.iter().map(|row| row[9..11].to_owned()).collect::<Vec<_>>();
        assert_eq!(since(store.closed_chats(Some("bob"), 9).await.unwrap()), ["30", "10"]);
        assert_eq!(since(store.closed_chats(None, 2).await.unwrap()), ["30", "20"]);
    }
}
