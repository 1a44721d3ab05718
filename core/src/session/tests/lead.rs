//! Two steps (D6).

use super::leave::reservation;
use super::talk::{came_with, prior};
use super::*;

/// A customer of Globex's in the holding session, and what happens when Ann picks them up.
fn led() -> (Bench, Vec<String>) {
    let (mut bench, _) = Bench::arrived(Some(came_with(vec![prior(7, "known")])));
    bench.world.settings.areas[0].arrival.two_steps = true;
    bench.customer_says(1, "hello");
    let lines = bench.assign("ann");
    (bench, lines)
}

fn step(bench: &Bench) -> TransferId {
    bench.chat.record.outgoing.attempt().expect("an attempt").transfer
}

fn asked(bench: &mut Bench, request: PeerRequest) -> Vec<String> {
    let (peer, transfer) = ("acme".into(), step(bench));
    bench.tell(Input::Peer { peer, transfer, request, reply: ReplyTo(5) })
}

#[test]
fn d6_the_agent_gets_the_session_that_a_second_command_leads_to() {
    let (mut bench, lines) = led();
    assert_eq!(lines, ["save", "call acme: transfer e1", "Prepare in 5000"], "Ann sees nothing of it yet");
    assert_eq!(bench.chat.agent_login(), None);
    let transfer = step(&bench);
    let lines = bench.tell(Input::Answer(transfer, reservation(60)));
    assert!(lines.iter().any(|line| line.starts_with("1 < offer")), "{lines:?}");
    let lines = asked(&mut bench, PeerRequest::Commit(Commit { adopt: false }));
    assert!(lines.contains(&"reply: release 0".into()), "{lines:?}");
    // The agent there answers at once, before the widget has stored the new epoch.
    let report = ProgressReport { stage: baton_protocol::model::Stage::Answered, code: None };
    asked(&mut bench, PeerRequest::Progress(report));
    let lines = asked(&mut bench, PeerRequest::Settle(Settle { epoch: 2 }));
    assert!(lines.contains(&"1 closed: Moved".into()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("append")), "the customer need not know: {lines:?}");
    assert!(lines.contains(&"call globex: progress Answered".into()), "the origin learns it: {lines:?}");
}

#[test]
fn d6_the_context_goes_on_as_it_came_with_what_was_said_since() {
    let (mut bench, _) = Bench::arrived(Some(came_with(vec![prior(7, "known")])));
    bench.world.settings.areas[0].arrival.two_steps = true;
    bench.customer_says(1, "hello");
    let came = bench.chat.context.clone().unwrap();
    let chat = bench.chat.record.id;
    let effects = bench.raw(Input::Queue(queue::Output::Assigned { chat, agent: profile("ann") }));
    let posted = effects.into_iter().find_map(|effect| match effect {
        Effect::Call(call) => match call.request {
            CallRequest::Transfer(request) => Some(request.context),
            _ => None,
        },
        _ => None,
    });
    let posted = posted.unwrap();
    let texts: Vec<&str> = posted.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["known", "hello"]);
    let transcript = came.transcript.clone();
    assert_eq!(Context { transcript, ..posted }, *came);
}

#[test]
fn d6_a_second_step_that_fails_is_served_in_the_holding_session() {
    let failures: [fn(&mut Bench); 4] = [
        |bench| drop(bench.tell(Input::Answer(step(bench), denied(ErrorCode::AgentUnavailable)))),
        |bench| drop(bench.tell(Input::Timer(Timer::Prepare))),
        |bench| {
            bench.tell(Input::Answer(step(bench), reservation(60)));
            let transfer = step(bench);
            bench.tell(Input::Customer(CONN, ClientFrame::Declined { transfer }));
        },
        |bench| {
            bench.tell(Input::Answer(step(bench), reservation(60)));
            bench.killed();
            bench.tell(Input::Timer(Timer::Offer));
        },
    ];
    for fail in failures {
        let (mut bench, _) = led();
        fail(&mut bench);
        assert_eq!(bench.chat.agent_login(), Some("ann"));
        assert!(matches!(bench.chat.phase(), Phase::Active { .. }));
        assert_eq!(bench.agent_says("ann", 9, "hello")[0], "append #4");
    }
}

#[test]
fn d6_the_customer_who_comes_back_from_the_agents_session_waits_again() {
    let (mut bench, _) = led();
    let transfer = step(&bench);
    bench.tell(Input::Answer(transfer, reservation(60)));
    asked(&mut bench, PeerRequest::Commit(Commit { adopt: false }));
    let lines = bench.tell(Input::Customer(CONN, ClientFrame::Reclaim { transfer, epoch: 3 }));
    assert!(lines.contains(&"call acme: cancel e3".into()), "{lines:?}");
    // The agent's place was the other session's, and may be another customer's by now.
    assert!(lines.contains(&"queue: wait since 1000000 in sales".into()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("queue: hold")), "{lines:?}");
    assert_eq!((bench.chat.agent_login(), bench.chat.record.epoch), (None, 3));
}

#[test]
fn d6_an_agent_who_is_gone_before_the_second_step_is_done_leaves_the_customer_waiting() {
    let (mut bench, _) = led();
    let chat = bench.chat.record.id;
    let lines = bench.tell(Input::Queue(queue::Output::AgentLost { chat, login: "ann".into() }));
    assert!(lines.contains(&"queue: wait since 1000000 in sales".into()), "{lines:?}");
    assert!(matches!(bench.chat.phase(), Phase::Waiting));
}

#[test]
fn d6_own_customers_are_served_in_one_step() {
    let mut bench = Bench::waiting();
    bench.world.settings.areas[0].arrival.two_steps = true;
    assert!(bench.assign("ann").contains(&"1 < with Ann".into()));
}

#[test]
fn d6_whoever_comes_back_gets_what_they_missed_before_what_is_new() {
    let (mut bench, _) = led();
    let transfer = step(&bench);
    bench.tell(Input::Answer(transfer, reservation(60)));
    bench.tell(Input::Detach(CONN));
    let effects = bench.raw(Input::Attach { conn: ConnId(2), epoch: 3, last_seq: 0, page: None });
    let seqs: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::ToCustomer(_, frame) => entries_of(frame),
            _ => None,
        })
        .flatten()
        .map(|entry| entry.seq)
        .collect();
    // A widget takes nothing that is older than what it has.
    assert!(seqs.len() > 2 && seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
}

#[test]
fn d6_nobody_is_led_on_before_the_last_server_has_given_everything() {
    let (came, context) = came_with(vec![prior(7, "known")]);
    let (mut bench, _) = Bench::arrived(Some((Came { tail_due: true, ..came }, context)));
    bench.world.settings.areas[0].arrival.two_steps = true;
    let lines = bench.assign("ann");
    assert!(lines.contains(&"1 < with Ann".into()), "{lines:?}");
}

#[test]
fn d6_a_restart_between_the_two_sessions_counts_the_customer_once() {
    let (mut bench, _) = led();
    assert!(bench.killed().contains(&"queue: hold ann unless kept for acme".into()));
    let (mut bench, _) = led();
    let transfer = step(&bench);
    bench.tell(Input::Answer(transfer, reservation(60)));
    asked(&mut bench, PeerRequest::Commit(Commit { adopt: false }));
    let lines = bench.killed();
    assert!(
        !lines.iter().any(|line| line.starts_with("queue: hold")),
        "the other session has her: {lines:?}"
    );
}

#[test]
fn d6_after_a_restart_a_second_step_that_failed_is_cancelled_again() {
    let (mut bench, _) = led();
    assert!(bench.killed().contains(&"call acme: cancel".into()), "aborted by the restart");
    assert!(bench.killed().contains(&"call acme: cancel".into()), "the first word may have been lost");
}

#[test]
fn d5_whoever_has_gone_on_has_been_here() {
    let (mut bench, _) = led();
    assert_eq!(bench.tell(Input::WhetherAccepted), Vec::<String>::new(), "the widget has not said so");
    let transfer = step(&bench);
    bench.tell(Input::Answer(transfer, reservation(60)));
    asked(&mut bench, PeerRequest::Commit(Commit { adopt: false }));
    let lines = bench.tell(Input::WhetherAccepted);
    assert_eq!(lines.len(), 1, "the incoming transfer learns it: {lines:?}");
}
