//! The messages that the parts of Baton exchange.
//!
//! - [`frames`]: what travels over a WebSocket, client to gateway ([`ClientFrame`]) and gateway to client
//!   ([`ServerFrame`]).
//! - [`codec`]: frames to bytes and back, in both subprotocols. The only module that knows bincode.
//! - [`model`]: the nouns inside the frames: entries, contexts, destinations.
//! - [`federation`]: what travels between the servers of different companies, as JSON over HTTPS.
//! - [`codes`]: every close code and error code, each with what the client does about it.
//! - [`ids`]: identifiers and secrets. A secret prints as `•••`, whoever logs it.
//! - [`limits`]: the sizes that every part keeps.
//!
//! This crate reads no clock, no socket and no random number, and it compiles for wasm32.
//!
//! **Stability.** Wire bytes are frozen by the golden files in `tests/golden`. Enums and structs grow only at
//! their end, and only with a new protocol version; a changed golden file is a new version.

pub mod codec;
pub mod codes;
pub mod federation;
pub mod frames;
pub mod ids;
pub mod limits;
pub mod model;

pub use codec::{Encoding, decode_client, decode_server};
pub use codes::{CloseCode, ErrorCode};
pub use frames::{ClientFrame, ServerFrame};
pub use ids::{
    Challenge, ChatId, Epoch, MessageId, ResumeToken, SecretDigest, Seq, Timestamp, TransferId, Verifier,
    Wtid,
};

/// The protocol version in a binary frame's header and in both subprotocol names.
pub const VERSION: u8 = 1;

/// The path of the gateway's WebSocket.
pub const SOCKET_PATH: &str = "/v1/ws";
