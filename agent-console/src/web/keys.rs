//! The sheet of keys (`?`).

use leptos::html;
use leptos::prelude::*;

use super::driver::element;

const KEYS: [(&str, &str); 12] = [
    ("Ctrl K", "Commands and chats"),
    ("Alt P", "Pick up whoever waits longest"),
    ("Alt 1 … 9", "Go to a chat"),
    ("Alt ↓ / ↑", "The next chat, the one before"),
    ("Alt T", "Transfer"),
    ("Alt N", "Private note"),
    ("Alt A", "Go to the question whether you take a chat"),
    ("/", "In an empty message: replies for later use"),
    ("Enter", "Send"),
    ("Shift Enter", "A new line"),
    ("Ctrl Enter", "In the transfer dialog: transfer"),
    ("?", "This sheet"),
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
        |(keys, does): (&'static str, &'static str)| view! { <dt><kbd>{keys}</kbd></dt><dd>{does}</dd> };
    view! {
        <dialog class="small" node_ref=window aria-labelledby="keys-title" data-test="keys">
            <h2 id="keys-title">"Keyboard shortcuts"</h2>
            <dl class="keys">{KEYS.map(row).collect_view()}</dl>
            <footer><button class="main" on:click=close>"Close"</button></footer>
        </dialog>
    }
}
