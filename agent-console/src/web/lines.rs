//! The lines of a conversation: what came along, what was said here, what is on its way.

use std::ops::Range;
use std::sync::Arc;

use baton_protocol::model::{Author, Body, DocumentCard, DocumentRef, Entry, PriorEntry, document_line};
use baton_protocol::{ChatId, MessageId};
use leptos::prelude::*;

use super::driver::{act, console};
use super::files::Document;
use super::tongue::moment;
use crate::model::links::parts;
use crate::model::sight::Mark;
use crate::model::{Chat, Pending, Upload};
use crate::tongue::{heard, say, t};
use crate::words;

/// Milliseconds within which messages of one writer stand under one name.
const TOGETHER: u64 = 120_000;

/// What every line of a conversation is drawn with.
#[derive(Clone, Copy)]
pub struct Scene {
    /// The chat.
    pub id: ChatId,
    /// The customer has seen everything up to this entry. One memo for all lines: each line's own would be asked at every
    /// change of anything.
    pub seen: Memo<Option<u64>>,
    /// The line that was looked for.
    pub found: Memo<Option<Mark>>,
}

impl Scene {
    fn is_found(self, mark: Mark) -> impl Fn() -> Option<&'static str> {
        move || (self.found.get() == Some(mark)).then_some("true")
    }
}

/// A line that was stored here, and whether it stands under the name above it.
pub type Stored = (Arc<Entry>, bool);

/// The lines of these places among those that were stored here.
pub fn stored(chat: &Chat, places: Range<usize>) -> Vec<Stored> {
    let before = places.start.min(1);
    let mut near = chat.lines.values().skip(places.start - before).take(before + places.len());
    let mut last = if before > 0 { near.next() } else { None };
    let line = |entry: &Arc<Entry>, last: Option<&Arc<Entry>>| {
        (entry.clone(), last.is_some_and(|last| follows(last, entry)))
    };
    near.map(|entry| line(entry, last.replace(entry))).collect()
}

/// Whether it stands under the name above it.
fn follows(last: &Entry, entry: &Entry) -> bool {
    let note = |entry: &Entry| matches!(entry.body, Body::Note(_));
    let said = |entry: &Entry| !matches!(entry.body, Body::Event(_));
    let near = entry.at.since(last.at) < TOGETHER;
    said(last) && said(entry) && near && last.author == entry.author && note(last) == note(entry)
}

/// A line that came along from an earlier server or agent (A8).
#[derive(Clone)]
pub struct Prior {
    /// Its place in the context.
    pub place: usize,
    entry: PriorEntry,
    /// Whether the lines from its server begin with it.
    first: bool,
    document: Option<DocumentRef>,
}

/// The lines of these places among those of the context that are shown.
pub fn priors(chat: &Chat, shown: &[usize], places: Range<usize>) -> Vec<Prior> {
    let Some(context) = &chat.context else { return Vec::new() };
    let of = |at: usize| context.transcript.get(*shown.get(at)?);
    let prior = |at: usize| {
        let entry = of(at)?.clone();
        let first = at.checked_sub(1).and_then(of).is_none_or(|before| before.server != entry.server);
        let is_this = |document: &&DocumentRef| document_line(&document.sha256) == Some(entry.id);
        let document = context.documents.iter().find(is_this).cloned();
        Some(Prior { place: shown[at], entry, first, document })
    };
    places.filter_map(prior).collect()
}

/// What is on its way.
#[derive(Clone)]
pub enum Leaving {
    /// A message.
    Message(Pending),
    /// A file.
    File(Upload),
}

impl Leaving {
    /// Lines with the same key are the same element: what is there already is neither drawn nor read out again.
    pub fn key(&self) -> (MessageId, bool) {
        match self {
            Self::Message(pending) => (pending.id, pending.refused.is_some()),
            Self::File(upload) => (upload_mark(upload.number), upload.refused.is_some()),
        }
    }
}

/// Everything that is on its way.
pub fn leaving(chat: &Chat) -> Vec<Leaving> {
    let pending = chat.pending.iter().cloned().map(Leaving::Message);
    pending.chain(chat.uploads.iter().cloned().map(Leaving::File)).collect()
}

/// No message has this id: they are random.
fn upload_mark(number: u32) -> MessageId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_le_bytes());
    MessageId(id)
}

fn customer(id: ChatId) -> String {
    console().with_untracked(|console| console.chat(id).map(Chat::name).unwrap_or_default())
}

/// A line that came along.
#[component]
pub fn PriorLine(scene: Scene, prior: Prior) -> impl IntoView {
    let Prior { place, entry, first, document } = prior;
    let heading = first.then(|| view! { <h3>{say("Earlier, at $1", &[&entry.server])}</h3> });
    let by = words::by(&entry.author, &customer(scene.id), entry.note);
    let text = match document {
        None => linked(&entry.text),
        Some(DocumentRef { name, media_type, size, sha256, .. }) => {
            let card = DocumentCard { sha256, name, media_type, size };
            view! { <Document chat=scene.id card preview=true/> }.into_any()
        }
    };
    view! {
        <div class="prior">
            {heading}
            <div class="line" data-kind=kind(&entry.author, entry.note) data-found=scene.is_found(Mark::Earlier(place))>
                <p class="by">{by}" "<time>{moment(entry.at)}</time></p>
                <div class="text">{text}</div>
            </div>
        </div>
    }
}

/// A line that was stored here.
#[component]
pub fn Line(scene: Scene, line: Stored) -> impl IntoView {
    let Scene { id, seen, .. } = scene;
    let (entry, goes_on) = line;
    let (text, note) = match &entry.body {
        Body::Event(event) => {
            let text = words::event(event);
            return view! {
                <p class="event" data-test="event">{text}" "<time>{moment(entry.at)}</time></p>
            }
            .into_any();
        }
        Body::Text(text) => (linked(text), false),
        Body::Note(text) => (linked(text), true),
        Body::Document(card) => {
            (view! { <Document chat=id card=card.clone() preview=true/> }.into_any(), false)
        }
    };
    let own = matches!(entry.author, Author::Agent(_)) && !note;
    let seq = entry.seq;
    let mark = own.then_some(move || {
        let seen = seen.get().is_some_and(|seen| seen >= seq);
        if seen { t("· seen") } else { t("· sent") }
    });
    view! {
        <div class="line" data-test="message" data-kind=kind(&entry.author, note) data-goes-on=goes_on.to_string()
            data-found=scene.is_found(Mark::Here(seq))>
            <p class="by">{words::by(&entry.author, &customer(id), note)}" "<time>{moment(entry.at)}</time>" "{mark}</p>
            <div class="text">{text}</div>
        </div>
    }
    .into_any()
}

/// A line that is on its way.
#[component]
pub fn Leaves(id: ChatId, line: Leaving) -> impl IntoView {
    match line {
        Leaving::Message(pending) => waiting(id, &pending).into_any(),
        Leaving::File(upload) => uploading(id, upload).into_any(),
    }
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

/// What was written, with links to the addresses in it. The page that they lead to learns nothing of this one.
fn linked(text: &str) -> AnyView {
    let part = |(link, part): (bool, &str)| {
        let (part, text) = (part.to_owned(), part.to_owned());
        if !link {
            return text.into_any();
        }
        view! { <a href=part target="_blank" rel="noopener noreferrer nofollow">{text}</a> }.into_any()
    };
    parts(text).into_iter().map(part).collect_view().into_any()
}

/// A line as it is read out.
pub fn aloud(entry: &Entry, customer: &str) -> String {
    let (text, note) = match &entry.body {
        Body::Event(event) => return words::event(event),
        Body::Text(text) => (text.as_str(), false),
        Body::Note(text) => (text.as_str(), true),
        Body::Document(card) => (card.name.as_str(), false),
    };
    format!("{}: {text}", words::by(&entry.author, customer, note))
}

fn kind(author: &Author, note: bool) -> &'static str {
    match author {
        _ if note => "note",
        Author::Customer => "customer",
        _ => "agent",
    }
}
