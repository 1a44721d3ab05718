//! What must hold after every step.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::client::{Ending, Stage, Standing, What};
use baton_core::session::{self, State};
use baton_core::transfer::destination;
use baton_core::transfer::origin::Outgoing;
use baton_protocol::model::{Author, Body, Entry, Share, document_line};
use baton_protocol::{ChatId, MessageId};

use crate::event::{CustomerId, ServerId};
use crate::ghost::Where;
use crate::server::{StoredChat, server_of};
use crate::world::World;

/// What must be in a transcript, by the id that it has there.
type Needed = BTreeMap<MessageId, Original>;

/// A message as it was said.
#[derive(Clone, Copy)]
struct Original {
    /// Its own id.
    id: MessageId,
    /// Whether the customer said it.
    by_customer: bool,
    /// Whether it is a document.
    document: bool,
}

impl World {
    /// A chat as its server knows it now; as it is stored, where the server is down.
    pub fn look(&self, chat: &Where) -> Option<&session::Record> {
        let server = &self.servers[chat.0];
        let here = server.memory.as_ref().and_then(|memory| memory.chats.get(&chat.1));
        here.map(|chat| &chat.record).or_else(|| server.store.chats.get(&chat.1).map(|stored| &stored.record))
    }

    /// Whether the server says and accepts something in this chat now.
    pub fn serves(&self, chat: &Where) -> bool {
        self.servers[chat.0].memory.is_some()
            && self
                .look(chat)
                .is_some_and(|record| !matches!(record.state, State::Ended(_)) && record.outgoing.serves())
    }

    /// Whether the chat belongs to a conversation that its customer knows of. A hello that was repeated because
    /// its welcome was lost leaves chats behind that do not.
    pub fn is_member(&self, chat: &Where) -> bool {
        let Some(known) = self.ghost.chats.get(chat) else { return false };
        self.customers[known.customer].roots.contains(chat)
            || self.ghost.parent(chat).is_some_and(|(parent, _)| self.is_member(&parent))
    }

    /// S6 and the first invariant, after a step of this chat.
    pub fn check_owners(&mut self, server: ServerId, chat: ChatId) {
        let Some(customer) = self.ghost.chats.get(&(server, chat)).map(|known| known.customer) else {
            return;
        };
        let chats: Vec<Where> = self.chats_of(customer).filter(|chat| self.is_member(chat)).collect();
        let serving: Vec<Where> = chats.iter().filter(|chat| self.serves(chat)).copied().collect();
        if serving.len() < 2 {
            return;
        }
        if !self.is_settling(customer, &chats) {
            let servers: Vec<ServerId> = serving.iter().map(|chat| chat.0).collect();
            return self.violated(format!("S6: servers {servers:?} serve c{customer} at once"));
        }
        let epoch = self.customers[customer].epoch;
        let owners =
            serving.iter().filter(|chat| self.look(chat).is_some_and(|record| record.epoch == epoch));
        if owners.count() > 1 {
            self.violated(format!("two owners of record for c{customer} at epoch {epoch}"));
        }
    }

    /// Every chat of this customer's.
    pub fn chats_of(&self, customer: CustomerId) -> impl Iterator<Item = Where> + '_ {
        self.ghost.chats.iter().filter(move |(_, known)| known.customer == customer).map(|(chat, _)| *chat)
    }

    /// Whether an adoption or a reclaim is in progress.
    fn is_settling(&self, customer: CustomerId, chats: &[Where]) -> bool {
        let stage = self.customers[customer].storage.values().filter_map(|record| record.hop.as_ref());
        let torn = |hop: &baton_core::client::Hop| matches!(hop.stage, Stage::Frozen | Stage::Reclaiming);
        stage.into_iter().any(torn)
            || chats.iter().any(|chat| {
                self.look(chat).is_some_and(|record| matches!(record.outgoing, Outgoing::Reclaimed(_)))
                    || self.is_provisional(chat)
            })
    }

    /// Whether the chat was taken over and its origin has not spoken yet.
    pub fn is_provisional(&self, chat: &Where) -> bool {
        self.arrival(chat).is_some_and(|record| {
            matches!(record.state, destination::State::Active { provisional: true, .. })
        })
    }

    /// The incoming transfer that a chat came by.
    pub fn arrival(&self, chat: &Where) -> Option<&destination::Record> {
        let came = self.look(chat)?.came.clone()?;
        let name = (came.peer, came.transfer);
        let server = &self.servers[chat.0];
        let here = server.memory.as_ref().and_then(|memory| memory.incoming.get(&name));
        here.map(|incoming| &incoming.record).or_else(|| server.store.incoming.get(&name))
    }

    /// No agent has more chats than places, after one was given to them.
    pub fn check_places(&mut self, server: ServerId) {
        let Some(memory) = self.servers[server].memory.as_ref() else { return };
        let over = self.servers[server].agents.iter().find(|agent| {
            let (chats, seats) =
                (memory.queue.chats_of(&agent.profile.login), memory.queue.seats_of(&agent.profile.login));
            chats.len() + seats.len() > agent.profile.max_chats as usize
        });
        if let Some(login) = over.map(|agent| agent.profile.login.clone()) {
            // A second step (D6) that is called off keeps its place once more when the store refuses to, beside the
            // one that the same customer has again in the holding session.
            if !self.faults.contains_key("store refuses") {
                self.violated(format!("A5: {login} of s{server} has more chats than places"));
            }
        }
    }

    /// A message was acknowledged: it is durable at that server.
    pub fn check_stored(&mut self, server: ServerId, message: MessageId) {
        let line = self.ghost.messages.get(&message).and_then(|sha256| document_line(sha256));
        let has = |stored: &StoredChat| log_of(stored).any(|(id, _)| id == message || Some(id) == line);
        if !self.servers[server].store.chats.values().any(has) {
            self.violated(format!("S2: s{server} acknowledged {message:?}, which it has not stored"));
        }
    }

    /// After a restart: everybody's log is as whole as it was.
    pub fn check_logs(&mut self, _: ServerId) {
        for customer in 0..self.customers.len() {
            self.check_journey(customer);
        }
    }

    /// The chat that owns the customer by the customer's own register, once its server has heard of it.
    pub fn owner(&self, customer: CustomerId) -> Option<Where> {
        let record = self.customers[customer].record()?;
        let Standing::Session { chat, .. } = record.standing else { return None };
        let owner = (server_of(&record.socket)?, chat);
        let stored = self.servers[owner.0].store.chats.get(&owner.1)?;
        (stored.record.epoch == record.epoch).then_some(owner)
    }

    /// S2, S4 and S5: the owner has everything that was said before, in order, unless policy withheld it; and the
    /// customer has seen nothing that the owner has not.
    pub fn check_journey(&mut self, customer: CustomerId) {
        let Some(owner) = self.owner(customer) else { return };
        let Some(stored) = self.servers[owner.0].store.chats.get(&owner.1) else { return };
        let log: BTreeSet<MessageId> = log_of(stored).map(|(id, _)| id).collect();
        let wrong = self.out_of_order(stored);
        let bare = self.bare_line(stored);
        let needed = self.inherited(&owner);
        let missing = needed.keys().find(|id| !log.contains(id)).copied();
        if let Some(id) = missing {
            self.violated(format!("S2: s{} owns c{customer} and has not {id:?}", owner.0));
        }
        if let Some(what) = bare {
            self.violated(format!("documents: s{} has {what} without its document", owner.0));
        }
        if let Some(what) = wrong {
            self.violated(format!("S4: {what} is out of order at s{}", owner.0));
        }
        self.check_lines(customer);
    }

    /// What was said at the servers before, as far as it must be here.
    fn inherited(&self, chat: &Where) -> Needed {
        let Some((parent, transfer)) = self.ghost.parent(chat) else { return Needed::new() };
        if self.is_provisional(chat) || self.was_cut(chat) {
            return Needed::new();
        }
        let Some(stored) = self.servers[parent.0].store.chats.get(&parent.1) else { return Needed::new() };
        let mut needed = if self.was_cut(&parent) { Needed::new() } else { self.inherited(&parent) };
        let from = if self.was_cut(&parent) { stored.record.view_from } else { 0 };
        let own = stored.entries.iter().filter(|entry| entry.seq >= from);
        needed.extend(own.filter_map(|entry| {
            let by_customer = entry.author == Author::Customer;
            let original = Original { id: entry.id, by_customer, document: false };
            match &entry.body {
                Body::Text(_) => Some((entry.id, original)),
                Body::Note(_) => Some((entry.id, Original { by_customer: false, ..original })),
                Body::Document(card) => {
                    Some((document_line(&card.sha256)?, Original { document: true, ..original }))
                }
                Body::Event(_) => None,
            }
        }));
        let Some(order) = self.ghost.orders.get(&transfer) else { return Needed::new() };
        match &order.share {
            Share::All => {}
            Share::Part(edits) => needed.retain(|id, original| {
                let named = [*id, original.id];
                original.by_customer && !named.iter().any(|id| edits.leave_out.contains(id))
            }),
            Share::Nothing => needed.clear(),
        }
        needed.retain(|_, original| !order.marked && (order.documents || !original.document));
        needed
    }

    /// A line of a document in a transcript whose document was not announced.
    fn bare_line(&self, stored: &StoredChat) -> Option<String> {
        let context = stored.context.as_ref()?;
        let lines = context.transcript.iter().filter_map(|line| self.ghost.lines.get(&line.id));
        let known = |sha256: &&String| context.documents.iter().any(|it| it.sha256 == **sha256);
        lines.into_iter().find(|sha256| !known(sha256)).map(|sha256| format!("the line of {}", &sha256[..6]))
    }

    /// Whether a transfer within the server has withheld anything of this chat.
    fn was_cut(&self, chat: &Where) -> bool {
        let cut =
            |order: &crate::ghost::Order| order.chat == *chat && !order.away && order.share != Share::All;
        self.ghost.orders.values().any(cut)
    }

    fn out_of_order(&self, stored: &StoredChat) -> Option<String> {
        let mut last: BTreeMap<&str, u32> = BTreeMap::new();
        // What was said before a transfer within the server is in the context, as far as the next agent may see it.
        let seen = stored.entries.iter().filter(|entry| entry.seq < stored.record.view_from);
        let before: BTreeSet<MessageId> = seen.filter_map(|entry| said(entry)).map(|(id, _)| id).collect();
        let context = stored.context.iter().flat_map(|context| &context.transcript).count();
        let log = log_of(stored).enumerate().filter(|(at, (id, _))| *at < context || !before.contains(id));
        let late = |id: &MessageId| {
            let paper = self.ghost.lines.get(id).and_then(|sha256| self.ghost.papers.get(sha256));
            paper.is_some_and(|paper| self.ghost.unknown.contains(&paper.message))
        };
        let log = log.filter(|(_, (id, _))| !late(id) && !self.ghost.undecided.contains(id));
        log.map(|(_, line)| line).find_map(|(_, text)| {
            let (sender, number) = text.strip_suffix('>')?.split_once(':')?;
            let number: u32 = number.parse().ok()?;
            let before = last.insert(sender, number)?;
            (number <= before).then(|| {
                let texts: Vec<&str> = log_of(stored).map(|(_, text)| text).collect();
                format!("{text} in {texts:?}")
            })
        })
    }

    /// What the customer's window shows: nothing twice, and nothing that no server has.
    fn check_lines(&mut self, customer: CustomerId) {
        let Some(record) = self.customers[customer].record() else { return };
        let mut ids: Vec<MessageId> = record.lines.iter().map(|line| line.id).collect();
        let agents =
            record.lines.iter().filter(|line| matches!(line.what, What::Agent(..) | What::AgentDocument(..)));
        let unknown = agents.map(|line| line.id).find(|id| {
            let mut chats = self.chats_of(customer).filter(|chat| self.is_member(chat));
            !chats.any(|chat| {
                let stored = self.servers[chat.0].store.chats.get(&chat.1);
                stored.is_some_and(|stored| stored.entries.iter().any(|entry| entry.id == *id))
            })
        });
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < count {
            self.violated(format!("S1: c{customer} is shown something twice"));
        }
        if let Some(id) = unknown {
            self.violated(format!("S5: c{customer} has seen {id:?}, which no server of theirs has"));
        }
    }

    /// A chat is over for its customer: because somebody ended it.
    pub fn check_ending(&mut self, customer: CustomerId) {
        if let Some(ending) = self.customers[customer].done.clone()
            && !matches!(ending, Ending::Ended(_))
        {
            self.violated(format!("c{customer} is left with {ending:?}"));
        }
    }
}

/// What a server has of a conversation, the oldest first.
pub fn log_of(stored: &StoredChat) -> impl Iterator<Item = (MessageId, &str)> {
    let before = stored.context.iter().flat_map(|context| &context.transcript);
    let before = before.map(|entry| (entry.id, entry.text.as_str()));
    before.chain(stored.entries.iter().filter_map(|entry| said(entry)))
}

/// What an entry says, and the id that it has in a transcript.
fn said(entry: &Entry) -> Option<(MessageId, &str)> {
    match &entry.body {
        Body::Text(text) | Body::Note(text) => Some((entry.id, text)),
        Body::Document(card) => Some((document_line(&card.sha256)?, &card.name)),
        Body::Event(_) => None,
    }
}
