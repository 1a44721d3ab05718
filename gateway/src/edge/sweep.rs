//! One look at every connection each second, instead of a timer for each.

use std::sync::Arc;
use std::time::Duration;

use baton_protocol::CloseCode;
use baton_protocol::limits::{HEARTBEAT_SECONDS, HELLO_SECONDS};

use super::clock;
use crate::driver::Gateway;
use crate::driver::conn::Conn;

/// A silent connection is given up after this many seconds: three heartbeats.
const SILENCE: u32 = 3 * HEARTBEAT_SECONDS as u32;

/// A peer that takes nothing for so many seconds is given up.
const WRITE_LIMIT: u32 = 10;

/// Sweeps for as long as the gateway runs.
pub async fn run(gateway: Arc<Gateway>) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        clock::tick();
        gateway.each_connection(|conn| {
            if let Some(code) = verdict(conn, clock::seconds()) {
                conn.close(code);
            }
        });
    }
}

/// What we write does not count as a word of the peer's: to one that is gone we may write for a long time.
fn verdict(conn: &Conn, now: u32) -> Option<CloseCode> {
    let past = |since: u32, limit: u32| now.saturating_sub(since) > limit;
    let hello = conn.is_unknown() && u64::from(now.saturating_sub(conn.opened())) > HELLO_SECONDS;
    if hello || past(conn.heard(), SILENCE) {
        Some(CloseCode::TimedOut)
    } else if conn.blocked_since().is_some_and(|since| past(since, WRITE_LIMIT)) {
        Some(CloseCode::TooSlow)
    } else {
        None
    }
}
