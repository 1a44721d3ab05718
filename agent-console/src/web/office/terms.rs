//! What was agreed with a peer: who may send whom where, what travels along, and the keys by which it is known.

use leptos::prelude::*;
use serde_json::{Value, json};

use super::super::api::{Outcome, Said, Source, number, text, texts, truth};
use super::agents::encoded;
use super::peers::{CLASSES, MODES};
use super::rows::Choice;
use crate::model::Console;
use crate::tongue::{say, t, tr};

/// The parts of what travels with a customer, as the API names them.
const PARTS: [(&str, &str); 5] = [
    ("identity", tr("Name and e-mail address")),
    ("transcript", tr("What was said")),
    ("notes", tr("Private notes")),
    ("documents", tr("Documents")),
    ("comments", tr("Comments for the next agent")),
];

/// A form for what is agreed with this peer; what was entered is kept by the gateway alone.
#[component]
pub fn Terms(peer: Value, edited: RwSignal<Option<Value>>, source: Source) -> impl IntoView {
    let (name, title) = (text(&peer, "name"), text(&peer, "title"));
    let path = format!("peers/{}", encoded(&name));
    let outcome = Outcome::new();
    let (class, mode) = (RwSignal::new(text(&peer, "class")), RwSignal::new(text(&peer, "mode")));
    let page = RwSignal::new(text(&peer, "page"));
    let [areas, agents, gives, takes] =
        ["areas", "agents", "gives", "takes"].map(|key| RwSignal::new(texts(&peer, key)));
    let confined = RwSignal::new(truth(&peer, "confined"));
    let [often, at_once] =
        ["per_minute", "reservations"].map(|key| RwSignal::new(number(&peer, key).to_string()));
    let ours = super::super::driver::console().with_untracked(|console: &Console| {
        console.areas.iter().map(|area| (area.name.clone(), area.title.clone())).collect::<Vec<_>>()
    });
    let all = Source::new("agents");
    let colleagues = move || {
        let named = all.rows().into_iter().map(|agent| (text(&agent, "name"), text(&agent, "title")));
        view! { <Several mark="peer-agent" of=named.collect() chosen=agents/> }
    };
    let parts = || PARTS.map(|(name, label)| (name.to_owned(), t(label).to_owned())).to_vec();
    let again = source.clone();
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let page = Some(page.get_untracked()).filter(|page| !page.is_empty());
        let count = |of: RwSignal<String>| of.get_untracked().trim().parse::<u32>().ok();
        let body = json!({
            "class": class.get_untracked(), "mode": mode.get_untracked(), "page": page,
            "areas": areas.get_untracked(), "agents": agents.get_untracked(),
            "gives": gives.get_untracked(), "takes": takes.get_untracked(), "confined": confined.get_untracked(),
            "per_minute": count(often), "reservations": count(at_once),
        });
        let source = again.clone();
        outcome
            .send("PATCH", path.clone(), Some(body), t("Saved. It counts at once."), move |_| source.load());
    };
    let limit = move |label: &'static str, mark: &'static str, of: RwSignal<String>| {
        view! {
            <label>{label}<input type="number" min="0" required data-test=mark prop:value=move || of.get()
                on:input:target=move |event| of.set(event.target().value())/></label>
        }
    };
    view! {
        <form class="sheet" data-test="peer-form" on:submit=save>
            <h3>{say("What is agreed with $1", &[&title])}</h3>
            <label>{t("How near")}<Choice mark="terms-class" of=CLASSES value=class.into() set=move |word| class.set(word)/></label>
            <label>{t("How customers go there")}<Choice mark="terms-mode" of=MODES value=mode.into() set=move |word| mode.set(word)/></label>
            <label>{t("Its page, for customers whose browser goes there")}<input data-test="terms-page" prop:value=move || page.get()
                on:input:target=move |event| page.set(event.target().value())/></label>
            {limit(t("Transfers that it may ask for in a minute"), "terms-often", often)}
            {limit(t("Customers of its on their way here at once"), "terms-at-once", at_once)}
            <fieldset class="whole"><legend>{t("Lines here that it may send customers to; every one, when none is ticked")}</legend>
                <Several mark="peer-area" of=ours chosen=areas/></fieldset>
            <fieldset class="whole"><legend>{t("Agents here who may transfer to it; every one, when none is ticked")}</legend>{colleagues}</fieldset>
            <fieldset class="whole"><legend>{t("What it gets of what we send")}</legend>
                <Several mark="peer-gives" of=parts() chosen=gives/></fieldset>
            <fieldset class="whole"><legend>{t("What we take of what it sends")}</legend>
                <Several mark="peer-takes" of=parts() chosen=takes/></fieldset>
            <label class="choice whole"><input type="checkbox" data-test="terms-confined" prop:checked=move || confined.get()
                on:change:target=move |event| confined.set(event.target().checked())/>
                {t("It must not pass on to a third company what we send")}</label>
            <Said outcome/>
            <footer>
                <button type="button" class="plain" data-test="terms-close" on:click=move |_| edited.set(None)>{t("Close")}</button>
                <button class="main" data-test="terms-save" disabled=move || outcome.is_busy()>{t("Save")}</button>
            </footer>
        </form>
        <Keys peer source/>
    }
}

/// Boxes to tick, by their names and labels.
#[component]
fn Several(mark: &'static str, of: Vec<(String, String)>, chosen: RwSignal<Vec<String>>) -> impl IntoView {
    let one = move |(name, label): (String, String)| {
        let (this, mark) = (name.clone(), format!("{mark}-{name}"));
        let checked = move || chosen.with(|chosen| chosen.contains(&this));
        let flip = move |on: bool| {
            chosen.update(|chosen| {
                chosen.retain(|chosen| *chosen != name);
                chosen.extend(on.then(|| name.clone()));
            });
        };
        view! {
            <label class="choice"><input type="checkbox" data-test=mark prop:checked=checked
                on:change:target=move |event| flip(event.target().checked())/>{label}</label>
        }
    };
    of.into_iter().map(one).collect_view()
}

/// Other keys of a peer's: as with a new peer, they count when somebody has compared them.
#[component]
fn Keys(peer: Value, source: Source) -> impl IntoView {
    let (name, url) = (text(&peer, "name"), text(&peer, "url"));
    let known = texts(&peer, "fingerprints");
    let (outcome, met, same) = (Outcome::new(), RwSignal::new(None::<Vec<String>>), RwSignal::new(false));
    let look = move |_| {
        (met.set(None), same.set(false));
        let body = json!({ "url": url });
        outcome.send("POST", "introductions".into(), Some(body), "", move |answer| {
            met.set(Some(texts(&answer, "fingerprints")));
        });
    };
    let trust = move |_| {
        let body = json!({ "fingerprints": met.get_untracked() });
        let (path, source) = (format!("peers/{}/keys", encoded(&name)), source.clone());
        outcome.send("PUT", path, Some(body), t("It is known by these keys from now on."), move |_| {
            met.set(None);
            source.load();
        });
    };
    let now = known.join(" ");
    let answered = move || {
        let prints = met.get()?;
        let trust = trust.clone();
        if prints == known {
            return Some(
                view! { <p role="status">{t("These are the keys by which it is known already.")}</p> }
                    .into_any(),
            );
        }
        Some(
            view! {
                <p>{t("Its keys now:")}" "<code data-test="peer-keys-now">{prints.join(" ")}</code></p>
                <label class="choice"><input type="checkbox" data-test="peer-keys-same" prop:checked=move || same.get()
                    on:change:target=move |event| same.set(event.target().checked())/>
                    {t("Its operator has told me the same fingerprint, on another way than this address")}</label>
                <button type="button" class="main" data-test="peer-keys-trust" disabled=move || !same.get() || outcome.is_busy()
                    on:click=trust>{t("Trust these keys")}</button>
            }
            .into_any(),
        )
    };
    view! {
        <div class="sheet" data-test="peer-keys">
            <h3>{t("Its keys")}</h3>
            <p>{t("It is known by:")}" "<code>{now}</code></p>
            <p class="hint">{t("A new key for which an old one stands is taken by itself; ask here after its operator has made new ones without.")}</p>
            <fieldset class="whole">{answered}</fieldset>
            <Said outcome/>
            <footer><button type="button" data-test="peer-keys-look" disabled=move || outcome.is_busy() on:click=look>{t("Ask for its keys")}</button></footer>
        </div>
    }
}
