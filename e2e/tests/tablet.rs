//! The console on a tablet, upright and across, in light and dark: what fits and what can be hit by a finger is checked, and
//! `BATON_SCREENSHOTS` names a folder for the pictures.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::pair::{both, waits};
use baton_e2e::{axe, story};
use serde_json::Value;

const SIZES: [(&str, u32, u32); 2] = [("upright", 768, 1024), ("across", 1024, 768)];

/// What nobody should see: what reaches out of the window or of its place and cannot be scrolled to, and controls too small to
/// be hit (WCAG 2.5.8: 24 pixels).
const FLAWS: &str = "return (async () => {
    for (let frames = 3; frames; frames--) await new Promise(requestAnimationFrame);
    const shown = it => it.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !it.closest('.hush, svg');
    const name = it => `${it.tagName}.${it.className} ${it.dataset.test ?? ''} ${it.textContent.trim().slice(0, 30)}`;
    const scrolls = it => { for (let up = it.parentElement; up; up = up.parentElement) if (/auto|scroll/.test(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth) return true; };
    const top = document.querySelector('dialog:modal') ?? document.body;
    const flaws = [];
    for (const it of top.querySelectorAll('*')) {
      if (!shown(it)) continue;
      const box = it.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      if ((box.left < -1 || box.right > innerWidth + 1) && !scrolls(it)) flaws.push('out of sight: ' + name(it));
      const { overflowX, textOverflow } = getComputedStyle(it);
      if (it.scrollWidth > it.clientWidth + 1 && it.clientWidth && overflowX === 'hidden' && textOverflow !== 'ellipsis')
        flaws.push('cut off: ' + name(it));
      const target = it.matches('input[type=checkbox], input[type=radio]') ? it.closest('label') ?? it : it;
      const { width, height } = target.getBoundingClientRect();
      if (it.matches('button, input, select, textarea, summary, a') && !it.closest('p, td, .text') && (width < 24 || height < 24))
        flaws.push(`hard to hit: ${name(it)} ${Math.round(width)}x${Math.round(height)}`);
    }
    return flaws; })()";

/// Looks at what is shown, in both positions and both schemes.
async fn look(browser: &Browser, view: &str) {
    let mut flaws = Vec::new();
    for (position, width, height) in SIZES {
        browser.size(width, height).await.unwrap();
        for scheme in ["light", "dark"] {
            browser.scheme(scheme).await.unwrap();
            let found = browser.script(FLAWS).await.unwrap();
            let found = found.as_array().unwrap().iter().filter_map(Value::as_str);
            flaws.extend(found.map(|flaw| format!("{view}, {position}, {scheme}: {flaw}")));
            browser.picture(&format!("tablet-{view}-{position}-{scheme}")).await.unwrap();
        }
        axe::check(browser, &format!("{view}, {position}")).await.unwrap();
    }
    browser.size(1280, 860).await.unwrap();
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

#[tokio::test]
async fn u2_an_agents_and_a_supervisors_day_fits_a_tablet() {
    let both = both().await;
    let (acme, globex) = (&both.acme, &both.globex);
    let browsers = Browsers::start().await.unwrap();
    let _gus = Client::agent(globex, "gus").await.unwrap();
    let anna = story::agent(&browsers, acme, "anna").await.unwrap();
    let alma = story::agent(&browsers, acme, "alma").await.unwrap();
    let long = "A tent for two with room for bicycles, a dog, and a stove that burns nearly everything";
    let _dora = waits(acme, "Dora Donaudampfschifffahrtsgesellschaft", long).await;
    let _emil = waits(acme, "Emil", "").await;
    let customer = story::customer(&browsers, acme, "My stove leaks at the valve.").await.unwrap();
    anna.shows("inbox-waiting", "3").await.unwrap();
    look(&anna, "inbox").await;
    anna.css("[aria-label^='Pick up Carla']").await.unwrap().click().await.unwrap();
    anna.find("composer").await.unwrap();
    for text in [
        "Hello Carla, which stove is it?",
        "See https://acme.example/stoves/a-long-address/that-does-not-end/index.html for how.",
    ] {
        anna.say("composer", text).await.unwrap();
        customer.shows("message", text).await.unwrap();
    }
    customer.say("composer", "The Ember 2, and the valve leaks.").await.unwrap();
    anna.shows("message", "The Ember 2").await.unwrap();
    look(&anna, "chat").await;
    anna.click("within-open").await.unwrap();
    anna.type_into("within", "valve").await.unwrap();
    anna.shows("within-count", "2 of 2").await.unwrap();
    look(&anna, "within").await;
    anna.click("transfer").await.unwrap();
    anna.shows("destination", "This is you").await.unwrap();
    look(&anna, "dialog-agents").await;
    anna.click("transfer-tab-lines").await.unwrap();
    look(&anna, "dialog-lines").await;
    anna.say("transfer-search", "bill").await.unwrap();
    anna.type_into("comments", "Wants a new valve.").await.unwrap();
    anna.click("share-part").await.unwrap();
    anna.find("edit-text").await.unwrap();
    look(&anna, "dialog-edit").await;
    anna.css("body").await.unwrap().send_keys(thirtyfour::Key::Escape + "").await.unwrap();
    alma.click("inbox-team").await.unwrap();
    alma.shows("open-chat", "With Anna").await.unwrap();
    look(&alma, "supervisor").await;
    alma.click("watch").await.unwrap();
    alma.find("whose").await.unwrap();
    look(&alma, "following").await;
    alma.click("office").await.unwrap();
    alma.click("office-reports").await.unwrap();
    alma.css(".plot svg, .figures").await.unwrap();
    look(&alma, "reports").await;
}

#[tokio::test]
async fn u2_the_administration_fits_a_tablet() {
    let both = both().await;
    let browsers = Browsers::start().await.unwrap();
    let ada = story::agent(&browsers, &both.acme, "ada").await.unwrap();
    ada.click("office").await.unwrap();
    for page in ["search", "agents", "areas", "policies", "peers", "keys", "audit"] {
        ada.click(&format!("office-{page}")).await.unwrap();
        ada.css(".office main h2").await.unwrap();
        look(&ada, page).await;
    }
    ada.click("office-agents").await.unwrap();
    ada.click("agent-new").await.unwrap();
    ada.find("agent-form").await.unwrap();
    look(&ada, "agent-form").await;
}
