//! Looking for words in one conversation: the browser's own search sees only the lines that are in the page. The line that is
//! shown stays the one that is shown, whatever is said meanwhile.

use baton_protocol::ChatId;
use baton_protocol::model::Body;

use super::sight::Mark;
use super::{Chat, Console};

/// A search in a conversation, while it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    /// The chat.
    pub chat: ChatId,
    /// What is looked for.
    pub query: String,
    /// The line with it that is shown.
    pub at: Option<Mark>,
    /// The conversation has not come yet.
    coming: bool,
}

impl Console {
    /// Looks for this in a chat's conversation, from its end on.
    pub fn look_within(&mut self, chat: ChatId, query: String) {
        let coming = self.chat(chat).is_none_or(|chat| chat.lines.is_empty());
        self.within = Some(Within { chat, query, at: None, coming });
        self.show_last_within();
    }

    fn show_last_within(&mut self) {
        let last = self.found_within().last().copied();
        if let Some(within) = &mut self.within {
            within.at = last;
        }
    }

    /// A part of a conversation has come. It may be the one that is looked through.
    pub(super) fn came_within(&mut self, chat: ChatId) {
        if self.within.as_ref().is_some_and(|within| within.coming && within.chat == chat) {
            self.show_last_within();
        }
    }

    /// What comes from now on is news.
    pub(super) fn settle_within(&mut self) {
        let Some(chat) = self.within.as_ref().map(|within| within.chat) else { return };
        let here = self.chat(chat).is_some_and(|chat| !chat.lines.is_empty());
        self.within.iter_mut().for_each(|within| within.coming &= !here);
    }

    fn found_within(&self) -> Vec<Mark> {
        let found = |within: &Within| {
            let chat = self.chat(within.chat)?;
            Some(chat.with_words(&chat.earlier_places(), &within.query))
        };
        self.within.as_ref().and_then(found).unwrap_or_default()
    }

    /// Goes to the line with it that was said before, or after; from one end to the other.
    pub fn step_within(&mut self, earlier: bool) {
        let found = self.found_within();
        let Some(within) = self.within.as_mut().filter(|_| !found.is_empty()) else { return };
        let here = within.at.and_then(|at| found.iter().position(|mark| *mark == at));
        let next = match here {
            Some(here) => (here + if earlier { found.len() - 1 } else { 1 }) % found.len(),
            None => found.len() - 1,
        };
        (within.at, within.coming) = (Some(found[next]), false);
    }
}

impl Chat {
    /// All lines with these words, whatever their case: first those that came along, of which these are shown, then those
    /// that were said here.
    #[must_use]
    pub fn with_words(&self, earlier: &[usize], words: &str) -> Vec<Mark> {
        let words = words.trim().to_lowercase();
        if words.is_empty() {
            return Vec::new();
        }
        let prior = self.context.iter().flat_map(|context| {
            let text = |place: usize| context.transcript.get(place).map_or("", |entry| entry.text.as_str());
            earlier.iter().map(move |place| (Mark::Earlier(*place), text(*place)))
        });
        let here = self.lines.iter().map(|(seq, entry)| match &entry.body {
            Body::Text(text) | Body::Note(text) => (Mark::Here(*seq), text.as_str()),
            Body::Document(card) => (Mark::Here(*seq), card.name.as_str()),
            Body::Event(_) => (Mark::Here(*seq), ""),
        });
        let has = |(_, text): &(Mark, &str)| text.to_lowercase().contains(&words);
        prior.chain(here).filter(has).map(|(mark, _)| mark).collect()
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::ServerFrame;

    use super::super::tests::{CHAT, NOW, text, with_chat};
    use super::*;

    /// A conversation whose lines 2 to 4 say these.
    fn said() -> Console {
        let mut console = with_chat();
        say(&mut console, 2, &["The valve leaks", "Which one?", "The left VALVE"]);
        console
    }

    fn say(console: &mut Console, first: u64, said: &[&str]) {
        let entries = said.iter().zip(first..).map(|(said, seq)| text(seq, said)).collect();
        console.apply(ServerFrame::Entries { chat: CHAT, entries }, NOW);
    }

    fn at(console: &Console) -> Option<Mark> {
        console.within.as_ref().unwrap().at
    }

    #[test]
    fn words_are_found_whatever_their_case_and_stepped_through_in_a_circle() {
        let mut console = said();
        let chat = console.chat(CHAT).unwrap();
        assert_eq!(chat.with_words(&[], " valve"), [Mark::Here(2), Mark::Here(4)]);
        assert!(chat.with_words(&[], " ").is_empty() && chat.with_words(&[], "tent").is_empty());
        console.look_within(CHAT, "valve".into());
        assert_eq!(at(&console), Some(Mark::Here(4)), "the last one first");
        for (earlier, wanted) in [(true, 2), (true, 4), (false, 2), (false, 4)] {
            console.step_within(earlier);
            assert_eq!(at(&console), Some(Mark::Here(wanted)));
        }
        console.look_within(CHAT, "tent".into());
        console.step_within(true);
        assert_eq!(at(&console), None);
    }

    #[test]
    fn what_is_said_meanwhile_is_found_and_does_not_move_the_view() {
        let mut console = said();
        console.look_within(CHAT, "valve".into());
        say(&mut console, 5, &["A new valve, then"]);
        assert_eq!((at(&console), console.found_within().len()), (Some(Mark::Here(4)), 3));
        console.step_within(false);
        assert_eq!(at(&console), Some(Mark::Here(5)));
        // Nor does the first line with it that there is.
        console.look_within(CHAT, "tent".into());
        say(&mut console, 6, &["And a tent"]);
        assert_eq!((at(&console), console.found_within().len()), (None, 1));
        console.step_within(true);
        assert_eq!(at(&console), Some(Mark::Here(6)));
    }

    #[test]
    fn a_conversation_that_is_still_coming_is_shown_where_it_was_found_last() {
        let mut console = with_chat();
        console.chat_mut(CHAT).unwrap().lines.clear();
        console.look_within(CHAT, "valve".into());
        say(&mut console, 1, &["The valve leaks"]);
        say(&mut console, 2, &["The left valve"]);
        assert_eq!(at(&console), Some(Mark::Here(2)));
        console.tick(NOW);
        say(&mut console, 3, &["A new valve, then"]);
        assert_eq!(at(&console), Some(Mark::Here(2)));
    }
}
