//! Random fault schedules against the machines of `baton-core`.
//!
//! A schedule is a seed: it makes a few servers, their agents and some customers, lets them chat and hand over at
//! random while messages, machines and disks fail, and then watches everybody get well again. No wall clock, no
//! thread, no real network: the same seed is the same schedule, to the last byte.
//!
//! - [`world`]: everything there is, and its time. [`event`]: what is going to happen.
//! - [`machines`], [`storage`]: a gateway's driver. [`federation`], [`socket`]: its cables.
//! - [`customer`], [`agent`]: who uses it. [`documents`], [`consult`]: what goes beside the chats. [`back`]: who comes back.
//! - [`fault`]: what breaks. [`hostile`]: who lies.
//! - [`ghost`]: what really happened. [`papers`]: which documents may be where. [`check`]: what must hold always. [`judge`]: what must hold in the end.
//! - [`erasure`]: servers of their own, at which a customer is erased.
//! - [`mutant`]: deliberate defects, which must be found.

mod agent;
mod back;
mod check;
mod consult;
mod customer;
mod documents;
mod erasure;
mod event;
mod fault;
mod federation;
mod ghost;
mod hostile;
mod judge;
mod machines;
mod mutant;
mod papers;
mod rng;
mod server;
mod shrink;
mod socket;
mod storage;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use erasure::Forest;
pub use mutant::Mutant;
use rng::Rng;
pub use shrink::shrink;
use world::{Faults, World};

/// What many schedules came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many were run.
    pub schedules: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// The same, by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// What became of the transfers to other servers.
    pub transfers: Transfers,
    /// What went wrong, with the seeds of the schedules.
    pub violations: Vec<(u64, String)>,
}

/// What became of transfers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transfers {
    /// Asked for by an agent.
    pub asked: u64,
    /// The customer was there.
    pub arrived: u64,
    /// Without the origin's word, since it was out of reach.
    pub adopted: u64,
    /// The customer came back.
    pub reclaimed: u64,
}

impl std::ops::AddAssign for Transfers {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.arrived += other.arrived;
        self.adopted += other.adopted;
        self.reclaimed += other.reclaimed;
    }
}

impl Report {
    fn add(&mut self, seed: u64, world: &World, forest: &Forest) {
        self.schedules += 1;
        self.count(&world.faults);
        self.count(&forest.faults);
        let ghost = &world.ghost;
        self.transfers += Transfers {
            asked: ghost.orders.values().filter(|order| order.away).count() as u64,
            arrived: ghost.arrivals.len() as u64,
            adopted: ghost.adopted.len() as u64,
            reclaimed: ghost.reclaimed.len() as u64,
        };
        let violations = world.violations.iter().chain(&forest.violations);
        self.violations.extend(violations.map(|what| (seed, what.clone())));
    }

    fn count(&mut self, faults: &Faults) {
        for (kind, count) in faults {
            self.faults += count;
            *self.kinds.entry(kind).or_default() += count;
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.schedules += other.schedules;
        self.count(&other.kinds);
        self.transfers += other.transfers;
        self.violations.extend(other.violations);
        self
    }
}

/// The seed of the schedule with this number.
#[must_use]
pub fn seed_of(seed: u64, number: u64) -> u64 {
    Rng::new(seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d)).next() >> 16
}

/// Runs schedules; stops after a few violations.
#[must_use]
pub fn run(schedules: u64, seed: u64) -> Report {
    run_some(0..schedules, seed, None)
}

/// Runs the schedules with these numbers, with a deliberate defect or without.
#[must_use]
pub fn run_some(numbers: impl Iterator<Item = u64>, seed: u64, mutant: Option<Mutant>) -> Report {
    const ENOUGH: usize = 5;
    let mut report = Report::default();
    for number in numbers {
        let seed = seed_of(seed, number);
        let mut world = World::new(seed, mutant, None, false);
        world.run();
        report.add(seed, &world, &Forest::run(seed, mutant, false));
        if report.violations.len() >= ENOUGH || (mutant.is_some() && !report.violations.is_empty()) {
            break;
        }
    }
    report
}

/// What happened in one schedule, line by line; with these faults alone, by their numbers, or with all.
#[must_use]
pub fn trace(seed: u64, mutant: Option<Mutant>, only: Option<BTreeSet<u64>>) -> Vec<String> {
    let mut world = World::new(seed, mutant, only, true);
    world.run();
    let forest = Forest::run(seed, mutant, true);
    world.trace.into_iter().chain(forest.trace).flatten().collect()
}

/// What goes wrong in one schedule; with these faults alone, by their numbers, or with all.
#[must_use]
pub fn replay(seed: u64, mutant: Option<Mutant>, only: Option<BTreeSet<u64>>) -> Vec<String> {
    let mut world = World::new(seed, mutant, only, false);
    world.run();
    world.violations.extend(Forest::run(seed, mutant, false).violations);
    world.violations
}
