//! Service lines: their hours, how they serve, what waiting customers read. And the settings that they are part of.

use leptos::prelude::*;
use serde_json::{Value, json};

use super::super::api::{Outcome, Said, Source, text};
use super::rows::{Choice, Field, Lines, Number, Rows, Words, YES_OR_NO, put, words};
use crate::tongue::{t, tr};

const ASSIGN: &[&str] = &["by_hand", "longest_idle", "least_busy", "round_robin"];

const ANNOUNCEMENT: &[Field] = &[
    words("title", tr("Title")),
    words("text", tr("Text")),
    words("url", tr("Link")),
    Field { key: "offer", label: tr("An offer"), of: YES_OR_NO },
];
const FAQ: &[Field] = &[words(tr("question"), tr("Question")), words("answer", tr("Answer"))];
const LINK: &[Field] = &[words("title", tr("Title")), words("url", tr("Address"))];

/// Saves one of the settings. The gateway starts again with it.
pub fn save(source: &Source, outcome: Outcome, key: &'static str, value: Value) {
    let Some(version) = source.value().map(|settings| text(&settings, "version")) else { return };
    let source = source.clone();
    let body = json!({ "version": version, "settings": { key: value } });
    let done = t("Saved. The gateway starts again with it; connections come back by themselves.");
    outcome.send("PUT", "settings".into(), Some(body), done, move |answer| source.put(answer));
}

/// A part of the settings.
pub fn part(source: &Source, key: &str) -> Value {
    source.value().and_then(|settings| settings.get("settings")?.get(key).cloned()).unwrap_or(Value::Null)
}

/// See the module.
#[component]
pub fn Areas() -> impl IntoView {
    let (source, outcome) = (Source::new("settings"), Outcome::new());
    let chosen = RwSignal::new(0_usize);
    let areas = RwSignal::new(Vec::<RwSignal<Value>>::new());
    let read = source.clone();
    Effect::new(move |_| {
        let list = part(&read, "area");
        let list = list.as_array().cloned().unwrap_or_default();
        areas.set(list.into_iter().map(RwSignal::new).collect());
    });
    let tab = move |(at, area): (usize, RwSignal<Value>)| {
        let name = move || {
            area.with(|area| {
                Some(text(area, "title")).filter(|title| !title.is_empty()).unwrap_or(t("New line").into())
            })
        };
        view! {
            <li><button type="button" class="plain" data-test="area-tab" aria-pressed=move || (chosen.get() == at).to_string()
                on:click=move |_| chosen.set(at)>{name}</button></li>
        }
    };
    let add = move |_| {
        areas.update(|areas| areas.push(RwSignal::new(json!({}))));
        chosen.set(areas.with_untracked(Vec::len) - 1);
    };
    let remove = move |_| {
        areas.update(|areas| {
            let at = chosen.get_untracked();
            if at < areas.len() {
                areas.remove(at);
            }
        });
        chosen.set(0);
    };
    let keep = source.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let list = areas.with_untracked(|areas| areas.iter().map(|area| area.get_untracked()).collect());
        save(&keep, outcome, "area", Value::Array(list));
    };
    let form =
        move || areas.with(|areas| areas.get(chosen.get()).copied()).map(|area| view! { <Area area/> });
    view! {
        <h2 tabindex="-1">{t("Service lines")}</h2>
        <p class="hint">{t("The first one is where customers go by default.")}</p>
        <p class="wrong" role="alert">{move || source.trouble()}</p>
        <form on:submit=submit>
            <ul class="chips">{move || areas.get().into_iter().enumerate().map(tab).collect_view()}
                <li><button type="button" class="plain" data-test="area-new" on:click=add>{t("+ New line")}</button></li></ul>
            {form}
            <Said outcome/>
            <footer>
                <button type="button" class="plain" data-test="area-remove" disabled=move || areas.with(Vec::len) < 2 on:click=remove>{t("Remove this line")}</button>
                <button class="main" data-test="areas-save" disabled=move || outcome.is_busy()>{t("Save all lines")}</button>
            </footer>
        </form>
    }
}

#[component]
fn Area(area: RwSignal<Value>) -> impl IntoView {
    let word = move |key: &'static str, usual: &'static str| {
        Signal::derive(move || {
            area.with(|area| Some(text(area, key)).filter(|word| !word.is_empty()).unwrap_or(usual.into()))
        })
    };
    let set = move |key: &'static str| move |word: String| put(area, key, Some(Value::String(word)));
    view! {
        <div class="sheet">
            <Words of=area key="name" label=t("Name in addresses and settings") hint="sales"/>
            <Words of=area key="title" label=t("Name that people read") hint="Sales"/>
            <Lines of=area key="hours" label=t("Open, a line for each range; always, when empty") hint="Mon-Fri 09:00-17:30"/>
            <Words of=area key="time_zone" label=t("Time zone") hint="Europe/Berlin"/>
            <Lines of=area key="holidays" label=t("Closed on") hint="12-25"/>
            <label>{t("Waiting customers are given")}<Choice mark="field-assign" of=ASSIGN value=word("assign", "by_hand") set=set("assign")/></label>
            <label>{t("Their last agent comes first")}<Choice mark="field-last-agent" of=YES_OR_NO value=word("last_agent", "yes") set=set("last_agent")/></label>
            <Number of=area key="reserve" label=t("Free agents kept for transferred and urgent customers") usual=0/>
            <Number of=area key="max_waiting" label=t("Customers who may wait") usual=1_000/>
            <fieldset class="whole"><legend>{t("Announcements for those who wait")}</legend><Rows of=area key="announcement" noun=t("announcement") fields=ANNOUNCEMENT/></fieldset>
            <fieldset class="whole"><legend>{t("Questions and answers")}</legend><Rows of=area key="faq" noun=t("question") fields=FAQ/></fieldset>
            <fieldset class="whole"><legend>{t("Links")}</legend><Rows of=area key="link" noun=t("link") fields=LINK/></fieldset>
        </div>
    }
}
