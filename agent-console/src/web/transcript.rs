//! The conversation: what came along, what was said here, what is on its way.

use std::sync::Arc;

use baton_protocol::model::{Author, Body, DocumentCard, DocumentRef, Entry, PriorEntry, document_line};
use baton_protocol::{ChatId, MessageId, Seq};
use leptos::html::Div;
use leptos::prelude::*;

use super::driver::{act, console};
use super::files::Document;
use super::pane::chat_memo;
use super::tongue::moment;
use crate::model::{Chat, Pending, Upload};
use crate::tongue::{heard, say, t};
use crate::words;

/// Pixels from the end within which the reader counts as being there.
const NEAR: i32 = 60;

/// Lines that are drawn at first: more than a screen. A transcript of thousands opens as quickly as one of ten.
const DRAWN: usize = 60;

/// Lines that are drawn in a frame while the reader scrolls up: as many as leave time for the frame.
const MORE: usize = 15;

/// Heights of what is in sight that are drawn above it, so that nobody who scrolls meets the end of it.
const AHEAD: i32 = 3;

/// Milliseconds within which messages of one writer stand under one name.
const TOGETHER: u64 = 120_000;

/// A line: stored, or on its way.
#[derive(Clone)]
enum Item {
    Entry(Arc<Entry>, bool),
    Pending(Pending),
    Upload(Upload),
}

impl Item {
    /// Lines with the same key are the same element: what is there already is neither drawn nor read out again.
    fn key(&self) -> (MessageId, bool, bool) {
        match self {
            Self::Entry(entry, _) => (entry.id, true, false),
            Self::Pending(pending) => (pending.id, false, pending.refused.is_some()),
            Self::Upload(upload) => (upload_mark(upload.number), false, upload.refused.is_some()),
        }
    }
}

fn items(chat: &Chat, most: usize) -> Vec<Item> {
    let mut last: Option<Arc<Entry>> = None;
    let drawn = chat.lines.len().saturating_sub(most);
    let stored = chat.lines.values().skip(drawn).map(move |entry| {
        let goes_on = last.replace(entry.clone()).is_some_and(|last| follows(&last, entry));
        Item::Entry(entry.clone(), goes_on)
    });
    let pending = chat.pending.iter().cloned().map(Item::Pending);
    stored.chain(pending).chain(chat.uploads.iter().cloned().map(Item::Upload)).collect()
}

/// Whether it stands under the name above it.
fn follows(last: &Entry, entry: &Entry) -> bool {
    let note = |entry: &Entry| matches!(entry.body, Body::Note(_));
    let said = |entry: &Entry| !matches!(entry.body, Body::Event(_));
    let near = entry.at.since(last.at) < TOGETHER;
    said(last) && said(entry) && near && last.author == entry.author && note(last) == note(entry)
}

/// No message has this id: they are random.
fn upload_mark(number: u32) -> MessageId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_le_bytes());
    MessageId(id)
}

/// See the module.
#[component]
pub fn Transcript(id: ChatId) -> impl IntoView {
    let list = NodeRef::<Div>::new();
    // Whoever reads further up stays there.
    let (at_end, behind) = (StoredValue::new(true), RwSignal::new(false));
    let revision = chat_memo(id, |chat| Some(chat.revision));
    let most = RwSignal::new(DRAWN);
    let more = chat_memo(id, move |chat| Some(chat.lines.len()));
    let more = move || more.get().is_some_and(|lines| lines > most.get());
    let typing = chat_memo(id, |chat| chat.is_typing().then(|| say("$1 is typing…", &[&chat.name()])));
    let preview = chat_memo(id, |chat| Some(chat.preview.clone()).filter(|text| !text.is_empty()));
    let seen = chat_memo(id, |chat| Some(chat.seen));
    let to_end = move || {
        // By the next frame the pane may be gone.
        if let Some(list) = list.try_get_untracked().flatten() {
            list.set_scroll_top(list.scroll_height());
        }
    };
    let lines = move || {
        revision.track();
        let most = most.get();
        console().with_untracked(|console| console.chat(id).map(|chat| items(chat, most)).unwrap_or_default())
    };
    Effect::new(move |_| {
        revision.track();
        typing.track();
        preview.track();
        if at_end.get_value() {
            // After the lines are there.
            request_animation_frame(to_end);
        } else {
            behind.set(true);
        }
    });
    let drawing = StoredValue::new(false);
    let scrolled = move |_| {
        let Some(list) = list.try_get_untracked().flatten() else { return };
        if !drawing.get_value() {
            draw_ahead(&list, most, drawing, more);
        }
        let end = list.scroll_height() - list.scroll_top() - list.client_height() < NEAR;
        at_end.set_value(end);
        if end && behind.get_untracked() {
            behind.set(false);
        }
    };
    view! {
        <div class="conversation">
            <div class="transcript" data-test="transcript" tabindex="0" node_ref=list on:scroll=scrolled
                role="region" aria-label=t("Conversation")>
                <Show when=move || !more() fallback=|| view! { <p class="event">{t("Scroll up for more")}</p> }><Earlier id/></Show>
                <div role="log" aria-live="polite" class="lines">
                    <For each=lines key=Item::key let:item><Line id item seen/></For>
                </div>
                <p class="typing" role="status">{move || typing.get()}</p>
                // Not read out: it changes with every key.
                <Show when=move || preview.with(Option::is_some)>
                    <p class="preview" data-test="preview">{move || preview.get()}</p>
                </Show>
            </div>
            <Show when=move || behind.get()>
                <button class="newest" on:click=move |_| to_end()>{t("New messages ↓")}</button>
            </Show>
        </div>
    }
}

/// Draws more above what is in sight, a few lines in each frame, until there is enough of it.
fn draw_ahead(
    list: &web_sys::HtmlElement,
    most: RwSignal<usize>,
    drawing: StoredValue<bool>,
    more: impl Fn() -> bool + Copy + 'static,
) {
    let wanted = list.scroll_top() < AHEAD * list.client_height() && untrack(more);
    // By the next frame the pane may be gone.
    let _ = drawing.try_set_value(wanted);
    if !wanted {
        return;
    }
    if list.scroll_top() == 0 {
        // Whatever is being read stays in its place when something comes above it, but for the very top.
        list.set_scroll_top(1);
    }
    let _ = most.try_update(|most| *most += MORE);
    let list = list.clone();
    request_animation_frame(move || {
        if drawing.try_get_value().is_some() {
            draw_ahead(&list, most, drawing, more);
        }
    });
}

fn earlier_of(chat: &Chat) -> (String, Vec<PriorEntry>, Vec<DocumentRef>) {
    let documents = chat.context.as_ref().map(|context| context.documents.clone()).unwrap_or_default();
    (chat.name(), chat.earlier(), documents)
}

/// The conversation on earlier servers and with earlier agents, marked as such (A8).
#[component]
fn Earlier(id: ChatId) -> impl IntoView {
    let revision = chat_memo(id, |chat| Some(chat.revision));
    let earlier = Memo::new(move |_| {
        revision.track();
        console().with_untracked(|console| console.chat(id).map(earlier_of))
    });
    move || {
        let (name, earlier, documents) = earlier.get().filter(|(_, earlier, _)| !earlier.is_empty())?;
        let mut server = String::new();
        let lines = earlier.iter().map(|entry| {
            let heading = (entry.server != server).then(|| say("Earlier, at $1", &[&entry.server]));
            server.clone_from(&entry.server);
            view! { {heading.map(|text| view! { <h3>{text}</h3> })} {prior(id, entry, &name, &documents)} }
        });
        let lines = lines.collect::<Vec<_>>();
        Some(view! {
            <section class="earlier" data-test="handover-transcript" aria-label=t("Earlier conversation")>
                {lines}
            </section>
            <p class="event">{t("The customer is here with you now")}</p>
        })
    }
}

fn prior(
    chat: ChatId,
    entry: &PriorEntry,
    customer: &str,
    documents: &[DocumentRef],
) -> impl IntoView + use<> {
    let is_this = |document: &&DocumentRef| document_line(&document.sha256) == Some(entry.id);
    let text = match documents.iter().find(is_this).cloned() {
        None => entry.text.clone().into_any(),
        Some(DocumentRef { name, media_type, size, sha256, .. }) => {
            let card = DocumentCard { sha256, name, media_type, size };
            view! { <Document chat card preview=true/> }.into_any()
        }
    };
    let by = by(&entry.author, customer, entry.note);
    view! {
        <div class="line" data-kind=kind(&entry.author, entry.note)>
            <p class="by">{by}" "<time>{moment(entry.at)}</time></p>
            <div class="text">{text}</div>
        </div>
    }
}

#[component]
fn Line(id: ChatId, item: Item, seen: Memo<Option<Seq>>) -> impl IntoView {
    let customer = console().with_untracked(|console| console.chat(id).map(Chat::name).unwrap_or_default());
    match item {
        Item::Entry(entry, goes_on) => stored(id, &entry, goes_on, &customer, seen),
        Item::Pending(pending) => waiting(id, &pending).into_any(),
        Item::Upload(upload) => uploading(id, upload).into_any(),
    }
}

fn stored(id: ChatId, entry: &Entry, goes_on: bool, customer: &str, seen: Memo<Option<Seq>>) -> AnyView {
    let (text, note) = match &entry.body {
        Body::Event(event) => {
            let text = words::event(event);
            return view! {
                <p class="event" data-test="event">{text}" "<time>{moment(entry.at)}</time></p>
            }
            .into_any();
        }
        Body::Text(text) => (text.clone().into_any(), false),
        Body::Note(text) => (text.clone().into_any(), true),
        Body::Document(card) => {
            (view! { <Document chat=id card=card.clone() preview=true/> }.into_any(), false)
        }
    };
    let own = matches!(entry.author, Author::Agent(_)) && !note;
    let seq = entry.seq;
    // One memo for all lines: each line's own would be asked at every change of anything.
    let mark = own.then_some(move || {
        let seen = seen.get().is_some_and(|seen| seen >= seq);
        if seen { t("· seen") } else { t("· sent") }
    });
    view! {
        <div class="line" data-test="message" data-kind=kind(&entry.author, note) data-goes-on=goes_on.to_string()>
            <p class="by">{by(&entry.author, customer, note)}" "<time>{moment(entry.at)}</time>" "{mark}</p>
            <div class="text">{text}</div>
        </div>
    }
    .into_any()
}

fn waiting(chat: ChatId, pending: &Pending) -> impl IntoView + use<> {
    let id = pending.id;
    let state = match pending.refused {
        None => t("· sending…").to_owned(),
        Some(code) => say("· not sent: $1", &[&heard(&code.to_string())]),
    };
    let back = pending.refused.map(|_| {
        let label = if pending.document.is_some() { t("Close") } else { t("Edit and send again") };
        view! { <button on:click=move |_| act(|console| console.take_back(chat, id))>{label}</button> }
    });
    view! {
        <div class="line pending" data-test="message" data-refused=pending.refused.is_some().to_string()
            data-kind=if pending.note { "note" } else { "agent" }>
            <p class="by">{t("You")}" "{state}" "{back}</p>
            <p class="text">{pending.text.clone()}</p>
        </div>
    }
}

fn uploading(chat: ChatId, upload: Upload) -> impl IntoView {
    let Upload { number, name, refused } = upload;
    let failed = refused.is_some();
    let close = failed.then(|| {
        view! { <button on:click=move |_| act(|console| console.forget_upload(chat, number))>{t("Close")}</button> }
    });
    let state = match refused {
        None => t("· uploading…").to_owned(),
        Some(why) => say("· not sent: $1", &[&heard(&why)]),
    };
    view! {
        <div class="line pending" data-test="upload" data-refused=failed.to_string() data-kind="agent">
            <p class="by">{t("You")}" "{state}" "{close}</p>
            <p class="text">{name}</p>
        </div>
    }
}

fn by(author: &Author, customer: &str, note: bool) -> String {
    let name = words::author(author, customer);
    if note { say("$1, private note", &[&name]) } else { name }
}

fn kind(author: &Author, note: bool) -> &'static str {
    match author {
        _ if note => "note",
        Author::Customer => "customer",
        _ => "agent",
    }
}
