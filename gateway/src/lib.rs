//! The gateway: the drivers around [`baton_core`].
//!
//! | module | what it does |
//! |---|---|
//! | [`edge`] | HTTP, WebSockets, limits |
//! | [`driver`] | gives the machines time, randomness, storage, sockets and peers |
//! | [`federation`] | other companies' servers |
//! | [`peering`] | who is a peer, and what is agreed with it |
//! | [`store`], [`bus`] | what is durable, what wakes |
//! | [`config`], [`cli`] | what the operator says |
//! | [`identity`], [`mail`] | who a site says its customer is; letters to customers |
//! | [`api`] | administration, reports and search over HTTP, for the console and for programs |
//! | [`password`] | agents' passwords |
//! | [`assets`] | the widget and the console, built in |

pub mod admin;
pub mod api;
pub mod assets;
pub mod bus;
pub mod cli;
pub mod config;
pub mod documents;
pub mod driver;
pub mod edge;
mod failure;
pub mod federation;
pub mod identity;
pub mod mail;
pub mod password;
pub mod peering;
pub mod queue_link;
mod run;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod store;

pub use run::{Stopped, serve};

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
