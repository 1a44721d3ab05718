//! Three real browsers: the customer, an agent of Acme's, an agent of Globex's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_e2e::story;

struct Scene {
    acme: Company,
    globex: Company,
    browsers: Browsers,
    _folder: tempfile::TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    globex.start().await.unwrap();
    acme.trust(&globex, "in-place").unwrap();
    globex.trust(&acme, "in-place").unwrap();
    Scene { acme, globex, browsers: Browsers::start().await.unwrap(), _folder: folder }
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

#[tokio::test]
async fn a8_a_customer_goes_from_acme_to_globex_and_back_with_everything() {
    let Scene { acme, globex, browsers, _folder } = scene().await;
    let gus = story::agent(&browsers, &globex, "gus").await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "My stove leaks. Can you mend it?").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say("composer", "Our partner can. I will hand you over.").await.unwrap();
    customer.shows("message", "hand you over").await.unwrap();
    anna.picture("console-chat").await.unwrap();
    story::transfer_to_server(&anna, "globex", "Repairs", "Ember stove, leaks at the valve.").await.unwrap();
    customer.shows("brand", globex.plan().title).await.unwrap();
    state(&anna, "transferred").await;
    anna.picture("console-transferred").await.unwrap();
    gus.shows("queue-row", "Acme Outdoor").await.unwrap();
    gus.picture("console-queue").await.unwrap();
    story::pick_up(&gus).await.unwrap();
    gus.shows("handover-card", "Anna").await.unwrap();
    gus.shows("handover-comments", "leaks at the valve").await.unwrap();
    gus.shows("handover-transcript", "My stove leaks.").await.unwrap();
    gus.picture("console-handed-over").await.unwrap();
    customer.say("composer", "It drips.").await.unwrap();
    gus.shows("message", "It drips.").await.unwrap();
    gus.say("composer", "Send it in; Acme has a label for you.").await.unwrap();
    customer.shows("message", "Send it in").await.unwrap();
    // And back (X3).
    story::transfer_to_server(&gus, "acme", "Sales", "Wants a shipping label.").await.unwrap();
    customer.shows("brand", acme.plan().title).await.unwrap();
    state(&gus, "transferred").await;
    anna.click("dismiss").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    anna.shows("handover-comments", "shipping label").await.unwrap();
    for text in ["My stove leaks.", "I will hand you over.", "It drips.", "Send it in"] {
        anna.shows("handover-transcript", text).await.unwrap();
    }
    anna.say("composer", "Here is your label.").await.unwrap();
    customer.shows("message", "Here is your label.").await.unwrap();
}

#[tokio::test]
async fn x3_who_comes_back_is_known_though_the_other_company_passes_nothing_on() {
    let Scene { acme, globex, browsers, _folder } = scene().await;
    let gus = story::agent(&browsers, &globex, "gus").await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    anna.say("composer", "Our partner can mend it.").await.unwrap();
    customer.shows("message", "Our partner can").await.unwrap();
    story::transfer_to_server(&anna, "globex", "Repairs", "").await.unwrap();
    customer.shows("brand", globex.plan().title).await.unwrap();
    anna.click("dismiss").await.unwrap();
    story::pick_up(&gus).await.unwrap();
    customer.say("composer", "Said at Globex.").await.unwrap();
    gus.shows("message", "Said at Globex.").await.unwrap();
    story::choose_at_server(&gus, "acme", "Sales").await.unwrap();
    gus.click("share-none").await.unwrap();
    gus.click("transfer-submit").await.unwrap();
    customer.shows("brand", acme.plan().title).await.unwrap();
    story::pick_up(&anna).await.unwrap();
    for text in ["My stove leaks.", "Our partner can mend it."] {
        anna.shows("handover-transcript", text).await.unwrap();
    }
    anna.picture("console-back-and-known").await.unwrap();
    let shown = anna.texts("handover-transcript").await.unwrap().join(" ");
    assert!(!shown.contains("Said at Globex."), "{shown}");
}

#[tokio::test]
async fn a3_the_dialog_shows_who_can_take_the_chat_and_why_others_cannot() {
    let Scene { acme, browsers, _folder, .. } = scene().await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let ben = story::agent(&browsers, &acme, "ben").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Is the Ridge 2 in stock?").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    anna.click("transfer").await.unwrap();
    let submit = anna.find("transfer-submit").await.unwrap();
    assert!(!submit.is_enabled().await.unwrap(), "no destination is chosen yet");
    anna.shows("destination", "This is you").await.unwrap();
    anna.picture("console-dialog-agents").await.unwrap();
    anna.click("transfer-tab-servers").await.unwrap();
    anna.picture("console-dialog-servers").await.unwrap();
    anna.click("transfer-tab-lines").await.unwrap();
    story::choose(&anna, "Billing").await.unwrap();
    anna.click("share-part").await.unwrap();
    anna.picture("console-dialog-edit").await.unwrap();
    anna.type_into("comments", "Has a question about the invoice.").await.unwrap();
    assert!(submit.is_enabled().await.unwrap());
    anna.click("transfer-submit").await.unwrap();
    state(&anna, "transferred").await;
    story::pick_up(&ben).await.unwrap();
    ben.shows("handover-comments", "about the invoice").await.unwrap();
    ben.say("composer", "Ben here.").await.unwrap();
    customer.shows("message", "Ben here.").await.unwrap();
    ben.click("end").await.unwrap();
    state(&ben, "ended").await;
    customer.leave().await.unwrap();
}

#[tokio::test]
async fn a6_a_peer_that_is_down_is_explained_and_the_chat_goes_on() {
    let Scene { acme, mut globex, browsers, _folder } = scene().await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Hello?").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    globex.kill().unwrap();
    anna.click("transfer").await.unwrap();
    anna.click("transfer-tab-servers").await.unwrap();
    let choice = anna.find("server-select").await.unwrap();
    choice.find(thirtyfour::By::Css("option[value='globex']")).await.unwrap().click().await.unwrap();
    let reason = anna.css("dialog [role=alert]").await.unwrap();
    assert!(reason.text().await.unwrap().contains("cannot be reached"));
    anna.picture("console-dialog-down").await.unwrap();
    anna.css("dialog").await.unwrap().send_keys(thirtyfour::Key::Escape + "").await.unwrap();
    anna.say("composer", "Still with you.").await.unwrap();
    customer.shows("message", "Still with you.").await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_said_and_a_restart_is_survived() {
    let Scene { mut acme, browsers, _folder, .. } = scene().await;
    let stranger = browsers.open(1280, 860).await.unwrap();
    stranger.go(&acme.console()).await.unwrap();
    stranger.type_into("login-name", "anna").await.unwrap();
    stranger.type_into("login-password", "guess").await.unwrap();
    stranger.click("login-submit").await.unwrap();
    let reason = stranger.css("[role=alert]").await.unwrap();
    assert!(reason.text().await.unwrap().contains("wrong"), "{:?}", reason.text().await);
    stranger.picture("console-login").await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Hello?").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    anna.say("composer", "Before.").await.unwrap();
    customer.shows("message", "Before.").await.unwrap();
    acme.kill().unwrap();
    anna.css(".offline").await.unwrap();
    anna.say("composer", "During.").await.unwrap();
    acme.start().await.unwrap();
    customer.shows("message", "During.").await.unwrap();
    anna.shows("message", "During.").await.unwrap();
    let all = customer.texts("message").await.unwrap();
    assert_eq!(all.iter().filter(|text| text.contains("During.")).count(), 1, "{all:?}");
}
