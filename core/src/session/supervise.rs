//! Supervisors: they follow a chat, whisper to its agent, take part in it, take it over, and say how urgent it is.
//!
//! Whoever calls has checked the role. Followers live in memory alone: they change nothing of the chat.

use baton_protocol::frames::About;
use baton_protocol::model::{Author, Body, Destination, Entry, Event, Share};
use baton_protocol::{ClientFrame, ErrorCode, MessageId, ServerFrame, TransferId};

use super::attach::in_frames;
use super::serve::OPENED_BYTES;
use super::{Chat, State, Target};
use crate::effect::{Effect, Env};
use crate::policy::{self, Bounds, Class, json_length};
use crate::queue;

/// Supervisors who may follow one chat at once: more would be a meeting.
const MOST: usize = 8;

/// Who supervises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisor {
    /// Login name.
    pub login: String,
    /// The name that customers see.
    pub title: String,
}

/// What they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supervision {
    /// Follow the chat, or stop.
    Watch(bool),
    /// Read it once; it is over.
    Read,
    /// A note for its agent.
    Whisper(MessageId, String),
    /// Take part.
    Join,
    /// Have it.
    TakeOver,
    /// How urgent it is.
    Priority(u8),
}

/// A supervisor who follows the chat.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) who: Supervisor,
    /// They take part: the customer has seen them come.
    joined: bool,
}

impl Chat {
    pub(super) fn supervise(
        &mut self,
        env: &mut Env<'_>,
        who: Supervisor,
        what: Supervision,
        out: &mut Vec<Effect>,
    ) {
        match what {
            Supervision::Watch(on) => self.watch(who, on, out),
            Supervision::Read => self.show_to(&who.login, false, out),
            Supervision::Whisper(id, text) => self.whisper(env, &who, id, text, out),
            Supervision::Join => self.join(env, &who, out),
            Supervision::TakeOver => self.take_over(env, who, out),
            Supervision::Priority(priority) => self.set_priority(env, priority, out),
        }
    }

    fn watch(&mut self, who: Supervisor, on: bool, out: &mut Vec<Effect>) {
        let known = self.watchers.iter().position(|watcher| watcher.who.login == who.login);
        match (known, on) {
            (Some(at), false) => {
                self.watchers.remove(at);
            }
            (None, false) => {}
            (Some(at), true) => self.show_to(&who.login, self.watchers[at].joined, out),
            (None, true) if self.watchers.len() >= MOST => {
                self.refuse_agent(&who.login, ErrorCode::TooManyAttempts, About::Chat(self.record.id), out);
            }
            (None, true) => {
                self.show_to(&who.login, false, out);
                self.watchers.push(Watcher { who, joined: false });
            }
        }
    }

    /// The whole of it, as this server has it.
    fn show_to(&self, login: &str, joined: bool, out: &mut Vec<Effect>) {
        let (chat, card) = (self.record.id, self.card());
        let agent = match &self.record.state {
            State::Active { title, .. } => title.clone(),
            _ => String::new(),
        };
        let room = OPENED_BYTES.saturating_sub(json_length(&card) + agent.len());
        let context = self.context.as_ref().map(|context| policy::newest_part(context, room));
        let mut send = |frame| out.push(Effect::ToAgent(login.into(), Box::new(frame)));
        send(ServerFrame::Watched { card, context, agent, joined });
        send(self.marks_frame());
        in_frames(chat, self.entries.iter().map(|entry| Entry::clone(entry))).into_iter().for_each(send);
    }

    fn whisper(
        &mut self,
        env: &mut Env<'_>,
        who: &Supervisor,
        id: MessageId,
        text: String,
        out: &mut Vec<Effect>,
    ) {
        let author = Author::Agent(who.title.clone());
        self.said_by(env, who.login.as_str().into(), author, (id, Body::Note(text)), out);
    }

    fn join(&mut self, env: &mut Env<'_>, who: &Supervisor, out: &mut Vec<Effect>) {
        let active = matches!(self.record.state, State::Active { .. }) && self.record.outgoing.serves();
        let watcher = self.watchers.iter_mut().find(|watcher| watcher.who.login == who.login);
        let Some(watcher) = watcher.filter(|_| active) else {
            return self.refuse_agent(&who.login, ErrorCode::OutOfOrder, About::Chat(self.record.id), out);
        };
        if !std::mem::replace(&mut watcher.joined, true) {
            self.happened(env, Event::Joined { agent: who.title.clone() }, out);
        }
    }

    /// Whether a supervisor who takes part says this; then it is done.
    pub(super) fn guest(
        &mut self,
        env: &mut Env<'_>,
        login: &str,
        frame: &ClientFrame,
        out: &mut Vec<Effect>,
    ) -> bool {
        let guest = self.watchers.iter().find(|watcher| watcher.joined && watcher.who.login == login);
        let Some(title) = guest.map(|watcher| watcher.who.title.clone()) else { return false };
        let (id, body) = match frame {
            ClientFrame::Say { id, text, .. } => (*id, Body::Text(text.clone())),
            ClientFrame::Note { id, text, .. } => (*id, Body::Note(text.clone())),
            ClientFrame::Typing { on, .. } => {
                self.to_customer(ServerFrame::Typing { chat: self.record.id, on: *on }, out);
                return true;
            }
            ClientFrame::Seen { .. } => return true,
            _ => return false,
        };
        self.said_by(env, login.into(), Author::Agent(title), (id, body), out);
        true
    }

    fn take_over(&mut self, env: &mut Env<'_>, who: Supervisor, out: &mut Vec<Effect>) {
        let (chat, about) = (self.record.id, About::Chat(self.record.id));
        match &self.record.state {
            State::Waiting { .. } => out.push(Effect::Queue(Box::new(queue::Input::PickUp(who.login, chat)))),
            State::Active { login, .. } if *login == who.login => {}
            State::Active { .. } if self.record.outgoing.serves() && !self.is_led() => {
                self.abort(env, ErrorCode::Cancelled, "a supervisor takes the chat over".into(), out);
                if self.placing.is_some() {
                    self.not_taken(env, ErrorCode::Cancelled, out);
                }
                let target = Target {
                    destination: Destination::Agent(who.login.clone()),
                    title: who.title,
                    class: Class::SameDepartment,
                    navigate: false,
                    bounds: Bounds::default(),
                    denied: None,
                    consulted: true,
                };
                let (place, transfer) = (queue::Target::Agent(who.login), TransferId(env.bytes()));
                self.place(transfer, target, place, String::new(), Share::All, out);
            }
            State::Active { .. } => self.refuse_agent(&who.login, ErrorCode::TransferUnderWay, about, out),
            State::Ended(_) => self.refuse_agent(&who.login, ErrorCode::ChatOver, about, out),
        }
    }

    fn set_priority(&mut self, env: &Env<'_>, priority: u8, out: &mut Vec<Effect>) {
        self.record.priority = priority.min(9);
        self.save(out);
        self.tell_marks(out);
        self.enqueue(env, out);
    }

    /// An agent has it now: who it is may read it later, and need not follow it any more.
    pub(super) fn served_by(&mut self, login: &str) {
        self.watchers.retain(|watcher| watcher.who.login != login);
        if !self.record.served.iter().any(|served| served == login) {
            self.record.served.push(login.into());
        }
    }
}
