//! Automatic assignment, weights, and a long queue.

use std::collections::BTreeSet;

use super::super::plan::{Assign, Way, Weights};
use super::*;

fn automatic(assign: Assign) -> Plan {
    planned(Way { assign, ..Way::default() })
}

fn planned(way: Way) -> Plan {
    Plan { areas: [("sales".to_owned(), way)].into(), skills: BTreeMap::new() }
}

impl Desk {
    fn planned(plan: Plan, agents: &[(&str, u32)]) -> Self {
        let mut desk = Self(QueueManager::new(plan));
        for (login, max) in agents {
            desk.tell(Input::Online(profile(login, *max)));
        }
        desk
    }

    fn at(&mut self, later: u64, input: Input) -> Vec<(u8, String)> {
        let given = self.0.handle(Timestamp(NOON + later), input).into_iter();
        given
            .filter_map(|output| match output {
                Output::Assigned { chat, agent } => Some((chat.0[0], agent.login)),
                _ => None,
            })
            .collect()
    }

    /// Who gets this customer now.
    fn comes(&mut self, later: u64, number: u8) -> Option<String> {
        let mut given = self.at(later, Input::Wait(ticket(number, NOON + later)));
        assert!(given.len() <= 1, "{given:?}");
        given.pop().map(|(_, login)| login)
    }
}

fn given(pairs: &[(u8, &str)]) -> Vec<(u8, String)> {
    pairs.iter().map(|(chat, login)| (*chat, (*login).to_owned())).collect()
}

#[test]
fn q1_the_agent_who_has_been_idle_longest_gets_the_next_customer() {
    let mut desk = Desk::planned(automatic(Assign::LongestIdle), &[("ann", 2), ("ben", 2)]);
    assert_eq!(desk.comes(1, 1).as_deref(), Some("ann"));
    assert_eq!(desk.comes(2, 2).as_deref(), Some("ben"));
    desk.at(3, Input::Free("ann".into(), chat(1)));
    assert_eq!(desk.comes(4, 3).as_deref(), Some("ben"), "ann has just had somebody");
    assert_eq!(desk.comes(5, 4).as_deref(), Some("ann"));
}

#[test]
fn q1_the_least_busy_agent_is_the_one_with_the_smallest_part_taken() {
    let mut desk = Desk::planned(automatic(Assign::LeastBusy), &[("ann", 2), ("ben", 4)]);
    let mut logins: Vec<String> = Vec::new();
    for number in 1..=6 {
        logins.extend(desk.comes(number.into(), number));
    }
    assert_eq!(logins.iter().filter(|login| *login == "ann").count(), 2);
    assert_eq!(logins[..3].iter().filter(|login| *login == "ben").count(), 2, "{logins:?}");
    assert_eq!(desk.comes(7, 7), None);
}

#[test]
fn q1_agents_take_turns() {
    let mut desk = Desk::planned(automatic(Assign::RoundRobin), &[("ann", 9), ("ben", 9), ("cat", 9)]);
    let logins: Vec<String> = (1..=6).filter_map(|number| desk.comes(number.into(), number)).collect();
    assert_eq!(logins, ["ann", "ben", "cat", "ann", "ben", "cat"]);
}

#[test]
fn q1_who_waits_is_served_as_soon_as_a_place_is_free_and_in_order() {
    let mut desk = Desk::planned(automatic(Assign::LongestIdle), &[]);
    for number in 1..=3 {
        assert_eq!(desk.comes(number.into(), number), None);
    }
    assert_eq!(desk.at(10, Input::Online(profile("ann", 2))), given(&[(1, "ann"), (2, "ann")]));
    assert_eq!(desk.at(11, Input::Free("ann".into(), chat(2))), given(&[(3, "ann")]));
    desk.at(12, Input::SetPresence("ann".into(), Presence::Away));
    desk.at(13, Input::Free("ann".into(), chat(3)));
    assert_eq!(desk.comes(14, 4), None, "she takes nobody now");
    assert_eq!(desk.at(15, Input::SetPresence("ann".into(), Presence::Available)), given(&[(4, "ann")]));
}

#[test]
fn q1_whoever_loses_their_agent_waits_at_the_old_place_and_the_last_agent_comes_first() {
    let mut desk = Desk::planned(automatic(Assign::LongestIdle), &[("ann", 1), ("ben", 1)]);
    assert_eq!(desk.comes(1, 1).as_deref(), Some("ann"));
    assert_eq!(desk.comes(2, 2).as_deref(), Some("ben"));
    assert_eq!(desk.comes(3, 3), None);
    desk.at(4, Input::Offline("ann".into()));
    desk.at(5, Input::Gone("ann".into()));
    let back = Ticket { last_agent: Some("ann".into()), ..ticket(1, NOON + 1) };
    assert!(desk.at(6, Input::Wait(back)).is_empty());
    assert_eq!(desk.ranks(), [1, 3], "before whoever came later");
    desk.at(7, Input::Online(profile("ann", 1)));
    assert_eq!(desk.0.chats_of("ann"), [chat(1)]);
    let last = Ticket { last_agent: Some("ben".into()), ..ticket(9, NOON) };
    let mut two = Desk::planned(automatic(Assign::LongestIdle), &[("ann", 1), ("ben", 1)]);
    assert_eq!(two.at(1, Input::Wait(last)), given(&[(9, "ben")]), "though ann's turn it is");
}

#[test]
fn q1_an_agent_who_picks_up_by_hand_is_given_nobody_and_is_on_duty_all_the_same() {
    let mut desk = Desk::planned(automatic(Assign::LongestIdle), &[("ann", 2)]);
    desk.at(0, Input::SetByHand("ann".into(), true));
    assert_eq!(desk.comes(1, 1), None);
    let back = Ticket { last_agent: Some("ann".into()), ..ticket(2, NOON) };
    assert!(desk.at(2, Input::Wait(back)).is_empty(), "not though she had them last");
    let staffing = desk.0.staffing("sales");
    assert_eq!((staffing.agents, staffing.free_agents, staffing.room, staffing.wait), (1, 0, 0, None));
    assert!(desk.0.is_staffed("sales"), "customers can be transferred to the line (A5)");
    assert_eq!(desk.0.idlest("sales", &[]), None, "nor is she given one who comes from elsewhere (D7)");
    assert_eq!(desk.at(3, Input::PickUp("ann".into(), chat(1))), given(&[(1, "ann")]));
    // It lasts through a lost connection, and a copy knows of it (Q2).
    desk.at(4, Input::Offline("ann".into()));
    desk.at(5, Input::Online(Profile { by_hand: true, ..profile("ann", 2) }));
    let mut copy = Desk(QueueManager::new(automatic(Assign::LongestIdle)));
    let told = desk.0.as_inputs().into_iter().flat_map(|input| copy.at(5, input)).collect::<Vec<_>>();
    assert!(told.is_empty(), "{told:?}");
    desk.tell(Input::Online(profile("ben", 1)));
    assert_eq!(desk.0.chats_of("ben"), [chat(2)], "whoever wants customers gets them");
    assert_eq!(desk.comes(6, 3), None);
    assert_eq!(desk.at(7, Input::SetByHand("ann".into(), false)), given(&[(3, "ann")]));
}

#[test]
fn q1_a_skill_is_waited_for_and_then_done_without() {
    let mut plan = planned(Way { assign: Assign::LongestIdle, relax_after: 60_000, ..Way::default() });
    plan.skills.insert("ben".into(), BTreeSet::from(["german".into(), "tents".into()]));
    plan.skills.insert("cat".into(), BTreeSet::from(["german".into()]));
    let needy = |number: u8| Ticket { needs: vec!["german".into(), "tents".into()], ..ticket(number, NOON) };
    let mut desk = Desk::planned(plan.clone(), &[("ann", 9), ("ben", 1), ("cat", 9)]);
    assert_eq!(desk.at(0, Input::Wait(needy(1))), given(&[(1, "ben")]));
    assert!(desk.at(1, Input::Wait(needy(2))).is_empty(), "nobody else knows both");
    assert_eq!(desk.comes(2, 3).as_deref(), Some("ann"), "who needs nothing does not wait for them");
    assert_eq!(desk.0.next_due(), Some(Timestamp(NOON + 60_001)));
    assert!(desk.at(60_000, Input::Tick).is_empty());
    assert_eq!(desk.at(60_001, Input::Tick), given(&[(2, "cat")]), "German at least");
    let mut alone = Desk::planned(plan, &[("ann", 9)]);
    alone.at(0, Input::Wait(needy(4)));
    assert!(alone.at(60_000, Input::Tick).is_empty());
    assert_eq!(alone.at(120_000, Input::Tick), given(&[(4, "ann")]));
    assert_eq!(alone.0.next_due(), None);
}

#[test]
fn d9_a_reserve_of_agents_is_kept_for_transferred_and_urgent_customers() {
    let way = Way { assign: Assign::LongestIdle, reserve: 1, ..Way::default() };
    let mut desk = Desk::planned(planned(way), &[("ann", 1), ("ben", 1)]);
    assert!(desk.comes(1, 1).is_some());
    assert_eq!(desk.comes(2, 2), None, "the last one is kept");
    let transferred = Ticket { from: Some("Globex".into()), ..ticket(3, NOON + 3) };
    assert_eq!(desk.at(3, Input::Wait(transferred)).len(), 1);
    let urgent = Ticket { priority: 5, ..ticket(4, NOON + 4) };
    assert!(desk.at(4, Input::Wait(urgent)).is_empty(), "nobody at all");
    assert_eq!(desk.at(5, Input::Free("ann".into(), chat(1))), given(&[(4, "ann")]));
    desk.at(6, Input::Free("ann".into(), chat(4)));
    assert_eq!(desk.at(7, Input::Free("ben".into(), chat(3))), given(&[(2, "ann")]), "now two are free");
}

#[test]
fn a2_messages_take_a_part_of_a_place() {
    let mut desk = Desk::planned(automatic(Assign::LongestIdle), &[("ann", 1)]);
    let message = |desk: &mut Desk, number: u8| {
        desk.tell(Input::Weighs(chat(number), 40));
        desk.comes(number.into(), number)
    };
    assert!(message(&mut desk, 1).is_some() && message(&mut desk, 2).is_some());
    assert_eq!(message(&mut desk, 3), None, "a hundred and twenty hundredths");
    assert_eq!(desk.comes(4, 4), None, "no whole place is left");
    assert_eq!(desk.at(5, Input::Free("ann".into(), chat(1))), given(&[(3, "ann")]));
    desk.at(6, Input::Free("ann".into(), chat(2)));
    assert_eq!(desk.at(7, Input::Free("ann".into(), chat(3))), given(&[(4, "ann")]));
    assert_eq!(message(&mut desk, 5), None);
}

#[test]
fn q1_weights_say_what_counts() {
    let weights = Weights { priority_step: 0, transferred: 10, login_percent: 50, area: 7 };
    let desk = || Desk::planned(planned(Way { weights, ..Way::default() }), &[]);
    let first = |mut desk: Desk, ticket: Ticket| {
        desk.tell(Input::Wait(super::ticket(1, NOON + 100)));
        desk.tell(Input::Wait(ticket));
        desk.ranks()[0]
    };
    let early = |login: u64| Ticket { login_at: Timestamp(NOON + 150 - login), ..ticket(2, NOON + 150) };
    assert_eq!((first(desk(), early(98)), first(desk(), early(102))), (1, 2));
    let sign = |bonus: u64| Ticket { bonus, ..ticket(2, NOON + 150) };
    assert_eq!((first(desk(), sign(49)), first(desk(), sign(51))), (1, 2));
    assert_eq!(
        first(desk(), Ticket { priority: 9, ..ticket(2, NOON + 101) }),
        1,
        "a step is worth nothing here"
    );
    let lied = Ticket { login_at: Timestamp(0), ..ticket(2, NOON + 90_000_000) };
    assert_eq!(first(desk(), lied), 1, "a login long ago counts as a day at most");
}

#[test]
fn h1_ranks_are_told_when_they_change_and_a_long_queue_in_rounds() {
    let mut desk = Desk::with(&[("ann", 1)]);
    for number in 0..200 {
        desk.tell(Input::Wait(ticket(number, NOON + u64::from(number))));
    }
    let round = |desk: &mut Desk| {
        let mut news = Vec::new();
        desk.0.news(60, &mut news);
        news.into_iter().map(|(chat, rank, _)| (chat.0[0], rank)).collect::<Vec<_>>()
    };
    let first = round(&mut desk);
    assert_eq!((first.len(), first[0], first[91]), (92, (0, 1), (91, 92)));
    assert_eq!(round(&mut desk).len(), 60);
    assert_eq!(round(&mut desk).len(), 48, "then the round begins anew, where nothing has changed");
    desk.tell(Input::Leave(chat(0)));
    let next = round(&mut desk);
    assert_eq!(next[0], (1, 1), "{next:?}");
    let mut told: BTreeSet<u8> = next.into_iter().map(|(chat, _)| chat).collect();
    for _ in 0..4 {
        told.extend(round(&mut desk).into_iter().map(|(chat, _)| chat));
    }
    assert_eq!(told.len(), 199, "everybody has another rank, and hears of it");
}

#[test]
fn q2_a_copy_shows_the_same_and_gives_nobody_itself() {
    let plan = automatic(Assign::LongestIdle);
    let mut desk = Desk::planned(plan.clone(), &[("ann", 1), ("ben", 2)]);
    desk.tell(Input::Reserve {
        seat: seat(9),
        area: "sales".into(),
        wanted: Wanted::FreeAgent(Vec::new()),
        until: Timestamp(NOON + 1_000),
    });
    (1..=5).for_each(|number| drop(desk.comes(number.into(), number)));
    desk.tell(Input::SetPresence("ben".into(), Presence::Away));
    let mut copy = Desk(QueueManager::new(plan.of_a_copy()));
    for input in desk.0.as_inputs() {
        let outputs = copy.tell(input);
        assert!(!outputs.iter().any(|output| matches!(output, Output::Assigned { .. })), "{outputs:?}");
    }
    let cards = |desk: &Desk| desk.0.agent_cards(|_| SharePolicy::All).collect::<Vec<_>>();
    assert_eq!((copy.ranks(), cards(&copy)), (desk.ranks(), cards(&desk)));
    assert_eq!(copy.0.seats_of("ann"), desk.0.seats_of("ann"));
}

fn any_weights() -> impl Strategy<Value = Weights> {
    (0..120_000u64, 0..240_000u64, 0..=100u32, 0..600_000u64).prop_map(
        |(priority_step, transferred, login_percent, area)| Weights {
            priority_step,
            transferred,
            login_percent,
            area,
        },
    )
}

proptest! {
    /// Whoever has waited longer than everything that anybody may have ahead of them is overtaken by nobody.
    #[test]
    fn q1_nobody_starves_whatever_the_weights(
        weights in any_weights(),
        rivals in prop::collection::vec((0..400u64, 0..=9u8, any::<bool>(), 0..600_000u64, 0..600_000u64), 1..80),
    ) {
        let way = Way { weights, assign: Assign::LongestIdle, ..Way::default() };
        let mut desk = Desk::planned(planned(way), &[("ann", 1)]);
        desk.at(0, Input::Wait(ticket(255, NOON)));
        desk.at(0, Input::Wait(ticket(254, NOON)));
        let most = 9 * weights.priority_step + weights.transferred + 600_000 + 600_000;
        let (mut later, mut with) = (0, 255);
        for (number, (gap, priority, transferred, bonus, earlier)) in (1..).zip(rivals) {
            later += gap * 1_000;
            let from = transferred.then(|| "Globex".into());
            let login_at = Timestamp((NOON + later).saturating_sub(earlier));
            desk.at(later, Input::Wait(Ticket { priority, from, bonus, login_at, ..ticket(number, NOON + later) }));
            let served = desk.at(later, Input::Free("ann".into(), chat(with)));
            prop_assert_eq!(served.len(), 1);
            with = served[0].0;
            if with == 254 { return Ok(()); }
            prop_assert!(later <= most, "passed over after {} s", later / 1_000);
        }
    }

    /// However things come: nobody who fits an agent with room is left waiting, and no agent has too many.
    #[test]
    fn q1_nobody_waits_for_whom_somebody_is_free(inputs in prop::collection::vec(any_input(), 0..80), strategy in 0..3usize) {
        let assign = [Assign::LongestIdle, Assign::LeastBusy, Assign::RoundRobin][strategy];
        let mut desk = Desk::planned(automatic(assign), &[]);
        for (number, input) in (0..).zip(inputs) {
            let outputs = desk.0.handle(Timestamp(NOON + number), input);
            settle_all(&mut desk, outputs);
            let card = desk.0.area_card("sales", "Sales", SharePolicy::All);
            prop_assert!(card.waiting == 0 || card.free_agents == 0, "{card:?}");
            let free = ["ann", "bob", "cat"].into_iter().filter_map(|login| desk.0.agent_card(login, SharePolicy::All));
            let takes = free.filter(|agent| agent.online && agent.presence == Presence::Available);
            prop_assert_eq!(card.free_agents as usize, takes.filter(|agent| agent.chats < agent.max_chats).count());
        }
    }
}
