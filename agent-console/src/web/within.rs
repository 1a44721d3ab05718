//! Looking for words in a conversation.

use baton_protocol::ChatId;
use leptos::html::Input;
use leptos::prelude::*;

use super::driver::{act, console, focus};
use super::parts::Icon;
use crate::model::sight::Mark;
use crate::tongue::{say, t};

/// The field, while it is open for this chat.
#[component]
pub fn Within(
    id: ChatId,
    /** The lines with the words. */
    sought: Memo<Option<Vec<Mark>>>,
) -> impl IntoView {
    let open = Memo::new(move |_| {
        console().with(|console| console.within.as_ref().is_some_and(|within| within.chat == id))
    });
    view! { <Show when=move || open.get()><Field id sought/></Show> }
}

#[component]
fn Field(id: ChatId, sought: Memo<Option<Vec<Mark>>>) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    field.on_load(|field| {
        let _ = field.focus();
        field.select();
    });
    let query = Memo::new(|_| {
        console()
            .with(|console| console.within.as_ref().map(|within| within.query.clone()).unwrap_or_default())
    });
    let step = move |earlier| act(|console| console.step_within(earlier));
    let close = move || {
        act(|console| console.within = None);
        focus("[data-test=composer]");
    };
    let count = move || {
        let at = console().with(|console| console.within.as_ref().and_then(|within| within.at));
        let (lines, here) = sought.with(|sought| {
            let found = sought.as_deref().unwrap_or_default();
            (found.len(), found.iter().position(|mark| Some(*mark) == at).map_or(0, |place| place + 1))
        });
        match lines {
            _ if query.with(|query| query.trim().is_empty()) => String::new(),
            0 => t("Nothing was found.").into(),
            lines => say("$1 of $2", &[&here, &lines]),
        }
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
        match event.key().as_str() {
            "Enter" => step(!event.shift_key()),
            "ArrowUp" => step(true),
            "ArrowDown" => step(false),
            "Escape" => close(),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="within" role="search">
            <input type="search" node_ref=field data-test="within" autocomplete="off" aria-label=t("Search in this conversation")
                placeholder=t("Search in this conversation") prop:value=move || query.get() on:keydown=key
                on:input:target=move |event| {
                    let query = event.target().value();
                    act(|console| console.look_within(id, query));
                }/>
            <span class="hint" role="status" data-test="within-count">{count}</span>
            <button class="plain icon" aria-label=t("The one before") title="↑" on:click=move |_| step(true)><Icon name="up"/></button>
            <button class="plain icon" aria-label=t("The next one") title="↓" on:click=move |_| step(false)><Icon name="down"/></button>
            <button class="plain icon" aria-label=t("Close") on:click=move |_| close()>"×"</button>
        </div>
    }
}
