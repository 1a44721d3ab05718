//! The gateway's HTTP API, with the session's cookie, which the browser sends by itself.

use std::cell::RefCell;

use crate::tongue::{say, t};
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Headers, RequestInit, Response};

thread_local! {
    /// What changes must show, from the answer about the session.
    static CSRF: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Why there is no answer that helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The HTTP status; 0 when the server could not be reached.
    pub status: u16,
    /// A sentence for a person.
    pub said: String,
}

/// What changes must show from now on.
pub fn keep_csrf(csrf: String) {
    CSRF.set(csrf);
}

/// Makes a call.
///
/// # Errors
/// When it is refused or cannot be made.
pub async fn call(method: &str, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
    let lost = || Trouble {
        status: 0,
        said: t("The server cannot be reached. Check your connection and try again.").into(),
    };
    let response = ask(method, path, body).await.ok_or_else(lost)?;
    let text = response.text().ok().map(JsFuture::from).ok_or_else(lost)?;
    let text = text.await.ok().and_then(|text| text.as_string()).ok_or_else(lost)?;
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    if response.ok() {
        return Ok(answer);
    }
    let said = answer.get("detail").and_then(Value::as_str);
    let said = said.map_or_else(|| say("The server says $1.", &[&response.status()]), crate::model::sentence);
    Err(Trouble { status: response.status(), said })
}

async fn ask(method: &str, path: &str, body: Option<&Value>) -> Option<Response> {
    let (init, headers) = (RequestInit::new(), Headers::new().ok()?);
    init.set_method(method);
    headers.append("baton-csrf", &CSRF.with_borrow(Clone::clone)).ok()?;
    if let Some(body) = body {
        headers.append("content-type", "application/json").ok()?;
        init.set_body(&JsValue::from_str(&body.to_string()));
    }
    init.set_headers(&headers);
    let answer =
        JsFuture::from(window().fetch_with_str_and_init(&format!("/api/v1/{path}"), &init)).await.ok()?;
    answer.dyn_into().ok()
}

/// A text in an answer; empty where there is none.
pub fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Texts in an answer.
pub fn texts(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A number in an answer.
pub fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

/// Whether something is so.
pub fn truth(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// A list that is asked for, and asked for again when it has changed.
#[derive(Clone)]
pub struct Source {
    path: String,
    answer: RwSignal<Option<Result<Value, Trouble>>>,
}

impl Source {
    /// Asks for it.
    pub fn new(path: impl Into<String>) -> Self {
        let source = Self { path: path.into(), answer: RwSignal::new(None) };
        source.load();
        source
    }

    /// Asks again.
    pub fn load(&self) {
        let (path, answer) = (self.path.clone(), self.answer);
        spawn_local(async move {
            let answered = call("GET", &path, None).await;
            // By now the page may be gone.
            let _ = answer.try_set(Some(answered));
        });
    }

    /// It is this now.
    pub fn put(&self, value: Value) {
        let _ = self.answer.try_set(Some(Ok(value)));
    }

    /// Its rows.
    pub fn rows(&self) -> Vec<Value> {
        self.value().and_then(|value| value.as_array().cloned()).unwrap_or_default()
    }

    /// All of it.
    pub fn value(&self) -> Option<Value> {
        self.answer.with(|answer| answer.as_ref()?.as_ref().ok().cloned())
    }

    /// Why it is not there.
    pub fn trouble(&self) -> Option<String> {
        self.answer.with(|answer| answer.as_ref()?.as_ref().err().map(|trouble| trouble.said.clone()))
    }
}

/// What came of the last change.
#[derive(Clone, Copy)]
pub struct Outcome {
    said: RwSignal<Option<Result<&'static str, String>>>,
    busy: RwSignal<bool>,
}

impl Outcome {
    /// Nothing was changed yet.
    pub fn new() -> Self {
        Self { said: RwSignal::new(None), busy: RwSignal::new(false) }
    }

    /// Changes something.
    pub fn send(
        self,
        method: &'static str,
        path: String,
        body: Option<Value>,
        done: &'static str,
        then: impl FnOnce(Value) + 'static,
    ) {
        self.busy.set(true);
        spawn_local(async move {
            let answer = call(method, &path, body.as_ref()).await;
            let _ = self.busy.try_set(false);
            match answer {
                Ok(answer) => {
                    let _ = self.said.try_set(Some(Ok(done)));
                    then(answer);
                }
                Err(trouble) => {
                    let _ = self.said.try_set(Some(Err(trouble.said)));
                }
            }
        });
    }

    /// Says that it cannot be done so.
    pub fn refuse(self, why: &str) {
        self.said.set(Some(Err(why.into())));
    }

    /// Nothing is said any more.
    pub fn clear(self) {
        self.said.set(None);
    }

    /// Whether something is under way.
    pub fn is_busy(self) -> bool {
        self.busy.get()
    }
}

/// The line that says what came of a change.
#[component]
pub fn Said(outcome: Outcome) -> impl IntoView {
    let good = move || outcome.said.get().and_then(Result::ok);
    let bad = move || outcome.said.get().and_then(Result::err);
    view! {
        <p class="hint" role="status" data-test="done">{good}</p>
        <p class="wrong" role="alert" data-test="refused">{bad}</p>
    }
}
