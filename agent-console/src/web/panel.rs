//! The right column: where a transferred customer comes from (A8), and who they are.

use baton_protocol::model::{self, Context, DocumentCard, DocumentRef};
use baton_protocol::{ChatId, Timestamp};
use leptos::prelude::*;

use super::driver::{act, clock, console, session};
use super::files::Document;
use super::known::{Documents, Earlier, Verified};
use super::pane::chat_memo;
use crate::model::{Console, tags};
use crate::tongue::{say, t};
use crate::words;

/// See the module.
#[component]
pub fn Panel() -> impl IntoView {
    let front = Memo::new(|_| {
        console().with(|console| console.front().map(|chat| (chat.card.clone(), chat.context.clone())))
    });
    let known = super::known::of_front();
    move || {
        let Some((card, context)) = front.get() else {
            return view! { <aside class="panel"></aside> }.into_any();
        };
        let area = console().with_untracked(|console| console.area_title(&card.area));
        let customer = card.customer;
        let (url, title) = card.page.map(|page| (page.url, page.title)).unwrap_or_default();
        view! {
            <aside class="panel" aria-label=t("Customer")>
                {context.map(|context| view! { <Handover chat=card.chat context/> })}
                <section>
                    <h2>{t("Customer")}</h2>
                    <Verified chat=card.chat known/>
                    <dl>
                        <Fact name=t("Name") value=words::customer(&customer.name)/>
                        <Fact name=t("E-mail") value=customer.email/>
                        <Fact name=t("Subject") value=customer.subject/>
                        <Fact name=t("Service line") value=area/>
                        <Fact name=t("Page") value=title/>
                        <Fact name=t("Address") value=url/>
                        <Fact name=t("Client") value=customer.client_type/>
                    </dl>
                </section>
                <Outcome chat=card.chat/>
                <Urgency chat=card.chat/>
                <Earlier chat=card.chat known/>
                <Documents chat=card.chat/>
                <Pages chat=card.chat/>
            </aside>
        }
        .into_any()
    }
}

/// What came of the chat, as its agent says.
#[component]
fn Outcome(chat: ChatId) -> impl IntoView {
    let mine = chat_memo(chat, |chat| Some(chat.is_mine()));
    let known = chat_memo(chat, |chat| Some(chat.marks.outcome.clone().unwrap_or_default()));
    let save = move |disposition: Option<String>, tagged: Option<String>| {
        let known = known.get_untracked().unwrap_or_default();
        let disposition = disposition.map_or(known.disposition, |text| text.trim().to_owned());
        let tags = tagged.map_or(known.tags, |text| tags(&text));
        act(|console| console.set_outcome(chat, model::Outcome { disposition, tags }));
    };
    let disposition = move || known.get().map(|known| known.disposition).unwrap_or_default();
    let tagged = move || known.get().map(|known| known.tags.join(", ")).unwrap_or_default();
    let closed = move || mine.get() != Some(true);
    let words =
        session().with_untracked(|session| session.as_ref().map(|session| session.dispositions.clone()));
    let words = words.unwrap_or_default();
    let free = words.is_empty();
    let option = move |word: String| {
        let (value, label) = (word.clone(), word.clone());
        view! { <option value=word selected=move || disposition() == value>{label}</option> }
    };
    let choice = move || {
        // What was said before the list was another one stays as it is.
        let now = Some(disposition()).filter(|now| !now.is_empty() && !words.contains(now));
        [String::new()].into_iter().chain(now).chain(words.clone()).map(option).collect_view()
    };
    view! {
        <section aria-label=t("Outcome")>
            <h2>{t("Outcome")}</h2>
            <label>{t("What came of it")}
                {if free {
                    view! { <input data-test="disposition" autocomplete="off" maxlength="120" disabled=closed prop:value=disposition
                        on:change:target=move |event| save(Some(event.target().value()), None)/> }.into_any()
                } else {
                    view! { <select data-test="disposition" disabled=closed
                        on:change:target=move |event| save(Some(event.target().value()), None)>{choice}</select> }.into_any()
                }}
            </label>
            <label>{t("Tags, between commas")}
                <input data-test="tags" autocomplete="off" maxlength="240" disabled=closed prop:value=tagged
                    on:change:target=move |event| save(None, Some(event.target().value()))/>
            </label>
        </section>
    }
}

/// How urgent it is; for supervisors to say.
#[component]
fn Urgency(chat: ChatId) -> impl IntoView {
    let supervisor = Memo::new(|_| console().with(Console::is_supervisor));
    let urgency = chat_memo(chat, |chat| Some(chat.marks.priority));
    let option = move |value: u8| {
        let label = match value {
            0 => t("0, ordinary").to_owned(),
            9 => t("9, urgent").to_owned(),
            value => value.to_string(),
        };
        view! { <option value=value.to_string() selected=move || urgency.get() == Some(value)>{label}</option> }
    };
    view! {
        <Show when=move || supervisor.get()>
            <section aria-label=t("Priority")>
                <label>{t("Priority")}
                    <select data-test="priority" on:change:target=move |event| {
                        let value = event.target().value().parse().unwrap_or(0);
                        act(|console| console.set_priority(chat, value));
                    }>{(0..=9).map(option).collect_view()}</select>
                </label>
            </section>
        </Show>
    }
}

/// Pages that the customer has been on, the newest first.
#[component]
fn Pages(chat: ChatId) -> impl IntoView {
    let pages = chat_memo(chat, |chat| Some(chat.marks.pages.clone()));
    let row = |visit: model::Visit| {
        let title = if visit.page.title.is_empty() { visit.page.url.clone() } else { visit.page.title };
        let ago = move || words::ago(Timestamp(clock().get()).since(visit.at));
        view! { <li title=visit.page.url data-test="visit">{title}" "<span class="when">{ago}</span></li> }
    };
    move || {
        let pages = pages.get().filter(|pages| pages.len() > 1)?;
        Some(view! {
            <section aria-label=t("Pages")><h2>{t("Pages")}</h2><ul class="pages">{pages.into_iter().rev().map(row).collect_view()}</ul></section>
        })
    }
}

#[component]
fn Fact(name: &'static str, value: String) -> impl IntoView {
    (!value.is_empty()).then(|| view! { <dt>{name}</dt><dd>{value}</dd> })
}

/// Where the customer comes from, by whom, and what the agent there wrote.
#[component]
fn Handover(chat: ChatId, context: Context) -> impl IntoView {
    let sent = sent(&context);
    let withheld = context.comments.is_empty().then_some(t("No comments were sent along."));
    let visited =
        (context.visited.len() > 1).then(|| say("Servers so far: $1", &[&context.visited.join(" → ")]));
    let urgent = (context.priority > 0).then(|| say("Recommended priority: $1 of 9", &[&context.priority]));
    view! {
        <section class="handover" data-test="handover-card" aria-label=t("Handed over")>
            <h2>{t("Handed over")}</h2>
            <blockquote data-test="handover-comments">{context.comments}</blockquote>
            <p class="hint">{withheld}</p>
            <dl>
                <Fact name=t("From") value=context.origin/>
                <Fact name=t("Agent") value=context.agent/>
                <Fact name=t("Queue") value=context.queue/>
            </dl>
            <p class="warn">{urgent}</p>
            <ul data-test="handover-documents">
                {context.documents.into_iter().map(|it| document(chat, it)).collect::<Vec<_>>()}
            </ul>
            <p class="hint" data-incomplete=context.incomplete.to_string()>{sent}</p>
            <p class="hint">{visited}</p>
        </section>
    }
}

fn sent(context: &Context) -> String {
    let (notes, messages): (Vec<_>, Vec<_>) = context.transcript.iter().partition(|entry| entry.note);
    let lines = say(
        "$1 and $2",
        &[&(say("$1 message|$1 messages", &[&messages.len()])), &(say("$1 note|$1 notes", &[&notes.len()]))],
    );
    match (context.transcript.is_empty(), context.incomplete) {
        (true, true) => t("Nothing of the conversation was sent along.").into(),
        (true, false) => t("Nothing had been said before.").into(),
        (false, true) => {
            say("$1 came along, at the top of the conversation. Something was left out.", &[&lines])
        }
        (false, false) => say("$1 came along, at the top of the conversation.", &[&lines]),
    }
}

fn document(chat: ChatId, document: DocumentRef) -> impl IntoView {
    let DocumentRef { name, media_type, size, sha256, .. } = document;
    let card = DocumentCard { sha256, name, media_type, size };
    view! { <li><Document chat card/></li> }
}
