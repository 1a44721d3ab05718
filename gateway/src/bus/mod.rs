//! The bus wakes and routes. It is a hint, never the fact: whoever misses a notice finds out from the store or at
//! the next one, so losing the bus loses nothing.

use tokio::sync::broadcast;

/// Notices that wait for a slow listener. A listener that falls behind is told to look at everything, so this
/// bounds memory, not correctness.
const CAPACITY: usize = 256;

/// What may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Queues, staffing or peers: lists should be looked at again.
    Lists,
}

/// A bus. In one process it is [`LocalBus`]; between processes it is a broker's subjects.
pub trait Bus: Send + Sync + 'static {
    /// Tells every listener. Never blocks, never fails.
    fn publish(&self, notice: Notice);
    /// Listens from now on. A lagging receiver gets an error that means "look at everything".
    fn listen(&self) -> broadcast::Receiver<Notice>;
}

/// The bus of one process.
#[derive(Debug)]
pub struct LocalBus(broadcast::Sender<Notice>);

impl Default for LocalBus {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Bus for LocalBus {
    fn publish(&self, notice: Notice) {
        // An error only means that nobody listens.
        let _ = self.0.send(notice);
    }

    fn listen(&self) -> broadcast::Receiver<Notice> {
        self.0.subscribe()
    }
}
