//! What is erased is gone, in every store; and in a file not even its bytes are left.

use baton_core::erase::{Link, LinkState, Record};
use baton_protocol::federation::Erased;

use super::*;

const ACME: &str = "acme";

fn thing(number: u8) -> Thing {
    Thing::Chat(ChatId([number; 16]))
}

fn customer(number: u8, email: &str) -> Vec<Op> {
    let (id, token) = (ChatId([number; 16]), SecretDigest([number; 32]));
    let json = format!("{{\"customer\":{{\"email\":\"{email}\"}}}}");
    let row = ChatRow { id, version: 0, token, open: true, json };
    let context = Op::SaveContext { chat: id, json: format!("{{\"customer\":{{\"email\":\"{email}\"}}}}") };
    vec![Op::SaveChat(row), context]
}

fn incoming(number: u8, email: &str) -> Op {
    Op::SaveIncoming(IncomingRow {
        peer: ACME.into(),
        transfer: TransferId([number; 16]),
        version: 0,
        wtid: SecretDigest([number; 32]),
        open: false,
        json: format!("{{\"context\":{{\"customer\":{{\"email\":\"{email}\"}}}}}}"),
    })
}

fn record(number: u8) -> Record {
    let (peer, transfer) = (ACME.to_owned(), TransferId([number; 16]));
    Record {
        id: ErasureId([number; 16]),
        since: SOON,
        things: vec![thing(number)],
        links: vec![Link { peer, transfer, state: LinkState::Due }],
        done: None,
        lapsed: false,
    }
}

#[tokio::test]
async fn threat_22_a_customer_is_found_and_wiped_and_leaves_a_tombstone() {
    for (store, _folder) in stores() {
        let mut ops = customer(1, "Carla@example.org");
        ops.extend([append(1, 1), append(1, 2), incoming(5, "carla@example.org")]);
        ops.extend(customer(2, "other@example.org"));
        commit(&*store, vec![ops]);
        let found = store.things_of("carla@EXAMPLE.org").await.unwrap();
        let expected = [thing(1), Thing::Incoming(ACME.into(), TransferId([5; 16]))];
        assert_eq!(found, expected);
        let amount = Erased { chats: 1, entries: 2, contexts: 2, documents: 0 };
        assert_eq!(store.amount(found.clone()).await.unwrap(), amount);
        assert_eq!(store.wipe(found.clone()).await.unwrap(), amount);
        assert_eq!(store.wipe(found).await.unwrap(), Erased::default(), "once more is nothing");
        assert_eq!(store.chat(ChatId([1; 16])).await.unwrap(), None);
        assert!(store.chat(ChatId([2; 16])).await.unwrap().is_some(), "others stay");
        assert_eq!(store.chat_by_token(SecretDigest([1; 32])).await.unwrap(), None);

        store.save_erasure(true, record(1)).await.unwrap();
        let by_link = Thing::Incoming(ACME.into(), TransferId([1; 16]));
        for name in [&thing(1), &by_link] {
            assert_eq!(store.erasure_of(name).await.unwrap(), Some(ErasureId([1; 16])));
        }
        assert_eq!(store.erasure_of(&thing(2)).await.unwrap(), None);
        assert_eq!(store.open_erasures().await.unwrap(), [record(1)]);
        let done = Record { done: Some((LATER, amount)), ..record(1) };
        commit(&*store, vec![vec![Op::SaveErasure(false, Box::new(done.clone()))]]);
        assert_eq!(store.open_erasures().await.unwrap(), []);
        assert_eq!(store.erasures().await.unwrap(), std::slice::from_ref(&done));
        assert_eq!(store.erasure(done.id).await.unwrap(), Some(done));
    }
}

#[tokio::test]
async fn threat_22_the_audit_knows_whom_something_was_sent() {
    for (store, _folder) in stores() {
        let sent = audited(1, audit::Step::Sent(audit::Left::default()));
        let (chat, transfer) = (sent.chat.unwrap(), sent.transfer.unwrap());
        let mut ops: Vec<Op> = vec![Op::Audit(Box::new(audited(1, audit::Step::Rescued)))];
        ops.push(Op::Audit(Box::new(sent)));
        let about_none = audit::Record { transfer: None, peer: None, ..audited(2, audit::Step::Rescued) };
        ops.push(Op::Audit(Box::new(about_none)));
        commit(&*store, vec![ops]);
        assert_eq!(store.sent(chat).await.unwrap(), [("globex".to_owned(), transfer)]);
        assert_eq!(store.chats_about("globex", transfer).await.unwrap(), [chat]);
        assert_eq!(store.chats_about("initech", transfer).await.unwrap(), []);
    }
}

/// Long and short ones, beside others, written and changed more than once: pages are split and joined meanwhile.
#[tokio::test]
async fn threat_22_not_a_byte_is_left_in_the_file_or_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("baton.db")).unwrap();
    for number in 1..=60 {
        let canary = number % 3 == 0;
        let email = if canary { "quillfeather@example.org" } else { "other@example.org" };
        let mut batches = vec![customer(number, email)];
        for seq in 1..=40_u64 {
            let word = if canary { "moonlantern" } else { "kettle" };
            let text = word.repeat(1 + usize::try_from(seq * seq).unwrap() % 700);
            let id = baton_protocol::MessageId([u8::try_from(seq).unwrap(); 16]);
            let entry = Entry { seq, at: SOON, id, author: Author::Customer, body: Body::Text(text) };
            batches.push(vec![Op::Append { chat: ChatId([number; 16]), entry: entry.into() }]);
        }
        for version in 1..=3 {
            let json = format!("{{\"customer\":{{\"email\":\"{email}\"}},\"v\":\"{}\"}}", email.repeat(30));
            let (id, token) = (ChatId([number; 16]), SecretDigest([number; 32]));
            batches.push(vec![Op::SaveChat(ChatRow { id, version, token, open: true, json })]);
        }
        batches.push(vec![incoming(number, email)]);
        assert!(commit(&store, batches).iter().all(|(_, result)| result.is_ok()));
    }
    let left = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        let bytes: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        let has = |canary: &[u8]| bytes.windows(canary.len()).filter(|part| *part == canary).count();
        (has(b"moonlantern"), has(b"quillfeather"), has(b"kettle"))
    };
    let (words, addresses, _) = left();
    assert!(words > 0 && addresses > 0);
    let things = store.things_of("quillfeather@example.org").await.unwrap();
    assert_eq!(things.len(), 40);
    store.wipe(things).await.unwrap();
    let (words, addresses, others) = left();
    assert_eq!((words, addresses), (0, 0));
    assert!(others > 0);
}
