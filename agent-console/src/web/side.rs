//! The left column: presence, the queue, the agent's chats (A2).

use baton_protocol::Timestamp;
use baton_protocol::model::{Author, Presence, WaitingCard};
use leptos::prelude::*;

use super::driver::{act, clock, console, log_out};
use crate::model::{Chat, PaneState};
use crate::words;

/// See the module.
#[component]
pub fn Side() -> impl IntoView {
    view! {
        <nav class="side" aria-label="Queue and chats">
            <Who/>
            <super::asked::Questions/>
            <Queue/>
            <Chats/>
        </nav>
    }
}

#[component]
fn Who() -> impl IntoView {
    let me = Memo::new(|_| console().with(|console| console.me.clone()));
    let title = move || me.get().map(|me| me.card.title);
    let brand = move || me.get().map(|me| me.brand.name);
    let available = Memo::new(|_| console().with(|console| console.presence() == Presence::Available));
    let places = move || {
        console().with(|console| {
            let most = console.me.as_ref().map_or(0, |me| me.card.max_chats);
            format!("{} of {most} chats", console.places_taken())
        })
    };
    let flip = move |_| {
        let next = if available.get_untracked() { Presence::Away } else { Presence::Available };
        act(|console| console.set_presence(next));
    };
    view! {
        <header class="who">
            <p class="brand">{brand}</p>
            <p>{title}" · "{places}</p>
            <div>
                <button role="switch" data-test="presence" class="presence"
                    aria-checked=move || available.get().to_string() on:click=flip>
                    {move || if available.get() { "Available" } else { "Away" }}
                </button>
                <LogOut/>
            </div>
        </header>
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
            log_out();
        } else {
            asked.set(true);
        }
    };
    let label = move || match (asked.get(), chats.get()) {
        (true, 1) => "Leave 1 chat?".to_owned(),
        (true, chats) => format!("Leave {chats} chats?"),
        (false, _) => "Log out".into(),
    };
    view! { <button class="plain" on:click=leave on:blur=move |_| asked.set(false)>{label}</button> }
}

#[component]
fn Queue() -> impl IntoView {
    let waiting = Memo::new(|_| console().with(|console| console.queue.clone()));
    let why_not = Memo::new(|_| console().with(|console| console.pick_up_unfit()));
    view! {
        <section aria-label="Waiting customers">
            <h2>"Waiting "<span class="number">{move || waiting.with(Vec::len)}</span></h2>
            <p class="hint">{move || why_not.get()}</p>
            <ul>
                <For each=move || waiting.get() key=|card| (card.chat, card.rank, card.from.clone()) let:card>
                    <Row card why_not/>
                </For>
            </ul>
            <Show when=move || waiting.with(Vec::is_empty)><p class="hint">"Nobody is waiting."</p></Show>
        </section>
    }
}

#[component]
fn Row(card: WaitingCard, why_not: Memo<Option<String>>) -> impl IntoView {
    let (chat, since) = (card.chat, card.since);
    let area = card.area.clone();
    // The names of the areas come after the queue.
    let area = Memo::new(move |_| console().with(|console| console.area_title(&area)));
    let picking = Memo::new(move |_| console().with(|console| console.picking.contains(&chat)));
    let waited = move || words::clock(Timestamp(clock().get()).since(since));
    let from = card.from.clone().map(|from| view! { <span class="badge">"from "{from}</span> });
    let name = words::customer(&card.name);
    let label = format!("Pick up {name}");
    view! {
        <li class="row" data-test="queue-row">
            <div>
                <b>{name}</b>" "{from}
                <p>{move || area.get()}" · "<span class="clock">{waited}</span></p>
                <p class="hint">{card.subject.clone()}</p>
            </div>
            <button data-test="pick-up" aria-label=label
                disabled=move || why_not.with(Option::is_some) || picking.get()
                on:click=move |_| act(|console| console.pick_up(chat))>
                "Pick up"
            </button>
        </li>
    }
}

#[component]
fn Chats() -> impl IntoView {
    let ids = Memo::new(|_| console().with(|console| console.chats.iter().map(Chat::id).collect::<Vec<_>>()));
    let beside = Memo::new(|_| console().with(|console| console.side_by_side));
    let flip = move |_| act(|console| console.side_by_side = !console.side_by_side);
    view! {
        <section aria-label="My chats">
            <h2>"My chats "<span class="number">{move || ids.with(Vec::len)}</span>
                <button class="plain" aria-pressed=move || beside.get().to_string() on:click=flip>"Side by side"</button>
            </h2>
            <ul>
                <For each=move || ids.get() key=|id| *id let:id><Tab id/></For>
            </ul>
        </section>
    }
}

/// What a row of the chat list shows.
#[derive(Clone, PartialEq)]
struct Shown {
    name: String,
    said: String,
    unread: usize,
    state: PaneState,
    front: bool,
    online: bool,
}

#[component]
fn Tab(id: baton_protocol::ChatId) -> impl IntoView {
    let shown = Memo::new(move |_| {
        console().with(|console| {
            let chat = console.chat(id)?;
            let said = chat.last_said().map(|(author, text)| match author {
                Author::Customer => text,
                _ => format!("You: {text}"),
            });
            Some(Shown {
                name: chat.name(),
                said: said.unwrap_or_default(),
                unread: chat.unread(),
                state: chat.state(),
                front: console.open == Some(id),
                online: chat.card.online,
            })
        })
    });
    let with =
        move |look: fn(&Shown) -> String| shown.with(|shown| shown.as_ref().map(look).unwrap_or_default());
    view! {
        <li>
            <button class="tab" data-test="chat-tab" data-state=move || with(|shown| shown.state.name().into())
                aria-current=move || with(|shown| shown.front.to_string())
                on:click=move |_| act(|console| { console.open(id); console.read_shown(); })>
                <span class="dot" data-on=move || with(|shown| shown.online.to_string())></span>
                <b>{move || with(|shown| shown.name.clone())}</b>
                <span class="unread">{move || with(|shown| if shown.unread > 0 { shown.unread.to_string() } else { String::new() })}</span>
                <span class="said">{move || with(|shown| shown.said.clone())}</span>
            </button>
        </li>
    }
}
