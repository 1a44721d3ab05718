//! Servers in a row, each with one customer's chat, and a network that delivers what they ask of each other.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::effect::Effect;
use crate::session::tests::World;

const ERASED: Erased = Erased { chats: 1, entries: 3, contexts: 0, documents: 1 };

fn transfer(number: u8) -> TransferId {
    TransferId([number; 16])
}

/// A row of servers: the customer went from each to the next.
struct Row {
    worlds: BTreeMap<&'static str, World>,
    erasures: BTreeMap<&'static str, Erasure>,
    /// Transfers by the server that they are known at, with the other one.
    links: Vec<(&'static str, &'static str, TransferId)>,
    down: Vec<&'static str>,
    calls: usize,
    /// Effects that are to be carried out, by server.
    todo: VecDeque<(&'static str, Effect)>,
    waiting: BTreeMap<u64, (&'static str, &'static str, TransferId)>,
    audits: Vec<(&'static str, audit::Record)>,
    timers: BTreeMap<&'static str, u64>,
}

impl Row {
    fn new(names: &[&'static str]) -> Self {
        let mut links = Vec::new();
        for (number, pair) in (1..).zip(names.windows(2)) {
            links.push((pair[0], pair[1], transfer(number)));
            links.push((pair[1], pair[0], transfer(number)));
        }
        Self {
            worlds: names.iter().map(|name| (*name, World::new(name))).collect(),
            erasures: BTreeMap::new(),
            links,
            down: Vec::new(),
            calls: 0,
            todo: VecDeque::new(),
            waiting: BTreeMap::new(),
            audits: Vec::new(),
            timers: BTreeMap::new(),
        }
    }

    fn tell(&mut self, at: &'static str, input: Input) {
        let erasure = self.erasures.get_mut(at).unwrap();
        let ((), effects) = self.worlds.get_mut(at).unwrap().step(|env, out| erasure.handle(env, input, out));
        self.todo.extend(effects.into_iter().map(|effect| (at, effect)));
    }

    /// An erasure begins at this server, unless there is one; it is wiped at once.
    fn erase(&mut self, at: &'static str, asked: Option<(&str, TransferId)>) {
        if self.erasures.contains_key(at) {
            return;
        }
        let mut plan = Plan::new(at);
        for (_, other, transfer) in self.links.iter().filter(|(here, ..)| *here == at) {
            plan.between(other, *transfer);
        }
        let world = self.worlds.get_mut(at).unwrap();
        let (erasure, effects) = world.step(|env, out| Erasure::begin(env, plan, asked, out));
        assert!(matches!(effects[..], [Effect::SaveErasure(_)]), "the tombstone comes first");
        self.erasures.insert(at, erasure);
        self.tell(at, Input::Wiped(ERASED));
    }

    /// Until nothing is under way.
    fn run(&mut self) {
        while let Some((at, effect)) = self.todo.pop_front() {
            match effect {
                Effect::Call(call) => self.call(at, *call),
                Effect::Reply(reply, answer) => {
                    let (from, to, transfer) = self.waiting.remove(&reply.0).unwrap();
                    let answer = answer.map(|answer| signed(to, answer));
                    let result = answer.map_err(CallError::Denied);
                    self.tell(from, Input::Answer { peer: to.into(), transfer, result });
                }
                Effect::Audit(record) => self.audits.push((at, *record)),
                Effect::SetTimer(Timer::Retry, wait) => drop(self.timers.insert(at, wait)),
                Effect::ClearTimer(Timer::Retry) => drop(self.timers.remove(at)),
                Effect::SaveErasure(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn call(&mut self, from: &'static str, call: Call) {
        self.calls += 1;
        let Call { peer, transfer, request: CallRequest::Erase(_) } = call else { panic!("another call") };
        let to = *self.worlds.keys().find(|name| **name == peer).unwrap();
        if self.down.contains(&to) {
            let result = Err(CallError::Unreachable);
            return self.tell(from, Input::Answer { peer, transfer, result });
        }
        self.erase(to, Some((from, transfer)));
        let reply = 1_000 + self.calls as u64;
        self.waiting.insert(reply, (from, to, transfer));
        self.tell(to, Input::Asked { peer: from.into(), transfer, reply: ReplyTo(reply) });
    }

    /// Time passes, for everybody who waits for it.
    fn later(&mut self) {
        let due: Vec<&'static str> = std::mem::take(&mut self.timers).into_keys().collect();
        due.into_iter().for_each(|at| self.tell(at, Input::Timer(Timer::Retry)));
        self.run();
    }

    fn hops(&self, at: &str) -> Vec<(String, bool)> {
        let links = &self.erasures[at].record.links;
        links.iter().map(|link| (link.peer.clone(), link.is_open())).collect()
    }
}

fn signed(by: &str, answer: Answer) -> Answer {
    let Answer::Erased(mut confirmed) = answer else { panic!("another answer") };
    (confirmed.receipt, confirmed.digest) = (format!("receipt of {by}"), format!("digest of {by}"));
    Answer::Erased(confirmed)
}

fn receipts(erasure: &Erasure) -> Vec<String> {
    erasure.record.links.iter().flat_map(|link| link.receipts()).cloned().collect()
}

#[test]
fn threat_22_an_erasure_follows_every_hop_from_either_end_and_from_the_middle() {
    for start in ["acme", "globex", "initech", "hooli"] {
        let mut row = Row::new(&["acme", "globex", "initech", "hooli"]);
        row.erase(start, None);
        row.run();
        assert_eq!(row.erasures.len(), 4, "from {start}");
        // The answer of whoever passed it on comes before their hops' receipts: it is asked for once more.
        for _ in 0..4 {
            row.later();
        }
        let mut got = receipts(&row.erasures[start]);
        got.sort();
        got.dedup();
        assert_eq!(got.len(), 3, "from {start}: {got:?}");
        assert!(row.erasures.values().all(|erasure| !erasure.is_open()), "from {start}");
        assert!(row.timers.is_empty() && row.calls < 20, "{} calls from {start}", row.calls);
        let wiped = row.audits.iter().filter(|(_, record)| record.step == Step::Erased(ERASED)).count();
        assert_eq!(wiped, 4, "each once");
    }
}

#[test]
fn threat_22_a_server_that_is_down_is_asked_until_it_is_up_and_the_waits_grow() {
    let mut row = Row::new(&["acme", "globex", "initech"]);
    row.down = vec!["initech"];
    row.erase("acme", None);
    row.run();
    assert_eq!(row.hops("acme"), [("globex".to_owned(), true)]);
    let (account, further) = row.erasures["globex"].account("acme", transfer(1)).unwrap();
    assert!(account.pending && further.is_empty() && account.hops[0].state == HopState::Pending);
    for _ in 0..12 {
        row.later();
    }
    assert!(row.timers["acme"] >= RETRY_MOST / 2 && row.timers["globex"] <= RETRY_MOST);
    row.down.clear();
    (0..2).for_each(|_| row.later());
    assert_eq!(row.hops("acme"), [("globex".to_owned(), false)]);
    assert_eq!(receipts(&row.erasures["acme"]), ["receipt of globex", "receipt of initech"]);
    assert!(row.timers.is_empty(), "nobody is asked any more");
}

#[test]
fn threat_22_two_who_begin_at_once_both_get_every_receipt() {
    let mut row = Row::new(&["acme", "globex", "initech"]);
    row.erase("acme", None);
    row.erase("initech", None);
    row.run();
    (0..4).for_each(|_| row.later());
    for start in ["acme", "initech"] {
        assert_eq!(receipts(&row.erasures[start]).len(), 2, "{start}");
        assert!(!row.erasures[start].is_open(), "{start}");
    }
}

#[test]
fn threat_22_nobody_is_answered_before_everything_is_gone() {
    let mut world = World::new("Globex");
    let mut plan = Plan::new("globex");
    plan.between("acme", transfer(1));
    assert_eq!(plan.look_up(), Some(Search::CameBy("acme".into(), transfer(1))));
    let asked = Some(("acme", transfer(1)));
    let (mut erasure, _) = world.step(|env, out| Erasure::begin(env, plan, asked, out));
    let input = Input::Asked { peer: "acme".into(), transfer: transfer(1), reply: ReplyTo(1) };
    let ((), effects) = world.step(|env, out| erasure.handle(env, input, out));
    assert!(effects.is_empty());
    // A restart forgets who asked: they ask again. What was not wiped is still open.
    assert!(Erasure::load(erasure.record.clone()).is_open());
    let ((), effects) = world.step(|env, out| erasure.handle(env, Input::Wiped(ERASED), out));
    let [Effect::SaveErasure(_), Effect::Audit(_), Effect::Reply(ReplyTo(1), answer)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert!(answer.is_ok());
    assert!(!erasure.is_open(), "whoever asks is not asked back");
}

#[test]
fn threat_22_a_peer_without_the_call_or_that_refuses_is_reported_and_asked_again_on_demand() {
    for (code, state) in [
        (ErrorCode::UnknownChat, LinkState::Unsupported),
        (ErrorCode::Denied, LinkState::Refused(ErrorCode::Denied)),
    ] {
        let mut row = Row::new(&["acme", "globex"]);
        row.down = vec!["globex"];
        row.erase("acme", None);
        row.run();
        let denial = Denial { code, detail: String::new(), retry_after: None };
        let answer = |result| Input::Answer { peer: "globex".into(), transfer: transfer(1), result };
        row.tell("acme", answer(Err(CallError::Denied(denial))));
        row.run();
        assert_eq!(row.erasures["acme"].record.links[0].state, state);
        assert!(!row.erasures["acme"].is_open() && row.timers.is_empty());
        row.down.clear();
        row.tell("acme", Input::Again);
        row.run();
        assert!(matches!(row.erasures["acme"].record.links[0].state, LinkState::Told(_)));
    }
}

#[test]
fn threat_22_after_thirty_days_the_operator_is_told_instead() {
    let mut row = Row::new(&["acme", "globex"]);
    row.down = vec!["globex"];
    row.erase("acme", None);
    row.run();
    row.worlds.get_mut("acme").unwrap().now = Timestamp(u64::MAX / 2);
    row.later();
    assert!(row.erasures["acme"].record.lapsed && !row.erasures["acme"].is_open() && row.timers.is_empty());
}

#[test]
fn threat_22_an_answer_about_another_transfer_is_no_receipt() {
    let mut row = Row::new(&["acme", "globex"]);
    row.down = vec!["globex"];
    row.erase("acme", None);
    row.run();
    let account =
        Account { transfer: transfer(9), at: Timestamp(1), erased: ERASED, hops: Vec::new(), pending: false };
    let confirmed = Confirmed { account, receipt: String::new(), digest: String::new(), further: Vec::new() };
    let result = Ok(Answer::Erased(Box::new(confirmed)));
    row.tell("acme", Input::Answer { peer: "globex".into(), transfer: transfer(1), result });
    row.run();
    assert!(row.erasures["acme"].is_open());
}
