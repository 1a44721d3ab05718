//! Side conversations before a transfer, within a server and between two companies.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::pair::{
    TRANSFER, both, both_with, chatting, context, stage, to_globex, transfer, verifier, welcome,
};
use baton_protocol::codes::ErrorCode;
use baton_protocol::frames::About;
use baton_protocol::model::{Consultation, Destination, Phase, Share, Stage};
use baton_protocol::{ChatId, ClientFrame, MessageId, ServerFrame};

async fn ask(agent: &mut Client, chat: ChatId, to: Destination) {
    let text = "A stove that leaks. Do you have time?".into();
    agent.send(&ClientFrame::Consult { transfer: TRANSFER, chat, to, text }).await.unwrap();
}

async fn say(agent: &mut Client, number: u8, text: &str) {
    let (id, text) = (MessageId([number; 16]), text.into());
    agent.send(&ClientFrame::ConsultSay { transfer: TRANSFER, id, text }).await.unwrap();
}

async fn consulting(agent: &mut Client) -> Consultation {
    let card = |frame: &ServerFrame| match frame {
        ServerFrame::Consulting { consultation } => Some(consultation.clone()),
        _ => None,
    };
    agent.expect("a side conversation", card).await.unwrap()
}

/// Waits for this text, and whether its reader wrote it.
async fn said(agent: &mut Client, wanted: &str) -> bool {
    let said = |frame: &ServerFrame| match frame {
        ServerFrame::ConsultSaid { text, mine, .. } => (text == wanted).then_some(*mine),
        _ => None,
    };
    agent.expect(wanted, said).await.unwrap()
}

async fn refused(agent: &mut Client, about: About) -> ErrorCode {
    let refused = |frame: &ServerFrame| match frame {
        ServerFrame::Refused { code, about: of, .. } => (*of == about).then_some(*code),
        _ => None,
    };
    agent.expect("a refusal", refused).await.unwrap()
}

#[tokio::test]
async fn an_agent_of_the_other_company_is_asked_and_then_gets_the_customer() {
    let both = both_with(|_, globex| {
        // Whoever was asked in a side conversation is not asked a second time.
        globex.configure_area("repairs", "agent_required = \"willing\"").unwrap();
    })
    .await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    ask(&mut anna, chat, to_globex()).await;
    let at_gus = consulting(&mut gus).await;
    assert_eq!((at_gus.with.as_str(), at_gus.at.as_str(), at_gus.chat), ("Anna", "Acme Outdoor", None));
    assert!(!said(&mut gus, "A stove that leaks. Do you have time?").await);
    let at_anna = consulting(&mut anna).await;
    assert_eq!((at_anna.with.as_str(), at_anna.chat), ("Gus", Some(chat)));
    say(&mut gus, 1, "Yes, send her over.").await;
    assert!(said(&mut gus, "Yes, send her over.").await, "shown as said when the other company has it");
    assert!(!said(&mut anna, "Yes, send her over.").await);
    say(&mut anna, 2, "Here she comes.").await;
    said(&mut gus, "Here she comes.").await;
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let offer = carla.whole_offer().await.unwrap();
    let mut there = Client::follow(&offer, verifier(), 1).await.unwrap();
    welcome(&mut there).await;
    let with_gus = |frame: &ServerFrame| match frame {
        ServerFrame::PhaseChanged { phase: Phase::Active { agent }, .. } => (agent == "Gus").then_some(()),
        _ => None,
    };
    there.expect("Gus", with_gus).await.unwrap();
    there.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    stage(&mut anna, Stage::Answered).await;
    let texts: Vec<String> = context(&mut gus).await.transcript.into_iter().map(|entry| entry.text).collect();
    assert_eq!(texts, ["My stove leaks.", "Our partner can help."], "nothing of the side conversation");
    anna.send(&ClientFrame::ConsultEnd { transfer: TRANSFER }).await.unwrap();
    assert_eq!(consulting(&mut gus).await.ended, Some(ErrorCode::Cancelled));
}

#[tokio::test]
async fn a_side_conversation_that_is_dropped_leaves_the_chat_as_it_was() {
    let both = both().await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut ben = Client::agent(&both.acme, "ben").await.unwrap();
    ask(&mut anna, chat, Destination::Agent("ben".into())).await;
    assert_eq!(consulting(&mut anna).await.agent.as_deref(), Some("ben"));
    said(&mut ben, "A stove that leaks. Do you have time?").await;
    say(&mut ben, 1, "No, sorry.").await;
    said(&mut anna, "No, sorry.").await;
    ben.send(&ClientFrame::ConsultEnd { transfer: TRANSFER }).await.unwrap();
    consulting(&mut ben).await;
    assert_eq!(consulting(&mut anna).await.ended, Some(ErrorCode::Cancelled));
    say(&mut anna, 2, "Are you sure?").await;
    assert_eq!(refused(&mut anna, About::Message(MessageId([2; 16]))).await, ErrorCode::ChatOver);
    carla.say(None, 9, "Hello?").await.unwrap();
    anna.say(Some(chat), 8, "I am still here.").await.unwrap();
}

#[tokio::test]
async fn nobody_asks_about_a_chat_that_is_not_theirs_or_where_nobody_is() {
    let both = both().await;
    let (_carla, mut anna, chat, _) = chatting(&both).await;
    let mut ben = Client::agent(&both.acme, "ben").await.unwrap();
    ask(&mut ben, chat, to_globex()).await;
    assert_eq!(refused(&mut ben, About::Transfer(TRANSFER)).await, ErrorCode::UnknownChat);
    ask(&mut anna, chat, to_globex()).await;
    assert_eq!(refused(&mut anna, About::Transfer(TRANSFER)).await, ErrorCode::Unstaffed);
    say(&mut ben, 1, "I listen in.").await;
    assert_eq!(refused(&mut ben, About::Message(MessageId([1; 16]))).await, ErrorCode::ChatOver);
}
