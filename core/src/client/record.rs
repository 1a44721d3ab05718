//! What survives a reload, and the transcript as it is shown.

use baton_protocol::lean;
use baton_protocol::lean::Lean;
use baton_protocol::model::{Author, Body, Brand, DocumentCard, Entry, Event};
use baton_protocol::{
    ChatId, ClientFrame, Epoch, MessageId, ResumeToken, Seq, Timestamp, TransferId, Verifier, Wtid,
};

use super::{MAX_BEFORE, MAX_LINES};

/// Everything that a client must find again after a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The WebSocket of the gateway that has the chat.
    pub socket: String,
    /// What the customer is there.
    pub standing: Standing,
    /// The customer's ownership register. Never falls.
    pub epoch: Epoch,
    /// The highest entry number of that gateway.
    pub last_seq: Seq,
    /// The secret for the next hand-over, whose challenge that gateway has.
    pub verifier: Verifier,
    /// How that company shows itself.
    pub brand: Brand,
    /// The transcript as it is shown, oldest first. Pending lines are the outbox, and always the last ones.
    pub lines: Vec<Line>,
    /// Messages that the customer has not seen.
    pub unread: u32,
    /// The transfer under way.
    pub hop: Option<Hop>,
    /// A transfer that has arrived, until the destination has surely heard of it.
    pub accept: Option<TransferId>,
    /// The last transfer that came to nothing: an offer of it again is declined.
    pub declined: Option<TransferId>,
    /// Where the customer was before.
    pub before: Vec<Before>,
    /// The customer has ended the chat, and the gateway is to be told.
    pub ending: bool,
    /// When this was last stored.
    pub touched: Timestamp,
}

/// What a customer is at the gateway of their record: what the hello says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody new, who has not been welcomed yet.
    New {
        /// The area's name.
        area: String,
        /// Name, or empty.
        name: String,
        /// E-mail address, or empty.
        email: String,
        /// Subject, or empty.
        subject: String,
    },
    /// Somebody who arrives by a page that a transfer has opened.
    Arriving {
        /// The secret from the transfer command, if there was one.
        wtid: Option<Wtid>,
        /// The proof.
        proof: Verifier,
        /// What was stored here before, to go back to.
        before: Option<Box<Record>>,
    },
    /// A customer with a chat.
    Session {
        /// The chat.
        chat: ChatId,
        /// The secret for resuming.
        token: ResumeToken,
    },
}

/// A server that the customer has left by a transfer, and may come back to (X3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// Its WebSocket.
    pub socket: String,
    /// The secret of the chat there.
    pub token: ResumeToken,
}

/// A transfer under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Which.
    pub transfer: TransferId,
    /// The destination's name for people.
    pub title: String,
    /// The secret to present there, if there is one.
    pub wtid: Option<Wtid>,
    /// The destination's socket or page.
    pub to: String,
    /// Its page, where the socket is tried first and may turn out to be forbidden to this page.
    pub page: Option<String>,
    /// The secret for the hand-over after this one. Made once, so that a repeated claim is the same claim.
    pub fresh: Verifier,
    /// How far it is.
    pub stage: Stage,
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The WTID is being presented; the origin still has the chat.
    Claiming,
    /// The origin is out of reach and ignored from now on; the destination is asked to adopt the chat.
    Frozen,
    /// It came to nothing: the origin is told to take the chat back.
    Reclaiming,
    /// The page is about to be left; messages on their way are waited for.
    Flushing,
    /// The page is being left.
    Away,
}

/// A line of the transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The entry's id.
    pub id: MessageId,
    /// The number at the server that stored it; 0 for what no server stored.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The customer's message.
    Own(String, Mark),
    /// An agent's message: name and text.
    Agent(String, String),
    /// The server's message.
    System(String),
    /// Something that happened.
    Event(Event),
    /// From here on the customer is with this company (M2).
    With(String),
    /// From here on another session of the same company counts (D6), which customers need not know.
    Here,
    /// The customer's document.
    OwnDocument(DocumentCard, Mark),
    /// An agent's document: name and document.
    AgentDocument(String, DocumentCard),
}

/// What became of a message of the customer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Not acknowledged yet.
    Pending,
    /// Stored by the gateway.
    Stored,
    /// Seen by the other side.
    Seen,
    /// Refused by the gateway.
    Refused,
}

impl Line {
    /// Whether it waits for its acknowledgement.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.what, What::Own(_, Mark::Pending) | What::OwnDocument(_, Mark::Pending))
    }
}

lean! {
    struct Record {
        socket: socket, standing: standing, epoch: epoch, last_seq: last_seq, verifier: verifier, brand: brand,
        lines: lines, unread: unread, hop: hop, accept: accept, declined: declined, before: before, ending: ending,
        touched: touched,
    }
    struct Before { socket: socket, token: token }
    struct Hop {
        transfer: transfer, title: title, wtid: wtid, to: place, page: page, fresh: fresh, stage: stage,
    }
    struct Line { id: id, seq: seq, at: at, what: what }
}

lean! {
    enum Standing {
        0 New { area: area, name: name, email: email, subject: subject }
        1 Arriving { wtid: wtid, proof: proof, before: before }
        2 Session { chat: chat, token: token }
    }
    enum Stage { 0 Claiming {} 1 Frozen {} 2 Reclaiming {} 3 Flushing {} 4 Away {} }
    enum What {
        0 Own { 0: text, 1: mark }
        1 Agent { 0: name, 1: text }
        2 System { 0: text }
        3 Event { 0: event }
        4 With { 0: name }
        5 Here {}
        6 OwnDocument { 0: card, 1: mark }
        7 AgentDocument { 0: name, 1: card }
    }
    enum Mark { 0 Pending {} 1 Stored {} 2 Seen {} 3 Refused {} }
}

/// The form of what is stored. Another one is not read: what it meant is not known.
const FORM: u8 = 3;

impl Record {
    /// The bytes to be stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        self.put(&mut bytes);
        bytes
    }

    /// Reads them back; nothing when they are something else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (form, mut rest) = bytes.split_first()?;
        let record = if *form == FORM { <Self as Lean>::take(&mut rest)? } else { return None };
        rest.is_empty().then_some(record)
    }

    /// Messages that are not acknowledged, oldest first. A document's text is its name.
    pub fn outbox(&self) -> impl Iterator<Item = (MessageId, &str)> {
        self.lines.iter().filter_map(|line| match &line.what {
            What::Own(text, Mark::Pending) => Some((line.id, text.as_str())),
            What::OwnDocument(card, Mark::Pending) => Some((line.id, card.name.as_str())),
            _ => None,
        })
    }

    /// The same as frames.
    pub(super) fn outgoing(&self) -> impl Iterator<Item = ClientFrame> {
        self.lines.iter().filter_map(|Line { id, what, .. }| match what {
            What::Own(text, Mark::Pending) => {
                Some(ClientFrame::Say { chat: None, id: *id, text: text.clone() })
            }
            What::OwnDocument(card, Mark::Pending) => {
                Some(ClientFrame::Attach { chat: None, id: *id, sha256: card.sha256.clone() })
            }
            _ => None,
        })
    }

    /// Their texts, one paragraph each.
    pub(super) fn unsent(&self) -> String {
        let mut all = String::new();
        for line in &self.lines {
            let What::Own(text, Mark::Pending) = &line.what else { continue };
            if !all.is_empty() {
                all.push_str("\n\n");
            }
            all.push_str(text);
        }
        all
    }

    /// Remembers that the customer leaves this server, if they have a chat there.
    pub(super) fn leaves(&mut self) {
        let Standing::Session { token, .. } = &self.standing else { return };
        let here = Before { socket: self.socket.clone(), token: token.clone() };
        match self.before.iter_mut().find(|before| before.socket == here.socket) {
            Some(before) => *before = here,
            None => {
                if self.before.len() < MAX_BEFORE {
                    self.before.push(here);
                }
            }
        }
    }

    /// What tells its server that the customer was there before, if they were.
    pub(super) fn earlier(&self) -> Option<ClientFrame> {
        let before = self.before.iter().find(|before| before.socket == self.socket)?;
        Some(ClientFrame::Earlier { token: before.token.clone() })
    }

    /// Adds a line that the customer does not wait for: above the outbox.
    pub(super) fn push(&mut self, line: Line) {
        let place = self.first_pending();
        self.lines.insert(place, line);
        if place >= MAX_LINES {
            self.lines.remove(0);
        }
    }

    fn first_pending(&self) -> usize {
        self.lines.iter().position(Line::is_pending).unwrap_or(self.lines.len())
    }

    /// A pending message is settled and leaves the outbox. Says whether there was such a message.
    pub(super) fn settle(&mut self, id: MessageId, mark: Mark, seq: Seq, at: Option<Timestamp>) -> bool {
        let Some(place) = self.lines.iter().position(|line| line.id == id && line.is_pending()) else {
            return false;
        };
        let mut line = self.lines.remove(place);
        if let What::Own(_, old) | What::OwnDocument(_, old) = &mut line.what {
            *old = mark;
        }
        line.seq = seq;
        line.at = at.unwrap_or(line.at);
        self.push(line);
        true
    }

    /// An entry of the server's. Says whether it is an agent's message that was not there.
    pub(super) fn take(&mut self, entry: Entry) -> bool {
        if entry.seq <= self.last_seq {
            return false;
        }
        self.last_seq = entry.seq;
        let Entry { seq, at, id, author, body } = entry;
        if self.settle(id, Mark::Stored, seq, Some(at)) || self.has(id) {
            return false;
        }
        let Some(what) = what(author, body) else { return false };
        let news = is_agents(&what);
        self.push(Line { id, seq, at, what });
        news
    }

    /// An agent's message of the server before: it stands above the arrival, and its number is that server's. Whatever
    /// else that server says is its own affair by now. Says whether the message was not there.
    pub(super) fn take_late(&mut self, entry: Entry) -> bool {
        let Entry { seq, at, id, author, body } = entry;
        let arrival = |line: &Line| matches!(line.what, What::With(_) | What::Here);
        let Some(place) = self.lines.iter().rposition(arrival).filter(|_| !self.has(id)) else {
            return false;
        };
        let Some(what) = what(author, body).filter(is_agents) else { return false };
        self.lines.insert(place, Line { id, seq, at, what });
        if self.first_pending() > MAX_LINES {
            self.lines.remove(0);
        }
        true
    }

    fn has(&self, id: MessageId) -> bool {
        self.lines.iter().any(|line| line.id == id)
    }

    /// The other side has seen the customer's messages up to this one. Says whether that is news.
    pub(super) fn mark_seen(&mut self, up_to: Seq) -> bool {
        let mut news = false;
        // Numbers are one server's own: above the last arrival they are another's.
        for line in self.lines.iter_mut().rev() {
            match &mut line.what {
                What::With(_) | What::Here => break,
                What::Own(_, mark @ Mark::Stored) | What::OwnDocument(_, mark @ Mark::Stored)
                    if line.seq <= up_to =>
                {
                    *mark = Mark::Seen;
                    news = true;
                }
                _ => {}
            }
        }
        news
    }
}

fn what(author: Author, body: Body) -> Option<What> {
    Some(match (author, body) {
        (Author::Customer, Body::Text(text)) => What::Own(text, Mark::Stored),
        (Author::Agent(name), Body::Text(text)) => What::Agent(name, text),
        (Author::System, Body::Text(text)) => What::System(text),
        (Author::Customer, Body::Document(card)) => What::OwnDocument(card, Mark::Stored),
        (Author::Agent(name), Body::Document(card)) => What::AgentDocument(name, card),
        (_, Body::Event(event)) => What::Event(event),
        (_, Body::Note(_)) | (Author::System, Body::Document(_)) => return None,
    })
}

fn is_agents(what: &What) -> bool {
    matches!(what, What::Agent(..) | What::AgentDocument(..))
}
