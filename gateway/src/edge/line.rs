//! The bytes of a connection: TCP, or TLS over it.
//!
//! Nothing here waits. Reading belongs to the connection's own task; writing is tried by whoever has something to say,
//! straight into the socket.

use std::io::{self, ErrorKind, Read, Write};
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ServerConnection;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// See the module.
#[derive(Debug)]
pub struct Line {
    tcp: TcpStream,
    tls: Option<Box<Mutex<ServerConnection>>>,
}

impl Line {
    /// The line below an upgraded HTTP connection, with what was read of it already. Nothing for one that this
    /// server has not accepted. That is copied: hyper's buffer has eight KiB, which each connection would keep.
    #[must_use]
    pub fn below(upgraded: Upgraded) -> Option<(Self, Vec<u8>)> {
        let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => {
                return Some((Self { tcp: parts.io.into_inner(), tls: None }, parts.read_buf.to_vec()));
            }
            Err(upgraded) => upgraded,
        };
        let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
        let (tcp, tls) = parts.io.into_inner().into_inner();
        Some((Self { tcp, tls: Some(Box::new(Mutex::new(tls))) }, parts.read_buf.to_vec()))
    }

    /// Reads what is there; 0 bytes at the end.
    pub fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let read = match &self.tls {
                None => read(&self.tcp, into),
                Some(tls) => self.decrypt(&mut tls.lock(), into),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.tcp.poll_read_ready(cx))?;
                }
                done => return Poll::Ready(done),
            }
        }
    }

    /// Ready when a write may do something again.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(cx)
    }

    /// Writes as much as goes at once. An error of kind `WouldBlock` when nothing does.
    ///
    /// # Errors
    /// The socket's.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else { return self.tcp.try_write(bytes) };
        let mut tls = tls.lock();
        self.send_encrypted(&mut tls)?;
        let taken = tls.writer().write(bytes)?;
        match self.send_encrypted(&mut tls) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    /// Writes what TLS has encrypted and not sent yet.
    ///
    /// # Errors
    /// The socket's; of kind `WouldBlock` when some is left.
    pub fn finish_write(&self) -> io::Result<()> {
        self.tls.as_ref().map_or(Ok(()), |tls| self.send_encrypted(&mut tls.lock()))
    }

    fn send_encrypted(&self, tls: &mut ServerConnection) -> io::Result<()> {
        while tls.wants_write() {
            tls.write_tls(&mut Tried(&self.tcp))?;
        }
        Ok(())
    }

    fn decrypt(&self, tls: &mut ServerConnection, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            if tls.read_tls(&mut Tried(&self.tcp))? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            // Answers of TLS's own, such as new keys.
            match self.send_encrypted(tls) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    }
}

/// One read. Fewer bytes than were asked for means that no more are there: the next read waits without asking the
/// kernel again.
fn read(tcp: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    let mut some = None;
    let done = tcp.try_io(Interest::READABLE, || match tcp.try_read(into) {
        Ok(count) if count > 0 && count < into.len() => {
            some = Some(count);
            Err(ErrorKind::WouldBlock.into())
        }
        done => done,
    });
    some.map_or(done, Ok)
}

/// A socket that is tried, and never waited for.
struct Tried<'a>(&'a TcpStream);

impl Read for Tried<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        read(self.0, into)
    }
}

impl Write for Tried<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
