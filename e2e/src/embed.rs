//! The websites of `examples/website-embed`, served as their owner would.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::{Query, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use serde_json::json;
use tokio::net::TcpListener;

use crate::company::Company;

/// What the site and the gateway share, on this machine alone.
const SECRET: &str = "a secret of the demo's site and gateway, known to everybody";

/// The websites, at an origin of their own.
pub struct Sites {
    /// Their origin.
    pub origin: String,
    listener: TcpListener,
}

impl Sites {
    /// Finds a place for them and tells the company's settings of it, before its gateway is started.
    ///
    /// # Errors
    /// When the settings cannot be written, or the port is taken.
    pub async fn set_up(company: &Company, port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let origin =
            format!("http://shop.{}.localhost:{}", company.plan().name, listener.local_addr()?.port());
        company.configure_after("sites = [", &format!("\"{origin}\","))?;
        std::fs::write(company.folder().join("shop.secret"), SECRET)?;
        company.configure(&format!(
            "[[identity]]\nsite = \"{origin}\"\nalgorithm = \"HS256\"\nkey = \"shop.secret\"\n"
        ))?;
        Ok(Self { origin, listener })
    }

    /// Serves them until the program ends.
    ///
    /// # Errors
    /// When a file is missing, or `baton embed` fails.
    pub fn serve(self, company: &Company) -> Result<String> {
        let printed = company.baton(&["embed"], "")?;
        let after = |start: &str| {
            let rest = printed.split_once(start).map(|(_, rest)| rest);
            rest.with_context(|| format!("`baton embed` prints no {start}"))
        };
        let integrity = after("integrity=\"")?.split('"').next().unwrap_or_default().to_owned();
        let mut policies = printed.lines().filter_map(|line| line.strip_prefix("Content-Security-Policy: "));
        let (Some(policy), Some(shadow_policy)) = (policies.next(), policies.next()) else {
            bail!("`baton embed` prints no policies");
        };
        let gateway = company.url();
        let page = |path: &str| -> Result<String> {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/website-embed");
            let text =
                std::fs::read_to_string(format!("{folder}/{path}")).with_context(|| path.to_owned())?;
            Ok(text.replace("{gateway}", &gateway).replace("{integrity}", &integrity))
        };
        let html = |text: String| get(move || async { Html(text) });
        let typed = |kind: &'static str, text: String| {
            get(move || async move { ([(header::CONTENT_TYPE, kind)], text).into_response() })
        };
        let app = page("app/index.html")?;
        let under = |policy: &str| -> Result<_> {
            let policy = HeaderValue::from_str(policy)?;
            Ok(axum::middleware::from_fn(move |request: Request, next: Next| {
                let policy = policy.clone();
                async move {
                    let mut response = next.run(request).await;
                    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
                    response
                }
            }))
        };
        let shadow = page("shadow/index.html")?;
        let shadow = Router::new()
            .route("/shadow/", html(shadow.clone()))
            .route("/shadow/contact", html(shadow))
            .layer(under(shadow_policy)?);
        let (issuer, audience) = (self.origin.clone(), gateway.clone());
        let token = move |Query(query): Query<std::collections::HashMap<String, String>>| async move {
            token(&issuer, &audience, query.get("who").map_or("", String::as_str))
        };
        let router = Router::new()
            .route("/strict/", html(page("strict/index.html")?))
            .layer(under(policy)?)
            .merge(shadow)
            .route("/plain/", html(page("plain/index.html")?))
            .route("/plain/contact.html", html(page("plain/contact.html")?))
            .route("/app/", html(app.clone()))
            .route("/app/stoves", html(app.clone()))
            .route("/app/account", html(app))
            .route("/app/app.js", typed("text/javascript", page("app/app.js")?))
            .route("/app/token", get(token))
            .route("/style.css", typed("text/css", page("style.css")?));
        let router = trials(router, &gateway);
        let (origin, listener) = (self.origin, self.listener);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(origin)
    }
}

/// Pages that only tests want.
fn trials(router: Router, gateway: &str) -> Router {
    let page = |policy: &'static str, body: &str| {
        let page = format!("<!doctype html><meta charset=\"utf-8\"><title>Trial</title><body>{body}");
        get(move || async move {
            let policy = (!policy.is_empty()).then_some([(header::CONTENT_SECURITY_POLICY, policy)]);
            (policy, Html(page)).into_response()
        })
    };
    let loader = format!("<script src=\"{gateway}/embed.js\" data-area=\"sales\"></script>");
    router
        .route("/trial/blocked", page("frame-src 'none'", &format!("<script>{RECORD}</script>{loader}")))
        .route("/trial/empty", page("", ""))
        .route("/trial/hostile", page("", &format!("<script>{RECORD}{HOSTILE}</script>{loader}{loader}")))
        .route("/trial/counted", page("", &format!("<script>{RECORD}{COUNT}</script>{loader}")))
        .route(
            "/trial/shadow",
            page("", &format!("<h1>Trial</h1><script>{RECORD}{COUNT}{SHADOW}</script>{loader}")),
        )
        .route(
            "/trial/ugly",
            page("", &format!("<style>{UGLY}</style><p>Ours</p><script>{SHADOW}</script>{loader}")),
        )
        .route(
            "/trial/shut",
            page("connect-src 'none'", &format!("<script>{RECORD}{SHADOW}</script>{loader}")),
        )
}

/// Warnings and errors of the page, kept for the test.
const RECORD: &str = "window.said = []; for (const kind of ['warn', 'error']) { const say = console[kind]; \
    console[kind] = (...what) => { said.push(what.join(' ')); say.apply(console, what); }; } \
    addEventListener('error', (event) => said.push('error: ' + event.message));";

/// A page that is not what a loader hopes for.
const HOSTILE: &str = "window.batonSettings = { area: 7, name: 'x'.repeat(999), toString: null, colour: 'red', \
    get email() { return { evil: true }; } }; Array.prototype.surprise = 1; \
    window.Baton = Object.assign((...call) => Baton.q.push(call), { q: [['on'], ['off', {}], ['on', 'open', () => { throw new Error('the page\\'s own'); }], \
    ['fly'], [], ['update', null], ['update', { area: 'sales', mail: 5 }]] });";

/// The chat as an element of the page.
const SHADOW: &str = "window.batonSettings = { mode: 'shadow' };";

/// A page whose styles are about everything in it. (Where the root itself is not to be shown, nothing is.)
const UGLY: &str = "html > *, body * { display: none !important; visibility: hidden !important; opacity: 0 !important; color: red !important; \
    font: 40px fantasy !important; position: static !important; transform: rotate(20deg) !important; direction: rtl; \
    --accent: lime !important; --back: lime !important } \
    html > div { width: 0 !important; height: 0 !important; clip-path: circle(0) !important; pointer-events: none !important }";

/// Counts what the page holds: listeners, timers, sockets.
const COUNT: &str = "window.held = { listeners: 0, timers: new Set(), sockets: 0 }; { \
    held.kept = () => known.filter(({ on }) => !(on instanceof Node ? !on.isConnected : on instanceof WebSocket || on instanceof AbortSignal)) \
      .map(({ on, type }) => on.constructor.name + ' ' + type); \
    const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype; const known = []; \
    const drop = (one) => { const at = known.indexOf(one); if (at >= 0) { known.splice(at, 1); held.listeners--; } }; \
    EventTarget.prototype.addEventListener = function (type, call, options) { \
      const one = { on: this, type, call }; known.push(one); held.listeners++; \
      options?.signal && add.call(options.signal, 'abort', () => drop(one)); return add.call(this, type, call, options); }; \
    EventTarget.prototype.removeEventListener = function (type, call, options) { \
      drop(known.find((one) => one.on === this && one.type === type && one.call === call)); return remove.call(this, type, call, options); }; \
    const { setTimeout: set, clearTimeout: clear, WebSocket: Socket } = window; \
    window.setTimeout = (call, ...rest) => { const id = set((...with_) => { held.timers.delete(id); call(...with_); }, ...rest); held.timers.add(id); return id; }; \
    window.clearTimeout = (id) => { held.timers.delete(id); clear(id); }; \
    window.WebSocket = class extends Socket { constructor(...how) { super(...how); held.sockets++; } }; \
    window.before = { push: history.pushState, replace: history.replaceState, names: Object.keys(window).length, nodes: -1 }; }";

/// What the site's server signs for a customer who has logged in.
fn token(site: &str, gateway: &str, who: &str) -> String {
    let mut name = who.to_owned();
    name.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
    let claims = json!({
        "iss": site, "aud": gateway, "sub": format!("customer-{who}"), "exp": get_current_timestamp() + 300,
        "name": name, "email": format!("{who}@example.org"),
    });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap_or_default()
}
