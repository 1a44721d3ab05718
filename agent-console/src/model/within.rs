//! Looking for words in one conversation: the browser's own search sees only the lines that are in the page.

use baton_protocol::ChatId;
use baton_protocol::model::Body;

use super::{Chat, Console};

/// A search in a conversation, while it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    /// The chat.
    pub chat: ChatId,
    /// What is looked for.
    pub query: String,
    /// Which of the lines with it, counted from the last one.
    pub back: usize,
}

impl Console {
    /// Looks for this in a chat's conversation.
    pub fn look_within(&mut self, chat: ChatId, query: String) {
        self.within = Some(Within { chat, query, back: 0 });
    }

    /// Goes to the line with it that was said before, or after; from one end to the other. There are so many.
    pub fn step_within(&mut self, earlier: bool, lines: usize) {
        if let Some(within) = self.within.as_mut().filter(|_| lines > 0) {
            within.back = (within.back + if earlier { 1 } else { lines - 1 }) % lines;
        }
    }
}

impl Chat {
    /// The places of all lines with these words, whatever their case: first those that came along, of which these are
    /// shown, then those that were said here.
    #[must_use]
    pub fn with_words(&self, earlier: &[usize], words: &str) -> Vec<usize> {
        let words = words.trim().to_lowercase();
        if words.is_empty() {
            return Vec::new();
        }
        let prior = self.context.iter().flat_map(|context| {
            earlier.iter().map(|place| context.transcript.get(*place).map_or("", |entry| entry.text.as_str()))
        });
        let here = self.lines.values().map(|entry| match &entry.body {
            Body::Text(text) | Body::Note(text) => text.as_str(),
            Body::Document(card) => card.name.as_str(),
            Body::Event(_) => "",
        });
        let has = |(_, text): &(usize, &str)| text.to_lowercase().contains(&words);
        prior.chain(here).enumerate().filter(has).map(|(place, _)| place).collect()
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::ServerFrame;

    use super::super::tests::{CHAT, NOW, text, with_chat};
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case_and_stepped_through_in_a_circle() {
        let mut console = with_chat();
        let said = ["The valve leaks", "Which one?", "The left VALVE"];
        let entries = said.iter().zip(2..).map(|(said, seq)| text(seq, said)).collect();
        console.apply(ServerFrame::Entries { chat: CHAT, entries }, NOW);
        let chat = console.chat(CHAT).unwrap();
        let before = chat.lines.len() - said.len();
        let found = chat.with_words(&[], " valve");
        assert_eq!(found, [before, before + 2]);
        assert!(chat.with_words(&[], " ").is_empty() && chat.with_words(&[], "tent").is_empty());
        console.look_within(CHAT, "valve".into());
        let back = |console: &Console| console.within.as_ref().unwrap().back;
        for (earlier, wanted) in [(true, 1), (true, 0), (false, 1), (false, 0)] {
            console.step_within(earlier, found.len());
            assert_eq!(back(&console), wanted);
        }
        console.step_within(true, 0);
        assert_eq!(back(&console), 0);
    }
}
