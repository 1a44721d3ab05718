//! Real gateways and real browsers: what the end-to-end tests and the demo have in common.
//!
//! [`company`] starts a company: a gateway from the built `baton` binary in a folder of its own, its agents, and
//! its website; [`pair`] are two of them. [`browser`] drives headless Chromium, [`kill`] kills gateways in the middle
//! of transfers. Nothing here waits for a fixed time: [`until`] asks again until the answer is yes or the limit is over.

pub mod api;
pub mod axe;
pub mod browser;
pub mod client;
pub mod company;
pub mod desk;
pub mod documents;
pub mod embed;
pub mod firefox;
pub mod kill;
pub mod pair;
pub mod provider;
pub mod python;
pub mod sink;
pub mod socket;
pub mod story;
pub mod trace;
pub mod widget;

use std::time::{Duration, Instant};

/// How long anything that is going to happen may take on a slow machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Asks again until there is an answer.
///
/// # Errors
/// After [`LIMIT`], with the last error that the question gave.
pub async fn until<T, F>(what: &str, mut question: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let start = Instant::now();
    loop {
        let error = match question().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if start.elapsed() > LIMIT {
            return Err(error.context(format!("waited {} s for: {what}", LIMIT.as_secs())));
        }
        // waits: between two questions, so that asking costs little.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
