//! Every close code and every error code, each with what the client does about it.

use std::fmt;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What a client does after a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Connect again with backoff and resume.
    Resume,
    /// Forget the resume record and say hello as somebody new.
    StartAnew,
    /// Stay away: the chat is over here, or somebody else has it.
    Stop,
}

macro_rules! close_codes { ($($(#[$doc:meta])* $name:ident = $number:literal => $reaction:ident;)*) => {
    /// Why a gateway closed a WebSocket (RFC 6455 section 7.4). 4000 to 4999 are this protocol's own.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[repr(u16)]
    pub enum CloseCode { $($(#[$doc])* $name = $number,)* }

    impl CloseCode {
        /// Every code, in the order of their numbers.
        pub const ALL: &[Self] = &[$(Self::$name,)*];

        /// The code with this number, if it is one of ours.
        #[must_use]
        pub fn from_number(number: u16) -> Option<Self> {
            match number { $($number => Some(Self::$name),)* _ => None }
        }

        /// What a client does about it.
        #[must_use]
        pub fn reaction(self) -> Reaction {
            match self { $(Self::$name => Reaction::$reaction,)* }
        }
    }
}}

close_codes! {
    /// Not WebSocket (RFC 6455): a defect in the client.
    Protocol = 1002 => Stop;
    /// A text message that is not UTF-8: a defect in the client.
    NotText = 1007 => Stop;
    /// A message was larger than [`MAX_FRAME`](crate::limits::MAX_FRAME).
    TooLarge = 1009 => Stop;
    /// The gateway is shutting down or restarting: resume, here or at another gateway.
    Restarting = 1012 => Resume;
    /// The chat has moved to another server, which the widget already knows.
    Moved = 4301 => Stop;
    /// Not a frame of this protocol, or one that does not fit here: a defect in the client.
    Malformed = 4400 => Stop;
    /// Wrong name, password or token. Say hello anew.
    Unauthenticated = 4401 => StartAnew;
    /// The page's origin may not use this gateway.
    ForbiddenOrigin = 4403 => Stop;
    /// No hello within [`HELLO_SECONDS`](crate::limits::HELLO_SECONDS), or three heartbeats missed.
    TimedOut = 4407 => Resume;
    /// The client read too slowly and its queue was full. Nothing is lost: resume.
    TooSlow = 4408 => Resume;
    /// The same session connected again from elsewhere.
    Superseded = 4409 => Stop;
    /// The chat has ended.
    Ended = 4410 => Stop;
    /// Neither `baton.v1.bin` nor `baton.v1.json` was offered.
    Version = 4426 => Stop;
    /// Too many messages or connections from here: resume later.
    RateLimited = 4429 => Resume;
    /// A fault of the gateway's own. What was not acknowledged was not stored: resume and send it again.
    Internal = 4500 => Resume;
}

/// Whose fault an error is, which says who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client sent what it should not have.
    Client,
    /// The person chose something that cannot be had now.
    Choice,
    /// Another company's server, or the network to it.
    Peer,
    /// This gateway.
    Server,
}

macro_rules! error_codes { ($($(#[$doc:meta])* $name:ident => $fault:ident, $advice:literal;)*) => {
    /// Why a request was refused while the connection stays open. Append only.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ErrorCode { $($(#[$doc])* $name,)* }

    impl ErrorCode {
        /// Every code, in wire order.
        pub const ALL: &[Self] = &[$(Self::$name,)*];

        /// Whose fault it is.
        #[must_use]
        pub fn fault(self) -> Fault { match self { $(Self::$name => Fault::$fault,)* } }

        /// What to do next, as a sentence for a person.
        #[must_use]
        pub fn advice(self) -> &'static str { match self { $(Self::$name => $advice,)* } }
    }
}}

error_codes! {
    /// A frame of this type makes no sense on this connection or in this state.
    OutOfOrder => Client, "Reload the page.";
    /// The text is empty or longer than [`MAX_TEXT`](crate::limits::MAX_TEXT).
    BadText => Client, "Shorten the message.";
    /// No such chat, or not one of yours.
    UnknownChat => Choice, "It may have been closed or taken by somebody else.";
    /// No such area here.
    UnknownArea => Choice, "Choose another service line.";
    /// Wrong name or password.
    WrongPassword => Choice, "Check the name and the password.";
    /// Too many attempts from here.
    TooManyAttempts => Choice, "Wait a minute and try again.";
    /// Somebody else picked the customer up first.
    AlreadyTaken => Choice, "Pick up another customer.";
    /// You have as many chats as you may have.
    AtMaximum => Choice, "Finish a chat first.";
    /// The agent is offline, busy or away, or at their maximum (A5).
    AgentUnavailable => Choice, "Choose another agent or a service line.";
    /// Nobody serves the area now (A5).
    Unstaffed => Choice, "Choose another service line.";
    /// This server's own rules do not permit the transfer (O2).
    NotPermitted => Choice, "Ask a supervisor.";
    /// The customer has no connection, so nothing can be pushed to them.
    CustomerOffline => Choice, "Try again when the customer is back.";
    /// A transfer of this chat is already under way.
    TransferUnderWay => Choice, "Wait for it or cancel it.";
    /// The other server is not one of this server's peers.
    UnknownServer => Choice, "Choose another server.";
    /// The other server denied the transfer; the text says why.
    Denied => Peer, "Choose another destination.";
    /// The other server could not be reached.
    Unreachable => Peer, "Try again later or choose another destination.";
    /// The other server did not answer in time.
    NoAnswer => Peer, "Try again later or choose another destination.";
    /// The other server's answer made no sense.
    BadAnswer => Peer, "Tell your administrator.";
    /// The customer did not arrive there in time.
    NotArrived => Peer, "The customer is still here. Try again.";
    /// The agent cancelled it.
    Cancelled => Choice, "Nothing has changed.";
    /// The conversation has visited too many servers, or this one a moment ago (threat 25).
    Loop => Choice, "Choose another destination.";
    /// The chat has as many entries as a chat may have.
    ChatFull => Choice, "End the chat and start another.";
    /// The chat has ended or moved.
    ChatOver => Choice, "Start a new chat.";
    /// This gateway could not do it for a reason of its own.
    Internal => Server, "Try again. If it persists, tell your administrator.";
    /// The line takes customers only while an agent is free, and none is (D7).
    NoAgentFree => Choice, "Try again later or choose another destination.";
    /// No agent is free there; what was posted is kept, so that trying again need not send it again (D7).
    Kept => Choice, "Try again in a while: nothing has to be sent again.";
    /// An agent there is being asked; the answer comes with the next try.
    Asking => Choice, "Wait for the answer.";
    /// The agents who were asked do not take the chat now.
    Declined => Choice, "Choose another destination.";
    /// As many customers wait there as may.
    QueueFull => Choice, "Try again later or choose another destination.";
    /// No such document, or not one that you may read or say.
    UnknownDocument => Choice, "Upload it again.";
    /// Files of this kind or size are not taken here.
    BadDocument => Choice, "Send another file.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::OutOfOrder => "this does not fit here",
            Self::BadText => "the message is empty or too long",
            Self::UnknownChat => "there is no such chat",
            Self::UnknownArea => "there is no such service line",
            Self::WrongPassword => "the name or the password is wrong",
            Self::TooManyAttempts => "too many attempts",
            Self::AlreadyTaken => "somebody else took this customer",
            Self::AtMaximum => "you have as many chats as you may have",
            Self::AgentUnavailable => "the agent cannot take a chat now",
            Self::Unstaffed => "nobody serves this line now",
            Self::NotPermitted => "this transfer is not permitted",
            Self::CustomerOffline => "the customer is not connected",
            Self::TransferUnderWay => "a transfer is already under way",
            Self::UnknownServer => "the server is not known here",
            Self::Denied => "the other server denied the transfer",
            Self::Unreachable => "the other server cannot be reached",
            Self::NoAnswer => "the other server did not answer in time",
            Self::BadAnswer => "the other server's answer made no sense",
            Self::NotArrived => "the customer did not arrive in time",
            Self::Cancelled => "the transfer was cancelled",
            Self::Loop => "the conversation has been there already",
            Self::ChatFull => "the chat is full",
            Self::ChatOver => "the chat is over",
            Self::Internal => "the server could not do it",
            Self::NoAgentFree => "no agent is free there now",
            Self::Kept => "no agent is free there now; what was sent is kept",
            Self::Asking => "an agent is being asked",
            Self::Declined => "the agents who were asked do not take the chat now",
            Self::QueueFull => "as many customers wait there as may",
            Self::UnknownDocument => "there is no such document",
            Self::BadDocument => "files of this kind or size are not taken here",
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_is_found_by_its_number() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(*code as u16), Some(*code));
        }
        assert_eq!(CloseCode::from_number(1000), None);
    }

    #[test]
    fn every_error_says_something_to_a_person() {
        for code in ErrorCode::ALL {
            assert!(!code.to_string().is_empty() && code.advice().ends_with('.'), "{code:?}");
        }
    }
}
