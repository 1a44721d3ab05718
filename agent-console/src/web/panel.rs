//! The right column: where a transferred customer comes from (A8), and who they are.

use baton_protocol::model::Context;
use leptos::prelude::*;

use super::driver::console;
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
                {context.map(|context| view! { <Handover context/> })}
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
fn Handover(context: Context) -> impl IntoView {
    let lines = context.transcript.len();
    let sent = match (lines, context.incomplete) {
        (0, true) => "Nothing of the conversation was sent along.".to_owned(),
        (_, true) => {
            format!("{} were sent along; something was left out.", words::count(as_count(lines), "line"))
        }
        (_, false) => {
            format!("{} were sent along, which is everything.", words::count(as_count(lines), "line"))
        }
    };
    let visited = (context.visited.len() > 1).then(|| context.visited.join(" → "));
    view! {
        <section class="handover" data-test="handover-card">
            <h2>"Handed over"</h2>
            <p>"from "<b>{context.agent}</b>", "{context.queue}", "<b>{context.origin}</b></p>
            <blockquote data-test="handover-comments">{context.comments}</blockquote>
            <p class="hint">{sent}</p>
            <p class="hint">{visited}</p>
        </section>
    }
}

fn as_count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
