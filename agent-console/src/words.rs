//! How states, events and times read to a person.

use baton_protocol::CloseCode;
use baton_protocol::model::{
    Author, DocumentState, EndReason, Event, Known, OpenState, Presence, Stage, WaitRange,
};

/// The customer's name, or a word in its place.
#[must_use]
pub fn customer(name: &str) -> String {
    if name.trim().is_empty() { "Visitor".into() } else { name.into() }
}

/// Who wrote something, seen from the agent.
#[must_use]
pub fn author(author: &Author, customer: &str) -> String {
    match author {
        Author::Customer => customer.into(),
        Author::Agent(name) => name.clone(),
        Author::System => "System".into(),
    }
}

/// A time that runs: `0:07`, `12:40`, `1:02:03`.
#[must_use]
pub fn clock(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long ago, in one unit: `now`, `4 min`, `2 h`.
#[must_use]
pub fn ago(millis: u64) -> String {
    match millis / 60_000 {
        0 => "now".into(),
        minutes @ 1..60 => format!("{minutes} min"),
        minutes @ 60..1_440 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 1_440),
    }
}

/// How urgent a wait is, for its colour: after two minutes people begin to leave, after five most think of it.
#[must_use]
pub fn urgency(millis: u64) -> &'static str {
    match millis {
        0..120_000 => "short",
        120_000..300_000 => "long",
        _ => "urgent",
    }
}

/// Whether somebody takes chats.
#[must_use]
pub fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Available => "Available",
        Presence::Busy => "Busy",
        Presence::Away => "Away",
    }
}

/// The value of an open chat's `data-state`.
#[must_use]
pub fn open_state(state: &OpenState) -> &'static str {
    match state {
        OpenState::Waiting => "waiting",
        OpenState::Active { .. } => "active",
        OpenState::Transferring { .. } => "transferring",
        OpenState::Leaving { .. } => "leaving",
    }
}

/// An expected wait.
#[must_use]
pub fn wait(range: &WaitRange) -> String {
    let minutes = |seconds: u32| seconds.div_ceil(60);
    match (minutes(range.from), minutes(range.to)) {
        (_, 0) => "no wait".into(),
        (_, 1) => "up to a minute".into(),
        (from, to) if from == to => format!("about {to} minutes"),
        (from, to) => format!("{from} to {to} minutes"),
    }
}

/// What a list of so many has left out, if it has.
#[must_use]
pub fn cut(listed: usize, all: usize) -> Option<String> {
    (listed < all).then(|| format!("{all} are waiting: these are the next {listed}"))
}

/// `1 agent`, `2 agents`.
#[must_use]
pub fn count(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Bytes of a document.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KB", bytes / 1_024),
        _ => format!("{}.{} MB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

/// What a document is, for people.
#[must_use]
pub fn kind(media_type: &str) -> &'static str {
    match media_type {
        "application/pdf" => "PDF",
        "application/zip" => "Archive",
        text if text.starts_with("text/") => "Text",
        image if image.starts_with("image/") => "Image",
        _ => "Document",
    }
}

/// Why a document cannot be read yet (A8); nothing when it can.
#[must_use]
pub fn document_state(state: DocumentState) -> Option<&'static str> {
    match state {
        DocumentState::Here => None,
        DocumentState::Arriving => Some("arriving…"),
        DocumentState::Missing => Some("could not be fetched"),
    }
}

/// The value of a document's `data-state`.
#[must_use]
pub fn state_mark(state: Option<DocumentState>) -> &'static str {
    match state {
        None | Some(DocumentState::Here) => "here",
        Some(DocumentState::Arriving) => "arriving",
        Some(DocumentState::Missing) => "missing",
    }
}

/// An event as a line between the messages.
#[must_use]
pub fn event(event: &Event) -> String {
    match event {
        Event::Queued { area } => format!("Waiting in {area}"),
        Event::Joined { agent } => format!("{agent} joined"),
        Event::AgentLost { agent } => format!("{agent} was disconnected; the customer waits again"),
        Event::Transferred { from, to } => format!("Transferred from {from} to {to}"),
        Event::Confidential { agent, on: true } => format!("{agent} marked this chat as confidential"),
        Event::Confidential { agent, on: false } => format!("{agent} took the mark of confidence away"),
        Event::Verified { site, subject } => format!("Verified by {site} as {subject}"),
        Event::Corrected { known: Known { name, email, subject } } => {
            format!("The customer's own correction: {name}, {email}, {subject}")
        }
        Event::LeftMessage { email } if email.is_empty() => {
            "Left a message, and no e-mail address: what you write reaches nobody".into()
        }
        Event::LeftMessage { email } => format!("Left a message: what you write goes to {email}"),
        Event::TransferFailed { to, code } => format!("Transfer to {to} did not happen: {code}"),
        Event::Ended(reason) => ended(reason).into(),
    }
}

/// Why a chat is over.
#[must_use]
pub fn ended(reason: &EndReason) -> &'static str {
    match reason {
        EndReason::Customer => "The customer ended the chat",
        EndReason::Agent => "The agent ended the chat",
        EndReason::Elapsed => "The chat ended because nobody was there any more",
        EndReason::SetTime => "The chat ended at the set time",
        EndReason::Server => "The server ended the chat",
    }
}

/// How far a transfer is, while the chat is still here.
#[must_use]
pub fn stage(stage: Option<Stage>) -> &'static str {
    match stage {
        None => "Asking the server…",
        Some(Stage::Requested) => "Asking the destination for permission…",
        Some(Stage::Permitted) => "Permitted. Sending the information…",
        Some(Stage::Accepted) => "Accepted. Telling the customer's browser…",
        Some(Stage::Pushed) => "The customer's browser is moving over…",
        Some(Stage::Arrived | Stage::Queued | Stage::Answered) => "The customer has arrived",
        Some(Stage::Failed) => "The transfer did not happen",
    }
}

/// What became of a chat that is with somebody else now (A7).
#[must_use]
pub fn fate(stage: Option<Stage>) -> &'static str {
    match stage {
        Some(Stage::Answered) => "An agent there has the customer now.",
        Some(Stage::Queued) => "The customer is waiting there for an agent.",
        _ => "The customer has arrived there.",
    }
}

/// Why the connection was closed for good, for the login page.
#[must_use]
pub fn closed(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Unauthenticated => "Your session is over. Log in again.",
        CloseCode::ForbiddenOrigin => {
            "This page may not use the server. Open the console at the server's own address."
        }
        CloseCode::Superseded => "You logged in somewhere else.",
        CloseCode::Version => "The console and the server do not fit together. Reload the page.",
        _ => "The server closed the connection. Log in again.",
    }
}
