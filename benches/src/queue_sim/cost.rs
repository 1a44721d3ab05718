//! What a decision costs, with so many waiting and a thousand agents.

use std::time::Instant;

use baton_core::queue::plan::{Assign, Plan, Way};
use baton_core::queue::{Input, Output, QueueManager};
use baton_protocol::model::WaitRange;
use baton_protocol::{ChatId, Timestamp};
use serde::Serialize;

use super::model::{AREA, chat_id, profile, ticket};

/// Agents, each with a chat.
pub const AGENTS: u32 = 1_000;

/// Customers beyond the first ones whose ranks are looked at in one round, as in the gateway.
const OTHERS: u32 = 512;

/// A queue at work: every step ends one chat, for which the next customer is given to its agent, and brings another.
pub struct Busy {
    queue: QueueManager,
    /// The chat of each agent.
    with: Vec<u64>,
    next: u64,
    turn: usize,
    /// Used again in each round, as the gateway does.
    news: Vec<(ChatId, u32, Option<WaitRange>)>,
}

/// The cost of one decision.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// Customers waiting.
    pub waiting: u64,
    /// Microseconds for one chat's end, the assignment that follows, and one arrival: the best of some rounds.
    pub micros: f64,
    /// Allocations, of all of that.
    pub allocations: f64,
}

impl Busy {
    /// With so many waiting.
    #[must_use]
    pub fn new(waiting: u64) -> Self {
        let way = Way { assign: Assign::LongestIdle, ..Way::default() };
        let plan = Plan { areas: [(AREA.to_owned(), way)].into(), ..Plan::default() };
        let (queue, with) = (QueueManager::new(plan), vec![0; AGENTS as usize]);
        let mut busy = Self { queue, with, next: 0, turn: 0, news: Vec::new() };
        for agent in 0..AGENTS {
            busy.queue.handle(Timestamp(1), Input::Online(profile(agent)));
        }
        for _ in 0..u64::from(AGENTS) + waiting {
            busy.arrives();
        }
        busy
    }

    fn arrives(&mut self) {
        let number = self.next;
        self.next += 1;
        let now = Timestamp(1_000_000_000 + number * 10);
        let outputs = self.queue.handle(now, Input::Wait(ticket(number, now)));
        self.take(&outputs);
    }

    fn take(&mut self, outputs: &[Output]) {
        for output in outputs {
            let Output::Assigned { chat, agent } = output else { continue };
            let mut half = [0; 8];
            half.copy_from_slice(&chat.0[8..]);
            let agent: usize = agent.login[1..].parse().unwrap_or_default();
            self.with[agent] = u64::from_be_bytes(half);
        }
    }

    /// One chat ends, the next customer is given to its agent, and another one comes.
    pub fn step(&mut self) {
        let agent = self.turn % self.with.len();
        self.turn += 1;
        let now = Timestamp(1_000_000_000 + self.next * 10);
        let ends = Input::Free(format!("a{agent}"), chat_id(self.with[agent]));
        let outputs = self.queue.handle(now, ends);
        self.take(&outputs);
        self.arrives();
    }

    /// One round of the gateway's beside the decisions: whether something is due, and whose rank is another now.
    pub fn round(&mut self) {
        let now = Timestamp(1_000_000_000 + self.next * 10);
        let outputs = self.queue.handle(now, Input::Tick);
        self.take(&outputs);
        self.queue.news(OTHERS, &mut self.news);
        self.news.clear();
    }

    /// Customers waiting.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.queue.length()
    }
}

/// Measures; `allocations` says how many there have been so far.
#[must_use]
pub fn measure(waiting: u64, allocations: &dyn Fn() -> u64) -> Cost {
    const STEPS: u32 = 2_000;
    let mut busy = Busy::new(waiting);
    let (mut best, mut fewest) = (f64::MAX, f64::MAX);
    for _ in 0..15 {
        let (start, before) = (Instant::now(), allocations());
        (0..STEPS).for_each(|_| busy.step());
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(STEPS));
        fewest = fewest.min((allocations() - before) as f64 / f64::from(STEPS));
    }
    Cost { waiting, micros: best, allocations: fewest }
}
