//! Agents: login, consoles, and what they ask for.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use baton_core::audit;
use baton_core::consult::By;
use baton_core::queue::plan::Assign;
use baton_core::queue::{self, Profile};
use baton_core::session::{self, Speaker};
use baton_core::transfer::destination;
use baton_protocol::federation::ConsultMessage;
use baton_protocol::frames::{About, Login};
use baton_protocol::model::{Destination, Presence, SharePolicy};
use baton_protocol::{
    ChatId, ClientFrame, CloseCode, ErrorCode, MessageId, ResumeToken, ServerFrame, TransferId,
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::conn::{Bound, Conn};
use super::customers::refuse;
use super::{Gateway, now};
use crate::store::{AgentRow, Change};

/// Logins that one name may attempt per minute.
const LOGINS: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// Requests that one user of the HTTP API may make per second: a console makes a few for each view.
const CALLS: NonZeroU32 = NonZeroU32::new(50).expect("not zero");

/// WTIDs that one address may get wrong per minute (threat 2).
const GUESSES: NonZeroU32 = NonZeroU32::new(5).expect("not zero");

/// Limits on trying.
pub struct Attempts {
    logins: DefaultKeyedRateLimiter<String>,
    guesses: DefaultKeyedRateLimiter<IpAddr>,
    calls: DefaultKeyedRateLimiter<String>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            logins: RateLimiter::keyed(Quota::per_minute(LOGINS)),
            guesses: RateLimiter::keyed(Quota::per_minute(GUESSES)),
            calls: RateLimiter::keyed(Quota::per_second(CALLS)),
        }
    }
}

impl Attempts {
    /// Counts a login; whether its password is looked at.
    #[must_use]
    pub fn may_log_in(&self, name: &str) -> bool {
        self.logins.check_key(&name.to_owned()).is_ok()
    }

    /// Counts a request to the HTTP API; whether it is answered.
    #[must_use]
    pub fn may_call(&self, who: &str) -> bool {
        self.calls.check_key(&who.to_owned()).is_ok()
    }

    /// Forgets who has not tried for a while.
    pub(super) fn sweep(&self) {
        self.logins.retain_recent();
        self.guesses.retain_recent();
        self.calls.retain_recent();
    }

    /// Counts a wrong WTID; whether the next one would be looked at.
    #[must_use]
    pub fn may_guess(&self, ip: IpAddr) -> bool {
        self.guesses.check_key(&ip).is_ok()
    }
}

impl Gateway {
    pub(super) async fn agent_hello(
        self: &Arc<Self>,
        conn: &Arc<Conn>,
        login: Login,
    ) -> anyhow::Result<Result<(), CloseCode>> {
        if conn.origin.as_deref().is_some_and(|origin| origin != self.config.url) {
            return Ok(Err(CloseCode::ForbiddenOrigin));
        }
        let (agent, token) = match login {
            Login::Password { name, password } => match self.log_in(&name, password.0).await? {
                Ok((agent, token)) => (Some(agent), Some(token)),
                Err(code) => {
                    refuse(conn, code);
                    (None, None)
                }
            },
            Login::Token { token } => (self.logged_in(token.digest()).await?, None),
            // Only a page of our own has it: see above.
            Login::Session {} => match conn.session.as_deref().filter(|_| conn.origin.is_some()) {
                Some(session) => (self.logged_in(*session).await?, None),
                None => (None, None),
            },
        };
        let Some(agent) = agent else { return Ok(Err(CloseCode::Unauthenticated)) };
        let login = agent.name.clone();
        self.agent_arrived(conn, agent, token);
        self.send_replies(&login).await;
        // Removed while they logged in: there was no console yet to be closed.
        let is_there = self.store.agent(&login).await?.is_some();
        Ok(is_there.then_some(()).ok_or(CloseCode::Unauthenticated))
    }

    fn agent_arrived(self: &Arc<Self>, conn: &Arc<Conn>, agent: AgentRow, token: Option<ResumeToken>) {
        let login = agent.name.clone();
        let profile = Profile {
            login: login.clone(),
            title: agent.title,
            supervisor: agent.role.supervises(),
            areas: agent.areas,
            max_chats: agent.max_chats,
            by_hand: agent.by_hand,
        };
        let assignment = self.assignment(&profile.areas, profile.by_hand);
        self.tell_queue(queue::Input::SetPresence(login.clone(), agent.presence));
        let supervisor = profile.supervisor;
        conn.bind(Bound::Agent(login.as_str().into()));
        self.tell_queue(queue::Input::Online(profile));
        let card = self.with_queue(|queue| queue.agent_card(&login, SharePolicy::All));
        let Some(agent) = card else { return conn.close(CloseCode::Internal) };
        let (server, brand) = (self.settings.server.clone(), self.settings.brand.clone());
        conn.send(&ServerFrame::AgentWelcome { agent, token, server, brand });
        conn.send(&assignment);
        self.agents.entry(login.clone()).or_default().push(conn.clone());
        self.send_lists(conn, &login);
        conn.send(&ServerFrame::Hours { areas: self.area_hours() });
        if supervisor {
            super::rescue::send_open_chats(conn, &self.open_chats());
        }
        for chat in self.with_queue(|queue| queue.chats_to_show(&login)) {
            self.tell_chat(chat, session::Input::Show(login.clone()));
        }
        for seat in self.with_queue(|queue| queue.seats_of(&login)) {
            self.tell_incoming(&seat, destination::Input::Show(login.clone()));
        }
        self.show_consults(&login);
        tracing::info!(conn = conn.id.0, %login, "agent logged in");
    }

    pub(super) fn agent_gone(self: &Arc<Self>, conn: &Arc<Conn>, login: &str) {
        let last = match self.agents.get_mut(login) {
            Some(mut consoles) => {
                consoles.retain(|other| other.id != conn.id);
                consoles.is_empty()
            }
            None => false,
        };
        if last {
            self.tell_queue(queue::Input::Offline(login.into()));
            self.expect_agent(login.into());
        }
    }

    /// Gives an agent who is not here some time to come back; then their chats go to the queue.
    pub(super) fn expect_agent(self: &Arc<Self>, login: String) {
        let gateway = Arc::downgrade(self);
        let grace = Duration::from_millis(self.settings.times.agent_grace);
        self.runtime.spawn(async move {
            tokio::time::sleep(grace).await;
            if let Some(gateway) = gateway.upgrade() {
                // The queue manager itself checks that nobody is logged in.
                gateway.tell_queue(queue::Input::Gone(login.clone()));
                if !gateway.with_queue(|queue| queue.is_online(&login)) {
                    gateway.end_consults_of(&login);
                }
            }
        });
    }

    pub(super) fn send_to_agent(&self, login: &str, frame: &ServerFrame) {
        if let Some(consoles) = self.agents.get(login) {
            consoles.iter().for_each(|conn| conn.send(frame));
        }
    }

    pub(super) async fn agent_frame(self: &Arc<Self>, conn: &Arc<Conn>, name: Arc<str>, frame: ClientFrame) {
        let login = name.to_string();
        match frame {
            ClientFrame::PickUp { chat } => self.tell_queue(queue::Input::PickUp(login, chat)),
            ClientFrame::SetPresence { presence } => self.set_presence(conn, login, presence).await,
            ClientFrame::SetByHand { on } => self.set_by_hand(conn, &login, on).await,
            ClientFrame::Inspect { chat, server } => self.inspect(conn, login, chat, server),
            ClientFrame::Transfer { transfer, chat, to, comments, share } => {
                match self.target(&login, chat, &to).await {
                    Ok(mut target) => {
                        let asked = self.was_consulted(&(self.settings.server.clone(), transfer));
                        target.consulted = asked.is_some_and(|agent| to == Destination::Agent(agent));
                        let input = session::Input::Transfer { login, transfer, target, comments, share };
                        self.tell_for(conn, chat, input);
                    }
                    Err(code) => conn.send(&ServerFrame::Refused {
                        code,
                        detail: code.to_string(),
                        about: About::Transfer(transfer),
                    }),
                }
            }
            ClientFrame::SetOutcome { chat, outcome } if !self.is_outcome(&outcome.disposition) => {
                let (code, about) = (ErrorCode::BadText, About::Chat(chat));
                conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about });
            }
            ClientFrame::Rescue { chat, to } => self.rescue_for(conn, &login, chat, to).await,
            ClientFrame::SetConfidential { chat, on } => self.set_confidential(conn, login, chat, on).await,
            ClientFrame::Attach { chat: Some(chat), id, sha256 } => {
                if self.look_at_chat(chat, |_| ()).is_none() {
                    return refuse(conn, ErrorCode::UnknownChat);
                }
                if let Err(error) = self.say_document(chat, Speaker::Agent(name), id, sha256).await {
                    tracing::error!(conn = conn.id.0, %error, "a document could not be looked up");
                    conn.close(CloseCode::Internal);
                }
            }
            ClientFrame::Watch { .. }
            | ClientFrame::Whisper { .. }
            | ClientFrame::JoinIn { .. }
            | ClientFrame::TakeOver { .. }
            | ClientFrame::SetPriority { .. }
            | ClientFrame::TeamMessage { .. } => self.supervise(conn, login, frame).await,
            ClientFrame::PutReply { .. } | ClientFrame::RemoveReply { .. } => {
                self.change_replies(conn, login, frame).await;
            }
            ClientFrame::ListClosed {} => self.list_closed(conn, &login).await,
            ClientFrame::ReadClosed { chat } => self.read_closed(conn, login, chat).await,
            // Only the console forgets it.
            ClientFrame::Dismiss { .. } => {}
            ClientFrame::Consult { transfer, chat, to, text } => {
                let message = ConsultMessage { id: MessageId(transfer.0), text };
                self.consult(conn, login, (transfer, chat), to, message);
            }
            ClientFrame::ConsultSay { transfer, id, text } => {
                self.consult_say(conn, login, transfer, ConsultMessage { id, text });
            }
            ClientFrame::ConsultEnd { transfer } => {
                self.consult_end(&By::Agent(login), transfer, ErrorCode::Cancelled);
            }
            ClientFrame::AnswerAsk { transfer, accept } => self.answer_ask(login, transfer, accept),
            ClientFrame::Say { chat: Some(chat), .. }
            | ClientFrame::Typing { chat: Some(chat), .. }
            | ClientFrame::Seen { chat: Some(chat), .. }
            | ClientFrame::End { chat: Some(chat) }
            | ClientFrame::Note { chat, .. }
            | ClientFrame::SetOutcome { chat, .. }
            | ClientFrame::CancelTransfer { chat, .. }
            | ClientFrame::RetryTransfer { chat, .. } => {
                self.tell_for(conn, chat, session::Input::Agent(name, frame));
            }
            _ => refuse(conn, ErrorCode::OutOfOrder),
        }
    }

    /// Whether an agent takes chats. It is kept: whoever is away is so still after a restart of this gateway.
    async fn set_presence(self: &Arc<Self>, conn: &Arc<Conn>, login: String, presence: Presence) {
        if let Err(error) = self.store.set_presence(&login, presence).await {
            tracing::error!(conn = conn.id.0, %error, "an agent's presence could not be kept");
            return refuse(conn, ErrorCode::Internal);
        }
        self.tell_queue(queue::Input::SetPresence(login, presence));
    }

    /// Whether an agent is given customers, or picks them up. It is kept: after the next login it is so still.
    async fn set_by_hand(self: &Arc<Self>, conn: &Arc<Conn>, login: &str, on: bool) {
        let how = if on { "picks customers up by hand" } else { "is given customers" };
        let record = audit::Record::change(now(), login, format!("agent {login}"), how);
        if let Err(error) = self.store.administer(Change::SetByHand(login.into(), on), record).await {
            tracing::error!(conn = conn.id.0, %error, "an agent's wish could not be kept");
            return refuse(conn, ErrorCode::Internal);
        }
        self.tell_queue(queue::Input::SetByHand(login.into(), on));
        let areas = self.with_queue(|queue| queue.profile(login)).map(|profile| profile.areas);
        self.send_to_agent(login, &self.assignment(&areas.unwrap_or_default(), on));
    }

    fn assignment(&self, areas: &[String], by_hand: bool) -> ServerFrame {
        let way = |area: &String| self.config.desk.plan.areas.get(area);
        let automatic = areas.iter().filter_map(way).any(|way| way.assign != Assign::ByHand);
        ServerFrame::Assignment { automatic, by_hand }
    }

    /// Whether that may come of a chat.
    fn is_outcome(&self, disposition: &str) -> bool {
        let known = &self.config.console.dispositions;
        known.is_empty() || disposition.is_empty() || known.iter().any(|word| word == disposition)
    }

    /// Who was quicker, in a sentence for whoever was not.
    pub(super) fn taken_by(&self, chat: ChatId) -> Option<String> {
        self.with_queue(|queue| {
            let mut agents = queue.agent_cards(|_| SharePolicy::All);
            let holder = agents.find(|agent| queue.chats_of(&agent.name).contains(&chat))?;
            Some(format!("{} took this customer", holder.title))
        })
    }

    /// The question was about a customer of a peer's, or about a chat of this server's.
    fn answer_ask(self: &Arc<Self>, login: String, transfer: TransferId, accept: bool) {
        let (seats, chats) = self.with_queue(|queue| (queue.seats_of(&login), queue.chats_of(&login)));
        match seats.into_iter().find(|seat| seat.1 == transfer) {
            Some(seat) => self.tell_incoming(&seat, destination::Input::Decided(login, accept)),
            // Each of them knows whether it was asked for.
            None => chats.into_iter().for_each(|chat| {
                self.tell_chat(chat, session::Input::Decided(login.clone(), transfer, accept));
            }),
        }
    }

    pub(super) fn tell_for(self: &Arc<Self>, conn: &Arc<Conn>, chat: ChatId, input: session::Input) {
        if self.look_at_chat(chat, |_| ()).is_none() {
            let code = ErrorCode::UnknownChat;
            let about = About::Chat(chat);
            return conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about });
        }
        self.tell_chat(chat, input);
    }
}
