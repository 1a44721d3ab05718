//! The operator's way into a running gateway: a socket in the data folder, for its owner alone. One request, one answer,
//! a line of JSON each.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use baton_core::session;
use baton_protocol::model::{EndReason, OpenChat};
use baton_protocol::{ChatId, ErasureId};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::driver::Gateway;
use crate::driver::erase::{Preview, Subject};

/// The socket's file in the data folder.
const FILE: &str = "admin.sock";

/// Bytes of a request.
const MAX_REQUEST: u64 = 4 * 1024;

/// Bytes of an answer: a list of some hundred thousand chats.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// From the connection to the whole answer.
const TOTAL: Duration = Duration::from_secs(10);

/// Requests that are answered at once.
const AT_ONCE: usize = 8;

/// What an operator asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Every chat that is not over.
    Chats,
    /// Get a chat out of whatever state it is in.
    Rescue {
        /// The chat.
        chat: ChatId,
        /// The area whose queue it goes to; none for its own.
        area: Option<String>,
    },
    /// What would be erased for these.
    WouldErase {
        /// Whose.
        who: Vec<Subject>,
    },
    /// Erase these customers, here and elsewhere.
    Erase {
        /// Whom.
        who: Vec<Subject>,
    },
    /// Ask everybody again who has given no receipt.
    EraseAgain {
        /// The erasure.
        erasure: ErasureId,
    },
    /// The list of peers has changed.
    PeersChanged,
    /// An agent was removed or replaced: whoever is logged in under this name is so no more.
    AgentReplaced {
        /// Login name.
        name: String,
    },
    /// The settings have changed: read them again.
    Reload,
    /// End a chat (M4).
    End {
        /// The chat.
        chat: ChatId,
    },
}

/// What the gateway answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The chats.
    Chats(Vec<OpenChat>),
    /// What would be erased.
    WouldErase(Preview),
    /// It is erased, or being erased; nothing where there is nothing.
    Erased(Option<ErasureId>),
    /// It is done.
    Done,
    /// It is not, for this reason.
    Refused(String),
}

/// A socket that is listened to. Dropping it takes the file away.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Socket {
    /// Listens in this data folder.
    ///
    /// # Errors
    /// When another gateway listens there, or the path is too long for a socket.
    pub async fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        if UnixStream::connect(&path).await.is_ok() {
            bail!("another gateway runs in this folder");
        }
        // What one that was killed has left.
        let _ = std::fs::remove_file(&path);
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot listen at {}", path.display()))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Answers requests. Ends never.
    pub async fn run(self, gateway: Arc<Gateway>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let gateway = gateway.clone();
                    tokio::spawn(async move {
                        let _place = place;
                        let _ = tokio::time::timeout(TOTAL, serve(stream, &gateway)).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept an operator");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn serve(stream: UnixStream, gateway: &Arc<Gateway>) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader.take(MAX_REQUEST)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => answer(gateway, request).await,
        Err(_) => {
            Answer::Refused("this gateway does not know this request: is it of the same version?".into())
        }
    };
    writer.write_all(serde_json::to_string(&answer)?.as_bytes()).await?;
    Ok(writer.write_all(b"\n").await?)
}

/// Does what an operator asks.
pub async fn answer(gateway: &Arc<Gateway>, request: Request) -> Answer {
    let failed = |error: anyhow::Error| Answer::Refused(format!("{error:#}"));
    match request {
        Request::Chats => Answer::Chats(gateway.open_chats()),
        Request::Rescue { chat, area } => match gateway.rescue(chat, area).await {
            Ok(()) => {
                tracing::info!(%chat, "the operator took a chat back");
                Answer::Done
            }
            Err(denial) => Answer::Refused(denial.detail),
        },
        Request::End { chat } => match gateway.chat(chat).await {
            Ok(true) => {
                gateway.tell_chat(chat, session::Input::Close(EndReason::Server));
                tracing::info!(%chat, "the operator ended a chat");
                Answer::Done
            }
            Ok(false) => Answer::Refused(
                "there is no such chat: `baton chat list` shows those that are not over".into(),
            ),
            Err(error) => failed(error),
        },
        Request::WouldErase { who } => {
            gateway.preview_erasure(&who).await.map_or_else(failed, Answer::WouldErase)
        }
        Request::Erase { who } => gateway.erase(&who).await.map_or_else(failed, Answer::Erased),
        Request::EraseAgain { erasure } => {
            let again = gateway.erase_again(erasure).await;
            again.map_or_else(failed, |()| Answer::Erased(Some(erasure)))
        }
        Request::Reload => gateway.reload().await.map_or_else(Answer::Refused, |()| Answer::Done),
        Request::AgentReplaced { name } => match gateway.agent_replaced(&name).await {
            Ok(()) => Answer::Done,
            Err(error) => failed(error.into()),
        },
        Request::PeersChanged => {
            gateway.peers_changed().await;
            Answer::Done
        }
    }
}

/// Asks the gateway that runs in a data folder; nothing when none does.
///
/// # Errors
/// When it does not answer in time.
pub async fn ask(folder: &Path, request: &Request) -> Result<Option<Answer>> {
    let Ok(stream) = UnixStream::connect(folder.join(FILE)).await else { return Ok(None) };
    let talk = async {
        let (reader, mut writer) = stream.into_split();
        writer.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(reader.take(MAX_ANSWER)).read_line(&mut line).await?;
        serde_json::from_str(&line).context("the gateway's answer makes no sense: is it of the same version?")
    };
    tokio::time::timeout(TOTAL, talk).await.context("the gateway does not answer")?.map(Some)
}
