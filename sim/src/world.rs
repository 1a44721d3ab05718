//! Everything there is: servers, customers, agents, cables, and the time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use baton_core::policy::Class;

use crate::customer::Customer;
use crate::event::{Agenda, CustomerId, Event, Place, ServerId};
use crate::federation::{CallState, Tapped};
use crate::ghost::Ghost;
use crate::hostile::Swallow;
use crate::mutant::Mutant;
use crate::rng::Rng;
use crate::server::Server;
use crate::socket::Conn;

/// Milliseconds after the last fault in which everybody must be well again. Above the longest patience of a
/// machine: a frozen widget's two minutes, an offer's one, an absent customer's two, and a few backoffs.
pub const CALM: u64 = 420_000;

/// Faults of each kind, as they were injected.
pub type Faults = BTreeMap<&'static str, u64>;

/// How rough it gets.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Milliseconds from one fault to the next, on average.
    pub pause: u64,
    /// Calls in a thousand that something happens to.
    pub calls: u64,
    /// Batches in a thousand that the store refuses.
    pub stores: u64,
    /// Milliseconds that the store takes at most.
    pub store_most: u64,
    /// Whether the store keeps only the steps of one machine in order, as a server with many connections does.
    pub parallel_store: bool,
    /// Answers in a thousand that make no sense.
    pub nonsense: u64,
    /// Whether a server may die for good.
    pub deadly: bool,
    /// Whether the queue manager is on another machine.
    pub remote_queue: bool,
    /// Page loads in a thousand that fail.
    pub pages: u64,
}

impl Weather {
    fn random(rng: &mut Rng) -> Self {
        Self {
            pause: rng.range(1_500, 9_000),
            calls: rng.range(0, 350),
            stores: match rng.below(20) {
                0 => rng.range(15, 80),
                1..6 => rng.range(1, 15),
                _ => 0,
            },
            store_most: if rng.chance(200) { 4_500 } else { rng.range(1, 60) },
            parallel_store: rng.chance(400),
            nonsense: if rng.chance(300) { rng.range(1, 60) } else { 0 },
            deadly: rng.chance(150),
            remote_queue: rng.chance(300),
            pages: rng.range(0, 250),
        }
    }

    /// Nothing breaks any more.
    pub fn calm(&mut self) {
        self.calls = 0;
        self.nonsense = 0;
        self.stores = 0;
        self.store_most = 5;
        self.pages = 0;
    }
}

/// The world of one schedule.
pub struct World {
    /// Milliseconds since its beginning.
    pub now: u64,
    /// Chance in machines and cables.
    pub rng: Rng,
    /// Chance in what people do, and in what breaks: faults that are left out do not change the rest at once.
    pub will: Rng,
    /// See `will`.
    pub fate: Rng,
    /// What is going to happen.
    pub agenda: Agenda,
    /// The servers.
    pub servers: Vec<Server>,
    /// The customers.
    pub customers: Vec<Customer>,
    /// Every connection that ever was.
    pub conns: BTreeMap<u64, Conn>,
    /// Calls between servers that are not over.
    pub calls: BTreeMap<u64, CallState>,
    /// The last calls, for whoever misuses them.
    pub tapped: VecDeque<Tapped>,
    /// Cables that are cut.
    pub cut: BTreeSet<(Place, Place)>,
    /// How near the servers are to one another.
    pub classes: BTreeMap<(ServerId, ServerId), Class>,
    /// Whose agreements let documents go from the one to the other.
    pub agreed: BTreeSet<(ServerId, ServerId)>,
    /// Whether the step under way is a supervisor's rescue.
    pub rescuing: bool,
    /// How rough it is.
    pub weather: Weather,
    /// Whether the faults are over.
    pub calm: bool,
    /// When the schedule is over.
    pub end: u64,
    /// What nobody in the world knows: what really happened.
    pub ghost: Ghost,
    /// Faults so far.
    pub faults: Faults,
    /// What went wrong.
    pub violations: Vec<String>,
    /// A deliberate defect.
    pub mutant: Option<Mutant>,
    /// What happened, when somebody wants to read it.
    pub trace: Option<Vec<String>>,
    numbers: u64,
    /// Faults so far, those that were left out included.
    pub struck: u64,
    /// The only faults that are not left out, by their numbers.
    only: Option<BTreeSet<u64>>,
}

impl World {
    /// The world of this seed.
    #[must_use]
    pub fn new(seed: u64, mutant: Option<Mutant>, only: Option<BTreeSet<u64>>, traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let weather = Weather::random(&mut rng);
        let mut world = Self {
            now: 0,
            agenda: Agenda::default(),
            servers: Vec::new(),
            customers: Vec::new(),
            conns: BTreeMap::new(),
            calls: BTreeMap::new(),
            cut: BTreeSet::new(),
            classes: BTreeMap::new(),
            agreed: BTreeSet::new(),
            rescuing: false,
            weather,
            calm: false,
            end: u64::MAX,
            ghost: Ghost::default(),
            faults: Faults::new(),
            violations: Vec::new(),
            mutant,
            trace: traced.then(Vec::new),
            numbers: 0,
            struck: 0,
            only,
            tapped: VecDeque::new(),
            will: Rng::new(rng.next()),
            fate: Rng::new(rng.next()),
            rng,
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        let count = self.rng.index(3) + 2;
        for id in 0..count {
            let server = Server::new(id, &mut self.rng);
            self.servers.push(server);
        }
        for a in 0..count {
            for b in 0..count {
                let near =
                    [Class::SameCompany, Class::SameCompany, Class::Partner, Class::Partner, Class::Other];
                let class = near[self.rng.index(near.len())];
                self.classes.insert((a, b), class);
                if self.rng.chance(850) {
                    self.agreed.insert((a, b));
                }
            }
        }
        for server in 0..count {
            for agent in 0..self.servers[server].agents.len() {
                let at = self.rng.below(2_000);
                self.agenda.add(at, Event::AgentActs { server, agent });
            }
        }
        let hostile = usize::from(count > 2 && self.rng.chance(100));
        if hostile > 0 {
            let how = if self.rng.chance(500) { Swallow::Claims } else { Swallow::Welcomes };
            self.servers[count - 1].swallows = Some(how);
        }
        for customer in 0..self.rng.index(3) + 1 {
            let home = self.rng.index(count - hostile);
            let skew = if self.rng.chance(300) { self.skew() } else { 0 };
            self.customers.push(Customer::new(home, skew));
            let at = self.rng.below(5_000);
            self.agenda.add(at, Event::CustomerActs { customer });
        }
        self.agenda.add(self.weather.pause, Event::Fault);
        let rough = self.rng.range(60_000, 200_000);
        self.agenda.add(rough, Event::Calm);
    }

    /// Runs the schedule to its end, or to the first violation.
    pub fn run(&mut self) {
        while let Some((at, event)) = self.agenda.next() {
            if at > self.end || !self.violations.is_empty() {
                break;
            }
            self.now = at;
            if matches!(event, Event::Calm) {
                self.end = self.now + CALM;
            }
            self.happen(event);
        }
        self.now = self.now.min(self.end);
        if self.violations.is_empty() {
            self.judge();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Timer { server, life, key, timer, count } => self.timer(server, life, key, timer, count),
            Event::Committed { server, life, batch } => self.committed(server, life, batch),
            Event::QueueIn { server, life, input } if self.lives(server, life) => {
                self.step_queue(server, input)
            }
            Event::QueueOut { server, life, output } if self.lives(server, life) => {
                self.queue_output(server, output);
            }
            Event::Opened { conn } => self.opened(conn),
            Event::ToServer { conn, frame } => self.send_server(conn, frame),
            Event::ToClient { conn, frame } => self.send_client(conn, frame),
            Event::ClientClosed { conn, code } => self.client_closed(conn, code),
            Event::ServerClosed { conn } => self.server_closed(conn),
            Event::Request { call } => self.request(call),
            Event::Answered { call, result } => self.answered(call, result),
            Event::ReplyOverdue { server, life, reply } => self.reply_overdue(server, life, reply),
            Event::DocumentAsked(wanted) => self.document_asked(wanted),
            Event::DocumentCame { server, life, chat, sha256, fetched } => {
                self.document_came(server, life, chat, sha256, fetched);
            }
            Event::Whisper(whisper) => self.whispered(whisper),
            Event::Whispered(whisper) => self.heard(whisper),
            Event::ClientTimer { customer, life, timer, count } => {
                self.client_timer(customer, life, timer, count);
            }
            Event::Page { customer, life, url } => self.page(customer, life, &url),
            Event::Reload { customer, life } => self.reload(customer, life),
            Event::CustomerActs { customer } => self.customer_acts(customer),
            Event::AgentActs { server, agent } => self.agent_acts(server, agent),
            Event::AgentGone { server, life, login } => self.agent_gone(server, life, login),
            Event::Fault => self.fault(),
            Event::Restart { server } => self.restart(server),
            Event::Cut { a, b, millis } => self.split(a, b, millis),
            Event::Join { a, b } => self.join(a, b),
            Event::Calm => self.calm_down(),
            Event::QueueIn { .. } | Event::QueueOut { .. } => {}
        }
    }

    /// Whether it is time to leave everything as it is, so that nothing is half done in the end.
    pub fn is_late(&self) -> bool {
        self.end - self.now < 20_000
    }

    /// A number that was not used before.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// In so many milliseconds.
    pub fn later(&mut self, millis: u64, event: Event) {
        self.agenda.add(self.now + millis, event);
    }

    /// Writes a line of the trace. The line is made only if somebody wants it.
    pub fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let text = format!("{:>7} {}", self.now, line(self));
            if let Some(trace) = &mut self.trace {
                trace.push(text);
            }
        }
    }

    /// Something is not as it must be.
    pub fn violated(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note(|_| format!("!!! {what}"));
        self.violations.push(what);
    }

    /// Counts a fault. Whether it is to happen.
    pub fn strikes(&mut self, kind: &'static str) -> bool {
        let number = self.struck;
        self.struck += 1;
        if self.only.as_ref().is_some_and(|only| !only.contains(&number)) {
            return false;
        }
        self.note(|_| format!("fault {number}: {kind}"));
        *self.faults.entry(kind).or_default() += 1;
        true
    }

    /// Whether this is a deliberate defect of this schedule.
    #[must_use]
    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether the server is up, and the same as then.
    #[must_use]
    pub fn lives(&self, server: ServerId, life: u32) -> bool {
        self.servers[server].memory.is_some() && self.servers[server].life == life
    }

    /// Whether nothing gets from one to the other.
    #[must_use]
    pub fn is_cut(&self, a: Place, b: Place) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// The customer's cable to a server.
    #[must_use]
    pub fn reaches(&self, customer: CustomerId, server: ServerId) -> bool {
        !self.is_cut(Place::Customer(customer), Place::Server(server))
    }
}
