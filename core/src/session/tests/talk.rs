//! Messages, notes, the end.

use baton_protocol::limits::{MAX_ENTRIES, MAX_TEXT};
use baton_protocol::model::Author;

use super::*;

#[test]
fn an_acknowledgement_follows_what_it_acknowledges() {
    let mut bench = Bench::with_ann();
    assert_eq!(bench.customer_says(1, "hello"), ["append #3", "ann < #3", "1 < stored #3"]);
    assert_eq!(bench.agent_says("ann", 2, "hi"), ["append #4", "1 < #4", "ann < #4", "ann < stored #4"]);
}

#[test]
fn a_repeated_message_is_stored_and_shown_once() {
    let mut bench = Bench::with_ann();
    bench.customer_says(1, "hello");
    assert_eq!(bench.customer_says(1, "hello"), ["1 < stored #3"]);
    bench.agent_says("ann", 2, "hi");
    assert_eq!(bench.agent_says("ann", 2, "hi"), ["ann < stored #4"]);
    assert_eq!(bench.chat.entries().len(), 4);
}

#[test]
fn a_repeated_message_is_recognised_after_the_gateway_was_killed() {
    let mut bench = Bench::with_ann();
    bench.customer_says(1, "hello");
    bench.killed();
    bench.attach(2, 1, 2);
    assert_eq!(bench.customer_says(1, "hello"), ["2 < stored #3"]);
}

#[test]
fn a_message_that_the_origin_stored_is_acknowledged_and_not_stored_again() {
    let (mut bench, _) = Bench::arrived(Some(came_with(vec![prior(7, "known")])));
    assert_eq!(bench.customer_says(7, "known"), ["1 < stored #0"]);
    assert_eq!(bench.chat.entries().len(), 1);
}

#[test]
fn a_note_never_reaches_the_customer() {
    let mut bench = Bench::with_ann();
    assert_eq!(bench.agent_notes("ann", 1, "rude"), ["append #3", "ann < #3", "ann < stored #3"]);
    bench.customer_says(2, "hello");
    assert_eq!(bench.attach(2, 1, 0)[3..], ["2 < #1 #2 #4", "ann < card Active"]);
}

#[test]
fn a_customer_cannot_speak_for_an_agent() {
    let mut bench = Bench::with_ann();
    let note = ClientFrame::Note { chat: bench.chat.record.id, id: message(1), text: "x".into() };
    bench.check(Input::Customer(CONN, note), &["1 < refused OutOfOrder"]);
    let frame = ClientFrame::Say { chat: None, id: message(2), text: "x".into() };
    bench.check(Input::Customer(ConnId(77), frame), &[]);
    bench.customer_says(3, "mine");
    assert_eq!(bench.chat.entries().last().unwrap().author, Author::Customer);
}

#[test]
fn s2_an_agent_who_does_not_have_the_chat_can_do_nothing_with_it() {
    let mut bench = Bench::with_ann();
    let chat = bench.chat.record.id;
    let frames = [
        ClientFrame::Say { chat: Some(chat), id: message(1), text: "x".into() },
        ClientFrame::Note { chat, id: message(1), text: "x".into() },
        ClientFrame::Typing { chat: Some(chat), on: true },
        ClientFrame::Seen { chat: Some(chat), seq: 1 },
        ClientFrame::End { chat: Some(chat) },
        ClientFrame::CancelTransfer { chat, transfer: transfer(1) },
    ];
    for frame in frames {
        bench.check(Input::Agent("bob".into(), frame), &["bob < refused UnknownChat"]);
    }
    bench.check(Input::Show("bob".into()), &[]);
    let Input::Transfer { transfer, target, comments, share, .. } =
        order(1, Destination::Area("legal".into()), Share::All)
    else {
        unreachable!()
    };
    let input = Input::Transfer { login: "bob".into(), transfer, target, comments, share };
    bench.check(input, &["bob < refused UnknownChat"]);
}

#[test]
fn bad_text_is_refused() {
    let mut bench = Bench::with_ann();
    for text in ["", " \n\t ", &"x".repeat(MAX_TEXT + 1)] {
        assert_eq!(bench.customer_says(1, text), ["1 < refused BadText"]);
        assert_eq!(bench.agent_says("ann", 2, text), ["ann < refused BadText"]);
        assert_eq!(bench.agent_notes("ann", 3, text), ["ann < refused BadText"]);
    }
    assert_eq!(bench.customer_says(1, &"x".repeat(MAX_TEXT)).len(), 3);
}

#[test]
fn a_full_chat_takes_no_more() {
    let mut bench = Bench::with_ann();
    let like = bench.chat.entries()[0].clone();
    let many = u64::try_from(MAX_ENTRIES).unwrap();
    let full = (1..=many).map(|seq| Arc::new(Entry { seq, ..Entry::clone(&like) })).collect();
    bench.chat = Chat::load(bench.chat.record.clone(), None, full);
    bench.attach(2, 1, many);
    assert_eq!(bench.customer_says(1, "hello"), ["2 < refused ChatFull"]);
    let end = ClientFrame::End { chat: None };
    assert!(bench.tell(Input::Customer(ConnId(2), end)).contains(&"2 < ended Customer".into()));
}

#[test]
fn m4_either_side_ends_the_chat_once() {
    let mut bench = Bench::with_ann();
    let end = ClientFrame::End { chat: None };
    bench.check(
        Input::Customer(CONN, end.clone()),
        &[
            "append #3",
            "1 < #3",
            "ann < #3",
            "save",
            "1 < ended Customer",
            "ann < card Ended",
            "queue: free ann",
            "no Away",
            "1 closed: Ended",
        ],
    );
    bench.check(Input::Customer(CONN, end), &[]);
    let mut bench = Bench::with_ann();
    let end = ClientFrame::End { chat: Some(bench.chat.record.id) };
    assert!(bench.tell(Input::Agent("ann".into(), end.clone())).contains(&"1 < ended Agent".into()));
    bench.check(Input::Agent("ann".into(), end), &["ann < refused UnknownChat"]);
    let said = ClientFrame::Say { chat: None, id: message(1), text: "late".into() };
    bench.check(Input::Customer(CONN, said), &[]);
    assert!(bench.chat.is_idle());
}

#[test]
fn m4_a_waiting_chat_that_ends_leaves_the_queue() {
    let mut bench = Bench::waiting();
    let lines = bench.tell(Input::Customer(CONN, ClientFrame::End { chat: None }));
    assert!(lines.contains(&"queue: leave".into()));
}

#[test]
fn m4_a_customer_who_is_away_for_too_long_has_left() {
    let mut bench = Bench::with_ann();
    bench.check(Input::Timer(Timer::Away), &[]);
    bench.check(Input::Detach(CONN), &["ann < card Active away", "Away in 1800000"]);
    assert!(bench.tell(Input::Timer(Timer::Away)).contains(&"ann < card Ended away".into()));
    assert!(matches!(bench.chat.record.state, State::Ended(EndReason::Elapsed)));
    let mut bench = Bench::waiting();
    bench.check(Input::Detach(CONN), &["Away in 120000"]);
}

#[test]
fn typing_and_seen_are_passed_on_and_never_stored() {
    let mut bench = Bench::with_ann();
    let chat = Some(bench.chat.record.id);
    let typing = ClientFrame::Typing { chat: None, on: true };
    assert!(bench.raw(Input::Customer(CONN, typing)).iter().all(|e| matches!(e, Effect::ToAgent(..))));
    let seen = ClientFrame::Seen { chat, seq: 1 };
    assert!(bench.raw(Input::Agent("ann".into(), seen)).iter().all(|e| matches!(e, Effect::ToCustomer(..))));
}

#[test]
fn what_a_customer_is_typing_is_shown_where_the_operator_wants_it_and_never_stored() {
    let typed = |text: &str| Input::Customer(CONN, ClientFrame::Preview { text: text.into() });
    let shown = |bench: &mut Bench, text: &str| {
        let effects = bench.raw(typed(text));
        assert!(effects.iter().all(|effect| matches!(effect, Effect::ToAgent(..))), "nothing is stored");
        effects.len()
    };
    let mut bench = Bench::with_ann();
    assert_eq!(shown(&mut bench, "My sto"), 0, "it is off by default");
    bench.world.settings.preview = true;
    bench.world.now = bench.world.now.plus(10_000);
    assert_eq!(shown(&mut bench, "My stove"), 1);
    assert_eq!(shown(&mut bench, &"x".repeat(baton_protocol::limits::MAX_PREVIEW + 1)), 0, "too long");
    let passed: usize = (0..20).map(|_| shown(&mut bench, "My stove leaks")).sum();
    assert_eq!(passed, 4, "five in a second");
    assert_eq!(shown(&mut bench, ""), 1, "an empty field is always told");
    bench.world.now = bench.world.now.plus(1_000);
    assert_eq!(shown(&mut bench, "And"), 1);
    bench.raw(Input::Supervise(
        Supervisor { login: "alma".into(), title: "Alma".into() },
        Supervision::Watch(true),
    ));
    assert_eq!(shown(&mut bench, "And it"), 2, "whoever follows the chat sees it, too");
}

#[test]
fn m5_the_page_is_stored_and_shown_unless_it_is_too_long() {
    let mut bench = Bench::with_ann();
    let page = |url: String| ClientFrame::Browsed { page: Page { url, title: String::new() } };
    bench.check(Input::Customer(CONN, page("https://a.example/".into())), &["save", "ann < card Active"]);
    bench.check(Input::Customer(CONN, page("x".repeat(9_999))), &["1 < refused OutOfOrder"]);
}

pub(super) fn prior(number: u8, text: &str) -> PriorEntry {
    PriorEntry {
        id: message(number),
        at: Timestamp(3),
        server: "Globex".into(),
        author: Author::Customer,
        text: text.into(),
        note: false,
    }
}

pub(super) fn came_with(transcript: Vec<PriorEntry>) -> (Came, Context) {
    let context = Context {
        origin: "Globex".into(),
        visited: vec!["globex".into()],
        agent: "Gil".into(),
        customer: customer(),
        queue: "Support".into(),
        priority: 4,
        comments: "hello".into(),
        transcript,
        documents: Vec::new(),
        incomplete: false,
    };
    (
        Came {
            peer: "globex".into(),
            transfer: transfer(1),
            tail_due: false,
            confined: false,
            redirects: 0,
            late: Vec::new(),
            joined: false,
        },
        context,
    )
}
