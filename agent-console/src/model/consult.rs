//! Side conversations: an agent of the destination is asked before the chat is handed over.

use baton_protocol::frames::About;
use baton_protocol::limits::MAX_TEXT;
use baton_protocol::model::{Consultation, Destination};
use baton_protocol::{ClientFrame, ErrorCode, MessageId, Timestamp, TransferId};

use super::{Console, Dialog, Link, sentence};
use crate::tongue::t;

/// A side conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// As the gateway last told it.
    pub card: Consultation,
    /// What was said, oldest first.
    pub lines: Vec<SideLine>,
    /// What is being written.
    pub draft: String,
    /// A message on its way, whose answer brings it into `lines`.
    pub sending: Option<(MessageId, String)>,
    /// Why the last message was not delivered.
    pub refused: Option<String>,
    /// What was entered in the transfer dialog, by which the transfer is completed.
    entered: Option<Dialog>,
    /// Since a reconnect the gateway has not told of it again.
    unconfirmed: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideLine {
    /// Its id.
    pub id: MessageId,
    /// Whether this agent wrote it.
    pub mine: bool,
    /// The text.
    pub text: String,
}

impl Side {
    /// Whether the chat can be handed over to the agent who was asked.
    #[must_use]
    pub fn can_complete(&self) -> bool {
        self.entered.is_some() && self.card.chat.is_some() && self.card.ended.is_none()
    }
}

impl Console {
    /// Asks an agent of the chosen destination first. What is in the comments is all that they read; the dialog
    /// closes, and what was entered is kept for the transfer.
    pub fn ask_first(&mut self, transfer: TransferId) {
        let Some(dialog) = self.dialog.as_ref().filter(|_| self.link == Link::Online) else { return };
        let (Some(choice), Some(text)) = (dialog.choice.clone(), dialog.question()) else { return };
        let chat = dialog.chat;
        self.outbox.push(ClientFrame::Consult { transfer, chat, to: choice.to, text });
        let card = Consultation {
            transfer,
            chat: Some(chat),
            with: choice.title,
            at: String::new(),
            agent: None,
            ended: None,
        };
        let mut side = Side::new(card);
        side.entered = self.dialog.take();
        self.sides.push(side);
    }

    /// Hands the chat over to the agent who was asked, as it was entered in the dialog.
    pub fn complete(&mut self, transfer: TransferId) {
        let side = self.sides.iter_mut().find(|side| side.card.transfer == transfer && side.can_complete());
        let Some((mut dialog, card)) = side.and_then(|side| Some((side.entered.take()?, side.card.clone())))
        else {
            return;
        };
        if let (Some(agent), Some(choice)) = (card.agent, &mut dialog.choice) {
            // Of a line, this very agent.
            choice.to = Destination::Agent(agent);
            choice.title = card.with;
        }
        self.dialog = Some(dialog);
        self.transfer(transfer);
        self.end_side(transfer);
    }

    /// What is being written.
    pub fn write_side(&mut self, transfer: TransferId, text: String) {
        if let Some(side) = self.side_mut(transfer) {
            side.draft = text;
        }
    }

    /// Sends it.
    pub fn say_aside(&mut self, transfer: TransferId, id: MessageId) {
        let online = self.link == Link::Online;
        let Some(side) = self.side_mut(transfer).filter(|side| side.card.ended.is_none()) else { return };
        let fits = !side.draft.trim().is_empty() && side.draft.len() <= MAX_TEXT;
        if !online || !fits || side.sending.is_some() {
            return;
        }
        let text = std::mem::take(&mut side.draft).trim_end().to_owned();
        side.refused = None;
        side.sending = Some((id, text.clone()));
        self.outbox.push(ClientFrame::ConsultSay { transfer, id, text });
    }

    /// Ends it, or puts one away that is over.
    pub fn end_side(&mut self, transfer: TransferId) {
        let goes_on = self.side_mut(transfer).is_some_and(|side| side.card.ended.is_none());
        if goes_on {
            self.outbox.push(ClientFrame::ConsultEnd { transfer });
        }
        self.sides.retain(|side| side.card.transfer != transfer);
    }

    fn side_mut(&mut self, transfer: TransferId) -> Option<&mut Side> {
        self.sides.iter_mut().find(|side| side.card.transfer == transfer)
    }

    /// The gateway tells of one.
    pub(super) fn consulting(&mut self, card: Consultation) {
        match self.side_mut(card.transfer) {
            Some(side) => {
                side.unconfirmed = false;
                side.card = card;
            }
            // One that was put away here has ended there, too.
            None if card.ended.is_some() => {}
            None => self.sides.push(Side::new(card)),
        }
    }

    pub(super) fn said_aside(&mut self, transfer: TransferId, line: SideLine) {
        let Some(side) = self.side_mut(transfer) else { return };
        if side.sending.as_ref().is_some_and(|(id, _)| *id == line.id) {
            side.sending = None;
        }
        if !side.lines.iter().any(|known| known.id == line.id) {
            side.lines.push(line);
        }
    }

    /// Whether the refusal was about a side conversation.
    pub(super) fn side_refused(
        &mut self,
        code: ErrorCode,
        detail: &str,
        about: &About,
        now: Timestamp,
    ) -> bool {
        let why = format!("{}. {}", sentence(detail), t(code.advice()));
        match about {
            About::Message(id) => {
                let sent = |side: &&mut Side| side.sending.as_ref().is_some_and(|(sent, _)| sent == id);
                let Some(side) = self.sides.iter_mut().find(sent) else { return false };
                let text = side.sending.take().map(|(_, text)| text).unwrap_or_default();
                side.draft = if side.draft.is_empty() { text } else { format!("{text}\n{}", side.draft) };
                side.refused = Some(why);
                true
            }
            About::Transfer(transfer) => {
                let at =
                    self.sides.iter().position(|side| side.card.transfer == *transfer && side.is_asking());
                let Some(side) = at.map(|at| self.sides.remove(at)) else { return false };
                // Nothing that was entered is lost.
                self.dialog = self.dialog.take().or(side.entered);
                self.notice(why, now);
                true
            }
            _ => false,
        }
    }

    /// After a reconnect the gateway tells again of what goes on.
    pub(super) fn sides_again(&mut self) {
        for side in &mut self.sides {
            side.unconfirmed = side.card.ended.is_none();
        }
    }

    /// What it has not told of is over: it was restarted.
    pub(super) fn drop_sides(&mut self) {
        for side in self.sides.iter_mut().filter(|side| side.unconfirmed) {
            side.unconfirmed = false;
            side.sending = None;
            side.card.ended = Some(ErrorCode::Unreachable);
        }
    }
}

impl Side {
    fn new(card: Consultation) -> Self {
        Self {
            card,
            lines: Vec::new(),
            draft: String::new(),
            sending: None,
            refused: None,
            entered: None,
            unconfirmed: false,
        }
    }

    /// Nobody has been found yet.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.card.at.is_empty()
    }
}

impl Dialog {
    /// What would be asked first: the comments, if there are any and a destination is chosen.
    #[must_use]
    pub fn question(&self) -> Option<String> {
        let text = self.comments.trim();
        let fits = !text.is_empty() && text.len() <= MAX_TEXT && self.choice.is_some() && self.comments_go();
        fits.then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::model::Share;
    use baton_protocol::{ChatId, ServerFrame};

    use super::super::tests::{CHAT, MOVE, NOW, in_dialog, to_ben, with_chat};
    use super::*;

    fn card(chat: Option<ChatId>, ended: Option<ErrorCode>) -> Consultation {
        let (with, at, agent) = ("Ben".into(), "Acme".into(), Some("ben".into()));
        Consultation { transfer: MOVE, chat, with, at, agent, ended }
    }

    fn tell(console: &mut Console, card: Consultation) {
        console.apply(ServerFrame::Consulting { consultation: card }, NOW);
    }

    fn asking() -> Console {
        let mut console = in_dialog();
        console.ask_first(MOVE);
        assert!(console.sides.is_empty(), "nobody is asked without a destination and a question");
        console.choose(to_ben());
        console.dialog.as_mut().unwrap().comments = "Free?".into();
        console.ask_first(MOVE);
        console
    }

    #[test]
    fn the_comments_are_asked_and_the_dialog_is_kept_for_the_transfer() {
        let mut console = asking();
        let to = to_ben().to;
        let frame = ClientFrame::Consult { transfer: MOVE, chat: CHAT, to, text: "Free?".into() };
        assert_eq!(console.take_outbox(), [frame]);
        assert!(console.dialog.is_none());
        tell(&mut console, card(Some(CHAT), None));
        assert_eq!(console.sides.len(), 1);
        console.complete(MOVE);
        let sent = console.take_outbox();
        let [ClientFrame::Transfer { transfer: MOVE, to, share, .. }, ClientFrame::ConsultEnd { .. }] =
            &sent[..]
        else {
            panic!("{sent:?}")
        };
        assert_eq!((to, share), (&Destination::Agent("ben".into()), &Share::All));
    }

    #[test]
    fn a_question_that_is_refused_gives_the_dialog_back() {
        let mut console = asking();
        let (code, about) = (ErrorCode::Unstaffed, About::Transfer(MOVE));
        console.apply(ServerFrame::Refused { code, detail: "nobody there".into(), about }, NOW);
        assert!(console.sides.is_empty());
        assert_eq!(console.dialog.as_ref().unwrap().comments, "Free?");
        assert!(console.notices[0].text.contains("Nobody there"), "{:?}", console.notices);
    }

    #[test]
    fn a_message_is_shown_when_it_is_there_and_given_back_when_it_is_not() {
        let mut console = asking();
        tell(&mut console, card(Some(CHAT), None));
        let id = MessageId([9; 16]);
        console.write_side(MOVE, "Hello".into());
        console.say_aside(MOVE, id);
        assert!(console.sides[0].lines.is_empty());
        let (code, about) = (ErrorCode::Unreachable, About::Message(id));
        console.apply(ServerFrame::Refused { code, detail: String::new(), about }, NOW);
        assert_eq!(console.sides[0].draft, "Hello");
        console.say_aside(MOVE, id);
        let said = ServerFrame::ConsultSaid { transfer: MOVE, id, mine: true, text: "Hello".into() };
        console.apply(said.clone(), NOW);
        console.apply(said, NOW);
        assert_eq!(console.sides[0].lines.len(), 1);
    }

    #[test]
    fn the_one_who_is_asked_cannot_transfer_and_puts_it_away_when_it_is_over() {
        let mut console = with_chat();
        tell(&mut console, card(None, None));
        assert!(!console.sides[0].can_complete());
        tell(&mut console, card(None, Some(ErrorCode::Cancelled)));
        console.take_outbox();
        console.end_side(MOVE);
        assert!(console.sides.is_empty() && console.take_outbox().is_empty());
        tell(&mut console, card(None, Some(ErrorCode::Cancelled)));
        assert!(console.sides.is_empty(), "what is over does not come back");
    }

    #[test]
    fn what_a_restarted_server_does_not_know_any_more_is_over() {
        let mut console = asking();
        tell(&mut console, card(Some(CHAT), None));
        console.sides_again();
        console.apply(ServerFrame::Pong { nonce: 1 }, NOW);
        assert_eq!(console.sides[0].card.ended, Some(ErrorCode::Unreachable));
    }
}
