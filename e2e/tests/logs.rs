//! What stands in no log, however much is logged (S1, threat 21).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_e2e::documents::Files;
use baton_e2e::pair::{TRANSFER, stage, texts_until, to_globex, transfer, verifier, welcome};
use baton_protocol::model::{Share, Stage};
use baton_protocol::{ClientFrame, CloseCode};

#[tokio::test]
async fn s1_nothing_of_a_customer_and_no_secret_of_theirs_stands_in_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    for company in [&mut acme, &mut globex] {
        company.set_variables(&[("RUST_LOG", "debug")]);
        company.start().await.unwrap();
    }
    acme.trust(&globex, "in-place").unwrap();
    globex.trust(&acme, "in-place").unwrap();
    let (mut anna, anna_token) = Client::agent_with_token(&acme, "anna").await.unwrap();
    let (mut carla, chat, token) = Client::customer(&acme, &verifier()).await.unwrap();
    carla.say(None, 1, "The moonlantern leaks.").await.unwrap();
    let files = Files { company: &acme, chat, token: &token, origin: None };
    let card = files.upload("thornberry.txt", b"saltmarsh".to_vec()).await.unwrap();
    carla.attach(None, 2, &card.sha256).await.unwrap();
    let mut gus = Client::agent(&globex, "gus").await.unwrap();
    anna.pick_up().await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let (_, wtid) = carla.offer().await.unwrap();
    let mut there = Client::claim(&globex, wtid.clone(), verifier(), 1).await.unwrap();
    let (_, new_token, _) = welcome(&mut there).await;
    there.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    carla.closes(CloseCode::Moved).await.unwrap();
    gus.pick_up().await.unwrap();
    there.say(None, 3, "Quillfeather Lane.").await.unwrap();
    texts_until(&mut gus, "Quillfeather Lane.").await;
    stage(&mut anna, Stage::Answered).await;
    // A second claim and a strange token are told of in the log as well.
    let mut again = Client::claim(&globex, wtid.clone(), verifier(), 1).await.unwrap();
    again.closes(CloseCode::Unauthenticated).await.unwrap();

    let secrets =
        [wtid.reveal(), verifier().reveal(), token.reveal(), new_token.reveal(), anna_token.reveal()];
    let words =
        ["Carla", "carla@example.org", "moonlantern", "thornberry", "saltmarsh", "uillfeather", "valve"];
    for company in [&acme, &globex] {
        let log = company.log();
        assert!(log.contains("DEBUG") && log.lines().count() > 10, "else this test shows nothing: {log}");
        let canaries = secrets.iter().map(String::as_str).chain(words);
        let found: Vec<&str> = canaries.filter(|canary| log.contains(canary)).collect();
        assert!(found.is_empty(), "{found:?} in the log of {}", company.plan().name);
    }
}
