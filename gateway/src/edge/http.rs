//! The HTTP surface.
//!
//! | path | for |
//! |---|---|
//! | `GET /v1/ws` | customers and agents, WebSocket |
//! | `GET /v1/ws/{at}` | a customer who arrives at an address of their own (D4) |
//! | `GET /v1/warm/{page}` | a customer whose browser has no connection: the warm transfer page (O4) |
//! | `GET /v1/widget-config` | the widget |
//! | `POST /v1/documents/{chat}`, `GET /v1/documents/{chat}/{sha256}` | customers and agents, files |
//! | `POST /v1/identify`, `/v1/identify/{chat}`, `/v1/messages`, `/v1/transcripts/{chat}`, `/v1/surveys/{chat}` (also `GET`) | the widget, beside its socket |
//! | `GET /embed.js`, `/widget/…` | websites |
//! | `GET /chat/` | customers who follow a link: the widget as a page of its own |
//! | `GET /console/…` | agents |
//! | `GET /.well-known/baton`, `POST` and `GET /federation/v1/…` | peers |
//! | `/api/v1/…` | administration, reports and search, for the console and for programs: [`crate::api`] |
//! | `GET /healthz` | operators |

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use baton_protocol::Wtid;

use super::limits::Addresses;
use super::{documents, embedding, pages, proxy, socket, visitors, warm};
use crate::config::SOCKET_PATH;
use crate::driver::Gateway;
use crate::federation::{self, inbound};

/// What every handler can reach.
#[derive(Clone)]
pub struct App {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Connections by address.
    pub addresses: Arc<Addresses>,
}

/// Who answers a request.
#[derive(Clone)]
pub struct Surface {
    /// For sockets, if there are any beside the routes.
    sockets: Option<App>,
    /// For everything else.
    pub(super) router: Router,
}

impl From<Router> for Surface {
    fn from(router: Router) -> Self {
        Self { sockets: None, router }
    }
}

impl Surface {
    /// The gateway's.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>) -> Self {
        let app = App { gateway, addresses: Arc::default() };
        Self { sockets: Some(app.clone()), router: router(app) }
    }

    /// Answers a request to open a WebSocket; any other one is given back. Customers come in masses, after a restart all
    /// at once: their requests go no way through routes and layers.
    ///
    /// # Errors
    /// The request, when it is for the router.
    #[expect(clippy::result_large_err, reason = "a request goes on as it came")]
    pub(super) fn socket<B: Send>(
        &self,
        peer: SocketAddr,
        request: Request<B>,
    ) -> Result<Response<Body>, Request<B>> {
        match &self.sockets {
            Some(app) if request.method() == Method::GET && request.uri().path() == SOCKET_PATH => {
                Ok(hardened(admit(app.clone(), peer, None, request)))
            }
            _ => Err(request),
        }
    }
}

/// Every route.
fn router(app: App) -> Router {
    let beside = Router::new()
        .route("/v1/identify", post(visitors::identify))
        .route("/v1/identify/{chat}", post(visitors::identify_chat))
        .route("/v1/messages", post(visitors::leave))
        .route("/v1/transcripts/{chat}", post(visitors::transcript))
        .layer(DefaultBodyLimit::max(visitors::MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(app.clone(), embedding::around));
    let survey = get(visitors::asks).post(visitors::survey).options(documents::preflight);
    let survey =
        Router::new().route("/v1/surveys/{chat}", survey).layer(DefaultBodyLimit::max(visitors::MAX_BODY));
    Router::new()
        .merge(beside)
        .merge(survey)
        .merge(crate::api::router())
        .route("/", get(pages::home))
        .route("/healthz", get(health))
        .route("/v1/ws/{at}", get(own_websocket))
        .route("/v1/warm/{page}", get(warm::page))
        .route("/v1/widget-config", get(pages::widget_config))
        .route("/v1/documents/{chat}", post(documents::upload).options(documents::preflight))
        .route("/v1/documents/{chat}/{sha256}", get(documents::download).options(documents::preflight))
        .route("/embed.js", get(pages::loader))
        .route("/widget/", get(pages::widget))
        .route("/widget/{*path}", get(pages::widget_file))
        .route("/chat/", get(pages::chat))
        .route("/chat/{*path}", get(pages::widget_file))
        .route("/console", get(pages::home))
        .route("/console/", get(pages::console))
        .route("/console/{*path}", get(pages::console_file))
        .route("/.well-known/baton", get(inbound::well_known))
        .route("/federation/v1/permission", post(inbound::permission))
        .route("/federation/v1/transfers", post(inbound::transfers))
        .route("/federation/v1/transfers/{id}/again", post(inbound::again))
        .route("/federation/v1/transfers/{id}/cancel", post(inbound::cancel))
        .route("/federation/v1/transfers/{id}/erase", post(inbound::erase))
        .route("/federation/v1/consultations", post(inbound::consult))
        .route("/federation/v1/consultations/{id}/messages", post(inbound::consult_message))
        .route("/federation/v1/consultations/{id}/end", post(inbound::consult_end))
        .route("/federation/v1/outgoing/{id}/commit", post(inbound::commit))
        .route("/federation/v1/outgoing/{id}/settle", post(inbound::settle))
        .route("/federation/v1/outgoing/{id}/progress", post(inbound::progress))
        .route("/federation/v1/outgoing/{id}/documents/{sha256}", get(federation::documents::give))
        .layer(axum::middleware::map_response(harden))
        .with_state(app)
}

/// The token of an `Authorization` header, if it has one to be borne (RFC 6750 section 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Headers that every answer has, but for the beginning of a WebSocket.
async fn harden(response: Response<Body>) -> Response<Body> {
    hardened(response)
}

fn hardened(mut response: Response<Body>) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

async fn health(State(app): State<App>) -> impl IntoResponse {
    format!("ok\nconnections {}\n", app.gateway.connections())
}

async fn own_websocket(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(at): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    match at.parse() {
        Ok(at) => admit(app, peer, Some(at), request),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn admit<B: Send>(app: App, peer: SocketAddr, at: Option<Wtid>, request: Request<B>) -> Response<Body> {
    let limits = &app.gateway.config.limits;
    let full = app.gateway.connections() >= limits.connections;
    let ip = proxy::client(peer.ip(), request.headers(), &app.gateway.config.trusted_proxies);
    match app.addresses.admit(ip, limits.per_address).filter(|_| !full) {
        Some(place) => socket::upgrade(app.gateway, request, ip, at, place),
        None => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")], "too many connections\n")
            .into_response(),
    }
}
