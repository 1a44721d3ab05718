//! A customer's connection comes, goes and comes back.

use baton_protocol::limits::MAX_ENTRIES_BYTES;
use baton_protocol::model::{EndReason, Entry, Page};
use baton_protocol::{ChatId, CloseCode, Epoch, ResumeToken, Seq, ServerFrame};

use super::{Chat, State};
use crate::effect::{ConnId, Effect, Env, Timer};
use crate::policy::json_length;
use crate::transfer::destination;
use crate::transfer::origin::Outgoing;

impl Chat {
    pub(super) fn attach(
        &mut self,
        env: &mut Env<'_>,
        conn: ConnId,
        epoch: Epoch,
        last_seq: Seq,
        page: Option<Page>,
        out: &mut Vec<Effect>,
    ) {
        // A hello that was on its way for long must not supersede a later connection.
        if self.conn.is_some_and(|current| current > conn) {
            return out.push(Effect::CloseCustomer(conn, CloseCode::Superseded));
        }
        let ahead = epoch.checked_sub(self.record.epoch);
        let reclaims = ahead == Some(2) && self.is_reclaimable(None);
        if matches!(self.record.outgoing, Outgoing::Settled(_)) || ahead == Some(1) {
            return out.push(Effect::CloseCustomer(conn, CloseCode::Moved));
        }
        if ahead != Some(0) && !reclaims {
            return out.push(Effect::CloseCustomer(conn, CloseCode::Unauthenticated));
        }
        self.connected(conn, out);
        self.page_not_needed(env, out);
        // It has stored our epoch, or it would not resume at it; its own word for that may have been lost.
        self.tell_incoming(destination::Input::Accepted, out);
        if page.is_some() && page != self.record.page {
            self.record.page = page;
            self.visited_page(env.now);
            self.save(out);
        }
        if reclaims {
            self.reclaim(env, epoch, Some(last_seq), out);
            self.catch_up(conn, self.last_seq(), out);
        } else {
            self.welcome(env, conn, None, out);
            self.catch_up(conn, last_seq, out);
        }
    }

    fn connected(&mut self, conn: ConnId, out: &mut Vec<Effect>) {
        if let Some(old) = self.conn.replace(conn).filter(|old| *old != conn) {
            out.push(Effect::CloseCustomer(old, CloseCode::Superseded));
        }
        out.push(Effect::ClearTimer(Timer::Away));
    }

    /// What a customer who was away has missed.
    fn catch_up(&mut self, conn: ConnId, last_seq: Seq, out: &mut Vec<Effect>) {
        if last_seq == 0 {
            self.send_late(conn, out);
        }
        self.send_missed(conn, last_seq, out);
        if matches!(self.record.state, State::Ended(_)) {
            out.push(Effect::CloseCustomer(conn, CloseCode::Ended));
            self.conn = None;
            return;
        }
        self.push_offer(out);
        self.card_changed(out);
        self.tell_place(out);
        if !self.notices.is_empty() {
            self.tell_notices(out);
        }
    }

    pub(super) fn welcome(
        &self,
        env: &Env<'_>,
        conn: ConnId,
        token: Option<ResumeToken>,
        out: &mut Vec<Effect>,
    ) {
        let frame = ServerFrame::Welcome {
            chat: self.record.id,
            token,
            epoch: self.record.epoch,
            phase: self.phase(),
            last_seq: self.last_seq(),
            brand: env.settings.brand.clone(),
            transfer: self.record.came.as_ref().map(|came| came.transfer),
        };
        out.push(Effect::ToCustomer(conn, Box::new(frame)));
    }

    /// The answer to a claim that is repeated because the first welcome was lost.
    pub(super) fn renew(
        &mut self,
        env: &mut Env<'_>,
        conn: ConnId,
        token: ResumeToken,
        out: &mut Vec<Effect>,
    ) {
        if self.conn.is_some_and(|current| current > conn) {
            return out.push(Effect::CloseCustomer(conn, CloseCode::Superseded));
        }
        self.connected(conn, out);
        self.record.token = token.digest();
        self.save(out);
        out.push(Effect::Token(self.record.id, self.record.token));
        self.welcome(env, conn, Some(token), out);
        self.catch_up(conn, 0, out);
    }

    pub(super) fn send_missed(&self, conn: ConnId, last_seq: Seq, out: &mut Vec<Effect>) {
        let missed = self.entries.iter().filter(|entry| entry.seq > last_seq && entry.body.is_public());
        for frame in in_frames(self.record.id, missed.map(|entry| Entry::clone(entry))) {
            out.push(Effect::ToCustomer(conn, Box::new(frame)));
        }
    }

    pub(super) fn detach(&mut self, env: &mut Env<'_>, conn: ConnId, out: &mut Vec<Effect>) {
        if self.conn != Some(conn) {
            return;
        }
        self.conn = None;
        if self.is_open() {
            self.card_changed(out);
            self.expect_back(env, out);
        }
    }

    pub(super) fn expect_back(&self, env: &Env<'_>, out: &mut Vec<Effect>) {
        if self.record.visitor.left_message {
            return;
        }
        let times = &env.settings.times;
        let limit = match self.record.state {
            State::Waiting { .. } => times.away_waiting,
            _ => times.away_active,
        };
        out.push(Effect::SetTimer(Timer::Away, limit));
    }

    /// The customer has been away for too long (M4).
    pub(super) fn away(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        if self.conn.is_none() && self.is_open() && self.record.outgoing.serves() {
            self.end(env, EndReason::Elapsed, out);
        }
    }
}

/// Entries in as many frames as they need, counted in JSON, the longer of the two encodings.
pub(super) fn in_frames(chat: ChatId, entries: impl Iterator<Item = Entry>) -> Vec<ServerFrame> {
    let mut frames = Vec::new();
    let mut part = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let size = json_length(&entry) + 1;
        if bytes + size > MAX_ENTRIES_BYTES && !part.is_empty() {
            frames.push(ServerFrame::Entries { chat, entries: std::mem::take(&mut part) });
            bytes = 0;
        }
        bytes += size;
        part.push(entry);
    }
    if !part.is_empty() {
        frames.push(ServerFrame::Entries { chat, entries: part });
    }
    frames
}
