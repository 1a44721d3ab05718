//! The sheet of keys (`?`).

use leptos::html;
use leptos::prelude::*;

use super::driver::element;
use crate::tongue::{t, tr};

const KEYS: [(&str, &str); 13] = [
    ("Ctrl K", tr("Commands and chats")),
    ("Alt P", tr("Pick up whoever waits longest")),
    ("Alt 1 … 9", tr("Go to a chat")),
    ("Alt ↓ / ↑", tr("The next chat, the one before")),
    ("Alt T", tr("Transfer")),
    ("Alt N", tr("Private note")),
    ("Alt S", tr("Search in this conversation")),
    ("Alt A", tr("Go to the question whether you take a chat")),
    ("/", tr("In an empty message: replies for later use")),
    ("Enter", tr("Send")),
    ("Shift Enter", tr("A new line")),
    ("Ctrl Enter", tr("In the transfer dialog: transfer")),
    ("?", tr("This sheet")),
];

/// Shows it.
pub fn open() {
    if let Some(dialog) = element::<web_sys::HtmlDialogElement>("[data-test=keys]") {
        let _ = dialog.show_modal();
    }
}

/// See the module.
#[component]
pub fn Keys() -> impl IntoView {
    let window = NodeRef::<html::Dialog>::new();
    let close = move |_| {
        window.get_untracked().inspect(|dialog| dialog.close());
    };
    let row =
        |(keys, does): (&'static str, &'static str)| view! { <dt><kbd>{keys}</kbd></dt><dd>{t(does)}</dd> };
    view! {
        <dialog class="small" node_ref=window aria-labelledby="keys-title" data-test="keys">
            <h2 id="keys-title">{t("Keyboard shortcuts")}</h2>
            <dl class="keys">{KEYS.map(row).collect_view()}</dl>
            <footer><button class="main" on:click=close>{t("Close")}</button></footer>
        </dialog>
    }
}
