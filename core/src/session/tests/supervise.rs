//! Supervisors, and what is known of a chat beside its entries.

use baton_protocol::model::Outcome;

use super::*;

fn alma(what: Supervision) -> Input {
    Input::Supervise(Supervisor { login: "alma".into(), title: "Alma".into() }, what)
}

#[test]
fn a_supervisor_who_follows_a_chat_reads_what_its_agent_reads_and_nobody_sees_it() {
    let mut bench = Bench::with_ann();
    bench.check(alma(Supervision::Watch(true)), &["alma < watched Ann false", "alma < #1 #2"]);
    let said = bench.customer_says(1, "Hello?");
    assert_eq!(said, ["append #3", "ann < #3", "1 < stored #3", "alma < #3"]);
    assert!(bench.agent_notes("ann", 2, "rude").contains(&"alma < #4".to_owned()));
    bench.check(alma(Supervision::Watch(false)), &[]);
    assert!(!bench.customer_says(3, "Still there?").iter().any(|line| line.starts_with("alma")));
}

#[test]
fn a_whisper_is_read_by_agents_alone_and_stored() {
    let mut bench = Bench::with_ann();
    let whisper = Supervision::Whisper(message(9), "Offer the discount".into());
    bench.check(alma(whisper), &["append #3", "ann < #3", "alma < stored #3"]);
}

#[test]
fn who_takes_part_is_seen_to_come_and_then_speaks() {
    let mut bench = Bench::with_ann();
    bench.check(alma(Supervision::Join), &["alma < refused OutOfOrder"]);
    bench.tell(alma(Supervision::Watch(true)));
    assert_eq!(bench.agent_says("alma", 1, "Hello"), ["alma < refused UnknownChat"]);
    bench.check(alma(Supervision::Join), &["append #3", "1 < #3", "ann < #3", "alma < #3"]);
    bench.check(alma(Supervision::Join), &[]);
    let said = bench.agent_says("alma", 2, "Alma here.");
    assert_eq!(said, ["append #4", "1 < #4", "ann < #4", "alma < stored #4", "alma < #4"]);
    let end = ClientFrame::End { chat: Some(bench.chat.record.id) };
    bench.check(Input::Agent("alma".into(), end), &["alma < refused UnknownChat"]);
}

#[test]
fn a_chat_is_taken_over_from_its_agent_and_from_the_queue() {
    let mut bench = Bench::waiting();
    let taken = bench.tell(alma(Supervision::TakeOver));
    assert_eq!(taken.len(), 1);
    assert!(taken[0].starts_with("queue: "), "{taken:?}");
    let mut bench = Bench::with_ann();
    bench.tell(alma(Supervision::Watch(true)));
    let asked = bench.raw(alma(Supervision::TakeOver));
    let place = asked.iter().find_map(|effect| match effect {
        Effect::Queue(input) => match **input {
            queue::Input::Place { chat, transfer, .. } => Some((chat, transfer)),
            _ => None,
        },
        _ => None,
    });
    let (chat, transfer) = place.unwrap();
    bench.tell(Input::Queue(queue::Output::Placed { chat, transfer, agent: Some(profile("alma")) }));
    assert_eq!(bench.chat.agent_login(), Some("alma"));
    assert_eq!(bench.chat.record.served, ["ann", "alma"]);
    assert!(!bench.customer_says(1, "Hello?").contains(&"ann < #5".to_owned()), "it is no longer Ann's");
}

#[test]
fn q1_a_priority_changes_the_place_of_who_waits() {
    let mut bench = Bench::waiting();
    let told = bench.raw(alma(Supervision::Priority(12)));
    let ticket = told.iter().find_map(|effect| match effect {
        Effect::Queue(input) => match &**input {
            queue::Input::Wait(ticket) => Some(ticket.priority),
            _ => None,
        },
        _ => None,
    });
    assert_eq!((ticket, bench.chat.record.priority), (Some(9), 9));
}

#[test]
fn a_chat_that_is_over_is_read_whole() {
    let mut bench = Bench::with_ann();
    bench.tell(Input::Agent("ann".into(), ClientFrame::End { chat: Some(bench.chat.record.id) }));
    bench.check(alma(Supervision::Read), &["alma < watched  false", "alma < #1 #2 #3"]);
}

#[test]
fn what_came_of_a_chat_is_stored_and_only_its_agent_says_it() {
    let mut bench = Bench::with_ann();
    let chat = bench.chat.record.id;
    let outcome = |tags: usize| Outcome { disposition: "Sold".into(), tags: vec!["tent".into(); tags] };
    let say = |login: &str, tags| {
        Input::Agent(login.into(), ClientFrame::SetOutcome { chat, outcome: outcome(tags) })
    };
    bench.check(say("eve", 1), &["eve < refused UnknownChat"]);
    bench.check(say("ann", 13), &["ann < refused BadText"]);
    bench.check(say("ann", 1), &["save"]);
    bench.check(say("ann", 1), &[]);
    assert_eq!(bench.chat.marks().outcome, Some(outcome(1)));
}

#[test]
fn m5_the_pages_that_the_customer_has_been_on_are_remembered_once_each_in_a_row() {
    let mut bench = Bench::with_ann();
    let on = |url: &str| {
        let page = Page { url: format!("https://acme.example/{url}"), title: url.into() };
        Input::Customer(CONN, ClientFrame::Browsed { page })
    };
    for url in ["tents", "tents", "stoves"] {
        bench.tell(on(url));
    }
    let titles: Vec<String> = bench.chat.marks().pages.into_iter().map(|visit| visit.page.title).collect();
    assert_eq!(titles, ["tents", "stoves"]);
    for number in 0..30 {
        bench.tell(on(&number.to_string()));
    }
    assert_eq!(bench.chat.marks().pages.len(), baton_protocol::limits::MAX_VISITS);
}
