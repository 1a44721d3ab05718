//! Transfers: every way there, every way back.

use super::*;
use baton_protocol::frames::About;
use baton_protocol::{ErrorCode, Verifier};

fn refusal() -> ServerFrame {
    let code = ErrorCode::NotArrived;
    ServerFrame::Refused { code, detail: String::new(), about: About::Transfer(T1) }
}

fn reclaim(epoch: Epoch) -> ClientFrame {
    ClientFrame::Reclaim { transfer: T1, epoch }
}

fn navigate(page: &str) -> ServerFrame {
    offer(T1, Way::Navigate { page: page.into() })
}

fn left_page() -> Rig {
    let mut rig = Rig::chatting();
    rig.main(navigate("https://globex.example/help"));
    rig
}

fn navigated(rig: &Rig) -> Option<String> {
    rig.did.iter().find_map(|effect| match effect {
        Effect::Navigate(url) => Some(url.clone()),
        _ => None,
    })
}

#[test]
fn m2_in_place_the_next_connection_opens_while_the_main_one_stays() {
    let mut rig = Rig::chatting();
    let main = rig.main_link();
    let verifier = rig.record().verifier.clone();
    rig.main(in_place(T1, GLOBEX));
    assert_eq!(rig.did[0], Effect::Store);
    assert_eq!(rig.sent(), [(main, &ClientFrame::Following { transfer: T1 })]);
    assert_eq!(rig.connected_to(), [GLOBEX]);
    assert_eq!(rig.client.view().connection, Connection::Moving);
    rig.open_next();
    let fresh = rig.record().hop.as_ref().unwrap().fresh.challenge();
    let expected = Start::Claim { wtid: Some(wtid(7)), verifier, epoch: 1, challenge: fresh, adopt: false };
    assert_eq!(rig.hello(), &expected);
    assert_ne!(fresh, rig.record().verifier.challenge());
}

#[test]
fn m2_what_is_typed_during_a_transfer_goes_to_the_new_owner_only() {
    let mut rig = Rig::claiming();
    let (main, next) = (rig.main_link(), rig.next_link());
    rig.say("held");
    assert!(rig.said().is_empty());
    rig.main(entries(vec![agent(1, "just a moment")])).next(ServerFrame::Arriving { transfer: T1 });
    rig.next(welcome(2, Some(2), Some(T1)));
    assert_eq!(rig.did[0], Effect::Store);
    let accept = ClientFrame::Accept { transfer: T1 };
    assert_eq!(rig.sent()[0], (next, &accept));
    assert_eq!(rig.said(), [(next, "held")]);
    assert!(!rig.did(&Effect::Close(main)), "what was said there last may still be on its way");
    assert_eq!(rig.texts(), ["Bob just a moment", "with Globex", "me held Pending"]);
    assert_eq!(
        (rig.client.view().brand.name.as_str(), rig.client.view().connection),
        ("Globex", Connection::Online)
    );
}

#[test]
fn m2_what_the_server_before_said_last_comes_late_and_is_read_all_the_same() {
    let mut rig = Rig::claiming();
    let main = rig.main_link();
    rig.main(entries(vec![agent(1, "one moment")])).next(welcome(2, Some(2), Some(T1)));
    let late = |rig: &mut Rig, entry| {
        rig.input(Input::Frame(main, entries(vec![entry])));
    };
    late(&mut rig, agent(1, "one moment"));
    late(&mut rig, agent(2, "they know more"));
    rig.main(entries(vec![agent(5, "hello")]));
    late(&mut rig, agent(3, "goodbye"));
    let read = ["Bob one moment", "Bob they know more", "Bob goodbye", "with Globex", "Bob hello"];
    assert_eq!(rig.texts(), read);
    assert_eq!((rig.record().unread, rig.record().last_seq), (4, 5));
    rig.input(Input::Frame(main, ServerFrame::Typing { chat: ChatId([9; 16]), on: true }));
    assert!(!rig.client.view().typing, "nothing else of it counts");
    rig.input(Input::Timer(Timer::Heartbeat));
    assert!(rig.did(&Effect::Close(main)), "a server that does not close it is not listened to for ever");
    late(&mut rig, agent(4, "once more"));
    assert_eq!(rig.texts(), read);
}

#[test]
fn m2_what_was_said_before_comes_from_the_new_server_where_the_old_one_is_gone() {
    let mut rig = Rig::claiming();
    rig.main(entries(vec![agent(1, "one moment")])).next(welcome(2, Some(2), Some(T1)));
    let before = |number: u8, text: &str| Entry { seq: 0, id: MessageId([number; 16]), ..agent(9, text) };
    rig.main(entries(vec![before(1, "one moment"), before(2, "they know more")]));
    rig.main(entries(vec![agent(5, "hello")]));
    assert_eq!(rig.texts(), ["Bob one moment", "Bob they know more", "with Globex", "Bob hello"]);
}

#[test]
fn m2_after_the_welcome_the_record_points_to_the_new_gateway() {
    let mut rig = Rig::claiming();
    let fresh = rig.record().hop.clone().unwrap().fresh;
    rig.main(entries(vec![agent(5, "hm")])).next(welcome(2, Some(2), Some(T1)));
    let record = rig.disk.clone().unwrap();
    assert_eq!((record.socket.as_str(), record.epoch, record.last_seq), (GLOBEX, 2, 0));
    assert_eq!((record.verifier, record.hop), (fresh, None));
    rig.reload();
    assert_eq!(rig.connected_to(), [GLOBEX]);
    rig.open_main();
    assert_eq!(rig.hello(), &Start::Resume { token: token(2), epoch: 2 });
}

#[test]
fn m2_an_acceptance_that_may_be_lost_is_said_again() {
    let mut rig = Rig::claiming();
    rig.next(welcome(2, Some(2), Some(T1))).reload().open_main().main(welcome(2, None, Some(T1)));
    assert_eq!(rig.sent()[0].1, &ClientFrame::Accept { transfer: T1 });
    rig.main(ServerFrame::Pong { nonce: 1 });
    rig.reload().open_main().main(welcome(2, None, Some(T1)));
    assert!(rig.sent().is_empty());
}

#[test]
fn m3_any_number_of_transfers_in_a_row_and_back() {
    let mut rig = Rig::chatting();
    for hop in 1..=6u8 {
        let socket = if hop % 2 == 1 { GLOBEX } else { ACME };
        let transfer = TransferId([hop; 16]);
        let before = rig.record().verifier.clone();
        rig.main(in_place(transfer, socket)).open_next();
        let Start::Claim { verifier, epoch, .. } = rig.hello() else { panic!("no claim") };
        assert_eq!((verifier, *epoch), (&before, u32::from(hop)));
        rig.next(welcome(u32::from(hop) + 1, Some(hop + 1), Some(transfer)));
        assert_eq!((rig.record().socket.as_str(), rig.record().epoch), (socket, u32::from(hop) + 1));
        assert!(rig.client.next.link.is_none());
    }
}

#[test]
fn m2_no_welcome_in_time_brings_the_customer_back() {
    let mut rig = Rig::claiming();
    let (main, next) = (rig.main_link(), rig.next_link());
    rig.say("held");
    rig.timer(Timer::Stage);
    assert_eq!((rig.did[0].clone(), rig.record().epoch), (Effect::Store, 3));
    assert!(rig.did(&Effect::Close(next)) && rig.did(&Effect::Send(main, reclaim(3))));
    assert!(rig.said().is_empty(), "not before the origin has taken it back");
    rig.input(Input::Frame(next, welcome(2, Some(2), Some(T1))));
    assert_eq!((rig.record().socket.as_str(), rig.record().epoch), (ACME, 3), "a late welcome is stale");
    rig.main(welcome(3, None, None));
    assert_eq!(rig.said(), [(main, "held")]);
    assert_eq!(rig.client.view().notice, Some(&Notice::Stayed));
}

#[test]
fn m2_a_refusal_brings_the_customer_back_at_once() {
    for how in 0..3 {
        let mut rig = Rig::claiming();
        let main = rig.main_link();
        match how {
            0 => rig.close_next(CloseCode::Unauthenticated),
            1 => rig.close_next(CloseCode::ForbiddenOrigin),
            _ => rig.next(refusal()),
        };
        assert!(rig.did(&Effect::Send(main, reclaim(3))));
    }
}

#[test]
fn m2_a_welcome_that_does_not_answer_the_claim_is_refused() {
    for bad in [welcome(2, None, Some(T1)), welcome(2, Some(2), Some(T2)), welcome(3, Some(2), Some(T1))] {
        let mut rig = Rig::claiming();
        let main = rig.main_link();
        rig.next(bad);
        assert!(rig.did(&Effect::Send(main, reclaim(3))));
        assert_eq!(rig.record().socket, ACME);
    }
}

#[test]
fn m2_a_lost_next_connection_is_opened_again_with_the_same_claim() {
    let mut rig = Rig::chatting();
    rig.main(in_place(T1, GLOBEX)).open_next();
    let first = rig.hello().clone();
    rig.close_next(None).timer(Timer::NextRetry).open_next();
    assert_eq!(rig.hello(), &first);
}

#[test]
fn m2_a_withdrawn_offer_leaves_everything_as_it_was() {
    let mut rig = Rig::claiming();
    let (main, next) = (rig.main_link(), rig.next_link());
    rig.say("held");
    rig.main(ServerFrame::Withdrawn { transfer: T1 });
    assert!(rig.did(&Effect::Close(next)));
    assert_eq!(rig.said(), [(main, "held")]);
    assert_eq!((rig.record().epoch, rig.client.view().connection), (1, Connection::Online));
}

#[test]
fn m2_an_unreachable_origin_is_frozen_and_the_destination_adopts() {
    let mut rig = Rig::claiming();
    rig.close_main(None);
    assert_eq!(rig.timer_set(Timer::MainDown), Some(FREEZE_AFTER));
    rig.timer(Timer::Retry).close_main(None);
    assert_eq!(rig.timer_set(Timer::MainDown), None, "one measure for the whole absence");
    rig.timer(Timer::Stage);
    assert_eq!(rig.record().epoch, 1, "there is no origin to go back to");
    rig.timer(Timer::MainDown);
    assert_eq!(
        (rig.did[0].clone(), rig.record().hop.as_ref().unwrap().stage),
        (Effect::Store, Stage::Frozen)
    );
    rig.open_next();
    assert!(matches!(rig.hello(), Start::Claim { adopt: true, epoch: 1, .. }));
    rig.timer(Timer::Retry);
    assert_eq!(rig.client.main.link, None, "frozen means that the origin is not heard any more");
    rig.next(welcome(2, Some(2), Some(T1)));
    assert_eq!((rig.record().epoch, rig.client.view().connection), (2, Connection::Online));
}

#[test]
fn m2_refused_while_frozen_the_customer_reclaims_by_resuming() {
    let mut rig = Rig::claiming();
    rig.close_main(None).timer(Timer::MainDown).open_next();
    rig.next(refusal());
    assert_eq!((rig.did[0].clone(), rig.record().epoch), (Effect::Store, 3));
    assert_eq!(rig.connected_to(), [ACME]);
    rig.open_main();
    assert_eq!(rig.hello(), &Start::Resume { token: token(1), epoch: 3 });
    rig.main(welcome(3, None, None));
    assert_eq!((rig.record().hop.clone(), rig.client.view().connection), (None, Connection::Online));
}

#[test]
fn m2_frozen_survives_a_reload() {
    let mut rig = Rig::claiming();
    rig.close_main(None).timer(Timer::MainDown).reload();
    assert_eq!(rig.connected_to(), [GLOBEX]);
    rig.open_next();
    assert!(matches!(rig.hello(), Start::Claim { adopt: true, .. }));
}

#[test]
fn m2_an_origin_that_was_back_is_timed_anew() {
    let mut rig = Rig::claiming();
    rig.close_main(None).timer(Timer::Retry).open_main().main(welcome(1, None, None));
    rig.timer(Timer::MainDown);
    assert_eq!(rig.record().hop.as_ref().unwrap().stage, Stage::Claiming);
    rig.close_main(None);
    assert_eq!(rig.timer_set(Timer::MainDown), Some(FREEZE_AFTER));
}

#[test]
fn m2_a_claim_survives_a_reload() {
    let mut rig = Rig::chatting();
    rig.main(in_place(T1, GLOBEX)).open_next();
    let claim = rig.hello().clone();
    rig.reload();
    assert_eq!(rig.connected_to(), [ACME, GLOBEX]);
    rig.open_next();
    assert_eq!(rig.hello(), &claim);
}

#[test]
fn m2_an_overdue_claim_is_reclaimed_when_the_origin_is_back() {
    let mut rig = Rig::claiming();
    rig.close_main(None).timer(Timer::Stage).timer(Timer::Retry).open_main();
    rig.main(welcome(1, None, None));
    let main = rig.main_link();
    assert!(rig.did(&Effect::Send(main, reclaim(3))));
}

#[test]
fn m2_a_welcome_of_the_old_epoch_is_answered_with_the_reclaim() {
    let mut rig = Rig::claiming();
    rig.close_main(None).timer(Timer::Retry).open_main();
    rig.close_next(CloseCode::Unauthenticated);
    rig.main(welcome(1, None, None));
    let main = rig.main_link();
    assert!(rig.did(&Effect::Send(main, reclaim(3))));
    rig.main(welcome(3, None, None));
    assert_eq!(rig.client.view().connection, Connection::Online);
}

#[test]
fn m2_an_unanswered_reclaim_is_made_again_by_resuming() {
    let mut rig = Rig::claiming();
    rig.timer(Timer::Stage).timer(Timer::Attempt).timer(Timer::Retry).open_main();
    assert_eq!(rig.hello(), &Start::Resume { token: token(1), epoch: 3 });
}

#[test]
fn m2_an_origin_that_closed_for_good_does_not_end_a_claim() {
    let mut rig = Rig::claiming();
    rig.close_main(CloseCode::Moved);
    assert_eq!(rig.client.view().connection, Connection::Moving);
    rig.next(welcome(2, Some(2), Some(T1)));
    assert_eq!(rig.client.view().connection, Connection::Online);
    let mut rig = Rig::claiming();
    rig.close_main(CloseCode::Moved).next(refusal());
    assert_eq!(rig.client.view().ended, Some(Ending::Moved("Globex".into())));
    assert_eq!(rig.disk, None);
}

#[test]
fn another_window_takes_over_even_during_a_claim() {
    let mut rig = Rig::claiming();
    rig.close_main(CloseCode::Superseded);
    assert_eq!(rig.client.view().ended, Some(Ending::Elsewhere));
    assert!(rig.disk.is_some() && rig.client.next.link.is_none());
}

#[test]
fn s2_a_socket_that_the_gateway_does_not_vouch_for_is_not_opened() {
    let mut rig = Rig::chatting();
    let main = rig.main_link();
    rig.main(in_place(T1, "wss://evil.example/v1/ws"));
    assert!(rig.connected_to().is_empty());
    assert_eq!(rig.sent(), [(main, &ClientFrame::Declined { transfer: T1 })]);
    assert_eq!(rig.client.view().connection, Connection::Online);
}

#[test]
fn s2_only_pages_that_leave_nothing_to_interpret_are_gone_to() {
    for good in
        ["https://a.example", "https://a.example:8443/x?y#z", "http://localhost:1/", "http://a.localhost/"]
    {
        assert!(is_safe_page(good), "{good}");
    }
    for bad in [
        "http://a.example/",
        "https://user@a.example/",
        "https://a.example\\@evil.example/",
        "https:///a.example",
        "https:a.example",
        "javascript:alert(1)",
        "https://a%2eexample/",
        "https://bücher.example/",
        "http://localhost.evil.example/",
        "http://evil.example#.localhost",
        "//a.example/",
        "HTTPS://a.example/ ",
    ] {
        assert!(!is_safe_page(bad), "{bad}");
        let mut rig = Rig::chatting();
        let main = rig.main_link();
        rig.main(navigate(bad));
        assert_eq!(rig.sent(), [(main, &ClientFrame::Declined { transfer: T1 })]);
    }
}

#[test]
fn m2_an_unreachable_socket_with_a_page_is_navigated_to() {
    let mut rig = Rig::chatting();
    let page = Some("https://globex.example/".to_owned());
    rig.main(offer(T1, Way::InPlace { socket: "wss://x.example/v1/ws".into(), page }));
    assert!(navigated(&rig).unwrap().starts_with("https://globex.example/#baton="));
}

#[test]
fn m2_a_socket_that_the_page_may_not_open_becomes_a_navigation() {
    let offered = |page: Option<&str>| {
        let mut rig = Rig::chatting();
        rig.main(offer(T1, Way::InPlace { socket: GLOBEX.into(), page: page.map(str::to_owned) }));
        let next = rig.next_link();
        rig.input(Input::Blocked(next));
        (rig, next)
    };
    let (mut rig, next) = offered(Some("https://globex.example/"));
    assert_eq!(rig.did[0], Effect::Store);
    assert!(rig.did(&Effect::Close(next)));
    assert!(navigated(&rig).unwrap().starts_with("https://globex.example/#baton="));
    // What is still said of that connection is late.
    rig.input(Input::Closed(next, Some(1006))).input(Input::Blocked(next));
    assert_eq!(navigated(&rig), None);
    // Nowhere to go: the customer stays, at once.
    for page in [None, Some("javascript:alert(1)")] {
        let (rig, _) = offered(page);
        assert_eq!(navigated(&rig), None);
        assert_eq!(rig.sent(), [(rig.main_link(), &reclaim(3))]);
    }
}

#[test]
fn m2_a_reload_before_the_socket_is_forbidden_still_ends_in_the_navigation() {
    let mut rig = Rig::chatting();
    let way = || Way::InPlace { socket: GLOBEX.into(), page: Some("https://globex.example/".into()) };
    rig.main(offer(T1, way()));
    rig.reload();
    let next = rig.next_link();
    rig.input(Input::Blocked(next));
    assert!(navigated(&rig).unwrap().starts_with("https://globex.example/#baton="));
    // What was said and not stored yet is the origin's first; the offer, made again, is followed.
    let mut rig = Rig::chatting();
    rig.main(offer(T1, way())).input(Input::Say("One more thing.".into()));
    rig.reload();
    let next = rig.next_link();
    rig.input(Input::Blocked(next));
    assert_eq!(navigated(&rig), None);
    rig.open_main();
    rig.main(welcome(1, None, None));
    let said = rig.record().outbox().next().unwrap().0;
    assert!(rig.sent().iter().any(|(_, frame)| matches!(frame, ClientFrame::Say { id, .. } if *id == said)));
    rig.main(offer(T1, way())).input(Input::Say("And another.".into()));
    let next = rig.next_link();
    rig.main(stored(said, 1)).input(Input::Blocked(next));
    assert_eq!(navigated(&rig), None);
    let held = rig.record().outbox().next().unwrap().0;
    assert!(rig.sent().iter().any(|(_, frame)| matches!(frame, ClientFrame::Say { id, .. } if *id == held)));
    rig.main(stored(held, 2));
    assert!(navigated(&rig).unwrap().starts_with("https://globex.example/#baton="));
}

#[test]
fn m2_nobody_waits_for_an_origin_that_has_closed_for_good_while_the_socket_is_forbidden() {
    let way = || Way::InPlace { socket: GLOBEX.into(), page: Some("https://globex.example/".into()) };
    for said in [false, true] {
        let mut rig = Rig::chatting();
        rig.main(offer(T1, way()));
        if said {
            rig.input(Input::Say("One more thing.".into()));
        }
        let (main, next) = (rig.main_link(), rig.next_link());
        rig.input(Input::Closed(main, Some(CloseCode::Unauthenticated as u16))).input(Input::Blocked(next));
        assert_eq!(navigated(&rig).is_some(), !said);
        assert_eq!(rig.client.record().is_none(), said, "what cannot be delivered stands in the form again");
    }
}

#[test]
fn m2_navigating_carries_wtid_verifier_and_epoch_in_the_fragment() {
    let rig = left_page();
    assert_eq!(rig.did[0], Effect::Store);
    let url = navigated(&rig).unwrap();
    let claim = Claim::parse(url.strip_prefix("https://globex.example/help#baton=").unwrap()).unwrap();
    assert_eq!(
        claim,
        Claim { wtid: Some(wtid(7)), verifier: rig.record().verifier.clone(), epoch: 1, at: None }
    );
    assert_eq!(Claim::parse("a.b.c"), None);
    assert_eq!(Claim::parse(&format!("{}.4.5", claim.reveal())), None);
    assert_eq!(Claim::parse(&format!("{}./../", claim.reveal())), None);
}

#[test]
fn d4_an_address_of_the_customers_own_is_followed_in_place() {
    let mut rig = Rig::chatting();
    let socket = format!("{GLOBEX}/c2xvdA");
    rig.main(in_place(T1, &socket));
    assert!(rig.did.iter().any(|effect| matches!(effect, Effect::Connect { url, .. } if *url == socket)));
    rig.open_next().next(welcome(2, Some(2), Some(T1)));
    assert_eq!(rig.record().socket, GLOBEX, "later connections go to the gateway itself");
    for elsewhere in ["https://x.example/ws/c2xvdA", &format!("{GLOBEX}/../x"), &format!("{GLOBEX}/a/b")] {
        let mut rig = Rig::chatting();
        rig.main(in_place(T1, elsewhere));
        assert!(
            rig.sent().iter().any(|(_, frame)| matches!(frame, ClientFrame::Declined { .. })),
            "{elsewhere}"
        );
    }
}

#[test]
fn d4_an_address_of_the_customers_own_travels_in_the_fragment() {
    let mut rig = Rig::chatting();
    let page = "https://globex.example/help#at=c2xvdA".to_owned();
    rig.main(offer(T1, Way::Navigate { page }));
    let url = navigated(&rig).unwrap();
    let claim = Claim::parse(url.strip_prefix("https://globex.example/help#baton=").unwrap()).unwrap();
    assert_eq!(claim.at.as_deref(), Some("c2xvdA"));
    let mut there = Rig::new();
    there.input(Input::Arrive(Claim { wtid: None, ..claim }, None));
    let own = format!("{ACME}/c2xvdA");
    assert!(there.did.iter().any(|effect| matches!(effect, Effect::Connect { url, .. } if *url == own)));
    there.open_main();
    assert!(matches!(there.hello(), Start::Claim { wtid: None, .. }));
    there.main(welcome(2, Some(2), Some(T1)));
    assert_eq!(there.record().socket, ACME);
}

#[test]
fn m2_navigating_waits_for_messages_on_their_way_and_takes_no_new_ones() {
    let mut rig = Rig::chatting();
    let id = rig.say("on its way");
    rig.main(navigate("https://globex.example/"));
    assert_eq!((navigated(&rig), rig.timer_set(Timer::Stage)), (None, Some(FLUSH_WAIT)));
    rig.input(Input::Say("too late".into()));
    assert_eq!(rig.client.view().notice, Some(&Notice::Leaving));
    rig.main(stored(id, 1));
    assert!(navigated(&rig).is_some());
}

#[test]
fn m2_a_message_that_cannot_be_delivered_keeps_the_customer_here() {
    let mut rig = Rig::chatting();
    let main = rig.main_link();
    rig.say("on its way");
    rig.main(navigate("https://globex.example/")).timer(Timer::Stage);
    assert!(rig.did(&Effect::Send(main, ClientFrame::Declined { transfer: T1 })));
    assert_eq!((rig.record().hop.clone(), rig.said()), (None, vec![(main, "on its way")]));
}

#[test]
fn m2_a_browser_that_did_not_leave_comes_back() {
    let mut rig = left_page();
    let main = rig.main_link();
    rig.timer(Timer::Stage);
    assert!(rig.did(&Effect::Send(main, reclaim(3))));
}

#[test]
fn m2_a_customer_who_comes_back_just_goes_on_and_is_not_sent_away_again() {
    let mut rig = left_page();
    rig.reload().open_main();
    assert!(matches!(rig.hello(), Start::Resume { epoch: 1, .. }));
    rig.main(welcome(1, None, None));
    let main = rig.main_link();
    assert!(rig.did(&Effect::Send(main, ClientFrame::Declined { transfer: T1 })));
    assert_eq!(rig.client.view().connection, Connection::Online);
    rig.main(navigate("https://globex.example/help"));
    assert_eq!((navigated(&rig), rig.sent()), (None, vec![(main, &ClientFrame::Declined { transfer: T1 })]));
}

#[test]
fn m2_a_customer_whose_chat_has_moved_is_told() {
    let mut rig = left_page();
    rig.reload().open_main().close_main(CloseCode::Moved);
    assert_eq!(rig.client.view().ended, Some(Ending::Moved("Globex".into())));
    assert_eq!(rig.disk, None);
}

#[test]
fn m2_a_chat_that_was_given_up_but_never_arrived_is_reclaimed() {
    let mut rig = left_page();
    rig.reload().open_main();
    let mut moved = welcome(1, None, None);
    if let ServerFrame::Welcome { phase, .. } = &mut moved {
        *phase = Phase::Moved;
    }
    rig.main(moved);
    assert_eq!(rig.timer_set(Timer::Stage), Some(ARRIVE_WAIT));
    rig.timer(Timer::Stage);
    let main = rig.main_link();
    assert!(rig.did(&Effect::Send(main, reclaim(3))));
}

fn arriving(before: Option<Record>) -> Rig {
    let mut rig = Rig::new();
    let claim = Claim { wtid: Some(wtid(7)), verifier: Verifier::from_bytes([8; 32]), epoch: 4, at: None };
    rig.input(Input::Arrive(claim, before.map(Box::new))).open_main();
    rig
}

#[test]
fn m2_arriving_by_page_claims_at_once_and_accepts() {
    let mut rig = arriving(None);
    let Start::Claim { verifier, epoch, adopt, challenge, .. } = rig.hello() else { panic!("no claim") };
    assert_eq!((verifier, *epoch, *adopt), (&Verifier::from_bytes([8; 32]), 4, false));
    assert_eq!(*challenge, rig.record().verifier.challenge());
    rig.main(ServerFrame::Arriving { transfer: T1 }).main(welcome(5, Some(2), Some(T1)));
    assert_eq!((rig.did[0].clone(), rig.record().epoch), (Effect::Store, 5));
    assert_eq!(rig.sent()[0].1, &ClientFrame::Accept { transfer: T1 });
    assert_eq!(rig.texts(), ["with Globex"]);
    rig.main(in_place(T2, ACME)).open_next();
    assert!(matches!(rig.hello(), Start::Claim { epoch: 5, .. }), "and is as mobile as before");
}

#[test]
fn m2_an_arrival_survives_a_reload() {
    let mut rig = arriving(None);
    let claim = rig.hello().clone();
    rig.reload().open_main();
    assert_eq!(rig.hello(), &claim);
}

#[test]
fn m2_an_arrival_that_fails_goes_back() {
    for how in 0..3 {
        let mut rig = arriving(None);
        match how {
            0 => rig.close_main(CloseCode::Unauthenticated),
            1 => rig.timer(Timer::Stage),
            _ => rig.main(welcome(9, Some(1), Some(T1))),
        };
        assert!(rig.did(&Effect::GoBack));
        assert_eq!((rig.disk.clone(), rig.client.view().notice), (None, Some(&Notice::NotArrived)));
    }
}

#[test]
fn s2_a_forged_arrival_does_not_cost_the_chat_that_was_here() {
    let before = Rig::chatting().record().clone();
    let mut rig = arriving(Some(before.clone()));
    rig.reload().open_main().close_main(CloseCode::Unauthenticated);
    assert!(!rig.did(&Effect::GoBack));
    rig.open_main();
    assert_eq!(rig.hello(), &Start::Resume { token: token(1), epoch: before.epoch });
    assert!(matches!(rig.disk.clone().unwrap().standing, Standing::Session { .. }));
}

#[test]
fn m2_a_new_offer_replaces_the_one_before() {
    let mut rig = Rig::claiming();
    let old = rig.next_link();
    rig.main(in_place(T2, GLOBEX));
    assert!(rig.did(&Effect::Close(old)));
    assert_eq!(rig.record().hop.as_ref().unwrap().transfer, T2);
    rig.main(in_place(T2, GLOBEX));
    assert!(rig.connected_to().is_empty(), "the same offer again is harmless");
}

#[test]
fn m4_ending_during_a_transfer_is_told_to_whoever_has_the_chat() {
    let mut rig = Rig::claiming();
    rig.input(Input::End);
    assert!(rig.sent().is_empty());
    let next = rig.next_link();
    rig.next(welcome(2, Some(2), Some(T1)));
    assert!(rig.did(&Effect::Send(next, ClientFrame::End { chat: None })));
}

#[test]
fn m2_whoever_was_typing_is_not_typing_at_the_destination() {
    let mut rig = Rig::claiming();
    rig.main(ServerFrame::Typing { chat: ChatId([9; 16]), on: true });
    assert!(rig.client.view().typing);
    rig.next(welcome(2, Some(2), Some(T1)));
    assert!(!rig.client.view().typing);
}

fn earlier(rig: &Rig) -> Option<&ClientFrame> {
    rig.sent().into_iter().map(|(_, frame)| frame).find(|frame| matches!(frame, ClientFrame::Earlier { .. }))
}

#[test]
fn x3_back_at_a_server_the_customer_shows_that_they_were_there() {
    let mut rig = Rig::claiming();
    rig.next(welcome(2, Some(2), Some(T1)));
    assert_eq!(earlier(&rig), None, "nobody else learns the secret of Acme's chat");
    rig.reload().open_main().main(welcome(2, None, None));
    assert_eq!(earlier(&rig), None);
    rig.main(in_place(T2, ACME)).open_next().next(welcome(3, Some(3), Some(T2)));
    assert_eq!(earlier(&rig), Some(&ClientFrame::Earlier { token: token(1) }));
    rig.reload().open_main().main(welcome(3, None, None));
    assert_eq!(earlier(&rig), Some(&ClientFrame::Earlier { token: token(1) }), "it may have been lost");
    let third = TransferId([3; 16]);
    rig.main(in_place(third, GLOBEX)).open_next().next(welcome(4, Some(4), Some(third)));
    assert_eq!(earlier(&rig), Some(&ClientFrame::Earlier { token: token(2) }));
    let fourth = TransferId([4; 16]);
    rig.main(in_place(fourth, ACME)).open_next().next(welcome(5, Some(5), Some(fourth)));
    assert_eq!(
        earlier(&rig),
        Some(&ClientFrame::Earlier { token: token(3) }),
        "the last chat there has them all"
    );
}

#[test]
fn x3_whoever_comes_back_by_a_page_shows_it_as_well() {
    let mut before = Rig::chatting();
    before.main(navigate("https://acme.example/help"));
    let mut here = before.disk.clone().unwrap();
    here.socket = ACME.into();
    let mut rig = arriving(Some(here));
    rig.main(welcome(5, Some(2), Some(T1)));
    assert_eq!(earlier(&rig), Some(&ClientFrame::Earlier { token: token(1) }));
}

#[test]
fn servers_that_were_left_are_remembered_up_to_a_limit() {
    let mut rig = Rig::chatting();
    let mut record = rig.record().clone();
    for number in 0..20u8 {
        record.socket = char::from(b'a' + number).to_string();
        record.leaves();
    }
    assert_eq!(record.before.len(), MAX_BEFORE);
    record.socket = "a".into();
    record.leaves();
    assert_eq!(record.before.len(), MAX_BEFORE, "a server once");
    assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
    rig.main(welcome(1, None, None));
}
