//! Opening connections, one after the other, until each is ready for messages.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use baton_protocol::frames::{Login, Password, Start};
use baton_protocol::{ChatId, ClientFrame, Encoding, ServerFrame, Verifier, decode_server};

use super::ws;

/// How long a server may take for one answer.
const LIMIT: Duration = Duration::from_secs(20);

/// A connection on its way.
pub struct Opening {
    stream: TcpStream,
    /// What was read and not looked at.
    rest: Vec<u8>,
}

impl Opening {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("nobody listens on {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Self { stream, rest: Vec::new() })
    }

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn upgrade(mut self, address: SocketAddr, path: &str, subprotocol: Option<&str>) -> Result<Self> {
        self.write(&ws::request(&address.to_string(), path, subprotocol))?;
        loop {
            match ws::accepted(&self.rest).map_err(anyhow::Error::msg)? {
                Some(end) => {
                    self.rest.drain(..end);
                    return Ok(self);
                }
                None => self.read()?,
            }
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The socket's.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends a WebSocket message.
    ///
    /// # Errors
    /// The socket's.
    pub fn put(&mut self, op: u8, payload: &[u8]) -> Result<()> {
        let mut bytes = Vec::new();
        ws::put(op, payload, &mut bytes);
        self.write(&bytes)
    }

    fn read(&mut self) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        let read = self.stream.read(&mut buffer).context("the server does not answer")?;
        ensure!(read > 0, "the server has closed the connection");
        self.rest.extend_from_slice(&buffer[..read]);
        Ok(())
    }

    /// The next WebSocket message.
    ///
    /// # Errors
    /// When there is none in time.
    pub fn message(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(frame) = ws::next(&self.rest) {
                let (op, payload, length) = (frame.op, frame.payload.to_vec(), frame.length);
                self.rest.drain(..length);
                match op {
                    ws::CLOSE => {
                        bail!("the server has closed the connection: {}", String::from_utf8_lossy(&payload))
                    }
                    ws::PING | ws::PONG => continue,
                    _ => return Ok(payload),
                }
            }
            self.read()?;
        }
    }

    /// Reads messages until one has this in it.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn expect(&mut self, wanted: &str) -> Result<()> {
        while !String::from_utf8_lossy(&self.message()?).contains(wanted) {}
        Ok(())
    }

    /// Sends a frame of Baton's.
    ///
    /// # Errors
    /// The socket's.
    pub fn say(&mut self, frame: &ClientFrame) -> Result<()> {
        let mut bytes = Vec::new();
        frame.encode(Encoding::Binary, &mut bytes)?;
        self.put(ws::BINARY, &bytes)
    }

    /// Waits for a frame of Baton's.
    ///
    /// # Errors
    /// When the gateway refuses, or it does not come.
    pub fn hear<T>(&mut self, fits: impl Fn(&ServerFrame) -> Option<T>) -> Result<T> {
        loop {
            let frame = decode_server(Encoding::Binary, &self.message()?)?;
            if let Some(found) = fits(&frame) {
                return Ok(found);
            }
            if let ServerFrame::Refused { code, detail, .. } = frame {
                bail!("the gateway refuses: {code:?}, {detail}");
            }
        }
    }

    /// A customer of Baton's with a new chat.
    ///
    /// # Errors
    /// When the gateway does not let them in.
    pub fn customer(address: SocketAddr) -> Result<(Self, ChatId)> {
        let mut opening = Self::gateway(address)?;
        opening.say(&hello())?;
        let chat = opening.hear(|frame| match frame {
            ServerFrame::Welcome { chat, .. } => Some(*chat),
            _ => None,
        })?;
        Ok((opening, chat))
    }

    /// An agent of Baton's, logged in.
    ///
    /// # Errors
    /// When the gateway does not let them in.
    pub fn agent(address: SocketAddr, name: &str, password: &str) -> Result<Self> {
        let mut opening = Self::gateway(address)?;
        let login = Login::Password { name: name.into(), password: Password(password.into()) };
        opening.say(&ClientFrame::AgentHello { login })?;
        opening.hear(|frame| matches!(frame, ServerFrame::AgentWelcome { .. }).then_some(()))?;
        Ok(opening)
    }

    fn gateway(address: SocketAddr) -> Result<Self> {
        let subprotocol = Some(Encoding::Binary.subprotocol());
        Self::connect(address)?.upgrade(address, baton_protocol::SOCKET_PATH, subprotocol)
    }

    /// Tells Baton that somebody is there.
    ///
    /// # Errors
    /// The socket's.
    pub fn beat(&mut self) -> Result<()> {
        self.say(&ClientFrame::Ping { nonce: 0 })
    }

    /// Reads what is there, for later.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub fn drain(&mut self) -> Result<()> {
        self.stream.set_nonblocking(true)?;
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => bail!("the server has closed the connection"),
                Ok(read) => self.rest.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.stream.set_nonblocking(false)?)
    }

    /// Everything it has, for the load.
    #[must_use]
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.rest)
    }
}

/// A new customer's first frame.
#[must_use]
pub fn hello() -> ClientFrame {
    let start = Start::New {
        area: String::new(),
        name: "Carla".into(),
        email: "carla@example.org".into(),
        subject: String::new(),
        challenge: Verifier::from_bytes([1; 32]).challenge(),
    };
    ClientFrame::CustomerHello { start, page: None, client_type: "baton-bench".into(), last_seq: 0 }
}
