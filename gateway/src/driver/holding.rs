//! What waiting customers have to read, and what is known of them (H1).
//!
//! A customer's connection that is told its place in the queue has begun to wait, and gets it once; again after a while
//! with an agent, and on the next connection: a widget that comes back may have been loaded anew. Nobody else is looked
//! at, so that a long queue costs no more than a short one.

use baton_core::effect::ConnId;
use baton_core::session::Chat;
use baton_protocol::ServerFrame;
use baton_protocol::model::Holding;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Gateway;
use super::conn::{Bound, Conn};

/// Connections that have begun to wait since the last round.
#[derive(Debug, Default)]
pub struct Begun {
    conns: Mutex<Vec<ConnId>>,
    /// There is one.
    pub(super) some: Notify,
}

impl Gateway {
    /// This goes to a customer.
    pub(super) fn waits_or_not(&self, conn: &Conn, frame: &ServerFrame) {
        match frame {
            ServerFrame::Place { .. } if !conn.waits(true) => {
                self.begun.conns.lock().push(conn.id);
                self.begun.some.notify_one();
            }
            ServerFrame::PhaseChanged { .. } => {
                conn.waits(false);
            }
            _ => {}
        }
    }

    /// To whoever has begun to wait.
    pub(super) fn send_holding(&self) {
        let begun = std::mem::take(&mut *self.begun.conns.lock());
        for id in begun {
            let Some(conn) = self.conns.get(&id).map(|conn| conn.clone()) else { continue };
            let Bound::Customer(chat) = conn.bound() else { continue };
            let look = |chat: &Chat| (chat.conn() == Some(id)).then(|| self.holding(chat));
            let content = self.look_at_chat(chat, look).flatten();
            if let Some(content) = content.filter(|content| *content != Holding::default()) {
                conn.send(&ServerFrame::Holding { content });
            }
        }
    }

    fn holding(&self, chat: &Chat) -> Holding {
        let content = self.config.holding.get(&chat.record.area).cloned().unwrap_or_default();
        Holding { known: chat.known(), ..content }
    }
}
