//! A side conversation (an attended transfer): before a chat is handed over, its agent asks one of the destination's.
//!
//! **Contract.** Two parties, each an agent of this server or one that a peer speaks for. Nothing of the chat goes
//! along: what is said here is what the agents type. It is no part of the customer's record and is not stored: a
//! server that is restarted ends it, which costs a question, not a chat.

use baton_protocol::federation::ConsultMessage;
use baton_protocol::limits::MAX_TEXT;
use baton_protocol::model::Consultation;
use baton_protocol::{ChatId, ErrorCode, MessageId, ServerFrame, TransferId};

/// Messages in one side conversation, at most.
const MAX_LINES: usize = 200;

/// One side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Who speaks for them.
    pub by: By,
    /// The agent, as people call them.
    pub title: String,
    /// Their server or company, as people call it.
    pub at: String,
}

/// Who speaks for a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An agent of this server, by login name.
    Agent(String),
    /// A peer, by server name.
    Peer(String),
}

/// A side conversation.
#[derive(Debug)]
pub struct Consult {
    transfer: TransferId,
    /// The chat, which only the asking side knows.
    chat: Option<ChatId>,
    /// The asking side and the asked one.
    parties: [Party; 2],
    lines: Vec<(usize, ConsultMessage)>,
    ended: Option<ErrorCode>,
}

/// What it asks of its driver.
#[expect(clippy::large_enum_variant, reason = "an output lives for one step")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send to every console of an agent.
    ToAgent(String, ServerFrame),
    /// Pass a message on to a peer; what was said is shown to its writer when the peer has it.
    Pass(String, ConsultMessage),
    /// Tell a peer that it is over.
    End(String),
}

impl Consult {
    /// The asking side's first message begins it.
    #[must_use]
    pub fn new(transfer: TransferId, chat: Option<ChatId>, asking: Party, asked: Party) -> Self {
        Self { transfer, chat, parties: [asking, asked], lines: Vec::new(), ended: None }
    }

    /// The agent of this server who was asked, by login name.
    #[must_use]
    pub fn asked_agent(&self) -> Option<&str> {
        match &self.parties[1].by {
            By::Agent(login) => Some(login),
            By::Peer(_) => None,
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether somebody is one of its sides.
    #[must_use]
    pub fn has(&self, by: &By) -> bool {
        self.side(by).is_some()
    }

    fn side(&self, by: &By) -> Option<usize> {
        self.parties.iter().position(|party| party.by == *by)
    }

    /// Shows it, and what was said, to an agent whose console has come.
    pub fn show(&self, login: &str, out: &mut Vec<Output>) {
        let Some(side) = self.side(&By::Agent(login.into())) else { return };
        out.push(self.card(side, login));
        for (writer, message) in &self.lines {
            out.push(Output::ToAgent(login.into(), self.line(*writer == side, message)));
        }
    }

    /// Shows both sides that it has begun or ended.
    pub fn announce(&self, out: &mut Vec<Output>) {
        for (side, party) in self.parties.iter().enumerate() {
            if let By::Agent(login) = &party.by {
                out.push(self.card(side, login));
            }
        }
    }

    fn card(&self, side: usize, login: &str) -> Output {
        let other = &self.parties[1 - side];
        let consultation = Consultation {
            transfer: self.transfer,
            chat: self.chat.filter(|_| side == 0),
            with: other.title.clone(),
            at: other.at.clone(),
            agent: match &other.by {
                By::Agent(login) => Some(login.clone()),
                By::Peer(_) => None,
            },
            ended: self.ended,
        };
        Output::ToAgent(login.into(), ServerFrame::Consulting { consultation })
    }

    fn line(&self, mine: bool, message: &ConsultMessage) -> ServerFrame {
        let ConsultMessage { id, text } = message.clone();
        ServerFrame::ConsultSaid { transfer: self.transfer, id, mine, text }
    }

    /// One side says something. To a peer it is passed on first, see [`Consult::passed`].
    ///
    /// # Errors
    /// Why it was not said.
    pub fn say(&mut self, by: &By, message: ConsultMessage, out: &mut Vec<Output>) -> Result<(), ErrorCode> {
        let side = self.side(by).ok_or(ErrorCode::UnknownChat)?;
        if self.is_over() {
            return Err(ErrorCode::ChatOver);
        }
        if message.text.trim().is_empty() || message.text.len() > MAX_TEXT {
            return Err(ErrorCode::BadText);
        }
        if self.knows(message.id) {
            return Ok(());
        }
        if self.lines.len() >= MAX_LINES {
            return Err(ErrorCode::ChatFull);
        }
        match &self.parties[1 - side].by {
            By::Peer(peer) => out.push(Output::Pass(peer.clone(), message)),
            By::Agent(_) => self.said(side, message, out),
        }
        Ok(())
    }

    /// The other side's server has a message.
    pub fn passed(&mut self, by: &By, message: ConsultMessage, out: &mut Vec<Output>) {
        if let Some(side) = self.side(by).filter(|_| !self.knows(message.id)) {
            self.said(side, message, out);
        }
    }

    fn knows(&self, id: MessageId) -> bool {
        self.lines.iter().any(|(_, known)| known.id == id)
    }

    fn said(&mut self, side: usize, message: ConsultMessage, out: &mut Vec<Output>) {
        for (reader, party) in self.parties.iter().enumerate() {
            if let By::Agent(login) = &party.by {
                out.push(Output::ToAgent(login.clone(), self.line(reader == side, &message)));
            }
        }
        self.lines.push((side, message));
    }

    /// One side ends it, or nobody is there any more.
    pub fn end(&mut self, by: Option<&By>, why: ErrorCode, out: &mut Vec<Output>) {
        if self.is_over() || by.is_some_and(|by| !self.has(by)) {
            return;
        }
        self.ended = Some(why);
        self.announce(out);
        let others = self.parties.iter().filter(|party| Some(&party.by) != by);
        out.extend(others.filter_map(|party| match &party.by {
            By::Peer(peer) => Some(Output::End(peer.clone())),
            By::Agent(_) => None,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(login: &str) -> Party {
        Party { by: By::Agent(login.into()), title: login.to_uppercase(), at: "Acme".into() }
    }

    fn globex() -> Party {
        Party { by: By::Peer("globex".into()), title: "Gus".into(), at: "Globex".into() }
    }

    fn message(number: u8, text: &str) -> ConsultMessage {
        ConsultMessage { id: MessageId([number; 16]), text: text.into() }
    }

    fn ann() -> By {
        By::Agent("ann".into())
    }

    fn consult(asked: Party) -> Consult {
        Consult::new(TransferId([1; 16]), Some(ChatId([2; 16])), agent("ann"), asked)
    }

    #[test]
    fn two_agents_of_one_server_read_each_other() {
        let (mut consult, mut out) = (consult(agent("ben")), Vec::new());
        consult.say(&ann(), message(1, "free?"), &mut out).unwrap();
        consult.say(&ann(), message(1, "free?"), &mut out).unwrap();
        let to = |login: &str, mine| {
            let (transfer, id, text) = (TransferId([1; 16]), MessageId([1; 16]), "free?".into());
            Output::ToAgent(login.into(), ServerFrame::ConsultSaid { transfer, id, mine, text })
        };
        assert_eq!(out, [to("ann", true), to("ben", false)], "once");
    }

    #[test]
    fn the_asked_side_does_not_learn_the_chat() {
        let mut out = Vec::new();
        consult(agent("ben")).announce(&mut out);
        let chats: Vec<_> = out
            .into_iter()
            .map(|output| match output {
                Output::ToAgent(login, ServerFrame::Consulting { consultation }) => {
                    (login, consultation.chat)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(chats, [("ann".into(), Some(ChatId([2; 16]))), ("ben".into(), None)]);
    }

    #[test]
    fn what_a_peer_has_not_got_is_not_shown_as_said() {
        let (mut consult, mut out) = (consult(globex()), Vec::new());
        consult.say(&ann(), message(1, "free?"), &mut out).unwrap();
        assert_eq!(out, [Output::Pass("globex".into(), message(1, "free?"))]);
        out.clear();
        consult.passed(&ann(), message(1, "free?"), &mut out);
        consult.passed(&ann(), message(1, "free?"), &mut out);
        assert_eq!(out.len(), 1, "{out:?}");
    }

    #[test]
    fn only_its_two_sides_speak_and_end_it() {
        let (mut consult, mut out) = (consult(globex()), Vec::new());
        for stranger in [By::Agent("gus".into()), By::Peer("initech".into()), By::Agent("globex".into())] {
            assert_eq!(consult.say(&stranger, message(1, "x"), &mut out), Err(ErrorCode::UnknownChat));
            consult.end(Some(&stranger), ErrorCode::Cancelled, &mut out);
        }
        assert_eq!((out.len(), consult.is_over()), (0, false));
        consult.end(Some(&By::Peer("globex".into())), ErrorCode::Cancelled, &mut out);
        assert_eq!(out.len(), 1, "the peer knows: {out:?}");
        assert_eq!(consult.say(&ann(), message(2, "x"), &mut out), Err(ErrorCode::ChatOver));
    }

    #[test]
    fn texts_are_bounded_and_so_is_their_number() {
        let (mut consult, mut out) = (consult(agent("ben")), Vec::new());
        let long = "x".repeat(MAX_TEXT + 1);
        for text in ["", " ", long.as_str()] {
            assert_eq!(consult.say(&ann(), message(1, text), &mut out), Err(ErrorCode::BadText));
        }
        for number in 0..MAX_LINES {
            consult.say(&ann(), message(u8::try_from(number).unwrap(), "x"), &mut out).unwrap();
        }
        assert_eq!(consult.say(&ann(), message(250, "x"), &mut out), Err(ErrorCode::ChatFull));
    }
}
