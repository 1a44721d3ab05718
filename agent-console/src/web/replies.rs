//! Replies for later use: the list that `/` opens above the composer, and the dialog in which they are kept.

use baton_protocol::limits::MAX_TEXT;
use baton_protocol::model::Reply;
use baton_protocol::{ChatId, MessageId};
use leptos::html;
use leptos::prelude::*;

use super::driver::{act, console, element, focus, now, random};
use crate::model::Console;
use crate::tongue::{say, t};

/// Rows of the list above the composer.
const ROWS: usize = 6;

/// The replies that the draft asks for.
pub fn asked(chat: ChatId) -> Memo<Vec<Reply>> {
    Memo::new(move |_| {
        console().with(|console| {
            let draft = console.chat(chat).map(|chat| chat.draft.as_str()).unwrap_or_default();
            console.asked_replies(draft).into_iter().take(ROWS).cloned().collect()
        })
    })
}

/// Takes a reply into the composer.
pub fn take(chat: ChatId, reply: MessageId) {
    act(|console| console.use_reply(chat, reply, now()));
}

/// The list above the composer.
#[component]
pub fn Asked(chat: ChatId, all: Memo<Vec<Reply>>, row: RwSignal<usize>) -> impl IntoView {
    let rows = move || all.get().into_iter().enumerate().collect::<Vec<_>>();
    view! {
        <Show when=move || !all.with(Vec::is_empty)>
            <ul class="asked" role="listbox" aria-label=t("Replies") data-test="replies">
                <For each=rows key=|(at, reply)| (*at, reply.clone().id, reply.text.clone()) let((at, reply))>
                    <li role="option" aria-selected=move || (row.get() == at).to_string()
                        on:mousedown=move |event| { event.prevent_default(); take(chat, reply.id); }>
                        <b>"/"{reply.shortcut.clone()}</b><span class="hint">{reply.text.clone()}</span>
                    </li>
                </For>
            </ul>
        </Show>
    }
}

/// Shows the dialog.
pub fn open() {
    if let Some(dialog) = element::<web_sys::HtmlDialogElement>("[data-test=replies-dialog]") {
        let _ = dialog.show_modal();
    }
}

/// The dialog.
#[component]
pub fn Replies() -> impl IntoView {
    let window = NodeRef::<html::Dialog>::new();
    let edited = RwSignal::new(None::<Reply>);
    let all = Memo::new(|_| console().with(|console| console.replies.clone()));
    let supervisor = Memo::new(|_| console().with(Console::is_supervisor));
    let close = move |_| {
        window.get_untracked().inspect(|dialog| dialog.close());
    };
    let new = move |_| {
        let (shortcut, text) = (String::new(), String::new());
        edited.set(Some(Reply { id: MessageId(random()), shortcut, text, personal: true }));
        focus("[data-test=reply-shortcut]");
    };
    let row = move |reply: Reply| {
        let may = reply.personal || supervisor.get_untracked();
        let (id, label) = (reply.id, say("Remove /$1", &[&reply.shortcut]));
        let whose = if reply.personal { t("yours") } else { t("everybody's") };
        let (shortcut, text) = (reply.shortcut.clone(), reply.text.clone());
        view! {
            <li data-test="reply">
                <div><b>"/"{shortcut}</b>" "<span class="badge">{whose}</span><p class="hint">{text}</p></div>
                {may.then(|| view! {
                    <button class="plain" on:click=move |_| edited.set(Some(reply.clone()))>{t("Edit")}</button>
                    <button class="plain" aria-label=label on:click=move |_| act(|console| console.remove_reply(id))>{t("Remove")}</button>
                })}
            </li>
        }
    };
    view! {
        <dialog class="small" node_ref=window aria-labelledby="replies-title" data-test="replies-dialog">
            <h2 id="replies-title">{t("Replies for later use")}</h2>
            <p class="hint">{t("Type / in an empty message to find one. {name}, {agent} and {company} are filled in.")}</p>
            <ul class="kept">
                <For each=move || all.get() key=|reply| reply_key(reply) children=row/>
            </ul>
            {move || edited.get().map(|reply| view! { <Form reply edited/> })}
            <footer>
                <button class="plain" data-test="reply-new" on:click=new>{t("New reply")}</button>
                <button class="main" on:click=close>{t("Close")}</button>
            </footer>
        </dialog>
    }
}

fn reply_key(reply: &Reply) -> (MessageId, String, String) {
    (reply.id, reply.shortcut.clone(), reply.text.clone())
}

#[component]
fn Form(reply: Reply, edited: RwSignal<Option<Reply>>) -> impl IntoView {
    let (shortcut, text) = (RwSignal::new(reply.shortcut.clone()), RwSignal::new(reply.text.clone()));
    let personal = RwSignal::new(reply.personal);
    let fresh = reply.text.is_empty();
    let id = reply.id;
    let supervisor = console().with_untracked(Console::is_supervisor);
    let word = move || shortcut.with(|word| word.trim_start_matches('/').trim().to_owned());
    let ready = move || {
        let word = word();
        let one = !word.is_empty() && !word.contains(char::is_whitespace) && !word.contains('/');
        one && text.with(|text| !text.trim().is_empty() && text.len() <= MAX_TEXT)
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if ready() {
            let reply = Reply {
                id,
                shortcut: word(),
                text: text.get_untracked(),
                personal: personal.get_untracked(),
            };
            act(|console| console.put_reply(reply));
            edited.set(None);
        }
    };
    view! {
        <form class="reply" on:submit=save>
            <label>{t("Shortcut")}
                <input data-test="reply-shortcut" autocomplete="off" prop:value=move || shortcut.get()
                    on:input:target=move |event| shortcut.set(event.target().value())/>
            </label>
            <label>{t("Text")}
                <textarea data-test="reply-text" rows="3" prop:value=move || text.get()
                    on:input:target=move |event| text.set(event.target().value())></textarea>
            </label>
            <Show when=move || supervisor && fresh>
                <label class="choice"><input type="checkbox" data-test="reply-everybody" prop:checked=move || !personal.get()
                    on:change:target=move |event| personal.set(!event.target().checked())/>{t("For everybody")}</label>
            </Show>
            <div>
                <button type="button" class="plain" on:click=move |_| edited.set(None)>{t("Cancel")}</button>
                <button class="main" data-test="reply-save" disabled=move || !ready()>{t("Save")}</button>
            </div>
        </form>
    }
}
