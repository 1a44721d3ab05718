//! The time in whole seconds since the gateway's start: precise enough for silence and allowances, and read without
//! asking the system. One task moves it on.

use std::sync::atomic::{AtomicU32, Ordering};

static SECONDS: AtomicU32 = AtomicU32::new(0);

/// Seconds since the start.
#[must_use]
pub fn seconds() -> u32 {
    SECONDS.load(Ordering::Relaxed)
}

/// A second has passed.
pub fn tick() {
    SECONDS.fetch_add(1, Ordering::Relaxed);
}
