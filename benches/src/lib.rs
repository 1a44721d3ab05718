//! `baton-bench`: the load tool, and what it is made of.
//!
//! - [`relay`]: messages through one server, Baton or any other; [`load`] is what makes them.
//! - [`connections`]: idle ones and new ones; [`endurance`]: many sessions, and a long time.
//! - [`compare`]: several servers in turns.
//! - [`queue_sim`]: the queue manager on simulated time.
//! - [`transfer`]: how long a customer is on the way from one company's gateway to another's.
//! - [`gateway`], [`tls`]: gateways to measure, and their certificates; [`process`]: what Linux knows of a process.

pub mod compare;
pub mod connections;
pub mod endurance;
pub mod gateway;
pub mod load;
pub mod process;
pub mod progress;
pub mod queue_sim;
pub mod relay;
pub mod syscalls;
pub mod tls;
pub mod transfer;
