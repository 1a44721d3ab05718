//! Chatting at one gateway: hello, messages, lost connections, the end.

use super::*;
use baton_protocol::frames::About;
use baton_protocol::model::{EndReason, Page};
use baton_protocol::{ErrorCode, Verifier};

#[test]
fn m1_a_new_customer_says_hello_and_the_question_follows_the_welcome() {
    let mut rig = Rig::new();
    let question = "My bulb is broken\nsince Monday".to_owned();
    rig.input(Input::Start(Opening { name: "Ann".into(), question, ..Opening::default() }));
    assert_eq!(rig.connected_to(), [ACME]);
    assert_eq!(rig.did[0], Effect::Store);
    rig.open_main();
    let challenge = rig.record().verifier.challenge();
    let Start::New { name, subject, challenge: shown, .. } = rig.hello() else { panic!("not new") };
    assert_eq!((name.as_str(), subject.as_str(), *shown), ("Ann", "My bulb is broken", challenge));
    assert_eq!(rig.client.view().connection, Connection::Connecting);
    rig.main(welcome(1, Some(1), None));
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.client.view().connection, Connection::Online);
    assert_eq!(rig.disk.as_ref(), Some(rig.record()));
}

#[test]
fn a_welcome_without_a_token_is_no_welcome_for_somebody_new() {
    let mut rig = Rig::new();
    rig.input(Input::Start(Opening::default()));
    rig.open_main().main(welcome(1, None, None));
    assert!(rig.timer_set(Timer::Retry).is_some());
    assert!(matches!(rig.record().standing, Standing::New { .. }));
}

#[test]
fn a_message_is_stored_before_it_is_sent_and_stays_until_it_is_acknowledged() {
    let mut rig = Rig::chatting();
    let id = rig.say("hello");
    assert_eq!(rig.did[0], Effect::Store);
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.record().outbox().count(), 1);
    rig.main(stored(id, 1));
    assert_eq!(rig.record().outbox().count(), 0);
    assert_eq!(rig.record().last_seq, 1);
    assert_eq!(rig.texts(), ["me hello Stored"]);
}

#[test]
fn the_outbox_is_sent_again_in_order_after_every_welcome() {
    let mut rig = Rig::chatting();
    rig.say("one");
    rig.close_main(None);
    rig.say("two");
    assert!(rig.said().is_empty());
    assert_eq!(rig.client.view().connection, Connection::Reconnecting);
    rig.timer(Timer::Retry).open_main();
    assert!(matches!(rig.hello(), Start::Resume { epoch: 1, .. }));
    rig.main(welcome(1, None, None));
    let main = rig.main_link();
    assert_eq!(rig.said(), [(main, "one"), (main, "two")]);
}

#[test]
fn an_own_message_shows_once_whoever_reports_it() {
    let mut rig = Rig::chatting();
    let id = rig.say("hello");
    let own = Entry { id, author: Author::Customer, ..agent(3, "hello") };
    rig.main(entries(vec![own.clone()])).main(stored(id, 3)).main(entries(vec![own]));
    assert_eq!(rig.texts(), ["me hello Stored"]);
    assert_eq!(rig.record().last_seq, 3);
}

#[test]
fn an_acknowledgement_closes_no_gap() {
    let mut rig = Rig::chatting();
    let id = rig.say("hello");
    rig.main(stored(id, 5));
    assert_eq!(rig.record().last_seq, 0);
    rig.main(entries(vec![agent(4, "before that")]));
    assert_eq!(rig.record().last_seq, 4);
    assert_eq!(rig.texts().len(), 2);
}

#[test]
fn entries_are_taken_once_and_stand_above_the_outbox() {
    let mut rig = Rig::chatting();
    rig.say("mine");
    rig.main(entries(vec![agent(1, "a"), agent(3, "b")]));
    rig.main(entries(vec![agent(3, "b"), agent(4, "c")]));
    assert_eq!(rig.texts(), ["Bob a", "Bob b", "Bob c", "me mine Pending"]);
    assert_eq!(rig.client.view().unread, 3);
    rig.input(Input::Seen);
    assert_eq!(rig.sent()[0].1, &ClientFrame::Seen { chat: None, seq: 4 });
    assert_eq!(rig.client.view().unread, 0);
}

#[test]
fn the_outbox_is_bounded_and_says_so() {
    let mut rig = Rig::chatting();
    for _ in 0..MAX_OUTBOX {
        rig.say("again");
    }
    assert_eq!(rig.client.view().notice, None);
    rig.input(Input::Say("one more".into()));
    assert_eq!(rig.client.view().notice, Some(&Notice::OutboxFull));
    assert_eq!(rig.record().outbox().count(), MAX_OUTBOX);
    rig.input(Input::Say("x".repeat(baton_protocol::limits::MAX_TEXT + 1)));
    assert_eq!(rig.client.view().notice, Some(&Notice::TooLong));
}

#[test]
fn the_transcript_is_bounded_and_never_at_the_outbox_cost() {
    let mut rig = Rig::chatting();
    rig.say("mine");
    for seq in 1..=250 {
        rig.main(entries(vec![agent(seq, "x")]));
    }
    assert_eq!(rig.record().lines.len(), MAX_LINES + 1);
    assert_eq!(rig.record().outbox().count(), 1);
}

#[test]
fn a_refused_message_leaves_the_outbox_and_is_marked() {
    let mut rig = Rig::chatting();
    let id = rig.say("hello");
    let refused = |code| ServerFrame::Refused { code, detail: String::new(), about: About::Message(id) };
    rig.main(refused(ErrorCode::Internal));
    assert_eq!(rig.record().outbox().count(), 1, "the gateway's own fault passes");
    rig.main(refused(ErrorCode::ChatFull));
    assert_eq!(rig.texts(), ["me hello Refused"]);
    assert_eq!(rig.client.view().notice, Some(&Notice::Refused(ErrorCode::ChatFull)));
}

#[test]
fn waits_between_attempts_double_up_to_the_most() {
    let mut rig = Rig::chatting();
    let mut waits = Vec::new();
    for _ in 0..12 {
        rig.close_main(None);
        waits.push(rig.timer_set(Timer::Retry).unwrap());
        rig.timer(Timer::Retry);
    }
    for (tries, wait) in waits.iter().enumerate() {
        assert!(*wait <= (BACKOFF_FIRST << tries.min(7)).min(BACKOFF_MOST), "{waits:?}");
    }
    let jittered = waits.iter().enumerate().any(|(tries, wait)| *wait < BACKOFF_FIRST << tries.min(6));
    assert!(jittered && waits.iter().any(|wait| *wait > 0));
}

#[test]
fn only_a_connection_that_lasted_makes_the_next_failure_a_first_one() {
    let mut rig = Rig::chatting();
    rig.close_main(None).timer(Timer::Retry).open_main().main(welcome(1, None, None));
    assert_eq!(rig.client.main.tries, 1);
    rig.timer(Timer::Heartbeat);
    assert_eq!(rig.client.main.tries, 0);
}

#[test]
fn a_connection_without_a_pong_is_dead() {
    let mut rig = Rig::chatting();
    rig.timer(Timer::Heartbeat);
    assert!(matches!(rig.sent()[0].1, ClientFrame::Ping { .. }));
    assert_eq!(rig.timer_set(Timer::Pong), Some(PONG_WAIT));
    let dead = rig.main_link();
    rig.timer(Timer::Pong);
    assert!(rig.did(&Effect::Close(dead)) && rig.timer_set(Timer::Retry).is_some());
    rig.input(Input::Frame(dead, welcome(1, None, None)));
    assert_eq!(rig.client.view().connection, Connection::Reconnecting, "late reports do not matter");
}

#[test]
fn a_pong_keeps_the_connection() {
    let mut rig = Rig::chatting();
    rig.timer(Timer::Heartbeat).main(ServerFrame::Pong { nonce: 0 }).timer(Timer::Pong);
    assert_eq!(rig.client.view().connection, Connection::Online);
}

#[test]
fn a_wake_up_does_not_wait() {
    let mut rig = Rig::chatting();
    rig.close_main(None).input(Input::WakeUp);
    assert_eq!(rig.connected_to(), [ACME]);
    rig.open_main().main(welcome(1, None, None)).input(Input::WakeUp);
    assert_eq!(rig.timer_set(Timer::Pong), Some(WAKE_PONG_WAIT));
}

#[test]
fn a_draining_gateway_names_the_wait() {
    let mut rig = Rig::chatting();
    rig.main(ServerFrame::Draining { resume_in: 1_234 });
    assert_eq!(rig.timer_set(Timer::Retry), Some(1_234));
    assert_eq!(rig.client.view().connection, Connection::Online, "nobody need know");
    rig.say("meanwhile");
    rig.timer(Timer::Retry).open_main();
    assert_eq!(rig.client.view().connection, Connection::Online);
    rig.main(welcome(1, None, None));
    assert_eq!(rig.said().len(), 1);
    rig.close_main(None);
    assert_eq!(rig.client.view().connection, Connection::Reconnecting, "of this nobody has told");
}

#[test]
fn a_restart_that_is_late_or_long_is_told() {
    let mut rig = Rig::chatting();
    rig.main(ServerFrame::Draining { resume_in: 1_234 }).timer(Timer::Retry).close_main(None);
    assert_eq!(rig.client.view().connection, Connection::Reconnecting);
    let mut rig = Rig::chatting();
    rig.main(ServerFrame::Draining { resume_in: RESTART + 1 });
    assert_eq!(rig.client.view().connection, Connection::Reconnecting);
}

#[test]
fn every_close_code_is_reacted_to_as_the_protocol_says() {
    for code in CloseCode::ALL {
        let mut rig = Rig::chatting();
        rig.say("unsent");
        rig.close_main(*code);
        let view = rig.client.view();
        match code {
            CloseCode::Restarting
            | CloseCode::TimedOut
            | CloseCode::TooSlow
            | CloseCode::RateLimited
            | CloseCode::Internal => assert_eq!(view.connection, Connection::Reconnecting, "{code:?}"),
            CloseCode::Unauthenticated => {
                assert_eq!((view.notice, view.unsent), (Some(&Notice::Lost), "unsent"));
                assert_eq!(rig.disk, None);
            }
            CloseCode::Moved | CloseCode::Ended => {
                assert!(view.ended.is_some() && !view.lines.is_empty());
                assert_eq!(rig.disk, None);
            }
            _ => {
                assert!(view.ended.is_some());
                assert!(rig.disk.is_some(), "{code:?} says nothing about the chat itself");
            }
        }
    }
    let mut rig = Rig::chatting();
    rig.input(Input::Closed(rig.main_link(), Some(1001)));
    assert_eq!(rig.client.view().connection, Connection::Reconnecting);
}

#[test]
fn m4_the_chat_ends_by_a_command_and_leaves_nothing_behind() {
    for reason in [EndReason::Agent, EndReason::Elapsed, EndReason::SetTime, EndReason::Server] {
        let mut rig = Rig::chatting();
        rig.main(entries(vec![agent(1, "bye")]));
        rig.main(ServerFrame::PhaseChanged { chat: ChatId([9; 16]), phase: Phase::Ended(reason.clone()) });
        assert_eq!(rig.did[0], Effect::Forget);
        assert!(rig.did(&Effect::Ended(Ending::Ended(reason))));
        assert_eq!((rig.disk.clone(), rig.client.main.link), (None, None));
        assert_eq!(rig.texts(), ["Bob bye"], "it can still be read");
        rig.input(Input::Dismiss);
        assert!(rig.texts().is_empty() && rig.client.view().ended.is_none());
    }
}

#[test]
fn m4_what_was_said_last_is_read_after_the_end() {
    let mut rig = Rig::chatting();
    rig.main(entries(vec![agent(1, "bye")]));
    rig.main(ServerFrame::PhaseChanged { chat: ChatId([9; 16]), phase: Phase::Ended(EndReason::Agent) });
    assert_eq!(rig.client.view().unread, 1);
    rig.input(Input::Seen);
    assert_eq!(rig.client.view().unread, 0);
    // It ended while nobody was here: the entries come after the welcome, and then the connection is closed.
    let mut rig = Rig::chatting();
    rig.reload().open_main();
    let over = Phase::Ended(EndReason::Elapsed);
    let ServerFrame::Welcome { chat, token, epoch, last_seq, brand, transfer, .. } = welcome(1, None, None)
    else {
        panic!("no welcome")
    };
    rig.main(ServerFrame::Welcome { chat, token, epoch, phase: over, last_seq, brand, transfer });
    rig.main(entries(vec![agent(1, "bye")])).close_main(CloseCode::Ended);
    assert_eq!(rig.client.view().ended, Some(Ending::Ended(EndReason::Elapsed)));
    assert_eq!(
        (rig.texts(), rig.client.view().unread, rig.disk.clone()),
        (vec!["Bob bye".to_owned()], 1, None)
    );
}

#[test]
fn u1_a_second_window_shows_what_the_first_one_stores() {
    let mut first = Rig::chatting();
    let mut second = Rig::new();
    let stored = |rig: &Rig| Input::Follow(rig.disk.clone().map(Box::new));
    first.main(entries(vec![agent(1, "hello")]));
    second.input(stored(&first));
    assert_eq!(second.client.view().ended, Some(Ending::Elsewhere));
    assert_eq!((second.texts(), second.client.view().unread), (vec!["Bob hello".to_owned()], 1));
    assert!(second.disk.is_none() && second.did == [Effect::Render], "it only looks");
    // It takes over, and the first one looks on.
    second.input(Input::Resume(Box::new(first.disk.clone().unwrap())));
    first.input(Input::Superseded);
    second.open_main().main(welcome(1, None, None)).main(entries(vec![agent(2, "there?")]));
    first.input(stored(&second));
    assert_eq!(first.texts(), second.texts());
    // One's own chat is never overwritten by what another window says.
    second.input(stored(&first));
    assert_eq!(second.client.view().ended, None);
    // It is over there, and so it is here, for the same reason.
    let event =
        Entry { body: Body::Event(Event::Ended(EndReason::Agent)), author: Author::System, ..agent(3, "") };
    second.main(entries(vec![event]));
    first.input(stored(&second));
    second.main(ServerFrame::PhaseChanged { chat: ChatId([9; 16]), phase: Phase::Ended(EndReason::Agent) });
    first.input(stored(&second));
    assert_eq!(first.client.view().ended, Some(Ending::Ended(EndReason::Agent)));
}

#[test]
fn m4_the_customer_ends_the_chat_even_while_offline() {
    let mut rig = Rig::chatting();
    rig.input(Input::End);
    assert_eq!(rig.sent()[0].1, &ClientFrame::End { chat: None });
    let mut rig = Rig::chatting();
    rig.close_main(None).input(Input::End);
    assert_eq!(rig.client.view().ended, Some(Ending::Ended(EndReason::Customer)));
    rig.reload().open_main().main(welcome(1, None, None));
    assert!(rig.sent().iter().any(|(_, frame)| **frame == ClientFrame::End { chat: None }));
    rig.close_main(CloseCode::Ended);
    assert_eq!(rig.disk, None);
}

#[test]
fn m4_an_elapsed_time_ends_it() {
    let mut rig = Rig::chatting();
    let record = rig.record().clone();
    rig.close_main(None);
    rig.now += RECORD_LIFE + 1;
    rig.timer(Timer::Retry);
    assert_eq!(rig.client.view().ended, Some(Ending::Ended(EndReason::Elapsed)));
    assert_eq!(rig.disk, None);
    let mut late = Rig::new();
    late.now += RECORD_LIFE * 2;
    late.input(Input::Resume(Box::new(record)));
    assert_eq!(late.did[0], Effect::Forget);
    assert_eq!(late.client.view().connection, Connection::Idle);
}

#[test]
fn m5_the_page_goes_along_and_changes_are_reported_once() {
    let page = |url: &str| Page { url: url.into(), title: "T".into() };
    let mut rig = Rig::chatting();
    rig.input(Input::Browsed(page("https://a.example/x")));
    assert_eq!(rig.sent()[0].1, &ClientFrame::Browsed { page: page("https://a.example/x") });
    rig.input(Input::Browsed(page("https://a.example/x")));
    assert!(rig.sent().is_empty());
    rig.close_main(None).timer(Timer::Retry).open_main();
    let (_, ClientFrame::CustomerHello { page: shown, .. }) = rig.sent()[0] else { panic!("no hello") };
    assert_eq!(shown, &Some(page("https://a.example/x")));
}

#[test]
fn a_reload_goes_on_where_it_was() {
    let mut rig = Rig::chatting();
    rig.say("mine");
    rig.main(entries(vec![agent(1, "theirs")])).reload().open_main();
    let (_, ClientFrame::CustomerHello { start, last_seq, .. }) = rig.sent()[0] else { panic!("no hello") };
    assert!(matches!(start, Start::Resume { epoch: 1, .. }) && *last_seq == 1);
    rig.main(welcome(1, None, None));
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.texts(), ["Bob theirs", "me mine Pending"]);
}

#[test]
fn a_record_survives_its_bytes() {
    let mut rig = Rig::claiming();
    rig.say("mine");
    rig.main(entries(vec![agent(1, "theirs")]));
    let bytes = rig.record().to_bytes();
    assert_eq!(Record::from_bytes(&bytes).as_ref(), Some(rig.record()));
    // One that was arriving has what it would go back to.
    let arriving = Standing::Arriving {
        wtid: None,
        proof: Verifier::from_bytes([3; 32]),
        before: Some(Box::new(rig.record().clone())),
    };
    let record = Record { standing: arriving, lines: Vec::new(), ..rig.record().clone() };
    assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
    // Whatever else is found there is no record.
    for end in 0..bytes.len() {
        assert_eq!(Record::from_bytes(&bytes[..end]), None, "{end} of {} bytes", bytes.len());
    }
}

#[test]
fn typing_is_told_sparingly_and_taken_back() {
    let mut rig = Rig::chatting();
    rig.input(Input::Typing);
    assert_eq!(rig.sent()[0].1, &ClientFrame::Typing { chat: None, on: true });
    rig.input(Input::Typing);
    assert!(rig.sent().is_empty());
    rig.timer(Timer::Typing);
    assert_eq!(rig.sent()[0].1, &ClientFrame::Typing { chat: None, on: false });
    rig.main(ServerFrame::Typing { chat: ChatId([9; 16]), on: true });
    assert!(rig.client.view().typing);
    rig.main(entries(vec![agent(1, "there")]));
    assert!(!rig.client.view().typing);
}

#[test]
fn their_seen_marks_messages_of_this_server_only() {
    let mut rig = Rig::chatting();
    let id = rig.say("hello");
    rig.main(stored(id, 1)).main(ServerFrame::Seen { chat: ChatId([9; 16]), seq: 1 });
    assert_eq!(rig.texts(), ["me hello Seen"]);
}
