//! The question to which queue a supervisor gets a chat back (S2).

use baton_protocol::model::OpenState;
use leptos::prelude::*;

use super::driver::{act, console, now};
use super::parts::modal;
use crate::model::{Console, Rescue};
use crate::tongue::{say, t};
use crate::words;

fn part<T: Clone + PartialEq + Send + Sync + 'static>(
    look: impl Fn(&Rescue) -> T + Send + Sync + 'static,
) -> Memo<Option<T>> {
    Memo::new(move |_| console().with(|console| console.rescue.as_ref().map(&look)))
}

fn close() {
    act(|console| console.rescue = None);
}

/// See the module.
#[component]
pub fn Question() -> impl IntoView {
    let open = Memo::new(|_| console().with(|console| console.rescue.is_some()));
    view! { <Show when=move || open.get()><Window/></Show> }
}

#[component]
fn Window() -> impl IntoView {
    let window = modal();
    let name = part(|rescue| words::customer(&rescue.chat.name));
    let what = part(|rescue| consequence(&rescue.chat.state));
    let to = part(|rescue| rescue.to.clone());
    let busy = part(|rescue| rescue.busy);
    let wrong = part(|rescue| rescue.wrong.clone());
    let areas = Memo::new(|_| console().with(|console| console.areas.clone()));
    let options = move || {
        let chosen = to.get_untracked().unwrap_or_default();
        let option = |area: baton_protocol::model::AreaCard| {
            let selected = area.name == chosen;
            let about = say(
                "$1, $2 waiting, $3",
                &[&area.title, &area.waiting, &(say("$1 agent|$1 agents", &[&area.agents]))],
            );
            let standing = console().with(|console| console.standing(&area.name, now()));
            let about = standing.map_or(about.clone(), |it| format!("{about} · {}", words::standing(&it)));
            view! { <option value=area.name selected=selected>{about}</option> }
        };
        areas.get().into_iter().map(option).collect_view()
    };
    view! {
        <dialog class="small" node_ref=window aria-labelledby="rescue-title" data-test="rescue-dialog" on:close=|_| close()>
            <h2 id="rescue-title">{move || say("Rescue $1", &[&name.get().unwrap_or_default()])}</h2>
            <p>{move || what.get()}</p>
            <label>{t("Queue")}
                <select data-test="rescue-to"
                    on:change:target=|event| { let area = event.target().value(); act(|console| console.rescue_to(area)); }>
                    {options}
                </select>
            </label>
            <p class="wrong" role="alert" data-test="rescue-wrong">{move || wrong.get().flatten()}</p>
            <footer>
                <button class="plain" on:click=|_| close()>{t("Cancel")}</button>
                <button class="main" data-test="rescue-submit" disabled=move || busy.get() == Some(true)
                    on:click=|_| act(Console::rescue)>{t("Back to the queue")}</button>
            </footer>
        </dialog>
    }
}

/// What a rescue does, by where the chat stands.
fn consequence(state: &OpenState) -> &'static str {
    match state {
        OpenState::Waiting => t(
            "The customer waits. They keep the place that their arrival gives them, in the queue that you choose.",
        ),
        OpenState::Active { .. } => t("The agent loses the chat, and the customer waits for the next one."),
        OpenState::Transferring { .. } => {
            t("The transfer is cancelled, the agent loses the chat, and the customer waits for the next one.")
        }
        OpenState::Leaving { .. } => t(
            "The customer was given to another server, which has not confirmed it. If they come back, they wait in the queue that you choose.",
        ),
    }
}
