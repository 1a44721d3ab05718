//! A connection as the rest of the gateway sees it: somewhere to put frames.
//!
//! Frames are bytes as soon as they are put here, and go from here straight into the socket
//! ([`flush`](crate::edge::flush)). Nothing is kept for a reader who is too slow but what fits the limits; then the
//! connection is closed, and its client resumes and gets what it missed (threat 20).

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use baton_core::effect::{ConnId, Entered};
use baton_protocol::codec::{FrameError, encode_entry};
use baton_protocol::model::Body;
use baton_protocol::{ChatId, CloseCode, Encoding, SecretDigest, ServerFrame, TransferId, Wtid};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::edge::clock;
use crate::edge::flush::Flusher;
use crate::edge::framing::{self, close_payload};
use crate::edge::line::Line;

/// Frames that may wait for a slow reader.
const MAX_WAITING: u32 = 256;

/// Bytes that may wait for a slow reader.
const MAX_BYTES: usize = 1024 * 1024;

/// So many bytes are written at once, without waiting for the flusher: more in one call would not be faster.
const WRITE_NOW: usize = 64 * 1024;

/// Buffers that a thread keeps for its connections, which have none of their own while nothing waits.
const POOL: usize = 256;

/// A buffer that has grown larger is given back to the system. One that has had the longest message and the answer to
/// another is kept.
const POOLED_BYTES: usize = 32 * 1024;

thread_local! {
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Nobody has said hello yet.
    Nobody,
    /// The customer of this chat.
    Customer(ChatId),
    /// A customer who has presented a WTID from this peer.
    Arriving(Box<(String, TransferId)>),
    /// This agent, by login name.
    Agent(Arc<str>),
}

/// What is known of a connection when it opens.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its number.
    pub id: ConnId,
    /// How it writes its frames.
    pub encoding: Encoding,
    /// The page's web origin (RFC 6454), if the client is a browser.
    pub origin: Option<Box<str>>,
    /// Where it comes from.
    pub ip: IpAddr,
    /// The customer's own part of the address that it came to, if it had one (D4).
    pub at: Option<Box<Wtid>>,
    /// Digest of the session that its browser has a cookie for, if it has one.
    pub session: Option<Box<SecretDigest>>,
}

/// A connection. Its task reads; everybody writes.
#[derive(Debug)]
pub struct Conn {
    opening: Opening,
    bound: Mutex<Bound>,
    line: Line,
    outbox: Mutex<Outbox>,
    /// Its task: woken when it is to close, or must wait for the reader.
    task: AtomicWaker,
    flusher: Arc<Flusher>,
    /// When the peer was last heard.
    heard: AtomicU32,
    opened: u32,
    /// Whether its customer has been given what there is for those who wait.
    waits: AtomicBool,
}

impl std::ops::Deref for Conn {
    type Target = Opening;

    fn deref(&self) -> &Opening {
        &self.opening
    }
}

#[derive(Debug, Default)]
struct Outbox {
    /// What is not written yet.
    bytes: Vec<u8>,
    /// Frames put in since the socket took nothing more.
    waiting: u32,
    /// The socket takes nothing more, since this second.
    blocked: Option<u32>,
    /// On a flusher's list.
    listed: bool,
    /// The reason, once a close frame was put in. Nothing follows it.
    close: Option<CloseCode>,
    /// The socket is broken, or the peer has closed.
    gone: bool,
}

/// What a connection's task is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Read.
    Open,
    /// Let what waits go out, and end.
    Closing(CloseCode),
    /// End.
    Gone,
}

impl Conn {
    /// A connection that nobody has said hello on.
    #[must_use]
    pub fn new(opening: Opening, line: Line, flusher: Arc<Flusher>) -> Arc<Self> {
        Arc::new(Self {
            opening,
            bound: Mutex::new(Bound::Nobody),
            line,
            outbox: Mutex::default(),
            task: AtomicWaker::new(),
            flusher,
            heard: AtomicU32::new(clock::seconds()),
            opened: clock::seconds(),
            waits: AtomicBool::new(false),
        })
    }

    /// Whether its customer waits from now on; answers whether they did before.
    pub(super) fn waits(&self, now: bool) -> bool {
        self.waits.swap(now, Ordering::Relaxed)
    }

    /// Sends a frame.
    pub fn send(self: &Arc<Self>, frame: &ServerFrame) {
        use ServerFrame::{Preview, Seen, Typing};
        let passing = matches!(frame, Typing { .. } | Seen { .. } | Preview { .. });
        let sent = self.put(passing, |to| {
            framing::append_frame(to, opcode(self.encoding), 0, |to| frame.encode(self.encoding, to))
        });
        if let Err(error) = sent {
            self.not_sent(frame.number(), &error);
        }
    }

    /// Contexts are cut to fit; a frame that does not is our own fault, and only its size may be told.
    fn not_sent(self: &Arc<Self>, number: u16, error: &FrameError) {
        tracing::error!(frame = number, %error, "frame not sent");
        self.close(CloseCode::Internal);
    }

    /// Answers a WebSocket ping.
    pub fn pong(self: &Arc<Self>, payload: &[u8]) {
        self.put_as(OpCode::Control(Control::Pong), payload, true);
    }

    /// Sends a message that is no frame of Baton's.
    pub fn send_message(self: &Arc<Self>, encoding: Encoding, payload: &[u8]) {
        self.put_as(opcode(encoding), payload, false);
    }

    fn put_as(self: &Arc<Self>, opcode: OpCode, payload: &[u8], passing: bool) {
        let Ok(()) =
            self.put(passing, |to| framing::append_frame(to, opcode, payload.len(), copied(payload)));
    }

    /// Puts a frame in the outbox, made where it is to lie; `make` appends all of it or nothing. What is only of the
    /// moment is dropped when the reader is behind.
    fn put<E>(
        self: &Arc<Self>,
        passing: bool,
        make: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut outbox = self.outbox.lock();
        if outbox.close.is_some() || outbox.gone || passing && outbox.blocked.is_some() {
            return Ok(());
        }
        let before = outbox.bytes.len();
        make(outbox.buffer())?;
        if outbox.blocked.is_some() {
            if outbox.waiting >= MAX_WAITING || outbox.bytes.len() > MAX_BYTES {
                outbox.bytes.truncate(before);
                self.end(&mut outbox, CloseCode::TooSlow);
                return Ok(());
            }
            outbox.waiting += 1;
        } else if outbox.bytes.len() >= WRITE_NOW {
            self.write(&mut outbox);
        }
        self.list(&mut outbox);
        Ok(())
    }

    fn list(self: &Arc<Self>, outbox: &mut Outbox) {
        if !outbox.listed && !outbox.bytes.is_empty() {
            outbox.listed = true;
            self.flusher.mark(self.clone());
        }
    }

    /// Closes the connection after what waits. The first reason stands.
    pub fn close(self: &Arc<Self>, code: CloseCode) {
        let mut outbox = self.outbox.lock();
        if outbox.close.is_none() && !outbox.gone {
            self.end(&mut outbox, code);
        }
    }

    fn end(self: &Arc<Self>, outbox: &mut Outbox, code: CloseCode) {
        outbox.push_close(Some(code as u16), &format!("{code:?}"));
        outbox.close = Some(code);
        self.list(outbox);
        self.task.wake();
    }

    /// The peer has closed, with this code: it is answered, and nothing follows (RFC 6455 section 5.5.1).
    pub fn answer_close(&self, code: Option<u16>) {
        let mut outbox = self.outbox.lock();
        if outbox.close.is_none() && !outbox.gone {
            outbox.push_close(code, "");
            self.write(&mut outbox);
        }
        outbox.gone = true;
    }

    /// Writes what waits.
    pub fn flush(&self) {
        let mut outbox = self.outbox.lock();
        outbox.listed = false;
        self.write(&mut outbox);
    }

    fn write(&self, outbox: &mut Outbox) {
        while !outbox.bytes.is_empty() && !outbox.gone {
            match self.line.write(&outbox.bytes) {
                Ok(count) if count == outbox.bytes.len() => outbox.bytes.clear(),
                Ok(count) => drop(outbox.bytes.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.block(outbox),
                Err(_) => outbox.gone = true,
            }
        }
        match self.line.finish_write() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return self.block(outbox),
            Err(_) => outbox.gone = true,
            Ok(()) => {}
        }
        outbox.forget();
        if outbox.gone {
            self.task.wake();
        }
    }

    /// The task waits for the socket, and says when it takes more.
    fn block(&self, outbox: &mut Outbox) {
        if outbox.blocked.is_none() {
            outbox.blocked = Some(clock::seconds());
            self.task.wake();
        }
    }

    /// For the connection's task: what it is to do, woken when that changes; while the reader is behind, writes
    /// what goes.
    pub fn poll_standing(&self, cx: &mut Context<'_>) -> Standing {
        self.task.register(cx.waker());
        loop {
            let mut outbox = self.outbox.lock();
            if outbox.gone {
                return Standing::Gone;
            }
            if outbox.blocked.is_some() && self.line.poll_writable(cx).is_ready() {
                self.write(&mut outbox);
                // Asks once more, so that the socket wakes the task.
                continue;
            }
            return outbox.close.map_or(Standing::Open, Standing::Closing);
        }
    }

    /// Ready when everything was written, or nothing more can be.
    pub fn poll_written(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_standing(cx) == Standing::Gone {
            return Poll::Ready(());
        }
        let mut outbox = self.outbox.lock();
        if outbox.blocked.is_none() {
            self.write(&mut outbox);
        }
        if outbox.blocked.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// The bytes that come.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// The peer has been heard.
    pub fn hear(&self) {
        self.heard.store(clock::seconds(), Ordering::Relaxed);
    }

    /// The second in which the peer was last heard.
    #[must_use]
    pub fn heard(&self) -> u32 {
        self.heard.load(Ordering::Relaxed)
    }

    /// The second in which it was opened.
    #[must_use]
    pub fn opened(&self) -> u32 {
        self.opened
    }

    /// Whether nobody has said hello yet.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self.bound.lock() == Bound::Nobody
    }

    /// The second since which the peer has taken nothing, while something waits for it.
    #[must_use]
    pub fn blocked_since(&self) -> Option<u32> {
        self.outbox.lock().blocked
    }

    /// Who is at the other end.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.bound.lock().clone()
    }

    /// From now on this is at the other end.
    pub fn bind(&self, to: Bound) {
        *self.bound.lock() = to;
    }
}

impl Outbox {
    /// Where frames are put.
    fn buffer(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        &mut self.bytes
    }

    fn push_close(&mut self, code: Option<u16>, reason: &str) {
        let payload = close_payload(code, reason);
        let close = OpCode::Control(Control::Close);
        let Ok(()) = framing::append_frame(self.buffer(), close, payload.len(), copied(&payload));
    }

    /// Nothing waits any more: the buffer goes back to the thread's.
    fn forget(&mut self) {
        (self.waiting, self.blocked) = (0, None);
        let mut buffer = std::mem::take(&mut self.bytes);
        if buffer.capacity() > 0 && buffer.capacity() <= POOLED_BYTES {
            buffer.clear();
            BUFFERS.with_borrow_mut(|buffers| {
                if buffers.len() < POOL {
                    buffers.push(buffer);
                }
            });
        }
    }
}

/// How messages of this encoding are marked (RFC 6455 section 5.6).
fn opcode(encoding: Encoding) -> OpCode {
    OpCode::Data(match encoding {
        Encoding::Binary => Data::Binary,
        Encoding::Json => Data::Text,
    })
}

/// Appends what is there already.
fn copied(payload: &[u8]) -> impl FnOnce(&mut Vec<u8>) -> Result<(), Infallible> {
    |to| {
        to.extend_from_slice(payload);
        Ok(())
    }
}

/// Shows an entry to these connections, encoded once for each encoding among them.
pub fn show<'a>(entered: &Entered, to: impl Iterator<Item = &'a Arc<Conn>> + Clone) {
    let expected = match &entered.entry.body {
        Body::Text(text) | Body::Note(text) => text.len(),
        Body::Event(_) | Body::Document(_) => 0,
    };
    for encoding in Encoding::ALL {
        let mut same = to.clone().filter(|conn| conn.encoding == encoding);
        let (Some(first), second) = (same.next(), same.next()) else { continue };
        let make = |to: &mut Vec<u8>| {
            let encode = |to: &mut Vec<u8>| encode_entry(encoding, entered.chat, &entered.entry, to);
            framing::append_frame(to, opcode(encoding), expected, encode)
        };
        let Some(second) = second else {
            if let Err(error) = first.put(false, make) {
                first.not_sent(ServerFrame::ENTRIES, &error);
            }
            continue;
        };
        FRAME.with_borrow_mut(|buffer| {
            buffer.clear();
            let made = make(buffer);
            for conn in [first, second].into_iter().chain(same) {
                match &made {
                    Ok(()) => {
                        let Ok(()) = conn.put(false, copied(buffer));
                    }
                    Err(error) => conn.not_sent(ServerFrame::ENTRIES, error),
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_and_its_counts_take_256_bytes() {
        let counts = 2 * size_of::<usize>();
        assert!(size_of::<Conn>() + counts <= 256, "{}", size_of::<Conn>() + counts);
    }
}
