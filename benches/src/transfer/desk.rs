//! An agent who takes whoever waits, and remembers which messages were shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use baton_protocol::frames::{Login, Password};
use baton_protocol::model::Stage;
use baton_protocol::{ChatId, ClientFrame, Encoding, MessageId, ServerFrame, TransferId, decode_server};
use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::socket::{Network, Socket, send};
use crate::gateway::PASSWORD;

/// What an agent sees.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Whether the gateway has let them in.
    pub online: bool,
    /// The chat that was opened last.
    pub chat: Option<ChatId>,
    /// How often each message was shown, in its context or as an entry, in that chat.
    pub shown: HashMap<MessageId, u32>,
    /// How far the last transfer is, and what is wrong with it.
    pub transfer: Option<(TransferId, Stage, String)>,
}

/// A working agent; gone when dropped.
pub struct Desk {
    orders: mpsc::Sender<ClientFrame>,
    seen: watch::Receiver<Seen>,
    trouble: Arc<Mutex<Option<anyhow::Error>>>,
    task: JoinHandle<()>,
}

impl Desk {
    /// Starts work at a gateway.
    #[must_use]
    pub fn start(socket: String, login: &str, network: Network) -> Self {
        let (orders, mut work) = mpsc::channel(64);
        let (shown, seen) = watch::channel(Seen::default());
        let trouble = Arc::new(Mutex::new(None));
        let (found, login) = (trouble.clone(), login.to_owned());
        let task = tokio::spawn(async move {
            let error = serve(&socket, login, &network, &mut work, &shown).await.err();
            *found.lock().unwrap_or_else(PoisonError::into_inner) = error;
        });
        Self { orders, seen, trouble, task }
    }

    /// The agent does something.
    ///
    /// # Errors
    /// When the agent is gone.
    pub async fn order(&self, frame: ClientFrame) -> Result<()> {
        self.orders.send(frame).await.ok().context("the agent is gone")
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
        let waited = tokio::time::timeout(limit, self.seen.wait_for(fits)).await;
        match waited.map(|seen| seen.map(|seen| seen.clone())) {
            Ok(Ok(seen)) => Ok(seen),
            Ok(Err(_)) => {
                let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(trouble.unwrap_or_else(|| anyhow::anyhow!("the agent is gone")))
            }
            Err(_) => bail!("the agent waited in vain for {what}"),
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    url: &str,
    name: String,
    network: &Network,
    work: &mut mpsc::Receiver<ClientFrame>,
    shown: &watch::Sender<Seen>,
) -> Result<()> {
    let mut socket: Socket = network.connect(url).await?;
    let login = Login::Password { name, password: Password(PASSWORD.into()) };
    send(&mut socket, &ClientFrame::AgentHello { login }).await?;
    loop {
        tokio::select! {
            message = socket.next() => {
                let bytes = match message.context("the connection is lost")?? {
                    Message::Binary(bytes) => bytes,
                    Message::Close(frame) => bail!("the gateway has closed the connection: {frame:?}"),
                    _ => continue,
                };
                for answer in take(decode_server(Encoding::Binary, &bytes)?, shown) {
                    send(&mut socket, &answer).await?;
                }
            }
            frame = work.recv() => match frame {
                Some(frame) => send(&mut socket, &frame).await?,
                None => return Ok(()),
            },
        }
    }
}

/// Keeps what has come; answers with what to do about it.
fn take(frame: ServerFrame, shown: &watch::Sender<Seen>) -> Vec<ClientFrame> {
    let mut answers = Vec::new();
    shown.send_modify(|seen| match frame {
        ServerFrame::AgentWelcome { .. } => seen.online = true,
        ServerFrame::Queue { waiting } => {
            answers.extend(waiting.iter().map(|card| ClientFrame::PickUp { chat: card.chat }));
        }
        ServerFrame::Opened { card, context } => {
            if seen.chat != Some(card.chat) {
                seen.shown.clear();
            }
            seen.chat = Some(card.chat);
            for entry in context.into_iter().flat_map(|context| context.transcript) {
                *seen.shown.entry(entry.id).or_default() += 1;
            }
        }
        ServerFrame::Entries { chat, entries } if seen.chat == Some(chat) => {
            for entry in entries {
                *seen.shown.entry(entry.id).or_default() += 1;
            }
        }
        ServerFrame::Progress { transfer, stage, detail, .. } => {
            seen.transfer = Some((transfer, stage, detail));
        }
        _ => {}
    });
    answers
}
