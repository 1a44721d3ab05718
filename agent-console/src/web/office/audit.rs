//! The audit: who did what. Never what was said.

use baton_protocol::Timestamp;
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;

use super::super::api::{call, number, text};
use super::super::tongue::moment;
use crate::tongue::t;

/// Records that are asked for at once.
const PAGE: usize = 100;

/// See the module.
#[component]
pub fn Audit() -> impl IntoView {
    let (records, more) = (RwSignal::new(Vec::<Value>::new()), RwSignal::new(false));
    let (changes, trouble) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let load = move |anew: bool| {
        let last = records.with_untracked(|records| records.last().map(|record| number(record, "at")));
        let before = last.filter(|_| !anew).map(|at| format!("&before={at}")).unwrap_or_default();
        let path = format!("audit?most={PAGE}&changes={}{before}", changes.get_untracked());
        spawn_local(async move {
            match call("GET", &path, None).await {
                Ok(answer) => {
                    let rows = answer.as_array().cloned().unwrap_or_default();
                    let _ = more.try_set(rows.len() == PAGE);
                    let _ = records.try_update(|records| {
                        if anew {
                            records.clear();
                        }
                        records.extend(rows);
                    });
                }
                Err(why) => drop(trouble.try_set(Some(why.said))),
            }
        });
    };
    load(true);
    let row = |record: Value| {
        view! {
            <tr data-test="audit-record">
                <td><time>{moment(Timestamp(number(&record, "at")))}</time></td><th scope="row">{text(&record, "who")}</th>
                <td>{text(&record, "step")}</td><td>{text(&record, "what")}</td><td>{text(&record, "detail")}</td>
            </tr>
        }
    };
    view! {
        <h2 tabindex="-1">{t("Audit")}</h2>
        <p class="wrong" role="alert">{move || trouble.get()}</p>
        <label class="choice"><input type="checkbox" data-test="audit-changes"
            on:change:target=move |event| { changes.set(event.target().checked()); load(true); }/>{t("Only what administrators changed")}</label>
        <div class="wide"><table>
            <thead><tr><th scope="col">{t("When")}</th><th scope="col">{t("Who")}</th><th scope="col">{t("What happened")}</th>
                <th scope="col">{t("To what")}</th><th scope="col">{t("More")}</th></tr></thead>
            <tbody>{move || records.get().into_iter().map(row).collect_view()}</tbody>
        </table></div>
        <Show when=move || more.get()><button class="plain" data-test="audit-more" on:click=move |_| load(false)>{t("Older")}</button></Show>
    }
}
