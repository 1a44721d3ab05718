//! The agents' console (A1–A8): queue, chats side by side, and the transfer dialog.
//!
//! - [`model`]: what the console knows and what it asks the gateway for. Pure: no browser, no clock, no chance, so
//!   that its tests run anywhere.
//! - [`tongue`]: the console's own words in the agent's language.
//! - [`words`]: how states, events and times read to a person.
//! - `web`: the views and the socket; only for browsers.

pub mod model;
pub mod tongue;
#[cfg(target_arch = "wasm32")]
mod web;
pub mod words;
