//! The agent's language, as `console.js` has chosen it: its table, and how this browser writes numbers and times there.

use baton_protocol::Timestamp;
use leptos::prelude::*;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::tongue::{speak, t};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = batonConsole)]
    fn table() -> String;
    #[wasm_bindgen(js_namespace = batonConsole)]
    fn plural(number: f64) -> String;
    #[wasm_bindgen(js_namespace = batonConsole)]
    fn when(at: f64) -> String;
    #[wasm_bindgen(js_namespace = batonConsole)]
    fn hour(at: f64, zone: &str) -> String;
    /// A day as reports name it.
    #[wasm_bindgen(js_namespace = batonConsole)]
    pub fn day(name: &str) -> String;
    /// As numbers are written.
    #[wasm_bindgen(js_namespace = batonConsole)]
    pub fn number(number: f64) -> String;
    #[wasm_bindgen(js_namespace = batonConsole)]
    fn language() -> String;
    /// Keeps the choice, and loads the page again with it.
    #[wasm_bindgen(js_namespace = batonConsole, js_name = speak)]
    fn choose(language: &str);
}

/// Languages by their names for whoever speaks them. Each but English has its table in `static/`.
const LANGUAGES: [(&str, &str); 6] = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("pt", "Português"),
    ("ar", "العربية"),
];

/// Speaks the language of this page. Without a table that can be read it is English.
pub fn start() {
    let table = serde_json::from_str(&table()).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "counts of a page, and milliseconds of this era")]
    speak(table, |number| plural(number as f64), |at, zone| hour(at.0 as f64, zone));
}

/// The time of day where the agent is; the date too, where it is not today's.
pub fn moment(at: Timestamp) -> String {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit")]
    when(at.0 as f64)
}

/// Which language, for the preferences.
#[component]
pub fn Language() -> impl IntoView {
    let now = language();
    let option = |(value, label): (&'static str, &'static str)| {
        let chosen = now == value;
        view! { <option value=value lang=value selected=chosen>{label}</option> }
    };
    view! {
        <label>{t("Language")}
            <select data-test="language" on:change:target=|event| choose(&event.target().value())>
                {option(("", t("As the browser")))}{LANGUAGES.map(option)}
            </select>
        </label>
    }
}
