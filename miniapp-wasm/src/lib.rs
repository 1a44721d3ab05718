//! The customer's chat widget (U1): a small application in a frame of its own, served by the gateway.
//!
//! It is a driver around [`baton_core::client::Client`], which knows what to do; this crate knows how: sockets and
//! timers ([`driver`]), the browser's storage, the site around the frame ([`host`]), and what the customer sees
//! ([`ui`]). The page itself stands in `static/widget.html`; this crate fills it and never builds it anew, so that
//! focus and a half-written message stay where they are through a transfer (M2).
//!
//! Whatever comes from a gateway becomes text nodes and a checked colour, never HTML (threat 14).

mod driver;
mod host;
mod settings;
mod text;
mod ui;

use baton_protocol::ErrorCode;
use baton_protocol::model::DocumentCard;
use driver::App;
use js_sys::{Array, Function, Uint8Array};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;
use web_sys::Window;

thread_local! {
    static APP: RefCell<Option<App>> = const { RefCell::new(None) };
}

/// Starts the widget. `config` is the gateway's `/v1/widget-config`; `take` makes this window the one that holds
/// the chat, and answers by [`begin`]; `page` is what a hosted page says of itself, and nothing in a frame.
#[wasm_bindgen]
pub fn start(window: Window, config: &JsValue, take: Function, page: &JsValue) {
    let handler = Closure::<dyn Fn(JsValue)>::new(|value| with(|app| app.event(value)));
    if let Some(mut app) = App::new(window, config, take, handler.into_js_value().unchecked_into()) {
        app.start(page);
        APP.set(Some(app));
    }
}

/// This window holds the chat now: go on with what is stored.
#[wasm_bindgen]
pub fn begin() {
    with(App::begin);
}

/// Another window has taken the chat over.
#[wasm_bindgen]
pub fn lost() {
    with(App::lost);
}

/// Sends a frame of the later parts to the gateway that has the chat.
#[wasm_bindgen]
pub fn post(bytes: &Uint8Array) {
    with(|app| app.post(bytes));
}

/// Where the chat's documents are, and the secret that opens them; nothing while there is no chat to send them to.
#[wasm_bindgen]
pub fn place() -> Option<Array> {
    APP.with(|app| app.try_borrow().ok()?.as_ref()?.place())
}

/// The gateway has taken a file: it is said in the chat.
#[wasm_bindgen]
pub fn attached(sha256: String, name: String, media_type: String, size: f64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a file")]
    let size = size as u64;
    with(|app| app.attached(DocumentCard { sha256, name, media_type, size }));
}

/// It has not, perhaps because it takes no such files.
#[wasm_bindgen]
pub fn refused(such: bool) {
    with(|app| app.refused(if such { ErrorCode::BadDocument } else { ErrorCode::Internal }));
}

/// Browsers report some events while another is being handled, such as the focus that a handler moves. None of
/// those matters here.
fn with(act: impl FnOnce(&mut App)) {
    APP.with(|app| {
        if let Ok(mut app) = app.try_borrow_mut()
            && let Some(app) = app.as_mut()
        {
            act(app);
        }
    });
}

/// A third of the standard allocator's size, and enough for one chat.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
#[expect(unsafe_code, reason = "its contract is that there is one thread, and the widget has no other")]
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };
