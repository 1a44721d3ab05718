//! A supervisor's message to the agents of an area, or to all of them.

use leptos::html;
use leptos::prelude::*;

use super::driver::{act, console, element};
use crate::tongue::t;

/// Shows the form.
pub fn open() {
    if let Some(dialog) = element::<web_sys::HtmlDialogElement>("[data-test=team-dialog]") {
        let _ = dialog.show_modal();
    }
}

/// See the module.
#[component]
pub fn Team() -> impl IntoView {
    let window = NodeRef::<html::Dialog>::new();
    let (to, text) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let areas = Memo::new(|_| console().with(|console| console.areas.clone()));
    let close = move || {
        window.get_untracked().inspect(|dialog| dialog.close());
    };
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let area = Some(to.get_untracked()).filter(|area| !area.is_empty());
        let mut sent = false;
        act(|console| sent = console.tell_team(area, &text.get_untracked()));
        if sent {
            text.set(String::new());
            close();
        }
    };
    let option =
        |area: baton_protocol::model::AreaCard| view! { <option value=area.name>{area.title}</option> };
    view! {
        <dialog class="small" node_ref=window aria-labelledby="team-title" data-test="team-dialog">
            <form on:submit=send>
                <h2 id="team-title">{t("Message to the team")}</h2>
                <label>{t("To")}
                    <select data-test="team-to" on:change:target=move |event| to.set(event.target().value())>
                        <option value="">{t("Everybody")}</option>
                        {move || areas.get().into_iter().map(option).collect_view()}
                    </select>
                </label>
                <label>{t("Message")}
                    <textarea data-test="team-text" rows="3" prop:value=move || text.get()
                        on:input:target=move |event| text.set(event.target().value())></textarea>
                </label>
                <footer>
                    <button type="button" class="plain" on:click=move |_| close()>{t("Cancel")}</button>
                    <button class="main" data-test="team-send" disabled=move || text.with(|text| text.trim().is_empty())>{t("Send")}</button>
                </footer>
            </form>
        </dialog>
    }
}
