//! The login page.

use baton_protocol::frames::{Login as Credentials, Password};
use leptos::prelude::*;

use super::driver::{console, log_in};
use crate::model::Link;

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
            log_in(Credentials::Password { name, password: Password(password) });
        }
    };
    view! {
        <main class="login">
            <form on:submit=submit>
                <h1>"Agents' console"</h1>
                <label>"Name"
                    <input data-test="login-name" autocomplete="username" autofocus required
                        on:input:target=move |event| name.set(event.target().value())/>
                </label>
                <label>"Password"
                    <input data-test="login-password" type="password" autocomplete="current-password" required
                        on:input:target=move |event| password.set(event.target().value())/>
                </label>
                <p class="wrong" role="alert">{reason}</p>
                <button class="main" data-test="login-submit" disabled=move || busy.get()>
                    {move || if busy.get() { "Logging in…" } else { "Log in" }}
                </button>
            </form>
        </main>
    }
}
