//! What agents know of a chat beside its card and its entries: pages, priority, confidence, what came of it.

use baton_protocol::frames::About;
use baton_protocol::limits::{MAX_LABEL, MAX_TAGS, MAX_VISITS};
use baton_protocol::model::{Marks, Outcome, Visit};
use baton_protocol::{ErrorCode, ServerFrame, Timestamp};

use super::Chat;
use crate::effect::Effect;

impl Chat {
    /// What is known of it.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let record = &self.record;
        Marks {
            confidential: record.confidential,
            priority: record.priority,
            pages: record.pages.clone(),
            outcome: record.outcome.as_deref().cloned(),
        }
    }

    pub(super) fn marks_frame(&self) -> ServerFrame {
        ServerFrame::ChatMarks { chat: self.record.id, marks: self.marks() }
    }

    pub(super) fn tell_marks(&self, out: &mut Vec<Effect>) {
        self.to_readers(self.marks_frame(), out);
    }

    /// The page that the customer is on now is one that they have been on.
    pub(super) fn visited_page(&mut self, now: Timestamp) {
        let Some(page) = self.record.page.clone() else { return };
        if self.record.pages.last().is_some_and(|last| last.page.url == page.url) {
            return;
        }
        self.record.pages.push(Visit { page, at: now });
        let over = self.record.pages.len().saturating_sub(MAX_VISITS);
        self.record.pages.drain(..over);
    }

    /// Its agent says what came of it. Saved before it ends, so that the end stores both.
    pub(super) fn set_outcome(&mut self, login: &str, outcome: Outcome, out: &mut Vec<Effect>) {
        let fits = |text: &String| !text.trim().is_empty() && text.len() <= MAX_LABEL;
        let whole = outcome.disposition.len() <= MAX_LABEL && outcome.tags.iter().all(fits);
        if !whole || outcome.tags.len() > MAX_TAGS {
            return self.refuse_agent(login, ErrorCode::BadText, About::Chat(self.record.id), out);
        }
        if self.record.outcome.as_deref() != Some(&outcome) {
            self.record.outcome = Some(Box::new(outcome));
            self.save(out);
        }
        self.tell_marks(out);
    }
}
