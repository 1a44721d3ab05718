//! Many connections at once: how fast a server takes them, and what they cost it.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use baton_protocol::Encoding;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::opening::hello;
use super::server::{Server, Speaks};
use super::ws;

/// Connections on their way at once: enough to keep a server busy, and few enough for its backlog.
pub const AT_ONCE: usize = 64;

/// The longest that nothing may happen.
const STALL: Duration = Duration::from_secs(10);

/// How far each connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// To the end of the WebSocket handshake.
    Upgraded,
    /// To Baton's welcome: a new chat, stored.
    Welcomed,
}

/// Connections that are open; closed when dropped.
pub struct Ramp {
    streams: Vec<TcpStream>,
    /// From the first connection to the last one's readiness.
    pub took: Duration,
}

struct Coming {
    stream: TcpStream,
    read: Vec<u8>,
    upgraded: bool,
}

impl Ramp {
    /// Opens so many connections.
    ///
    /// # Errors
    /// When the server refuses one, or stops answering.
    pub fn up(server: &Server, count: usize, until: Until) -> Result<Self> {
        let (path, subprotocol) = match &server.speaks {
            Speaks::Websocket { path } => (path.replace("{room}", "idle").replace("{side}", "c"), None),
            Speaks::Baton { .. } => {
                (baton_protocol::SOCKET_PATH.into(), Some(Encoding::Binary.subprotocol()))
            }
            Speaks::SocketIo => ("/socket.io/?EIO=4&transport=websocket&room=idle&side=c".into(), None),
            Speaks::Nats => ("/".into(), None),
            Speaks::Raw => bail!("a raw connection is not opened, it is there: name a WebSocket server"),
        };
        ensure!(until == Until::Upgraded || server.is_baton(), "only Baton has a login");
        let request = ws::request(&server.address.to_string(), &path, subprotocol);
        let mut login = Vec::new();
        if until == Until::Welcomed {
            let mut frame = Vec::new();
            hello().encode(Encoding::Binary, &mut frame)?;
            ws::put(ws::BINARY, &frame, &mut login);
        }
        Climb::new(server.address, count, request, login)?.run()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}

struct Climb {
    address: SocketAddr,
    count: usize,
    request: Vec<u8>,
    /// Empty when nobody logs in.
    login: Vec<u8>,
    poll: Poll,
    coming: Vec<Option<Coming>>,
    free: Vec<usize>,
    ready: Vec<TcpStream>,
}

impl Climb {
    fn new(address: SocketAddr, count: usize, request: Vec<u8>, login: Vec<u8>) -> Result<Self> {
        let (coming, free) = ((0..AT_ONCE).map(|_| None).collect(), (0..AT_ONCE).collect());
        let ready = Vec::with_capacity(count);
        Ok(Self { address, count, request, login, poll: Poll::new()?, coming, free, ready })
    }

    fn run(mut self) -> Result<Ramp> {
        let mut events = Events::with_capacity(1_024);
        let start = Instant::now();
        let mut started = 0;
        while self.ready.len() < self.count {
            while started < self.count
                && let Some(slot) = self.free.pop()
            {
                self.start(slot)?;
                started += 1;
            }
            if let Err(error) = self.poll.poll(&mut events, Some(STALL)) {
                ensure!(error.kind() == ErrorKind::Interrupted, "epoll: {error}");
                continue;
            }
            ensure!(
                !events.is_empty(),
                "the server has taken {} of {} connections",
                self.ready.len(),
                self.count
            );
            for event in &events {
                self.advance(event.token().0)
                    .with_context(|| format!("connection {}", self.ready.len() + 1))?;
            }
        }
        Ok(Ramp { streams: self.ready, took: start.elapsed() })
    }

    fn start(&mut self, slot: usize) -> Result<()> {
        let stream = std::net::TcpStream::connect(self.address).context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        // A request fits the buffer of a new socket.
        stream.write_all(&self.request)?;
        self.poll.registry().register(&mut stream, Token(slot), Interest::READABLE)?;
        self.coming[slot] = Some(Coming { stream, read: Vec::new(), upgraded: false });
        Ok(())
    }

    fn advance(&mut self, slot: usize) -> Result<()> {
        let Some(coming) = &mut self.coming[slot] else { return Ok(()) };
        let mut buffer = [0; 4_096];
        loop {
            match coming.stream.read(&mut buffer) {
                Ok(0) => bail!("the server has closed the connection"),
                Ok(read) => coming.read.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        if !coming.upgraded {
            let Some(end) = ws::accepted(&coming.read).map_err(anyhow::Error::msg)? else { return Ok(()) };
            coming.read.drain(..end);
            coming.upgraded = true;
            coming.stream.write_all(&self.login)?;
        }
        let ready = match ws::next(&coming.read) {
            _ if self.login.is_empty() => true,
            None => false,
            Some(frame) if frame.op == ws::CLOSE => {
                bail!("the gateway has closed it: {}", String::from_utf8_lossy(frame.payload))
            }
            // The welcome is the first frame that a customer gets.
            Some(_) => true,
        };
        if ready && let Some(mut coming) = self.coming[slot].take() {
            self.poll.registry().deregister(&mut coming.stream)?;
            self.ready.push(coming.stream);
            self.free.push(slot);
        }
        Ok(())
    }
}
