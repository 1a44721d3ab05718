//! Messages that are left, and letters: a real browser, a real gateway, a mail server that keeps everything.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::Browsers;
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::sink::Sink;
use baton_protocol::model::{Body, Event};
use baton_protocol::{ClientFrame, ServerFrame};

async fn company(sink: &Sink, folder: &std::path::Path) -> Company {
    let mut acme = Company::set_up(ACME, folder).await.unwrap();
    acme.configure(&sink.settings()).unwrap();
    acme.start().await.unwrap();
    acme
}

#[tokio::test]
async fn h1_a_message_is_left_where_nobody_is_and_answered_by_mail() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = Sink::start().await.unwrap();
    let mut acme = company(&sink, folder.path()).await;
    let browsers = Browsers::start().await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{}/", acme.site())).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.shows("away", "Leave a message").await.unwrap();
    customer.picture("widget-nobody-there").await.unwrap();
    customer.type_into("name", "Carla").await.unwrap();
    customer.type_into("question", "My stove leaks <b>badly</b>.").await.unwrap();
    // Without an address there is no answer.
    customer.click("leave").await.unwrap();
    assert!(customer.texts("left").await.unwrap().concat().is_empty());
    customer.type_into("email", "carla@example.org").await.unwrap();
    customer.click("leave").await.unwrap();
    customer.shows("left", "Thank you").await.unwrap();
    customer.picture("widget-message-left").await.unwrap();
    // It waits for as long as it takes, also through a restart.
    acme.kill().unwrap();
    acme.start().await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    let left = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => {
            let event = Event::LeftMessage { email: "carla@example.org".into() };
            let is = |body: Body| entries.iter().any(|entry| entry.body == body);
            (is(Body::Event(event)) && is(Body::Text("My stove leaks <b>badly</b>.".into()))).then_some(())
        }
        _ => None,
    };
    anna.expect("the message", left).await.unwrap();
    anna.say(Some(chat), 1, "Send it in, we mend it.").await.unwrap();
    let letter = sink.letter().await.unwrap();
    assert!(letter.to.contains("carla@example.org"), "{letter:?}");
    assert!(letter.text.contains("Send it in, we mend it."), "{letter:?}");
    assert!(letter.text.contains("Subject: Your message to Acme Outdoor"), "{letter:?}");
    assert!(letter.text.contains("text/plain") && !letter.text.contains("html"), "{letter:?}");
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
}

#[tokio::test]
async fn a_transcript_goes_to_its_customer_by_mail_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = Sink::start().await.unwrap();
    let acme = company(&sink, folder.path()).await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{}/", acme.site())).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.type_into("name", "Carla").await.unwrap();
    customer.type_into("email", "carla@example.org").await.unwrap();
    customer.type_into("question", "Do you ship to Malta?").await.unwrap();
    customer.click("start").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say(Some(chat), 1, "We do.").await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    customer.click("menu").await.unwrap();
    customer.click("post").await.unwrap();
    customer.shows("told", "on its way").await.unwrap();
    let letter = sink.letter().await.unwrap();
    assert!(letter.to.contains("carla@example.org"), "{letter:?}");
    assert!(letter.text.contains("You: Do you ship to Malta?"), "{letter:?}");
    assert!(letter.text.contains("Anna: We do."), "{letter:?}");
    // A stranger knows neither the secret nor the address.
    let stranger = reqwest::Client::new().post(format!("{}/v1/transcripts/{chat}", acme.address()));
    assert_eq!(stranger.bearer_auth("A".repeat(43)).send().await.unwrap().status(), 401);
    let log = acme.log();
    assert!(!log.contains("carla@example.org") && !log.contains("Malta"), "{log}");
}
