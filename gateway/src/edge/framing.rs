//! Messages out of a stream of bytes, and into one (RFC 6455 section 5), on tungstenite's frame headers.
//!
//! A connection that is not in the middle of a message needs no buffer: whole frames are read where they lie, in a
//! buffer that all connections of a thread share.

use std::io::Cursor;
use std::ops::Range;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// Bytes that a frame has beside what was expected of it: its numbers and names, mostly.
const BESIDE: usize = 128;

/// Bytes that a control frame may carry (RFC 6455 section 5.5).
const MAX_CONTROL: u64 = 125;

/// Something that the peer says.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A binary message.
    Binary(&'a [u8]),
    /// A text message.
    Text(&'a str),
    /// To be answered with a pong.
    Ping(&'a [u8]),
    /// Answers a ping.
    Pong,
    /// The peer closes, with this code. Nothing follows.
    Close(Option<u16>),
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not WebSocket (1002).
    Protocol,
    /// Not UTF-8 where it must be (1007).
    NotText,
    /// Longer than is taken (1009).
    TooLarge,
}

/// A connection's place in the stream.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The beginning of a message that comes in parts.
    begun: Option<Box<(Data, Vec<u8>)>>,
    closed: bool,
}

impl Assembler {
    /// Takes every whole frame out of `bytes` and tells what they say; answers how many bytes that were. `most` is what
    /// a message may have.
    ///
    /// # Errors
    /// What was told before still stands; nothing more can be read.
    pub fn take(
        &mut self,
        bytes: &mut [u8],
        most: usize,
        mut tell: impl FnMut(Event<'_>),
    ) -> Result<usize, Fault> {
        let mut taken = 0;
        while !self.closed {
            let Some((header, payload)) = next(&bytes[taken..], most)? else { break };
            let end = taken + payload.end;
            let payload = &mut bytes[taken + payload.start..end];
            if let Some(mask) = header.mask {
                unmask(payload, mask);
            }
            self.frame(&header, payload, most, &mut tell)?;
            taken = end;
        }
        // After a close nothing counts (RFC 6455 section 5.5.1).
        Ok(if self.closed { bytes.len() } else { taken })
    }

    fn frame(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        most: usize,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Fault> {
        match header.opcode {
            OpCode::Control(Control::Ping) => tell(Event::Ping(payload)),
            OpCode::Control(Control::Pong) => tell(Event::Pong),
            OpCode::Control(_) => {
                let code = close_code(payload)?;
                self.closed = true;
                tell(Event::Close(code));
            }
            OpCode::Data(Data::Continue) => {
                let (_, message) = self.begun.as_deref_mut().ok_or(Fault::Protocol)?;
                if message.len() + payload.len() > most {
                    return Err(Fault::TooLarge);
                }
                message.extend_from_slice(payload);
                if header.is_final
                    && let Some(whole) = self.begun.take()
                {
                    message_of(whole.0, &whole.1, tell)?;
                }
            }
            OpCode::Data(_) if self.begun.is_some() => return Err(Fault::Protocol),
            OpCode::Data(kind) if header.is_final => message_of(kind, payload, tell)?,
            OpCode::Data(kind) => self.begun = Some(Box::new((kind, payload.to_vec()))),
        }
        Ok(())
    }
}

fn message_of(kind: Data, payload: &[u8], tell: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
    match kind {
        Data::Text => tell(Event::Text(str::from_utf8(payload).map_err(|_| Fault::NotText)?)),
        _ => tell(Event::Binary(payload)),
    }
    Ok(())
}

/// The first frame's header and where its payload is, once all of it is there. What is wrong with a header is said
/// before its payload has come.
fn next(bytes: &[u8], most: usize) -> Result<Option<(FrameHeader, Range<usize>)>, Fault> {
    let mut cursor = Cursor::new(bytes);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| Fault::Protocol)? else {
        return Ok(None);
    };
    let reserved = header.rsv1 || header.rsv2 || header.rsv3;
    let control = matches!(header.opcode, OpCode::Control(_));
    if reserved || header.mask.is_none() || control && (!header.is_final || length > MAX_CONTROL) {
        return Err(Fault::Protocol);
    }
    let start = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
    match usize::try_from(length) {
        Ok(length) if length <= most => {
            Ok((bytes.len() - start >= length).then(|| (header, start..start + length)))
        }
        _ => Err(Fault::TooLarge),
    }
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, Fault> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Fault::Protocol) };
    };
    let code = u16::from_be_bytes(*code);
    if !CloseCode::from(code).is_allowed() {
        return Err(Fault::Protocol);
    }
    str::from_utf8(reason).map(|_| Some(code)).map_err(|_| Fault::NotText)
}

/// Eight bytes at a time, which the compiler makes wider (RFC 6455 section 5.3).
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = payload.chunks_exact_mut(8);
    for word in &mut words {
        if let Ok(bytes) = <[u8; 8]>::try_from(&*word) {
            word.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
        }
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Appends a frame to `buffer`, which is as it was after an error. `payload` appends its own bytes, about as many as
/// `expected`: where it is right about the header's length, they lie where they are to be.
///
/// # Errors
/// The payload's own.
pub fn append_frame<E>(
    buffer: &mut Vec<u8>,
    opcode: OpCode,
    expected: usize,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    let start = buffer.len();
    let room = header.len(expected as u64);
    buffer.reserve(room + expected + BESIDE);
    buffer.resize(start + room, 0);
    if let Err(error) = payload(buffer) {
        buffer.truncate(start);
        return Err(error);
    }
    let end = buffer.len();
    let length = (end - start - room) as u64;
    let needed = header.len(length);
    if needed != room {
        buffer.resize(end.max(end + needed - room), 0);
        buffer.copy_within(start + room..end, start + needed);
        buffer.truncate(end + needed - room);
    }
    let mut place = &mut buffer[start..start + needed];
    // The place is as long as the header.
    let _ = header.format(length, &mut place);
    Ok(())
}

/// A close frame's payload.
#[must_use]
pub fn close_payload(code: Option<u16>, reason: &str) -> Vec<u8> {
    let code = code.map(u16::to_be_bytes);
    code.into_iter().flatten().chain(code.is_some().then_some(reason.bytes()).into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests;
