//! The origin's table, row by row, until the customer is on the way.

use baton_protocol::federation::{Permission, Release, Reservation};
use baton_protocol::ids::AuthorisationCode;
use baton_protocol::model::{AreaCard, Edits, SharePolicy, Stage};
use baton_protocol::{Wtid, limits::MAX_HOPS};

use super::talk::{came_with, prior};
use super::*;
use crate::effect::CallError;

pub(super) fn globex() -> Destination {
    Destination::Server { server: "globex".into(), area: Some("support".into()) }
}

pub(super) fn initech() -> Destination {
    Destination::Server { server: "initech".into(), area: None }
}

pub(super) fn permission(agents: u32) -> CallResult {
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

pub(super) fn reservation(expires_in: u32) -> CallResult {
    let wtid = Wtid::from_bytes([2; 32]);
    let socket = "wss://globex.example/v1/ws".into();
    Ok(Answer::Reservation(Reservation { wtid: Some(wtid), socket, page: None, expires_in }))
}

/// Where the attempt stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd)]
pub(super) enum At {
    Requested,
    Permitted,
    Offered,
    Released,
    Settled,
}

impl Bench {
    pub(super) fn at(at: At) -> Self {
        let mut bench = Self::with_ann();
        bench.go(at, 1, Share::All);
        bench
    }

    pub(super) fn go(&mut self, at: At, number: u8, share: Share) {
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

    pub(super) fn answer(&mut self, number: u8, result: CallResult) -> Vec<String> {
        self.tell(Input::Answer(transfer(number), result))
    }

    pub(super) fn peer(&mut self, number: u8, peer: &str, request: PeerRequest) -> Vec<String> {
        self.tell(Input::Peer { peer: peer.into(), transfer: transfer(number), request, reply: ReplyTo(1) })
    }

    pub(super) fn commit(&mut self, number: u8, adopt: bool) -> Vec<String> {
        self.peer(number, "globex", PeerRequest::Commit(Commit { adopt }))
    }

    pub(super) fn settle(&mut self, number: u8) -> Vec<String> {
        self.peer(number, "globex", PeerRequest::Settle(Settle { epoch: 2 }))
    }

    pub(super) fn progress(&mut self, number: u8, stage: Stage) -> Vec<String> {
        self.peer(number, "globex", PeerRequest::Progress(ProgressReport { stage, code: None }))
    }

    pub(super) fn reclaim(&mut self, number: u8, epoch: Epoch) -> Vec<String> {
        let conn = self.chat.conn().unwrap_or(CONN);
        self.tell(Input::Customer(conn, ClientFrame::Reclaim { transfer: transfer(number), epoch }))
    }

    pub(super) fn cancel(&mut self, number: u8) -> Vec<String> {
        let frame = ClientFrame::CancelTransfer { chat: self.chat.record.id, transfer: transfer(number) };
        self.tell(Input::Agent("ann".into(), frame))
    }

    #[track_caller]
    pub(super) fn is_as_it_was(&mut self) {
        assert!(matches!(self.chat.record.outgoing, Outgoing::Owned), "{:?}", self.chat.record.outgoing);
        assert_eq!((self.chat.record.epoch, self.chat.agent_login()), (1, Some("ann")));
        assert!(has(&self.customer_says(200, "still here"), "1 < stored"));
        assert!(has(&self.agent_says("ann", 201, "me too"), "ann < stored"));
    }

    pub(super) fn is_frozen(&mut self) {
        assert_eq!(self.customer_says(200, "x"), [""; 0]);
        assert_eq!(self.agent_says("ann", 201, "x"), ["ann < refused TransferUnderWay"]);
    }
}

pub(super) fn has(lines: &[String], start: &str) -> bool {
    lines.iter().any(|line| line.starts_with(start))
}

pub(super) fn posted(effects: Vec<Effect>) -> Context {
    let request = effects.into_iter().find_map(|effect| match effect {
        Effect::Call(call) => match call.request {
            CallRequest::Transfer(request) => Some(request.context),
            _ => None,
        },
        _ => None,
    });
    request.unwrap()
}

pub(super) fn tail_of(effects: Vec<Effect>) -> Vec<String> {
    let release = effects.into_iter().find_map(|effect| match effect {
        Effect::Reply(_, answer) => match *answer {
            Ok(Answer::Release(Release { tail, .. })) => Some(tail),
            _ => None,
        },
        _ => None,
    });
    release.unwrap().into_iter().map(|entry| entry.text).collect()
}

pub(super) fn commit_input(number: u8, adopt: bool) -> Input {
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
        let late = bench.answer(1, reservation(60));
        assert_eq!(late, ["call globex: cancel"], "a place that comes too late is given back");
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
fn a_restart_undoes_what_had_begun() {
    for at in [At::Requested, At::Permitted] {
        let mut bench = Bench::at(at);
        assert!(bench.killed().contains(&"ann < Failed Internal".into()));
        bench.attach(1, 1, 99);
        bench.is_as_it_was();
    }
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
        Effect::Call(call) => match &call.request {
            CallRequest::Permission(request) => Some(request.visited.clone()),
            _ => None,
        },
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
fn d7_the_agent_tries_again_without_posting_again() {
    let mut bench = Bench::at(At::Permitted);
    let detail = "no agent is free".to_owned();
    let kept = Denial { code: ErrorCode::Kept, detail, retry_after: Some(30) };
    let lines = bench.answer(1, Err(CallError::Denied(kept.clone())));
    assert!(!lines.iter().any(|line| line.starts_with("call")), "it is not taken back: {lines:?}");
    assert!(lines.iter().any(|line| line.contains("Kept")), "{lines:?}");
    bench.customer_says(7, "still here");
    let retry = || ClientFrame::RetryTransfer { chat: ChatId([0; 16]), transfer: transfer(1) };
    bench.killed();
    bench.attach(2, 1, 0);
    let lines = bench.tell(Input::Agent("ann".into(), retry()));
    assert!(lines.contains(&"call globex: again".into()), "{lines:?}");
    bench.answer(1, reservation(60));
    let lines = bench.commit(1, false);
    assert!(lines.contains(&"reply: release 1".into()), "what was said since goes along: {lines:?}");
    let lines = bench.tell(Input::Agent("ann".into(), retry()));
    assert!(!lines.contains(&"call globex: again".into()), "once");
}

#[test]
fn d7_what_was_refused_for_good_is_not_tried_again() {
    let mut bench = Bench::at(At::Permitted);
    bench.answer(1, denied(ErrorCode::NoAgentFree));
    let retry = ClientFrame::RetryTransfer { chat: ChatId([0; 16]), transfer: transfer(1) };
    let lines = bench.tell(Input::Agent("ann".into(), retry));
    assert_eq!(lines, ["ann < refused Cancelled"]);
}

#[test]
fn an_agent_there_is_being_asked_and_the_answer_is_asked_for() {
    let mut bench = Bench::at(At::Permitted);
    let asking = || {
        let (code, detail) = (ErrorCode::Asking, String::new());
        Err(CallError::Denied(Denial { code, detail, retry_after: Some(1) }))
    };
    let lines = bench.answer(1, asking());
    assert_eq!(lines[1..], ["Prepare in 60000", "Retry in 1000"], "{lines:?}");
    bench.check(Input::Timer(Timer::Retry), &["call globex: again"]);
    assert_eq!(bench.answer(1, asking()), ["Retry in 1000"]);
    bench.tell(Input::Timer(Timer::Retry));
    assert!(bench.answer(1, reservation(60)).iter().any(|line| line.starts_with("1 < offer")));
}
