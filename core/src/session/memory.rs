//! How much of what was said stays in memory: of a chat that is nothing but talk the newest part, whatever its length.
//!
//! Whoever tells a chat something asks first whether it [is ready](Chat::is_ready_for), and lets it
//! [recall](Chat::recall) what is stored where it is not: so does whoever repeats a message that is older than what is
//! in memory.

use std::sync::Arc;

use baton_protocol::model::Entry;
use baton_protocol::{ClientFrame, MessageId, Seq};

use super::{Chat, Input, State};
use crate::transfer::origin::Outgoing;

/// Entries that are left after a cut, which is made at twice as many: more than a client misses while it connects again
/// after a moment. They are most of what a chat needs in memory, and what is not there need not be fetched from it.
const KEPT: usize = 64;

impl Chat {
    /// Forgets the oldest entries of a chat that is talked in and is not on its way anywhere.
    pub(super) fn trim(&mut self) {
        if self.entries.len() < 2 * KEPT
            || !matches!(self.record.state, State::Active { .. })
            || !matches!(self.record.outgoing, Outgoing::Owned)
            || self.placing.is_some()
        {
            return;
        }
        self.entries.drain(..KEPT);
        self.trimmed = true;
    }

    /// Whether everything that was said is in memory.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.trimmed
    }

    /// Whether the chat can be told this as it is in memory.
    #[must_use]
    pub fn is_ready_for(&self, input: &Input) -> bool {
        use ClientFrame::{Browsed, Note, Preview, Say, Seen, Typing};
        self.is_whole()
            || match input {
                Input::Customer(_, Say { id, .. }) | Input::Agent(_, Say { id, .. } | Note { id, .. }) => {
                    !self.said.may_have(id) || self.find(id).is_some()
                }
                Input::Customer(_, Typing { .. } | Preview { .. } | Seen { .. } | Browsed { .. }) => true,
                Input::Agent(_, Typing { .. } | Seen { .. }) => true,
                Input::Detach(_) | Input::Looked | Input::Place(..) => true,
                Input::Attach { last_seq, .. } => self.has_since(*last_seq),
                _ => false,
            }
    }

    /// The entry that this message is, among those in memory.
    pub(super) fn find(&self, id: &MessageId) -> Option<&Entry> {
        let known = self.said.may_have(id);
        known.then(|| self.entries.iter().rev().find(|entry| entry.id == *id).map(|entry| &**entry)).flatten()
    }

    /// Whether everything after this entry is in memory.
    #[must_use]
    pub fn has_since(&self, last_seq: Seq) -> bool {
        self.is_whole() || self.entries.first().is_some_and(|first| first.seq <= last_seq.saturating_add(1))
    }

    /// Takes what is stored of it. Whether that reaches what is in memory: if not, more was said and forgotten since
    /// it was read, and it must be read again.
    pub fn recall(&mut self, stored: Vec<Arc<Entry>>) -> bool {
        let Some(first) = self.entries.first().map(|entry| entry.seq) else { return true };
        let mut older: Vec<Arc<Entry>> = stored.into_iter().filter(|entry| entry.seq < first).collect();
        if older.last().is_some_and(|last| last.seq + 1 != first) {
            return false;
        }
        older.append(&mut self.entries);
        self.entries = older;
        self.trimmed = false;
        true
    }
}
