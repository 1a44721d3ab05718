//! How quickly the console opens, and how smoothly long lists move. The figures are printed; what is asserted holds on a
//! slow machine, too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::story;
use baton_protocol::frames::Start;
use baton_protocol::{ClientFrame, Encoding, MessageId, ServerFrame};
use thirtyfour::Key;

/// Customers who wait at the same time. An agent is told of the first 300 of them.
const WAITING: usize = 1_000;

/// Messages of a long conversation.
const SAID: u32 = 5_000;

/// Messages of it that are sent before their acknowledgement is waited for.
const PART: u32 = 100;

/// Scrolls an element through all of it and gives the frames' times in milliseconds: the median, the 99th of a hundred,
/// the longest, how many there were, and how many took longer than two frames of a screen.
const SCROLL: &str = "
    const done = arguments[arguments.length - 1], list = document.querySelector(arguments[0]), times = [];
    let last = performance.now(), step = Math.max(60, list.scrollHeight / 120);
    const frame = now => {
        times.push(now - last); last = now;
        const before = list.scrollTop;
        list.scrollTop = before + step;
        if (list.scrollTop > before && times.length < 400) return requestAnimationFrame(frame);
        times.sort((a, b) => a - b);
        const at = share => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] * 10) / 10;
        done([at(.5), at(.99), at(1), times.length, times.filter(time => time > 34).length]);
    };
    list.scrollTop = 0;
    requestAnimationFrame(frame);
";

/// Scrolls, and prints how it went: the frames, and what the page's main thread did meanwhile.
async fn scrolled(browser: &Browser, what: &str, selector: &str) -> Vec<f64> {
    let before = browser.work().await.unwrap();
    let found = browser.driver.execute_async(SCROLL, vec![serde_json::json!(selector)]).await.unwrap();
    let times: Vec<f64> = serde_json::from_value(found.json().clone()).unwrap();
    let after = browser.work().await.unwrap();
    let [script, style, layout] = [0, 1, 2].map(|part| after[part] - before[part]);
    println!(
        "{what}: frame median {} ms, p99 {} ms, longest {} ms, {} frames, {} of them late; script {script:.0} ms, style \
         {style:.0} ms, layout {layout:.0} ms",
        times[0], times[1], times[2], times[3], times[4]
    );
    times
}

/// Scrolls up as whoever looks for the beginning does, for 300 frames: what happens meanwhile.
const UP: &str = "
    const done = arguments[arguments.length - 1], list = document.querySelector(arguments[0]), times = [];
    let last = performance.now();
    const frame = now => {
        times.push(now - last); last = now;
        list.scrollTop -= 80;
        if (times.length < 300) return requestAnimationFrame(frame);
        times.sort((a, b) => a - b);
        const at = share => Math.round(times[Math.min(299, Math.floor(300 * share))] * 10) / 10;
        const drawn = document.querySelectorAll('[data-test=message]').length;
        done(`frame median ${at(.5)} ms, p99 ${at(.99)} ms, longest ${at(1)} ms, ${drawn} lines drawn, at ${Math.round(list.scrollTop)}`);
    };
    list.scrollTop = list.scrollHeight;
    requestAnimationFrame(frame);
";

async fn scrolled_up(browser: &Browser, selector: &str) -> String {
    let before = browser.work().await.unwrap();
    let found = browser.driver.execute_async(UP, vec![serde_json::json!(selector)]).await.unwrap();
    let after = browser.work().await.unwrap();
    let [script, style, layout] = [0, 1, 2].map(|part| after[part] - before[part]);
    let said = found.json().as_str().unwrap_or_default().to_owned();
    format!("{said}; script {script:.0} ms, style {style:.0} ms, layout {layout:.0} ms")
}

async fn elements(browser: &Browser, selector: &str) -> u64 {
    let script = format!("return document.querySelectorAll('{selector}').length");
    browser.script(&script).await.unwrap().as_u64().unwrap()
}

#[tokio::test]
async fn a2_a_thousand_waiting_and_five_thousand_messages_are_drawn_as_far_as_they_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.configure_after("[limits]\n", "burst = 100000\nper_second = 100000\nper_address = 5000").unwrap();
    acme.start().await.unwrap();
    let verifier = baton_e2e::pair::verifier();
    let (mut carla, ..) = Client::customer(&acme, &verifier).await.unwrap();
    for part in 0..SAID / PART {
        let ids =
            (part * PART..(part + 1) * PART).map(|number| MessageId(u128::from(number + 1).to_be_bytes()));
        for id in ids {
            let text = format!("Message {id} of a long conversation.");
            carla.send(&ClientFrame::Say { chat: None, id, text }).await.unwrap();
        }
        let last = MessageId(u128::from((part + 1) * PART).to_be_bytes());
        let stored = |frame: &ServerFrame| match frame {
            ServerFrame::Stored { id, .. } => (*id == last).then_some(()),
            _ => None,
        };
        carla.expect("the last to be stored", stored).await.unwrap();
    }
    let mut waiting = Vec::with_capacity(WAITING);
    for number in 0..WAITING {
        let mut client = Client::connect(&acme, Encoding::Binary, None).await.unwrap();
        let (name, subject) = (format!("Customer {number}"), "A question about tents".to_owned());
        let (area, email, challenge) = (String::new(), String::new(), verifier.challenge());
        client.hello(Start::New { area, name, email, subject, challenge }, 0).await.unwrap();
        waiting.push(client);
    }
    let browsers = Browsers::start().await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    // All are counted, whoever wrote so much included, and the list says that it has the first of them alone.
    let all = WAITING + 1;
    anna.shows("inbox-waiting", &all.to_string()).await.unwrap();
    anna.shows("queue-cut", &format!("{all} are waiting: these are the next 300")).await.unwrap();
    anna.picture("console-more-wait-than-listed").await.unwrap();
    anna.driver.refresh().await.unwrap();
    anna.find("queue-row").await.unwrap();
    let opened = anna.script("return Math.round(performance.now())").await.unwrap();
    println!("opened, with {WAITING} waiting: {opened} ms at most since the navigation");
    scrolled(&anna, "waiting list", ".inbox .scroll").await;
    assert!(elements(&anna, "[data-test=queue-row]").await < 80, "rows out of sight are drawn");
    // Whoever waits longest, wherever the list stands.
    anna.css("body").await.unwrap().send_keys(Key::Alt + "p").await.unwrap();
    anna.find("message").await.unwrap();
    assert!(
        elements(&anna, "[data-test=message]").await < 400,
        "a long conversation is drawn as far as it is read"
    );
    scrolled(&anna, "the conversation's end", ".transcript").await;
    let drawn = elements(&anna, "[data-test=message]").await;
    assert!(drawn < 1_000, "{drawn} of {SAID} are drawn for whoever reads the last of them");
    let up = scrolled_up(&anna, ".transcript").await;
    println!("the conversation upwards: {up}");
}
