//! The erasure of a customer (threat 22) at servers that die, through cables that lose, with stores that refuse: every
//! server that the customer came from or went to has what it has of them removed, and whoever asked gets every receipt.
//!
//! A schedule is a tree of servers, the transfers between them, and one operator or more who begin it, at the same server
//! or at others. The machines are those of `baton-core`; their driver is the one of a gateway, in short.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::effect::{Answer, CallError, CallResult, Effect, Env, ReplyTo, Settings, Timer};
use baton_core::erase::{Confirmed, Erasure, Input, LinkState, Plan, Record};
use baton_protocol::federation::{Denial, Erased};
use baton_protocol::{Timestamp, TransferId};

use crate::mutant::Mutant;
use crate::rng::Rng;
use crate::world::Faults;

/// Milliseconds until nothing breaks any more.
const ROUGH: u64 = 60_000;

/// Milliseconds after that in which everybody must have every receipt. The word goes through a few servers, each of which
/// asks the next one again after ten minutes at most.
const CALM: u64 = 4 * 60 * 60 * 1_000;

/// A transfer between two servers, as either knows it.
type Link = (usize, TransferId);

/// What follows from a step.
enum Outward {
    Call(usize, TransferId),
    Reply(ReplyTo, Result<Answer, Denial>),
}

struct Memory {
    erasure: Option<Erasure>,
    /// Whether one is being stored.
    begins: bool,
    batches: BTreeMap<u64, (Vec<Record>, Vec<Outward>)>,
    store_free_at: u64,
    timer: u64,
}

struct Server {
    name: String,
    settings: Settings,
    links: Vec<Link>,
    /// Whether something of the customer's is stored.
    has: bool,
    /// Whether it knows the call at all.
    speaks: bool,
    stored: Option<Record>,
    /// Whether an operator of its own has begun it.
    operator: bool,
    life: u32,
    memory: Option<Memory>,
}

struct Call {
    from: usize,
    life: u32,
    to: usize,
    transfer: TransferId,
}

enum Event {
    Operator(usize),
    Begun { at: usize, life: u32, record: Box<Record>, asked: Option<(TransferId, u64)> },
    Removed { at: usize, life: u32 },
    Told { at: usize, life: u32 },
    Committed { at: usize, life: u32, batch: u64 },
    Timer { at: usize, life: u32, count: u64 },
    Asked(u64),
    Answered(u64, Box<CallResult>),
    Killed(usize),
    Restart(usize),
}

/// The servers of one schedule.
pub struct Forest {
    now: u64,
    rng: Rng,
    agenda: BTreeMap<(u64, u64), Event>,
    servers: Vec<Server>,
    calls: BTreeMap<u64, Call>,
    numbers: u64,
    refuses: u64,
    loses: u64,
    mutant: Option<Mutant>,
    /// Faults so far.
    pub faults: Faults,
    /// What went wrong.
    pub violations: Vec<String>,
    /// What happened, when somebody wants to read it.
    pub trace: Option<Vec<String>>,
}

impl Forest {
    /// Runs the schedule of this seed.
    pub fn run(seed: u64, mutant: Option<Mutant>, traced: bool) -> Self {
        let mut rng = Rng::new(seed ^ 0xe7a5);
        let (refuses, loses) = (rng.below(80), rng.below(300));
        let mut forest = Self {
            now: 0,
            agenda: BTreeMap::new(),
            servers: Vec::new(),
            calls: BTreeMap::new(),
            numbers: 0,
            refuses,
            loses,
            mutant,
            faults: Faults::new(),
            violations: Vec::new(),
            trace: traced.then(Vec::new),
            rng,
        };
        forest.plant();
        while let Some(((at, _), event)) = forest.agenda.pop_first() {
            if at > ROUGH + CALM || !forest.violations.is_empty() {
                break;
            }
            forest.now = at;
            forest.happen(event);
        }
        if forest.violations.is_empty() {
            forest.judge();
        }
        forest
    }

    fn plant(&mut self) {
        for id in 0..self.rng.index(6) + 1 {
            let server = crate::server::Server::new(id, &mut self.rng);
            let mut links = Vec::new();
            if id > 0 {
                let (parent, mut transfer) = (self.rng.index(id), TransferId([0; 16]));
                self.rng.fill(&mut transfer.0);
                links.push((parent, transfer));
                self.servers[parent].links.push((id, transfer));
            }
            let speaks = self.rng.chance(950);
            self.servers.push(Server {
                name: server.name,
                settings: server.settings,
                links,
                has: true,
                speaks,
                stored: None,
                operator: false,
                life: 0,
                memory: Some(Memory::new()),
            });
        }
        for _ in 0..self.rng.index(3) + 1 {
            let (at, server) = (self.rng.below(20_000), self.rng.index(self.servers.len()));
            self.add(at, Event::Operator(server));
        }
        for _ in 0..self.rng.index(6) {
            let (at, server) = (self.rng.below(ROUGH), self.rng.index(self.servers.len()));
            self.add(at, Event::Killed(server));
        }
    }

    fn add(&mut self, after: u64, event: Event) {
        let number = self.number();
        self.agenda.insert((self.now + after, number), event);
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = format!("{:>7} {}", self.now, line(self));
            self.trace.iter_mut().for_each(|trace| trace.push(line.clone()));
        }
    }

    fn violated(&mut self, what: String) {
        self.note(|_| format!("!!! erasure: {what}"));
        self.violations.push(format!("erasure: {what}"));
    }

    fn strikes(&mut self, per_mille: u64, kind: &'static str) -> bool {
        let strikes = self.now < ROUGH && self.rng.chance(per_mille);
        if strikes {
            self.note(|_| format!("fault: {kind}"));
            *self.faults.entry(kind).or_default() += 1;
        }
        strikes
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn lives(&self, at: usize, life: u32) -> bool {
        self.servers[at].memory.is_some() && self.servers[at].life == life
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Operator(at) => self.operator(at),
            Event::Begun { at, life, record, asked } if self.lives(at, life) => {
                self.begun(at, *record, asked);
            }
            Event::Removed { at, life } if self.lives(at, life) => self.servers[at].has = false,
            Event::Told { at, life } if self.lives(at, life) => {
                self.step(at, Input::Wiped(Erased { chats: 1, ..Erased::default() }));
            }
            Event::Committed { at, life, batch } if self.lives(at, life) => self.committed(at, batch),
            Event::Timer { at, life, count } if self.lives(at, life) => {
                if self.servers[at].memory.as_ref().is_some_and(|memory| memory.timer == count) {
                    self.step(at, Input::Timer(Timer::Retry));
                }
            }
            Event::Asked(call) => self.asked(call),
            Event::Answered(call, result) => self.answered(call, *result),
            Event::Killed(at) => self.killed(at),
            Event::Restart(at) => self.restart(at),
            Event::Begun { .. } | Event::Removed { .. } | Event::Told { .. } => {}
            Event::Committed { .. } | Event::Timer { .. } => {}
        }
    }

    fn operator(&mut self, at: usize) {
        if self.servers[at].memory.is_none() {
            return self.add(10_000, Event::Operator(at));
        }
        if self.servers[at].speaks && self.servers[at].stored.is_none() {
            self.servers[at].operator = self.begin(at, None);
        }
    }

    /// One at a time. Whether it is on its way to the store.
    fn begin(&mut self, at: usize, asked: Option<(TransferId, u64)>) -> bool {
        let (name, links) = (self.servers[at].name.clone(), self.servers[at].links.clone());
        let begins =
            self.servers[at].memory.as_mut().is_some_and(|it| !std::mem::replace(&mut it.begins, true));
        if !begins {
            return false;
        }
        let mut plan = Plan::new(&name);
        for (peer, transfer) in &links {
            plan.between(&self.servers[*peer].name, *transfer);
        }
        let by = asked.and_then(|(transfer, _)| links.iter().find(|link| link.1 == transfer));
        let by = by.map(|(peer, transfer)| (self.servers[*peer].name.clone(), *transfer));
        let by = by.as_ref().map(|(peer, transfer)| (peer.as_str(), *transfer));
        let (erasure, _) = self.with_env(at, |env, out| Erasure::begin(env, plan, by, out));
        let (life, record) = (self.servers[at].life, Box::new(erasure.record));
        let wait = self.rng.below(200);
        self.add(wait, Event::Begun { at, life, record, asked });
        true
    }

    fn begun(&mut self, at: usize, record: Record, asked: Option<(TransferId, u64)>) {
        self.note(|forest| format!("{} erases the customer", forest.servers[at].name));
        self.servers[at].stored = Some(record.clone());
        if let Some(memory) = &mut self.servers[at].memory {
            memory.begins = false;
            memory.erasure = Some(Erasure::load(record));
        }
        self.remove(at);
        if let Some((transfer, reply)) = asked {
            self.tell_asked(at, transfer, reply);
        }
    }

    /// What is stored is removed, and the machine is told.
    fn remove(&mut self, at: usize) {
        let life = self.servers[at].life;
        let (wait, more) = (self.rng.below(3_000), self.rng.below(100));
        self.add(wait, Event::Removed { at, life });
        let told = if self.is(Mutant::ReceiptBeforeRemoval) { 0 } else { wait + more };
        self.add(told, Event::Told { at, life });
    }

    fn tell_asked(&mut self, at: usize, transfer: TransferId, reply: u64) {
        let link = self.servers[at].links.iter().find(|link| link.1 == transfer).copied();
        let Some((peer, _)) = link else { return };
        let peer = self.servers[peer].name.clone();
        self.step(at, Input::Asked { peer, transfer, reply: ReplyTo(reply) });
    }

    fn with_env<T>(
        &mut self,
        at: usize,
        step: impl FnOnce(&mut Env<'_>, &mut Vec<Effect>) -> T,
    ) -> (T, Vec<Effect>) {
        let rng = &mut self.rng;
        let mut random = |bytes: &mut [u8]| rng.fill(bytes);
        let now = Timestamp(1_800_000_000_000 + self.now);
        let mut env = Env { now, settings: &self.servers[at].settings, random: &mut random };
        let mut out = Vec::new();
        let answer = step(&mut env, &mut out);
        (answer, out)
    }

    fn step(&mut self, at: usize, input: Input) {
        let taken = self.servers[at].memory.as_mut().and_then(|memory| memory.erasure.take());
        let Some(mut erasure) = taken else { return };
        self.note(|forest| format!("{} <- {input:?}", forest.servers[at].name));
        let before: Vec<LinkState> = erasure.record.links.iter().map(|link| link.state.clone()).collect();
        let asked = matches!(input, Input::Asked { .. });
        let ((), effects) = self.with_env(at, |env, out| erasure.handle(env, input, out));
        if asked && self.is(Mutant::EarlierAskerForgotten) {
            for (link, state) in erasure.record.links.iter_mut().zip(before) {
                link.state = state;
            }
        }
        if let Some(memory) = &mut self.servers[at].memory {
            memory.erasure = Some(erasure);
        }
        self.carry_out(at, effects);
    }

    fn carry_out(&mut self, at: usize, effects: Vec<Effect>) {
        let (mut records, mut outward) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::SaveErasure(record) => records.push(*record),
                Effect::Call(call) => {
                    let to = self.servers.iter().position(|server| server.name == call.peer);
                    outward.extend(to.map(|to| Outward::Call(to, call.transfer)));
                }
                Effect::Reply(reply, answer) => outward.push(Outward::Reply(reply, *answer)),
                Effect::SetTimer(_, millis) => self.set_timer(at, Some(millis)),
                Effect::ClearTimer(_) => self.set_timer(at, None),
                _ => {}
            }
        }
        let hasty = self.is(Mutant::ReceiptBeforeStored);
        let (wait, number, life, now) = (self.rng.below(100), self.number(), self.servers[at].life, self.now);
        let Some(memory) = &mut self.servers[at].memory else { return };
        if records.is_empty() && memory.batches.is_empty() {
            return self.deliver(at, outward);
        }
        let (early, outward) = if hasty { (outward, Vec::new()) } else { (Vec::new(), outward) };
        memory.store_free_at = memory.store_free_at.max(now) + wait;
        let after = memory.store_free_at - now;
        memory.batches.insert(number, (records, outward));
        self.add(after, Event::Committed { at, life, batch: number });
        self.deliver(at, early);
    }

    fn set_timer(&mut self, at: usize, millis: Option<u64>) {
        let (count, life) = (self.number(), self.servers[at].life);
        if let Some(memory) = &mut self.servers[at].memory {
            memory.timer = count;
        }
        if let Some(millis) = millis.filter(|_| !self.is(Mutant::ErasureNotAskedAgain)) {
            self.add(millis, Event::Timer { at, life, count });
        }
    }

    fn committed(&mut self, at: usize, batch: u64) {
        let taken = self.servers[at].memory.as_mut().and_then(|memory| memory.batches.remove(&batch));
        let Some((records, outward)) = taken else { return };
        let refuses = self.refuses;
        if !records.is_empty() && self.strikes(refuses, "erasure: store refuses") {
            let memory = self.servers[at].memory.as_mut();
            memory.into_iter().for_each(|memory| memory.batches.clear());
            return self.load(at);
        }
        if let Some(record) = records.into_iter().next_back() {
            self.servers[at].stored = Some(record);
        }
        self.deliver(at, outward);
    }

    /// The machine is as it was stored, and goes on from there.
    fn load(&mut self, at: usize) {
        let Some(record) = self.servers[at].stored.clone() else { return };
        let done = record.done.is_some();
        if let Some(memory) = &mut self.servers[at].memory {
            memory.erasure = Some(Erasure::load(record));
        }
        if done {
            self.step(at, Input::Restore);
        } else if !self.is(Mutant::RemovalForgotten) {
            self.remove(at);
        }
    }

    fn deliver(&mut self, at: usize, outward: Vec<Outward>) {
        for one in outward {
            match one {
                Outward::Call(to, transfer) => self.call(at, to, transfer),
                Outward::Reply(ReplyTo(call), answer) => self.reply(at, call, answer),
            }
        }
    }

    fn call(&mut self, from: usize, to: usize, transfer: TransferId) {
        let (id, life) = (self.number(), self.servers[from].life);
        self.calls.insert(id, Call { from, life, to, transfer });
        let loses = self.loses;
        if self.strikes(loses, "erasure: call lost") {
            return self.add(5_000, Event::Answered(id, Box::new(Err(CallError::NoAnswer))));
        }
        let wait = self.rng.range(1, 300);
        self.add(wait, Event::Asked(id));
    }

    fn asked(&mut self, id: u64) {
        let Some(Call { to, transfer, .. }) = self.calls.get(&id) else { return };
        let (to, transfer) = (*to, *transfer);
        // The caller waits no longer than this, whatever becomes of its call.
        self.add(5_000, Event::Answered(id, Box::new(Err(CallError::NoAnswer))));
        let server = &self.servers[to];
        let Some(memory) = &server.memory else {
            return self.add(50, Event::Answered(id, Box::new(Err(CallError::Unreachable))));
        };
        if !server.speaks {
            return self.add(50, Event::Answered(id, Box::new(Err(CallError::NoSuchCall))));
        }
        if memory.erasure.is_some() {
            self.tell_asked(to, transfer, id);
        } else if server.stored.is_none() {
            self.begin(to, Some((transfer, id)));
        }
    }

    fn reply(&mut self, at: usize, id: u64, answer: Result<Answer, Denial>) {
        let Some(transfer) = self.calls.get(&id).map(|call| call.transfer) else { return };
        let answer = answer.map(|answer| match answer {
            Answer::Erased(confirmed) => Answer::Erased(self.signed(at, transfer, *confirmed)),
            other => other,
        });
        let loses = self.loses;
        if self.strikes(loses, "erasure: answer lost") {
            return;
        }
        let wait = self.rng.range(1, 300);
        self.add(wait, Event::Answered(id, Box::new(answer.map_err(CallError::Denied))));
    }

    /// The receipt goes out: what it says must be so.
    fn signed(&mut self, at: usize, transfer: TransferId, mut confirmed: Confirmed) -> Box<Confirmed> {
        let server = &self.servers[at];
        confirmed.receipt.clone_from(&server.name);
        confirmed.digest.clone_from(&server.name);
        let name = server.name.clone();
        if server.has {
            self.violated(format!("{name} gives its receipt before it has removed anything"));
        }
        if self.servers[at].stored.as_ref().is_none_or(|record| record.done.is_none()) {
            self.violated(format!("{name} gives a receipt that it has not stored"));
        }
        let false_one = confirmed.further.iter().find(|name| self.has(name)).cloned();
        if let Some(other) = false_one {
            self.violated(format!("{name} passes a receipt on of {other}, which has removed nothing"));
        }
        confirmed.account.pending &= !self.is(Mutant::PendingForgotten);
        let behind = self.behind(at, Some(transfer));
        if !confirmed.account.pending && behind.iter().any(|other| self.servers[*other].has) {
            self.violated(format!("{name} says that nobody behind it has anything any more"));
        }
        Box::new(confirmed)
    }

    fn has(&self, name: &str) -> bool {
        self.servers.iter().any(|server| server.name == name && server.has)
    }

    /// The servers that the word reaches from this one, other than by that transfer. Behind one that does not know the
    /// call it reaches nobody.
    fn behind(&self, at: usize, but: Option<TransferId>) -> BTreeSet<usize> {
        let (mut found, mut todo) = (BTreeSet::from([at]), vec![(at, but)]);
        while let Some((at, but)) = todo.pop() {
            for (other, transfer) in &self.servers[at].links {
                if Some(*transfer) != but && self.servers[*other].speaks && found.insert(*other) {
                    todo.push((*other, None));
                }
            }
        }
        found
    }

    fn answered(&mut self, id: u64, result: CallResult) {
        let Some(Call { from, life, to, transfer }) = self.calls.remove(&id) else { return };
        if self.lives(from, life) {
            let peer = self.servers[to].name.clone();
            self.step(from, Input::Answer { peer, transfer, result });
        }
    }

    fn killed(&mut self, at: usize) {
        if self.servers[at].memory.take().is_some() {
            *self.faults.entry("erasure: server killed").or_default() += 1;
            self.note(|forest| format!("{} dies", forest.servers[at].name));
            if self.servers[at].stored.is_none() {
                self.servers[at].operator = false;
                // Whoever has seen no word of success says it again.
                self.add(20_000, Event::Operator(at));
            }
            let wait = self.rng.range(200, 20_000);
            self.add(wait, Event::Restart(at));
        }
    }

    fn restart(&mut self, at: usize) {
        self.note(|forest| format!("{} is up again", forest.servers[at].name));
        self.servers[at].memory = Some(Memory::new());
        self.servers[at].life += 1;
        let open = |record: &Record| Erasure::load(record.clone()).is_open();
        if self.servers[at].stored.as_ref().is_some_and(open) && !self.is(Mutant::ErasureNotRestored) {
            self.load(at);
        } else if let (Some(record), Some(memory)) =
            (self.servers[at].stored.clone(), &mut self.servers[at].memory)
        {
            memory.erasure = Some(Erasure::load(record));
        }
    }

    /// In the end everybody whom the word could reach has nothing, asks nobody, and the operators have every receipt.
    fn judge(&mut self) {
        for at in 0..self.servers.len() {
            let Some(record) = self.servers[at].stored.clone() else { continue };
            let (name, erasure) = (self.servers[at].name.clone(), Erasure::load(record));
            let reached = self.behind(at, None);
            if let Some(other) = reached.iter().find(|other| self.servers[**other].has) {
                self.violated(format!(
                    "{} still has the customer, whom {name} erases",
                    self.servers[*other].name
                ));
            }
            if erasure.is_open() {
                self.violated(format!("{name} still asks: {:?}", erasure.record.links));
            }
            if !self.servers[at].operator {
                continue;
            }
            let receipts = erasure.account("", TransferId([0; 16])).map(|(_, receipts)| receipts);
            let receipts = receipts.unwrap_or_default();
            let others = reached.iter().filter(|other| **other != at);
            let missing =
                others.map(|other| &self.servers[*other].name).find(|name| !receipts.contains(name));
            if let Some(missing) = missing.cloned() {
                self.violated(format!("the operator of {name} has no receipt of {missing}'s"));
            }
        }
    }
}

impl Memory {
    fn new() -> Self {
        Self { erasure: None, begins: false, batches: BTreeMap::new(), store_free_at: 0, timer: 0 }
    }
}
