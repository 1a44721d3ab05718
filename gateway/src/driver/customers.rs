//! What a customer's connection says.

use std::net::IpAddr;
use std::sync::Arc;

use baton_core::session::{self, Beginning, Speaker};
use baton_core::transfer::destination::{self, Arrival, Claim};
use baton_protocol::frames::{About, Start};
use baton_protocol::limits::{MAX_LABEL, MAX_URL};
use baton_protocol::model::{Customer, Page};
use baton_protocol::{ChatId, ClientFrame, CloseCode, ErrorCode, SecretDigest, ServerFrame, Wtid};

use super::conn::{Bound, Conn};
use super::{Gateway, now};

impl Gateway {
    /// A connection's first frame. What is wrong with it closes the connection.
    pub async fn hello(self: &Arc<Self>, conn: &Arc<Conn>, frame: ClientFrame) {
        let done = match frame {
            ClientFrame::CustomerHello { start, page, client_type, last_seq } => {
                self.customer_hello(conn, start, page.filter(fits), client_type, last_seq).await
            }
            ClientFrame::AgentHello { login } => self.agent_hello(conn, login).await,
            _ => Ok(Err(CloseCode::Malformed)),
        };
        match done {
            Ok(Ok(())) => {}
            Ok(Err(code)) => conn.close(code),
            Err(error) => {
                tracing::error!(conn = conn.id.0, %error, "hello failed");
                conn.close(CloseCode::Internal);
            }
        }
    }

    async fn customer_hello(
        self: &Arc<Self>,
        conn: &Arc<Conn>,
        start: Start,
        page: Option<Page>,
        client_type: String,
        last_seq: u64,
    ) -> anyhow::Result<Result<(), CloseCode>> {
        let client_type = cut(client_type);
        match start {
            Start::New { area, name, email, subject, challenge } => {
                if !self.is_own_site(conn) {
                    return Ok(Err(CloseCode::ForbiddenOrigin));
                }
                let Some(area) = self.area_or_first(&area) else {
                    refuse(conn, ErrorCode::UnknownArea);
                    return Ok(Err(CloseCode::Unauthenticated));
                };
                let (area, elsewhere) = self.admit(area).await;
                let subject = cut(subject);
                let customer =
                    Customer { name: cut(name), email: cut(email), subject, login_at: now(), client_type };
                let chat = self.begin(Beginning {
                    area,
                    customer,
                    page,
                    epoch: 1,
                    challenge,
                    origins: conn.origin.iter().map(|origin| origin.to_string()).collect(),
                    // Whoever goes elsewhere at once is not told that they wait.
                    promised: elsewhere.is_some(),
                    arrival: None,
                    conn: conn.id,
                });
                if let Some(target) = elsewhere {
                    self.tell_chat(chat, session::Input::Redirect(target));
                }
                Ok(Ok(()))
            }
            Start::Resume { token, epoch } => {
                let Some(chat) = self.chat_by_token(token.digest()).await? else {
                    return Ok(Err(CloseCode::Unauthenticated));
                };
                let named = |chat: &session::Chat| {
                    conn.origin
                        .as_deref()
                        .is_some_and(|origin| chat.record.origins.iter().any(|name| name == origin))
                };
                if !self.is_own_site(conn) && !self.look_at_chat(chat, named).unwrap_or(false) {
                    return Ok(Err(CloseCode::ForbiddenOrigin));
                }
                if self.look_at_chat(chat, |chat| chat.has_since(last_seq)) == Some(false) {
                    self.whole_chat(chat).await?;
                }
                conn.bind(Bound::Customer(chat));
                self.tell_chat(chat, session::Input::Attach { conn: conn.id, epoch, last_seq, page });
                Ok(Ok(()))
            }
            Start::Claim { wtid, verifier, epoch, challenge, adopt } => {
                let at = conn.at.as_deref().map(Wtid::digest);
                let key = wtid.as_ref().map(Wtid::digest).or(at);
                let name = match key {
                    Some(key) => self.incoming_by_wtid(key).await?,
                    None => None,
                };
                let Some(name) = name else { return Ok(Err(self.wrong_guess(conn))) };
                conn.bind(Bound::Arriving(name.clone().into()));
                let arrival = Arrival {
                    challenge,
                    page,
                    client_type,
                    web_origin: conn.origin.as_deref().map(str::to_owned),
                };
                let own_site = self.is_own_site(conn);
                let claim = Claim { conn: conn.id, verifier, epoch, adopt, own_site, at, arrival };
                self.tell_incoming(&name, destination::Input::Claim(claim));
                Ok(Ok(()))
            }
        }
    }

    /// The same answer as for a wrong verifier, and a limit on trying (threat 2).
    fn wrong_guess(&self, conn: &Conn) -> CloseCode {
        if self.may_guess(conn.ip) { CloseCode::Unauthenticated } else { CloseCode::RateLimited }
    }

    /// Counts a wrong guess at a secret; whether the next one would be looked at (threat 2).
    #[must_use]
    pub fn may_guess(&self, ip: IpAddr) -> bool {
        self.attempts.may_guess(ip)
    }

    /// Our own pages, and those of the sites that embed us. A client that is no browser sends no origin.
    fn is_own_site(&self, conn: &Conn) -> bool {
        let Some(origin) = conn.origin.as_deref() else { return true };
        self.config.url == origin || self.config.sites.iter().any(|site| site == origin)
    }

    fn area_or_first(&self, name: &str) -> Option<String> {
        let areas = &self.settings.areas;
        let found = if name.is_empty() { areas.first() } else { areas.iter().find(|area| area.name == name) };
        found.map(|area| area.name.clone())
    }

    /// A later frame.
    pub async fn frame(self: &Arc<Self>, conn: &Arc<Conn>, frame: ClientFrame) {
        if let ClientFrame::Ping { nonce } = frame {
            return conn.send(&ServerFrame::Pong { nonce });
        }
        match (conn.bound(), &frame) {
            (_, ClientFrame::CustomerHello { .. } | ClientFrame::AgentHello { .. }) | (Bound::Nobody, _) => {
                conn.close(CloseCode::Malformed);
            }
            (Bound::Customer(chat), ClientFrame::Attach { id, sha256, .. }) => {
                let by = Speaker::Customer(conn.id);
                if let Err(error) = self.say_document(chat, by, *id, sha256.clone()).await {
                    tracing::error!(conn = conn.id.0, %error, "a document could not be looked up");
                    conn.close(CloseCode::Internal);
                }
            }
            (Bound::Customer(chat), ClientFrame::Earlier { token }) => {
                if let Err(error) = self.was_here_before(chat, token.digest()).await {
                    tracing::error!(conn = conn.id.0, %error, "an earlier chat could not be looked up");
                    conn.close(CloseCode::Internal);
                }
            }
            (Bound::Customer(chat), _) => {
                // Loaded here and not on the way, so that the next frame does not overtake this one.
                if let Err(error) = self.chat(chat).await {
                    tracing::error!(conn = conn.id.0, %error, "a chat could not be loaded");
                    return conn.close(CloseCode::Internal);
                }
                self.tell_chat(chat, session::Input::Customer(conn.id, frame));
            }
            // Nothing can be said before the welcome; the widget holds it.
            (Bound::Arriving(..), _) => refuse(conn, ErrorCode::OutOfOrder),
            (Bound::Agent(login), _) => self.agent_frame(conn, login, frame).await,
        }
    }

    /// What was said in the chat with this secret is joined to one that came back by a transfer (X3). Who has the
    /// secret of an earlier chat is its customer.
    async fn was_here_before(self: &Arc<Self>, chat: ChatId, token: SecretDigest) -> anyhow::Result<()> {
        if !self.chat(chat).await? || self.look_at_chat(chat, session::Chat::may_join) != Some(true) {
            return Ok(());
        }
        let Some(before) = self.chat_by_token(token).await? else { return Ok(()) };
        if !self.whole_chat(before).await? {
            return Ok(());
        }
        let earlier = self.look_at_chat(before, |before| self.with_env(|env| before.earlier(env))).flatten();
        let Some(mut earlier) = earlier else { return Ok(()) };
        for document in earlier.context.documents.clone() {
            if let Err(error) = self.documents.copy(before, chat, &document.sha256).await {
                tracing::warn!(chat = %before, %error, "a document of an earlier chat could not be copied");
                earlier.without(&document.sha256);
            }
        }
        self.tell_chat(chat, session::Input::Join(Box::new(earlier)));
        Ok(())
    }

    /// The connection is gone.
    pub fn disconnected(self: &Arc<Self>, conn: &Arc<Conn>) {
        self.conns.remove(&conn.id);
        match conn.bound() {
            Bound::Nobody => {}
            Bound::Customer(chat) => self.tell_chat(chat, session::Input::Detach(conn.id)),
            Bound::Arriving(name) => self.tell_incoming(&name, destination::Input::Detach(conn.id)),
            Bound::Agent(login) => self.agent_gone(conn, &login),
        }
    }
}

pub(super) fn refuse(conn: &Arc<Conn>, code: ErrorCode) {
    conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about: About::Connection });
}

fn fits(page: &Page) -> bool {
    page.url.len() <= MAX_URL && page.title.len() <= MAX_LABEL
}

/// A label no longer than labels are.
pub(super) fn cut(mut text: String) -> String {
    let end = (0..=MAX_LABEL.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text
}
