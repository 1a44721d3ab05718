//! Replies for later use: found by `/` and a word, with the names filled in.

use baton_protocol::model::Reply;
use baton_protocol::{ChatId, ClientFrame, MessageId, Timestamp};

use super::{Chat, Console, Link};

impl Console {
    pub(super) fn replies(&mut self, replies: Vec<Reply>, first: bool) {
        if first {
            self.replies.clear();
        }
        self.replies.extend(replies);
    }

    /// The replies that a draft asks for, if it asks for any: `/` and the beginning of a shortcut, or a word of the text.
    #[must_use]
    pub fn asked_replies(&self, draft: &str) -> Vec<&Reply> {
        let Some(word) = draft.strip_prefix('/').filter(|word| !word.contains(char::is_whitespace)) else {
            return Vec::new();
        };
        let word = word.to_lowercase();
        let begins = |reply: &&Reply| reply.shortcut.to_lowercase().starts_with(&word);
        let contains = |reply: &&Reply| !begins(reply) && reply.text.to_lowercase().contains(&word);
        self.replies.iter().filter(begins).chain(self.replies.iter().filter(contains)).collect()
    }

    /// Puts a reply into the composer in place of what asked for it.
    pub fn use_reply(&mut self, chat: ChatId, reply: MessageId, now: Timestamp) {
        let text = self.replies.iter().find(|known| known.id == reply).map(|reply| reply.text.clone());
        let filled = text.and_then(|text| self.chat(chat).map(|chat| self.fill(&text, chat)));
        if let Some(text) = filled {
            self.edit_draft(chat, text, now);
        }
    }

    /// The text with the names in it. A name that is not known leaves nothing behind.
    fn fill(&self, text: &str, chat: &Chat) -> String {
        let me = self.me.as_ref();
        let agent = me.map_or("", |me| me.card.title.as_str());
        let company = me.map_or("", |me| me.brand.name.as_str());
        let name = chat.card.customer.name.trim();
        let filled = text.replace("{agent}", agent).replace("{company}", company);
        // Last: what a customer is called is not looked at for names.
        match name {
            "" => filled.replace(" {name}", "").replace("{name}", ""),
            name => filled.replace("{name}", name),
        }
    }

    /// Keeps a reply.
    pub fn put_reply(&mut self, reply: Reply) {
        if self.link == Link::Online {
            self.outbox.push(ClientFrame::PutReply { reply });
        }
    }

    /// Forgets a reply.
    pub fn remove_reply(&mut self, id: MessageId) {
        if self.link == Link::Online {
            self.outbox.push(ClientFrame::RemoveReply { id });
        }
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::ServerFrame;

    use super::super::tests::{CHAT, NOW, id, with_chat};
    use super::*;

    fn reply(number: u8, shortcut: &str, text: &str) -> Reply {
        Reply { id: id(number), shortcut: shortcut.into(), text: text.into(), personal: false }
    }

    fn console() -> Console {
        let mut console = with_chat();
        let replies = vec![
            reply(1, "hello", "Hello {name}, {agent} of {company} here."),
            reply(2, "bye", "So long! Hello to all."),
        ];
        console.apply(ServerFrame::Replies { replies, first: true }, NOW);
        console
    }

    #[test]
    fn a_slash_and_a_word_find_replies_by_shortcut_first() {
        let console = console();
        let found = |draft| {
            console.asked_replies(draft).iter().map(|reply| reply.shortcut.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(found("/"), ["hello", "bye"]);
        assert_eq!(found("/HEL"), ["hello", "bye"]);
        assert_eq!(found("/by"), ["bye"]);
        assert!(found("and/or").is_empty() && found("/by now").is_empty() && found("/zzz").is_empty());
    }

    #[test]
    fn names_are_filled_in_and_an_unknown_one_leaves_nothing() {
        let mut console = console();
        console.use_reply(CHAT, id(1), NOW);
        assert_eq!(console.chat(CHAT).unwrap().draft, "Hello Carla, ANNA of Acme here.");
        console.chat_mut(CHAT).unwrap().card.customer.name.clear();
        console.use_reply(CHAT, id(1), NOW);
        assert_eq!(console.chat(CHAT).unwrap().draft, "Hello, ANNA of Acme here.");
        console.chat_mut(CHAT).unwrap().card.customer.name = "{agent}".into();
        console.use_reply(CHAT, id(1), NOW);
        assert_eq!(console.chat(CHAT).unwrap().draft, "Hello {agent}, ANNA of Acme here.");
    }
}
