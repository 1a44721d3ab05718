//! Keys with which programs use the HTTP API.

use baton_protocol::Timestamp;
use leptos::prelude::*;
use serde_json::{Value, json};

use super::super::api::{Outcome, Said, Source, number, text, texts, truth};
use super::super::driver::clock;
use super::agents::encoded;
use crate::tongue::{say, t, tr};
use crate::words;

const SCOPES: [(&str, &str); 7] = [
    ("agents", tr("Agents and roles")),
    ("settings", tr("Service lines, policies")),
    ("replies", tr("Replies for later use")),
    ("peers", tr("Other servers")),
    ("audit", tr("Audit")),
    ("reports", tr("Reports")),
    ("chats", tr("What was said in chats")),
];

fn scopes(key: &Value) -> String {
    let known = |scope: &str| SCOPES.iter().find(|(name, _)| *name == scope).map(|(_, label)| t(label));
    let named = |scope: &String| known(scope).map_or_else(|| scope.clone(), str::to_owned);
    texts(key, "scopes").iter().map(named).collect::<Vec<_>>().join(", ")
}

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// See the module.
#[component]
pub fn Keys() -> impl IntoView {
    let (source, outcome) = (Source::new("keys"), Outcome::new());
    let row = {
        let source = source.clone();
        move |key: Value| {
            let (id, title) = (text(&key, "id"), text(&key, "title"));
            let made = Timestamp(number(&key, "made_at"));
            let ago = move || words::ago(Timestamp(clock().get()).since(made));
            let ends = key.get("ends_at").and_then(Value::as_u64);
            let ends = ends.map_or(t("never").to_owned(), |end| {
                say("in $1 day|in $1 days", &[&(end.saturating_sub(clock().get_untracked()) / DAY)])
            });
            let label = say("Revoke $1", &[&title]);
            let (again, path) = (source.clone(), format!("keys/{}", encoded(&id)));
            let revoke = move |_| {
                let again = again.clone();
                outcome.send("DELETE", path.clone(), None, t("Revoked."), move |_| again.load());
            };
            view! {
                <tr data-test="key">
                    <th scope="row">{title}<span class="hint">" "{id}</span></th><td>{scopes(&key)}</td>
                    <td>{if truth(&key, "writes") { t("reads and writes") } else { t("reads") }}</td>
                    <td>{text(&key, "made_by")}<span class="hint">" "{ago}</span></td><td>{ends}</td>
                    <td><button class="plain" data-test="key-revoke" aria-label=label on:click=revoke>{t("Revoke")}</button></td>
                </tr>
            }
        }
    };
    let (rows, trouble) = (source.clone(), source.clone());
    view! {
        <h2 tabindex="-1">{t("API keys")}</h2>
        <p class="hint">{t("Programs use the API with a key:")}" "<a href="/api/v1/openapi.json" target="_blank">{t("its description")}</a>"."</p>
        <p class="wrong" role="alert">{move || trouble.trouble()}</p>
        <div class="wide"><table>
            <thead><tr><th scope="col">{t("For")}</th><th scope="col">{t("Opens")}</th><th scope="col">{t("May")}</th><th scope="col">{t("Made by")}</th>
                <th scope="col">{t("Ends")}</th><td></td></tr></thead>
            <tbody>{move || rows.rows().into_iter().map(row.clone()).collect_view()}</tbody>
        </table></div>
        <Said outcome/>
        <New source/>
    }
}

#[component]
fn New(source: Source) -> impl IntoView {
    let (title, days, outcome) = (RwSignal::new(String::new()), RwSignal::new(String::new()), Outcome::new());
    let (scopes, writes, secret) =
        (RwSignal::new(Vec::<&str>::new()), RwSignal::new(false), RwSignal::new(None::<String>));
    let make = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if scopes.with_untracked(Vec::is_empty) {
            return outcome.refuse(t("Choose what it opens."));
        }
        let ends = days.get_untracked().trim().parse::<u64>().ok().map(|days| days.saturating_mul(DAY));
        let body = json!({ "title": title.get_untracked(), "scopes": scopes.get_untracked(), "writes": writes.get_untracked(), "ends_in": ends });
        let source = source.clone();
        outcome.send("POST", "keys".into(), Some(body), "", move |answer| {
            secret.set(Some(text(&answer, "secret")));
            title.set(String::new());
            source.load();
        });
    };
    let scope = move |(name, label): (&'static str, &'static str)| {
        let flip = move |on: bool| {
            scopes.update(|scopes| {
                scopes.retain(|scope| *scope != name);
                scopes.extend(on.then_some(name));
            });
        };
        view! {
            <label class="choice"><input type="checkbox" data-test=format!("scope-{name}")
                on:change:target=move |event| flip(event.target().checked())/>{t(label)}</label>
        }
    };
    view! {
        <form class="sheet" on:submit=make>
            <h3>{t("New key")}</h3>
            <label>{t("What it is for")}<input data-test="key-title" required maxlength="120" autocomplete="off" prop:value=move || title.get()
                on:input:target=move |event| title.set(event.target().value())/></label>
            <label>{t("Ends after days; never, when empty")}<input type="number" min="1" max="3650" data-test="key-days"
                on:input:target=move |event| days.set(event.target().value())/></label>
            <fieldset class="whole"><legend>{t("It opens")}</legend>{SCOPES.map(scope).collect_view()}</fieldset>
            <label class="choice"><input type="checkbox" data-test="key-writes" on:change:target=move |event| writes.set(event.target().checked())/>
                {t("It changes things, too")}</label>
            {move || secret.get().map(|secret| view! {
                <fieldset class="whole"><legend>{t("The key. It is shown this once.")}</legend><code data-test="key-secret">{secret}</code></fieldset>
            })}
            <Said outcome/>
            <footer><button class="main" data-test="key-make" disabled=move || outcome.is_busy()>{t("Make a key")}</button></footer>
        </form>
    }
}
