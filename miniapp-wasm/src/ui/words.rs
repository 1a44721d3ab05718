//! Every word that the widget says by itself.

use baton_core::client::{Connection, Ending, Notice, Place, View};
use baton_protocol::ErrorCode;
use baton_protocol::model::{EndReason, Event, Phase};

use crate::text::{join, number};

/// The line under the company's name.
pub fn state(view: &View<'_>) -> String {
    if view.ended.is_some() {
        return "Chat ended".into();
    }
    match (view.connection, view.phase) {
        (Connection::Idle, _) => "We are here for you".into(),
        (Connection::Connecting, _) => "Connecting…".into(),
        (Connection::Reconnecting, _) => "Reconnecting…".into(),
        (Connection::Moving, _) => match view.moving_to {
            Some(name) => join(&["Connecting you to ", name, "…"]),
            None => "Connecting you…".into(),
        },
        (Connection::Online, Some(Phase::Active { agent })) => join(&["With ", agent]),
        (Connection::Online, Some(Phase::Waiting)) => match view.place {
            Some(place) => waiting(place),
            None => "Waiting for somebody to join…".into(),
        },
        (Connection::Online, _) => "One moment…".into(),
    }
}

fn waiting(place: &Place) -> String {
    let rank = number(place.rank);
    let Some(wait) = &place.wait else { return join(&["You are number ", &rank]) };
    let (from, to) = (wait.from / 60, wait.to.div_ceil(60));
    let minutes = match (from, to) {
        (_, 0 | 1) => return join(&["You are number ", &rank, ", about a minute"]),
        (0, to) => join(&["1–", &number(to)]),
        (from, to) if from >= to => number(to),
        (from, to) => join(&[&number(from), "–", &number(to)]),
    };
    join(&["You are number ", &rank, ", about ", &minutes, " minutes"])
}

/// What the company says to those who wait.
pub fn announced<'a>(view: &View<'a>) -> &'a str {
    let waits = view.connection == Connection::Online && view.phase == Some(&Phase::Waiting);
    let said = view.notices.iter().filter(|_| waits);
    said.filter_map(|notice| match notice {
        baton_protocol::model::Notice::Announcement(text) => Some(text.as_str()),
        // The way to leave a message is shown where it can be gone.
        _ => None,
    })
    .next()
    .unwrap_or_default()
}

/// A line between the messages.
pub fn event(event: &Event) -> String {
    match event {
        Event::Queued { area } => join(&["Waiting in line for ", area]),
        Event::Joined { agent } => join(&[agent, " has joined"]),
        Event::AgentLost { agent } => join(&[agent, " had to leave. You are next in line."]),
        Event::Transferred { to, .. } => join(&["You are being passed on to ", to]),
        Event::TransferFailed { .. } | Event::Confidential { .. } => String::new(),
        Event::Ended(reason) => ended(reason).into(),
    }
}

fn ended(reason: &EndReason) -> &'static str {
    match reason {
        EndReason::Customer => "You have ended the chat",
        EndReason::Agent => "The chat was ended",
        EndReason::Elapsed => "The chat ended after a time without a message",
        EndReason::SetTime => "The chat ended: we are closed now",
        EndReason::Server => "The chat was ended by the server",
    }
}

/// Why there is no chat any more, and what the button does about it.
pub fn ending(ending: &Ending) -> (String, &'static str) {
    const NEW: &str = "Start a new chat";
    match ending {
        Ending::Ended(reason) => (join(&[ended(reason), "."]), NEW),
        Ending::Moved(to) if to.is_empty() => ("This conversation goes on elsewhere.".into(), NEW),
        Ending::Moved(to) => (join(&["This conversation goes on at ", to, "."]), NEW),
        Ending::Elsewhere => ("This chat goes on in another window.".into(), "Continue here"),
        Ending::Forbidden => ("The chat cannot be used on this page.".into(), NEW),
        Ending::Incompatible => ("The chat has been updated. Please load the page again.".into(), NEW),
    }
}

/// Something to say to the customer.
pub fn notice(notice: &Notice) -> &'static str {
    match notice {
        Notice::TooLong => "This message is too long. Please send it in parts.",
        Notice::OutboxFull => {
            "Too many messages are waiting to be sent. Please wait until you are connected."
        }
        Notice::Leaving => "One moment: you are being connected. Your message was not sent yet.",
        Notice::Lost => "The earlier chat is not available any more. Please start a new one.",
        Notice::Stayed => "You are still with us: the others could not be reached.",
        Notice::NotArrived => "The chat could not be continued here.",
        Notice::NotUploaded(ErrorCode::BadDocument) => "Files of this kind or size cannot be sent here.",
        Notice::NotUploaded(_) => "The file could not be sent. Please try again in a moment.",
        Notice::Refused(_) => "The last message could not be delivered.",
    }
}
