//! Messages, notes, typing, the end.

use std::sync::Arc;

use baton_protocol::frames::About;
use baton_protocol::limits::{MAX_LABEL, MAX_TEXT, MAX_URL};
use baton_protocol::model::{Author, Body, DocumentCard, EndReason, Event};
use baton_protocol::{ClientFrame, CloseCode, ErrorCode, MessageId, Seq, ServerFrame};

use super::{Chat, Speaker, State};
use crate::effect::{ConnId, Effect, Env, Timer};
use crate::queue;
use crate::transfer::destination;
use crate::transfer::origin::Outgoing;

impl Chat {
    pub(super) fn customer(
        &mut self,
        env: &mut Env<'_>,
        conn: ConnId,
        frame: ClientFrame,
        out: &mut Vec<Effect>,
    ) {
        let chat = self.record.id;
        let refuse = |code: ErrorCode, about| {
            Effect::ToCustomer(conn, Box::new(ServerFrame::Refused { code, detail: code.to_string(), about }))
        };
        match frame {
            // Frozen: neither stored nor refused. The widget keeps it for whoever owns the chat in the end.
            ClientFrame::Say { .. } if !self.record.outgoing.serves() => {}
            ClientFrame::Say { id, text, .. } => {
                let by = Speaker::Customer(conn);
                if let Err(code) = self.say(env, by, Author::Customer, id, Body::Text(text), out) {
                    out.push(refuse(code, About::Message(id)));
                }
            }
            ClientFrame::Typing { on, .. } => self.to_readers(ServerFrame::Typing { chat, on }, out),
            ClientFrame::Preview { text } => self.preview(env, text, out),
            ClientFrame::Seen { seq, .. } => self.to_agent(ServerFrame::Seen { chat, seq }, out),
            ClientFrame::Browsed { page } if page.url.len() <= MAX_URL && page.title.len() <= MAX_LABEL => {
                self.record.page = Some(page);
                self.visited_page(env.now);
                self.save(out);
                self.card_changed(out);
                self.tell_marks(out);
            }
            ClientFrame::ChooseArea { area } if env.settings.area_title(&area).is_none() => {
                out.push(refuse(ErrorCode::UnknownArea, About::Connection));
            }
            ClientFrame::ChooseArea { area } => self.overflow(env, area, out),
            ClientFrame::Correct { known } => self.correct(env, known, out),
            ClientFrame::End { .. } => self.end(env, EndReason::Customer, out),
            ClientFrame::Following { transfer } => self.following(transfer, out),
            ClientFrame::Declined { transfer } => self.declined(env, transfer, out),
            ClientFrame::Reclaim { transfer, epoch } => {
                if epoch.checked_sub(self.record.epoch) == Some(2) && self.is_reclaimable(Some(transfer)) {
                    self.reclaim(env, epoch, None, out);
                } else {
                    out.push(refuse(ErrorCode::OutOfOrder, About::Transfer(transfer)));
                }
            }
            ClientFrame::Accept { transfer } => {
                if self.record.came.as_ref().is_some_and(|came| came.transfer == transfer) {
                    self.tell_incoming(destination::Input::Accepted, out);
                }
            }
            _ => out.push(refuse(ErrorCode::OutOfOrder, About::Connection)),
        }
    }

    pub(super) fn agent(
        &mut self,
        env: &mut Env<'_>,
        login: &Arc<str>,
        frame: ClientFrame,
        out: &mut Vec<Effect>,
    ) {
        let chat = self.record.id;
        if self.agent_login() != Some(login) {
            if self.guest(env, login, &frame, out) {
                return;
            }
            return self.refuse_agent(login, ErrorCode::UnknownChat, About::Chat(chat), out);
        }
        match frame {
            ClientFrame::Say { id, text, .. } => self.agent_says(env, login, id, Body::Text(text), out),
            ClientFrame::Note { id, text, .. } => self.agent_says(env, login, id, Body::Note(text), out),
            ClientFrame::Typing { on, .. } => self.to_customer(ServerFrame::Typing { chat, on }, out),
            ClientFrame::Seen { seq, .. } => self.to_customer(ServerFrame::Seen { chat, seq }, out),
            ClientFrame::End { .. } if !self.record.outgoing.serves() => {
                self.refuse_agent(login, ErrorCode::TransferUnderWay, About::Chat(chat), out);
            }
            ClientFrame::End { .. } => self.end(env, EndReason::Agent, out),
            ClientFrame::SetOutcome { outcome, .. } => self.set_outcome(login, outcome, out),
            ClientFrame::CancelTransfer { transfer, .. } => self.cancel(env, transfer, out),
            ClientFrame::RetryTransfer { transfer, .. } => self.retry(env, login, transfer, out),
            _ => self.refuse_agent(login, ErrorCode::OutOfOrder, About::Chat(chat), out),
        }
    }

    fn agent_says(
        &mut self,
        env: &mut Env<'_>,
        login: &Arc<str>,
        id: MessageId,
        body: Body,
        out: &mut Vec<Effect>,
    ) {
        let State::Active { title, .. } = &self.record.state else { return };
        let author = Author::Agent(title.clone());
        self.said_by(env, login.clone(), author, (id, body), out);
    }

    /// Somebody of this server says something, and reads that it is stored.
    pub(super) fn said_by(
        &mut self,
        env: &mut Env<'_>,
        login: Arc<str>,
        author: Author,
        (id, body): (MessageId, Body),
        out: &mut Vec<Effect>,
    ) {
        let mailed = match &body {
            Body::Text(text) if self.record.visitor.left_message && self.find(&id).is_none() => {
                Some(text.clone())
            }
            _ => None,
        };
        let said = if self.record.outgoing.serves() {
            self.say(env, Speaker::Agent(login.clone()), author, id, body, out)
        } else {
            Err(ErrorCode::TransferUnderWay)
        };
        match said {
            Ok(()) => mailed.into_iter().for_each(|text| self.mail(&text, out)),
            Err(code) => self.refuse_agent(&login, code, About::Message(id), out),
        }
    }

    /// Stores what was said, unless it is stored already, and answers it.
    fn say(
        &mut self,
        env: &mut Env<'_>,
        by: Speaker,
        author: Author,
        id: MessageId,
        body: Body,
        out: &mut Vec<Effect>,
    ) -> Result<(), ErrorCode> {
        if let Some(seq) = self.find(&id).map(|entry| entry.seq) {
            self.acknowledge(by, id, seq, out);
            return Ok(());
        }
        if self.context.as_ref().is_some_and(|context| context.transcript.iter().any(|entry| entry.id == id))
        {
            // It was stored by the server that the chat came from, whose acknowledgement was lost.
            self.acknowledge(by, id, 0, out);
            return Ok(());
        }
        if matches!(self.record.state, State::Ended(_)) {
            return Err(ErrorCode::ChatOver);
        }
        match &body {
            Body::Text(text) | Body::Note(text) if text.trim().is_empty() || text.len() > MAX_TEXT => {
                return Err(ErrorCode::BadText);
            }
            Body::Event(_) => return Err(ErrorCode::OutOfOrder),
            Body::Text(_) | Body::Note(_) | Body::Document(_) => {}
        }
        if self.last_seq() >= env.settings.max_entries {
            return Err(ErrorCode::ChatFull);
        }
        self.append(env, id, author, body, Some(by), out);
        Ok(())
    }

    /// Like a message, where the document was uploaded for this chat by whoever says it.
    pub(super) fn say_document(
        &mut self,
        env: &mut Env<'_>,
        by: Speaker,
        id: MessageId,
        sha256: &str,
        card: Option<DocumentCard>,
        out: &mut Vec<Effect>,
    ) {
        let conn = match by {
            Speaker::Agent(login) => match card {
                _ if self.agent_login() != Some(&login) => {
                    let about = About::Chat(self.record.id);
                    return self.refuse_agent(&login, ErrorCode::UnknownChat, about, out);
                }
                Some(card) => return self.agent_says(env, &login, id, Body::Document(card), out),
                None => {
                    return self.refuse_agent(&login, ErrorCode::UnknownDocument, About::Message(id), out);
                }
            },
            Speaker::Customer(conn) => conn,
        };
        if self.conn != Some(conn) || !self.record.outgoing.serves() {
            return;
        }
        let by = Speaker::Customer(conn);
        let mut prior = self.context.iter().flat_map(|context| &context.documents);
        let said = match card {
            Some(card) => self.say(env, by, Author::Customer, id, Body::Document(card), out),
            // Stored by the server that the chat came from, whose acknowledgement was lost.
            None if prior.any(|document| document.sha256 == sha256) => {
                self.acknowledge(by, id, 0, out);
                Ok(())
            }
            None => Err(ErrorCode::UnknownDocument),
        };
        if let Err(code) = said {
            let frame = ServerFrame::Refused { code, detail: code.to_string(), about: About::Message(id) };
            out.push(Effect::ToCustomer(conn, Box::new(frame)));
        }
    }

    /// Answers what was stored before.
    fn acknowledge(&self, by: Speaker, id: MessageId, seq: Seq, out: &mut Vec<Effect>) {
        let place = self.entries.binary_search_by_key(&seq, |entry| entry.seq);
        let at = place.map(|place| self.entries[place].at).unwrap_or_default();
        let frame = ServerFrame::Stored { chat: self.record.id, id, seq, at };
        out.push(match by {
            Speaker::Customer(conn) => Effect::ToCustomer(conn, Box::new(frame)),
            Speaker::Agent(login) => Effect::ToAgent(login.to_string(), Box::new(frame)),
        });
    }

    /// Ends the chat (M4).
    pub(super) fn end(&mut self, env: &mut Env<'_>, reason: EndReason, out: &mut Vec<Effect>) {
        if matches!(self.record.state, State::Ended(_)) || !self.record.outgoing.serves() {
            return;
        }
        if self.is_led() {
            self.withdraw(false, out);
        } else if !matches!(self.record.outgoing, Outgoing::Owned) {
            self.abort(env, ErrorCode::ChatOver, String::new(), out);
        }
        self.drop_placing(env, ErrorCode::ChatOver, out);
        self.happened(env, Event::Ended(reason.clone()), out);
        let before = std::mem::replace(&mut self.record.state, State::Ended(reason));
        self.save(out);
        self.to_customer(ServerFrame::PhaseChanged { chat: self.record.id, phase: self.phase() }, out);
        match before {
            State::Active { login, .. } => {
                let card = self.card();
                let readers =
                    self.watchers.iter().map(|watcher| watcher.who.login.clone()).chain([login.clone()]);
                out.extend(readers.map(|reader| {
                    Effect::ToAgent(reader, Box::new(ServerFrame::CardChanged { card: card.clone() }))
                }));
                out.push(Effect::Queue(Box::new(queue::Input::Free(login, self.record.id))));
            }
            _ => out.push(Effect::Queue(Box::new(queue::Input::Leave(self.record.id)))),
        }
        out.push(Effect::ClearTimer(Timer::Away));
        out.extend(self.conn.take().map(|conn| Effect::CloseCustomer(conn, CloseCode::Ended)));
    }
}
