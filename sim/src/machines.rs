//! One step of one machine, as a gateway's driver makes it: stored first, carried out after.

use baton_core::effect::{Effect, Env};
use baton_core::queue;
use baton_core::session::{self, Beginning, Chat};
use baton_core::transfer::destination::{self, Incoming};
use baton_protocol::frames::About;
use baton_protocol::{ChatId, ServerFrame, Timestamp, TransferId};

use crate::event::{Event, Key, ServerId};
use crate::hostile::Swallow;
use crate::mutant::Mutant;
use crate::server::{Batch, Memory, Op, Outward};
use crate::socket::Bound;
use crate::world::World;

/// What a step came to, sorted.
#[derive(Default)]
struct Sorted {
    ops: Vec<Op>,
    outward: Vec<Outward>,
    queue: Vec<queue::Input>,
    early: Vec<Outward>,
    found: Option<Box<Chat>>,
}

impl World {
    /// The memory of a server that is up.
    pub fn memory(&mut self, server: ServerId) -> Option<&mut Memory> {
        self.servers[server].memory.as_mut()
    }

    /// One step of something of this server's.
    fn step<T>(
        &mut self,
        server: ServerId,
        step: impl FnOnce(&mut Env<'_>, &mut Vec<Effect>) -> T,
    ) -> (T, Vec<Effect>) {
        let now = Timestamp(self.servers[server].clock(self.now));
        let rng = &mut self.rng;
        let mut random = |bytes: &mut [u8]| rng.fill(bytes);
        let mut env = Env { now, settings: &self.servers[server].settings, random: &mut random };
        let mut out = Vec::new();
        let answer = step(&mut env, &mut out);
        (answer, out)
    }

    /// Tells a chat something.
    pub fn step_chat(&mut self, server: ServerId, id: ChatId, input: session::Input) {
        if !self.load_chat(server, id) {
            return;
        }
        let Some(mut chat) = self.memory(server).and_then(|memory| memory.chats.remove(&id)) else { return };
        self.note(|world| format!("{} chat {} <- {input:?}", world.servers[server].name, short(&id.0)));
        let input = self.twist_chat_input(&mut chat, input);
        let restored = matches!(input, session::Input::Restore);
        let (_, mut effects) = self.step(server, |env, out| chat.handle(env, input, out));
        if restored && self.is(Mutant::FetchNotResumed) {
            effects.retain(|effect| !matches!(effect, Effect::Fetch { .. }));
        }
        self.twist_chat(&mut chat);
        if let Some(memory) = self.memory(server) {
            memory.chats.insert(id, chat);
        }
        self.carry_out(server, Key::Chat(id), effects);
        self.check_owners(server, id);
    }

    /// Tells an incoming transfer something.
    pub fn step_incoming(
        &mut self,
        server: ServerId,
        name: &(String, TransferId),
        input: destination::Input,
    ) {
        if !self.load_incoming(server, name) {
            return;
        }
        let taken = self.memory(server).and_then(|memory| memory.incoming.remove(name));
        let Some(mut incoming) = taken else { return };
        self.note(|world| {
            format!("{} incoming {} <- {input:?}", world.servers[server].name, short(&name.1.0))
        });
        let input = self.twist_incoming(&mut incoming, input);
        let (_, effects) = self.step(server, |env, out| incoming.handle(env, input, out));
        if let Some(memory) = self.memory(server) {
            memory.incoming.insert(name.clone(), incoming);
        }
        self.carry_out(server, Key::Incoming(name.0.clone(), name.1), effects);
    }

    /// A new customer of the server's own.
    pub fn begin(&mut self, server: ServerId, beginning: Beginning) {
        let (id, effects) = self.step(server, |env, out| Chat::begin(env, beginning, out));
        self.carry_out(server, Key::Chat(id), effects);
    }

    /// A new reservation.
    pub fn reserve(
        &mut self,
        server: ServerId,
        reserve: impl FnOnce(&mut Env<'_>, &mut Vec<Effect>) -> Incoming,
    ) {
        let (incoming, effects) = self.step(server, reserve);
        let name = (incoming.record.peer.clone(), incoming.record.transfer);
        if let Some(memory) = self.memory(server) {
            memory.incoming.insert(name.clone(), incoming);
        }
        self.carry_out(server, Key::Incoming(name.0, name.1), effects);
    }

    /// Tells the queue manager something; it may be on another machine.
    pub fn tell_queue(&mut self, server: ServerId, input: queue::Input) {
        if self.loses_queue_input(&input) {
            return;
        }
        if !self.weather.remote_queue {
            return self.step_queue(server, input);
        }
        let (now, wait) = (self.now, self.rng.below(60));
        let Some(memory) = self.memory(server) else { return };
        memory.queue_in_at = memory.queue_in_at.max(now + wait);
        let (at, life) = (memory.queue_in_at, self.servers[server].life);
        self.agenda.add(at, Event::QueueIn { server, life, input });
    }

    /// A step of the queue manager's.
    pub fn step_queue(&mut self, server: ServerId, input: queue::Input) {
        self.note(|world| format!("{} queue <- {input:?}", world.servers[server].name));
        let now = Timestamp(self.servers[server].clock(self.now));
        let Some(memory) = self.servers[server].memory.as_mut() else { return };
        let taking = matches!(
            input,
            queue::Input::PickUp(..) | queue::Input::Place { .. } | queue::Input::Reserve { .. }
        );
        let online = match &input {
            queue::Input::Online(profile) => Some(profile.login.clone()),
            _ => None,
        };
        let outputs = memory.queue.handle(now, input);
        let taking = taking || outputs.iter().any(|output| matches!(output, queue::Output::Assigned { .. }));
        if let Some(login) = online {
            let seats = memory.queue.seats_of(&login);
            for chat in memory.queue.chats_to_show(&login) {
                self.step_chat(server, chat, session::Input::Show(login.clone()));
            }
            for seat in seats {
                self.step_incoming(server, &seat, destination::Input::Show(login.clone()));
            }
        }
        if taking {
            self.check_places(server);
        }
        for output in outputs {
            if self.weather.remote_queue {
                let (now, wait) = (self.now, self.rng.below(60));
                let Some(memory) = self.memory(server) else { return };
                memory.queue_out_at = memory.queue_out_at.max(now + wait);
                let (at, life) = (memory.queue_out_at, self.servers[server].life);
                self.agenda.add(at, Event::QueueOut { server, life, output });
            } else {
                self.queue_output(server, output);
            }
        }
    }

    /// The queue manager's word reaches whom it is for.
    pub fn queue_output(&mut self, server: ServerId, output: queue::Output) {
        use queue::Output;
        match output {
            Output::Changed => {}
            Output::Refused { login, chat, code } => {
                let about = About::Chat(chat);
                let frame = ServerFrame::Refused { code, detail: String::new(), about };
                self.send_consoles(server, &login, &frame);
            }
            Output::AgentLost { .. } if self.is(Mutant::AgentLostIgnored) => {}
            // The store has refused the chat's first step: there is nobody to be served.
            Output::Assigned { chat, agent } | Output::Placed { chat, agent: Some(agent), .. }
                if !self.load_chat(server, chat) =>
            {
                self.tell_queue(server, queue::Input::Free(agent.login, chat));
            }
            // The store has refused the transfer's first step.
            Output::Reserved { seat, answer: Ok(_) } if !self.load_incoming(server, &seat) => {
                self.tell_queue(server, queue::Input::GiveBack(seat));
            }
            Output::Reserved { seat, answer } => {
                self.step_incoming(server, &seat, destination::Input::Place(answer));
            }
            Output::Assigned { chat, .. }
            | Output::AgentLost { chat, .. }
            | Output::Placed { chat, .. }
            | Output::NotPlaced { chat, .. } => self.step_chat(server, chat, session::Input::Queue(output)),
        }
    }

    fn carry_out(&mut self, server: ServerId, key: Key, effects: Vec<Effect>) {
        let mut sorted = Sorted::default();
        for effect in effects {
            self.sort(server, &key, effect, &mut sorted);
        }
        let Sorted { ops, mut outward, queue, early, found } = sorted;
        let queue = if self.is_quiet(server, &key) {
            queue
        } else {
            outward.splice(0..0, queue.into_iter().map(Outward::Queue));
            Vec::new()
        };
        let mut keys = vec![key];
        if let Some(chat) = found {
            let own = Key::Chat(chat.record.id);
            self.register(server, *chat);
            if keys[0] != own {
                keys.push(own);
            }
        }
        self.finish(server, Batch { ops, outward, keys });
        self.deliver(server, early);
        for input in queue {
            self.tell_queue(server, input);
        }
    }

    fn sort(&mut self, server: ServerId, key: &Key, effect: Effect, sorted: &mut Sorted) {
        match effect {
            Effect::Save(record) => sorted.ops.push(Op::Chat(record)),
            Effect::SaveContext(chat, context) => sorted.ops.push(Op::Context(chat, context)),
            Effect::Append(entered) => {
                sorted.ops.push(Op::Append(entered.chat, entered.entry.clone()));
                entered.outward().into_iter().for_each(|effect| self.sort(server, key, effect, sorted));
            }
            Effect::SaveIncoming(record) => sorted.ops.push(Op::Incoming(record)),
            Effect::ToCustomer(conn, frame) => sorted.outward.push(Outward::Frame(conn.0, *frame)),
            Effect::CloseCustomer(conn, code) => sorted.outward.push(Outward::Close(conn.0, code)),
            Effect::ToAgent(login, frame) => sorted.outward.push(Outward::Agent(login, *frame)),
            Effect::Call(call) => sorted.outward.push(Outward::Call(key.clone(), *call)),
            Effect::Reply(reply, answer) => sorted.outward.push(Outward::Reply(reply.0, *answer)),
            Effect::SetTimer(timer, millis) => {
                let (count, life) = (self.number(), self.servers[server].life);
                // The timers of a chat's founding step are the chat's own.
                let key = key.clone();
                if let Some(memory) = self.memory(server) {
                    memory.timers.insert((key.clone(), timer), count);
                }
                self.later(millis, Event::Timer { server, life, key, timer, count });
            }
            Effect::ClearTimer(timer) => {
                if let Some(memory) = self.memory(server) {
                    memory.timers.remove(&(key.clone(), timer));
                }
            }
            Effect::Queue(input)
                if matches!(*input, queue::Input::Free(..))
                    && self.rescuing
                    && self.is(Mutant::RescueKeepsPlace) => {}
            // What comes before anything that is stored follows from nothing that is not durable.
            Effect::Queue(input) if sorted.ops.is_empty() => sorted.queue.push(*input),
            Effect::Queue(input) => {
                let word = Outward::Queue(*input);
                if self.is(Mutant::WordsNotHeldBack) { &mut sorted.early } else { &mut sorted.outward }
                    .push(word);
            }
            Effect::Found(chat) => sorted.found = Some(chat),
            Effect::Fetch { chat, peer, transfer, document } => {
                sorted.outward.push(Outward::Fetch(chat, peer, transfer, document.sha256));
            }
            Effect::Token(..) | Effect::Audit(_) | Effect::SaveErasure(_) | Effect::Mail { .. } => {}
            Effect::Chat(chat, input) => {
                if let session::Input::Renew(conn, _) = &*input {
                    self.bind(conn.0, Bound::Customer(chat));
                }
                let word = Outward::Chat(chat, input);
                if self.is(Mutant::WordsNotHeldBack) { &mut sorted.early } else { &mut sorted.outward }
                    .push(word);
            }
            Effect::Incoming(peer, transfer, input) => {
                let word = Outward::Incoming(Key::Incoming(peer, transfer), *input);
                if self.is(Mutant::WordsNotHeldBack) { &mut sorted.early } else { &mut sorted.outward }
                    .push(word);
            }
        }
    }

    fn register(&mut self, server: ServerId, chat: Chat) {
        let id = chat.record.id;
        if let Some(conn) = chat.conn() {
            self.bind(conn.0, Bound::Customer(id));
            self.ghost_found(server, &chat, conn.0);
        }
        if let Some(memory) = self.memory(server) {
            memory.chats.insert(id, chat);
        }
    }

    /// Hands a step to the store. What needs no storing goes out at once, unless earlier steps are unfinished.
    fn finish(&mut self, server: ServerId, batch: Batch) {
        let hasty = self.is(Mutant::AckBeforeCommit);
        let (wait, number, parallel) = (self.store_wait(), self.number(), self.weather.parallel_store);
        let (now, life) = (self.now, self.servers[server].life);
        let Some(memory) = self.memory(server) else { return };
        let quiet = batch.keys.iter().all(|key| memory.is_quiet(key));
        if batch.ops.is_empty() && (quiet || batch.outward.is_empty()) {
            return self.deliver(server, batch.outward);
        }
        let Batch { ops, outward, keys } = batch;
        let (early, outward) = if hasty { (outward, Vec::new()) } else { (Vec::new(), outward) };
        for key in &keys {
            *memory.unfinished.entry(key.clone()).or_default() += 1;
        }
        let at = if parallel {
            let free = keys.iter().filter_map(|key| memory.machine_free_at.get(key)).max().copied();
            let at = free.unwrap_or(0).max(now) + wait;
            memory.machine_free_at.extend(keys.iter().map(|key| (key.clone(), at)));
            at
        } else {
            memory.store_free_at = memory.store_free_at.max(now) + wait;
            memory.store_free_at
        };
        memory.batches.insert(number, Batch { ops, outward, keys });
        self.agenda.add(at, Event::Committed { server, life, batch: number });
        self.deliver(server, early);
    }

    fn is_quiet(&mut self, server: ServerId, key: &Key) -> bool {
        self.memory(server).is_some_and(|memory| memory.is_quiet(key))
    }

    fn store_wait(&mut self) -> u64 {
        let most = self.weather.store_most;
        if most > 1_000 && !self.rng.chance(30) { 2 } else { self.rng.below(most + 1) }
    }

    /// What leaves a machine, one by one; the server may die between any two.
    pub fn deliver(&mut self, server: ServerId, outward: Vec<Outward>) {
        let life = self.servers[server].life;
        for one in outward {
            if self.boundary(server) || !self.lives(server, life) {
                return;
            }
            match one {
                Outward::Frame(_, ServerFrame::Welcome { .. })
                    if self.servers[server].swallows == Some(Swallow::Welcomes)
                        && self.strikes("welcome swallowed") => {}
                Outward::Frame(conn, frame) => self.send_to_client(conn, frame),
                Outward::Close(conn, code) => self.close_by_server(conn, code),
                Outward::Agent(login, frame) => self.send_consoles(server, &login, &frame),
                Outward::Call(key, call) => self.call(server, key, call),
                Outward::Fetch(chat, peer, transfer, sha256) => {
                    self.fetch(server, chat, &peer, transfer, sha256);
                }
                Outward::Reply(reply, answer) => self.reply(server, reply, answer),
                Outward::Chat(chat, input) => self.tell_chat_of_transfer(server, chat, *input),
                Outward::Incoming(Key::Incoming(peer, transfer), input) => {
                    self.step_incoming(server, &(peer, transfer), input);
                }
                Outward::Incoming(Key::Chat(_), _) => {}
                Outward::Queue(input) => self.tell_queue(server, input),
            }
        }
    }

    /// A machine's timer has elapsed.
    pub fn timer(
        &mut self,
        server: ServerId,
        life: u32,
        key: Key,
        timer: baton_core::effect::Timer,
        count: u64,
    ) {
        if !self.lives(server, life) || self.loses_timer(&key, timer) {
            return;
        }
        let Some(memory) = self.memory(server) else { return };
        let name = (key, timer);
        if memory.timers.get(&name) != Some(&count) {
            return;
        }
        memory.timers.remove(&name);
        match name.0 {
            Key::Chat(id) => self.step_chat(server, id, session::Input::Timer(timer)),
            Key::Incoming(peer, transfer) => {
                self.step_incoming(server, &(peer, transfer), destination::Input::Timer(timer));
            }
        }
    }
}

/// The first digits of an identifier.
#[must_use]
pub fn short(id: &[u8; 16]) -> String {
    id[..3].iter().map(|byte| format!("{byte:02x}")).collect()
}
