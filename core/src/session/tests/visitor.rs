//! What a site, a clock or an operator says of a customer.

use baton_protocol::model::Known;

use super::*;
use crate::session::{Identity, Message, Survey};

fn identity(subject: &str) -> Identity {
    Identity {
        site: "https://www.acme.example".into(),
        subject: subject.into(),
        name: "Carla C.".into(),
        email: String::new(),
    }
}

#[test]
fn s2_an_agent_sees_who_the_site_says_the_customer_is_and_the_customer_does_not() {
    let mut bench = Bench::with_ann();
    let lines = bench.tell(Input::Identified(identity("c-7")));
    assert_eq!(lines, ["save", "append #3", "ann < #3", "ann < card Active"]);
    assert_eq!(bench.chat.record.customer.name, "Carla C.");
    // What the site does not say stays the customer's own word.
    assert_eq!(bench.chat.record.customer.email, "carla@example.org");
    assert_eq!(bench.tell(Input::Identified(identity("c-7"))), [""; 0], "said once");
}

#[test]
fn m4_another_customer_who_logs_on_ends_the_chat() {
    let mut bench = Bench::with_ann();
    bench.tell(Input::Identified(identity("c-7")));
    bench.killed();
    bench.tell(Input::Identified(identity("c-8")));
    assert_eq!(bench.chat.record.state, State::Ended(EndReason::Customer));
    assert_eq!(bench.chat.record.visitor.verified.as_deref(), Some(&identity("c-7")));
}

#[test]
fn m4_a_clock_or_an_operator_ends_a_chat_once() {
    for reason in [EndReason::SetTime, EndReason::Elapsed, EndReason::Server] {
        let mut bench = Bench::with_ann();
        let lines = bench.tell(Input::Close(reason.clone()));
        let ended = format!("1 < ended {reason:?}");
        assert!(lines.contains(&ended) && lines.last().unwrap() == "1 closed: Ended", "{lines:?}");
        assert_eq!(bench.tell(Input::Close(reason)), [""; 0]);
    }
}

#[test]
fn h1_a_message_that_is_left_waits_without_a_connection_and_is_answered_by_mail() {
    let mut world = World::new("Acme");
    let (lines, chat) = leave(&mut world, customer(), "It leaks.", "");
    assert_eq!(lines, ["found", "save", "append #1", "append #2", "queue: wait since 1000000 in sales"]);
    let mut bench = Bench { world, chat };
    assert_eq!(bench.killed(), ["queue: wait since 1000000 in sales"], "no limit on the time");
    bench.assign("ann");
    let lines = bench.agent_says("ann", 1, "Send it in.");
    assert_eq!(lines, ["append #4", "ann < #4", "ann < stored #4", "mail: Send it in."]);
    assert_eq!(bench.agent_says("ann", 1, "Send it in."), ["ann < stored #4"], "posted once");
    assert_eq!(bench.agent_notes("ann", 2, "He is angry."), ["append #5", "ann < #5", "ann < stored #5"]);
}

fn leave(world: &mut World, customer: Customer, text: &str, phone: &str) -> (Vec<String>, Chat) {
    let message = Message {
        area: "sales".into(),
        customer,
        page: None,
        text: text.into(),
        phone: phone.into(),
        out_of_hours: true,
    };
    let (_, effects) = world.step(|env, out| Chat::leave_message(env, message, out));
    let lines = shown(&effects);
    let found = effects.into_iter().find_map(|effect| match effect {
        Effect::Found(chat) => Some(*chat),
        _ => None,
    });
    (lines, found.unwrap())
}

#[test]
fn d9_a_call_back_is_a_message_with_a_number_and_nothing_is_mailed_without_an_address() {
    let mut world = World::new("Acme");
    let nobody = Customer { email: String::new(), ..customer() };
    let (_, chat) = leave(&mut world, nobody, "", "+49 30 123456");
    assert_eq!(chat.record.customer.subject, "Call back: +49 30 123456", "read in the queue");
    let bodies: Vec<Body> = chat.entries().iter().map(|entry| entry.body.clone()).collect();
    let note = Body::Note("Wants to be called back: +49 30 123456".into());
    assert_eq!(bodies, [Body::Event(Event::LeftMessage { email: String::new() }), note]);
    let mut bench = Bench { world, chat };
    bench.assign("ann");
    let lines = bench.agent_says("ann", 1, "I have called.");
    assert!(!lines.iter().any(|line| line.starts_with("mail")), "{lines:?}");
}

#[test]
fn h1_a_waiting_customer_corrects_what_another_server_has_said_of_them() {
    let (mut bench, _) = Bench::arrived(Some(talk::came_with(Vec::new())));
    let before = bench.chat.known().unwrap();
    let known = Known { email: "carla@new.example".into(), ..before.clone() };
    let correct = |known: &Known| Input::Customer(CONN, ClientFrame::Correct { known: known.clone() });
    assert_eq!(bench.tell(correct(&before)), [""; 0], "nothing is wrong");
    let long = Known { name: "x".repeat(1_000), ..before };
    assert_eq!(bench.tell(correct(&long)), [""; 0], "no label");
    assert_eq!(bench.tell(correct(&known)), ["save", "append #2"], "not shown to the customer");
    assert_eq!(bench.chat.record.customer.email, "carla@new.example");
    bench.assign("ann");
    assert_eq!(bench.tell(correct(&long)), [""; 0], "the agent has it now");
}

#[test]
fn u1_a_customer_says_once_how_it_was_when_it_is_over() {
    let mut bench = Bench::with_ann();
    let survey = |score, text: &str| Input::Surveyed(Survey { score, text: text.into() });
    assert_eq!(bench.tell(survey(5, "")), [""; 0], "it is not over");
    bench.tell(Input::Close(EndReason::Server));
    assert_eq!(bench.tell(survey(0, "")), [""; 0], "no score");
    assert_eq!(bench.tell(survey(4, "Quick.")).len(), 2, "saved, and a note");
    assert_eq!(bench.chat.entries().last().unwrap().body, Body::Note("Survey: 4 of 5. Quick.".into()));
    assert_eq!(bench.tell(survey(1, "")), [""; 0], "the first answer counts");
    assert_eq!(
        bench.chat.record.visitor.survey.as_deref(),
        Some(&Survey { score: 4, text: "Quick.".into() })
    );
}
