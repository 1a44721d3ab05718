//! The keyboard alone, by real keys, through every state of the chat: what has the focus is in sight and shows it, the focus
//! is never lost and never held, and Escape leads out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_e2e::embed::{Shop, Sites, shop};
use baton_e2e::pair::{TRANSFER, reads, to_globex};
use baton_e2e::{story, until};
use baton_protocol::ClientFrame;
use baton_protocol::model::Share;
use serde_json::{Value, json};
use thirtyfour::{Key, TypingData};

const FIELDS: &str = "[[field]]\nlabel = \"Order number\"\nrequired = true\n";

/// What has the focus, and what is wrong with how it is shown. `outside`: the page has it, or nothing.
const FOCUS: &str = "
    const it = root.activeElement;
    if (!inside || !it || it === document.body) return ['outside', []];
    const shown = it.type === 'radio' ? it.parentNode : it;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(shown);
    const flaws = [];
    if (!(outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) && boxShadow === 'none') flaws.push('no ring');
    const { left, top, width, height } = shown.getBoundingClientRect();
    const [x, y] = [left + width / 2, top + height / 2];
    const under = root.elementFromPoint(x, y);
    if (!under || !(shown.contains(under) || under.contains(shown))) flaws.push('out of sight, behind ' + under?.outerHTML.slice(0, 80));
    return [it.dataset.test || it.ariaLabel || it.id || it.tagName.toLowerCase(), flaws]";

struct Tour {
    customer: Browser,
    framed: bool,
}

impl Tour {
    async fn go(&self, address: &str) {
        self.customer.go(address).await.unwrap();
        self.customer.enter(self.framed).await.unwrap();
        self.customer.css("#launcher, #window").await.unwrap();
    }

    async fn script(&self, script: &str) -> Value {
        let root = if self.framed {
            "const root = document, inside = document.hasFocus();"
        } else {
            "const host = document.querySelector('html > div'), root = host.shadowRoot, inside = document.activeElement === host;"
        };
        self.customer.script(&format!("{root} {script}")).await.unwrap()
    }

    /// Keys, as a keyboard sends them: to whatever has the focus.
    async fn press(&self, keys: impl Into<TypingData>) {
        self.customer.driver.action_chain().send_keys(keys.into()).perform().await.unwrap();
    }

    async fn back(&self) {
        let keys = self.customer.driver.action_chain().key_down(Key::Shift).send_keys(Key::Tab);
        keys.key_up(Key::Shift).perform().await.unwrap();
    }

    /// Waits until the focus is there, and looks at it.
    async fn at(&self, wanted: &str) {
        until(&format!("the focus at {wanted}"), || async {
            let now = self.script(FOCUS).await;
            anyhow::ensure!(now == json!([wanted, []]), "it is {now}");
            Ok(())
        })
        .await
        .unwrap();
    }

    /// Tab after Tab leads there.
    async fn on(&self, places: &[&str]) {
        for place in places {
            self.press(Key::Tab).await;
            self.at(place).await;
        }
    }

    async fn off(&self, places: &[&str]) {
        for place in places {
            self.back().await;
            self.at(place).await;
        }
    }

    /// From the page's own part into the widget, which comes after it.
    async fn reach(&self, wanted: &str) {
        let mut met = Vec::new();
        for _ in 0..20 {
            self.press(Key::Tab).await;
            let now = self.script(FOCUS).await[0].as_str().unwrap().to_owned();
            if now == wanted {
                return self.at(wanted).await;
            }
            met.push(now);
        }
        panic!("{wanted} was not reached: {met:?}");
    }

    async fn shows(&self, mark: &str, text: &str) {
        self.customer.shows(mark, text).await.unwrap();
    }
}

struct Scene {
    globex: Company,
    site: String,
    acme: Company,
    browsers: Browsers,
    _folder: tempfile::TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    let sites = Sites::set_up(&acme, 0).await.unwrap();
    acme.configure_after("title = \"Sales\"\n", story::HOLDING).unwrap();
    acme.configure(FIELDS).unwrap();
    globex.configure_after("[end]\n", "survey = true").unwrap();
    acme.start().await.unwrap();
    globex.start().await.unwrap();
    acme.trust(&globex, "in-place").unwrap();
    globex.trust(&acme, "in-place").unwrap();
    let site = sites.serve(&acme).unwrap();
    Scene { globex, site, acme, browsers: Browsers::start().await.unwrap(), _folder: folder }
}

async fn tour(framed: bool) {
    let Scene { globex, site, acme, browsers, .. } = &scene().await;
    let page = format!("{site}/{}", if framed { "plain/" } else { "shadow/" });
    let tour = Tour { customer: browsers.open(1200, 800).await.unwrap(), framed };

    // Nobody is there: the form, with a message to be left.
    tour.go(&page).await;
    tour.reach("launcher").await;
    tour.press(Key::Enter).await;
    tour.at("name").await;
    tour.customer.find("leave").await.unwrap();
    tour.on(&["email", "field", "question", "start", "leave", "outside"]).await;
    tour.reach("close").await;
    tour.on(&["name"]).await;
    tour.off(&["close", "outside"]).await;
    tour.reach("close").await;
    tour.on(&["name"]).await;
    tour.press(Key::Escape).await;
    tour.at("launcher").await;
    tour.press(" ").await;
    tour.at("name").await;
    tour.press("Carla\u{e004}").await;
    tour.press("carla@example.org\u{e004}").await;
    tour.press("4711\u{e004}").await;
    tour.press("When do you open?\u{e004}").await;
    tour.at("start").await;
    tour.on(&["leave"]).await;
    tour.press(Key::Enter).await;
    tour.shows("left", "Thank you").await;
    tour.at("leave").await;

    // Somebody is: the form, and then waiting.
    let mut ben = Client::agent(acme, "ben").await.unwrap();
    ben.pick_up().await.unwrap();
    reads(&mut ben, "Order number: 4711\nWhen do you open?").await;
    let mut anna = Client::agent(acme, "anna").await.unwrap();
    let mut gus = Client::agent(globex, "gus").await.unwrap();
    tour.customer.leave().await.unwrap();
    tour.go(&page).await;
    if tour.script("return root.querySelector('body').dataset.open === undefined").await == json!(true) {
        tour.reach("launcher").await;
        tour.press(Key::Enter).await;
        tour.at("name").await;
    } else {
        // The window was open on the page before.
        tour.reach("close").await;
        tour.on(&["name"]).await;
    }
    tour.press("Carla\u{e004}\u{e004}").await;
    tour.press("4711\u{e004}").await;
    tour.press("My stove leaks.\u{e004}").await;
    tour.at("start").await;
    tour.press(Key::Enter).await;
    tour.at("composer").await;
    tour.shows("holding", "Size guide").await;
    tour.off(&["emoji", "attach", "log", "page-link"]).await;
    tour.off(&[
        "summary",
        "summary",
        "summary",
        "summary",
        "faq-search",
        "subjects",
        "a",
        "close",
        "menu",
        "outside",
    ])
    .await;
    tour.reach("menu").await;
    tour.on(&["close", "a", "subjects", "faq-search"]).await;
    tour.press("white gas").await;
    tour.on(&["summary"]).await;
    tour.press(Key::Enter).await;
    tour.shows("faq", "One that burns white gas.").await;
    tour.off(&["faq-search"]).await;
    // Escape empties the search before it closes the window.
    tour.press(Key::Escape).await;
    tour.at("faq-search").await;
    assert_eq!(tour.script("return root.activeElement.value").await, json!(""));
    // What had the focus is gone when the agent comes: it goes on where the customer does.
    let chat = anna.pick_up().await.unwrap();
    tour.shows("state", "Anna").await;
    tour.at("composer").await;
    tour.customer.picture(&format!("keyboard-chat-{framed}")).await.unwrap();

    // The chat: words, links, files, emoji, the menu.
    tour.press("It is an Ember.\u{e007}").await;
    reads(&mut anna, "It is an Ember.").await;
    tour.at("composer").await;
    anna.say(Some(chat), 1, "See https://www.acme.example/stoves.").await.unwrap();
    tour.script(
        "const data = new DataTransfer(); data.items.add(new File(['Ember'], 'stove.txt', { type: 'text/plain' })); \
         root.getElementById('text').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));",
    )
    .await;
    tour.shows("download", "stove.txt").await;
    tour.shows("message", "stoves").await;
    tour.off(&["emoji", "attach"]).await;
    tour.script("root.getElementById('file').onclick = (event) => { event.preventDefault(); window.asked = true; }; return 0").await;
    tour.press(Key::Enter).await;
    assert_eq!(tour.customer.script("return window.asked").await.unwrap(), json!(true));
    let both = tour.script("return [...root.querySelectorAll('#lines a, #lines button')].map((it) => it.dataset.test ?? 'a').reverse()").await;
    let both: Vec<&str> = both.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(both.len(), 2, "{both:?}");
    tour.off(&both).await;
    tour.off(&["log"]).await;
    for place in both.iter().rev() {
        tour.on(&[place]).await;
    }
    tour.on(&["attach", "emoji"]).await;
    tour.press(Key::Enter).await;
    tour.at("smile").await;
    tour.press(Key::Right + Key::Right + Key::Down).await;
    tour.at("asleep").await;
    tour.press(Key::Left + Key::Up).await;
    tour.at("grin").await;
    tour.press(Key::Escape).await;
    tour.at("emoji").await;
    tour.press(Key::Enter).await;
    tour.at("smile").await;
    tour.on(&["composer"]).await;
    assert_eq!(tour.script("return root.getElementById('emoji').hidden").await, json!(true));
    tour.off(&["emoji"]).await;
    tour.press(Key::Enter).await;
    tour.at("smile").await;
    tour.press(Key::Enter).await;
    tour.at("composer").await;
    assert_eq!(tour.script("return root.getElementById('text').value").await, json!("🙂"));
    tour.on(&["send"]).await;
    tour.press(Key::Enter).await;
    reads(&mut anna, "🙂").await;
    tour.at("composer").await;
    tour.on(&["send", "outside"]).await;
    tour.reach("menu").await;
    tour.press(Key::Enter).await;
    tour.on(&["save", "sound", "end"]).await;
    tour.press(Key::Escape).await;
    tour.at("menu").await;
    tour.press(Key::Enter).await;
    tour.on(&["save", "sound"]).await;
    tour.press(" ").await;
    // Done, the menu is closed, and the focus where it was opened.
    tour.at("menu").await;
    tour.press(Key::Enter).await;
    tour.on(&["save", "sound", "end", "close"]).await;
    assert_eq!(tour.script("return root.getElementById('menu').hidden").await, json!(true));
    tour.press(Key::Escape).await;
    tour.at("launcher").await;
    tour.press(Key::Enter).await;
    tour.at("composer").await;

    // The transfer, and what the other company knows.
    tour.press("half a mess").await;
    let comments = "Leaks at the valve.".into();
    let (transfer, to, share) = (TRANSFER, to_globex(), Share::All);
    anna.send(&ClientFrame::Transfer { transfer, chat, to, comments, share }).await.unwrap();
    tour.shows("brand", globex.plan().title).await;
    tour.at("composer").await;
    tour.press("age").await;
    tour.press(Key::Enter).await;
    tour.customer.find("known").await.unwrap();
    tour.off(&["emoji", "attach"]).await;
    for place in &both {
        tour.off(&[place]).await;
    }
    tour.off(&["log", "summary"]).await;
    tour.press(Key::Enter).await;
    tour.on(&["known-name", "known-email", "known-subject", "known-send"]).await;
    tour.press(Key::Enter).await;
    tour.shows("known-told", "noted").await;
    tour.at("known-send").await;
    let chat = gus.pick_up().await.unwrap();
    reads(&mut gus, "half a message").await;
    tour.shows("state", "Gus").await;
    tour.at("composer").await;
    gus.say(Some(chat), 2, "Hello Carla.").await.unwrap();
    tour.shows("message", "Hello Carla.").await;

    // The end comes while something is being written: the next key presses nothing.
    tour.press("And").await;
    gus.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    tour.shows("survey", "How was it?").await;
    tour.at("over").await;
    tour.press(Key::Enter).await;
    tour.at("over").await;
    tour.customer.picture(&format!("keyboard-over-{framed}")).await.unwrap();
    tour.on(&["score"]).await;
    tour.press(Key::Right).await;
    tour.at("score").await;
    tour.on(&["survey-text", "survey-send"]).await;
    tour.press(Key::Enter).await;
    tour.shows("survey-told", "Thank you").await;
    tour.at("over").await;
    tour.on(&["again"]).await;
    tour.press(Key::Enter).await;
    tour.at("field").await;
    assert_eq!(tour.script("return root.getElementById('name').value").await, json!("Carla"));
    tour.press(Key::Escape).await;
    tour.at("launcher").await;
}

#[tokio::test]
async fn u1_the_keyboard_leads_through_every_state_in_a_frame() {
    tour(true).await;
}

#[tokio::test]
async fn u1_the_keyboard_leads_through_every_state_in_shadow_mode() {
    tour(false).await;
}

/// On a small screen the window covers the page, and what is behind it is out of sight (WCAG 2.4.11): the keyboard stays in
/// the window until Escape. On a large one nothing is covered, and it goes on to the page.
async fn phone(framed: bool) {
    let Shop { site, acme: _acme, browsers, .. } = &shop(|_| ()).await.unwrap();
    let tour = Tour { customer: browsers.open(1200, 800).await.unwrap(), framed };
    tour.customer.size(390, 780).await.unwrap();
    let page = format!("{site}/{}", if framed { "plain/" } else { "shadow/" });
    tour.go(&page).await;
    tour.reach("launcher").await;
    tour.press(Key::Enter).await;
    tour.at("name").await;
    tour.customer.find("leave").await.unwrap();
    tour.on(&["email", "question", "start", "leave", "close", "name"]).await;
    tour.off(&["close", "leave", "start"]).await;
    let dialog = "const it = root.getElementById('window'); return [it.role, it.ariaModal]";
    assert_eq!(tour.script(dialog).await, json!(["dialog", "true"]));
    tour.customer.picture(&format!("keyboard-phone-{framed}")).await.unwrap();
    tour.press(Key::Escape).await;
    tour.at("launcher").await;
    tour.on(&["outside"]).await;
    tour.reach("launcher").await;
    tour.press(Key::Enter).await;
    tour.at("name").await;
    tour.on(&["email", "question"]).await;
    tour.press("My stove").await;
    // On the next page it stands open with what was written, and whoever comes there begins in it.
    tour.customer.leave().await.unwrap();
    tour.go(&page).await;
    let begins = "return root.activeElement?.dataset.test ?? ''";
    until("the focus in the window", || async {
        let now = tour.script(begins).await;
        anyhow::ensure!(now == "window", "it is at {now}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(tour.script("return root.getElementById('question').value").await, json!("My stove"));
    tour.customer.find("leave").await.unwrap();
    tour.on(&["close", "name"]).await;
    tour.off(&["close", "leave"]).await;
    tour.customer.size(1200, 800).await.unwrap();
    until("the corner", || async {
        let seen = tour.script(dialog).await;
        anyhow::ensure!(seen == json!([null, null]), "it is {seen}");
        Ok(())
    })
    .await
    .unwrap();
    tour.on(&["outside"]).await;
    tour.reach("close").await;
    tour.off(&["outside"]).await;
}

#[tokio::test]
async fn u1_on_a_phone_the_keyboard_stays_in_the_window_that_covers_the_page() {
    phone(true).await;
}

#[tokio::test]
async fn u1_in_shadow_mode_the_keyboard_stays_in_the_window_on_a_phone() {
    phone(false).await;
}
