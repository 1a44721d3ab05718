//! Who makes a request, and what they may do.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use baton_core::audit;
use baton_protocol::{ResumeToken, SecretDigest};
use sha2::{Digest, Sha256};

use super::cookie;
use super::keys;
use super::problem::Problem;
use crate::driver::now;
use crate::edge::http::{App, bearer};
use crate::hex;
use crate::store::{AgentRow, ApiKey, Change, Role, Scope};

/// The header that shows that a change was asked for by the console's own page.
pub const CSRF: HeaderName = HeaderName::from_static("baton-csrf");

/// Who makes a request.
pub enum Caller {
    /// An agent with a session.
    Agent {
        /// Who.
        agent: Box<AgentRow>,
        /// Their session.
        session: SecretDigest,
        /// What its changes must show.
        csrf: String,
    },
    /// A program.
    Program(ApiKey),
}

impl Caller {
    /// What the audit calls them.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Agent { agent, .. } => agent.name.clone(),
            Self::Program(key) => format!("key {} ({})", key.id, key.title),
        }
    }

    /// Whether they administer the gateway, and are no program: what gives rights away is theirs alone.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::Agent { agent, .. } if agent.role == Role::Admin)
    }

    /// The agent's login name, if they see no other chats than those that they have or had.
    #[must_use]
    pub fn only_own(&self) -> Option<&str> {
        match self {
            Self::Agent { agent, .. } if agent.role == Role::Agent => Some(&agent.name),
            _ => None,
        }
    }

    /// Whether they may read this.
    ///
    /// # Errors
    /// When they may not.
    pub fn may_read(&self, scope: Scope) -> Result<(), Problem> {
        let may = match self {
            Self::Agent { agent, .. } => match agent.role {
                Role::Admin => true,
                Role::Supervisor => matches!(scope, Scope::Reports | Scope::Chats | Scope::Replies),
                Role::Agent => scope == Scope::Chats,
            },
            Self::Program(key) => key.scopes.contains(&scope),
        };
        if may { Ok(()) } else { Err(Problem::forbidden("your role, or this key, does not reach this")) }
    }

    /// Whether they may change this.
    ///
    /// # Errors
    /// When they may not.
    pub fn may_change(&self, scope: Scope) -> Result<(), Problem> {
        self.may_read(scope)?;
        let may = match self {
            Self::Agent { agent, .. } => agent.role == Role::Admin || scope == Scope::Replies,
            Self::Program(key) => key.writes,
        };
        if may { Ok(()) } else { Err(Problem::forbidden("your role, or this key, only reads")) }
    }

    /// Only for administrators in person.
    ///
    /// # Errors
    /// For everybody else.
    pub fn must_be_admin(&self) -> Result<(), Problem> {
        if self.is_admin() {
            Ok(())
        } else {
            Err(Problem::forbidden("this is for administrators, in person"))
        }
    }

    /// Changes something, and keeps who has done it.
    ///
    /// # Errors
    /// The store's.
    pub async fn change(&self, app: &App, change: Change, what: String, how: &str) -> Result<bool, Problem> {
        let record = audit::Record::change(now(), &self.name(), what, how);
        Ok(app.gateway.store.administer(change, record).await?)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = match bearer(&parts.headers) {
            Some(secret) => Self::Program(program(app, secret).await?),
            None => person(app, parts).await?,
        };
        if app.gateway.attempts.may_call(&caller.name()) { Ok(caller) } else { Err(Problem::too_often()) }
    }
}

async fn program(app: &App, secret: &str) -> Result<ApiKey, Problem> {
    let digest = keys::digest(secret).ok_or_else(Problem::unknown)?;
    // Few, and a digest of 256 random bits: nobody learns anything by how long it takes.
    let found = app.gateway.store.api_keys().await?.into_iter().find(|key| key.digest == digest);
    found.filter(|key| key.ends_at.is_none_or(|end| end > now())).ok_or_else(Problem::unknown)
}

async fn person(app: &App, parts: &Parts) -> Result<Caller, Problem> {
    let token = cookie::session(&parts.headers, &app.gateway.config).ok_or_else(Problem::unknown)?;
    let agent = app.gateway.logged_in(token.digest()).await?.ok_or_else(Problem::unknown)?;
    let csrf = csrf(&token);
    if ![Method::GET, Method::HEAD].contains(&parts.method) {
        own_page(app, &parts.headers)?;
        let shown = parts.headers.get(&CSRF).is_some_and(|shown| shown.as_bytes() == csrf.as_bytes());
        if !shown {
            return Err(Problem::forbidden("the header `baton-csrf` is not this session's"));
        }
    }
    Ok(Caller::Agent { agent: Box::new(agent), session: token.digest(), csrf })
}

/// Only the console's own page changes anything with a session.
///
/// # Errors
/// For every other page.
pub fn own_page(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin == Some(app.gateway.config.url.as_str()) {
        Ok(())
    } else {
        Err(Problem::forbidden("this page may not use the gateway"))
    }
}

/// What a session's changes must show: known to whoever may read the answers, and of no use as a session.
fn csrf(token: &ResumeToken) -> String {
    hex(&Sha256::new().chain_update(b"baton csrf ").chain_update(token.reveal()).finalize())
}
