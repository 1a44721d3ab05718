//! A customer: the widget's own machine, [`baton_core::client`], on real sockets, with a clock beside it.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use baton_core::client::{Client, Connection, Effect, Env, Input, Link, Opening, Settings, Timer};
use baton_protocol::model::{Brand, Phase};
use baton_protocol::{ClientFrame, Encoding, Epoch, MessageId, ServerFrame, Timestamp, decode_server};
use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::socket::{Network, send};

/// Inputs that may wait. The machine takes them faster than sockets bring them.
const WAITING: usize = 1_024;

/// What a customer has seen, and when.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Whether they talk with an agent.
    pub active: bool,
    /// Whether nothing is on its way.
    pub settled: bool,
    /// The epoch that is stored.
    pub epoch: Epoch,
    /// When the transfer command came.
    pub offered: Option<Instant>,
    /// When the connection to the destination was open.
    pub opened: Option<Instant>,
    /// When the destination's welcome was stored: from then on messages can be sent there.
    pub arrived: Option<Instant>,
    /// Whether the chat is over.
    pub over: bool,
    /// Every message that was said, and when.
    pub said: Vec<(MessageId, Instant)>,
    /// Every acknowledgement, and when.
    pub acknowledged: Vec<(MessageId, Instant)>,
}

enum Event {
    Input(Input),
    Frame(Link, ServerFrame),
}

/// A running customer; gone when dropped.
pub struct Widget {
    events: mpsc::Sender<Event>,
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Widget {
    /// Opens a chat at the first of these gateways; offers of the others are followed.
    #[must_use]
    pub fn start(gateways: Vec<String>, network: Network) -> Self {
        let (events, inputs) = mpsc::channel(WAITING);
        let client = Client::new(Settings {
            socket: gateways.first().cloned().unwrap_or_default(),
            reachable: gateways,
            brand: Brand { name: String::new(), accent: "#000000".into() },
            client_type: "baton-bench".into(),
        });
        let (shown, seen) = watch::channel(Seen::default());
        let driver = Driver {
            client,
            network,
            events: events.clone(),
            links: HashMap::new(),
            timers: HashMap::new(),
            now: Seen::default(),
            shown,
        };
        Self { events, seen, task: tokio::spawn(driver.run(inputs)) }
    }

    /// The customer sends a message.
    ///
    /// # Errors
    /// When the customer is gone.
    pub async fn say(&self, text: String) -> Result<()> {
        self.tell(Input::Say(text)).await
    }

    /// The customer ends the chat.
    ///
    /// # Errors
    /// When the customer is gone.
    pub async fn end(&self) -> Result<()> {
        self.tell(Input::End).await
    }

    async fn tell(&self, input: Input) -> Result<()> {
        self.events.send(Event::Input(input)).await.ok().context("the widget is gone")
    }

    /// Waits until the customer sees what fits.
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
            Ok(seen) => Ok(seen.context("the widget is gone")?.clone()),
            Err(_) => bail!("the customer waited in vain for {what}"),
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
    network: Network,
    events: mpsc::Sender<Event>,
    links: HashMap<Link, (mpsc::Sender<ClientFrame>, JoinHandle<()>)>,
    timers: HashMap<Timer, Instant>,
    now: Seen,
    shown: watch::Sender<Seen>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.links.values().for_each(|(_, task)| task.abort());
    }
}

impl Driver {
    async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        self.step(Input::Start(Opening { name: "Carla".into(), ..Opening::default() }));
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
        let now = Instant::now();
        match &frame {
            ServerFrame::Offered { .. } => {
                self.now.offered.get_or_insert(now);
            }
            ServerFrame::Stored { id, .. } => self.now.acknowledged.push((*id, now)),
            _ => {}
        }
        self.step(Input::Frame(link, frame));
    }

    fn step(&mut self, input: Input) {
        let now = Instant::now();
        let following = self.client.record().is_some_and(|record| record.hop.is_some());
        match &input {
            Input::Opened(_) if following => {
                self.now.opened.get_or_insert(now);
            }
            _ => {}
        }
        let said = matches!(input, Input::Say(_));
        let mut random = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap_or_default();
        let mut env = Env { now: timestamp(), random: &mut random };
        let mut effects = Vec::new();
        self.client.handle(&mut env, input, &mut effects);
        for effect in effects {
            self.carry_out(effect);
        }
        if said {
            let line = self.client.record().and_then(|record| record.lines.last());
            self.now.said.extend(line.map(|line| (line.id, now)));
        }
        let view = self.client.view();
        self.now.active = matches!(view.phase, Some(Phase::Active { .. }));
        let settled =
            |record: &baton_core::client::Record| record.outbox().next().is_none() && record.hop.is_none();
        self.now.settled = view.connection == Connection::Online && self.client.record().is_some_and(settled);
        let seen = self.now.clone();
        self.shown.send_replace(seen);
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { link, url } => {
                let (frames, outgoing) = mpsc::channel(WAITING);
                let life = life(link, url, self.network.clone(), outgoing, self.events.clone());
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
            Effect::Store => self.stored(),
            Effect::Ended(_) => self.now.over = true,
            Effect::Forget | Effect::Navigate(_) | Effect::GoBack | Effect::Render => {}
        }
    }

    /// A browser would have it on its disk now.
    fn stored(&mut self) {
        let epoch = self.client.record().map_or(0, |record| record.epoch);
        if self.now.epoch > 0 && epoch > self.now.epoch {
            self.now.arrived = Some(Instant::now());
        }
        self.now.epoch = epoch;
    }
}

/// A connection from its opening to its end.
async fn life(
    link: Link,
    url: String,
    network: Network,
    mut outgoing: mpsc::Receiver<ClientFrame>,
    events: mpsc::Sender<Event>,
) {
    let code = talk(link, &url, &network, &mut outgoing, &events).await.unwrap_or_default();
    let _ = events.send(Event::Input(Input::Closed(link, code))).await;
}

async fn talk(
    link: Link,
    url: &str,
    network: &Network,
    outgoing: &mut mpsc::Receiver<ClientFrame>,
    events: &mpsc::Sender<Event>,
) -> Result<Option<u16>> {
    let mut socket = network.connect(url).await?;
    events.send(Event::Input(Input::Opened(link))).await.ok().context("the widget is gone")?;
    loop {
        tokio::select! {
            frame = outgoing.recv() => {
                let Some(frame) = frame else {
                    let _ = socket.close(None).await;
                    return Ok(None);
                };
                send(&mut socket, &frame).await?;
            }
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = decode_server(Encoding::Binary, &bytes)?;
                    events.send(Event::Frame(link, frame)).await.ok().context("the widget is gone")?;
                }
                Some(Ok(Message::Close(frame))) => return Ok(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(None),
            },
        }
    }
}

fn timestamp() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or_default())
}
