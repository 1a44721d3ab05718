//! What customers meet before, beside and in spite of the chat: the form, another line, files by hand, restarts, sleep.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::story;
use baton_protocol::model::Body;
use baton_protocol::{ChatId, ServerFrame};
use serde_json::json;
use thirtyfour::{By, components::SelectElement};

const FIELDS: &str = "[[field]]\nlabel = \"Order number\"\nrequired = true\n\n\
    [[field]]\nlabel = \"Product\"\noptions = [\"Tents\", \"Stoves\"]\n";

struct Scene {
    acme: Company,
    browsers: Browsers,
    _folder: tempfile::TempDir,
}

async fn scene(settings: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.configure(settings).unwrap();
    acme.start().await.unwrap();
    Scene { acme, browsers: Browsers::start().await.unwrap(), _folder: folder }
}

/// A customer who chats with Anna.
async fn chatting(scene: &Scene) -> (Browser, Client, ChatId) {
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let customer = story::customer(&scene.browsers, &scene.acme, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    (customer, anna, chat)
}

/// Waits until the agent is shown this.
async fn reads(agent: &mut Client, what: &str, fits: impl Fn(&Body) -> bool) {
    let shown = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => entries.iter().any(|entry| fits(&entry.body)).then_some(()),
        _ => None,
    };
    agent.expect(what, shown).await.unwrap();
}

#[tokio::test]
async fn u1_the_form_asks_what_the_company_wants_to_know() {
    let scene = scene(FIELDS).await;
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let customer = scene.browsers.open(1000, 900).await.unwrap();
    customer.go(&scene.acme.site()).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.type_into("name", "Carla").await.unwrap();
    customer.type_into("question", "My stove leaks.").await.unwrap();
    customer.shows("window", "Order number").await.unwrap();
    baton_e2e::axe::check(&customer, "the form with the company's questions").await.unwrap();
    customer.picture("widget-form-fields").await.unwrap();
    customer.click("start").await.unwrap();
    let missing =
        "return document.querySelector('#field-0').validity.valueMissing && document.body.dataset.view";
    assert_eq!(customer.script(missing).await.unwrap(), json!("form"), "there is no chat without an answer");
    customer.css("#field-0").await.unwrap().send_keys("4711").await.unwrap();
    let product = SelectElement::new(&customer.css("#field-1").await.unwrap()).await.unwrap();
    product.select_by_visible_text("Stoves").await.unwrap();
    customer.click("start").await.unwrap();
    customer.shows("message", "My stove leaks.").await.unwrap();
    anna.pick_up().await.unwrap();
    let said = Body::Text("Order number: 4711\nProduct: Stoves\nMy stove leaks.".into());
    reads(&mut anna, "the answers", |body| *body == said).await;
}

#[tokio::test]
async fn h1_a_waiting_customer_chooses_another_line() {
    let scene = scene("").await;
    let customer = story::customer(&scene.browsers, &scene.acme, "Is this invoice right?").await.unwrap();
    let subjects = SelectElement::new(&customer.find("subjects").await.unwrap()).await.unwrap();
    customer.picture("widget-waiting-subjects").await.unwrap();
    subjects.select_by_visible_text("Billing").await.unwrap();
    customer.shows("log", "Billing").await.unwrap();
    let mut ben = Client::agent(&scene.acme, "ben").await.unwrap();
    ben.pick_up().await.unwrap();
    let area = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { card, .. } => Some(card.area.clone()),
        _ => None,
    };
    assert_eq!(ben.expect("the chat", area).await.unwrap(), "billing");
    let gone = || async {
        let shown = customer.driver.find_all(By::Css("[data-test='subjects']")).await?;
        let shown = match shown.first() {
            Some(subjects) => subjects.is_displayed().await?,
            None => false,
        };
        anyhow::ensure!(!shown, "an agent is there, and hands the customer over");
        Ok(())
    };
    baton_e2e::until("nothing to choose any more", gone).await.unwrap();
}

#[tokio::test]
async fn u1_files_are_pasted_and_dropped() {
    let scene = scene("").await;
    let (customer, mut anna, _) = chatting(&scene).await;
    for (name, event) in [
        (
            "pasted.txt",
            "new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })",
        ),
        ("dropped.txt", "new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })"),
    ] {
        let script = format!(
            "const data = new DataTransfer(); data.items.add(new File(['Ember 2'], '{name}', {{ type: 'text/plain' }}));\
             document.getElementById('text').dispatchEvent({event});"
        );
        customer.script(&script).await.unwrap();
        customer.shows("download", name).await.unwrap();
        reads(&mut anna, name, |body| matches!(body, Body::Document(card) if card.name == name)).await;
    }
}

#[tokio::test]
async fn u1_a_restart_of_the_gateway_is_followed_without_a_word_lost() {
    let mut scene = scene("").await;
    let (customer, anna, _) = chatting(&scene).await;
    drop(anna);
    scene.acme.stop().unwrap();
    customer.say("composer", "Said while it starts again.").await.unwrap();
    scene.acme.start().await.unwrap();
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    reads(&mut anna, "what was said", |body| *body == Body::Text("Said while it starts again.".into())).await;
    customer.say("composer", "And afterwards.").await.unwrap();
    reads(&mut anna, "the next word", |body| *body == Body::Text("And afterwards.".into())).await;
    let shown = customer.script("return document.body.dataset.view").await.unwrap();
    assert_eq!(shown, json!("chat"));
}

#[tokio::test]
async fn u1_a_page_that_has_slept_is_there_again_at_once() {
    let mut scene = scene("").await;
    let (customer, anna, _) = chatting(&scene).await;
    drop(anna);
    customer.sleeps(true).await.unwrap();
    // The connection is gone while nobody can notice.
    scene.acme.kill().unwrap();
    scene.acme.start().await.unwrap();
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    customer.sleeps(false).await.unwrap();
    customer.say("composer", "I am back.").await.unwrap();
    reads(&mut anna, "what was said", |body| *body == Body::Text("I am back.".into())).await;
}
