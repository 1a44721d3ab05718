//! The pure state machines of Baton.
//!
//! No clock, no socket, no file and no random number: time and randomness are arguments, and every machine
//! answers an input with a list of effects that a driver carries out in their order. What must be stored before
//! it is told to anybody stands before it in that list.

pub mod audit;
pub mod client;
pub mod consult;
pub mod effect;
pub mod erase;
pub mod policy;
pub mod queue;
pub mod session;
pub mod transfer;
