//! What supervisors do with chats that are not theirs: follow, whisper, take part, take over. And chats that are over.

use baton_protocol::limits::MAX_TEXT;
use baton_protocol::model::{ChatCard, ChatState, Context, Outcome};
use baton_protocol::{ChatId, ClientFrame, Timestamp};

use super::chat::{Chat, Role};
use super::{Console, Link};
use crate::tongue::say;

/// Milliseconds that a message to the team stays: long enough to come back from a short break.
const TEAM_STAYS: u64 = 300_000;

impl Console {
    /// The gateway shows a chat that is not this agent's.
    pub(super) fn watched(&mut self, card: ChatCard, context: Option<Context>, agent: String, joined: bool) {
        let id = card.chat;
        let over = matches!(card.state, ChatState::Ended(_) | ChatState::Transferred { .. });
        let role = if over { Role::Archive } else { Role::Watched { agent, joined } };
        match self.chat_mut(id) {
            Some(chat) if chat.is_mine() => return,
            Some(chat) => {
                (chat.card, chat.context, chat.role) = (card, context, role);
                chat.replace = true;
                chat.preview.clear();
                chat.touch();
            }
            None => {
                let mut chat = Chat::new(card, context);
                chat.role = role;
                self.chats.push(chat);
                self.bring_forward(id);
            }
        }
        self.say_again(id);
    }

    /// Follows a chat, as a supervisor; a chat that is followed already comes to the front.
    pub fn watch(&mut self, chat: ChatId) {
        if self.chat(chat).is_some() {
            self.open(chat);
        } else if self.link == Link::Online {
            self.outbox.push(ClientFrame::Watch { chat, on: true });
        }
    }

    /// Reads a chat that is over.
    pub fn read_closed(&mut self, chat: ChatId) {
        if self.chat(chat).is_some() {
            self.open(chat);
        } else if self.link == Link::Online {
            self.outbox.push(ClientFrame::ReadClosed { chat });
        }
    }

    /// Takes part in a chat that one follows: the customer sees it.
    pub fn join_in(&mut self, id: ChatId) {
        let online = self.link == Link::Online;
        let Some(chat) = self.chat_mut(id).filter(|_| online) else { return };
        if let Role::Watched { joined: joined @ false, .. } = &mut chat.role {
            *joined = true;
            chat.noting = false;
            chat.touch();
            self.outbox.push(ClientFrame::JoinIn { chat: id });
        }
    }

    /// Takes a chat over.
    pub fn take_over(&mut self, chat: ChatId) {
        if self.link == Link::Online {
            self.expected = Some(chat);
            self.outbox.push(ClientFrame::TakeOver { chat });
        }
    }

    /// Says how urgent a chat is.
    pub fn set_priority(&mut self, chat: ChatId, priority: u8) {
        if self.link == Link::Online {
            self.outbox.push(ClientFrame::SetPriority { chat, priority });
        }
    }

    /// A message to the agents of an area, or to all of them; whether it was sent.
    pub fn tell_team(&mut self, to: Option<String>, text: &str) -> bool {
        let text = text.trim().to_owned();
        let fits = self.link == Link::Online && !text.is_empty() && text.len() <= MAX_TEXT;
        if fits {
            self.outbox.push(ClientFrame::TeamMessage { to, text });
        }
        fits
    }

    pub(super) fn team_said(&mut self, from: &str, to: Option<&str>, text: &str, now: Timestamp) {
        let from = to.map_or_else(|| from.to_owned(), |to| say("$1 to $2", &[&from, &to]));
        self.notice_until(format!("{from}: {text}"), now.plus(TEAM_STAYS));
    }

    /// A refused request about a chat that one follows: it is as it was.
    pub(super) fn not_joined(&mut self, id: ChatId) {
        if let Some(chat) = self.chat_mut(id)
            && let Role::Watched { joined, .. } = &mut chat.role
        {
            *joined = false;
            chat.touch();
        }
    }

    /// What came of a chat. The gateway's word is what is shown.
    pub fn set_outcome(&mut self, id: ChatId, outcome: Outcome) {
        let online = self.link == Link::Online;
        if self.chat(id).is_some_and(|chat| online && chat.is_mine()) {
            self.outbox.push(ClientFrame::SetOutcome { chat: id, outcome });
        }
    }
}

/// Tags as they are written: between commas, none twice.
#[must_use]
pub fn tags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.into());
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use baton_protocol::ServerFrame;
    use baton_protocol::codes::ErrorCode;
    use baton_protocol::frames::About;
    use baton_protocol::model::EndReason;

    use super::super::PaneState;
    use super::super::tests::{NOW, OTHER, card, id, text, with_chat};
    use super::*;

    fn following() -> Console {
        let mut console = with_chat();
        console.watch(OTHER);
        assert_eq!(console.take_outbox(), [ClientFrame::Watch { chat: OTHER, on: true }]);
        let card = card(OTHER, ChatState::Active);
        console.apply(ServerFrame::Watched { card, context: None, agent: "Ben".into(), joined: false }, NOW);
        console.apply(ServerFrame::Entries { chat: OTHER, entries: vec![text(1, "Hello")] }, NOW);
        console
    }

    #[test]
    fn a_supervisor_follows_whispers_and_takes_part() {
        let mut console = following();
        let chat = console.chat(OTHER).unwrap();
        assert_eq!((chat.state(), chat.is_mine(), console.open), (PaneState::Watched, false, Some(OTHER)));
        assert_eq!(console.places_taken(), 1, "it takes no place");
        console.read_shown();
        assert!(console.take_outbox().is_empty(), "the customer does not read that it was seen");
        console.edit_draft(OTHER, "Offer the discount".into(), NOW);
        console.send(OTHER, id(9));
        let whisper = ClientFrame::Whisper { chat: OTHER, id: id(9), text: "Offer the discount".into() };
        assert_eq!(console.take_outbox(), [whisper]);
        console.join_in(OTHER);
        console.edit_draft(OTHER, "Hello, Alma here".into(), NOW);
        console.send(OTHER, id(10));
        let sent = console.take_outbox();
        assert!(
            matches!(
                sent[..],
                [ClientFrame::JoinIn { .. }, ClientFrame::Typing { .. }, ClientFrame::Say { .. }]
            ),
            "{sent:?}"
        );
    }

    #[test]
    fn who_may_not_take_part_whispers_on() {
        let mut console = following();
        console.join_in(OTHER);
        let (code, about) = (ErrorCode::NotPermitted, About::Chat(OTHER));
        console.apply(ServerFrame::Refused { code, detail: String::new(), about }, NOW);
        assert!(matches!(console.chat(OTHER).unwrap().role, Role::Watched { joined: false, .. }));
    }

    #[test]
    fn what_is_followed_is_followed_again_after_a_reconnect_and_put_away_by_its_reader() {
        let mut console = following();
        console.take_outbox();
        console.follow_again();
        assert_eq!(console.take_outbox(), [ClientFrame::Watch { chat: OTHER, on: true }]);
        console.dismiss(OTHER);
        assert_eq!(console.take_outbox(), [ClientFrame::Watch { chat: OTHER, on: false }]);
        assert!(console.chat(OTHER).is_none());
    }

    #[test]
    fn a_chat_that_is_taken_over_is_ones_own() {
        let mut console = following();
        console.take_over(OTHER);
        console.apply(ServerFrame::Opened { card: card(OTHER, ChatState::Active), context: None }, NOW);
        assert!(console.chat(OTHER).unwrap().is_mine());
    }

    #[test]
    fn a_chat_that_is_over_is_read_and_not_written() {
        let mut console = with_chat();
        console.read_closed(OTHER);
        let card = card(OTHER, ChatState::Ended(EndReason::Customer));
        console.apply(ServerFrame::Watched { card, context: None, agent: String::new(), joined: false }, NOW);
        console.take_outbox();
        console.edit_draft(OTHER, "Too late".into(), NOW);
        console.send(OTHER, id(9));
        assert!(console.take_outbox().is_empty());
        assert_eq!(console.chat(OTHER).unwrap().state(), PaneState::Ended);
    }

    #[test]
    fn tags_are_written_between_commas() {
        assert_eq!(tags(" tent, return ,, tent"), ["tent", "return"]);
    }
}
