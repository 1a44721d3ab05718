//! What may be handed over, by whom, and what is kept of it: two real gateways.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_protocol::codes::ErrorCode;
use baton_protocol::frames::PeerOffer;
use baton_protocol::model::{Destination, Permit, Share, SharePolicy, Stage};
use baton_protocol::{ChatId, ClientFrame, CloseCode, ServerFrame, TransferId, Verifier};

struct Both {
    acme: Company,
    globex: Company,
    _folder: tempfile::TempDir,
}

/// Two companies that trust each other; the first one's settings end with these lines.
async fn both(settings: &str) -> Both {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    acme.configure(settings).unwrap();
    acme.start().await.unwrap();
    globex.start().await.unwrap();
    acme.trust(&globex, "in-place").unwrap();
    globex.trust(&acme, "in-place").unwrap();
    Both { acme, globex, _folder: folder }
}

fn verifier() -> Verifier {
    Verifier::from_bytes([1; 32])
}

fn to_globex() -> Destination {
    Destination::Server { server: "globex".into(), area: Some("repairs".into()) }
}

fn number(number: u8) -> TransferId {
    TransferId([number; 16])
}

async fn transfer(agent: &mut Client, transfer: TransferId, chat: ChatId, to: Destination) {
    let comments = "Leaks at the valve.".into();
    let frame = ClientFrame::Transfer { transfer, chat, to, comments, share: Share::All };
    agent.send(&frame).await.unwrap();
}

/// Waits until this transfer has come this far; why, where it failed, and the text that the agent reads.
async fn stage(agent: &mut Client, which: TransferId, wanted: Stage) -> (Option<ErrorCode>, String) {
    // Stages may be skipped, never taken back.
    let reached = |stage: Stage| stage == wanted || (stage > wanted && stage != Stage::Failed);
    let of = |frame: &ServerFrame| match frame {
        ServerFrame::Progress { transfer, stage, code, detail, .. } => {
            (*transfer == which && reached(*stage)).then(|| (*code, detail.clone()))
        }
        _ => None,
    };
    agent.expect(&format!("{wanted:?}"), of).await.unwrap()
}

/// A chat at Acme's, with Anna.
async fn chatting(both: &Both) -> (Client, Client, ChatId) {
    let mut anna = Client::agent(&both.acme, "anna").await.unwrap();
    let (mut carla, chat, _) = Client::customer(&both.acme, &verifier()).await.unwrap();
    carla.say(None, 1, "My stove leaks.").await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), chat);
    anna.say(Some(chat), 2, "Our partner can help.").await.unwrap();
    (carla, anna, chat)
}

/// The customer goes to Globex by the offer that they have.
async fn arrive(both: &Both, carla: &mut Client, transfer: TransferId) -> Client {
    let (_, wtid) = carla.offer().await.unwrap();
    let mut moved = Client::claim(&both.globex, wtid, verifier(), 1).await.unwrap();
    let welcome = |frame: &ServerFrame| matches!(frame, ServerFrame::Welcome { .. }).then_some(());
    moved.expect("welcome", welcome).await.unwrap();
    moved.send(&ClientFrame::Accept { transfer }).await.unwrap();
    carla.closes(CloseCode::Moved).await.unwrap();
    moved
}

/// The steps of a transfer as the audit has them, and the whole text of its records.
fn audit(company: &Company, transfer: TransferId) -> (Vec<String>, String) {
    let text = company.baton(&["audit".into(), "--json".into(), "--since".into(), "1h".into()], "").unwrap();
    let id = transfer.to_string();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(&id)).collect();
    let step = |line: &&str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        match &record["step"] {
            serde_json::Value::String(step) => step.clone(),
            step => step.as_object().unwrap().keys().next().unwrap().clone(),
        }
    };
    (lines.iter().map(step).collect(), lines.join("\n"))
}

#[tokio::test]
async fn o2_a_confidential_chat_stays_and_the_console_is_told_before_it_asks() {
    let rule = "[[policy.rule]]\nname = \"secrets\"\nconfidential = true\nclass = \"partner\"\ndeny = \"Confidential\"\n";
    let both = both(rule).await;
    let (mut carla, mut anna, chat) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    let offer = |frame: &ServerFrame| match frame {
        ServerFrame::PeerAreas { offer, .. } => Some(offer.clone()),
        _ => None,
    };
    anna.send(&ClientFrame::Inspect { chat, server: "globex".into() }).await.unwrap();
    let PeerOffer::Areas(areas) = anna.expect("an answer", offer).await.unwrap() else { panic!("no areas") };
    assert!(areas.iter().all(|area| area.share == SharePolicy::AgentsChoice), "{areas:?}");
    anna.send(&ClientFrame::SetConfidential { chat, on: true }).await.unwrap();
    let policy = |frame: &ServerFrame| match frame {
        ServerFrame::ChatPolicy { permits, .. } => Some(permits.clone()),
        _ => None,
    };
    let permits = anna.expect("the chat's policy", policy).await.unwrap();
    let to = Destination::Server { server: "globex".into(), area: None };
    let denied = Permit { to, share: SharePolicy::Nothing, denied: Some("Confidential".into()) };
    assert!(permits.contains(&denied), "{permits:?}");
    anna.send(&ClientFrame::Inspect { chat, server: "globex".into() }).await.unwrap();
    let refused = PeerOffer::Refused { code: ErrorCode::NotPermitted, detail: "Confidential".into() };
    assert_eq!(anna.expect("an answer", offer).await.unwrap(), refused);
    transfer(&mut anna, number(7), chat, to_globex()).await;
    let failed = stage(&mut anna, number(7), Stage::Failed).await;
    assert_eq!(failed, (Some(ErrorCode::NotPermitted), "Confidential".into()));
    let (steps, text) = audit(&both.acme, number(7));
    assert_eq!(steps, ["denied"]);
    assert!(text.contains("rule 1, secrets"), "{text}");
    // A supervisor may take the mark away, another agent may not.
    let mut ben = Client::agent(&both.acme, "ben").await.unwrap();
    ben.send(&ClientFrame::SetConfidential { chat, on: false }).await.unwrap();
    let refusal = |frame: &ServerFrame| match frame {
        ServerFrame::Refused { code, .. } => Some(*code),
        _ => None,
    };
    assert_eq!(ben.expect("a refusal", refusal).await.unwrap(), ErrorCode::UnknownChat);
    let mut alma = Client::agent(&both.acme, "alma").await.unwrap();
    alma.send(&ClientFrame::SetConfidential { chat, on: false }).await.unwrap();
    let marked = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => {
            let body = |on| baton_protocol::model::Event::Confidential { agent: "Alma".into(), on };
            entries
                .iter()
                .any(|entry| entry.body == baton_protocol::model::Body::Event(body(false)))
                .then_some(())
        }
        _ => None,
    };
    anna.expect("the mark taken away", marked).await.unwrap();
    transfer(&mut anna, number(8), chat, to_globex()).await;
    arrive(&both, &mut carla, number(8)).await;
    stage(&mut anna, number(8), Stage::Arrived).await;
    let (steps, text) = audit(&both.acme, number(8));
    assert_eq!(steps, ["permitted", "sent", "arrived"]);
    let (there, theirs) = audit(&both.globex, number(8));
    assert_eq!(there, ["received", "arrived"]);
    for text in [text, theirs] {
        assert!(!text.contains("stove") && !text.contains("Carla") && !text.contains("valve"), "{text}");
    }
}
