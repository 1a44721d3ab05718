//! The store: batches become durable one after the other, or fail; and death, which keeps only what was durable.

use baton_core::queue;
use baton_core::session::{self, Chat};
use baton_core::transfer::destination::{self, Incoming};
use baton_protocol::{ChatId, CloseCode, TransferId};

use crate::event::{Event, Key, ServerId};
use crate::mutant::Mutant;
use crate::server::{Memory, Op, Server, StoredChat};
use crate::socket::{Bound, Conn};
use crate::world::World;

impl World {
    /// The store has finished its oldest batch.
    pub fn committed(&mut self, server: ServerId, life: u32, batch: u64) {
        if !self.lives(server, life) || self.boundary(server) {
            return;
        }
        let Some(batch) = self.memory(server).and_then(|memory| memory.batches.remove(&batch)) else {
            return;
        };
        let refused = !batch.ops.is_empty() && self.fate.chance(self.weather.stores);
        if refused && self.strikes("store refuses") {
            for key in batch.keys {
                self.evict(server, &key);
            }
            return;
        }
        let context = batch.ops.iter().find_map(|op| match op {
            Op::Context(chat, _) => Some((server, *chat)),
            _ => None,
        });
        for op in batch.ops {
            self.store(server, op);
        }
        if let Some(chat) = context {
            self.check_stored_context(chat);
        }
        for key in &batch.keys {
            if let Some(count) = self.memory(server).and_then(|memory| memory.unfinished.get_mut(key)) {
                *count = count.saturating_sub(1);
            }
        }
        if self.boundary(server) {
            return;
        }
        self.deliver(server, batch.outward);
    }

    fn store(&mut self, server: ServerId, mut op: Op) {
        self.twist_op(&mut op);
        if self.loses_op(&op) {
            return;
        }
        self.ghost_stored(server, &op);
        let store = &mut self.servers[server].store;
        match op {
            Op::Chat(record) => {
                if let Some(stored) = store.chats.get_mut(&record.id) {
                    stored.record = *record;
                } else {
                    let stored = StoredChat { record: *record, context: None, entries: Vec::new() };
                    store.chats.insert(stored.record.id, stored);
                }
            }
            Op::Context(chat, context) => {
                if let Some(stored) = store.chats.get_mut(&chat) {
                    stored.context = Some(*context);
                }
            }
            Op::Append(chat, entry) => {
                if let Some(stored) = store.chats.get_mut(&chat) {
                    stored.entries.push(entry);
                }
            }
            Op::Incoming(record) => {
                store.incoming.insert((record.peer.clone(), record.transfer), *record);
            }
        }
    }

    /// The state in memory is ahead of what is stored: what followed from it is dropped, and the machine is
    /// loaded again. What goes out only after the batches of this machine never goes out.
    fn evict(&mut self, server: ServerId, key: &Key) {
        self.note(|world| format!("{} evicts {key:?}", world.servers[server].name));
        let Some(memory) = self.memory(server) else { return };
        let mut also = Vec::new();
        for batch in memory.batches.values_mut().filter(|batch| batch.keys.contains(key)) {
            also.extend(batch.keys.iter().filter(|other| *other != key).cloned());
            batch.ops.clear();
            batch.outward.clear();
            batch.keys.clear();
        }
        memory.unfinished.remove(key);
        memory.timers.retain(|(name, _), _| name != key);
        match key {
            Key::Chat(id) => {
                let lost = memory.chats.remove(id);
                self.hang_up(server, *id, lost.as_ref().and_then(Chat::agent_login));
                if self.load_chat(server, *id) {
                    self.step_chat(server, *id, session::Input::Restore);
                } else {
                    let login = lost.as_ref().and_then(Chat::agent_login).map(str::to_owned);
                    self.tell_queue(server, queue::Input::Leave(*id));
                    login.into_iter().for_each(|it| self.tell_queue(server, queue::Input::Free(it, *id)));
                }
            }
            Key::Incoming(peer, transfer) => {
                let incoming = memory.incoming.remove(&(peer.clone(), *transfer));
                self.ghost.promised.remove(&(server, peer.clone(), *transfer));
                // The customer's word may be among what is lost.
                let name = (peer.clone(), *transfer);
                self.close_bound(server, &Bound::Arriving(name.0.clone(), name.1));
                if let Some(destination::State::Active { chat, .. }) = incoming.map(|it| it.record.state) {
                    self.close_bound(server, &Bound::Customer(chat));
                }
                if self.load_incoming(server, &name) {
                    self.step_incoming(server, &name, destination::Input::Restore);
                } else {
                    // Its first step is what was refused: its place is nobody's.
                    self.tell_queue(server, queue::Input::GiveBack(name));
                }
            }
        }
        for other in also {
            self.evict(server, &other);
        }
    }

    /// Whoever has told a chat something that is lost now must tell it again: its customer, and its agent as the
    /// lost state had it and as the stored one has.
    fn hang_up(&mut self, server: ServerId, chat: ChatId, login: Option<&str>) {
        self.close_bound(server, &Bound::Customer(chat));
        let stored = self.servers[server].store.chats.get(&chat);
        let stored = stored.and_then(|stored| match &stored.record.state {
            session::State::Active { login, .. } => Some(login.clone()),
            _ => None,
        });
        for login in stored.into_iter().chain(login.map(str::to_owned)) {
            let consoles = self.memory(server).and_then(|memory| memory.consoles.get(&login)).cloned();
            for conn in consoles.unwrap_or_default() {
                self.close_by_server(conn, CloseCode::Internal);
            }
        }
    }

    fn close_bound(&mut self, server: ServerId, bound: &Bound) {
        if self.is(Mutant::LossNotTold) {
            return;
        }
        let fits = |conn: &Conn| conn.is_of(server) && conn.bound == *bound;
        let conns: Vec<u64> = self.conns.iter().filter(|(_, conn)| fits(conn)).map(|(id, _)| *id).collect();
        conns.into_iter().for_each(|conn| self.close_by_server(conn, CloseCode::Internal));
    }

    /// Whether the chat is in memory now.
    pub fn load_chat(&mut self, server: ServerId, id: ChatId) -> bool {
        let Server { memory: Some(memory), store, .. } = &mut self.servers[server] else { return false };
        if memory.chats.contains_key(&id) {
            return true;
        }
        let Some(stored) = store.chats.get(&id) else { return false };
        let chat = Chat::load(
            through_json(&stored.record),
            stored.context.clone().map(Box::new),
            stored.entries.clone(),
        );
        memory.chats.insert(id, chat);
        true
    }

    /// Whether the incoming transfer is in memory now.
    pub fn load_incoming(&mut self, server: ServerId, name: &(String, TransferId)) -> bool {
        let Server { memory: Some(memory), store, .. } = &mut self.servers[server] else { return false };
        if memory.incoming.contains_key(name) {
            return true;
        }
        let Some(record) = store.incoming.get(name) else { return false };
        memory.incoming.insert(name.clone(), Incoming::load(through_json(record)));
        true
    }

    /// A place at which a server may die. Whether it did.
    pub fn boundary(&mut self, server: ServerId) -> bool {
        match self.servers[server].armed.as_mut() {
            None => false,
            Some(0) => self.crash(server),
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    /// The server dies, and is started again after a while. Whether it did.
    fn crash(&mut self, server: ServerId) -> bool {
        self.servers[server].armed = None;
        let dies = self.servers[server].memory.is_some() && self.strikes("server killed");
        if dies {
            self.die(server);
        }
        dies
    }

    /// Everything that was not stored is gone.
    pub fn die(&mut self, server: ServerId) {
        self.servers[server].armed = None;
        if self.servers[server].memory.take().is_none() {
            return;
        }
        self.note(|world| format!("{} dies", world.servers[server].name));
        // Side conversations are not stored.
        self.ghost.promised.retain(|(at, ..), _| *at != server);
        let conns: Vec<u64> =
            self.conns.iter().filter(|(_, conn)| conn.is_of(server)).map(|(id, _)| *id).collect();
        for conn in conns {
            self.cut_conn(conn);
        }
        let most = if self.fate.chance(200) { 60_000 } else { 6_000 };
        let down = self.fate.range(200, most);
        self.later(down, Event::Restart { server });
    }

    /// The server is up again: what is open goes back to work.
    pub fn restart(&mut self, server: ServerId) {
        if self.servers[server].memory.is_some() || self.servers[server].dead {
            return;
        }
        self.servers[server].memory = Some(Memory::of(&self.servers[server].settings));
        self.servers[server].life += 1;
        let life = self.servers[server].life;
        self.note(|world| format!("{} is up again", world.servers[server].name));
        let store = &self.servers[server].store;
        let open = destination::Record::is_open;
        let incoming: Vec<_> =
            store.incoming.iter().filter(|(_, record)| open(record)).map(|(name, _)| name.clone()).collect();
        let open = |stored: &StoredChat| stored.record.is_needed();
        let chats: Vec<_> =
            store.chats.iter().filter(|(_, stored)| open(stored)).map(|(id, _)| *id).collect();
        if !self.is(Mutant::IncomingNotRestored) {
            for name in incoming {
                self.step_incoming(server, &name, destination::Input::Restore);
            }
        }
        if !self.is(Mutant::ChatsNotRestored) {
            for id in chats {
                self.step_chat(server, id, session::Input::Restore);
            }
        }
        for agent in 0..self.servers[server].agents.len() {
            let login = self.servers[server].agents[agent].profile.login.clone();
            let grace = self.servers[server].settings.times.agent_grace;
            self.later(grace, Event::AgentGone { server, life, login });
        }
        self.check_logs(server);
    }

    /// An agent has been away for a while. The queue manager itself checks that nobody is logged in.
    pub fn agent_gone(&mut self, server: ServerId, life: u32, login: String) {
        if self.lives(server, life) {
            self.tell_queue(server, queue::Input::Gone(login.clone()));
            self.end_asides_of(server, &login);
        }
    }
}

/// A record as it is after it was written and read.
fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(record: &T) -> T {
    let json = serde_json::to_vec(record).expect("records can be written");
    serde_json::from_slice(&json).expect("records can be read")
}
