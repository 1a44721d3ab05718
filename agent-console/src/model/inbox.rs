//! The lists of the left column below the agent's own chats.

use baton_protocol::ClientFrame;

use super::{Console, Link};
use crate::tongue::t;

/// Which of them is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Inbox {
    /// Customers who wait.
    #[default]
    Waiting,
    /// Colleagues; for supervisors, their chats too.
    Team,
    /// Chats that were over last.
    Closed,
}

impl Inbox {
    /// All, in their order on the screen.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Team, Self::Closed];

    /// As it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => t("Waiting"),
            Self::Team => t("Team"),
            Self::Closed => t("Closed"),
        }
    }

    /// The value of `data-test`.
    #[must_use]
    pub fn mark(self) -> &'static str {
        match self {
            Self::Waiting => "inbox-waiting",
            Self::Team => "inbox-team",
            Self::Closed => "inbox-closed",
        }
    }
}

impl Console {
    /// Shows a list. What is over is asked for each time: nobody tells of it by itself.
    pub fn show_inbox(&mut self, inbox: Inbox) {
        self.inbox = inbox;
        if inbox == Inbox::Closed && self.link == Link::Online {
            self.outbox.push(ClientFrame::ListClosed {});
        }
    }
}
