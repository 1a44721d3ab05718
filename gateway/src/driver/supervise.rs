//! What supervisors ask for, replies for later use, and chats that are over. The role is looked up for each message
//! (threat 8): a console that says more than its agent may is refused, whatever it shows.

use std::sync::Arc;

use baton_core::audit;
use baton_core::session::{self, Chat, Supervision, Supervisor};
use baton_protocol::frames::About;
use baton_protocol::limits::{MAX_CLOSED, MAX_ENTRIES_BYTES, MAX_LABEL, MAX_REPLIES, MAX_TEXT};
use baton_protocol::model::{ChatState, ClosedChat, Reply, SharePolicy};
use baton_protocol::{ChatId, ClientFrame, ErrorCode, ServerFrame};

use super::conn::Conn;
use super::{Gateway, now};
use crate::store::{Change, ReplyRow, StoreError};

impl Gateway {
    /// A frame that only supervisors may send.
    pub(super) async fn supervise(self: &Arc<Self>, conn: &Arc<Conn>, login: String, frame: ClientFrame) {
        let (chat, what) = match frame {
            ClientFrame::TeamMessage { to, text } => return self.team_message(conn, &login, to, text).await,
            ClientFrame::Watch { chat, on } => (chat, Supervision::Watch(on)),
            ClientFrame::Whisper { chat, id, text } => (chat, Supervision::Whisper(id, text)),
            ClientFrame::JoinIn { chat } => (chat, Supervision::Join),
            ClientFrame::TakeOver { chat } => (chat, Supervision::TakeOver),
            ClientFrame::SetPriority { chat, priority } => (chat, Supervision::Priority(priority)),
            _ => return super::customers::refuse(conn, ErrorCode::OutOfOrder),
        };
        let refused = |code: ErrorCode| {
            conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about: About::Chat(chat) });
        };
        if !self.is_supervisor(&login).await {
            return refused(ErrorCode::NotPermitted);
        }
        let card = self.with_queue(|queue| queue.agent_card(&login, SharePolicy::All));
        let Some(card) = card else { return refused(ErrorCode::Internal) };
        if what == Supervision::TakeOver && card.chats >= card.max_chats {
            return refused(ErrorCode::AtMaximum);
        }
        let who = Supervisor { login, title: card.title };
        self.tell_for(conn, chat, session::Input::Supervise(who, what));
    }

    async fn team_message(&self, conn: &Arc<Conn>, login: &str, to: Option<String>, text: String) {
        let title = to.as_ref().map(|area| self.settings.area_title(area).map(str::to_owned));
        let refused = match title {
            _ if !self.is_supervisor(login).await => Some(ErrorCode::NotPermitted),
            Some(None) => Some(ErrorCode::UnknownArea),
            _ if text.trim().is_empty() || text.len() > MAX_TEXT => Some(ErrorCode::BadText),
            _ => None,
        };
        if let Some(code) = refused {
            let about = About::Connection;
            return conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about });
        }
        let (from, readers) = self.with_queue(|queue| {
            let from = queue.profile(login).map_or_else(|| login.to_owned(), |profile| profile.title);
            let all = queue.agent_cards(|_| SharePolicy::All).filter(|agent| agent.online);
            let there = |areas: &[String]| to.as_ref().is_none_or(|area| areas.contains(area));
            let readers =
                all.filter(|agent| there(&agent.areas) || agent.name == login).map(|agent| agent.name);
            (from, readers.collect::<Vec<String>>())
        });
        let frame = ServerFrame::TeamSaid { from, to: title.flatten(), text };
        readers.iter().for_each(|reader| self.send_to_agent(reader, &frame));
    }

    /// Keeps a reply, or forgets one, and tells whoever has it in their list.
    pub(super) async fn change_replies(
        self: &Arc<Self>,
        conn: &Arc<Conn>,
        login: String,
        frame: ClientFrame,
    ) {
        let refused = |code: ErrorCode| {
            conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about: About::Connection });
        };
        let changed = match frame {
            ClientFrame::PutReply { reply } => self.put_reply(&login, reply).await,
            ClientFrame::RemoveReply { id } => match self.reply_of(&login, id).await {
                Ok(Ok(true)) => self.store.remove_reply(id).await.map(|_| Ok(true)),
                Ok(Ok(false)) => {
                    let record = audit::Record::change(now(), &login, format!("reply {id}"), "forgotten");
                    self.store.administer(Change::RemoveReply(id), record).await.map(|_| Ok(false))
                }
                other => other,
            },
            _ => return refused(ErrorCode::OutOfOrder),
        };
        match changed {
            Ok(Ok(true)) => self.send_replies(&login).await,
            Ok(Ok(false)) => self.send_replies_to_all().await,
            Ok(Err(code)) => refused(code),
            Err(error) => {
                tracing::error!(conn = conn.id.0, %error, "a reply could not be kept");
                refused(ErrorCode::Internal);
            }
        }
    }

    async fn put_reply(&self, login: &str, reply: Reply) -> Result<Result<bool, ErrorCode>, StoreError> {
        if !fits(&reply) {
            return Ok(Err(ErrorCode::BadText));
        }
        match self.reply_of(login, reply.id).await? {
            // A new one.
            Err(ErrorCode::UnknownDocument) if reply.personal || self.is_supervisor(login).await => {}
            // Neither does a colleague's become one's own, nor one's own everybody's.
            Ok(personal) if personal == reply.personal => {}
            _ => return Ok(Err(ErrorCode::NotPermitted)),
        }
        let (owner, personal) = (reply.personal.then(|| login.to_owned()), reply.personal);
        let what = format!("reply /{}", reply.shortcut);
        let row = ReplyRow { owner, reply };
        // What is everybody's is kept together with who has changed it.
        let kept = if personal {
            self.store.put_reply(row, MAX_REPLIES).await?
        } else {
            let record = audit::Record::change(now(), login, what, "kept");
            self.store.administer(Change::PutReply(row, MAX_REPLIES), record).await?
        };
        Ok(if kept { Ok(personal) } else { Err(ErrorCode::ChatFull) })
    }

    /// Whether a reply is personal, if this agent may change it; who may not is told no more than that.
    async fn reply_of(
        &self,
        login: &str,
        id: baton_protocol::MessageId,
    ) -> Result<Result<bool, ErrorCode>, StoreError> {
        let row = self.store.replies().await?.into_iter().find(|row| row.reply.id == id);
        Ok(match row {
            None => Err(ErrorCode::UnknownDocument),
            Some(ReplyRow { owner: Some(owner), .. }) if owner == login => Ok(true),
            Some(ReplyRow { owner: None, .. }) if self.is_supervisor(login).await => Ok(false),
            Some(_) => Err(ErrorCode::NotPermitted),
        })
    }

    /// The company's replies have changed.
    pub(crate) async fn send_replies_to_all(&self) {
        let everybody: Vec<String> = self.agents.iter().map(|agent| agent.key().clone()).collect();
        for login in everybody {
            self.send_replies(&login).await;
        }
    }

    /// The company's replies and the agent's own, in as many frames as they need.
    pub(super) async fn send_replies(&self, login: &str) {
        let rows = match self.store.replies().await {
            Ok(rows) => rows,
            Err(error) => return tracing::error!(%error, "replies could not be read"),
        };
        let mine = rows.into_iter().filter(|row| row.owner.as_deref().is_none_or(|owner| owner == login));
        let (mut part, mut bytes, mut first) = (Vec::new(), 0, true);
        for reply in mine.map(|row| row.reply) {
            let size = serde_json::to_vec(&reply).map_or(MAX_ENTRIES_BYTES, |json| json.len() + 1);
            if bytes + size > MAX_ENTRIES_BYTES && !part.is_empty() {
                self.send_to_agent(
                    login,
                    &ServerFrame::Replies { replies: std::mem::take(&mut part), first },
                );
                (bytes, first) = (0, false);
            }
            bytes += size;
            part.push(reply);
        }
        self.send_to_agent(login, &ServerFrame::Replies { replies: part, first });
    }

    /// The chats that were over last: the agent's own, for supervisors all.
    pub(super) async fn list_closed(&self, conn: &Arc<Conn>, login: &str) {
        let whose = if self.is_supervisor(login).await { None } else { Some(login) };
        let most = u32::try_from(MAX_CLOSED).unwrap_or(u32::MAX);
        match self.store.closed_chats(whose, most).await {
            Ok(rows) => {
                let closed = |json: String| serde_json::from_str(&json).ok().map(closed);
                let chats = rows.into_iter().filter_map(closed).collect();
                conn.send(&ServerFrame::ClosedChats { chats });
            }
            Err(error) => tracing::error!(%error, "closed chats could not be read"),
        }
    }

    /// Whether this agent has had that chat.
    pub(crate) fn has_served(&self, login: &str, chat: ChatId) -> bool {
        self.look_at_chat(chat, |chat| chat.record.served.iter().any(|served| served == login))
            .unwrap_or(false)
    }

    /// Who the customer of a chat in memory is, as a site has signed it.
    pub(crate) fn verified(&self, chat: ChatId) -> Option<session::Identity> {
        self.look_at_chat(chat, |chat| chat.record.visitor.verified.as_deref().cloned()).flatten()
    }

    /// Whether this agent has the customer of that chat now, in another one.
    fn has_customer_of(&self, login: &str, chat: ChatId) -> bool {
        let Some(known) = self.verified(chat) else { return false };
        let same = |other: session::Identity| {
            (other.site, other.subject) == (known.site.clone(), known.subject.clone())
        };
        let now = self.with_queue(|queue| queue.chats_of(login));
        now.into_iter().filter_map(|chat| self.verified(chat)).any(same)
    }

    /// A chat that is over, for whoever has had it, for whoever has its customer now, and for supervisors.
    pub(super) async fn read_closed(self: &Arc<Self>, conn: &Arc<Conn>, login: String, chat: ChatId) {
        let found = self.chat(chat).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a chat could not be loaded");
            false
        });
        let over = found && self.look_at_chat(chat, |chat| !chat.is_open()).unwrap_or(false);
        let mine = || self.has_served(&login, chat) || self.has_customer_of(&login, chat);
        if over && (mine() || self.is_supervisor(&login).await) {
            let who = Supervisor { login, title: String::new() };
            return self.tell_chat(chat, session::Input::Supervise(who, Supervision::Read));
        }
        let code = ErrorCode::UnknownChat;
        conn.send(&ServerFrame::Refused { code, detail: code.to_string(), about: About::Chat(chat) });
    }
}

/// Whether a reply can be kept: a word to find it by, and some text.
pub(crate) fn fits(reply: &Reply) -> bool {
    let apart = |letter: char| letter.is_whitespace() || letter == '/';
    let word = !reply.shortcut.is_empty() && !reply.shortcut.chars().any(apart);
    word && reply.shortcut.len() <= MAX_LABEL && !reply.text.trim().is_empty() && reply.text.len() <= MAX_TEXT
}

fn closed(record: session::Record) -> ClosedChat {
    let chat = Chat::load(record, None, Vec::new());
    let card = chat.card();
    let state = match card.state {
        state @ (ChatState::Ended(_) | ChatState::Transferred { .. }) => state,
        // The list was asked for while it ended.
        _ => ChatState::Ended(baton_protocol::model::EndReason::Server),
    };
    ClosedChat {
        chat: card.chat,
        area: card.area,
        name: card.customer.name,
        subject: card.customer.subject,
        since: card.since,
        state,
        outcome: chat.record.outcome.map(|outcome| *outcome),
    }
}
