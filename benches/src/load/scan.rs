//! What a connection receives: how many messages of whom.

use std::collections::HashMap;

use baton_protocol::ServerFrame;

use super::ws;

/// The type numbers of a binary frame that are counted without decoding all of it; a test holds them against the
/// protocol.
const STORED: u16 = 4;
const ENTRIES: u16 = 5;
const REFUSED: u16 = 12;

/// How the server's bytes are read.
#[derive(Clone, Debug)]
pub enum Scan {
    /// Each WebSocket message is one, of this lane.
    Messages(usize),
    /// Socket.IO's events over WebSocket (its protocol 5, Engine.IO 4).
    Events(usize),
    /// Every so many bytes are one, inside WebSocket messages or without them.
    Bytes {
        /// The lane.
        lane: usize,
        /// Bytes of one.
        each: usize,
        /// Bytes beyond the last whole one.
        over: usize,
        /// Whether WebSocket messages are around them.
        framed: bool,
    },
    /// A customer of Baton's, who reads what the agent says in this lane.
    Customer(usize),
    /// An agent of Baton's, who reads what the customers say: the lane of each chat.
    Agent(HashMap<[u8; 16], usize>),
}

/// What was in some bytes.
#[derive(Debug, Default)]
pub struct Found {
    /// Messages by lane.
    pub messages: Vec<(usize, u32)>,
    /// Acknowledgements.
    pub stored: u64,
    /// What is to be answered at once.
    pub answer: Vec<u8>,
}

impl Found {
    fn add(&mut self, lane: usize, count: u32) {
        match self.messages.last_mut() {
            Some((last, messages)) if *last == lane => *messages += count,
            _ => self.messages.push((lane, count)),
        }
    }
}

impl Scan {
    /// Takes what is whole; how many bytes that is.
    ///
    /// # Errors
    /// When the server ends the connection or says something else than messages.
    pub fn take(&mut self, bytes: &[u8], found: &mut Found) -> Result<usize, String> {
        if let Self::Bytes { lane, each, over, framed: false } = self {
            count(bytes.len(), *each, over, *lane, found);
            return Ok(bytes.len());
        }
        let mut done = 0;
        while let Some(frame) = ws::next(&bytes[done..]) {
            let whole = bytes[done] & 0x80 != 0;
            done += frame.length;
            match frame.op {
                ws::PING => ws::put(ws::PONG, frame.payload, &mut found.answer),
                ws::PONG => {}
                ws::CLOSE => return Err(closed(frame.payload)),
                _ => self.message(frame.payload, whole, found)?,
            }
        }
        Ok(done)
    }

    fn message(&mut self, payload: &[u8], whole: bool, found: &mut Found) -> Result<(), String> {
        match self {
            Self::Messages(lane) => {
                if whole {
                    found.add(*lane, 1);
                }
            }
            Self::Events(lane) => match payload {
                [b'4', b'2', ..] => found.add(*lane, 1),
                [b'2'] => ws::put(ws::TEXT, b"3", &mut found.answer),
                _ => {}
            },
            Self::Bytes { lane, each, over, .. } => count(payload.len(), *each, over, *lane, found),
            Self::Customer(lane) => {
                let lane = *lane;
                baton(payload, 1, found, |_| Some(lane))?;
            }
            Self::Agent(lanes) => baton(payload, 0, found, |chat| lanes.get(chat).copied())?,
        }
        Ok(())
    }
}

fn count(bytes: usize, each: usize, over: &mut usize, lane: usize, found: &mut Found) {
    *over += bytes;
    let whole = *over / each;
    *over %= each;
    if whole > 0 {
        found.add(lane, u32::try_from(whole).unwrap_or(u32::MAX));
    }
}

fn closed(payload: &[u8]) -> String {
    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
    format!("the server has closed the connection with {code}")
}

/// A frame of a gateway's; entries of this kind of author count (0 the customer, 1 an agent).
fn baton(
    payload: &[u8],
    author: u8,
    found: &mut Found,
    lane: impl Fn(&[u8; 16]) -> Option<usize>,
) -> Result<(), String> {
    let number = payload.get(1..3).map_or(0, |number| u16::from_le_bytes([number[0], number[1]]));
    match number {
        STORED => found.stored += 1,
        ENTRIES => {
            let entries = entries(payload, author).ok_or("a frame that makes no sense")?;
            if let Some((lane, count)) = lane(&entries.0).zip(Some(entries.1)).filter(|(_, count)| *count > 0)
            {
                found.add(lane, count);
            }
        }
        REFUSED => {
            let frame = baton_protocol::decode_server(baton_protocol::Encoding::Binary, payload);
            if let Ok(ServerFrame::Refused { code, detail, .. }) = frame {
                return Err(format!("the gateway has refused a frame: {code:?}, {detail}"));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The chat, and how many of its entries are of this kind of author.
fn entries(payload: &[u8], author: u8) -> Option<([u8; 16], u32)> {
    let mut rest = Rest(payload.get(4..)?);
    let chat = *rest.take(16)?.first_chunk()?;
    let (entries, mut count) = (rest.number()?, 0);
    for _ in 0..entries {
        rest.number()?;
        rest.number()?;
        rest.take(16)?;
        let by = rest.number()?;
        if by == 1 {
            rest.text()?;
        }
        // Anything but a text, which is variant 0, is not looked at further: there is none under load.
        if rest.number()? != 0 {
            break;
        }
        rest.text()?;
        count += u32::from(by == u64::from(author));
    }
    Some((chat, count))
}

/// Bytes still to be read, numbers as bincode 2 writes them: one byte, or a mark and two, four or eight.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(match self.take(1)?[0] {
            251 => u16::from_le_bytes(*self.take(2)?.first_chunk()?).into(),
            252 => u32::from_le_bytes(*self.take(4)?.first_chunk()?).into(),
            253 => u64::from_le_bytes(*self.take(8)?.first_chunk()?),
            small => small.into(),
        })
    }

    fn text(&mut self) -> Option<()> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_protocol::model::{Author, Body, Entry};
    use baton_protocol::{ChatId, Encoding, MessageId, Timestamp};

    fn framed(frame: &ServerFrame) -> Vec<u8> {
        let mut payload = Vec::new();
        frame.encode(Encoding::Binary, &mut payload).unwrap();
        let mut bytes = vec![0x82, 126];
        bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    fn entry(author: Author, text: &str) -> Entry {
        let body = Body::Text(text.into());
        Entry { seq: 70_000, at: Timestamp(1_800_000_000_000), id: MessageId([5; 16]), author, body }
    }

    #[test]
    fn a_gateways_frames_are_counted_as_the_codec_reads_them() {
        let (agent, long) = (Author::Agent("Anna".into()), "x".repeat(300));
        let entries = vec![entry(agent.clone(), "a"), entry(Author::Customer, "b"), entry(agent, &long)];
        let mut bytes = framed(&ServerFrame::Entries { chat: ChatId([9; 16]), entries });
        let stored =
            ServerFrame::Stored { chat: ChatId([9; 16]), id: MessageId([1; 16]), seq: 1, at: Timestamp(0) };
        bytes.extend(framed(&stored));
        let mut found = Found::default();
        assert_eq!(Scan::Customer(6).take(&bytes, &mut found), Ok(bytes.len()));
        assert_eq!((found.messages, found.stored), (vec![(6, 2)], 1));
        let mut found = Found::default();
        let taken = Scan::Agent(HashMap::from([([9; 16], 8)])).take(&bytes[..bytes.len() - 1], &mut found);
        assert!(taken.is_ok_and(|taken| taken < bytes.len() - 1));
        assert_eq!((found.messages, found.stored), (vec![(8, 1)], 0));
    }

    #[test]
    fn bytes_are_counted_across_reads() {
        let mut scan = Scan::Bytes { lane: 0, each: 64, over: 0, framed: false };
        let mut found = Found::default();
        for part in [30, 100, 62] {
            assert_eq!(scan.take(&vec![1; part], &mut found), Ok(part));
        }
        assert_eq!(found.messages, [(0, 3)]);
    }

    #[test]
    fn a_ping_is_answered_and_a_close_is_told() {
        let mut found = Found::default();
        assert_eq!(Scan::Messages(0).take(&[0x89, 1, 7, 0x82, 1, 1], &mut found), Ok(6));
        assert_eq!((found.answer.len(), found.messages), (7, vec![(0, 1)]));
        let closed = Scan::Messages(0).take(&[0x88, 2, 0x0f, 0xa0], &mut Found::default());
        assert!(closed.unwrap_err().contains("4000"));
    }
}
