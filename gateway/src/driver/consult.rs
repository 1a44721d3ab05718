//! Side conversations: who is asked, and the way between the servers. The conversation itself is
//! [`baton_core::consult`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_core::consult::{By, Consult, Output, Party};
use baton_core::effect::{Answer, CallError, CallRequest};
use baton_core::queue::Profile;
use baton_protocol::federation::{
    ConsultEnd, ConsultMessage, ConsultRequest, Consulted, Denial, PermissionRequest,
};
use baton_protocol::frames::About;
use baton_protocol::model::{Destination, SharePolicy};
use baton_protocol::{ChatId, ErrorCode, ServerFrame, TransferId};
use parking_lot::Mutex;

use super::Gateway;
use super::conn::Conn;
use super::customers::cut;
use crate::federation::Peer;
use crate::federation::inbound::{RETRY_SECONDS, deny};

/// Side conversations that an agent, or a peer's agents together, may have at once.
const AT_ONCE: (usize, usize) = (10, 50);

/// A side conversation in which nothing is said for this long is over.
const SILENCE: Duration = Duration::from_secs(30 * 60);

/// The other side's server name (our own, if both agents are ours), and the id.
pub type Name = (String, TransferId);

/// A side conversation in memory.
pub struct Kept {
    consult: Mutex<Consult>,
    used: Mutex<Instant>,
}

/// Why something was refused, and in a sentence.
type Refusal = (ErrorCode, String);

fn refusal(code: ErrorCode) -> Refusal {
    (code, code.to_string())
}

impl Gateway {
    /// An agent asks somebody of the destination.
    pub(super) fn consult(
        self: &Arc<Self>,
        conn: &Arc<Conn>,
        login: String,
        (transfer, chat): (TransferId, ChatId),
        to: Destination,
        message: ConsultMessage,
    ) {
        let (gateway, conn) = (self.clone(), conn.clone());
        self.runtime.spawn(async move {
            let begun = gateway.begin_consult(&login, (transfer, chat), to, message).await;
            if let Err((code, detail)) = begun {
                conn.send(&ServerFrame::Refused { code, detail, about: About::Transfer(transfer) });
            }
        });
    }

    async fn begin_consult(
        self: &Arc<Self>,
        login: &str,
        (transfer, chat): (TransferId, ChatId),
        to: Destination,
        message: ConsultMessage,
    ) -> Result<(), Refusal> {
        let me = By::Agent(login.into());
        if self.consults_of(&me).len() >= AT_ONCE.0 {
            return Err(refusal(ErrorCode::TooManyAttempts));
        }
        self.permitted(login, chat, &to).await?;
        let card = self.with_queue(|queue| queue.agent_card(login, SharePolicy::All));
        let title = card.map_or_else(|| login.to_owned(), |card| card.title);
        let asking = Party { by: me.clone(), title, at: self.settings.brand.name.clone() };
        let (name, asked) = match to {
            Destination::Server { server, area } => {
                let (server, asked) =
                    self.ask_there(&asking, login, chat, transfer, (&server, area), message.clone()).await?;
                (server, asked)
            }
            Destination::Agent(_) | Destination::Area(_) => {
                let agent = self.ask_here(&to, login)?;
                (self.settings.server.clone(), self.party(agent))
            }
        };
        let there = matches!(asked.by, By::Peer(_));
        let consult = Consult::new(transfer, Some(chat), asking, asked);
        let kept =
            self.keep_consult((name, transfer), consult).ok_or_else(|| refusal(ErrorCode::Cancelled))?;
        let mut out = Vec::new();
        let said = {
            let mut consult = kept.consult.lock();
            consult.announce(&mut out);
            if there {
                consult.passed(&me, message, &mut out);
                Ok(())
            } else {
                consult.say(&me, message, &mut out)
            }
        };
        self.carry_out(&kept, transfer, &me, out);
        said.map_err(refusal)
    }

    fn ask_here(&self, to: &Destination, login: &str) -> Result<Profile, Refusal> {
        self.with_queue(|queue| {
            let name = match to {
                Destination::Agent(name) => Some(name.clone()).filter(|name| queue.is_online(name)),
                Destination::Area(area) => queue.idlest(area, &[login.to_owned()]),
                Destination::Server { .. } => None,
            };
            let other =
                name.filter(|name| name != login).ok_or_else(|| refusal(ErrorCode::AgentUnavailable))?;
            queue.profile(&other).ok_or_else(|| refusal(ErrorCode::AgentUnavailable))
        })
    }

    fn party(&self, agent: Profile) -> Party {
        Party { by: By::Agent(agent.login), title: agent.title, at: self.settings.brand.name.clone() }
    }

    async fn ask_there(
        &self,
        asking: &Party,
        login: &str,
        chat: ChatId,
        transfer: TransferId,
        (server, area): (&str, Option<String>),
        message: ConsultMessage,
    ) -> Result<(String, Party), Refusal> {
        let failed = |error: CallError| (error.code(), error.detail());
        let peer = self.federation.peer(server).await.ok_or_else(|| refusal(ErrorCode::UnknownServer))?;
        let visited = self.look_at_chat(chat, |chat| self.with_env(|env| chat.visited(env)));
        let request =
            PermissionRequest { agent: login.into(), visited: visited.unwrap_or_default(), overload: false };
        let answer = self.federation.ask(server, Some(transfer), &CallRequest::Permission(request)).await;
        let Answer::Permission(permission) = answer.map_err(failed)? else {
            return Err(refusal(ErrorCode::BadAnswer));
        };
        let (agent, title) = (login.to_owned(), asking.title.clone());
        let request = ConsultRequest { transfer, code: permission.code, area, agent, title, message };
        let consulted: Consulted =
            self.federation.tell(&peer, "consultations", &request).await.map_err(failed)?;
        let by = By::Peer(peer.name.clone());
        Ok((peer.name.clone(), Party { by, title: cut(consulted.title), at: peer.title.clone() }))
    }

    /// A peer's agent asks one of ours. Its permission has been checked.
    ///
    /// # Errors
    /// That nobody is free, or too much is asked.
    pub fn consulted(
        self: &Arc<Self>,
        peer: &Peer,
        area: &str,
        request: ConsultRequest,
    ) -> Result<Consulted, Denial> {
        let name = (peer.name.clone(), request.transfer);
        let by = By::Peer(peer.name.clone());
        if let Some(known) = self.consults.get(&name) {
            // The same request again: the first answer was lost.
            let agent = known.consult.lock().asked_agent().map(str::to_owned);
            let agent = agent.and_then(|login| self.with_queue(|queue| queue.profile(&login)));
            let agent = agent.ok_or_else(|| deny(ErrorCode::Denied, ""))?;
            return Ok(Consulted { title: agent.title });
        }
        if self.consults_of(&by).len() >= AT_ONCE.1 {
            return Err(deny(ErrorCode::TooManyAttempts, ""));
        }
        let free = self.with_queue(|queue| queue.idlest(area, &[]).and_then(|login| queue.profile(&login)));
        let agent = free
            .ok_or_else(|| Denial { retry_after: Some(RETRY_SECONDS), ..deny(ErrorCode::NoAgentFree, "") })?;
        let title = agent.title.clone();
        let asking = Party { by: by.clone(), title: cut(request.title), at: peer.title.clone() };
        let consult = Consult::new(request.transfer, None, asking, self.party(agent));
        let kept = self.keep_consult(name, consult).ok_or_else(|| deny(ErrorCode::Denied, ""))?;
        let mut out = Vec::new();
        let said = {
            let mut consult = kept.consult.lock();
            consult.announce(&mut out);
            consult.say(&by, request.message, &mut out)
        };
        self.carry_out(&kept, request.transfer, &by, out);
        said.map(|()| Consulted { title }).map_err(|code| deny(code, ""))
    }

    fn keep_consult(&self, name: Name, consult: Consult) -> Option<Arc<Kept>> {
        let kept = Arc::new(Kept { consult: Mutex::new(consult), used: Mutex::new(Instant::now()) });
        match self.consults.entry(name) {
            dashmap::Entry::Occupied(_) => None,
            dashmap::Entry::Vacant(vacant) => {
                vacant.insert(kept.clone());
                Some(kept)
            }
        }
    }

    fn consults_of(&self, by: &By) -> Vec<(TransferId, Arc<Kept>)> {
        let all: Vec<_> = self.consults.iter().map(|kept| (kept.key().1, kept.value().clone())).collect();
        all.into_iter()
            .filter(|(_, kept)| {
                let consult = kept.consult.lock();
                consult.has(by) && !consult.is_over()
            })
            .collect()
    }

    /// One of our agents says something in a side conversation.
    pub(super) fn consult_say(
        self: &Arc<Self>,
        conn: &Arc<Conn>,
        login: String,
        transfer: TransferId,
        message: ConsultMessage,
    ) {
        let (by, id) = (By::Agent(login), message.id);
        let known = self.consults_of(&by).into_iter().find(|(known, _)| *known == transfer);
        let said = match known {
            Some((_, kept)) => self.say_in(&kept, transfer, &by, message),
            None => Err(ErrorCode::ChatOver),
        };
        if let Err(code) = said {
            let about = About::Message(id);
            conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about });
        }
    }

    fn say_in(
        self: &Arc<Self>,
        kept: &Arc<Kept>,
        transfer: TransferId,
        by: &By,
        message: ConsultMessage,
    ) -> Result<(), ErrorCode> {
        let mut out = Vec::new();
        *kept.used.lock() = Instant::now();
        let said = kept.consult.lock().say(by, message, &mut out);
        self.carry_out(kept, transfer, by, out);
        said
    }

    /// A peer passes a message on.
    ///
    /// # Errors
    /// Why it was not said.
    pub fn consult_heard(
        self: &Arc<Self>,
        peer: &str,
        transfer: TransferId,
        message: ConsultMessage,
    ) -> Result<(), ErrorCode> {
        let name = (peer.to_owned(), transfer);
        let kept = self.consults.get(&name).map(|kept| kept.clone()).ok_or(ErrorCode::UnknownChat)?;
        self.say_in(&kept, transfer, &By::Peer(peer.into()), message)
    }

    /// One side ends a side conversation, or nobody is there any more.
    pub fn consult_end(self: &Arc<Self>, by: &By, transfer: TransferId, why: ErrorCode) {
        for (_, kept) in self.consults_of(by).into_iter().filter(|(known, _)| *known == transfer) {
            self.end_consult(&kept, transfer, Some(by), why);
        }
    }

    fn end_consult(
        self: &Arc<Self>,
        kept: &Arc<Kept>,
        transfer: TransferId,
        by: Option<&By>,
        why: ErrorCode,
    ) {
        let mut out = Vec::new();
        kept.consult.lock().end(by, why, &mut out);
        let nobody = By::Agent(String::new());
        self.carry_out(kept, transfer, by.unwrap_or(&nobody), out);
    }

    /// An agent has been away for too long.
    pub(super) fn end_consults_of(self: &Arc<Self>, login: &str) {
        let by = By::Agent(login.into());
        for (transfer, kept) in self.consults_of(&by) {
            self.end_consult(&kept, transfer, Some(&by), ErrorCode::AgentUnavailable);
        }
    }

    /// Shows an agent's side conversations to a console of theirs that has come.
    pub(super) fn show_consults(self: &Arc<Self>, login: &str) {
        let by = By::Agent(login.into());
        for (transfer, kept) in self.consults_of(&by) {
            let mut out = Vec::new();
            kept.consult.lock().show(login, &mut out);
            self.carry_out(&kept, transfer, &by, out);
        }
    }

    /// The agent of ours who was asked before this transfer, by login name.
    pub(super) fn was_consulted(&self, name: &Name) -> Option<String> {
        let kept = self.consults.get(name).map(|kept| kept.clone())?;
        let consult = kept.consult.lock();
        consult.asked_agent().map(str::to_owned)
    }

    pub(super) fn sweep_consults(self: &Arc<Self>) {
        let all: Vec<_> = self.consults.iter().map(|kept| (kept.key().1, kept.value().clone())).collect();
        for (transfer, kept) in all {
            let silent = kept.used.lock().elapsed() > SILENCE;
            if silent {
                self.end_consult(&kept, transfer, None, ErrorCode::Cancelled);
            }
        }
        // One that is over is kept for a while: a transfer to the agent who was asked may follow.
        let old = |kept: &Arc<Kept>| kept.consult.lock().is_over() && kept.used.lock().elapsed() > SILENCE;
        self.consults.retain(|_, kept| !old(kept));
    }

    fn carry_out(self: &Arc<Self>, kept: &Arc<Kept>, transfer: TransferId, by: &By, out: Vec<Output>) {
        for output in out {
            match output {
                Output::ToAgent(login, frame) => self.send_to_agent(&login, &frame),
                Output::Pass(peer, message) => self.pass(kept, (peer, transfer), by, message),
                Output::End(peer) => {
                    let gateway = self.clone();
                    self.runtime.spawn(async move {
                        // It ends there by itself, too, when nobody says anything.
                        let _ = gateway
                            .tell_peer(&peer, &format!("consultations/{transfer}/end"), &ConsultEnd {})
                            .await;
                    });
                }
            }
        }
    }

    /// Passes a message on; its writer sees it as said when the other side's server has it.
    fn pass(self: &Arc<Self>, kept: &Arc<Kept>, (peer, transfer): Name, by: &By, message: ConsultMessage) {
        let (gateway, kept, by) = (self.clone(), kept.clone(), by.clone());
        self.runtime.spawn(async move {
            let path = format!("consultations/{transfer}/messages");
            let mut out = Vec::new();
            match gateway.tell_peer(&peer, &path, &message).await {
                Ok(()) => kept.consult.lock().passed(&by, message, &mut out),
                Err(error) => {
                    if let By::Agent(login) = &by {
                        let (code, detail) = (error.code(), error.detail());
                        let about = About::Message(message.id);
                        gateway.send_to_agent(login, &ServerFrame::Refused { code, detail, about });
                    }
                    if error.is_final() {
                        let other = By::Peer(peer);
                        kept.consult.lock().end(Some(&other), ErrorCode::ChatOver, &mut out);
                    }
                }
            }
            gateway.carry_out(&kept, transfer, &by, out);
        });
    }

    async fn tell_peer(&self, peer: &str, path: &str, body: &impl serde::Serialize) -> Result<(), CallError> {
        let peer = self.federation.peer(peer).await.ok_or(CallError::UnknownServer)?;
        self.federation.tell::<serde_json::Value>(&peer, path, body).await.map(drop)
    }
}
