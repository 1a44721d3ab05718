//! What must hold in the end, when nothing has broken for a while: everybody is well, and nothing is left over.

use std::collections::BTreeSet;

use baton_core::client::{Connection, Ending, MAX_LINES, Standing};
use baton_core::session::State;
use baton_core::transfer::origin::Outgoing;
use baton_protocol::model::{Body, Entry};
use baton_protocol::{ChatId, MessageId};

use crate::agent::{Agent, Window};
use crate::event::{CustomerId, ServerId};
use crate::ghost::Where;
use crate::server::server_of;
use crate::world::World;

impl World {
    /// The last look at everything.
    pub fn judge(&mut self) {
        for customer in 0..self.customers.len() {
            self.check_journey(customer);
            if let Some(what) = self.is_unwell(customer) {
                self.violated(format!("liveness: c{customer} {what}"));
            }
        }
        for server in 0..self.servers.len() {
            if let Some(what) = self.is_untidy(server) {
                self.violated(format!("liveness: s{server} {what}"));
            }
        }
        let chats: Vec<Where> = self.ghost.chats.keys().copied().collect();
        for chat in chats {
            if let Some(what) = self.is_left_over(&chat) {
                self.violated(format!("liveness: a chat of s{} {what}", chat.0));
            }
        }
    }

    fn is_unwell(&self, id: CustomerId) -> Option<String> {
        let customer = &self.customers[id];
        if matches!(customer.done, Some(Ending::Ended(_))) {
            return None;
        }
        // Whoever was with a server that is dead for good has lost the chat with it, and nothing else can help.
        let with = customer.record().and_then(|record| server_of(&record.socket)).unwrap_or(customer.site);
        if self.servers[with].dead || self.servers[customer.site].dead {
            return None;
        }
        let Some(record) = customer.client.record() else { return Some("has no chat".into()) };
        let view = customer.client.view();
        if view.connection != Connection::Online || !matches!(record.standing, Standing::Session { .. }) {
            return Some(format!(
                "is {:?}, at {:?}",
                view.connection,
                record.hop.as_ref().map(|hop| hop.stage)
            ));
        }
        if record.outbox().next().is_some() {
            return Some("has messages that nobody acknowledges".into());
        }
        let Some(owner) = self.owner(id) else { return Some("has no owner".into()) };
        if let Some(entry) = self.is_missing(id, &owner) {
            return Some(format!("was never shown {entry:?}"));
        }
        // What a server that is dead for good has not given, nobody has.
        let dead = self.chats_of(id).any(|chat| self.servers[chat.0].dead);
        if let Some(what) = self.lacks_document(&owner).filter(|_| !dead) {
            return Some(what);
        }
        let server = &self.servers[owner.0];
        let Some(chat) = server.memory.as_ref().and_then(|memory| memory.chats.get(&owner.1)) else {
            return Some("has an owner who has forgotten it".into());
        };
        let conn = chat.conn().and_then(|conn| self.conns.get(&conn.0));
        if !conn.is_some_and(|conn| conn.is_by(id)) {
            return Some("is not connected by its owner's word".into());
        }
        if !matches!(chat.record.state, State::Active { .. }) || !chat.record.outgoing.serves() {
            return Some(format!("is {:?} and {:?}", chat.record.state, chat.record.outgoing));
        }
        None
    }

    /// A message of the owner's that the customer's window does not have.
    fn is_missing(&self, id: CustomerId, owner: &Where) -> Option<Entry> {
        let stored = self.servers[owner.0].store.chats.get(&owner.1)?;
        let record = self.customers[id].client.record()?;
        let shown: BTreeSet<MessageId> = record.lines.iter().map(|line| line.id).collect();
        // A long window forgets its oldest lines.
        let whole = record.lines.len() < MAX_LINES;
        let said = |entry: &&Entry| matches!(entry.body, Body::Text(_) | Body::Document(_));
        let mut texts = stored.entries.iter().map(|entry| &**entry).filter(said);
        texts.find(|entry| whole && !shown.contains(&entry.id)).cloned()
    }

    /// The queue manager's view and the chats' own agree.
    fn is_untidy(&self, server: ServerId) -> Option<String> {
        let memory = self.servers[server].memory.as_ref()?;
        for agent in &self.servers[server].agents {
            let login = &agent.profile.login;
            let has = |chat: &ChatId| {
                let found = memory.chats.get(chat);
                found.is_some_and(|chat| chat.agent_login() == Some(login) && chat.is_open())
            };
            if let Some(chat) = memory.queue.chats_of(login).iter().find(|chat| !has(chat)) {
                return Some(format!("keeps a place of {login} for {chat:?}, which is not theirs"));
            }
        }
        if let Some(what) = self.shows_others(server) {
            return Some(what);
        }
        let waits = |chat: &ChatId| {
            memory.chats.get(chat).is_some_and(|chat| matches!(chat.record.state, State::Waiting { .. }))
        };
        if let Some((chat, ..)) = memory.queue.places().iter().find(|(chat, ..)| !waits(chat)) {
            return Some(format!("has {chat:?} in its queue, who does not wait"));
        }
        memory.chats.values().find_map(|chat| {
            let login = chat.agent_login()?;
            let idle = !chat.is_open() || !chat.record.outgoing.serves();
            let held = memory.queue.chats_of(login).contains(&chat.record.id);
            if !idle && !held {
                return Some(format!("gave away the place of {:?} with {login}", chat.record.id));
            }
            let has = |agent: &&Agent| agent.profile.login == *login && agent.ready;
            let agent = self.servers[server].agents.iter().find(has)?;
            let shown = agent.windows.get(&chat.record.id).is_some_and(Window::is_open);
            (!idle && !shown).then(|| format!("does not show {:?} to {login}", chat.record.id))
        })
    }

    /// A chat that is white in a console, and not its agent's (A7).
    fn shows_others(&self, server: ServerId) -> Option<String> {
        let memory = self.servers[server].memory.as_ref()?;
        self.servers[server].agents.iter().find_map(|agent| {
            let login = &agent.profile.login;
            let own = |chat: &ChatId| {
                memory.chats.get(chat).is_some_and(|chat| chat.agent_login() == Some(login) && chat.is_open())
            };
            let mut open = agent.windows.iter().filter(|(_, window)| window.is_open());
            let other = open.find(|(chat, _)| !own(chat)).filter(|_| agent.console.is_some());
            other.map(|(chat, _)| format!("still shows {chat:?} to {login}"))
        })
    }

    fn is_dead(&self, name: &str) -> bool {
        self.servers.iter().any(|server| server.name == name && server.dead)
    }

    /// A chat that is nobody's any more is over, and says so.
    fn is_left_over(&self, chat: &Where) -> Option<String> {
        let customer = self.ghost.chats.get(chat)?.customer;
        if self.owner(customer) == Some(*chat) {
            return None;
        }
        // What a dead server can neither say nor hear stays open here.
        if self.chats_of(customer).any(|chat| self.servers[chat.0].dead) {
            return None;
        }
        if self.serves(chat) {
            return Some(format!("still serves c{customer}, who is elsewhere"));
        }
        let record = self.look(chat)?;
        let done = self.customers[customer].done.is_some();
        match &record.outgoing {
            Outgoing::Released(_) if !done => Some("was never settled".into()),
            Outgoing::Requested(_) | Outgoing::Permitted(_) | Outgoing::Offered(_) => {
                Some("is still about to leave".into())
            }
            // Who is dead for good never hears it.
            Outgoing::Reclaimed(there) if !self.is_dead(&there.attempt.peer) => {
                Some("still tells its destination that the customer is back".into())
            }
            _ if self.is_provisional(chat) && !done => Some("was never merged".into()),
            _ => None,
        }
    }
}
