//! The load itself: one thread, one `epoll`, every batch of messages read at once and answered with one write.
//!
//! A *lane* is one direction of talk: its messages go out on one connection and come in on another (or on the same
//! one, for an echo). Closed loop: a message that has come in lets another one go out. Open loop: messages go out when
//! they are due, whatever the server does, and their latency counts from then on: a server that makes them wait cannot
//! hide it (no coordinated omission).

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use baton_protocol::{ClientFrame, Encoding};
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::scan::{Found, Scan};
use super::script::Script;
use super::ws;

/// Bytes read at once, from whichever connection.
const SCRATCH: usize = 256 * 1024;

/// Latencies are told in nanoseconds, up to a minute.
const LONGEST: u64 = 60_000_000_000;

/// Without any message for so long, the server has stopped.
const STALL: Duration = Duration::from_secs(10);

/// A connection that is ready for messages.
pub struct Connection {
    stream: TcpStream,
    scan: Scan,
    /// The beginning of a message whose end has not come.
    rest: Vec<u8>,
    /// What the server did not take yet.
    unsent: Vec<u8>,
}

impl Connection {
    /// What the server has said beyond the opening is looked at with what it says next.
    ///
    /// # Errors
    /// The socket's.
    pub fn new(stream: std::net::TcpStream, scan: Scan, rest: Vec<u8>) -> Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream), scan, rest, unsent: Vec::new() })
    }
}

/// A direction.
pub struct Lane {
    /// The connection on which it sends.
    pub connection: usize,
    /// What it sends.
    pub script: Script,
    /// How many receive each of its messages.
    pub receivers: u32,
    /// The lane that sends when a message of this one has come in.
    pub answers: usize,
    received: u32,
    flight: VecDeque<(u64, u32)>,
}

impl Lane {
    /// A lane on which nothing is on its way.
    #[must_use]
    pub fn new(connection: usize, script: Script, receivers: u32, answers: usize) -> Self {
        Self { connection, script, receivers, answers, received: 0, flight: VecDeque::new() }
    }
}

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many messages of each lane on their way at any time.
    Closed(u32),
    /// So many messages a second, of all lanes together.
    Open(f64),
}

/// What was counted since the last reset.
pub struct Counted {
    /// Messages that have come in at all of their receivers.
    pub messages: u64,
    /// Acknowledgements.
    pub stored: u64,
    /// Their latencies in nanoseconds.
    pub latency: Histogram<u64>,
}

/// The load.
pub struct Engine {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    lanes: Vec<Lane>,
    /// Lanes that send when messages are due.
    senders: Vec<usize>,
    pace: Pace,
    start: Instant,
    due: u64,
    counted: Counted,
    scratch: Vec<u8>,
    output: Vec<u8>,
    found: Found,
    heard: Instant,
}

impl Engine {
    /// A load on these connections; nothing is sent yet.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new(mut connections: Vec<Connection>, lanes: Vec<Lane>, pace: Pace) -> Result<Self> {
        let poll = Poll::new()?;
        for (index, connection) in connections.iter_mut().enumerate() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut connection.stream, Token(index), interest)?;
        }
        let latency = Histogram::new_with_bounds(1, LONGEST, 3)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1_024),
            senders: (0..lanes.len()).collect(),
            connections,
            lanes,
            pace,
            start: Instant::now(),
            due: 0,
            counted: Counted { messages: 0, stored: 0, latency },
            scratch: vec![0; SCRATCH],
            output: Vec::with_capacity(SCRATCH),
            found: Found::default(),
            heard: Instant::now(),
        })
    }

    /// Counts from here on.
    pub fn reset(&mut self) {
        (self.counted.messages, self.counted.stored) = (0, 0);
        self.counted.latency.reset();
    }

    /// What was counted.
    #[must_use]
    pub fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Gives the connections back: they stay open as long as the engine lives.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// The first messages of a closed loop.
    ///
    /// # Errors
    /// When the server ends a connection.
    pub fn begin(&mut self) -> Result<()> {
        self.start = Instant::now();
        self.heard = self.start;
        if let Pace::Closed(depth) = self.pace {
            for lane in self.senders.clone() {
                self.send(lane, depth, 0)?;
            }
        }
        Ok(())
    }

    /// Goes on for this long.
    ///
    /// # Errors
    /// When the server ends a connection, or says nothing for a long time.
    pub fn run(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            let wait = self.send_due(now)?.min(end - now);
            self.step(wait)?;
            ensure!(self.heard.elapsed() < STALL, "nothing has come for {} s", STALL.as_secs());
        }
    }

    /// Open loop: sends what is due; how long until the next message is.
    fn send_due(&mut self, now: Instant) -> Result<Duration> {
        let Pace::Open(rate) = self.pace else { return Ok(Duration::from_millis(100)) };
        loop {
            let at = nanos_of(self.due, rate);
            let now = nanos(now - self.start);
            if at > now {
                // `epoll` waits whole milliseconds: for less, it is asked again and again.
                let left = Duration::from_nanos(at - now);
                return Ok(if left > Duration::from_millis(2) {
                    left - Duration::from_millis(1)
                } else {
                    Duration::ZERO
                });
            }
            let turn = usize::try_from(self.due)? % self.senders.len();
            self.due += 1;
            self.send(self.senders[turn], 1, at)?;
        }
    }

    fn send(&mut self, lane: usize, count: u32, at: u64) -> Result<()> {
        let lane = &mut self.lanes[lane];
        self.output.clear();
        lane.script.put(count as usize, &mut self.output);
        lane.flight.push_back((at, count));
        self.connections[lane.connection].write(&self.output)
    }

    fn step(&mut self, wait: Duration) -> Result<()> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(wait)) {
            ensure!(error.kind() == ErrorKind::Interrupted, "epoll: {error}");
            return Ok(());
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let index = event.token().0;
            if event.is_writable() {
                self.connections[index].flush()?;
            }
            if event.is_readable() || event.is_read_closed() {
                self.read(index)?;
            }
        }
        self.events = events;
        Ok(())
    }

    /// Reads all that is there. A read that does not fill its buffer has emptied the socket's (epoll(7)).
    fn read(&mut self, index: usize) -> Result<()> {
        loop {
            let connection = &mut self.connections[index];
            let before = connection.rest.len();
            if self.scratch.len() < before + SCRATCH / 2 {
                self.scratch.resize(before + SCRATCH, 0);
            }
            self.scratch[..before].copy_from_slice(&connection.rest);
            let read = match connection.stream.read(&mut self.scratch[before..]) {
                Ok(0) => bail!("the server has closed a connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("the server has broken a connection"),
            };
            let all = before + read;
            self.found.messages.clear();
            self.found.answer.clear();
            let taken =
                connection.scan.take(&self.scratch[..all], &mut self.found).map_err(anyhow::Error::msg)?;
            connection.rest.clear();
            connection.rest.extend_from_slice(&self.scratch[taken..all]);
            self.come_in(index)?;
            if all < self.scratch.len() {
                return Ok(());
            }
        }
    }

    /// What was found on this connection.
    fn come_in(&mut self, index: usize) -> Result<()> {
        self.counted.stored += std::mem::take(&mut self.found.stored);
        if !self.found.answer.is_empty() {
            self.connections[index].write(&self.found.answer)?;
        }
        if self.found.messages.is_empty() {
            return Ok(());
        }
        self.heard = Instant::now();
        let now = nanos(self.heard - self.start);
        self.output.clear();
        // Messages that go out on one connection are written together.
        let mut writing: Option<usize> = None;
        for at in 0..self.found.messages.len() {
            let (index, count) = self.found.messages[at];
            let lane = &mut self.lanes[index];
            lane.received += count;
            let whole = lane.received / lane.receivers;
            lane.received %= lane.receivers;
            lane.land(whole, now, &mut self.counted.latency)?;
            self.counted.messages += u64::from(whole);
            if whole == 0 || matches!(self.pace, Pace::Open(_)) {
                continue;
            }
            let answers = lane.answers;
            let lane = &mut self.lanes[answers];
            if let Some(other) = writing.filter(|connection| *connection != lane.connection) {
                self.connections[other].write(&self.output)?;
                self.output.clear();
            }
            writing = Some(lane.connection);
            lane.script.put(whole as usize, &mut self.output);
            lane.flight.push_back((now, whole));
        }
        match writing {
            Some(connection) => self.connections[connection].write(&self.output),
            None => Ok(()),
        }
    }
}

impl Lane {
    /// So many messages have come in, the oldest first.
    fn land(&mut self, mut count: u32, now: u64, latency: &mut Histogram<u64>) -> Result<()> {
        while count > 0 {
            let (at, left) = self.flight.front_mut().context("a message came that nobody had sent")?;
            let landed = count.min(*left);
            latency.saturating_record_n(now.saturating_sub(*at).max(1), landed.into());
            count -= landed;
            *left -= landed;
            if *left == 0 {
                self.flight.pop_front();
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Tells Baton that somebody is there, while the load has not begun.
    ///
    /// # Errors
    /// When the server has broken the connection.
    pub fn beat(&mut self) -> Result<()> {
        let (mut frame, mut bytes) = (Vec::new(), Vec::new());
        ClientFrame::Ping { nonce: 0 }.encode(Encoding::Binary, &mut frame)?;
        ws::put(ws::BINARY, &frame, &mut bytes);
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        let written = self.write_some(bytes)?;
        self.unsent.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let unsent = std::mem::take(&mut self.unsent);
        let written = self.write_some(&unsent)?;
        self.unsent = unsent;
        self.unsent.drain(..written);
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match self.stream.write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("the server has broken a connection"),
            }
        }
        Ok(written)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// When the message of this number is due.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a run has far fewer than 2^52 messages, and the result is above zero"
)]
fn nanos_of(number: u64, rate: f64) -> u64 {
    (number as f64 * 1e9 / rate) as u64
}
