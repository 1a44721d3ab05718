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

use std::cell::Cell;

use leptos::prelude::*;

use super::driver::{focus, session};

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Chats that are over, by what was said in them.
    Search,
    /// How many, how long, what became of them.
    Reports,
    /// Agents and their roles.
    Agents,
    /// Areas, hours, what waiting customers read.
    Areas,
    /// What may leave.
    Policies,
    /// Other companies' servers.
    Peers,
    /// Keys of the API.
    Keys,
    /// What was done.
    Audit,
}

impl Page {
    const ALL: [Self; 8] = [
        Self::Search,
        Self::Reports,
        Self::Agents,
        Self::Areas,
        Self::Policies,
        Self::Peers,
        Self::Keys,
        Self::Audit,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Search => "Search",
            Self::Reports => "Reports",
            Self::Agents => "Agents",
            Self::Areas => "Service lines",
            Self::Policies => "Policies",
            Self::Peers => "Other servers",
            Self::Keys => "API keys",
            Self::Audit => "Audit",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Search => "office-search",
            Self::Reports => "office-reports",
            Self::Agents => "office-agents",
            Self::Areas => "office-areas",
            Self::Policies => "office-policies",
            Self::Peers => "office-peers",
            Self::Keys => "office-keys",
            Self::Audit => "office-audit",
        }
    }

    fn is_for(self, role: &str) -> bool {
        match self {
            Self::Search => true,
            Self::Reports => role != "agent",
            _ => role == "admin",
        }
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
    let role = session().with(|session| session.as_ref().map(|session| session.role.clone()));
    let role = role.unwrap_or_default();
    Page::ALL.into_iter().filter(|page| page.is_for(&role)).collect()
}

/// Shows the first page, or goes back to the desk.
pub fn flip() {
    let first = untrack(pages).into_iter().next();
    page().update(|page| *page = if page.is_some() { None } else { first });
    focus(".office h2");
}

/// See the module.
#[component]
pub fn Office() -> impl IntoView {
    let shown = Memo::new(|_| page().get());
    let tab = move |this: Page| {
        view! {
            <li><button class="plain" data-test=this.mark()
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
            <nav aria-label="Pages">
                <button class="plain" data-test="office-close" on:click=|_| page().set(None)>"← Chats"</button>
                <ul>{move || pages().into_iter().map(tab).collect_view()}</ul>
            </nav>
            <main>{body}</main>
        </div>
    }
}
