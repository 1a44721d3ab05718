//! The codec's bytes without its library, for the customer's widget: binary frames of customers alone, and what a
//! widget stores. Much less code than bincode's traits come to in WASM. What only waiting customers need (`Holding`,
//! `Notices`, `Correct`) is not here: the widget's `waiting.js`, loaded once the chat is usable, reads and writes it.
//!
//! The bytes are those of [`codec`](crate::codec), which the golden test checks of every frame. Numbers are bincode's
//! variable ones: one byte up to 250, else 251, 252 or 253 and two, four or eight bytes, little endian. Decoding
//! allocates no more than a small multiple of what is there, never panics, and leaves no byte over.

use crate::codes::ErrorCode;
use crate::frames::{About, ClientFrame, ServerFrame, Start};
use crate::ids::{Challenge, ChatId, MessageId, SecretDigest, Timestamp, TransferId};
use crate::model::{
    Author, Body, Brand, DocumentCard, EndReason, Entry, Event, Known, Offer, Page, Phase, WaitRange, Way,
};
use crate::{VERSION, limits::MAX_FRAME};

/// What has such bytes.
pub trait Lean: Sized {
    /// Appends them.
    fn put(&self, to: &mut Vec<u8>);
    /// Takes them from the front; nothing when they are not there.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

/// Makes structs and enums [`Lean`]. Every field is named, and every variant with its number; those of a tuple are `0`, `1`.
#[macro_export]
macro_rules! lean {
    ($(struct $name:ident { $($field:tt: $bind:ident),* $(,)? })*) => {$(
        impl $crate::lean::Lean for $name {
            fn put(&self, to: &mut Vec<u8>) {
                let Self { $($field: $bind),* } = self;
                $($crate::lean::Lean::put($bind, to);)*
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: $crate::lean::Lean::take(from)?),* })
            }
        }
    )*};
    ($(enum $name:ident { $($number:literal $variant:ident { $($field:tt: $bind:ident),* })* })*) => {$(
        impl $crate::lean::Lean for $name {
            fn put(&self, to: &mut Vec<u8>) {
                match self { $(Self::$variant { $($field: $bind),* } => {
                    to.push($number);
                    $($crate::lean::Lean::put($bind, to);)*
                })* }
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                let number: u32 = $crate::lean::Lean::take(from)?;
                Some(match number {
                    $($number => Self::$variant { $($field: $crate::lean::Lean::take(from)?),* },)*
                    _ => return None,
                })
            }
        }
    )*};
}

fn put_number(number: u64, to: &mut Vec<u8>) {
    let bytes = number.to_le_bytes();
    let (mark, length) = match number {
        0..=250 => return to.push(bytes[0]),
        251..=0xffff => (251, 2),
        0x1_0000..=0xffff_ffff => (252, 4),
        _ => (253, 8),
    };
    to.push(mark);
    to.extend_from_slice(bytes.get(..length).unwrap_or_default());
}

fn take_bytes<'a>(from: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(bytes)
}

/// A number of at most so many bytes.
fn take_number(from: &mut &[u8], most: usize) -> Option<u64> {
    let length = match u8::take(from)? {
        251 => 2,
        252 => 4,
        253 => 8,
        254.. => return None,
        small => return Some(small.into()),
    };
    if length > most {
        return None;
    }
    Some(take_bytes(from, length)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

macro_rules! numbers { ($($name:ty: $most:literal),*) => {$(
    impl Lean for $name {
        fn put(&self, to: &mut Vec<u8>) {
            put_number(u64::try_from(*self).unwrap_or_default(), to);
        }
        fn take(from: &mut &[u8]) -> Option<Self> {
            take_number(from, $most)?.try_into().ok()
        }
    }
)*}}

numbers!(u32: 4, u64: 8, usize: 8);

impl Lean for u8 {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(*self);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let (first, rest) = from.split_first()?;
        *from = rest;
        Some(*first)
    }
}

impl Lean for bool {
    fn put(&self, to: &mut Vec<u8>) {
        to.push((*self).into());
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<const N: usize> Lean for [u8; N] {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        take_bytes(from, N)?.try_into().ok()
    }
}

impl Lean for String {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        to.extend_from_slice(self.as_bytes());
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let length = usize::take(from)?;
        String::from_utf8(take_bytes(from, length)?.to_vec()).ok()
    }
}

impl<T: Lean> Lean for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        self.iter().for_each(|item| item.put(to));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut all = Vec::new();
        for _ in 0..usize::take(from)? {
            all.push(T::take(from)?);
        }
        Some(all)
    }
}

impl<T: Lean> Lean for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        self.iter().for_each(|value| value.put(to));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(if bool::take(from)? { Some(T::take(from)?) } else { None })
    }
}

impl<T: Lean> Lean for Box<T> {
    fn put(&self, to: &mut Vec<u8>) {
        T::put(self, to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        T::take(from).map(Box::new)
    }
}

impl Lean for ErrorCode {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(*self as u8);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Self::ALL.get(usize::try_from(u32::take(from)?).ok()?).copied()
    }
}

lean! {
    struct Timestamp { 0: at }
    struct ChatId { 0: id }
    struct MessageId { 0: id }
    struct TransferId { 0: id }
    struct SecretDigest { 0: digest }
    struct Challenge { 0: digest }
    struct WaitRange { from: from, to: until }
    struct Brand { name: name, accent: accent }
    struct Page { url: url, title: title }
    struct DocumentCard { sha256: sha256, name: name, media_type: media_type, size: size }
    struct Entry { seq: seq, at: at, id: id, author: author, body: body }
    struct Known { name: name, email: email, subject: subject }
    struct Offer { transfer: transfer, server: server, title: title, wtid: wtid, way: way, expires_in: expires_in }
}

lean! {
    enum Author { 0 Customer {} 1 Agent { 0: name } 2 System {} }
    enum Body { 0 Text { 0: text } 1 Note { 0: text } 2 Event { 0: event } 3 Document { 0: card } }
    enum EndReason { 0 Customer {} 1 Agent {} 2 Elapsed {} 3 SetTime {} 4 Server {} }
    enum Event {
        0 Queued { area: area }
        1 Joined { agent: agent }
        2 AgentLost { agent: agent }
        3 Transferred { from: left, to: new }
        4 TransferFailed { to: place, code: code }
        5 Ended { 0: reason }
        6 Confidential { agent: agent, on: on }
        7 Verified { site: site, subject: subject }
        8 Corrected { known: known }
        9 LeftMessage { email: email }
    }
    enum Phase { 0 Waiting {} 1 Active { agent: agent } 2 Moved {} 3 Ended { 0: reason } }
    enum Way { 0 InPlace { socket: socket, page: page } 1 Navigate { page: page } }
    enum About { 0 Connection {} 1 Chat { 0: chat } 2 Message { 0: id } 3 Transfer { 0: transfer } }
    enum Start {
        0 New { area: area, name: name, email: email, subject: subject, challenge: challenge }
        1 Resume { token: token, epoch: epoch }
        2 Claim { wtid: wtid, verifier: verifier, epoch: epoch, challenge: challenge, adopt: adopt }
    }
}

macro_rules! sent { ($($variant:ident { $($field:ident),* })*) => {
    /// A frame's bytes; nothing for a frame of an agent's, or one longer than [`MAX_FRAME`].
    #[must_use]
    pub fn encode(frame: &ClientFrame) -> Option<Vec<u8>> {
        let mut to = vec![VERSION];
        to.extend_from_slice(&frame.number().to_le_bytes());
        to.push(0);
        match frame {
            $(ClientFrame::$variant { $($field),* } => { $($field.put(&mut to);)* })*
            _ => return None,
        }
        (to.len() <= MAX_FRAME).then_some(to)
    }
}}

sent! {
    CustomerHello { start, page, client_type, last_seq }
    Ping { nonce }
    Say { chat, id, text }
    Typing { chat, on }
    Seen { chat, seq }
    Browsed { page }
    End { chat }
    Following { transfer }
    Declined { transfer }
    Accept { transfer }
    Reclaim { transfer, epoch }
    Attach { chat, id, sha256 }
    Earlier { token }
}

macro_rules! received { ($($number:literal $variant:ident { $($field:ident),* })*) => {
    /// Reads one frame from one WebSocket message; nothing when it is anything else, or a frame for agents.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<ServerFrame> {
        let (header, mut body) = bytes.split_first_chunk::<4>()?;
        let [VERSION, number, 0, 0] = *header else { return None };
        let frame = match number {
            $($number => ServerFrame::$variant { $($field: Lean::take(&mut body)?),* },)*
            _ => return None,
        };
        body.is_empty().then_some(frame)
    }
}}

received! {
    1 Welcome { chat, token, epoch, phase, last_seq, brand, transfer }
    3 Pong { nonce }
    4 Stored { chat, id, seq, at }
    5 Entries { chat, entries }
    6 Typing { chat, on }
    7 Seen { chat, seq }
    8 PhaseChanged { chat, phase }
    9 Place { rank, wait }
    10 Offered { offer }
    11 Withdrawn { transfer }
    12 Refused { code, detail, about }
    13 Draining { resume_in }
    14 Arriving { transfer }
}
