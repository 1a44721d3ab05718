//! What a client shows: plain data, which the user interface words.

use baton_protocol::ErrorCode;
use baton_protocol::model::{Brand, EndReason, Phase, WaitRange};

use super::wire::Reach;
use super::{Client, Line, MAX_OUTBOX, Stage, Standing};
use baton_protocol::limits::MAX_TEXT;

/// What a client shows.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The connection.
    pub connection: Connection,
    /// Where a transfer leads, by the name that people read.
    pub moving_to: Option<&'a str>,
    /// The chat's state, once it is known.
    pub phase: Option<&'a Phase>,
    /// The company that has the chat.
    pub brand: &'a Brand,
    /// The transcript, the customer's pending messages last.
    pub lines: &'a [Line],
    /// Place in the queue (H1).
    pub place: Option<&'a Place>,
    /// The other side is typing.
    pub typing: bool,
    /// Something to say to the customer.
    pub notice: Option<&'a Notice>,
    /// The chat is over, and how.
    pub ended: Option<Ending>,
    /// Messages not seen.
    pub unread: u32,
    /// Messages that were never delivered, for the form to begin with.
    pub unsent: &'a str,
}

/// The state of the connection, as a customer understands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// There is no chat.
    Idle,
    /// A new chat is being opened.
    Connecting,
    /// All is well.
    Online,
    /// The connection was lost and is being made again.
    Reconnecting,
    /// A transfer is under way.
    Moving,
}

/// A place in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub rank: u32,
    /// Expected wait, where it can be told.
    pub wait: Option<WaitRange>,
}

/// How a chat ended for this widget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is over.
    Ended(EndReason),
    /// It goes on at another server, whose name may be known.
    Moved(String),
    /// It goes on in another window.
    Elsewhere,
    /// This page may not use the gateway.
    Forbidden,
    /// Widget and gateway do not understand each other.
    Incompatible,
}

/// Something to say to the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The message is too long and was not taken.
    TooLong,
    /// Too many messages wait already; this one was not taken.
    OutboxFull,
    /// The page is about to be left; the message was not taken.
    Leaving,
    /// The gateway does not know the chat any more.
    Lost,
    /// The destination did not take the customer; they are back where they were.
    Stayed,
    /// The arrival came to nothing.
    NotArrived,
    /// The gateway refused something.
    Refused(ErrorCode),
    /// A document could not be uploaded.
    NotUploaded(ErrorCode),
}

impl Client {
    /// What to show now.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        let over = self.now.over.as_ref();
        let record = self.record.as_ref();
        View {
            connection: self.connection(),
            moving_to: record.and_then(|record| record.hop.as_ref()).map(|hop| hop.title.as_str()),
            phase: self.now.phase.as_ref(),
            brand: match (over, record) {
                (Some((_, _, brand)), _) => brand,
                (_, Some(record)) => &record.brand,
                _ => &self.settings.brand,
            },
            lines: match (over, record) {
                (Some((_, lines, _)), _) => lines,
                (_, Some(record)) => &record.lines,
                _ => &[],
            },
            place: self.now.place.as_ref(),
            typing: self.now.typing,
            notice: self.now.notice.as_ref(),
            ended: match over {
                Some((ending, ..)) => Some(ending.clone()),
                None if record.is_some_and(|record| record.ending) => {
                    Some(Ending::Ended(EndReason::Customer))
                }
                None => None,
            },
            unread: record.map_or(self.now.unread, |record| record.unread),
            unsent: &self.now.unsent,
        }
    }

    fn connection(&self) -> Connection {
        let Some(record) = &self.record else { return Connection::Idle };
        match (&record.standing, record.hop.as_ref().map(|hop| hop.stage)) {
            (Standing::New { .. }, _) => Connection::Connecting,
            (Standing::Arriving { .. }, _) => Connection::Moving,
            (_, Some(Stage::Claiming | Stage::Frozen | Stage::Flushing)) => Connection::Moving,
            (_, Some(Stage::Away)) if self.moving.left => Connection::Moving,
            (_, None) if self.main.reach == Reach::Live || self.main.expected => Connection::Online,
            _ => Connection::Reconnecting,
        }
    }

    /// Why this message cannot be taken now, if it cannot.
    #[must_use]
    pub fn objection(&self, text: &str) -> Option<Notice> {
        let record = self.record.as_ref()?;
        let stage = record.hop.as_ref().map(|hop| hop.stage);
        if text.len() > MAX_TEXT {
            Some(Notice::TooLong)
        } else if matches!(stage, Some(Stage::Flushing | Stage::Away)) {
            // The destination's page has no way to this page's outbox.
            Some(Notice::Leaving)
        } else if record.outbox().count() >= MAX_OUTBOX {
            Some(Notice::OutboxFull)
        } else {
            None
        }
    }
}
