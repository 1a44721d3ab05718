//! How customers of another server come in: one entrance or areas (D2), addresses (D4), one step or two (D6), agent
//! required and asked (D7), with two real gateways.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{Company, PASSWORD};
use baton_e2e::pair::{
    Both, TRANSFER, both_with, chatting, context, stage, texts_until, to_globex, transfer, verifier, welcome,
};
use baton_protocol::codes::ErrorCode;
use baton_protocol::frames::PeerOffer;
use baton_protocol::model::{Ask, Destination, Offer, Phase, Share, Stage, Way};
use baton_protocol::{ChatId, ClientFrame, CloseCode, ServerFrame, TransferId, Verifier};

async fn with_repairs(lines: &str) -> Both {
    both_with(|_, globex| globex.configure_area("repairs", lines).unwrap()).await
}

async fn with_globex(change: impl FnOnce(&Company)) -> Both {
    both_with(|_, globex| change(globex)).await
}

/// The customer follows an offer, and Globex's agent has the chat.
async fn arrive(customer: Client, offer: &Offer, epoch: u32, secret: Verifier) -> Client {
    let mut there = Client::follow(offer, secret, epoch).await.unwrap();
    let (now, _, transfer) = welcome(&mut there).await;
    assert_eq!((now, transfer), (epoch + 1, offer.transfer));
    there.send(&ClientFrame::Accept { transfer }).await.unwrap();
    drop(customer);
    there
}

async fn with_agent(customer: &mut Client, name: &str) {
    let with = |frame: &ServerFrame| match frame {
        ServerFrame::PhaseChanged { phase: Phase::Active { agent }, .. }
        | ServerFrame::Welcome { phase: Phase::Active { agent }, .. } => (agent == name).then_some(()),
        _ => None,
    };
    customer.expect("an agent", with).await.unwrap();
}

async fn failed(agent: &mut Client) -> (Option<ErrorCode>, String) {
    let failed = |frame: &ServerFrame| match frame {
        ServerFrame::Progress { stage: Stage::Failed, code, detail, .. } => Some((*code, detail.clone())),
        _ => None,
    };
    agent.expect("a failure", failed).await.unwrap()
}

async fn asked(agent: &mut Client) -> Ask {
    let asked = |frame: &ServerFrame| match frame {
        ServerFrame::Asked { ask } => Some(ask.clone()),
        _ => None,
    };
    agent.expect("a question", asked).await.unwrap()
}

async fn opened(agent: &mut Client) -> ChatId {
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { card, .. } => Some(card.chat),
        _ => None,
    };
    agent.expect("a chat", opened).await.unwrap()
}

#[tokio::test]
async fn d2_a_general_entrance_lists_no_areas_and_takes_the_chat() {
    let both =
        with_globex(|globex| globex.configure_after("[arrival]\n", "entrance = \"general\"").unwrap()).await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    anna.send(&ClientFrame::Inspect { chat, server: "globex".into() }).await.unwrap();
    let offer = |frame: &ServerFrame| match frame {
        ServerFrame::PeerAreas { offer, .. } => Some(offer.clone()),
        _ => None,
    };
    assert_eq!(anna.expect("an offer", offer).await.unwrap(), PeerOffer::GeneralEntrance);
    let to = Destination::Server { server: "globex".into(), area: None };
    transfer(&mut anna, TRANSFER, chat, to, Share::All).await;
    let offer = carla.whole_offer().await.unwrap();
    let _there = arrive(carla, &offer, 1, verifier()).await;
    gus.pick_up().await.unwrap();
    stage(&mut anna, Stage::Answered).await;
}

#[tokio::test]
async fn d4_an_address_alone_tells_who_has_come_and_only_to_its_customer() {
    let both =
        with_globex(|globex| globex.configure_after("[arrival]\n", "address = \"specific\"").unwrap()).await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let offer = carla.whole_offer().await.unwrap();
    assert_eq!(offer.wtid, None);
    let mut thief = Client::follow(&offer, Verifier::from_bytes([5; 32]), 1).await.unwrap();
    thief.closes(CloseCode::Unauthenticated).await.unwrap();
    arrive(carla, &offer, 1, verifier()).await;
}

#[tokio::test]
async fn d4_wtid_and_address_must_fit_each_other() {
    let both =
        with_globex(|globex| globex.configure_after("[arrival]\n", "address = \"both\"").unwrap()).await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let offer = carla.whole_offer().await.unwrap();
    let Way::InPlace { socket, page } = offer.way.clone() else { panic!("not in place") };
    let general = socket.rsplit_once('/').unwrap().0.to_owned();
    let no_address = Offer { way: Way::InPlace { socket: general, page: page.clone() }, ..offer.clone() };
    let no_wtid = Offer { wtid: None, ..offer.clone() };
    for wrong in [no_address, no_wtid] {
        let mut client = Client::follow(&wrong, verifier(), 1).await.unwrap();
        client.closes(CloseCode::Unauthenticated).await.unwrap();
    }
    let own = socket.rsplit_once('/').unwrap().1.to_owned();
    assert!(page.unwrap().ends_with(&format!("#at={own}")), "the page's address is the customer's own, too");
    arrive(carla, &offer, 1, verifier()).await;
}

#[tokio::test]
async fn d6_two_steps_hold_the_customer_and_then_lead_them_to_the_agent() {
    let both = with_repairs("steps = 2").await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let offer = carla.whole_offer().await.unwrap();
    let mut holding = arrive(carla, &offer, 1, verifier()).await;
    stage(&mut anna, Stage::Queued).await;
    holding.say(None, 5, "Are you there?").await.unwrap();
    let waiting = gus.pick_up().await.unwrap();
    let second = holding.whole_offer().await.unwrap();
    assert_eq!(second.server, "globex");
    assert!(second.transfer != offer.transfer && second.wtid != offer.wtid);
    let mut actual = arrive(holding, &second, 2, Verifier::from_bytes([9; 32])).await;
    with_agent(&mut actual, "Gus").await;
    let context = context(&mut gus).await;
    assert_eq!((context.origin.as_str(), context.agent.as_str()), ("Acme Outdoor", "Anna"));
    let texts: Vec<&str> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["My stove leaks.", "Our partner can help.", "Are you there?"]);
    stage(&mut anna, Stage::Answered).await;
    let session = chat_of(&mut actual).await;
    assert_ne!(session, waiting, "the actual session is another one");
    gus.say(Some(session), 6, "Now I am.").await.unwrap();
    texts_until(&mut actual, "Now I am.").await;
}

async fn chat_of(customer: &mut Client) -> ChatId {
    let chat = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { chat, .. } | ServerFrame::PhaseChanged { chat, .. } => Some(*chat),
        _ => None,
    };
    customer.say(None, 77, "Hello").await.unwrap();
    customer.expect("a chat", chat).await.unwrap()
}

#[tokio::test]
async fn d7_without_a_free_agent_it_says_so_and_the_next_try_posts_nothing_again() {
    let both = with_globex(|globex| {
        globex.configure_area("repairs", "agent_required = \"free\"").unwrap();
        let gus = [
            "agent",
            "add",
            "gus",
            "--title",
            "Gus",
            "--area",
            "repairs",
            "--max-chats",
            "1",
            "--replace",
            "--password-stdin",
        ];
        globex.baton(&gus, PASSWORD).unwrap();
    })
    .await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    let (_carl, filled, _) = Client::customer(&both.globex, &verifier()).await.unwrap();
    assert_eq!(gus.pick_up().await.unwrap(), filled);
    assert_eq!(opened(&mut gus).await, filled);
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let (code, detail) = failed(&mut anna).await;
    assert_eq!(code, Some(ErrorCode::Kept));
    assert!(detail.contains("try again in"), "{detail}");
    carla.say(None, 8, "I can wait.").await.unwrap();
    let has = |chats| {
        move |frame: &ServerFrame| match frame {
            ServerFrame::Destinations { agents, .. } => {
                agents.iter().any(|agent| agent.name == "gus" && agent.chats == chats).then_some(())
            }
            _ => None,
        }
    };
    gus.expect("his chat in the lists", has(1)).await.unwrap();
    // Before it he was free as well.
    gus.forget();
    gus.send(&ClientFrame::End { chat: Some(filled) }).await.unwrap();
    // His place is free a moment after the chat has ended.
    gus.expect("a free place", has(0)).await.unwrap();
    anna.send(&ClientFrame::RetryTransfer { chat, transfer: TRANSFER }).await.unwrap();
    let offer = carla.whole_offer().await.unwrap();
    let mut there = arrive(carla, &offer, 1, verifier()).await;
    with_agent(&mut there, "Gus").await;
    let context = context(&mut gus).await;
    let texts: Vec<&str> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["My stove leaks.", "Our partner can help.", "I can wait."]);
}

#[tokio::test]
async fn d7_the_address_leads_straight_to_the_free_agent() {
    let both = with_repairs("agent_required = \"free\"").await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let offer = carla.whole_offer().await.unwrap();
    let mut there = arrive(carla, &offer, 1, verifier()).await;
    with_agent(&mut there, "Gus").await;
    opened(&mut gus).await;
    stage(&mut anna, Stage::Answered).await;
}

#[tokio::test]
async fn an_agent_there_is_asked_and_takes_the_customer() {
    let both = with_repairs("agent_required = \"willing\"").await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    let ask = asked(&mut gus).await;
    assert_eq!((ask.transfer, ask.from.as_str()), (TRANSFER, "Acme Outdoor"));
    assert_eq!((ask.name.as_str(), ask.comments.as_str()), ("Carla", "Leaks at the valve."));
    gus.send(&ClientFrame::AnswerAsk { transfer: TRANSFER, accept: true }).await.unwrap();
    let offer = carla.whole_offer().await.unwrap();
    let mut there = arrive(carla, &offer, 1, verifier()).await;
    with_agent(&mut there, "Gus").await;
}

#[tokio::test]
async fn a6_an_agent_who_declines_leaves_the_chat_where_it_was() {
    let both = with_repairs("agent_required = \"willing\"").await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    asked(&mut gus).await;
    gus.send(&ClientFrame::AnswerAsk { transfer: TRANSFER, accept: false }).await.unwrap();
    assert_eq!(failed(&mut anna).await.0, Some(ErrorCode::Declined));
    carla.say(None, 8, "Still here.").await.unwrap();
    texts_until(&mut anna, "Still here.").await;
}

#[tokio::test]
async fn x1_a_colleague_is_asked_where_the_line_wants_it() {
    let both = both_with(|acme, _| {
        acme.configure_area("sales", "agent_required = \"willing\"").unwrap();
    })
    .await;
    let (carla, mut anna, chat, _) = chatting(&both).await;
    let mut ben = Client::agent(&both.acme, "ben").await.unwrap();
    let to = || Destination::Agent("ben".into());
    transfer(&mut anna, TRANSFER, chat, to(), Share::All).await;
    assert_eq!(asked(&mut ben).await.agent, "Anna");
    ben.send(&ClientFrame::AnswerAsk { transfer: TRANSFER, accept: false }).await.unwrap();
    assert_eq!(failed(&mut anna).await.0, Some(ErrorCode::Declined));
    let again = TransferId([8; 16]);
    transfer(&mut anna, again, chat, to(), Share::All).await;
    asked(&mut ben).await;
    ben.send(&ClientFrame::AnswerAsk { transfer: again, accept: true }).await.unwrap();
    assert_eq!(opened(&mut ben).await, chat);
    drop(carla);
}

#[tokio::test]
async fn d3_a_full_queue_is_said() {
    let both = with_repairs("max_waiting = 1").await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    let (_other, _, _) = Client::customer(&both.globex, &verifier()).await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    assert_eq!(failed(&mut anna).await.0, Some(ErrorCode::QueueFull));
    carla.say(None, 8, "Still here.").await.unwrap();
}

#[tokio::test]
async fn d3_a_place_is_kept_from_the_acceptance_on_until_nobody_comes() {
    let mut both = with_globex(|globex| {
        globex.configure_area("repairs", "max_waiting = 1").unwrap();
        globex.configure_after("[transfer]\n", "offer_seconds = 2").unwrap();
    })
    .await;
    let (mut carla, mut anna, chat, _) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    carla.offer().await.unwrap();
    let (_other, other, _) = Client::customer(&both.acme, &Verifier::from_bytes([2; 32])).await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), other);
    transfer(&mut anna, TransferId([8; 16]), other, to_globex(), Share::All).await;
    assert_eq!(failed(&mut anna).await.0, Some(ErrorCode::QueueFull), "the place is Carla's");

    // Acme cannot take the reservation back any more: it has to lapse by itself.
    both.acme.kill().unwrap();
    both.acme.start().await.unwrap();
    let mut anna = Client::agent(&both.acme, "anna").await.unwrap();
    let (mut late, chat, _) = Client::customer(&both.acme, &Verifier::from_bytes([3; 32])).await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), chat);
    for number in 9_u8.. {
        transfer(&mut anna, TransferId([number; 16]), chat, to_globex(), Share::All).await;
        let end = |frame: &ServerFrame| match frame {
            ServerFrame::Progress { chat: of, stage: Stage::Accepted | Stage::Pushed, .. } if *of == chat => {
                Some(None)
            }
            ServerFrame::Progress { chat: of, stage: Stage::Failed, code, .. } if *of == chat => Some(*code),
            _ => None,
        };
        match anna.expect("an answer", end).await.unwrap() {
            None => break,
            Some(code) => assert!(code == ErrorCode::QueueFull && number < 200, "{code:?}"),
        }
        // waits: an agent tries again a little later.
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    late.offer().await.unwrap();
}

/// Loads a page of Acme's gateway.
async fn load(both: &Both, path: &str) -> String {
    let url = format!("{}{path}", both.acme.socket().replacen("ws", "http", 1).replace("/v1/ws", ""));
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn o4_a_browser_without_a_socket_goes_by_the_warm_transfer_page() {
    let both = both_with(|_, _| ()).await;
    let (carla, mut anna, chat, token) = chatting(&both).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    drop(carla);
    let gone = |frame: &ServerFrame| match frame {
        ServerFrame::CardChanged { card } => (!card.online).then_some(()),
        _ => None,
    };
    anna.expect("the customer's absence", gone).await.unwrap();
    let path = format!("/v1/warm/{}", token.digest().page());
    let page = load(&both, &path).await;
    assert!(page.contains("http-equiv=\"refresh\" content=\"4\"") && page.contains("Anna"), "{page}");
    transfer(&mut anna, TRANSFER, chat, to_globex(), Share::All).await;
    stage(&mut anna, Stage::Accepted).await;
    let page = load(&both, &path).await;
    let (_, rest) = page.split_once("content=\"0; url=").expect("a refresh command to the destination");
    let (to, _) = rest.split_once('"').unwrap();
    let (site, claim) = to.split_once("#baton=").unwrap();
    assert_eq!(site, format!("{}/", both.globex.site()));
    // What the widget on that page does with its fragment.
    let claim = baton_core::client::Claim::parse(claim).unwrap();
    let mut there =
        Client::claim(&both.globex, claim.wtid.unwrap(), claim.verifier, claim.epoch).await.unwrap();
    welcome(&mut there).await;
    assert!(load(&both, "/v1/warm/AAAA").await.contains("not here any more"));
}
