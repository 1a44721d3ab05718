//! How states, events and times read to a person.

use crate::model::hours::Standing;
use crate::tongue::{heard, hour, say, t};
use baton_protocol::CloseCode;
use baton_protocol::model::{
    Author, DocumentState, EndReason, Event, Known, Left, OpenState, Presence, Stage, WaitRange,
};

/// The customer's name, or a word in its place.
#[must_use]
pub fn customer(name: &str) -> String {
    if name.trim().is_empty() { t("Visitor").into() } else { name.into() }
}

/// Who wrote something, seen from the agent.
#[must_use]
pub fn author(author: &Author, customer: &str) -> String {
    match author {
        Author::Customer => customer.into(),
        Author::Agent(name) => name.clone(),
        Author::System => t("System").into(),
    }
}

/// Who wrote a line, and whether it is for agents alone.
#[must_use]
pub fn by(author: &Author, customer: &str, note: bool) -> String {
    let name = self::author(author, customer);
    if note { say("$1, private note", &[&name]) } else { name }
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
        0 => t("now").into(),
        minutes @ 1..60 => say("$1 min", &[&minutes]),
        minutes @ 60..1_440 => say("$1 h", &[&(minutes / 60)]),
        minutes => say("$1 d", &[&(minutes / 1_440)]),
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
        Presence::Available => t("Available"),
        Presence::Busy => t("Busy"),
        Presence::Away => t("Away"),
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
        (_, 0) => t("no wait").into(),
        (_, 1) => t("up to a minute").into(),
        (from, to) if from == to => say("about $1 minute|about $1 minutes", &[&to]),
        (from, to) => say("$1 to $2 minutes", &[&from, &to]),
    }
}

/// Whether a service line is open, and until when.
#[must_use]
pub fn standing(standing: &Standing) -> String {
    let Standing { open, until, zone } = standing;
    match (open, until.map(|until| hour(until, zone))) {
        (true, None) => t("open").into(),
        (true, Some(until)) => say("open until $1", &[&until]),
        (false, None) => t("closed").into(),
        (false, Some(until)) => say("closed until $1", &[&until]),
    }
}

/// What stands beside somebody who left a message and is not here.
#[must_use]
pub fn left(left: Left) -> &'static str {
    match left {
        Left::InHours => t("Message"),
        Left::OutOfHours => t("Message, out of hours"),
    }
}

/// What a list of so many has left out, if it has.
#[must_use]
pub fn cut(listed: usize, all: usize) -> Option<String> {
    (listed < all).then(|| say("$1 are waiting: these are the next $2", &[&all, &listed]))
}

/// Bytes of a document.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => say("$1 bytes", &[&bytes]),
        1_024..1_048_576 => say("$1 KB", &[&(bytes / 1_024)]),
        _ => say("$1.$2 MB", &[&(bytes / 1_048_576), &(bytes % 1_048_576 * 10 / 1_048_576)]),
    }
}

/// What a document is, for people.
#[must_use]
pub fn kind(media_type: &str) -> &'static str {
    match media_type {
        "application/pdf" => "PDF",
        "application/zip" => t("Archive"),
        text if text.starts_with("text/") => t("Text"),
        image if image.starts_with("image/") => t("Image"),
        _ => t("Document"),
    }
}

/// Why a document cannot be read yet (A8); nothing when it can.
#[must_use]
pub fn document_state(state: DocumentState) -> Option<&'static str> {
    match state {
        DocumentState::Here => None,
        DocumentState::Arriving => Some(t("arriving…")),
        DocumentState::Missing => Some(t("could not be fetched")),
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
        Event::Queued { area } => say("Waiting in $1", &[&area]),
        Event::Joined { agent } => say("$1 joined", &[&agent]),
        Event::AgentLost { agent } => say("$1 was disconnected; the customer waits again", &[&agent]),
        Event::Transferred { from, to } => say("Transferred from $1 to $2", &[&from, &to]),
        Event::Confidential { agent, on: true } => say("$1 marked this chat as confidential", &[&agent]),
        Event::Confidential { agent, on: false } => say("$1 took the mark of confidence away", &[&agent]),
        Event::Verified { site, subject } => say("Verified by $1 as $2", &[&site, &subject]),
        Event::Corrected { known: Known { name, email, subject } } => {
            say("The customer's own correction: $1, $2, $3", &[&name, &email, &subject])
        }
        Event::LeftMessage { email } if email.is_empty() => {
            t("Left a message, and no e-mail address: what you write reaches nobody").into()
        }
        Event::LeftMessage { email } => say("Left a message: what you write goes to $1", &[&email]),
        Event::TransferFailed { to, code } => {
            say("Transfer to $1 did not happen: $2", &[&to, &heard(&code.to_string())])
        }
        Event::Ended(reason) => ended(reason).into(),
    }
}

/// Why a chat is over.
#[must_use]
pub fn ended(reason: &EndReason) -> &'static str {
    match reason {
        EndReason::Customer => t("The customer ended the chat"),
        EndReason::Agent => t("The agent ended the chat"),
        EndReason::Elapsed => t("The chat ended because nobody was there any more"),
        EndReason::SetTime => t("The chat ended at the set time"),
        EndReason::Server => t("The server ended the chat"),
    }
}

/// How far a transfer is, while the chat is still here.
#[must_use]
pub fn stage(stage: Option<Stage>) -> &'static str {
    match stage {
        None => t("Asking the server…"),
        Some(Stage::Requested) => t("Asking the destination for permission…"),
        Some(Stage::Permitted) => t("Permitted. Sending the information…"),
        Some(Stage::Accepted) => t("Accepted. Telling the customer's browser…"),
        Some(Stage::Pushed) => t("The customer's browser is moving over…"),
        Some(Stage::Arrived | Stage::Queued | Stage::Answered) => t("The customer has arrived"),
        Some(Stage::Failed) => t("The transfer did not happen"),
    }
}

/// What became of a chat that is with somebody else now (A7).
#[must_use]
pub fn fate(stage: Option<Stage>) -> &'static str {
    match stage {
        Some(Stage::Answered) => t("An agent there has the customer now."),
        Some(Stage::Queued) => t("The customer is waiting there for an agent."),
        _ => t("The customer has arrived there."),
    }
}

/// Why the connection was closed for good, for the login page.
#[must_use]
pub fn closed(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Unauthenticated => t("Your session is over. Log in again."),
        CloseCode::ForbiddenOrigin => {
            t("This page may not use the server. Open the console at the server's own address.")
        }
        CloseCode::Superseded => t("You logged in somewhere else."),
        CloseCode::Version => t("The console and the server do not fit together. Reload the page."),
        _ => t("The server closed the connection. Log in again."),
    }
}
