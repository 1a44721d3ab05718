//! The command palette: everything that can be done, found by a few letters.

use baton_protocol::ChatId;
use baton_protocol::model::Presence;

use super::{Console, Inbox, Page};
use crate::tongue::{say, t};
use crate::words;

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Bring a chat to the front.
    Open(ChatId),
    /// Take a waiting customer.
    PickUp(ChatId),
    /// Take whoever waits longest.
    PickUpNext,
    /// Hand the chat in front over.
    Transfer,
    /// Write a private note.
    Note,
    /// Look for words in the chat in front.
    Within,
    /// Keep the conversation in front as a file.
    Save,
    /// End the chat in front.
    End,
    /// Put the chat in front away, which is over.
    Dismiss,
    /// Take chats, or take none.
    Presence(Presence),
    /// Pick customers up oneself and be given none, or be given some.
    ByHand(bool),
    /// Show a list.
    List(Inbox),
    /// Chats beside each other, or one.
    SideBySide,
    /// Show a page beside the desk.
    Page(Page),
    /// Replies for later use.
    Replies,
    /// A message to the team.
    Team,
    /// The keys.
    Keys,
}

/// The palette while it is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    /// What is searched for.
    pub query: String,
    /// The row that Enter takes, from 0.
    pub row: usize,
}

/// Rows that the palette shows: more than fit are not looked at.
const ROWS: usize = 12;

impl Console {
    /// What the palette shows: each command with its name and its keys.
    #[must_use]
    pub fn commands(&self) -> Vec<(Command, String, &'static str)> {
        let query =
            self.palette.as_ref().map(|palette| palette.query.trim().to_lowercase()).unwrap_or_default();
        let fits = |title: &str| {
            let title = title.to_lowercase();
            query.split_whitespace().all(|word| title.contains(word))
        };
        let mut all = self.all_commands();
        all.retain(|(_, title, _)| fits(title));
        all.truncate(ROWS);
        all
    }

    fn all_commands(&self) -> Vec<(Command, String, &'static str)> {
        let front = self.front();
        let mine = front.is_some_and(super::Chat::is_mine);
        let mut all: Vec<(Command, String, &'static str)> = Vec::new();
        if let Some(chat) = front.filter(|chat| chat.is_mine()) {
            all.push((Command::Transfer, say("Transfer $1", &[&chat.name()]), "Alt T"));
            all.push((Command::Note, t("Write a private note").into(), "Alt N"));
            all.push((Command::End, say("End the chat with $1", &[&chat.name()]), ""));
        }
        if let Some(chat) = front.filter(|_| !mine) {
            all.push((Command::Dismiss, say("Put the chat with $1 away", &[&chat.name()]), ""));
        }
        if front.is_some() {
            all.push((Command::Within, t("Search in this conversation").into(), "Alt S"));
            all.push((Command::Save, t("Save this conversation as a file").into(), ""));
        }
        if !self.queue.is_empty() {
            all.push((Command::PickUpNext, t("Pick up whoever waits longest").into(), "Alt P"));
        }
        for chat in self.chats.iter().filter(|chat| Some(chat.id()) != self.open) {
            all.push((Command::Open(chat.id()), say("Go to $1", &[&chat.name()]), ""));
        }
        let presences = [Presence::Available, Presence::Busy, Presence::Away];
        for presence in presences.into_iter().filter(|presence| *presence != self.presence()) {
            let title = match presence {
                Presence::Available => t("Set yourself to available"),
                Presence::Busy => t("Set yourself to busy"),
                Presence::Away => t("Set yourself to away"),
            };
            all.push((Command::Presence(presence), title.into(), ""));
        }
        if self.automatic {
            let title = if self.by_hand {
                t("Have customers assigned to you")
            } else {
                t("Pick customers up yourself")
            };
            all.push((Command::ByHand(!self.by_hand), title.into(), ""));
        }
        for inbox in Inbox::ALL.into_iter().filter(|inbox| *inbox != self.inbox) {
            all.push((Command::List(inbox), say("Show: $1", &[&inbox.name()]), ""));
        }
        for page in &self.pages {
            all.push((Command::Page(*page), say("Open: $1", &[&page.name()]), ""));
        }
        all.push((Command::SideBySide, t("Chats side by side, or one").into(), ""));
        all.push((Command::Replies, t("Replies for later use").into(), ""));
        if self.is_supervisor() {
            all.push((Command::Team, t("Message to the team").into(), ""));
        }
        all.push((Command::Keys, t("Keyboard shortcuts").into(), "?"));
        for card in &self.queue {
            all.push((Command::PickUp(card.chat), say("Pick up $1", &[&(words::customer(&card.name))]), ""));
        }
        all
    }

    /// Opens the palette, or closes it.
    pub fn flip_palette(&mut self) {
        self.palette = if self.palette.is_some() { None } else { Some(Palette::default()) };
    }

    /// Another row of the palette, further down or up.
    pub fn move_command(&mut self, down: bool) {
        let last = self.commands().len().saturating_sub(1);
        if let Some(palette) = &mut self.palette {
            palette.row = if down { (palette.row + 1).min(last) } else { palette.row.saturating_sub(1) };
        }
    }

    /// The command that Enter takes.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        let row = self.palette.as_ref()?.row;
        self.commands().get(row).map(|(command, ..)| *command)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::with_chat;
    use super::*;

    #[test]
    fn a_few_letters_find_a_command() {
        let mut console = with_chat();
        console.flip_palette();
        let set = |console: &mut Console, query: &str| {
            console.palette = Some(Palette { query: query.into(), row: 0 });
        };
        set(&mut console, "tra car");
        assert_eq!(console.command(), Some(Command::Transfer));
        set(&mut console, "busy");
        assert_eq!(console.command(), Some(Command::Presence(Presence::Busy)));
        set(&mut console, "yourself pick");
        assert_eq!(console.command(), None, "where customers are not given out");
        console.automatic = true;
        assert_eq!(console.command(), Some(Command::ByHand(true)));
        set(&mut console, "message to the team");
        assert_eq!(console.command(), None, "an agent does not lead the team");
        set(&mut console, "open audit");
        assert_eq!(console.command(), None, "nor has an agent the audit");
        console.pages = Page::of("admin");
        assert_eq!(console.command(), Some(Command::Page(Page::Audit)));
        set(&mut console, "");
        console.move_command(true);
        assert_eq!(console.command(), Some(Command::Note));
    }
}
