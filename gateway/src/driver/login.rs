//! Who is logged in: by password, by token, by a browser's session; and nobody any more.

use std::sync::Arc;

use baton_core::queue;
use baton_protocol::{CloseCode, ErrorCode, ResumeToken, SecretDigest, ServerFrame};

use super::conn::Conn;
use super::{Gateway, now, random};
use crate::password;
use crate::store::{AgentRow, StoreError};

/// How long an agent's token lasts, in milliseconds: a working day.
pub const TOKEN_LIFE: u64 = 12 * 60 * 60 * 1_000;

/// Milliseconds after which a console that is sent away connects again.
const SOON: u32 = 200;

impl Gateway {
    /// The agent with this password, and a new secret for them.
    ///
    /// # Errors
    /// The store's.
    pub async fn log_in(
        &self,
        name: &str,
        password: String,
    ) -> anyhow::Result<Result<(AgentRow, ResumeToken), ErrorCode>> {
        if !self.attempts.may_log_in(name) {
            return Ok(Err(ErrorCode::TooManyAttempts));
        }
        let agent = self.store.agent(name).await?;
        let Some(agent) = password::check(agent, password).await? else {
            return Ok(Err(ErrorCode::WrongPassword));
        };
        let token = self.new_login(&agent.name).await?;
        Ok(Ok((agent, token)))
    }

    /// A new secret for an agent who has shown who they are.
    ///
    /// # Errors
    /// The store's.
    pub async fn new_login(&self, name: &str) -> Result<ResumeToken, StoreError> {
        let token = ResumeToken::from_bytes(random());
        self.store.put_agent_token(token.digest(), name, now().plus(TOKEN_LIFE)).await?;
        Ok(token)
    }

    /// The agent whose secret has this digest.
    ///
    /// # Errors
    /// The store's.
    pub async fn logged_in(&self, token: SecretDigest) -> Result<Option<AgentRow>, StoreError> {
        match self.store.agent_by_token(token, now()).await? {
            Some(name) => self.store.agent(&name).await,
            None => Ok(None),
        }
    }

    /// Ends one login, or all of an agent's, and the connections that it has.
    ///
    /// # Errors
    /// The store's.
    pub async fn log_out(&self, name: &str, one: Option<SecretDigest>) -> Result<(), StoreError> {
        self.store.remove_agent_tokens(name, one).await?;
        let of_it = |conn: &Conn| one.is_none() || conn.session.as_deref() == one.as_ref();
        let consoles = self.consoles(name);
        consoles.iter().filter(|conn| of_it(conn)).for_each(|conn| conn.close(CloseCode::Unauthenticated));
        Ok(())
    }

    /// An agent is no more, or is somebody else by the same name: their logins and consoles end at once. The chats of one
    /// who is no more go back to the queue without waiting for them.
    ///
    /// # Errors
    /// The store's.
    pub async fn agent_replaced(self: &Arc<Self>, name: &str) -> Result<(), StoreError> {
        self.log_out(name, None).await?;
        if self.store.agent(name).await?.is_none() {
            self.tell_queue(queue::Input::Offline(name.into()));
            self.tell_queue(queue::Input::Gone(name.into()));
            self.end_consults_of(name);
        }
        Ok(())
    }

    /// An agent is not what they were: their consoles connect again, if they may, and learn it.
    pub fn agent_changed(&self, name: &str) {
        for conn in self.consoles(name) {
            conn.send(&ServerFrame::Draining { resume_in: SOON });
            conn.close(CloseCode::Restarting);
        }
    }

    /// The consoles of an agent's that are connected.
    pub(super) fn consoles(&self, name: &str) -> Vec<Arc<Conn>> {
        self.agents.get(name).map(|consoles| consoles.value().clone()).unwrap_or_default()
    }
}
