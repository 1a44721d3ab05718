//! What a customer has typed and not sent, where the operator wants agents to see it: passed on at once to whoever reads
//! the chat, never stored, and nowhere else. A chat that is on its way to another server shows nothing of it.

use baton_protocol::ServerFrame;
use baton_protocol::Timestamp;
use baton_protocol::limits::MAX_PREVIEW;

use super::Chat;
use crate::effect::{Effect, Env};

/// Milliseconds in which [`MOST`] are passed on.
const WINDOW: u64 = 1_000;

/// A widget sends every 400 ms at the most; a delayed one may come together with the next.
const MOST: u32 = 5;

/// How many were passed on since when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Previews {
    since: Timestamp,
    count: u32,
}

impl Previews {
    fn admits(&mut self, now: Timestamp) -> bool {
        if now.since(self.since) >= WINDOW {
            *self = Self { since: now, count: 0 };
        }
        self.count += 1;
        self.count <= MOST
    }
}

impl Chat {
    /// Nothing to see is told in any case: what was there before must not stay on a screen.
    pub(super) fn preview(&mut self, env: &Env<'_>, text: String, out: &mut Vec<Effect>) {
        let shown = env.settings.preview && self.record.outgoing.serves() && text.len() <= MAX_PREVIEW;
        if shown && (self.previews.admits(env.now) || text.is_empty()) {
            self.to_readers(ServerFrame::Preview { chat: self.record.id, text }, out);
        }
    }
}
