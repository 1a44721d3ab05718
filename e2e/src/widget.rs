//! A customer: the widget's own machine, [`baton_core::client`], on real sockets, without a browser.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use baton_core::client::{Client, Connection, Effect, Env, Input, Link, Opening, Record, Settings, Timer};
use baton_protocol::model::{Brand, Phase};
use baton_protocol::{ChatId, ClientFrame, Encoding, ServerFrame, Timestamp};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::socket::{Tls, connect};

/// Inputs that may wait. The machine takes them faster than sockets bring them.
const WAITING: usize = 1_024;

/// Counts what happens, for whoever waits for the next thing to happen.
#[derive(Clone, Debug)]
pub struct Moments(Arc<watch::Sender<u64>>);

impl Default for Moments {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Moments {
    /// Something has happened.
    pub fn pass(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// How much has happened so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        *self.0.borrow()
    }

    /// Waits until so much has happened.
    pub async fn reach(&self, count: u64) {
        // The sender is ours: it cannot be gone.
        let _ = self.0.subscribe().wait_for(|now| *now >= count).await;
    }
}

/// What a customer sees, and what their browser has stored.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What is stored.
    pub record: Option<Record>,
    /// The connection.
    pub connection: Connection,
    /// The chat's state.
    pub phase: Option<Phase>,
    /// The chats that there were, the present one last.
    pub chats: Vec<ChatId>,
    /// When the last welcome came.
    pub welcomed: Option<Instant>,
}

impl Seen {
    /// Whether the customer is connected, with nothing on its way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let nothing_waits = |record: &Record| record.outbox().next().is_none() && record.hop.is_none();
        self.connection == Connection::Online && self.record.as_ref().is_some_and(nothing_waits)
    }
}

/// A running customer; gone when dropped.
pub struct Widget {
    inputs: mpsc::Sender<Event>,
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

enum Event {
    Input(Input),
    Frame(Link, ServerFrame),
}

impl Widget {
    /// Opens a chat at the first of these gateways; offers of the others are followed. Sockets as they name
    /// themselves.
    #[must_use]
    pub fn start(gateways: Vec<String>, tls: Option<Tls>, question: &str, moments: Moments) -> Self {
        let opening = Opening { name: "Carla".into(), question: question.into(), ..Opening::default() };
        Self::open(gateways, tls, opening, moments)
    }

    /// The same, for a customer of another name.
    #[must_use]
    pub fn open(gateways: Vec<String>, tls: Option<Tls>, opening: Opening, moments: Moments) -> Self {
        let (inputs, events) = mpsc::channel(WAITING);
        let client = Client::new(Settings {
            socket: gateways.first().cloned().unwrap_or_default(),
            reachable: gateways,
            brand: Brand { name: String::new(), accent: "#000000".into() },
            client_type: "baton-e2e".into(),
        });
        let nothing = Seen {
            record: None,
            connection: Connection::Idle,
            phase: None,
            chats: Vec::new(),
            welcomed: None,
        };
        let (shown, seen) = watch::channel(nothing);
        let driver = Driver {
            client,
            tls,
            moments,
            inputs: inputs.clone(),
            links: HashMap::new(),
            timers: HashMap::new(),
            shown,
        };
        let task = tokio::spawn(driver.run(events, opening));
        Self { inputs, seen, task }
    }

    /// The customer sends a message.
    ///
    /// # Errors
    /// When the customer is gone.
    pub async fn say(&self, text: String) -> Result<()> {
        self.inputs.send(Event::Input(Input::Say(text))).await.context("the widget is gone")
    }

    /// The customer ends the chat.
    ///
    /// # Errors
    /// When the customer is gone.
    pub async fn end(&self) -> Result<()> {
        self.inputs.send(Event::Input(Input::End)).await.context("the widget is gone")
    }

    /// What there is to see now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until the customer sees what fits.
    ///
    /// # Errors
    /// When it takes longer than `limit`; says what there was instead.
    pub async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        fits: impl FnMut(&Seen) -> bool,
    ) -> Result<Seen> {
        let waited = tokio::time::timeout(limit, self.seen.wait_for(fits)).await;
        match waited.map(|seen| seen.map(|seen| seen.clone())) {
            Ok(seen) => seen.context("the widget is gone"),
            Err(_) => {
                let seen = self.seen();
                let record = seen.record.as_ref();
                let lines = record.map_or(0, |record| record.lines.len());
                let (hop, epoch) = (record.and_then(|it| it.hop.as_ref()), record.map(|it| it.epoch));
                anyhow::bail!(
                    "the customer waited in vain for {what}: {:?}, {:?}, epoch {epoch:?}, {hop:?}, {lines} lines",
                    seen.connection,
                    seen.phase
                )
            }
        }
    }
}

impl Drop for Widget {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Driver {
    client: Client,
    tls: Option<Tls>,
    moments: Moments,
    inputs: mpsc::Sender<Event>,
    links: HashMap<Link, (mpsc::Sender<ClientFrame>, JoinHandle<()>)>,
    timers: HashMap<Timer, Instant>,
    shown: watch::Sender<Seen>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.links.values().for_each(|(_, task)| task.abort());
    }
}

impl Driver {
    async fn run(mut self, mut events: mpsc::Receiver<Event>, opening: Opening) {
        self.step(Input::Start(opening));
        loop {
            let due = self.timers.iter().min_by_key(|(_, at)| **at).map(|(timer, at)| (*timer, *at));
            let (timer, at) = due.unwrap_or((Timer::Retry, Instant::now() + Duration::from_secs(3_600)));
            tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Input(input)) => self.step(input),
                    Some(Event::Frame(link, frame)) => self.frame(link, frame),
                    None => return,
                },
                () = tokio::time::sleep_until(at.into()) => {
                    self.timers.remove(&timer);
                    self.step(Input::Timer(timer));
                }
            }
        }
    }

    fn frame(&mut self, link: Link, frame: ServerFrame) {
        if let ServerFrame::Welcome { chat, .. } = &frame {
            self.shown.send_modify(|seen| {
                seen.welcomed = Some(Instant::now());
                seen.chats.retain(|known| known != chat);
                seen.chats.push(*chat);
            });
        }
        self.step(Input::Frame(link, frame));
    }

    fn step(&mut self, input: Input) {
        let mut random = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap_or_default();
        let mut env = Env { now: now(), random: &mut random };
        let mut effects = Vec::new();
        self.client.handle(&mut env, input, &mut effects);
        for effect in effects {
            self.carry_out(effect);
        }
        let view = self.client.view();
        let (connection, phase) = (view.connection, view.phase.cloned());
        let record = self.client.record().cloned();
        self.shown.send_modify(|seen| {
            (seen.connection, seen.phase, seen.record) = (connection, phase, record);
        });
        self.moments.pass();
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { link, url } => {
                let (frames, outgoing) = mpsc::channel(WAITING);
                let life = life(link, url, self.tls.clone(), outgoing, self.inputs.clone());
                self.links.insert(link, (frames, tokio::spawn(life)));
            }
            Effect::Send(link, frame) => {
                if let Some((frames, _)) = self.links.get(&link) {
                    // A full queue is a dead connection; the machine's own timers notice it.
                    let _ = frames.try_send(frame);
                }
            }
            Effect::Close(link) => {
                // Dropping the sender ends the connection after what was sent.
                self.links.remove(&link);
            }
            Effect::SetTimer(timer, millis) => {
                self.timers.insert(timer, Instant::now() + Duration::from_millis(millis.into()));
            }
            Effect::ClearTimer(timer) => {
                self.timers.remove(&timer);
            }
            // What is stored is the record that is shown; there is no browser to send anywhere.
            Effect::Store | Effect::Forget | Effect::Navigate(_) | Effect::GoBack => {}
            Effect::Render | Effect::Ended(_) => {}
        }
    }
}

/// A connection from its opening to its end.
async fn life(
    link: Link,
    url: String,
    tls: Option<Tls>,
    mut outgoing: mpsc::Receiver<ClientFrame>,
    events: mpsc::Sender<Event>,
) {
    let code = talk(link, &url, tls, &mut outgoing, &events).await.unwrap_or_default();
    let _ = events.send(Event::Input(Input::Closed(link, code))).await;
}

async fn talk(
    link: Link,
    url: &str,
    tls: Option<Tls>,
    outgoing: &mut mpsc::Receiver<ClientFrame>,
    events: &mpsc::Sender<Event>,
) -> Result<Option<u16>> {
    let mut socket = connect(url, Encoding::Binary, None, tls).await?;
    events.send(Event::Input(Input::Opened(link))).await?;
    loop {
        tokio::select! {
            frame = outgoing.recv() => {
                let Some(frame) = frame else {
                    let _ = socket.close(None).await;
                    return Ok(None);
                };
                let mut bytes = Vec::new();
                frame.encode(Encoding::Binary, &mut bytes)?;
                socket.send(Message::Binary(bytes.into())).await?;
            }
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = baton_protocol::decode_server(Encoding::Binary, &bytes)?;
                    events.send(Event::Frame(link, frame)).await?;
                }
                Some(Ok(Message::Close(frame))) => return Ok(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(None),
            },
        }
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or_default())
}
