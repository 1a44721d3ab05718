//! Every state of the widget at three sizes, light and dark, left to right and right to left: what fits and what can be hit
//! is checked, and `BATON_SCREENSHOTS` names a folder for the pictures.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::pair::{TRANSFER, both_with, to_globex};
use baton_protocol::model::{Share, Stage};
use baton_protocol::{ClientFrame, ServerFrame};
use serde_json::{Value, json};

/// A telephone, a tablet, a desktop.
const SIZES: [(&str, u32, u32); 3] = [("phone", 375, 667), ("tablet", 820, 1180), ("desktop", 1280, 800)];

/// A long word, a long name, everything that a form can ask.
const FIELDS: &str = r#"
[[field]]
label = "Order number"
required = true

[[field]]
label = "Which of our products is it about, as far as you know?"
options = ["Tents", "Stoves and everything that burns in them, with spare parts"]
"#;

const HOLDING: &str = r#"
[[area.announcement]]
title = "Summer sale"
text = "All tents are cheaper until Monday."
offer = true
url = "https://www.acme.example/sale"

[[area.announcement]]
title = "Closed"
text = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft is closed today."

[[area.faq]]
question = "Do you ship abroad?"
answer = "Within Europe, in three to five days."

[[area.faq]]
question = "How do I return a tent that has been used for one night only and is still clean?"
answer = "Within 30 days, in its own bag."

[[area.faq]]
question = "Which stove for the winter?"
answer = "One that burns white gas."

[[area.faq]]
question = "Can I rent a tent?"
answer = "In our shops, by the week."

[[area.link]]
title = "Size guide"
url = "https://www.acme.example/sizes"

[[area.link]]
title = "Shops near you, with opening hours"
url = "https://www.acme.example/shops"

[[area.overload]]
when = "waiting"
from = 1
below = 1
do = "offer_message"

[[area.overload]]
when = "waiting"
from = 1
below = 1
do = "offer_call_back"
"#;

/// What nobody should see: anything wider than its place, words cut off, controls too small to be hit (WCAG 2.5.8: 24 pixels).
const FLAWS: &str = "return (async () => {
    for (let frames = 2; frames; frames--) await new Promise(requestAnimationFrame);
    const shown = (it) => it.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !it.closest('.hush');
    const name = (it) => it.tagName + (it.id && '#' + it.id) + (it.className?.trim ? '.' + it.className : '') + ' ' + it.textContent.trim().slice(0, 30);
    const flaws = [];
    for (const it of document.querySelectorAll('body *')) {
      if (!shown(it) || it.closest('svg')) continue;
      const box = it.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      if (box.left < -1 || box.right > innerWidth + 1) flaws.push('out of sight: ' + name(it));
      const { overflowX, textOverflow } = getComputedStyle(it);
      if (it.scrollWidth > it.clientWidth + 1 && it.clientWidth && !/INPUT|TEXTAREA|SELECT/.test(it.tagName) && (overflowX !== 'visible' || textOverflow === 'ellipsis'))
        flaws.push('wider than its place: ' + name(it));
      if (it.matches('button, input:not([type=radio]), select, textarea, summary, #holding a') && (box.width < 24 || box.height < 24))
        flaws.push('hard to hit: ' + name(it) + ' ' + Math.round(box.width) + 'x' + Math.round(box.height));
    }
    const log = document.getElementById('log');
    const newest = [...document.querySelectorAll('#lines > li')].filter(shown).at(-1);
    const under = (it) => it.getBoundingClientRect().bottom;
    if (newest && under(newest) > under(log) + 1) flaws.push('the newest line is out of sight: ' + name(newest));
    return flaws; })()";

/// Looks at what is shown, at each size.
async fn look(customer: &Browser, language: &str, state: &str) {
    let schemes: &[&str] = if language == "en" { &["light", "dark"] } else { &["light"] };
    let mut flaws = Vec::new();
    for (size, width, height) in SIZES {
        customer.size(width, height).await.unwrap();
        for scheme in schemes {
            customer.scheme(scheme).await.unwrap();
            let found = customer.script(FLAWS).await.unwrap();
            let found = found.as_array().unwrap().iter().filter_map(Value::as_str);
            flaws.extend(found.map(|flaw| format!("{state}, {size}, {scheme}: {flaw}")));
            customer.picture(&format!("{state}-{size}-{language}-{scheme}")).await.unwrap();
        }
    }
    customer.size(1280, 800).await.unwrap();
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

/// From the first look at the site to the last one at the survey.
async fn story(language: &str) {
    let both = both_with(|acme, _| {
        acme.configure_after("title = \"Sales\"\n", HOLDING).unwrap();
        acme.configure(FIELDS).unwrap();
        acme.configure_after("[end]\n", "survey = true").unwrap();
    })
    .await;
    let (acme, globex) = (&both.acme, &both.globex);
    let browsers = Browsers::start().await.unwrap();
    let customer = browsers.open_speaking(language, 1280, 900).await.unwrap();
    customer.size(1280, 800).await.unwrap();
    customer.go(&format!("{}/", acme.site())).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("launcher").await.unwrap();
    look(&customer, language, "launcher").await;
    customer.click("launcher").await.unwrap();
    customer.find("away").await.unwrap();
    look(&customer, language, "offline").await;
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    let mut gus = Client::agent(globex, "gus").await.unwrap();
    customer.leave().await.unwrap();
    customer.driver.refresh().await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.find("question").await.unwrap();
    look(&customer, language, "form").await;
    customer.type_into("name", "Carla").await.unwrap();
    customer.css("#field-0").await.unwrap().send_keys("4711").await.unwrap();
    customer.type_into("question", "My stove leaks at the valve, and a very long word does not fit: Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft.").await.unwrap();
    customer.click("start").await.unwrap();
    customer.find("call-back").await.unwrap();
    look(&customer, language, "waiting").await;
    customer.click("call-back").await.unwrap();
    customer.click("instead").await.unwrap();
    customer.script("document.querySelector('[data-test=call-back]').scrollIntoView()").await.unwrap();
    look(&customer, language, "call-back").await;
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    let texts = [
        "Hello Carla, see https://www.acme.example/stoves/a-very-long-address/that-does-not-end/on-a-small-telephone/index.html for how.",
        "One moment.",
    ];
    for (place, text) in texts.iter().enumerate() {
        anna.say(Some(chat), u8::try_from(place).unwrap() + 1, text).await.unwrap();
    }
    customer.shows("message", "One moment.").await.unwrap();
    customer.say("composer", "Thank you 👍").await.unwrap();
    customer
        .script(
            "const canvas = Object.assign(document.createElement('canvas'), { width: 600, height: 400 }); \
             const ink = canvas.getContext('2d'); ink.fillStyle = '#d96'; ink.fillRect(0, 0, 600, 400); \
             canvas.toBlob((blob) => { const data = new DataTransfer(); \
               data.items.add(new File([blob], 'a picture with quite a long name of my stove.png', { type: 'image/png' })); \
               document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true })); });",
        )
        .await
        .unwrap();
    customer.shows("download", "a picture").await.unwrap();
    customer.find("preview").await.unwrap();
    anna.send(&ClientFrame::Typing { chat: Some(chat), on: true }).await.unwrap();
    customer.find("typing").await.unwrap();
    look(&customer, language, "chat").await;
    customer.click("menu").await.unwrap();
    look(&customer, language, "menu").await;
    customer.click("emoji").await.unwrap();
    look(&customer, language, "emoji").await;
    customer.click("emoji").await.unwrap();
    customer.click("close").await.unwrap();
    anna.say(Some(chat), 9, "I hand you over.").await.unwrap();
    customer.find("badge").await.unwrap();
    look(&customer, language, "unread").await;
    customer.click("launcher").await.unwrap();
    let comments = "Leaks at the valve.".into();
    let (transfer, to, share) = (TRANSFER, to_globex(), Share::All);
    anna.send(&ClientFrame::Transfer { transfer, chat, to, comments, share }).await.unwrap();
    let arrived = |frame: &ServerFrame| match frame {
        ServerFrame::Progress { stage, .. } => (*stage >= Stage::Arrived).then_some(()),
        _ => None,
    };
    anna.expect("the arrival", arrived).await.unwrap();
    customer.click("known").await.unwrap();
    look(&customer, language, "correction").await;
    let chat = gus.pick_up().await.unwrap();
    gus.say(Some(chat), 12, "Hello Carla.").await.unwrap();
    customer.shows("message", "Hello Carla.").await.unwrap();
    look(&customer, language, "transferred").await;
    gus.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("over").await.unwrap();
    look(&customer, language, "over").await;
    // Once more, and to its end here: the company asks how it was.
    customer.click("again").await.unwrap();
    customer.css("#field-0").await.unwrap().send_keys("4712").await.unwrap();
    customer.type_into("question", "And now?").await.unwrap();
    customer.click("start").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    anna.say(Some(chat), 21, "It is mended.").await.unwrap();
    customer.shows("message", "It is mended.").await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("survey").await.unwrap();
    look(&customer, language, "survey").await;
    assert_eq!(customer.script("return document.documentElement.lang").await.unwrap(), json!(language));
}

#[tokio::test]
async fn u1_every_state_fits_a_phone_a_tablet_and_a_desktop() {
    story("en").await;
}

#[tokio::test]
async fn u1_every_state_fits_from_right_to_left() {
    story("ar").await;
}
