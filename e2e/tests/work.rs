//! What the widget costs the main thread of a page, in processor time by Chromium's own trace: the same page without it, and
//! with it until the chat is usable. Usable is the chat when its launcher is painted and a click opens the form at once; and,
//! on a page that opens the chat, when the form is painted and can be typed in. Each in a frame and in shadow mode.
//!
//! `BATON_ROUNDS=10 cargo test … --test work -- --nocapture` prints as many rounds; `BATON_TRACE=folder` also writes down
//! what was in the tasks, which costs time of its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::time::Duration;

use baton_e2e::browser::Browsers;
use baton_e2e::embed::{Shop, shop};
use baton_e2e::trace::{PARTS, TASKS, Trace};
use baton_e2e::until;

/// Milliseconds of the main thread's time until the chat is usable, at most.
const BUDGET: f64 = 50.0;
/// Rounds, of which one must be within the budget: a machine that does something else makes any work longer.
const ROUNDS: usize = 8;
/// The pages whose budget is held: the launcher, in a frame and in shadow mode. With the window open the time is measured with
/// them where somebody asks for rounds; a browser on a busy machine needs too much of the budget for that to be held.
const WAYS: [&str; 4] = ["launched", "launched-shadow", "opened", "opened-shadow"];
const HELD: usize = 2;
/// In this time a page is quiet again. Asking the page would be work of the page's.
const QUIET: Duration = Duration::from_secs(3);

/// What the page marks when it is as it should be.
fn marked(page: &str) -> &str {
    page.split('-').next().unwrap_or_default()
}

/// What a browser that has just been started, with a profile of its own, does for this page.
async fn traced(site: &str, page: &str) -> Trace {
    let browsers = Browsers::start().await.unwrap();
    let folder = std::env::var("BATON_TRACE");
    let categories = if folder.is_ok() { PARTS } else { TASKS };
    let customer = browsers.open_traced(1200, 800, categories).await.unwrap();
    let address = format!("{site}/trial/{page}");
    customer.go(&address).await.unwrap();
    // waits: until the page has become quiet, without touching it; whether it has is asked afterwards.
    tokio::time::sleep(QUIET).await;
    until("the chat", || async {
        let there =
            customer.script("return performance.getEntriesByType('mark').map((it) => it.name)").await?;
        let there = there.as_array().is_some_and(|all| all.iter().any(|mark| mark == marked(page)));
        anyhow::ensure!(page == "bare" || there, "it is not usable yet");
        Ok(())
    })
    .await
    .unwrap();
    let trace = Trace::of(&customer, &address).await.unwrap();
    if let Ok(folder) = folder {
        std::fs::write(format!("{folder}/{page}.txt"), written(&trace)).unwrap();
    }
    trace
}

/// Milliseconds from the navigation, on the clock, of processor time; tasks and what was in them.
fn written(trace: &Trace) -> String {
    let mut text = String::new();
    for (kind, all) in [("task", &trace.tasks), ("part", &trace.parts)] {
        for task in all {
            writeln!(text, "{kind} {:.2} {:.2} {:.2} {}", task.at, task.wall, task.cpu, task.name).unwrap();
        }
    }
    text
}

#[tokio::test]
async fn u1_the_chat_is_usable_after_50_ms_of_the_main_threads_time() {
    let Shop { site, acme: _acme, .. } = &shop(|_| ()).await.unwrap();
    let rounds = std::env::var("BATON_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let mut within = [false; WAYS.len()];
    for _ in 0..rounds.unwrap_or(ROUNDS) {
        let bare = traced(site, "bare").await.cpu(0.0, f64::MAX);
        for (place, (page, done)) in WAYS.into_iter().zip(&mut within).enumerate() {
            // One that is within the budget is not asked again, unless somebody looks at the figures.
            if rounds.is_none() && (*done || place >= HELD) {
                continue;
            }
            let trace = traced(site, page).await;
            let at = trace.mark(marked(page)).unwrap();
            let (own, later) = (trace.cpu(0.0, at) - bare, trace.cpu(at, f64::MAX));
            let before = trace.tasks.iter().filter(|task| task.at < at);
            let longest = before.map(|task| task.cpu).fold(0.0, f64::max);
            println!(
                "{page}: page {bare:.1}, its own {own:.1}, later {later:.1}; longest {longest:.1}, at {at:.0}"
            );
            *done |= own <= BUDGET;
        }
        if rounds.is_none() && within[..HELD] == [true; HELD] {
            return;
        }
    }
    assert_eq!(within[..HELD], [true; HELD], "{WAYS:?}");
}
