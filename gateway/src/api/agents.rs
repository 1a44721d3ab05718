//! Agents: who they are, what they may do, which areas they serve.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use baton_protocol::model::Presence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::{Problem, Sent, checked, known_areas};
use crate::config::rules;
use crate::edge::http::App;
use crate::password;
use crate::store::{AgentRow, Change, Role, Scope};

/// Agents of one gateway, at most: a list that one page can show.
const MOST: usize = 10_000;

/// Chats at once of one agent, at most.
const MOST_CHATS: u32 = 1_000;

/// An agent.
#[derive(Serialize, ToSchema)]
pub struct Agent {
    /// Login name.
    name: String,
    /// The name that customers see.
    title: String,
    /// What they may do.
    role: Role,
    /// Areas served, by name.
    areas: Vec<String>,
    /// Chats at once, at most.
    max_chats: u32,
    /// Whether they pick customers up themselves and are given none.
    by_hand: bool,
    /// Whether a console of theirs is connected.
    online: bool,
}

/// What an agent is to be.
#[derive(Deserialize, ToSchema)]
pub struct NewAgent {
    /// The name that customers see.
    title: String,
    /// What they may do.
    role: Role,
    /// Areas served, by name.
    #[serde(default)]
    areas: Vec<String>,
    /// Chats at once, at most. Without it, as the settings say.
    max_chats: Option<u32>,
    /// Whether they pick customers up themselves and are given none. Without it, as before.
    by_hand: Option<bool>,
    /// The password. Needed for a new agent; without it, an old one keeps theirs.
    #[schema(format = Password)]
    password: Option<String>,
}

fn shown(app: &App, agent: AgentRow) -> Agent {
    let AgentRow { name, title, role, areas, max_chats, by_hand, .. } = agent;
    let online = app.gateway.with_queue(|queue| queue.is_online(&name));
    Agent { name, title, role, areas, max_chats, by_hand, online }
}

/// Every agent.
#[utoipa::path(get, path = "/api/v1/agents", tag = "agents", security(("session" = []), ("key" = [])),
    responses((status = 200, body = Vec<Agent>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<Agent>>, Problem> {
    caller.may_read(Scope::Agents)?;
    let agents = app.gateway.store.agents().await?;
    Ok(Json(agents.into_iter().map(|agent| shown(&app, agent)).collect()))
}

/// Add an agent, or change one. Another password ends their sessions.
#[utoipa::path(put, path = "/api/v1/agents/{name}", tag = "agents", security(("session" = []), ("key" = [])),
    params(("name" = String, Path, description = "Login name")), request_body = NewAgent,
    responses((status = 200, body = Agent), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Sent(wanted): Sent<NewAgent>,
) -> Result<Json<Agent>, Problem> {
    caller.may_change(Scope::Agents)?;
    let name = checked("name", rules::name(&name))?;
    let agents = app.gateway.store.agents().await?;
    let before = agents.iter().find(|agent| agent.name == name);
    if before.is_none() && agents.len() >= MOST {
        return Err(Problem::conflict(format!("there are {MOST} agents already")));
    }
    guard(&caller, &agents, before, Some(wanted.role))?;
    let row = row(&app, name, before, wanted).await?;
    let mut how = format!("{}, {}", row.role.word(), row.areas.join(" "));
    if before.is_some_and(|before| before.password_hash != row.password_hash) {
        how.push_str(", another password");
    }
    if before.is_some_and(|before| before.by_hand) != row.by_hand {
        how.push_str(if row.by_hand { ", picks customers up by hand" } else { ", is given customers" });
    }
    caller.change(&app, Change::PutAgent(row.clone()), format!("agent {}", row.name), &how).await?;
    app.gateway.agent_changed(&row.name);
    Ok(Json(shown(&app, row)))
}

async fn row(
    app: &App,
    name: String,
    before: Option<&AgentRow>,
    wanted: NewAgent,
) -> Result<AgentRow, Problem> {
    let config = &app.gateway.config;
    known_areas(&wanted.areas, config)?;
    if wanted.areas.is_empty() && wanted.role == Role::Agent {
        return Err(Problem::wrong("`areas`: an agent serves one area at least"));
    }
    let max_chats =
        wanted.max_chats.or(before.map(|before| before.max_chats)).unwrap_or(config.limits.max_chats);
    if !(1..=MOST_CHATS).contains(&max_chats) {
        return Err(Problem::wrong(format!("`max_chats` is between 1 and {MOST_CHATS}")));
    }
    let title = checked("title", rules::label(&wanted.title))?;
    let single = before.is_some_and(|before| before.external.is_some());
    let password_hash = match (wanted.password, before) {
        (Some(_), _) if single => {
            return Err(Problem::wrong("`password`: they log in with the provider, and have none here"));
        }
        (Some(password), _) if password.chars().count() < password::LEAST => {
            return Err(Problem::wrong(format!("`password` has {} characters at least", password::LEAST)));
        }
        (Some(password), _) if password.len() > password::MOST => {
            return Err(Problem::wrong(format!("`password` has {} bytes at most", password::MOST)));
        }
        (Some(password), _) => password::hash_aside(password).await?,
        (None, Some(before)) => before.password_hash.clone(),
        (None, None) => return Err(Problem::wrong("`password` is needed for a new agent")),
    };
    let external = before.and_then(|before| before.external.clone());
    let by_hand = wanted.by_hand.unwrap_or_else(|| before.is_some_and(|before| before.by_hand));
    let presence = before.map_or(Presence::Available, |before| before.presence);
    let (role, areas) = (wanted.role, wanted.areas);
    Ok(AgentRow { name, title, password_hash, role, areas, max_chats, external, by_hand, presence })
}

/// Administrators are made and unmade by administrators, in person, and one is always left.
fn guard(
    caller: &Caller,
    agents: &[AgentRow],
    before: Option<&AgentRow>,
    after: Option<Role>,
) -> Result<(), Problem> {
    let was = before.is_some_and(|before| before.role == Role::Admin);
    if was || after == Some(Role::Admin) {
        caller.must_be_admin()?;
    }
    let others = agents.iter().filter(|agent| agent.role == Role::Admin);
    if was && after != Some(Role::Admin) && others.count() == 1 {
        return Err(Problem::conflict(
            "nobody else could administer the gateway: make another administrator first",
        ));
    }
    Ok(())
}

/// Remove an agent. Their sessions and consoles end at once, and their chats go back to the queue.
#[utoipa::path(delete, path = "/api/v1/agents/{name}", tag = "agents", security(("session" = []), ("key" = [])),
    params(("name" = String, Path, description = "Login name")),
    responses((status = 204, description = "Removed"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may_change(Scope::Agents)?;
    let agents = app.gateway.store.agents().await?;
    let before = agents.iter().find(|agent| agent.name == name).ok_or_else(|| absent(&name))?;
    guard(&caller, &agents, Some(before), None)?;
    if !caller.change(&app, Change::RemoveAgent(name.clone()), format!("agent {name}"), "removed").await? {
        return Err(absent(&name));
    }
    app.gateway.agent_replaced(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End every session of an agent.
#[utoipa::path(delete, path = "/api/v1/agents/{name}/sessions", tag = "agents", security(("session" = []), ("key" = [])),
    params(("name" = String, Path, description = "Login name")),
    responses((status = 204, description = "Logged out"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn log_out(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may_change(Scope::Agents)?;
    app.gateway.store.agent(&name).await?.ok_or_else(|| absent(&name))?;
    caller.change(&app, Change::Elsewhere, format!("agent {name}"), "logged out everywhere").await?;
    app.gateway.log_out(&name, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn absent(name: &str) -> Problem {
    Problem::absent(format!("there is no agent {name:?}"))
}
