//! Worker threads: one for each processor, each with a runtime of its own, so that a connection stays where its buffers
//! and its wake-ups are.

use std::cell::RefCell;
use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use super::flush::Flusher;
use super::http::Surface;
use super::server::{self, Door};

thread_local! {
    static FLUSHER: RefCell<Option<Arc<Flusher>>> = const { RefCell::new(None) };
}

/// The workers of a gateway.
pub struct Workers {
    threads: Vec<std::thread::JoinHandle<()>>,
    /// No more connections are accepted.
    stop: CancellationToken,
    /// The threads end.
    end: CancellationToken,
}

impl Workers {
    /// Starts them; all of them accept at the one listener.
    ///
    /// # Errors
    /// When the system has no more threads or descriptors.
    pub fn start(listener: &TcpListener, door: &Arc<Door>, surface: &Surface) -> Result<Self> {
        // Respects what the process may use, not what the machine has.
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let (stop, end) = (CancellationToken::new(), CancellationToken::new());
        let mut workers = Self { threads: Vec::with_capacity(count), stop, end };
        for number in 0..count {
            let listener = listener.try_clone().context("no descriptor for the listener")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (door, surface) = (door.clone(), surface.clone());
            let (stop, end) = (workers.stop.clone(), workers.end.clone());
            let work = move || {
                runtime.block_on(async {
                    tokio::spawn(flusher().run());
                    match tokio::net::TcpListener::from_std(listener) {
                        Ok(listener) => server::accept(listener, &door, surface, stop.cancelled()).await,
                        Err(error) => tracing::error!(%error, "a worker cannot listen"),
                    }
                    end.cancelled().await;
                });
                // Whoever still looks something up in a file keeps nobody waiting.
                runtime.shutdown_background();
            };
            workers.threads.push(std::thread::Builder::new().name(format!("baton-{number}")).spawn(work)?);
        }
        Ok(workers)
    }

    /// Accepts no more connections.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Ends the threads, and with them every connection that is left.
    pub async fn end(self) {
        self.end.cancel();
        let join = || self.threads.into_iter().for_each(|thread| drop(thread.join()));
        let _ = tokio::task::spawn_blocking(join).await;
    }
}

/// This worker's flusher.
pub(super) fn flusher() -> Arc<Flusher> {
    FLUSHER.with_borrow_mut(|flusher| flusher.get_or_insert_default().clone())
}
