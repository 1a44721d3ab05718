//! The end that decides: `baton serve --role queue`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use baton_core::queue::plan::Plan;
use baton_core::queue::{Input, Output, QueueManager, SeatKey};
use baton_protocol::ChatId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::sealed::{self, End, Opener, Secret};
use super::{FromEdge, FromManager, HEARTBEAT, OUTBOX, SILENCE, VERSION};
use crate::driver::now;

/// What an edge may say before it is ready: everything that it has, once.
const MOST_AT_FIRST: usize = 400_000;

/// The time that a new connection has for its first words.
const HELLO: Duration = Duration::from_secs(5);

/// How often the managers are asked whether something is due.
const TICK: Duration = Duration::from_millis(500);

/// An edge's connection, by number.
type EdgeId = u64;

enum Event {
    Came(EdgeId, (String, String), mpsc::Sender<FromManager>),
    Said(EdgeId, FromEdge),
    Gone(EdgeId),
}

struct Edge {
    server: String,
    name: String,
    sender: mpsc::Sender<FromManager>,
    /// What it has said so far, until it is ready.
    first: Option<Vec<Input>>,
    agents: Vec<String>,
}

/// The queue of one server.
struct Queue {
    manager: QueueManager,
    /// Whose chats and places they are.
    chats: HashMap<ChatId, EdgeId>,
    seats: HashMap<SeatKey, EdgeId>,
}

struct Hall {
    plan: Plan,
    edges: HashMap<EdgeId, Edge>,
    queues: HashMap<String, Queue>,
}

/// Serves edges until it is told to stop.
///
/// # Errors
/// When it cannot listen.
pub async fn serve(
    listen: SocketAddr,
    secret: Secret,
    plan: Plan,
    stopped: impl Future<Output = ()>,
) -> Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}: is another program using it?"))?;
    tracing::info!(address = %listen, "queue manager listening");
    let (events, mut happens) = mpsc::channel(OUTBOX);
    let accepting = tokio::spawn(accept(listener, secret, events));
    let mut hall = Hall { plan, edges: HashMap::new(), queues: HashMap::new() };
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = tick.tick() => hall.tick(),
            event = happens.recv() => match event {
                Some(event) => hall.happens(event),
                None => break,
            },
        }
    }
    accepting.abort();
    Ok(())
}

async fn accept(listener: TcpListener, secret: Secret, events: mpsc::Sender<Event>) {
    let mut number = 0;
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // waits: where there are no more descriptors, there will be some again.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        number += 1;
        let (secret, events, id) = (secret.clone(), events.clone(), number);
        tokio::spawn(async move {
            if let Err(error) = connection(stream, &secret, id, &events).await {
                tracing::warn!(%from, "an edge's connection has ended: {error:#}");
            }
            let _ = events.send(Event::Gone(id)).await;
        });
    }
}

async fn connection(
    stream: TcpStream,
    secret: &Secret,
    id: EdgeId,
    events: &mpsc::Sender<Event>,
) -> Result<()> {
    stream.set_nodelay(true)?;
    let (from, to) = stream.into_split();
    let begun = tokio::time::timeout(HELLO, async {
        let (mut reads, mut writes) = sealed::begin(from, to, secret, End::Manager).await?;
        let hello: FromEdge = reads.read().await?;
        let FromEdge::Hello { version, server, name } = hello else {
            anyhow::bail!("it does not say who it is")
        };
        writes.write(&FromManager::Welcome { version: VERSION }).await?;
        anyhow::ensure!(
            version == VERSION,
            "the edge has version {version} of this link, and this is {VERSION}"
        );
        Ok((reads, writes, server, name))
    });
    let (reads, mut writes, server, name) = begun.await.context("it said nothing in time")??;
    let (sender, mut outbox) = mpsc::channel::<FromManager>(OUTBOX);
    tracing::info!(edge = id, server, name, "an edge is here");
    events.send(Event::Came(id, (server, name), sender)).await?;
    let reading = read(reads, id, events);
    let writing = async {
        loop {
            match tokio::time::timeout(HEARTBEAT, outbox.recv()).await {
                Ok(Some(word)) => writes.write(&word).await?,
                Ok(None) => anyhow::bail!("it reads too slowly, or connected again"),
                Err(_) => writes.write(&FromManager::Beat).await?,
            }
        }
    };
    tokio::select! {
        done = reading => done,
        done = writing => done,
    }
}

async fn read<R>(mut reads: Opener<R>, id: EdgeId, events: &mpsc::Sender<Event>) -> Result<()>
where
    R: tokio::io::AsyncRead + Unpin,
{
    loop {
        let word = tokio::time::timeout(SILENCE, reads.read()).await.context("it has gone silent")??;
        events.send(Event::Said(id, word)).await?;
    }
}

impl Hall {
    fn happens(&mut self, event: Event) {
        match event {
            Event::Came(id, (server, name), sender) => {
                // The same one again, whose earlier connection was lost without a word.
                let same = |edge: &Edge| edge.server == server && edge.name == name;
                let old: Vec<EdgeId> =
                    self.edges.iter().filter(|(_, edge)| same(edge)).map(|(id, _)| *id).collect();
                old.into_iter().for_each(|old| self.gone(old));
                let queue = self.queues.entry(server.clone()).or_insert_with(|| Queue::new(&self.plan));
                for input in queue.manager.as_inputs() {
                    let _ = sender.try_send(FromManager::Happened(now(), input));
                }
                let edge = Edge { server, name, sender, first: Some(Vec::new()), agents: Vec::new() };
                self.edges.insert(id, edge);
            }
            Event::Said(id, FromEdge::Say(input)) => self.said(id, input),
            Event::Said(id, FromEdge::Ready) => self.ready(id),
            Event::Said(_, FromEdge::Beat | FromEdge::Hello { .. }) => {}
            Event::Gone(id) => self.gone(id),
        }
    }

    fn said(&mut self, id: EdgeId, input: Input) {
        let Some(edge) = self.edges.get_mut(&id) else { return };
        match &mut edge.first {
            Some(first) if first.len() < MOST_AT_FIRST => first.push(input),
            Some(_) => self.drop_edge(id, "it has more than there can be"),
            None => self.take(id, input),
        }
    }

    /// Everything is here: places first, then those who wait, the first one first, and agents last, so that nothing
    /// is decided before it can be.
    fn ready(&mut self, id: EdgeId) {
        let Some(mut first) = self.edges.get_mut(&id).and_then(|edge| edge.first.take()) else { return };
        let order = |input: &Input| match input {
            Input::Weighs(..) => (0, 0),
            Input::Hold(..) | Input::Reserve { .. } => (1, 0),
            Input::HoldUnlessKept(..) => (2, 0),
            Input::Wait(ticket) => (3, ticket.since.0),
            _ => (4, 0),
        };
        first.sort_by_key(order);
        let start = Instant::now();
        let count = first.len();
        for input in first {
            self.take(id, input);
        }
        let micros = start.elapsed().as_micros();
        tracing::info!(edge = id, words = count, micros, "an edge has said everything");
    }

    fn take(&mut self, id: EdgeId, input: Input) {
        let Some(edge) = self.edges.get_mut(&id) else { return };
        let server = edge.server.clone();
        if let Input::Online(profile) = &input
            && !edge.agents.contains(&profile.login)
        {
            edge.agents.push(profile.login.clone());
        }
        if let Some(queue) = self.queues.get_mut(&server) {
            queue.owns(id, &input);
        }
        self.step(&server, Some(id), input);
    }

    fn step(&mut self, server: &str, from: Option<EdgeId>, input: Input) {
        let Some(queue) = self.queues.get_mut(server) else { return };
        let at = now();
        // A pick is known to copies by what comes of it.
        let shown = (!matches!(input, Input::PickUp(..))).then(|| input.clone());
        let outputs = queue.manager.handle(at, input);
        let mut words: Vec<(Option<EdgeId>, FromManager)> =
            shown.into_iter().map(|input| (None, FromManager::Happened(at, input))).collect();
        for output in outputs {
            if let Output::Assigned { chat, agent } = &output {
                words.push((None, FromManager::Happened(at, Input::Hold(agent.login.clone(), *chat))));
            }
            if let Some(owner) = queue.owner(&output, from) {
                words.push((Some(owner), FromManager::Tell(output)));
            }
        }
        for (to, word) in words {
            self.send(server, to, &word);
        }
    }

    /// To one edge, or to all of a server.
    fn send(&mut self, server: &str, to: Option<EdgeId>, word: &FromManager) {
        let mut slow = Vec::new();
        for (id, edge) in &self.edges {
            let wanted = to.is_none_or(|to| to == *id) && edge.server == server;
            if wanted && edge.sender.try_send(word.clone()).is_err() {
                slow.push(*id);
            }
        }
        slow.into_iter().for_each(|id| self.drop_edge(id, "it reads too slowly"));
    }

    fn drop_edge(&mut self, id: EdgeId, why: &str) {
        tracing::warn!(edge = id, why, "an edge's connection is given up");
        self.gone(id);
    }

    /// Its agents take nobody, and what it had is void: it says all of it again when it is back.
    fn gone(&mut self, id: EdgeId) {
        let Some(edge) = self.edges.remove(&id) else { return };
        tracing::info!(edge = id, server = edge.server, "an edge is gone");
        let Some(queue) = self.queues.get_mut(&edge.server) else { return };
        let elsewhere = |login: &String| self.edges.values().any(|other| other.agents.contains(login));
        let agents = edge.agents.into_iter().filter(|login| !elsewhere(login));
        let mut void: Vec<Input> = agents.map(Input::Offline).collect();
        for chat in queue.chats.extract_if(|_, owner| *owner == id).map(|(chat, _)| chat) {
            void.extend(queue.manager.holder_of(chat).map(|login| Input::Withdraw(login, chat)));
            void.push(Input::Moved(chat));
        }
        void.extend(queue.seats.extract_if(|_, owner| *owner == id).map(|(seat, _)| Input::GiveBack(seat)));
        for input in void {
            self.step(&edge.server, None, input);
        }
    }

    fn tick(&mut self) {
        let due = |queue: &Queue| queue.manager.next_due().is_some_and(|due| due <= now());
        let servers: Vec<String> =
            self.queues.iter().filter(|(_, queue)| due(queue)).map(|(server, _)| server.clone()).collect();
        servers.into_iter().for_each(|server| self.step(&server, None, Input::Tick));
    }
}

impl Queue {
    fn new(plan: &Plan) -> Self {
        let manager = QueueManager::new(plan.clone());
        Self { manager, chats: HashMap::new(), seats: HashMap::new() }
    }

    /// Whoever speaks of a chat has it.
    fn owns(&mut self, id: EdgeId, input: &Input) {
        match input {
            Input::Wait(ticket) => {
                self.chats.insert(ticket.chat, id);
            }
            Input::Hold(_, chat) | Input::HoldUnlessKept(_, chat, _) | Input::Place { chat, .. } => {
                self.chats.insert(*chat, id);
            }
            Input::Leave(chat) | Input::Moved(chat) | Input::Free(_, chat) => {
                self.chats.remove(chat);
            }
            Input::Reserve { seat, .. } => {
                self.seats.insert(seat.clone(), id);
            }
            Input::GiveBack(seat) => {
                self.seats.remove(seat);
            }
            _ => {}
        }
    }

    /// Whom the manager's word is for.
    fn owner(&self, output: &Output, from: Option<EdgeId>) -> Option<EdgeId> {
        match output {
            Output::Assigned { chat, .. }
            | Output::AgentLost { chat, .. }
            | Output::Placed { chat, .. }
            | Output::NotPlaced { chat, .. } => self.chats.get(chat).copied(),
            Output::Reserved { seat, .. } => self.seats.get(seat).copied(),
            Output::Refused { .. } => from,
            Output::Changed => None,
        }
    }
}
