//! Places, ranks, and nobody given twice.

use proptest::prelude::*;

use baton_protocol::model::SharePolicy;

use super::*;

mod routing;

const PRIORITY_STEP: u64 = 60_000;
const TRANSFERRED: u64 = 120_000;

fn chat(number: u8) -> ChatId {
    ChatId([number; 16])
}

fn profile(login: &str, max_chats: u32) -> Profile {
    let areas = vec!["sales".into()];
    Profile {
        login: login.into(),
        title: login.to_uppercase(),
        supervisor: false,
        areas,
        max_chats,
        by_hand: false,
    }
}

fn ticket(number: u8, since: u64) -> Ticket {
    Ticket {
        left: None,
        chat: chat(number),
        area: "sales".into(),
        name: String::new(),
        subject: String::new(),
        since: Timestamp(since),
        login_at: Timestamp(since),
        priority: 0,
        bonus: 0,
        needs: Vec::new(),
        from: None,
        last_agent: None,
        seat: None,
    }
}

/// Time that lies well above every bonus, so that nothing saturates.
const NOON: u64 = 10_000_000;

struct Desk(QueueManager);

impl Desk {
    fn with(agents: &[(&str, u32)]) -> Self {
        let mut desk = Self(QueueManager::default());
        for (login, max) in agents {
            desk.tell(Input::Online(profile(login, *max)));
        }
        desk
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        self.0.handle(Timestamp(NOON), input)
    }

    fn picks(&mut self, login: &str, number: u8) -> Result<(), ErrorCode> {
        match self.tell(Input::PickUp(login.into(), chat(number))).remove(0) {
            Output::Assigned { chat: given, agent } => {
                assert_eq!((given, agent.login.as_str()), (chat(number), login));
                Ok(())
            }
            Output::Refused { code, .. } => Err(code),
            other => panic!("{other:?}"),
        }
    }

    fn places(&mut self, target: Target) -> Result<Option<String>, ErrorCode> {
        let input = Input::Place { chat: chat(99), transfer: TransferId([1; 16]), target };
        match self.tell(input).remove(0) {
            Output::Placed { agent, .. } => Ok(agent.map(|agent| agent.login)),
            Output::NotPlaced { code, .. } => Err(code),
            other => panic!("{other:?}"),
        }
    }

    fn ranks(&self) -> Vec<u8> {
        let mut places = self.0.places();
        places.sort_by_key(|(_, rank, _)| *rank);
        places.into_iter().map(|(chat, _, _)| chat.0[0]).collect()
    }
}

#[test]
fn q1_first_come_first_served() {
    let mut desk = Desk::with(&[]);
    for (number, since) in [(1, NOON + 3), (2, NOON + 1), (3, NOON + 2)] {
        desk.tell(Input::Wait(ticket(number, since)));
    }
    assert_eq!(desk.ranks(), [2, 3, 1]);
    desk.tell(Input::Leave(chat(3)));
    assert_eq!(desk.ranks(), [2, 1]);
}

#[test]
fn q1_a_tie_is_decided_by_arrival_then_by_id() {
    let mut desk = Desk::with(&[]);
    desk.tell(Input::Wait(ticket(3, NOON)));
    desk.tell(Input::Wait(ticket(2, NOON)));
    desk.tell(Input::Wait(Ticket { priority: 1, ..ticket(4, NOON + PRIORITY_STEP) }));
    assert_eq!(desk.ranks(), [2, 3, 4]);
}

#[test]
fn q1_a_recommendation_and_a_transfer_count_as_waiting() {
    let mut desk = Desk::with(&[]);
    desk.tell(Input::Wait(ticket(1, NOON)));
    desk.tell(Input::Wait(Ticket { from: Some("Globex".into()), ..ticket(2, NOON + TRANSFERRED - 1) }));
    desk.tell(Input::Wait(Ticket { priority: 9, ..ticket(3, NOON + 9 * PRIORITY_STEP - 2) }));
    assert_eq!(desk.ranks(), [3, 2, 1]);
    let mut desk = Desk::with(&[]);
    desk.tell(Input::Wait(ticket(1, NOON)));
    desk.tell(Input::Wait(Ticket { priority: 255, ..ticket(2, NOON + 9 * PRIORITY_STEP + 1) }));
    assert_eq!(desk.ranks(), [1, 2], "a priority above nine is worth no more than nine");
}

#[test]
fn a2_a_customer_is_given_to_one_agent_only() {
    let mut desk = Desk::with(&[("ann", 6), ("bob", 6)]);
    desk.tell(Input::Wait(ticket(1, NOON)));
    assert_eq!(desk.picks("ann", 1), Ok(()));
    assert_eq!(desk.picks("bob", 1), Err(ErrorCode::AlreadyTaken));
    assert_eq!(desk.0.chats_of("ann"), [chat(1)]);
}

#[test]
fn a2_a_late_word_that_the_customer_waits_does_not_offer_them_again() {
    let mut desk = Desk::with(&[("ann", 6), ("bob", 6)]);
    desk.tell(Input::Wait(ticket(1, NOON)));
    assert_eq!(desk.picks("ann", 1), Ok(()));
    // The chat had not heard of Ann when its customer's connection came back.
    let outputs = desk.tell(Input::Wait(ticket(1, NOON)));
    let again = |output: &Output| matches!(output, Output::Assigned { agent, .. } if agent.login == "ann");
    assert!(outputs.iter().any(again), "the chat hears of Ann, again if need be: {outputs:?}");
    assert_eq!(desk.picks("bob", 1), Err(ErrorCode::AlreadyTaken));
    assert!(desk.ranks().is_empty());
}

#[test]
fn a2_an_agent_at_the_maximum_or_of_another_area_gets_nobody() {
    let mut desk = Desk::with(&[("ann", 1)]);
    for number in 1..=2 {
        desk.tell(Input::Wait(ticket(number, NOON)));
    }
    desk.tell(Input::Wait(Ticket { area: "legal".into(), ..ticket(3, NOON) }));
    assert_eq!(desk.picks("ann", 3), Err(ErrorCode::UnknownChat));
    assert_eq!(desk.picks("ann", 1), Ok(()));
    assert_eq!(desk.picks("ann", 2), Err(ErrorCode::AtMaximum));
    desk.tell(Input::Free("ann".into(), chat(1)));
    assert_eq!(desk.picks("ann", 2), Ok(()));
    assert_eq!(desk.picks("nobody", 3), Err(ErrorCode::AgentUnavailable));
}

#[test]
fn a2_a_supervisor_takes_a_customer_of_any_area() {
    let mut desk = Desk::with(&[]);
    desk.tell(Input::Online(Profile { supervisor: true, ..profile("sue", 6) }));
    desk.tell(Input::Wait(Ticket { area: "legal".into(), ..ticket(3, NOON) }));
    assert_eq!(desk.0.queue_for("sue").len(), 1);
    assert_eq!(desk.picks("sue", 3), Ok(()));
}

#[test]
fn a5_no_place_in_an_unstaffed_area() {
    let sales = || Target::Area("sales".into());
    let mut desk = Desk::with(&[]);
    assert_eq!(desk.places(sales()), Err(ErrorCode::Unstaffed));
    desk.tell(Input::Online(profile("ann", 1)));
    assert_eq!(desk.places(sales()), Ok(None));
    desk.tell(Input::SetPresence("ann".into(), Presence::Away));
    assert_eq!(desk.places(sales()), Err(ErrorCode::Unstaffed));
    desk.tell(Input::SetPresence("ann".into(), Presence::Available));
    desk.tell(Input::Offline("ann".into()));
    assert_eq!(desk.places(sales()), Err(ErrorCode::Unstaffed));
    assert_eq!(desk.places(Target::Area("nowhere".into())), Err(ErrorCode::Unstaffed));
}

#[test]
fn a5_no_place_with_an_agent_who_is_offline_away_or_at_the_maximum() {
    let ann = || Target::Agent("ann".into());
    let mut desk = Desk::with(&[]);
    assert_eq!(desk.places(ann()), Err(ErrorCode::AgentUnavailable));
    desk.tell(Input::Online(profile("ann", 1)));
    desk.tell(Input::SetPresence("ann".into(), Presence::Away));
    assert_eq!(desk.places(ann()), Err(ErrorCode::AgentUnavailable));
    desk.tell(Input::SetPresence("ann".into(), Presence::Available));
    assert_eq!(desk.places(ann()), Ok(Some("ann".into())));
    desk.tell(Input::Free("ann".into(), chat(99)));
    desk.tell(Input::Wait(ticket(1, NOON)));
    assert_eq!(desk.picks("ann", 1), Ok(()));
    assert_eq!(
        desk.places(ann()),
        Err(ErrorCode::AgentUnavailable),
        "the place that is asked for is counted"
    );
}

#[test]
fn a5_oneself_is_no_destination() {
    let mut desk = Desk::with(&[("ann", 6)]);
    desk.tell(Input::Hold("ann".into(), chat(99)));
    assert_eq!(desk.places(Target::Agent("ann".into())), Err(ErrorCode::AlreadyTaken));
}

#[test]
fn x1_a_placed_chat_takes_the_place_at_once() {
    let mut desk = Desk::with(&[("ann", 1)]);
    assert_eq!(desk.places(Target::Agent("ann".into())), Ok(Some("ann".into())));
    desk.tell(Input::Wait(ticket(1, NOON)));
    assert_eq!(desk.picks("ann", 1), Err(ErrorCode::AtMaximum));
}

#[test]
fn a_lost_agents_chats_go_back_and_a_present_agents_do_not() {
    let mut desk = Desk::with(&[("ann", 6)]);
    desk.tell(Input::Wait(ticket(1, NOON)));
    assert_eq!(desk.picks("ann", 1), Ok(()));
    assert!(desk.tell(Input::Gone("ann".into())).is_empty(), "she is online");
    desk.tell(Input::Offline("ann".into()));
    assert_eq!(desk.0.chats_of("ann"), [chat(1)], "they stay for a while");
    let lost = Output::AgentLost { chat: chat(1), login: "ann".into() };
    assert_eq!(desk.tell(Input::Gone("ann".into())), [lost, Output::Changed]);
    desk.tell(Input::Online(profile("ann", 6)));
    assert!(desk.0.chats_of("ann").is_empty());
}

#[test]
fn q2_after_a_restart_a_place_is_held_before_its_agent_is_back() {
    let mut desk = Desk::with(&[]);
    desk.tell(Input::Hold("ann".into(), chat(1)));
    assert!(!desk.0.is_online("ann"));
    desk.tell(Input::Online(profile("ann", 1)));
    desk.tell(Input::Wait(ticket(2, NOON)));
    assert_eq!(desk.picks("ann", 2), Err(ErrorCode::AtMaximum));
    desk.tell(Input::Offline("ann".into()));
    assert_eq!(desk.tell(Input::Gone("ann".into())).len(), 2);
}

#[test]
fn q2_who_holds_a_chat_holds_it_alone() {
    let mut desk = Desk::with(&[("ann", 1), ("bob", 1)]);
    // A place for a transfer to Bob, which the chat's gateway forgot when it was killed.
    assert_eq!(desk.places(Target::Agent("bob".into())), Ok(Some("bob".into())));
    desk.tell(Input::Hold("ann".into(), chat(99)));
    assert_eq!((desk.0.chats_of("ann"), desk.0.chats_of("bob")), (vec![chat(99)], vec![]));
}

#[test]
fn h1_the_expected_wait_is_a_range_and_nothing_where_nobody_serves() {
    let mut desk = Desk::with(&[]);
    desk.tell(Input::Wait(ticket(1, NOON)));
    assert_eq!(desk.0.places()[0].2, None);
    desk.tell(Input::Online(profile("ann", 2)));
    assert_eq!(desk.0.places()[0].2, Some(WaitRange { from: 0, to: 60 }));
    for number in 2..=5 {
        desk.tell(Input::Wait(ticket(number, NOON)));
    }
    let waits: Vec<u32> =
        desk.0.places().into_iter().filter_map(|place| place.2).map(|wait| wait.to).collect();
    assert!(waits.is_sorted() && waits[4] > waits[1], "{waits:?}");
    let card = desk.0.area_card("sales", "Sales", SharePolicy::All);
    assert_eq!((card.agents, card.free_agents, card.waiting), (1, 1, 5));
}

#[test]
fn h1_a_lavish_maximum_breaks_no_estimate() {
    let mut desk = Desk::with(&[("ann", u32::MAX), ("bob", u32::MAX)]);
    desk.tell(Input::Wait(ticket(1, NOON)));
    assert_eq!(desk.0.places()[0].2, Some(WaitRange { from: 0, to: 60 }));
}

/// What a random schedule does; small numbers, so that things collide.
fn any_input() -> impl Strategy<Value = Input> {
    let login = || prop::sample::select(vec!["ann", "bob", "cat"]).prop_map(String::from);
    let number = || (0..6u8).prop_map(chat);
    prop_oneof![
        (login(), 0..3u32).prop_map(|(login, max)| Input::Online(profile(&login, max))),
        login().prop_map(Input::Offline),
        login().prop_map(Input::Gone),
        (login(), any::<bool>()).prop_map(|(login, away)| {
            Input::SetPresence(login, if away { Presence::Away } else { Presence::Available })
        }),
        (0..6u8, 0..5u64, 0..12u8).prop_map(|(number, since, priority)| {
            Input::Wait(Ticket { priority, ..ticket(number, NOON + since) })
        }),
        number().prop_map(Input::Leave),
        (login(), number()).prop_map(|(login, chat)| Input::PickUp(login, chat)),
        (login(), number()).prop_map(|(login, chat)| Input::Free(login, chat)),
        (login(), number()).prop_map(|(login, chat)| Input::Place {
            chat,
            transfer: TransferId([2; 16]),
            target: Target::Agent(login),
        }),
    ]
}

/// The chats' side: who believes to have whom. A chat answers as `session::serve` does.
fn settle_all(desk: &mut Desk, outputs: Vec<Output>) {
    for output in outputs {
        if let Output::Placed { chat, agent: Some(agent), .. } = output {
            // The chat has moved to the new agent: the old one's place is free.
            for login in ["ann", "bob", "cat"].into_iter().filter(|login| *login != agent.login) {
                desk.tell(Input::Free(login.into(), chat));
            }
            desk.tell(Input::Leave(chat));
        }
    }
}

proptest! {
    #[test]
    fn a5_no_agent_exceeds_the_maximum_and_nobody_is_given_twice(inputs in prop::collection::vec(any_input(), 0..80)) {
        let mut desk = Desk::with(&[]);
        for input in inputs {
            let before: Vec<usize> = ["ann", "bob", "cat"].map(|login| desk.0.chats_of(login).len()).into();
            let outputs = desk.tell(input);
            for (at, login) in ["ann", "bob", "cat"].into_iter().enumerate() {
                let now = desk.0.chats_of(login).len();
                let max = desk.0.agent_card(login, SharePolicy::All).map_or(0, |card| card.max_chats) as usize;
                prop_assert!(now <= before[at] || now <= max, "{login} has {now} of {max}");
            }
            settle_all(&mut desk, outputs);
            let mut held: Vec<ChatId> = ["ann", "bob", "cat"].iter().flat_map(|login| desk.0.chats_of(login)).collect();
            held.extend(desk.0.places().into_iter().map(|(chat, ..)| chat));
            let count = held.len();
            held.sort();
            held.dedup();
            prop_assert_eq!(count, held.len(), "a chat is in two places");
        }
    }

    #[test]
    fn q1_nobody_starves(rivals in prop::collection::vec((0..600u64, 0..=9u8, any::<bool>()), 1..60)) {
        // Somebody ordinary, and rivals with every advantage who come one after another; one is served a minute.
        let mut desk = Desk::with(&[("ann", u32::MAX)]);
        desk.tell(Input::Wait(ticket(0, NOON)));
        let bound = 9 * PRIORITY_STEP + TRANSFERRED;
        let mut clock = NOON;
        for (number, (gap, priority, transferred)) in (1..).zip(rivals) {
            clock += gap * 1_000;
            let from = transferred.then(|| "Globex".into());
            desk.tell(Input::Wait(Ticket { priority, from, ..ticket(number, clock) }));
            let first = desk.ranks()[0];
            prop_assert!(clock - NOON <= bound || first == 0, "passed over after {} s", (clock - NOON) / 1_000);
            if first == 0 { return Ok(()); }
            prop_assert_eq!(desk.picks("ann", first), Ok(()));
        }
    }

    #[test]
    fn h1_ranks_count_from_one_without_gaps(tickets in prop::collection::vec((0..20u8, 0..9u64, 0..=9u8), 0..30)) {
        let mut desk = Desk::with(&[("ann", 3)]);
        for (number, since, priority) in tickets {
            desk.tell(Input::Wait(Ticket { priority, ..ticket(number, NOON + since) }));
        }
        let mut ranks: Vec<u32> = desk.0.places().into_iter().map(|place| place.1).collect();
        ranks.sort_unstable();
        prop_assert!(ranks.iter().copied().eq(1..=u32::try_from(ranks.len()).unwrap()));
        let cards: Vec<u32> = desk.0.queue_for("ann").into_iter().map(|card| card.rank).collect();
        prop_assert_eq!(cards, ranks);
    }
}

fn seat(number: u8) -> SeatKey {
    ("acme".into(), TransferId([number; 16]))
}

impl Desk {
    fn reserves(&mut self, number: u8, wanted: Wanted) -> Result<Option<String>, ErrorCode> {
        let until = Timestamp(NOON + 1_000);
        let input = Input::Reserve { seat: seat(number), area: "sales".into(), wanted, until };
        match self.tell(input).remove(0) {
            Output::Reserved { answer, .. } => {
                answer.map(|agent| agent.map(|agent| agent.login)).map_err(|(code, _)| code)
            }
            other => panic!("{other:?}"),
        }
    }

    fn arrives(&mut self, number: u8) -> Option<String> {
        let ticket = Ticket { seat: Some(seat(number).into()), ..ticket(number, NOON) };
        self.tell(Input::Wait(ticket)).into_iter().find_map(|output| match output {
            Output::Assigned { agent, .. } => Some(agent.login),
            _ => None,
        })
    }
}

#[test]
fn d7_a_place_with_a_free_agent_is_kept_and_counts() {
    let mut desk = Desk::with(&[("ann", 1), ("ben", 2)]);
    let free = || Wanted::FreeAgent(Vec::new());
    assert_eq!(desk.reserves(1, free()), Ok(Some("ann".into())));
    assert_eq!(desk.reserves(1, free()), Ok(Some("ann".into())), "asked again, it is the same place");
    assert_eq!(desk.reserves(2, free()), Ok(Some("ben".into())));
    assert_eq!(desk.reserves(3, free()), Ok(Some("ben".into())));
    assert_eq!(desk.reserves(4, free()), Err(ErrorCode::NoAgentFree));
    desk.tell(Input::Wait(ticket(9, NOON)));
    assert_eq!(desk.picks("ann", 9), Err(ErrorCode::AtMaximum), "the place is taken");
    assert_eq!(desk.arrives(1), Some("ann".into()));
    desk.tell(Input::GiveBack(seat(2)));
    assert_eq!(desk.reserves(4, free()), Ok(Some("ben".into())));
    assert_eq!(desk.reserves(5, Wanted::FreeAgent(vec!["ben".into()])), Err(ErrorCode::Declined));
}

#[test]
fn d3_a_place_in_the_queue_is_kept_and_counts() {
    let mut desk = Desk::with(&[("ann", 1)]);
    desk.tell(Input::Wait(ticket(9, NOON)));
    assert_eq!(desk.reserves(1, Wanted::InQueue(2)), Ok(None));
    assert_eq!(desk.reserves(2, Wanted::InQueue(2)), Err(ErrorCode::QueueFull));
    assert_eq!(desk.arrives(1), None);
    assert_eq!(desk.reserves(2, Wanted::InQueue(2)), Err(ErrorCode::QueueFull), "now it waits there");
    desk.tell(Input::Leave(chat(1)));
    assert_eq!(desk.reserves(2, Wanted::InQueue(2)), Ok(None));
}

#[test]
fn a_place_that_nobody_takes_or_gives_back_lapses() {
    let mut desk = Desk::with(&[("ann", 1)]);
    let free = || Wanted::FreeAgent(Vec::new());
    assert_eq!(desk.reserves(1, free()), Ok(Some("ann".into())));
    desk.tell(Input::Wait(ticket(9, NOON)));
    assert_eq!(desk.picks("ann", 9), Err(ErrorCode::AtMaximum));
    let until = Timestamp(NOON + 9_000);
    let input = Input::Reserve { seat: seat(2), area: "sales".into(), wanted: free(), until };
    let later = desk.0.handle(Timestamp(NOON + 1_000), input);
    assert!(matches!(&later[0], Output::Reserved { answer: Ok(Some(_)), .. }), "{later:?}");
    let latest = desk.0.handle(Timestamp(NOON + 9_000), Input::PickUp("ann".into(), chat(9)));
    assert!(matches!(&latest[0], Output::Assigned { .. }), "{latest:?}");
}

#[test]
fn d6_a_place_passes_from_the_holding_session_to_the_agents() {
    let mut desk = Desk::with(&[("ann", 1)]);
    desk.tell(Input::Wait(ticket(9, NOON)));
    desk.picks("ann", 9).unwrap();
    assert_eq!(desk.reserves(1, Wanted::InsteadOf("ann".into(), chat(9))), Ok(Some("ann".into())));
    assert_eq!(desk.arrives(1), Some("ann".into()));
    desk.tell(Input::Free("ann".into(), chat(9)));
    desk.tell(Input::Wait(ticket(8, NOON)));
    assert_eq!(desk.picks("ann", 8), Err(ErrorCode::AtMaximum), "the customer is still hers");
    let gone = Wanted::InsteadOf("ann".into(), chat(7));
    assert_eq!(desk.reserves(2, gone), Err(ErrorCode::AgentUnavailable));
}

#[test]
fn d7_an_agent_who_is_gone_keeps_no_promise() {
    let mut desk = Desk::with(&[("ann", 1)]);
    desk.reserves(1, Wanted::FreeAgent(Vec::new())).unwrap();
    desk.tell(Input::Offline("ann".into()));
    desk.tell(Input::Gone("ann".into()));
    assert_eq!(desk.arrives(1), None, "then the customer waits like everybody");
}

#[test]
fn d6_after_a_restart_a_kept_place_is_not_held_a_second_time() {
    let mut desk = Desk::with(&[("ann", 1)]);
    assert_eq!(desk.reserves(7, Wanted::Promised("ann".into())), Ok(Some("ann".into())));
    desk.tell(Input::HoldUnlessKept("ann".into(), chat(1), seat(7)));
    assert_eq!(desk.0.chats_of("ann"), []);
    desk.tell(Input::Hold("ann".into(), chat(1)));
    assert_eq!(desk.0.seats_of("ann"), [], "the customer has come back: the place counts once");
    desk.tell(Input::HoldUnlessKept("ann".into(), chat(1), seat(8)));
    assert_eq!(desk.0.chats_of("ann"), [chat(1)], "nobody else keeps it");
}

#[test]
fn d6_a_place_that_nobody_came_for_goes_back_to_the_holding_session() {
    let swapped = || {
        let mut desk = Desk::with(&[("ann", 1)]);
        desk.tell(Input::Hold("ann".into(), chat(9)));
        desk.reserves(1, Wanted::InsteadOf("ann".into(), chat(9))).unwrap();
        assert_eq!(desk.0.chats_of("ann"), []);
        assert_eq!(desk.0.chats_to_show("ann"), [chat(9)], "it may be hers again without a word");
        desk
    };
    let mut desk = swapped();
    desk.tell(Input::GiveBack(seat(1)));
    assert_eq!(desk.0.chats_of("ann"), [chat(9)], "at once: nobody else gets between");
    let mut desk = swapped();
    desk.tell(Input::Free("ann".into(), chat(9)));
    desk.tell(Input::GiveBack(seat(1)));
    assert_eq!(desk.0.chats_of("ann"), [], "it is over in the meantime");
    let mut desk = swapped();
    desk.tell(Input::Hold("ann".into(), chat(9)));
    assert_eq!(
        desk.0.seats_of("ann"),
        [],
        "the chat has it back before the place is given back: it counts once"
    );
    let mut desk = swapped();
    desk.tell(Input::Offline("ann".into()));
    let lost = desk.tell(Input::Gone("ann".into()));
    assert!(lost.contains(&Output::AgentLost { chat: chat(9), login: "ann".into() }), "{lost:?}");
}
