//! What survives a reload of the page: drafts, and messages that are not known to be stored.
//!
//! The browser keeps it for this tab alone. It is a text of our own making: what cannot be read is left out.

use std::fmt::Write;

use baton_protocol::model::DocumentCard;
use baton_protocol::{ChatId, MessageId, Timestamp};

use super::{Chat, Console, Pending};
use crate::tongue::say;

/// Between fields and between records: control characters that no keyboard gives (ASCII US and RS).
const FIELD: char = '\u{1f}';
const RECORD: char = '\u{1e}';

/// What is kept of one chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    chat: ChatId,
    name: String,
    draft: String,
    noting: bool,
    pending: Vec<Pending>,
}

impl Console {
    /// What is to be kept now; empty when there is nothing.
    #[must_use]
    pub fn kept(&self) -> String {
        let mut text = String::new();
        let mine = self.chats.iter().filter(|chat| chat.is_mine());
        mine.for_each(|chat| keep(chat, &mut text));
        // Not shown again yet.
        self.kept.iter().for_each(|kept| keep_again(kept, &mut text));
        text
    }

    /// Takes back what was kept before the page was loaded. It waits for its chats.
    pub fn take_kept(&mut self, text: &str) {
        for record in text.split(RECORD) {
            let fields: Vec<&str> = record.split(FIELD).collect();
            let Some(chat) = fields.get(1).and_then(|id| id.parse().ok()) else { continue };
            match self.kept.iter_mut().find(|kept| kept.chat == chat) {
                Some(kept) => kept.take(&fields),
                None => {
                    let (name, draft, pending) = (String::new(), String::new(), Vec::new());
                    let mut kept = Kept { chat, name, draft, noting: false, pending };
                    kept.take(&fields);
                    self.kept.push(kept);
                }
            }
        }
    }

    /// The chat is here again: what was written goes on where it was.
    pub(super) fn give_kept(&mut self, id: ChatId) {
        let Some(at) = self.kept.iter().position(|kept| kept.chat == id) else { return };
        let kept = self.kept.remove(at);
        let Some(chat) = self.chat_mut(id) else { return };
        if chat.draft.is_empty() {
            (chat.draft, chat.noting) = (kept.draft, kept.noting);
        }
        let new = |pending: &Pending| chat.pending.iter().all(|known| known.id != pending.id);
        let back: Vec<Pending> = kept.pending.into_iter().filter(new).collect();
        chat.pending.extend(back);
        chat.touch();
    }

    /// Chats that did not come back: whoever wrote there reads it, and can copy it.
    pub(super) fn drop_kept(&mut self, now: Timestamp) {
        for kept in std::mem::take(&mut self.kept) {
            let texts = kept.pending.iter().map(|pending| pending.text.as_str()).chain([kept.draft.as_str()]);
            let text = texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join(" / ");
            if !text.is_empty() {
                let name = crate::words::customer(&kept.name);
                self.notice(say("The chat with $1 is no longer yours. Not sent: $2", &[&name, &text]), now);
            }
        }
    }
}

impl Kept {
    fn take(&mut self, fields: &[&str]) {
        match fields {
            ["draft", _, name, noting, draft] => {
                (self.name, self.draft, self.noting) = ((*name).into(), (*draft).into(), *noting == "1");
            }
            ["said", _, id, note, text, document @ ..] => {
                let Ok(id) = id.parse::<MessageId>() else { return };
                let document = match document {
                    [sha256, media_type, size] => Some(DocumentCard {
                        sha256: (*sha256).into(),
                        name: (*text).into(),
                        media_type: (*media_type).into(),
                        size: size.parse().unwrap_or(0),
                    }),
                    _ => None,
                };
                let (text, note) = ((*text).into(), *note == "1");
                self.pending.push(Pending { id, text, document, note, stored: false, refused: None });
            }
            _ => {}
        }
    }
}

fn keep(chat: &Chat, text: &mut String) {
    let name = &chat.card.customer.name;
    line(text, chat.id(), name, (&chat.draft, chat.noting), &chat.pending);
}

fn keep_again(kept: &Kept, text: &mut String) {
    line(text, kept.chat, &kept.name, (&kept.draft, kept.noting), &kept.pending);
}

fn line(text: &mut String, chat: ChatId, name: &str, (draft, noting): (&str, bool), pending: &[Pending]) {
    let waiting: Vec<&Pending> =
        pending.iter().filter(|pending| !pending.stored && pending.refused.is_none()).collect();
    if draft.is_empty() && waiting.is_empty() {
        return;
    }
    let (name, draft, noting) = (plain(name), plain(draft), u8::from(noting));
    let _ = write!(text, "draft{FIELD}{chat}{FIELD}{name}{FIELD}{noting}{FIELD}{draft}{RECORD}");
    for Pending { id, text: said, note, document, .. } in waiting {
        let _ = write!(text, "said{FIELD}{chat}{FIELD}{id}{FIELD}{}{FIELD}{}", u8::from(*note), plain(said));
        if let Some(DocumentCard { sha256, media_type, size, .. }) = document {
            let _ = write!(text, "{FIELD}{sha256}{FIELD}{media_type}{FIELD}{size}");
        }
        text.push(RECORD);
    }
}

fn plain(text: &str) -> String {
    text.replace([FIELD, RECORD], " ")
}
