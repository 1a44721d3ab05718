//! One clock for every machine: a sorted list and one task, instead of a sleeping task per timer.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use baton_core::effect::Timer;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Key;

/// Timers that are set, by machine and kind.
#[derive(Debug, Default)]
pub struct Timers {
    set: Mutex<Set>,
    sooner: Notify,
}

#[derive(Debug, Default)]
struct Set {
    due: BTreeMap<(Instant, u64), (Key, Timer)>,
    by_name: HashMap<(Key, Timer), (Instant, u64)>,
    count: u64,
}

impl Timers {
    /// Sets a timer; an earlier one of the same machine and kind is replaced.
    pub fn set(&self, key: Key, timer: Timer, after: Duration) {
        let mut set = self.set.lock();
        set.clear(&key, timer);
        set.count += 1;
        let at = (Instant::now() + after, set.count);
        set.due.insert(at, (key.clone(), timer));
        set.by_name.insert((key, timer), at);
        let first = set.due.first_key_value().is_some_and(|(first, _)| *first == at);
        drop(set);
        if first {
            self.sooner.notify_one();
        }
    }

    /// Forgets a timer.
    pub fn clear(&self, key: &Key, timer: Timer) {
        self.set.lock().clear(key, timer);
    }

    /// The next timer that is due. Waits for it.
    pub async fn next(&self) -> (Key, Timer) {
        loop {
            let first = self.set.lock().due.first_key_value().map(|((at, _), _)| *at);
            let now = Instant::now();
            match first {
                Some(at) if at <= now => {
                    let mut set = self.set.lock();
                    if let Some((_, name)) = set.due.pop_first() {
                        set.by_name.remove(&name);
                        return name;
                    }
                }
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = self.sooner.notified() => {}
                    }
                }
                None => self.sooner.notified().await,
            }
        }
    }
}

impl Set {
    fn clear(&mut self, key: &Key, timer: Timer) {
        if let Some(at) = self.by_name.remove(&(key.clone(), timer)) {
            self.due.remove(&at);
        }
    }
}
