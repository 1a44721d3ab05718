//! The queue manager on another machine (Q2): `baton serve --role queue`, and gateways with `--role edge`.
//!
//! **Contract.** The queue manager stores nothing. An edge that connects says everything that it knows: places that
//! are held, customers who wait with the times since when they do, agents who are here; only then does the manager
//! decide about them. So either of the two can be killed and started again without anybody losing their place. What
//! was decided on an earlier connection comes on none of the later ones: it is void.
//!
//! An edge keeps a copy of the manager to look at, which is told what happened and decides nothing. Requests that
//! a lost connection leaves without answer are refused, so that nobody waits for ever.
//!
//! - [`sealed`]: frames that only those who know the secret can write or read. [`server`], [`edge`]: the two ends.

pub mod edge;
pub mod sealed;
pub mod server;

use std::time::Duration;

use baton_core::queue::{Input, Output};
use baton_protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of what is said here.
const VERSION: u32 = 1;

/// How often each side says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Silence after which the other side is taken to be gone.
const SILENCE: Duration = Duration::from_secs(7);

/// Words that may wait to be sent. Beyond them the connection is given up: the next one begins anew.
const OUTBOX: usize = 131_072;

/// What an edge says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FromEdge {
    /// Who it is. What it said on an earlier connection is void.
    Hello {
        /// See [`VERSION`].
        version: u32,
        /// The server's name: edges of one server share a queue.
        server: String,
        /// Which of them it is: where it listens.
        name: String,
    },
    /// Something for the queue manager.
    Say(Input),
    /// Everything has been said again: decide.
    Ready,
    /// It is there.
    Beat,
}

/// What the queue manager says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FromManager {
    /// It listens. The edge's copy begins anew.
    Welcome {
        /// See [`VERSION`].
        version: u32,
    },
    /// This has happened, for the copy.
    Happened(Timestamp, Input),
    /// This is for something of this edge's.
    Tell(Output),
    /// It is there.
    Beat,
}
