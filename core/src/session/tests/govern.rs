//! A chat that is marked as confidential while a transfer of it is under way (O2, W2).

use baton_protocol::model::SharePolicy;

use super::leave::*;
use super::*;
use crate::effect::CallError;
use crate::policy::Rule;

fn mark(on: bool) -> Input {
    Input::Confidential { login: "ann".into(), title: "Ann".into(), supervisor: false, on }
}

/// A chat whose transfer has come this far, where confidential chats stay, or leave with nothing.
fn confidential(at: At, denied: bool) -> Bench {
    let mut bench = Bench::with_ann();
    let rule = if denied {
        Rule { denied: Some("it stays here".into()), ..Rule::default() }
    } else {
        Rule { share: Some(SharePolicy::Nothing), ..Rule::default() }
    };
    bench.world.settings.rules.exceptions.push(Rule { confidential: Some(true), ..rule });
    bench.customer_says(100, "before");
    bench.go(at, 1, Share::All);
    bench
}

#[test]
fn w2_a_mark_takes_back_a_transfer_that_policy_would_deny_by_now() {
    for at in [At::Requested, At::Permitted, At::Offered] {
        let mut bench = confidential(at, true);
        let lines = bench.tell(mark(true));
        assert!(lines.contains(&"ann < Failed NotPermitted".into()), "{at:?} {lines:?}");
        bench.is_as_it_was();
        assert_eq!(bench.commit(1, false), ["reply: denied Cancelled"], "{at:?}");
    }
}

#[test]
fn w2_a_mark_holds_for_whatever_has_not_left_yet() {
    let mut bench = confidential(At::Requested, false);
    bench.tell(mark(true));
    let context = posted(bench.raw(Input::Answer(transfer(1), permission(1))));
    assert!(context.transcript.is_empty() && context.comments.is_empty(), "{context:?}");

    let mut bench = confidential(At::Offered, false);
    bench.customer_says(1, "a secret");
    let lines = bench.tell(mark(true));
    let notes = bench.chat.entries().iter().filter(|entry| matches!(entry.body, Body::Note(_)));
    assert_eq!((notes.count(), has(&lines, "ann < Failed")), (1, false), "the agent reads why: {lines:?}");
    assert_eq!(tail_of(bench.raw(commit_input(1, false))), [""; 0]);
    bench.tell(mark(false));
    bench.killed();
    assert_eq!(tail_of(bench.raw(commit_input(1, false))), [""; 0], "the same answer again");
}

#[test]
fn w2_a_mark_holds_for_a_destination_that_asks_late() {
    for denied in [false, true] {
        let mut bench = confidential(At::Offered, denied);
        bench.cancel(1);
        bench.customer_says(1, "a secret");
        bench.tell(mark(true));
        assert_eq!(tail_of(bench.raw(commit_input(1, true))), [""; 0], "{denied}");
    }
}

#[test]
fn w2_what_was_released_is_answered_the_same_again() {
    let mut bench = confidential(At::Offered, false);
    bench.customer_says(1, "not yet secret");
    assert_eq!(tail_of(bench.raw(commit_input(1, false))), ["not yet secret"]);
    bench.tell(mark(true));
    assert_eq!(tail_of(bench.raw(commit_input(1, false))), ["not yet secret"]);
}

#[test]
fn d7_a_confidential_chat_that_stays_is_not_tried_again() {
    for denied in [false, true] {
        let mut bench = confidential(At::Permitted, denied);
        let kept = Denial { code: ErrorCode::Kept, detail: String::new(), retry_after: Some(30) };
        bench.answer(1, Err(CallError::Denied(kept)));
        bench.tell(mark(true));
        let retry = ClientFrame::RetryTransfer { chat: bench.chat.record.id, transfer: transfer(1) };
        let lines = bench.tell(Input::Agent("ann".into(), retry));
        if denied {
            assert_eq!(lines, ["ann < refused NotPermitted"]);
            bench.is_as_it_was();
        } else {
            assert!(lines.contains(&"call globex: again".into()), "{lines:?}");
            bench.answer(1, reservation(60));
            bench.customer_says(1, "a secret");
            assert_eq!(tail_of(bench.raw(commit_input(1, false))), [""; 0]);
        }
    }
}
