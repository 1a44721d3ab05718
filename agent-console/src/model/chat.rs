//! One chat of the agent's: what was said, what is on its way, and what became of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use baton_protocol::model::{
    Author, Body, ChatCard, ChatState, Context, DocumentCard, DocumentState, Entry, Marks, Stage,
};
use baton_protocol::{ChatId, ClientFrame, ErrorCode, MessageId, Seq, Timestamp, TransferId};

use super::dialog::Dialog;

/// Milliseconds after which "is typing" lapses when nothing more is heard.
const TYPING_LAPSES: u64 = 12_000;

/// Milliseconds without a keystroke after which the customer no longer reads that the agent is typing.
const IDLE: u64 = 4_000;

/// Milliseconds after which typing is said again, so that it does not lapse on the other side.
const SAY_AGAIN: u64 = 3_000;

/// Why the console shows a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It is this agent's, or was until a moment ago.
    #[default]
    Mine,
    /// A supervisor follows it.
    Watched {
        /// Who has it, by the name that customers see; empty for nobody.
        agent: String,
        /// The supervisor takes part, and the customer knows.
        joined: bool,
    },
    /// It is over and being read.
    Archive,
}

/// A chat in the console.
#[derive(Clone, Debug)]
pub struct Chat {
    /// As the gateway told it last.
    pub card: ChatCard,
    /// Why it is shown.
    pub role: Role,
    /// Where it came from, if it was transferred (A8).
    pub context: Option<Context>,
    /// What is known of it beside: confidence, priority, pages, what came of it.
    pub marks: Marks,
    /// What the gateway has stored, by number.
    pub lines: BTreeMap<Seq, Arc<Entry>>,
    /// What this console has sent and the gateway has not acknowledged, or has refused.
    pub pending: Vec<Pending>,
    /// Files on their way to the gateway.
    pub uploads: Vec<Upload>,
    /// Documents of the context that are not here, by hash.
    pub documents: HashMap<String, DocumentState>,
    /// What the agent has typed and not sent.
    pub draft: String,
    /// Whether the draft is a private note.
    pub noting: bool,
    /// Until when the customer is shown as typing.
    pub typing_until: Option<Timestamp>,
    /// What the customer has typed and not sent, where the gateway shows it.
    pub preview: String,
    /// The customer has seen everything up to this entry.
    pub seen: Seq,
    /// The agent has seen everything up to this entry.
    pub read: Seq,
    /// The last transfer out of here, under way or over.
    pub attempt: Option<Attempt>,
    /// The connection came back and the chat did not: somebody else has it, or nobody.
    pub lost: bool,
    /// When the chat ends, if the agent does not undo it.
    pub ending: Option<Timestamp>,
    /// It was this console that ended it.
    pub ended_here: bool,
    /// Rises whenever the conversation shows something else.
    pub revision: u64,
    /// After a reconnect: not yet told again by the gateway.
    pub(super) unconfirmed: bool,
    /// The next entries replace whatever is here from their first number on.
    pub(super) replace: bool,
    typed: Option<Typed>,
}

/// When the agent typed last, and when the customer was told last.
#[derive(Clone, Debug)]
struct Typed {
    at: Timestamp,
    told: Timestamp,
}

/// A message or note that is not known to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its id, the same each time it is sent.
    pub id: MessageId,
    /// The text, or a document's name.
    pub text: String,
    /// The document, if it is one.
    pub document: Option<DocumentCard>,
    /// Whether a private note.
    pub note: bool,
    /// The gateway has stored it and its entry has not come yet.
    pub stored: bool,
    /// Why the gateway refused it.
    pub refused: Option<ErrorCode>,
}

/// A file on its way to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Tells it from others.
    pub number: u32,
    /// The file's name.
    pub name: String,
    /// Why the gateway did not take it.
    pub refused: Option<String>,
}

/// A transfer as this console started it, or as it found it under way.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The transfer.
    pub transfer: TransferId,
    /// Where to, by the name that people read. Empty when another console started it.
    pub to: String,
    /// How far it is; nothing until the gateway has said a word about it.
    pub stage: Option<Stage>,
    /// Why it failed: the code where there is one, and a sentence.
    pub failure: Option<(Option<ErrorCode>, String)>,
    /// Cancelling has been asked for.
    pub cancelling: bool,
    /// An agent there is being asked whether they take the chat.
    pub asking: bool,
    /// What the agent had entered, for another try.
    pub entered: Option<Dialog>,
    /// What was sent, to be sent again after a lost connection. The same transfer twice is harmless.
    pub(super) frame: Option<ClientFrame>,
}

impl Attempt {
    /// Whether it can still be cancelled (A6).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.failure.is_none() && self.stage.is_none_or(|stage| stage < Stage::Arrived)
    }

    /// Whether the destination has kept what was sent, for another try (D7).
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(self.failure, Some((Some(ErrorCode::Kept), _)))
    }
}

/// What a pane is, as its colour says (A7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaneState {
    /// The agent serves it.
    Active,
    /// A transfer is under way.
    Transferring,
    /// Somebody else has it: grey.
    Transferred,
    /// Somebody else has it, and a supervisor follows it.
    Watched,
    /// It is over.
    Ended,
}

impl PaneState {
    /// The value of `data-state`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Transferring => "transferring",
            Self::Transferred => "transferred",
            Self::Watched => "watched",
            Self::Ended => "ended",
        }
    }
}

impl Chat {
    pub(super) fn new(card: ChatCard, context: Option<Context>) -> Self {
        Self {
            card,
            role: Role::Mine,
            context,
            marks: Marks::default(),
            lines: BTreeMap::new(),
            pending: Vec::new(),
            uploads: Vec::new(),
            documents: HashMap::new(),
            draft: String::new(),
            noting: false,
            typing_until: None,
            preview: String::new(),
            seen: 0,
            read: 0,
            attempt: None,
            lost: false,
            ending: None,
            ended_here: false,
            revision: 0,
            unconfirmed: false,
            replace: false,
            typed: None,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ChatId {
        self.card.chat
    }

    /// The customer's name, or a word in its place.
    #[must_use]
    pub fn name(&self) -> String {
        crate::words::customer(&self.card.customer.name)
    }

    /// What its pane is.
    #[must_use]
    pub fn state(&self) -> PaneState {
        let asked = self.attempt.as_ref().is_some_and(Attempt::is_open);
        match self.card.state {
            ChatState::Transferred { .. } => PaneState::Transferred,
            ChatState::Ended(_) => PaneState::Ended,
            _ if self.lost || self.role == Role::Archive => PaneState::Ended,
            _ if self.role != Role::Mine => PaneState::Watched,
            ChatState::Transferring { .. } => PaneState::Transferring,
            ChatState::Active if asked => PaneState::Transferring,
            ChatState::Active => PaneState::Active,
        }
    }

    /// Whether it takes one of the agent's places.
    #[must_use]
    pub fn is_mine(&self) -> bool {
        matches!(self.state(), PaneState::Active | PaneState::Transferring)
    }

    /// Whether something can be written in it.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        self.is_mine() || self.state() == PaneState::Watched
    }

    /// Whether only agents would read what is written: a supervisor who does not take part whispers.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        self.noting || matches!(self.role, Role::Watched { joined: false, .. })
    }

    /// Customer's messages that the agent has not seen.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.lines.range(self.read + 1..).filter(|(_, entry)| is_customers(entry)).count()
    }

    /// The highest entry number.
    #[must_use]
    pub fn last_seq(&self) -> Seq {
        self.lines.keys().next_back().copied().unwrap_or(0)
    }

    /// The last thing that was said, for the list of chats.
    #[must_use]
    pub fn last_said(&self) -> Option<(Author, String)> {
        let mut newest = self.lines.values().rev();
        newest.find_map(|entry| match &entry.body {
            Body::Text(text) => Some((entry.author.clone(), text.clone())),
            Body::Document(card) => Some((entry.author.clone(), card.name.clone())),
            _ => None,
        })
    }

    /// The transcript of earlier servers and agents that came with the chat, without what is told here again.
    #[must_use]
    pub fn earlier(&self) -> Vec<baton_protocol::model::PriorEntry> {
        let Some(context) = &self.context else { return Vec::new() };
        self.earlier_places().into_iter().map(|place| context.transcript[place].clone()).collect()
    }

    /// The places of its lines in the context.
    #[must_use]
    pub fn earlier_places(&self) -> Vec<usize> {
        let Some(context) = self.context.as_ref().filter(|context| !context.transcript.is_empty()) else {
            return Vec::new();
        };
        let here: HashSet<MessageId> = self.lines.values().map(|entry| entry.id).collect();
        let lines = context.transcript.iter().enumerate();
        lines.filter(|(_, entry)| !here.contains(&entry.id)).map(|(place, _)| place).collect()
    }

    /// The whole conversation as a file says it: a line each, with its time as this writes it.
    #[must_use]
    pub fn as_text(&self, moment: impl Fn(Timestamp) -> String) -> String {
        let earlier = self.earlier_places();
        let lines = self.spoken(&earlier, 0..earlier.len() + self.lines.len(), moment);
        lines.into_iter().map(|(by, text)| format!("{by}{text}\n")).collect()
    }

    /// The lines of these places: when and by whom something was said, and what. First come those that came along, of which
    /// these are shown.
    #[must_use]
    pub fn spoken(
        &self,
        earlier: &[usize],
        places: Range<usize>,
        moment: impl Fn(Timestamp) -> String,
    ) -> Vec<(String, String)> {
        let name = self.name();
        let line = |at, author: &Author, note, text: &str| {
            let by = crate::words::by(author, &name, note);
            (format!("[{}] {by}: ", moment(at)), text.to_owned())
        };
        let prior = self
            .context
            .iter()
            .flat_map(|context| earlier.iter().filter_map(|place| context.transcript.get(*place)));
        let prior = prior.map(|entry| line(entry.at, &entry.author, entry.note, &entry.text));
        let here = self.lines.values().map(|entry| match &entry.body {
            Body::Event(event) => (format!("[{}] ", moment(entry.at)), crate::words::event(event)),
            Body::Text(text) => line(entry.at, &entry.author, false, text),
            Body::Note(text) => line(entry.at, &entry.author, true, text),
            Body::Document(card) => line(entry.at, &entry.author, false, &card.name),
        });
        prior.chain(here).skip(places.start).take(places.len()).collect()
    }

    /// Whether a document of the context can be read (A8).
    #[must_use]
    pub fn document_state(&self, sha256: &str) -> DocumentState {
        self.documents.get(sha256).copied().unwrap_or(DocumentState::Here)
    }

    /// Whether the customer is typing.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        self.typing_until.is_some()
    }

    pub(super) fn touch(&mut self) {
        self.revision += 1;
    }

    pub(super) fn entries(&mut self, entries: Vec<Entry>) {
        if let (true, Some(first)) = (self.replace, entries.first()) {
            self.lines.split_off(&first.seq);
            self.replace = false;
        }
        for entry in entries {
            self.pending.retain(|pending| pending.id != entry.id);
            if is_customers(&entry) {
                self.typing_until = None;
                self.preview.clear();
            }
            self.lines.insert(entry.seq, Arc::new(entry));
        }
        self.touch();
    }

    /// What the customer has written that is not here yet.
    pub(super) fn new_from_customer(&self, entries: &[Entry]) -> Option<String> {
        // The transcript of a chat that has just been opened is not news.
        let last = (!self.lines.is_empty() && !self.replace).then(|| self.last_seq())?;
        let new = entries.iter().rev().find(|entry| entry.seq > last && is_customers(entry))?;
        match &new.body {
            Body::Text(text) => Some(text.clone()),
            Body::Document(card) => Some(card.name.clone()),
            _ => None,
        }
    }

    pub(super) fn typing(&mut self, on: bool, now: Timestamp) {
        self.typing_until = on.then(|| now.plus(TYPING_LAPSES));
    }

    pub(super) fn stored(&mut self, id: MessageId) {
        let here = self.lines.values().any(|entry| entry.id == id);
        if here {
            self.pending.retain(|pending| pending.id != id);
        } else if let Some(pending) = self.pending.iter_mut().find(|pending| pending.id == id) {
            pending.stored = true;
            pending.refused = None;
        }
        self.touch();
    }

    /// A keystroke: what the customer is to be told, if anything.
    pub(super) fn typed(&mut self, now: Timestamp) -> Option<ClientFrame> {
        let chat = Some(self.id());
        // A private note is nobody else's business.
        if self.is_aside() || self.draft.trim().is_empty() {
            return self.typed.take().map(|_| ClientFrame::Typing { chat, on: false });
        }
        match &mut self.typed {
            Some(typed) if now.since(typed.told) < SAY_AGAIN => {
                typed.at = now;
                None
            }
            typed => {
                *typed = Some(Typed { at: now, told: now });
                Some(ClientFrame::Typing { chat, on: true })
            }
        }
    }

    /// The draft was sent: a message says by itself that nobody is typing any more.
    pub(super) fn typed_no_more(&mut self) {
        self.typed = None;
    }

    /// Time has passed: what the gateway is to be told, if anything.
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<ClientFrame> {
        let chat = Some(self.id());
        self.typing_until = self.typing_until.filter(|until| *until > now);
        let idle = self.typed.take_if(|typed| now.since(typed.at) >= IDLE);
        let over = self.ending.take_if(|at| *at <= now);
        self.ended_here |= over.is_some();
        let stopped = idle.map(|_| ClientFrame::Typing { chat, on: false });
        stopped.into_iter().chain(over.map(|_| ClientFrame::End { chat })).collect()
    }

    /// A pending message as it goes over the wire.
    pub(super) fn frame(&self, pending: &Pending) -> ClientFrame {
        let (id, text) = (pending.id, pending.text.clone());
        if let Some(card) = &pending.document {
            ClientFrame::Attach { chat: Some(self.id()), id, sha256: card.sha256.clone() }
        } else if pending.note && self.role != Role::Mine {
            ClientFrame::Whisper { chat: self.id(), id, text }
        } else if pending.note {
            ClientFrame::Note { chat: self.id(), id, text }
        } else {
            ClientFrame::Say { chat: Some(self.id()), id, text }
        }
    }
}

fn is_customers(entry: &Entry) -> bool {
    entry.author == Author::Customer && matches!(entry.body, Body::Text(_) | Body::Document(_))
}

#[cfg(test)]
mod tests {
    use baton_protocol::ServerFrame;

    use super::super::Console;
    use super::super::tests::{CHAT, NOW, card, text, with_chat};
    use super::*;

    #[test]
    fn what_the_customer_is_typing_goes_when_it_is_sent_emptied_or_theirs_no_more() {
        let mut console = with_chat();
        let typed = |console: &mut Console, text: &str| {
            console.apply(ServerFrame::Preview { chat: CHAT, text: text.into() }, NOW);
            console.chat(CHAT).unwrap().preview.clone()
        };
        assert_eq!(typed(&mut console, "My stove"), "My stove");
        assert_eq!(typed(&mut console, ""), "");
        typed(&mut console, "My stove leaks");
        let entries = vec![text(2, "My stove leaks")];
        console.apply(ServerFrame::Entries { chat: CHAT, entries }, NOW);
        assert_eq!(console.chat(CHAT).unwrap().preview, "", "it was sent");
        typed(&mut console, "And");
        let gone = ChatCard { online: false, ..card(CHAT, ChatState::Active) };
        console.apply(ServerFrame::CardChanged { card: gone }, NOW);
        assert_eq!(console.chat(CHAT).unwrap().preview, "", "they are gone");
        typed(&mut console, "And");
        let card = card(CHAT, ChatState::Transferred { to: "Globex".into() });
        console.apply(ServerFrame::CardChanged { card }, NOW);
        assert_eq!(console.chat(CHAT).unwrap().preview, "", "somebody else has them");
    }
}
