//! The chat as an element of the site's own page, without a frame: `data-mode="shadow"`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_e2e::embed::Sites;
use baton_e2e::firefox::Firefox;
use baton_e2e::pair::{hand_over, reads, stage};
use baton_e2e::{axe, story, until};
use baton_protocol::model::{Body, EndReason, Event, Stage};
use baton_protocol::{ChatId, ClientFrame, ServerFrame};
use serde_json::{Value, json};

struct Scene {
    acme: Company,
    site: String,
    browsers: Browsers,
    anna: Client,
    _folder: tempfile::TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let sites = Sites::set_up(&acme, 0).await.unwrap();
    acme.configure_after("[end]\n", "survey = true").unwrap();
    acme.start().await.unwrap();
    let site = sites.serve(&acme).unwrap();
    let anna = Client::agent(&acme, "anna").await.unwrap();
    Scene { acme, site, browsers: Browsers::start().await.unwrap(), anna, _folder: folder }
}

/// What a script on the widget's root returns.
async fn inside(page: &Browser, script: &str) -> Value {
    let root = "const root = document.querySelector('html > div, baton-chat > div')?.shadowRoot;";
    page.script(&format!("{root} {script}")).await.unwrap()
}

async fn open(customer: &Browser, address: &str) {
    customer.go(address).await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.click("launcher").await.unwrap();
}

/// A customer whom Anna has picked up.
async fn with_anna(browsers: &Browsers, site: &str, anna: &mut Client) -> (Browser, ChatId) {
    let customer = browsers.open(1200, 800).await.unwrap();
    open(&customer, &format!("{site}/shadow/")).await;
    story::ask(&customer, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    (customer, chat)
}

async fn ends(agent: &mut Client) {
    let ended = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => entries
            .iter()
            .any(|entry| entry.body == Body::Event(Event::Ended(EndReason::Customer)))
            .then_some(()),
        _ => None,
    };
    agent.expect("the end", ended).await.unwrap();
}

const VIOLATIONS: &str = "window.broken = []; addEventListener('securitypolicyviolation', (it) => broken.push(it.violatedDirective))";

#[tokio::test]
async fn u1_a_strict_policy_is_enough_in_shadow_mode_and_reload_and_history_keep_the_chat() {
    let Scene { site, browsers, anna, .. } = &mut scene().await;
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/shadow/")).await.unwrap();
    customer.script(VIOLATIONS).await.unwrap();
    customer
        .script(
            "window.keys = 0; window.jumps = 0; window.heard = []; addEventListener('keydown', () => keys++); \
             document.addEventListener('paste', () => keys++); \
             new PerformanceObserver((list) => { for (const { sources } of list.getEntries()) \
               jumps += sources.filter(({ node }) => node && document.body.contains(node)).length; }) \
             .observe({ type: 'layout-shift', buffered: true }); \
             for (const name of ['open', 'close', 'unread', 'started']) \
               addEventListener('baton:' + name, ({ detail }) => heard.push([name, detail ?? null]));",
        )
        .await
        .unwrap();
    customer.enter_shadow().await.unwrap();
    axe::check(&customer, "the launcher in the page").await.unwrap();
    customer.click("launcher").await.unwrap();
    axe::check(&customer, "the form in the page").await.unwrap();
    story::ask(&customer, "Is this strict?").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say(Some(chat), 1, "It is.").await.unwrap();
    customer.shows("message", "It is.").await.unwrap();
    axe::check(&customer, "the chat in the page").await.unwrap();
    customer.picture("shadow-strict").await.unwrap();
    assert_eq!(customer.script("return [broken, keys, jumps]").await.unwrap(), json!([[], 0, 0]));
    assert_eq!(customer.script("return document.querySelectorAll('iframe').length").await.unwrap(), 0);
    customer.script("Baton('close')").await.unwrap();
    customer.returns("return heard.some(([name]) => name === 'close')", json!(true)).await.unwrap();
    anna.say(Some(chat), 2, "Still there?").await.unwrap();
    let heard = "return [heard[0], heard[1], heard.at(-2), heard.at(-1)]";
    let wanted = json!([["open", null], ["started", "Acme Outdoor"], ["close", null], ["unread", 1]]);
    customer.returns(heard, wanted).await.unwrap();
    customer.driver.refresh().await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.click("launcher").await.unwrap();
    customer.shows("message", "Still there?").await.unwrap();
    customer.leave().await.unwrap();
    customer.css("a[href='/shadow/contact']").await.unwrap().click().await.unwrap();
    customer.returns("return location.pathname", json!("/shadow/contact")).await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.say("composer", "On the next page.").await.unwrap();
    reads(anna, "On the next page.").await;
    customer.driver.back().await.unwrap();
    customer.returns("return location.pathname", json!("/shadow/")).await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.shows("message", "On the next page.").await.unwrap();
    customer.say("composer", "And back.").await.unwrap();
    reads(anna, "And back.").await;
    customer.driver.forward().await.unwrap();
    customer.returns("return location.pathname", json!("/shadow/contact")).await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.shows("message", "And back.").await.unwrap();
}

#[tokio::test]
async fn u1_styles_of_the_page_stay_outside_and_ours_inside() {
    let Scene { site, browsers, .. } = &scene().await;
    let customer = browsers.open(1200, 800).await.unwrap();
    open(&customer, &format!("{site}/trial/ugly")).await;
    customer.find("question").await.unwrap();
    let looks = "const of = (id) => getComputedStyle(root.getElementById(id)); const box = root.getElementById('window').getBoundingClientRect(); \
        return [of('greeting').fontSize, of('greeting').direction, of('window').backgroundColor, box.width, box.height, \
        innerWidth - box.right, innerHeight - box.bottom]";
    until("the window in its place", || async {
        let found = inside(&customer, looks).await;
        anyhow::ensure!(found == json!(["20px", "ltr", "rgb(255, 255, 255)", 384, 600, 16, 16]), "{found}");
        Ok(())
    })
    .await
    .unwrap();
    customer.picture("shadow-ugly").await.unwrap();
    // The page is as it would be without us.
    let page = "const of = getComputedStyle(document.querySelector('p')); return [of.display, of.color, of.fontSize]";
    assert_eq!(customer.script(page).await.unwrap(), json!(["none", "rgb(255, 0, 0)", "40px"]));
    assert_eq!(customer.script("return document.adoptedStyleSheets.length").await.unwrap(), 0);
}

#[tokio::test]
async fn u1_what_is_beside_the_socket_works_from_the_sites_own_page() {
    let Scene { acme, site, browsers, anna, .. } = &mut scene().await;
    let customer = browsers.open(1200, 800).await.unwrap();
    open(&customer, &format!("{site}/trial/shadow")).await;
    // The token goes to the gateway, and its answer comes back.
    customer.script("Baton('identify', 'nonsense')").await.unwrap();
    let told =
        "return said.some((line) => line.includes('not a JSON Web Token') && line.includes('anonymous'))";
    customer.returns(told, json!(true)).await.unwrap();
    story::ask(&customer, "Do you mend tents?").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    // A file by the button's own field.
    let file = tempfile::Builder::new().prefix("tent").suffix(".txt").tempfile().unwrap();
    std::fs::write(file.path(), "torn").unwrap();
    until("the part that sends files", || async {
        let there = inside(&customer, "return !!root.getElementById('faces')").await;
        anyhow::ensure!(there == json!(true), "not yet");
        Ok(())
    })
    .await
    .unwrap();
    inside(&customer, "root.getElementById('file').hidden = false; return 0").await;
    customer.type_into("file", file.path().to_str().unwrap()).await.unwrap();
    customer.shows("download", "tent").await.unwrap();
    anna.say(Some(chat), 1, "We do.").await.unwrap();
    customer.shows("message", "We do.").await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.shows("survey", "How was it?").await.unwrap();
    customer.css("#scores label:nth-child(5)").await.unwrap().click().await.unwrap();
    customer.click("survey-send").await.unwrap();
    customer.shows("survey-told", "Thank you").await.unwrap();
    // Another page of the world gets none of this: neither the settings, nor what is beside the socket.
    let client = reqwest::Client::new();
    for (origin, permitted) in [(site.as_str(), true), ("https://evil.example", false)] {
        let page = client.get(format!("{}/widget/", acme.address())).header("origin", origin);
        let ask = client
            .request(reqwest::Method::OPTIONS, format!("{}/v1/messages", acme.address()))
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        for request in [page, ask] {
            let answer = request.send().await.unwrap();
            let allowed = answer.headers().get("access-control-allow-origin");
            assert_eq!(allowed.map(|name| name.to_str().unwrap()), permitted.then_some(origin));
        }
    }
}

#[tokio::test]
async fn u1_where_the_policy_forbids_what_it_needs_a_link_stands_in_for_it() {
    let Scene { acme, site, browsers, .. } = &scene().await;
    let customer = browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{site}/trial/shut")).await.unwrap();
    let link = customer.css("body ~ a").await.unwrap();
    assert_eq!(link.prop("href").await.unwrap(), Some(format!("{}/chat/", acme.url())));
    let said = customer.script("return said.join()").await.unwrap();
    assert!(said.as_str().unwrap().contains("connect-src"), "{said}");
}

#[tokio::test]
async fn u1_in_shadow_mode_without_storage_the_chat_lasts_as_long_as_the_page() {
    let Scene { site, browsers, anna, .. } = &mut scene().await;
    let customer = browsers.open_without_storage(1200, 800).await.unwrap();
    open(&customer, &format!("{site}/shadow/")).await;
    story::ask(&customer, "Anybody there?").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say(Some(chat), 1, "Yes.").await.unwrap();
    customer.shows("message", "Yes.").await.unwrap();
}

#[tokio::test]
async fn u1_shadow_mode_in_firefox() {
    let Scene { site, anna, .. } = &mut scene().await;
    let mut customer = Firefox::start().await.unwrap();
    customer.without_frame();
    customer.go(&format!("{site}/shadow/")).await.unwrap();
    customer.ask("Is this strict?").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    anna.say(Some(chat), 1, "It is.").await.unwrap();
    customer.shows("message", "It is.").await.unwrap();
    customer.go(&format!("{site}/shadow/contact")).await.unwrap();
    customer.shows("message", "It is.").await.unwrap();
    customer.type_into("composer", "And here?\u{e007}").await.unwrap();
    reads(anna, "And here?").await;
}

#[tokio::test]
async fn u1_several_windows_in_shadow_mode_are_one_conversation() {
    let Scene { site, browsers, anna, .. } = &mut scene().await;
    let customer = browsers.open(1200, 800).await.unwrap();
    let address = format!("{site}/shadow/");
    open(&customer, &address).await;
    story::ask(&customer, "Do you mend tents?").await.unwrap();
    anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    let first = customer.driver.window().await.unwrap();
    let second = customer.driver.new_window().await.unwrap();
    customer.driver.switch_to_window(second.clone()).await.unwrap();
    open(&customer, &address).await;
    customer.shows("message", "Do you mend tents?").await.unwrap();
    for (window, other, text) in [(&first, &second, "From the first."), (&second, &first, "From the second.")]
    {
        customer.driver.switch_to_window(window.clone()).await.unwrap();
        customer.enter_shadow().await.unwrap();
        customer.say("composer", text).await.unwrap();
        reads(anna, text).await;
        customer.driver.switch_to_window(other.clone()).await.unwrap();
        customer.enter_shadow().await.unwrap();
        customer.shows("message", text).await.unwrap();
        customer.shows("state", "Anna").await.unwrap();
    }
    customer.driver.switch_to_window(second).await.unwrap();
    customer.driver.close_window().await.unwrap();
    customer.driver.switch_to_window(first).await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.say("composer", "Alone again.").await.unwrap();
    reads(anna, "Alone again.").await;
}

#[tokio::test]
async fn m4_in_shadow_mode_shutdown_leaves_nothing_and_an_element_can_come_back() {
    let Scene { acme, site, browsers, anna, .. } = &mut scene().await;
    let customer = browsers.open(1200, 800).await.unwrap();
    open(&customer, &format!("{site}/trial/shadow")).await;
    story::ask(&customer, "For the record?").await.unwrap();
    anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    // Moved into a place of the page's own, and taken off it and put back, as single-page apps do.
    customer
        .script(
            "window.place = document.createElement('baton-chat'); place.style.height = '500px'; \
             document.body.append(place); return 0",
        )
        .await
        .unwrap();
    customer.enter_shadow().await.unwrap();
    customer.shows("message", "For the record?").await.unwrap();
    assert_eq!(customer.script("return document.querySelectorAll('html > div').length").await.unwrap(), 0);
    customer.script("place.remove(); document.body.append(place)").await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.shows("message", "For the record?").await.unwrap();
    customer.say("composer", "Still here.").await.unwrap();
    reads(anna, "Still here.").await;
    customer.leave().await.unwrap();
    customer.script("Baton('shutdown')").await.unwrap();
    ends(anna).await;
    customer.returns("return [held.kept(), held.timers.size, document.querySelectorAll('html > div, html > a, baton-chat *').length, \
         typeof Baton, history.pushState === before.push, history.replaceState === before.replace, \
         Object.keys(localStorage), Object.keys(sessionStorage)]",
        json!([[], 0, 0, "undefined", true, true, [], []])).await.unwrap();
    let locks = "const done = arguments[arguments.length - 1]; \
        navigator.locks.query().then(({ held, pending }) => done(held.length + pending.length))";
    assert_eq!(customer.driver.execute_async(locks, vec![]).await.unwrap().json(), &json!(0));
    until("the gateway's connections", || async {
        let health = reqwest::get(format!("{}/healthz", acme.address())).await?.text().await?;
        anyhow::ensure!(health.contains("connections 1\n"), "{health}");
        Ok(())
    })
    .await
    .unwrap();
}

struct Both {
    site: String,
    globex: Company,
    browsers: Browsers,
    anna: Client,
    gus: Client,
    _acme: Company,
    _folder: tempfile::TempDir,
}

/// Two companies; Acme's site knows of the other one, or its policy was written before that.
async fn both(known: bool) -> Both {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    let sites = Sites::set_up(&acme, 0).await.unwrap();
    acme.start().await.unwrap();
    globex.start().await.unwrap();
    let mut sites = Some(sites);
    let mut site = String::new();
    if !known {
        site = sites.take().unwrap().serve(&acme).unwrap();
    }
    acme.trust(&globex, "in-place").unwrap();
    globex.trust(&acme, "in-place").unwrap();
    if let Some(sites) = sites {
        site = sites.serve(&acme).unwrap();
    }
    let anna = Client::agent(&acme, "anna").await.unwrap();
    let gus = Client::agent(&globex, "gus").await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    Both { site, globex, browsers, anna, gus, _acme: acme, _folder: folder }
}

#[tokio::test]
async fn m2_in_shadow_mode_a_transfer_in_place_stays_on_the_page() {
    let Both { site, globex, browsers, anna, gus, .. } = &mut both(true).await;
    let customer = browsers.open(1200, 800).await.unwrap();
    open(&customer, &format!("{site}/shadow/")).await;
    customer.script(VIOLATIONS).await.unwrap();
    story::ask(&customer, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    hand_over(anna, chat).await;
    customer.shows("brand", globex.plan().title).await.unwrap();
    stage(anna, Stage::Arrived).await;
    gus.pick_up().await.unwrap();
    customer.say("composer", "It is an Ember.").await.unwrap();
    reads(gus, "It is an Ember.").await;
    assert_eq!(customer.script("return broken").await.unwrap(), json!([]));
    customer.picture("shadow-transferred").await.unwrap();
    customer.driver.refresh().await.unwrap();
    customer.enter_shadow().await.unwrap();
    customer.shows("brand", globex.plan().title).await.unwrap();
    customer.shows("message", "It is an Ember.").await.unwrap();
}

#[tokio::test]
async fn m2_in_shadow_mode_the_widget_navigates_where_the_policy_lacks_the_peer() {
    let Both { site, globex, browsers, anna, gus, .. } = &mut both(false).await;
    let (customer, chat) = with_anna(browsers, site, anna).await;
    hand_over(anna, chat).await;
    customer.arrives(&globex.site()).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.shows("brand", globex.plan().title).await.unwrap();
    stage(anna, Stage::Arrived).await;
    gus.pick_up().await.unwrap();
    customer.say("composer", "Hello workshop.").await.unwrap();
    reads(gus, "Hello workshop.").await;
}

#[tokio::test]
async fn u1_in_shadow_mode_files_are_pasted_and_dropped_and_the_page_hears_nothing_of_it() {
    let Scene { site, browsers, anna, .. } = &mut scene().await;
    let customer = browsers.open(1200, 800).await.unwrap();
    open(&customer, &format!("{site}/shadow/")).await;
    story::ask(&customer, "My stove leaks.").await.unwrap();
    anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    until("the part that sends files", || async {
        let there = inside(&customer, "return !!root.getElementById('faces')").await;
        anyhow::ensure!(there == json!(true), "not yet");
        Ok(())
    })
    .await
    .unwrap();
    let ears = "window.heard = []; for (const kind of ['paste', 'dragover', 'drop']) \
        for (const on of [window, document, document.body]) on.addEventListener(kind, () => heard.push(kind))";
    customer.script(ears).await.unwrap();
    let picture = "const canvas = Object.assign(document.createElement('canvas'), { width: 60, height: 40 }); \
        canvas.getContext('2d').fillRect(0, 0, 60, 40); const blob = await new Promise((done) => canvas.toBlob(done));";
    let how = "{ bubbles: true, cancelable: true, composed: true";
    for (name, event) in [
        ("pasted.png", format!("new ClipboardEvent('paste', {how}, clipboardData: data }})")),
        ("dropped.png", format!("new DragEvent('drop', {how}, dataTransfer: data }})")),
    ] {
        let script = format!(
            "return (async () => {{ {picture} const data = new DataTransfer(); \
             data.items.add(new File([blob], '{name}', {{ type: 'image/png' }})); \
             const over = new DragEvent('dragover', {how}, dataTransfer: data }}); \
             root.getElementById('text').dispatchEvent(over); \
             const event = {event}; root.getElementById('text').dispatchEvent(event); \
             return [over.defaultPrevented, event.defaultPrevented]; }})()"
        );
        // The browser itself would open the file in place of the page.
        assert_eq!(inside(&customer, &script).await, json!([true, true]));
        customer.shows("download", name).await.unwrap();
        let said = |frame: &ServerFrame| match frame {
            ServerFrame::Entries { entries, .. } => entries
                .iter()
                .any(|entry| matches!(&entry.body, Body::Document(card) if card.name == name))
                .then_some(()),
            _ => None,
        };
        anna.expect(name, said).await.unwrap();
    }
    until("both pictures", || async {
        let shown = "return [...root.querySelectorAll('[data-test=preview]')].filter((it) => it.naturalWidth === 60 && it.offsetHeight > 0).length";
        let shown = inside(&customer, shown).await;
        anyhow::ensure!(shown == json!(2), "{shown}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(customer.script("return heard").await.unwrap(), json!([]));
    customer.picture("shadow-files").await.unwrap();
}

/// The site's policy knows nothing of Globex, the page is loaded again before the browser has said so: the customer goes there.
#[tokio::test]
async fn m2_a_page_that_is_loaded_again_during_a_forbidden_transfer_goes_on_to_the_other_company() {
    let Both { site, globex, browsers, anna, gus, .. } = &mut both(false).await;
    let (customer, chat) = with_anna(browsers, site, anna).await;
    // The browser's word about the policy does not come, as if it were late; and then the page is loaded again.
    let late = "window.late = 0; addEventListener('securitypolicyviolation', (event) => { late++; event.stopImmediatePropagation(); }, true)";
    customer.script(late).await.unwrap();
    hand_over(anna, chat).await;
    customer.returns("return late > 0", json!(true)).await.unwrap();
    customer.shows("state", "Globex").await.unwrap();
    customer.leave().await.unwrap();
    customer.driver.refresh().await.unwrap();
    customer.arrives(&globex.site()).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.shows("brand", globex.plan().title).await.unwrap();
    stage(anna, Stage::Arrived).await;
    gus.pick_up().await.unwrap();
    customer.say("composer", "Hello workshop.").await.unwrap();
    reads(gus, "Hello workshop.").await;
}
