//! What is said and what is shown of it: what became of a message, who types, links and names that somebody hostile has
//! written, words that wait for their connection, what is announced, how it moves, and in which language.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use baton_e2e::browser::Browser;
use baton_e2e::client::Client;
use baton_e2e::company::PASSWORD;
use baton_e2e::embed::{Shop, shop};
use baton_e2e::pair::{TRANSFER, both, reads, to_globex};
use baton_e2e::story;
use baton_protocol::model::{Body, Share};
use baton_protocol::{ChatId, ClientFrame, ServerFrame};
use serde_json::{Value, json};

/// A customer of the plain site who chats with Anna.
async fn chatting(shop: &Shop, question: &str) -> (Browser, Client, ChatId) {
    let mut anna = Client::agent(&shop.acme, "anna").await.unwrap();
    let customer = shop.browsers.open(1200, 800).await.unwrap();
    customer.go(&format!("{}/plain/", shop.site)).await.unwrap();
    customer.enter_widget().await.unwrap();
    customer.click("launcher").await.unwrap();
    story::ask(&customer, question).await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "Anna").await.unwrap();
    (customer, anna, chat)
}

#[tokio::test]
async fn u1_a_message_is_sent_stored_and_seen_and_both_sides_see_who_types() {
    const MARK: &str = "const it = document.querySelector('.own.last'); \
        return [it.className.match(/pending|stored|seen/)[0], getComputedStyle(it, '::after').content]";
    let shop = shop(|_| ()).await.unwrap();
    let (customer, mut anna, chat) = chatting(&shop, "My stove leaks.").await;
    customer.returns(MARK, json!(["stored", "\"✓\" / \"Sent\""])).await.unwrap();
    customer.type_into("composer", "It is").await.unwrap();
    let types = |frame: &ServerFrame| match frame {
        ServerFrame::Typing { chat: of, on, .. } if *of == chat => Some(*on),
        _ => None,
    };
    assert!(anna.expect("that the customer types", types).await.unwrap());
    customer.say("composer", " an Ember.").await.unwrap();
    assert!(!anna.expect("that it is over", types).await.unwrap());
    let said = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => entries
            .iter()
            .find(|entry| entry.body == Body::Text("It is an Ember.".into()))
            .map(|entry| entry.seq),
        _ => None,
    };
    let seq = anna.expect("the message", said).await.unwrap();
    customer.returns(MARK, json!(["stored", "\"✓\" / \"Sent\""])).await.unwrap();
    anna.send(&ClientFrame::Seen { chat: Some(chat), seq }).await.unwrap();
    customer.returns(MARK, json!(["seen", "\"✓✓\" / \"Seen\""])).await.unwrap();
    anna.send(&ClientFrame::Typing { chat: Some(chat), on: true }).await.unwrap();
    customer.find("typing").await.unwrap();
    anna.say(Some(chat), 1, "Then send it in.").await.unwrap();
    customer.shows("message", "Then send it in.").await.unwrap();
    customer.returns("return document.getElementById('typing').hidden", json!(true)).await.unwrap();
}

#[tokio::test]
async fn threat_14_links_are_made_safely_and_nothing_that_is_said_or_named_is_html() {
    let shop = shop(|acme| {
        let name = "<b>Anna</b><img src=x onerror=alert(1)>";
        let anna =
            ["agent", "add", "anna", "--title", name, "--area", "sales", "--replace", "--password-stdin"];
        acme.baton(&anna, PASSWORD).unwrap();
    })
    .await
    .unwrap();
    let hostile = "<img src=x onerror=\"alert(1)\"><script>alert(2)</script>";
    let (customer, mut anna, chat) = chatting(&shop, hostile).await;
    let text = "See https://www.acme.example/a?b=1&c=(2). Or mailto:help@acme.example, not javascript:alert(1), \
        data:text/html,<b>x</b> or <a href='javascript:alert(3)'>this</a>";
    anna.say(Some(chat), 1, text).await.unwrap();
    customer.shows("message", text).await.unwrap();
    let links = customer
        .script("return [...document.querySelectorAll('#lines a')].map((it) => [it.getAttribute('href'), it.target, it.rel])")
        .await
        .unwrap();
    let safe = |href: &str| json!([href, "_blank", "noopener noreferrer"]);
    assert_eq!(links, json!([safe("https://www.acme.example/a?b=1&c=(2"), safe("mailto:help@acme.example")]));
    // Names of files, from both sides.
    for name in [
        "\"><img src=x onerror=alert(1)>.txt",
        "invoice\u{202e}txt.exe",
        "../../etc/passwd",
        "a\u{0}b\n<b>.txt",
    ] {
        let script = format!(
            "const data = new DataTransfer(); data.items.add(new File(['Ember'], {}, {{ type: 'text/plain' }}));\
             document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: data, bubbles: true, cancelable: true }}));",
            json!(name)
        );
        let count = "return document.querySelectorAll('[data-file]').length";
        let before = customer.script(count).await.unwrap().as_u64().unwrap();
        customer.script(&script).await.unwrap();
        customer.returns(count, json!(before + 1)).await.unwrap();
    }
    let names = customer
        .script("return [...document.querySelectorAll('[data-file]')].map((it) => it.textContent)")
        .await
        .unwrap();
    for name in names.as_array().unwrap().iter().filter_map(Value::as_str) {
        assert!(!name.contains(['/', '\\', '\u{0}', '\n', '\u{202e}']), "{names}");
    }
    // Nothing in the transcript is an element that somebody else has written.
    let made =
        "return [...new Set([...document.querySelectorAll('#lines *')].map((it) => it.tagName))].sort()";
    assert_eq!(
        customer.script(made).await.unwrap(),
        json!(["A", "B", "BUTTON", "DIV", "LI", "SMALL", "SPAN"])
    );
    assert!(customer.driver.get_alert_text().await.is_err());
    customer.picture("talk-hostile").await.unwrap();
}

#[tokio::test]
async fn u1_what_was_written_without_a_connection_survives_the_page_and_is_sent_once() {
    let mut shop = shop(|_| ()).await.unwrap();
    let (customer, anna, _) = chatting(&shop, "My stove leaks.").await;
    drop(anna);
    shop.acme.kill().unwrap();
    customer.shows("state", "Reconnecting…").await.unwrap();
    // Without alarm: the line under the name says so, and nothing else does.
    let calm = "return [document.getElementById('notice').hidden, document.getElementById('state').getAttribute('role')]";
    assert_eq!(customer.script(calm).await.unwrap(), json!([true, "status"]));
    customer.picture("talk-reconnecting").await.unwrap();
    customer.say("composer", "Said into the void.").await.unwrap();
    customer.say("composer", "And again.").await.unwrap();
    let waits = "return [...document.querySelectorAll('.own.pending')].map((it) => it.textContent)";
    assert_eq!(customer.script(waits).await.unwrap(), json!(["Said into the void.", "And again."]));
    customer.go(&format!("{}/trial/empty", shop.site)).await.unwrap();
    shop.acme.start().await.unwrap();
    let mut anna = Client::agent(&shop.acme, "anna").await.unwrap();
    customer.go(&format!("{}/plain/", shop.site)).await.unwrap();
    reads(&mut anna, "Said into the void.").await;
    reads(&mut anna, "And again.").await;
    customer.enter_widget().await.unwrap();
    customer.say("composer", "Here I am.").await.unwrap();
    reads(&mut anna, "Here I am.").await;
    customer.returns("return document.querySelectorAll('.own.pending').length", json!(0)).await.unwrap();
    let own = "return [...document.querySelectorAll('.own .bubble')].map((it) => it.textContent)";
    let all = json!(["My stove leaks.", "Said into the void.", "And again.", "Here I am."]);
    assert_eq!(customer.script(own).await.unwrap(), all);
}

#[tokio::test]
async fn u1_queue_messages_and_transfer_are_announced_and_the_other_company_shows_itself() {
    let both = both().await;
    let browsers = baton_e2e::browser::Browsers::start().await.unwrap();
    let customer = story::customer(&browsers, &both.acme, "My stove leaks.").await.unwrap();
    let (mut anna, mut gus) =
        (Client::agent(&both.acme, "anna").await.unwrap(), Client::agent(&both.globex, "gus").await.unwrap());
    // What changes in a live region is read aloud: so it is noted here.
    let ears = "window.heard = []; for (const it of document.querySelectorAll('[role=status], [role=log], [role=alert]')) \
        new MutationObserver((all) => all.forEach(({ addedNodes }) => addedNodes.forEach((node) => heard.push([it.id, node.textContent])))) \
        .observe(it, { childList: true, subtree: true }); return document.getElementById('log').getAttribute('aria-live')";
    assert_eq!(customer.script(ears).await.unwrap(), json!("polite"));
    let chat = anna.pick_up().await.unwrap();
    customer.shows("state", "With Anna").await.unwrap();
    anna.say(Some(chat), 1, "I hand you over.").await.unwrap();
    customer.shows("message", "I hand you over.").await.unwrap();
    let colour = "return [getComputedStyle(document.querySelector('header')).backgroundColor, document.getElementById('mark').textContent]";
    customer.returns(colour, json!(["rgb(31, 111, 80)", "A"])).await.unwrap();
    customer.type_into("composer", "half a mess").await.unwrap();
    let comments = "Leaks at the valve.".into();
    let (transfer, to, share) = (TRANSFER, to_globex(), Share::All);
    anna.send(&ClientFrame::Transfer { transfer, chat, to, comments, share }).await.unwrap();
    customer.shows("brand", both.globex.plan().title).await.unwrap();
    customer.shows("event", "You are now with Globex Repairs").await.unwrap();
    // Its colour takes over slowly, or at once where people want no motion.
    customer.returns(colour, json!(["rgb(138, 59, 18)", "G"])).await.unwrap();
    // The half-written message and the focus are where they were.
    let half = "return [document.getElementById('text').value, document.activeElement.id]";
    assert_eq!(customer.script(half).await.unwrap(), json!(["half a mess", "text"]));
    let chat = gus.pick_up().await.unwrap();
    gus.say(Some(chat), 2, "Hello Carla.").await.unwrap();
    customer.shows("message", "Hello Carla.").await.unwrap();
    let heard = customer.script("return heard").await.unwrap();
    let was = |id: &str, text: &str| {
        let all = heard.as_array().unwrap();
        all.iter().any(|it| it[0] == id && it[1].as_str().is_some_and(|said| said.contains(text)))
    };
    for (id, text) in [
        ("state", "With Anna"),
        ("log", "I hand you over."),
        ("log", "You are now with Globex Repairs"),
        ("state", "You are number 1"),
        ("state", "With Gus"),
        ("log", "Hello Carla."),
    ] {
        assert!(was(id, text), "{id} {text}: {heard}");
    }
    assert!(!was("notice", ""), "nothing alarms: {heard}");
}

#[tokio::test]
async fn u1_nothing_moves_for_those_who_want_no_motion() {
    let shop = shop(|_| ()).await.unwrap();
    let (customer, mut anna, chat) = chatting(&shop, "My stove leaks.").await;
    anna.send(&ClientFrame::Typing { chat: Some(chat), on: true }).await.unwrap();
    customer.find("typing").await.unwrap();
    let moving = "return document.getAnimations().filter((it) => it.playState === 'running').length > 0";
    customer.returns(moving, json!(true)).await.unwrap();
    customer.prefers("prefers-reduced-motion", "reduce").await.unwrap();
    customer.returns(moving, json!(false)).await.unwrap();
    customer
        .script("document.getElementById('close').click(); document.getElementById('launcher').click()")
        .await
        .unwrap();
    anna.send(&ClientFrame::Typing { chat: Some(chat), on: true }).await.unwrap();
    customer.find("typing").await.unwrap();
    assert_eq!(customer.script(moving).await.unwrap(), json!(false));
}

#[tokio::test]
async fn u1_the_chat_page_speaks_each_language_with_its_own_plurals() {
    let shop = shop(|_| ()).await.unwrap();
    let customer = shop.browsers.open(900, 700).await.unwrap();
    let mut greetings = Vec::new();
    for language in ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "ar", "zh", "ja"] {
        customer.go(&format!("{}/chat/?language={language}", shop.acme.url())).await.unwrap();
        customer.find("question").await.unwrap();
        let side = if language == "ar" { "rtl" } else { "ltr" };
        let root = "const { lang, dir } = document.documentElement; return [lang, dir]";
        assert_eq!(customer.script(root).await.unwrap(), json!([language, side]));
        greetings.push(customer.css("#form").await.unwrap().text().await.unwrap());
        // One text for each form that the browser's rules know here.
        let plurals = "const done = arguments[arguments.length - 1]; import('/chat/widget.js').then(({ say }) => { \
            const rules = new Intl.PluralRules(document.documentElement.lang), forms = {}; \
            for (const n of [2, 3, 5, 11, 21, 22, 100]) { const text = say(9, '7', String(n)); \
              (forms[rules.select(n)] ||= []).push(text.replace(n, '#')); } \
            done(Object.entries(forms).map(([form, all]) => [form, new Set(all).size, all[0]])); })";
        let forms = customer.driver.execute_async(plurals, vec![]).await.unwrap();
        let forms = forms.json().as_array().unwrap().clone();
        for form in &forms {
            assert!(form[1] == 1 && form[2].as_str().unwrap().contains('7'), "{language}: {form}");
        }
        let texts: BTreeSet<&str> = forms.iter().filter_map(|form| form[2].as_str()).collect();
        assert!(language != "ar" || texts.len() >= 3, "{language}: {forms:?}");
        // The expected wait is a range, and stands in the sentence as one.
        let range = "const done = arguments[arguments.length - 1]; \
            import('/chat/widget.js').then(({ say }) => done(say(9, '7', '3–5').includes('3–5') && say(9, '7', '3–5').includes('7')))";
        let range = customer.driver.execute_async(range, vec![]).await.unwrap();
        assert_eq!(range.json(), &json!(true), "{language}");
        let empty = "return [...document.querySelectorAll('[data-say]')].filter((it) => !it.textContent.trim()).length";
        assert_eq!(customer.script(empty).await.unwrap(), json!(0), "{language}");
    }
    let all = greetings.len();
    greetings.sort();
    greetings.dedup();
    assert_eq!(greetings.len(), all, "{greetings:?}");
}

#[tokio::test]
async fn u1_the_chat_page_is_the_whole_chat() {
    let both = both().await;
    let browsers = baton_e2e::browser::Browsers::start().await.unwrap();
    let (mut anna, mut gus) =
        (Client::agent(&both.acme, "anna").await.unwrap(), Client::agent(&both.globex, "gus").await.unwrap());
    let customer = browsers.open(900, 700).await.unwrap();
    customer.go(&format!("{}/chat/", both.acme.url())).await.unwrap();
    story::ask(&customer, "My stove leaks.").await.unwrap();
    let chat = anna.pick_up().await.unwrap();
    anna.say(Some(chat), 1, "I hand you over.").await.unwrap();
    customer.shows("message", "I hand you over.").await.unwrap();
    customer.driver.refresh().await.unwrap();
    customer.shows("message", "I hand you over.").await.unwrap();
    let comments = "Leaks at the valve.".into();
    let (transfer, to, share) = (TRANSFER, to_globex(), Share::All);
    anna.send(&ClientFrame::Transfer { transfer, chat, to, comments, share }).await.unwrap();
    customer.shows("brand", both.globex.plan().title).await.unwrap();
    let chat = gus.pick_up().await.unwrap();
    customer.say("composer", "Hello workshop.").await.unwrap();
    reads(&mut gus, "Hello workshop.").await;
    gus.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    customer.find("over").await.unwrap();
    assert_eq!(customer.script("return Object.keys(localStorage)").await.unwrap(), json!([]));
    customer.click("again").await.unwrap();
    customer.find("question").await.unwrap();
}
