//! One customer, and what follows: another chat, another company that asks how it was, hours in which nobody is there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::embed::{Shop, shop};
use baton_e2e::pair::{Both, both_with, hand_over, reads};
use baton_e2e::{axe, story};
use baton_protocol::model::{Body, Left};
use baton_protocol::{ChatId, ClientFrame, ServerFrame};
use serde_json::json;

const FIELDS: &str = "[[field]]\nlabel = \"Order number\"\nrequired = true\n\n\
    [[field]]\nlabel = \"Product\"\noptions = [\"Tents\", \"Stoves\"]\n";

/// What stands in the form.
const FORM: &str = "return ['name', 'email', 'field-0', 'field-1', 'question'].map((id) => document.getElementById(id).value)";

async fn fill(customer: &Browser, number: &str, question: &str) {
    customer.css("#field-0").await.unwrap().send_keys(number).await.unwrap();
    customer.type_into("question", question).await.unwrap();
}

#[tokio::test]
async fn u1_another_chat_is_the_same_persons_and_asks_everything_else_anew() {
    let Shop { acme, site, browsers, .. } = &shop(|acme| acme.configure(FIELDS).unwrap()).await.unwrap();
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/plain/")).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.type_into("name", "Carla").await.unwrap();
    customer.type_into("email", "carla@example.org").await.unwrap();
    // Closed and opened again it is as it was.
    fill(&customer, "4711", "My stove leaks.").await;
    customer.css("#field-1").await.unwrap().send_keys("Stoves").await.unwrap();
    customer.click("close").await.unwrap();
    customer.click("launcher").await.unwrap();
    let filled = json!(["Carla", "carla@example.org", "4711", "Stoves", "My stove leaks."]);
    assert_eq!(customer.script(FORM).await.unwrap(), filled);
    customer.click("start").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    reads(&mut anna, "Order number: 4711\nProduct: Stoves\nMy stove leaks.").await;
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.click("again").await.unwrap();
    customer.returns(FORM, json!(["Carla", "carla@example.org", "", "", ""])).await.unwrap();
    // The next thing to be answered has the focus.
    customer.returns("return document.activeElement.id", json!("field-0")).await.unwrap();
    customer.picture("again-form").await.unwrap();
    fill(&customer, "4712", "And my tent?").await;
    customer.click("start").await.unwrap();
    anna.pick_up().await.unwrap();
    reads(&mut anna, "Order number: 4712\nAnd my tent?").await;
}

#[tokio::test]
async fn u1_another_message_is_left_with_answers_of_its_own() {
    let Shop { acme, site, browsers, .. } = &shop(|acme| acme.configure(FIELDS).unwrap()).await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/plain/")).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.type_into("name", "Carla").await.unwrap();
    customer.type_into("email", "carla@example.org").await.unwrap();
    fill(&customer, "4711", "My stove leaks.").await;
    customer.click("leave").await.unwrap();
    customer.shows("left", "Thank you").await.unwrap();
    customer.returns(FORM, json!(["Carla", "carla@example.org", "", "", ""])).await.unwrap();
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    anna.pick_up().await.unwrap();
    reads(&mut anna, "Order number: 4711\nMy stove leaks.").await;
}

#[tokio::test]
async fn h1_out_of_hours_a_message_is_left_though_an_agent_is_there() {
    let closed = "hours = [\"Mon-Sun 00:00-00:01\"]\nholidays = [\"01-01\", \"12-31\"]";
    let Shop { acme, site, browsers, .. } =
        &shop(|acme| acme.configure_area("sales", closed).unwrap()).await.unwrap();
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/plain/")).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.shows("away", "Leave a message").await.unwrap();
    customer.type_into("name", "Carla").await.unwrap();
    customer.type_into("email", "carla@example.org").await.unwrap();
    customer.type_into("question", "When do you open?").await.unwrap();
    customer.click("leave").await.unwrap();
    customer.shows("left", "Thank you").await.unwrap();
    // Her console shows that the line is closed, and that whoever waits there is not here.
    let closed = |frame: &ServerFrame| match frame {
        ServerFrame::Hours { areas } => Some(areas.iter().any(|area| area.area == "sales" && !area.open)),
        _ => None,
    };
    assert!(anna.expect("the hours", closed).await.unwrap());
    let left = |frame: &ServerFrame| match frame {
        ServerFrame::Queue { waiting } => Some((waiting.first()?.chat, waiting.first()?.left)),
        _ => None,
    };
    let (chat, left) = anna.expect("the message", left).await.unwrap();
    assert_eq!(left, Some(Left::OutOfHours));
    anna.send(&ClientFrame::PickUp { chat }).await.unwrap();
    reads(&mut anna, "When do you open?").await;
}

/// A chat that begins at Acme's and ends at Globex's.
async fn ended_there(both: &Both, browsers: &Browsers) -> (Browser, Client, ChatId) {
    let (mut anna, mut gus) =
        (Client::agent(&both.acme, "anna").await.unwrap(), Client::agent(&both.globex, "gus").await.unwrap());
    let customer = story::customer(browsers, &both.acme, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    anna.say(Some(chat), 1, "I hand you over.").await.unwrap();
    customer.shows("message", "I hand you over.").await.unwrap();
    hand_over(&mut anna, chat).await;
    customer.shows("brand", both.globex.plan().title).await.unwrap();
    let chat = gus.pick_up().await.unwrap();
    gus.say(Some(chat), 2, "It is mended.").await.unwrap();
    customer.shows("message", "It is mended.").await.unwrap();
    gus.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("over").await.unwrap();
    (customer, gus, chat)
}

#[tokio::test]
async fn u1_the_company_where_the_chat_has_ended_asks_how_it_was() {
    let both = both_with(|_, globex| globex.configure_after("[end]\n", "survey = true").unwrap()).await;
    let browsers = Browsers::start().await.unwrap();
    let (customer, mut gus, chat) = ended_there(&both, &browsers).await;
    customer.shows("survey", "How was it?").await.unwrap();
    axe::check(&customer, "the other company's survey").await.unwrap();
    customer.picture("again-survey").await.unwrap();
    customer.css("#scores label:nth-child(5)").await.unwrap().click().await.unwrap();
    customer.click("survey-send").await.unwrap();
    customer.shows("survey-told", "Thank you").await.unwrap();
    gus.send(&ClientFrame::ReadClosed { chat }).await.unwrap();
    let noted = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => {
            entries.iter().any(|entry| entry.body == Body::Note("Survey: 5 of 5.".into())).then_some(())
        }
        _ => None,
    };
    gus.expect("the note", noted).await.unwrap();
}

#[tokio::test]
async fn u1_a_company_that_does_not_ask_is_not_asked_for_by_another_one() {
    let both = both_with(|acme, _| acme.configure_after("[end]\n", "survey = true").unwrap()).await;
    let browsers = Browsers::start().await.unwrap();
    let (customer, ..) = ended_there(&both, &browsers).await;
    // Globex has been asked whether it asks, and has said no.
    customer.returns("return performance.getEntriesByType('resource').filter((it) => it.name.includes('/v1/surveys/')).length",
        json!(1)).await.unwrap();
    assert_eq!(customer.texts("survey").await.unwrap().concat(), "");
    // At Acme's own end it is Acme that asks.
    let mut anna = Client::agent(&both.acme, "anna").await.unwrap();
    customer.click("again").await.unwrap();
    customer.type_into("question", "And now?").await.unwrap();
    customer.click("start").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    anna.say(Some(chat), 3, "Now it is.").await.unwrap();
    customer.shows("message", "Now it is.").await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.shows("survey", "How was it?").await.unwrap();
}
