//! The transfer dialog (A3–A5): where to, what to say, what to send.

use std::collections::HashSet;

use baton_protocol::frames::PeerOffer;
use baton_protocol::model::{
    Author, Body, Destination, DocumentRef, Edits, Entry, Permit, PriorEntry, Redaction, Share, SharePolicy,
    document_line,
};
use baton_protocol::{ChatId, MessageId, Timestamp};

use super::suggest::{self, Passage};
use crate::tongue::t;

/// The three views of the dialog (A3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Agents of this server.
    Agents,
    /// Areas of this server.
    Lines,
    /// Other servers.
    Servers,
}

impl Tab {
    /// All, in their order on the screen.
    pub const ALL: [Self; 3] = [Self::Agents, Self::Lines, Self::Servers];
}

/// A destination that the agent chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For the gateway.
    pub to: Destination,
    /// For people, complete: `Repairs, Globex Repairs`.
    pub title: String,
    /// What may be sent there.
    pub share: SharePolicy,
}

/// All, part or nothing, before the edits are looked at (A4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Everything.
    All,
    /// What the agent leaves in.
    Part,
    /// Nothing.
    Nothing,
}

/// What the dialog shows and what the agent has entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// The chat to be transferred.
    pub chat: ChatId,
    /// The view.
    pub tab: Tab,
    /// The chosen server in the Servers view; empty before one is chosen.
    pub server: String,
    /// What that server offers; nothing while it is being asked.
    pub offer: Option<PeerOffer>,
    /// Where to.
    pub choice: Option<Choice>,
    /// For the next agent.
    pub comments: String,
    /// What the agent wants to send.
    pub amount: Amount,
    /// What is taken away, if only a part is sent.
    pub edits: Edits,
    /// Whether the edit view is open.
    pub editing: bool,
    /// What is searched for among all destinations.
    pub query: String,
    /// The row that Enter takes, from 0.
    pub row: usize,
    /// What this chat's own policy says of each destination; empty until the gateway has said it.
    pub permits: Vec<Permit>,
    /// Why it could not be sent.
    pub wrong: Option<String>,
    /// When the chosen server was asked.
    pub(super) asked: Timestamp,
    /// The area that is chosen as soon as the server has answered.
    pub(super) wanted: Option<String>,
}

impl Dialog {
    pub(super) fn new(chat: ChatId) -> Self {
        Self {
            chat,
            tab: Tab::Agents,
            server: String::new(),
            offer: None,
            choice: None,
            comments: String::new(),
            amount: Amount::All,
            edits: Edits::default(),
            editing: false,
            query: String::new(),
            row: 0,
            permits: Vec::new(),
            wrong: None,
            asked: Timestamp::default(),
            wanted: None,
        }
    }

    /// Another view. A choice is made in the view that shows it.
    pub(super) fn show(&mut self, tab: Tab) {
        if self.tab != tab {
            (self.tab, self.row) = (tab, 0);
            self.choice = None;
        }
    }

    /// What may be sent: the chosen destination's policy, nothing known before there is one.
    #[must_use]
    pub fn policy(&self) -> Option<SharePolicy> {
        self.choice.as_ref().map(|choice| choice.share.clone())
    }

    /// All, part or nothing, as policy leaves it (W2). The gateway enforces the same.
    #[must_use]
    pub fn allowed(&self) -> Amount {
        match self.policy() {
            Some(SharePolicy::All) => Amount::All,
            Some(SharePolicy::Nothing) => Amount::Nothing,
            Some(SharePolicy::AgentsChoice) | None => self.amount,
        }
    }

    /// What is sent.
    #[must_use]
    pub fn share(&self) -> Share {
        match self.allowed() {
            Amount::All => Share::All,
            Amount::Part => Share::Part(self.edits.clone()),
            Amount::Nothing => Share::Nothing,
        }
    }

    /// Comments travel with the rest, or not at all.
    #[must_use]
    pub fn comments_go(&self) -> bool {
        self.allowed() != Amount::Nothing
    }

    /// Leaves an entry out, or takes it in again.
    pub fn leave_out(&mut self, id: MessageId, out: bool) {
        self.edits.leave_out.retain(|left| *left != id);
        if out {
            self.edits.leave_out.push(id);
        }
    }

    /// Blackens a passage of an entry, given as the browser counts: in UTF-16 units of its text.
    pub fn redact(&mut self, id: MessageId, text: &str, start: u32, end: u32) {
        let (start, end) = (scalar_offset(text, start, false), scalar_offset(text, end, true));
        if start < end {
            self.edits.redact.push(Redaction { id, start, end });
        }
    }

    /// Blackens a passage that was suggested.
    pub fn take_suggestion(&mut self, id: MessageId, passage: &Passage) {
        let (start, end) = (passage.at.start, passage.at.end);
        self.edits.redact.push(Redaction { id, start, end });
    }

    /// Shows an entry's blackened passages again.
    pub fn unredact(&mut self, id: MessageId) {
        self.edits.redact.retain(|redaction| redaction.id != id);
    }
}

/// Unicode scalar values before a UTF-16 offset. A character that the offset cuts in two belongs inside the
/// passage at either end: half a character cannot be hidden.
fn scalar_offset(text: &str, units: u32, up: bool) -> u32 {
    let (mut seen, mut scalars) = (0, 0);
    for letter in text.chars() {
        let width = if letter > '\u{ffff}' { 2 } else { 1 };
        if seen + width > units {
            return scalars + u32::from(up && seen < units);
        }
        seen += width;
        scalars += 1;
    }
    scalars
}

/// A line that could be sent, and what the edits make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The entry.
    pub id: MessageId,
    /// Who wrote it.
    pub author: Author,
    /// Whether a private note.
    pub note: bool,
    /// Whether it is a document, which goes with its line.
    pub document: bool,
    /// The text with its blackened passages.
    pub text: String,
    /// Whether anything of it is blackened.
    pub redacted: bool,
    /// Whether it stays here.
    pub left_out: bool,
    /// Passages that one may want to blacken and that are not.
    pub suggested: Vec<Passage>,
}

/// Everything of a chat that could be sent, with the edits applied.
#[must_use]
pub fn of(chat: &super::Chat, edits: &Edits) -> Vec<Candidate> {
    let documents = chat.context.as_ref().map(|context| context.documents.as_slice());
    let lines = chat.lines.values().map(|entry| &**entry);
    candidates(&chat.earlier(), documents.unwrap_or_default(), lines, edits)
}

/// A subject often repeats what the customer asked first: it leaves as that line does.
fn subject(chat: &super::Chat, edits: Option<&Edits>) -> String {
    let subject = &chat.card.customer.subject;
    let (Some(edits), false) = (edits, subject.is_empty()) else { return subject.clone() };
    let repeats = |text: &str| text.starts_with(subject.as_str());
    let here = chat.lines.values().filter_map(|entry| match &entry.body {
        Body::Text(text) if repeats(text) => Some(entry.id),
        _ => None,
    });
    let earlier = chat.earlier().into_iter().filter(|entry| repeats(&entry.text)).map(|entry| entry.id);
    let ids: HashSet<MessageId> = here.chain(earlier).collect();
    let edited = of(chat, edits).into_iter().filter(|line| ids.contains(&line.id));
    let length = subject.chars().count();
    let mut left = edited
        .map(|line| if line.left_out { String::new() } else { line.text.chars().take(length).collect() });
    left.rfind(|left| left != subject).unwrap_or_else(|| subject.clone())
}

/// What leaves beside the conversation, each with its name: who the customer is, and what the agent adds.
#[must_use]
pub fn facts(console: &super::Console, dialog: &Dialog) -> Vec<(&'static str, String)> {
    let Some(chat) = console.chat(dialog.chat).filter(|_| dialog.allowed() != Amount::Nothing) else {
        return Vec::new();
    };
    let customer = &chat.card.customer;
    let edits = (dialog.allowed() == Amount::Part).then_some(&dialog.edits);
    let hidden = edits.is_some_and(|edits| edits.without_identity);
    let known = |value: &String| if hidden { t("stays here").to_owned() } else { value.clone() };
    let agent = console.me.as_ref().map(|me| me.card.title.clone()).unwrap_or_default();
    let excerpt = edits.map(|edits| edits.excerpt.trim().to_owned()).unwrap_or_default();
    let all = [
        (t("Name"), known(&customer.name)),
        (t("E-mail"), known(&customer.email)),
        (t("Subject"), subject(chat, edits)),
        (t("Comments"), dialog.comments.trim().to_owned()),
        (t("Excerpt"), excerpt),
        (t("From"), format!("{agent}, {}", console.area_title(&chat.card.area))),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// Everything that could be sent, with the edits applied: the earlier transcript, documents that it does not mention,
/// then what was said here.
#[must_use]
pub fn candidates<'a>(
    earlier: &[PriorEntry],
    documents: &[DocumentRef],
    lines: impl Iterator<Item = &'a Entry>,
    edits: &Edits,
) -> Vec<Candidate> {
    let document = |document: &DocumentRef| document_line(&document.sha256);
    let mut files: HashSet<MessageId> = documents.iter().filter_map(document).collect();
    let before: Vec<_> =
        earlier.iter().map(|entry| (entry.id, &entry.author, entry.note, entry.text.as_str())).collect();
    let alone =
        documents.iter().filter_map(|of| Some((document(of)?, &Author::System, false, of.name.as_str())));
    let mut here = Vec::new();
    for entry in lines {
        here.push(match &entry.body {
            Body::Text(text) => (entry.id, &entry.author, false, text.as_str()),
            Body::Note(text) => (entry.id, &entry.author, true, text.as_str()),
            Body::Document(card) => {
                // By its line it is left out whoever has said it, and however often.
                let Some(line) = document_line(&card.sha256) else { continue };
                files.insert(line);
                (line, &entry.author, false, card.name.as_str())
            }
            Body::Event(_) => continue,
        });
    }
    let mut seen = HashSet::new();
    let all = before.into_iter().chain(alone).chain(here).filter(|(id, ..)| seen.insert(*id));
    let shown = all.map(|(id, author, note, text)| Candidate {
        document: files.contains(&id),
        ..candidate(id, author, note, text, edits)
    });
    shown.collect()
}

fn candidate(id: MessageId, author: &Author, note: bool, text: &str, edits: &Edits) -> Candidate {
    let passages: Vec<&Redaction> = edits.redact.iter().filter(|redaction| redaction.id == id).collect();
    let hidden = |at: u32| passages.iter().any(|passage| (passage.start..passage.end).contains(&at));
    let shown = |(at, letter)| match letter {
        _ if hidden(at) => '█',
        // A text field drops it, and every offset behind it would be wrong by one.
        '\r' => '\u{200b}',
        letter => letter,
    };
    let mut suggested = suggest::passages(text);
    suggested.retain(|passage| !passage.at.clone().all(hidden));
    let text = (0..).zip(text.chars()).map(shown).collect();
    Candidate {
        id,
        author: author.clone(),
        note,
        document: false,
        text,
        redacted: !passages.is_empty(),
        left_out: edits.leave_out.contains(&id) || (note && edits.without_notes),
        suggested,
    }
}
