//! Transfers, from the offer to the new owner's welcome or back (M2, M3).
//!
//! Make before break: the origin has the chat until the destination's welcome is stored. Every way out raises
//! the epoch by one (arrived) or by two (reclaimed), or leaves it (withdrawn, declined), and which of them it was
//! is stored before anybody is told.

use baton_protocol::frames::Start;
use baton_protocol::model::{Offer, Way};
use baton_protocol::{ClientFrame, Epoch, MessageId, ServerFrame, TransferId, Verifier};

use super::claim::{gateway_of, split_address};
use super::wire::{Reach, Role, Welcome};
use super::{
    ARRIVE_WAIT, ATTEMPT_WAIT, Claim, Client, Effect, Env, FLUSH_WAIT, FREEZE_AFTER, FROZEN_WAIT, Hop,
    LEAVE_WAIT, Line, Link, Moving, Notice, Record, Saving, Stage, Standing, Step, Timer, WELCOME_WAIT, What,
    is_safe_page,
};

impl Hop {
    /// The hello to the destination.
    pub(super) fn claim(&self, record: &Record) -> Start {
        Start::Claim {
            wtid: self.wtid.clone(),
            verifier: record.verifier.clone(),
            epoch: record.epoch,
            challenge: self.fresh.challenge(),
            adopt: self.stage == Stage::Frozen,
        }
    }
}

impl Record {
    /// The destination's welcome to a claim: it is the owner now. Says whether the welcome answers the claim.
    pub(super) fn arrived(&mut self, welcome: &Welcome, transfer: TransferId, env: &mut Env<'_>) -> bool {
        let Some(token) = &welcome.token else { return false };
        if welcome.transfer != Some(transfer) || self.epoch.checked_add(1) != Some(welcome.epoch) {
            return false;
        }
        if let Standing::Arriving { before: Some(record), .. } = &mut self.standing {
            record.leaves();
            self.before = std::mem::take(&mut record.before);
        }
        self.leaves();
        self.standing = Standing::Session { chat: welcome.chat, token: token.clone() };
        self.socket = gateway_of(&self.socket).to_owned();
        self.epoch = welcome.epoch;
        self.last_seq = 0;
        self.accept = Some(transfer);
        let id = MessageId(env.bytes());
        let same = self.brand.name == welcome.brand.name;
        let what = if same { What::Here } else { What::With(welcome.brand.name.clone()) };
        self.push(Line { id, seq: 0, at: env.now, what });
        true
    }
}

impl Client {
    pub(super) fn stage(&self) -> Option<Stage> {
        Some(self.record.as_ref()?.hop.as_ref()?.stage)
    }

    pub(super) fn offered(&mut self, step: &mut Step<'_, '_>, offer: Offer) {
        let (Some(record), Some(link)) = (&self.record, self.main.link) else { return };
        let transfer = offer.transfer;
        let same = record.hop.as_ref().is_some_and(|hop| hop.transfer == transfer);
        let declined = record.ending || record.declined == Some(transfer);
        match self.stage() {
            // Until the reclaim is answered, whatever the origin says belongs to the epoch before.
            Some(Stage::Reclaiming) => return,
            Some(_) if same => return step.send(link, ClientFrame::Following { transfer }),
            _ if declined => return step.send(link, ClientFrame::Declined { transfer }),
            // A new offer invalidates the earlier one.
            Some(_) => self.drop_hop(step),
            None => {}
        }
        match offer.way.clone() {
            Way::InPlace { socket, page } if self.is_reachable(&socket) => {
                self.follow(step, offer, socket, page, Stage::Claiming);
                self.connect(step, Role::Next);
                step.set(Timer::Stage, WELCOME_WAIT);
            }
            Way::InPlace { page: Some(page), .. } | Way::Navigate { page } if is_safe_page(&page) => {
                self.follow(step, offer, page, None, Stage::Flushing);
                step.set(Timer::Stage, FLUSH_WAIT);
                self.leave_when_flushed(step);
            }
            _ => {
                step.send(link, ClientFrame::Declined { transfer });
                self.resend(step);
            }
        }
    }

    /// Whether this page may connect there: a gateway that was vouched for, or an address of one customer's own
    /// below it (D4).
    fn is_reachable(&self, socket: &str) -> bool {
        self.settings.reachable.iter().any(|known| socket == known || gateway_of(socket) == known)
    }

    fn follow(
        &mut self,
        step: &mut Step<'_, '_>,
        offer: Offer,
        to: String,
        page: Option<String>,
        stage: Stage,
    ) {
        let fresh = Verifier::from_bytes(step.env.bytes());
        let (Some(record), Some(link)) = (&mut self.record, self.main.link) else { return };
        let Offer { transfer, title, wtid, .. } = offer;
        record.hop = Some(Hop { transfer, title, wtid, to, page, fresh, stage });
        self.saving = Saving::Store;
        self.typing_over(step);
        step.send(link, ClientFrame::Following { transfer });
    }

    /// Takes up a transfer that a reload has interrupted.
    pub(super) fn resume_hop(&mut self, step: &mut Step<'_, '_>) {
        let Some(record) = &mut self.record else { return };
        match record.hop.as_ref().map(|hop| hop.stage) {
            Some(Stage::Claiming) => {
                self.connect(step, Role::Main);
                self.connect(step, Role::Next);
                step.set(Timer::Stage, WELCOME_WAIT);
                self.watch_origin(step);
            }
            Some(Stage::Frozen) => {
                self.connect(step, Role::Next);
                step.set(Timer::Stage, FROZEN_WAIT);
            }
            stage => {
                if stage == Some(Stage::Flushing) {
                    record.hop = None;
                    self.saving = Saving::Store;
                }
                self.connect(step, Role::Main);
            }
        }
    }

    pub(super) fn next_frame(&mut self, step: &mut Step<'_, '_>, frame: ServerFrame) {
        match frame {
            // It is alive and at work.
            ServerFrame::Arriving { .. } => step.set(Timer::NextAttempt, ATTEMPT_WAIT),
            ServerFrame::Draining { resume_in } => self.draining(step, Role::Next, resume_in),
            ServerFrame::Refused { .. } => self.refused_there(step),
            ServerFrame::Welcome { chat, token, epoch, phase, brand, transfer, .. } => {
                self.next_welcome(step, Welcome { chat, token, epoch, phase, brand, transfer });
            }
            _ => {}
        }
    }

    /// The new owner has spoken: from here on the next connection is the main one.
    fn next_welcome(&mut self, step: &mut Step<'_, '_>, welcome: Welcome) {
        let Some(record) = &mut self.record else { return };
        let Some(hop) = record.hop.clone() else { return };
        if !record.arrived(&welcome, hop.transfer, step.env) {
            return self.refused_there(step);
        }
        record.socket = gateway_of(&hop.to).to_owned();
        record.verifier = hop.fresh;
        record.hop = None;
        self.moving = Moving::default();
        self.now.place = None;
        self.now.notice = None;
        self.typed(step, false);
        step.clear(Timer::Stage);
        step.clear(Timer::NextAttempt);
        step.clear(Timer::Retry);
        let origin = std::mem::replace(&mut self.main, std::mem::take(&mut self.next)).link;
        self.leave(step);
        self.left = origin;
        self.welcomed(step, welcome.phase, welcome.brand);
    }

    /// What an agent of the server before has said last: stored there, and so with the new owner, but slower on its way
    /// than the new owner's welcome.
    pub(super) fn late_frame(&mut self, frame: ServerFrame) {
        let (Some(record), ServerFrame::Entries { entries, .. }) = (&mut self.record, frame) else { return };
        for entry in entries {
            if record.take_late(entry) {
                record.unread = record.unread.saturating_add(1);
                self.saving = Saving::Store;
            }
        }
    }

    /// Nothing more is expected from the server before.
    pub(super) fn leave(&mut self, step: &mut Step<'_, '_>) {
        step.out.extend(self.left.take().map(Effect::Close));
    }

    pub(super) fn next_closed(&mut self, step: &mut Step<'_, '_>, may_resume: bool) {
        if may_resume { self.retry(step, Role::Next) } else { self.refused_there(step) }
    }

    /// This page's own policy does not let it connect there: the other company's page is the way then, if it has one.
    pub(super) fn next_blocked(&mut self, step: &mut Step<'_, '_>, link: Link) {
        if self.next.link != Some(link) || self.stage() != Some(Stage::Claiming) {
            return;
        }
        let Some(record) = &mut self.record else { return };
        // What is left to be said, nobody can be told any more where the origin has closed for good.
        let flushes = self.moving.gone.is_none() || record.outbox().next().is_none();
        let Some(hop) = &mut record.hop else { return };
        match hop.page.take().filter(|page| flushes && is_safe_page(page)) {
            Some(page) => {
                hop.to = page;
                hop.stage = Stage::Flushing;
                self.saving = Saving::Store;
                self.drop_link(step, Role::Next);
                step.set(Timer::Stage, FLUSH_WAIT);
                self.flush(step);
                self.leave_when_flushed(step);
            }
            None => self.refused_there(step),
        }
    }

    /// What was held back for the destination goes to the origin, which has the chat until the page is left.
    fn flush(&self, step: &mut Step<'_, '_>) {
        let (Some(record), Some(link), Reach::Live) = (&self.record, self.main.link, self.main.reach) else {
            return;
        };
        record.outgoing().for_each(|frame| step.send(link, frame));
    }

    /// The destination will not take the customer: they stay, or there is nowhere left to stay.
    fn refused_there(&mut self, step: &mut Step<'_, '_>) {
        match self.moving.gone {
            Some(code) => self.give_up(step, code),
            None => self.reclaim(step),
        }
    }

    pub(super) fn stage_over(&mut self, step: &mut Step<'_, '_>) {
        let Some(record) = &self.record else { return };
        if matches!(record.standing, Standing::Arriving { .. }) {
            return self.arrival_failed(step);
        }
        match self.stage() {
            Some(Stage::Claiming) => match self.moving.gone {
                None if self.main.reach != Reach::Live => self.moving.overdue = true,
                _ => self.refused_there(step),
            },
            Some(Stage::Frozen | Stage::Away) => self.reclaim(step),
            Some(Stage::Flushing) => self.decline(step),
            Some(Stage::Reclaiming) | None => {}
        }
    }

    /// Times the origin's absence during a claim.
    pub(super) fn watch_origin(&mut self, step: &mut Step<'_, '_>) {
        if self.stage() == Some(Stage::Claiming) && !self.moving.watching {
            self.moving.watching = true;
            step.set(Timer::MainDown, FREEZE_AFTER);
        }
    }

    /// The origin is out of reach for too long: whatever it still says is ignored, which makes it safe for the
    /// destination to take the chat without the origin's word.
    pub(super) fn main_down(&mut self, step: &mut Step<'_, '_>) {
        if self.main.reach == Reach::Live || self.moving.gone.is_some() {
            return;
        }
        let Some(hop) = self.record.as_mut().and_then(|record| record.hop.as_mut()) else { return };
        if hop.stage != Stage::Claiming {
            return;
        }
        hop.stage = Stage::Frozen;
        self.saving = Saving::Store;
        self.drop_link(step, Role::Main);
        step.clear(Timer::Retry);
        self.connect(step, Role::Next);
        step.set(Timer::Stage, FROZEN_WAIT);
    }

    /// Goes back to the origin: the epoch that only the origin may serve from now on.
    fn reclaim(&mut self, step: &mut Step<'_, '_>) {
        let Some(record) = &mut self.record else { return };
        let Some(hop) = &mut record.hop else { return };
        hop.stage = Stage::Reclaiming;
        record.declined = Some(hop.transfer);
        record.epoch = record.epoch.saturating_add(2);
        self.saving = Saving::Store;
        self.end_hop(step);
        match self.main.reach {
            Reach::Live => self.tell_reclaim(step),
            Reach::Down => self.connect(step, Role::Main),
            // Its hello or its welcome will say so.
            Reach::Opening | Reach::Waiting => {}
        }
    }

    fn tell_reclaim(&mut self, step: &mut Step<'_, '_>) {
        let (Some(record), Some(link)) = (&self.record, self.main.link) else { return };
        let Some(hop) = &record.hop else { return };
        let frame = ClientFrame::Reclaim { transfer: hop.transfer, epoch: record.epoch };
        self.main.reach = Reach::Live;
        step.send(link, frame);
        step.set(Timer::Attempt, ATTEMPT_WAIT);
    }

    /// The gateway serves another epoch than the one stored.
    pub(super) fn other_epoch(&mut self, step: &mut Step<'_, '_>, served: Epoch) {
        let Some(record) = &self.record else { return };
        let reclaiming = self.stage() == Some(Stage::Reclaiming);
        if reclaiming && served.checked_add(2) == Some(record.epoch) {
            self.tell_reclaim(step);
        } else {
            self.retry(step, Role::Main);
        }
    }

    /// The owner's welcome has come on the main connection.
    pub(super) fn back_to_origin(&mut self, step: &mut Step<'_, '_>) {
        self.moving.watching = false;
        match self.stage() {
            Some(Stage::Claiming) if self.moving.overdue => self.reclaim(step),
            Some(Stage::Reclaiming) => {
                self.clear_hop();
                self.now.notice = Some(Notice::Stayed);
            }
            // What was on its way goes first; an offer that still stands is made again after each welcome.
            Some(Stage::Flushing) => self.drop_hop(step),
            _ => {}
        }
    }

    /// A customer who was sent away is here again, and the chat still is, or may be.
    pub(super) fn back_from_away(&mut self, step: &mut Step<'_, '_>, moved: bool) {
        if self.stage() != Some(Stage::Away) || self.moving.left {
            return;
        }
        if moved {
            step.set(Timer::Stage, ARRIVE_WAIT);
        } else {
            self.decline(step);
        }
    }

    pub(super) fn withdrawn(&mut self, step: &mut Step<'_, '_>, transfer: TransferId) {
        let hop = self.record.as_ref().and_then(|record| record.hop.as_ref());
        if hop.is_some_and(|hop| hop.transfer == transfer && hop.stage != Stage::Reclaiming) {
            self.drop_hop(step);
            self.now.notice = Some(Notice::Stayed);
            self.resend(step);
            self.tell_end(step);
        }
    }

    fn decline(&mut self, step: &mut Step<'_, '_>) {
        let Some(record) = &mut self.record else { return };
        let Some(hop) = &record.hop else { return };
        let transfer = hop.transfer;
        record.declined = Some(transfer);
        self.drop_hop(step);
        if let (Some(link), Reach::Live) = (self.main.link, self.main.reach) {
            step.send(link, ClientFrame::Declined { transfer });
        }
        self.resend(step);
        self.tell_end(step);
    }

    fn drop_hop(&mut self, step: &mut Step<'_, '_>) {
        self.clear_hop();
        self.end_hop(step);
    }

    fn clear_hop(&mut self) {
        if let Some(record) = &mut self.record {
            record.hop = None;
            self.saving = Saving::Store;
        }
    }

    fn end_hop(&mut self, step: &mut Step<'_, '_>) {
        self.drop_link(step, Role::Next);
        self.moving = Moving::default();
        self.next.tries = 0;
        for timer in [Timer::NextRetry, Timer::Stage, Timer::MainDown] {
            step.clear(timer);
        }
    }

    /// Leaves the page as soon as no message is on its way.
    pub(super) fn leave_when_flushed(&mut self, step: &mut Step<'_, '_>) {
        let Some(record) = &mut self.record else { return };
        if record.outbox().next().is_some() {
            return;
        }
        let Some(hop) = record.hop.as_mut().filter(|hop| hop.stage == Stage::Flushing) else { return };
        hop.stage = Stage::Away;
        let (page, at) = split_address(&hop.to);
        let claim = Claim {
            wtid: hop.wtid.clone(),
            verifier: record.verifier.clone(),
            epoch: record.epoch,
            at: at.map(str::to_owned),
        };
        self.saving = Saving::Store;
        self.moving.left = true;
        step.out.push(Effect::Navigate(claim.on_page(page)));
        step.set(Timer::Stage, LEAVE_WAIT);
    }
}
