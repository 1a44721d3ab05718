//! Chats longer than what a gateway keeps in memory of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::pair::{
    Both, TRANSFER, both_with, chatting, context, texts_until, to_globex, transfer, verifier, welcome,
};
use baton_e2e::sink::Sink;
use baton_protocol::model::{Body, Share};
use baton_protocol::{ChatId, ClientFrame, MessageId, ResumeToken, ServerFrame};

/// More than a gateway keeps.
const LONG: u128 = 700;

/// Clients that talk so much are not let in elsewhere.
fn talkative(company: &Company) {
    company.configure_after("[limits]\n", "burst = 100000\nper_second = 100000\n").unwrap();
}

fn id(number: u128) -> MessageId {
    MessageId((number + (1 << 64)).to_be_bytes())
}

async fn say(client: &mut Client, chat: Option<ChatId>, number: u128) {
    let text = format!("m{number}.");
    client.send(&ClientFrame::Say { chat, id: id(number), text }).await.unwrap();
}

async fn stored(client: &mut Client, number: u128) {
    let this = |frame: &ServerFrame| match frame {
        ServerFrame::Stored { id: stored, .. } if *stored == id(number) => Some(()),
        _ => None,
    };
    client.expect("stored", this).await.unwrap();
}

/// The customer says much, and the agent reads it.
async fn talk(carla: &mut Client, anna: &mut Client) {
    for number in 0..LONG {
        say(carla, None, number).await;
        stored(carla, number).await;
    }
    texts_until(anna, &format!("m{}.", LONG - 1)).await;
}

async fn long() -> (Both, Client, Client, ChatId, ResumeToken) {
    let both = both_with(|acme, globex| [acme, globex].into_iter().for_each(talkative)).await;
    let (mut carla, mut anna, chat, token) = chatting(&both).await;
    talk(&mut carla, &mut anna).await;
    (both, carla, anna, chat, token)
}

#[tokio::test]
async fn a_resume_brings_all_that_was_missed_of_a_long_chat_once_and_in_order() {
    let (both, carla, _anna, _, token) = long().await;
    drop(carla);
    let mut again = Client::resume(&both.acme, token, 1, 5).await.unwrap();
    let (mut seqs, mut last) = (Vec::new(), None);
    while last != Some(format!("m{}.", LONG - 1)) {
        let entries = again.expect("entries", |frame| match frame {
            ServerFrame::Entries { entries, .. } => Some(entries.clone()),
            _ => None,
        });
        for entry in entries.await.unwrap() {
            seqs.push(entry.seq);
            last = if let Body::Text(text) = entry.body { Some(text) } else { last };
        }
    }
    assert!(seqs.iter().copied().eq(6..=*seqs.last().unwrap()), "{seqs:?}");
}

#[tokio::test]
async fn w1_a_long_chat_goes_to_another_company_with_more_than_was_in_memory() {
    let (both, mut carla, mut anna, chat, _) = long().await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let (_, wtid) = carla.offer().await.unwrap();
    let mut moved = Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap();
    welcome(&mut moved).await;
    moved.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    gus.pick_up().await.unwrap();
    let context = context(&mut gus).await;
    // What an agent is shown at once is cut to fit a frame, the newest part of it.
    let texts: Vec<&str> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    let first = LONG - u128::try_from(texts.len()).unwrap();
    assert!(texts.iter().copied().eq((first..LONG).map(|number| format!("m{number}."))), "{texts:?}");
    // The origin had fewer than 512 entries left in memory, or about 340 of these.
    assert!(texts.len() > 380, "{}", texts.len());
}

#[tokio::test]
async fn what_is_said_again_long_after_is_acknowledged_once_and_loses_nothing_that_is_said_with_it() {
    let (both, mut carla, mut anna, chat, token) = long().await;
    // Said long ago, its acknowledgement lost; and something new in the same breath.
    say(&mut anna, Some(chat), LONG).await;
    stored(&mut anna, LONG).await;
    talk_on(&mut carla, &mut anna).await;
    say(&mut anna, Some(chat), LONG).await;
    say(&mut anna, Some(chat), LONG + 1).await;
    // The connection may be closed, so that everything that is not acknowledged is said again.
    let acknowledged = anna.expect("stored", |frame| match frame {
        ServerFrame::Stored { id: stored, .. } if *stored == id(LONG + 1) => Some(()),
        _ => None,
    });
    if acknowledged.await.is_err() {
        anna = Client::agent(&both.acme, "anna").await.unwrap();
        say(&mut anna, Some(chat), LONG).await;
        say(&mut anna, Some(chat), LONG + 1).await;
        stored(&mut anna, LONG).await;
        stored(&mut anna, LONG + 1).await;
    }
    let mut again = Client::resume(&both.acme, token, 1, 0).await.unwrap();
    let texts = texts_until(&mut again, &format!("m{}.", LONG + 1)).await;
    for number in [LONG, LONG + 1] {
        let text = format!("m{number}.");
        assert_eq!(texts.iter().filter(|said| **said == text).count(), 1, "{text}");
    }
}

async fn talk_on(carla: &mut Client, anna: &mut Client) {
    for number in 2 * LONG..3 * LONG {
        say(carla, None, number).await;
        stored(carla, number).await;
    }
    texts_until(anna, &format!("m{}.", 3 * LONG - 1)).await;
}

#[tokio::test]
async fn a_transcript_of_a_long_chat_has_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = Sink::start().await.unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    talkative(&acme);
    acme.configure(&sink.settings()).unwrap();
    acme.start().await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let (mut carla, chat, token) = Client::customer(&acme, &verifier()).await.unwrap();
    anna.pick_up().await.unwrap();
    talk(&mut carla, &mut anna).await;
    let asked = reqwest::Client::new().post(format!("{}/v1/transcripts/{chat}", acme.address()));
    let answer = asked.bearer_auth(token.reveal()).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let letter = sink.letter().await.unwrap();
    for number in 0..LONG {
        assert!(letter.text.contains(&format!("You: m{number}.")), "{number} of {letter:?}");
    }
}
