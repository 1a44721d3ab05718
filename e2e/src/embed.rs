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

use crate::browser::Browsers;
use crate::company::{ACME, Company};

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
        // Policies that lack something: the socket's address, or the leave to run the module.
        let words: Vec<&str> = shadow_policy.split(' ').filter(|word| !word.starts_with("ws")).collect();
        let no_socket = Router::new().route("/trial/no-socket", html(shadow.clone()));
        let no_module = Router::new().route("/trial/no-module", html(shadow.clone()));
        let short = no_socket
            .layer(under(&words.join(" "))?)
            .merge(no_module.layer(under(&shadow_policy.replace(" 'wasm-unsafe-eval'", ""))?));
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
            .merge(short)
            .route("/plain/", html(page("plain/index.html")?))
            .route("/plain/contact.html", html(page("plain/contact.html")?))
            .route("/app/", html(app.clone()))
            .route("/app/stoves", html(app.clone()))
            .route("/app/account", html(app))
            .route("/app/app.js", typed("text/javascript", page("app/app.js")?))
            .route("/app/token", get(token))
            .route("/style.css", typed("text/css", page("style.css")?));
        let router = trials(router, &gateway, company.address());
        let (origin, listener) = (self.origin, self.listener);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(origin)
    }
}

/// A company with its websites, and browsers for their visitors.
pub struct Shop {
    /// The company, running.
    pub acme: Company,
    /// Its websites' origin.
    pub site: String,
    /// The same websites at an origin of quite another site, which embeds the chat as well.
    pub foreign: String,
    /// For its visitors.
    pub browsers: Browsers,
    _folder: tempfile::TempDir,
}

/// Sets a shop up, with what the test wants different.
///
/// # Errors
/// When anything of it does not start.
pub async fn shop(change: impl FnOnce(&Company)) -> Result<Shop> {
    let folder = tempfile::tempdir()?;
    let mut acme = Company::set_up(ACME, folder.path()).await?;
    let sites = Sites::set_up(&acme, 0).await?;
    let foreign = format!("http://127.0.0.1:{}", sites.listener.local_addr()?.port());
    acme.configure_after("sites = [", &format!("\"{foreign}\","))?;
    change(&acme);
    acme.start().await?;
    let site = sites.serve(&acme)?;
    Ok(Shop { acme, site, foreign, browsers: Browsers::start().await?, _folder: folder })
}

/// Pages that only tests want.
fn trials(router: Router, gateway: &str, address: String) -> Router {
    let page = |policy: &'static str, body: &str| {
        let page = format!("<!doctype html><meta charset=\"utf-8\"><title>Trial</title><body>{body}");
        get(move || async move {
            let policy = (!policy.is_empty()).then_some([(header::CONTENT_SECURITY_POLICY, policy)]);
            (policy, Html(page)).into_response()
        })
    };
    let loader = format!("<script src=\"{gateway}/embed.js\" data-area=\"sales\"></script>");
    let text = "<h1>Trial</h1><p>A page with some text in it, and nothing else.</p>";
    let timed = |mode: &str, calls: &str| {
        let script = format!("<script>{mode}{calls}{TIMED}</script>");
        page(
            "",
            &format!("{text}{script}<script async src=\"{gateway}/embed.js\" data-area=\"sales\"></script>"),
        )
    };
    let open = "window.Baton = (...call) => (Baton.q ||= []).push(call); Baton('open');";
    // A gateway that answers with the loader and with nothing else, ever.
    let stalled = get(move || async move {
        let loader = reqwest::get(format!("{address}/embed.js")).await;
        let text = match loader {
            Ok(loader) => loader.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        ([(header::CONTENT_TYPE, "text/javascript")], text).into_response()
    });
    let silent = "<script async src=\"/embed.js\" data-mail=\"help@acme.example\"></script>";
    let link = format!("{text}<p><a href=\"{gateway}/chat/\">Chat with us</a></p>{loader}");
    router
        .route("/embed.js", stalled)
        .route("/widget/", get(std::future::pending::<String>))
        .route("/widget/shadow.js", get(std::future::pending::<String>))
        .route("/trial/never", get(std::future::pending::<String>))
        .route("/trial/hanging", page("", &format!("{text}<img src=\"never\" alt=\"\">{loader}")))
        .route("/trial/silent", page("", &format!("{text}<script>{RECORD}</script>{silent}")))
        .route("/trial/silent-shadow", page("", &format!("{text}<script>{RECORD}{SHADOW}</script>{silent}")))
        .route("/trial/queued", page("", &format!("<script>{QUEUED}</script>{loader}")))
        .route("/trial/linked", page("", &link))
        .route("/trial/unloaded", page("script-src 'none'", &link))
        .route("/trial/bare", page("", text))
        .route("/trial/launched", timed("", ""))
        .route("/trial/launched-shadow", timed(SHADOW, ""))
        .route("/trial/opened", timed("", open))
        .route("/trial/opened-shadow", timed(SHADOW, open))
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

/// Marks when the launcher can be clicked, and when the window stands open; each once it is painted.
const TIMED: &str = "for (const [name, mark] of [['ready', 'launched'], ['open', 'opened']]) \
    addEventListener('baton:' + name, () => requestAnimationFrame(() => setTimeout(() => performance.mark(mark))));";

/// Every call before the loader has come, and what is heard of it.
const QUEUED: &str = "window.Baton = (...call) => (Baton.q ||= []).push(call); window.heard = []; \
    const hear = (how, name) => (detail) => heard.push([how, name, detail ?? []].flat().join(' ')); \
    for (const name of ['ready', 'open', 'close', 'started', 'unread', 'ended', 'gone']) { \
      const call = hear('call', name); if (name == 'open') window.told = call; \
      Baton('on', name, call); addEventListener('baton:' + name, ({ detail }) => hear('dom', name)(detail)); } \
    const never = () => heard.push('never'); Baton('on', 'open', never); Baton('off', 'open', never); \
    Baton('update', { name: 'Carla' }); Baton('open'); Baton('toggle'); Baton('toggle');";

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
