//! One step of one machine: its effects are stored first and carried out after.

mod evict;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use baton_core::effect::{Effect, Env};
use baton_core::erase::{self, Erasure, Thing};
use baton_core::queue::{self, Output};
use baton_core::session::{self, Beginning, Chat};
use baton_core::transfer::destination::{self, Incoming, Posting};
use baton_protocol::frames::About;
use baton_protocol::{ChatId, ErasureId, ErrorCode, SecretDigest, ServerFrame, TransferId};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::conn::Bound;
use super::outward::Outward;
use super::{Gateway, Key, fill_random, now};
use crate::edge::clock;
use crate::store::{Batch, ChatRow, IncomingRow, Op, StoreError};

/// Durable steps that are followed up before the thread's other tasks have their turn: with one at a time, a rush of
/// customers waits here, and each of them needs memory for it.
const TOLD_IN_A_ROW: usize = 32;

thread_local! {
    /// Room for the effects of a thread's next step.
    static EFFECTS: RefCell<Vec<Effect>> = const { RefCell::new(Vec::new()) };
}

/// A machine in memory.
#[derive(Debug)]
pub struct Slot<M> {
    kept: Mutex<Kept<M>>,
    /// Batches that the store has not finished. While there are none, what needs no storing goes out at once.
    unfinished: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Kept<M> {
    machine: M,
    /// The stored version that this state follows.
    version: u64,
    /// The second in which it was used last.
    used: u32,
    /// What waits until the machine is ready for it, in order; a task that makes it ready is under way.
    waiting: Option<VecDeque<session::Input>>,
}

impl<M> Slot<M> {
    fn new(machine: M, version: u64) -> Self {
        let kept = Mutex::new(Kept { machine, version, used: clock::seconds(), waiting: None });
        Self { kept, unfinished: Arc::default() }
    }

    /// Whether this is the state whose unfinished batches are counted there.
    fn counts(&self, unfinished: &Arc<AtomicUsize>) -> bool {
        Arc::ptr_eq(&self.unfinished, unfinished)
    }

    /// Whether it is needed: by its own word, or because it was used not long ago.
    pub fn keep(&self, after: u32, needed: impl Fn(&M) -> bool) -> bool {
        let kept = self.kept.lock();
        needed(&kept.machine) || clock::seconds().saturating_sub(kept.used) < after
    }
}

/// Something to tell a machine.
#[derive(Debug)]
pub enum Work {
    /// To a chat.
    Chat(ChatId, Box<session::Input>),
    /// To an incoming transfer.
    Incoming((String, TransferId), Box<destination::Input>),
    /// To the queue manager.
    Queue(Box<queue::Input>),
    /// To an erasure.
    Erasure(ErasureId, erase::Input),
}

/// What a step came to, sorted.
#[derive(Default)]
struct Sorted {
    ops: Vec<Op>,
    outward: Vec<Outward>,
    /// What other machines are told that follows from nothing that this step stores.
    early: Vec<Work>,
    /// What they are told when it is durable.
    work: Vec<Work>,
    found: Option<Chat>,
}

/// What machines are told of steps that have become durable, in the order in which they have.
#[derive(Default)]
pub(super) struct Told {
    waiting: VecDeque<(Vec<Work>, Machines)>,
    /// Whether a task is at it.
    busy: bool,
}

/// A step's machines, whose state is ahead of what is stored, with their counts of unfinished steps.
type Machines = [Option<(Key, Arc<AtomicUsize>)>; 2];

impl Gateway {
    /// Tells a chat something.
    pub fn tell_chat(self: &Arc<Self>, chat: ChatId, input: session::Input) {
        self.work([Work::Chat(chat, input.into())].into());
    }

    /// Tells an incoming transfer something.
    pub fn tell_incoming(self: &Arc<Self>, key: &(String, TransferId), input: destination::Input) {
        self.work([Work::Incoming(key.clone(), input.into())].into());
    }

    /// Tells an erasure something.
    pub(super) fn tell_erasure(self: &Arc<Self>, id: ErasureId, input: erase::Input) {
        self.work([Work::Erasure(id, input)].into());
    }

    /// Works until there is nothing left to tell.
    pub(super) fn work(self: &Arc<Self>, mut work: VecDeque<Work>) {
        while let Some(one) = work.pop_front() {
            match one {
                Work::Chat(id, input) => work.extend(self.step_chat(id, *input)),
                Work::Incoming(key, input) => work.extend(self.step_incoming(&key, *input)),
                Work::Queue(input) => work.extend(self.step_queue(*input)),
                Work::Erasure(id, input) => work.extend(self.step_erasure(id, input)),
            }
        }
    }

    /// A new customer of our own.
    pub fn begin(self: &Arc<Self>, beginning: Beginning) -> ChatId {
        self.found(|env, effects| Chat::begin(env, beginning, effects))
    }

    /// A chat that begins in whatever way.
    pub(super) fn found(
        self: &Arc<Self>,
        begin: impl FnOnce(&mut Env<'_>, &mut Vec<Effect>) -> ChatId,
    ) -> ChatId {
        let mut effects = Vec::new();
        let chat = self.with_env(|env| begin(env, &mut effects));
        let key = Key::Chat(chat);
        let work = self.follow_up(&key, &mut effects, None, None);
        self.work(work.into());
        chat
    }

    /// A new incoming transfer.
    pub fn post(self: &Arc<Self>, posting: Posting) {
        let mut effects = Vec::new();
        let incoming = self.with_env(|env| Incoming::post(env, posting, &mut effects));
        let name = (incoming.record.peer.clone(), incoming.record.transfer);
        let key = Key::Incoming(name.0.clone(), name.1);
        self.wtids.insert(incoming.record.wtid, name.clone());
        let slot = Arc::new(Slot::new(incoming, 0));
        self.incoming.insert(name, slot.clone());
        let mut kept = slot.kept.lock();
        let work = self.follow_up(&key, &mut effects, Some(&mut kept.version), Some(&slot.unfinished));
        drop(kept);
        self.work(work.into());
    }

    /// Customers of a peer's who are on their way here.
    pub fn reserved_by(&self, peer: &str) -> usize {
        let theirs = self.incoming.iter().filter(|incoming| incoming.key().0 == peer);
        theirs.filter(|incoming| incoming.kept.lock().machine.is_expected()).count()
    }

    pub(super) fn with_env<T>(&self, step: impl FnOnce(&mut Env<'_>) -> T) -> T {
        step(&mut Env { now: now(), settings: &self.settings, random: &mut fill_random })
    }

    fn step_chat(self: &Arc<Self>, id: ChatId, input: session::Input) -> Vec<Work> {
        let mut input = Some(input);
        let work = self.steps_of_chat(id, || input.take());
        if let Some(input) = input {
            self.load_first(Work::Chat(id, input.into()));
        }
        work
    }

    /// Steps of a chat in a row, for as long as there is another input. What they store is stored together, which is
    /// one transaction for all that a connection has said at once. Takes no input when the chat is not in memory.
    pub(super) fn steps_of_chat(
        self: &Arc<Self>,
        id: ChatId,
        mut next: impl FnMut() -> Option<session::Input>,
    ) -> Vec<Work> {
        let Some(slot) = self.chats.get(&id).map(|slot| slot.clone()) else { return Vec::new() };
        self.steps_of_kept(id, &slot, &mut slot.kept.lock(), &mut next)
    }

    fn steps_of_kept(
        self: &Arc<Self>,
        id: ChatId,
        slot: &Slot<Chat>,
        kept: &mut Kept<Chat>,
        next: &mut dyn FnMut() -> Option<session::Input>,
    ) -> Vec<Work> {
        let key = Key::Chat(id);
        let mut effects = EFFECTS.take();
        kept.used = clock::seconds();
        self.with_env(|env| {
            while let Some(input) = next() {
                if let Some(waiting) = &mut kept.waiting {
                    waiting.push_back(input);
                } else if kept.machine.is_ready_for(&input) {
                    kept.machine.handle(env, input, &mut effects);
                } else {
                    kept.waiting = Some([input].into());
                    self.remember_first(id);
                }
            }
        });
        if let Some(attempt) = kept.machine.record.outgoing.attempt() {
            self.outgoing.entry(attempt.transfer).or_insert(id);
        }
        let work = self.follow_up(&key, &mut effects, Some(&mut kept.version), Some(&slot.unfinished));
        EFFECTS.set(effects);
        work
    }

    fn step_incoming(self: &Arc<Self>, name: &(String, TransferId), input: destination::Input) -> Vec<Work> {
        let Some(slot) = self.incoming.get(name).map(|slot| slot.clone()) else {
            self.load_first(Work::Incoming(name.clone(), input.into()));
            return Vec::new();
        };
        let key = Key::Incoming(name.0.clone(), name.1);
        let mut effects = Vec::new();
        let mut kept = slot.kept.lock();
        let kept = &mut *kept;
        kept.used = clock::seconds();
        self.with_env(|env| kept.machine.handle(env, input, &mut effects));
        self.follow_up(&key, &mut effects, Some(&mut kept.version), Some(&slot.unfinished))
    }

    fn step_erasure(self: &Arc<Self>, id: ErasureId, input: erase::Input) -> Vec<Work> {
        let Some(slot) = self.erasures.get(&id).map(|slot| slot.clone()) else {
            self.load_first(Work::Erasure(id, input));
            return Vec::new();
        };
        let key = Key::Erasure(id);
        let mut effects = Vec::new();
        let mut kept = slot.kept.lock();
        kept.used = clock::seconds();
        self.with_env(|env| kept.machine.handle(env, input, &mut effects));
        self.follow_up(&key, &mut effects, None, Some(&slot.unfinished))
    }

    /// A chat whose older entries are in the store alone gets them before it is told what waits.
    fn remember_first(self: &Arc<Self>, id: ChatId) {
        let gateway = self.clone();
        self.runtime.spawn(async move {
            let whole = gateway.whole_chat(id).await;
            let Some(slot) = gateway.chats.get(&id).map(|slot| slot.clone()) else { return };
            if let Err(error) = whole {
                return gateway.evict(Key::Chat(id), slot.unfinished.clone(), &error.to_string());
            }
            let work = {
                let mut kept = slot.kept.lock();
                let mut waiting = kept.waiting.take().unwrap_or_default();
                gateway.steps_of_kept(id, &slot, &mut kept, &mut || waiting.pop_front())
            };
            gateway.work(work.into());
        });
    }

    /// Whether the chat exists; it is in memory afterwards, with everything that was said.
    ///
    /// # Errors
    /// The store's.
    pub async fn whole_chat(&self, id: ChatId) -> anyhow::Result<bool> {
        while self.chat(id).await? {
            if self.look_at_chat(id, Chat::is_whole) == Some(true) {
                return Ok(true);
            }
            let Some(stored) = self.store.chat(id).await? else { return Ok(false) };
            if let Some(slot) = self.chats.get(&id).map(|slot| slot.clone()) {
                slot.kept.lock().machine.recall(stored.entries);
            }
        }
        Ok(false)
    }

    /// A machine that is not in memory is loaded before it is told. One that does not exist is told nothing.
    fn load_first(self: &Arc<Self>, work: Work) {
        let gateway = self.clone();
        self.runtime.spawn(async move {
            let found = match &work {
                Work::Chat(id, _) => gateway.chat(*id).await,
                Work::Incoming(name, _) => gateway.incoming(name).await,
                Work::Queue(_) => Ok(true),
                Work::Erasure(id, _) => gateway.load_erasure(*id).await,
            };
            match found {
                Ok(true) => gateway.work([work].into()),
                Ok(false) => gateway.work(place_of(work).into_iter().collect()),
                Err(error) => tracing::error!(%error, "a machine could not be loaded"),
            }
        });
    }

    fn step_queue(self: &Arc<Self>, input: queue::Input) -> Vec<Work> {
        let outputs = match &self.link {
            None => self.queue.lock().handle(now(), input),
            // Its own clock wakes it.
            Some(_) if matches!(input, queue::Input::Tick) => Vec::new(),
            Some(link) => {
                if is_about_agents(&input) {
                    // Known here first: their console asks at once.
                    let _ = self.queue.lock().handle(now(), input.clone());
                    self.lists_changed();
                }
                link.say(input)
            }
        };
        self.route(outputs)
    }

    /// What a queue manager on another machine has said (Q2).
    pub(crate) fn queue_said(self: &Arc<Self>, outputs: Vec<Output>) {
        self.work(self.route(outputs).into());
    }

    /// The queue manager's words, to those whom they are for.
    fn route(&self, outputs: Vec<Output>) -> Vec<Work> {
        let mut work = Vec::new();
        for output in outputs {
            match output {
                Output::Changed => self.lists_changed(),
                Output::Refused { login, chat, code } => {
                    let about = About::Chat(chat);
                    let by = Some(chat).filter(|_| code == ErrorCode::AlreadyTaken);
                    let detail = by.and_then(|chat| self.taken_by(chat)).unwrap_or_else(|| code.to_string());
                    self.send_to_agent(&login, &ServerFrame::Refused { code, detail, about });
                }
                Output::Reserved { seat, answer } => {
                    work.push(Work::Incoming(seat, destination::Input::Place(answer).into()));
                }
                Output::Assigned { chat, .. }
                | Output::AgentLost { chat, .. }
                | Output::Placed { chat, .. }
                | Output::NotPlaced { chat, .. } => {
                    work.push(Work::Chat(chat, session::Input::Queue(output).into()))
                }
            }
        }
        work
    }

    /// Sorts a step's effects. A chat that it founds starts from version nothing.
    fn sort(self: &Arc<Self>, key: &Key, effects: &mut Vec<Effect>, version: Option<&mut u64>) -> Sorted {
        let mut sorted = Sorted::default();
        // Most steps in a row are talk, of which each entry is stored and shown.
        let entries = effects.iter().filter(|effect| matches!(effect, Effect::Append(_))).count();
        sorted.ops.reserve(entries);
        sorted.outward.reserve(effects.len());
        let mut own = version;
        for effect in effects.drain(..) {
            if let Effect::Append(entered) = effect {
                let entry = entered.entry.clone();
                sorted.ops.push(Op::Append { chat: entered.chat, entry });
                sorted.outward.push(Outward::Entered(entered));
                continue;
            }
            let effect = match Self::outward(key, effect) {
                Ok(outward) => {
                    sorted.outward.push(outward);
                    continue;
                }
                Err(effect) => effect,
            };
            match effect {
                Effect::Save(record) => sorted.replace(Op::SaveChat(ChatRow {
                    id: record.id,
                    version: 0,
                    token: record.token,
                    open: record.is_needed(),
                    json: json(&record),
                })),
                Effect::SaveContext(chat, context) => {
                    sorted.ops.push(Op::SaveContext { chat, json: json(&context) });
                }
                Effect::Audit(record) => sorted.ops.push(Op::Audit(record)),
                Effect::SaveIncoming(record) => sorted.replace(Op::SaveIncoming(IncomingRow {
                    peer: record.peer.clone(),
                    transfer: record.transfer,
                    version: 0,
                    wtid: record.wtid,
                    open: record.is_open(),
                    json: json(&record),
                })),
                Effect::SaveErasure(record) => {
                    sorted.ops.push(Op::SaveErasure(record.is_open(), record));
                }
                Effect::SetTimer(timer, millis) => {
                    self.timers.set(key.clone(), timer, Duration::from_millis(millis));
                }
                Effect::ClearTimer(timer) => self.timers.clear(key, timer),
                Effect::Queue(input) if sorted.ops.is_empty() => sorted.early.push(Work::Queue(input)),
                Effect::Queue(input) => sorted.work.push(Work::Queue(input)),
                Effect::Found(chat) => sorted.found = Some(*chat),
                Effect::Token(chat, token) => {
                    self.has_token(token, chat);
                }
                Effect::Chat(chat, input) => {
                    if let session::Input::Renew(conn, _) = &*input
                        && let Some(conn) = self.conns.get(conn)
                    {
                        conn.bind(Bound::Customer(chat));
                    }
                    sorted.work.push(Work::Chat(chat, input));
                }
                Effect::Incoming(peer, transfer, input) => {
                    sorted.work.push(Work::Incoming((peer, transfer), input));
                }
                Effect::Append(_)
                | Effect::ToCustomer(..)
                | Effect::CloseCustomer(..)
                | Effect::ToAgent(..) => {}
                Effect::Call(_) | Effect::Reply(..) | Effect::Fetch { .. } | Effect::Mail { .. } => {}
            }
        }
        let found = sorted.found.as_ref().map(|chat| chat.record.id);
        for op in &mut sorted.ops {
            match op {
                Op::SaveChat(row) if found == Some(row.id) => row.version = 0,
                Op::SaveChat(ChatRow { version, .. }) | Op::SaveIncoming(IncomingRow { version, .. }) => {
                    if let Some(own) = own.as_deref_mut() {
                        *version = *own;
                        *own += 1;
                    }
                }
                Op::SaveContext { .. } | Op::Append { .. } | Op::Audit(_) | Op::SaveErasure(..) => {}
            }
        }
        sorted
    }

    /// Hands a step's effects to the store; what follows from them follows when they are durable. `version` and
    /// `unfinished` are the machine's own. Answers what other machines are to be told at once.
    fn follow_up(
        self: &Arc<Self>,
        key: &Key,
        effects: &mut Vec<Effect>,
        version: Option<&mut u64>,
        unfinished: Option<&Arc<AtomicUsize>>,
    ) -> Vec<Work> {
        let Sorted { ops, outward, early: mut at_once, work: mut later, found } =
            self.sort(key, effects, version);
        // A step concerns its own machine, and the chat that it founds.
        let found = found.map(|chat| (Key::Chat(chat.record.id), self.register(chat)));
        let own = unfinished.map(|count| (key.clone(), count.clone()));
        let machines = [own, found];
        let quiet = machines.iter().flatten().all(|(_, count)| count.load(Ordering::Acquire) == 0);
        if !quiet {
            // What earlier steps have to say comes first.
            at_once.append(&mut later);
            std::mem::swap(&mut at_once, &mut later);
        }
        if ops.is_empty() && (quiet || outward.is_empty() && later.is_empty()) {
            self.deliver(outward);
            at_once.append(&mut later);
            return at_once;
        }
        for (_, count) in machines.iter().flatten() {
            count.fetch_add(1, Ordering::AcqRel);
        }
        let step = UnfinishedStep { gateway: self.clone(), outward, work: later, machines };
        let done = Box::new(move |result| step.finish(result));
        if let Err(refused) = self.store.commit(Batch { ops, done }) {
            (refused.done)(Err(StoreError::Failed("too many batches wait for the disk".into())));
        }
        at_once
    }

    /// Tells machines what follows from a durable step; until they are told, its machines wait with what they have to
    /// say next. Not here: the store's thread has other things to do, and some stores call from within a step.
    fn tell_durable(self: &Arc<Self>, work: Vec<Work>, machines: Machines) {
        let mut told = self.told.lock();
        told.waiting.push_back((work, machines));
        if std::mem::replace(&mut told.busy, true) {
            return;
        }
        let gateway = self.clone();
        // On this thread if it can: to wake another one costs more than the work.
        let runtime = Handle::try_current().unwrap_or_else(|_| self.runtime.clone());
        runtime.spawn(async move {
            let mut turn = 0;
            while let Some((work, machines)) = gateway.next_told() {
                gateway.work(work.into());
                end_step(&machines);
                turn += 1;
                if turn % TOLD_IN_A_ROW == 0 {
                    tokio::task::yield_now().await;
                }
            }
        });
    }

    fn next_told(&self) -> Option<(Vec<Work>, Machines)> {
        let mut told = self.told.lock();
        let next = told.waiting.pop_front();
        told.busy = next.is_some();
        next
    }

    fn register(&self, chat: Chat) -> Arc<AtomicUsize> {
        let id = chat.record.id;
        self.has_token(chat.record.token, id);
        if let Some(conn) = chat.conn().and_then(|conn| self.conns.get(&conn)) {
            conn.bind(Bound::Customer(id));
        }
        let slot = Arc::new(Slot::new(chat, 1));
        let unfinished = slot.unfinished.clone();
        self.chats.insert(id, slot);
        unfinished
    }

    /// Whether the chat exists; it is in memory afterwards.
    ///
    /// # Errors
    /// The store's.
    pub async fn chat(&self, id: ChatId) -> anyhow::Result<bool> {
        if self.chats.contains_key(&id) {
            return Ok(true);
        }
        if self.is_erased(&Thing::Chat(id)) {
            return Ok(false);
        }
        let Some(stored) = self.store.chat(id).await? else { return Ok(false) };
        let record: session::Record = serde_json::from_str(&stored.row.json)?;
        let context = stored.context.as_deref().map(serde_json::from_str).transpose()?;
        for past in record.past.iter().map(|past| &*past.attempt).chain(record.outgoing.attempt()) {
            self.outgoing.insert(past.transfer, id);
        }
        self.has_token(record.token, id);
        let chat = Chat::load(record, context, stored.entries);
        self.chats.entry(id).or_insert_with(|| Arc::new(Slot::new(chat, stored.row.version)));
        Ok(true)
    }

    fn has_token(&self, token: SecretDigest, chat: ChatId) {
        self.tokens.insert(token, chat);
        self.pages.insert(token.page(), chat);
    }

    /// The chat whose warm transfer page this is (O4), among those in memory, which all open ones are.
    #[must_use]
    pub fn chat_by_page(&self, page: SecretDigest) -> Option<ChatId> {
        let chat = *self.pages.get(&page)?;
        self.look_at_chat(chat, |chat| chat.record.token.page().matches(&page)).filter(|current| *current)?;
        Some(chat)
    }

    /// Finds the chat of a resume token.
    ///
    /// # Errors
    /// The store's.
    pub async fn chat_by_token(&self, token: SecretDigest) -> anyhow::Result<Option<ChatId>> {
        let found = self.tokens.get(&token).map(|chat| *chat);
        let id = match found {
            Some(id) => Some(id),
            None => self.store.chat_by_token(token).await?,
        };
        let Some(id) = id else { return Ok(None) };
        let current = self.chat(id).await?
            && self.look_at_chat(id, |chat| chat.record.token.matches(&token)).unwrap_or(false);
        Ok(current.then_some(id))
    }

    /// Finds the chat of an outgoing transfer.
    #[must_use]
    pub fn chat_by_transfer(&self, transfer: TransferId) -> Option<ChatId> {
        self.outgoing.get(&transfer).map(|chat| *chat)
    }

    /// Finds the chat that has gone, or is going, by an outgoing transfer; it is in memory afterwards, whole.
    ///
    /// # Errors
    /// The store's.
    pub async fn chat_gone_by(&self, transfer: TransferId) -> anyhow::Result<Option<ChatId>> {
        let found = match self.chat_by_transfer(transfer) {
            Some(chat) => Some(chat),
            None => self.store.chat_by_transfer(transfer).await?,
        };
        let Some(chat) = found else { return Ok(None) };
        Ok(self.whole_chat(chat).await?.then_some(chat))
    }

    /// A look at a chat in memory.
    pub fn look_at_chat<T>(&self, id: ChatId, look: impl FnOnce(&Chat) -> T) -> Option<T> {
        let slot = self.chats.get(&id).map(|slot| slot.clone())?;
        let kept = slot.kept.lock();
        Some(look(&kept.machine))
    }

    /// A look at an incoming transfer in memory.
    pub fn look_at_incoming<T>(
        &self,
        name: &(String, TransferId),
        look: impl FnOnce(&Incoming) -> T,
    ) -> Option<T> {
        let slot = self.incoming.get(name).map(|slot| slot.clone())?;
        let kept = slot.kept.lock();
        Some(look(&kept.machine))
    }

    /// Whether the incoming transfer exists; it is in memory afterwards.
    ///
    /// # Errors
    /// The store's.
    pub async fn incoming(&self, name: &(String, TransferId)) -> anyhow::Result<bool> {
        if self.incoming.contains_key(name) {
            return Ok(true);
        }
        #[cfg(feature = "sabotage")]
        if crate::sabotage::forgets_incoming() {
            return Ok(false);
        }
        match self.store.incoming(&name.0, name.1).await? {
            Some(row) => self.adopt_incoming(&row).map(|()| true),
            None => Ok(false),
        }
    }

    /// Finds the incoming transfer of a WTID.
    ///
    /// # Errors
    /// The store's.
    pub async fn incoming_by_wtid(&self, wtid: SecretDigest) -> anyhow::Result<Option<(String, TransferId)>> {
        let found = self.wtids.get(&wtid).map(|name| name.clone());
        if let Some(name) = found {
            return Ok(self.incoming(&name).await?.then_some(name));
        }
        #[cfg(feature = "sabotage")]
        if crate::sabotage::forgets_incoming() {
            return Ok(None);
        }
        let Some(row) = self.store.incoming_by_wtid(wtid).await? else { return Ok(None) };
        self.adopt_incoming(&row)?;
        Ok(Some((row.peer, row.transfer)))
    }

    /// Whether the erasure exists; it is in memory afterwards.
    pub(super) async fn load_erasure(&self, id: ErasureId) -> anyhow::Result<bool> {
        if self.erasures.contains_key(&id) {
            return Ok(true);
        }
        let Some(record) = self.store.erasure(id).await? else { return Ok(false) };
        self.keep_erasure(Erasure::load(record));
        Ok(true)
    }

    pub(super) fn keep_erasure(&self, erasure: Erasure) {
        self.erasures.entry(erasure.record.id).or_insert_with(|| Arc::new(Slot::new(erasure, 0)));
    }

    /// A look at an erasure in memory.
    pub(super) fn look_at_erasure<T>(&self, id: ErasureId, look: impl FnOnce(&Erasure) -> T) -> Option<T> {
        let slot = self.erasures.get(&id).map(|slot| slot.clone())?;
        let kept = slot.kept.lock();
        Some(look(&kept.machine))
    }

    pub(super) fn adopt_incoming(&self, row: &IncomingRow) -> anyhow::Result<()> {
        let record: destination::Record = serde_json::from_str(&row.json)?;
        let name = (row.peer.clone(), row.transfer);
        self.wtids.insert(row.wtid, name.clone());
        self.incoming.entry(name).or_insert_with(|| Arc::new(Slot::new(Incoming::load(record), row.version)));
        Ok(())
    }
}

/// A step that waits for the store.
struct UnfinishedStep {
    gateway: Arc<Gateway>,
    outward: Vec<Outward>,
    work: Vec<Work>,
    machines: Machines,
}

impl UnfinishedStep {
    fn finish(self, result: Result<(), StoreError>) {
        match result {
            Ok(()) => {
                self.gateway.deliver(self.outward);
                if !self.work.is_empty() {
                    return self.gateway.tell_durable(self.work, self.machines);
                }
            }
            Err(error) => {
                for (key, unfinished) in self.machines.iter().flatten() {
                    self.gateway.evict(key.clone(), unfinished.clone(), &error.to_string());
                }
            }
        }
        end_step(&self.machines);
    }
}

fn end_step(machines: &Machines) {
    for (_, count) in machines.iter().flatten() {
        count.fetch_sub(1, Ordering::AcqRel);
    }
}

fn is_about_agents(input: &queue::Input) -> bool {
    use queue::Input::{Offline, Online, SetByHand, SetPresence};
    matches!(input, Online(_) | Offline(_) | SetPresence(..) | SetByHand(..))
}

/// A place that was given to somebody who does not exist, since the store has refused their first step, is free.
fn place_of(work: Work) -> Option<Work> {
    let freed = match work {
        Work::Chat(chat, input) => match *input {
            session::Input::Queue(
                Output::Assigned { agent, .. } | Output::Placed { agent: Some(agent), .. },
            ) => queue::Input::Withdraw(agent.login, chat),
            _ => return None,
        },
        Work::Incoming(seat, input) if matches!(*input, destination::Input::Place(Ok(_))) => {
            queue::Input::GiveBack(seat)
        }
        _ => return None,
    };
    Some(Work::Queue(freed.into()))
}

impl Sorted {
    /// A step stores a record once: as it is at its end.
    fn replace(&mut self, op: Op) {
        let same = |other: &Op| match (&op, other) {
            (Op::SaveChat(new), Op::SaveChat(old)) => new.id == old.id,
            (Op::SaveIncoming(_), Op::SaveIncoming(_)) => true,
            _ => false,
        };
        match self.ops.iter().position(same) {
            Some(at) => self.ops[at] = op,
            None => self.ops.push(op),
        }
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("records have string keys and finite numbers")
}
