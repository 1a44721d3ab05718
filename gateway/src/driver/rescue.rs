//! Supervisors and operators see every chat, and get any of them out of any state.

use std::sync::Arc;
use std::time::Duration;

use baton_core::session::{self, Chat};
use baton_protocol::federation::Denial;
use baton_protocol::frames::About;
use baton_protocol::limits::MAX_ENTRIES_BYTES;
use baton_protocol::model::OpenChat;
use baton_protocol::{ChatId, ErrorCode, ServerFrame};

use super::Gateway;
use super::conn::Conn;

/// The time that a chat has for its answer: a stored step.
const ANSWER: Duration = Duration::from_secs(4);

impl Gateway {
    /// Gets a chat out of whatever state it is in, to a queue.
    ///
    /// # Errors
    /// Why not, and where the customer is.
    pub async fn rescue(self: &Arc<Self>, chat: ChatId, to: Option<String>) -> Result<(), Denial> {
        let no = |code: ErrorCode| Denial { code, detail: code.to_string(), retry_after: None };
        match self.chat(chat).await {
            Ok(true) => {}
            Ok(false) => return Err(no(ErrorCode::UnknownChat)),
            Err(error) => {
                tracing::error!(%error, "a chat could not be loaded");
                return Err(no(ErrorCode::Internal));
            }
        }
        let (reply, receiver) = self.expect_reply();
        self.tell_chat(chat, session::Input::Rescue { to, reply });
        match tokio::time::timeout(ANSWER, receiver).await {
            Ok(Ok(answer)) => answer.map(drop),
            _ => {
                self.forget_reply(reply);
                Err(no(ErrorCode::Internal))
            }
        }
    }

    /// Every chat that is not over, the oldest first.
    #[must_use]
    pub fn open_chats(&self) -> Vec<OpenChat> {
        let ids: Vec<ChatId> = self.chats.iter().map(|chat| *chat.key()).collect();
        let look = |id| self.look_at_chat(id, Chat::open_chat).flatten();
        let mut chats: Vec<OpenChat> = ids.into_iter().filter_map(look).collect();
        chats.sort_by_key(|chat| (chat.since, chat.chat));
        chats
    }

    /// A supervisor's console asks; the role is looked up each time (threat 8).
    pub(super) async fn rescue_for(
        self: &Arc<Self>,
        conn: &Arc<Conn>,
        login: &str,
        chat: ChatId,
        to: Option<String>,
    ) {
        let answer = if self.is_supervisor(login).await {
            self.rescue(chat, to).await
        } else {
            let code = ErrorCode::NotPermitted;
            Err(Denial { code, detail: "only supervisors may do this".into(), retry_after: None })
        };
        match answer {
            Ok(()) => {
                tracing::info!(login, %chat, "a supervisor took a chat back");
                send_open_chats(conn, &self.open_chats());
            }
            Err(Denial { code, detail, .. }) => {
                conn.send(&ServerFrame::Refused { code, detail, about: About::Chat(chat) });
            }
        }
    }

    /// The list for every supervisor who is here.
    pub(super) async fn tell_supervisors(&self, chats: &[OpenChat]) {
        let consoles: Vec<(String, Vec<Arc<Conn>>)> =
            self.agents.iter().map(|agent| (agent.key().clone(), agent.value().clone())).collect();
        for (login, conns) in consoles {
            if !conns.is_empty() && self.is_supervisor(&login).await {
                conns.iter().for_each(|conn| send_open_chats(conn, chats));
            }
        }
    }
}

/// In as many frames as they need, counted in JSON, the longer of the two encodings.
pub(super) fn send_open_chats(conn: &Arc<Conn>, chats: &[OpenChat]) {
    let (mut part, mut bytes, mut first) = (Vec::new(), 0, true);
    for chat in chats {
        let size = serde_json::to_vec(chat).map_or(MAX_ENTRIES_BYTES, |json| json.len() + 1);
        if bytes + size > MAX_ENTRIES_BYTES && !part.is_empty() {
            conn.send(&ServerFrame::OpenChats { chats: std::mem::take(&mut part), first });
            (bytes, first) = (0, false);
        }
        bytes += size;
        part.push(chat.clone());
    }
    conn.send(&ServerFrame::OpenChats { chats: part, first });
}
