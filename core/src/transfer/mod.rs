//! A hand-over, as its origin and as its destination see it.
//!
//! [`origin`] is a part of the chat that is to leave: its states say what the chat may still do.
//! [`destination`] is a machine of its own, since there is no chat here before the customer has arrived.

pub mod destination;
pub mod origin;
