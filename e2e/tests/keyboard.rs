//! An agent's work by the keyboard alone, with real keys: nothing is clicked, and the focus is never lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::company::{ACME, Company, PASSWORD};
use baton_e2e::{story, until};
use serde_json::json;
use thirtyfour::Key;

/// What has the focus, by its mark where it has one; `BODY` is nothing.
const FOCUS: &str = "const it = document.activeElement; return it.dataset.test ?? it.tagName";

/// Waits until this has the focus.
async fn at(browser: &Browser, mark: &str) {
    until(&format!("the focus on {mark}"), || async {
        let now = browser.script(FOCUS).await?;
        anyhow::ensure!(now == json!(mark), "it is on {now}");
        Ok(())
    })
    .await
    .unwrap();
}

/// Tab, as often as it takes to come there; on its way the focus is always somewhere.
async fn tab_to(browser: &Browser, mark: &str) {
    for _ in 0..60 {
        if browser.script(FOCUS).await.unwrap() == json!(mark) {
            return;
        }
        press(browser, Key::Tab + "").await;
        let seen = "const it = document.activeElement, box = it.getBoundingClientRect();
                    return it === document.body || it === document.documentElement || (it.matches(':focus-visible') && box.width > 0)";
        assert_eq!(
            browser.script(seen).await.unwrap(),
            json!(true),
            "the focus on {} is not seen",
            browser.script(FOCUS).await.unwrap()
        );
    }
    panic!("no Tab leads to {mark}");
}

/// Presses keys wherever the focus is.
async fn press(browser: &Browser, keys: impl Into<thirtyfour::TypingData>) {
    browser.keys(keys).await.unwrap();
}

/// Logs in, from the first key on.
async fn log_in(browsers: &Browsers, acme: &Company, login: &str) -> Browser {
    let browser = browsers.open(1280, 860).await.unwrap();
    browser.go(&acme.console()).await.unwrap();
    browser.find("login-name").await.unwrap();
    at(&browser, "login-name").await;
    press(&browser, login.to_owned() + Key::Tab).await;
    press(&browser, PASSWORD.to_owned() + Key::Enter).await;
    browser.find("presence").await.unwrap();
    browser
}

async fn company() -> (Company, Browsers, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    (acme, Browsers::start().await.unwrap(), folder)
}

/// By the palette.
async fn command(browser: &Browser, words: &str) {
    press(browser, Key::Control + "k").await;
    at(browser, "palette-search").await;
    press(browser, words).await;
    browser.find("command").await.unwrap();
    press(browser, Key::Enter + "").await;
}

#[tokio::test]
async fn u2_the_keyboard_is_enough_from_the_login_to_the_last_word() {
    let (acme, browsers, _folder) = company().await;
    let anna = log_in(&browsers, &acme, "anna").await;
    let ben = story::agent(&browsers, &acme, "ben").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Is the Ridge 2 in stock?").await.unwrap();
    anna.find("queue-row").await.unwrap();
    // Pick up, and write.
    press(&anna, Key::Alt + "p").await;
    at(&anna, "composer").await;
    press(&anna, "It is.".to_owned() + Key::Enter).await;
    customer.shows("message", "It is.").await.unwrap();
    at(&anna, "composer").await;
    // A reply for later use: made, then found by `/`.
    command(&anna, "replies").await;
    tab_to(&anna, "reply-new").await;
    press(&anna, Key::Enter + "").await;
    at(&anna, "reply-shortcut").await;
    press(&anna, "hi").await;
    tab_to(&anna, "reply-text").await;
    press(&anna, "Hello {name}, {agent} here.").await;
    tab_to(&anna, "reply-save").await;
    press(&anna, Key::Enter + "").await;
    anna.shows("reply", "/hi").await.unwrap();
    press(&anna, Key::Escape + "").await;
    at(&anna, "composer").await;
    press(&anna, "/hi").await;
    anna.find("replies").await.unwrap();
    press(&anna, Key::Enter + "").await;
    press(&anna, Key::Enter + "").await;
    customer.shows("message", "Hello Carla, Anna here.").await.unwrap();
    at(&anna, "composer").await;
    // The transfer: opened, left as it was, opened again, and done.
    press(&anna, Key::Alt + "t").await;
    at(&anna, "transfer-search").await;
    press(&anna, Key::Escape + "").await;
    at(&anna, "composer").await;
    press(&anna, Key::Alt + "t").await;
    at(&anna, "transfer-search").await;
    press(&anna, "bill".to_owned() + Key::Enter).await;
    tab_to(&anna, "comments").await;
    press(&anna, "Wants to pay.").await;
    let colour = "return getComputedStyle(document.querySelector('[data-test=pane]')).backgroundColor";
    assert_eq!(anna.script(colour).await.unwrap(), json!("rgb(255, 255, 255)"));
    press(&anna, Key::Control + "\u{e007}").await;
    anna.css("[data-test=pane][data-state=transferred]").await.unwrap();
    // From white to grey (A7).
    until("a grey pane", || async {
        let now = anna.script(colour).await?;
        anyhow::ensure!(now == json!("rgb(236, 238, 241)"), "it is {now}");
        Ok(())
    })
    .await
    .unwrap();
    at(&anna, "dismiss").await;
    press(&anna, Key::Enter + "").await;
    until("the chat to be put away", || async {
        anyhow::ensure!(anna.texts("chat-tab").await?.is_empty(), "it is there");
        Ok(())
    })
    .await
    .unwrap();
    at(&anna, "find").await;
    // Nothing is being written: the sheet of keys.
    press(&anna, "?").await;
    anna.shows("keys", "Keyboard shortcuts").await.unwrap();
    press(&anna, Key::Escape + "").await;
    at(&anna, "find").await;
    // The one who has the chat now ends it, with what came of it.
    press(&ben, Key::Alt + "p").await;
    at(&ben, "composer").await;
    ben.shows("handover-comments", "Wants to pay.").await.unwrap();
    tab_to(&ben, "disposition").await;
    press(&ben, "Sold".to_owned() + Key::Tab).await;
    at(&ben, "tags").await;
    press(&ben, "tent, sale".to_owned() + Key::Tab).await;
    command(&ben, "end the chat").await;
    ben.find("keep").await.unwrap();
    customer.find("over").await.unwrap();
    ben.css("[data-test=pane][data-state=ended]").await.unwrap();
    at(&ben, "dismiss").await;
    press(&ben, Key::Enter + "").await;
    at(&ben, "find").await;
    command(&ben, "show: closed").await;
    ben.shows("closed-chat", "Sold").await.unwrap();
}

#[tokio::test]
async fn u2_the_keyboard_is_enough_to_ask_a_colleague_and_to_administer() {
    let both = baton_e2e::pair::both().await;
    let (acme, globex) = (&both.acme, &both.globex);
    let browsers = Browsers::start().await.unwrap();
    let gus = story::agent(&browsers, globex, "gus").await.unwrap();
    let ada = log_in(&browsers, acme, "ada").await;
    let _customer = story::customer(&browsers, acme, "My stove leaks.").await.unwrap();
    ada.find("queue-row").await.unwrap();
    press(&ada, Key::Alt + "p").await;
    at(&ada, "composer").await;
    // A colleague of the other company is asked before the chat goes there.
    press(&ada, Key::Alt + "t").await;
    at(&ada, "transfer-search").await;
    press(&ada, "globex").await;
    ada.shows("destination", "Globex").await.unwrap();
    press(&ada, Key::Enter + "").await;
    ada.shows("destination", "Repairs").await.unwrap();
    tab_to(&ada, "destination").await;
    press(&ada, Key::Enter + "").await;
    tab_to(&ada, "comments").await;
    press(&ada, "Do you have time?").await;
    tab_to(&ada, "ask-first").await;
    press(&ada, Key::Enter + "").await;
    gus.shows("side-line", "Do you have time?").await.unwrap();
    gus.say("side-text", "Yes.").await.unwrap();
    ada.shows("side-line", "Yes.").await.unwrap();
    tab_to(&ada, "side-text").await;
    press(&ada, "Thank you, later.".to_owned() + Key::Enter).await;
    gus.shows("side-line", "Thank you, later.").await.unwrap();
    at(&ada, "side-text").await;
    tab_to(&ada, "side-end").await;
    press(&ada, Key::Enter + "").await;
    at(&ada, "composer").await;
    // A page of the administration, and the way back.
    command(&ada, "open: service lines").await;
    at(&ada, "H2").await;
    tab_to(&ada, "field-title").await;
    press(&ada, Key::Control + "a").await;
    press(&ada, "Sales and advice").await;
    tab_to(&ada, "areas-save").await;
    press(&ada, Key::Enter + "").await;
    ada.shows("done", "connections come back by themselves").await.unwrap();
    at(&ada, "areas-save").await;
    command(&ada, "show: team").await;
    at(&ada, "composer").await;
    press(&ada, "Still here.".to_owned() + Key::Enter).await;
    ada.shows("message", "Still here.").await.unwrap();
}
