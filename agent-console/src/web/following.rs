//! What a supervisor can do with a chat that they follow.

use baton_protocol::ChatId;
use leptos::prelude::*;

use super::driver::{act, console};
use super::pane::chat_memo;
use crate::model::{Link, Role};
use crate::tongue::{say, t};

/// Take part, take over, stop.
#[component]
pub fn Following(id: ChatId) -> impl IntoView {
    let joined = chat_memo(id, |chat| match &chat.role {
        Role::Watched { joined, .. } => Some(*joined),
        _ => None,
    });
    let offline = Memo::new(|_| console().with(|console| console.link != Link::Online));
    view! {
        <Show when=move || joined.get() == Some(false)>
            <button data-test="join" disabled=move || offline.get() title=t("The customer sees you come")
                on:click=move |_| act(|console| console.join_in(id))>{t("Join")}</button>
        </Show>
        <button data-test="take-over" disabled=move || offline.get() title=t("The agent loses the chat, and you have it")
            on:click=move |_| act(|console| console.take_over(id))>{t("Take over")}</button>
        <button class="plain" data-test="unfollow" on:click=move |_| act(|console| console.dismiss(id))>{t("Stop")}</button>
    }
}

/// Whose chat it is, and who reads what is written.
#[component]
pub fn Whose(id: ChatId) -> impl IntoView {
    let text = chat_memo(id, |chat| match &chat.role {
        Role::Watched { agent, joined: false } if agent.is_empty() => {
            Some(t("You follow this chat. Nobody has it yet.").to_owned())
        }
        Role::Watched { agent, joined: false } => {
            Some(say("You follow this chat of $1's. What you write, $1 alone reads.", &[&agent]))
        }
        Role::Watched { agent, joined: true } => {
            Some(say("You take part in this chat of $1's. The customer reads what you write.", &[&agent]))
        }
        _ => None,
    });
    move || text.get().map(|text| view! { <p class="whose" data-test="whose" role="status">{text}</p> })
}
