//! What the agent is told of when they look elsewhere: for notifications of the desktop, and for a sound.

use baton_protocol::ChatId;

use super::Console;
use super::Inbox;
use crate::tongue::say;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    /// Somebody waits, and nobody did before.
    Waiting(String),
    /// A customer of the agent's has written.
    Message(ChatId, String, String),
    /// The agent is asked whether they take a chat.
    Asked(String),
    /// A chat has come to the agent that they did not pick up.
    Came(String),
}

impl Alert {
    /// In a line, and what more there is to say.
    #[must_use]
    pub fn text(&self) -> (String, String) {
        match self {
            Self::Waiting(name) => (say("$1 is waiting", &[&name]), String::new()),
            Self::Message(_, name, text) => (name.clone(), text.clone()),
            Self::Asked(from) => (say("$1 asks whether you take a chat", &[&from]), String::new()),
            Self::Came(name) => (say("$1 is with you now", &[&name]), String::new()),
        }
    }
}

impl Console {
    /// Between a welcome and the answer to the ping that follows it, the gateway shows what was there before.
    pub(super) fn restoring(&self) -> bool {
        self.fresh
    }

    /// What has happened since this was asked last.
    pub fn take_alerts(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.alerts)
    }

    /// Brings to the front what an alert is about.
    pub fn show_alert(&mut self, alert: &Alert) {
        match alert {
            Alert::Message(chat, ..) => self.open(*chat),
            Alert::Waiting(_) => self.show_inbox(Inbox::Waiting),
            Alert::Asked(_) | Alert::Came(_) => {}
        }
    }
}
