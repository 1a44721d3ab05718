//! Frames to bytes and back. The only module that knows bincode.
//!
//! A binary frame is a header of four bytes and a bincode body:
//!
//! | bytes | meaning |
//! |---|---|
//! | 0 | protocol version, [`VERSION`] |
//! | 1, 2 | frame type, little endian |
//! | 3 | flags, 0; a receiver refuses what it does not know |
//! | 4… | the frame's fields in order, bincode 2 standard configuration |
//!
//! A JSON frame is one object whose `type` names the frame. Members that a receiver does not know are ignored.
//!
//! Decoding never allocates more than [`MAX_FRAME`] and never accepts a body with bytes left over.

use std::fmt;

use bincode::Encode;
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::Serialize;

use crate::frames::{ClientFrame, ServerFrame};
use crate::model::Entry;
use crate::{ChatId, VERSION, limits::MAX_FRAME};

/// Bytes before the body of a binary frame.
pub const HEADER: usize = 4;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_FRAME>> =
    bincode::config::standard().with_limit::<MAX_FRAME>();

/// How a connection writes its frames: its WebSocket subprotocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `baton.v1.bin`: binary messages.
    Binary,
    /// `baton.v1.json`: text messages.
    Json,
}

impl Encoding {
    /// Both, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Binary, Self::Json];

    /// The name in `Sec-WebSocket-Protocol` (RFC 6455 section 1.9).
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Binary => "baton.v1.bin",
            Self::Json => "baton.v1.json",
        }
    }

    /// The encoding of that name.
    #[must_use]
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.subprotocol() == name)
    }
}

/// Bytes that are not a frame. Every one is a reason to close with
/// [`Malformed`](crate::CloseCode::Malformed), except the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Longer than [`MAX_FRAME`]: close with [`TooLarge`](crate::CloseCode::TooLarge).
    TooLarge(usize),
    /// Shorter than a header.
    Truncated,
    /// Another protocol version.
    Version(u8),
    /// Flags that this version does not have.
    Flags(u8),
    /// A frame type that this direction does not have.
    UnknownType(u16),
    /// The body is not what the type says.
    Body,
    /// Bytes after the body.
    Trailing(usize),
    /// The text is not the JSON of a frame. Says which member is missing or unknown, and never repeats a value.
    Json(String),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(size) => write!(f, "frame of {size} bytes, at most {MAX_FRAME} are allowed"),
            Self::Truncated => write!(f, "frame shorter than its header of {HEADER} bytes"),
            Self::Version(version) => write!(f, "protocol version {version}, this is {VERSION}"),
            Self::Flags(flags) => write!(f, "unknown flags {flags:#04x}"),
            Self::UnknownType(number) => write!(f, "unknown frame type {number}"),
            Self::Body => f.write_str("body does not fit the frame type"),
            Self::Trailing(count) => write!(f, "{count} bytes after the body"),
            Self::Json(what) => write!(f, "not the JSON of a frame: {what}"),
        }
    }
}

impl std::error::Error for FrameError {}

macro_rules! direction {
    ($frame:ident, $decode:ident, $binary:ident) => {
        impl $frame {
            /// Appends the frame's bytes to `to`.
            ///
            /// # Errors
            /// [`FrameError::TooLarge`] when they would be more than [`MAX_FRAME`]; `to` is then as it was.
            pub fn encode(&self, encoding: Encoding, to: &mut Vec<u8>) -> Result<(), FrameError> {
                whole(to, |to| match encoding {
                    Encoding::Binary => {
                        to.extend_from_slice(&header(self.number()));
                        let mut encoder = bincode::enc::EncoderImpl::new(VecWriter(to), CONFIG);
                        self.encode_body(&mut encoder).map_err(|_| FrameError::Body)
                    }
                    Encoding::Json => serde_json::to_writer(&mut *to, self).map_err(|_| FrameError::Body),
                })
            }
        }

        /// Reads one frame of this direction from one WebSocket message.
        ///
        /// # Errors
        /// Anything that is not exactly one frame.
        pub fn $decode(encoding: Encoding, bytes: &[u8]) -> Result<$frame, FrameError> {
            if bytes.len() > MAX_FRAME {
                return Err(FrameError::TooLarge(bytes.len()));
            }
            match encoding {
                Encoding::Binary => $binary(bytes),
                Encoding::Json => serde_json::from_slice(bytes).map_err(|error| json_error(&error)),
            }
        }

        fn $binary(bytes: &[u8]) -> Result<$frame, FrameError> {
            let (number, body) = split_header(bytes)?;
            let reader = bincode::de::read::SliceReader::new(body);
            let mut decoder = bincode::de::DecoderImpl::new(Counted { reader, left: body.len() }, CONFIG, ());
            let frame = $frame::decode_body(number, &mut decoder)
                .ok_or(FrameError::UnknownType(number))?
                .map_err(|_| FrameError::Body)?;
            match bincode::de::Decoder::reader(&mut decoder).left {
                0 => Ok(frame),
                left => Err(FrameError::Trailing(left)),
            }
        }
    };
}

direction!(ClientFrame, decode_client, decode_client_binary);
direction!(ServerFrame, decode_server, decode_server_binary);

/// Appends the bytes of an [`entries`](ServerFrame::Entries) frame with this one entry, which need not be copied for it.
///
/// # Errors
/// As [`ServerFrame::encode`].
pub fn encode_entry(
    encoding: Encoding,
    chat: ChatId,
    entry: &Entry,
    to: &mut Vec<u8>,
) -> Result<(), FrameError> {
    let entries = [entry];
    whole(to, |to| match encoding {
        Encoding::Binary => {
            to.extend_from_slice(&header(ServerFrame::ENTRIES));
            let mut encoder = bincode::enc::EncoderImpl::new(VecWriter(to), CONFIG);
            chat.encode(&mut encoder)
                .and_then(|()| entries.as_slice().encode(&mut encoder))
                .map_err(|_| FrameError::Body)
        }
        Encoding::Json => {
            let frame = OneEntry { kind: "entries", chat, entries };
            serde_json::to_writer(&mut *to, &frame).map_err(|_| FrameError::Body)
        }
    })
}

/// An `entries` frame in JSON.
#[derive(Serialize)]
struct OneEntry<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    chat: ChatId,
    entries: [&'a Entry; 1],
}

/// Takes what was written back where it is too much.
fn whole(
    to: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), FrameError>,
) -> Result<(), FrameError> {
    let start = to.len();
    write(to)?;
    let size = to.len() - start;
    if size > MAX_FRAME {
        to.truncate(start);
        return Err(FrameError::TooLarge(size));
    }
    Ok(())
}

fn header(number: u16) -> [u8; HEADER] {
    let [low, high] = number.to_le_bytes();
    [VERSION, low, high, 0]
}

/// What a client's author needs, without the values: serde's other messages quote them.
fn json_error(error: &serde_json::Error) -> FrameError {
    let text = error.to_string();
    let quotes_no_value = text.starts_with("missing field") || text.starts_with("unknown variant");
    FrameError::Json(match error.classify() {
        serde_json::error::Category::Data if quotes_no_value => text,
        serde_json::error::Category::Data => "a member has the wrong type".into(),
        _ => format!("no JSON from line {} column {}", error.line(), error.column()),
    })
}

fn split_header(bytes: &[u8]) -> Result<(u16, &[u8]), FrameError> {
    let (header, body) = bytes.split_first_chunk::<HEADER>().ok_or(FrameError::Truncated)?;
    match *header {
        [VERSION, low, high, 0] => Ok((u16::from_le_bytes([low, high]), body)),
        [VERSION, _, _, flags] => Err(FrameError::Flags(flags)),
        [version, ..] => Err(FrameError::Version(version)),
    }
}

struct VecWriter<'a>(&'a mut Vec<u8>);

impl bincode::enc::write::Writer for VecWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A slice reader that knows how much is left, so that trailing bytes are seen.
struct Counted<'a> {
    reader: bincode::de::read::SliceReader<'a>,
    left: usize,
}

impl bincode::de::read::Reader for Counted<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), bincode::error::DecodeError> {
        self.reader.read(bytes)?;
        self.left -= bytes.len();
        Ok(())
    }

    fn peek_read(&mut self, n: usize) -> Option<&[u8]> {
        self.reader.peek_read(n)
    }

    fn consume(&mut self, n: usize) {
        self.reader.consume(n);
        self.left -= n;
    }
}
