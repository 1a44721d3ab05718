//! Policies: what may be sent along with a customer, and to whom not at all.

use leptos::prelude::*;
use serde_json::{Value, json};

use super::super::api::{Outcome, Said, Source, text};
use super::areas::{part, save};
use super::rows::{Choice, Field, Rows, YES_OR_NO, put, words};
use crate::tongue::{t, tr};

const SHARE: &[&str] = &["all", "agents_choice", "nothing"];

const CLASSES: [(&str, &str, &str); 4] = [
    ("same_department", tr("To the same department"), "all"),
    ("same_company", tr("Within the company"), "agents_choice"),
    ("partner", tr("To partners"), "agents_choice"),
    ("other", tr("To other companies"), "nothing"),
];

const RULE: &[Field] = &[
    words("name", tr("Name")),
    Field {
        key: "class",
        label: tr("How near"),
        of: &["same_department", "same_company", "partner", "other"],
    },
    words("destination", tr("Destination")),
    words("area", tr("Service line")),
    words("agent", tr("Agent")),
    Field { key: "confidential", label: tr("Confidential"), of: YES_OR_NO },
    words("deny", tr("Denied, because")),
    Field { key: "share", label: tr("Sent at most"), of: SHARE },
];

/// See the module.
#[component]
pub fn Policies() -> impl IntoView {
    let (source, outcome) = (Source::new("settings"), Outcome::new());
    let policy = RwSignal::new(json!({}));
    let read = source.clone();
    Effect::new(move |_| {
        let value = part(&read, "policy");
        policy.set(if value.is_object() { value } else { json!({}) });
    });
    let class = move |(key, label, usual): (&'static str, &'static str, &'static str)| {
        let value = Signal::derive(move || {
            policy.with(|policy| {
                Some(text(policy, key)).filter(|word| !word.is_empty()).unwrap_or(usual.into())
            })
        });
        let set = move |word: String| put(policy, key, Some(Value::String(word)));
        view! { <label>{t(label)}<Choice mark=format!("policy-{key}") of=SHARE value set/></label> }
    };
    let keep = source.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        save(&keep, outcome, "policy", policy.get_untracked());
    };
    view! {
        <h2 tabindex="-1">{t("Policies")}</h2>
        <p class="hint">{t("What may be sent along with a customer. The server enforces it, whatever an agent chooses.")}</p>
        <p class="wrong" role="alert">{move || source.trouble()}</p>
        <form on:submit=submit>
            <div class="sheet">{CLASSES.map(class).collect_view()}
                <fieldset class="whole"><legend>{t("Exceptions; the first that fits decides. What is empty fits everything.")}</legend>
                    <Rows of=policy key="rule" noun=t("exception") fields=RULE/></fieldset>
            </div>
            <Said outcome/>
            <footer><button class="main" data-test="policy-save" disabled=move || outcome.is_busy()>{t("Save")}</button></footer>
        </form>
    }
}
