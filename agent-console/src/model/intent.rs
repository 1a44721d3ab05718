//! What the agent does.

use baton_protocol::frames::PeerOffer;
use baton_protocol::limits::{MAX_FRAME, MAX_TEXT};
use baton_protocol::model::{Destination, DocumentCard, Presence, SharePolicy};
use baton_protocol::{ChatId, ClientFrame, Encoding, ErrorCode, MessageId, Timestamp, TransferId};

use super::chat::{Attempt, PaneState, Pending, Role, Upload};
use super::dialog::{Choice, Dialog, Tab};
use super::places::{self, Leads, Place};
use super::{Console, Link};
use crate::tongue::say;

/// Milliseconds in which an end can be undone.
const UNDO: u64 = 3_000;

/// Milliseconds after which a server that was asked what it offers counts as silent. The gateway itself waits five
/// seconds for a peer.
const OFFER: u64 = 10_000;

/// Destinations that are remembered: more would be another list to search.
const RECENT: usize = 4;

impl Console {
    /// Takes chats, or takes none.
    pub fn set_presence(&mut self, presence: Presence) {
        self.wanted = Some(presence);
        self.outbox.push(ClientFrame::SetPresence { presence });
    }

    /// Picks customers up oneself and is given none, or is given some again. The gateway keeps it, and has the last word.
    pub fn set_by_hand(&mut self, on: bool) {
        if self.link == Link::Online {
            self.by_hand = on;
            self.outbox.push(ClientFrame::SetByHand { on });
        }
    }

    /// Takes a waiting customer (A2); the chat comes to the front when it is there.
    pub fn pick_up(&mut self, chat: ChatId) {
        if self.pick_up_unfit().is_none() && !self.picking.contains(&chat) {
            self.picking.push(chat);
            self.expected = Some(chat);
            self.outbox.push(ClientFrame::PickUp { chat });
        }
    }

    /// Takes whoever is first.
    pub fn pick_up_next(&mut self) {
        let next = self.queue.iter().map(|card| card.chat).find(|chat| !self.picking.contains(chat));
        if let Some(chat) = next {
            self.pick_up(chat);
        }
    }

    /// Brings a chat to the front.
    pub fn open(&mut self, chat: ChatId) {
        if self.chat(chat).is_some() {
            self.bring_forward(chat);
        }
    }

    /// Brings the chat at that place, from 0, to the front.
    pub fn open_nth(&mut self, place: usize) {
        if let Some(id) = self.chats.get(place).map(super::Chat::id) {
            self.bring_forward(id);
        }
    }

    /// Brings the chat after the one in front to the front, or the one before it.
    pub fn open_beside(&mut self, after: bool) {
        let count = self.chats.len();
        let here = self.chats.iter().position(|chat| Some(chat.id()) == self.open).unwrap_or(0);
        if count > 0 {
            self.open_nth((here + if after { 1 } else { count - 1 }) % count);
        }
    }

    /// The chats that are shown are being read.
    pub fn read_shown(&mut self) {
        for id in self.shown() {
            let Some(chat) = self.chat_mut(id) else { continue };
            let (seq, unread) = (chat.last_seq(), chat.unread() > 0);
            chat.read = seq;
            if unread && chat.is_mine() && self.link == Link::Online {
                self.outbox.push(ClientFrame::Seen { chat: Some(id), seq });
            }
        }
    }

    /// The agent types.
    pub fn edit_draft(&mut self, id: ChatId, text: String, now: Timestamp) {
        let online = self.link == Link::Online;
        let Some(chat) = self.chat_mut(id).filter(|chat| chat.takes_text()) else { return };
        chat.draft = text;
        let told = chat.typed(now);
        self.outbox.extend(told.filter(|_| online));
    }

    /// Message or private note.
    pub fn set_noting(&mut self, id: ChatId, noting: bool, now: Timestamp) {
        let online = self.link == Link::Online;
        let Some(chat) = self.chat_mut(id) else { return };
        chat.noting = noting;
        let told = chat.typed(now);
        self.outbox.extend(told.filter(|_| online));
    }

    /// Sends the draft. Without a connection it waits for one.
    pub fn send(&mut self, id: ChatId, message: MessageId) {
        let online = self.link == Link::Online;
        let Some(chat) = self.chat_mut(id).filter(|chat| chat.takes_text()) else { return };
        if chat.draft.trim().is_empty() || chat.draft.len() > MAX_TEXT {
            return;
        }
        let text = std::mem::take(&mut chat.draft).trim_end().to_owned();
        let pending = Pending {
            id: message,
            text,
            document: None,
            note: chat.is_aside(),
            stored: false,
            refused: None,
        };
        let frame = chat.frame(&pending);
        chat.pending.push(pending);
        chat.noting = false;
        chat.typed_no_more();
        chat.touch();
        self.outbox.extend(Some(frame).filter(|_| online));
    }

    /// A file is being sent to the gateway.
    pub fn uploading(&mut self, id: ChatId, number: u32, name: String) {
        if let Some(chat) = self.chat_mut(id) {
            chat.uploads.push(Upload { number, name, refused: None });
            chat.touch();
        }
    }

    /// What came of it: the document is said in the chat, or the agent reads why it was not taken.
    pub fn uploaded(
        &mut self,
        id: ChatId,
        number: u32,
        message: MessageId,
        result: Result<DocumentCard, String>,
    ) {
        let online = self.link == Link::Online;
        let Some(chat) = self.chat_mut(id) else { return };
        let Some(place) = chat.uploads.iter().position(|upload| upload.number == number) else { return };
        chat.touch();
        let card = match result {
            Ok(card) => card,
            Err(why) => return chat.uploads[place].refused = Some(why),
        };
        chat.uploads.remove(place);
        let text = card.name.clone();
        let pending =
            Pending { id: message, text, document: Some(card), note: false, stored: false, refused: None };
        let frame = chat.frame(&pending);
        chat.pending.push(pending);
        self.outbox.extend(Some(frame).filter(|_| online));
    }

    /// The agent has read why a file was not taken.
    pub fn forget_upload(&mut self, id: ChatId, number: u32) {
        if let Some(chat) = self.chat_mut(id) {
            chat.uploads.retain(|upload| upload.number != number);
            chat.touch();
        }
    }

    /// Takes a refused message back into the composer.
    pub fn take_back(&mut self, id: ChatId, message: MessageId) {
        let Some(chat) = self.chat_mut(id) else { return };
        let Some(place) = chat.pending.iter().position(|pending| pending.id == message) else { return };
        let pending = chat.pending.remove(place);
        if pending.document.is_some() {
            return chat.touch();
        }
        chat.noting = pending.note;
        chat.draft =
            if chat.draft.is_empty() { pending.text } else { format!("{}\n{}", pending.text, chat.draft) };
        chat.touch();
    }

    /// Ends a chat in a moment: until then it can be undone.
    pub fn end(&mut self, id: ChatId, now: Timestamp) {
        if let Some(chat) = self.chat_mut(id).filter(|chat| chat.state() == PaneState::Active) {
            chat.ending = Some(now.plus(UNDO));
        }
    }

    /// Undoes [`Console::end`].
    pub fn keep(&mut self, id: ChatId) {
        if let Some(chat) = self.chat_mut(id) {
            chat.ending = None;
        }
    }

    /// Removes a finished chat from the console (A7).
    pub fn dismiss(&mut self, id: ChatId) {
        let Some(place) = self.chats.iter().position(|chat| chat.id() == id && !chat.is_mine()) else {
            return;
        };
        let gone = self.chats.remove(place);
        self.outbox.push(match gone.role {
            Role::Watched { .. } => ClientFrame::Watch { chat: id, on: false },
            Role::Mine | Role::Archive => ClientFrame::Dismiss { chat: id },
        });
        self.used.retain(|used| *used != id);
        if self.open == Some(id) {
            let next = self.chats.get(place).or(self.chats.last());
            self.open = next.map(super::Chat::id);
        }
    }

    /// Opens the transfer dialog (A3).
    pub fn begin_transfer(&mut self, id: ChatId) {
        let active = self.chat(id).is_some_and(|chat| chat.state() == PaneState::Active);
        if active && self.link == Link::Online {
            self.keep(id);
            self.dialog = Some(Dialog::new(id));
            // Its own policy: what may be sent where, and why not.
            let server = self.me.as_ref().map(|me| me.server.clone());
            self.outbox.extend(server.map(|server| ClientFrame::Inspect { chat: id, server }));
        }
    }

    /// Opens it again with what was entered for the last attempt, the destination aside.
    pub fn try_again(&mut self, id: ChatId) {
        let entered = self.chat(id).and_then(|chat| chat.attempt.as_ref()?.entered.clone());
        self.forget_failure(id);
        self.begin_transfer(id);
        let (Some(entered), Some(dialog)) = (entered, &mut self.dialog) else { return };
        let permits = std::mem::take(&mut dialog.permits);
        let server = String::new();
        *dialog =
            Dialog { server, offer: None, choice: None, editing: false, wrong: None, permits, ..entered };
    }

    /// The reason for the failure has been read.
    pub fn forget_failure(&mut self, id: ChatId) {
        if let Some(chat) = self.chat_mut(id) {
            chat.attempt = chat.attempt.take().filter(|attempt| attempt.failure.is_none());
            chat.touch();
        }
    }

    /// Another view of the dialog.
    pub fn show_tab(&mut self, tab: Tab) {
        if let Some(dialog) = &mut self.dialog {
            dialog.show(tab);
        }
        let entrance =
            self.dialog.as_ref().is_some_and(|dialog| dialog.offer == Some(PeerOffer::GeneralEntrance));
        if entrance && tab == Tab::Servers {
            self.choose_entrance();
        }
    }

    /// Chooses a server, which is asked what it offers for this chat.
    pub fn choose_server(&mut self, server: String) {
        let now = self.heard.max(self.ticked);
        let Some(dialog) = &mut self.dialog else { return };
        (dialog.server, dialog.offer, dialog.choice) = (server.clone(), None, None);
        (dialog.asked, dialog.row) = (now, 0);
        if !server.is_empty() {
            self.outbox.push(ClientFrame::Inspect { chat: dialog.chat, server });
        }
    }

    /// A server that has not said in time what it offers is silent.
    pub(super) fn offer_overdue(&mut self, now: Timestamp) {
        let Some(dialog) = self.dialog.as_mut().filter(|dialog| dialog.offer.is_none()) else { return };
        if !dialog.server.is_empty() && now.since(dialog.asked) > OFFER {
            let code = ErrorCode::NoAnswer;
            dialog.offer = Some(PeerOffer::Refused { code, detail: code.to_string() });
        }
    }

    /// Chooses a destination.
    pub fn choose(&mut self, choice: Choice) {
        if let Some(dialog) = &mut self.dialog {
            dialog.wrong = None;
            dialog.choice = Some(choice);
        }
    }

    /// Takes a row of the dialog: a destination is chosen, a server is asked.
    pub fn take_place(&mut self, place: &Place) {
        if place.why_not.is_some() {
            return;
        }
        match place.leads.clone() {
            Leads::To(choice) => {
                // One of the recent ones, whose server has not been asked: what it says now decides.
                let elsewhere = match &choice.to {
                    Destination::Server { server, area } => {
                        let here = self.dialog.as_ref().is_some_and(|dialog| dialog.server == *server);
                        (!here).then(|| (server.clone(), area.clone()))
                    }
                    _ => None,
                };
                match elsewhere {
                    Some((server, area)) => self.look_into(server, area),
                    None => self.choose(choice),
                }
            }
            Leads::Into(server) => self.look_into(server, None),
        }
    }

    fn look_into(&mut self, server: String, area: Option<String>) {
        if let Some(dialog) = &mut self.dialog {
            dialog.query.clear();
            dialog.show(Tab::Servers);
            dialog.wanted = area;
        }
        self.choose_server(server);
    }

    /// The area that was wanted, if the server still offers it.
    pub(super) fn choose_area_there(&mut self, area: &str) {
        let Some(dialog) = self.dialog.as_ref().filter(|dialog| dialog.tab == Tab::Servers) else { return };
        let wanted = Some(area.to_owned());
        let fits =
            |choice: &Choice| matches!(&choice.to, Destination::Server { area, .. } if *area == wanted);
        let open = places::places(self, dialog).into_iter().filter(|place| place.why_not.is_none());
        let choice = open.filter_map(|place| place.choice().cloned()).find(fits);
        self.dialog.iter_mut().for_each(|dialog| dialog.choice.clone_from(&choice));
    }

    /// Searches the destinations; the first that is found is the one that Enter takes.
    pub fn search_places(&mut self, query: String) {
        if let Some(dialog) = &mut self.dialog {
            (dialog.query, dialog.row) = (query, 0);
        }
    }

    /// Another row, further down or up.
    pub fn move_row(&mut self, down: bool) {
        let Some(dialog) = &self.dialog else { return };
        let last = places::places(self, dialog).len().saturating_sub(1);
        let row = if down { (dialog.row + 1).min(last) } else { dialog.row.saturating_sub(1) };
        self.dialog.iter_mut().for_each(|dialog| dialog.row = row);
    }

    /// Takes the row that the keyboard is on.
    pub fn take_row(&mut self) {
        let place =
            self.dialog.as_ref().and_then(|dialog| places::places(self, dialog).into_iter().nth(dialog.row));
        if let Some(place) = place {
            self.take_place(&place);
        }
    }

    /// Marks a chat as confidential, or takes the mark away (O2). The gateway's word is what is shown.
    pub fn set_confidential(&mut self, chat: ChatId, on: bool) {
        if self.link == Link::Online {
            self.outbox.push(ClientFrame::SetConfidential { chat, on });
        }
    }

    /// The only destination of a server that publishes no areas (D2).
    #[must_use]
    pub fn entrance(&self, name: &str) -> Option<Choice> {
        let server = self.servers.iter().find(|server| server.name == name)?;
        let to = Destination::Server { server: server.name.clone(), area: None };
        Some(Choice { to, title: server.title.clone(), share: server.share.clone() })
    }

    /// Where there is only one destination, it is chosen.
    pub(super) fn choose_entrance(&mut self) {
        let Some(server) = self.dialog.as_ref().filter(|dialog| dialog.tab == Tab::Servers) else { return };
        let choice = self.entrance(&server.server);
        self.dialog.iter_mut().for_each(|dialog| dialog.choice.clone_from(&choice));
    }

    /// What may be sent to the chosen server.
    #[must_use]
    pub fn server_share(&self, name: &str) -> SharePolicy {
        let server = self.servers.iter().find(|server| server.name == name);
        server.map_or(SharePolicy::Nothing, |server| server.share.clone())
    }

    /// The Transfer button: the dialog closes and the pane shows how it goes on.
    pub fn transfer(&mut self, transfer: TransferId) {
        let ready = self.dialog.as_ref().is_some_and(|dialog| dialog.choice.is_some());
        if !ready || self.link != Link::Online {
            return;
        }
        let Some(mut dialog) = self.dialog.take() else { return };
        let Some(choice) = dialog.choice.clone() else { return };
        let comments = if dialog.comments_go() { dialog.comments.trim().to_owned() } else { String::new() };
        let share = dialog.share();
        let to = choice.to.clone();
        let frame = ClientFrame::Transfer { transfer, chat: dialog.chat, to, comments, share };
        if frame.encode(Encoding::Binary, &mut Vec::new()).is_err() {
            dialog.wrong = Some(too_much());
            self.dialog = Some(dialog);
            return;
        }
        self.recent.retain(|recent| recent.to != choice.to);
        self.recent.insert(0, choice.clone());
        self.recent.truncate(RECENT);
        let Some(chat) = self.chat_mut(dialog.chat) else { return };
        chat.attempt = Some(Attempt {
            transfer,
            to: choice.title,
            stage: None,
            failure: None,
            cancelling: false,
            asking: false,
            entered: Some(dialog),
            frame: Some(frame.clone()),
        });
        chat.touch();
        self.outbox.push(frame);
    }

    /// Tries a transfer again whose information the destination has kept (D7).
    pub fn retry(&mut self, id: ChatId) {
        let online = self.link == Link::Online;
        let Some(chat) = self.chat_mut(id).filter(|chat| online && chat.state() == PaneState::Active) else {
            return;
        };
        let Some(attempt) = chat.attempt.as_mut().filter(|attempt| attempt.is_kept()) else { return };
        let frame = ClientFrame::RetryTransfer { chat: id, transfer: attempt.transfer };
        (attempt.stage, attempt.failure) = (None, None);
        (attempt.cancelling, attempt.asking) = (false, false);
        attempt.frame = Some(frame.clone());
        chat.ending = None;
        chat.touch();
        self.outbox.push(frame);
    }

    /// Cancels a transfer that has not arrived (A6).
    pub fn cancel_transfer(&mut self, id: ChatId) {
        let online = self.link == Link::Online;
        let Some(chat) = self.chat_mut(id) else { return };
        let Some(attempt) = chat.attempt.as_mut().filter(|attempt| attempt.is_open()) else { return };
        attempt.cancelling = true;
        let frame = ClientFrame::CancelTransfer { chat: id, transfer: attempt.transfer };
        chat.touch();
        // Without a connection it is said when the chat is shown again.
        self.outbox.extend(Some(frame).filter(|_| online));
    }
}

/// What the agent reads when the edits alone are longer than a message may be.
fn too_much() -> String {
    let kilobytes = MAX_FRAME / 1_024;
    say(
        "These edits are longer than $1 KB, which is the most. Shorten the excerpt, or leave the conversation out as a whole.",
        &[&kilobytes],
    )
}
