//! How much of what was said stays in memory: of a chat that is nothing but talk the newest part, whatever its length.
//!
//! Whoever tells a chat something asks first whether it [is ready](Chat::is_ready_for), and lets it
//! [recall](Chat::recall) what is stored where it is not. A message whose id is older than what is in memory is
//! refused by the store, and the chat is loaded whole.

use std::sync::Arc;

use baton_protocol::model::Entry;
use baton_protocol::{ClientFrame, Seq};

use super::{Chat, Input, State};
use crate::transfer::origin::Outgoing;

/// Entries that are left after a cut, which is made at twice as many: more than a client has unanswered at once, and
/// more than it misses while it connects again.
const KEPT: usize = 256;

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
        for entry in self.entries.drain(..KEPT) {
            self.ids.remove(&entry.id);
        }
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
        use ClientFrame::{Browsed, Note, Say, Seen, Typing};
        self.is_whole()
            || match input {
                Input::Customer(_, Say { .. } | Typing { .. } | Seen { .. } | Browsed { .. }) => true,
                Input::Agent(_, Say { .. } | Note { .. } | Typing { .. } | Seen { .. }) => true,
                Input::Detach(_) | Input::Looked | Input::Place(..) => true,
                Input::Attach { last_seq, .. } => self.has_since(*last_seq),
                _ => false,
            }
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
        self.ids.extend(older.iter().map(|entry| (entry.id, entry.seq)));
        older.append(&mut self.entries);
        self.entries = older;
        self.trimmed = false;
        true
    }
}
