//! From a schedule that fails with many faults to one that fails with few.

use std::collections::BTreeSet;

use crate::mutant::Mutant;
use crate::world::World;

/// Schedules that are tried at most: seconds, not minutes.
const TRIES: u32 = 2_000;

/// The fewest faults, by their numbers, with which this seed still fails. Delta debugging: leave a part of them out,
/// and keep to what remains if something still goes wrong; smaller parts each time. A fault that is left out changes
/// what follows, so that another fault may bear its number; only the outcome counts, and that is deterministic.
#[must_use]
pub fn shrink(seed: u64, mutant: Option<Mutant>) -> BTreeSet<u64> {
    let mut world = World::new(seed, mutant, None, false);
    world.run();
    // It is about an erasure, which these faults do not touch.
    if world.violations.is_empty() {
        return BTreeSet::new();
    }
    let mut left: Vec<u64> = (0..world.struck).collect();
    let (mut tries, mut part) = (0, left.len().div_ceil(2).max(1));
    loop {
        let before = left.len();
        let mut at = 0;
        while at < left.len() && tries < TRIES {
            let without: Vec<u64> = left[..at].iter().chain(left.iter().skip(at + part)).copied().collect();
            tries += 1;
            if fails(seed, mutant, &without) { left = without } else { at += part }
        }
        if tries >= TRIES || (part == 1 && left.len() == before) {
            return left.into_iter().collect();
        }
        part = part.div_ceil(2).max(1);
    }
}

fn fails(seed: u64, mutant: Option<Mutant>, only: &[u64]) -> bool {
    let mut world = World::new(seed, mutant, Some(only.iter().copied().collect()), false);
    world.run();
    !world.violations.is_empty()
}
