//! The pages and files that browsers get, each with a policy that lets nothing else in.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use baton_core::effect;
use serde::Serialize;

use super::http::App;
use super::{embedding, no_script, widget_page};
use crate::assets;
use crate::config::Field;
use crate::federation::Peer;

/// What the widget needs to know before it connects.
#[derive(Serialize)]
pub struct WidgetConfig {
    brand: baton_protocol::model::Brand,
    socket: String,
    areas: Vec<Area>,
    reachable: Vec<String>,
    /// Whether a transcript can be sent by e-mail.
    mail: bool,
    /// Whether customers are asked at the end how it was.
    survey: bool,
    /// The form's own questions.
    fields: Vec<Field>,
    /// Whether agents see what customers have typed and not sent.
    preview: bool,
}

#[derive(Serialize)]
struct Area {
    name: String,
    title: String,
    /// Whether an agent is on duty at an hour at which the area is open. Where none is, a message can be left.
    staffed: bool,
}

/// The way to the console.
pub async fn home() -> Redirect {
    Redirect::temporary("/console/")
}

/// See [`WidgetConfig`]. For whoever has no page of ours, which would have them in it.
pub async fn widget_config(State(app): State<App>) -> Json<WidgetConfig> {
    app.gateway.federation.refresh().await;
    Json(settings_of(&app, &app.gateway.federation.known()))
}

fn settings_of(app: &App, peers: &[Peer]) -> WidgetConfig {
    let settings = &app.gateway.settings;
    let staffed =
        |name: &str| app.gateway.is_open(name) && app.gateway.with_queue(|queue| queue.is_staffed(name));
    let area = |area: &effect::Area| Area {
        name: area.name.clone(),
        title: area.title.clone(),
        staffed: staffed(&area.name),
    };
    let areas = settings.areas.iter().map(area);
    let socket = app.gateway.config.socket();
    let peers = peers.iter().map(|peer| peer.socket.clone());
    let reachable = std::iter::once(socket.clone()).chain(peers).collect();
    let mail = app.gateway.visitors.mailer.is_some();
    let survey = app.gateway.config.end.survey;
    let (brand, areas) = (settings.brand.clone(), areas.collect());
    let fields = app.gateway.config.fields.clone();
    let preview = settings.preview;
    WidgetConfig { brand, socket, areas, reachable, mail, survey, fields, preview }
}

/// The loader that websites paste.
pub async fn loader(headers: HeaderMap) -> Response<Body> {
    for_anyone(file("miniapp/embed.js", &headers, ""))
}

/// A script with an integrity hash is read with CORS, and so is everything that a widget without a frame is made of. There
/// is nothing in it that is anybody's own.
fn for_anyone(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    let corp = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(corp, HeaderValue::from_static("cross-origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The widget's page, in a frame on the sites that embed us.
pub async fn widget(State(app): State<App>, headers: HeaderMap) -> Response<Body> {
    page(&app, &headers, None).await
}

/// The same as a page of its own. It says what it needs where no script runs, and how else the company is reached.
pub async fn chat(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let plain = no_script::body(&app.gateway.config, &query.unwrap_or_default(), &headers);
    let mut response = page(&app, &headers, Some(plain)).await;
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

async fn page(app: &App, headers: &HeaderMap, plain: Option<String>) -> Response<Body> {
    let config = &app.gateway.config;
    app.gateway.federation.refresh().await;
    let known = app.gateway.federation.known();
    let peers = known.iter().map(|peer| peer.socket.clone());
    // With the slash: the addresses of one customer's own below it (D4, CSP3 section 6.7.2.11).
    let sockets: Vec<String> = peers
        .flat_map(|socket| embedding::beside(&socket).into_iter().chain([format!("{socket}/"), socket]))
        .collect();
    let own = config.socket();
    let policy = format!(
        "{POLICY}; connect-src 'self' {own} {own}/ {}; frame-ancestors 'self' {}; require-trusted-types-for 'script'",
        sockets.join(" "),
        config.sites.join(" ")
    );
    match widget_page::with(&settings_of(app, &known), plain) {
        // Where the widget has no frame, the site's own page reads this one.
        Some(page) => embedding::permit(answer(page, headers, &policy), embedding::site(app, headers)),
        None => missing(),
    }
}

/// A file of the widget's.
pub async fn widget_file(Path(path): Path<String>, headers: HeaderMap) -> Response<Body> {
    for_anyone(file(&format!("miniapp/{path}"), &headers, ""))
}

/// The agents' console.
pub async fn console(State(app): State<App>, headers: HeaderMap) -> Response<Body> {
    let socket = app.gateway.config.socket();
    let policy = format!("{POLICY}; connect-src 'self' {socket}; frame-ancestors 'none'");
    file("console/index.html", &headers, &policy)
}

/// A file of the console's.
pub async fn console_file(Path(path): Path<String>, headers: HeaderMap) -> Response<Body> {
    file(&format!("console/{path}"), &headers, "")
}

/// No inline script or style, nothing from elsewhere (threat 14).
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob:; base-uri 'none'; form-action 'none'";

/// A file as browsers get it.
#[derive(Clone, Debug)]
pub struct Served {
    /// What `Content-Type` says.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: Bytes,
    /// The same, made smaller.
    pub brotli: Option<Bytes>,
    /// Changes when the file changes.
    pub etag: HeaderValue,
}

fn file(path: &str, request: &HeaderMap, policy: &str) -> Response<Body> {
    let Some(asset) = assets::find(path) else { return missing() };
    let served = Served {
        content_type: asset.content_type,
        bytes: Bytes::from_static(asset.bytes),
        brotli: asset.brotli.map(Bytes::from_static),
        etag: HeaderValue::from_static(asset.etag),
    };
    answer(served, request, policy)
}

fn missing() -> Response<Body> {
    let text = if assets::BUILT_WITH_WEB {
        "no such file\n"
    } else {
        "this build has no widget and no console in it: build it with `cargo xtask build`\n"
    };
    (StatusCode::NOT_FOUND, text).into_response()
}

fn answer(asset: Served, request: &HeaderMap, policy: &str) -> Response<Body> {
    let known = request.get(header::IF_NONE_MATCH) == Some(&asset.etag);
    let takes = |name: &str| {
        let accepted = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        accepted.is_some_and(|list| {
            list.split(',').any(|word| word.split(';').next().map(str::trim) == Some(name))
        })
    };
    let brotli = asset.brotli.filter(|_| takes("br"));
    let mut response = match (known, brotli) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, Some(bytes)) => ([(header::CONTENT_ENCODING, "br")], bytes).into_response(),
        (false, None) => asset.bytes.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::ETAG, asset.etag);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Asked for again each time, and answered in a few bytes while nothing has changed.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(policy) = HeaderValue::from_str(policy)
        && !policy.is_empty()
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
