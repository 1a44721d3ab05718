//! A network with a delay: a TCP proxy that passes everything on after half a round-trip time, and counts.
//!
//! A proxy answers a connection at once, which a network does not: so the first bytes of a connection also wait for
//! the round trip that the handshake of TCP would have taken.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Chunks on their way in one direction: far more than a chat has within a delay.
const ON_THE_WAY: usize = 4_096;

/// A proxy; gone when dropped.
pub struct Proxy {
    address: SocketAddr,
    trips: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on this port, or on any for 0, and passes on to this address.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16, to: SocketAddr, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let trips = Arc::new(AtomicU64::new(0));
        let counted = trips.clone();
        let task = tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let accepted = Instant::now();
                let Ok(to) = TcpStream::connect(to).await else { continue };
                let _ = (from.set_nodelay(true), to.set_nodelay(true));
                // The handshake of TCP.
                counted.fetch_add(1, Ordering::Relaxed);
                pass_on(from, to, accepted + round_trip, round_trip / 2, &counted);
            }
        });
        Ok(Self { address, trips, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Round trips so far: a handshake is one, and so is each time that the other side answers what was said.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn pass_on(from: TcpStream, to: TcpStream, open: Instant, delay: Duration, trips: &Arc<AtomicU64>) {
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    // Something was said and is not answered yet.
    let asked = Arc::new(AtomicU64::new(0));
    let ask = {
        let asked = asked.clone();
        move || asked.store(1, Ordering::Relaxed)
    };
    let trips = trips.clone();
    let answer = move || {
        trips.fetch_add(asked.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    };
    one_way(from_read, to_write, open, delay, ask);
    one_way(to_read, from_write, open, delay, answer);
}

fn one_way(
    mut read: OwnedReadHalf,
    mut write: OwnedWriteHalf,
    open: Instant,
    delay: Duration,
    seen: impl Fn() + Send + 'static,
) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = read.read(&mut buffer).await {
            seen();
            let at = Instant::now().max(open) + delay;
            if sender.send((at, buffer[..read].to_vec())).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((at, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(at).await;
            if write.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = write.shutdown().await;
    });
}
