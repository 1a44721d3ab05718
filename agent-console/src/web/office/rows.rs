//! Lists within settings, edited row by row; and small parts of forms.

use leptos::prelude::*;
use serde_json::{Map, Value};

use super::super::api;
use crate::tongue::{say, t};

/// A field of a row.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its key in the settings.
    pub key: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What may stand in it; anything where it is empty. `yes` and `no` are truth and untruth.
    pub of: &'static [&'static str],
}

/// A field of text.
pub const fn words(key: &'static str, label: &'static str) -> Field {
    Field { key, label, of: &[] }
}

/// A list of rows with these fields. Empty fields are left out of the settings.
#[component]
pub fn Rows(
    /// The settings that have the list.
    of: RwSignal<Value>,
    /// Its key.
    key: &'static str,
    /// What a row is.
    noun: &'static str,
    fields: &'static [Field],
) -> impl IntoView {
    let count = Memo::new(move |_| of.with(|of| of.get(key).and_then(Value::as_array).map_or(0, Vec::len)));
    let add = move |_| {
        of.update(|of| {
            if let Some(of) = of.as_object_mut() {
                let list = of.entry(key).or_insert_with(|| Value::Array(Vec::new()));
                list.as_array_mut().into_iter().for_each(|list| list.push(Value::Object(Map::new())));
            }
        });
    };
    let remove = move |at: usize| {
        of.update(|of| {
            let list = of.get_mut(key).and_then(Value::as_array_mut);
            list.into_iter().filter(|list| at < list.len()).for_each(|list| drop(list.remove(at)));
        });
    };
    let row = move |at: usize| {
        let field = move |field: Field| {
            let get = move || {
                of.with(|of| {
                    let row = of.get(key).and_then(|list| list.get(at));
                    match row.and_then(|row| row.get(field.key)) {
                        Some(Value::Bool(truth)) => if *truth { "yes" } else { "no" }.to_owned(),
                        Some(Value::String(text)) => text.clone(),
                        _ => String::new(),
                    }
                })
            };
            let set = move |text: String| {
                let value = match text.as_str() {
                    "" => None,
                    "yes" if field.of == YES_OR_NO => Some(Value::Bool(true)),
                    "no" if field.of == YES_OR_NO => Some(Value::Bool(false)),
                    _ => Some(Value::String(text)),
                };
                // Nothing else of the page depends on one letter.
                of.update(|of| {
                    let row =
                        of.get_mut(key).and_then(|list| list.get_mut(at)).and_then(Value::as_object_mut);
                    row.into_iter().for_each(|row| match &value {
                        Some(value) => drop(row.insert(field.key.into(), value.clone())),
                        None => drop(row.remove(field.key)),
                    });
                });
            };
            let mark = format!("{key}-{}", field.key);
            if field.of.is_empty() {
                view! { <label>{t(field.label)}<input data-test=mark prop:value=get on:change:target=move |event| set(event.target().value())/></label> }
                    .into_any()
            } else {
                view! { <label>{t(field.label)}<Choice mark of=field.of value=Signal::derive(get) set empty=true/></label> }.into_any()
            }
        };
        view! {
            <li>
                {fields.iter().copied().map(field).collect_view()}
                <button type="button" class="plain" aria-label=say("Remove $1 $2", &[&noun, &(at + 1)]) on:click=move |_| remove(at)>{t("Remove")}</button>
            </li>
        }
    };
    view! {
        <ol class="rows-edit">{move || (0..count.get()).map(row).collect_view()}</ol>
        <button type="button" class="plain" data-test=format!("add-{key}") on:click=add>{say("Add $1", &[&noun])}</button>
    }
}

/// A word of the settings, for people.
pub fn named(word: &str) -> String {
    let known = match word {
        "agent" => t("agent"),
        "supervisor" => t("supervisor"),
        "admin" => t("administrator"),
        "partner" => t("partner"),
        "same_company" => t("same company"),
        "same_department" => t("same department"),
        "other" => t("other company"),
        "in_place" => t("in place"),
        "navigate" => t("to its page"),
        "yes" => t("yes"),
        "no" => t("no"),
        "by_hand" => t("by hand"),
        "longest_idle" => t("to whoever has been idle longest"),
        "least_busy" => t("to whoever has most room"),
        "round_robin" => t("in turn"),
        "all" => t("everything"),
        "agents_choice" => t("as the agent chooses"),
        "nothing" => t("nothing"),
        other => return other.replace('_', " "),
    };
    known.to_owned()
}

/// The words for truth and untruth.
pub const YES_OR_NO: &[&str] = &["yes", "no"];

/// One of several words.
#[component]
pub fn Choice(
    #[prop(into)] mark: String,
    of: &'static [&'static str],
    value: Signal<String>,
    set: impl Fn(String) + 'static,
    /// Whether nothing may be chosen, too.
    #[prop(optional)]
    empty: bool,
) -> impl IntoView {
    let option = move |word: &'static str| {
        let label = if word.is_empty() { t("any").to_owned() } else { named(word) };
        view! { <option value=word selected=move || value.get() == word>{label}</option> }
    };
    view! {
        <select data-test=mark on:change:target=move |event| set(event.target().value())>
            {empty.then(|| option(""))}{of.iter().copied().map(option).collect_view()}
        </select>
    }
}

/// A text of the settings' own level.
#[component]
pub fn Words(
    of: RwSignal<Value>,
    key: &'static str,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
) -> impl IntoView {
    let set =
        move |text: String| put(of, key, Some(Value::String(text)).filter(|text| text.as_str() != Some("")));
    view! {
        <label>{label}<input data-test=format!("field-{key}") placeholder=hint
            prop:value=move || of.with(|of| api::text(of, key)) on:change:target=move |event| set(event.target().value())/></label>
    }
}

/// A number of the settings' own level.
#[component]
pub fn Number(of: RwSignal<Value>, key: &'static str, label: &'static str, usual: u64) -> impl IntoView {
    let get = move || of.with(|of| of.get(key).and_then(Value::as_u64)).map(|number| number.to_string());
    let set = move |text: String| put(of, key, text.trim().parse::<u64>().ok().map(Value::from));
    view! {
        <label>{label}<input type="number" min="0" data-test=format!("field-{key}") placeholder=usual.to_string()
            prop:value=move || get().unwrap_or_default() on:change:target=move |event| set(event.target().value())/></label>
    }
}

/// A list of texts, one a line.
#[component]
pub fn Lines(
    of: RwSignal<Value>,
    key: &'static str,
    label: &'static str,
    hint: &'static str,
) -> impl IntoView {
    let set = move |text: String| {
        let lines: Vec<Value> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect();
        put(of, key, (!lines.is_empty()).then_some(Value::Array(lines)));
    };
    view! {
        <label>{label}<textarea rows="2" data-test=format!("field-{key}") placeholder=hint
            prop:value=move || of.with(|of| api::texts(of, key).join("\n")) on:change:target=move |event| set(event.target().value())></textarea></label>
    }
}

/// Puts a setting, or takes it away.
pub fn put(of: RwSignal<Value>, key: &str, value: Option<Value>) {
    of.update(|of| {
        let Some(of) = of.as_object_mut() else { return };
        match value {
            Some(value) => drop(of.insert(key.into(), value)),
            None => drop(of.remove(key)),
        }
    });
}
