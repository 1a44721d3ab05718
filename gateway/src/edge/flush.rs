//! When what was put in connections' outboxes is written: once for each connection and round of the thread's work, not
//! once for each frame.
//!
//! Every worker thread has a task, the flusher. Whoever puts the first frame in an outbox puts the connection on the list
//! of the thread it happens on; the flusher's turn comes when all that was ready before it has run, and it writes
//! each outbox straight into its socket. So the answer to one person and what the other one says leave together, in
//! one system call. On a thread that has no flusher, the store's own for example, the list of the connection's
//! worker is used.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Poll, Waker};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use crate::driver::conn::Conn;

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

struct Here {
    list: Vec<Arc<Conn>>,
    waker: Waker,
}

/// A worker's list as other threads see it.
#[derive(Debug, Default)]
pub struct Flusher {
    list: Mutex<Vec<Arc<Conn>>>,
    waker: AtomicWaker,
}

impl Flusher {
    /// Writes for as long as the worker runs. To be spawned on the worker's own runtime, once.
    pub async fn run(self: Arc<Self>) {
        let mut due = Vec::new();
        std::future::poll_fn(|cx| {
            self.waker.register(cx.waker());
            HERE.with_borrow_mut(|here| match here {
                Some(here) => std::mem::swap(&mut here.list, &mut due),
                None => *here = Some(Here { list: Vec::new(), waker: cx.waker().clone() }),
            });
            due.append(&mut self.list.lock());
            for conn in due.drain(..) {
                conn.flush();
            }
            Poll::<()>::Pending
        })
        .await;
    }

    /// Has this connection's outbox written soon.
    pub fn mark(&self, conn: Arc<Conn>) {
        let elsewhere = HERE.with_borrow_mut(|here| match here {
            Some(here) => {
                here.list.push(conn);
                if here.list.len() == 1 {
                    here.waker.wake_by_ref();
                }
                None
            }
            None => Some(conn),
        });
        let Some(conn) = elsewhere else { return };
        let mut list = self.list.lock();
        list.push(conn);
        if list.len() == 1 {
            drop(list);
            self.waker.wake();
        }
    }
}
