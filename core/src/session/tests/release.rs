//! The origin's table, row by row, from the customer's departure on; and what comes late.

use baton_protocol::federation::{CancelAnswer, Permission};
use baton_protocol::ids::AuthorisationCode;
use baton_protocol::model::Stage;

use super::leave::*;
use super::talk::{came_with, prior};
use super::*;
use crate::effect::CallError;

#[test]
fn released_answers_the_same_tail_again_also_after_a_restart() {
    let mut bench = Bench::at(At::Offered);
    bench.customer_says(1, "one more");
    assert_eq!(tail_of(bench.raw(commit_input(1, false))), ["one more"]);
    assert_eq!(bench.commit(1, false), ["reply: release 1"]);
    assert!(bench.killed().contains(&"Linger in 120000".into()));
    assert_eq!(tail_of(bench.raw(commit_input(1, true))), ["one more"]);
    bench.settle(1);
    assert_eq!(tail_of(bench.raw(commit_input(1, false))), ["one more"], "settled, too");
    assert_eq!(bench.settle(1), ["reply: done"]);
}

#[test]
fn an_aborted_attempt_is_refused_unless_it_adopts() {
    let mut bench = Bench::at(At::Offered);
    bench.cancel(1);
    assert_eq!(bench.commit(1, false), ["reply: denied Cancelled"]);
    bench.is_as_it_was();
    bench.customer_says(7, "stored after the post");
    assert_eq!(tail_of(bench.raw(commit_input(1, true))).last().unwrap(), "stored after the post");
    bench.is_frozen();
    assert_eq!(bench.settle(1).last().unwrap(), "reply: done");
}

#[test]
fn many_refusals_later_an_attempt_can_still_be_adopted() {
    let mut bench = Bench::with_ann();
    bench.go(At::Offered, 1, Share::All);
    bench.tell(Input::Timer(Timer::Offer));
    bench.customer_says(100, "in between");
    for number in 2..20 {
        bench.go(At::Requested, number, Share::All);
        bench.answer(number, Err(CallError::Unreachable));
    }
    assert_eq!(bench.chat.record.past.len(), 8);
    let lines = bench.commit(1, true);
    assert!(lines.last().is_some_and(|line| line.starts_with("reply: release")), "{lines:?}");
}

#[test]
fn an_attempt_that_posted_nothing_cannot_be_adopted() {
    let mut bench = Bench::at(At::Requested);
    bench.cancel(1);
    assert_eq!(bench.commit(1, true), ["reply: denied Cancelled"]);
}

#[test]
fn reclaimed_from_every_state_in_which_the_customer_may_have_gone() {
    for at in [At::Offered, At::Released] {
        let mut bench = Bench::at(at);
        let lines = bench.reclaim(1, 3);
        assert_eq!(lines[..4], ["save", "no Offer", "no Linger", "1 < welcome e3 with Ann #2"], "{at:?}");
        assert!(lines.contains(&"call globex: cancel e3".into()), "{at:?}");
        assert!(lines.contains(&"ann < Failed NotArrived".into()), "{at:?}");
        assert!(has(&bench.customer_says(9, "back"), "append"), "{at:?}");
        assert_eq!(bench.commit(1, true), ["reply: denied Cancelled"], "{at:?}");
        assert_eq!(bench.settle(1), ["reply: denied Cancelled"], "{at:?}");
    }
    let mut bench = Bench::at(At::Offered);
    bench.cancel(1);
    assert!(bench.reclaim(1, 3).contains(&"call globex: cancel e3".into()), "aborted");
    assert_eq!(bench.attach(2, 1, 0), ["2 closed: Unauthenticated"], "the old epoch is gone");
}

#[test]
fn reclaimed_by_resuming() {
    for at in [At::Offered, At::Released] {
        let mut bench = Bench::at(at);
        bench.tell(Input::Detach(CONN));
        let lines = bench.attach(2, 3, 0);
        assert!(lines.contains(&"2 < welcome e3 with Ann #2".into()) && lines.contains(&"2 < #1 #2".into()));
    }
    let mut bench = Bench::at(At::Settled);
    assert_eq!(bench.attach(2, 3, 0), ["2 closed: Moved"]);
}

#[test]
fn a_reclaim_that_makes_no_sense_is_refused() {
    let mut bench = Bench::with_ann();
    assert_eq!(bench.reclaim(1, 3), ["1 < refused OutOfOrder"]);
    let mut bench = Bench::at(At::Offered);
    assert_eq!(bench.reclaim(2, 3), ["1 < refused OutOfOrder"]);
    assert_eq!(bench.reclaim(1, 2), ["1 < refused OutOfOrder"]);
    assert_eq!(bench.reclaim(1, 4), ["1 < refused OutOfOrder"]);
    let mut bench = Bench::at(At::Permitted);
    assert_eq!(bench.reclaim(1, 3), ["1 < refused OutOfOrder"]);
}

#[test]
fn a_reclaim_finds_its_attempt_among_later_ones() {
    let mut bench = Bench::at(At::Offered);
    bench.cancel(1);
    bench.transfers(2, initech(), Share::All);
    bench.answer(2, denied(ErrorCode::NotPermitted));
    // The customer had gone after the first one, and comes back only now.
    assert!(bench.reclaim(1, 3).contains(&"1 < welcome e3 with Ann #4".into()));
    let mut bench = Bench::at(At::Offered);
    bench.cancel(1);
    bench.transfers(2, initech(), Share::All);
    let lines = bench.attach(2, 3, 99);
    assert!(lines.contains(&"ann < Failed NotArrived".into()), "the second one cannot go on: {lines:?}");
    assert!(has(&lines, "2 < welcome e3 with Ann"));
    assert!(lines.contains(&"call globex: cancel e3".into()));
}

#[test]
fn reclaimed_repeats_its_cancel_until_it_is_acknowledged() {
    let mut bench = Bench::at(At::Released);
    bench.reclaim(1, 3);
    let lines = bench.answer(1, Err(CallError::NoAnswer));
    assert!(has(&lines, "Retry in"), "{lines:?}");
    bench.check(Input::Timer(Timer::Retry), &["call globex: cancel e3"]);
    bench.check(
        Input::Answer(transfer(1), Ok(Answer::Cancel(CancelAnswer::Cancelled))),
        &["no Retry", "save"],
    );
    assert!(matches!(bench.chat.record.outgoing, Outgoing::Owned));
    bench.check(Input::Timer(Timer::Retry), &[]);
}

#[test]
fn reclaimed_is_not_acknowledged_by_the_answer_to_an_earlier_cancel() {
    let mut bench = Bench::at(At::Offered);
    bench.cancel(1);
    bench.reclaim(1, 3);
    // The destination had adopted the customer when it got the agent's cancel.
    let lines = bench.answer(1, Ok(Answer::Cancel(CancelAnswer::Arrived)));
    assert!(has(&lines, "Retry in"), "{lines:?}");
    assert!(matches!(bench.chat.record.outgoing, Outgoing::Reclaimed(_)));
}

#[test]
fn reclaimed_goes_on_with_its_cancel_after_a_restart() {
    let mut bench = Bench::at(At::Released);
    bench.reclaim(1, 3);
    assert!(bench.killed().contains(&"call globex: cancel e3".into()));
}

#[test]
fn an_attempt_of_an_earlier_epoch_cannot_be_adopted() {
    let mut bench = Bench::at(At::Offered);
    bench.cancel(1);
    bench.transfers(2, globex(), Share::All);
    bench.answer(2, permission(1));
    bench.answer(2, reservation(60));
    bench.reclaim(2, 3);
    bench.answer(2, Ok(Answer::Cancel(CancelAnswer::Cancelled)));
    // The customer's epoch is 3, so whoever adopted them by the first attempt, at 2, has them no more.
    assert_eq!(bench.commit(1, true), ["reply: denied Cancelled"]);
}

#[test]
fn an_adoption_by_an_earlier_attempt_ends_the_present_one() {
    for at in [At::Requested, At::Permitted, At::Offered] {
        let mut bench = Bench::at(At::Offered);
        bench.cancel(1);
        bench.customer_says(7, "late");
        bench.go(at, 2, Share::All);
        assert_eq!(tail_of(bench.raw(commit_input(1, true))), ["late"], "{at:?}");
        bench.is_frozen();
        assert_eq!(bench.settle(1).last().unwrap(), "reply: done", "{at:?}");
        assert_eq!(bench.answer(2, permission(1)), [""; 0], "{at:?}");
    }
}

#[test]
fn an_adoption_ends_a_transfer_within_the_server_and_a_wait() {
    let mut bench = Bench::at(At::Offered);
    bench.cancel(1);
    bench.transfers(2, Destination::Agent("bob".into()), Share::All);
    assert_eq!(bench.commit(1, true).last().unwrap(), "reply: release 0");
    let chat = bench.chat.record.id;
    let placed = queue::Output::Placed { chat, transfer: transfer(2), agent: Some(profile("bob")) };
    bench.check(Input::Queue(placed), &["queue: free bob"]);

    let mut bench = Bench::at(At::Offered);
    bench.tell(Input::Queue(queue::Output::AgentLost { chat: bench.chat.record.id, login: "ann".into() }));
    assert!(bench.commit(1, true).contains(&"queue: moved".into()), "nobody may pick up who is gone");
    assert_eq!(bench.assign("bob"), ["queue: free bob"]);
}

#[test]
fn an_adoption_of_a_chat_that_is_over_here_still_gets_its_tail() {
    let mut bench = Bench::at(At::Offered);
    bench.customer_says(7, "late");
    let end = ClientFrame::End { chat: Some(bench.chat.record.id) };
    bench.tell(Input::Agent("ann".into(), end));
    assert_eq!(tail_of(bench.raw(commit_input(1, true))), ["late"]);
    assert_eq!(bench.commit(1, false), ["reply: denied Cancelled"]);
}

#[test]
fn an_agent_who_is_lost_while_the_customer_is_on_the_way_does_not_come_back_with_them() {
    let mut bench = Bench::at(At::Released);
    let chat = bench.chat.record.id;
    bench.tell(Input::Queue(queue::Output::AgentLost { chat, login: "ann".into() }));
    let lines = bench.reclaim(1, 3);
    assert!(lines.contains(&"1 < welcome e3 waiting #2".into()), "{lines:?}");
    assert!(has(&lines, "queue: wait since"), "{lines:?}");
}

#[test]
fn a_customer_who_stays_on_the_way_costs_no_agent_a_place() {
    let mut bench = Bench::at(At::Released);
    let lines = bench.tell(Input::Timer(Timer::Linger));
    assert_eq!(lines, ["ann < card Transferred", "save", "queue: free ann"]);
    bench.tell(Input::Detach(CONN));
    assert!(bench.chat.is_idle(), "it is loaded again if anybody asks");
    let lines = bench.attach(2, 3, 99);
    assert!(has(&lines, "2 < welcome e3 waiting") && has(&lines, "queue: wait since"));
}

#[test]
fn a7_a_settled_transfer_reports_on() {
    let mut bench = Bench::at(At::Settled);
    assert_eq!(
        bench.progress(1, Stage::Queued),
        ["save", "ann < Queued", "ann < card Transferred away", "reply: done"]
    );
    assert_eq!(bench.progress(1, Stage::Queued), ["reply: done"]);
    assert!(has(&bench.progress(1, Stage::Answered), "save"));
    assert_eq!(bench.progress(1, Stage::Queued), ["reply: done"], "stages only advance");
    assert_eq!(bench.progress(1, Stage::Failed), ["reply: done"], "and there is exactly one final one");
}

#[test]
fn a7_what_is_reported_before_the_transfer_is_settled_is_not_forgotten() {
    let mut bench = Bench::at(At::Released);
    bench.progress(1, Stage::Queued);
    bench.progress(1, Stage::Answered);
    assert!(has(&bench.settle(1), "ann < Answered"));
}

#[test]
fn a6_a_destination_that_gives_up_waiting_says_so() {
    let mut bench = Bench::at(At::Offered);
    assert!(has(&bench.progress(1, Stage::Failed), "ann < Failed NotArrived"));
    bench.is_as_it_was();
}

#[test]
fn the_agent_who_ends_a_chat_that_is_leaving_is_told_to_wait() {
    let mut bench = Bench::at(At::Released);
    let end = ClientFrame::End { chat: Some(bench.chat.record.id) };
    bench.check(Input::Agent("ann".into(), end), &["ann < refused TransferUnderWay"]);
}

#[test]
fn a_chat_that_ends_takes_its_offer_back() {
    let mut bench = Bench::at(At::Offered);
    let lines = bench.tell(Input::Customer(CONN, ClientFrame::End { chat: None }));
    assert!(lines.contains(&"call globex: cancel".into()) && lines.contains(&"1 < ended Customer".into()));
    assert_eq!(bench.commit(1, false), ["reply: denied Cancelled"]);
}

#[test]
fn a_late_tail_is_merged_once_and_in_nobodys_way() {
    let (mut bench, _) = Bench::arrived(Some(came_with(vec![prior(7, "known")])));
    bench.assign("ann");
    bench.customer_says(9, "sent again");
    let tail = || Input::Tail(vec![prior(7, "known"), prior(8, "late"), prior(9, "sent again")]);
    let lines = bench.tell(tail());
    assert!(
        lines.contains(&"save context 2".into()),
        "what the chat has itself is not shown twice: {lines:?}"
    );
    assert!(lines.contains(&"ann < opened, context 2".into()));
    assert!(!has(&bench.tell(tail()), "save"));
}

/// A chat of Ann's that was taken over while its origin could not be reached.
fn adopted_by_ann() -> Bench {
    let (came, context) = came_with(vec![prior(7, "known")]);
    let (mut bench, _) = Bench::arrived(Some((Came { tail_due: true, ..came }, context)));
    bench.assign("ann");
    bench
}

fn context_texts(bench: &Bench) -> Vec<&str> {
    let context = bench.chat.context.as_ref().unwrap();
    context.transcript.iter().map(|entry| entry.text.as_str()).collect()
}

#[test]
fn x3_nothing_goes_on_to_another_server_before_the_last_one_has_given_everything() {
    let mut bench = adopted_by_ann();
    assert_eq!(bench.transfers(2, initech(), Share::All), ["ann < refused TransferUnderWay"]);
    bench.tell(Input::Tail(vec![prior(8, "late")]));
    bench.transfers(3, initech(), Share::All);
    let code = AuthorisationCode::from_bytes([1; 32]);
    let general = Permission { code, expires_in: 60, areas: None };
    let context = posted(bench.raw(Input::Answer(transfer(3), Ok(Answer::Permission(general)))));
    assert_eq!(context.transcript.len(), 2);
    assert_eq!(bench.chat.record.came.as_ref().map(|came| came.tail_due), Some(false));
}

#[test]
fn x3_whoever_goes_on_has_arrived() {
    let (mut bench, _) = Bench::arrived(Some(came_with(Vec::new())));
    bench.assign("ann");
    bench.go(At::Offered, 2, Share::All);
    // The widget's own word for it may be lost, and so may each of these.
    assert!(bench.commit(2, false).contains(&"incoming: Accepted".into()));
    assert!(bench.killed().contains(&"incoming: Accepted".into()));
    assert!(bench.settle(2).contains(&"incoming: Accepted".into()));
}

#[test]
fn a_late_tail_keeps_the_customers_order() {
    let mut bench = adopted_by_ann();
    // Both were stored at the origin, and sent again; only the first has got here so far.
    bench.customer_says(8, "first");
    let lines = bench.tell(Input::Tail(vec![prior(7, "known"), prior(8, "first"), prior(9, "second")]));
    assert!(lines.contains(&"append #4".into()), "{lines:?}");
    assert_eq!(context_texts(&bench), ["known"]);
    assert_eq!(bench.customer_says(9, "second"), ["1 < stored #4"]);
}

#[test]
fn a_late_tail_stands_before_what_was_said_here() {
    let mut bench = adopted_by_ann();
    bench.customer_says(9, "said here");
    bench.transfers(2, Destination::Agent("bob".into()), Share::All);
    let chat = bench.chat.record.id;
    let placed = queue::Output::Placed { chat, transfer: transfer(2), agent: Some(profile("bob")) };
    bench.tell(Input::Queue(placed));
    bench.tell(Input::Tail(vec![prior(8, "late")]));
    assert_eq!(context_texts(&bench), ["known", "late", "said here"]);
}

#[test]
fn w2_a_late_tail_is_withheld_with_the_rest() {
    let mut bench = adopted_by_ann();
    bench.transfers(2, Destination::Agent("bob".into()), Share::Nothing);
    let chat = bench.chat.record.id;
    let placed = queue::Output::Placed { chat, transfer: transfer(2), agent: Some(profile("bob")) };
    bench.tell(Input::Queue(placed));
    let lines = bench.tell(Input::Tail(vec![prior(8, "late")]));
    assert!(context_texts(&bench).is_empty() && !has(&lines, "bob"), "{lines:?}");
    assert!(lines.contains(&"incoming: Merged".into()));
}

#[test]
fn a_fenced_chat_is_void() {
    let (mut bench, _) = Bench::arrived(Some(came_with(Vec::new())));
    bench.assign("ann");
    let lines = bench.tell(Input::Fence);
    assert!(lines.contains(&"queue: free ann".into()) && lines.contains(&"1 closed: Moved".into()));
    assert!(!has(&lines, "1 < "), "the customer has gone back and is told nothing: {lines:?}");
    assert!(!bench.chat.is_open());
}
