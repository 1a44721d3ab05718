//! The transfer dialog (A3 to A5): where to, what to say, what to send.

use baton_protocol::frames::PeerOffer;
use baton_protocol::limits::MAX_TEXT;
use baton_protocol::model::SharePolicy;
use leptos::prelude::*;

use super::driver::{act, console, focus};
use super::pane::new_transfer;
use super::parts::{modal, onward};
use crate::model::places::{places, recent};
use crate::model::{Amount, Console, Dialog, Leads, Link, Place, Tab};
use crate::tongue::{say, t};

/// A part of the dialog's state, told again only when it has changed.
pub fn part<T: Clone + PartialEq + Send + Sync + 'static>(
    look: impl Fn(&Console, &Dialog) -> T + Send + Sync + 'static,
) -> Memo<Option<T>> {
    Memo::new(move |_| console().with(|console| console.dialog.as_ref().map(|dialog| look(console, dialog))))
}

pub fn change(change: impl FnOnce(&mut Dialog)) {
    act(|console| {
        if let Some(dialog) = &mut console.dialog {
            change(dialog);
        }
    });
}

fn close() {
    act(|console| console.dialog = None);
    focus("[data-test=composer]");
}

/// See the module.
#[component]
pub fn Transfer() -> impl IntoView {
    let open = Memo::new(|_| console().with(|console| console.dialog.is_some()));
    view! { <Show when=move || open.get()><Window/></Show> }
}

#[component]
fn Window() -> impl IntoView {
    let window = modal();
    let tab = part(|_, dialog| dialog.tab);
    let searching = part(|_, dialog| !dialog.query.trim().is_empty());
    let ready = part(|console, dialog| {
        dialog.choice.is_some() && dialog.comments.len() <= MAX_TEXT && console.link == Link::Online
    });
    let question = part(|console, dialog| dialog.question().is_some() && console.link == Link::Online);
    let name = part(|console, dialog| console.chat(dialog.chat).map(|chat| chat.name()).unwrap_or_default());
    let to = part(|_, dialog| dialog.choice.as_ref().map(|choice| choice.title.clone()));
    let wrong = part(|_, dialog| dialog.wrong.clone());
    let submit = move || {
        if ready.get_untracked() == Some(true) {
            act(|console| console.transfer(new_transfer()));
        }
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" && event.ctrl_key() {
            event.prevent_default();
            submit();
        }
    };
    view! {
        <dialog class="transfer" node_ref=window aria-labelledby="transfer-title" on:close=|_| close() on:keydown=key>
            <h2 id="transfer-title">{move || say("Transfer $1", &[&name.get().unwrap_or_default()])}" "
                <span class="hint">{move || to.get().flatten().map(|to| say("to $1", &[&to]))}</span></h2>
            <div class="where">
                <Search/>
                <Recent/>
                <Show when=move || searching.get() == Some(false)>
                    <div role="tablist" class="tabs" aria-label=t("Where to") on:keydown=move |event| arrows(&event, tab)>
                        {Tab::ALL.map(|this| view! { <TabButton this tab/> }).collect_view()}
                    </div>
                    <Show when=move || tab.get() == Some(Tab::Servers)><Servers/></Show>
                </Show>
                <Places/>
            </div>
            <div class="what"><Comments/><Sent/></div>
            <footer>
                <button class="plain" on:click=|_| close()>{t("Cancel")}</button>
                <p class="wrong" role="alert" data-test="transfer-wrong">{move || wrong.get().flatten()}</p>
                <button class="plain" data-test="ask-first" disabled=move || question.get() != Some(true)
                    title=t("Sends your comments to an agent there, and nothing else")
                    on:click=|_| act(|console| console.ask_first(new_transfer()))>{t("Ask first")}</button>
                <button class="main" data-test="transfer-submit" title="Ctrl+Enter" disabled=move || ready.get() != Some(true)
                    on:click=move |_| submit()>{t("Transfer")}</button>
            </footer>
        </dialog>
    }
}

/// Finds a destination among all there are: a few letters, and Enter.
#[component]
fn Search() -> impl IntoView {
    let query = part(|_, dialog| dialog.query.clone());
    let key = |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "ArrowDown" | "ArrowUp" => {
            event.prevent_default();
            let down = event.key() == "ArrowDown";
            act(|console| console.move_row(down));
        }
        "Enter" if !event.ctrl_key() => {
            event.prevent_default();
            act(Console::take_row);
        }
        _ => {}
    };
    view! {
        <input type="search" data-test="transfer-search" placeholder=t("Search agents, lines and servers") autofocus
            aria-label=t("Search agents, lines and servers") autocomplete="off" aria-controls="transfer-places"
            prop:value=move || query.get().unwrap_or_default() on:keydown=key
            on:input:target=|event| { let query = event.target().value(); act(|console| console.search_places(query)); }/>
    }
}

/// Where this agent has transferred to lately.
#[component]
fn Recent() -> impl IntoView {
    let all =
        part(|console, dialog| if dialog.query.is_empty() { recent(console, dialog) } else { Vec::new() });
    let chip = |place: Place| {
        let title = place.title.clone();
        view! {
            <button class="chip" data-test="recent" title=place.about.clone()
                on:click=move |_| act(|console| console.take_place(&place))>{title}</button>
        }
    };
    move || {
        let all = all.get().unwrap_or_default();
        (!all.is_empty()).then(|| {
            view! { <div class="recent" role="group" aria-label=t("Recent")>{all.into_iter().map(chip).collect_view()}</div> }
        })
    }
}

/// The rows, and what there is to say where there are none.
#[component]
fn Places() -> impl IntoView {
    let rows = part(places);
    let all = move || rows.get().unwrap_or_default().into_iter().enumerate().collect::<Vec<_>>();
    let label = part(|_, dialog| match dialog.query.trim() {
        "" => tab_label(dialog.tab),
        _ => t("Found"),
    });
    let word = part(|console, dialog| word(console, dialog));
    view! {
        <div class="places" role="group" id="transfer-places" aria-label=move || label.get()>
            <For each=all key=|(at, place)| (*at, place.title.clone(), place.about.clone(), place.why_not.clone())
                let((at, place))><Row at place/></For>
            {move || word.get().flatten().map(Word::show)}
        </div>
    }
}

/// A destination: chosen, choosable, or faded with the reason.
#[component]
fn Row(at: usize, place: Place) -> impl IntoView {
    let to = place.choice().map(|choice| choice.to.clone());
    let chosen =
        part(move |_, dialog| to.is_some() && dialog.choice.as_ref().map(|choice| &choice.to) == to.as_ref());
    let here = part(move |_, dialog| dialog.row == at && !dialog.query.is_empty());
    let Place { title, about, why_not, .. } = place.clone();
    let closed = why_not.is_some();
    let server = matches!(place.leads, Leads::Into(_)).then_some(t("Server"));
    view! {
        <button class="place" data-test="destination" disabled=closed
            aria-pressed=move || (chosen.get() == Some(true)).to_string()
            data-here=move || (here.get() == Some(true)).to_string()
            on:click=move |_| act(|console| console.take_place(&place))>
            <b>{title}</b><span class="badge">{server}</span><span class="hint">{why_not.unwrap_or(about)}</span>
        </button>
    }
}

/// What is said in place of rows.
#[derive(Clone, PartialEq)]
enum Word {
    Hint(&'static str),
    Asking,
    Wrong(String),
}

impl Word {
    fn show(self) -> AnyView {
        let again = |_| {
            act(|console| {
                let server = console.dialog.as_ref().map(|dialog| dialog.server.clone());
                server.into_iter().for_each(|server| console.choose_server(server));
            });
        };
        match self {
            Self::Hint(text) => view! { <p class="hint">{text}</p> }.into_any(),
            Self::Asking => view! {
                <p class="hint asking" role="status"><span class="spinner"></span>{t("Asking what it offers for this chat…")}</p>
            }
            .into_any(),
            Self::Wrong(text) => view! {
                <p class="wrong" role="alert">{text}</p>
                <p><button data-test="ask-again" on:click=again>{t("Ask again")}</button></p>
            }
            .into_any(),
        }
    }
}

fn word(console: &Console, dialog: &Dialog) -> Option<Word> {
    let none = places(console, dialog).is_empty();
    if !dialog.query.trim().is_empty() {
        return none.then_some(Word::Hint(t("Nothing here is called so.")));
    }
    match (dialog.tab, &dialog.offer) {
        (Tab::Agents, _) => (console.agents.len() < 2).then_some(Word::Hint(t("Nobody else is logged in."))),
        (Tab::Lines, _) => None,
        (Tab::Servers, _) if dialog.server.is_empty() => None,
        (Tab::Servers, None) => Some(Word::Asking),
        (Tab::Servers, Some(PeerOffer::Refused { code, detail })) => {
            Some(Word::Wrong(format!("{}. {}", crate::model::sentence(detail), t(code.advice()))))
        }
        (Tab::Servers, Some(_)) => none.then_some(Word::Hint(t("It offers nothing for this chat now."))),
    }
}

fn tab_mark(tab: Tab) -> &'static str {
    match tab {
        Tab::Agents => "transfer-tab-agents",
        Tab::Lines => "transfer-tab-lines",
        Tab::Servers => "transfer-tab-servers",
    }
}

fn tab_label(tab: Tab) -> &'static str {
    match tab {
        Tab::Agents => t("Agents"),
        Tab::Lines => t("Service lines"),
        Tab::Servers => t("Servers"),
    }
}

/// Left and right lead to the tabs beside, as they do wherever there are tabs.
fn arrows(event: &leptos::ev::KeyboardEvent, tab: Memo<Option<Tab>>) {
    let Some(on) = onward(&event.key()) else { return };
    let step = if on { 1 } else { Tab::ALL.len() - 1 };
    let here = Tab::ALL.iter().position(|this| Some(*this) == tab.get_untracked()).unwrap_or(0);
    let next = Tab::ALL[(here + step) % Tab::ALL.len()];
    act(|console| console.show_tab(next));
    focus(&format!("#{}", tab_mark(next)));
}

#[component]
fn TabButton(this: Tab, tab: Memo<Option<Tab>>) -> impl IntoView {
    let (mark, label) = (tab_mark(this), tab_label(this));
    view! {
        <button role="tab" id=mark data-test=mark aria-controls="transfer-places"
            aria-selected=move || (tab.get() == Some(this)).to_string()
            tabindex=move || if tab.get() == Some(this) { "0" } else { "-1" }
            on:click=move |_| act(|console| console.show_tab(this))>{label}</button>
    }
}

#[component]
fn Servers() -> impl IntoView {
    let servers = Memo::new(|_| console().with(|console| console.servers.clone()));
    let chosen = part(|_, dialog| dialog.server.clone());
    let options = move || {
        let option = |server: baton_protocol::model::ServerCard| {
            let name = server.name.clone();
            let selected = chosen.get_untracked().is_some_and(|chosen| chosen == name);
            view! { <option value=server.name selected=selected>{server.title}" – "{server.subject}</option> }
        };
        servers.get().into_iter().map(option).collect_view()
    };
    view! {
        <select data-test="server-select" aria-label=t("Server")
            on:change:target=|event| { let server = event.target().value(); act(|console| console.choose_server(server)); }>
            <option value="">{t("Choose a server")}</option>
            {options}
        </select>
    }
}

#[component]
fn Comments() -> impl IntoView {
    let go = part(|_, dialog| dialog.comments_go());
    let first =
        console().with_untracked(|console| console.dialog.as_ref().map(|dialog| dialog.comments.clone()));
    view! {
        <label>{t("Comments for the next agent")}
            <textarea data-test="comments" rows="3" disabled=move || go.get() == Some(false)
                prop:value=first.unwrap_or_default()
                on:input:target=|event| { let text = event.target().value(); change(|dialog| dialog.comments = text); }>
            </textarea>
        </label>
    }
}

/// What is sent, as far as policy leaves a choice (A4, W2).
#[component]
fn Sent() -> impl IntoView {
    let amount = part(|_, dialog| (dialog.allowed(), dialog.policy()));
    let forced = move || {
        amount.get().and_then(|(_, policy)| match policy {
            Some(SharePolicy::All) => {
                Some(t("Your company's policy sends everything to this destination: conversation, notes, documents."))
            }
            Some(SharePolicy::Nothing) => Some(
                t("Your company's policy lets nothing out to this destination: no conversation, no name, no comments."),
            ),
            _ => None,
        })
    };
    let option = move |this: Amount, mark: &'static str, label: &'static str| {
        let chosen = move || amount.get().is_some_and(|(amount, _)| amount == this);
        let closed = move || forced().is_some();
        view! {
            <label class="choice"><input type="radio" name="amount" data-test=mark prop:checked=chosen disabled=closed
                on:change=move |_| change(|dialog| { dialog.amount = this; dialog.editing = this == Amount::Part; })/>
                {label}</label>
        }
    };
    let part_of_it = move || amount.get().is_some_and(|(amount, _)| amount == Amount::Part);
    view! {
        <fieldset>
            <legend>{t("What to send")}</legend>
            {option(Amount::All, "share-all", t("All"))}
            {option(Amount::Part, "share-part", t("Part"))}
            {option(Amount::Nothing, "share-none", t("Nothing"))}
            <p class="policy" data-test="policy">{forced}</p>
        </fieldset>
        <Show when=part_of_it fallback=|| view! { <super::edit::Summary/> }><super::edit::Edit/></Show>
    }
}
