//! Questions: whether the agent takes a chat that somebody wants to hand over to them (D7).

use baton_protocol::{Timestamp, TransferId};
use leptos::prelude::*;

use super::driver::{act, clock, console};
use crate::model::Asked;
use crate::tongue::{say, t};
use crate::words;

/// Every question that stands. The region is there before there is one, so that screen readers read it out.
#[component]
pub fn Questions() -> impl IntoView {
    let asks = Memo::new(|_| console().with(|console| console.asks.clone()));
    view! {
        <section class="asks" aria-label=t("Questions to you")>
            <For each=move || asks.get() key=|asked| (asked.ask.transfer, asked.until) let:asked>
                <Card asked/>
            </For>
        </section>
    }
}

#[component]
fn Card(asked: Asked) -> impl IntoView {
    let Asked { ask, until, .. } = asked;
    let transfer = ask.transfer;
    let taken = Memo::new(move |_| {
        console()
            .with(|console| console.asks.iter().any(|asked| asked.ask.transfer == transfer && asked.taken))
    });
    let name = words::customer(&ask.name);
    let question = say("$1 asks: do you take $2?", &[&ask.from, &name]);
    let by = if ask.agent == ask.from { ask.area } else { say("$1, for $2", &[&ask.agent, &ask.area]) };
    let left = move || say("$1 left", &[&(words::clock(until.since(Timestamp(clock().get()))))]);
    let buttons = move || {
        if taken.get() {
            return view! { <p role="status">{t("You take them. They are on their way…")}</p> }.into_any();
        }
        let button = |class, mark, label, accept| answer(transfer, class, mark, label, accept);
        view! {
            {button("main", "ask-take", t("Take"), true)}
            {button("", "ask-decline", t("Decline"), false)}
            <span class="hint clock">{left}</span>
        }
        .into_any()
    };
    view! {
        <article class="ask" data-test="ask">
            <p role="alert"><b>{question}</b></p>
            <p class="hint">{by}</p>
            <p>{ask.subject}</p>
            <blockquote>{ask.comments}</blockquote>
            <div>{buttons}</div>
        </article>
    }
}

fn answer(
    transfer: TransferId,
    class: &'static str,
    mark: &'static str,
    label: &'static str,
    accept: bool,
) -> impl IntoView {
    let click = move |_| act(|console| console.answer(transfer, accept));
    let keys = accept.then_some(t("Alt+A leads here"));
    view! { <button class=class data-test=mark title=keys on:click=click>{label}</button> }
}
