//! The erasure of a customer (threat 22): it follows every hop, from whichever end, and nothing is left on any disk.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use anyhow::{Result, bail, ensure};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX, INITECH};
use baton_e2e::documents::Files;
use baton_e2e::pair::{context, stage, transfer, verifier};
use baton_e2e::until;
use baton_protocol::frames::Start;
use baton_protocol::model::{Body, Destination, Share, Stage};
use baton_protocol::{
    ChatId, ClientFrame, CloseCode, Encoding, MessageId, ResumeToken, ServerFrame, TransferId, Verifier,
};

/// What must be nowhere afterwards: a name, an address, words, a file's name and what is in it.
const CANARIES: [&str; 6] =
    ["Zarkovy", "zarkovy@example.org", "quillfeather", "moonlantern", "thornberry-invoice", "saltmarsh"];

const EMAIL: &str = "zarkovy@example.org";

/// Acme, Globex and Initech, each a peer of its neighbours.
struct Three {
    acme: Company,
    globex: Company,
    initech: Company,
    folder: tempfile::TempDir,
}

async fn three() -> Three {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    let mut initech = Company::set_up(INITECH, folder.path()).await.unwrap();
    for company in [&mut acme, &mut globex, &mut initech] {
        company.start().await.unwrap();
    }
    for (one, other) in [(&acme, &globex), (&globex, &initech)] {
        one.trust(other, "in-place").unwrap();
        other.trust(one, "in-place").unwrap();
    }
    Three { acme, globex, initech, folder }
}

/// A customer who has gone from Acme to Globex and on to Initech, and what each of them knows them by.
struct Gone {
    chats: [ChatId; 3],
    token: ResumeToken,
    there: Client,
}

fn number(number: u8) -> TransferId {
    TransferId([number; 16])
}

async fn customer(company: &Company) -> (Client, ChatId, ResumeToken) {
    let mut client = Client::connect(company, Encoding::Binary, None).await.unwrap();
    let (area, challenge) = (String::new(), verifier().challenge());
    let (name, email, subject) = ("Zarkovy".into(), EMAIL.into(), "quillfeather".into());
    client.hello(Start::New { area, name, email, subject, challenge }, 0).await.unwrap();
    let welcome = |frame: &ServerFrame| match frame {
        ServerFrame::Welcome { chat, token: Some(token), .. } => Some((*chat, token.clone())),
        _ => None,
    };
    let (chat, token) = client.expect("welcome", welcome).await.unwrap();
    (client, chat, token)
}

/// Follows the offer that the customer has; answers the new connection.
async fn arrive(from: &mut Client, to: &Company, which: TransferId, secret: Verifier, epoch: u32) -> Client {
    let (_, wtid) = from.offer().await.unwrap();
    let mut moved = Client::claim(to, wtid, secret, epoch).await.unwrap();
    let welcome = |frame: &ServerFrame| matches!(frame, ServerFrame::Welcome { .. }).then_some(());
    moved.expect("welcome", welcome).await.unwrap();
    moved.send(&ClientFrame::Accept { transfer: which }).await.unwrap();
    from.closes(CloseCode::Moved).await.unwrap();
    moved
}

async fn document_is_here(company: &Company) {
    let documents = company.folder().join("documents");
    let look = || async {
        let found = files_with_canaries(&documents);
        ensure!(found.iter().any(|file| file.starts_with("saltmarsh")), "not yet");
        Ok(())
    };
    until("the document", look).await.unwrap();
}

/// From Acme, where an attempt comes to nothing first, to Globex and on to Initech, with words, a note and a file.
async fn goes_all_the_way(three: &Three) -> Gone {
    let mut anna = Client::agent(&three.acme, "anna").await.unwrap();
    let mut gus = Client::agent(&three.globex, "gus").await.unwrap();
    let mut ina = Client::agent(&three.initech, "ina").await.unwrap();
    let (mut carla, at_acme, token) = customer(&three.acme).await;
    carla.say(None, 1, "The moonlantern leaks.").await.unwrap();
    let files = Files { company: &three.acme, chat: at_acme, token: &token, origin: None };
    let pdf = b"%PDF-1.7\nsaltmarsh".to_vec();
    let card = files.upload("thornberry-invoice.pdf", pdf).await.unwrap();
    carla.attach(None, 2, &card.sha256).await.unwrap();
    anna.pick_up().await.unwrap();
    let note = ClientFrame::Note { chat: at_acme, id: MessageId([3; 16]), text: "quillfeather again".into() };
    anna.send(&note).await.unwrap();
    let repairs = || Destination::Server { server: "globex".into(), area: Some("repairs".into()) };
    transfer(&mut anna, number(6), at_acme, repairs(), Share::All).await;
    carla.offer().await.unwrap();
    anna.send(&ClientFrame::CancelTransfer { chat: at_acme, transfer: number(6) }).await.unwrap();
    stage(&mut anna, Stage::Failed).await;
    transfer(&mut anna, number(7), at_acme, repairs(), Share::All).await;
    let mut there = arrive(&mut carla, &three.globex, number(7), verifier(), 1).await;
    let at_globex = gus.pick_up().await.unwrap();
    assert!(context(&mut gus).await.transcript.len() >= 2);
    document_is_here(&three.globex).await;
    there.say(None, 4, "Still the moonlantern.").await.unwrap();
    let help = Destination::Server { server: "initech".into(), area: Some("help".into()) };
    transfer(&mut gus, number(8), at_globex, help, Share::All).await;
    // The claim at Globex named the secret for the next hop.
    let mut there = arrive(&mut there, &three.initech, number(8), Verifier::from_bytes([9; 32]), 2).await;
    let at_initech = ina.pick_up().await.unwrap();
    context(&mut ina).await;
    document_is_here(&three.initech).await;
    there.say(None, 5, "The moonlantern, once more.").await.unwrap();
    let shown = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => {
            let last = |body: &Body| matches!(body, Body::Text(text) if text.ends_with("once more."));
            entries.iter().any(|entry| last(&entry.body)).then_some(())
        }
        _ => None,
    };
    ina.expect("the last word", shown).await.unwrap();
    Gone { chats: [at_acme, at_globex, at_initech], token, there }
}

/// Files below a folder in which one of the canaries is, whatever they are.
fn files_with_canaries(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with_canaries(&path));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap_or_default();
            for canary in CANARIES {
                if bytes.windows(canary.len()).any(|part| part == canary.as_bytes()) {
                    found.push(format!("{canary} in {}", path.display()));
                }
            }
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        found.extend(CANARIES.iter().filter(|canary| name.contains(**canary)).map(|_| name.clone()));
    }
    found
}

fn baton(company: &Company, arguments: &[&str]) -> Result<String> {
    company.baton(arguments, "")
}

/// The newest erasure of a company's, when it is complete.
async fn complete(company: &Company) -> serde_json::Value {
    let look = || async {
        let text = baton(company, &["erase", "--status", "--json"])?;
        let line = text.lines().last().unwrap_or_default();
        ensure!(!line.is_empty(), "nothing yet");
        let erasure: serde_json::Value = serde_json::from_str(line)?;
        if erasure["complete"] == true { Ok(erasure) } else { bail!("not complete: {erasure}") }
    };
    until("the erasure to be complete", look).await.unwrap()
}

/// Name, state and proof of every server that is named in an erasure.
fn servers(erasure: &serde_json::Value) -> Vec<(String, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let servers = erasure["servers"].as_array().unwrap().iter();
    servers.map(|one| (text(&one["server"]), text(&one["state"]), text(&one["by"]))).collect()
}

fn holds(company: &Company) -> usize {
    files_with_canaries(company.folder()).len()
}

#[tokio::test]
async fn threat_22_an_erasure_at_the_first_company_reaches_the_last_and_leaves_no_byte() {
    let three = three().await;
    let mut gone = goes_all_the_way(&three).await;
    for company in [&three.acme, &three.globex, &three.initech] {
        assert!(holds(company) > 0, "else this test shows nothing");
    }
    let look = baton(&three.acme, &["erase", EMAIL]).unwrap();
    assert!(look.contains("nothing was done") && look.contains("would tell globex"), "{look}");
    assert!(look.contains(&gone.chats[0].to_string()) && look.contains("1 documents"), "{look}");
    assert!(holds(&three.acme) > 0, "a look changes nothing");

    let done = baton(&three.acme, &["erase", EMAIL, "--yes"]).unwrap();
    assert!(done.contains("here: 1 chats"), "{done}");
    // The customer is with Initech, where the chat is open: it ends.
    gone.there.closes(CloseCode::Ended).await.unwrap();
    let erasure = complete(&three.acme).await;
    let servers = servers(&erasure);
    let proved = |name: &str, proof: &str| {
        let is =
            |one: &&(String, String, String)| one.0 == name && one.1.starts_with("erased:") && one.2 == proof;
        servers.iter().filter(is).count()
    };
    // By the attempt that came to nothing as well.
    assert_eq!(proved("globex", "receipt, signed"), 2, "{servers:?}");
    assert_eq!(proved("initech", "by globex's word"), 1, "{servers:?}");
    assert_eq!(erasure["receipts"].as_array().unwrap().len(), 3, "{erasure}");
    for company in [&three.globex, &three.initech] {
        complete(company).await;
    }
    assert_eq!(files_with_canaries(three.folder.path()), [""; 0]);
    // The audit goes on, and says what was done.
    let audit = baton(&three.globex, &["audit"]).unwrap();
    for step in ["arrived", "sent", "erased", "confirmed"] {
        assert!(audit.contains(step), "{audit}");
    }
    let chats = baton(&three.initech, &["chat", "list"]).unwrap();
    assert!(!chats.contains(&gone.chats[2].to_string()), "{chats}");
    // A widget that comes back is told to begin anew, and a second erasure that there is nothing.
    let mut back = Client::resume(&three.acme, gone.token, 1, 0).await.unwrap();
    back.closes(CloseCode::Unauthenticated).await.unwrap();
    let error = baton(&three.acme, &["erase", EMAIL, "--yes"]).unwrap_err().to_string();
    assert!(error.contains("nothing of them here"), "{error}");
}

#[tokio::test]
async fn threat_22_an_erasure_at_the_last_company_reaches_the_first_though_the_one_between_is_down() {
    let mut three = three().await;
    let gone = goes_all_the_way(&three).await;
    three.globex.kill().unwrap();
    let chat = gone.chats[2].to_string();
    let done = baton(&three.initech, &["erase", &chat, "--yes"]).unwrap();
    assert!(done.contains("not complete") && done.contains("not answered yet"), "{done}");
    assert_eq!(holds(&three.initech), 0);
    // What is owed outlives whoever owes it.
    three.initech.kill().unwrap();
    three.initech.start().await.unwrap();
    three.globex.start().await.unwrap();
    let servers = servers(&complete(&three.initech).await);
    let proof = |name: &str| servers.iter().find(|(server, ..)| server == name).map(|(.., by)| by.as_str());
    assert_eq!(proof("globex"), Some("receipt, signed"), "{servers:?}");
    assert_eq!(proof("acme"), Some("by globex's word"), "no peer of Initech's: {servers:?}");
    complete(&three.acme).await;
    assert_eq!(files_with_canaries(three.folder.path()), [""; 0]);
}

#[tokio::test]
async fn threat_22_a_gateway_that_does_not_run_is_erased_as_well_and_owes_the_rest() {
    let mut three = three().await;
    let gone = goes_all_the_way(&three).await;
    three.acme.stop().unwrap();
    three.globex.stop().unwrap();
    let done = baton(&three.acme, &["erase", &gone.chats[0].to_string(), "--yes"]).unwrap();
    assert!(done.contains("here: 1 chats") && done.contains("not answered yet"), "{done}");
    assert_eq!(holds(&three.acme), 0);
    three.globex.start().await.unwrap();
    three.acme.start().await.unwrap();
    complete(&three.acme).await;
    assert_eq!(files_with_canaries(three.folder.path()), [""; 0]);
}
