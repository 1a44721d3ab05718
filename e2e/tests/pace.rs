//! How quickly the console opens, and how smoothly long lists move. The figures are printed; what is asserted holds on a
//! slow machine, too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::{axe, story, until};
use baton_protocol::frames::Start;
use baton_protocol::{ClientFrame, Encoding, MessageId, ServerFrame};
use serde_json::json;
use thirtyfour::Key;

/// Customers who wait at the same time. An agent is told of the first 300 of them.
const WAITING: usize = 1_000;

/// Messages of a long conversation.
const SAID: u32 = 5_000;

/// Messages of it that are sent before their acknowledgement is waited for.
const PART: u32 = 100;

/// Watches a list while it moves: the frames' times in milliseconds; of a conversation, where asked for, also by how many
/// pixels what is read moves from one look at it to the next, how many pixels more or less than a script has scrolled by
/// meanwhile, how often there was a gap, and how many lines were in the page, at most. A look follows a painted frame,
/// but on a busy machine two frames may be painted before it.
const WATCH: &str = "
    const [selector, closely] = arguments, list = document.querySelector(selector), ticks = new MessageChannel();
    const seen = window.watched = { times: [], steps: [], leap: 0, gaps: 0, lines: 0, going: true };
    let last = 0, read = null, at = 0, driven = window.driven = 0;
    // After a frame has been painted: by then the browser has put everything in its place.
    ticks.port1.onmessage = () => {
        const box = list.getBoundingClientRect(), lines = [...list.querySelectorAll('[data-test=message]')];
        seen.lines = Math.max(seen.lines, lines.length);
        const inside = line => {
            const { top, bottom } = line.getBoundingClientRect();
            return top >= box.top && bottom <= box.bottom;
        };
        const now = read?.isConnected && read.getBoundingClientRect().top;
        if (read?.isConnected) {
            seen.steps.push(now - at);
            seen.leap = Math.max(seen.leap, Math.abs(now - at + window.driven - driven));
        }
        driven = window.driven;
        if (!read?.isConnected || !inside(read)) read = lines.find(inside);
        at = read?.getBoundingClientRect().top;
        const start = lines[0].getBoundingClientRect().top, end = lines.at(-1).getBoundingClientRect().bottom;
        const [above, below] = [...list.querySelectorAll('.space')].map(space => space.offsetHeight);
        if (above > 0 && start > box.top || below > 0 && end < box.bottom) seen.gaps++;
    };
    const frame = now => {
        if (last) seen.times.push(now - last);
        last = now;
        if (closely) ticks.port2.postMessage(0);
        if (seen.going) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
";

/// Scrolls by script, so many pixels a frame, until there is no more or so many frames are over.
const DRIVE: &str = "
    const [selector, step, frames, done] = arguments, list = document.querySelector(selector);
    let left = frames;
    const frame = () => {
        const before = list.scrollTop;
        list.scrollTop += step;
        window.driven += step;
        if (list.scrollTop !== before && left--) requestAnimationFrame(frame); else done(list.scrollTop);
    };
    requestAnimationFrame(frame);
";

/// How a list moved.
struct Pace {
    /// Of frames, sorted, in milliseconds.
    times: Vec<f64>,
    /// By which what was read moved, in pixels.
    steps: Vec<f64>,
    /// By which it moved more or less than a script has scrolled, at most.
    leap: f64,
    gaps: f64,
    lines: f64,
}

/// Scrolls down, or up (negative), by so many pixels a frame, and prints how it went: the frames, and what the page's main
/// thread did meanwhile.
async fn scrolled(browser: &Browser, what: &str, selector: &str, step: i32) -> Pace {
    let before = browser.work().await.unwrap();
    let (pace, _) = driven(browser, selector, step, 300, false).await;
    let after = browser.work().await.unwrap();
    let [script, style, layout] = [0, 1, 2].map(|part| after[part] - before[part]);
    let late = pace.times.iter().filter(|time| **time > 20.0).count();
    println!(
        "{what}, {step} pixels a frame: median {:.1} ms, p99 {:.1} ms, longest {:.1} ms, {late} of {} frames later than 20 ms; \
         script {script:.0} ms, style {style:.0} ms, layout {layout:.0} ms",
        pace.share(0.5),
        pace.share(0.99),
        pace.share(1.0),
        pace.times.len(),
    );
    pace
}

/// Turns the wheel over a list, down or up (negative), by so many pixels in all.
async fn wheeled(browser: &Browser, selector: &str, pixels: f64) -> Pace {
    let script = format!(
        "const box = document.querySelector('{selector}').getBoundingClientRect();
         return [box.left + box.width / 2, box.top + box.height / 2]"
    );
    let at = serde_json::from_value(browser.script(&script).await.unwrap()).unwrap();
    browser.driver.execute(WATCH, vec![json!(selector), json!(true)]).await.unwrap();
    browser.scroll(at, pixels, 4_800.0).await.unwrap();
    watched(browser).await
}

async fn watched(browser: &Browser) -> Pace {
    let seen = "watched.going = false;
        const { times, steps, leap, gaps, lines } = watched;
        return [times, steps, leap, gaps, lines]";
    let (times, steps, leap, gaps, lines) =
        serde_json::from_value(browser.script(seen).await.unwrap()).unwrap();
    let mut pace = Pace { times, steps, leap, gaps, lines };
    pace.times.sort_by(f64::total_cmp);
    pace
}

/// Scrolls by script. Where the list is then.
async fn driven(browser: &Browser, selector: &str, step: i32, frames: u32, closely: bool) -> (Pace, f64) {
    browser.driver.execute(WATCH, vec![json!(selector), json!(closely)]).await.unwrap();
    let asked = vec![json!(selector), json!(step), json!(frames)];
    let at = browser.driver.execute_async(DRIVE, asked).await.unwrap().json().as_f64().unwrap();
    (watched(browser).await, at)
}

impl Pace {
    /// The time within which this share of the frames came.
    fn share(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list"
        )]
        let place = (self.times.len() as f64 * share) as usize;
        self.times[place.min(self.times.len() - 1)]
    }

    /// What holds on a slow machine, too: what is read moves one way, and only what is near it is drawn.
    fn is_steady(&self, down: bool) {
        let way = if down { -1.0 } else { 1.0 };
        let back = self.steps.iter().map(|moved| -moved * way).fold(0.0, f64::max);
        assert!(back <= 2.0, "what is read has moved back by {back} pixels");
        assert!(self.lines > 0.0 && self.lines < 120.0, "{} lines are drawn", self.lines);
        assert_eq!(self.gaps, 0.0);
    }
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
            let number = u128::from_be_bytes(id.0);
            // Some are longer than a line of the screen.
            let more = if number % 7 == 0 { " It has a lot to say.".repeat(12) } else { String::new() };
            let text = format!("Message {number} of a long conversation.{more}");
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
    opens(&browsers, &acme, &anna).await;
    scrolled(&anna, "the waiting list", ".inbox .scroll", 40).await;
    scrolled(&anna, "the waiting list", ".inbox .scroll", -40).await;
    assert!(elements(&anna, "[data-test=queue-row]").await < 80, "rows out of sight are drawn");
    // Whoever waits longest, wherever the list stands.
    anna.css("body").await.unwrap().send_keys(Key::Alt + "p").await.unwrap();
    let last = "Message 5000 of a long conversation";
    anna.shows("message", last).await.unwrap();
    // All of them have come when the first one is there to be found.
    until("the whole conversation", || async {
        let height = anna.script("return document.querySelector('.transcript').scrollHeight").await?;
        anyhow::ensure!(height.as_f64().is_some_and(|height| height > f64::from(SAID) * 30.0), "{height}");
        Ok(())
    })
    .await
    .unwrap();
    let list = ".transcript";
    for step in [-80, 80, -400, 400] {
        scrolled(&anna, "the conversation", list, step).await;
    }
    for down in [false, true] {
        let pace = wheeled(&anna, list, if down { 20_000.0 } else { -20_000.0 }).await;
        pace.is_steady(down);
    }
    let (pace, _) = driven(&anna, list, -80, 100, true).await;
    assert!(pace.leap <= 2.0, "what is read has moved by {} pixels more or less than the list", pace.leap);
    pace.is_steady(false);
    // From one end to the other.
    let (pace, at) = driven(&anna, list, -2_000, 400, true).await;
    assert!(pace.lines < 120.0, "{} lines are drawn", pace.lines);
    assert_eq!(at, 0.0);
    anna.shows("message", "Message 1 of a long conversation").await.unwrap();
    driven(&anna, list, 2_000, 400, false).await;
    anna.shows("message", last).await.unwrap();
    found(&anna).await;
}

/// Looks for what was said in the middle.
async fn found(anna: &Browser) {
    anna.css("body").await.unwrap().send_keys(Key::Alt + "s").await.unwrap();
    anna.type_into("within", "message 2500 OF").await.unwrap();
    anna.shows("within-count", "1 of 1").await.unwrap();
    anna.shows("message", "Message 2500 of").await.unwrap();
    let place = "const line = document.querySelector('[data-found]'), list = line?.closest('.transcript').getBoundingClientRect();
        return line ? Math.round(line.getBoundingClientRect().top - list.top - list.height / 2) : null";
    until("the line in the middle", || async {
        let at = anna.script(place).await?;
        anyhow::ensure!(at.as_i64().is_some_and(|at| at.abs() < 100), "it is at {at}");
        Ok(())
    })
    .await
    .unwrap();
    axe::check(anna, "a search in a conversation").await.unwrap();
    anna.picture("console-within").await.unwrap();
    anna.keys(Key::Escape + "").await.unwrap();
}

/// When something of this mark was first in the page, in milliseconds since the navigation.
const FIRST: &str = "
    window.seen = {};
    const look = () => {
        for (const mark of ['login-name', 'presence', 'queue-row'])
            if (!(mark in seen) && document.querySelector(`[data-test=${mark}]`))
                requestAnimationFrame(() => setTimeout(() => { seen[mark] ??= Math.round(performance.now()); }));
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true });
";

/// How long it takes until the console is there: in a browser that has never seen it, and again.
async fn opens(browsers: &Browsers, acme: &Company, anna: &Browser) {
    let seen = async |browser: &Browser, mark: &str| {
        browser.find(mark).await.unwrap();
        until("its time", || async {
            let time = browser.script(&format!("return window.seen['{mark}'] ?? null")).await?;
            anyhow::ensure!(time.is_number(), "{time}");
            Ok(time)
        })
        .await
        .unwrap()
    };
    for _ in 0..3 {
        let fresh = browsers.open(1280, 860).await.unwrap();
        fresh.before_each_page(FIRST).await.unwrap();
        fresh.go(&acme.console()).await.unwrap();
        println!("opened in a fresh browser: the login after {} ms", seen(&fresh, "login-name").await);
    }
    anna.before_each_page(FIRST).await.unwrap();
    for _ in 0..3 {
        anna.driver.refresh().await.unwrap();
        let (desk, list) = (seen(anna, "presence").await, seen(anna, "queue-row").await);
        println!(
            "opened again, with {WAITING} waiting: the desk after {desk} ms, the first customer after {list} ms"
        );
    }
}
