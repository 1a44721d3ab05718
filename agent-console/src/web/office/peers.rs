//! Other companies' servers. A new one's fingerprint is compared on another way before it counts.

use leptos::prelude::*;
use serde_json::{Value, json};

use super::super::api::{Outcome, Said, Source, text, texts, truth};
use super::super::driver::focus;
use super::agents::encoded;
use super::rows::{Choice, named};
use super::terms::Terms;
use crate::tongue::{say, t};

/// How near a peer may be.
pub const CLASSES: &[&str] = &["partner", "same_company", "other"];
/// How customers may go there.
pub const MODES: &[&str] = &["in_place", "navigate"];

/// See the module.
#[component]
pub fn Peers() -> impl IntoView {
    let (source, outcome) = (Source::new("peers"), Outcome::new());
    let edited = RwSignal::new(None::<Value>);
    let row = {
        let source = source.clone();
        move |peer: Value| {
            let (name, title) = (text(&peer, "name"), text(&peer, "title"));
            let suspended = truth(&peer, "suspended");
            let path = format!("peers/{}", encoded(&name));
            let (again, gone) = (source.clone(), source.clone());
            let flip = {
                let path = path.clone();
                move |_| {
                    let (again, body) = (again.clone(), json!({ "suspended": !suspended }));
                    outcome.send(
                        "PATCH",
                        path.clone(),
                        Some(body),
                        t("Saved. It counts at once."),
                        move |_| again.load(),
                    );
                }
            };
            let (asked, chosen) = (RwSignal::new(false), peer.clone());
            let edit = move |_| {
                edited.set(Some(chosen.clone()));
                focus("[data-test=terms-class]");
            };
            let remove = move |_| {
                if asked.get_untracked() {
                    let gone = gone.clone();
                    outcome.send("DELETE", path.clone(), None, t("Removed."), move |_| gone.load());
                }
                asked.set(true);
            };
            let areas = peer.get("areas").filter(|areas| areas.is_array());
            let areas = areas.map_or(t("every line").to_owned(), |_| texts(&peer, "areas").join(", "));
            let (word, label) = if suspended {
                (t("Resume"), say("Resume $1", &[&title]))
            } else {
                (t("Suspend"), say("Suspend $1", &[&title]))
            };
            view! {
                <tr data-test="peer" data-suspended=suspended.to_string()>
                    <th scope="row">{title}<span class="hint">" "{name.clone()}" · "{text(&peer, "url")}</span></th>
                    <td>{named(&text(&peer, "class"))}</td><td>{areas}</td>
                    <td><code>{texts(&peer, "fingerprints").join(" ")}</code></td>
                    <td>{if suspended { t("suspended") } else { "" }}</td>
                    <td class="doing"><button class="plain" data-test="peer-edit" aria-label=say("Edit $1", &[&name]) on:click=edit>{t("Edit")}</button>
                        <button class="plain" data-test="peer-suspend" aria-label=label on:click=flip>{word}</button>
                        <button class="plain" data-test="peer-remove" aria-label=say("Remove $1", &[&name]) on:click=remove on:blur=move |_| asked.set(false)>
                            {move || if asked.get() { t("For good?") } else { t("Remove") }}</button></td>
                </tr>
            }
        }
    };
    let (rows, trouble, new) = (source.clone(), source.clone(), source.clone());
    view! {
        <h2 tabindex="-1">{t("Other servers")}</h2>
        <p class="hint">{t("Companies and servers that customers are handed over to and come from.")}</p>
        <p class="wrong" role="alert">{move || trouble.trouble()}</p>
        <div class="wide"><table>
            <thead><tr><th scope="col">{t("Server")}</th><th scope="col">{t("How near")}</th><th scope="col">{t("May send to")}</th>
                <th scope="col">{t("Fingerprint")}</th><th scope="col">{t("Now")}</th><td></td></tr></thead>
            <tbody>{move || rows.rows().into_iter().map(row.clone()).collect_view()}</tbody>
        </table></div>
        <Said outcome/>
        {move || edited.get().map(|peer| view! { <Terms peer edited source=source.clone()/> })}
        <New source=new/>
    }
}

#[component]
fn New(source: Source) -> impl IntoView {
    let (url, page, outcome) = (RwSignal::new(String::new()), RwSignal::new(String::new()), Outcome::new());
    let (class, mode) = (RwSignal::new("partner".to_owned()), RwSignal::new("in_place".to_owned()));
    let (met, same) = (RwSignal::new(None::<Value>), RwSignal::new(false));
    let look = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        met.set(None);
        same.set(false);
        let body = json!({ "url": url.get_untracked().trim() });
        outcome.send("POST", "introductions".into(), Some(body), "", move |answer| met.set(Some(answer)));
    };
    let add = move |_| {
        let Some(answer) = met.get_untracked() else { return };
        let page = Some(page.get_untracked()).filter(|page| !page.is_empty());
        let body = json!({ "url": url.get_untracked().trim(), "class": class.get_untracked(), "mode": mode.get_untracked(),
            "page": page, "fingerprints": texts(&answer, "fingerprints") });
        let (source, path) = (source.clone(), format!("peers/{}", encoded(&text(&answer, "name"))));
        outcome.send(
            "PUT",
            path,
            Some(body),
            t("Added. It must make this server its peer, too."),
            move |_| {
                met.set(None);
                source.load();
            },
        );
    };
    let answered = move || {
        let answer = met.get()?;
        let add = add.clone();
        Some(view! {
            <fieldset class="whole" data-test="introduction"><legend>{text(&answer, "title")}" ("{text(&answer, "name")}")"</legend>
                <p>{t("Its fingerprint:")}" "<code>{texts(&answer, "fingerprints").join(" ")}</code></p>
                <label class="choice"><input type="checkbox" data-test="peer-same" prop:checked=move || same.get()
                    on:change:target=move |event| same.set(event.target().checked())/>
                    {t("Its operator has told me the same fingerprint, on another way than this address")}</label>
                <button type="button" class="main" data-test="peer-add" disabled=move || !same.get() || outcome.is_busy() on:click=add>{t("Make it a peer")}</button>
            </fieldset>
        })
    };
    view! {
        <form class="sheet" on:submit=look>
            <h3>{t("Add a server")}</h3>
            <label>{t("Address")}<input data-test="peer-url" required placeholder="https://chat.globex.example" on:input:target=move |event| url.set(event.target().value())/></label>
            <label>{t("How near")}<Choice mark="peer-class" of=CLASSES value=class.into() set=move |word| class.set(word)/></label>
            <label>{t("How customers go there")}<Choice mark="peer-mode" of=MODES value=mode.into() set=move |word| mode.set(word)/></label>
            <label>{t("Its page, for customers whose browser goes there")}<input data-test="peer-page" on:input:target=move |event| page.set(event.target().value())/></label>
            {answered}
            <Said outcome/>
            <footer><button data-test="peer-look" disabled=move || outcome.is_busy()>{t("Ask who it is")}</button></footer>
        </form>
    }
}
