//! What really happened: who each chat belongs to, what each agent chose to send. Nobody in the world reads it.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::effect::{Answer, CallRequest};
use baton_core::policy::Class;
use baton_core::session::Chat;
use baton_core::transfer::destination::State;
use baton_core::transfer::origin::Outgoing;
use baton_protocol::federation::Denial;
use baton_protocol::model::{Author, Context, Edits, PriorEntry, Share, Stage};
use baton_protocol::{ChatId, SecretDigest, TransferId, Verifier};

use crate::customer::token;
use crate::event::{CustomerId, Key, ServerId};
use crate::server::{Op, Store};
use crate::socket::Side;
use crate::world::World;

/// A chat, wherever it is.
pub type Where = (ServerId, ChatId);

/// What is known of a chat.
#[derive(Clone, Debug)]
pub struct Known {
    /// Whose it is.
    pub customer: CustomerId,
    /// The transfer that it came by, and the server that it came from.
    pub came: Option<(ServerId, TransferId)>,
}

/// What an agent ordered.
#[derive(Clone, Debug)]
pub struct Order {
    /// The chat.
    pub chat: Where,
    /// What may be sent, by the rules that the simulator knows by heart.
    pub share: Share,
    /// Whether it leads to another server.
    pub away: bool,
}

/// What really happened.
#[derive(Debug, Default)]
pub struct Ghost {
    /// Every chat that was ever founded.
    pub chats: BTreeMap<Where, Known>,
    /// Every transfer that was ever asked for.
    pub orders: BTreeMap<TransferId, Order>,
    /// How far an agent was told that a transfer is.
    pub told: BTreeMap<(ServerId, ChatId, TransferId), Stage>,
    /// The chat that each incoming transfer led to.
    pub arrivals: BTreeMap<(ServerId, String, TransferId), ChatId>,
    /// Transfers whose destination took the customer over without asking.
    pub adopted: BTreeSet<TransferId>,
    /// Transfers from which the customer came back.
    pub reclaimed: BTreeSet<TransferId>,
    /// What was shown at each door.
    pub claims: BTreeMap<(ServerId, SecretDigest), Verifier>,
}

impl Ghost {
    /// The verifier of a claim that is of no use any more.
    pub fn burnt(
        &self,
        server: ServerId,
        peer: &str,
        transfer: TransferId,
        store: &Store,
    ) -> Option<Verifier> {
        let record = store.incoming.get(&(peer.to_owned(), transfer))?;
        let burnt = match record.state {
            State::Settled(_) | State::Fenced | State::Rejected => true,
            State::Active { accepted, .. } => accepted,
            State::Posted | State::Reserved | State::Claimed(_) => false,
        };
        let verifier = self.claims.get(&(server, record.wtid))?;
        burnt.then(|| verifier.clone())
    }

    /// The chat that a chat came from.
    #[must_use]
    pub fn parent(&self, chat: &Where) -> Option<(Where, TransferId)> {
        let (_, transfer) = self.chats.get(chat)?.came?;
        Some((self.orders.get(&transfer)?.chat, transfer))
    }
}

impl World {
    /// A chat was founded for whoever is at the other end of the connection.
    pub fn ghost_found(&mut self, server: ServerId, chat: &Chat, conn: u64) {
        let Some(Side::Customer(customer, ..)) = self.conns.get(&conn).map(|conn| conn.side) else {
            return self.violated("S7: a chat was founded for a stranger");
        };
        let came = chat.record.came.as_ref().and_then(|came| {
            let from = self.servers.iter().position(|server| server.name == came.peer)?;
            Some((from, came.transfer))
        });
        self.ghost.chats.insert((server, chat.record.id), Known { customer, came });
    }

    /// An agent ordered a transfer.
    pub fn ghost_ordered(
        &mut self,
        server: ServerId,
        chat: ChatId,
        transfer: TransferId,
        class: Class,
        choice: &Share,
        away: bool,
    ) {
        let share = match class {
            Class::SameDepartment => Share::All,
            Class::SameCompany | Class::Partner => choice.clone(),
            Class::Other => Share::Nothing,
        };
        self.ghost.orders.entry(transfer).or_insert(Order { chat: (server, chat), share, away });
    }

    /// A server calls a peer: nothing goes along that should not.
    pub fn ghost_calls(&mut self, from: ServerId, key: &Key, transfer: TransferId, request: &CallRequest) {
        if let (Key::Chat(chat), CallRequest::Transfer(request)) = (key, request) {
            // A second step (D6) is nobody's order, and keeps nothing back.
            let order = Order { chat: (from, *chat), share: Share::All, away: false };
            if self.look(&order.chat).and_then(|record| record.outgoing.attempt()).is_some_and(|it| it.lead) {
                self.ghost.orders.entry(transfer).or_insert(order);
            }
            self.check_context(&(from, *chat), transfer, &request.context);
        }
        match request {
            CallRequest::Commit(commit) if commit.adopt => self.ghost.adopted.insert(transfer),
            CallRequest::Cancel(cancel) if cancel.reclaimed.is_some() => {
                self.ghost.reclaimed.insert(transfer)
            }
            _ => false,
        };
    }

    /// A server answers a peer: nothing goes along that should not.
    pub fn ghost_replies(&mut self, _: ServerId, answer: &Result<Answer, Denial>, call: u64) {
        let Ok(Answer::Release(release)) = answer else { return };
        let Some(transfer) = self.transfer_of(call) else { return };
        let Some(order) = self.ghost.orders.get(&transfer) else {
            return self.violated("a release of a transfer that nobody ordered");
        };
        let allowed = |entry: &PriorEntry| match &order.share {
            Share::All => true,
            Share::Part(_) => entry.author == Author::Customer,
            Share::Nothing => false,
        };
        if let Some(entry) = release.tail.iter().find(|entry| !allowed(entry)).cloned() {
            self.violated(format!("policy: the tail has {entry:?}"));
        }
    }

    /// Something became durable.
    pub fn ghost_stored(&mut self, server: ServerId, op: &Op) {
        match op {
            Op::Chat(record) => {
                if let Outgoing::Settled(settled) = &record.outgoing
                    && let Some(known) = self.ghost.chats.get(&(server, record.id))
                {
                    let epoch = self.customers[known.customer].epoch;
                    if epoch <= settled.attempt.epoch {
                        self.violated(format!("S3: s{server} is settled, the customer's epoch is {epoch}"));
                    }
                }
            }
            Op::Incoming(record) => {
                if let State::Active { chat, .. } = record.state {
                    let name = (server, record.peer.clone(), record.transfer);
                    let first = *self.ghost.arrivals.entry(name).or_insert(chat);
                    if first != chat {
                        self.violated(format!("S7: a WTID of s{server} led to two chats"));
                    }
                }
            }
            Op::Append(chat, entry) => {
                let stored = self.servers[server].store.chats.get(chat);
                let twice = stored.is_some_and(|stored| {
                    let before = stored.context.iter().flat_map(|context| &context.transcript);
                    stored.entries.iter().any(|old| old.id == entry.id || old.seq >= entry.seq)
                        || before.into_iter().any(|old| old.id == entry.id)
                });
                if twice {
                    self.violated(format!("S1: s{server} stores {entry:?} twice"));
                }
            }
            Op::Context(..) => {}
        }
    }

    /// A context was stored, with everything else of its step.
    pub fn check_stored_context(&mut self, chat: Where) {
        let Some(stored) = self.servers[chat.0].store.chats.get(&chat.1) else { return };
        let Some(context) = stored.context.clone() else { return };
        let passed = stored.record.passed.as_ref().map(|passed| passed.transfer);
        let mut ids: Vec<_> = context.transcript.iter().map(|entry| entry.id).collect();
        // What was said before a transfer within the server is in the log, and in the context for the next agent.
        let visible = stored.entries.iter().filter(|entry| entry.seq >= stored.record.view_from);
        ids.extend(visible.map(|entry| entry.id));
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < count {
            self.violated(format!("S1: the context of a chat of s{} repeats an entry", chat.0));
        }
        if let Some(transfer) = passed {
            self.check_context(&chat, transfer, &context);
        }
    }

    /// A context holds what the order permits, and no more.
    fn check_context(&mut self, chat: &Where, transfer: TransferId, context: &Context) {
        let Some(order) = self.ghost.orders.get(&transfer) else {
            return self.violated("a context of a transfer that nobody ordered");
        };
        let Some(known) = self.ghost.chats.get(chat) else { return };
        let json = serde_json::to_string(context).unwrap_or_default();
        let leaked = match &order.share {
            Share::All => None,
            Share::Nothing => json
                .contains(&token(known.customer))
                .then_some("something")
                .or_else(|| json.contains("<a").then_some("an agent's words")),
            Share::Part(edits) => leaked(context, edits, &json, known.customer),
        };
        if let Some(what) = leaked {
            self.violated(format!("policy: {what} leaves s{} although it was withheld", chat.0));
        }
    }
}

fn leaked(context: &Context, edits: &Edits, json: &str, customer: CustomerId) -> Option<&'static str> {
    let black = |entry: &PriorEntry| entry.text.chars().all(|letter| letter == '█');
    let redacted = |entry: &&PriorEntry| edits.redact.iter().any(|redaction| redaction.id == entry.id);
    if context.transcript.iter().any(|entry| edits.leave_out.contains(&entry.id)) {
        Some("an entry that was left out")
    } else if context.transcript.iter().filter(redacted).any(|entry| !black(entry)) {
        Some("a redacted entry")
    } else if edits.without_identity && json.contains(&format!("{}name", token(customer))) {
        Some("the customer's name")
    } else if edits.without_notes && context.transcript.iter().any(|entry| entry.note) {
        Some("a note")
    } else {
        None
    }
}
