//! What the gateway and the site say before anything is shown.

use baton_core::client::Settings;
use baton_protocol::model::{Brand, Page};
use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// How the widget names itself; the customer's language follows.
pub const CLIENT: &str = concat!("baton-widget/", env!("CARGO_PKG_VERSION"));

/// What the site says of its customer.
#[derive(Default)]
pub struct Site {
    /// The area's name, or empty.
    pub area: String,
    /// The customer's name, or empty.
    pub name: String,
    /// The customer's e-mail address, or empty.
    pub email: String,
    /// What it is about, or empty.
    pub subject: String,
}

impl Site {
    /// Reads the loader's settings.
    pub fn read(from: &JsValue) -> Self {
        Self {
            area: text(from, "area"),
            name: text(from, "name"),
            email: text(from, "email"),
            subject: text(from, "subject"),
        }
    }
}

/// A member of an object; `undefined` when there is none.
pub fn get(from: &JsValue, name: &str) -> JsValue {
    Reflect::get(from, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// A text member of an object; empty when there is none.
pub fn text(from: &JsValue, name: &str) -> String {
    get(from, name).as_string().unwrap_or_default()
}

/// The page that the site reports (M5).
pub fn page(from: &JsValue) -> Option<Page> {
    let url = text(from, "url");
    (!url.is_empty()).then(|| Page { url, title: text(from, "title") })
}

fn texts(list: &JsValue) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(text) =
        Reflect::get(list, &JsValue::from(all.len())).ok().and_then(|item| item.as_string())
    {
        all.push(text);
    }
    all
}

/// Reads the gateway's `/v1/widget-config`.
pub fn config(from: &JsValue) -> Settings {
    let brand = get(from, "brand");
    Settings {
        socket: text(from, "socket"),
        reachable: texts(&get(from, "reachable")),
        brand: Brand { name: text(&brand, "name"), accent: text(&brand, "accent") },
        client_type: CLIENT.into(),
    }
}
