//! What a customer is typing, where the company has it so: its agent and its supervisor see it, another company does not,
//! and the customer is told.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::{pair, story, until};
use baton_protocol::{ClientFrame, ServerFrame};

/// Waits until there is no such thing on the page any more.
async fn none(browser: &Browser, mark: &str) {
    until(&format!("no {mark}"), || async {
        let found = browser.driver.find_all(thirtyfour::By::Css(format!("[data-test='{mark}']"))).await?;
        for one in found {
            anyhow::ensure!(!one.is_displayed().await?, "it is there");
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_a_customer_is_typing_is_seen_by_its_agent_alone_and_the_customer_is_told() {
    let both = pair::both_with(|acme, globex| {
        acme.configure_after("[console]\n", "preview = true").unwrap();
        globex.configure_after("[console]\n", "preview = true").unwrap();
    })
    .await;
    let browsers = Browsers::start().await.unwrap();
    let customer = story::customer(&browsers, &both.acme, "My stove leaks.").await.unwrap();
    let anna = story::agent(&browsers, &both.acme, "anna").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.shows("previewed", "before you send it").await.unwrap();
    customer.type_into("composer", "It is the bla").await.unwrap();
    anna.shows("preview", "It is the bla").await.unwrap();
    anna.pictures("console-preview").await.unwrap();
    customer.picture("widget-previewed").await.unwrap();
    // Emptied.
    customer.type_into("composer", &"\u{e003}".repeat(20)).await.unwrap();
    none(&anna, "preview").await;
    // Sent.
    customer.type_into("composer", "It is the blue one").await.unwrap();
    anna.shows("preview", "It is the blue one").await.unwrap();
    customer.click("send").await.unwrap();
    anna.shows("transcript", "It is the blue one").await.unwrap();
    none(&anna, "preview").await;
    // Handed over: Globex has it on as well, and gets nothing from Acme's customer.
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    story::transfer_to_server(&anna, "globex", "Repairs", "A leak.").await.unwrap();
    gus.pick_up().await.unwrap();
    customer.shows("state", "Gus").await.unwrap();
    none(&customer, "previewed").await;
    customer.say("composer", "Hello Gus").await.unwrap();
    let mut previews = 0;
    let said = |frame: &ServerFrame| match frame {
        ServerFrame::Preview { .. } => Some(false),
        ServerFrame::Entries { entries, .. } => {
            entries.iter().any(|entry| format!("{:?}", entry.body).contains("Hello Gus")).then_some(true)
        }
        _ => None,
    };
    while !gus.expect("what the customer says", said).await.unwrap() {
        previews += 1;
    }
    assert_eq!(previews, 0, "what is typed stays with the company whose widget it is");
}

#[tokio::test]
async fn where_it_is_off_nothing_of_it_is_passed_on_whatever_a_client_sends() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let (mut carla, chat, _) = Client::customer(&acme, &pair::verifier()).await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), chat);
    carla.send(&ClientFrame::Preview { text: "My sto".into() }).await.unwrap();
    carla.say(None, 9, "My stove leaks.").await.unwrap();
    let next = |frame: &ServerFrame| match frame {
        ServerFrame::Preview { .. } => Some(false),
        ServerFrame::Entries { entries, .. } => {
            entries.iter().any(|entry| format!("{:?}", entry.body).contains("leaks")).then_some(true)
        }
        _ => None,
    };
    assert!(anna.expect("the message", next).await.unwrap(), "nothing was shown before it");
}
