//! A discrete-event simulation of the real queue manager: customers and agents of published models, on simulated time.
//!
//! [`model`] runs it, [`erlang`] knows what must come out, [`checks`] holds the one against the other, [`cost`] measures
//! a decision, [`plot`] draws.

pub mod checks;
pub mod cost;
pub mod erlang;
pub mod model;
pub mod plot;
