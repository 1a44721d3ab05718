//! A real browser on a company's website; the agents speak the protocol frame by frame.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_e2e::story;
use baton_protocol::model::{Body, Context, Destination, Share, Stage};
use baton_protocol::{ChatId, ClientFrame, ServerFrame, TransferId};

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
    acme.start().await.unwrap();
    globex.start().await.unwrap();
    acme.trust(&globex, mode).unwrap();
    globex.trust(&acme, mode).unwrap();
    let anna = Client::agent(&acme, "anna").await.unwrap();
    let gus = Client::agent(&globex, "gus").await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    Scene { acme, globex, browsers, anna, gus, _folder: folder }
}

async fn hand_over(anna: &mut Client, chat: ChatId) -> TransferId {
    let transfer = TransferId([7; 16]);
    let to = Destination::Server { server: "globex".into(), area: Some("repairs".into()) };
    let comments = "Leaks at the valve.".into();
    anna.send(&ClientFrame::Transfer { transfer, chat, to, comments, share: Share::All }).await.unwrap();
    transfer
}

async fn reaches(agent: &mut Client, wanted: Stage) {
    let of = |frame: &ServerFrame| match frame {
        ServerFrame::Progress { stage, .. } => (*stage >= wanted).then_some(()),
        _ => None,
    };
    agent.expect(&format!("{wanted:?}"), of).await.unwrap();
}

async fn context(agent: &mut Client) -> Context {
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { context, .. } => context.clone(),
        _ => None,
    };
    agent.expect("a chat with context", opened).await.unwrap()
}

/// What the customer has said so far, as an agent's console was shown it.
async fn says(agent: &mut Client, text: &str) {
    let said = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => {
            entries.iter().any(|entry| entry.body == Body::Text(text.into())).then_some(())
        }
        _ => None,
    };
    agent.expect(text, said).await.unwrap();
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
    says(&mut gus, "It is an Ember.").await;
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
    baton_e2e::until("the other company's page", || async {
        let address = customer.driver.current_url().await?;
        anyhow::ensure!(address.as_str().starts_with(&site), "the address is {address}");
        Ok(())
    })
    .await
    .unwrap();
    customer.enter_widget().await.unwrap();
    customer.shows("brand", globex.plan().title).await.unwrap();
    reaches(&mut anna, Stage::Arrived).await;
    assert_eq!(customer.driver.current_url().await.unwrap().as_str(), format!("{site}/"));
    gus.pick_up().await.unwrap();
    assert_eq!(context(&mut gus).await.comments, "Leaks at the valve.");
    customer.shows("state", "Gus").await.unwrap();
    customer.say("composer", "Hello workshop.").await.unwrap();
    says(&mut gus, "Hello workshop.").await;
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
    says(&mut anna, "Still here?").await;
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
    says(&mut anna, "Said while nobody listened.").await;
    anna.say(Some(chat), 3, "We do.").await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("over").await.unwrap();
    customer.picture("widget-ended").await.unwrap();
}
