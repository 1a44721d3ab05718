//! What is going to happen, in the order of its time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use baton_core::client;
use baton_core::effect::{CallResult, Fetched, Timer};
use baton_core::queue;
use baton_protocol::{ChatId, ClientFrame, CloseCode, ServerFrame, TransferId};

use crate::consult::Whisper;
use crate::documents::Wanted;

/// A server's place in the world.
pub type ServerId = usize;

/// A customer's place in the world.
pub type CustomerId = usize;

/// A machine of a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A chat.
    Chat(ChatId),
    /// An incoming transfer.
    Incoming(String, TransferId),
}

/// Something that is going to happen. `life` tells a server, a page or a console from what it was before it died.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "events live in one queue; boxes would only move them")]
pub enum Event {
    /// A machine's timer. `count` tells it from one that was replaced.
    Timer { server: ServerId, life: u32, key: Key, timer: Timer, count: u64 },
    /// The store has finished its oldest batch.
    Committed { server: ServerId, life: u32, batch: u64 },
    /// Something reaches the queue manager.
    QueueIn { server: ServerId, life: u32, input: queue::Input },
    /// Something comes from the queue manager.
    QueueOut { server: ServerId, life: u32, output: queue::Output },
    /// A connection is there, for both its ends.
    Opened { conn: u64 },
    /// A frame reaches the server.
    ToServer { conn: u64, frame: ClientFrame },
    /// A frame reaches the client.
    ToClient { conn: u64, frame: ServerFrame },
    /// The client learns that the connection is gone.
    ClientClosed { conn: u64, code: Option<CloseCode> },
    /// The server learns it.
    ServerClosed { conn: u64 },
    /// A call reaches the peer.
    Request { call: u64 },
    /// Its answer, or what is left of it, reaches the caller.
    Answered { call: u64, result: CallResult },
    /// A machine has taken too long for its answer.
    ReplyOverdue { server: ServerId, life: u32, reply: u64 },
    /// A server is asked for a document.
    DocumentAsked(Wanted),
    /// A document is here, or is not.
    DocumentCame { server: ServerId, life: u32, chat: ChatId, sha256: String, fetched: Fetched },
    /// A word of a side conversation reaches the other server.
    Whisper(Whisper),
    /// The other server has heard it.
    Whispered(Whisper),
    /// A client's timer.
    ClientTimer { customer: CustomerId, life: u32, timer: client::Timer, count: u64 },
    /// A page has loaded, or not.
    Page { customer: CustomerId, life: u32, url: String },
    /// A page is loaded again.
    Reload { customer: CustomerId, life: u32 },
    /// A customer does something.
    CustomerActs { customer: CustomerId },
    /// An agent does something.
    AgentActs { server: ServerId, agent: usize },
    /// An agent has been away for a while.
    AgentGone { server: ServerId, life: u32, login: String },
    /// Something breaks.
    Fault,
    /// A server is started again.
    Restart { server: ServerId },
    /// A cable breaks, for so many milliseconds.
    Cut { a: Place, b: Place, millis: u64 },
    /// What was cut is joined again.
    Join { a: Place, b: Place },
    /// Nothing breaks any more.
    Calm,
}

/// An end of a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A server.
    Server(ServerId),
    /// A customer.
    Customer(CustomerId),
}

/// The events to come.
#[derive(Debug, Default)]
pub struct Agenda {
    due: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    count: u64,
}

impl Agenda {
    /// Adds one. Those of the same moment happen in the order in which they were added.
    pub fn add(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.due.push(Reverse((at, self.count)));
        self.events.insert(self.count, event);
    }

    /// The next one.
    pub fn next(&mut self) -> Option<(u64, Event)> {
        let Reverse((at, number)) = self.due.pop()?;
        self.events.remove(&number).map(|event| (at, event))
    }
}
