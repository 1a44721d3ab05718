//! The search for a place: agent required, an agent who is asked, and another try (D4, D7).

use super::*;
use crate::effect::NeedsAgent;
use crate::session::tests::profile;

fn needing(agent: NeedsAgent, keeps: bool) -> Door {
    let (mut door, _) = Door::posted();
    let arrival = &mut door.world.settings.areas[0].arrival;
    (arrival.agent, arrival.keeps) = (agent, keeps);
    door
}

fn again(door: &mut Door, reply: u64) -> Vec<String> {
    let reservation = federation::Reservation {
        wtid: Some(Wtid::from_bytes([2; 32])),
        socket: "wss://globex.example/v1/ws".into(),
        page: None,
        expires_in: 60,
    };
    door.tell(Input::Again(reservation, ReplyTo(reply)))
}

#[test]
fn d7_a_free_agent_is_promised_and_the_customer_goes_straight_to_them() {
    let mut door = needing(NeedsAgent::Free, true);
    let reserved = ["save Reserved", "reply: reservation", "Offer in 60000"];
    door.check(Input::Place(Ok(Some(profile("gus")))), &reserved);
    assert_eq!(door.killed()[1], "queue: reserve Promised(\"gus\") in sales for acme");
    door.tell(Input::Claim(claim_on(1)));
    let lines = door.tell(released(Vec::new()));
    assert!(!lines.iter().any(|line| line.contains("Queued")), "nobody is told that they wait: {lines:?}");
    assert!(lines.contains(&"queue: wait since 1000000 in sales".into()));
}

#[test]
fn d7_without_a_free_agent_the_origin_learns_when_to_try_again_and_what_is_kept() {
    let mut door = needing(NeedsAgent::Free, true);
    let no = || Input::Place(Err((ErrorCode::NoAgentFree, 30)));
    door.check(no(), &["save Posted", "Offer in 600000", "reply: denied Kept"]);
    assert_eq!(door.killed(), ["Offer in 600000"]);
    assert_eq!(again(&mut door, 3), ["queue: reserve FreeAgent([]) in sales for acme"]);
    door.check(no(), &["save Posted", "Offer in 600000", "reply: denied Kept"]);
    again(&mut door, 4);
    door.check(
        Input::Place(Ok(Some(profile("gus")))),
        &["save Reserved", "reply: reservation", "Offer in 60000"],
    );
}

#[test]
fn d7_an_area_that_keeps_nothing_refuses_for_good() {
    let mut door = needing(NeedsAgent::Free, false);
    let lines = ["save Rejected", "no Offer", "no Ask", "reply: denied NoAgentFree"];
    door.check(Input::Place(Err((ErrorCode::NoAgentFree, 30))), &lines);
    assert_eq!(again(&mut door, 2), ["reply: denied Denied"]);
}

#[test]
fn d7_what_is_kept_lapses() {
    let mut door = needing(NeedsAgent::Free, true);
    door.tell(Input::Place(Err((ErrorCode::NoAgentFree, 30))));
    assert_eq!(door.tell(Input::Timer(Timer::Offer))[0], "save Rejected");
    assert_eq!(again(&mut door, 2), ["reply: denied Denied"]);
}

#[test]
fn a_full_queue_refuses_and_keeps_nothing() {
    let (mut door, _) = Door::posted();
    let lines = door.tell(Input::Place(Err((ErrorCode::QueueFull, 30))));
    assert_eq!(lines.last().unwrap(), "reply: denied QueueFull");
    assert!(door.incoming.is_final());
}

#[test]
fn an_agent_is_asked_and_takes_the_chat() {
    let mut door = needing(NeedsAgent::Willing, true);
    let lines = door.tell(Input::Place(Ok(Some(profile("gus")))));
    assert_eq!(lines[0], "save Posted");
    assert!(lines[1].starts_with("gus < "), "{lines:?}");
    assert_eq!(lines[2..], ["Ask in 20000", "Offer in 600000", "reply: denied Asking"]);
    assert_eq!(again(&mut door, 2), ["reply: denied Asking"]);
    assert_eq!(door.tell(Input::Show("gus".into())).len(), 1, "a console that comes back is asked again");
    assert_eq!(door.tell(Input::Show("gina".into())).len(), 0);
    door.tell(Input::Decided("gina".into(), true));
    assert_eq!(door.state(), "Posted", "nobody answers for another");
    door.tell(Input::Decided("gus".into(), true));
    assert_eq!(door.state(), "Reserved");
    assert_eq!(door.incoming.record.agent.as_deref(), Some("gus"));
    assert_eq!(again(&mut door, 3), ["reply: reservation"]);
}

#[test]
fn agents_who_decline_or_say_nothing_are_not_asked_again() {
    let mut door = needing(NeedsAgent::Willing, true);
    door.tell(Input::Place(Ok(Some(profile("gus")))));
    let lines = door.tell(Input::Decided("gus".into(), false));
    assert_eq!(
        lines[1..],
        ["no Ask", "queue: give back", "queue: reserve FreeAgent([\"gus\"]) in sales for acme"]
    );
    door.tell(Input::Place(Ok(Some(profile("gina")))));
    let lines = door.tell(Input::Timer(Timer::Ask));
    assert_eq!(lines.last().unwrap(), "queue: reserve FreeAgent([\"gus\", \"gina\"]) in sales for acme");
    door.tell(Input::Place(Err((ErrorCode::Declined, 60))));
    assert_eq!(again(&mut door, 2), ["reply: denied Declined"]);
    assert!(door.incoming.is_final());
}

#[test]
fn a_question_is_taken_back_with_the_transfer() {
    let mut door = needing(NeedsAgent::Willing, true);
    door.tell(Input::Place(Ok(Some(profile("gus")))));
    let lines = door.tell(cancel(None));
    assert!(lines.contains(&"queue: give back".into()));
    assert!(lines.iter().any(|line| line.starts_with("gus < ")), "{lines:?}");
    assert!(door.tell(Input::Decided("gus".into(), true)).iter().all(|line| line.starts_with("gus < ")));
    assert!(door.incoming.is_final());
}

#[test]
fn d4_wtid_and_address_must_fit_each_other() {
    let mut door = Door::new();
    let own = Wtid::from_bytes([7; 32]).digest();
    door.incoming.record.at = Some(own);
    for at in [None, Some(Wtid::from_bytes([8; 32]).digest())] {
        door.check(Input::Claim(Claim { at, ..claim_on(9) }), &REFUSED);
    }
    let lines = door.tell(Input::Claim(Claim { at: Some(own), ..claim_on(1) }));
    assert_eq!(lines[0], "save Claimed");
}
