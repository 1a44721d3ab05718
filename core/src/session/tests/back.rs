//! A customer who comes back to a server that they had left (X3).

use super::super::back::merged;
use super::leave::At;
use super::talk::{came_with, prior};
use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn texts(context: &Context) -> Vec<&str> {
    context.transcript.iter().map(|entry| entry.text.as_str()).collect()
}

/// What Acme knows of a chat whose customer has gone to Globex.
fn gone(change: impl FnOnce(&mut Bench)) -> Earlier {
    let mut bench = Bench::with_ann();
    bench.customer_says(1, "hello");
    bench.agent_says("ann", 2, "hi");
    bench.agent_notes("ann", 3, "a regular");
    change(&mut bench);
    bench.go(At::Settled, 9, Share::Nothing);
    earlier(&bench).unwrap()
}

fn earlier(bench: &Bench) -> Option<Earlier> {
    let mut random = |_: &mut [u8]| {};
    let env = Env { now: bench.world.now, settings: &bench.world.settings, random: &mut random };
    bench.chat.earlier(&env)
}

/// They are back, and Globex has let nothing out but this.
fn back(let_out: Vec<PriorEntry>) -> Bench {
    let (came, mut context) = came_with(let_out);
    context.customer.name.clear();
    context.incomplete = true;
    Bench::arrived(Some((came, context))).0
}

#[test]
fn x3_what_was_said_here_is_joined_whatever_the_other_server_passes_on() {
    let earlier = gone(|_| ());
    let mut bench = back(Vec::new());
    bench.chat.record.customer.name.clear();
    bench.assign("ann");
    let lines = bench.tell(Input::Join(Box::new(earlier.clone())));
    assert_eq!(lines[..2], ["save context 3", "save"]);
    assert!(lines.contains(&"ann < opened, context 3".into()), "{lines:?}");
    let context = bench.chat.context.clone().unwrap();
    assert_eq!(texts(&context), ["hello", "hi", "a regular"]);
    assert!(context.incomplete, "what was said there is still not known");
    assert_eq!(
        (bench.chat.record.customer.name.as_str(), context.customer.name.as_str()),
        ("Carla", "Carla")
    );
    assert_eq!(bench.tell(Input::Join(Box::new(earlier))), [""; 0], "once");
}

#[test]
fn x3_where_both_have_an_entry_ours_is_the_whole_one() {
    let earlier = gone(|_| ());
    let mut blackened = prior(1, "█████");
    blackened.server = "Acme".into();
    let there = PriorEntry { at: Timestamp(2_000_000), ..prior(5, "said there") };
    let mut bench = back(vec![blackened, there]);
    bench.customer_says(3, "again");
    bench.tell(Input::Join(Box::new(earlier)));
    let context = bench.chat.context.clone().unwrap();
    // The third was said again since, and is an entry of this chat.
    assert_eq!(texts(&context), ["hello", "hi", "said there"]);
}

#[test]
fn o2_who_comes_back_is_as_confidential_as_they_left() {
    let mark = Input::Confidential { login: "ann".into(), title: "Ann".into(), supervisor: false, on: true };
    let earlier = gone(|bench| drop(bench.tell(mark)));
    let mut bench = back(Vec::new());
    bench.tell(Input::Join(Box::new(earlier)));
    assert!(bench.chat.record.confidential);
}

#[test]
fn w2_what_was_confined_to_us_is_not_joined() {
    let (came, context) = came_with(vec![prior(7, "told Globex")]);
    let mut bench = Bench::arrived(Some((Came { confined: true, ..came }, context))).0;
    bench.assign("ann");
    bench.customer_says(8, "told Acme");
    bench.go(At::Settled, 9, Share::Nothing);
    let earlier = earlier(&bench).unwrap();
    assert_eq!(texts(&earlier.context), ["told Acme"]);
    assert_eq!(earlier.context.customer.name, "");
}

#[test]
fn x3_only_a_chat_whose_customer_has_gone_is_an_earlier_one() {
    assert!(earlier(&Bench::with_ann()).is_none());
    assert!(earlier(&Bench::at(At::Released)).is_none());
    assert!(earlier(&Bench::at(At::Settled)).is_some());
}

#[test]
fn x3_only_a_chat_that_came_and_is_at_rest_is_joined() {
    let known = gone(|_| ());
    let mut own = Bench::with_ann();
    assert_eq!(own.tell(Input::Join(Box::new(known.clone()))), [""; 0], "nobody came back with it");
    let mut moving = back(Vec::new());
    moving.assign("ann");
    moving.go(At::Requested, 8, Share::All);
    assert_eq!(moving.tell(Input::Join(Box::new(known))), [""; 0], "what leaves was decided without it");
}

fn said(number: u8, at: u64) -> PriorEntry {
    PriorEntry { at: Timestamp(at), ..prior(number, "") }
}

fn numbers(entries: &[PriorEntry]) -> Vec<u8> {
    entries.iter().map(|entry| entry.id.0[0]).collect()
}

#[test]
fn what_only_one_has_lies_between_what_both_have_by_its_time() {
    let own = vec![said(1, 10), said(2, 20), said(3, 30), said(6, 60)];
    let came = vec![said(9, 5), said(2, 20), said(4, 25), said(3, 30), said(5, 50), said(7, 70)];
    assert_eq!(numbers(&merged(own, came)), [9, 1, 2, 4, 3, 5, 6, 7]);
    assert_eq!(numbers(&merged(vec![said(1, 9)], vec![said(1, 9)])), [1]);
}

proptest! {
    #[test]
    fn merging_loses_nothing_has_nothing_twice_and_keeps_each_order(
        own in prop::collection::vec((0..24u8, 0..9u64), 0..12),
        came in prop::collection::vec((0..24u8, 0..9u64), 0..12),
    ) {
        let once = |side: Vec<(u8, u64)>| {
            let mut known = HashSet::new();
            let fresh = side.into_iter().filter(|(number, _)| known.insert(*number));
            fresh.map(|(number, at)| said(number, at)).collect::<Vec<_>>()
        };
        let (own, came) = (once(own), once(came));
        let all = numbers(&merged(own.clone(), came.clone()));
        let (own, came) = (numbers(&own), numbers(&came));
        let of = |side: &[u8]| all.iter().copied().filter(|number| side.contains(number)).collect::<Vec<_>>();
        prop_assert_eq!(&of(&own), &own);
        let only_there: Vec<u8> = came.iter().copied().filter(|number| !own.contains(number)).collect();
        prop_assert_eq!(of(&only_there), only_there.clone());
        prop_assert_eq!(all.len(), own.len() + only_there.len());
        let common: Vec<u8> = came.iter().copied().filter(|number| own.contains(number)).collect();
        if of(&common) == common {
            prop_assert_eq!(of(&came), came);
        }
    }
}
