//! One chat: head, conversation, composer.

use baton_protocol::limits::MAX_TEXT;
use baton_protocol::model::{Author, Body, ChatState, Entry, PriorEntry};
use baton_protocol::{ChatId, MessageId, TransferId};
use leptos::html::{Div, Textarea};
use leptos::prelude::*;

use super::driver::{act, console, now, random};
use crate::model::{Attempt, Chat, PaneState, Pending};
use crate::words;

/// See the module.
#[component]
pub fn Pane(id: ChatId) -> impl IntoView {
    let state = chat_memo(id, |chat| Some(chat.state()));
    let data_state = move || state.get().map_or("ended", PaneState::name);
    let mine = Memo::new(move |_| matches!(state.get(), Some(PaneState::Active | PaneState::Transferring)));
    view! {
        <article class="pane" data-test="pane" data-state=data_state>
            <Head id state/>
            <Transfer id/>
            <Conversation id/>
            <Show when=move || mine.get() fallback=move || view! { <Over id/> }><Composer id/></Show>
        </article>
    }
}

/// A part of the chat, told again only when it has changed.
fn chat_memo<T: Clone + PartialEq + Send + Sync + 'static>(
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
    let page = move || card.get().and_then(|(.., page)| page).map(|page| page.title);
    let active = move || state.get() == Some(PaneState::Active);
    let mine = move || matches!(state.get(), Some(PaneState::Active | PaneState::Transferring));
    view! {
        <header class="head">
            <span class="dot" data-on=move || online().to_string()></span>
            <div><h2>{name}</h2><p class="hint">{move || if online() { page() } else { Some("not connected".into()) }}</p></div>
            <Show when=mine>
                <button class="plain" data-test="end" on:click=move |_| act(|console| console.end(id))>"End"</button>
                <button class="main" data-test="transfer" disabled=move || !active()
                    on:click=move |_| act(|console| console.begin_transfer(id))>"Transfer"</button>
            </Show>
        </header>
    }
}

/// How a transfer goes on, or why it did not happen (A6).
#[component]
fn Transfer(id: ChatId) -> impl IntoView {
    let shown = chat_memo(id, |chat| {
        let attempt = chat.attempt.as_ref()?;
        Some((attempt.is_open(), attempt.cancelling, attempt.to.clone(), line(attempt)))
    });
    move || {
        let (open, cancelling, to, line) = shown.get()?;
        let failed = line.1;
        let cancel = open.then(|| {
            view! {
                <button data-test="transfer-cancel" disabled=cancelling
                    on:click=move |_| act(|console| console.cancel_transfer(id))>"Cancel"</button>
            }
        });
        let after = failed.then(|| {
            view! {
                <button on:click=move |_| act(|console| console.try_again(id))>"Try again"</button>
                <button class="plain" on:click=move |_| act(|console| console.forget_failure(id))>"Close"</button>
            }
        });
        Some(view! {
            <div class="progress" data-test="progress" data-failed=failed.to_string() role="status">
                <p><b>{to}</b>" "{line.0}</p>
                {cancel}{after}
            </div>
        })
    }
}

/// A sentence about an attempt, and whether it failed.
fn line(attempt: &Attempt) -> (String, bool) {
    match &attempt.failure {
        None => (words::stage(attempt.stage).into(), false),
        Some((code, detail)) => {
            let advice = code.map(|code| code.advice()).unwrap_or_default();
            (format!("Not transferred: {detail}. {advice}"), true)
        }
    }
}

#[component]
fn Conversation(id: ChatId) -> impl IntoView {
    let list = NodeRef::<Div>::new();
    let revision = chat_memo(id, |chat| {
        let typing = chat.is_typing();
        Some((chat.revision, chat.last_seq(), chat.pending.len(), chat.context.is_some(), chat.seen, typing))
    });
    let lines = move || {
        revision.track();
        console().with_untracked(|console| console.chat(id).map(conversation))
    };
    Effect::new(move |_| {
        revision.track();
        // After the lines are there.
        request_animation_frame(move || {
            if let Some(list) = list.get_untracked() {
                list.set_scroll_top(list.scroll_height());
            }
        });
    });
    let typing = chat_memo(id, |chat| chat.is_typing().then(|| format!("{} is typing…", chat.name())));
    view! {
        <div class="transcript" data-test="transcript" role="log" aria-live="polite" tabindex="0" node_ref=list>
            {lines}
            <p class="hint">{move || typing.get()}</p>
        </div>
    }
}

fn conversation(chat: &Chat) -> impl IntoView + use<> {
    let name = chat.name();
    let earlier = chat.earlier();
    let context = chat.context.as_ref().map(|context| format!("Before, at {}", context.origin));
    let before = (!earlier.is_empty()).then(|| {
        let lines: Vec<_> = earlier.iter().map(|entry| prior(entry, &name)).collect();
        view! {
            <section class="earlier" data-test="handover-transcript" aria-label="Earlier conversation">
                <h3>{context}</h3>
                {lines}
            </section>
        }
    });
    let seen = chat.seen;
    let lines: Vec<_> = chat.lines.values().map(|entry| said(entry, &name, seen)).collect();
    let pending: Vec<_> = chat.pending.iter().map(|pending| waiting(chat.id(), pending)).collect();
    view! { {before}{lines}{pending} }
}

fn prior(entry: &PriorEntry, customer: &str) -> impl IntoView + use<> {
    let kind = kind(&entry.author, entry.note);
    view! {
        <div class="line" data-kind=kind>
            <p class="by">{words::author(&entry.author, customer)}</p>
            <p class="text">{entry.text.clone()}</p>
        </div>
    }
}

fn said(entry: &Entry, customer: &str, seen: u64) -> AnyView {
    let (text, note) = match &entry.body {
        Body::Event(event) => {
            return view! { <p class="event" data-test="event">{words::event(event)}</p> }.into_any();
        }
        Body::Text(text) => (text.clone(), false),
        Body::Note(text) => (text.clone(), true),
    };
    let by = words::author(&entry.author, customer);
    let by = if note { format!("{by}, private note") } else { by };
    let mark = (matches!(entry.author, Author::Agent(_)) && !note)
        .then(|| if entry.seq <= seen { "seen" } else { "sent" });
    view! {
        <div class="line" data-test="message" data-kind=kind(&entry.author, note)>
            <p class="by">{by}" "<span class="hint">{mark}</span></p>
            <p class="text">{text}</p>
        </div>
    }
    .into_any()
}

fn kind(author: &Author, note: bool) -> &'static str {
    match author {
        _ if note => "note",
        Author::Customer => "customer",
        _ => "agent",
    }
}

fn waiting(chat: ChatId, pending: &Pending) -> impl IntoView + use<> {
    let id = pending.id;
    let state = match pending.refused {
        None => "sending…".to_owned(),
        Some(code) => format!("not sent: {code}"),
    };
    let back = pending.refused.map(|_| {
        view! { <button on:click=move |_| act(|console| console.take_back(chat, id))>"Edit"</button> }
    });
    view! {
        <div class="line" data-kind=if pending.note { "note" } else { "agent" }>
            <p class="by">"You "<span class="hint">{state}</span>{back}</p>
            <p class="text">{pending.text.clone()}</p>
        </div>
    }
}

#[component]
fn Composer(id: ChatId) -> impl IntoView {
    let field = NodeRef::<Textarea>::new();
    let draft = chat_memo(id, |chat| Some((chat.draft.clone(), chat.noting)));
    let noting = move || draft.get().is_some_and(|(_, noting)| noting);
    let empty = move || draft.get().is_none_or(|(text, _)| text.trim().is_empty() || text.len() > MAX_TEXT);
    let send = move || {
        act(|console| console.send(id, MessageId(random())));
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
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
            .map(|_| "Too long: send it in parts or as a document.")
    };
    view! {
        <footer class="composer" data-note=move || noting().to_string()>
            <p class="hint" role="alert">{long}</p>
            <textarea node_ref=field data-test="composer" rows="2" aria-label="Message"
                placeholder=move || if noting() { "Private note: the customer never sees it" } else { "Message" }
                prop:value=move || draft.get().map(|(text, _)| text).unwrap_or_default()
                on:input:target=move |event| {
                    let text = event.target().value();
                    act(|console| console.edit_draft(id, text, now()));
                }
                on:focus=move |_| act(|console| { console.open(id); console.read_shown(); })
                on:keydown=key></textarea>
            <div>
                <button class="plain" data-test="note-toggle" aria-pressed=move || noting().to_string()
                    on:click=move |_| { let on = !noting(); act(|console| console.set_noting(id, on, now())); }>
                    "Private note"
                </button>
                <button class="main" data-test="send" disabled=empty on:click=move |_| send()>
                    {move || if noting() { "Keep note" } else { "Send" }}
                </button>
            </div>
        </footer>
    }
}

/// What became of a chat that is no longer the agent's (A7).
#[component]
fn Over(id: ChatId) -> impl IntoView {
    let text = chat_memo(id, |chat| {
        Some(match &chat.card.state {
            ChatState::Transferred { to } => {
                let stage = chat.attempt.as_ref().and_then(|attempt| attempt.stage);
                format!("Transferred to {to}. {}", words::fate(stage))
            }
            ChatState::Ended(reason) => words::ended(reason).into(),
            _ => "Somebody else has this chat now.".into(),
        })
    });
    view! {
        <footer class="over">
            <p>{move || text.get()}</p>
            <button data-test="dismiss" on:click=move |_| act(|console| console.dismiss(id))>"Dismiss"</button>
        </footer>
    }
}

/// A fresh transfer id.
pub fn new_transfer() -> TransferId {
    TransferId(random())
}
