//! What reports are made of: the facts of each chat, without what was said.

use baton_core::session;
use baton_protocol::model::{Author, Body, Entry, Event};
use baton_protocol::{ChatId, Seq, Timestamp};

/// The facts of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The area, by name.
    pub area: String,
    /// When it came.
    pub since: Timestamp,
    /// Agents who had it, by the names that customers see, in their order.
    pub agents: Vec<String>,
    /// When the first agent picked it up.
    pub joined: Option<Timestamp>,
    /// When an agent said the first word.
    pub answered: Option<Timestamp>,
    /// When it last changed hands or ended.
    pub ended: Option<Timestamp>,
    /// Whether it is over here.
    pub over: bool,
    /// Whether it went to another server.
    pub left: bool,
    /// What came of it.
    pub disposition: Option<String>,
    /// Whether the customer left a message and did not wait.
    pub message: bool,
    /// How the customer found it, from 1 to 5, if they have said so.
    pub score: Option<u8>,
}

impl Facts {
    /// What its record says.
    #[must_use]
    pub fn of(record: &session::Record, over: bool) -> Self {
        let disposition = record.outcome.as_ref().map(|outcome| outcome.disposition.clone());
        Self {
            area: record.area.clone(),
            since: record.since,
            disposition: disposition.filter(|word| !word.is_empty()),
            message: record.visitor.left_message,
            score: record.visitor.survey.as_ref().map(|survey| survey.score),
            left: !record.outgoing.serves(),
            over,
            ..Self::default()
        }
    }

    /// Something that happened in it, in order.
    pub fn event(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Joined { agent } => {
                self.joined.get_or_insert(at);
                if self.agents.last() != Some(agent) {
                    self.agents.push(agent.clone());
                }
            }
            Event::Ended(_) | Event::Transferred { .. } => self.ended = Some(at),
            _ => {}
        }
    }

    /// An agent has said something.
    pub fn word(&mut self, at: Timestamp) {
        self.answered.get_or_insert(at);
    }

    /// An entry, in order.
    pub fn entry(&mut self, entry: &Entry) {
        match (&entry.body, &entry.author) {
            (Body::Event(event), _) => self.event(entry.at, event),
            (Body::Text(_), Author::Agent(_)) => self.word(entry.at),
            _ => {}
        }
    }
}

/// A place in a transcript that a search has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The chat's record.
    pub record: String,
    /// The chat.
    pub chat: ChatId,
    /// The entry; 0 for what came along from another server.
    pub seq: Seq,
    /// The words around it. What was found stands between [`BEGIN`] and [`END`].
    pub excerpt: String,
}

/// Before what was found.
pub const BEGIN: char = '\u{2}';
/// After it.
pub const END: char = '\u{3}';

/// What of an entry can be searched: what agents can read of it.
#[must_use]
pub fn searched(body: &Body) -> Option<&str> {
    match body {
        Body::Text(text) | Body::Note(text) => Some(text),
        Body::Document(card) => Some(&card.name),
        Body::Event(_) => None,
    }
}
