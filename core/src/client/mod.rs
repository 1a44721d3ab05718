//! The customer's side of a chat, as a pure machine: the widget, the load tool and the simulator drive it.
//!
//! **Contract.** [`Client::handle`] takes one [`Input`] and appends [`Effect`]s, which the driver carries out in
//! their order. It reads no clock, opens no socket and makes no random number; [`Env`] brings time and
//! randomness. It never panics, whatever a gateway sends and in whatever order timers and sockets report.
//!
//! **Storing comes first.** A step that changes what must survive a reload has [`Effect::Store`] (or
//! [`Effect::Forget`]) as its *first* effect: nothing is told to a gateway that is not stored before.
//!
//! **One owner.** Messages go to the connection whose welcome carried the stored epoch, and to none while a
//! transfer is being settled: then they wait in the outbox (design, "make before break"). The rules for a
//! transfer are those of the hand-over protocol, section 3, line *Widget*.
//!
//! **Links.** Every connection that the machine asks for has a number of its own, so that a late report about
//! one that was given up is recognised and ignored. There are at most two: the main one, and the next one while
//! a transfer in place is under way.

// The widget is this module and little else, and every kilobyte of it is downloaded: no `format!` and no `to_string` here
// (they trap: the widget's build has no formatting), and no searching for a text in a text.

mod claim;
mod hop;
mod record;
mod talk;
mod view;
mod wire;

#[cfg(test)]
mod tests;

use baton_protocol::limits::MAX_UNANSWERED;
use baton_protocol::model::{Brand, DocumentCard, EndReason, Event, Page, Phase};
use baton_protocol::{ClientFrame, CloseCode, ErrorCode, ServerFrame, Timestamp};

pub use claim::{Claim, is_safe_page, split_address};
pub use record::{Before, Hop, Line, Mark, Record, Stage, Standing, What};
pub use view::{Connection, Ending, Notice, Place, View};

use wire::{Reach, Role, Wire};

/// Milliseconds from an offer to the destination's welcome, at most. Then the customer stays.
pub const WELCOME_WAIT: u32 = 10_000;
/// Milliseconds that the origin may be out of reach during a transfer, before the widget freezes it.
pub const FREEZE_AFTER: u32 = 15_000;
/// Milliseconds that a frozen widget tries the destination. Above a WTID's life, after which it is refused.
pub const FROZEN_WAIT: u32 = 120_000;
/// Milliseconds that unacknowledged messages may delay a transfer by navigation.
pub const FLUSH_WAIT: u32 = 2_000;
/// Milliseconds after which a browser that was sent away and is still here will not go any more.
pub const LEAVE_WAIT: u32 = 20_000;
/// Milliseconds from arriving on a page with a claim to the welcome, at most. Then the customer goes back.
pub const ARRIVE_WAIT: u32 = 15_000;
/// Milliseconds from opening a connection to its welcome, at most. Then another one is tried.
pub const ATTEMPT_WAIT: u32 = 10_000;
/// Milliseconds without an answer to a ping after which a connection is dead.
pub const PONG_WAIT: u32 = 10_000;
/// The same after a wake-up, when a dead connection is likely and somebody looks at the window.
pub const WAKE_PONG_WAIT: u32 = 3_000;
/// Milliseconds of a restart that was told of and that customers need not know of. A longer one they read about.
pub const RESTART: u32 = 5_000;
/// Milliseconds of the first wait before connecting again; it doubles.
pub const BACKOFF_FIRST: u32 = 250;
/// Milliseconds of the longest wait.
pub const BACKOFF_MOST: u32 = 30_000;
/// Milliseconds after which an unused record is forgotten (M4).
pub const RECORD_LIFE: u64 = 24 * 3_600_000;
/// Messages that may wait for their acknowledgement.
pub const MAX_OUTBOX: usize = MAX_UNANSWERED;
/// Lines of the transcript that are kept, beside the outbox.
pub const MAX_LINES: usize = 200;
/// Servers that a customer may come back to and be known at, the first ones of a long chain.
pub const MAX_BEFORE: usize = 8;

/// A connection, as the machine numbers them. Never used again within a machine's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u32);

/// What a machine knows of the world at one step.
pub struct Env<'a> {
    /// The time.
    pub now: Timestamp,
    /// Fills a slice with cryptographically random bytes.
    pub random: &'a mut dyn FnMut(&mut [u8]),
}

impl Env<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }

    fn number(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }
}

/// How a client is set up by the gateway that sent it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The gateway's WebSocket, for new chats and arrivals by page.
    pub socket: String,
    /// WebSockets that this page may connect to: the gateway's word for which peers are genuine. An offer of
    /// any other is not followed in place.
    pub reachable: Vec<String>,
    /// The company, until a welcome says more.
    pub brand: Brand,
    /// The client's description (W1).
    pub client_type: String,
}

/// What the customer says before the first message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The area's name; empty for the server's first one.
    pub area: String,
    /// Name, or empty.
    pub name: String,
    /// E-mail address, or empty.
    pub email: String,
    /// Subject, or empty: then the question's first line.
    pub subject: String,
    /// The first message, or empty.
    pub question: String,
}

/// What happens to a client.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "an input lives for one step")]
pub enum Input {
    /// The customer starts a chat (M1).
    Start(Opening),
    /// There is a stored record: go on with it.
    Resume(Box<Record>),
    /// The page was opened by a transfer (M2). The record is what was stored here before: an arrival that comes
    /// to nothing must not cost a chat that was going on.
    Arrive(Claim, Option<Box<Record>>),
    /// A connection is open.
    Opened(Link),
    /// A frame has come.
    Frame(Link, ServerFrame),
    /// A connection is closed, or could not be opened; with the close code, if there was one.
    Closed(Link, Option<u16>),
    /// The policy of the page does not let it open this connection.
    Blocked(Link),
    /// A timer has elapsed.
    Timer(Timer),
    /// The customer sends a message.
    Say(String),
    /// The customer says a document that was uploaded for this chat.
    Attach(DocumentCard),
    /// A document could not be uploaded.
    NotUploaded(ErrorCode),
    /// The customer is typing.
    Typing,
    /// The customer sees the end of the transcript.
    Seen,
    /// The customer is on this page now (M5).
    Browsed(Page),
    /// The customer ends the chat (M4).
    End,
    /// The page is visible again, or the network is back: do not wait any longer.
    WakeUp,
    /// Another window of the same browser has taken the chat over.
    Superseded,
    /// What the window that has the chat has stored, or that it has forgotten it: to be shown here as well.
    Follow(Option<Box<Record>>),
    /// The customer is done with a chat that has ended or stopped.
    Dismiss,
}

/// What a client asks of its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Store [`Client::record`] durably, before any effect that follows.
    Store,
    /// Delete what is stored.
    Forget,
    /// Open a connection with subprotocol `baton.v1.bin`.
    Connect {
        /// Its number.
        link: Link,
        /// Its address.
        url: String,
    },
    /// Send a frame.
    Send(Link, ClientFrame),
    /// Close a connection. Nothing that is still reported about it matters.
    Close(Link),
    /// Report this timer after that many milliseconds. Replaces an earlier one of the same kind.
    SetTimer(Timer, u32),
    /// Do not report it any more.
    ClearTimer(Timer),
    /// Send the browser to this address (M2).
    Navigate(String),
    /// The arrival came to nothing: send the browser back to where it came from.
    GoBack,
    /// [`Client::view`] may have changed. The last effect of every step.
    Render,
    /// The chat is over for this widget (M4).
    Ended(Ending),
}

/// The timers. There is at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// Open the main connection again.
    Retry,
    /// The main connection should have been welcomed.
    Attempt,
    /// Send a ping.
    Heartbeat,
    /// The pong should have come.
    Pong,
    /// Open the next connection again.
    NextRetry,
    /// The next connection should have been welcomed.
    NextAttempt,
    /// The stage of the transfer or the arrival has lasted long enough.
    Stage,
    /// The origin has been out of reach for long enough.
    MainDown,
    /// The customer has stopped typing.
    Typing,
    /// The other side has stopped typing without saying so.
    Typed,
}

impl Timer {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Retry,
        Self::Attempt,
        Self::Heartbeat,
        Self::Pong,
        Self::NextRetry,
        Self::NextAttempt,
        Self::Stage,
        Self::MainDown,
        Self::Typing,
        Self::Typed,
    ];
}

/// The client machine.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    page: Option<Page>,
    record: Option<Record>,
    main: Wire,
    next: Wire,
    /// To the server that the customer has left: what was said there last may still be on its way. That server closes it.
    left: Option<Link>,
    links: u32,
    moving: Moving,
    now: Now,
    saving: Saving,
}

/// What this page's life knows of the transfer under way.
#[derive(Debug, Default)]
struct Moving {
    /// The main connection was closed for good, which the transfer may still survive.
    gone: Option<CloseCode>,
    /// It has lasted long enough, but there is no origin yet to go back to.
    overdue: bool,
    /// The origin's absence is being timed.
    watching: bool,
    /// The browser was told to leave.
    left: bool,
}

/// What is known now and of no use after a reload.
#[derive(Debug, Default)]
struct Now {
    phase: Option<Phase>,
    place: Option<Place>,
    typing: bool,
    notice: Option<Notice>,
    /// How it ended, and the transcript as it was.
    over: Option<(Ending, Vec<Line>, Brand)>,
    /// Messages not seen of a chat that is over, or that another window has.
    unread: u32,
    unsent: String,
    typing_told: Option<Timestamp>,
    pinged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Saving {
    Nothing,
    Store,
    Forget,
}

/// One step: the world, and where the effects go.
struct Step<'a, 'e> {
    env: &'a mut Env<'e>,
    out: &'a mut Vec<Effect>,
}

impl Step<'_, '_> {
    fn send(&mut self, link: Link, frame: ClientFrame) {
        self.out.push(Effect::Send(link, frame));
    }

    fn set(&mut self, timer: Timer, millis: u32) {
        self.out.push(Effect::SetTimer(timer, millis));
    }

    fn clear(&mut self, timer: Timer) {
        self.out.push(Effect::ClearTimer(timer));
    }
}

impl Client {
    /// A client that has no chat yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            page: None,
            record: None,
            main: Wire::default(),
            next: Wire::default(),
            left: None,
            links: 0,
            moving: Moving::default(),
            now: Now::default(),
            saving: Saving::Nothing,
        }
    }

    /// What [`Effect::Store`] stores: everything that must survive a reload.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The connection to the chat's owner, if there is one.
    #[must_use]
    pub fn owner(&self) -> Option<Link> {
        self.main.link.filter(|_| self.main.reach == Reach::Live)
    }

    /// The page that the customer is on, as far as it was told.
    #[must_use]
    pub fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// Takes one input and appends what is to be done about it.
    pub fn handle(&mut self, env: &mut Env<'_>, input: Input, out: &mut Vec<Effect>) {
        let start = out.len();
        let now = env.now;
        self.dispatch(&mut Step { env, out }, input);
        let saving = std::mem::replace(&mut self.saving, Saving::Nothing);
        match (saving, &mut self.record) {
            (Saving::Store, Some(record)) => {
                record.touched = now;
                out.insert(start, Effect::Store);
            }
            (Saving::Forget, _) => out.insert(start, Effect::Forget),
            _ => {}
        }
        out.push(Effect::Render);
    }

    fn dispatch(&mut self, step: &mut Step<'_, '_>, input: Input) {
        match input {
            Input::Start(opening) => self.start(step, opening),
            Input::Resume(record) => self.resume(step, *record),
            Input::Arrive(claim, before) => self.arrive(step, claim, before),
            Input::Opened(link) => self.opened(step, link),
            Input::Frame(link, frame) => self.frame(step, link, frame),
            Input::Closed(link, code) => self.closed(step, link, code),
            Input::Blocked(link) => self.next_blocked(step, link),
            Input::Timer(timer) => self.timer(step, timer),
            Input::Say(text) => self.say(step, text),
            Input::Attach(card) => self.attach(step, card),
            Input::NotUploaded(code) => self.now.notice = Some(Notice::NotUploaded(code)),
            Input::Typing => self.typing(step),
            Input::Seen => self.seen(step),
            Input::Browsed(page) => self.browsed(step, page),
            Input::End => self.end(step),
            Input::WakeUp => self.wake_up(step),
            Input::Superseded => self.superseded(step),
            Input::Follow(record) => self.follow_window(record),
            Input::Dismiss => self.dismiss(step),
        }
    }

    fn frame(&mut self, step: &mut Step<'_, '_>, link: Link, frame: ServerFrame) {
        if self.main.link == Some(link) {
            self.main_frame(step, frame);
        } else if self.next.link == Some(link) {
            self.next_frame(step, frame);
        } else if self.left == Some(link) {
            self.late_frame(frame);
        }
    }

    fn main_frame(&mut self, step: &mut Step<'_, '_>, frame: ServerFrame) {
        if self.now.pinged {
            self.now.pinged = false;
            step.clear(Timer::Pong);
        }
        match frame {
            ServerFrame::Welcome { chat, token, epoch, phase, brand, transfer, .. } => {
                self.main_welcome(step, wire::Welcome { chat, token, epoch, phase, brand, transfer });
            }
            ServerFrame::Draining { resume_in } => self.draining(step, Role::Main, resume_in),
            frame if self.main.reach == Reach::Live => self.live_frame(step, frame),
            _ => {}
        }
    }

    fn live_frame(&mut self, step: &mut Step<'_, '_>, frame: ServerFrame) {
        match frame {
            ServerFrame::Stored { id, seq, at, .. } => self.stored(step, id, seq, at),
            ServerFrame::Entries { entries, .. } => self.entries(step, entries),
            ServerFrame::Typing { on, .. } => self.typed(step, on),
            ServerFrame::Seen { seq, .. } => self.seen_by_them(seq),
            ServerFrame::PhaseChanged { phase, .. } => self.phase_changed(step, phase),
            ServerFrame::Place { rank, wait } => {
                self.now.place = Some(Place { rank, wait });
            }
            ServerFrame::Offered { offer } => self.offered(step, offer),
            ServerFrame::Withdrawn { transfer } => self.withdrawn(step, transfer),
            ServerFrame::Refused { code, about, .. } => self.refused(step, code, &about),
            // It answers a ping that was sent after the acceptance of an arrival, if there was one.
            ServerFrame::Pong { .. } => self.accepted(),
            _ => {}
        }
    }

    fn timer(&mut self, step: &mut Step<'_, '_>, timer: Timer) {
        match timer {
            Timer::Retry => self.retry_now(step, Role::Main),
            Timer::NextRetry => self.retry_now(step, Role::Next),
            Timer::Attempt => self.attempt_failed(step, Role::Main),
            Timer::NextAttempt => self.attempt_failed(step, Role::Next),
            Timer::Heartbeat => self.heartbeat(step),
            Timer::Pong => self.no_pong(step),
            Timer::Stage => self.stage_over(step),
            Timer::MainDown => self.main_down(step),
            Timer::Typing => self.typing_over(step),
            Timer::Typed => self.typed(step, false),
        }
    }

    fn phase_changed(&mut self, step: &mut Step<'_, '_>, phase: Phase) {
        if let Phase::Ended(reason) = phase {
            return self.finish(step, Ending::Ended(reason));
        }
        if phase != Phase::Waiting {
            self.now.place = None;
        }
        let moved = phase == Phase::Moved;
        self.now.phase = Some(phase);
        self.back_from_away(step, moved);
    }

    /// The chat is over here: leaves nothing behind but what is on the screen (M4).
    fn finish(&mut self, step: &mut Step<'_, '_>, ending: Ending) {
        self.saving = Saving::Forget;
        self.rest(step, ending);
    }

    /// Stops without forgetting: the chat goes on in another window, or a newer widget may go on with it.
    fn stop(&mut self, step: &mut Step<'_, '_>, ending: Ending) {
        self.saving = Saving::Nothing;
        self.rest(step, ending);
    }

    fn rest(&mut self, step: &mut Step<'_, '_>, ending: Ending) {
        self.quiet(step);
        if let Some(record) = self.record.take() {
            self.now = Now { unsent: record.unsent(), unread: record.unread, ..Now::default() };
            self.now.over = Some((ending.clone(), record.lines, record.brand));
        }
        step.out.push(Effect::Ended(ending));
    }

    /// Gives up every connection and timer.
    fn quiet(&mut self, step: &mut Step<'_, '_>) {
        self.drop_link(step, Role::Main);
        self.drop_link(step, Role::Next);
        self.leave(step);
        for timer in Timer::ALL {
            step.clear(timer);
        }
        self.moving = Moving::default();
        self.main.tries = 0;
        self.next.tries = 0;
    }

    /// The gateway does not know this customer any more: back to the form, with what was not delivered.
    fn start_over(&mut self, step: &mut Step<'_, '_>, notice: Notice) {
        self.quiet(step);
        let unsent = self.record.take().map(|record| record.unsent()).unwrap_or_default();
        self.now = Now { notice: Some(notice), unsent, ..Now::default() };
        self.saving = Saving::Forget;
    }

    fn superseded(&mut self, step: &mut Step<'_, '_>) {
        if self.record.is_some() {
            self.stop(step, Ending::Elsewhere);
        }
    }

    /// The chat is in another window, and shown here as that one has stored it. Forgotten there, it is over.
    fn follow_window(&mut self, record: Option<Box<Record>>) {
        if self.record.is_some() {
            return;
        }
        self.now.over = match (record, self.now.over.take()) {
            (Some(record), _) => {
                self.now.unread = record.unread;
                Some((Ending::Elsewhere, record.lines, record.brand))
            }
            (None, Some((Ending::Elsewhere, lines, brand))) => {
                self.now.unread = 0;
                Some((Ending::Ended(ended(&lines)), lines, brand))
            }
            (None, over) => over,
        };
    }

    fn dismiss(&mut self, step: &mut Step<'_, '_>) {
        if self.record.as_ref().is_none_or(|record| record.ending) {
            self.quiet(step);
            self.record = None;
            self.now = Now::default();
            self.saving = Saving::Forget;
        }
    }

    fn end(&mut self, step: &mut Step<'_, '_>) {
        let Some(record) = &mut self.record else { return };
        if record.ending {
            return;
        }
        if !matches!(record.standing, Standing::Session { .. }) {
            return self.finish(step, Ending::Ended(EndReason::Customer));
        }
        record.ending = true;
        self.saving = Saving::Store;
        self.tell_end(step);
    }

    fn tell_end(&mut self, step: &mut Step<'_, '_>) {
        if let (true, Some(link)) = (self.record.as_ref().is_some_and(|record| record.ending), self.talk()) {
            step.send(link, ClientFrame::End { chat: None });
        }
    }
}

/// Why the chat of these lines is over: as its last entry says, or by its customer, who may have done it while offline.
fn ended(lines: &[Line]) -> EndReason {
    match lines.last().map(|line| &line.what) {
        Some(What::Event(Event::Ended(reason))) => reason.clone(),
        _ => EndReason::Customer,
    }
}
