//! What may be handed over, by whom, and what is kept of it: two real gateways.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX, INITECH};
use baton_protocol::codes::ErrorCode;
use baton_protocol::frames::PeerOffer;
use baton_protocol::model::{Context, Destination, OpenState, Permit, Share, SharePolicy, Stage};
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
    arrive_at(&both.globex, carla, transfer, verifier(), 1).await
}

async fn arrive_at(
    to: &Company,
    carla: &mut Client,
    transfer: TransferId,
    verifier: Verifier,
    epoch: u32,
) -> Client {
    let (_, wtid) = carla.offer().await.unwrap();
    let mut moved = Client::claim(to, wtid, verifier, epoch).await.unwrap();
    let welcome = |frame: &ServerFrame| matches!(frame, ServerFrame::Welcome { .. }).then_some(());
    moved.expect("welcome", welcome).await.unwrap();
    moved.send(&ClientFrame::Accept { transfer }).await.unwrap();
    carla.closes(CloseCode::Moved).await.unwrap();
    moved
}

/// The steps of a transfer as the audit has them, and the whole text of its records.
fn audit(company: &Company, transfer: TransferId) -> (Vec<String>, String) {
    let text = company.baton(&["audit", "--json", "--since", "1h"], "").unwrap();
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

/// The context that comes with the next waiting customer, and their chat.
async fn taken_over(agent: &mut Client) -> (ChatId, Context) {
    let chat = agent.pick_up().await.unwrap();
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { card, context } if card.chat == chat => context.clone(),
        _ => None,
    };
    (chat, agent.expect("a chat with context", opened).await.unwrap())
}

fn peer(company: &Company, arguments: &[&str]) -> String {
    let all = std::iter::once("peer").chain(arguments.iter().copied());
    company.baton(&all.collect::<Vec<_>>(), "").unwrap()
}

/// Asks what Globex offers until it is this: what an operator changes holds within seconds.
async fn inspected(agent: &mut Client, chat: ChatId, wanted: impl Fn(&PeerOffer) -> bool) -> PeerOffer {
    let start = std::time::Instant::now();
    loop {
        agent.send(&ClientFrame::Inspect { chat, server: "globex".into() }).await.unwrap();
        let answer = |frame: &ServerFrame| match frame {
            ServerFrame::PeerAreas { offer, .. } => Some(offer.clone()),
            _ => None,
        };
        let offer = agent.expect("an answer", answer).await.unwrap();
        if wanted(&offer) {
            return offer;
        }
        assert!(start.elapsed().as_secs() < 10, "{offer:?}");
        // waits: between two questions, of which a console may ask so many.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn refuses(because: &str) -> impl Fn(&PeerOffer) -> bool {
    move |offer| matches!(offer, PeerOffer::Refused { detail, .. } if detail.contains(because))
}

#[tokio::test]
async fn s2_a_suspended_peer_gets_and_sends_nothing_new_and_who_has_arrived_stays() {
    let both = both("").await;
    let (mut carla, mut anna, chat) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, number(7), chat, to_globex()).await;
    let mut moved = arrive(&both, &mut carla, number(7)).await;
    let there = gus.pick_up().await.unwrap();
    let (_dora, chat, _) = Client::customer(&both.acme, &verifier()).await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), chat);
    peer(&both.acme, &["suspend", "globex"]);
    inspected(&mut anna, chat, refuses("are suspended")).await;
    transfer(&mut anna, number(8), chat, to_globex()).await;
    assert_eq!(stage(&mut anna, number(8), Stage::Failed).await.0, Some(ErrorCode::NotPermitted));
    assert_eq!(audit(&both.acme, number(8)).0, ["denied"]);
    peer(&both.acme, &["resume", "globex"]);
    peer(&both.globex, &["suspend", "acme"]);
    inspected(&mut anna, chat, refuses("from your company are suspended")).await;
    transfer(&mut anna, number(9), chat, to_globex()).await;
    assert_eq!(stage(&mut anna, number(9), Stage::Failed).await.0, Some(ErrorCode::Denied));
    moved.say(None, 5, "I am still here.").await.unwrap();
    gus.say(Some(there), 6, "So am I.").await.unwrap();
    peer(&both.globex, &["resume", "acme"]);
    inspected(&mut anna, chat, |offer| matches!(offer, PeerOffer::Areas(_))).await;
    peer(&both.globex, &["remove", "acme"]);
    inspected(&mut anna, chat, refuses("not authorised")).await;
    moved.say(None, 7, "And still.").await.unwrap();
}

#[tokio::test]
async fn w2_a_peer_gets_what_was_agreed_from_whom_it_was_agreed() {
    let both = both("").await;
    peer(&both.acme, &["set", "globex", "--give", "transcript,notes,comments", "--agent", "ben"]);
    peer(&both.globex, &["set", "acme", "--take", "transcript,identity,comments"]);
    let (mut carla, mut anna, chat) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    inspected(&mut anna, chat, refuses("not among the agents")).await;
    transfer(&mut anna, number(7), chat, to_globex()).await;
    assert_eq!(stage(&mut anna, number(7), Stage::Failed).await.0, Some(ErrorCode::NotPermitted));
    let mut ben = Client::agent(&both.acme, "ben").await.unwrap();
    transfer(&mut anna, number(8), chat, Destination::Agent("ben".into())).await;
    stage(&mut anna, number(8), Stage::Arrived).await;
    let id = baton_protocol::MessageId([9; 16]);
    ben.send(&ClientFrame::Note { chat, id, text: "a VIP".into() }).await.unwrap();
    transfer(&mut ben, number(9), chat, to_globex()).await;
    arrive(&both, &mut carla, number(9)).await;
    let (_, context) = taken_over(&mut gus).await;
    let texts: Vec<&str> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["My stove leaks.", "Our partner can help."], "Globex takes no notes");
    assert!(context.customer.name.is_empty() && context.customer.email.is_empty(), "Acme gives no identity");
    assert!(context.incomplete && context.comments == "Leaks at the valve.");
}

#[tokio::test]
async fn d1_a_peer_that_asks_too_often_reads_when_to_try_again() {
    let both = both("").await;
    peer(&both.globex, &["set", "acme", "--per-minute", "1"]);
    let (mut carla, mut anna, chat) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, number(7), chat, to_globex()).await;
    carla.offer().await.unwrap();
    anna.send(&ClientFrame::CancelTransfer { chat, transfer: number(7) }).await.unwrap();
    stage(&mut anna, number(7), Stage::Failed).await;
    transfer(&mut anna, number(8), chat, to_globex()).await;
    let (code, why) = stage(&mut anna, number(8), Stage::Failed).await;
    assert!(code == Some(ErrorCode::Denied) && why.contains("try again in"), "{why}");
    assert_eq!(audit(&both.acme, number(7)).0, ["permitted", "sent", "failed"]);
    peer(&both.globex, &["set", "acme", "--per-minute", "600", "--reservations", "0"]);
    inspected(&mut anna, chat, |offer| matches!(offer, PeerOffer::Areas(_))).await;
    transfer(&mut anna, number(9), chat, to_globex()).await;
    let (_, why) = stage(&mut anna, number(9), Stage::Failed).await;
    assert!(why.contains("too many transfers"), "{why}");
}

#[tokio::test]
async fn w2_what_acme_confines_to_globex_does_not_reach_initech() {
    let both = both("").await;
    let mut initech = Company::set_up(INITECH, both._folder.path()).await.unwrap();
    initech.start().await.unwrap();
    both.globex.trust(&initech, "in-place").unwrap();
    initech.trust(&both.globex, "in-place").unwrap();
    peer(&both.acme, &["set", "globex", "--pass-on", "no"]);
    let (mut carla, mut anna, chat) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    let mut ina = Client::agent(&initech, "ina").await.unwrap();
    inspected(&mut anna, chat, |offer| matches!(offer, PeerOffer::Areas(_))).await;
    transfer(&mut anna, number(7), chat, to_globex()).await;
    let mut there = arrive(&both, &mut carla, number(7)).await;
    let (chat, context) = taken_over(&mut gus).await;
    assert_eq!(context.transcript.len(), 2);
    there.say(None, 5, "Who makes the valve?").await.unwrap();
    let on = Destination::Server { server: "initech".into(), area: Some("help".into()) };
    transfer(&mut gus, number(8), chat, on).await;
    // The claim at Globex named the secret for the next hop.
    let next = Verifier::from_bytes([9; 32]);
    arrive_at(&initech, &mut there, number(8), next, 2).await;
    let (_, context) = taken_over(&mut ina).await;
    let texts: Vec<&str> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["Who makes the valve?"]);
    assert!(context.customer.name.is_empty() && context.incomplete);
}

fn key(company: &Company, arguments: &[&str]) -> String {
    let all = std::iter::once("key").chain(arguments.iter().copied());
    company.baton(&all.collect::<Vec<_>>(), "").unwrap()
}

#[tokio::test]
async fn s1_a_key_changes_in_the_middle_of_transfers_and_none_fails() {
    let both = both("").await;
    let fingerprint = || both.acme.baton(&["fingerprint"], "").unwrap().trim().to_owned();
    let first = fingerprint();
    let mut anna = Client::agent(&both.acme, "anna").await.unwrap();
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    for round in 1..=6 {
        let (mut carla, chat, _) = Client::customer(&both.acme, &verifier()).await.unwrap();
        assert_eq!(anna.pick_up().await.unwrap(), chat);
        transfer(&mut anna, number(round), chat, to_globex()).await;
        if round == 3 {
            // Between the offer and the arrival.
            key(&both.acme, &["rotate", "--at-once"]);
        }
        arrive(&both, &mut carla, number(round)).await;
        let (code, _) = stage(&mut anna, number(round), Stage::Arrived).await;
        assert_eq!(code, None, "round {round}");
    }
    let second = fingerprint();
    assert_ne!(first, second);
    let knows = |print: &str| peer(&both.globex, &["list"]).contains(print);
    let followed = || async { if knows(&second) { Ok(()) } else { anyhow::bail!("not yet") } };
    baton_e2e::until("Globex to know the new key", followed).await.unwrap();
    key(&both.acme, &["revoke", &first]);
    let forgotten = || async { if knows(&first) { anyhow::bail!("still known") } else { Ok(()) } };
    baton_e2e::until("Globex to forget the revoked key", forgotten).await.unwrap();
    let audit = both.globex.baton(&["audit"], "").unwrap();
    let has = |what: &str| {
        audit.lines().any(|line| line.contains("this server") && line.contains("acme") && line.contains(what))
    };
    assert!(has(&second) && has("revoked"), "nobody changes keys without a record: {audit}");
    let (mut carla, chat, _) = Client::customer(&both.acme, &verifier()).await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), chat);
    transfer(&mut anna, number(7), chat, to_globex()).await;
    arrive(&both, &mut carla, number(7)).await;
}

#[tokio::test]
async fn s1_a_revoked_key_without_a_successor_needs_the_operators() {
    let both = both("").await;
    let first = both.acme.baton(&["fingerprint"], "").unwrap().trim().to_owned();
    let (_carla, mut anna, chat) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    inspected(&mut anna, chat, |offer| matches!(offer, PeerOffer::Areas(_))).await;
    // The next key is made and the old one revoked before any peer has read it.
    key(&both.acme, &["rotate", "--at-once"]);
    key(&both.acme, &["revoke", &first]);
    inspected(&mut anna, chat, refuses("not authorised")).await;
    let second = both.acme.baton(&["fingerprint"], "").unwrap().trim().to_owned();
    peer(&both.globex, &["rotate", "acme", "--fingerprint", &second]);
    inspected(&mut anna, chat, |offer| matches!(offer, PeerOffer::Areas(_))).await;
}

#[tokio::test]
async fn s2_a_supervisor_and_the_operator_get_a_chat_out_and_an_agent_does_not() {
    let both = both("").await;
    let (mut carla, mut anna, chat) = chatting(&both).await;
    anna.send(&ClientFrame::Rescue { chat, to: None }).await.unwrap();
    let refusal = |frame: &ServerFrame| match frame {
        ServerFrame::Refused { code, .. } => Some(*code),
        _ => None,
    };
    assert_eq!(anna.expect("a refusal", refusal).await.unwrap(), ErrorCode::NotPermitted);
    let mut alma = Client::agent(&both.acme, "alma").await.unwrap();
    let listed = |wanted: OpenState| {
        move |frame: &ServerFrame| match frame {
            ServerFrame::OpenChats { chats, .. } => {
                chats.iter().any(|open| open.chat == chat && open.state == wanted).then_some(())
            }
            _ => None,
        }
    };
    alma.expect("the chat with Anna", listed(OpenState::Active { agent: "anna".into() })).await.unwrap();
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, number(7), chat, to_globex()).await;
    carla.offer().await.unwrap();
    alma.send(&ClientFrame::Rescue { chat, to: None }).await.unwrap();
    alma.expect("the chat in the queue", listed(OpenState::Waiting)).await.unwrap();
    assert_eq!(stage(&mut anna, number(7), Stage::Failed).await.0, Some(ErrorCode::Cancelled));
    let operator = |arguments: &[&str]| {
        let all = std::iter::once("chat").chain(arguments.iter().copied());
        both.acme.baton(&all.collect::<Vec<_>>(), "")
    };
    assert!(operator(&["list"]).unwrap().contains("waiting"));
    operator(&["rescue", &chat.to_string(), "--area", "billing"]).unwrap();
    let mut ben = Client::agent(&both.acme, "ben").await.unwrap();
    assert_eq!(ben.pick_up().await.unwrap(), chat);
    ben.say(Some(chat), 5, "Billing here.").await.unwrap();
    carla.say(None, 6, "Thank you.").await.unwrap();
    let error = operator(&["rescue", &ChatId([9; 16]).to_string()]).unwrap_err().to_string();
    assert!(error.contains("no such chat"), "{error}");
    use std::os::unix::fs::PermissionsExt;
    let socket = std::fs::metadata(both.acme.folder().join("admin.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_rescue_of_a_customer_who_has_gone_says_where_they_are() {
    let both = both("").await;
    let (mut carla, mut anna, chat) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, number(7), chat, to_globex()).await;
    let _moved = arrive(&both, &mut carla, number(7)).await;
    let rescue = ["chat".into(), "rescue".into(), chat.to_string()];
    let error = both.acme.baton(&rescue, "").unwrap_err().to_string();
    assert!(error.contains("with Globex Repairs now"), "{error}");
}

#[tokio::test]
async fn a5_a_console_that_is_silent_is_given_up_though_lists_are_sent_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    // As behind a connection that has broken without a word: it sends nothing any more, heartbeats included.
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let start = std::time::Instant::now();
    let mut last = Ok(());
    // Three heartbeats are a minute, which is longer than one wait of these tests.
    while start.elapsed().as_secs() < 80 {
        last = anna.closes(CloseCode::TimedOut).await;
        if last.is_ok() {
            break;
        }
    }
    last.unwrap();
    assert!(start.elapsed().as_secs() >= 55, "not before three heartbeats");
}
