//! Agents: login, consoles, and what they ask for.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use argon2::{Argon2, PasswordHash, PasswordVerifier};
use baton_core::effect::CallRequest;
use baton_core::policy::Class;
use baton_core::queue::{self, Profile};
use baton_core::session::{self, Target};
use baton_protocol::federation::PermissionRequest;
use baton_protocol::frames::{About, Login, PeerOffer};
use baton_protocol::model::{Destination, SharePolicy};
use baton_protocol::{ChatId, ClientFrame, CloseCode, ErrorCode, ResumeToken, ServerFrame};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::conn::{Bound, Conn};
use super::customers::refuse;
use super::{Gateway, now, random};
use crate::store::{AgentRow, Role};

/// Logins that one name may attempt per minute.
const LOGINS: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// WTIDs that one address may get wrong per minute (threat 2).
const GUESSES: NonZeroU32 = NonZeroU32::new(5).expect("not zero");

/// How long an agent's token lasts, in milliseconds: a working day.
const TOKEN_LIFE: u64 = 12 * 60 * 60 * 1_000;

/// Limits on trying.
pub struct Attempts {
    logins: DefaultKeyedRateLimiter<String>,
    guesses: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            logins: RateLimiter::keyed(Quota::per_minute(LOGINS)),
            guesses: RateLimiter::keyed(Quota::per_minute(GUESSES)),
        }
    }
}

impl Attempts {
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
        if conn.origin.as_ref().is_some_and(|origin| *origin != self.config.origin()) {
            return Ok(Err(CloseCode::ForbiddenOrigin));
        }
        let (agent, token) = match login {
            Login::Password { name, password } => {
                if self.attempts.logins.check_key(&name).is_err() {
                    refuse(conn, ErrorCode::TooManyAttempts);
                    return Ok(Err(CloseCode::Unauthenticated));
                }
                let agent = self.store.agent(&name).await?;
                let Some(agent) = check_password(agent, password.0).await? else {
                    refuse(conn, ErrorCode::WrongPassword);
                    return Ok(Err(CloseCode::Unauthenticated));
                };
                let token = ResumeToken::from_bytes(random());
                self.store.put_agent_token(token.digest(), &agent.name, now().plus(TOKEN_LIFE)).await?;
                (agent, Some(token))
            }
            Login::Token { token } => {
                let Some(name) = self.store.agent_by_token(token.digest(), now()).await? else {
                    return Ok(Err(CloseCode::Unauthenticated));
                };
                let Some(agent) = self.store.agent(&name).await? else {
                    return Ok(Err(CloseCode::Unauthenticated));
                };
                (agent, None)
            }
        };
        self.agent_arrived(conn, agent, token);
        Ok(Ok(()))
    }

    fn agent_arrived(self: &Arc<Self>, conn: &Arc<Conn>, agent: AgentRow, token: Option<ResumeToken>) {
        let login = agent.name.clone();
        let profile = Profile {
            login: login.clone(),
            title: agent.title,
            supervisor: agent.role == Role::Supervisor,
            areas: agent.areas,
            max_chats: agent.max_chats,
        };
        conn.bind(Bound::Agent(login.clone()));
        self.tell_queue(queue::Input::Online(profile));
        let card = self.with_queue(|queue| queue.agent_card(&login, SharePolicy::All));
        let Some(agent) = card else { return conn.close(CloseCode::Internal) };
        let (server, brand) = (self.settings.server.clone(), self.settings.brand.clone());
        conn.send(&ServerFrame::AgentWelcome { agent, token, server, brand });
        self.agents.entry(login.clone()).or_default().push(conn.clone());
        self.send_lists(conn, &login);
        for chat in self.with_queue(|queue| queue.chats_of(&login)) {
            self.tell_chat(chat, session::Input::Show(login.clone()));
        }
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
                gateway.tell_queue(queue::Input::Gone(login));
            }
        });
    }

    pub(super) fn send_to_agent(&self, login: &str, frame: &ServerFrame) {
        if let Some(consoles) = self.agents.get(login) {
            consoles.iter().for_each(|conn| conn.send(frame));
        }
    }

    pub(super) async fn agent_frame(self: &Arc<Self>, conn: &Arc<Conn>, login: String, frame: ClientFrame) {
        match frame {
            ClientFrame::PickUp { chat } => self.tell_queue(queue::Input::PickUp(login, chat)),
            ClientFrame::SetPresence { presence } => {
                self.tell_queue(queue::Input::SetPresence(login, presence));
            }
            ClientFrame::Inspect { chat, server } => self.inspect(conn, login, chat, server),
            ClientFrame::Transfer { transfer, chat, to, comments, share } => {
                match self.target(chat, &to).await {
                    Ok(target) => {
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
            // Only the console forgets it.
            ClientFrame::Dismiss { .. } => {}
            ClientFrame::Say { chat: Some(chat), .. }
            | ClientFrame::Typing { chat: Some(chat), .. }
            | ClientFrame::Seen { chat: Some(chat), .. }
            | ClientFrame::End { chat: Some(chat) }
            | ClientFrame::Note { chat, .. }
            | ClientFrame::CancelTransfer { chat, .. } => {
                self.tell_for(conn, chat, session::Input::Agent(login, frame));
            }
            _ => refuse(conn, ErrorCode::OutOfOrder),
        }
    }

    fn tell_for(self: &Arc<Self>, conn: &Conn, chat: ChatId, input: session::Input) {
        if self.look_at_chat(chat, |_| ()).is_none() {
            let code = ErrorCode::UnknownChat;
            let about = About::Chat(chat);
            return conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about });
        }
        self.tell_chat(chat, input);
    }

    /// What this server knows of the place that an agent named.
    async fn target(&self, chat: ChatId, to: &Destination) -> Result<Target, ErrorCode> {
        let area = self.look_at_chat(chat, |chat| chat.record.area.clone()).ok_or(ErrorCode::UnknownChat)?;
        let near = |same: bool| if same { Class::SameDepartment } else { Class::SameCompany };
        let (title, class, navigate) = match to {
            Destination::Area(name) => {
                let title = self.settings.area_title(name).ok_or(ErrorCode::UnknownArea)?;
                (title.to_owned(), near(*name == area), false)
            }
            Destination::Agent(name) => {
                let card = self.with_queue(|queue| queue.agent_card(name, SharePolicy::All));
                let card = card.ok_or(ErrorCode::AgentUnavailable)?;
                (card.title, near(card.areas.contains(&area)), false)
            }
            Destination::Server { server, .. } => {
                let peer = self.federation.peer(server).await.ok_or(ErrorCode::UnknownServer)?;
                (peer.title.clone(), peer.class(), peer.navigates())
            }
        };
        Ok(Target { destination: to.clone(), title, class, navigate })
    }

    /// Asks a peer what it offers for a chat; the answer goes to the console that asked.
    fn inspect(self: &Arc<Self>, conn: &Arc<Conn>, login: String, chat: ChatId, server: String) {
        let (gateway, conn) = (self.clone(), conn.clone());
        self.runtime.spawn(async move {
            let visited = gateway.look_at_chat(chat, |chat| match &chat.context {
                Some(context) => context.visited.clone(),
                None => Vec::new(),
            });
            let mut visited = visited.unwrap_or_default();
            visited.push(gateway.settings.server.clone());
            let request = CallRequest::Permission(PermissionRequest { agent: login, visited });
            let offer = match gateway.federation.ask(&server, None, &request).await {
                Ok(baton_core::effect::Answer::Permission(permission)) => match permission.areas {
                    Some(areas) => PeerOffer::Areas(areas),
                    None => PeerOffer::GeneralEntrance,
                },
                Ok(_) => refused(ErrorCode::BadAnswer, ErrorCode::BadAnswer.to_string()),
                Err(error) => refused(error.code(), error.detail()),
            };
            conn.send(&ServerFrame::PeerAreas { chat, server, offer });
        });
    }
}

fn refused(code: ErrorCode, detail: String) -> PeerOffer {
    PeerOffer::Refused { code, detail }
}

/// The agent, if the password is theirs. An unknown name takes as long as a wrong password.
async fn check_password(agent: Option<AgentRow>, password: String) -> anyhow::Result<Option<AgentRow>> {
    /// The hash of nothing that anybody knows.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let checked = tokio::task::spawn_blocking(move || {
        let stored = agent.as_ref().map_or(NOBODY, |agent| agent.password_hash.reveal());
        let right = PasswordHash::new(stored)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        agent.filter(|_| right)
    });
    Ok(checked.await?)
}
