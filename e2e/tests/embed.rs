//! The chat on other people's websites: `examples/website-embed`, and pages that are worse than those.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::embed::Sites;
use baton_e2e::pair::reads;
use baton_protocol::model::{Body, ChatCard, EndReason, Event};
use baton_protocol::{ChatId, ClientFrame, ServerFrame};
use serde_json::{Value, json};

struct Scene {
    acme: Company,
    site: String,
    browsers: Browsers,
    _folder: tempfile::TempDir,
}

async fn scene(settings: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let sites = Sites::set_up(&acme, 0).await.unwrap();
    acme.configure(settings).unwrap();
    acme.start().await.unwrap();
    let site = sites.serve(&acme).unwrap();
    Scene { acme, site, browsers: Browsers::start().await.unwrap(), _folder: folder }
}

/// Asks in the open widget.
async fn ask(customer: &Browser, question: &str) {
    customer.find("question").await.unwrap();
    // The form does not ask for what the site has said.
    let nameless = "return document.getElementById('name').value === ''";
    if customer.script(nameless).await.unwrap() == json!(true) {
        customer.type_into("name", "Carla").await.unwrap();
    }
    customer.type_into("question", question).await.unwrap();
    customer.click("start").await.unwrap();
    customer.shows("message", question).await.unwrap();
}

async fn open(customer: &Browser) {
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
}

async fn open_on(customer: &Browser, address: &str) {
    customer.go(address).await.unwrap();
    open(customer).await;
}

async fn card(agent: &mut Client, what: &str, fits: impl Fn(&ChatCard) -> bool) {
    let seen = |frame: &ServerFrame| match frame {
        ServerFrame::CardChanged { card } | ServerFrame::Opened { card, .. } if fits(card) => Some(()),
        _ => None,
    };
    agent.expect(what, seen).await.unwrap();
}

async fn happens(agent: &mut Client, what: &str, fits: impl Fn(&Event) -> bool) {
    let seen = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => {
            entries.iter().any(|entry| matches!(&entry.body, Body::Event(event) if fits(event))).then_some(())
        }
        _ => None,
    };
    agent.expect(what, seen).await.unwrap();
}

#[tokio::test]
async fn u1_a_plain_site_has_the_chat_by_one_line_and_nothing_jumps() {
    let Scene { acme, site, browsers, _folder } = scene("").await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/plain/")).await.unwrap();
    customer
        .script(
            "window.jumps = 0; new PerformanceObserver((list) => { for (const it of list.getEntries()) jumps += it.value; }) \
             .observe({ type: 'layout-shift', buffered: true }); window.heard = []; \
             for (const name of ['open', 'close', 'unread', 'started', 'ended']) \
               addEventListener('baton:' + name, ({ detail }) => heard.push([name, detail ?? null])); \
             Baton('on', 'open', window.once = () => heard.push(['on'])); Baton('off', 'open', once);",
        )
        .await
        .unwrap();
    // By the page's own button, which called before the loader was there.
    customer.css("#ask").await.unwrap().click().await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("window").await.unwrap();
    ask(&customer, "Do you mend tents?").await;
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.leave().await.unwrap();
    customer.script("Baton('close')").await.unwrap();
    customer.returns("return heard.some(([name]) => name == 'close')", json!(true)).await.unwrap();
    anna.say(Some(chat), 1, "We do.").await.unwrap();
    customer.returns("return document.getElementById('unread').value", json!("1")).await.unwrap();
    customer.picture("embed-plain").await.unwrap();
    let heard = customer.script("return heard").await.unwrap();
    let names: Vec<&str> = heard.as_array().unwrap().iter().filter_map(|it| it[0].as_str()).collect();
    assert_eq!(names, ["open", "started", "close", "unread"], "{heard}");
    assert_eq!(customer.script("return jumps").await.unwrap(), json!(0));
    // On the next page it goes on, in the place that the page gives it.
    customer.go(&format!("{site}/plain/contact.html")).await.unwrap();
    customer.returns("return document.querySelectorAll('baton-chat iframe').length", json!(1)).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    customer.picture("embed-element").await.unwrap();
    // Back and forth in the browser's history: the page may come out of its cache as it was.
    customer.leave().await.unwrap();
    customer.driver.back().await.unwrap();
    customer.returns("return document.querySelectorAll('#ask').length", json!(1)).await.unwrap();
    customer.css("#ask").await.unwrap().click().await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("window").await.unwrap();
    anna.say(Some(chat), 2, "Send it in.").await.unwrap();
    customer.shows("message", "Send it in.").await.unwrap();
    customer.leave().await.unwrap();
    customer.driver.forward().await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.shows("message", "Send it in.").await.unwrap();
}

#[tokio::test]
async fn u1_a_strict_policy_and_a_hash_are_enough() {
    let Scene { acme, site, browsers, _folder } = scene("").await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/strict/")).await.unwrap();
    customer
        .script("window.broken = []; addEventListener('securitypolicyviolation', (it) => broken.push(it.violatedDirective))")
        .await
        .unwrap();
    open(&customer).await;
    ask(&customer, "Is this strict?").await;
    anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.leave().await.unwrap();
    assert_eq!(customer.script("return broken").await.unwrap(), json!([]));
    assert_eq!(
        customer.script("return document.scripts[0].integrity.slice(0, 7)").await.unwrap(),
        json!("sha384-")
    );
}

#[tokio::test]
async fn m5_a_single_page_app_keeps_the_chat_and_its_customer_is_vouched_for() {
    let Scene { acme, site, browsers, _folder } = scene("").await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/app/")).await.unwrap();
    // Before the loader is sure to be there.
    customer.css("[data-who=carla]").await.unwrap().click().await.unwrap();
    open(&customer).await;
    baton_e2e::until("the name that the site says", || async {
        let name = customer.script("return document.getElementById('name').value").await?;
        anyhow::ensure!(name == "Carla", "it is {name}");
        Ok(())
    })
    .await
    .unwrap();
    customer.type_into("question", "Where is my order?").await.unwrap();
    customer.click("start").await.unwrap();
    anna.pick_up().await.unwrap();
    happens(&mut anna, "who the site says it is", |event| {
        matches!(event, Event::Verified { site: by, subject } if *by == site && subject == "customer-carla")
    })
    .await;
    card(&mut anna, "the address that the site says", |card| card.customer.email == "carla@example.org")
        .await;
    customer.leave().await.unwrap();
    customer.css("a[href='/app/stoves']").await.unwrap().click().await.unwrap();
    let on = |url: String| move |card: &ChatCard| card.page.as_ref().is_some_and(|page| page.url == url);
    card(&mut anna, "the next page", on(format!("{site}/app/stoves"))).await;
    customer.driver.back().await.unwrap();
    card(&mut anna, "the page before", on(format!("{site}/app/"))).await;
    customer.enter_widget().await.unwrap();
    customer.shows("message", "Where is my order?").await.unwrap();
    // Dora logs on in the same browser: what Carla said is not hers to read (M4).
    customer.leave().await.unwrap();
    customer.css("[data-who=dora]").await.unwrap().click().await.unwrap();
    happens(&mut anna, "the end", |event| matches!(event, Event::Ended(EndReason::Customer))).await;
    open(&customer).await;
    baton_e2e::until("Dora's own form", || async {
        let name = customer.script("return document.getElementById('name').value").await?;
        anyhow::ensure!(name == "Dora", "it is {name}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(customer.texts("message").await.unwrap().concat(), "");
    ask(&customer, "And mine?").await;
    anna.pick_up().await.unwrap();
    happens(
        &mut anna,
        "Dora",
        |event| matches!(event, Event::Verified { subject, .. } if subject == "customer-dora"),
    )
    .await;
    // Logging out takes everything along.
    customer.leave().await.unwrap();
    customer.css("#out").await.unwrap().click().await.unwrap();
    customer
        .returns("return [typeof Baton, document.querySelectorAll('iframe').length]", json!(["undefined", 0]))
        .await
        .unwrap();
}

#[tokio::test]
async fn u1_nonsense_and_hostile_pages_are_answered_by_a_warning() {
    let Scene { acme, site, browsers, _folder } = scene("").await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/trial/hostile")).await.unwrap();
    open(&customer).await;
    ask(&customer, "Still here?").await;
    anna.pick_up().await.unwrap();
    customer.leave().await.unwrap();
    assert_eq!(customer.script("return document.querySelectorAll('iframe').length").await.unwrap(), json!(1));
    let said = customer.script("return said").await.unwrap();
    let said: Vec<&str> = said.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for wanted in [
        "batonSettings \"area\" is left out",
        "\"name\" is left out",
        "\"colour\" is left out",
        "\"fly\" is unknown",
    ] {
        assert!(said.iter().any(|line| line.contains(wanted)), "{wanted}: {said:?}");
    }
    // The page's own error stays the page's.
    assert!(said.iter().any(|line| line.contains("the page's own")), "{said:?}");
    let reasons = [
        ("identify", "'nonsense'", "not a JSON Web Token"),
        ("identify", "{ evil: true }", "not a JSON Web Token"),
        (
            "identify",
            "'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.AAAA'",
            "no key of the issuer",
        ),
    ];
    for (what, token, reason) in reasons {
        customer.script(&format!("said.length = 0; Baton('{what}', {token})")).await.unwrap();
        customer
            .returns(
                &format!(
                    "return said.some((line) => line.includes('{reason}') && line.includes('anonymous'))"
                ),
                json!(true),
            )
            .await
            .unwrap();
    }
    customer.enter_widget().await.unwrap();
    customer.say("composer", "Yes.").await.unwrap();
    customer.shows("message", "Yes.").await.unwrap();
}

#[tokio::test]
async fn u1_where_the_frame_is_blocked_a_link_stands_in_for_it() {
    let Scene { acme, site, browsers, _folder } = scene("").await;
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/trial/blocked")).await.unwrap();
    let link = customer.css("body ~ a").await.unwrap();
    assert_eq!(link.prop("href").await.unwrap(), Some(format!("{}/chat/", acme.url())));
    let said = customer.script("return said.join()").await.unwrap();
    assert!(said.as_str().unwrap().contains("frame-src"), "{said}");
    // And where it leads there is the chat.
    customer.go(&format!("{}/chat/", acme.url())).await.unwrap();
    customer.find("form").await.unwrap_err();
    customer.find("question").await.unwrap();
}

#[tokio::test]
async fn u1_without_storage_the_chat_lasts_as_long_as_the_page() {
    let Scene { acme, site, browsers, _folder } = scene("").await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let customer = browsers.open_without_storage(1200, 800).await.unwrap();
    customer.go(&format!("{site}/plain/")).await.unwrap();
    open(&customer).await;
    let storage = "try { localStorage.length; return 'there'; } catch { return 'blocked'; }";
    assert_eq!(customer.script(storage).await.unwrap(), json!("blocked"));
    ask(&customer, "Anybody there?").await;
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say(Some(chat), 1, "Yes.").await.unwrap();
    customer.shows("message", "Yes.").await.unwrap();
}

/// A customer on the page that counts, in a chat.
async fn counted(scene: &Scene, anna: &mut Client) -> (Browser, ChatId) {
    let customer = scene.browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{}/trial/counted", scene.site)).await.unwrap();
    open(&customer).await;
    ask(&customer, "For the record?").await;
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.leave().await.unwrap();
    assert!(customer.script("return held.listeners").await.unwrap().as_u64().unwrap() > 0, "it counts");
    (customer, chat)
}

/// Waits until the gateway has so many connections.
async fn returns_connections(scene: &Scene, count: usize) {
    baton_e2e::until("the gateway's connections", || async {
        let health = reqwest::get(format!("{}/healthz", scene.acme.address())).await?.text().await?;
        anyhow::ensure!(health.contains(&format!("connections {count}\n")), "{health}");
        Ok(())
    })
    .await
    .unwrap();
}

/// Nothing of ours is left: neither on the page nor in the frame's storage.
async fn nothing_left(scene: &Scene, customer: &Browser) {
    customer.returns("return [held.listeners, held.timers.size, held.sockets, document.querySelectorAll('iframe, html > a').length, \
         typeof Baton, history.pushState === before.push, history.replaceState === before.replace, \
         localStorage.length, sessionStorage.length]",
        json!([0, 0, 0, 0, "undefined", true, true, 0, 0])).await.unwrap();
    // The sockets were the frame's: the gateway has only the agent's.
    returns_connections(scene, 1).await;
    // The storage of the frame, as the site's next page finds it.
    customer.go(&format!("{}/plain/", scene.site)).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("launcher").await.unwrap();
    let kept =
        customer.script("return [Object.keys(localStorage), Object.keys(sessionStorage)]").await.unwrap();
    assert_eq!(kept, json!([[], []]));
}

#[tokio::test]
async fn m4_the_customer_ends_the_chat_and_nothing_is_left() {
    let scene = scene("").await;
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let (customer, _) = counted(&scene, &mut anna).await;
    customer.enter_widget().await.unwrap();
    customer.type_into("composer", "Half written").await.unwrap();
    customer.returns("return sessionStorage['baton-draft']", json!("Half written")).await.unwrap();
    customer.click("menu").await.unwrap();
    customer.click("end").await.unwrap();
    customer.find("over").await.unwrap();
    // What the customer has read may go with its window.
    customer.click("close").await.unwrap();
    customer.leave().await.unwrap();
    nothing_left(&scene, &customer).await;
}

#[tokio::test]
async fn m4_another_logon_by_the_site_ends_the_chat_and_nothing_is_left() {
    let scene = scene("").await;
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let (customer, _) = counted(&scene, &mut anna).await;
    customer.script("Baton('shutdown')").await.unwrap();
    happens(&mut anna, "the end", |event| matches!(event, Event::Ended(EndReason::Customer))).await;
    nothing_left(&scene, &customer).await;
}

#[tokio::test]
async fn m4_an_agents_command_ends_the_chat_and_nothing_is_left() {
    let scene = scene("").await;
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let (customer, chat) = counted(&scene, &mut anna).await;
    // With the window closed and nothing unread it goes by itself.
    customer.script("Baton('close')").await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    nothing_left(&scene, &customer).await;
}

#[tokio::test]
async fn m4_the_operators_command_ends_the_chat_and_nothing_is_left() {
    let scene = scene("").await;
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let (customer, chat) = counted(&scene, &mut anna).await;
    customer.script("Baton('close')").await.unwrap();
    scene.acme.baton(&["chat", "end", &chat.to_string()], "").unwrap();
    happens(&mut anna, "the end", |event| matches!(event, Event::Ended(EndReason::Server))).await;
    nothing_left(&scene, &customer).await;
}

#[tokio::test]
async fn m4_an_elapsed_time_ends_the_chat_and_nothing_is_left() {
    // The shortest that the settings know: one minute would be a long test, so nobody is there instead.
    let mut scene = scene("").await;
    scene.acme.stop().unwrap();
    scene.acme.configure_after("[presence]\n", "away_active_seconds = 1").unwrap();
    scene.acme.start().await.unwrap();
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let (customer, _) = counted(&scene, &mut anna).await;
    customer.script("Baton('close')").await.unwrap();
    customer.go(&format!("{}/trial/empty", scene.site)).await.unwrap();
    // The page lies in the browser's cache, for whoever goes back: its chat must not go on there.
    happens(&mut anna, "the end", |event| matches!(event, Event::Ended(EndReason::Elapsed))).await;
    // Whoever comes back finds the form, and nothing of the chat that was.
    customer.go(&format!("{}/trial/counted", scene.site)).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("launcher").await.unwrap();
    let kept = "return [Object.keys(localStorage), Object.keys(sessionStorage)]";
    customer.returns(kept, json!([[], []])).await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.find("question").await.unwrap();
    assert_eq!(customer.texts("message").await.unwrap().concat(), "");
    returns_connections(&scene, 1).await;
}

#[tokio::test]
async fn m4_a_set_time_ends_the_chat_and_nothing_is_left() {
    let mut scene = scene("").await;
    scene.acme.stop().unwrap();
    let at = clock(Duration::from_secs(25));
    scene.acme.configure_after("[end]\n", &format!("at = [\"{at}\"]")).unwrap();
    scene.acme.start().await.unwrap();
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let (customer, _) = counted(&scene, &mut anna).await;
    customer.script("Baton('close')").await.unwrap();
    baton_e2e::until("so late", || async {
        anyhow::ensure!(clock(Duration::ZERO) >= at, "not yet");
        Ok(())
    })
    .await
    .unwrap();
    happens(&mut anna, "the end", |event| matches!(event, Event::Ended(EndReason::SetTime))).await;
    nothing_left(&scene, &customer).await;
}

/// The time of day in UTC, so long from now.
fn clock(ahead: Duration) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let second = (now + ahead).as_secs() % (24 * 60 * 60);
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// As far as a headless Firefox has a keyboard: no window of its is active.
#[tokio::test]
async fn u1_the_main_path_in_firefox() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let customer = baton_e2e::firefox::Firefox::start().await.unwrap();
    customer.go(&format!("{}/", acme.site())).await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.type_into("name", "Carla\u{e004}\u{e004}").await.unwrap();
    customer.at("question").await.unwrap();
    customer.press("Do you mend tents?\u{e004}").await.unwrap();
    customer.at("start").await.unwrap();
    // A button is pressed by a key in an active window alone, which a headless Firefox does not have.
    customer.click("start").await.unwrap();
    customer.shows("message", "Do you mend tents?").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.at("composer").await.unwrap();
    anna.say(Some(chat), 1, "We do.").await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    // Escape closes the window, and the launcher is there again.
    customer.press("\u{e00c}").await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.at("composer").await.unwrap();
    // On the site's next page the conversation goes on.
    customer.go(&format!("{}/stoves.html", acme.site())).await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    customer.type_into("composer", "And stoves?\u{e007}").await.unwrap();
    reads(&mut anna, "And stoves?").await;
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.shows("over", "ended").await.unwrap();
}

#[tokio::test]
async fn h1_waiting_customers_get_what_the_area_has_to_say_and_may_correct_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let news = "\n[[area.announcement]]\ntitle = \"Sale\"\ntext = \"Until Monday.\"\n\n[[area.faq]]\nquestion = \"Abroad?\"\nanswer = \"Within Europe.\"\n";
    acme.configure_after("title = \"Sales\"\n", news).unwrap();
    acme.start().await.unwrap();
    let verifier = baton_protocol::Verifier::from_bytes([7; 32]);
    let (mut customer, _, token) = Client::customer(&acme, &verifier).await.unwrap();
    let content = |frame: &ServerFrame| match frame {
        ServerFrame::Holding { content } => Some(content.clone()),
        _ => None,
    };
    let holding = customer.expect("what there is to read", content).await.unwrap();
    assert_eq!((holding.announcements[0].title.as_str(), holding.faqs.len()), ("Sale", 1));
    assert_eq!(holding.known, None, "nobody has said anything about this customer");
    // A widget that is loaded anew has forgotten it.
    let mut customer = Client::resume(&acme, token, 1, 0).await.unwrap();
    customer.expect("the same again", content).await.unwrap();
}

#[tokio::test]
async fn u1_several_windows_of_a_site_are_one_conversation_live_in_all() {
    let scene = scene("").await;
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let customer = scene.browsers.open(1200, 800).await.unwrap();
    open_on(&customer, &format!("{}/plain/", scene.site)).await;
    ask(&customer, "Do you mend tents?").await;
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    let first = customer.driver.window().await.unwrap();
    let second = customer.driver.new_window().await.unwrap();
    customer.driver.switch_to_window(second.clone()).await.unwrap();
    open_on(&customer, &format!("{}/plain/", scene.site)).await;
    customer.shows("message", "Do you mend tents?").await.unwrap();
    anna.say(Some(chat), 1, "We do.").await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    for (window, other, text) in [(&first, &second, "From the first."), (&second, &first, "From the second.")]
    {
        customer.driver.switch_to_window(window.clone()).await.unwrap();
        customer.enter_widget().await.unwrap();
        customer.shows("message", "We do.").await.unwrap();
        customer.say("composer", text).await.unwrap();
        reads(&mut anna, text).await;
        customer.driver.switch_to_window(other.clone()).await.unwrap();
        customer.enter_widget().await.unwrap();
        customer.shows("message", text).await.unwrap();
        customer.shows("state", "Anna").await.unwrap();
    }
    // One of them is closed, and the other goes on.
    customer.driver.switch_to_window(second).await.unwrap();
    customer.driver.close_window().await.unwrap();
    customer.driver.switch_to_window(first).await.unwrap();
    customer.enter_widget().await.unwrap();
    anna.say(Some(chat), 2, "Send it in.").await.unwrap();
    customer.shows("message", "Send it in.").await.unwrap();
    let all = customer.texts("message").await.unwrap();
    assert_eq!(all.iter().filter(|text| text.contains("From the")).count(), 2, "{all:?}");
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.shows("over", "ended").await.unwrap();
}

#[tokio::test]
async fn u1_emoji_sound_and_the_conversation_as_a_file() {
    let scene = scene("").await;
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let customer = scene.browsers.open(1200, 800).await.unwrap();
    open_on(&customer, &format!("{}/plain/", scene.site)).await;
    ask(&customer, "Do you mend tents?").await;
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    // An emoji goes where the caret is.
    customer.type_into("composer", "Thanks").await.unwrap();
    customer.click("emoji").await.unwrap();
    customer.css("#emoji [aria-label='thumbs up']").await.unwrap().click().await.unwrap();
    customer.say("composer", "!").await.unwrap();
    reads(&mut anna, "Thanks👍!").await;
    // Every tone is counted; a message rings while nobody looks at the chat, and not when the sound is off.
    let count = "window.tones = 0; const Tone = OscillatorNode; \
        window.OscillatorNode = class extends Tone { constructor(...how) { super(...how); tones++; } };";
    customer.script(count).await.unwrap();
    let away = || async {
        customer.leave().await.unwrap();
        customer.css("h1").await.unwrap().click().await.unwrap();
        customer.enter_widget().await.unwrap();
    };
    away().await;
    anna.say(Some(chat), 1, "Certainly.").await.unwrap();
    customer.returns("return tones", json!(2)).await.unwrap();
    customer.click("menu").await.unwrap();
    customer.click("sound").await.unwrap();
    assert_eq!(customer.script("return localStorage['baton-quiet']").await.unwrap(), json!("1"));
    away().await;
    anna.say(Some(chat), 2, "Send it in.").await.unwrap();
    customer.shows("message", "Send it in.").await.unwrap();
    assert_eq!(customer.script("return tones").await.unwrap(), json!(2));
    // The file is what has been said.
    customer
        .script(
            "window.saved = ''; const make = URL.createObjectURL; HTMLAnchorElement.prototype.click = function () { saved = this.download + '\\n' + saved; }; \
             URL.createObjectURL = (blob) => { blob.text().then((text) => saved += text); return make(blob); };",
        )
        .await
        .unwrap();
    customer.click("menu").await.unwrap();
    customer.click("save").await.unwrap();
    customer
        .returns("return /^chat-.*txt/.test(saved) && saved.includes('Anna: Send it in.')", json!(true))
        .await
        .unwrap();
    let saved = customer.script("return saved").await.unwrap();
    let saved = saved.as_str().unwrap();
    for line in ["Acme Outdoor", "You: Do you mend tents?", "You: Thanks👍!", "Anna: Certainly."] {
        assert!(saved.contains(line), "{line}: {saved}");
    }
    // The wish for silence goes with the chat (M4).
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.shows("over", "ended").await.unwrap();
    assert_eq!(customer.script("return Object.keys(localStorage)").await.unwrap(), json!([]));
}

#[tokio::test]
async fn u1_a_survey_is_answered_once_and_read_by_whoever_had_the_chat() {
    let mut scene = scene("").await;
    scene.acme.stop().unwrap();
    scene.acme.configure_after("[end]\n", "survey = true").unwrap();
    scene.acme.start().await.unwrap();
    let mut anna = Client::agent(&scene.acme, "anna").await.unwrap();
    let customer = scene.browsers.open(1200, 800).await.unwrap();
    open_on(&customer, &format!("{}/plain/", scene.site)).await;
    ask(&customer, "Do you mend tents?").await;
    let chat = anna.pick_up().await.unwrap();
    anna.say(Some(chat), 1, "We do.").await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.shows("survey", "How was it?").await.unwrap();
    baton_e2e::axe::check(&customer, "the survey").await.unwrap();
    customer.picture("widget-survey").await.unwrap();
    customer.css("#scores label:nth-child(4)").await.unwrap().click().await.unwrap();
    customer.type_into("survey-text", "Quick <b>answer</b>.").await.unwrap();
    customer.click("survey-send").await.unwrap();
    customer.shows("survey-told", "Thank you").await.unwrap();
    anna.send(&ClientFrame::ReadClosed { chat }).await.unwrap();
    let note = Body::Note("Survey: 4 of 5. Quick <b>answer</b>.".into());
    let noted = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => entries.iter().any(|entry| entry.body == note).then_some(()),
        _ => None,
    };
    anna.expect("the note", noted).await.unwrap();
}

/// What the browser counts as long, tasks of 50 ms and more, on the page and in the frame. A machine that does something else at
/// the same time makes any task long; work that is too much is so in every browser that has just been started.
#[tokio::test]
async fn u1_no_task_blocks_the_main_thread_for_50_ms() {
    const WATCH: &str = "window.long = []; new PerformanceObserver((list) => \
        list.getEntries().forEach(({ duration }) => long.push(duration))).observe({ type: 'longtask', buffered: true })";
    const BROWSERS: usize = 5;
    let Scene { site, _folder, acme: _acme, .. } = scene("").await;
    let mut seen = Vec::new();
    for _ in 0..BROWSERS {
        let browsers = Browsers::start().await.unwrap();
        let customer = browsers.open(1200, 800).await.unwrap();
        customer.go(&format!("{site}/plain/")).await.unwrap();
        customer.script(WATCH).await.unwrap();
        customer.enter_widget().await.unwrap();
        customer.script(WATCH).await.unwrap();
        customer.click("launcher").await.unwrap();
        customer.find("question").await.unwrap();
        // The last of the later parts is there.
        customer.returns("return document.querySelectorAll('#faces').length", json!(1)).await.unwrap();
        let frame = customer.script("return long").await.unwrap();
        customer.leave().await.unwrap();
        let page = customer.script("return long").await.unwrap();
        if (&page, &frame) == (&json!([]), &json!([])) {
            return;
        }
        seen.push((page, frame));
    }
    panic!("in each of {BROWSERS} browsers: {seen:?}");
}

/// Called before the loader has come and after it, each command does what it says and each event comes, on both ways.
#[tokio::test]
async fn u1_every_call_works_before_the_loader_has_come_and_every_event_comes() {
    let Scene { acme, site, browsers, _folder } = scene("").await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/trial/queued")).await.unwrap();
    customer.returns("return heard.includes('call open')", json!(true)).await.unwrap();
    customer.enter_widget().await.unwrap();
    // `update` said the name, `open` opened the window, `toggle` twice left it so.
    customer.find("question").await.unwrap();
    assert_eq!(
        customer.script("return document.getElementById('name').value").await.unwrap(),
        json!("Carla")
    );
    customer.type_into("question", "In time?").await.unwrap();
    customer.click("start").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    customer.leave().await.unwrap();
    customer.script("Baton('toggle')").await.unwrap();
    customer.returns("return heard.filter((it) => it == 'dom close').length", json!(2)).await.unwrap();
    customer.script("Baton('off', 'open', window.told)").await.unwrap();
    anna.say(Some(chat), 1, "Yes.").await.unwrap();
    customer.returns("return heard.includes('dom unread 1')", json!(true)).await.unwrap();
    customer.script("Baton('toggle')").await.unwrap();
    customer.returns("return heard.includes('dom unread 0')", json!(true)).await.unwrap();
    customer.script("Baton('close')").await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.returns("return heard.includes('call gone')", json!(true)).await.unwrap();
    let heard = customer.script("return heard").await.unwrap();
    let once = |what: &str| heard.as_array().unwrap().iter().filter(|it| *it == what).count();
    for what in
        ["dom ready", "call ready", "dom started Acme Outdoor", "call started Acme Outdoor", "dom ended"]
    {
        assert_eq!(once(what), 1, "{what}: {heard}");
    }
    assert_eq!(once("dom open"), once("call open") + 1, "the last time nobody listened: {heard}");
    assert_eq!(once("never"), 0, "what was taken off again: {heard}");
    assert_eq!(customer.script("return typeof Baton").await.unwrap(), json!("undefined"));
}
