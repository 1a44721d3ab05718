//! What is not chatting: administration, reports, search. A page in the place of the desk; the chats go on meanwhile.

mod agents;
mod areas;
mod audit;
mod keys;
mod peers;
mod policy;
mod reports;
mod rows;
mod search;
mod survey;
mod terms;

use std::cell::Cell;

use leptos::prelude::*;

use super::driver::{focus, session};
use crate::model::Page;
use crate::tongue::t;

/// What tests find its tab by.
fn mark(page: Page) -> &'static str {
    match page {
        Page::Search => "office-search",
        Page::Reports => "office-reports",
        Page::Agents => "office-agents",
        Page::Areas => "office-areas",
        Page::Policies => "office-policies",
        Page::Peers => "office-peers",
        Page::Keys => "office-keys",
        Page::Audit => "office-audit",
    }
}

thread_local! {
    static PAGE: Cell<Option<RwSignal<Option<Page>>>> = const { Cell::new(None) };
}

/// Sets everything up.
pub fn start() {
    PAGE.set(Some(RwSignal::new(None)));
}

/// The page that is shown in the place of the desk.
pub fn page() -> RwSignal<Option<Page>> {
    PAGE.get().expect("set by `start`")
}

/// Pages for whoever is logged in.
pub fn pages() -> Vec<Page> {
    session().with(|session| session.as_ref().map(|session| Page::of(&session.role))).unwrap_or_default()
}

/// Shows a page in the place of the desk.
pub fn open(to: Page) {
    page().set(Some(to));
    focus(".office h2");
}

/// Shows the first page, or goes back to the desk.
pub fn flip() {
    match untrack(pages).into_iter().next() {
        Some(first) if page().with_untracked(Option::is_none) => open(first),
        _ => page().set(None),
    }
}

/// See the module.
#[component]
pub fn Office() -> impl IntoView {
    let shown = Memo::new(|_| page().get());
    let tab = move |this: Page| {
        view! {
            <li><button class="plain" data-test=mark(this)
                aria-current=move || (shown.get() == Some(this)).then_some("page")
                on:click=move |_| page().set(Some(this))>{this.name()}</button></li>
        }
    };
    let body = move || {
        Some(match shown.get()? {
            Page::Search => view! { <search::Search/> }.into_any(),
            Page::Reports => view! { <reports::Reports/> }.into_any(),
            Page::Agents => view! { <agents::Agents/> }.into_any(),
            Page::Areas => view! { <areas::Areas/> }.into_any(),
            Page::Policies => view! { <policy::Policies/> }.into_any(),
            Page::Peers => view! { <peers::Peers/> }.into_any(),
            Page::Keys => view! { <keys::Keys/> }.into_any(),
            Page::Audit => view! { <audit::Audit/> }.into_any(),
        })
    };
    view! {
        <div class="office">
            <nav aria-label=t("Pages")>
                <button class="plain" data-test="office-close" on:click=|_| page().set(None)>{t("← Chats")}</button>
                <ul>{move || pages().into_iter().map(tab).collect_view()}</ul>
            </nav>
            <main>{body}</main>
        </div>
    }
}
