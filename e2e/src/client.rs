//! A client of the JSON subprotocol: what a browser or a bot would send, frame by frame.

use anyhow::{Context, Result, bail, ensure};
use baton_protocol::frames::{Login, Password, Start};
use baton_protocol::model::{Offer, Way};
use baton_protocol::{
    ChatId, ClientFrame, CloseCode, Encoding, Epoch, MessageId, ResumeToken, ServerFrame, TransferId,
    Verifier, Wtid, decode_server,
};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::LIMIT;
use crate::company::{Company, PASSWORD};
use crate::socket::{self, Socket};

/// A connection.
pub struct Client {
    socket: Socket,
    encoding: Encoding,
    seen: Vec<ServerFrame>,
}

impl Client {
    /// Connects, as a program would, or as a page of this web origin would.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn connect(company: &Company, encoding: Encoding, origin: Option<&str>) -> Result<Self> {
        Self::connect_to(&company.socket(), encoding, origin).await
    }

    /// As [`Client::connect`], to a WebSocket of this address.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn connect_to(socket: &str, encoding: Encoding, origin: Option<&str>) -> Result<Self> {
        let socket = socket::connect(socket, encoding, origin, None).await?;
        Ok(Self { socket, encoding, seen: Vec::new() })
    }

    /// A customer with a new chat.
    ///
    /// # Errors
    /// When there is no welcome.
    pub async fn customer(company: &Company, verifier: &Verifier) -> Result<(Self, ChatId, ResumeToken)> {
        let mut client = Self::connect(company, Encoding::Binary, None).await?;
        let start = Start::New {
            area: String::new(),
            name: "Carla".into(),
            email: "carla@example.org".into(),
            subject: String::new(),
            challenge: verifier.challenge(),
        };
        client.hello(start, 0).await?;
        let (chat, token) = client
            .expect("welcome", |frame| match frame {
                ServerFrame::Welcome { chat, token: Some(token), .. } => Some((*chat, token.clone())),
                _ => None,
            })
            .await?;
        Ok((client, chat, token))
    }

    /// An agent, logged in.
    ///
    /// # Errors
    /// When there is no welcome.
    pub async fn agent(company: &Company, login: &str) -> Result<Self> {
        Ok(Self::agent_with_token(company, login).await?.0)
    }

    /// An agent, logged in, and the secret of the session.
    ///
    /// # Errors
    /// When there is no welcome.
    pub async fn agent_with_token(company: &Company, login: &str) -> Result<(Self, ResumeToken)> {
        let mut client = Self::connect(company, Encoding::Json, None).await?;
        let login = Login::Password { name: login.into(), password: Password(PASSWORD.into()) };
        client.send(&ClientFrame::AgentHello { login }).await?;
        let welcome = |frame: &ServerFrame| match frame {
            ServerFrame::AgentWelcome { token: Some(token), .. } => Some(token.clone()),
            _ => None,
        };
        let token = client.expect("agent_welcome", welcome).await?;
        Ok((client, token))
    }

    /// Says hello as a customer.
    ///
    /// # Errors
    /// The socket's.
    pub async fn hello(&mut self, start: Start, last_seq: u64) -> Result<()> {
        let client_type = "test".to_owned();
        self.send(&ClientFrame::CustomerHello { start, page: None, client_type, last_seq }).await
    }

    /// Resumes a chat.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn resume(company: &Company, token: ResumeToken, epoch: Epoch, last_seq: u64) -> Result<Self> {
        let mut client = Self::connect(company, Encoding::Binary, None).await?;
        client.hello(Start::Resume { token, epoch }, last_seq).await?;
        Ok(client)
    }

    /// Presents a WTID.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn claim(company: &Company, wtid: Wtid, verifier: Verifier, epoch: Epoch) -> Result<Self> {
        let mut client = Self::connect(company, Encoding::Binary, None).await?;
        let challenge = Verifier::from_bytes([9; 32]).challenge();
        client.hello(Start::Claim { wtid: Some(wtid), verifier, epoch, challenge, adopt: false }, 0).await?;
        Ok(client)
    }

    /// Follows an offer in place, to the address that it names.
    ///
    /// # Errors
    /// When it is none in place, or nobody answers there.
    pub async fn follow(offer: &Offer, verifier: Verifier, epoch: Epoch) -> Result<Self> {
        let Way::InPlace { socket, .. } = &offer.way else { bail!("not in place") };
        let mut client = Self::connect_to(socket, Encoding::Binary, None).await?;
        let (wtid, challenge) = (offer.wtid.clone(), Verifier::from_bytes([9; 32]).challenge());
        client.hello(Start::Claim { wtid, verifier, epoch, challenge, adopt: false }, 0).await?;
        Ok(client)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The socket's.
    pub async fn send(&mut self, frame: &ClientFrame) -> Result<()> {
        let mut bytes = Vec::new();
        frame.encode(self.encoding, &mut bytes)?;
        self.send_raw(match self.encoding {
            Encoding::Binary => Message::Binary(bytes.into()),
            Encoding::Json => Message::Text(String::from_utf8(bytes)?.into()),
        })
        .await
    }

    /// Sends anything.
    ///
    /// # Errors
    /// The socket's.
    pub async fn send_raw(&mut self, message: Message) -> Result<()> {
        Ok(self.socket.send(message).await?)
    }

    /// Says something and waits until it is stored.
    ///
    /// # Errors
    /// When it is not.
    pub async fn say(&mut self, chat: Option<ChatId>, number: u8, text: &str) -> Result<()> {
        let id = MessageId([number; 16]);
        self.send(&ClientFrame::Say { chat, id, text: text.into() }).await?;
        self.expect("stored", |frame| match frame {
            ServerFrame::Stored { id: stored, .. } if *stored == id => Some(()),
            _ => None,
        })
        .await
    }

    /// Says a document that was uploaded and waits until it is stored.
    ///
    /// # Errors
    /// When it is not.
    pub async fn attach(&mut self, chat: Option<ChatId>, number: u8, sha256: &str) -> Result<()> {
        let id = MessageId([number; 16]);
        self.send(&ClientFrame::Attach { chat, id, sha256: sha256.into() }).await?;
        self.expect("stored", |frame| match frame {
            ServerFrame::Stored { id: stored, .. } if *stored == id => Some(()),
            _ => None,
        })
        .await
    }

    /// Takes the first waiting customer. What the console is shown of the chat is left for [`Client::expect`].
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn pick_up(&mut self) -> Result<ChatId> {
        let waiting = |frame: &ServerFrame| match frame {
            ServerFrame::Queue { waiting } => waiting.first().map(|card| card.chat),
            _ => None,
        };
        let chat = self.expect("a waiting customer", waiting).await?;
        self.send(&ClientFrame::PickUp { chat }).await?;
        Ok(chat)
    }

    /// Waits for a frame, among those that came already and those to come. Every frame is looked at once by each
    /// call; the one that fits is taken away.
    ///
    /// # Errors
    /// When none fits in time, or the connection closes.
    pub async fn expect<T>(&mut self, what: &str, fits: impl Fn(&ServerFrame) -> Option<T>) -> Result<T> {
        if let Some(at) = self.seen.iter().position(|frame| fits(frame).is_some()) {
            return fits(&self.seen.remove(at)).context("it fitted");
        }
        let search = async {
            loop {
                let frame = match self.next().await? {
                    Ok(frame) => frame,
                    Err(code) => bail!("closed with {code:?}"),
                };
                match fits(&frame) {
                    Some(found) => return Ok(found),
                    None => self.seen.push(frame),
                }
            }
        };
        match tokio::time::timeout(LIMIT, search).await {
            Ok(found) => found.with_context(|| format!("waiting for {what}")),
            Err(_) => bail!("waited in vain for {what}; there were {:?}", self.seen),
        }
    }

    /// Looks no more at what has come: where a list tells how something stands, an earlier one may say what is wanted now.
    pub fn forget(&mut self) {
        self.seen.clear();
    }

    /// The next frame, or the number with which the gateway closes.
    async fn next(&mut self) -> Result<Result<ServerFrame, Option<u16>>> {
        loop {
            let message = match self.socket.next().await {
                Some(Ok(message)) => message,
                Some(Err(_)) | None => return Ok(Err(None)),
            };
            let bytes = match message {
                Message::Binary(bytes) => bytes,
                Message::Text(text) => text.into(),
                Message::Close(frame) => return Ok(Err(frame.map(|frame| frame.code.into()))),
                _ => continue,
            };
            return Ok(Ok(decode_server(self.encoding, &bytes)?));
        }
    }

    /// Waits until the gateway closes, with this code.
    ///
    /// # Errors
    /// When it does not, or with another.
    pub async fn closes(&mut self, code: CloseCode) -> Result<()> {
        let closed = async {
            loop {
                if let Err(code) = self.next().await? {
                    return anyhow::Ok(code);
                }
            }
        };
        let closed = tokio::time::timeout(LIMIT, closed).await.context("the gateway does not close")??;
        ensure!(closed == Some(code as u16), "closed with {closed:?} instead of {code:?}");
        Ok(())
    }

    /// Waits for an offer with a WTID.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn offer(&mut self) -> Result<(TransferId, Wtid)> {
        let offer = self.whole_offer().await?;
        Ok((offer.transfer, offer.wtid.context("an offer without a WTID")?))
    }

    /// Waits for an offer.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn whole_offer(&mut self) -> Result<Offer> {
        self.expect("an offer", |frame| match frame {
            ServerFrame::Offered { offer } => Some(offer.clone()),
            _ => None,
        })
        .await
    }
}
