//! Connections: opening them, saying hello, keeping them alive, opening them again.

use baton_protocol::codes::Reaction;
use baton_protocol::frames::Start;
use baton_protocol::limits::{HEARTBEAT_SECONDS, MAX_LABEL, MAX_URL};
use baton_protocol::model::{Brand, EndReason, Page, Phase};
use baton_protocol::text::halves;
use baton_protocol::{ChatId, ClientFrame, CloseCode, Epoch, ResumeToken, TransferId, Verifier};

use super::{
    ARRIVE_WAIT, ATTEMPT_WAIT, BACKOFF_FIRST, BACKOFF_MOST, Claim, Client, Effect, Ending, Link, Notice,
    Opening, PONG_WAIT, RECORD_LIFE, RESTART, Record, Saving, Stage, Standing, Step, Timer, WAKE_PONG_WAIT,
};

/// One of the two connections.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub link: Option<Link>,
    pub reach: Reach,
    /// Failed attempts in a row, for the backoff.
    pub tries: u32,
    /// The gateway restarts and has said so: until it is late nobody need know.
    pub expected: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// Not wanted.
    #[default]
    Down,
    /// Its time to be opened again will come.
    Waiting,
    /// Opening, or waiting for its welcome.
    Opening,
    /// Welcomed.
    Live,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Main,
    Next,
}

impl Role {
    fn retry(self) -> Timer {
        if self == Self::Main { Timer::Retry } else { Timer::NextRetry }
    }

    pub fn attempt(self) -> Timer {
        if self == Self::Main { Timer::Attempt } else { Timer::NextAttempt }
    }
}

/// A welcome, without what the client does not use.
pub(super) struct Welcome {
    pub chat: ChatId,
    pub token: Option<ResumeToken>,
    pub epoch: Epoch,
    pub phase: Phase,
    pub brand: Brand,
    pub transfer: Option<TransferId>,
}

impl Client {
    pub(super) fn wire(&mut self, role: Role) -> &mut Wire {
        if role == Role::Main { &mut self.main } else { &mut self.next }
    }

    pub(super) fn start(&mut self, step: &mut Step<'_, '_>, opening: Opening) {
        if self.record.is_some() {
            return;
        }
        let Opening { area, name, email, subject, question } = opening;
        let first = halves(&question, b'\n').map_or(question.as_str(), |(first, _)| first.trim_ascii_end());
        let subject = if subject.is_empty() { first } else { &subject };
        let standing = Standing::New {
            area: cut(&area, MAX_LABEL),
            name: cut(&name, MAX_LABEL),
            email: cut(&email, MAX_LABEL),
            subject: cut(subject, MAX_LABEL),
        };
        self.found(step, standing, 0);
        if !question.is_empty() {
            self.say(step, question);
        }
        self.connect(step, Role::Main);
    }

    pub(super) fn arrive(&mut self, step: &mut Step<'_, '_>, claim: Claim, before: Option<Box<Record>>) {
        if self.record.is_some() {
            return;
        }
        // A record that was itself only arriving has nothing to go back to but what it stood on.
        let before = match before {
            Some(record) => match record.standing {
                Standing::Arriving { before, .. } => before,
                _ => Some(record),
            },
            None => None,
        };
        let standing = Standing::Arriving { wtid: claim.wtid, proof: claim.verifier, before };
        self.found(step, standing, claim.epoch);
        if let (Some(record), Some(at)) = (&mut self.record, &claim.at) {
            record.socket.push('/');
            record.socket.push_str(at);
        }
        self.connect(step, Role::Main);
        step.set(Timer::Stage, ARRIVE_WAIT);
    }

    fn found(&mut self, step: &mut Step<'_, '_>, standing: Standing, epoch: Epoch) {
        self.now = super::Now::default();
        self.saving = Saving::Store;
        self.record = Some(Record {
            socket: self.settings.socket.clone(),
            standing,
            epoch,
            last_seq: 0,
            verifier: Verifier::from_bytes(step.env.bytes()),
            brand: self.settings.brand.clone(),
            lines: Vec::new(),
            unread: 0,
            hop: None,
            accept: None,
            declined: None,
            before: Vec::new(),
            ending: false,
            touched: step.env.now,
        });
    }

    pub(super) fn resume(&mut self, step: &mut Step<'_, '_>, record: Record) {
        if self.record.is_some() {
            return;
        }
        self.now = super::Now::default();
        if step.env.now.since(record.touched) > RECORD_LIFE {
            self.saving = Saving::Forget;
            return;
        }
        let arriving = matches!(record.standing, Standing::Arriving { .. });
        self.record = Some(record);
        if arriving {
            step.set(Timer::Stage, ARRIVE_WAIT);
        }
        self.resume_hop(step);
    }

    /// The arrival came to nothing: back to the chat that was here, or to the page before.
    pub(super) fn arrival_failed(&mut self, step: &mut Step<'_, '_>) {
        let before = match self.record.take().map(|record| record.standing) {
            Some(Standing::Arriving { before, .. }) => before,
            _ => None,
        };
        match before {
            Some(record) => {
                self.quiet(step);
                self.resume(step, *record);
                if self.record.is_some() {
                    self.saving = Saving::Store;
                }
            }
            None => {
                self.start_over(step, Notice::NotArrived);
                step.out.push(Effect::GoBack);
            }
        }
        self.now.notice = Some(Notice::NotArrived);
    }

    pub(super) fn connect(&mut self, step: &mut Step<'_, '_>, role: Role) {
        let Some(record) = &self.record else { return };
        let url = match (role, &record.hop) {
            (Role::Main, _) => record.socket.clone(),
            (Role::Next, Some(hop)) => hop.to.clone(),
            (Role::Next, None) => return,
        };
        if role == Role::Next {
            self.leave(step);
        }
        self.drop_link(step, role);
        self.links += 1;
        let link = Link(self.links);
        let wire = self.wire(role);
        (wire.link, wire.reach) = (Some(link), Reach::Opening);
        step.clear(role.retry());
        step.out.push(Effect::Connect { link, url });
        step.set(role.attempt(), ATTEMPT_WAIT);
    }

    pub(super) fn drop_link(&mut self, step: &mut Step<'_, '_>, role: Role) {
        let wire = self.wire(role);
        wire.reach = Reach::Down;
        if let Some(link) = wire.link.take() {
            step.out.push(Effect::Close(link));
        }
        self.hang_up(step, role);
    }

    /// What follows from a connection's end, whoever closed it.
    fn hang_up(&mut self, step: &mut Step<'_, '_>, role: Role) {
        step.clear(role.attempt());
        if role == Role::Main {
            self.now.pinged = false;
            self.now.typing = false;
            self.now.typing_told = None;
            step.clear(Timer::Heartbeat);
            step.clear(Timer::Pong);
            step.clear(Timer::Typing);
        }
    }

    pub(super) fn opened(&mut self, step: &mut Step<'_, '_>, link: Link) {
        let role = match Some(link) {
            main if main == self.main.link => Role::Main,
            next if next == self.next.link => Role::Next,
            _ => return,
        };
        let Some(record) = &self.record else { return };
        let (start, last_seq) = match (role, &record.hop) {
            (Role::Main, _) => (main_start(record), record.last_seq),
            (Role::Next, Some(hop)) => (hop.claim(record), 0),
            (Role::Next, None) => return,
        };
        let (page, client_type) = (self.page.clone(), self.settings.client_type.clone());
        step.send(link, ClientFrame::CustomerHello { start, page, client_type, last_seq });
    }

    pub(super) fn closed(&mut self, step: &mut Step<'_, '_>, link: Link, code: Option<u16>) {
        self.left = self.left.filter(|left| *left != link);
        let code = code.and_then(CloseCode::from_number);
        let role = match Some(link) {
            main if main == self.main.link => Role::Main,
            next if next == self.next.link => Role::Next,
            _ => return,
        };
        let wire = self.wire(role);
        wire.link = None;
        wire.reach = Reach::Down;
        self.hang_up(step, role);
        if code == Some(CloseCode::RateLimited) {
            let wire = self.wire(role);
            wire.tries = wire.tries.max(5);
        }
        match role {
            Role::Main => self.main_closed(step, code),
            Role::Next => {
                let may_resume = code.is_none_or(|code| code.reaction() == Reaction::Resume);
                self.next_closed(step, may_resume);
            }
        }
    }

    fn main_closed(&mut self, step: &mut Step<'_, '_>, code: Option<CloseCode>) {
        let Some(record) = &self.record else { return };
        let reaction = code.map_or(Reaction::Resume, CloseCode::reaction);
        let claiming = record.hop.as_ref().is_some_and(|hop| hop.stage == Stage::Claiming);
        let final_for_all = matches!(code, Some(CloseCode::Ended | CloseCode::Superseded));
        match (reaction, code) {
            (Reaction::Resume, _) | (_, None) => self.retry(step, Role::Main),
            _ if matches!(record.standing, Standing::Arriving { .. }) => self.arrival_failed(step),
            (_, Some(code)) if claiming && !final_for_all => self.moving.gone = Some(code),
            (_, Some(code)) => self.give_up(step, code),
        }
    }

    /// The main connection was closed for good.
    pub(super) fn give_up(&mut self, step: &mut Step<'_, '_>, code: CloseCode) {
        let title = self.record.as_ref().and_then(|record| record.hop.as_ref()).map(|hop| hop.title.clone());
        match code {
            _ if code.reaction() == Reaction::StartAnew => self.start_over(step, Notice::Lost),
            CloseCode::Moved => self.finish(step, Ending::Moved(title.unwrap_or_default())),
            CloseCode::Ended => {
                let reason = match self.now.phase.take() {
                    Some(Phase::Ended(reason)) => reason,
                    _ if self.record.as_ref().is_some_and(|record| record.ending) => EndReason::Customer,
                    _ => EndReason::Server,
                };
                self.finish(step, Ending::Ended(reason));
            }
            CloseCode::Superseded => self.stop(step, Ending::Elsewhere),
            CloseCode::ForbiddenOrigin => self.stop(step, Ending::Forbidden),
            _ => self.stop(step, Ending::Incompatible),
        }
    }

    /// Opens the connection again after a random wait that grows with every failure (full jitter).
    pub(super) fn retry(&mut self, step: &mut Step<'_, '_>, role: Role) {
        let wire = self.wire(role);
        wire.expected = false;
        let most = BACKOFF_FIRST.saturating_mul(1 << wire.tries.min(7)).min(BACKOFF_MOST);
        wire.tries = wire.tries.saturating_add(1);
        let millis = step.env.number() % (most + 1);
        self.wait(step, role, millis);
        if role == Role::Main {
            self.watch_origin(step);
        }
    }

    fn wait(&mut self, step: &mut Step<'_, '_>, role: Role, millis: u32) {
        self.drop_link(step, role);
        self.wire(role).reach = Reach::Waiting;
        step.set(role.retry(), millis);
    }

    pub(super) fn retry_now(&mut self, step: &mut Step<'_, '_>, role: Role) {
        if self.wire(role).reach != Reach::Waiting {
            return;
        }
        let idle = self.record.as_ref().map_or(0, |record| step.env.now.since(record.touched));
        if idle > RECORD_LIFE {
            return self.finish(step, Ending::Ended(EndReason::Elapsed));
        }
        self.connect(step, role);
    }

    pub(super) fn attempt_failed(&mut self, step: &mut Step<'_, '_>, role: Role) {
        // A reclaim on a live connection is an attempt too.
        let reclaiming = role == Role::Main && self.stage() == Some(Stage::Reclaiming);
        if self.wire(role).reach == Reach::Opening || (reclaiming && self.main.reach == Reach::Live) {
            self.retry(step, role);
        }
    }

    /// The gateway is about to restart and has said when it is back.
    pub(super) fn draining(&mut self, step: &mut Step<'_, '_>, role: Role, millis: u32) {
        self.wait(step, role, millis.min(BACKOFF_MOST));
        self.wire(role).expected = millis <= RESTART;
        if role == Role::Main {
            self.watch_origin(step);
        }
    }

    pub(super) fn heartbeat(&mut self, step: &mut Step<'_, '_>) {
        // By now it has closed that connection, or is out of order.
        self.leave(step);
        if self.main.reach == Reach::Live {
            // Only a connection that has lasted makes the next failure a first one.
            self.main.tries = 0;
            self.ping(step, PONG_WAIT);
            step.set(Timer::Heartbeat, u32::from(HEARTBEAT_SECONDS) * 1000);
        }
    }

    fn ping(&mut self, step: &mut Step<'_, '_>, patience: u32) {
        if let (Some(link), Reach::Live) = (self.main.link, self.main.reach) {
            self.now.pinged = true;
            let nonce = step.env.number();
            step.send(link, ClientFrame::Ping { nonce });
            step.set(Timer::Pong, patience);
        }
    }

    pub(super) fn no_pong(&mut self, step: &mut Step<'_, '_>) {
        if self.now.pinged {
            self.retry(step, Role::Main);
        }
    }

    pub(super) fn wake_up(&mut self, step: &mut Step<'_, '_>) {
        for role in [Role::Main, Role::Next] {
            if self.wire(role).reach == Reach::Waiting {
                self.wire(role).tries = 0;
                self.retry_now(step, role);
            }
        }
        self.ping(step, WAKE_PONG_WAIT);
    }

    pub(super) fn browsed(&mut self, step: &mut Step<'_, '_>, page: Page) {
        let page = Page { url: cut(&page.url, MAX_URL), title: cut(&page.title, MAX_LABEL) };
        if self.page.as_ref() == Some(&page) {
            return;
        }
        if let (Some(link), Reach::Live) = (self.main.link, self.main.reach) {
            step.send(link, ClientFrame::Browsed { page: page.clone() });
        }
        self.page = Some(page);
    }

    pub(super) fn main_welcome(&mut self, step: &mut Step<'_, '_>, welcome: Welcome) {
        let Some(record) = &mut self.record else { return };
        match &mut record.standing {
            Standing::New { .. } => {
                let Some(token) = welcome.token else { return self.retry(step, Role::Main) };
                record.standing = Standing::Session { chat: welcome.chat, token };
                record.epoch = welcome.epoch;
            }
            Standing::Arriving { .. } => {
                let transfer = welcome.transfer;
                if !transfer.is_some_and(|transfer| record.arrived(&welcome, transfer, step.env)) {
                    return self.arrival_failed(step);
                }
                step.clear(Timer::Stage);
            }
            Standing::Session { chat, token } => {
                if record.epoch != welcome.epoch {
                    return self.other_epoch(step, welcome.epoch);
                }
                *chat = welcome.chat;
                if let Some(fresh) = welcome.token {
                    *token = fresh;
                }
            }
        }
        self.welcomed(step, welcome.phase, welcome.brand);
    }

    /// The main connection is that of the chat's owner.
    pub(super) fn welcomed(&mut self, step: &mut Step<'_, '_>, phase: Phase, brand: Brand) {
        let (Some(record), Some(link)) = (&mut self.record, self.main.link) else { return };
        self.saving = Saving::Store;
        record.brand = brand;
        self.main.reach = Reach::Live;
        self.main.expected = false;
        step.clear(Timer::Attempt);
        step.clear(Timer::MainDown);
        step.set(Timer::Heartbeat, u32::from(HEARTBEAT_SECONDS) * 1000);
        if let Some(transfer) = record.accept {
            step.send(link, ClientFrame::Accept { transfer });
        }
        if let Some(earlier) = record.earlier() {
            step.send(link, earlier);
        }
        self.back_to_origin(step);
        if let Phase::Ended(_) = phase {
            // What was said last follows; then the gateway closes the connection.
            self.now.phase = Some(phase);
            return;
        }
        self.phase_changed(step, phase);
        self.resend(step);
        self.tell_end(step);
    }
}

fn main_start(record: &Record) -> Start {
    let challenge = record.verifier.challenge();
    match &record.standing {
        Standing::New { area, name, email, subject } => Start::New {
            area: area.clone(),
            name: name.clone(),
            email: email.clone(),
            subject: subject.clone(),
            challenge,
        },
        Standing::Arriving { wtid, proof, .. } => Start::Claim {
            wtid: wtid.clone(),
            verifier: proof.clone(),
            epoch: record.epoch,
            challenge,
            adopt: false,
        },
        Standing::Session { token, .. } => Start::Resume { token: token.clone(), epoch: record.epoch },
    }
}

/// At most `most` bytes of a text, whole characters.
fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}
