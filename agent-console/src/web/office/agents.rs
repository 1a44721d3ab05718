//! Agents: who they are, what they may do.

use leptos::prelude::*;
use serde_json::{Value, json};

use super::super::api::{Outcome, Said, Source, number, text, texts, truth};
use super::super::driver::{console, focus};
use super::rows::{Choice, named};
use crate::tongue::{say, t};

const ROLES: &[&str] = &["agent", "supervisor", "admin"];

/// See the module.
#[component]
pub fn Agents() -> impl IntoView {
    let (source, edited, outcome) = (Source::new("agents"), RwSignal::new(None::<Value>), Outcome::new());
    let edit = move |agent: Value| {
        outcome.clear();
        edited.set(Some(agent));
        focus("[data-test=agent-title]");
    };
    let row = move |agent: Value| {
        let areas = texts(&agent, "areas").iter().map(|area| title_of(area)).collect::<Vec<_>>().join(", ");
        let state = match (truth(&agent, "online"), truth(&agent, "by_hand")) {
            (true, true) => t("online, by hand"),
            (true, false) => t("online"),
            (false, true) => t("by hand"),
            (false, false) => "",
        };
        let label = say("Edit $1", &[&text(&agent, "title")]);
        view! {
            <tr data-test="agent">
                <th scope="row">{text(&agent, "title")}<span class="hint">" "{text(&agent, "name")}</span></th>
                <td>{named(&text(&agent, "role"))}</td><td>{areas}</td><td>{number(&agent, "max_chats")}</td><td>{state}</td>
                <td><button class="plain" aria-label=label on:click=move |_| edit(agent.clone())>{t("Edit")}</button></td>
            </tr>
        }
    };
    let (rows, trouble, again) = (source.clone(), source.clone(), source);
    view! {
        <h2 tabindex="-1">{t("Agents")}</h2>
        <p class="wrong" role="alert">{move || trouble.trouble()}</p>
        <div class="wide"><table>
            <thead><tr><th scope="col">{t("Name")}</th><th scope="col">{t("Role")}</th><th scope="col">{t("Service lines")}</th>
                <th scope="col">{t("Chats at most")}</th><th scope="col">{t("Now")}</th><td></td></tr></thead>
            <tbody>{move || rows.rows().into_iter().map(row).collect_view()}</tbody>
        </table></div>
        <p><button class="main" data-test="agent-new" on:click=move |_| edit(json!({ "role": "agent" }))>{t("New agent")}</button></p>
        <Said outcome/>
        {move || edited.get().map(|agent| view! { <Form agent edited outcome source=again.clone()/> })}
    }
}

/// An area's name for people.
pub fn title_of(area: &str) -> String {
    console().with_untracked(|console| console.area_title(area))
}

#[component]
fn Form(agent: Value, edited: RwSignal<Option<Value>>, outcome: Outcome, source: Source) -> impl IntoView {
    let before = text(&agent, "name");
    let old = !before.is_empty();
    let (name, title) = (RwSignal::new(before.clone()), RwSignal::new(text(&agent, "title")));
    let (role, password) = (RwSignal::new(text(&agent, "role")), RwSignal::new(String::new()));
    let most = RwSignal::new(agent.get("max_chats").map(Value::to_string).unwrap_or_default());
    let served = RwSignal::new(texts(&agent, "areas"));
    let by_hand = RwSignal::new(truth(&agent, "by_hand"));
    let areas = console().with_untracked(|console| console.areas.clone());
    let area = move |area: baton_protocol::model::AreaCard| {
        let name = area.name.clone();
        let checked = move || served.with(|served| served.contains(&name));
        let name = area.name.clone();
        let flip = move |on: bool| {
            served.update(|served| {
                served.retain(|served| *served != name);
                served.extend(on.then(|| name.clone()));
            });
        };
        view! {
            <label class="choice"><input type="checkbox" data-test=format!("agent-area-{}", area.name) prop:checked=checked
                on:change:target=move |event| flip(event.target().checked())/>{area.title}</label>
        }
    };
    let done = {
        let source = source.clone();
        move |_: Value| {
            edited.set(None);
            source.load();
        }
    };
    let save = {
        let done = done.clone();
        move |event: leptos::ev::SubmitEvent| {
            event.prevent_default();
            let password = Some(password.get_untracked()).filter(|password| !password.is_empty());
            let body = json!({
                "title": title.get_untracked(), "role": role.get_untracked(), "areas": served.get_untracked(),
                "max_chats": most.get_untracked().trim().parse::<u32>().ok(), "password": password,
                "by_hand": by_hand.get_untracked(),
            });
            let path = format!("agents/{}", encoded(&name.get_untracked()));
            outcome.send("PUT", path, Some(body), t("Saved."), done.clone());
        }
    };
    let path = format!("agents/{}", encoded(&before));
    let asked = RwSignal::new(false);
    let remove = {
        let (path, done) = (path.clone(), done);
        move |_| {
            if asked.get_untracked() {
                outcome.send("DELETE", path.clone(), None, t("Removed."), done.clone());
            }
            asked.set(true);
        }
    };
    let log_out = move |_| {
        outcome.send("DELETE", format!("{path}/sessions"), None, t("Logged out everywhere."), |_| {})
    };
    view! {
        <form class="sheet" on:submit=save data-test="agent-form">
            <h3>{if old { say("Agent $1", &[&before]) } else { t("New agent").into() }}</h3>
            <label>{t("Login name")}<input data-test="agent-name" required disabled=old autocomplete="off"
                prop:value=move || name.get() on:input:target=move |event| name.set(event.target().value())/></label>
            <label>{t("Name that customers see")}<input data-test="agent-title" required autocomplete="off"
                prop:value=move || title.get() on:input:target=move |event| title.set(event.target().value())/></label>
            <label>{t("Role")}<Choice mark="agent-role" of=ROLES value=role.into() set=move |word| role.set(word)/></label>
            <label>{t("Chats at most")}<input type="number" min="1" max="1000" data-test="agent-most"
                prop:value=move || most.get() on:input:target=move |event| most.set(event.target().value())/></label>
            <label>{if old { t("New password (empty: as before)") } else { t("Password") }}<input type="password" data-test="agent-password"
                autocomplete="new-password" minlength="12" required=!old
                on:input:target=move |event| password.set(event.target().value())/></label>
            <label class="choice"><input type="checkbox" data-test="agent-by-hand" prop:checked=move || by_hand.get()
                on:change:target=move |event| by_hand.set(event.target().checked())/>
                {t("Picks customers up by hand, and is given none")}</label>
            <fieldset><legend>{t("Service lines")}</legend>{areas.into_iter().map(area).collect_view()}</fieldset>
            <footer>
                {old.then(|| view! {
                    <button type="button" class="plain" data-test="agent-log-out" on:click=log_out>{t("Log out everywhere")}</button>
                    <button type="button" class="plain" data-test="agent-remove" on:click=remove on:blur=move |_| asked.set(false)>
                        {move || if asked.get() { t("Remove for good?") } else { t("Remove") }}</button>
                })}
                <button type="button" class="plain" on:click=move |_| edited.set(None)>{t("Cancel")}</button>
                <button class="main" data-test="agent-save" disabled=move || outcome.is_busy()>{t("Save")}</button>
            </footer>
        </form>
    }
}

/// A name within an address.
pub fn encoded(name: &str) -> String {
    js_sys::encode_uri_component(name).into()
}
