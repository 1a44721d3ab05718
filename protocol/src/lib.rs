//! The messages that the parts of Baton exchange.
//!
//! - [`frames`]: what travels over a WebSocket, client to gateway ([`ClientFrame`]) and gateway to client
//!   ([`ServerFrame`]).
//! - [`codec`]: frames to bytes and back, in both subprotocols. The only module that knows bincode.
//! - [`model`]: the nouns inside the frames: entries, contexts, destinations.
//! - [`federation`]: what travels between the servers of different companies, as JSON over HTTPS.
//! - [`codes`]: every close code and error code, each with what the client does about it.
//! - [`ids`]: identifiers and secrets. A secret prints as `•••`, whoever logs it.
//! - [`lean`]: the same bytes with less code, for the customer's widget.
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
pub mod lean;
pub mod limits;
pub mod model;
pub mod text;

pub use codec::{Encoding, decode_client, decode_server};
pub use codes::{CloseCode, ErrorCode};
pub use frames::{ClientFrame, ServerFrame};
pub use ids::{
    Challenge, ChatId, Epoch, ErasureId, MessageId, ResumeToken, SecretDigest, Seq, Timestamp, TransferId,
    Verifier, Wtid,
};

/// The protocol version in a binary frame's header and in both subprotocol names.
pub const VERSION: u8 = 1;

/// Where the documents of the gateway with this WebSocket are: beside it, also where the address is one customer's own
/// and goes on after it. Nothing for what is no such address.
#[must_use]
pub fn documents_beside(socket: &str) -> Option<String> {
    let rest = socket.strip_prefix("ws")?;
    let secure = rest.starts_with('s');
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://")?;
    let (host, mut path) = text::halves(rest, b'/')?;
    // Piece by piece, without the machinery for searching and formatting, which the widget would have to load.
    let mut url = String::from(if secure { "https://" } else { "http://" });
    url.push_str(host);
    loop {
        let (part, rest) = text::halves(path, b'/').unwrap_or((path, ""));
        if part == "ws" {
            url.push_str("/documents");
            return Some(url);
        }
        if part.len() == path.len() {
            return None;
        }
        url.push('/');
        url.push_str(part);
        path = rest;
    }
}

/// The path of the gateway's WebSocket.
pub const SOCKET_PATH: &str = "/v1/ws";

#[cfg(test)]
mod tests {
    use super::documents_beside;

    #[test]
    fn documents_are_beside_the_socket() {
        let beside = |socket| documents_beside(socket);
        assert_eq!(beside("wss://a.example/v1/ws").as_deref(), Some("https://a.example/v1/documents"));
        assert_eq!(beside("ws://ws:8/chat/v1/ws/wsx").as_deref(), Some("http://ws:8/chat/v1/documents"));
        assert_eq!(beside("https://a.example/v1/ws"), None);
        assert_eq!(beside("wss://a.example/v1/socket"), None);
    }
}
