//! Messages: the outbox, acknowledgements, entries, and who is typing.

use baton_protocol::codes::Fault;
use baton_protocol::frames::About;
use baton_protocol::model::{DocumentCard, Entry};
use baton_protocol::{ClientFrame, ErrorCode, MessageId, Seq, Timestamp};

use super::wire::Reach;
use super::{Client, Line, Link, Mark, Notice, Saving, Standing, Step, Timer, What};

/// Milliseconds without a key after which the customer has stopped typing.
const TYPING_STOPS: u32 = 4_000;
/// Milliseconds after which typing is told again, for a receiver that lets it lapse.
const TYPING_AGAIN: u64 = 3_000;
/// Milliseconds after which the other side's typing lapses.
const TYPED_LAPSES: u32 = 8_000;

impl Client {
    /// The connection for messages: the owner's, and none while a transfer is being settled.
    pub(super) fn talk(&self) -> Option<Link> {
        let record = self.record.as_ref()?;
        let settled = record.hop.is_none() && matches!(record.standing, Standing::Session { .. });
        if settled && self.main.reach == Reach::Live { self.main.link } else { None }
    }

    pub(super) fn say(&mut self, step: &mut Step<'_, '_>, text: String) {
        let objection = self.objection(&text);
        let Some(record) = &mut self.record else { return };
        if record.ending || text.trim_ascii().is_empty() {
            return;
        }
        self.now.notice = objection;
        if objection.is_some() {
            return;
        }
        let id = MessageId(step.env.bytes());
        let line = Line { id, seq: 0, at: step.env.now, what: What::Own(text.clone(), Mark::Pending) };
        record.lines.push(line);
        self.saving = Saving::Store;
        self.typing_over(step);
        if let Some(link) = self.talk() {
            step.send(link, ClientFrame::Say { chat: None, id, text });
        }
    }

    /// Says a document that was uploaded for this chat.
    pub(super) fn attach(&mut self, step: &mut Step<'_, '_>, card: DocumentCard) {
        let objection = self.objection("");
        let Some(record) = self.record.as_mut().filter(|record| !record.ending) else { return };
        self.now.notice = objection;
        if objection.is_some() {
            return;
        }
        let id = MessageId(step.env.bytes());
        let sha256 = card.sha256.clone();
        let what = What::OwnDocument(card, Mark::Pending);
        record.lines.push(Line { id, seq: 0, at: step.env.now, what });
        self.saving = Saving::Store;
        if let Some(link) = self.talk() {
            step.send(link, ClientFrame::Attach { chat: None, id, sha256 });
        }
    }

    /// Sends the whole outbox. Harmless for what was stored already: the ids are the same.
    pub(super) fn resend(&mut self, step: &mut Step<'_, '_>) {
        let (Some(link), Some(record)) = (self.talk(), &self.record) else { return };
        for frame in record.outgoing() {
            step.send(link, frame);
        }
    }

    pub(super) fn stored(&mut self, step: &mut Step<'_, '_>, id: MessageId, seq: Seq, at: Timestamp) {
        let Some(record) = &mut self.record else { return };
        // Number 0: a server before this one stored it, and this one does not know when.
        if !record.settle(id, Mark::Stored, seq, (seq > 0).then_some(at)) {
            return;
        }
        // An acknowledgement may overtake entries before it, so it closes no gap.
        if seq == record.last_seq.saturating_add(1) {
            record.last_seq = seq;
        }
        self.saving = Saving::Store;
        self.leave_when_flushed(step);
    }

    pub(super) fn entries(&mut self, step: &mut Step<'_, '_>, entries: Vec<Entry>) {
        let Some(record) = &mut self.record else { return };
        let mut spoke = false;
        for entry in entries {
            // Number 0: it was said at the server before this one.
            let news = if entry.seq == 0 { record.take_late(entry) } else { record.take(entry) };
            if news {
                record.unread = record.unread.saturating_add(1);
                spoke = true;
            }
        }
        self.saving = Saving::Store;
        if spoke {
            self.typed(step, false);
        }
        self.leave_when_flushed(step);
    }

    pub(super) fn refused(&mut self, step: &mut Step<'_, '_>, code: ErrorCode, about: &About) {
        match about {
            About::Message(id) => {
                // A fault of the gateway's own passes: the message stays in the outbox for the next welcome.
                let Some(record) = self.record.as_mut().filter(|_| code.fault() != Fault::Server) else {
                    return;
                };
                if record.settle(*id, Mark::Refused, 0, None) {
                    self.now.notice = Some(Notice::Refused(code));
                    self.saving = Saving::Store;
                    self.leave_when_flushed(step);
                }
            }
            About::Transfer(_) => {}
            About::Chat(_) | About::Connection => self.now.notice = Some(Notice::Refused(code)),
        }
    }

    /// The destination of the last arrival has surely read our acceptance.
    pub(super) fn accepted(&mut self) {
        if let Some(record) = self.record.as_mut().filter(|record| record.accept.is_some()) {
            record.accept = None;
            self.saving = Saving::Store;
        }
    }

    pub(super) fn typing(&mut self, step: &mut Step<'_, '_>) {
        let Some(link) = self.talk() else { return };
        step.set(Timer::Typing, TYPING_STOPS);
        let now = step.env.now;
        if self.now.typing_told.is_none_or(|told| now.since(told) >= TYPING_AGAIN) {
            self.now.typing_told = Some(now);
            step.send(link, ClientFrame::Typing { chat: None, on: true });
        }
    }

    pub(super) fn typing_over(&mut self, step: &mut Step<'_, '_>) {
        if self.now.typing_told.take().is_none() {
            return;
        }
        step.clear(Timer::Typing);
        if let (Some(link), Reach::Live) = (self.main.link, self.main.reach) {
            step.send(link, ClientFrame::Typing { chat: None, on: false });
        }
    }

    pub(super) fn typed(&mut self, step: &mut Step<'_, '_>, on: bool) {
        self.now.typing = on;
        if on {
            step.set(Timer::Typed, TYPED_LAPSES);
        } else {
            step.clear(Timer::Typed);
        }
    }

    pub(super) fn seen(&mut self, step: &mut Step<'_, '_>) {
        self.now.unread = 0;
        let Some(record) = self.record.as_mut().filter(|record| record.unread > 0) else { return };
        record.unread = 0;
        self.saving = Saving::Store;
        let seq = record.last_seq;
        if let (Some(link), Reach::Live) = (self.main.link, self.main.reach) {
            step.send(link, ClientFrame::Seen { chat: None, seq });
        }
    }

    pub(super) fn seen_by_them(&mut self, seq: Seq) {
        if self.record.as_mut().is_some_and(|record| record.mark_seen(seq)) {
            self.saving = Saving::Store;
        }
    }
}
