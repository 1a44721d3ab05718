//! Load on a server, Baton or any other.
//!
//! - [`server`]: which server, found or started; [`pairs`]: who talks to whom on it.
//! - [`opening`]: one connection until it is ready; [`ramp`]: many at once.
//! - [`engine`]: the messages; [`script`] is what is sent, [`scan`] what is received, [`ws`] the framing.
//! - [`measure`]: figures, and how far they can be believed.

pub mod engine;
pub mod measure;
pub mod opening;
pub mod pairs;
pub mod ramp;
pub mod scan;
pub mod script;
pub mod server;
pub mod ws;
