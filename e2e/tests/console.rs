//! The console as agents and supervisors use it, in real browsers, each view looked at by axe-core.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_e2e::{axe, story};
use thirtyfour::Key;

struct Scene {
    acme: Company,
    globex: Company,
    browsers: Browsers,
    _folder: tempfile::TempDir,
}

async fn scene(acme_lines: &str, repairs: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    acme.configure(acme_lines).unwrap();
    globex.configure_area("repairs", repairs).unwrap();
    acme.start().await.unwrap();
    globex.start().await.unwrap();
    acme.trust(&globex, "in-place").unwrap();
    globex.trust(&acme, "in-place").unwrap();
    Scene { acme, globex, browsers: Browsers::start().await.unwrap(), _folder: folder }
}

/// What it shows is looked at, by axe-core and in pictures.
async fn look(browser: &Browser, view: &str) {
    browser.pictures(&format!("console-{view}")).await.unwrap();
    axe::check(browser, view).await.unwrap();
}

async fn state(agent: &Browser, wanted: &str) {
    baton_e2e::until(&format!("a pane that is {wanted}"), || async {
        let state = agent.find("pane").await?.attr("data-state").await?;
        anyhow::ensure!(state.as_deref() == Some(wanted), "it is {state:?}");
        Ok(())
    })
    .await
    .unwrap();
}

async fn attribute(browser: &Browser, mark: &str, name: &str, wanted: &str) {
    baton_e2e::until(&format!("{mark} whose {name} is {wanted}"), || async {
        let value = browser.find(mark).await?.attr(name).await?;
        anyhow::ensure!(value.as_deref() == Some(wanted), "it is {value:?}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn s2_a_supervisor_rescues_a_chat_in_the_console() {
    let Scene { acme, browsers, _folder, .. } = scene("", "").await;
    let stranger = browsers.open(1280, 860).await.unwrap();
    stranger.go(&acme.console()).await.unwrap();
    stranger.find("login-submit").await.unwrap();
    look(&stranger, "login").await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let alma = story::agent(&browsers, &acme, "alma").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Is the Ridge 2 in stock?").await.unwrap();
    anna.find("queue-row").await.unwrap();
    look(&anna, "inbox").await;
    story::pick_up(&anna).await.unwrap();
    anna.say("composer", "Let me look.").await.unwrap();
    customer.shows("message", "Let me look.").await.unwrap();
    look(&anna, "chat").await;
    alma.click("inbox-team").await.unwrap();
    alma.shows("open-chat", "With Anna").await.unwrap();
    look(&alma, "team").await;
    alma.click("rescue").await.unwrap();
    alma.shows("rescue-dialog", "The agent loses the chat").await.unwrap();
    look(&alma, "rescue").await;
    let queue = alma.find("rescue-to").await.unwrap();
    queue.find(thirtyfour::By::Css("option[value='billing']")).await.unwrap().click().await.unwrap();
    alma.click("rescue-submit").await.unwrap();
    alma.shows("toast", "Carla waits in Billing now").await.unwrap();
    state(&anna, "transferred").await;
    alma.click("inbox-waiting").await.unwrap();
    alma.shows("queue-row", "Billing").await.unwrap();
    story::pick_up(&alma).await.unwrap();
    alma.say("composer", "Alma here.").await.unwrap();
    customer.shows("message", "Alma here.").await.unwrap();
}

const POLICY: &str = "\
[[policy.rule]]
name = \"nothing to Globex\"
destination = \"globex\"
share = \"nothing\"

[[policy.rule]]
name = \"secrets\"
confidential = true
destination = \"billing\"
deny = \"confidential chats stay in their line\"
";

#[tokio::test]
async fn a4_the_dialog_explains_policy_and_shows_precisely_what_leaves() {
    let Scene { acme, browsers, _folder, .. } = scene(POLICY, "").await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let ben = story::agent(&browsers, &acme, "ben").await.unwrap();
    let question = "My card is 4111 1111 1111 1111, please charge it.";
    let _customer = story::customer(&browsers, &acme, question).await.unwrap();
    story::pick_up(&anna).await.unwrap();
    anna.click("transfer").await.unwrap();
    anna.shows("destination", "This is you").await.unwrap();
    look(&anna, "dialog-agents").await;
    anna.click("transfer-tab-servers").await.unwrap();
    look(&anna, "dialog-servers").await;
    anna.click("transfer-tab-lines").await.unwrap();
    look(&anna, "dialog-lines").await;
    // Of another department: the agent's choice. The keyboard alone, and few keys of it.
    anna.say("transfer-search", "bill").await.unwrap();
    anna.type_into("comments", "Wants to pay by card.").await.unwrap();
    anna.click("share-part").await.unwrap();
    anna.shows("facts", "Wants to pay by card.").await.unwrap();
    anna.shows("suggestion", "Redact the card number").await.unwrap();
    look(&anna, "dialog-edit").await;
    anna.click("suggestion").await.unwrap();
    attribute_of_text(&anna, "My card is ███████████████████, please charge it.").await;
    anna.click("without-identity").await.unwrap();
    anna.shows("facts", "stays here").await.unwrap();
    anna.css("dialog").await.unwrap().send_keys(Key::Escape + "").await.unwrap();
    anna.click("confidential").await.unwrap();
    attribute(&anna, "confidential", "aria-checked", "true").await;
    anna.click("transfer").await.unwrap();
    anna.click("transfer-tab-lines").await.unwrap();
    anna.shows("destination", "Confidential chats stay in their line").await.unwrap();
    look(&anna, "dialog-denied").await;
    anna.css("dialog").await.unwrap().send_keys(Key::Escape + "").await.unwrap();
    anna.click("confidential").await.unwrap();
    attribute(&anna, "confidential", "aria-checked", "false").await;
    anna.click("transfer").await.unwrap();
    anna.say("transfer-search", "bill").await.unwrap();
    anna.type_into("comments", "Wants to pay.").await.unwrap();
    // Ctrl+Enter, as WebDriver writes it.
    anna.find("comments").await.unwrap().send_keys(Key::Control + "\u{e007}").await.unwrap();
    state(&anna, "transferred").await;
    story::pick_up(&ben).await.unwrap();
    ben.shows("handover-comments", "Wants to pay.").await.unwrap();
}

async fn attribute_of_text(agent: &Browser, wanted: &str) {
    baton_e2e::until("the blackened passage", || async {
        let text = agent.find("edit-text").await?.prop("value").await?.unwrap_or_default();
        anyhow::ensure!(text == wanted, "it is {text:?}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn w2_a_destination_that_gets_nothing_is_explained() {
    let Scene { acme, globex, browsers, _folder } = scene(POLICY, "").await;
    let _gus = story::agent(&browsers, &globex, "gus").await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let _customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    story::choose_at_server(&anna, "globex", "Repairs").await.unwrap();
    anna.shows("policy", "lets nothing out to this destination").await.unwrap();
    assert!(!anna.find("comments").await.unwrap().is_enabled().await.unwrap());
    anna.shows("leaving", "Nothing leaves.").await.unwrap();
    look(&anna, "dialog-nothing").await;
}

#[tokio::test]
async fn d7_an_agent_is_asked_declines_and_takes_the_chat_at_another_try() {
    let Scene { acme, globex, browsers, _folder } = scene("", "agent_required = \"willing\"").await;
    let gus = story::agent(&browsers, &globex, "gus").await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    story::transfer_to_server(&anna, "globex", "Repairs", "Ember stove.").await.unwrap();
    gus.shows("ask", "Ember stove.").await.unwrap();
    anna.shows("progress", "is being asked").await.unwrap();
    look(&gus, "asked").await;
    gus.click("ask-decline").await.unwrap();
    anna.shows("progress", "Not transferred").await.unwrap();
    look(&anna, "another-try").await;
    // What was entered is still there, and where it went to is a click away.
    anna.css("[data-test='progress'] button").await.unwrap().click().await.unwrap();
    anna.click("recent").await.unwrap();
    baton_e2e::until("the destination to be chosen again", || async {
        anyhow::ensure!(anna.find("transfer-submit").await?.is_enabled().await?, "not yet");
        Ok(())
    })
    .await
    .unwrap();
    anna.click("transfer-submit").await.unwrap();
    gus.click("ask-take").await.unwrap();
    state(&anna, "transferred").await;
    gus.shows("handover-comments", "Ember stove.").await.unwrap();
    gus.say("composer", "Gus here.").await.unwrap();
    customer.shows("message", "Gus here.").await.unwrap();
    look(&gus, "handed-over").await;
}

#[tokio::test]
async fn an_agent_there_is_asked_first_in_a_side_conversation() {
    let Scene { acme, globex, browsers, _folder } = scene("", "").await;
    let gus = story::agent(&browsers, &globex, "gus").await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    story::choose_at_server(&anna, "globex", "Repairs").await.unwrap();
    anna.type_into("comments", "A stove that leaks. Do you have time?").await.unwrap();
    anna.click("ask-first").await.unwrap();
    gus.shows("side-line", "Do you have time?").await.unwrap();
    gus.say("side-text", "Yes, send her over.").await.unwrap();
    anna.shows("side-line", "Yes, send her over.").await.unwrap();
    look(&anna, "consult").await;
    look(&gus, "consulted").await;
    anna.click("side-complete").await.unwrap();
    state(&anna, "transferred").await;
    // Straight to whoever was asked.
    gus.shows("handover-transcript", "My stove leaks.").await.unwrap();
    gus.say("composer", "Gus here.").await.unwrap();
    customer.shows("message", "Gus here.").await.unwrap();
}

#[tokio::test]
async fn a_draft_survives_a_reload_and_nothing_is_transferred_without_a_connection() {
    let Scene { mut acme, browsers, _folder, .. } = scene("", "").await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Hello?").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    anna.type_into("composer", "Half a sentence").await.unwrap();
    anna.driver.refresh().await.unwrap();
    baton_e2e::until("the draft", || async {
        let text = anna.find("composer").await?.prop("value").await?.unwrap_or_default();
        anyhow::ensure!(text == "Half a sentence", "it is {text:?}");
        Ok(())
    })
    .await
    .unwrap();
    acme.kill().unwrap();
    anna.css(".offline").await.unwrap();
    assert!(!anna.find("transfer").await.unwrap().is_enabled().await.unwrap());
    look(&anna, "offline").await;
    acme.start().await.unwrap();
    anna.say("composer", ", and the rest.").await.unwrap();
    customer.shows("message", "Half a sentence, and the rest.").await.unwrap();
}

#[tokio::test]
async fn a_supervisor_follows_a_chat_whispers_joins_and_takes_it_over() {
    let Scene { acme, browsers, _folder, .. } = scene("", "").await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let alma = story::agent(&browsers, &acme, "alma").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Is the Ridge 2 in stock?").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    alma.click("inbox-team").await.unwrap();
    alma.click("watch").await.unwrap();
    alma.shows("whose", "Anna alone reads").await.unwrap();
    alma.shows("message", "Is the Ridge 2 in stock?").await.unwrap();
    alma.say("composer", "Offer the discount.").await.unwrap();
    anna.shows("message", "Offer the discount.").await.unwrap();
    look(&alma, "following").await;
    alma.click("join").await.unwrap();
    customer.shows("message", "Is the Ridge 2 in stock?").await.unwrap();
    alma.shows("whose", "The customer reads").await.unwrap();
    alma.say("composer", "Alma here, too.").await.unwrap();
    customer.shows("message", "Alma here, too.").await.unwrap();
    assert!(!customer.texts("message").await.unwrap().iter().any(|text| text.contains("discount")));
    alma.click("take-over").await.unwrap();
    state(&alma, "active").await;
    state(&anna, "transferred").await;
    alma.say("composer", "I go on from here.").await.unwrap();
    customer.shows("message", "I go on from here.").await.unwrap();
}

#[tokio::test]
async fn replies_commands_outcome_and_closed_chats() {
    let Scene { acme, browsers, _folder, .. } = scene("", "").await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Hello?").await.unwrap();
    anna.click("replies-open").await.unwrap();
    anna.click("reply-new").await.unwrap();
    anna.type_into("reply-shortcut", "hi").await.unwrap();
    anna.type_into("reply-text", "Hello {name}, {agent} here.").await.unwrap();
    look(&anna, "replies").await;
    anna.click("reply-save").await.unwrap();
    anna.shows("reply", "/hi").await.unwrap();
    anna.css("[data-test=replies-dialog]").await.unwrap().send_keys(Key::Escape + "").await.unwrap();
    // The palette picks the customer up.
    anna.css("body").await.unwrap().send_keys(Key::Control + "k").await.unwrap();
    anna.type_into("palette-search", "pick carla").await.unwrap();
    look(&anna, "palette").await;
    anna.say("palette-search", "").await.unwrap();
    anna.find("composer").await.unwrap();
    anna.type_into("composer", "/h").await.unwrap();
    anna.shows("replies", "/hi").await.unwrap();
    look(&anna, "slash").await;
    anna.say("composer", "").await.unwrap();
    anna.say("composer", "").await.unwrap();
    customer.shows("message", "Hello Carla, Anna here.").await.unwrap();
    anna.say("tags", "tent, return").await.unwrap();
    anna.say("disposition", "Sold").await.unwrap();
    anna.click("end").await.unwrap();
    state(&anna, "ended").await;
    anna.click("dismiss").await.unwrap();
    anna.click("inbox-closed").await.unwrap();
    anna.shows("closed-chat", "Sold").await.unwrap();
    anna.click("closed-chat").await.unwrap();
    anna.shows("message", "Hello Carla, Anna here.").await.unwrap();
    look(&anna, "closed").await;
    anna.css("body").await.unwrap().send_keys("?").await.unwrap();
    anna.shows("keys", "Keyboard shortcuts").await.unwrap();
    look(&anna, "keys").await;
}
