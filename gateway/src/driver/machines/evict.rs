//! A machine whose step the store has refused: its state in memory is thrown away, and what is stored loaded again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use baton_core::queue;
use baton_core::session::{self, Chat};
use baton_core::transfer::destination;
use baton_protocol::CloseCode;

use super::super::{Gateway, Key};

/// How long an eviction waits for steps that are under way, at most: far longer than a store takes that works.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// How often it looks.
const SOON: Duration = Duration::from_millis(1);

impl Gateway {
    /// Whoever talks in the chat may have said something that was not stored: they connect again, and say again what
    /// was not acknowledged.
    fn let_resume(&self, chat: &Chat) {
        let customer = chat.conn().and_then(|conn| self.conns.get(&conn).map(|conn| conn.clone()));
        let consoles = chat.agent_login().map(|login| self.consoles(login)).unwrap_or_default();
        customer.into_iter().chain(consoles).for_each(|conn| conn.close(CloseCode::Internal));
    }

    /// The machine's state in memory is ahead of what is stored: forget it. Its customer and its agent resume, which
    /// loads what is stored. `unfinished` is the count of the state that is ahead: when several of its steps are
    /// refused, what has been loaded after the first stays.
    pub(super) fn evict(self: &Arc<Self>, key: Key, unfinished: Arc<AtomicUsize>, why: &str) {
        tracing::error!(machine = ?key, why, "not stored; the machine is loaded again");
        let gateway = self.clone();
        // The store's thread must not wait for a machine's lock, which may be waiting for the store.
        self.runtime.spawn(async move {
            // A later step of the same state may still be stored: what is loaded before that does not know of it, and
            // would be refused in its turn.
            let begun = Instant::now();
            while unfinished.load(Ordering::Acquire) > 0 && begun.elapsed() < UNDER_WAY {
                tokio::time::sleep(SOON).await;
            }
            match key {
                Key::Chat(id) => {
                    let ahead = gateway.chats.remove_if(&id, |_, slot| slot.counts(&unfinished));
                    let Some((_, slot)) = ahead else { return };
                    let lost = {
                        let kept = slot.kept.lock();
                        gateway.let_resume(&kept.machine);
                        kept.machine.agent_login().map(str::to_owned)
                    };
                    if gateway.chat(id).await.is_ok_and(|found| found) {
                        // By what is stored it may be another agent's.
                        gateway.look_at_chat(id, |chat| {
                            if chat.agent_login() != lost.as_deref() {
                                gateway.let_resume(chat);
                            }
                        });
                        gateway.tell_chat(id, session::Input::Restore);
                    }
                }
                Key::Incoming(peer, transfer) => {
                    let name = (peer, transfer);
                    if gateway.incoming.remove_if(&name, |_, slot| slot.counts(&unfinished)).is_none() {
                        return;
                    }
                    match gateway.incoming(&name).await {
                        Ok(true) => gateway.tell_incoming(&name, destination::Input::Restore),
                        // Its first step is what was refused: its place is nobody's.
                        Ok(false) => gateway.tell_queue(queue::Input::GiveBack(name)),
                        Err(error) => tracing::error!(%error, "a machine could not be loaded"),
                    }
                }
                Key::Erasure(id) => {
                    if gateway.erasures.remove_if(&id, |_, slot| slot.counts(&unfinished)).is_none() {
                        return;
                    }
                    match gateway.load_erasure(id).await {
                        Ok(_) => gateway.resume_erasure(id),
                        Err(error) => tracing::error!(%error, "a machine could not be loaded"),
                    }
                }
            }
        });
    }
}
