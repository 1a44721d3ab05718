//! The console in the agent's language: from right to left, with plural forms, and nothing lost when it changes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::company::{ACME, Company};
use baton_e2e::pair::both;
use baton_e2e::{axe, story, until};
use serde_json::json;
use thirtyfour::By;

/// Chooses a language in the preferences, and waits for the page that speaks it.
async fn speak(browser: &Browser, language: &str, heard: &str) {
    browser.click("preferences").await.unwrap();
    let select = browser.find("language").await.unwrap();
    select.find(By::Css(format!("option[value='{language}']"))).await.unwrap().click().await.unwrap();
    until(&format!("a page in {heard}"), || async {
        let now = browser.script("return document.documentElement.lang").await?;
        anyhow::ensure!(now == json!(heard), "{now}");
        Ok(())
    })
    .await
    .unwrap();
    browser.find("presence").await.unwrap();
}

async fn look(browser: &Browser, view: &str) {
    browser.pictures(&format!("tongue-{view}")).await.unwrap();
    axe::check(browser, view).await.unwrap();
}

/// What is wider than the window would have to be scrolled sideways to be read.
async fn fits(browser: &Browser, view: &str) {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.script(script).await.unwrap(), json!(0), "{view}");
}

#[tokio::test]
async fn the_console_speaks_the_agents_language_and_keeps_what_they_have_written() {
    let both = both().await;
    let acme = &both.acme;
    let browsers = Browsers::start().await.unwrap();
    let anna = story::agent(&browsers, acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, acme, "My stove leaks.").await.unwrap();
    anna.shows("pick-up", "Pick up").await.unwrap();
    speak(&anna, "de", "de").await;
    anna.shows("pick-up", "Annehmen").await.unwrap();
    look(&anna, "german-inbox").await;
    story::pick_up(&anna).await.unwrap();
    anna.say("composer", "Let me look.").await.unwrap();
    customer.shows("message", "Let me look.").await.unwrap();
    anna.type_into("composer", "It is the seal, and").await.unwrap();
    speak(&anna, "ar", "ar").await;
    let direction = "return getComputedStyle(document.body).direction";
    assert_eq!(anna.script(direction).await.unwrap(), json!("rtl"));
    anna.shows("send", "إرسال").await.unwrap();
    let draft = anna.find("composer").await.unwrap().prop("value").await.unwrap();
    assert_eq!(draft.as_deref(), Some("It is the seal, and"), "what was written is there still");
    // The chats are where one begins to read.
    let sides = "const at = mark => document.querySelector(mark).getBoundingClientRect().left;
                 return at('.side') > at('.panes') && at('.panes') > at('.panel')";
    assert_eq!(anna.script(sides).await.unwrap(), json!(true), "the columns begin on the right");
    fits(&anna, "arabic").await;
    look(&anna, "arabic-chat").await;
    anna.click("transfer").await.unwrap();
    anna.click("transfer-tab-lines").await.unwrap();
    anna.shows("transfer-tab-lines", "خطوط الخدمة").await.unwrap();
    look(&anna, "arabic-transfer").await;
    anna.css("body").await.unwrap().send_keys(thirtyfour::Key::Escape + "").await.unwrap();
    speak(&anna, "fr", "fr").await;
    anna.shows("note-toggle", "Note privée").await.unwrap();
    look(&anna, "french-chat").await;
    // As the browser, which is English here.
    speak(&anna, "", "en").await;
    anna.shows("send", "Send").await.unwrap();
}

#[tokio::test]
async fn administration_and_reports_speak_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    let ada = story::agent(&browsers, &acme, "ada").await.unwrap();
    for (language, reports) in
        [("es", "Informes"), ("pt", "Relatórios"), ("ar", "التقارير"), ("de", "Berichte")]
    {
        speak(&ada, language, language).await;
        ada.click("office").await.unwrap();
        ada.shows("office-reports", reports).await.unwrap();
        for page in ["reports", "agents", "areas", "policies", "peers", "keys", "audit"] {
            ada.click(&format!("office-{page}")).await.unwrap();
            fits(&ada, &format!("{language} {page}")).await;
            if ["de", "ar"].contains(&language) {
                look(&ada, &format!("{language}-{page}")).await;
            }
        }
        ada.click("office-close").await.unwrap();
    }
}
