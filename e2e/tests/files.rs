//! Files in real browsers: from the widget to the next company's console, and back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Result, ensure};
use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::pair::{Both, both};
use baton_e2e::story;
use thirtyfour::By;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/stove.png");

/// Chooses a file, as a person does in the dialog that the button opens.
async fn choose(browser: &Browser, path: &str) {
    let field = browser.driver.find(By::Css("[data-test='file']")).await.unwrap();
    field.send_keys(path).await.unwrap();
}

/// Waits until so many pictures are loaded and shown.
async fn pictures(browser: &Browser, count: u64) {
    const SHOWN: &str = "return [...document.querySelectorAll(\"[data-test='preview']\")] \
        .filter((picture) => picture.naturalWidth === 240 && picture.offsetHeight > 0).length";
    let shown = || async {
        let shown = browser.script(SHOWN).await?;
        ensure!(shown.as_u64() == Some(count), "{shown} pictures are shown");
        Ok(())
    };
    baton_e2e::until("the picture", shown).await.unwrap();
}

/// Waits until each of these documents is shown with its state.
async fn documents(browser: &Browser, wanted: &[(&str, &str)]) {
    let shown = || async {
        let mut shown = Vec::new();
        for element in browser.driver.find_all(By::Css("[data-test='handover-documents'] .document")).await? {
            let name = element.find(By::Css("[data-test='download']")).await?.text().await?;
            shown.push((name, element.attr("data-state").await?.unwrap_or_default()));
        }
        let shown: Vec<_> = shown.iter().map(|(name, state)| (name.as_str(), state.as_str())).collect();
        ensure!(shown == wanted, "shown instead: {shown:?}");
        Ok(())
    };
    baton_e2e::until("the documents", shown).await.unwrap();
}

/// Hands the chat over to Globex without the line of this name.
async fn transfer_without(agent: &Browser, name: &str) {
    story::choose_at_server(agent, "globex", "Repairs").await.unwrap();
    agent.click("share-part").await.unwrap();
    let untick = || async {
        for row in agent.driver.find_all(By::Css(".edit li")).await? {
            let text = row.find(By::Css("textarea")).await?.prop("value").await?;
            if text.as_deref() == Some(name) {
                return row.find(By::Css("[data-test='edit-keep']")).await?.click().await.map_err(Into::into);
            }
        }
        anyhow::bail!("there is no line {name}")
    };
    baton_e2e::until("the line", untick).await.unwrap();
    agent.picture("documents-edit").await.unwrap();
    agent.click("transfer-submit").await.unwrap();
}

async fn note(folder: &tempfile::TempDir, name: &str, text: &str) -> Result<String> {
    let path = folder.path().join(name);
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

#[tokio::test]
async fn a8_files_go_from_the_widget_to_the_other_companys_console_and_back() {
    let Both { acme, globex, .. } = &both().await;
    let folder = tempfile::tempdir().unwrap();
    let browsers = Browsers::start().await.unwrap();
    let customer = story::customer(&browsers, acme, "My stove leaks.").await.unwrap();
    let anna = story::agent(&browsers, acme, "anna").await.unwrap();
    let gus = story::agent(&browsers, globex, "gus").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    choose(&customer, PICTURE).await;
    customer.shows("download", "stove.png").await.unwrap();
    pictures(&customer, 1).await;
    pictures(&anna, 1).await;
    choose(&customer, &note(&folder, "private.txt", "The door's code is 4711.").await.unwrap()).await;
    anna.shows("download", "private.txt").await.unwrap();
    customer.picture("documents-widget").await.unwrap();
    anna.picture("documents-console").await.unwrap();
    transfer_without(&anna, "private.txt").await;
    story::pick_up(&gus).await.unwrap();
    documents(&gus, &[("stove.png", "here")]).await;
    pictures(&gus, 1).await;
    gus.picture("documents-received").await.unwrap();
    // From here on the widget's page and the gateway are of different companies.
    customer.enter_widget().await.unwrap();
    customer.shows("brand", "Globex Repairs").await.unwrap();
    choose(&customer, &note(&folder, "model.txt", "Ember 2").await.unwrap()).await;
    gus.shows("download", "model.txt").await.unwrap();
    choose(&gus, PICTURE).await;
    pictures(&customer, 2).await;
    customer.picture("documents-widget-moved").await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_taken_is_not_said_and_the_customer_reads_why() {
    let Both { acme, .. } = &both().await;
    let folder = tempfile::tempdir().unwrap();
    let browsers = Browsers::start().await.unwrap();
    let customer = story::customer(&browsers, acme, "My stove leaks.").await.unwrap();
    choose(&customer, &note(&folder, "tool.png", "MZ\u{0}\u{1}\u{2}").await.unwrap()).await;
    customer.shows("notice", "cannot be sent here").await.unwrap();
    assert!(customer.texts("download").await.unwrap().is_empty());
}
