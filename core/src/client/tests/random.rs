//! Anything in any order: what must hold after every step, and that a good end stays within reach.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use baton_protocol::ErrorCode;
use baton_protocol::frames::About;
use baton_protocol::model::EndReason;
use proptest::prelude::*;

/// A rig that knows which connections there are and checks every step.
struct Watched {
    rig: Rig,
    /// Connections that were asked for and not given up, with the epoch of their last welcome.
    open: BTreeMap<Link, Option<Epoch>>,
    /// Every connection there ever was.
    ever: Vec<Link>,
    /// Timers that run, with the time at which they elapse.
    timers: BTreeMap<Timer, u64>,
}

type Act = (u8, u8, u8);

impl Watched {
    fn new() -> Self {
        Self { rig: Rig::new(), open: BTreeMap::new(), ever: Vec::new(), timers: BTreeMap::new() }
    }

    fn step(&mut self, input: Input) {
        let before = self.rig.client.record().cloned();
        match &input {
            Input::Frame(link, ServerFrame::Welcome { epoch, .. }) => {
                self.open.entry(*link).and_modify(|welcomed| *welcomed = Some(*epoch));
            }
            Input::Closed(link, _) => {
                self.open.remove(link);
            }
            Input::Timer(timer) => {
                self.timers.remove(timer);
            }
            _ => {}
        }
        self.rig.input(input.clone());
        self.check_effects();
        self.check_record();
        if let (Some(before), Some(after)) = (before, self.rig.client.record()) {
            assert!(after.epoch >= before.epoch, "the epoch fell");
            check_outbox(&before, after, &input);
        }
    }

    /// In the order in which a driver carries them out.
    fn check_effects(&mut self) {
        for (place, effect) in self.rig.did.iter().enumerate() {
            match effect {
                Effect::Store | Effect::Forget => assert_eq!(place, 0, "stored after something was done"),
                Effect::Connect { link, .. } => {
                    assert!(!self.ever.contains(link), "a link twice");
                    self.ever.push(*link);
                    self.open.insert(*link, None);
                }
                Effect::Close(link) => {
                    self.open.remove(link);
                }
                Effect::Send(link, ClientFrame::Say { .. }) => {
                    let record = self.rig.record();
                    // Before the page is left, what was held back is still said to the origin.
                    let settled = record.hop.as_ref().is_none_or(|hop| hop.stage == Stage::Flushing);
                    assert!(settled, "said while a transfer is being settled");
                    assert_eq!(self.open[link], Some(record.epoch), "said to another than the owner");
                    assert_eq!(*link, self.rig.main_link());
                }
                Effect::Send(link, _) => assert!(self.open.contains_key(link), "sent to {link:?}, closed"),
                Effect::SetTimer(timer, millis) => {
                    self.timers.insert(*timer, self.rig.now + u64::from(*millis));
                }
                Effect::ClearTimer(timer) => {
                    self.timers.remove(timer);
                }
                Effect::Navigate(url) => assert!(is_safe_page(url)),
                _ => {}
            }
        }
        assert!(self.open.len() <= 2);
    }

    fn check_record(&self) {
        let Some(record) = self.rig.client.record() else {
            return assert!(self.open.is_empty(), "connections without a chat");
        };
        assert_eq!(self.rig.disk.as_ref(), Some(record), "something was not stored");
        assert!(record.lines.len() <= MAX_LINES + MAX_OUTBOX);
        let ids: BTreeSet<_> = record.lines.iter().map(|line| line.id).collect();
        assert_eq!(ids.len(), record.lines.len(), "a line twice");
        assert!(record.lines.is_sorted_by_key(Line::is_pending), "the outbox is not at the end");
    }

    fn act(&mut self, (kind, a, b): Act) {
        let recent = self.ever.iter().rev().nth(usize::from(a % 4)).copied();
        let link = recent.unwrap_or(Link(99));
        match kind % 16 {
            0 => self.step(Input::Start(Opening::default())),
            1 => self.step(Input::Say(format!("text {b}"))),
            2 | 3 => self.step(Input::Opened(link)),
            4 => {
                let codes: Vec<_> = CloseCode::ALL.iter().map(|code| *code as u16).chain([1006, 9]).collect();
                self.step(Input::Closed(link, codes.get(usize::from(b) % (codes.len() + 8)).copied()));
            }
            5..=11 => {
                let frame = self.frame(b, kind);
                self.step(Input::Frame(link, frame));
            }
            12 | 13 => self.step(Input::Timer(Timer::ALL[usize::from(b) % Timer::ALL.len()])),
            14 => self.rare(b),
            _ => self.step(Input::WakeUp),
        }
    }

    fn rare(&mut self, b: u8) {
        match b % 7 {
            0 => self.step(Input::End),
            1 => self.step(Input::Typing),
            2 => self.step(Input::Seen),
            3 => self.step(Input::Dismiss),
            4 => {
                let verifier = baton_protocol::Verifier::from_bytes([b; 32]);
                self.step(Input::Arrive(Claim { wtid: Some(wtid(b)), verifier, epoch: 1, at: None }, None));
            }
            5 => {
                let next = self.rig.client.next.link.unwrap_or(Link(99));
                self.step(Input::Blocked(next));
            }
            _ => self.reload(),
        }
    }

    fn reload(&mut self) {
        self.open.clear();
        self.ever.clear();
        self.timers.clear();
        self.rig.client = Client::new(settings());
        if let Some(record) = self.rig.disk.clone() {
            self.step(Input::Resume(Box::new(record)));
        }
    }

    /// A frame that often fits the client's state, and often does not.
    fn frame(&self, b: u8, kind: u8) -> ServerFrame {
        let record = self.rig.client.record();
        let epoch = record.map_or(1, |record| record.epoch);
        let hop = record.and_then(|record| record.hop.as_ref()).map(|hop| hop.transfer);
        let transfer = hop.unwrap_or(TransferId([b % 3; 16]));
        let pending = record.and_then(|record| record.outbox().next()).map(|(id, _)| id);
        let id = pending.unwrap_or(MessageId([b; 16]));
        let seq = record.map_or(0, |record| record.last_seq) + u64::from(b % 3);
        let chat = ChatId([9; 16]);
        match (kind % 16, b % 8) {
            (5, _) => welcome(epoch, Some(b), None),
            (6, n) => welcome((epoch + u32::from(n)).saturating_sub(3), (b & 8 > 0).then_some(b), hop),
            (7, _) => welcome(epoch + 1, Some(b), Some(transfer)),
            (8, 0..3) => in_place(TransferId([b % 3; 16]), GLOBEX),
            (8, 3) => offer(
                TransferId([b % 3; 16]),
                Way::InPlace { socket: GLOBEX.into(), page: Some("https://globex.example/".into()) },
            ),
            (8, 4) => offer(transfer, Way::Navigate { page: "https://globex.example/".into() }),
            (8, _) => ServerFrame::Withdrawn { transfer },
            (9, _) => stored(id, seq),
            (10, 0) => entries(vec![Entry { id, author: Author::Customer, ..agent(seq.min(200), "own") }]),
            (10, _) => entries(vec![agent(seq.min(200), "a"), agent((seq + 1).min(201), "b")]),
            (_, 0) => ServerFrame::PhaseChanged { chat, phase: Phase::Moved },
            (_, 1) if b > 200 => ServerFrame::PhaseChanged { chat, phase: Phase::Ended(EndReason::Agent) },
            (_, 2) => ServerFrame::Draining { resume_in: u32::from(b) << 12 },
            (_, 3) => refused(ErrorCode::ChatFull, About::Message(id)),
            (_, 4) => refused(ErrorCode::NotArrived, About::Transfer(transfer)),
            (_, 5) => ServerFrame::Arriving { transfer },
            (_, 6) => ServerFrame::Pong { nonce: 0 },
            _ => ServerFrame::PhaseChanged { chat, phase: Phase::Active { agent: "Bob".into() } },
        }
    }

    /// From now on every gateway works: hellos are welcomed, reclaims granted, messages stored.
    fn heal(&mut self) {
        let opening: Vec<_> = self.open.keys().copied().collect();
        let mut todo: Vec<Input> = opening.into_iter().map(|link| Input::Closed(link, None)).collect();
        for _ in 0..2_000 {
            let next = if todo.is_empty() { None } else { Some(todo.remove(0)) };
            match next {
                Some(input) => self.step(input),
                None if self.rig.client.view().connection == Connection::Online => return,
                None if self.rig.client.record().is_none() => return,
                None => {
                    let timers = self.timers.iter().min_by_key(|(_, at)| **at);
                    let (timer, at) = timers.map(|(timer, at)| (*timer, *at)).expect("stuck: no timer runs");
                    self.rig.now = self.rig.now.max(at);
                    self.step(Input::Timer(timer));
                }
            }
            todo.extend(self.answers());
        }
    }

    fn answers(&self) -> Vec<Input> {
        let answer = |effect: &Effect| match effect {
            Effect::Connect { link, .. } => Some(Input::Opened(*link)),
            Effect::Send(link, frame) => Some(Input::Frame(*link, self.answer(frame)?)),
            _ => None,
        };
        self.rig.did.iter().filter_map(answer).collect()
    }

    fn answer(&self, frame: &ClientFrame) -> Option<ServerFrame> {
        let hop = self.rig.client.record().and_then(|record| record.hop.as_ref()).map(|hop| hop.transfer);
        match frame {
            ClientFrame::CustomerHello { start, .. } => Some(match start {
                Start::New { .. } => welcome(1, Some(1), None),
                Start::Resume { epoch, .. } => welcome(*epoch, None, None),
                Start::Claim { epoch, .. } => welcome(epoch + 1, Some(1), Some(hop.unwrap_or(T1))),
            }),
            ClientFrame::Reclaim { epoch, .. } => Some(welcome(*epoch, None, None)),
            ClientFrame::Say { id, .. } => Some(stored(*id, 1_000)),
            ClientFrame::Ping { nonce } => Some(ServerFrame::Pong { nonce: *nonce }),
            ClientFrame::End { .. } => {
                let phase = Phase::Ended(EndReason::Customer);
                Some(ServerFrame::PhaseChanged { chat: ChatId([9; 16]), phase })
            }
            _ => None,
        }
    }
}

fn refused(code: ErrorCode, about: About) -> ServerFrame {
    ServerFrame::Refused { code, detail: String::new(), about }
}

/// What left the outbox was reported by the gateway in this very step, and the rest kept its order.
fn check_outbox(before: &Record, after: &Record, input: &Input) {
    let reported = match input {
        Input::Frame(_, ServerFrame::Stored { id, .. }) => vec![*id],
        Input::Frame(_, ServerFrame::Refused { about: About::Message(id), .. }) => vec![*id],
        Input::Frame(_, ServerFrame::Entries { entries, .. }) => {
            entries.iter().map(|entry| entry.id).collect()
        }
        _ => Vec::new(),
    };
    let ids = |record: &Record| record.outbox().map(|(id, _)| id).collect::<Vec<_>>();
    let (before, after) = (ids(before), ids(after));
    let kept: Vec<_> = before.iter().copied().filter(|id| after.contains(id)).collect();
    assert!(before.iter().all(|id| kept.contains(id) || reported.contains(id)), "lost from the outbox");
    assert_eq!(after[..kept.len()], kept, "the outbox changed its order");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn anything_in_any_order_keeps_every_promise(acts in prop::collection::vec(any::<Act>(), 1..120)) {
        let mut watched = Watched::new();
        watched.step(Input::Start(Opening::default()));
        for act in acts {
            watched.act(act);
        }
    }

    #[test]
    fn m2_a_good_end_stays_within_reach(acts in prop::collection::vec(any::<Act>(), 1..60)) {
        let mut watched = Watched::new();
        watched.step(Input::Start(Opening::default()));
        for frame in [welcome(1, Some(1), None), in_place(T1, GLOBEX)] {
            let main = watched.rig.main_link();
            watched.step(Input::Opened(main));
            watched.step(Input::Frame(main, frame));
        }
        for act in acts {
            watched.act(act);
        }
        watched.heal();
        let client = &watched.rig.client;
        if let Some(record) = client.record() {
            prop_assert_eq!(client.view().connection, Connection::Online);
            prop_assert_eq!(record.outbox().count(), 0);
        }
    }
}
