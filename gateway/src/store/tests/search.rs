//! Full-text search in a file: what is found, by whom, and that nothing of it is left when it is erased.

use baton_core::erase::Thing;

use super::*;

/// A chat that is over, in which these words were said, and which this agent has had.
fn over(number: u8, served: &str, words: &[&str]) -> Vec<Op> {
    let (id, token) = (ChatId([number; 16]), SecretDigest([number; 32]));
    let json = format!("{{\"since\":{number},\"served\":[\"{served}\"]}}");
    let mut ops = vec![Op::SaveChat(ChatRow { id, version: 0, token, open: false, json })];
    for (seq, word) in (1..).zip(words) {
        let body = Body::Text(format!("The {word} weeps."));
        let id = baton_protocol::MessageId([seq; 16]);
        let entry = Entry { seq: seq.into(), at: SOON, id, author: Author::Customer, body };
        ops.push(Op::Append { chat: ChatId([number; 16]), entry: entry.into() });
    }
    ops
}

#[tokio::test]
async fn what_was_said_is_found_by_whoever_had_the_chat() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("baton.db")).unwrap();
    let batches = vec![
        over(1, "anna", &["válve"]),
        over(2, "ben", &["valves", "kettle"]),
        vec![chat(3, 0), append(3, 1)],
    ];
    assert!(commit(&store, batches).iter().all(|(_, result)| result.is_ok()));
    assert!(!store.index_some(10).await.unwrap(), "nothing is left for another round");
    let found = async |words: &str, served: Option<&str>| {
        let found = store.search(words, served, 10).await.unwrap();
        let mut chats: Vec<u8> = found.iter().map(|found| found.chat.0[0]).collect();
        chats.sort_unstable();
        chats
    };
    assert_eq!(found("valve", None).await, [1, 2], "accents and ends of words do not count");
    assert_eq!(found("VALV weep", Some("anna")).await, [1]);
    assert_eq!(found("line", None).await, [0_u8; 0], "that chat is not over");
    for strange in
        ["valve NOT weeps", "\"", "*", "text:valve", "(", "valve OR x", "NEAR(valve weeps)", "-valve x"]
    {
        assert_eq!(found(strange, None).await, [0_u8; 0], "{strange}");
    }
    store.index_some(10).await.unwrap();
    assert_eq!(found("kettle", None).await, [2], "indexed once");
}

#[tokio::test]
async fn threat_22_what_is_erased_is_in_no_index_and_no_byte_of_it_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("baton.db")).unwrap();
    for number in 1..=40 {
        let word = if number % 2 == 0 { "moonlantern" } else { "kettle" };
        commit(&store, vec![over(number, "anna", &[word; 30])]);
    }
    while store.index_some(7).await.unwrap() {}
    assert!(!store.search("moonlantern", None, 10).await.unwrap().is_empty());
    let things = (1..=40).filter(|number| number % 2 == 0).map(|number| Thing::Chat(ChatId([number; 16])));
    store.wipe(things.collect()).await.unwrap();
    assert_eq!(store.search("moonlantern", None, 10).await.unwrap(), []);
    assert!(!store.search("kettle", None, 10).await.unwrap().is_empty(), "others stay");
    let files = std::fs::read_dir(folder.path()).unwrap();
    let bytes: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    for canary in [&b"moonlantern"[..], b"oonlanter"] {
        assert!(!bytes.windows(canary.len()).any(|part| part == canary), "it is in a file");
    }
}
