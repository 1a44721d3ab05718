//! The gateway's word.

use baton_protocol::frames::{About, PeerOffer};
use baton_protocol::model::{AgentCard, Brand, ChatCard, ChatState, Context, Destination, Stage};
use baton_protocol::{ChatId, ClientFrame, ErrorCode, MessageId, ServerFrame, Timestamp, TransferId};

use super::chat::{Attempt, Chat, PaneState, Role};
use super::{Alert, Console, Dialog, Link, Me, SideLine, Tab, places, sentence};
use crate::tongue::t;

impl Console {
    /// Takes a frame from the gateway.
    pub fn apply(&mut self, frame: ServerFrame, now: Timestamp) {
        self.heard = now;
        match frame {
            // With a session there is no secret to keep.
            ServerFrame::AgentWelcome { agent, token: _, server, brand } => {
                self.welcome(agent, server, brand, now);
            }
            ServerFrame::Queue { waiting } => {
                // By the last list, which was whole: this one may go on in the next frame.
                let last = std::mem::replace(&mut self.queue, waiting);
                self.picking.retain(|chat| last.iter().any(|card| card.chat == *chat));
                if let Some(first) = self.queue.first().filter(|_| last.is_empty()) {
                    self.alerts.push(Alert::Waiting(crate::words::customer(&first.name)));
                }
            }
            ServerFrame::Assignment { automatic, by_hand } => {
                (self.automatic, self.by_hand) = (automatic, by_hand);
            }
            ServerFrame::QueueMore { waiting } => self.queue.extend(waiting),
            ServerFrame::Watched { card, context, agent, joined } => {
                self.watched(card, context, agent, joined);
            }
            ServerFrame::Replies { replies, first } => self.replies(replies, first),
            ServerFrame::TeamSaid { from, to, text } => self.team_said(&from, to.as_deref(), &text, now),
            ServerFrame::ClosedChats { chats } => self.closed = chats,
            ServerFrame::Destinations { areas, agents, servers } => {
                (self.areas, self.agents, self.servers) = (areas, agents, servers);
                self.find_myself();
                self.check_choice();
            }
            ServerFrame::Hours { areas } => self.hours = areas,
            ServerFrame::PeerAreas { chat, server, offer } => self.offered(chat, &server, offer),
            ServerFrame::Opened { card, context } => self.opened(card, context),
            ServerFrame::CardChanged { card } => self.card_changed(card),
            ServerFrame::Progress { chat, transfer, stage, code, detail } => {
                self.progress(chat, transfer, stage, code, detail);
            }
            ServerFrame::Entries { chat, entries } => {
                let said = self.chat_mut(chat).and_then(|chat| {
                    let new = chat.is_mine().then(|| chat.new_from_customer(&entries)).flatten();
                    chat.entries(entries);
                    new.map(|text| (chat.name(), text))
                });
                self.alerts.extend(said.map(|(name, text)| Alert::Message(chat, name, text)));
                self.came_within(chat);
            }
            ServerFrame::Stored { chat, id, .. } => {
                if let Some(chat) = self.chat_mut(chat) {
                    chat.stored(id);
                }
            }
            ServerFrame::Typing { chat, on } => {
                if let Some(chat) = self.chat_mut(chat) {
                    chat.typing(on, now);
                }
            }
            ServerFrame::Preview { chat, text } => {
                if let Some(chat) = self.chat_mut(chat) {
                    chat.preview = text;
                }
            }
            ServerFrame::Seen { chat, seq } => {
                if let Some(chat) = self.chat_mut(chat) {
                    chat.seen = chat.seen.max(seq);
                    chat.touch();
                }
            }
            ServerFrame::DocumentChanged { chat, sha256, state } => {
                if let Some(chat) = self.chat_mut(chat) {
                    chat.documents.insert(sha256, state);
                    chat.touch();
                }
            }
            ServerFrame::Refused { code, detail, about } => self.refused(code, detail, &about, now),
            ServerFrame::Pong { .. } => {
                self.fresh = false;
                self.drop_sides();
                self.drop_unconfirmed();
                self.drop_kept(now);
            }
            ServerFrame::Draining { resume_in } => {
                self.resume_in = Some(resume_in);
                self.notice(t("The server restarts; the console connects again by itself.").into(), now);
            }
            ServerFrame::ChatPolicy { chat, permits } => {
                if let Some(dialog) = self.dialog.as_mut().filter(|dialog| dialog.chat == chat) {
                    dialog.permits = permits;
                    self.check_choice();
                }
            }
            ServerFrame::ChatMarks { chat, marks } => {
                if let Some(chat) = self.chat_mut(chat) {
                    chat.marks = marks;
                }
            }
            ServerFrame::OpenChats { chats, first } => self.open_chats(chats, first, now),
            ServerFrame::Asked { ask } => {
                self.alerts.push(Alert::Asked(ask.from.clone()));
                self.asked(ask, now);
            }
            ServerFrame::AskOver { transfer } => self.ask_over(transfer),
            ServerFrame::Consulting { consultation } => self.consulting(consultation),
            ServerFrame::ConsultSaid { transfer, id, mine, text } => {
                self.said_aside(transfer, SideLine { id, mine, text });
            }
            // These are for customers.
            ServerFrame::Welcome { .. }
            | ServerFrame::PhaseChanged { .. }
            | ServerFrame::Place { .. }
            | ServerFrame::Notices { .. }
            | ServerFrame::Holding { .. }
            | ServerFrame::Offered { .. }
            | ServerFrame::Withdrawn { .. }
            | ServerFrame::Arriving { .. } => {}
        }
    }

    fn welcome(&mut self, card: AgentCard, server: String, brand: Brand, now: Timestamp) {
        self.link = Link::Online;
        self.fresh = true;
        self.me = Some(Me { card, server, brand });
        for chat in &mut self.chats {
            chat.unconfirmed = chat.is_mine();
        }
        self.follow_again();
        self.sides_again();
        if let Some(presence) = self.wanted {
            self.outbox.push(ClientFrame::SetPresence { presence });
        }
        // Its answer comes after the chats that are still the agent's.
        self.ping(now);
    }

    /// The list of agents has the newest word about this one.
    fn find_myself(&mut self) {
        let Some(me) = &mut self.me else { return };
        if let Some(card) = self.agents.iter().find(|agent| agent.name == me.card.name) {
            me.card = card.clone();
        }
        if self.wanted == Some(me.card.presence) {
            self.wanted = None;
        }
    }

    /// A destination that can no longer be chosen is not chosen any more (A5).
    fn check_choice(&mut self) {
        let Some(dialog) = &self.dialog else { return };
        let Some(to) = dialog.choice.as_ref().map(|choice| &choice.to) else { return };
        let now = match to {
            Destination::Server { .. } => match places::denied(dialog, to) {
                None => return,
                Some(_) => None,
            },
            _ => {
                let view = if matches!(to, Destination::Agent(_)) { Tab::Agents } else { Tab::Lines };
                let view = Dialog { tab: view, query: String::new(), ..dialog.clone() };
                let open = places::places(self, &view).into_iter().filter(|place| place.why_not.is_none());
                open.filter_map(|place| place.choice().cloned()).find(|choice| choice.to == *to)
            }
        };
        self.dialog.iter_mut().for_each(|dialog| dialog.choice.clone_from(&now));
    }

    fn offered(&mut self, chat: ChatId, server: &str, offer: PeerOffer) {
        let Some(dialog) = &mut self.dialog else { return };
        if dialog.chat != chat || dialog.server != server {
            return;
        }
        let general = offer == PeerOffer::GeneralEntrance;
        dialog.offer = Some(offer);
        let wanted = dialog.wanted.take();
        if general {
            self.choose_entrance();
        }
        if let Some(area) = wanted {
            self.choose_area_there(&area);
        }
    }

    fn opened(&mut self, card: ChatCard, context: Option<Context>) {
        let id = card.chat;
        self.picking.retain(|picking| *picking != id);
        if self.is_over(id) {
            // It came back: what the agent may see now is another part of it.
            self.chats.retain(|chat| chat.id() != id);
        }
        let new = self.chat(id).is_none();
        match self.chat_mut(id) {
            Some(chat) => {
                (chat.card, chat.context, chat.role) = (card, context, Role::Mine);
                (chat.unconfirmed, chat.lost, chat.replace) = (false, false, true);
                // What is not here is told again after this.
                chat.documents.clear();
                chat.preview.clear();
                chat.touch();
            }
            None => self.chats.push(Chat::new(card, context)),
        }
        self.settle(id);
        self.give_kept(id);
        self.say_again(id);
        let asked_for = new && std::mem::take(&mut self.expects_asked);
        if new && !asked_for && self.expected != Some(id) && !self.restoring() {
            let name = self.chat(id).map(Chat::name).unwrap_or_default();
            self.alerts.push(Alert::Came(name));
        }
        if self.open.is_none() || self.expected == Some(id) || asked_for {
            self.bring_forward(id);
            self.expected = None;
        }
    }

    /// A gateway knows no more who followed what over a connection that is gone.
    pub(super) fn follow_again(&mut self) {
        let followed = self.chats.iter().filter(|chat| chat.state() == PaneState::Watched);
        let frames: Vec<ClientFrame> =
            followed.map(|chat| ClientFrame::Watch { chat: chat.id(), on: true }).collect();
        self.outbox.extend(frames);
    }

    /// What is not known to have arrived is sent again, under the same ids.
    pub(super) fn say_again(&mut self, id: ChatId) {
        let Some(chat) = self.chat(id) else { return };
        let waiting = chat.pending.iter().filter(|pending| !pending.stored && pending.refused.is_none());
        let mut frames: Vec<_> = waiting.map(|pending| chat.frame(pending)).collect();
        let unanswered = chat.attempt.as_ref().filter(|attempt| attempt.is_open() && attempt.stage.is_none());
        frames.extend(unanswered.and_then(|attempt| attempt.frame.clone()));
        // Pressed while there was no connection, or lost with it.
        let cancelled = chat.attempt.as_ref().filter(|attempt| attempt.is_open() && attempt.cancelling);
        frames.extend(
            cancelled.map(|attempt| ClientFrame::CancelTransfer { chat: id, transfer: attempt.transfer }),
        );
        self.outbox.extend(frames);
    }

    fn card_changed(&mut self, card: ChatCard) {
        let id = card.chat;
        let Some(chat) = self.chat_mut(id) else { return };
        chat.card = card;
        if !chat.card.online {
            chat.preview.clear();
        }
        chat.touch();
        self.settle(id);
    }

    /// Brings the attempt in line with the card, which is the gateway's last word.
    fn settle(&mut self, id: ChatId) {
        let Some(chat) = self.chat_mut(id) else { return };
        match &chat.card.state {
            ChatState::Transferring { transfer, stage } => {
                let (transfer, stage) = (*transfer, *stage);
                let attempt = chat.attempt.take().filter(|attempt| attempt.transfer == transfer);
                let attempt = attempt.unwrap_or(Attempt {
                    transfer,
                    to: String::new(),
                    stage: None,
                    failure: None,
                    cancelling: false,
                    asking: false,
                    entered: None,
                    frame: None,
                });
                // Under way again: another console of the agent's tried it once more.
                let before = attempt.stage.filter(|_| attempt.failure.is_none());
                chat.attempt = Some(Attempt { stage: before.max(Some(stage)), failure: None, ..attempt });
            }
            // A failure that was reported stays to be read; one that was missed is told by the transcript.
            ChatState::Active => {
                chat.attempt =
                    chat.attempt.take().filter(|attempt| attempt.stage.is_none() || !attempt.is_open());
            }
            ChatState::Transferred { .. } | ChatState::Ended(_) => {
                chat.typing_until = None;
                chat.preview.clear();
                self.close_dialog_of(id);
            }
        }
    }

    fn progress(
        &mut self,
        chat: ChatId,
        transfer: TransferId,
        stage: Stage,
        code: Option<ErrorCode>,
        detail: String,
    ) {
        let Some(chat) = self.chat_mut(chat) else { return };
        let Some(attempt) = chat.attempt.as_mut().filter(|attempt| attempt.transfer == transfer) else {
            return;
        };
        // Stages only ever advance.
        attempt.stage = attempt.stage.max(Some(stage));
        attempt.asking = code == Some(ErrorCode::Asking);
        if stage == Stage::Failed {
            attempt.failure = Some((code, detail));
        }
        chat.touch();
    }

    fn refused(&mut self, code: ErrorCode, detail: String, about: &About, now: Timestamp) {
        let reason = if detail.is_empty() { code.to_string() } else { detail };
        if self.side_refused(code, &reason, about, now) {
            return;
        }
        match about {
            About::Connection => self.refusal = Some(code),
            About::Message(id) => self.message_refused(*id, code),
            About::Transfer(id) => return self.transfer_refused(*id, code, reason, now),
            About::Chat(id) => {
                if self.rescue_refused(*id, &reason) {
                    return;
                }
                self.picking.retain(|picking| picking != id);
                self.expected = self.expected.filter(|expected| expected != id);
                self.not_joined(*id);
                if code == ErrorCode::UnknownChat {
                    self.lose(*id);
                }
            }
        }
        if self.link == Link::Online {
            self.notice(format!("{}. {}", sentence(&reason), t(code.advice())), now);
        }
    }

    fn message_refused(&mut self, id: MessageId, code: ErrorCode) {
        for chat in &mut self.chats {
            if let Some(pending) = chat.pending.iter_mut().find(|pending| pending.id == id) {
                pending.refused = Some(code);
                chat.touch();
            }
        }
    }

    /// The chat is as it was, and its pane says why (A6).
    fn transfer_refused(&mut self, id: TransferId, code: ErrorCode, reason: String, now: Timestamp) {
        let attempts = self.chats.iter_mut().filter_map(|chat| chat.attempt.as_mut());
        match attempts.into_iter().find(|attempt| attempt.transfer == id) {
            Some(attempt) if attempt.stage.is_none() => attempt.failure = Some((Some(code), reason)),
            Some(attempt) => attempt.cancelling = false,
            None => self.notice(format!("{}. {}", sentence(&reason), t(code.advice())), now),
        }
        self.chats.iter_mut().for_each(Chat::touch);
    }

    /// After a reconnect, chats that the gateway did not show again are no longer the agent's.
    fn drop_unconfirmed(&mut self) {
        let gone: Vec<ChatId> =
            self.chats.iter().filter(|chat| chat.unconfirmed).map(super::chat::Chat::id).collect();
        gone.into_iter().for_each(|id| self.lose(id));
    }

    fn lose(&mut self, id: ChatId) {
        if let Some(chat) = self.chat_mut(id).filter(|chat| chat.is_mine()) {
            (chat.lost, chat.unconfirmed) = (true, false);
            chat.touch();
            self.close_dialog_of(id);
        }
    }

    pub(super) fn close_dialog_of(&mut self, id: ChatId) {
        self.dialog = self.dialog.take().filter(|dialog| dialog.chat != id);
    }
}
