//! What only supervisors may do, message by message, at a real gateway; and replies and closed chats, whose they are.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::pair::verifier;
use baton_protocol::codes::ErrorCode;
use baton_protocol::frames::Start;
use baton_protocol::model::{Body, ChatState, EndReason, Event, Outcome, Reply};
use baton_protocol::{ChatId, ClientFrame, Encoding, MessageId, ServerFrame};

struct Scene {
    acme: Company,
    carla: Client,
    anna: Client,
    chat: ChatId,
    _folder: tempfile::TempDir,
}

/// Carla chats with Anna.
async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    let (carla, chat, _) = Client::customer(&acme, &verifier()).await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), chat);
    Scene { acme, carla, anna, chat, _folder: folder }
}

async fn refused(client: &mut Client) -> ErrorCode {
    let refused = |frame: &ServerFrame| match frame {
        ServerFrame::Refused { code, .. } => Some(*code),
        _ => None,
    };
    client.expect("a refusal", refused).await.unwrap()
}

async fn reads(client: &mut Client, wanted: Body) {
    let has = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => {
            entries.iter().any(|entry| entry.body == wanted).then_some(())
        }
        _ => None,
    };
    client.expect(&format!("{wanted:?}"), has).await.unwrap();
}

fn reply(number: u8, personal: bool) -> Reply {
    Reply { id: MessageId([number; 16]), shortcut: "hello".into(), text: "Hello {name}".into(), personal }
}

#[tokio::test]
async fn s2_each_message_of_a_supervisors_is_refused_to_an_agent() {
    let Scene { acme, chat, .. } = scene().await;
    let mut ben = Client::agent(&acme, "ben").await.unwrap();
    let id = MessageId([7; 16]);
    for frame in [
        ClientFrame::Watch { chat, on: true },
        ClientFrame::Whisper { chat, id, text: "psst".into() },
        ClientFrame::JoinIn { chat },
        ClientFrame::TakeOver { chat },
        ClientFrame::SetPriority { chat, priority: 9 },
        ClientFrame::TeamMessage { to: None, text: "Lunch.".into() },
        ClientFrame::PutReply { reply: reply(1, false) },
        ClientFrame::Rescue { chat, to: None },
    ] {
        ben.send(&frame).await.unwrap();
        assert_eq!(refused(&mut ben).await, ErrorCode::NotPermitted, "{frame:?}");
    }
    ben.send(&ClientFrame::SetConfidential { chat, on: true }).await.unwrap();
    assert_eq!(refused(&mut ben).await, ErrorCode::UnknownChat);
    ben.send(&ClientFrame::ReadClosed { chat }).await.unwrap();
    assert_eq!(refused(&mut ben).await, ErrorCode::UnknownChat);
}

#[tokio::test]
async fn a_supervisor_follows_whispers_takes_part_and_takes_over() {
    let Scene { acme, mut carla, mut anna, chat, _folder } = scene().await;
    let mut alma = Client::agent(&acme, "alma").await.unwrap();
    alma.send(&ClientFrame::Watch { chat, on: true }).await.unwrap();
    let watched = |frame: &ServerFrame| match frame {
        ServerFrame::Watched { agent, joined, .. } => Some((agent.clone(), *joined)),
        _ => None,
    };
    assert_eq!(alma.expect("the chat", watched).await.unwrap(), ("Anna".into(), false));
    carla.say(None, 1, "My stove leaks.").await.unwrap();
    reads(&mut alma, Body::Text("My stove leaks.".into())).await;
    let (id, text) = (MessageId([2; 16]), "Offer the discount.".to_owned());
    alma.send(&ClientFrame::Whisper { chat, id, text: text.clone() }).await.unwrap();
    reads(&mut anna, Body::Note(text.clone())).await;
    alma.send(&ClientFrame::JoinIn { chat }).await.unwrap();
    alma.say(Some(chat), 3, "Alma here.").await.unwrap();
    let public = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => entries.iter().find_map(|entry| match &entry.body {
            Body::Note(note) => Some(note.clone()),
            Body::Text(said) if said == "Alma here." => Some(said.clone()),
            _ => None,
        }),
        _ => None,
    };
    assert_eq!(carla.expect("what is hers to read", public).await.unwrap(), "Alma here.", "not the whisper");
    alma.send(&ClientFrame::TakeOver { chat }).await.unwrap();
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { card, .. } => (card.chat == chat).then_some(()),
        _ => None,
    };
    alma.expect("the chat as her own", opened).await.unwrap();
    let gone = |frame: &ServerFrame| match frame {
        ServerFrame::CardChanged { card } => {
            matches!(card.state, ChatState::Transferred { .. }).then_some(())
        }
        _ => None,
    };
    anna.expect("that it is gone", gone).await.unwrap();
    anna.send(&ClientFrame::Say { chat: Some(chat), id: MessageId([4; 16]), text: "But…".into() })
        .await
        .unwrap();
    assert_eq!(refused(&mut anna).await, ErrorCode::UnknownChat);
}

#[tokio::test]
async fn a_message_to_the_team_reaches_its_line_alone() {
    let Scene { acme, mut anna, .. } = scene().await;
    let mut ben = Client::agent(&acme, "ben").await.unwrap();
    let mut alma = Client::agent(&acme, "alma").await.unwrap();
    let said = |frame: &ServerFrame| match frame {
        ServerFrame::TeamSaid { text, .. } => Some(text.clone()),
        _ => None,
    };
    let to = |area: &str, text: &str| ClientFrame::TeamMessage { to: Some(area.into()), text: text.into() };
    alma.send(&to("billing", "Bills first.")).await.unwrap();
    alma.send(&to("sales", "Lunch at one.")).await.unwrap();
    assert_eq!(ben.expect("the first", said).await.unwrap(), "Bills first.");
    assert_eq!(anna.expect("hers", said).await.unwrap(), "Lunch at one.", "she serves sales alone");
    alma.send(&to("nowhere", "?")).await.unwrap();
    assert_eq!(refused(&mut alma).await, ErrorCode::UnknownArea);
}

#[tokio::test]
async fn replies_are_ones_own_or_everybodys() {
    let Scene { acme, mut anna, .. } = scene().await;
    let mut alma = Client::agent(&acme, "alma").await.unwrap();
    let mut ben = Client::agent(&acme, "ben").await.unwrap();
    let has = |number: u8, wanted: bool| {
        move |frame: &ServerFrame| match frame {
            ServerFrame::Replies { replies, .. } => {
                (replies.iter().any(|reply| reply.id == MessageId([number; 16])) == wanted)
                    .then_some(replies.len())
            }
            _ => None,
        }
    };
    anna.send(&ClientFrame::PutReply { reply: reply(1, true) }).await.unwrap();
    anna.expect("her own", has(1, true)).await.unwrap();
    alma.send(&ClientFrame::PutReply { reply: reply(2, false) }).await.unwrap();
    assert_eq!(ben.expect("everybody's", has(2, true)).await.unwrap(), 1, "not Anna's");
    ben.send(&ClientFrame::RemoveReply { id: MessageId([2; 16]) }).await.unwrap();
    assert_eq!(refused(&mut ben).await, ErrorCode::NotPermitted);
    ben.send(&ClientFrame::PutReply { reply: Reply { text: "mine".into(), ..reply(1, true) } })
        .await
        .unwrap();
    assert_eq!(refused(&mut ben).await, ErrorCode::NotPermitted, "a colleague's");
    alma.send(&ClientFrame::RemoveReply { id: MessageId([2; 16]) }).await.unwrap();
    ben.expect("without it", has(2, false)).await.unwrap();
}

#[tokio::test]
async fn a2_a_chat_that_is_over_is_read_by_whoever_had_it() {
    let Scene { acme, mut anna, chat, mut carla, _folder } = scene().await;
    carla.say(None, 1, "Thanks, bye.").await.unwrap();
    let outcome = Outcome { disposition: "Sold".into(), tags: vec!["tent".into()] };
    anna.send(&ClientFrame::SetOutcome { chat, outcome: outcome.clone() }).await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    reads(&mut anna, Body::Event(Event::Ended(EndReason::Agent))).await;
    anna.send(&ClientFrame::ListClosed {}).await.unwrap();
    let closed = |frame: &ServerFrame| match frame {
        ServerFrame::ClosedChats { chats } => Some(chats.clone()),
        _ => None,
    };
    let chats = anna.expect("closed chats", closed).await.unwrap();
    assert_eq!((chats[0].chat, &chats[0].outcome), (chat, &Some(outcome)));
    anna.send(&ClientFrame::ReadClosed { chat }).await.unwrap();
    reads(&mut anna, Body::Text("Thanks, bye.".into())).await;
    let mut ben = Client::agent(&acme, "ben").await.unwrap();
    ben.send(&ClientFrame::ListClosed {}).await.unwrap();
    assert_eq!(ben.expect("closed chats", closed).await.unwrap(), []);
    let mut alma = Client::agent(&acme, "alma").await.unwrap();
    alma.send(&ClientFrame::ListClosed {}).await.unwrap();
    assert_eq!(alma.expect("closed chats", closed).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a2_two_agents_pick_the_same_customer_and_the_other_reads_who_did() {
    let Scene { acme, mut anna, .. } = scene().await;
    let (_second, chat, _) = Client::customer(&acme, &verifier()).await.unwrap();
    let mut ben = Client::agent(&acme, "ben").await.unwrap();
    let pick = ClientFrame::PickUp { chat };
    let (one, other) = tokio::join!(anna.send(&pick), ben.send(&pick));
    one.and(other).unwrap();
    let answer = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { card, .. } if card.chat == chat => Some(None),
        ServerFrame::Refused { code, detail, .. } => Some(Some((*code, detail.clone()))),
        _ => None,
    };
    let (anna, ben) = tokio::join!(anna.expect("an answer", answer), ben.expect("an answer", answer));
    let taken = |by: &str| Some((ErrorCode::AlreadyTaken, format!("{by} took this customer")));
    match (anna.unwrap(), ben.unwrap()) {
        (None, refused) => assert_eq!(refused, taken("Anna")),
        (refused, None) => assert_eq!(refused, taken("Ben")),
        both => panic!("nobody has the customer: {both:?}"),
    }
}

#[tokio::test]
async fn a2_a_queue_longer_than_a_frame_comes_whole_and_closes_no_console() {
    const CUSTOMERS: usize = 250;
    let Scene { acme, mut anna, .. } = scene().await;
    let mut waiting = Vec::with_capacity(CUSTOMERS);
    for _ in 0..CUSTOMERS {
        let mut client = Client::connect(&acme, Encoding::Binary, None).await.unwrap();
        let start = Start::New {
            area: String::new(),
            name: "Carla".into(),
            email: String::new(),
            subject: "s".repeat(250),
            challenge: verifier().challenge(),
        };
        client.hello(start, 0).await.unwrap();
        waiting.push(client);
    }
    let seen = std::cell::Cell::new(0);
    let whole = |frame: &ServerFrame| {
        match frame {
            ServerFrame::Queue { waiting } => seen.set(waiting.len()),
            ServerFrame::QueueMore { waiting } => seen.set(seen.get() + waiting.len()),
            _ => {}
        }
        (seen.get() == CUSTOMERS).then_some(())
    };
    anna.expect("the whole queue", whole).await.unwrap();
}
