//! Documents at real gateways: who may upload and read what, and how it follows a transfer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::documents::Files;
use baton_e2e::pair::{Both, TRANSFER, both};
use baton_protocol::model::{
    Body, Context, Destination, DocumentState, Edits, Share, document_line, is_sha256,
};
use baton_protocol::{ChatId, ClientFrame, ErrorCode, MessageId, ResumeToken, ServerFrame, Verifier};

/// A company whose `[documents]` say this.
async fn alone(settings: &str) -> (Company, tempfile::TempDir) {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let file = acme.folder().join("baton.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("[documents]", &format!("[documents]\n{settings}"));
    std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
    acme.start().await.unwrap();
    (acme, folder)
}

fn verifier() -> Verifier {
    Verifier::from_bytes([1; 32])
}

/// A file that begins as a PDF does; no two numbers make the same one.
fn pdf(number: u8, size: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    bytes.resize(size.max(10), number);
    bytes
}

struct Carla {
    client: Client,
    chat: ChatId,
    token: ResumeToken,
}

async fn carla(company: &Company) -> Carla {
    let (client, chat, token) = Client::customer(company, &verifier()).await.unwrap();
    Carla { client, chat, token }
}

impl Carla {
    fn files<'a>(&'a self, company: &'a Company) -> Files<'a> {
        Files { company, chat: self.chat, token: &self.token, origin: None }
    }

    /// Uploads a file and says it; answers its hash.
    async fn attaches(&mut self, company: &Company, number: u8, size: usize) -> String {
        let name = format!("file{number}.pdf");
        let card = self.files(company).upload(&name, pdf(number, size)).await.unwrap();
        self.client.attach(None, number, &card.sha256).await.unwrap();
        card.sha256
    }
}

fn header(response: &reqwest::Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn w1_a_document_is_uploaded_said_and_read_by_the_other_side() {
    let (acme, _folder) = alone("").await;
    let mut carla = carla(&acme).await;
    let (mut anna, anna_token) = Client::agent_with_token(&acme, "anna").await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), carla.chat);
    let bytes = pdf(1, 5_000);
    let card = carla.files(&acme).upload("..%2F..%2Fo%CC%88fen.exe", bytes.clone()).await.unwrap();
    assert!(is_sha256(&card.sha256) && card.size == 5_000 && card.media_type == "application/pdf");
    assert_eq!(card.name, "o\u{308}fen.exe.pdf", "no path, and the ending that its content asks for");
    carla.client.attach(None, 1, &card.sha256).await.unwrap();
    let shown = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => entries.iter().find_map(|entry| match &entry.body {
            Body::Document(card) => Some(card.clone()),
            _ => None,
        }),
        _ => None,
    };
    assert_eq!(anna.expect("the document", shown).await.unwrap(), card);
    let files = Files { company: &acme, chat: carla.chat, token: &anna_token, origin: None };
    let whole = files.get(&card.sha256, None).await.unwrap();
    assert_eq!((whole.status().as_u16(), header(&whole, "content-type")), (200, "application/pdf".into()));
    assert!(header(&whole, "content-disposition").starts_with("attachment; filename=\"o_fen.exe.pdf\""));
    assert_eq!(header(&whole, "x-content-type-options"), "nosniff");
    assert_eq!(header(&whole, "content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let part = files.get(&card.sha256, Some("bytes=0-7")).await.unwrap();
    assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, "bytes 0-7/5000".into()));
    assert_eq!(part.bytes().await.unwrap(), &bytes[..8]);
    let beyond = files.get(&card.sha256, Some("bytes=5000-")).await.unwrap();
    assert_eq!((beyond.status().as_u16(), header(&beyond, "content-range")), (416, "bytes */5000".into()));
}

#[tokio::test]
async fn threat_14_markup_is_never_served_as_markup() {
    let (acme, _folder) = alone("").await;
    let mut carla = carla(&acme).await;
    let page = b"<!DOCTYPE html><script>alert(1)</script>".to_vec();
    let card = carla.files(&acme).upload("page.html", page).await.unwrap();
    assert_eq!((card.name.as_str(), card.media_type.as_str()), ("page.html.txt", "text/plain"));
    carla.client.attach(None, 1, &card.sha256).await.unwrap();
    let response = carla.files(&acme).get(&card.sha256, None).await.unwrap();
    assert_eq!(header(&response, "content-type"), "text/plain; charset=utf-8");
    assert!(header(&response, "content-disposition").starts_with("attachment;"));
    let program = carla.files(&acme).send("photo.png", b"MZ\x90\0\x03\0\0\0\x04\0".to_vec()).await.unwrap();
    assert_eq!(program.status(), 422);
}

#[tokio::test]
async fn s2_nobody_reads_or_says_what_is_not_theirs() {
    let (acme, _folder) = alone("").await;
    let mut carla = carla(&acme).await;
    let hash = carla.attaches(&acme, 1, 100).await;
    let (mut other, other_chat, other_token) =
        Client::customer(&acme, &Verifier::from_bytes([2; 32])).await.unwrap();
    let (_anna, anna_token) = Client::agent_with_token(&acme, "anna").await.unwrap();
    let as_who = |chat, token| Files { company: &acme, chat, token, origin: None };
    let nobody = ResumeToken::from_bytes([5; 32]);
    for (chat, token, status) in [
        (carla.chat, &other_token, 401),
        (carla.chat, &nobody, 401),
        (other_chat, &other_token, 404),
        // She has not picked the customer up.
        (carla.chat, &anna_token, 404),
        (ChatId([3; 16]), &carla.token, 401),
    ] {
        assert_eq!(as_who(chat, token).get(&hash, None).await.unwrap().status(), status);
    }
    assert_eq!(as_who(carla.chat, &other_token).send("x.pdf", pdf(2, 20)).await.unwrap().status(), 401);
    assert_eq!(as_who(carla.chat, &anna_token).send("x.pdf", pdf(2, 20)).await.unwrap().status(), 409);
    // Knowing the hash of another chat's document is of no use.
    other.send(&ClientFrame::Attach { chat: None, id: MessageId([9; 16]), sha256: hash }).await.unwrap();
    let refused = |frame: &ServerFrame| match frame {
        ServerFrame::Refused { code, .. } => Some(*code),
        _ => None,
    };
    assert_eq!(other.expect("a refusal", refused).await.unwrap(), ErrorCode::UnknownDocument);
}

#[tokio::test]
async fn what_is_too_large_too_many_or_from_a_foreign_page_is_refused() {
    let settings = "max_bytes = 1000\nper_chat = 2\ntypes = [\"application/pdf\"]\n";
    let (acme, _folder) = alone(settings).await;
    let carla = carla(&acme).await;
    let files = carla.files(&acme);
    assert_eq!(files.send("a.pdf", pdf(1, 1_001)).await.unwrap().status(), 422);
    assert_eq!(files.send("a.txt", b"not a PDF".to_vec()).await.unwrap().status(), 422);
    assert_eq!(files.send("a.pdf", Vec::new()).await.unwrap().status(), 422);
    files.upload("a.pdf", pdf(1, 1_000)).await.unwrap();
    files.upload("b.pdf", pdf(1, 1_000)).await.unwrap();
    files.upload("c.pdf", pdf(2, 1_000)).await.unwrap();
    assert_eq!(files.send("d.pdf", pdf(3, 1_000)).await.unwrap().status(), 422, "the third file of two");
    let foreign = Files { origin: Some("https://evil.example"), ..carla.files(&acme) };
    assert_eq!(foreign.send("a.pdf", pdf(1, 1_000)).await.unwrap().status(), 403);
    let site = acme.site();
    let own = Files { origin: Some(&site), ..carla.files(&acme) };
    let response = own.send("a.pdf", pdf(1, 1_000)).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), header(&response, "access-control-allow-origin")),
        (200, site.clone())
    );
    let left = std::fs::read_dir(acme.folder().join("spool")).unwrap().count();
    assert_eq!(left, 0, "nothing of what was refused is kept");
}

/// Carla goes to Globex. Answers her new chat there, and the context as Gus, who picks her up, has it.
async fn moves(both: &Both, carla: &mut Carla, share: Share) -> (Client, ResumeToken, Client, Context) {
    moves_after(both, carla, share, || ()).await
}

/// The same, and this happens when Globex waits for her.
async fn moves_after(
    both: &Both,
    carla: &mut Carla,
    share: Share,
    happens: impl FnOnce(),
) -> (Client, ResumeToken, Client, Context) {
    let mut anna = Client::agent(&both.acme, "anna").await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), carla.chat);
    let (mut gus, token) = Client::agent_with_token(&both.globex, "gus").await.unwrap();
    let to = Destination::Server { server: "globex".into(), area: Some("repairs".into()) };
    let (chat, comments) = (carla.chat, String::new());
    anna.send(&ClientFrame::Transfer { transfer: TRANSFER, chat, to, comments, share }).await.unwrap();
    let (_, wtid) = carla.client.offer().await.unwrap();
    happens();
    let mut moved = Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap();
    let welcome = |frame: &ServerFrame| match frame {
        ServerFrame::Welcome { token: Some(token), .. } => Some(token.clone()),
        _ => None,
    };
    let new = moved.expect("welcome", welcome).await.unwrap();
    moved.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    carla.chat = gus.pick_up().await.unwrap();
    carla.token = new;
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { context, .. } => context.clone(),
        _ => None,
    };
    let context = gus.expect("a chat with context", opened).await.unwrap();
    (gus, token, moved, context)
}

/// The document, once it is there.
async fn arrives(files: &Files<'_>, sha256: &str) -> Vec<u8> {
    let bytes = baton_e2e::until("the document", || async {
        let response = files.get(sha256, None).await?;
        anyhow::ensure!(response.status() == 200, "{}", response.status());
        Ok(response.bytes().await?.to_vec())
    });
    bytes.await.unwrap()
}

#[tokio::test]
async fn d5_documents_follow_the_customer_to_the_other_company() {
    let both = both().await;
    let mut carla = carla(&both.acme).await;
    let hash = carla.attaches(&both.acme, 1, 300_000).await;
    let (_gus, token, mut moved, context) = moves(&both, &mut carla, Share::All).await;
    assert_eq!(context.documents.len(), 1);
    let (document, line) = (&context.documents[0], &context.transcript[0]);
    assert_eq!((document.sha256.as_str(), document.name.as_str()), (hash.as_str(), "file1.pdf"));
    assert_eq!((document_line(&hash), line.text.as_str()), (Some(line.id), "file1.pdf"));
    let gus = Files { company: &both.globex, chat: carla.chat, token: &token, origin: None };
    assert_eq!(arrives(&gus, &hash).await, pdf(1, 300_000));
    // The customer has it there as well, and says it again without another upload.
    assert_eq!(carla.files(&both.globex).get(&hash, None).await.unwrap().status(), 200);
    moved.attach(None, 1, &hash).await.unwrap();
}

#[tokio::test]
async fn w2_what_is_left_out_is_neither_named_nor_given() {
    let both = both().await;
    let mut carla = carla(&both.acme).await;
    let (kept, goes) =
        (carla.attaches(&both.acme, 1, 1_000).await, carla.attaches(&both.acme, 2, 1_000).await);
    let edits = Edits { leave_out: vec![document_line(&kept).unwrap()], ..Edits::default() };
    let (_gus, token, _moved, context) = moves(&both, &mut carla, Share::Part(edits)).await;
    let json = serde_json::to_string(&context).unwrap();
    assert!(!json.contains(&kept) && !json.contains("file1.pdf") && context.incomplete, "{json}");
    let gus = Files { company: &both.globex, chat: carla.chat, token: &token, origin: None };
    assert_eq!(arrives(&gus, &goes).await, pdf(2, 1_000));
    assert_eq!(gus.get(&kept, None).await.unwrap().status(), 404);
}

#[tokio::test]
async fn w2_with_nothing_no_document_goes() {
    let both = both().await;
    let mut carla = carla(&both.acme).await;
    let hash = carla.attaches(&both.acme, 1, 1_000).await;
    let (_gus, token, _moved, context) = moves(&both, &mut carla, Share::Nothing).await;
    assert!(context.documents.is_empty() && context.transcript.is_empty() && context.incomplete);
    let gus = Files { company: &both.globex, chat: carla.chat, token: &token, origin: None };
    assert_eq!(gus.get(&hash, None).await.unwrap().status(), 404);
}

#[tokio::test]
async fn w2_documents_that_the_agreement_excludes_by_now_are_neither_given_nor_taken() {
    let but_documents = "identity,notes,transcript,comments";
    for (origin, option) in [(true, "--give"), (false, "--take")] {
        let both = both().await;
        let mut carla = carla(&both.acme).await;
        let hash = carla.attaches(&both.acme, 1, 1_000).await;
        let (company, other) = if origin { (&both.acme, "globex") } else { (&both.globex, "acme") };
        let words = ["peer", "set", other, option, but_documents].map(str::to_owned);
        let change = || drop(company.baton(&words, "").unwrap());
        let (mut gus, token, _moved, context) = moves_after(&both, &mut carla, Share::All, change).await;
        assert_eq!(context.documents.len(), 1, "it was announced before");
        let missing = |frame: &ServerFrame| match frame {
            ServerFrame::DocumentChanged { state: DocumentState::Missing, .. } => Some(()),
            _ => None,
        };
        gus.expect("word that it does not come", missing).await.unwrap();
        let files = Files { company: &both.globex, chat: carla.chat, token: &token, origin: None };
        assert_eq!(files.get(&hash, None).await.unwrap().status(), 404);
    }
}

#[tokio::test]
async fn d5_an_origin_that_is_killed_while_it_gives_its_documents_goes_on_after_a_restart() {
    const COUNT: u8 = 6;
    const SIZE: usize = 9 * 1024 * 1024;
    let mut both = both().await;
    let mut carla = carla(&both.acme).await;
    let mut hashes = Vec::new();
    for number in 1..=COUNT {
        hashes.push(carla.attaches(&both.acme, number, SIZE).await);
    }
    let (mut gus, token, _moved, context) = moves(&both, &mut carla, Share::All).await;
    both.acme.kill().unwrap();
    assert_eq!(context.documents.len(), usize::from(COUNT));
    let files = Files { company: &both.globex, chat: carla.chat, token: &token, origin: None };
    let last = hashes.last().unwrap();
    let missing = files.get(last, None).await.unwrap();
    assert_eq!(missing.status(), 409, "the origin was killed too late for this test to show anything");
    both.acme.start().await.unwrap();
    let here = |frame: &ServerFrame| match frame {
        ServerFrame::DocumentChanged { sha256, state: DocumentState::Here, .. } if sha256 == last => Some(()),
        _ => None,
    };
    gus.expect("the last document", here).await.unwrap();
    for (number, hash) in (1..=COUNT).zip(&hashes) {
        assert!(arrives(&files, hash).await == pdf(number, SIZE), "document {number} is not what was sent");
    }
}
