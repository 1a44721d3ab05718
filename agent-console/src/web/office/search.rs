//! Search in chats that are over.

use baton_protocol::{ChatId, Timestamp};
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;

use super::super::api::{call, number, text, truth};
use super::super::driver::act;
use super::super::tongue::moment;
use super::agents::{encoded, title_of};
use super::page;
use crate::tongue::{say, t};
use crate::words;

/// See the module.
#[component]
pub fn Search() -> impl IntoView {
    let (query, trouble) = (RwSignal::new(String::new()), RwSignal::new(None::<String>));
    let found = RwSignal::new(None::<Vec<Value>>);
    let search = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let path = format!("search?q={}", encoded(query.get_untracked().trim()));
        spawn_local(async move {
            let (places, why) = match call("GET", &path, None).await {
                Ok(answer) => (Some(answer.as_array().cloned().unwrap_or_default()), None),
                Err(why) => (None, Some(why.said)),
            };
            let _ = found.try_set(places);
            let _ = trouble.try_set(why);
        });
    };
    let part = |part: &Value| {
        let said = text(part, "text");
        if truth(part, "found") { view! { <mark>{said}</mark> }.into_any() } else { said.into_any() }
    };
    let row = move |place: Value| {
        let chat = place.get("chat").cloned().unwrap_or_default();
        let id: Option<ChatId> = text(&chat, "id").parse().ok();
        // What was found, as it was said: the chat opens where it was.
        let words = place
            .get("excerpt")
            .and_then(Value::as_array)
            .and_then(|parts| parts.iter().find(|part| truth(part, "found")));
        let words = words.map(|part| text(part, "text")).unwrap_or_default();
        let open = move |_| {
            let Some(id) = id else { return };
            page().set(None);
            act(|console| {
                console.read_closed(id);
                console.look_within(id, words.clone());
            });
        };
        let parts =
            place.get("excerpt").and_then(Value::as_array).map(|parts| parts.iter().map(part).collect_view());
        view! {
            <li data-test="found"><button class="over" on:click=open>
                <span><b>{words::customer(&text(&chat, "name"))}</b><span class="hint">" "{title_of(&text(&chat, "area"))}" · "{moment(Timestamp(number(&chat, "since")))}</span></span>
                <span>{parts}</span></button></li>
        }
    };
    let count = move || {
        found.with(|found| {
            found.as_ref().map(|found| match found.len() {
                0 => t("Nothing was found. Chats can be found when they are over.").to_owned(),
                number => say("$1 place found|$1 places found", &[&number]),
            })
        })
    };
    view! {
        <h2 tabindex="-1">{t("Search")}</h2>
        <form role="search" class="searching" on:submit=search>
            <input type="search" required maxlength="200" aria-label=t("Words that were said") placeholder=t("Words that were said") data-test="search-words"
                on:input:target=move |event| query.set(event.target().value())/>
            <button class="main" data-test="search-submit">{t("Search")}</button>
        </form>
        <p class="wrong" role="alert">{move || trouble.get()}</p>
        <p class="hint" role="status">{count}</p>
        <ul class="all found">{move || found.get().unwrap_or_default().into_iter().map(row).collect_view()}</ul>
    }
}
