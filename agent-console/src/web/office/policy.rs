//! Policies: what may be sent along with a customer, and to whom not at all.

use leptos::prelude::*;
use serde_json::{Value, json};

use super::super::api::{Outcome, Said, Source, text};
use super::areas::{part, save};
use super::rows::{Choice, Field, Rows, YES_OR_NO, put, words};

const SHARE: &[&str] = &["all", "agents_choice", "nothing"];

const CLASSES: [(&str, &str, &str); 4] = [
    ("same_department", "To the same department", "all"),
    ("same_company", "Within the company", "agents_choice"),
    ("partner", "To partners", "agents_choice"),
    ("other", "To other companies", "nothing"),
];

const RULE: &[Field] = &[
    words("name", "Name"),
    Field { key: "class", label: "How near", of: &["same_department", "same_company", "partner", "other"] },
    words("destination", "Destination"),
    words("area", "Service line"),
    words("agent", "Agent"),
    Field { key: "confidential", label: "Confidential", of: YES_OR_NO },
    words("deny", "Denied, because"),
    Field { key: "share", label: "Sent at most", of: SHARE },
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
        view! { <label>{label}<Choice mark=format!("policy-{key}") of=SHARE value set/></label> }
    };
    let keep = source.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        save(&keep, outcome, "policy", policy.get_untracked());
    };
    view! {
        <h2 tabindex="-1">"Policies"</h2>
        <p class="hint">"What may be sent along with a customer. The server enforces it, whatever an agent chooses."</p>
        <p class="wrong" role="alert">{move || source.trouble()}</p>
        <form on:submit=submit>
            <div class="sheet">{CLASSES.map(class).collect_view()}
                <fieldset class="whole"><legend>"Exceptions; the first that fits decides. What is empty fits everything."</legend>
                    <Rows of=policy key="rule" noun="exception" fields=RULE/></fieldset>
            </div>
            <Said outcome/>
            <footer><button class="main" data-test="policy-save" disabled=move || outcome.is_busy()>"Save"</button></footer>
        </form>
    }
}
