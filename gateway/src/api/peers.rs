//! Other companies' servers: what was agreed with them. Whoever adds one compares its fingerprint first, on another way
//! than this.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::{Problem, Sent, checked, known_areas};
use crate::cli::introduction::introduce;
use crate::cli::peer::{check_name, pinned};
use crate::config::rules;
use crate::edge::http::App;
use crate::federation::client::Client;
use crate::federation::keys::fingerprint;
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
    /// Whether no new transfer goes there or comes from there.
    suspended: Option<bool>,
    /// Areas of ours that it may send customers to; an empty list for all.
    areas: Option<Vec<String>>,
    /// Whether it must not pass on what we send.
    confined: Option<bool>,
    /// Transfers that it may ask for in a minute.
    per_minute: Option<u32>,
    /// Customers of its that may be on their way here at once.
    reservations: Option<u32>,
}

impl From<PeerRow> for Peer {
    fn from(row: PeerRow) -> Self {
        let Agreement { suspended, confined, per_minute, reservations, .. } = row.agreement;
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
        old.map(|old| (old.areas, old.agreement, old.revoked)).unwrap_or_default();
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
    keep(&app, &caller, row, &format!("known by {}", fingerprints.join(" "))).await
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
    let peers = app.gateway.store.peers().await?;
    let mut row = peers.into_iter().find(|peer| peer.name == name).ok_or_else(|| absent(&name))?;
    let mut said = Vec::new();
    if let Some(areas) = terms.areas {
        known_areas(&areas, &app.gateway.config)?;
        said.push(if areas.is_empty() { "every area".into() } else { format!("areas {}", areas.join(" ")) });
        row.areas = (!areas.is_empty()).then_some(areas);
    }
    if let Some(class) = terms.class {
        said.push(format!("{class:?}"));
        row.class = class;
    }
    if let Some(suspended) = terms.suspended {
        said.push(if suspended { "suspended".into() } else { "goes on".into() });
        row.agreement.suspended = suspended;
    }
    if let Some(confined) = terms.confined {
        said.push(if confined { "must not pass on".into() } else { "may pass on".into() });
        row.agreement.confined = confined;
    }
    for (name, wanted, field) in [
        ("a minute", terms.per_minute, &mut row.agreement.per_minute),
        ("at once", terms.reservations, &mut row.agreement.reservations),
    ] {
        if let Some(number) = wanted {
            if number > 1_000_000 {
                return Err(Problem::wrong("a number up to 1,000,000"));
            }
            said.push(format!("{number} {name}"));
            *field = number;
        }
    }
    keep(&app, &caller, row, &said.join(", ")).await
}

async fn keep(app: &App, caller: &Caller, row: PeerRow, how: &str) -> Result<Json<Peer>, Problem> {
    caller.change(app, Change::PutPeer(row.clone()), format!("peer {}", row.name), how).await?;
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
