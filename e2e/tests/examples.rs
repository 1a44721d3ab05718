//! The examples in another language, against real gateways.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, PASSWORD};
use baton_e2e::pair::{TRANSFER, context, stage, texts_until, transfer, verifier, welcome};
use baton_e2e::python::Program;
use baton_protocol::frames::Start;
use baton_protocol::model::{Destination, Share, Stage};
use baton_protocol::{ClientFrame, CloseCode, Encoding, Epoch, Verifier, Wtid};

#[tokio::test]
async fn a_bot_in_python_answers_every_message_of_a_customer_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    let arguments = [&*acme.socket(), "ben"];
    let mut bot = Program::start("bot/agent.py", &arguments, &[("BATON_PASSWORD", PASSWORD)]).unwrap();
    assert_eq!(bot.prints("logged in at").await.unwrap(), "acme");
    let (mut carla, ..) = Client::customer(&acme, &verifier()).await.unwrap();
    assert_eq!(bot.prints("serving").await.unwrap(), "Carla");
    carla.say(None, 1, "My stove leaks.").await.unwrap();
    carla.say(None, 2, "Can you mend it?").await.unwrap();
    let mut texts = texts_until(&mut carla, "You said: Can you mend it?").await;
    texts.retain(|text| text.starts_with("You said"));
    assert_eq!(texts, ["You said: My stove leaks.", "You said: Can you mend it?"]);
}

async fn claim(socket: &str, wtid: Wtid, verifier: Verifier, epoch: Epoch) -> Client {
    let mut client = Client::connect_to(socket, Encoding::Json, None).await.unwrap();
    let challenge = Verifier::from_bytes([9; 32]).challenge();
    client
        .hello(Start::Claim { wtid: Some(wtid), verifier, epoch, challenge, adopt: false }, 0)
        .await
        .unwrap();
    client
}

#[tokio::test]
async fn x2_a_strangers_server_takes_a_customer_over_and_hands_them_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    let (address, database) = (Program::free_address().unwrap(), folder.path().join("soylent.db"));
    let known = format!("{}={}", acme.address(), acme.baton(&["fingerprint"], "").unwrap().trim());
    let arguments = ["soylent", &address, database.to_str().unwrap(), &known];
    let mut peer = Program::start("peer/peer.py", &arguments, &[]).unwrap();
    let fingerprint = peer.prints("fingerprint").await.unwrap();
    acme.trust_server(&address, &fingerprint, &[]).unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let (mut carla, ..) = Client::customer(&acme, &verifier()).await.unwrap();
    carla.say(None, 1, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    anna.say(Some(chat), 2, "Soylent can help.").await.unwrap();

    let to = Destination::Server { server: "soylent".into(), area: None };
    transfer(&mut anna, TRANSFER, chat, to, Share::All).await;
    let (_, wtid) = carla.offer().await.unwrap();
    // After the information was posted: it comes along with the release.
    carla.say(None, 3, "It is an Ember.").await.unwrap();
    let socket = format!("ws{}/v1/ws", address.strip_prefix("http").unwrap());
    let mut there = claim(&socket, wtid.clone(), verifier(), 1).await;
    let (epoch, _, arrived) = welcome(&mut there).await;
    assert_eq!((epoch, arrived), (2, TRANSFER));
    there.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    carla.closes(CloseCode::Moved).await.unwrap();
    stage(&mut anna, Stage::Answered).await;
    claim(&socket, wtid, verifier(), 1).await.closes(CloseCode::Unauthenticated).await.unwrap();
    texts_until(&mut there, "Soylent here, and I know 3 lines of yours.").await;
    for _ in 0..2 {
        there.say(None, 4, "Can I have a receipt?").await.unwrap();
    }
    texts_until(&mut there, "You said: Can I have a receipt?").await;

    there.say(None, 5, "back").await.unwrap();
    let (second, wtid) = there.offer().await.unwrap();
    there.say(None, 6, "Thank you.").await.unwrap();
    let mut home = claim(&acme.socket(), wtid, Verifier::from_bytes([9; 32]), 2).await;
    let (epoch, _, arrived) = welcome(&mut home).await;
    assert_eq!((epoch, arrived), (3, second));
    home.send(&ClientFrame::Accept { transfer: second }).await.unwrap();
    there.closes(CloseCode::Moved).await.unwrap();
    anna.pick_up().await.unwrap();
    let context = context(&mut anna).await;
    assert_eq!(context.visited, ["acme", "soylent"]);
    let texts: Vec<&str> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    let said = [
        "My stove leaks.",
        "Soylent can help.",
        "It is an Ember.",
        "Soylent here, and I know 3 lines of yours.",
        "Can I have a receipt?",
        "You said: Can I have a receipt?",
        "back",
        "Thank you.",
        "You said: Thank you.",
    ];
    assert_eq!(texts, said);
    home.say(None, 7, "Here I am again.").await.unwrap();
    texts_until(&mut anna, "Here I am again.").await;
}
