//! What waiting customers have to read, and what is known of them (H1).

use std::collections::HashMap;
use std::sync::Arc;

use baton_core::effect::ConnId;
use baton_core::session::Chat;
use baton_protocol::model::Holding;
use baton_protocol::{ChatId, ServerFrame};

use super::Gateway;

impl Gateway {
    /// To every waiting customer, once for each connection: a widget that comes back may have been loaded anew.
    pub(super) fn send_holding(
        self: &Arc<Self>,
        waiting: impl Iterator<Item = ChatId>,
        told: &HashMap<ChatId, ConnId>,
    ) -> HashMap<ChatId, ConnId> {
        let mut now = HashMap::new();
        for chat in waiting {
            // Most have been told: for them nothing is put together.
            let look = |chat: &Chat| {
                let conn = chat.conn()?;
                Some((conn, (told.get(&chat.record.id) != Some(&conn)).then(|| self.holding(chat))))
            };
            let Some((conn, content)) = self.look_at_chat(chat, look).flatten() else { continue };
            now.insert(chat, conn);
            let Some(content) = content.filter(|content| *content != Holding::default()) else { continue };
            if let Some(conn) = self.conns.get(&conn) {
                conn.send(&ServerFrame::Holding { content });
            }
        }
        now
    }

    fn holding(&self, chat: &Chat) -> Holding {
        let content = self.config.holding.get(&chat.record.area).cloned().unwrap_or_default();
        Holding { known: chat.known(), ..content }
    }
}
