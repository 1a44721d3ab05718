//! Connections: the first, the next, the one that is too old.

use baton_protocol::limits::{MAX_ENTRIES_BYTES, MAX_FRAME, MAX_TEXT};
use baton_protocol::{Encoding, ResumeToken};

use super::talk::{came_with, prior};
use super::*;

#[test]
fn m1_a_new_chat_is_stored_before_it_is_welcomed() {
    let (_, lines) = Bench::arrived(None);
    assert_eq!(
        lines,
        [
            "found",
            "save",
            "1 < welcome e1 waiting #0 token",
            "append #1",
            "1 < #1",
            "queue: wait since 1000000 in sales",
        ]
    );
}

#[test]
fn d5_an_arrival_brings_its_context_and_tells_where_it_came_from() {
    let (bench, lines) = Bench::arrived(Some(came_with(vec![prior(7, "known")])));
    assert_eq!(lines[1..3], ["save", "save context 1"]);
    assert_eq!(lines.last().unwrap(), "call globex: progress Queued");
    assert_eq!(bench.chat.record.priority, 4);
}

#[test]
fn a_resume_brings_exactly_what_was_missed() {
    let mut bench = Bench::with_ann();
    for number in 1..=4 {
        bench.agent_says("ann", number, "hi");
    }
    bench.tell(Input::Detach(CONN));
    assert_eq!(
        bench.attach(2, 1, 4),
        ["no Away", "2 < welcome e1 with Ann #6", "2 < #5 #6", "ann < card Active"]
    );
    assert_eq!(bench.attach(3, 1, 6)[..3], ["2 closed: Superseded", "no Away", "3 < welcome e1 with Ann #6"]);
    assert_eq!(bench.attach(4, 1, 99).len(), 4, "a number that never was: nothing is missed");
}

#[test]
fn a_long_history_comes_in_frames_that_can_be_sent() {
    for text in ["x".repeat(MAX_TEXT), "\u{1}".repeat(MAX_TEXT), "\u{1}".repeat(900)] {
        let mut bench = Bench::with_ann();
        for number in 1..=60 {
            bench.agent_says("ann", number, &text);
        }
        let effects = bench.raw(Input::Attach { conn: ConnId(2), epoch: 1, last_seq: 0, page: None });
        let mut seen = Vec::new();
        for effect in effects {
            let Effect::ToCustomer(_, frame) = effect else { continue };
            for encoding in Encoding::ALL {
                let mut bytes = Vec::new();
                frame.encode(encoding, &mut bytes).unwrap();
                assert!(bytes.len() <= MAX_FRAME);
            }
            if let ServerFrame::Entries { entries, .. } = *frame {
                seen.extend(entries.into_iter().map(|entry| entry.seq));
            }
        }
        assert!(seen.into_iter().eq(1..=62));
    }
    const { assert!(MAX_ENTRIES_BYTES > MAX_TEXT) }
}

#[test]
fn the_newer_connection_supersedes_the_older() {
    let mut bench = Bench::with_ann();
    assert_eq!(bench.attach(2, 1, 2)[0], "1 closed: Superseded");
    let late = ClientFrame::Say { chat: None, id: message(1), text: "late".into() };
    bench.check(Input::Customer(CONN, late), &[]);
    bench.check(Input::Detach(CONN), &[]);
    assert_eq!(bench.chat.conn(), Some(ConnId(2)));
}

#[test]
fn a_hello_that_was_on_its_way_for_long_supersedes_nobody() {
    let mut bench = Bench::with_ann();
    bench.attach(3, 1, 2);
    assert_eq!(bench.attach(2, 1, 2), ["2 closed: Superseded"]);
    let token = ResumeToken::from_bytes([3; 32]);
    bench.check(Input::Renew(ConnId(2), token), &["2 closed: Superseded"]);
    assert_eq!(bench.chat.conn(), Some(ConnId(3)));
}

#[test]
fn a_wrong_epoch_is_not_served() {
    let mut bench = Bench::with_ann();
    assert_eq!(bench.attach(2, 0, 0), ["2 closed: Unauthenticated"]);
    assert_eq!(bench.attach(2, 2, 0), ["2 closed: Moved"], "the widget has moved on already");
    assert_eq!(bench.attach(2, 3, 0), ["2 closed: Unauthenticated"]);
    assert_eq!(bench.attach(2, u32::MAX, 0), ["2 closed: Unauthenticated"]);
    assert_eq!(bench.chat.conn(), Some(CONN), "and the connection that is served stays");
}

#[test]
fn an_epoch_at_the_end_of_its_range_breaks_nothing() {
    let mut bench = Bench::with_ann();
    for ours in [u32::MAX, u32::MAX - 1] {
        bench.chat.record.epoch = ours;
        assert_eq!(bench.attach(2, 1, 0), ["2 closed: Unauthenticated"]);
    }
}

#[test]
fn a_chat_that_is_over_says_so_to_whoever_resumes_it() {
    let mut bench = Bench::with_ann();
    let end = ClientFrame::End { chat: Some(bench.chat.record.id) };
    bench.tell(Input::Agent("ann".into(), end));
    assert_eq!(
        bench.attach(2, 1, 2),
        ["no Away", "2 < welcome e1 ended Agent #3", "2 < #3", "2 closed: Ended"]
    );
    assert_eq!(bench.chat.conn(), None);
}

#[test]
fn a_waiting_customer_who_resumes_is_told_the_place_again() {
    let mut bench = Bench::waiting();
    bench.check(Input::Place(3, None), &["1 < place 3"]);
    bench.tell(Input::Detach(CONN));
    assert_eq!(bench.attach(2, 1, 1).last().unwrap(), "2 < place 3");
    bench.assign("ann");
    bench.check(Input::Place(1, None), &[]);
}

#[test]
fn a_claim_that_is_repeated_gets_a_new_token_and_everything_again() {
    let (mut bench, _) = Bench::arrived(Some(came_with(Vec::new())));
    let token = ResumeToken::from_bytes([3; 32]);
    bench.check(
        Input::Renew(ConnId(2), token.clone()),
        &["1 closed: Superseded", "no Away", "save", "token", "2 < welcome e1 waiting #1 token", "2 < #1"],
    );
    assert!(bench.chat.record.token.matches(&token.digest()));
}

#[test]
fn a_repeated_claim_of_a_chat_that_is_over_is_told_so() {
    let (mut bench, _) = Bench::arrived(Some(came_with(Vec::new())));
    bench.tell(Input::Detach(CONN));
    bench.tell(Input::Timer(Timer::Away));
    let lines = bench.tell(Input::Renew(ConnId(2), ResumeToken::from_bytes([3; 32])));
    assert_eq!(lines.last().unwrap(), "2 closed: Ended");
    assert_eq!(bench.chat.conn(), None);
}

#[test]
fn a_resume_at_our_epoch_shows_that_the_widget_has_stored_the_welcome() {
    let (mut bench, _) = Bench::arrived(Some(came_with(Vec::new())));
    let lines = bench.attach(2, 1, 0);
    assert!(lines.contains(&"incoming: Accepted".into()), "its own word may have been lost: {lines:?}");
}

#[test]
fn a_killed_gateway_puts_chats_back_where_they_were() {
    let mut bench = Bench::waiting();
    assert_eq!(bench.killed(), ["queue: wait since 1000000 in sales", "Away in 120000"]);
    let mut bench = Bench::with_ann();
    assert_eq!(bench.killed(), ["queue: hold ann", "Away in 1800000"]);
    assert_eq!(bench.attach(2, 1, 2)[1], "2 < welcome e1 with Ann #2");
}
