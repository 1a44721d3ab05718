//! What is known of a customer beside the chat: who a site says they are, what they asked before, their documents.

use baton_protocol::ChatId;
use baton_protocol::model::{Body, Event};
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;

use super::api::{call, number, text};
use super::driver::{act, clock, console};
use super::files::Document;
use super::pane::chat_memo;
use crate::model::Chat;
use crate::tongue::{say, t};
use crate::words;

/// What the gateway knows of the customer in front; asked again when a site has named them.
pub fn of_front() -> RwSignal<Option<(ChatId, Value)>> {
    let known = RwSignal::new(None);
    let named = |chat: &Chat| {
        let named = |body: &Body| matches!(body, Body::Event(Event::Verified { .. }));
        chat.lines.values().filter(|line| named(&line.body)).count()
    };
    let front =
        Memo::new(move |_| console().with(|console| console.front().map(|chat| (chat.id(), named(chat)))));
    Effect::new(move |_| {
        let Some((chat, _)) = front.get() else { return known.set(None) };
        spawn_local(async move {
            // Without an answer nothing is shown that is not known.
            if let Ok(answer) = call("GET", &format!("chats/{chat}/customer"), None).await {
                let _ = known.try_set(Some((chat, answer)));
            }
        });
    });
    known
}

/// That a site has said who the customer is, and signed it.
#[component]
pub fn Verified(chat: ChatId, known: RwSignal<Option<(ChatId, Value)>>) -> impl IntoView {
    let site = move || {
        known.with(|known| known.as_ref().filter(|known| known.0 == chat).map(|known| text(&known.1, "site")))
    };
    move || {
        let site = site().filter(|site| !site.is_empty())?;
        let host = site.split_once("://").map_or(site.clone(), |(_, host)| host.to_owned());
        Some(
            view! { <p class="verified" data-test="verified" title=say("$1 has signed who this is", &[&site])>{say("✓ Verified by $1", &[&host])}</p> },
        )
    }
}

/// Earlier chats of the same customer, as a site has named them.
#[component]
pub fn Earlier(chat: ChatId, known: RwSignal<Option<(ChatId, Value)>>) -> impl IntoView {
    let row = |card: Value| {
        let (id, since) = (text(&card, "id").parse::<ChatId>().ok(), number(&card, "since"));
        let ago = move || words::ago(clock().get().saturating_sub(since));
        let about = [text(&card, "subject"), text(&card, "disposition")];
        let about: Vec<String> = about.into_iter().filter(|text| !text.is_empty()).collect();
        let about = if about.is_empty() { t("Chat").to_owned() } else { about.join(" · ") };
        let area = console().with_untracked(|console| console.area_title(&text(&card, "area")));
        view! {
            <li><button class="over" data-test="earlier" title=t("Read this chat")
                on:click=move |_| id.into_iter().for_each(|id| act(|console| console.read_closed(id)))>
                <span>{about}</span><span class="hint">{area}" · "{ago}</span></button></li>
        }
    };
    move || {
        let cards = known.with(|known| {
            let known = known.as_ref().filter(|known| known.0 == chat)?;
            known.1.get("earlier").and_then(Value::as_array).cloned()
        })?;
        (!cards.is_empty()).then(|| view! {
            <section aria-label=t("Earlier chats")><h2>{t("Earlier chats")}</h2><ul class="all">{cards.into_iter().map(row).collect_view()}</ul></section>
        })
    }
}

/// Documents that were said in the chat.
#[component]
pub fn Documents(chat: ChatId) -> impl IntoView {
    let cards = chat_memo(chat, |chat| {
        let cards = chat.lines.values().filter_map(|line| match &line.body {
            Body::Document(card) => Some(card.clone()),
            _ => None,
        });
        Some(cards.collect::<Vec<_>>())
    });
    move || {
        let cards = cards.get().filter(|cards| !cards.is_empty())?;
        Some(view! {
            <section aria-label=t("Documents") data-test="panel-documents"><h2>{t("Documents")}</h2>
                <ul>{cards.into_iter().map(|card| view! { <li><Document chat card/></li> }).collect_view()}</ul></section>
        })
    }
}
