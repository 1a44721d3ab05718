//! What peers ask of us (D1 to D3, O3), and what we tell anybody who asks who we are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use baton_core::consult::By;
use baton_core::effect::Answer;
use baton_core::session::PeerRequest;
use baton_protocol::federation::{
    Again, Cancel, CancelAnswer, Commit, ConsultEnd, ConsultMessage, ConsultRequest, Consulted, Denial,
    Erase, ErasureAnswer, FEDERATION_PATH, Permission, PermissionRequest, ProgressReport, Reservation,
    Settle, TransferRequest, WellKnown,
};
use baton_protocol::ids::AuthorisationCode;
use baton_protocol::limits::{MAX_CONTEXT, MAX_FEDERATION_BODY, MAX_HOPS, MAX_LABEL, MAX_TEXT};
use baton_protocol::model::{AreaCard, SharePolicy};
use baton_protocol::{ErrorCode, TransferId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Peer;
use crate::driver::hand_over::Sender;
use crate::driver::overload::goes_round;
use crate::driver::{Gateway, now, random};
use crate::edge::http::{App, bearer};

/// Seconds in which a permission must be used.
const CODE_SECONDS: u32 = 60;

/// Seconds after which an unstaffed server may be asked again.
pub(crate) const RETRY_SECONDS: u32 = 60;

/// The time that a request's body has to arrive.
const BODY: Duration = Duration::from_secs(4);

/// What a permission allows, kept until it is used.
#[derive(Debug, Serialize, Deserialize)]
struct Grant {
    peer: String,
    agent: String,
    areas: Vec<String>,
}

/// An answer to a peer.
pub struct Answered<T>(Result<T, Denial>);

impl<T> Answered<T> {
    /// A denial.
    pub(super) fn denied(denial: Denial) -> Self {
        Self(Err(denial))
    }
}

impl<T: Serialize> IntoResponse for Answered<T> {
    fn into_response(self) -> Response {
        let denial = match self.0 {
            Ok(answer) => return Json(answer).into_response(),
            Err(denial) => denial,
        };
        let status = match denial.code {
            ErrorCode::WrongPassword => StatusCode::UNAUTHORIZED,
            ErrorCode::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::OutOfOrder => StatusCode::BAD_REQUEST,
            ErrorCode::UnknownChat => StatusCode::NOT_FOUND,
            _ => StatusCode::CONFLICT,
        };
        let retry = denial.retry_after.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        (status, retry, Json(denial)).into_response()
    }
}

pub(crate) fn deny(code: ErrorCode, detail: &str) -> Denial {
    let detail = if detail.is_empty() { code.to_string() } else { detail.into() };
    Denial { code, detail, retry_after: None }
}

/// Whether transfers from this peer are taken at all for now. What has been taken goes on.
fn agreed(peer: &Peer) -> Result<(), Denial> {
    let suspended = || deny(ErrorCode::Denied, "transfers from your company are suspended");
    if peer.agreement.suspended { Err(suspended()) } else { Ok(()) }
}

pub(crate) fn too_many(seconds: u32) -> Denial {
    let detail = format!("too many transfers from your company; try again in {seconds} s");
    Denial { retry_after: Some(seconds), ..deny(ErrorCode::TooManyAttempts, &detail) }
}

/// One answer for whatever is wrong with a signature; the log has the reason.
fn unauthorised() -> Denial {
    deny(ErrorCode::WrongPassword, "this request is not authorised")
}

pub(crate) fn ours(error: &anyhow::Error) -> Denial {
    tracing::error!(%error, "a peer's request failed");
    deny(ErrorCode::Internal, "")
}

/// Reads a request whole, checks who sent it, and only then looks into it (D1).
async fn checked<T: DeserializeOwned>(gateway: &Gateway, request: Request) -> Result<(Peer, T), Denial> {
    let (parts, body) = request.into_parts();
    let body = read(body).await.ok_or_else(|| deny(ErrorCode::OutOfOrder, "the body is too long"))?;
    let peer = authenticate(gateway, &parts.headers, parts.method.as_str(), parts.uri.path(), &body).await?;
    let request = serde_json::from_slice(&body).map_err(|error| {
        deny(ErrorCode::OutOfOrder, &format!("line {} column {}", error.line(), error.column()))
    })?;
    Ok((peer, request))
}

async fn read(body: Body) -> Option<Bytes> {
    tokio::time::timeout(BODY, axum::body::to_bytes(body, MAX_FEDERATION_BODY)).await.ok()?.ok()
}

pub(super) async fn authenticate(
    gateway: &Gateway,
    headers: &HeaderMap,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<Peer, Denial> {
    let token = bearer(headers).ok_or_else(unauthorised)?;
    gateway.federation.verify(token, method, path, body).await.map_err(|error| {
        tracing::warn!(%error, path, "a peer's request was refused");
        unauthorised()
    })
}

/// `GET /.well-known/baton`
pub async fn well_known(State(app): State<App>) -> Json<WellKnown> {
    let (config, settings) = (&app.gateway.config, &app.gateway.settings);
    let keys = app.gateway.federation.keys();
    Json(WellKnown {
        name: settings.server.clone(),
        title: settings.brand.name.clone(),
        subject: config.subject.clone(),
        versions: vec![baton_protocol::VERSION],
        federation: format!("{}{FEDERATION_PATH}", config.origin()),
        socket: config.socket(),
        jwks: keys.jwks(),
        rotations: keys.rotations(),
        revoked: keys.revoked().to_vec(),
    })
}

/// `POST /permission` (D1, D2)
pub async fn permission(State(app): State<App>, request: Request) -> Answered<Permission> {
    Answered(permit(&app.gateway, request).await)
}

async fn permit(gateway: &Arc<Gateway>, request: Request) -> Result<Permission, Denial> {
    let (peer, request): (Peer, PermissionRequest) = checked(gateway, request).await?;
    if request.visited.len() > MAX_HOPS {
        return Err(deny(ErrorCode::Loop, ""));
    }
    agreed(&peer)?;
    gateway.federation.quotas.permission(&peer, Instant::now()).map_err(too_many)?;
    if request.overload {
        goes_round(&gateway.settings.server, &request.visited, 0)?;
    }
    let mut areas: Vec<AreaCard> = open_areas(gateway, &peer);
    if request.overload && !areas.is_empty() {
        let refusals: Vec<Denial> =
            areas.iter().filter_map(|area| gateway.takes_overload(&area.name).err()).collect();
        areas.retain(|area| gateway.takes_overload(&area.name).is_ok());
        if let (true, Some(refusal)) = (areas.is_empty(), refusals.into_iter().next()) {
            return Err(refusal);
        }
        areas = areas.into_iter().map(|area| gateway.overload_card(area)).collect();
    }
    if areas.is_empty() {
        let denial = deny(ErrorCode::Unstaffed, "no service line is open to you now");
        return Err(Denial { retry_after: Some(RETRY_SECONDS), ..denial });
    }
    let grant = Grant {
        peer: peer.name.clone(),
        agent: request.agent,
        areas: areas.iter().map(|area| area.name.clone()).collect(),
    };
    let code = AuthorisationCode::from_bytes(random());
    let json = serde_json::to_string(&grant).map_err(|error| ours(&error.into()))?;
    let expires = now().plus(u64::from(CODE_SECONDS) * 1_000);
    gateway.store.grant_code(code.digest(), &json, expires).await.map_err(|error| ours(&error.into()))?;
    tracing::info!(peer = %peer.name, areas = areas.len(), "transfer permitted");
    let areas = (!gateway.config.general_entrance).then_some(areas);
    Ok(Permission { code, expires_in: CODE_SECONDS, areas })
}

/// The areas that this peer may use and that have somebody on duty (D2, A5).
fn open_areas(gateway: &Gateway, peer: &Peer) -> Vec<AreaCard> {
    let open = gateway.settings.areas.iter().filter(|area| gateway.is_open(&area.name));
    let allowed = open.filter(|area| peer.may_use(&area.name));
    let cards = allowed.map(|area| {
        let card =
            gateway.with_queue(|queue| queue.area_card(&area.name, &area.title, SharePolicy::AgentsChoice));
        gateway.predicted_card(card)
    });
    cards.filter(|card| card.agents > 0).collect()
}

/// `POST /transfers` (D3)
pub async fn transfers(State(app): State<App>, request: Request) -> Answered<Reservation> {
    Answered(take(&app.gateway, request).await)
}

async fn take(gateway: &Arc<Gateway>, request: Request) -> Result<Reservation, Denial> {
    let (peer, mut request): (Peer, TransferRequest) = checked(gateway, request).await?;
    within_limits(&request)?;
    agreed(&peer)?;
    let grant = redeem(gateway, &peer, (&request.code, request.transfer), &request.agent).await?;
    let area = chosen(&grant, request.area.take())?;
    let name = (peer.name.clone(), request.transfer);
    if !gateway.incoming(&name).await.map_err(|error| ours(&error))? {
        if request.redirects > 0 && request.agent.is_empty() {
            goes_round(&gateway.settings.server, &request.context.visited, request.redirects)?;
            gateway.takes_overload(&area)?;
        }
        gateway.federation.quotas.transfer(&peer, Instant::now()).map_err(too_many)?;
    }
    request.context = peer.agreement.fields_in.narrow(request.context);
    crate::documents::sober(&mut request.context.documents);
    // What a peer is called is ours to know, not its to say.
    request.context.origin = peer.title.clone();
    let most = peer.agreement.reservations as usize;
    gateway.take_in(&peer.name, area, request, Sender::Peer { most }).await
}

/// `POST /consultations`
pub async fn consult(State(app): State<App>, request: Request) -> Answered<Consulted> {
    Answered(ask_agent(&app.gateway, request).await)
}

async fn ask_agent(gateway: &Arc<Gateway>, request: Request) -> Result<Consulted, Denial> {
    let (peer, mut request): (Peer, ConsultRequest) = checked(gateway, request).await?;
    agreed(&peer)?;
    let grant = redeem(gateway, &peer, (&request.code, request.transfer), &request.agent).await?;
    let area = chosen(&grant, request.area.take())?;
    gateway.consulted(&peer, &area, request)
}

/// `POST /consultations/{id}/messages`
pub async fn consult_message(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    request: Request,
) -> Answered<serde_json::Value> {
    let heard = async {
        let (peer, message): (Peer, ConsultMessage) = checked(&app.gateway, request).await?;
        let heard = app.gateway.consult_heard(&peer.name, transfer, message);
        heard.map(|()| serde_json::json!({})).map_err(|code| deny(code, ""))
    };
    Answered(heard.await)
}

/// `POST /consultations/{id}/end`
pub async fn consult_end(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    request: Request,
) -> Answered<serde_json::Value> {
    let ended = async {
        let (peer, ConsultEnd {}) = checked(&app.gateway, request).await?;
        app.gateway.consult_end(&By::Peer(peer.name.clone()), transfer, ErrorCode::Cancelled);
        Ok(serde_json::json!({}))
    };
    Answered(ended.await)
}

/// `POST /transfers/{id}/again` (D7)
pub async fn again(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    request: Request,
) -> Answered<Reservation> {
    Answered(once_more(&app.gateway, transfer, request).await)
}

async fn once_more(
    gateway: &Arc<Gateway>,
    transfer: TransferId,
    request: Request,
) -> Result<Reservation, Denial> {
    let (peer, Again {}) = checked(gateway, request).await?;
    let name = (peer.name.clone(), transfer);
    let known = gateway.incoming(&name).await.map_err(|error| ours(&error))?;
    let area = gateway.look_at_incoming(&name, |incoming| incoming.record.area.clone());
    // What was allowed then need not be now.
    let allowed = area.is_some_and(|area| peer.may_use(&area));
    if known && allowed { gateway.ask_again(&name).await } else { Err(deny(ErrorCode::UnknownChat, "")) }
}

/// What the code permits, if it is good for this peer's agent (D3).
async fn redeem(
    gateway: &Gateway,
    peer: &Peer,
    (code, transfer): (&AuthorisationCode, TransferId),
    agent: &str,
) -> Result<Grant, Denial> {
    let redeemed = gateway.store.redeem_code(code.digest(), transfer, now()).await;
    let json = redeemed.map_err(|error| ours(&error.into()))?;
    json.and_then(|json| serde_json::from_str(&json).ok())
        .filter(|grant: &Grant| grant.peer == peer.name && grant.agent == agent)
        .ok_or_else(|| deny(ErrorCode::Denied, "the authorisation code is not valid"))
}

/// The area, if it is one of the permitted ones; the general entrance leads to the first of them.
fn chosen(grant: &Grant, area: Option<String>) -> Result<String, Denial> {
    let area = area.or_else(|| grant.areas.first().cloned());
    area.filter(|area| grant.areas.contains(area)).ok_or_else(|| deny(ErrorCode::UnknownArea, ""))
}

/// A context that is larger than a Baton server ever sends.
fn within_limits(request: &TransferRequest) -> Result<(), Denial> {
    let context = &request.context;
    let texts = context.transcript.iter().map(|entry| entry.text.len());
    let labels = [&context.agent, &context.queue, &context.customer.name, &context.customer.email];
    let fits = texts.clone().all(|size| size <= 4 * MAX_TEXT)
        && texts.sum::<usize>() <= MAX_CONTEXT
        && context.comments.len() <= MAX_TEXT
        && labels.into_iter().all(|label| label.len() <= MAX_LABEL)
        && context.visited.len() <= MAX_HOPS
        && request.origins.len() <= 16;
    if fits { Ok(()) } else { Err(deny(ErrorCode::BadText, "the warm transfer information is too large")) }
}

/// `POST /transfers/{id}/cancel`
pub async fn cancel(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    request: Request,
) -> Answered<CancelAnswer> {
    Answered(take_back(&app.gateway, transfer, request).await)
}

async fn take_back(
    gateway: &Arc<Gateway>,
    transfer: TransferId,
    request: Request,
) -> Result<CancelAnswer, Denial> {
    let (peer, request): (Peer, Cancel) = checked(gateway, request).await?;
    gateway.take_back(&peer.name, transfer, request).await
}

/// `POST /transfers/{id}/erase`
pub async fn erase(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    request: Request,
) -> Answered<ErasureAnswer> {
    let erased = async {
        let (peer, Erase {}): (Peer, Erase) = checked(&app.gateway, request).await?;
        app.gateway.federation.quotas.erasure(&peer, Instant::now()).map_err(too_many)?;
        match app.gateway.erase_between(&peer.name, transfer).await? {
            Answer::Erased(confirmed) => {
                let receipt = app.gateway.federation.receipt(&peer.name, *confirmed);
                receipt.map_err(|error| ours(&error))
            }
            _ => Err(deny(ErrorCode::Internal, "")),
        }
    };
    Answered(erased.await)
}

/// `POST /outgoing/{id}/commit`
pub async fn commit(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    request: Request,
) -> Answered<serde_json::Value> {
    Answered(outgoing(&app.gateway, transfer, request, |body: Commit| PeerRequest::Commit(body)).await)
}

/// `POST /outgoing/{id}/settle`
pub async fn settle(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    request: Request,
) -> Answered<serde_json::Value> {
    Answered(outgoing(&app.gateway, transfer, request, |body: Settle| PeerRequest::Settle(body)).await)
}

/// `POST /outgoing/{id}/progress`
pub async fn progress(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    request: Request,
) -> Answered<serde_json::Value> {
    Answered(
        outgoing(&app.gateway, transfer, request, |body: ProgressReport| PeerRequest::Progress(body)).await,
    )
}

async fn outgoing<T: DeserializeOwned>(
    gateway: &Arc<Gateway>,
    transfer: TransferId,
    request: Request,
    wrap: impl FnOnce(T) -> PeerRequest,
) -> Result<serde_json::Value, Denial> {
    let (peer, body): (Peer, T) = checked(gateway, request).await?;
    match gateway.hear(&peer.name, transfer, wrap(body)).await? {
        Answer::Release(release) => serde_json::to_value(release).map_err(|error| ours(&error.into())),
        _ => Ok(serde_json::json!({})),
    }
}
