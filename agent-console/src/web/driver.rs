//! The socket, the clock and chance: everything that the model is given from outside.

use std::cell::{Cell, RefCell};

use baton_protocol::codes::Reaction;
use baton_protocol::frames::Login;
use baton_protocol::{CloseCode, Encoding, ServerFrame, Timestamp, decode_server};
use js_sys::{ArrayBuffer, Uint8Array};
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BinaryType, CloseEvent, MessageEvent, Storage, WebSocket};

use super::api::{self, Trouble};
use crate::model::{Console, Link, Page};

/// What was written and not sent, in this browser tab.
const KEPT: &str = "baton.kept";

/// The first wait before connecting again, in milliseconds; it doubles up to [`LONGEST`].
const FIRST: u32 = 250;
const LONGEST: u32 = 30_000;

/// A connection, with the listeners that live as long as it does.
struct Line {
    socket: WebSocket,
    _listeners: Vec<Closure<dyn FnMut(JsValue)>>,
}

thread_local! {
    static CONSOLE: Cell<Option<RwSignal<Console>>> = const { Cell::new(None) };
    static NOW: Cell<Option<RwSignal<u64>>> = const { Cell::new(None) };
    static LINE: RefCell<Option<Line>> = const { RefCell::new(None) };
    static SESSION: Cell<Option<RwSignal<Option<Session>>>> = const { Cell::new(None) };
    static READY: Cell<Option<RwSignal<bool>>> = const { Cell::new(None) };
    static TRIES: Cell<u32> = const { Cell::new(0) };
    static WRITTEN: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Who has logged in with this browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Login name.
    pub name: String,
    /// What they may do.
    pub role: String,
    /// What may come of a chat; anything, when there is none.
    pub dispositions: Vec<String>,
}

/// Who has logged in with this browser, if somebody has.
pub fn session() -> RwSignal<Option<Session>> {
    SESSION.get().expect("set by `start`")
}

/// Whether it is known if somebody has.
pub fn ready() -> RwSignal<bool> {
    READY.get().expect("set by `start`")
}

/// The console's state.
pub fn console() -> RwSignal<Console> {
    CONSOLE.get().expect("set by `start`")
}

/// The time in milliseconds, a second at a time, for clocks on the screen.
pub fn clock() -> RwSignal<u64> {
    NOW.get().expect("set by `start`")
}

/// The time.
pub fn now() -> Timestamp {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
    Timestamp(js_sys::Date::now() as u64)
}

/// Random bytes from the browser.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Some(crypto) = window().crypto().ok().filter(|_| N > 0) {
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes
}

/// Puts the focus on the first element of this selector, once the page is as it is going to be.
pub fn focus(selector: &str) {
    let selector = selector.to_owned();
    request_animation_frame(move || {
        let found = document().query_selector(&selector).ok().flatten();
        let element = found.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok());
        let _ = element.map(|element| element.focus());
    });
}

/// The first element of this selector, if there is one of this kind.
pub fn element<T: JsCast>(selector: &str) -> Option<T> {
    document().query_selector(selector).ok().flatten()?.dyn_into().ok()
}

/// Sets everything up; goes on with the session that this browser has, if it has one.
pub fn start() {
    CONSOLE.set(Some(RwSignal::new(Console::default())));
    NOW.set(Some(RwSignal::new(now().0)));
    SESSION.set(Some(RwSignal::new(None)));
    READY.set(Some(RwSignal::new(false)));
    set_interval(tick, std::time::Duration::from_secs(1));
    let _ = window_event_listener_untyped("focus", |_| act(Console::read_shown));
    act(|console| console.take_kept(&read(KEPT).unwrap_or_default()));
    spawn_local(go_on());
}

/// Asks whose session this browser has, and connects with it.
async fn go_on() {
    match api::call("GET", "session", None).await {
        Ok(answer) => {
            api::keep_csrf(api::text(&answer, "csrf"));
            let role = api::text(&answer, "role");
            act(|console| console.pages = Page::of(&role));
            session().set(Some(Session {
                name: api::text(&answer, "name"),
                role,
                dispositions: api::texts(&answer, "dispositions"),
            }));
            connect();
        }
        Err(Trouble { status: 401, .. }) => ready().set(true),
        Err(trouble) => {
            act(|console| console.not_logged_in(trouble.said));
            ready().set(true);
            // It is tried again while nobody logs in anew.
            again();
        }
    }
}

/// Does something to the state and sends what follows from it.
pub fn act(change: impl FnOnce(&mut Console)) {
    let signal = console();
    let frames = signal.try_update(|console| {
        change(console);
        console.take_outbox()
    });
    keep_written();
    for frame in frames.unwrap_or_default() {
        let mut bytes = Vec::new();
        if frame.encode(Encoding::Binary, &mut bytes).is_ok() {
            LINE.with_borrow(|line| {
                // A socket that is closing says so by its close event.
                line.as_ref().map(|line| line.socket.send_with_u8_array(&bytes))
            });
        }
    }
}

/// Keeps what was written and not sent, when it has changed, for a reload of the page.
fn keep_written() {
    let kept = console().try_with_untracked(Console::kept).unwrap_or_default();
    WRITTEN.with_borrow_mut(|written| {
        if *written != kept {
            keep(KEPT, Some(kept.as_str()).filter(|kept| !kept.is_empty()));
            *written = kept;
        }
    });
}

/// Logs in with name and password.
pub fn log_in(name: String, password: String) {
    act(|console| console.connecting(now()));
    spawn_local(async move {
        let body = serde_json::json!({ "name": name, "password": password });
        match api::call("POST", "session", Some(&body)).await {
            Ok(_) => go_on().await,
            Err(trouble) => act(|console| console.not_logged_in(trouble.said)),
        }
    });
}

/// Ends this browser's session, or all of this agent's.
pub fn log_out(everywhere: bool) {
    hang_up();
    keep(KEPT, None);
    spawn_local(async move {
        let path = if everywhere { "sessions" } else { "session" };
        let ended = api::call("DELETE", path, None).await;
        session().set(None);
        super::office::page().set(None);
        act(|console| console.logged_out(None));
        if let Err(trouble) =
            ended.or_else(|trouble| if trouble.status == 401 { Ok(Value::Null) } else { Err(trouble) })
        {
            act(|console| console.not_logged_in(trouble.said));
        }
    });
}

fn tick() {
    clock().set(now().0);
    act(|console| console.tick(now()));
    let silent = console().with_untracked(|console| console.is_silent(now()));
    if silent && LINE.with_borrow(Option::is_some) {
        hang_up();
        closed(None);
    }
}

/// Drops the connection without waiting for the other side, which may be gone.
fn hang_up() {
    if let Some(line) = LINE.take() {
        forget(&line.socket);
        // Its own listener may be running now: it is dropped when that has returned.
        set_timeout(move || drop(line), std::time::Duration::ZERO);
    }
}

fn connect() {
    // Somebody logged out while a retry was waiting.
    if session().with_untracked(Option::is_none) {
        return;
    }
    act(|console| console.connecting(now()));
    let location = window().location();
    let (scheme, host) = (location.protocol().unwrap_or_default(), location.host().unwrap_or_default());
    let scheme = if scheme == "https:" { "wss" } else { "ws" };
    let url = format!("{scheme}://{host}{}", baton_protocol::SOCKET_PATH);
    let Ok(socket) = WebSocket::new_with_str(&url, Encoding::Binary.subprotocol()) else {
        return closed(None);
    };
    socket.set_binary_type(BinaryType::Arraybuffer);
    let open = Closure::<dyn FnMut(JsValue)>::new(|_| opened());
    let message = Closure::<dyn FnMut(JsValue)>::new(|event: JsValue| {
        if let Ok(buffer) = event.unchecked_into::<MessageEvent>().data().dyn_into::<ArrayBuffer>() {
            heard(&Uint8Array::new(&buffer).to_vec());
        }
    });
    let close = Closure::<dyn FnMut(JsValue)>::new(|event: JsValue| {
        closed(CloseCode::from_number(event.unchecked_into::<CloseEvent>().code()));
    });
    socket.set_onopen(Some(open.as_ref().unchecked_ref()));
    socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
    socket.set_onclose(Some(close.as_ref().unchecked_ref()));
    hang_up();
    LINE.set(Some(Line { socket, _listeners: vec![open, message, close] }));
}

fn forget(socket: &WebSocket) {
    socket.set_onopen(None);
    socket.set_onmessage(None);
    socket.set_onclose(None);
    let _ = socket.close();
}

fn opened() {
    act(|console| console.connected(Login::Session {}, now()));
}

fn heard(bytes: &[u8]) {
    // A frame of a newer gateway's that this console does not know.
    let Ok(frame) = decode_server(Encoding::Binary, bytes) else { return };
    let welcome = matches!(frame, ServerFrame::AgentWelcome { .. });
    act(|console| {
        console.apply(frame, now());
        if !document().hidden() {
            console.read_shown();
        }
    });
    super::prefs::tell();
    if welcome {
        TRIES.set(0);
        ready().set(true);
    }
}

fn closed(code: Option<CloseCode>) {
    hang_up();
    match code.map(CloseCode::reaction) {
        Some(Reaction::StartAnew | Reaction::Stop) => {
            session().set(None);
            ready().set(true);
            super::office::page().set(None);
            act(|console| console.logged_out(code));
        }
        _ => {
            ready().set(true);
            act(Console::disconnected);
            again();
        }
    }
}

/// Connects again after a while: doubling, and half of it left to chance.
fn again() {
    let tries = TRIES.replace(TRIES.get() + 1);
    let most = FIRST.saturating_mul(1 << tries.min(10)).min(LONGEST);
    let [chance] = random();
    let by_chance = most / 2 + most / 2 * u32::from(chance) / 255;
    // A gateway that restarts gives everybody a time of their own.
    let asked = console().try_update(Console::take_resume_in).flatten();
    let wait = asked.map_or(by_chance, |asked| asked.min(LONGEST));
    let retry = || {
        if session().with_untracked(Option::is_some) {
            connect();
        } else if console().with_untracked(|console| matches!(console.link, Link::Out(_))) {
            spawn_local(go_on());
        }
    };
    set_timeout(retry, std::time::Duration::from_millis(wait.into()));
}

fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}

fn read(key: &str) -> Option<String> {
    storage().and_then(|storage| storage.get_item(key).ok().flatten())
}

/// Without storage drafts are lost with a reload.
fn keep(key: &str, value: Option<&str>) {
    let _ = storage().map(|storage| match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    });
}
