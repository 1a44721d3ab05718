//! Deliberate defects, by which `cargo xtask kill-loop --sabotage …` shows that it finds what it is there to find.
//!
//! Compiled with the feature `sabotage` alone, for the binary `baton-sabotaged`; `baton` has nothing of it.

use std::sync::LazyLock;
use std::time::Duration;

use crate::store::Batch;

/// How long the sabotaged store takes for a commit: as long as a disk that has much to do. In that time a kill can
/// come between an acknowledgement and what it is for.
const COMMIT: Duration = Duration::from_millis(250);

/// What is wrong, by the environment.
static DEFECT: LazyLock<String> = LazyLock::new(|| std::env::var("BATON_SABOTAGE").unwrap_or_default());

/// `early`: whoever waits for the store is told before anything is stored.
pub fn tell_early(batch: Batch) -> Batch {
    if *DEFECT != "early" {
        return batch;
    }
    let Batch { ops, done } = batch;
    done(Ok(()));
    Batch { ops, done: Box::new(|_| ()) }
}

/// `early`: the store takes its time.
pub fn dawdle() {
    if *DEFECT == "early" {
        // waits: the defect itself.
        std::thread::sleep(COMMIT);
    }
}

/// `forgetful`: incoming transfers are in memory alone, and a restart forgets them.
pub fn forgets_incoming() -> bool {
    *DEFECT == "forgetful"
}
