//! Side conversations, beside the chats that they are about.

use baton_protocol::{MessageId, TransferId};
use leptos::prelude::*;

use super::driver::{act, console, random};
use crate::model::Side;
use crate::tongue::{say, t};

/// Those that there are.
#[component]
pub fn Sides() -> impl IntoView {
    let all = Memo::new(|_| {
        console().with(|console| console.sides.iter().map(|side| side.card.transfer).collect::<Vec<_>>())
    });
    view! {
        <Show when=move || all.with(|all| !all.is_empty())>
            <div class="sides">
                <For each=move || all.get() key=|transfer| *transfer let:transfer><OneSide transfer/></For>
            </div>
        </Show>
    }
}

fn part<T: Clone + PartialEq + Send + Sync + 'static>(
    transfer: TransferId,
    look: impl Fn(&Side) -> T + Send + Sync + 'static,
) -> Memo<Option<T>> {
    Memo::new(move |_| {
        console().with(|console| console.sides.iter().find(|side| side.card.transfer == transfer).map(&look))
    })
}

#[component]
fn OneSide(transfer: TransferId) -> impl IntoView {
    let title = part(transfer, |side| {
        let card = &side.card;
        if side.is_asking() {
            say("Asking $1…", &[&card.with])
        } else {
            format!("{}, {}", card.with, card.at)
        }
    });
    let lines = part(transfer, |side| side.lines.clone());
    let over = part(transfer, |side| side.card.ended.is_some());
    let refused = part(transfer, |side| side.refused.clone());
    let complete = part(transfer, Side::can_complete);
    let about = part(transfer, |side| side.card.chat);
    let subject = move || {
        let chat = about.get().flatten()?;
        console().with(|console| console.chat(chat).map(|chat| say("about $1", &[&chat.name()])))
    };
    let goes_on = move || over.get() == Some(false);
    view! {
        <section class="aside" data-test="side-conversation" aria-label=t("Side conversation")>
            <header>
                <b>{move || title.get()}</b><span class="hint">{subject}</span>
            </header>
            <div class="talk" role="log" aria-live="polite" aria-label=t("What was said") tabindex="0">
                <For each=move || lines.get().unwrap_or_default() key=|line| line.id let:line>
                    <p data-mine=line.mine.to_string() data-test="side-line">{line.text}</p>
                </For>
            </div>
            <Show when=move || over.get() == Some(true)>
                <p class="hint" role="status">{t("This side conversation is over.")}</p>
            </Show>
            <p class="wrong" role="alert">{move || refused.get().flatten()}</p>
            <Show when=goes_on><Writing transfer/></Show>
            <footer>
                <button class="plain" data-test="side-end" on:click=move |_| act(|console| console.end_side(transfer))>
                    {move || if goes_on() { t("End") } else { t("Close") }}
                </button>
                <Show when=move || complete.get() == Some(true)>
                    <button class="main" data-test="side-complete"
                        on:click=move |_| act(|console| console.complete(transfer))>{t("Transfer now")}</button>
                </Show>
            </footer>
        </section>
    }
}

#[component]
fn Writing(transfer: TransferId) -> impl IntoView {
    let draft = part(transfer, |side| side.draft.clone());
    let busy = part(transfer, |side| side.sending.is_some() || side.is_asking());
    let send = move || act(|console| console.say_aside(transfer, MessageId(random())));
    view! {
        <form class="write" on:submit=move |event| { event.prevent_default(); send(); }>
            <input data-test="side-text" aria-label=t("Message to the other agent") autocomplete="off"
                prop:value=move || draft.get().unwrap_or_default()
                on:input:target=move |event| {
                    let text = event.target().value();
                    act(|console| console.write_side(transfer, text));
                }/>
            <button class="plain" data-test="side-send" disabled=move || busy.get() != Some(false)>{t("Send")}</button>
        </form>
    }
}
