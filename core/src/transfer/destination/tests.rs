//! The destination's table, row by row.

use baton_protocol::Wtid;
use baton_protocol::federation::Release;
use baton_protocol::ids::AuthorisationCode;
use baton_protocol::model::{Author, PriorEntry};
use baton_protocol::{MessageId, federation};

use super::*;
use crate::session::tests::{World, challenge, customer, denied, shown, transfer, verifier};

/// An incoming transfer under test, and the chats that it founded.
struct Door {
    world: World,
    incoming: Incoming,
    chats: Vec<Chat>,
}

/// How far it is to be at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Posted,
    Reserved,
    Claimed,
    Provisional,
    Active,
    Settled,
    Rejected,
    Fenced,
}

const EVERY: [At; 8] = [
    At::Posted,
    At::Reserved,
    At::Claimed,
    At::Provisional,
    At::Active,
    At::Settled,
    At::Rejected,
    At::Fenced,
];

fn prior(number: u8, text: &str) -> PriorEntry {
    PriorEntry {
        id: MessageId([number; 16]),
        at: Timestamp(3),
        server: "Acme".into(),
        author: Author::Customer,
        text: text.into(),
        note: false,
    }
}

fn context() -> Context {
    Context {
        origin: "Acme".into(),
        visited: vec!["acme".into()],
        agent: "Ann".into(),
        customer: customer(),
        queue: "Sales".into(),
        priority: 2,
        comments: "please".into(),
        transcript: vec![prior(1, "hello")],
        documents: Vec::new(),
        incomplete: false,
    }
}

fn claim_on(conn: u64) -> Claim {
    let arrival = Arrival {
        challenge: challenge(),
        page: None,
        client_type: "widget/2".into(),
        web_origin: Some("https://acme.example".into()),
    };
    Claim {
        conn: ConnId(conn),
        verifier: verifier(),
        epoch: 4,
        adopt: false,
        own_site: false,
        at: None,
        arrival,
    }
}

fn adopting(conn: u64) -> Claim {
    Claim { adopt: true, ..claim_on(conn) }
}

fn released(tail: Vec<PriorEntry>) -> Input {
    Input::Answer(Ok(Answer::Release(Release { tail, documents: Vec::new() })))
}

fn cancel(reclaimed: Option<Epoch>) -> Input {
    Input::Cancel(Cancel { reclaimed }, ReplyTo(2))
}

impl Door {
    fn new() -> Self {
        let mut door = Self::posted().0;
        door.tell(Input::Place(Ok(None)));
        door
    }

    fn posted() -> (Self, Vec<String>) {
        let mut world = World::new("Globex");
        let request = TransferRequest {
            transfer: transfer(1),
            code: AuthorisationCode::from_bytes([1; 32]),
            area: Some("sales".into()),
            agent: "ann".into(),
            epoch: 4,
            challenge: challenge(),
            origins: vec!["https://acme.example".into()],
            context: context(),
            confined: false,
            redirects: 0,
        };
        let reservation = federation::Reservation {
            wtid: Some(Wtid::from_bytes([2; 32])),
            socket: "wss://globex.example/v1/ws".into(),
            page: None,
            expires_in: 60,
        };
        let posting = Posting {
            peer: "acme".into(),
            area: "sales".into(),
            request,
            reservation,
            key: Wtid::from_bytes([2; 32]).digest(),
            at: None,
            lead: None,
            consulted: None,
            reply: ReplyTo(1),
        };
        let (incoming, effects) = world.step(|env, out| Incoming::post(env, posting, out));
        (Self { world, incoming, chats: Vec::new() }, shown(&effects))
    }

    fn at(at: At) -> Self {
        let mut door = Self::new();
        match at {
            At::Posted => door = Self::posted().0,
            At::Reserved => {}
            At::Claimed => drop(door.tell(Input::Claim(claim_on(1)))),
            At::Provisional => drop(door.tell(Input::Claim(adopting(1)))),
            At::Active | At::Settled => {
                door.tell(Input::Claim(claim_on(1)));
                door.tell(released(Vec::new()));
            }
            At::Rejected => drop(door.tell(cancel(None))),
            At::Fenced => {
                door = Self::at(At::Active);
                door.tell(cancel(Some(6)));
                door.tell(Input::Fenced);
            }
        }
        if at == At::Settled {
            door.tell(Input::Accepted);
            door.tell(Input::Answer(Ok(Answer::Done)));
        }
        door
    }

    fn tell(&mut self, input: Input) -> Vec<String> {
        let Self { world, incoming, .. } = self;
        let (_, effects) = world.step(|env, out| incoming.handle(env, input, out));
        let lines = shown(&effects);
        self.chats.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Found(chat) => Some(*chat),
            _ => None,
        }));
        lines
    }

    #[track_caller]
    fn check(&mut self, input: Input, expected: &[&str]) {
        assert_eq!(self.tell(input), expected);
    }

    /// As it is after its gateway was killed.
    fn killed(&mut self) -> Vec<String> {
        let json = serde_json::to_string(&self.incoming.record).unwrap();
        self.incoming = Incoming::load(serde_json::from_str(&json).unwrap());
        self.tell(Input::Restore)
    }

    fn state(&self) -> String {
        format!("{:?}", self.incoming.record.state)
    }
}

const REFUSED: [&str; 2] = ["9 < refused NotArrived", "9 closed: Unauthenticated"];

#[test]
fn d3_a_reservation_is_stored_before_it_is_promised() {
    let (mut door, lines) = Door::posted();
    assert_eq!(lines, ["queue: reserve in sales for acme"]);
    door.check(Input::Place(Ok(None)), &["save Reserved", "reply: reservation", "Offer in 60000"]);
    let wtid = Wtid::from_bytes([2; 32]).reveal();
    assert!(
        !serde_json::to_string(&door.incoming.record).unwrap().contains(&wtid),
        "only its digest is kept"
    );
}

#[test]
fn d5_the_whole_way() {
    let mut door = Door::new();
    door.check(
        Input::Claim(claim_on(1)),
        &["save Claimed", "1 < arriving", "Offer in 120000", "no Retry", "call acme: commit"],
    );
    door.check(
        released(vec![prior(2, "late")]),
        &[
            "save Active",
            "found",
            "save",
            "save context 2",
            "1 < welcome e5 waiting #0 token",
            "append #1",
            "1 < #1",
            "queue: wait since 1000000 in sales",
            "call acme: progress Queued",
            "no Offer",
        ],
    );
    door.check(Input::Accepted, &["save Active", "call acme: settle e5"]);
    door.check(Input::Accepted, &[]);
    door.check(Input::Answer(Ok(Answer::Done)), &["save Settled"]);
    let chat = &door.chats[0];
    assert_eq!((chat.record.epoch, chat.record.area.as_str(), chat.record.priority), (5, "sales", 2));
    assert_eq!(chat.record.customer.client_type, "widget/2");
    assert_eq!(chat.context.as_ref().unwrap().transcript.len(), 2);
}

#[test]
fn s2_a_claim_without_the_verifier_epoch_or_origin_is_refused_alike() {
    let wrong = [
        Claim { verifier: Verifier::from_bytes([1; 32]), ..claim_on(9) },
        Claim { epoch: 5, ..claim_on(9) },
        Claim { epoch: 3, ..claim_on(9) },
        Claim {
            arrival: Arrival { web_origin: Some("https://evil.example".into()), ..claim_on(9).arrival },
            ..claim_on(9)
        },
        Claim { verifier: Verifier::from_bytes([1; 32]), ..adopting(9) },
        Claim { epoch: 5, ..adopting(9) },
    ];
    for at in EVERY {
        for claim in &wrong {
            let mut door = Door::at(at);
            let before = door.state();
            let claim = Claim { arrival: claim.arrival.clone(), verifier: claim.verifier.clone(), ..*claim };
            door.check(Input::Claim(claim), &REFUSED);
            assert_eq!(door.state(), before, "{at:?}");
        }
    }
}

#[test]
fn s2_our_own_site_and_a_client_that_is_no_browser_may_claim() {
    let claim = claim_on(1);
    let elsewhere = Arrival { web_origin: Some("https://globex.example".into()), ..claim.arrival };
    let mut door = Door::new();
    assert_eq!(door.tell(Input::Claim(Claim { own_site: true, arrival: elsewhere, ..claim_on(1) })).len(), 5);
    let no_browser = Arrival { web_origin: None, ..claim_on(1).arrival };
    let mut door = Door::new();
    assert_eq!(door.tell(Input::Claim(Claim { arrival: no_browser, ..claim_on(1) })).len(), 5);
}

#[test]
fn s2_a_wtid_is_burnt_once_the_customer_has_accepted() {
    let mut door = Door::at(At::Active);
    door.check(Input::Claim(claim_on(9)), &["chat: Renew"]);
    door.tell(Input::Accepted);
    for at in [At::Settled, At::Rejected, At::Fenced] {
        let mut door = Door::at(at);
        door.check(Input::Claim(claim_on(9)), &REFUSED);
        door.check(Input::Claim(adopting(9)), &REFUSED);
    }
    door.check(Input::Claim(claim_on(9)), &REFUSED);
    door.check(Input::Claim(adopting(9)), &REFUSED);
}

#[test]
fn s2_a_claim_that_comes_too_late_is_refused() {
    let mut door = Door::new();
    door.world.now = door.world.now.plus(60_001);
    door.check(Input::Claim(claim_on(9)), &REFUSED);
    door.check(Input::Claim(adopting(9)), &REFUSED);
}

#[test]
fn a_claim_repeated_at_the_door_is_the_same_claim() {
    let mut door = Door::at(At::Claimed);
    door.check(Input::Claim(claim_on(2)), &["1 closed: Superseded", "save Claimed", "2 < arriving"]);
    door.tell(Input::Detach(ConnId(1)));
    assert!(door.tell(released(Vec::new())).contains(&"2 < welcome e5 waiting #0 token".into()));
    assert_eq!(door.chats.len(), 1);
}

#[test]
fn a_claim_that_was_on_its_way_for_long_supersedes_nobody() {
    let mut door = Door::at(At::Claimed);
    door.tell(Input::Claim(claim_on(3)));
    door.check(Input::Claim(claim_on(2)), &["2 closed: Superseded"]);
    assert!(door.tell(released(Vec::new())).contains(&"3 < welcome e5 waiting #0 token".into()));
}

#[test]
fn a_customer_who_left_the_door_is_let_in_when_they_come_back() {
    let mut door = Door::at(At::Claimed);
    door.tell(Input::Detach(ConnId(1)));
    door.check(released(Vec::new()), &[]);
    assert!(door.chats.is_empty(), "there is no chat without a customer");
    door.check(Input::Claim(claim_on(2)), &["save Claimed", "2 < arriving", "no Retry", "call acme: commit"]);
    door.tell(released(Vec::new()));
    assert_eq!(door.chats.len(), 1);
}

#[test]
fn d5_an_answer_to_something_else_is_no_answer() {
    let (mut door, _) = Door::posted();
    door.tell(Input::Place(Ok(None)));
    door.tell(Input::Claim(claim_on(1)));
    let lines = door.tell(Input::Answer(Ok(Answer::Done)));
    assert!(lines[0].starts_with("Retry in"), "the origin is asked again: {lines:?}");
}

#[test]
fn the_commit_is_repeated_until_the_origin_speaks() {
    let mut door = Door::at(At::Claimed);
    for error in [CallError::Unreachable, CallError::NoAnswer, CallError::BadAnswer] {
        assert!(door.tell(Input::Answer(Err(error)))[0].starts_with("Retry in"));
        door.check(Input::Timer(Timer::Retry), &["no Retry", "call acme: commit"]);
    }
    for code in [ErrorCode::TooManyAttempts, ErrorCode::WrongPassword, ErrorCode::Internal] {
        assert!(
            door.tell(Input::Answer(denied(code)))[0].starts_with("Retry in"),
            "{code:?} says nothing about it"
        );
        door.tell(Input::Timer(Timer::Retry));
    }
    door.check(
        Input::Answer(denied(ErrorCode::Cancelled)),
        &[
            "save Rejected",
            "queue: give back",
            "1 < refused NotArrived",
            "1 closed: Unauthenticated",
            "no Offer",
            "no Retry",
            "no Ask",
        ],
    );
    door.check(Input::Timer(Timer::Retry), &[]);
}

#[test]
fn nobody_at_the_door_means_no_more_calls() {
    let mut door = Door::at(At::Claimed);
    door.tell(Input::Answer(Err(CallError::NoAnswer)));
    door.tell(Input::Detach(ConnId(1)));
    door.check(Input::Timer(Timer::Retry), &[]);
    assert!(door.tell(Input::Claim(claim_on(2))).contains(&"call acme: commit".into()));
}

#[test]
fn an_offer_that_lapses_is_reported() {
    for at in [At::Reserved, At::Claimed] {
        let mut door = Door::at(at);
        let lines = door.tell(Input::Timer(Timer::Offer));
        assert_eq!(
            (lines[0].as_str(), lines.last().unwrap().as_str()),
            ("save Rejected", "call acme: progress Failed")
        );
    }
    for at in [At::Provisional, At::Active, At::Settled, At::Rejected, At::Fenced] {
        Door::at(at).check(Input::Timer(Timer::Offer), &[]);
    }
}

#[test]
fn a5_a_reservation_that_has_lapsed_holds_no_place_after_a_restart() {
    let mut door = Door::at(At::Reserved);
    door.world.now = door.world.now.plus(61_000);
    let lines = door.killed();
    assert!(lines.contains(&"save Rejected".into()), "{lines:?}");
    assert!(lines.contains(&"call acme: progress Failed".into()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("queue: reserve")), "{lines:?}");
    let mut door = Door::at(At::Claimed);
    door.world.now = door.world.now.plus(61_000);
    let lines = door.killed();
    assert!(
        lines.iter().any(|line| line.starts_with("queue: reserve")),
        "the customer is at the door: {lines:?}"
    );
    door.world.now = door.world.now.plus(60_000);
    let lines = door.killed();
    assert!(lines.contains(&"save Rejected".into()), "not for ever: {lines:?}");
}

#[test]
fn a_cancel_before_the_arrival_rejects_and_after_it_comes_too_late() {
    for (at, answer) in [
        (At::Reserved, "reply: cancelled"),
        (At::Claimed, "reply: cancelled"),
        (At::Provisional, "reply: arrived"),
        (At::Active, "reply: arrived"),
        (At::Settled, "reply: arrived"),
        (At::Rejected, "reply: cancelled"),
        (At::Fenced, "reply: cancelled"),
    ] {
        let mut door = Door::at(at);
        assert_eq!(door.tell(cancel(None)).last().unwrap(), answer, "{at:?}");
        assert_eq!(door.tell(cancel(None)).last().unwrap(), answer, "{at:?}, again");
    }
}

#[test]
fn a_reclaim_fences_and_is_acknowledged_when_the_chat_is_void() {
    for at in [At::Provisional, At::Active, At::Settled] {
        let mut door = Door::at(at);
        door.check(cancel(Some(5)), &["reply: arrived"]);
        door.check(cancel(Some(6)), &["chat: Fence"]);
        // Killed before the chat was void: the origin asks again.
        door.killed();
        door.check(cancel(Some(6)), &["chat: Fence"]);
        door.check(Input::Fenced, &["save Fenced", "no Retry", "reply: cancelled"]);
        door.check(cancel(Some(6)), &["reply: cancelled"]);
        door.check(Input::Accepted, &[]);
        door.check(Input::Answer(Ok(Answer::Done)), &[]);
    }
}

#[test]
fn adopted_serves_at_once_and_settles_when_the_tail_is_stored() {
    for at in [At::Reserved, At::Claimed] {
        let mut door = Door::at(at);
        let lines = door.tell(Input::Claim(adopting(2)));
        assert!(lines.contains(&"2 < welcome e5 waiting #0 token".into()), "{at:?}");
        if at == At::Claimed {
            // The commit that was under way was refused, for the offer had been taken back.
            door.check(Input::Answer(denied(ErrorCode::Cancelled)), &["no Retry", "call acme: commit adopt"]);
        } else {
            assert!(lines.contains(&"call acme: commit adopt".into()));
        }
        door.check(Input::Accepted, &["save Active"]);
        assert_eq!(door.tell(released(vec![prior(2, "late")]))[0], "chat: Tail");
        // The chat could not store it: it is asked for again. So it is after a restart.
        door.check(Input::Timer(Timer::Retry), &["no Retry", "call acme: commit adopt"]);
        assert_eq!(door.killed(), ["no Retry", "call acme: commit adopt"]);
        assert_eq!(door.tell(released(vec![prior(2, "late")]))[0], "chat: Tail");
        door.check(Input::Merged, &["save Active", "no Retry", "call acme: settle e5"]);
        door.check(Input::Answer(Ok(Answer::Done)), &["save Settled"]);
        door.check(Input::Merged, &[]);
    }
}

#[test]
fn adopted_takes_the_tail_of_the_commit_that_was_under_way() {
    let mut door = Door::at(At::Claimed);
    assert!(!door.tell(Input::Claim(adopting(2))).iter().any(|line| line.starts_with("call acme: commit")));
    assert_eq!(door.tell(released(vec![prior(2, "late")]))[0], "chat: Tail");
}

#[test]
fn adopted_asks_until_the_origin_is_back() {
    let mut door = Door::at(At::Provisional);
    for _ in 0..40 {
        assert!(door.tell(Input::Answer(Err(CallError::Unreachable)))[0].starts_with("Retry in"));
        door.check(Input::Timer(Timer::Retry), &["no Retry", "call acme: commit adopt"]);
    }
}

#[test]
fn adopted_and_forgotten_by_the_origin_stays() {
    let mut door = Door::at(At::Provisional);
    assert_eq!(door.tell(Input::Answer(denied(ErrorCode::UnknownChat)))[0], "chat: Tail");
    door.check(Input::Merged, &["save Active", "no Retry"]);
    door.check(Input::Accepted, &["save Active", "call acme: settle e5"]);
    door.check(Input::Answer(denied(ErrorCode::UnknownChat)), &["save Settled"]);
}

#[test]
fn adopted_and_gone_back_is_fenced_unless_the_widget_has_our_epoch() {
    let mut door = Door::at(At::Provisional);
    assert_eq!(door.tell(Input::Answer(denied(ErrorCode::Cancelled)))[0], "chat: Fence");
    door.check(Input::Fenced, &["save Fenced", "no Retry"]);
    let mut door = Door::at(At::Provisional);
    door.tell(Input::Accepted);
    assert_eq!(door.tell(Input::Answer(denied(ErrorCode::Cancelled)))[0], "chat: Tail");
    door.check(Input::Merged, &["save Active", "no Retry", "call acme: settle e5"]);
}

#[test]
fn the_settle_is_repeated_until_the_origin_speaks() {
    let mut door = Door::at(At::Active);
    door.tell(Input::Accepted);
    assert!(door.tell(Input::Answer(Err(CallError::NoAnswer)))[0].starts_with("Retry in"));
    door.check(Input::Timer(Timer::Retry), &["call acme: settle e5"]);
    assert_eq!(door.killed(), ["call acme: settle e5"]);
    door.check(Input::Answer(denied(ErrorCode::UnknownChat)), &["save Settled"]);
}

#[test]
fn a_tail_that_comes_late_is_merged_all_the_same() {
    for at in [At::Active, At::Settled] {
        Door::at(at).check(released(vec![prior(2, "late")]), &["chat: Tail"]);
    }
    for at in [At::Reserved, At::Rejected, At::Fenced] {
        Door::at(at).check(released(vec![prior(2, "late")]), &[]);
    }
}

#[test]
fn a_commit_answered_late_takes_no_settles_place() {
    let mut door = Door::at(At::Active);
    door.tell(Input::Accepted);
    door.check(released(Vec::new()), &["chat: Tail"]);
    let again = door.tell(Input::Answer(Err(CallError::NoAnswer)));
    assert!(again[0].starts_with("Retry in"), "{again:?}");
}

#[test]
fn a_tail_is_merged_by_id() {
    let mut door = Door::at(At::Claimed);
    door.tell(released(vec![prior(1, "hello"), prior(2, "late")]));
    let context = door.chats[0].context.clone().unwrap();
    assert_eq!(context.transcript, [prior(1, "hello"), prior(2, "late")]);
}

#[test]
fn a_killed_gateway_goes_on_where_it_was() {
    assert_eq!(Door::at(At::Posted).killed(), ["Offer in 600000"]);
    for at in [At::Reserved, At::Claimed] {
        assert_eq!(Door::at(at).killed(), ["Offer in 120000", "queue: reserve in sales for acme"]);
    }
    assert_eq!(Door::at(At::Active).killed(), ["chat: WhetherAccepted"]);
    for at in [At::Settled, At::Rejected, At::Fenced] {
        let mut door = Door::at(at);
        assert_eq!(door.killed(), [""; 0]);
        assert!(!door.incoming.is_open());
    }
    let mut door = Door::at(At::Claimed);
    door.killed();
    assert!(door.tell(Input::Claim(claim_on(2))).contains(&"call acme: commit".into()));
    door.tell(released(Vec::new()));
    assert_eq!(door.chats.len(), 1);
}

#[test]
fn an_answer_to_a_question_of_an_earlier_life_refuses_nobody() {
    let mut door = Door::at(At::Claimed);
    door.killed();
    door.check(Input::Answer(denied(ErrorCode::Cancelled)), &[]);
    assert!(door.state().starts_with("Claimed"));
}

#[test]
fn an_epoch_at_the_end_of_its_range_breaks_nothing() {
    let mut door = Door::new();
    door.incoming.record.epoch = u32::MAX;
    let claim = Claim { epoch: u32::MAX, ..adopting(1) };
    door.tell(Input::Claim(claim));
    assert_eq!(door.chats[0].record.epoch, u32::MAX);
}

mod late;
mod placing;
