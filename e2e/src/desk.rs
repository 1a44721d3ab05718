//! An agent who is always there: logs in again after every lost connection, picks up whoever waits, and sends again
//! what was not acknowledged.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use baton_protocol::frames::{About, Login, Password};
use baton_protocol::model::{Body, Context, Entry, Stage};
use baton_protocol::{
    ChatId, ClientFrame, Encoding, MessageId, ResumeToken, Seq, ServerFrame, TransferId, decode_server,
};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::company::PASSWORD;
use crate::socket::{Socket, Tls, connect};
use crate::widget::Moments;

/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(50);

/// A chat as the console shows it.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// What came with it.
    pub context: Option<Context>,
    /// Its entries, by the server's number.
    pub entries: BTreeMap<Seq, Entry>,
}

impl Shown {
    /// What was said, in the console's order: ids and texts.
    #[must_use]
    pub fn said(&self) -> Vec<(MessageId, String)> {
        let prior = self.context.iter().flat_map(|context| &context.transcript);
        let prior = prior.map(|entry| (entry.id, entry.text.clone()));
        let own = self.entries.values().filter_map(|entry| match &entry.body {
            Body::Text(text) => Some((entry.id, text.clone())),
            _ => None,
        });
        prior.chain(own).collect()
    }
}

/// What an agent sees and has done.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Chats that were opened.
    pub chats: HashMap<ChatId, Shown>,
    /// Messages of the agent's that are not acknowledged.
    pub outbox: Vec<(ChatId, MessageId, String)>,
    /// Texts that the gateway has said to be stored.
    pub acknowledged: Vec<String>,
    /// How far transfers are.
    pub transfers: HashMap<TransferId, Stage>,
    /// Whether there is a connection.
    pub online: bool,
}

/// A working agent; gone when dropped.
pub struct Desk {
    orders: mpsc::Sender<ClientFrame>,
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Desk {
    /// Starts work at a gateway.
    #[must_use]
    pub fn start(socket: String, login: &str, tls: Option<Tls>, moments: Moments) -> Self {
        let (orders, work) = mpsc::channel(1_024);
        let (shown, seen) = watch::channel(Seen::default());
        let agent = Agent { socket, login: login.into(), tls, moments, shown, token: None };
        Self { orders, seen, task: tokio::spawn(agent.run(work)) }
    }

    /// The agent does something. A message is kept until it is acknowledged; anything else is lost with the
    /// connection.
    ///
    /// # Errors
    /// When the agent is gone.
    pub async fn order(&self, frame: ClientFrame) -> Result<()> {
        self.orders.send(frame).await.context("the agent is gone")
    }

    /// Says something in a chat.
    ///
    /// # Errors
    /// When the agent is gone.
    pub async fn say(&self, chat: ChatId, text: String) -> Result<()> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        self.order(ClientFrame::Say { chat: Some(chat), id: MessageId(id), text }).await
    }

    /// What there is to see now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until the agent sees what fits.
    ///
    /// # Errors
    /// When it takes longer than `limit`.
    pub async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        fits: impl FnMut(&Seen) -> bool,
    ) -> Result<Seen> {
        match tokio::time::timeout(limit, self.seen.wait_for(fits)).await {
            Ok(seen) => Ok(seen.context("the agent is gone")?.clone()),
            Err(_) => bail!("the agent waited in vain for {what}"),
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Agent {
    socket: String,
    login: String,
    tls: Option<Tls>,
    moments: Moments,
    shown: watch::Sender<Seen>,
    token: Option<ResumeToken>,
}

impl Agent {
    async fn run(mut self, mut work: mpsc::Receiver<ClientFrame>) {
        loop {
            if let Ok(mut socket) = connect(&self.socket, Encoding::Json, None, self.tls.clone()).await {
                // Why a connection has ended does not matter here: there will be another one.
                let _ = self.serve(&mut socket, &mut work).await;
            }
            self.shown.send_modify(|seen| seen.online = false);
            if work.is_closed() {
                return;
            }
            // waits: between two attempts to connect.
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn serve(&mut self, socket: &mut Socket, work: &mut mpsc::Receiver<ClientFrame>) -> Result<()> {
        let password = || Password(PASSWORD.into());
        let login = match self.token.clone() {
            Some(token) => Login::Token { token },
            None => Login::Password { name: self.login.clone(), password: password() },
        };
        send(socket, &ClientFrame::AgentHello { login }).await?;
        loop {
            tokio::select! {
                message = socket.next() => {
                    let Some(Ok(message)) = message else { bail!("lost") };
                    let Message::Text(text) = message else {
                        if message.is_close() { bail!("closed") }
                        continue;
                    };
                    let frame = decode_server(Encoding::Json, text.as_bytes())?;
                    if let ServerFrame::AgentWelcome { token: fresh, .. } = &frame {
                        self.token = fresh.clone().or(self.token.take());
                        self.send_again(socket).await?;
                    }
                    for answer in self.take(frame) {
                        send(socket, &answer).await?;
                    }
                    self.moments.pass();
                }
                // What was said before, and not acknowledged, goes first.
                frame = work.recv(), if self.shown.borrow().online => {
                    let Some(frame) = frame else { bail!("over") };
                    if let ClientFrame::Say { chat: Some(chat), id, text } = &frame {
                        let kept = (*chat, *id, text.clone());
                        self.shown.send_modify(|seen| seen.outbox.push(kept));
                    }
                    send(socket, &frame).await?;
                }
            }
        }
    }

    async fn send_again(&mut self, socket: &mut Socket) -> Result<()> {
        let outbox = self.shown.borrow().outbox.clone();
        self.shown.send_modify(|seen| seen.online = true);
        for (chat, id, text) in outbox {
            send(socket, &ClientFrame::Say { chat: Some(chat), id, text }).await?;
        }
        Ok(())
    }

    /// Keeps what has come; answers with what to do about it.
    fn take(&mut self, frame: ServerFrame) -> Vec<ClientFrame> {
        let mut answers = Vec::new();
        self.shown.send_modify(|seen| match frame {
            ServerFrame::Queue { waiting } => {
                answers.extend(waiting.iter().map(|card| ClientFrame::PickUp { chat: card.chat }));
            }
            ServerFrame::Opened { card, context } => {
                seen.chats.entry(card.chat).or_default().context = context;
            }
            ServerFrame::Entries { chat, entries } => {
                let shown = seen.chats.entry(chat).or_default();
                shown.entries.extend(entries.into_iter().map(|entry| (entry.seq, entry)));
            }
            ServerFrame::Stored { id, .. } => {
                if let Some(at) = seen.outbox.iter().position(|(_, kept, _)| *kept == id) {
                    seen.acknowledged.push(seen.outbox.remove(at).2);
                }
            }
            ServerFrame::Refused { about: About::Message(id), .. } => {
                seen.outbox.retain(|(_, kept, _)| *kept != id);
            }
            ServerFrame::Refused { about: About::Chat(chat), .. } => {
                seen.outbox.retain(|(kept, ..)| *kept != chat);
            }
            ServerFrame::Progress { transfer, stage, .. } => {
                seen.transfers.insert(transfer, stage);
            }
            _ => {}
        });
        answers
    }
}

async fn send(socket: &mut Socket, frame: &ClientFrame) -> Result<()> {
    let mut bytes = Vec::new();
    frame.encode(Encoding::Json, &mut bytes)?;
    Ok(socket.send(Message::Text(String::from_utf8(bytes)?.into())).await?)
}
