//! Two real gateways, and clients that speak the protocol frame by frame.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::pair::{
    TRANSFER, both, chatting, context, stage, texts_until, to_globex, transfer, verifier, welcome,
};
use baton_protocol::codes::ErrorCode;
use baton_protocol::frames::{PeerOffer, Start};
use baton_protocol::model::{Body, ChatState, Destination, Share, Stage};
use baton_protocol::{
    ClientFrame, CloseCode, Encoding, MessageId, ResumeToken, ServerFrame, TransferId, Verifier, Wtid,
};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn d5_context_arrives_with_the_customer_and_before_the_first_word() {
    let both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let (offered, wtid) = carla.offer().await.unwrap();
    assert_eq!(offered, TRANSFER);
    // Said after the information was posted: it must come along all the same.
    carla.say(None, 3, "It is an Ember.").await.unwrap();
    let mut moved = Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap();
    let (epoch, ..) = welcome(&mut moved).await;
    assert_eq!(epoch, 2);
    moved.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    carla.closes(CloseCode::Moved).await.unwrap();
    assert_eq!(stage(&mut anna, Stage::Arrived).await, None);
    gus.pick_up().await.unwrap();
    let context = context(&mut gus).await;
    assert_eq!((context.origin.as_str(), context.agent.as_str()), ("Acme Outdoor", "Anna"));
    assert_eq!(context.comments, "Leaks at the valve.");
    let texts: Vec<&str> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["My stove leaks.", "Our partner can help.", "It is an Ember."]);
    assert_eq!(stage(&mut anna, Stage::Answered).await, None);
}

#[tokio::test]
async fn w2_nothing_crosses_when_the_agent_sends_nothing() {
    let both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::Nothing).await;
    let (_, wtid) = carla.offer().await.unwrap();
    let mut moved = Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap();
    welcome(&mut moved).await;
    gus.pick_up().await.unwrap();
    let context = context(&mut gus).await;
    assert!(context.transcript.is_empty() && context.comments.is_empty() && context.incomplete);
    assert!(context.customer.name.is_empty() && context.customer.email.is_empty());
}

#[tokio::test]
async fn s2_a_wtid_is_honoured_once_and_only_for_its_customer() {
    let both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let (_, wtid) = carla.offer().await.unwrap();
    let thief = Verifier::from_bytes([6; 32]);
    let refused = CloseCode::Unauthenticated;
    Client::claim(&both.globex, wtid.clone(), thief, 1).await.unwrap().closes(refused).await.unwrap();
    let guess = Wtid::from_bytes([5; 32]);
    Client::claim(&both.globex, guess, verifier(), 1).await.unwrap().closes(refused).await.unwrap();
    let mut moved = Client::claim(&both.globex, wtid.clone(), verifier(), 1).await.unwrap();
    welcome(&mut moved).await;
    // Before the widget has accepted, the same holder gets the same session again.
    let mut again = Client::claim(&both.globex, wtid.clone(), verifier(), 1).await.unwrap();
    welcome(&mut again).await;
    moved.closes(CloseCode::Superseded).await.unwrap();
    again.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    stage(&mut anna, Stage::Arrived).await;
    Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap().closes(refused).await.unwrap();
}

#[tokio::test]
async fn a6_globex_killed_before_the_arrival_leaves_the_customer_with_acme() {
    let mut both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    carla.offer().await.unwrap();
    drop(gus);
    both.globex.kill().unwrap();
    // What the widget does when the destination cannot be reached.
    carla.send(&ClientFrame::Reclaim { transfer: TRANSFER, epoch: 3 }).await.unwrap();
    assert_eq!(stage(&mut anna, Stage::Failed).await, Some(ErrorCode::NotArrived));
    carla.say(None, 4, "I am still here.").await.unwrap();
    assert_eq!(texts_until(&mut anna, "I am still here.").await.last().unwrap(), "I am still here.");
    anna.say(Some(chat), 5, "So am I.").await.unwrap();
    texts_until(&mut carla, "So am I.").await;
}

#[tokio::test]
async fn a6_a_peer_that_is_down_is_named_and_the_chat_goes_on() {
    let mut both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    both.globex.kill().unwrap();
    anna.send(&ClientFrame::Inspect { chat, server: "globex".into() }).await.unwrap();
    let offer = |frame: &ServerFrame| match frame {
        ServerFrame::PeerAreas { offer, .. } => Some(offer.clone()),
        _ => None,
    };
    let offer = anna.expect("an answer", offer).await.unwrap();
    assert!(matches!(offer, PeerOffer::Refused { code: ErrorCode::Unreachable, .. }), "{offer:?}");
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    assert_eq!(stage(&mut anna, Stage::Failed).await, Some(ErrorCode::Unreachable));
    carla.say(None, 4, "Hello?").await.unwrap();
    texts_until(&mut anna, "Hello?").await;
}

#[tokio::test]
async fn a5_an_unstaffed_line_is_refused_here_and_there() {
    let both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    transfer(&mut anna, TRANSFER, chat, Destination::Area("billing".into()), Share::All).await;
    assert_eq!(stage(&mut anna, Stage::Failed).await, Some(ErrorCode::Unstaffed));
    transfer(&mut anna, TransferId([8; 16]), chat, to_globex(), Share::All).await;
    assert_eq!(stage(&mut anna, Stage::Failed).await, Some(ErrorCode::Unstaffed));
    carla.say(None, 4, "Well?").await.unwrap();
}

#[tokio::test]
async fn x1_within_a_server_to_a_line_and_to_an_agent() {
    let both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut ben = Client::agent(&both.acme, "ben").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, Destination::Area("billing".into()), Share::All).await;
    stage(&mut anna, Stage::Queued).await;
    assert_eq!(ben.pick_up().await.unwrap(), chat);
    stage(&mut anna, Stage::Answered).await;
    ben.say(Some(chat), 5, "Billing here.").await.unwrap();
    texts_until(&mut carla, "Billing here.").await;
    transfer(&mut ben, TransferId([8; 16]), chat, Destination::Agent("anna".into()), Share::All).await;
    stage(&mut ben, Stage::Arrived).await;
    let context = context(&mut anna).await;
    assert_eq!(context.agent, "Ben");
    let transferred = |frame: &ServerFrame| match frame {
        ServerFrame::CardChanged { card } => {
            matches!(card.state, ChatState::Transferred { .. }).then_some(())
        }
        _ => None,
    };
    ben.expect("the grey window", transferred).await.unwrap();
}

#[tokio::test]
async fn x3_from_acme_to_globex_and_back() {
    let both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let (_, wtid) = carla.offer().await.unwrap();
    let mut there = Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap();
    welcome(&mut there).await;
    there.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    stage(&mut anna, Stage::Arrived).await;
    there.say(None, 6, "Can I have a receipt?").await.unwrap();
    let chat = gus.pick_up().await.unwrap();
    let back = Destination::Server { server: "acme".into(), area: Some("sales".into()) };
    transfer(&mut gus, TransferId([8; 16]), chat, back, Share::All).await;
    let (second, wtid) = there.offer().await.unwrap();
    // The claim at Globex named the secret for the next hop.
    let mut home = Client::claim(&both.acme, wtid, Verifier::from_bytes([9; 32]), 2).await.unwrap();
    assert_eq!(welcome(&mut home).await.0, 3);
    home.send(&ClientFrame::Accept { transfer: second }).await.unwrap();
    stage(&mut gus, Stage::Arrived).await;
    anna.pick_up().await.unwrap();
    let context = context(&mut anna).await;
    assert_eq!(context.visited, ["acme", "globex"]);
    let texts: Vec<&str> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["My stove leaks.", "Our partner can help.", "Can I have a receipt?"]);
}

#[tokio::test]
async fn m2_what_the_origin_said_last_is_said_again_where_the_customer_arrives() {
    let both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let (_, wtid) = carla.offer().await.unwrap();
    anna.say(Some(chat), 9, "They know more than we do.").await.unwrap();
    // The customer reads no more at Acme's.
    drop(carla);
    let mut there = Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap();
    welcome(&mut there).await;
    let before = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => entries.iter().find(|entry| entry.seq == 0).cloned(),
        _ => None,
    };
    let late = there.expect("what was said before", before).await.unwrap();
    assert_eq!(late.body, Body::Text("They know more than we do.".into()));
    assert_eq!(late.id, MessageId([9; 16]), "by which the widget knows whether it was shown");
}

#[tokio::test]
async fn a_killed_gateway_loses_nothing_that_it_acknowledged() {
    let mut both = both().await;
    let (carla, anna, chat, token) = chatting(&both).await;
    both.acme.kill().unwrap();
    drop((carla, anna));
    both.acme.start().await.unwrap();
    let mut anna = Client::agent(&both.acme, "anna").await.unwrap();
    assert_eq!(texts_until(&mut anna, "Our partner can help.").await.len(), 2);
    let mut carla = Client::resume(&both.acme, token, 1, 0).await.unwrap();
    assert_eq!(texts_until(&mut carla, "Our partner can help.").await.len(), 2);
    // The same id again is acknowledged again, and stored once.
    carla.say(None, 1, "My stove leaks.").await.unwrap();
    carla.say(None, 3, "Are you there?").await.unwrap();
    assert_eq!(texts_until(&mut anna, "Are you there?").await, ["Are you there?"]);
    anna.say(Some(chat), 4, "Yes.").await.unwrap();
}

#[tokio::test]
async fn bad_frames_close_the_connection_and_lose_nothing() {
    let both = both().await;
    let (mut carla, _, token) = Client::customer(&both.acme, &verifier()).await.unwrap();
    carla.say(None, 1, "Hello.").await.unwrap();
    let too_long = vec![1; baton_protocol::limits::MAX_FRAME + 1];
    for (bytes, code) in [
        (vec![], CloseCode::Malformed),
        (vec![1, 255, 255, 0], CloseCode::Malformed),
        (vec![9, 3, 0, 0, 1], CloseCode::Malformed),
        (vec![1, 4, 0, 0, 0, 0xfd, 255, 255, 255, 255, 255, 255, 255, 127], CloseCode::Malformed),
        (too_long, CloseCode::TooLarge),
    ] {
        let mut client = Client::resume(&both.acme, token.clone(), 1, 0).await.unwrap();
        assert_eq!(texts_until(&mut client, "Hello.").await, ["Hello."]);
        client.send_raw(Message::Binary(bytes.into())).await.unwrap();
        client.closes(code).await.unwrap();
    }
    let mut early = Client::connect(&both.acme, Encoding::Binary, None).await.unwrap();
    early.send(&ClientFrame::End { chat: None }).await.unwrap();
    early.closes(CloseCode::Malformed).await.unwrap();
    let mut twice = Client::resume(&both.acme, token.clone(), 1, 0).await.unwrap();
    twice.hello(Start::Resume { token, epoch: 1 }, 0).await.unwrap();
    twice.closes(CloseCode::Malformed).await.unwrap();
}

#[tokio::test]
async fn s2_strange_pages_wrong_passwords_and_wrong_tokens_are_refused() {
    let both = both().await;
    for origin in
        ["https://evil.example", "null", "http://acme.localhost.evil.example", "http://acme.localhost"]
    {
        let mut client = Client::connect(&both.acme, Encoding::Binary, Some(origin)).await.unwrap();
        let challenge = verifier().challenge();
        let none = String::new;
        let start = Start::New { area: none(), name: none(), email: none(), subject: none(), challenge };
        client.hello(start, 0).await.unwrap();
        client.closes(CloseCode::ForbiddenOrigin).await.unwrap();
    }
    let wrong = ResumeToken::from_bytes([3; 32]);
    let mut stranger = Client::resume(&both.acme, wrong, 1, 0).await.unwrap();
    stranger.closes(CloseCode::Unauthenticated).await.unwrap();
    let mut liar = Client::connect(&both.acme, Encoding::Json, None).await.unwrap();
    let text = r#"{"type":"agent_hello","login":{"password":{"name":"anna","password":"guess"}}}"#;
    liar.send_raw(Message::Text(text.into())).await.unwrap();
    let refused = |frame: &ServerFrame| match frame {
        ServerFrame::Refused { code, .. } => Some(*code),
        _ => None,
    };
    assert_eq!(liar.expect("a refusal", refused).await.unwrap(), ErrorCode::WrongPassword);
    liar.closes(CloseCode::Unauthenticated).await.unwrap();
    assert!(!both.acme.log().contains("guess"), "a password in the log");
}

#[tokio::test]
async fn x3_whoever_comes_back_is_known_though_nothing_was_passed_on() {
    let both = both().await;
    let (mut carla, mut anna, chat, token) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::Nothing).await;
    let (_, wtid) = carla.offer().await.unwrap();
    let mut there = Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap();
    welcome(&mut there).await;
    there.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    stage(&mut anna, Stage::Arrived).await;
    there.say(None, 6, "Between us.").await.unwrap();
    let chat = gus.pick_up().await.unwrap();
    let back = Destination::Server { server: "acme".into(), area: Some("sales".into()) };
    transfer(&mut gus, TransferId([8; 16]), chat, back, Share::Nothing).await;
    let (second, wtid) = there.offer().await.unwrap();
    let mut home = Client::claim(&both.acme, wtid, Verifier::from_bytes([9; 32]), 2).await.unwrap();
    welcome(&mut home).await;
    home.send(&ClientFrame::Accept { transfer: second }).await.unwrap();
    anna.pick_up().await.unwrap();
    assert!(context(&mut anna).await.transcript.is_empty(), "Globex has passed nothing on");
    // A secret that is nobody's is no proof, and no offence.
    home.send(&ClientFrame::Earlier { token: ResumeToken::from_bytes([3; 32]) }).await.unwrap();
    home.send(&ClientFrame::Earlier { token: token.clone() }).await.unwrap();
    let known = context(&mut anna).await;
    let texts: Vec<&str> = known.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["My stove leaks.", "Our partner can help."]);
    assert!(known.incomplete, "what was said at Globex is not here");
    // Another customer cannot use it either: theirs is no chat that came back.
    let (mut other, ..) = Client::customer(&both.acme, &verifier()).await.unwrap();
    other.send(&ClientFrame::Earlier { token }).await.unwrap();
    other.say(None, 1, "Hello?").await.unwrap();
    anna.pick_up().await.unwrap();
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { context, .. } => Some(context.clone()),
        _ => None,
    };
    assert_eq!(anna.expect("their chat", opened).await.unwrap(), None);
}
