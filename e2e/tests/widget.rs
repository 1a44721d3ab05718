//! A real browser on a company's website; the agents speak the protocol frame by frame.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::axe;
use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_e2e::pair::{context, hand_over, reads};
use baton_e2e::story;
use baton_protocol::model::{Body, Event, Stage};
use baton_protocol::{ClientFrame, ServerFrame};
use thirtyfour::Key;

/// Everything that a person could do to a page, counted before the page itself sees it.
const WATCH: &str = "window.inputs = 0; for (const kind of ['pointerdown', 'mousedown', 'click', 'keydown', \
    'input', 'touchstart', 'submit']) addEventListener(kind, () => window.inputs++, true);";

struct Scene {
    acme: Company,
    globex: Company,
    browsers: Browsers,
    anna: Client,
    gus: Client,
    _folder: tempfile::TempDir,
}

async fn scene(mode: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    acme.configure_after("title = \"Sales\"\n", story::HOLDING).unwrap();
    acme.start().await.unwrap();
    globex.start().await.unwrap();
    acme.trust(&globex, mode).unwrap();
    globex.trust(&acme, mode).unwrap();
    let anna = Client::agent(&acme, "anna").await.unwrap();
    let gus = Client::agent(&globex, "gus").await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    Scene { acme, globex, browsers, anna, gus, _folder: folder }
}

async fn reaches(agent: &mut Client, wanted: Stage) {
    let of = |frame: &ServerFrame| match frame {
        ServerFrame::Progress { stage, .. } => (*stage >= wanted).then_some(()),
        _ => None,
    };
    agent.expect(&format!("{wanted:?}"), of).await.unwrap();
}

async fn messages(customer: &Browser) -> Vec<String> {
    customer.texts("message").await.unwrap()
}

#[tokio::test]
async fn m2_in_place_transfer_needs_no_click_and_loses_no_word() {
    let Scene { acme, globex, browsers, mut anna, mut gus, _folder } = scene("in-place").await;
    let customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say(Some(chat), 1, "I hand you over.").await.unwrap();
    customer.shows("message", "I hand you over.").await.unwrap();
    customer.picture("widget-with-agent").await.unwrap();
    customer.script(WATCH).await.unwrap();
    hand_over(&mut anna, chat).await;
    customer.shows("brand", globex.plan().title).await.unwrap();
    reaches(&mut anna, Stage::Arrived).await;
    assert_eq!(customer.script("return window.inputs").await.unwrap(), 0);
    customer.picture("widget-transferred").await.unwrap();
    customer.say("composer", "It is an Ember.").await.unwrap();
    assert_eq!(gus.pick_up().await.unwrap().to_string().len(), 32);
    let context = context(&mut gus).await;
    assert_eq!(context.comments, "Leaks at the valve.");
    assert_eq!(context.transcript.len(), 2);
    reads(&mut gus, "It is an Ember.").await;
    // After a reload the widget goes on where the customer is now.
    customer.leave().await.unwrap();
    customer.driver.refresh().await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.shows("brand", globex.plan().title).await.unwrap();
    customer.shows("message", "It is an Ember.").await.unwrap();
    let all = messages(&customer).await;
    let once = |text: &str| all.iter().filter(|message| message.contains(text)).count() == 1;
    assert!(once("It is an Ember.") && once("My stove leaks."), "{all:?}");
}

#[tokio::test]
async fn m2_navigation_takes_the_browser_along_and_the_wtid_out_of_the_address() {
    let Scene { acme, globex, browsers, mut anna, mut gus, _folder } = scene("navigate").await;
    let customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    hand_over(&mut anna, chat).await;
    let site = globex.site();
    customer.arrives(&site).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.shows("brand", globex.plan().title).await.unwrap();
    reaches(&mut anna, Stage::Arrived).await;
    assert_eq!(customer.driver.current_url().await.unwrap().as_str(), format!("{site}/"));
    gus.pick_up().await.unwrap();
    assert_eq!(context(&mut gus).await.comments, "Leaks at the valve.");
    customer.shows("state", "Gus").await.unwrap();
    customer.say("composer", "Hello workshop.").await.unwrap();
    reads(&mut gus, "Hello workshop.").await;
    customer.picture("widget-navigated").await.unwrap();
}

#[tokio::test]
async fn a6_globex_dies_between_acceptance_and_arrival() {
    let Scene { acme, mut globex, browsers, mut anna, gus, _folder } = scene("in-place").await;
    let customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    drop(gus);
    // Globex stops answering once it has accepted: its process is frozen when the widget has the command.
    hand_over(&mut anna, chat).await;
    reaches(&mut anna, Stage::Requested).await;
    globex.kill().unwrap();
    let failed = |frame: &ServerFrame| match frame {
        ServerFrame::Progress { stage: Stage::Failed, .. } => Some(()),
        _ => None,
    };
    anna.expect("the failure", failed).await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.say("composer", "Still here?").await.unwrap();
    reads(&mut anna, "Still here?").await;
    anna.say(Some(chat), 2, "Of course.").await.unwrap();
    customer.shows("message", "Of course.").await.unwrap();
}

#[tokio::test]
async fn m1_the_widget_waits_resumes_and_ends() {
    let Scene { mut acme, browsers, mut anna, _folder, .. } = scene("in-place").await;
    let customer = story::customer(&browsers, &acme, "Do you ship to Malta?").await.unwrap();
    customer.shows("state", "1").await.unwrap();
    customer.picture("widget-waiting").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    drop(anna);
    acme.kill().unwrap();
    customer.say("composer", "Said while nobody listened.").await.unwrap();
    acme.start().await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    reads(&mut anna, "Said while nobody listened.").await;
    anna.say(Some(chat), 3, "We do.").await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("over").await.unwrap();
    customer.picture("widget-ended").await.unwrap();
}

#[tokio::test]
async fn h1_whoever_waits_reads_searches_and_corrects_and_the_agent_reads_the_correction() {
    let Scene { acme, globex, browsers, mut anna, mut gus, _folder } = scene("in-place").await;
    let customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    customer.shows("holding", "All tents are <b>cheaper</b> until Monday.").await.unwrap();
    customer.shows("holding", "Offer").await.unwrap();
    axe::check(&customer, "waiting").await.unwrap();
    customer.type_into("faq-search", "white GAS").await.unwrap();
    let shown =
        "return [...document.querySelectorAll(\"[data-test='faq']\")].filter((it) => !it.hidden).length";
    assert_eq!(customer.script(shown).await.unwrap(), 1);
    customer.click("faq").await.unwrap();
    customer.shows("faq", "One that burns white gas.").await.unwrap();
    customer.picture("widget-holding").await.unwrap();
    // H2: the page opens beside the chat, and the server knows it.
    customer.click("page-link").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    let sizes = |frame: &ServerFrame| match frame {
        ServerFrame::CardChanged { card } | ServerFrame::Opened { card, .. } => {
            card.page.as_ref().is_some_and(|page| page.url == "https://www.acme.example/sizes").then_some(())
        }
        _ => None,
    };
    anna.expect("the page", sizes).await.unwrap();
    let gone = || async {
        let shown = customer.texts("holding").await?.concat();
        anyhow::ensure!(shown.is_empty(), "{shown}");
        Ok(())
    };
    baton_e2e::until("nothing for those who wait", gone).await.unwrap();
    hand_over(&mut anna, chat).await;
    customer.shows("brand", globex.plan().title).await.unwrap();
    customer.click("known").await.unwrap();
    customer.type_into("known-email", "carla@new.example").await.unwrap();
    axe::check(&customer, "the correction").await.unwrap();
    customer.picture("widget-correction").await.unwrap();
    customer.click("known-send").await.unwrap();
    customer.shows("known-told", "noted").await.unwrap();
    gus.pick_up().await.unwrap();
    let corrected = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => entries
            .iter()
            .any(|entry| {
                let email = "carla@new.example";
                matches!(&entry.body, Body::Event(Event::Corrected { known }) if known.email == email)
            })
            .then_some(()),
        _ => None,
    };
    gus.expect("the correction", corrected).await.unwrap();
}

#[tokio::test]
async fn u1_every_view_of_the_widget_is_accessible_in_light_and_dark() {
    let Scene { acme, globex, browsers, mut anna, mut gus, _folder } = scene("in-place").await;
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{}/", acme.site())).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("launcher").await.unwrap();
    check(&customer, "the launcher").await;
    customer.click("launcher").await.unwrap();
    customer.find("question").await.unwrap();
    check(&customer, "the form").await;
    customer.type_into("name", "Carla").await.unwrap();
    customer.type_into("question", "My stove leaks.").await.unwrap();
    customer.click("start").await.unwrap();
    customer.shows("message", "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    anna.say(Some(chat), 1, "See https://www.acme.example/stoves.").await.unwrap();
    anna.send(&ClientFrame::Typing { chat: Some(chat), on: true }).await.unwrap();
    customer.find("typing").await.unwrap();
    check(&customer, "the chat").await;
    customer.click("menu").await.unwrap();
    check(&customer, "the menu").await;
    customer.click("emoji").await.unwrap();
    check(&customer, "the emoji").await;
    hand_over(&mut anna, chat).await;
    customer.shows("brand", globex.plan().title).await.unwrap();
    let chat = gus.pick_up().await.unwrap();
    gus.say(Some(chat), 2, "Hello Carla.").await.unwrap();
    customer.shows("message", "Hello Carla.").await.unwrap();
    check(&customer, "the other company").await;
    gus.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("over").await.unwrap();
    check(&customer, "the end").await;
}

/// What axe-core finds, in both colour schemes.
async fn check(customer: &Browser, view: &str) {
    for scheme in ["light", "dark"] {
        customer.scheme(scheme).await.unwrap();
        axe::check(customer, &format!("{view}, {scheme}")).await.unwrap();
    }
}

#[tokio::test]
async fn u1_the_keyboard_is_enough() {
    let Scene { acme, browsers, mut anna, _folder, .. } = scene("in-place").await;
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{}/", acme.site())).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("launcher").await.unwrap().focus().await.unwrap();
    customer.keys(Key::Enter).await.unwrap();
    let at = |mark: &'static str| {
        let customer = &customer;
        async move {
            baton_e2e::until(mark, || async {
                let now = customer.script("return document.activeElement.dataset.test ?? ''").await?;
                anyhow::ensure!(now == mark, "the focus is at {now}");
                Ok(())
            })
            .await
            .unwrap();
        }
    };
    at("name").await;
    customer.keys("Carla".to_owned() + Key::Tab + Key::Tab).await.unwrap();
    at("question").await;
    customer.keys("My stove leaks.".to_owned() + Key::Tab).await.unwrap();
    at("start").await;
    customer.keys(Key::Enter).await.unwrap();
    at("composer").await;
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.keys("It is an Ember.".to_owned() + Key::Enter).await.unwrap();
    reads(&mut anna, "It is an Ember.").await;
    at("composer").await;
    // The emoji, by the button before the field; Escape leads back to it.
    customer.keys(Key::Shift + Key::Tab).await.unwrap();
    at("emoji").await;
    customer.keys(Key::Enter).await.unwrap();
    returns_focus_in(&customer, "#emoji").await;
    customer.keys(Key::Escape).await.unwrap();
    at("emoji").await;
    // The menu, and out of it; then the window closes, and the launcher opens it again.
    customer.find("menu").await.unwrap().focus().await.unwrap();
    customer.keys(Key::Enter).await.unwrap();
    customer.find("end").await.unwrap();
    customer.keys(Key::Escape).await.unwrap();
    at("menu").await;
    customer.keys(Key::Escape).await.unwrap();
    at("launcher").await;
    customer.keys(Key::Enter).await.unwrap();
    at("composer").await;
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("again").await.unwrap().focus().await.unwrap();
    customer.keys(Key::Enter).await.unwrap();
    at("question").await;
}

async fn returns_focus_in(customer: &Browser, selector: &str) {
    let script = format!("return document.activeElement.closest('{selector}') !== null");
    baton_e2e::until(selector, || async {
        anyhow::ensure!(customer.script(&script).await? == true, "the focus is elsewhere");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn u1_where_no_socket_gets_through_a_message_does() {
    let Scene { acme, browsers, mut anna, _folder, .. } = scene("in-place").await;
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{}/", acme.site())).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer
        .script("window.WebSocket = class { constructor() { throw new Error('blocked'); } }")
        .await
        .unwrap();
    customer.type_into("name", "Carla").await.unwrap();
    customer.type_into("question", "My stove leaks.").await.unwrap();
    customer.click("start").await.unwrap();
    customer.shows("unreached", "cannot be reached").await.unwrap();
    customer.click("instead").await.unwrap();
    customer.type_into("instead-email", "carla@example.org").await.unwrap();
    axe::check(&customer, "a message instead").await.unwrap();
    customer.picture("widget-unreached").await.unwrap();
    customer.click("instead-send").await.unwrap();
    customer.find("over").await.unwrap();
    customer.shows("holding", "We will write to you").await.unwrap();
    anna.pick_up().await.unwrap();
    reads(&mut anna, "My stove leaks.").await;
}
