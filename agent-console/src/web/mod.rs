//! The views and the socket. What is shown is a function of [`crate::model::Console`]; what is done goes through
//! [`driver::act`].

mod api;
mod asked;
mod consult;
mod driver;
mod edit;
mod faces;
mod files;
mod following;
mod kept;
mod keys;
mod known;
mod lines;
mod login;
mod marked;
mod office;
mod palette;
mod pane;
mod panel;
mod parts;
mod prefs;
mod replies;
mod rescue;
mod side;
mod steady;
mod team;
mod tongue;
mod top;
mod transcript;
mod transfer;
mod within;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::model::{Chat, Link};
use crate::tongue::{say, t};
use driver::{act, console};

/// Starts the console.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(fault));
    tongue::start();
    office::start();
    driver::start();
    prefs::restore();
    window_event_listener(leptos::ev::keydown, |event| {
        if key(&event) {
            event.prevent_default();
        }
    });
    mount_to_body(|| view! { <App/> });
}

/// A defect of the console's: it is logged, and the agent is told what helps. The gateway keeps the chats.
fn fault(info: &std::panic::PanicHookInfo<'_>) {
    web_sys::console::error_1(&info.to_string().into());
    let (page, text) = (document(), t("The console has met a fault. Reload the page: your chats are kept."));
    let line = page.create_element("p").ok().zip(page.body());
    let _ = line.map(|(line, body)| {
        line.set_class_name("offline");
        line.set_text_content(Some(text));
        body.prepend_with_node_1(&line)
    });
}

/// A key anywhere in the window; whether it meant something.
fn key(event: &leptos::ev::KeyboardEvent) -> bool {
    let inside = console().with_untracked(|console| console.me.is_some());
    match event.key().as_str() {
        _ if !inside => false,
        "k" | "K" if event.ctrl_key() || event.meta_key() => {
            act(crate::model::Console::flip_palette);
            true
        }
        // Where nothing is being written.
        "?" if driver::element::<web_sys::Element>(":is(input, textarea, select):focus").is_none() => {
            keys::open();
            true
        }
        _ => event.alt_key() && !event.ctrl_key() && shortcut(&event.code()),
    }
}

/// Alt and a key; whether it meant something.
fn shortcut(code: &str) -> bool {
    // The dialog is about the chat it was opened for.
    if console().with_untracked(|console| console.dialog.is_some() || console.rescue.is_some()) {
        return false;
    }
    match code {
        "KeyP" => act(crate::model::Console::pick_up_next),
        "KeyA" => driver::focus("[data-test=ask-take]"),
        "KeyN" => act(|console| {
            let noting = console.front().is_some_and(|chat| chat.noting);
            if let Some(id) = console.open {
                console.set_noting(id, !noting, driver::now());
            }
        }),
        "KeyS" => act(|console| {
            if let Some(id) = console.open {
                console.look_within(id, String::new());
            }
        }),
        "ArrowDown" => act(|console| console.open_beside(true)),
        "ArrowUp" => act(|console| console.open_beside(false)),
        "KeyT" => act(|console| {
            if let Some(id) = console.open {
                console.begin_transfer(id);
            }
        }),
        _ => {
            let Some(place) = code.strip_prefix("Digit").and_then(|digit| digit.parse::<usize>().ok()) else {
                return false;
            };
            act(|console| console.open_nth(place.wrapping_sub(1)));
        }
    }
    true
}

#[component]
fn App() -> impl IntoView {
    let inside = Memo::new(|_| console().with(|console| console.me.is_some()));
    kept::start();
    move || {
        if inside.get() {
            view! { <Desk/> }.into_any()
        } else if driver::ready().get() {
            view! { <login::Login/> }.into_any()
        } else {
            // For the moment in which it is asked whose session this is: nothing jumps.
            ().into_any()
        }
    }
}

/// The bar above, and three columns: chats and inbox, the open chats, the customer.
#[component]
fn Desk() -> impl IntoView {
    let lost = Memo::new(|_| console().with(|console| console.link == Link::Lost));
    let panes = Memo::new(|_| console().with(|console| console.shown()));
    let none = move || panes.with(Vec::is_empty);
    let brand = Memo::new(|_| console().with(|console| console.me.as_ref().map(|me| me.brand.clone())));
    let unread = Memo::new(|_| {
        console().with(|console| console.asks.len() + console.chats.iter().map(Chat::unread).sum::<usize>())
    });
    Effect::new(move |_| {
        let Some(brand) = brand.get() else { return };
        let count = unread.get();
        let count = if count > 0 { format!("({count}) ") } else { String::new() };
        document().set_title(&say("$1$2 · Console", &[&count, &brand.name]));
        let root =
            document().document_element().and_then(|root| root.dyn_into::<web_sys::HtmlElement>().ok());
        // A value that is no colour is ignored by the browser.
        let _ = root.map(|root| root.style().set_property("--brand", &brand.accent));
    });
    view! {
        <Show when=move || lost.get()>
            <p class="offline" role="status">{t("The connection is lost. Trying again; nothing that you write is lost.")}</p>
        </Show>
        <top::Top/>
        <Show when=move || office::page().with(Option::is_some)><office::Office/></Show>
        <div class="desk" hidden=move || office::page().with(Option::is_some)>
            <side::Side/>
            <main class="panes">
                <For each=move || panes.get() key=|id| *id let:id><pane::Pane id/></For>
                <Show when=none>
                    <div class="empty">
                        <h2>{t("No chat is open")}</h2>
                        <p>{t("Pick a customer up from the list at the side.")}" "{t("Alt+P takes whoever waits longest.")}</p>
                    </div>
                </Show>
            </main>
            <panel::Panel/>
        </div>
        <consult::Sides/>
        <transfer::Transfer/>
        <rescue::Question/>
        <palette::Commands/>
        <replies::Replies/>
        <team::Team/>
        <keys::Keys/>
        <Notices/>
    }
}

#[component]
fn Notices() -> impl IntoView {
    let all = Memo::new(|_| console().with(|console| console.notices.clone()));
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || all.get() key=|notice| notice.number let:notice>
                <p class="toast" data-test="toast">
                    {notice.text.clone()}
                    <button aria-label=t("Close") on:click=move |_| act(|console| console.hush(notice.number))>"×"</button>
                </p>
            </For>
        </div>
    }
}
