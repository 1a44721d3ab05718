//! The right column: where a transferred customer comes from (A8), and who they are.

use baton_protocol::ChatId;
use baton_protocol::model::{Context, DocumentCard, DocumentRef};
use leptos::prelude::*;

use super::driver::console;
use super::files::Document;
use crate::words;

/// See the module.
#[component]
pub fn Panel() -> impl IntoView {
    let front = Memo::new(|_| {
        console().with(|console| console.front().map(|chat| (chat.card.clone(), chat.context.clone())))
    });
    move || {
        let Some((card, context)) = front.get() else {
            return view! { <aside class="panel"></aside> }.into_any();
        };
        let area = console().with_untracked(|console| console.area_title(&card.area));
        let customer = card.customer;
        let (url, title) = card.page.map(|page| (page.url, page.title)).unwrap_or_default();
        view! {
            <aside class="panel" aria-label="Customer">
                {context.map(|context| view! { <Handover chat=card.chat context/> })}
                <section>
                    <h2>"Customer"</h2>
                    <dl>
                        <Fact name="Name" value=words::customer(&customer.name)/>
                        <Fact name="E-mail" value=customer.email/>
                        <Fact name="Subject" value=customer.subject/>
                        <Fact name="Service line" value=area/>
                        <Fact name="Page" value=title/>
                        <Fact name="Address" value=url/>
                        <Fact name="Client" value=customer.client_type/>
                    </dl>
                </section>
            </aside>
        }
        .into_any()
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
    let withheld = context.comments.is_empty().then_some("No comments were sent along.");
    let visited =
        (context.visited.len() > 1).then(|| format!("Servers so far: {}", context.visited.join(" → ")));
    let urgent = (context.priority > 0).then(|| format!("Recommended priority: {} of 9", context.priority));
    view! {
        <section class="handover" data-test="handover-card" aria-label="Handed over">
            <h2>"Handed over"</h2>
            <blockquote data-test="handover-comments">{context.comments}</blockquote>
            <p class="hint">{withheld}</p>
            <dl>
                <Fact name="From" value=context.origin/>
                <Fact name="Agent" value=context.agent/>
                <Fact name="Queue" value=context.queue/>
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
    let lines = format!(
        "{} and {}",
        words::count(as_count(messages.len()), "message"),
        words::count(as_count(notes.len()), "note")
    );
    match (context.transcript.is_empty(), context.incomplete) {
        (true, true) => "Nothing of the conversation was sent along.".into(),
        (true, false) => "Nothing had been said before.".into(),
        (false, true) => {
            format!("{lines} came along, at the top of the conversation. Something was left out.")
        }
        (false, false) => format!("{lines} came along, at the top of the conversation."),
    }
}

fn document(chat: ChatId, document: DocumentRef) -> impl IntoView {
    let DocumentRef { name, media_type, size, sha256, .. } = document;
    let card = DocumentCard { sha256, name, media_type, size };
    view! { <li><Document chat card/></li> }
}

fn as_count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
