//! The transfer dialog (A3 to A5): where to, what to say, what to send.

use baton_protocol::frames::PeerOffer;
use baton_protocol::limits::MAX_TEXT;
use baton_protocol::model::{AreaCard, Destination, SharePolicy};
use leptos::html;
use leptos::prelude::*;

use super::driver::{act, console, focus};
use super::pane::new_transfer;
use crate::model::dialog::{agent_unfit, area_unfit};
use crate::model::{Amount, Choice, Console, Dialog, Tab};
use crate::words;

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
    let window = NodeRef::<html::Dialog>::new();
    window.on_load(|dialog| {
        // Modal: the browser keeps the focus inside and closes it on Escape.
        let _ = dialog.show_modal();
    });
    let tab = part(|_, dialog| dialog.tab);
    let ready = part(|_, dialog| dialog.choice.is_some() && dialog.comments.len() <= MAX_TEXT);
    let question = part(|_, dialog| dialog.question().is_some());
    let name = part(|console, dialog| console.chat(dialog.chat).map(|chat| chat.name()).unwrap_or_default());
    view! {
        <dialog class="transfer" node_ref=window aria-labelledby="transfer-title" on:close=|_| close()>
            <h2 id="transfer-title">"Transfer "{move || name.get()}</h2>
            <div role="tablist" class="tabs" aria-label="Where to" on:keydown=move |event| arrows(&event, tab)>
                {Tab::ALL.map(|this| view! { <TabButton this tab/> }).collect_view()}
            </div>
            <div class="places" role="tabpanel" id="transfer-places"
                aria-labelledby=move || tab.get().map(tab_mark)>
                {move || match tab.get() {
                    Some(Tab::Agents) => view! { <Agents/> }.into_any(),
                    Some(Tab::Lines) => view! { <Lines/> }.into_any(),
                    Some(Tab::Servers) => view! { <Servers/> }.into_any(),
                    None => ().into_any(),
                }}
            </div>
            <Comments/>
            <Sent/>
            <footer>
                <button class="plain" on:click=|_| close()>"Cancel"</button>
                <button class="plain" data-test="ask-first" disabled=move || question.get() != Some(true)
                    title="Sends your comments to an agent there, and nothing else"
                    on:click=|_| act(|console| console.ask_first(new_transfer()))>"Ask first"</button>
                <button class="main" data-test="transfer-submit" disabled=move || ready.get() != Some(true)
                    on:click=|_| act(|console| console.transfer(new_transfer()))>"Transfer"</button>
            </footer>
        </dialog>
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
        Tab::Agents => "Agents",
        Tab::Lines => "Service lines",
        Tab::Servers => "Servers",
    }
}

/// Left and right lead to the tabs beside, as they do wherever there are tabs.
fn arrows(event: &leptos::ev::KeyboardEvent, tab: Memo<Option<Tab>>) {
    let step = match event.key().as_str() {
        "ArrowRight" => 1,
        "ArrowLeft" => Tab::ALL.len() - 1,
        _ => return,
    };
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

/// A destination: chosen, choosable, or faded with the reason.
#[component]
fn Place(title: String, choice: Choice, about: String, why_not: Option<&'static str>) -> impl IntoView {
    let to = choice.to.clone();
    let chosen = part(|_, dialog| dialog.choice.as_ref().map(|choice| choice.to.clone()));
    let checked = move || (chosen.get().flatten().as_ref() == Some(&to)).to_string();
    view! {
        <button class="place" data-test="destination" aria-pressed=checked disabled=why_not.is_some()
            on:click=move |_| { let choice = choice.clone(); act(|console| console.choose(choice)); }>
            <b>{title}</b><span class="hint">{why_not.map_or(about, str::to_owned)}</span>
        </button>
    }
}

#[component]
fn Agents() -> impl IntoView {
    let agents = Memo::new(|_| console().with(|console| console.agents.clone()));
    let me = console().with_untracked(|console| console.me.as_ref().map(|me| me.card.name.clone()));
    let me = me.unwrap_or_default();
    move || {
        let alone = agents.with(|agents| agents.len() < 2);
        let alone = alone.then(|| view! { <p class="hint">"Nobody else is logged in."</p> });
        let places = agents.get().into_iter().map(|agent| {
            let why_not = agent_unfit(&agent, &me);
            let role = if agent.supervisor { "supervisor, " } else { "" };
            let about = format!("{role}{} of {} chats", agent.chats, agent.max_chats);
            let title = agent.title.clone();
            let choice =
                Choice { to: Destination::Agent(agent.name), title: agent.title, share: agent.share };
            view! { <Place title choice about why_not/> }
        });
        view! { <div class="group" role="group" aria-label="Agents">{places.collect_view()}</div>{alone} }
    }
}

fn area_text(area: &AreaCard) -> String {
    let wait = area.wait.as_ref().map(|wait| format!(", {}", words::wait(wait))).unwrap_or_default();
    let agents = words::count(area.agents, "agent");
    format!("{agents}, {} free, {} waiting{wait}", area.free_agents, area.waiting)
}

#[component]
fn Lines() -> impl IntoView {
    let areas = Memo::new(|_| console().with(|console| console.areas.clone()));
    move || {
        let places = areas.get().into_iter().map(|area| {
            let (why_not, about) = (area_unfit(&area), area_text(&area));
            let title = area.title.clone();
            let choice = Choice { to: Destination::Area(area.name), title: area.title, share: area.share };
            view! { <Place title choice about why_not/> }
        });
        view! { <div class="group" role="group" aria-label="Service lines">{places.collect_view()}</div> }
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
    let offer = part(|console, dialog| {
        (dialog.server.clone(), dialog.offer.clone(), console.server_share(&dialog.server))
    });
    view! {
        <select data-test="server-select" aria-label="Server"
            on:change:target=|event| { let server = event.target().value(); act(|console| console.choose_server(server)); }>
            <option value="">"Choose a server"</option>
            {options}
        </select>
        {move || {
            let (server, offer, share) = offer.get()?;
            (!server.is_empty()).then(|| offered(&server, offer, &share))
        }}
    }
}

fn offered(server: &str, offer: Option<PeerOffer>, share: &SharePolicy) -> AnyView {
    match offer {
        None => view! { <p class="hint asking" role="status"><span class="spinner"></span>"Asking what it offers for this chat…"</p> }.into_any(),
        Some(PeerOffer::GeneralEntrance) => {
            let choice = console().with_untracked(|console| console.entrance(server));
            choice.map(|choice| {
                let about = "takes every chat at one entrance".to_owned();
                view! { <div class="group"><Place title=choice.title.clone() choice about why_not=None/></div> }
            })
            .into_any()
        }
        Some(PeerOffer::Refused { code, detail }) => {
            view! { <p class="wrong" role="alert">{crate::model::sentence(&detail)}". "{code.advice()}</p> }.into_any()
        }
        Some(PeerOffer::Areas(areas)) if areas.is_empty() => {
            view! { <p class="hint">"It offers nothing for this chat now."</p> }.into_any()
        }
        Some(PeerOffer::Areas(areas)) => {
            let name = console().with_untracked(|console| console.entrance(server)).map(|choice| choice.title);
            let name = name.unwrap_or_else(|| server.to_owned());
            let places = areas.into_iter().map(|area| {
                let (why_not, about) = (area_unfit(&area), area_text(&area));
                let to = Destination::Server { server: server.to_owned(), area: Some(area.name) };
                let full = format!("{}, {name}", area.title);
                let choice = Choice { to, title: full, share: share.clone() };
                view! { <Place title=area.title choice about why_not/> }
            });
            view! { <div class="group" role="group" aria-label="Its service lines">{places.collect_view()}</div> }
                .into_any()
        }
    }
}

#[component]
fn Comments() -> impl IntoView {
    let go = part(|_, dialog| dialog.comments_go());
    let first =
        console().with_untracked(|console| console.dialog.as_ref().map(|dialog| dialog.comments.clone()));
    view! {
        <label>"Comments for the next agent"
            <textarea data-test="comments" rows="2" disabled=move || go.get() == Some(false)
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
            Some(SharePolicy::All) => Some("Policy: everything goes along to this destination."),
            Some(SharePolicy::Nothing) => {
                Some("Policy: nothing about the conversation goes to this destination, comments neither.")
            }
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
            <legend>"What to send"</legend>
            {option(Amount::All, "share-all", "All")}
            {option(Amount::Part, "share-part", "Part")}
            {option(Amount::Nothing, "share-none", "Nothing")}
            <p class="hint">{forced}</p>
        </fieldset>
        <Show when=part_of_it><super::edit::Edit/></Show>
    }
}
