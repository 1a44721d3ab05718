//! The login page.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::api;
use super::driver::{console, log_in};
use crate::model::Link;
use crate::tongue::t;

/// Name, password, and why it did not work.
#[component]
pub fn Login() -> impl IntoView {
    let (name, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let busy = Memo::new(|_| console().with(|console| console.link == Link::Connecting));
    let reason = move || {
        console().with(|console| match &console.link {
            Link::Out(reason) => reason.clone(),
            _ => None,
        })
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (name, password) = (name.get_untracked(), password.get_untracked());
        if !name.is_empty() && !password.is_empty() {
            log_in(name, password);
        }
    };
    let provider = RwSignal::new(String::new());
    spawn_local(async move {
        if let Ok(ways) = api::call("GET", "login", None).await {
            let _ = provider.try_set(api::text(&ways, "provider"));
        }
    });
    // The provider's answer was no login; why stands in the gateway's log.
    let away = window().location().hash().is_ok_and(|hash| hash == "#sso");
    let away = away
        .then_some(t("The login with the provider came to nothing. Ask your administrator, or try again."));
    view! {
        <main class="login">
            <form on:submit=submit>
                <h1>{t("Agents' console")}</h1>
                <label>{t("Name")}
                    <input data-test="login-name" autocomplete="username" autofocus required
                        on:input:target=move |event| name.set(event.target().value())/>
                </label>
                <label>{t("Password")}
                    <input data-test="login-password" type="password" autocomplete="current-password" required
                        on:input:target=move |event| password.set(event.target().value())/>
                </label>
                <p class="wrong" role="alert">{move || reason().or(away.map(str::to_owned))}</p>
                <button class="main" data-test="login-submit" disabled=move || busy.get()>
                    {move || if busy.get() { t("Logging in…") } else { t("Log in") }}
                </button>
                {move || Some(provider.get()).filter(|title| !title.is_empty()).map(|title| view! {
                    <a class="other" href="/api/v1/oidc/start" data-test="login-provider">{title}</a>
                })}
            </form>
        </main>
    }
}
