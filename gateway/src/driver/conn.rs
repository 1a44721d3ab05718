//! A connection as the rest of the gateway sees it: somewhere to put frames.

use std::collections::VecDeque;
use std::net::IpAddr;

use baton_core::effect::ConnId;
use baton_protocol::{ChatId, CloseCode, Encoding, ServerFrame, TransferId, Wtid};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Frames that may wait for a slow reader.
const MAX_WAITING: usize = 256;

/// Bytes that may wait for a slow reader.
const MAX_BYTES: usize = 1024 * 1024;

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Nobody has said hello yet.
    Nobody,
    /// The customer of this chat.
    Customer(ChatId),
    /// A customer who has presented a WTID from this peer.
    Arriving(String, TransferId),
    /// This agent, by login name.
    Agent(String),
}

/// A connection. Its task writes what is put here; nobody else waits for the socket.
#[derive(Debug)]
pub struct Conn {
    /// Its number.
    pub id: ConnId,
    /// How it writes its frames.
    pub encoding: Encoding,
    /// The page's web origin (RFC 6454), if the client is a browser.
    pub origin: Option<String>,
    /// Where it comes from.
    pub ip: IpAddr,
    /// The customer's own part of the address that it came to, if it had one (D4).
    pub at: Option<Wtid>,
    bound: Mutex<Bound>,
    outbox: Mutex<Outbox>,
    wake: Notify,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Encoded frames, the oldest first.
    pub frames: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Close with this after the frames.
    pub close: Option<CloseCode>,
}

impl Conn {
    /// A connection that nobody has said hello on.
    #[must_use]
    pub fn new(id: ConnId, encoding: Encoding, origin: Option<String>, ip: IpAddr, at: Option<Wtid>) -> Self {
        let bound = Mutex::new(Bound::Nobody);
        Self { id, encoding, origin, ip, at, bound, outbox: Mutex::default(), wake: Notify::new() }
    }

    /// Puts a frame in the outbox. When too much waits already, the connection is closed instead: its client
    /// resumes and gets what it missed (threat 20).
    pub fn send(&self, frame: &ServerFrame) {
        let mut bytes = Vec::with_capacity(64);
        if let Err(error) = frame.encode(self.encoding, &mut bytes) {
            // Contexts are cut to fit; a frame that does not is our own fault, and only its size may be told.
            tracing::error!(frame = frame.number(), %error, "frame not sent");
            return self.close(CloseCode::Internal);
        }
        let mut outbox = self.outbox.lock();
        if outbox.close.is_some() {
            return;
        }
        if outbox.frames.len() >= MAX_WAITING || outbox.bytes + bytes.len() > MAX_BYTES {
            outbox.frames.clear();
            outbox.close = Some(CloseCode::TooSlow);
        } else {
            outbox.bytes += bytes.len();
            outbox.frames.push_back(bytes);
        }
        drop(outbox);
        self.wake.notify_one();
    }

    /// Closes the connection after what waits. The first reason stands.
    pub fn close(&self, code: CloseCode) {
        self.outbox.lock().close.get_or_insert(code);
        self.wake.notify_one();
    }

    /// Everything that waits to be written.
    #[must_use]
    pub fn take(&self) -> Outbox {
        let mut outbox = self.outbox.lock();
        let close = outbox.close;
        let taken = std::mem::take(&mut *outbox);
        outbox.close = close;
        taken
    }

    /// Completes when something may have been put in.
    pub async fn woken(&self) {
        self.wake.notified().await;
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
