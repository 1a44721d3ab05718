//! What policy says of one chat and its destinations (O2, W2), for the console that shows it.

use std::sync::Arc;

use baton_core::effect::{Answer, CallRequest};
use baton_core::policy::{Bounds, Class};
use baton_core::session::{self, Chat, Target};
use baton_protocol::federation::PermissionRequest;
use baton_protocol::frames::{About, PeerOffer};
use baton_protocol::model::{AreaCard, Destination, Permit, SharePolicy};
use baton_protocol::{ChatId, ErrorCode, ServerFrame};

use super::Gateway;
use super::conn::Conn;
use crate::store::AgentRow;

impl Gateway {
    /// What this server knows of the place that an agent named.
    pub(super) async fn target(
        &self,
        login: &str,
        chat: ChatId,
        to: &Destination,
    ) -> Result<Target, ErrorCode> {
        let area = self.look_at_chat(chat, |chat| chat.record.area.clone()).ok_or(ErrorCode::UnknownChat)?;
        let near = |same: bool| if same { Class::SameDepartment } else { Class::SameCompany };
        let (mut bounds, mut denied) = (Bounds::default(), None);
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
                (bounds, denied) = (peer.bounds(), peer.denies(login));
                (peer.title.clone(), peer.class(), peer.navigates())
            }
        };
        Ok(Target { destination: to.clone(), title, class, navigate, bounds, denied, consulted: false })
    }

    /// The role that an agent has now, whatever they had when they logged in (threat 8).
    pub(crate) async fn is_supervisor(&self, login: &str) -> bool {
        match self.store.agent(login).await {
            Ok(agent) => agent.is_some_and(|agent: AgentRow| agent.role.supervises()),
            Err(error) => {
                tracing::error!(%error, "a role could not be read");
                false
            }
        }
    }

    pub(super) async fn set_confidential(
        self: &Arc<Self>,
        conn: &Arc<Conn>,
        login: String,
        chat: ChatId,
        on: bool,
    ) {
        let supervisor = self.is_supervisor(&login).await;
        let card = self.with_queue(|queue| queue.agent_card(&login, SharePolicy::All));
        let title = card.map_or_else(|| login.clone(), |card| card.title);
        self.tell_for(
            conn,
            chat,
            session::Input::Confidential { login: login.clone(), title, supervisor, on },
        );
        if self.serves(chat, &login) {
            conn.send(&self.chat_policy(&login, chat).await);
        }
    }

    fn serves(&self, chat: ChatId, login: &str) -> bool {
        self.look_at_chat(chat, |chat| chat.agent_login() == Some(login)).unwrap_or(false)
    }

    /// What may be sent to a place, or why not.
    fn permit(&self, chat: ChatId, login: &str, target: &Target) -> Permit {
        let judge = |chat: &Chat| self.with_env(|env| chat.judge(env, login, target).verdict);
        let verdict =
            self.look_at_chat(chat, judge).unwrap_or_else(|| Err(ErrorCode::UnknownChat.to_string()));
        let (share, denied) = match verdict {
            Ok(share) => (share, None),
            Err(reason) => (SharePolicy::Nothing, Some(reason)),
        };
        Permit { to: target.destination.clone(), share, denied }
    }

    /// That an agent may hand a chat of theirs over to a place.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn permitted(
        &self,
        login: &str,
        chat: ChatId,
        to: &Destination,
    ) -> Result<(), (ErrorCode, String)> {
        let refused = |code: ErrorCode| (code, code.to_string());
        if !self.serves(chat, login) {
            return Err(refused(ErrorCode::UnknownChat));
        }
        let target = self.target(login, chat, to).await.map_err(refused)?;
        match self.permit(chat, login, &target).denied {
            Some(reason) => Err((ErrorCode::NotPermitted, reason)),
            None => Ok(()),
        }
    }

    /// The chat's own policy for every destination that there is.
    async fn chat_policy(&self, login: &str, chat: ChatId) -> ServerFrame {
        let areas = self.settings.areas.iter().map(|area| Destination::Area(area.name.clone()));
        let agents: Vec<Destination> = self.with_queue(|queue| {
            let online = queue.agent_cards(|_| SharePolicy::All).filter(|agent| agent.online);
            online.map(|agent| Destination::Agent(agent.name)).collect()
        });
        self.federation.refresh().await;
        let servers = self.federation.known().into_iter();
        let servers = servers.map(|peer| Destination::Server { server: peer.name.clone(), area: None });
        let all: Vec<Destination> = areas.chain(agents).chain(servers).collect();
        let mut permits = Vec::with_capacity(all.len());
        for to in all {
            if let Ok(target) = self.target(login, chat, &to).await {
                permits.push(self.permit(chat, login, &target));
            }
        }
        ServerFrame::ChatPolicy { chat, permits }
    }

    /// Asks a peer what it offers for a chat; the answer goes to the console that asked. What may be sent is the
    /// chat's own policy: the decision will be the same.
    pub(super) fn inspect(self: &Arc<Self>, conn: &Arc<Conn>, login: String, chat: ChatId, server: String) {
        if !self.serves(chat, &login) {
            let code = ErrorCode::UnknownChat;
            let about = About::Chat(chat);
            return conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about });
        }
        let (gateway, conn) = (self.clone(), conn.clone());
        self.runtime.spawn(async move {
            if server == gateway.settings.server {
                return conn.send(&gateway.chat_policy(&login, chat).await);
            }
            let offer = gateway.offer_of(&login, chat, &server).await;
            let offer = offer.unwrap_or_else(|(code, detail)| PeerOffer::Refused { code, detail });
            conn.send(&ServerFrame::PeerAreas { chat, server, offer });
        });
    }

    async fn offer_of(
        &self,
        login: &str,
        chat: ChatId,
        server: &str,
    ) -> Result<PeerOffer, (ErrorCode, String)> {
        let to = Destination::Server { server: server.into(), area: None };
        let target = self.target(login, chat, &to).await.map_err(|code| (code, code.to_string()))?;
        let Permit { share, denied, .. } = self.permit(chat, login, &target);
        if let Some(reason) = denied {
            return Err((ErrorCode::NotPermitted, reason));
        }
        let visited =
            self.look_at_chat(chat, |chat| self.with_env(|env| chat.visited(env))).unwrap_or_default();
        let request =
            CallRequest::Permission(PermissionRequest { agent: login.into(), visited, overload: false });
        match self.federation.ask(server, None, &request).await {
            Ok(Answer::Permission(permission)) => Ok(match permission.areas {
                Some(areas) => PeerOffer::Areas(
                    areas.into_iter().map(|area| AreaCard { share: share.clone(), ..area }).collect(),
                ),
                None => PeerOffer::GeneralEntrance,
            }),
            Ok(_) => Err((ErrorCode::BadAnswer, ErrorCode::BadAnswer.to_string())),
            Err(error) => Err((error.code(), error.detail())),
        }
    }
}
