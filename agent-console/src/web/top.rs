//! The bar above everything: the company, whether the agent takes chats, and the way out.

use baton_protocol::model::Presence;
use leptos::prelude::*;

use super::driver::{act, console, log_out};
use super::parts::Icon;
use super::side::presence_mark;
use crate::model::Link;
use crate::tongue::{say, t};
use crate::words;

/// See the module.
#[component]
pub fn Top() -> impl IntoView {
    let me = Memo::new(|_| console().with(|console| console.me.clone()));
    let title = move || me.get().map(|me| me.card.title);
    let supervisor = Memo::new(|_| console().with(crate::model::Console::is_supervisor));
    let brand = move || me.get().map(|me| me.brand.name);
    let name = || match super::office::pages().len() {
        1 => t("Search"),
        2 => t("Reports"),
        _ => t("Administration"),
    };
    view! {
        <header class="top">
            <h1>{brand}</h1>
            <button class="find" data-test="find" title=t("Search commands and chats") on:click=|_| act(crate::model::Console::flip_palette)>
                <Icon name="search"/><span>{t("Search commands and chats")}</span><kbd>"Ctrl K"</kbd>
            </button>
            <Show when=move || supervisor.get()>
                <button class="plain" data-test="team-message" on:click=|_| super::team::open()>{t("Message to the team")}</button>
            </Show>
            <Show when=move || !super::office::pages().is_empty()>
                <button class="plain" data-test="office" aria-pressed=move || super::office::page().with(Option::is_some).to_string()
                    on:click=|_| super::office::flip()>{name}</button>
            </Show>
            <button class="plain" data-test="replies-open" on:click=|_| super::replies::open()>{t("Replies")}</button>
            <Available/>
            <Given/>
            <span class="who">{title}</span>
            <super::prefs::Preferences/>
            <LogOut/>
        </header>
    }
}

const STATES: [Presence; 3] = [Presence::Available, Presence::Busy, Presence::Away];

#[component]
fn Available() -> impl IntoView {
    let presence = Memo::new(|_| console().with(|console| console.presence()));
    let mark = move || presence_mark(presence.get());
    let choose = |value: String| {
        let chosen = STATES.into_iter().find(|state| presence_mark(*state) == value);
        act(|console| chosen.into_iter().for_each(|presence| console.set_presence(presence)));
    };
    let option = move |state: Presence| {
        view! { <option value=presence_mark(state) selected=move || presence.get() == state>{words::presence(state)}</option> }
    };
    view! {
        <span class="presence" data-state=mark>
            <select data-test="presence" aria-label=t("Whether you take chats") prop:value=mark
                on:change:target=move |event| choose(event.target().value())>
                {STATES.map(option).collect_view()}
            </select>
        </span>
    }
}

/// Whether customers are assigned to the agent; only where some are.
#[component]
fn Given() -> impl IntoView {
    let automatic = Memo::new(|_| console().with(|console| console.automatic));
    let given = Memo::new(|_| console().with(|console| !console.by_hand));
    let online = Memo::new(|_| console().with(|console| console.link == Link::Online));
    view! {
        <Show when=move || automatic.get()>
            <label class="choice" title=t("Without it you pick customers up yourself, and are given none")>
                <input type="checkbox" data-test="given" prop:checked=move || given.get() disabled=move || !online.get()
                    on:change:target=|event| {
                        let on = !event.target().checked();
                        act(|console| console.set_by_hand(on));
                    }/>{t("Assign to me")}</label>
        </Show>
    }
}

/// With chats open, leaving takes a second click.
#[component]
fn LogOut() -> impl IntoView {
    let asked = RwSignal::new(false);
    let chats =
        Memo::new(|_| console().with(|console| console.chats.iter().filter(|chat| chat.is_mine()).count()));
    let leave = move |_| {
        if asked.get_untracked() || chats.get_untracked() == 0 {
            log_out(false);
        } else {
            asked.set(true);
        }
    };
    let label = move || match (asked.get(), chats.get()) {
        (true, chats) => say("Leave $1 chat?|Leave $1 chats?", &[&chats]),
        (false, _) => t("Log out").into(),
    };
    view! { <button class="plain" on:click=leave on:blur=move |_| asked.set(false)>{label}</button> }
}
