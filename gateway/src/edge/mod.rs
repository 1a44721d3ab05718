//! The edge: HTTP, WebSockets, and the limits that keep strangers in check. Nothing here knows what a chat is.

pub mod certificate;
pub mod clock;
pub mod documents;
pub mod echo;
pub mod embedding;
pub mod files;
pub mod flush;
pub mod framing;
pub mod http;
pub mod limits;
pub mod line;
mod no_script;
pub mod pages;
pub mod proxy;
pub mod server;
pub mod socket;
pub mod sweep;
pub mod visitors;
pub mod warm;
mod widget_page;
pub mod workers;
