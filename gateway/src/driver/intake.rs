//! A connection's frames. What has arrived together is told together: the frames in a row that are for one chat are one
//! step of it, with one batch for the store.

use std::collections::VecDeque;
use std::sync::Arc;

use baton_core::session::Input;
use baton_protocol::{ChatId, ClientFrame, ServerFrame};

use super::Gateway;
use super::conn::{Bound, Conn};

impl Gateway {
    /// Takes a connection's frames, in their order.
    pub async fn frames(self: &Arc<Self>, conn: &Arc<Conn>, frames: &mut VecDeque<ClientFrame>) {
        while !self.talk(conn, frames) {
            if let Some(frame) = frames.pop_front() {
                self.frame(conn, frame).await;
            }
        }
    }

    /// Takes the frames at the front that are talk, as most are; whether that was all of them.
    pub fn talk(self: &Arc<Self>, conn: &Arc<Conn>, frames: &mut VecDeque<ClientFrame>) -> bool {
        while self.tell_row(conn, frames) {}
        frames.is_empty()
    }

    /// Takes the frames at the front that one chat can be told at once; whether there were any.
    fn tell_row(self: &Arc<Self>, conn: &Arc<Conn>, frames: &mut VecDeque<ClientFrame>) -> bool {
        let Some(first) = frames.front() else { return false };
        if let ClientFrame::Ping { nonce } = *first {
            frames.pop_front();
            conn.send(&ServerFrame::Pong { nonce });
            return true;
        }
        let before = frames.len();
        let work = match conn.bound() {
            Bound::Customer(chat) => self.steps_of_chat(chat, || {
                let frame = frames.pop_front_if(|frame| is_talk(frame).is_some())?;
                Some(Input::Customer(conn.id, frame))
            }),
            Bound::Agent(login) => {
                let Some(Some(chat)) = is_talk(first) else { return false };
                self.steps_of_chat(chat, || {
                    let frame = frames.pop_front_if(|frame| is_talk(frame) == Some(Some(chat)))?;
                    Some(Input::Agent(login.clone(), frame))
                })
            }
            Bound::Nobody | Bound::Arriving(..) => return false,
        };
        self.work(work.into());
        frames.len() < before
    }
}

/// Whether a frame is talk, which its chat alone decides about, and for which chat an agent means it.
fn is_talk(frame: &ClientFrame) -> Option<Option<ChatId>> {
    match frame {
        ClientFrame::Say { chat, .. } | ClientFrame::Typing { chat, .. } | ClientFrame::Seen { chat, .. } => {
            Some(*chat)
        }
        ClientFrame::Preview { .. } => Some(None),
        ClientFrame::Note { chat, .. } => Some(Some(*chat)),
        _ => None,
    }
}
