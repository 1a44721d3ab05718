//! The origin's table, row by row.

use baton_protocol::federation::{CancelAnswer, Permission, Release, Reservation};
use baton_protocol::ids::AuthorisationCode;
use baton_protocol::model::{AreaCard, Edits, SharePolicy, Stage};
use baton_protocol::{Wtid, limits::MAX_HOPS};

use super::talk::{came_with, prior};
use super::*;
use crate::effect::{Call, CallError};

fn globex() -> Destination {
    Destination::Server { server: "globex".into(), area: Some("support".into()) }
}

fn initech() -> Destination {
    Destination::Server { server: "initech".into(), area: None }
}

fn permission(agents: u32) -> CallResult {
    let card = AreaCard {
        name: "support".into(),
        title: "Support".into(),
        agents,
        free_agents: agents,
        waiting: 0,
        wait: None,
        share: SharePolicy::All,
    };
    let code = AuthorisationCode::from_bytes([1; 32]);
    Ok(Answer::Permission(Permission { code, expires_in: 60, areas: Some(vec![card]) }))
}

fn reservation(expires_in: u32) -> CallResult {
    let wtid = Wtid::from_bytes([2; 32]);
    let socket = "wss://globex.example/v1/ws".into();
    Ok(Answer::Reservation(Reservation { wtid, socket, page: None, expires_in }))
}

/// Where the attempt stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd)]
enum At {
    Requested,
    Permitted,
    Offered,
    Released,
    Settled,
}

impl Bench {
    fn at(at: At) -> Self {
        let mut bench = Self::with_ann();
        bench.go(at, 1, Share::All);
        bench
    }

    fn go(&mut self, at: At, number: u8, share: Share) {
        self.transfers(number, globex(), share);
        if at >= At::Permitted {
            self.answer(number, permission(1));
        }
        if at >= At::Offered {
            self.answer(number, reservation(60));
        }
        if at >= At::Released {
            self.commit(number, false);
        }
        if at >= At::Settled {
            self.settle(number);
        }
    }

    fn answer(&mut self, number: u8, result: CallResult) -> Vec<String> {
        self.tell(Input::Answer(transfer(number), result))
    }

    fn peer(&mut self, number: u8, peer: &str, request: PeerRequest) -> Vec<String> {
        self.tell(Input::Peer { peer: peer.into(), transfer: transfer(number), request, reply: ReplyTo(1) })
    }

    fn commit(&mut self, number: u8, adopt: bool) -> Vec<String> {
        self.peer(number, "globex", PeerRequest::Commit(Commit { adopt }))
    }

    fn settle(&mut self, number: u8) -> Vec<String> {
        self.peer(number, "globex", PeerRequest::Settle(Settle { epoch: 2 }))
    }

    fn progress(&mut self, number: u8, stage: Stage) -> Vec<String> {
        self.peer(number, "globex", PeerRequest::Progress(ProgressReport { stage, code: None }))
    }

    fn reclaim(&mut self, number: u8, epoch: Epoch) -> Vec<String> {
        let conn = self.chat.conn().unwrap_or(CONN);
        self.tell(Input::Customer(conn, ClientFrame::Reclaim { transfer: transfer(number), epoch }))
    }

    fn cancel(&mut self, number: u8) -> Vec<String> {
        let frame = ClientFrame::CancelTransfer { chat: self.chat.record.id, transfer: transfer(number) };
        self.tell(Input::Agent("ann".into(), frame))
    }

    #[track_caller]
    fn is_as_it_was(&mut self) {
        assert!(matches!(self.chat.record.outgoing, Outgoing::Owned), "{:?}", self.chat.record.outgoing);
        assert_eq!((self.chat.record.epoch, self.chat.agent_login()), (1, Some("ann")));
        assert!(has(&self.customer_says(200, "still here"), "1 < stored"));
        assert!(has(&self.agent_says("ann", 201, "me too"), "ann < stored"));
    }

    fn is_frozen(&mut self) {
        assert_eq!(self.customer_says(200, "x"), [""; 0]);
        assert_eq!(self.agent_says("ann", 201, "x"), ["ann < refused TransferUnderWay"]);
    }
}

fn has(lines: &[String], start: &str) -> bool {
    lines.iter().any(|line| line.starts_with(start))
}

fn posted(effects: Vec<Effect>) -> Context {
    let request = effects.into_iter().find_map(|effect| match effect {
        Effect::Call(call) => match call.request {
            CallRequest::Transfer(request) => Some(request.context),
            _ => None,
        },
        _ => None,
    });
    request.unwrap()
}

fn tail_of(effects: Vec<Effect>) -> Vec<String> {
    let release = effects.into_iter().find_map(|effect| match effect {
        Effect::Reply(_, Ok(Answer::Release(Release { tail }))) => Some(tail),
        _ => None,
    });
    release.unwrap().into_iter().map(|entry| entry.text).collect()
}

fn commit_input(number: u8, adopt: bool) -> Input {
    let request = PeerRequest::Commit(Commit { adopt });
    Input::Peer { peer: "globex".into(), transfer: transfer(number), request, reply: ReplyTo(1) }
}

#[test]
fn o3_the_whole_way_stored_before_every_word() {
    let mut bench = Bench::with_ann();
    bench.check(
        order(1, globex(), Share::All),
        &["save", "call globex: permission", "Prepare in 5000", "ann < Requested", "ann < card Transferring"],
    );
    bench.check(
        Input::Answer(transfer(1), permission(1)),
        &["save", "call globex: transfer e1", "ann < Permitted", "ann < card Transferring"],
    );
    bench.check(
        Input::Answer(transfer(1), reservation(30)),
        &["save", "no Prepare", "Offer in 30000", "1 < offered", "ann < Accepted", "ann < card Transferring"],
    );
    bench.check(
        Input::Customer(CONN, ClientFrame::Following { transfer: transfer(1) }),
        &["ann < Pushed", "ann < card Transferring"],
    );
    bench.customer_says(1, "on my way");
    bench.check(
        commit_input(1, false),
        &["save", "no Offer", "Linger in 120000", "ann < card Transferring", "reply: release 1"],
    );
    assert_eq!(
        bench.settle(1),
        [
            "save",
            "append #4",
            "1 < #4",
            "ann < #4",
            "queue: free ann",
            "ann < Arrived",
            "ann < card Transferred",
            "no Linger",
            "no Away",
            "1 closed: Moved",
            "reply: done",
        ]
    );
    assert!(bench.chat.is_idle());
}

#[test]
fn o4_the_offer_is_pushed_again_after_a_resume_and_its_secret_is_never_stored() {
    let mut bench = Bench::at(At::Offered);
    assert!(has(&bench.attach(2, 1, 2), "2 < offered"));
    let wtid = Wtid::from_bytes([2; 32]).reveal();
    assert!(!serde_json::to_string(&bench.chat.record).unwrap().contains(&wtid));
    assert!(bench.killed().contains(&"Offer in 60000".into()));
    assert!(!has(&bench.attach(3, 1, 2), "3 < offered"));
}

#[test]
fn a6_cancelled_in_every_state_that_can_be_left() {
    for at in [At::Requested, At::Permitted, At::Offered] {
        let mut bench = Bench::at(at);
        let lines = bench.cancel(1);
        assert!(lines.contains(&"ann < Failed Cancelled".into()), "{at:?}");
        assert_eq!(lines.contains(&"call globex: cancel".into()), at != At::Requested, "{at:?}");
        assert_eq!(lines.contains(&"1 < withdrawn".into()), at == At::Offered, "{at:?}");
        bench.is_as_it_was();
    }
    for at in [At::Released, At::Settled] {
        assert!(!has(&Bench::at(at).cancel(1), "ann < Failed"), "{at:?}");
    }
    assert_eq!(Bench::at(At::Offered).cancel(2), [""; 0], "another transfer's button");
}

#[test]
fn a6_a_denial_leaves_the_chat_as_it_was_and_says_why() {
    for at in [At::Requested, At::Permitted] {
        let mut bench = Bench::at(at);
        let effects = bench.raw(Input::Answer(transfer(1), denied(ErrorCode::NotPermitted)));
        assert!(shown(&effects).contains(&"ann < Failed Denied".into()));
        assert!(format!("{effects:?}").contains("they said no"));
        bench.is_as_it_was();
    }
}

#[test]
fn a6_no_answer_in_time_leaves_the_chat_as_it_was() {
    for (error, code) in [
        (CallError::Unreachable, "Unreachable"),
        (CallError::NoAnswer, "NoAnswer"),
        (CallError::BadAnswer, "BadAnswer"),
        (CallError::UnknownServer, "UnknownServer"),
    ] {
        let mut bench = Bench::at(At::Permitted);
        assert!(bench.answer(1, Err(error)).contains(&format!("ann < Failed {code}")));
        bench.is_as_it_was();
    }
    for (at, timer, code) in [
        (At::Requested, Timer::Prepare, "NoAnswer"),
        (At::Permitted, Timer::Prepare, "NoAnswer"),
        (At::Offered, Timer::Offer, "NotArrived"),
    ] {
        let mut bench = Bench::at(at);
        assert!(bench.tell(Input::Timer(timer)).contains(&format!("ann < Failed {code}")));
        bench.is_as_it_was();
        assert_eq!(bench.answer(1, permission(1)), [""; 0], "an answer that comes too late changes nothing");
        assert_eq!(bench.answer(1, reservation(60)), [""; 0]);
    }
}

#[test]
fn a6_a_widget_that_cannot_go_stays() {
    let mut bench = Bench::at(At::Offered);
    let lines = bench.tell(Input::Customer(CONN, ClientFrame::Declined { transfer: transfer(1) }));
    assert!(
        lines.contains(&"ann < Failed NotArrived".into()) && lines.contains(&"call globex: cancel".into())
    );
    bench.is_as_it_was();
}

#[test]
fn a5_nothing_is_posted_to_an_area_that_is_not_offered() {
    for result in [
        permission(0),
        Ok(Answer::Permission(Permission {
            code: AuthorisationCode::from_bytes([1; 32]),
            expires_in: 60,
            areas: Some(Vec::new()),
        })),
    ] {
        let mut bench = Bench::at(At::Requested);
        let lines = bench.answer(1, result);
        assert!(lines.contains(&"ann < Failed Unstaffed".into()) && !has(&lines, "call"));
        bench.is_as_it_was();
    }
}

#[test]
fn a_customer_who_is_offline_or_came_too_far_is_not_transferred() {
    let mut bench = Bench::with_ann();
    bench.tell(Input::Detach(CONN));
    assert!(has(&bench.transfers(1, globex(), Share::All), "ann < Failed CustomerOffline"));
    let (came, mut context) = came_with(Vec::new());
    context.visited = vec!["elsewhere".into(); MAX_HOPS - 1];
    let (mut bench, _) = Bench::arrived(Some((came, context)));
    bench.assign("ann");
    assert!(has(&bench.transfers(2, globex(), Share::All), "ann < Failed Loop"));
}

#[test]
fn one_transfer_at_a_time_and_each_but_once() {
    let mut bench = Bench::at(At::Offered);
    assert_eq!(bench.transfers(2, initech(), Share::All), ["ann < refused TransferUnderWay"]);
    assert_eq!(bench.transfers(1, globex(), Share::All), [""; 0]);
    bench.cancel(1);
    assert_eq!(bench.transfers(1, globex(), Share::All), [""; 0], "it has failed; a new try has a new id");
    assert!(has(&bench.transfers(2, initech(), Share::All), "call initech: permission"));
}

#[test]
fn s2_only_the_destination_speaks_for_a_transfer() {
    for request in [
        PeerRequest::Commit(Commit { adopt: true }),
        PeerRequest::Settle(Settle { epoch: 2 }),
        PeerRequest::Progress(ProgressReport { stage: Stage::Failed, code: None }),
    ] {
        let mut bench = Bench::at(At::Offered);
        assert_eq!(bench.peer(1, "mallory", request.clone()), ["reply: denied UnknownChat"]);
        assert_eq!(bench.peer(2, "globex", request), ["reply: denied UnknownChat"]);
        assert!(matches!(bench.chat.record.outgoing, Outgoing::Offered(_)));
    }
}

#[test]
fn o5_the_chat_is_ours_until_the_customer_has_arrived() {
    for at in [At::Requested, At::Permitted, At::Offered] {
        let mut bench = Bench::at(at);
        assert!(
            has(&bench.customer_says(200, "x"), "append")
                && has(&bench.agent_says("ann", 201, "x"), "append")
        );
    }
    Bench::at(At::Released).is_frozen();
}

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
fn an_attempt_that_posted_nothing_cannot_be_adopted() {
    let mut bench = Bench::at(At::Requested);
    bench.cancel(1);
    assert_eq!(bench.commit(1, true), ["reply: denied Cancelled"]);
}

#[test]
fn a_restart_undoes_what_had_begun() {
    for at in [At::Requested, At::Permitted] {
        let mut bench = Bench::at(at);
        assert!(bench.killed().contains(&"ann < Failed Internal".into()));
        bench.attach(1, 1, 99);
        bench.is_as_it_was();
    }
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
    assert!(bench.commit(1, true).contains(&"queue: leave".into()), "nobody may pick up who is gone");
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
    assert_eq!(lines, ["queue: free ann", "ann < card Transferring", "save"]);
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
fn w2_the_context_is_what_the_agent_saw_and_the_tail_rule_holds_from_there() {
    let mut bench = Bench::with_ann();
    let edits = Edits { without_notes: true, ..Edits::default() };
    bench.customer_says(1, "before");
    bench.transfers(1, globex(), Share::Part(edits));
    bench.customer_says(2, "while permission is asked for");
    bench.agent_says("ann", 3, "not edited by anybody");
    let context = posted(bench.raw(Input::Answer(transfer(1), permission(1))));
    let texts: Vec<_> = context.transcript.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["before", "while permission is asked for"]);
    assert!(context.incomplete);
    bench.answer(1, reservation(60));
    bench.agent_says("ann", 4, "nor this");
    bench.customer_says(5, "late");
    assert_eq!(tail_of(bench.raw(commit_input(1, false))), ["late"]);
}

#[test]
fn x3_a_chain_takes_the_context_of_earlier_hops_and_the_servers_visited_along() {
    let (mut bench, _) = Bench::arrived(Some(came_with(vec![prior(7, "told Globex")])));
    bench.assign("ann");
    bench.customer_says(8, "told Acme");
    let effects = bench.raw(order(2, initech(), Share::All));
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Call(Call { request: CallRequest::Permission(request), .. }) => Some(request.visited.clone()),
        _ => None,
    });
    assert_eq!(asked.unwrap(), ["globex", "acme"]);
    let code = AuthorisationCode::from_bytes([1; 32]);
    let general = Permission { code, expires_in: 60, areas: None };
    let context = posted(bench.raw(Input::Answer(transfer(2), Ok(Answer::Permission(general)))));
    assert_eq!(context.visited, ["globex", "acme"]);
    let lines = context.transcript.iter().map(|entry| (entry.server.as_str(), entry.text.as_str()));
    assert_eq!(lines.collect::<Vec<_>>(), [("Globex", "told Globex"), ("Acme", "told Acme")]);
    assert_eq!((context.origin.as_str(), context.agent.as_str()), ("Acme", "Ann"));
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

#[test]
fn every_transfer_timer_is_harmless_in_every_other_state() {
    for at in [At::Requested, At::Permitted, At::Offered, At::Released, At::Settled] {
        for timer in [Timer::Prepare, Timer::Offer, Timer::Retry, Timer::Linger] {
            let due = match timer {
                Timer::Prepare => at <= At::Permitted,
                Timer::Offer => at == At::Offered,
                Timer::Linger => at == At::Released,
                _ => false,
            };
            if !due {
                assert_eq!(Bench::at(at).tell(Input::Timer(timer)), [""; 0], "{timer:?} at {at:?}");
            }
        }
    }
}

#[test]
fn nobody_asks_about_a_chat_that_is_not_theirs() {
    let mut bench = Bench::with_ann();
    assert_ne!(bench.chat.record.id, NO_CHAT);
    assert_eq!(bench.commit(1, true), ["reply: denied UnknownChat"]);
}
