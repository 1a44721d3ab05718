//! What the agent has chosen for this browser: colours, notifications of the desktop, a sound. Nothing is on that they
//! have not turned on.

use leptos::prelude::*;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, Storage};

use super::driver::{act, console};
use crate::model::{Alert, Console};
use crate::tongue::t;

const SCHEME: &str = "baton.scheme";
const NOTIFY: &str = "baton.notify";
const SOUND: &str = "baton.sound";

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = batonConsole)]
    fn wake();
    #[wasm_bindgen(js_namespace = batonConsole)]
    fn sound();
    #[wasm_bindgen(js_namespace = batonConsole, js_name = askToNotify)]
    fn ask_to_notify();
    #[wasm_bindgen(js_namespace = batonConsole, js_name = notify)]
    fn show(title: &str, body: &str, clicked: &JsValue);
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn read(key: &str) -> Option<String> {
    storage().and_then(|storage| storage.get_item(key).ok().flatten())
}

fn keep(key: &str, value: &str) {
    // Without storage the choice lasts as long as the page.
    let _ = storage().map(|storage| storage.set_item(key, value));
}

fn is_on(key: &str) -> bool {
    read(key).as_deref() == Some("on")
}

/// As it was chosen the last time.
pub fn restore() {
    paint(&read(SCHEME).unwrap_or_default());
}

fn paint(scheme: &str) {
    let root = document().document_element().and_then(|root| root.dyn_into::<HtmlElement>().ok());
    let _ = root.map(|root| root.style().set_property("color-scheme", scheme));
}

/// Tells of what has happened while the agent looks elsewhere.
pub fn tell() {
    let alerts = console().try_update_untracked(Console::take_alerts).unwrap_or_default();
    if alerts.is_empty() || !document().hidden() {
        return;
    }
    if is_on(SOUND) {
        sound();
    }
    if is_on(NOTIFY) {
        alerts.into_iter().for_each(notify);
    }
}

fn notify(alert: Alert) {
    let (title, body) = alert.text();
    let clicked = Closure::once_into_js(move || act(|console| console.show_alert(&alert)));
    show(&title, &body, &clicked);
}

/// The choices, in a box that the button beside the agent's name opens.
#[component]
pub fn Preferences() -> impl IntoView {
    let (notify, loud) = (RwSignal::new(is_on(NOTIFY)), RwSignal::new(is_on(SOUND)));
    let scheme = RwSignal::new(read(SCHEME).unwrap_or_default());
    if loud.get_untracked() {
        wake();
    }
    let flip = |key: &'static str, on: RwSignal<bool>, value: bool| {
        on.set(value);
        keep(key, if value { "on" } else { "off" });
    };
    let ask = move |on: bool| {
        flip(NOTIFY, notify, on);
        if on {
            ask_to_notify();
        }
    };
    let option = move |value: &'static str, label: &'static str| {
        view! { <option value=value selected=move || scheme.get() == value>{label}</option> }
    };
    view! {
        <button class="plain icon" popovertarget="preferences" data-test="preferences" aria-label=t("Preferences") title=t("Preferences")>
            <super::parts::Icon name="gear"/>
        </button>
        <div popover="auto" id="preferences" class="preferences" role="dialog" aria-label=t("Preferences")>
            <label>{t("Colours")}
                <select data-test="scheme" on:change:target=move |event| {
                    let value = event.target().value();
                    paint(&value);
                    keep(SCHEME, &value);
                    scheme.set(value);
                }>
                    {option("", t("As the system"))}{option("light", t("Light"))}{option("dark", t("Dark"))}
                </select>
            </label>
            <super::tongue::Language/>
            <label class="choice"><input type="checkbox" data-test="notify" prop:checked=move || notify.get()
                on:change:target=move |event| ask(event.target().checked())/>{t("Notifications while you look elsewhere")}</label>
            <label class="choice"><input type="checkbox" data-test="sound" prop:checked=move || loud.get()
                on:change:target=move |event| {
                    flip(SOUND, loud, event.target().checked());
                    wake();
                    sound();
                }/>{t("A sound with them")}</label>
            <button data-test="log-out-everywhere" on:click=|_| super::driver::log_out(true)>{t("Log out everywhere")}</button>
        </div>
    }
}
