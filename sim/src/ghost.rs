//! What really happened: who each chat belongs to, what each agent chose to send. Nobody in the world reads it.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::effect::{Answer, CallRequest};
use baton_core::policy::Class;
use baton_core::session::{self, Chat, Target};
use baton_core::transfer::destination::State;
use baton_core::transfer::origin::Outgoing;
use baton_protocol::federation::Denial;
use baton_protocol::model::{Author, Body, Context, Destination, Edits, Event, PriorEntry, Share, Stage};
use baton_protocol::{ChatId, MessageId, SecretDigest, Seq, TransferId, Verifier};

use crate::consult::Sides;
use crate::customer::token;
use crate::event::{CustomerId, Key, ServerId};
use crate::papers::Paper;
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
    /// The last entry that the agent could see and edit.
    pub seen: Seq,
    /// Whether the agreement lets documents go.
    pub documents: bool,
    /// Whether it must not be carried out at all.
    pub denied: bool,
    /// Transfers within servers that had been carried out before.
    pub passes: usize,
    /// Whether the chat was marked as confidential by then or since: less may be sent than must not be withheld.
    pub marked: bool,
    /// Whether it was marked since so that nothing may leave any more.
    pub hushed: bool,
    /// How near the other server is; none for a second step (D6).
    pub class: Option<Class>,
}

/// A transfer within a server that was carried out.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The chat.
    pub chat: Where,
    /// The transfer.
    pub transfer: TransferId,
    /// The first entry that the next agent sees.
    pub view_from: Seq,
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
    /// Files that were ever uploaded.
    pub uploads: usize,
    /// Documents that were ever said, by their hashes.
    pub papers: BTreeMap<String, Paper>,
    /// The same by the ids of their lines.
    pub lines: BTreeMap<MessageId, String>,
    /// The same by the ids of the messages that say them.
    pub messages: BTreeMap<MessageId, String>,
    /// Messages that said a document to a server that did not have it. A server that has taken the customer over
    /// without asking refuses it, and may get it later with what was said before: not in its place.
    pub unknown: BTreeSet<MessageId>,
    /// Documents that were spoilt on their way.
    pub spoilt: BTreeSet<String>,
    /// Transfers within a server that were carried out, in their order.
    pub passes: Vec<Pass>,
    /// Chats that are confidential, for good.
    pub confidential: BTreeSet<Where>,
    /// What a chat that came back was joined with.
    pub joins: BTreeMap<Where, Where>,
    /// Lines that two servers put together, of which neither knew whether the other's were said before or after: their
    /// clocks have decided, which may be wrong here.
    pub undecided: BTreeSet<MessageId>,
    /// Side conversations.
    pub sides: BTreeMap<TransferId, Sides>,
    /// The agent who has said aside that they take a customer.
    pub promised: BTreeMap<(ServerId, String, TransferId), String>,
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
    pub fn ghost_ordered(&mut self, chat: Where, transfer: TransferId, target: &Target, choice: &Share) {
        let guard = self.servers[chat.0].guard.filter(|guard| {
            let fits = guard.class.is_none_or(|class| class == target.class);
            fits && self.ghost.confidential.contains(&chat)
        });
        let share = match target.class {
            _ if guard.is_some() => Share::Nothing,
            Class::SameDepartment => Share::All,
            Class::SameCompany | Class::Partner => choice.clone(),
            Class::Other => Share::Nothing,
        };
        let memory = self.servers[chat.0].memory.as_ref();
        let entries = memory.and_then(|memory| memory.chats.get(&chat.1)).map(Chat::entries);
        let order = Order {
            chat,
            share,
            away: matches!(target.destination, Destination::Server { .. }),
            seen: entries.and_then(<[_]>::last).map_or(0, |entry| entry.seq),
            documents: target.bounds.fields.documents,
            denied: guard.is_some_and(|guard| guard.denies),
            passes: self.ghost.passes.len(),
            marked: self.look(&chat).is_some_and(|record| record.confidential),
            hushed: false,
            class: Some(target.class),
        };
        self.ghost.orders.entry(transfer).or_insert(order);
        let own = (self.servers[chat.0].name.clone(), transfer);
        if let Destination::Agent(_) = target.destination {
            self.ghost_promises(chat.0, &own);
        }
    }

    /// Somebody takes the mark of a confidential chat away, if they may.
    pub fn ghost_unmarks(&mut self, chat: Where, login: &str, supervisor: bool, on: bool) {
        let memory = self.servers[chat.0].memory.as_ref();
        let own = memory.and_then(|memory| memory.chats.get(&chat.1)?.agent_login()) == Some(login);
        if !on && (own || supervisor) {
            self.ghost.confidential.remove(&chat);
        }
    }

    /// A chat was marked: nothing that has not left leaves any more, where the rules say so.
    fn ghost_hushes(&mut self, chat: Where) {
        let Some(guard) = self.servers[chat.0].guard else { return };
        let left = self.servers[chat.0].store.chats.get(&chat.1).and_then(|stored| {
            let outgoing = &stored.record.outgoing;
            outgoing.attempt().filter(|_| !outgoing.serves()).map(|attempt| attempt.transfer)
        });
        for (transfer, order) in &mut self.ghost.orders {
            let fits = order.class.is_some_and(|class| guard.class.is_none_or(|other| other == class));
            if order.chat == chat && order.away && fits {
                order.marked = true;
                order.hushed |= left != Some(*transfer);
            }
        }
    }

    /// A server calls a peer: nothing goes along that should not.
    pub fn ghost_calls(
        &mut self,
        (from, to): (ServerId, ServerId),
        key: &Key,
        transfer: TransferId,
        request: &CallRequest,
    ) {
        if let (Key::Chat(chat), CallRequest::Transfer(request)) = (key, request) {
            // A second step (D6) is nobody's order, and keeps nothing back.
            let order = Order {
                chat: (from, *chat),
                share: Share::All,
                away: false,
                seen: Seq::MAX,
                documents: true,
                denied: false,
                passes: self.ghost.passes.len(),
                marked: false,
                hushed: false,
                class: None,
            };
            if from == to {
                self.ghost.orders.entry(transfer).or_insert(order);
            }
            self.check_context(&(from, *chat), transfer, &request.context);
            let hushed = self.ghost.orders.get(&transfer).is_some_and(|order| order.hushed);
            if hushed && !request.context.transcript.is_empty() {
                self.violated(format!("policy: what was said leaves s{from} after it became confidential"));
            }
            if self.ghost.orders.get(&transfer).is_some_and(|order| order.denied) {
                self.violated(format!("policy: a confidential chat leaves s{from}"));
            }
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
            _ if order.hushed => false,
            Share::All => true,
            Share::Part(_) => entry.author == Author::Customer,
            Share::Nothing => false,
        };
        if let Some(entry) = release.tail.iter().find(|entry| !allowed(entry)).cloned() {
            self.violated(format!("policy: the tail has {entry:?}"));
        }
        if let Some(what) = self.smuggled(transfer, &release.documents, &release.tail) {
            self.violated(format!("policy: the tail has {what}"));
        }
    }

    /// Something became durable.
    pub fn ghost_stored(&mut self, server: ServerId, op: &Op) {
        match op {
            Op::Chat(record) => {
                self.ghost_passed((server, record.id), record);
                let joined = |record: &session::Record| record.came.as_ref().is_some_and(|came| came.joined);
                let before = self.servers[server].store.chats.get(&record.id);
                if record.confidential && joined(record) && !before.is_some_and(|chat| joined(&chat.record)) {
                    self.ghost.confidential.insert((server, record.id));
                }
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
                let name = (server, record.peer.clone(), record.transfer);
                if matches!(record.state, State::Reserved)
                    && let Some(login) = self.ghost.promised.get(&name)
                    && record.agent.as_ref() != Some(login)
                {
                    self.violated(format!(
                        "aside: {login} of s{server} was asked, {:?} gets it",
                        record.agent
                    ));
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
                match &entry.body {
                    Body::Document(card) => self.ghost_said((server, *chat), entry, &card.sha256),
                    Body::Event(Event::Confidential { on: true, .. }) => {
                        self.ghost.confidential.insert((server, *chat));
                        self.ghost_hushes((server, *chat));
                    }
                    Body::Text(text) | Body::Note(text) if text.contains("<x") => {
                        self.violated(format!("aside: s{server} stores {text} in a chat"));
                    }
                    _ => {}
                }
            }
            Op::Context(..) => {}
        }
    }

    /// A chat was stored: it may have changed hands.
    fn ghost_passed(&mut self, chat: Where, record: &baton_core::session::Record) {
        let Some(passed) = &record.passed else { return };
        let (transfer, view_from) = (passed.transfer, record.view_from);
        if self.ghost.passes.iter().any(|pass| pass.transfer == transfer) {
            return;
        }
        self.ghost.passes.push(Pass { chat, transfer, view_from });
        if self.ghost.orders.get(&transfer).is_some_and(|order| order.denied) {
            self.violated(format!("policy: a confidential chat changes hands at s{}", chat.0));
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
        let smuggled = self.smuggled(transfer, &context.documents, &context.transcript);
        let leaked = leaked.map(str::to_owned).or(smuggled);
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
