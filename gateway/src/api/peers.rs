//! Other companies' servers: what was agreed with them. Whoever adds one compares its fingerprint first, on another way
//! than this.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::{Problem, Sent, checked, known_areas};
use crate::config::rules;
use crate::edge::http::App;
use crate::federation::client::Client;
use crate::federation::keys::fingerprint;
use crate::peering::difference::difference;
use crate::peering::introduction::introduce;
use crate::peering::parts::{Part, fields, parts};
use crate::peering::{MOST_PER_MINUTE, MOST_RESERVATIONS, check_name, pinned};
use crate::store::{Agreement, Change, Mode, PeerClass, PeerRow, Scope};

/// A peer.
#[derive(Serialize, ToSchema)]
pub struct Peer {
    /// Its server name.
    name: String,
    /// Its name for people.
    title: String,
    /// The subject that it handles.
    subject: String,
    /// Its address.
    url: String,
    /// How near it is.
    class: PeerClass,
    /// How customers go there.
    mode: Mode,
    /// Its page for customers whose browser goes there.
    page: Option<String>,
    /// Areas of ours that it may send customers to; all of them without it.
    areas: Option<Vec<String>>,
    /// Agents of ours who may transfer to it, by login name; all of them without it.
    agents: Option<Vec<String>>,
    /// What it gets of what we send.
    gives: Vec<Part>,
    /// What we take of what it sends.
    takes: Vec<Part>,
    /// Whether no new transfer goes there or comes from there.
    suspended: bool,
    /// Whether it must not pass on what we send.
    confined: bool,
    /// Transfers that it may ask for in a minute.
    per_minute: u32,
    /// Customers of its that may be on their way here at once.
    reservations: u32,
    /// Fingerprints of the keys by which it is known.
    fingerprints: Vec<String>,
}

/// Where a server is.
#[derive(Deserialize, ToSchema)]
pub struct Address {
    /// The `url` of its settings.
    url: String,
}

/// What a server says of itself: to be compared with what its operator says on another way.
#[derive(Serialize, ToSchema)]
pub struct Introduction {
    /// Its server name.
    name: String,
    /// Its name for people.
    title: String,
    /// The subject that it handles.
    subject: String,
    /// Fingerprints of its keys.
    fingerprints: Vec<String>,
}

/// What a peer is to be.
#[derive(Deserialize, ToSchema)]
pub struct NewPeer {
    /// The `url` of its settings.
    url: String,
    /// How near it is.
    class: PeerClass,
    /// How customers go there.
    mode: Mode,
    /// Its page for customers whose browser goes there.
    page: Option<String>,
    /// The fingerprints that its operator has told you.
    fingerprints: Vec<String>,
}

/// What is to be changed; what is not named stays.
#[derive(Deserialize, ToSchema)]
pub struct Terms {
    /// How near it is.
    class: Option<PeerClass>,
    /// How customers go there.
    mode: Option<Mode>,
    /// Its page for customers whose browser goes there.
    page: Option<String>,
    /// Whether no new transfer goes there or comes from there.
    suspended: Option<bool>,
    /// Areas of ours that it may send customers to; an empty list for all.
    areas: Option<Vec<String>>,
    /// Agents of ours who may transfer to it, by login name; an empty list for all.
    agents: Option<Vec<String>>,
    /// What it gets of what we send; an empty list for nothing but the customer.
    gives: Option<Vec<Part>>,
    /// What we take of what it sends; an empty list for nothing but the customer.
    takes: Option<Vec<Part>>,
    /// Whether it must not pass on what we send.
    confined: Option<bool>,
    /// Transfers that it may ask for in a minute.
    per_minute: Option<u32>,
    /// Customers of its that may be on their way here at once.
    reservations: Option<u32>,
}

/// The keys by which a peer is to be known.
#[derive(Deserialize, ToSchema)]
pub struct Keys {
    /// The fingerprints that its operator has told you. Those of its keys that are not among them count no more.
    fingerprints: Vec<String>,
}

impl From<PeerRow> for Peer {
    fn from(row: PeerRow) -> Self {
        let Agreement { agents, fields_in, fields_out, confined, per_minute, reservations, suspended } =
            row.agreement;
        let fingerprints = row.keys.keys.iter().map(fingerprint).collect();
        let PeerRow { name, title, subject, base_url: url, class, mode, page, areas, .. } = row;
        Self {
            name,
            title,
            subject,
            url,
            class,
            mode,
            page,
            areas,
            agents,
            gives: parts(fields_out),
            takes: parts(fields_in),
            suspended,
            confined,
            per_minute,
            reservations,
            fingerprints,
        }
    }
}

/// Every peer.
#[utoipa::path(get, path = "/api/v1/peers", tag = "peers", security(("session" = []), ("key" = [])),
    responses((status = 200, body = Vec<Peer>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<Peer>>, Problem> {
    caller.may_read(Scope::Peers)?;
    Ok(Json(app.gateway.store.peers().await?.into_iter().map(Peer::from).collect()))
}

/// Ask a server who it is.
#[utoipa::path(post, path = "/api/v1/introductions", tag = "peers", security(("session" = []), ("key" = [])),
    request_body = Address,
    responses((status = 200, body = Introduction), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn look(
    State(_): State<App>,
    caller: Caller,
    Sent(Address { url }): Sent<Address>,
) -> Result<Json<Introduction>, Problem> {
    caller.may_change(Scope::Peers)?;
    let url = checked("url", rules::base_url(&url))?;
    let peer = introduce(&Client::new()?, &url).await.map_err(|why| Problem::wrong(why.to_string()))?;
    let fingerprints = peer.jwks.keys.iter().map(fingerprint).collect();
    Ok(Json(Introduction { name: peer.name, title: peer.title, subject: peer.subject, fingerprints }))
}

/// Make a server a peer, or trust the keys that it has now.
#[utoipa::path(put, path = "/api/v1/peers/{name}", tag = "peers", security(("session" = []), ("key" = [])),
    params(("name" = String, Path, description = "Its server name")), request_body = NewPeer,
    responses((status = 200, body = Peer), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Sent(wanted): Sent<NewPeer>,
) -> Result<Json<Peer>, Problem> {
    caller.may_change(Scope::Peers)?;
    let NewPeer { url, class, mode, page, fingerprints } = wanted;
    let url = checked("url", rules::base_url(&url))?;
    let page = page.map(|page| checked("page", rules::page(&page))).transpose()?;
    if mode == Mode::Navigate && page.is_none() {
        return Err(Problem::wrong("`page`: a browser cannot go there without one"));
    }
    if fingerprints.is_empty() {
        return Err(Problem::wrong("`fingerprints`: those that its operator has told you"));
    }
    let said = |why: anyhow::Error| Problem::wrong(why.to_string());
    let peer = introduce(&Client::new()?, &url).await.map_err(said)?;
    if peer.name != name {
        return Err(Problem::wrong(format!("what answers at {url} is called {}", peer.name)));
    }
    let peers = app.gateway.store.peers().await?;
    check_name(&name, &url, &app.gateway.config, &peers).map_err(said)?;
    let keys = pinned(&peer, &fingerprints).map_err(said)?;
    let old = peers.into_iter().find(|old| old.name == name);
    // Read anew, it keeps what was agreed.
    let (areas, agreement, revoked) =
        old.clone().map(|old| (old.areas, old.agreement, old.revoked)).unwrap_or_default();
    let row = PeerRow {
        name: peer.name,
        title: peer.title,
        subject: peer.subject,
        base_url: url,
        federation: peer.federation,
        socket: peer.socket,
        page,
        keys,
        class,
        areas,
        mode,
        agreement,
        revoked,
    };
    keep(&app, &caller, old.as_ref(), row).await
}

/// Change what was agreed with a peer. It counts at once.
#[utoipa::path(patch, path = "/api/v1/peers/{name}", tag = "peers", security(("session" = []), ("key" = [])),
    params(("name" = String, Path, description = "Its server name")), request_body = Terms,
    responses((status = 200, body = Peer), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Sent(terms): Sent<Terms>,
) -> Result<Json<Peer>, Problem> {
    caller.may_change(Scope::Peers)?;
    let before = find(&app, &name).await?;
    let row = agreed(&app, before.clone(), terms).await?;
    keep(&app, &caller, Some(&before), row).await
}

/// The peer with these terms.
async fn agreed(app: &App, mut row: PeerRow, terms: Terms) -> Result<PeerRow, Problem> {
    let agreement = &mut row.agreement;
    if let Some(areas) = terms.areas {
        known_areas(&areas, &app.gateway.config)?;
        row.areas = (!areas.is_empty()).then_some(areas);
    }
    if let Some(agents) = terms.agents {
        let known = app.gateway.store.agents().await?;
        if let Some(unknown) = agents.iter().find(|name| !known.iter().any(|agent| agent.name == **name)) {
            return Err(Problem::wrong(format!("`agents`: there is no agent {unknown:?}")));
        }
        agreement.agents = (!agents.is_empty()).then_some(agents);
    }
    for (name, wanted, most, field) in [
        ("per_minute", terms.per_minute, MOST_PER_MINUTE, &mut agreement.per_minute),
        ("reservations", terms.reservations, MOST_RESERVATIONS, &mut agreement.reservations),
    ] {
        *field = wanted.unwrap_or(*field);
        if *field > most {
            return Err(Problem::wrong(format!("`{name}` is a number up to {most}")));
        }
    }
    agreement.fields_out = terms.gives.as_deref().map_or(agreement.fields_out, fields);
    agreement.fields_in = terms.takes.as_deref().map_or(agreement.fields_in, fields);
    agreement.suspended = terms.suspended.unwrap_or(agreement.suspended);
    agreement.confined = terms.confined.unwrap_or(agreement.confined);
    row.class = terms.class.unwrap_or(row.class);
    row.mode = terms.mode.unwrap_or(row.mode);
    if let Some(page) = terms.page {
        row.page = Some(checked("page", rules::page(&page))?);
    }
    if row.mode == Mode::Navigate && row.page.is_none() {
        return Err(Problem::wrong("`page`: a browser cannot go there without one"));
    }
    Ok(row)
}

/// Trust the keys that a peer has now, after their fingerprints were compared with its operator. What was agreed stays.
#[utoipa::path(put, path = "/api/v1/peers/{name}/keys", tag = "peers", security(("session" = []), ("key" = [])),
    params(("name" = String, Path, description = "Its server name")), request_body = Keys,
    responses((status = 200, body = Peer), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Sent(Keys { fingerprints }): Sent<Keys>,
) -> Result<Json<Peer>, Problem> {
    caller.may_change(Scope::Peers)?;
    let before = find(&app, &name).await?;
    if fingerprints.is_empty() {
        return Err(Problem::wrong("`fingerprints`: those that its operator has told you"));
    }
    let said = |why: anyhow::Error| Problem::wrong(why.to_string());
    let peer = introduce(&Client::new()?, &before.base_url).await.map_err(said)?;
    if peer.name != name {
        return Err(Problem::wrong(format!("what answers at {} is called {}", before.base_url, peer.name)));
    }
    let row = PeerRow { keys: pinned(&peer, &fingerprints).map_err(said)?, ..before.clone() };
    keep(&app, &caller, Some(&before), row).await
}

async fn find(app: &App, name: &str) -> Result<PeerRow, Problem> {
    let peers = app.gateway.store.peers().await?;
    peers.into_iter().find(|peer| peer.name == name).ok_or_else(|| absent(name))
}

async fn keep(
    app: &App,
    caller: &Caller,
    before: Option<&PeerRow>,
    row: PeerRow,
) -> Result<Json<Peer>, Problem> {
    let (what, how) = (format!("peer {}", row.name), difference(before, &row));
    caller.change(app, Change::PutPeer(row.clone()), what, &how).await?;
    app.gateway.peers_changed().await;
    Ok(Json(row.into()))
}

/// End the agreement with a peer.
#[utoipa::path(delete, path = "/api/v1/peers/{name}", tag = "peers", security(("session" = []), ("key" = [])),
    params(("name" = String, Path, description = "Its server name")),
    responses((status = 204, description = "Removed"), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may_change(Scope::Peers)?;
    if !caller.change(&app, Change::RemovePeer(name.clone()), format!("peer {name}"), "removed").await? {
        return Err(absent(&name));
    }
    app.gateway.peers_changed().await;
    Ok(StatusCode::NO_CONTENT)
}

fn absent(name: &str) -> Problem {
    Problem::absent(format!("there is no peer {name:?}"))
}
