//! What stands in the chat's way on other people's pages and in other people's browsers: private windows, blocked storage,
//! policies, gateways that do not answer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::Browser;
use baton_e2e::client::Client;
use baton_e2e::embed::{Shop, shop};
use baton_e2e::pair::reads;
use baton_e2e::{axe, story};
use baton_protocol::ClientFrame;
use serde_json::json;

/// A chat from its first question to its end, and over a page of the site's own.
async fn whole_chat(customer: &Browser, anna: &mut Client, pages: [&str; 2], framed: bool) {
    customer.go(pages[0]).await.unwrap();
    customer.enter(framed).await.unwrap();
    customer.click("launcher").await.unwrap();
    story::ask(customer, "Is this private?").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say(Some(chat), 1, "It is.").await.unwrap();
    customer.shows("message", "It is.").await.unwrap();
    customer.go(pages[1]).await.unwrap();
    customer.enter(framed).await.unwrap();
    customer.shows("message", "It is.").await.unwrap();
    customer.say("composer", "Still here.").await.unwrap();
    reads(anna, "Still here.").await;
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("over").await.unwrap();
}

const KEPT: &str = "return [Object.keys(localStorage), Object.keys(sessionStorage)]";

#[tokio::test]
async fn u1_in_a_private_window_the_chat_lasts_and_ends_and_nothing_is_left() {
    let Shop { acme, site, browsers, .. } = &shop(|_| ()).await.unwrap();
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    let customer = browsers.open_private(1200, 800).await.unwrap();
    for (pages, framed) in [(["plain/", "plain/contact.html"], true), (["shadow/", "shadow/contact"], false)]
    {
        let pages = pages.map(|page| format!("{site}/{page}"));
        whole_chat(&customer, &mut anna, [&pages[0], &pages[1]], framed).await;
        customer.leave().await.unwrap();
        customer.script("Baton('shutdown')").await.unwrap();
        let left =
            "return [typeof Baton, document.querySelectorAll('iframe, html > div, baton-chat > *').length]";
        customer.returns(left, json!(["undefined", 0])).await.unwrap();
        // Neither with the site nor with the gateway, whose own page sees what its frame has stored.
        assert_eq!(customer.script(KEPT).await.unwrap(), json!([[], []]));
        customer.go(&format!("{}/chat/", acme.url())).await.unwrap();
        customer.find("question").await.unwrap();
        assert_eq!(customer.script(KEPT).await.unwrap(), json!([[], ["baton-open"]]));
        customer.script("sessionStorage.clear()").await.unwrap();
    }
}

#[tokio::test]
async fn u1_a_private_window_forgets_a_chat_that_goes_on() {
    let Shop { acme, site, browsers, .. } = &shop(|_| ()).await.unwrap();
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    let page = format!("{site}/plain/");
    let customer = browsers.open_private(1200, 800).await.unwrap();
    customer.go(&page).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    story::ask(&customer, "Is this private?").await.unwrap();
    anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.driver.close_window().await.unwrap();
    let another = browsers.open_private(1200, 800).await.unwrap();
    another.go(&page).await.unwrap();
    another.enter_widget().await.unwrap();
    another.click("launcher").await.unwrap();
    another.find("question").await.unwrap();
    assert_eq!(another.texts("message").await.unwrap().concat(), "");
}

#[tokio::test]
async fn u1_with_storage_of_other_sites_blocked_the_chat_works_on_them() {
    let Shop { acme, foreign, browsers, .. } = &shop(|_| ()).await.unwrap();
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    let customer = browsers.open_without_foreign_storage(1200, 800).await.unwrap();
    customer.go(&format!("{foreign}/plain/")).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    story::ask(&customer, "Anybody there?").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say(Some(chat), 1, "Yes.").await.unwrap();
    customer.shows("message", "Yes.").await.unwrap();
    // What the frame stores is this one site's, and lasts.
    customer.leave().await.unwrap();
    customer.driver.refresh().await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.shows("message", "Yes.").await.unwrap();
    customer.say("composer", "Still here.").await.unwrap();
    reads(&mut anna, "Still here.").await;
}

#[tokio::test]
async fn u1_a_page_is_loaded_whatever_the_gateway_does_and_then_shows_an_address() {
    let Shop { site, browsers, .. } = &shop(|_| ()).await.unwrap();
    for page in ["silent", "silent-shadow"] {
        let customer = browsers.open(1200, 800).await.unwrap();
        customer.go(&format!("{site}/trial/{page}")).await.unwrap();
        // The page has been loaded before the chat is waited for at all.
        let loaded = "const [it] = performance.getEntriesByType('navigation'); return it.loadEventEnd > 0 && !!window.Baton";
        assert_eq!(customer.script(loaded).await.unwrap(), json!(true));
        customer.script("addEventListener('baton:unavailable', () => window.told = true)").await.unwrap();
        let link = customer.css("body ~ a").await.unwrap();
        assert_eq!(link.prop("href").await.unwrap(), Some("mailto:help@acme.example".into()));
        assert_eq!(link.text().await.unwrap(), "help@acme.example");
        assert_eq!(
            customer.script("return [told, document.querySelectorAll('iframe').length]").await.unwrap(),
            json!([true, 0])
        );
        customer.picture(&format!("blocked-{page}")).await.unwrap();
        // Logging out takes the link along.
        customer.script("Baton('shutdown')").await.unwrap();
        customer
            .returns(
                "return [typeof Baton, document.querySelectorAll('html > a').length]",
                json!(["undefined", 0]),
            )
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn u1_a_page_that_is_never_loaded_gets_the_chat_all_the_same_and_leaves_nothing_when_it_is_over() {
    let Shop { site, browsers, .. } = &shop(|_| ()).await.unwrap();
    let customer = browsers.open_impatient(1200, 800).await.unwrap();
    customer.go(&format!("{site}/trial/hanging")).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.find("question").await.unwrap();
    customer.leave().await.unwrap();
    assert_eq!(customer.script("return document.readyState").await.unwrap(), json!("interactive"));
    customer.script("Baton('shutdown')").await.unwrap();
    let left = "return [typeof Baton, document.querySelectorAll('iframe').length]";
    customer.returns(left, json!(["undefined", 0])).await.unwrap();
}

#[tokio::test]
async fn u1_a_link_of_the_pages_own_opens_the_chat_or_leads_to_it() {
    let Shop { acme, site, browsers, .. } = &shop(|_| ()).await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    let page = format!("{site}/trial/linked");
    customer.go(&page).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("launcher").await.unwrap();
    customer.leave().await.unwrap();
    customer.css("p a").await.unwrap().click().await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("question").await.unwrap();
    // Whoever has opened it goes on there.
    customer
        .returns("return [document.hasFocus(), document.activeElement.id]", json!([true, "name"]))
        .await
        .unwrap();
    assert_eq!(customer.driver.current_url().await.unwrap().as_str(), page);
    // Where no script of ours runs, the same link is the way.
    customer.go(&format!("{site}/trial/unloaded")).await.unwrap();
    assert_eq!(customer.script("return typeof Baton").await.unwrap(), json!("undefined"));
    customer.css("p a").await.unwrap().click().await.unwrap();
    customer.find("question").await.unwrap();
    assert_eq!(customer.driver.current_url().await.unwrap().as_str(), format!("{}/chat/", acme.url()));
}

#[tokio::test]
async fn u1_in_shadow_mode_a_policy_without_the_module_is_answered_by_a_link() {
    let Shop { acme, site, browsers, .. } = &shop(|_| ()).await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/trial/no-module")).await.unwrap();
    let link = customer.css("body ~ a").await.unwrap();
    assert_eq!(link.prop("href").await.unwrap(), Some(format!("{}/chat/", acme.url())));
    assert_eq!(
        customer.script("return document.querySelectorAll('html > div').length").await.unwrap(),
        json!(0)
    );
}

#[tokio::test]
async fn u1_in_shadow_mode_a_policy_without_the_socket_leaves_a_message_and_a_link() {
    let Shop { acme, site, browsers, .. } = &shop(|_| ()).await.unwrap();
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/trial/no-socket")).await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.click("launcher").await.unwrap();
    story::ask(&customer, "My stove leaks.").await.unwrap();
    customer.shows("unreached", "cannot be reached").await.unwrap();
    let link = customer.css("#holding a").await.unwrap();
    assert_eq!(link.prop("href").await.unwrap(), Some(format!("{}/chat/", acme.url())));
    customer.click("instead").await.unwrap();
    customer.type_into("instead-email", "carla@example.org").await.unwrap();
    axe::check(&customer, "a message instead, in the page").await.unwrap();
    customer.picture("blocked-no-socket").await.unwrap();
    customer.click("instead-send").await.unwrap();
    customer.find("over").await.unwrap();
    customer.shows("holding", "We will write to you").await.unwrap();
    anna.pick_up().await.unwrap();
    reads(&mut anna, "My stove leaks.").await;
}
