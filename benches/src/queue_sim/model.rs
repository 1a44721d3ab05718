//! The world around the queue manager: who comes when, how long chats last, who gives up.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use baton_core::queue::plan::{Plan, Way};
use baton_core::queue::{Input, Output, Profile, QueueManager, Ticket};
use baton_protocol::model::WaitRange;
use baton_protocol::{ChatId, Timestamp};

/// The one area.
pub const AREA: &str = "sales";

/// Simulated time begins here, so that nothing that is reckoned backwards is below zero.
const START: u64 = 1_000_000_000_000;

/// A model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Customers per millisecond, on average.
    pub arrivals: f64,
    /// How much the arrivals swing around that within each hour, from 0 to 1.
    pub swing: f64,
    /// Mean duration of a chat in milliseconds.
    pub service: f64,
    /// Coefficient of variation of the durations: 1 is exponential, anything else lognormal.
    pub variation: f64,
    /// Mean patience in milliseconds, exponential; none for no end of it.
    pub patience: Option<f64>,
    /// Agents, of one place each.
    pub agents: u32,
    /// The share of customers who are urgent (priority 5).
    pub urgent: f64,
    /// The share of customers who were transferred.
    pub transferred: f64,
    /// How the area works.
    pub way: Way,
    /// Customers to be seen.
    pub customers: u64,
    /// Where chance begins.
    pub seed: u64,
}

/// A customer who has been through.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When they came, in milliseconds from the start.
    pub came: u64,
    /// How long they waited.
    pub waited: u64,
    /// Whether they gave up.
    pub gave_up: bool,
    /// Whether they were urgent.
    pub urgent: bool,
    /// Whether they were transferred.
    pub transferred: bool,
    /// The range that they were told on arrival, if they had to wait.
    pub told: Option<WaitRange>,
    /// Agents who were free when they were given one, that one included.
    pub free: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival,
    Over { chat: u64, agent: u32 },
    GivesUp { chat: u64 },
}

struct World {
    model: Model,
    queue: QueueManager,
    rng: fastrand::Rng,
    now: u64,
    due: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    here: HashMap<u64, Seen>,
    seen: Vec<Seen>,
    came: u64,
}

/// Runs a model; everybody who has been served or has given up, in the order of that.
#[must_use]
pub fn run(model: Model) -> Vec<Seen> {
    let plan = Plan { areas: [(AREA.to_owned(), model.way.clone())].into(), ..Plan::default() };
    let rng = fastrand::Rng::with_seed(model.seed);
    let mut world = World {
        queue: QueueManager::new(plan),
        rng,
        now: 0,
        due: BinaryHeap::new(),
        count: 0,
        here: HashMap::new(),
        seen: Vec::new(),
        came: 0,
        model,
    };
    for agent in 0..world.model.agents {
        world.tell(Input::Online(profile(agent)));
    }
    world.next_arrival();
    while let Some(Reverse((at, _, event))) = world.due.pop() {
        world.now = at;
        world.happens(event);
    }
    world.seen
}

/// An agent of one place.
#[must_use]
pub fn profile(agent: u32) -> Profile {
    let login = format!("a{agent}");
    let areas = vec![AREA.into()];
    Profile { title: login.clone(), login, supervisor: false, areas, max_chats: 1, by_hand: false }
}

/// A chat's id, scattered as real ones are.
#[must_use]
pub fn chat_id(number: u64) -> ChatId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    ChatId(id)
}

/// An ordinary customer.
#[must_use]
pub fn ticket(number: u64, since: Timestamp) -> Ticket {
    Ticket {
        left: None,
        chat: chat_id(number),
        area: AREA.into(),
        name: String::new(),
        subject: String::new(),
        since,
        login_at: since,
        priority: 0,
        bonus: 0,
        needs: Vec::new(),
        from: None,
        last_agent: None,
        seat: None,
    }
}

impl World {
    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrival => {
                self.arrives();
                if self.came < self.model.customers {
                    self.next_arrival();
                }
            }
            Event::Over { chat, agent } => self.tell(Input::Free(format!("a{agent}"), chat_id(chat))),
            Event::GivesUp { chat } => {
                if let Some(mut one) = self.here.remove(&chat) {
                    (one.waited, one.gave_up) = (self.now - one.came, true);
                    self.seen.push(one);
                    self.tell(Input::Leave(chat_id(chat)));
                }
            }
        }
    }

    fn arrives(&mut self) {
        let number = self.came;
        self.came += 1;
        let urgent = self.rng.f64() < self.model.urgent;
        let transferred = self.rng.f64() < self.model.transferred;
        let one =
            Seen { came: self.now, waited: 0, gave_up: false, urgent, transferred, told: None, free: 0 };
        self.here.insert(number, one);
        let since = Timestamp(START + self.now);
        let from = transferred.then(|| "Globex".to_owned());
        let priority = if urgent { 5 } else { 0 };
        self.tell(Input::Wait(Ticket { priority, from, ..ticket(number, since) }));
        if let Some(one) = self.here.get_mut(&number) {
            one.told = self.queue.told(chat_id(number));
            if let Some(patience) = self.model.patience {
                let gives_up = self.exponential(patience);
                self.later(gives_up, Event::GivesUp { chat: number });
            }
        }
    }

    fn tell(&mut self, input: Input) {
        let free = self.queue.staffing(AREA).free_agents;
        let freed = u32::from(matches!(input, Input::Free(..) | Input::Online(_)));
        let outputs = self.queue.handle(Timestamp(START + self.now), input);
        for output in outputs {
            let Output::Assigned { chat, agent } = output else { continue };
            let mut half = [0; 8];
            half.copy_from_slice(&chat.0[8..]);
            let number = u64::from_be_bytes(half);
            let Some(mut one) = self.here.remove(&number) else { continue };
            (one.waited, one.free) = (self.now - one.came, free + freed);
            self.seen.push(one);
            let takes = self.duration();
            let agent = agent.login[1..].parse().unwrap_or_default();
            self.later(takes, Event::Over { chat: number, agent });
        }
    }

    fn next_arrival(&mut self) {
        // Thinning (Lewis and Shedler, 1979): arrivals at the highest rate, of which the surplus is dropped.
        let swing = self.model.swing;
        let mut at = self.now as f64;
        loop {
            at += self.exponential(1.0 / (self.model.arrivals * (1.0 + swing))) as f64;
            let turn = (at / 3_600_000.0 * std::f64::consts::TAU).sin();
            if self.rng.f64() * (1.0 + swing) < 1.0 + swing * turn {
                break;
            }
        }
        self.later(rounded(at - self.now as f64), Event::Arrival);
    }

    fn later(&mut self, millis: u64, event: Event) {
        self.count += 1;
        self.due.push(Reverse((self.now + millis, self.count, event)));
    }

    fn duration(&mut self) -> u64 {
        let (mean, variation) = (self.model.service, self.model.variation);
        if (variation - 1.0).abs() < 1e-9 {
            return self.exponential(mean);
        }
        let spread = (1.0 + variation * variation).ln();
        // Box and Muller, 1958.
        let (radius, turn) = ((-2.0 * (1.0 - self.rng.f64()).ln()).sqrt(), self.rng.f64());
        let normal = radius * (turn * std::f64::consts::TAU).cos();
        rounded((mean.ln() - spread / 2.0 + spread.sqrt() * normal).exp())
    }

    fn exponential(&mut self, mean: f64) -> u64 {
        rounded(-mean * (1.0 - self.rng.f64()).ln())
    }
}

fn rounded(millis: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded and positive")]
    let whole = millis.round().max(0.0) as u64;
    whole
}
