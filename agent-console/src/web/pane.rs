//! One chat: head, conversation, composer.

use baton_protocol::limits::MAX_TEXT;
use baton_protocol::model::{ChatState, EndReason};
use baton_protocol::{ChatId, MessageId, TransferId};
use leptos::html::{Input, Textarea};
use leptos::prelude::*;

use super::driver::{act, console, now, random};
use super::faces::Faces;
use super::files;
use super::following::{Following, Whose};
use super::parts::{Avatar, Icon};
use super::replies;
use super::transcript::Transcript;
use crate::model::{Attempt, Chat, Link, PaneState};
use crate::tongue::{heard, say, t};
use crate::words;

/// See the module.
#[component]
pub fn Pane(id: ChatId) -> impl IntoView {
    let state = chat_memo(id, |chat| Some(chat.state()));
    let data_state = move || state.get().map_or("ended", PaneState::name);
    let writes = chat_memo(id, |chat| Some(chat.takes_text()));
    view! {
        <article class="pane" data-test="pane" data-state=data_state>
            <Head id state/>
            <Transfer id/>
            <Whose id/>
            <Transcript id/>
            <Show when=move || writes.get() == Some(true) fallback=move || view! { <Over id/> }><Composer id/></Show>
        </article>
    }
}

/// A part of the chat, told again only when it has changed.
pub fn chat_memo<T: Clone + PartialEq + Send + Sync + 'static>(
    id: ChatId,
    look: impl Fn(&Chat) -> Option<T> + Send + Sync + 'static,
) -> Memo<Option<T>> {
    Memo::new(move |_| console().with(|console| console.chat(id).and_then(&look)))
}

#[component]
fn Head(id: ChatId, state: Memo<Option<PaneState>>) -> impl IntoView {
    let card = chat_memo(id, |chat| Some((chat.name(), chat.card.online, chat.card.page.clone())));
    let name = move || card.get().map(|(name, ..)| name);
    let online = move || card.get().is_some_and(|(_, online, _)| online);
    let presence = move || if online() { t("Online") } else { t("Not connected") };
    let about = move || {
        let (_, online, page) = card.get()?;
        match state.get()? {
            // Their connection here ends with the move.
            PaneState::Transferring if !online => Some(t("On the way").into()),
            PaneState::Active if !online => Some(t("Not connected: they may come back").into()),
            PaneState::Transferred | PaneState::Ended => None,
            _ => page.map(|page| if page.title.is_empty() { page.url } else { page.title }),
        }
    };
    let mine = move || matches!(state.get(), Some(PaneState::Active | PaneState::Transferring));
    let shown = Signal::derive(move || name().unwrap_or_default());
    let there = Signal::derive(move || Some(online()));
    view! {
        <header class="head">
            <span role="img" aria-label=presence title=presence><Avatar name=shown online=there/></span>
            <div>
                <h2>{name}</h2>
                <p class="hint">{about}</p>
            </div>
            <button class="plain icon" data-test="within-open" aria-label=t("Search in this conversation")
                title=t("Search in this conversation")
                on:click=move |_| act(|console| console.look_within(id, String::new()))><Icon name="search"/></button>
            <Show when=mine><Confidential id/><Actions id state/></Show>
            <Show when=move || state.get() == Some(PaneState::Watched)><Following id/></Show>
        </header>
    }
}

/// The mark that keeps a chat where policy wants it (O2).
#[component]
fn Confidential(id: ChatId) -> impl IntoView {
    let on = chat_memo(id, |chat| Some(chat.marks.confidential));
    let online = Memo::new(|_| console().with(|console| console.link == Link::Online));
    let marked = move || on.get() == Some(true);
    view! {
        <button class="plain icon" role="switch" data-test="confidential" aria-label=t("Confidential")
            title=move || if marked() { t("Confidential: policy for such chats holds") } else { t("Mark as confidential") }
            aria-checked=move || marked().to_string() disabled=move || !online.get()
            on:click=move |_| act(|console| console.set_confidential(id, !marked()))><Icon name="lock"/></button>
    }
}

/// End, which can be undone for a moment, and Transfer.
#[component]
fn Actions(id: ChatId, state: Memo<Option<PaneState>>) -> impl IntoView {
    let ending = chat_memo(id, |chat| Some(chat.ending.is_some()));
    let online = Memo::new(|_| console().with(|console| console.link == Link::Online));
    let active = move || state.get() == Some(PaneState::Active);
    let end = move |_| act(|console| console.end(id, now()));
    let keep = move |_| act(|console| console.keep(id));
    move || {
        if ending.get() == Some(true) {
            return view! {
                <span class="hint" role="status">{t("Ending the chat…")}</span>
                <button data-test="keep" on:click=keep>{t("Undo")}</button>
            }
            .into_any();
        }
        view! {
            <button class="plain" data-test="end" disabled=move || !active() on:click=end>{t("End")}</button>
            <button class="main" data-test="transfer" title="Alt+T" disabled=move || !active() || !online.get()
                on:click=move |_| act(|console| console.begin_transfer(id))>{t("Transfer")}</button>
        }
        .into_any()
    }
}

/// How a transfer goes on, or why it did not happen (A6).
#[component]
fn Transfer(id: ChatId) -> impl IntoView {
    let shown = chat_memo(id, |chat| {
        let attempt = chat.attempt.as_ref()?;
        let shown = (attempt.is_open(), attempt.cancelling, attempt.is_kept());
        Some((shown, attempt.to.clone(), line(attempt)))
    });
    move || {
        let ((open, cancelling, kept), to, line) = shown.get()?;
        let failed = line.1;
        let title = (!to.is_empty()).then(|| view! { <b>{say("To $1:", &[&to])}" "</b> });
        let cancel = open.then(|| {
            view! {
                <button data-test="transfer-cancel" disabled=cancelling
                    on:click=move |_| act(|console| console.cancel_transfer(id))>{t("Cancel")}</button>
            }
        });
        let retry = kept.then(|| {
            view! {
                <button class="main" data-test="transfer-retry"
                    on:click=move |_| act(|console| console.retry(id))>{t("Retry")}</button>
            }
        });
        let another = if kept { t("Choose another") } else { t("Try again") };
        let after = failed.then(|| {
            view! {
                {retry}
                <button on:click=move |_| act(|console| console.try_again(id))>{another}</button>
                <button class="plain" on:click=move |_| act(|console| console.forget_failure(id))>{t("Close")}</button>
            }
        });
        Some(view! {
            <div class="progress" data-test="progress" data-failed=failed.to_string() role="status">
                <span class="spinner"></span>
                <p>{title}{line.0}</p>
                {cancel}{after}
            </div>
        })
    }
}

/// A sentence about an attempt, and whether it failed.
fn line(attempt: &Attempt) -> (String, bool) {
    match &attempt.failure {
        None if attempt.asking => (t("An agent there is being asked…").into(), false),
        None => (words::stage(attempt.stage).into(), false),
        Some((code, detail)) => {
            let advice = code.map(|code| t(code.advice())).unwrap_or_default();
            (say("Not transferred: $1. $2", &[&heard(detail), &advice]), true)
        }
    }
}

#[component]
fn Composer(id: ChatId) -> impl IntoView {
    let field = NodeRef::<Textarea>::new();
    let draft = chat_memo(id, |chat| Some((chat.draft.clone(), chat.is_aside())));
    let mine = chat_memo(id, |chat| Some(chat.is_mine()));
    let (replies, row) = (replies::asked(id), RwSignal::new(0_usize));
    let noting = move || draft.get().is_some_and(|(_, noting)| noting);
    let empty = move || draft.get().is_none_or(|(text, _)| text.trim().is_empty() || text.len() > MAX_TEXT);
    let send = move || {
        act(|console| console.send(id, MessageId(random())));
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let insert = move |face: &str| {
        let Some(field) = field.get_untracked() else { return };
        let _ = field.focus();
        let at = field.selection_start().ok().flatten().unwrap_or_default();
        let behind = at + u32::try_from(face.encode_utf16().count()).unwrap_or_default();
        let _ = field.set_range_text(face).and_then(|()| field.set_selection_range(behind, behind));
        act(|console| console.edit_draft(id, field.value(), now()));
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
        let asked = replies.get_untracked();
        if !asked.is_empty() {
            let here = row.get_untracked().min(asked.len() - 1);
            match event.key().as_str() {
                "ArrowDown" => row.set((here + 1).min(asked.len() - 1)),
                "ArrowUp" => row.set(here.saturating_sub(1)),
                "Enter" | "Tab" => replies::take(id, asked[here].id),
                _ => return row.set(0),
            }
            return event.prevent_default();
        }
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    field.on_load(|field| {
        let _ = field.focus();
    });
    let long = move || {
        draft
            .get()
            .filter(|(text, _)| text.len() > MAX_TEXT)
            .map(|_| t("Too long: send it in parts or as a document."))
    };
    view! {
        <footer class="composer" data-note=move || noting().to_string()
            on:dragover=move |event| event.prevent_default()
            on:drop=move |event| {
                event.prevent_default();
                files::send(id, event.data_transfer().and_then(|data| data.files()).as_ref());
            }>
            <p class="hint" role="alert">{long}</p>
            <replies::Asked chat=id all=replies row/>
            <textarea node_ref=field data-test="composer" rows="2" aria-label=t("Message")
                placeholder=move || match (noting(), mine.get()) {
                    (true, Some(false)) => t("Whisper: the customer never sees it"),
                    (true, _) => t("Private note: the customer never sees it"),
                    (false, _) => t("Message, or / for a reply"),
                }
                prop:value=move || draft.get().map(|(text, _)| text).unwrap_or_default()
                on:input:target=move |event| {
                    let text = event.target().value();
                    act(|console| console.edit_draft(id, text, now()));
                }
                on:focus=move |_| act(|console| { console.open(id); console.read_shown(); })
                on:keydown=key
                on:paste=move |event| {
                    // Text is the field's own to take.
                    if files::send(id, event.clipboard_data().and_then(|data| data.files()).as_ref()) {
                        event.prevent_default();
                    }
                }></textarea>
            <div>
                <Faces take=insert/>
                <Show when=move || mine.get() == Some(true)>
                    <Attach id/>
                    <button class="plain" data-test="note-toggle" title="Alt+N" aria-pressed=move || noting().to_string()
                        on:click=move |_| { let on = !noting(); act(|console| console.set_noting(id, on, now())); }>
                        {t("Private note")}
                    </button>
                </Show>
                <button class="main" data-test="send" disabled=empty on:click=move |_| send()>
                    {move || match (noting(), mine.get()) {
                        (true, Some(false)) => t("Whisper"),
                        (true, _) => t("Keep note"),
                        (false, _) => t("Send"),
                    }}
                </button>
            </div>
        </footer>
    }
}

/// A button for files; pasting and dropping them does the same.
#[component]
fn Attach(id: ChatId) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    let pick = move |_| {
        if let Some(field) = field.get_untracked() {
            field.click();
        }
    };
    view! {
        <input type="file" multiple hidden node_ref=field data-test="file" aria-label=t("Files to send")
            on:change:target=move |event| {
                files::send(id, event.target().files().as_ref());
                // The same file again is a choice too.
                event.target().set_value("");
            }/>
        <button class="plain" data-test="attach" on:click=pick>{t("Attach")}</button>
    }
}

/// What became of a chat that is no longer the agent's (A7).
#[component]
fn Over(id: ChatId) -> impl IntoView {
    let text = chat_memo(id, |chat| {
        Some(match &chat.card.state {
            ChatState::Transferred { to } => {
                let stage = chat.attempt.as_ref().and_then(|attempt| attempt.stage);
                say("Transferred to $1. $2", &[&to, &(words::fate(stage))])
            }
            ChatState::Ended(EndReason::Agent) if chat.ended_here => t("You ended the chat").into(),
            ChatState::Ended(reason) => words::ended(reason).into(),
            _ => t("Somebody else has this chat now.").into(),
        })
    });
    view! {
        <footer class="over">
            <p>{move || text.get()}</p>
            <button data-test="dismiss" on:click=move |_| act(|console| console.dismiss(id))>{t("Dismiss")}</button>
        </footer>
    }
}

/// A fresh transfer id.
pub fn new_transfer() -> TransferId {
    TransferId(random())
}
