//! The store of files.

use baton_protocol::model::DocumentRef;
use futures_util::TryStreamExt;

use super::*;

fn documents(folder: &Path) -> Documents {
    let limits =
        config::Documents { store: Place::Folder(folder.join("documents")), ..config::Documents::default() };
    Documents::open(&limits, folder).unwrap()
}

async fn bytes(documents: &Documents, chat: ChatId, sha256: &str, range: Range<u64>) -> Vec<u8> {
    let parts: Vec<_> = documents.read(chat, sha256, range).await.unwrap().try_collect().await.unwrap();
    parts.concat()
}

const CHAT: ChatId = ChatId([1; 16]);

#[tokio::test]
async fn a_file_is_kept_for_its_chat_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents(folder.path());
    documents.probe().await.unwrap();
    let mut spool = documents.upload(1).await.unwrap();
    spool.write(b"Hello, ").await.unwrap();
    spool.write(b"world").await.unwrap();
    let card = documents.check(&spool, "hello.html").unwrap();
    assert_eq!((card.name.as_str(), card.size), ("hello.html.txt", 12));
    documents.keep(CHAT, spool).await.unwrap();
    assert_eq!(documents.size(CHAT, &card.sha256).await.unwrap(), Some(12));
    assert_eq!(bytes(&documents, CHAT, &card.sha256, 7..12).await, b"world");
    let other = ChatId([2; 16]);
    assert_eq!(documents.size(other, &card.sha256).await.unwrap(), None);
    documents.copy(CHAT, other, &card.sha256).await.unwrap();
    assert_eq!(bytes(&documents, other, &card.sha256, 0..12).await, b"Hello, world");
    assert_eq!(std::fs::read_dir(folder.path().join(SPOOL)).unwrap().count(), 0);
}

#[tokio::test]
async fn threat_22_a_chats_files_are_erased_and_no_other_chats() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents(folder.path());
    let other = ChatId([2; 16]);
    for (number, chat) in [(1, CHAT), (2, CHAT), (3, other)] {
        let mut spool = documents.upload(number).await.unwrap();
        spool.write(format!("file {number}").as_bytes()).await.unwrap();
        documents.keep(chat, spool).await.unwrap();
    }
    let hash = "ab".repeat(32);
    documents.arriving(CHAT, &hash).await.unwrap().flush().await.unwrap();
    documents.arriving(other, &hash).await.unwrap().flush().await.unwrap();
    // What a write that was cut off leaves.
    let place = folder.path().join("documents").join(CHAT.to_string());
    std::fs::write(place.join(format!("{hash}#1")), b"half").unwrap();
    assert_eq!(documents.count(CHAT).await.unwrap(), 3);
    assert_eq!(documents.erase(CHAT).await.unwrap(), 3);
    assert!(!place.exists());
    assert_eq!((documents.count(CHAT).await.unwrap(), documents.erase(CHAT).await.unwrap()), (0, 0));
    assert_eq!(documents.count(other).await.unwrap(), 2);
}

#[tokio::test]
async fn what_was_begun_goes_on_and_uploads_of_the_past_are_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents(folder.path());
    let hash = "ab".repeat(32);
    let mut begun = documents.arriving(CHAT, &hash).await.unwrap();
    begun.write(b"Hello, ").await.unwrap();
    begun.flush().await.unwrap();
    drop(begun);
    std::fs::write(folder.path().join(SPOOL).join("upload-7"), b"left by a process that was killed").unwrap();
    documents.sweep().unwrap();
    let mut resumed = documents.arriving(CHAT, &hash).await.unwrap();
    assert_eq!(resumed.size(), 7);
    resumed.write(b"world").await.unwrap();
    let whole = documents.upload(8).await;
    let mut whole = whole.unwrap();
    whole.write(b"Hello, world").await.unwrap();
    assert_eq!((resumed.sha256(), resumed.head()), (whole.sha256(), whole.head()));
    assert_eq!(std::fs::read_dir(folder.path().join(SPOOL)).unwrap().count(), 2, "7 is gone");
}

#[tokio::test]
async fn an_upload_that_comes_to_nothing_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents(folder.path());
    let left = || std::fs::read_dir(folder.path().join(SPOOL)).unwrap().count();
    let mut refused = documents.upload(1).await.unwrap();
    refused.write(b"more than the chat may have").await.unwrap();
    assert_eq!(left(), 1);
    drop(refused);
    assert_eq!(left(), 0, "whoever refuses it, or is gone before it is complete, need not think of it");
    let mut arriving = documents.arriving(CHAT, &"ab".repeat(32)).await.unwrap();
    arriving.write(b"half").await.unwrap();
    arriving.flush().await.unwrap();
    drop(arriving);
    assert_eq!(left(), 1, "what comes from a peer goes on where it was");
    documents.arriving(CHAT, &"ab".repeat(32)).await.unwrap().remove();
    assert_eq!(left(), 0);
}

#[test]
fn what_a_peer_says_of_documents_is_made_safe() {
    let document = |name: &str, sha256: &str| DocumentRef {
        number: 0,
        name: name.into(),
        media_type: "text/\r\nhtml".into(),
        size: 1,
        sha256: sha256.into(),
    };
    let hash = "ab".repeat(32);
    let mut said =
        vec![document("../\u{202e}x", &hash), document("y", "../../etc/passwd"), document("z", "AB")];
    sober(&mut said);
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].name.as_str(), said[0].media_type.as_str()), ("x", "text/html"));
}
