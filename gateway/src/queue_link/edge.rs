//! The end that asks: a gateway with `--role edge`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use baton_core::queue::{Input, Output, Profile};
use baton_core::session;
use baton_core::transfer::destination;
use baton_protocol::ErrorCode;
use baton_protocol::model::Presence;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::sealed::{self, End, Secret};
use super::{FromEdge, FromManager, HEARTBEAT, OUTBOX, SILENCE, VERSION};
use crate::driver::Gateway;

/// The wait before another attempt to connect; up to as long again, by chance, so that not all edges come at once.
const AGAIN: Duration = Duration::from_millis(250);

/// The time that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// Seconds after which a transfer that found no queue manager may be tried again.
const RETRY: u32 = 5;

/// Where the queue manager is, and what it knows us by.
#[derive(Clone, Debug)]
pub struct There {
    /// Its address.
    pub address: SocketAddr,
    /// The secret.
    pub secret: Secret,
}

/// The way to the queue manager.
#[derive(Debug, Default)]
pub struct Link(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Nothing while there is no connection.
    sender: Option<mpsc::Sender<FromEdge>>,
    /// Requests that are to be answered.
    asked: VecDeque<Input>,
}

impl Link {
    /// Says something; answers what follows at once because there is nobody to ask.
    #[must_use]
    pub fn say(&self, input: Input) -> Vec<Output> {
        let mut state = self.0.lock();
        let Some(sender) = &state.sender else { return refused(input).into_iter().collect() };
        if sender.try_send(FromEdge::Say(input.clone())).is_err() {
            // Too slow, or just lost: everything is said again on the next connection.
            state.sender = None;
            return refused(input).into_iter().collect();
        }
        if refused(input.clone()).is_some() {
            state.asked.push_back(input);
        }
        Vec::new()
    }

    /// This has been answered.
    fn answered(&self, output: &Output) {
        let mut state = self.0.lock();
        let answers = |input: &Input| match (input, output) {
            (Input::PickUp(login, chat), Output::Refused { login: other, chat: same, .. }) => {
                login == other && chat == same
            }
            (Input::PickUp(_, chat), Output::Assigned { chat: same, .. }) => chat == same,
            (
                Input::Place { transfer, .. },
                Output::Placed { transfer: same, .. } | Output::NotPlaced { transfer: same, .. },
            ) => transfer == same,
            (Input::Reserve { seat, .. }, Output::Reserved { seat: same, .. }) => seat == same,
            _ => false,
        };
        state.asked.retain(|input| !answers(input));
    }

    /// The connection is lost: what was asked is refused.
    fn lost(&self) -> Vec<Output> {
        let mut state = self.0.lock();
        state.sender = None;
        state.asked.drain(..).filter_map(refused).collect()
    }
}

/// The answer to a request that nobody hears; nothing to what is no request.
fn refused(input: Input) -> Option<Output> {
    let code = ErrorCode::Internal;
    match input {
        Input::PickUp(login, chat) => Some(Output::Refused { login, chat, code }),
        Input::Place { chat, transfer, .. } => Some(Output::NotPlaced { chat, transfer, code }),
        Input::Reserve { seat, .. } => Some(Output::Reserved { seat, answer: Err((code, RETRY)) }),
        _ => None,
    }
}

/// Keeps the connection; ends never.
pub async fn run(gateway: Arc<Gateway>, there: There) {
    let mut said = false;
    loop {
        match connection(&gateway, &there).await {
            Ok(()) => {}
            Err(error) if said => tracing::debug!("no queue manager: {error:#}"),
            Err(error) => tracing::warn!(address = %there.address, "no queue manager: {error:#}"),
        }
        said = !gateway.link_was_up();
        gateway.link_lost();
        let chance = u64::from(crate::driver::random::<1>()[0]);
        tokio::time::sleep(AGAIN + Duration::from_millis(chance)).await;
    }
}

async fn connection(gateway: &Arc<Gateway>, there: &There) -> Result<()> {
    let begun = tokio::time::timeout(CONNECT, async {
        let stream = TcpStream::connect(there.address).await.context("it does not answer")?;
        stream.set_nodelay(true)?;
        let (from, to) = stream.into_split();
        let (mut reads, mut writes) = sealed::begin(from, to, &there.secret, End::Edge).await?;
        let server = gateway.settings.server.clone();
        let name = gateway.config.listen.to_string();
        writes.write(&FromEdge::Hello { version: VERSION, server, name }).await?;
        let welcome: FromManager = reads.read().await?;
        let FromManager::Welcome { version } = welcome else { anyhow::bail!("it does not welcome us") };
        ensure!(version == VERSION, "it has version {version} of this link, and this is {VERSION}");
        Ok((reads, writes))
    });
    let (mut reads, mut writes) = begun.await.context("it does not answer in time")??;
    let (sender, mut outbox) = mpsc::channel(OUTBOX);
    // Before anything is heard. Who is here is known by the old copy.
    let agents = gateway.agents_here();
    gateway.begin_copy();
    tracing::info!(address = %there.address, "the queue manager is there");
    let reading = async {
        loop {
            let word = tokio::time::timeout(SILENCE, reads.read()).await.context("it has gone silent")??;
            gateway.link_heard(word);
        }
    };
    let writing = async {
        loop {
            match tokio::time::timeout(HEARTBEAT, outbox.recv()).await {
                Ok(Some(word)) => writes.write(&word).await?,
                Ok(None) => anyhow::bail!("it reads too slowly"),
                Err(_) => writes.write(&FromEdge::Beat).await?,
            }
        }
    };
    let saying = async {
        gateway.link_up(sender, agents).await;
        std::future::pending::<Result<()>>().await
    };
    tokio::select! {
        done = reading => done,
        done = writing => done,
        done = saying => done,
    }
}

impl Gateway {
    /// The connection is there: everything is said.
    async fn link_up(self: &Arc<Self>, sender: mpsc::Sender<FromEdge>, agents: Vec<(Profile, Presence)>) {
        let Some(link) = &self.link else { return };
        link.0.lock().sender = Some(sender.clone());
        self.restate(agents);
        // Behind everything that was said: the steps above are made by then.
        if sender.send(FromEdge::Ready).await.is_err() {
            tracing::warn!("the queue manager was lost at once");
        }
        // Nobody else remembers that they are missed.
        self.expect_absent_agents().await;
    }

    fn link_was_up(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.0.lock().sender.is_some())
    }

    fn link_lost(self: &Arc<Self>) {
        let lost = self.link.as_ref().map(Link::lost).unwrap_or_default();
        self.queue_said(lost);
    }

    fn link_heard(self: &Arc<Self>, word: FromManager) {
        match word {
            FromManager::Happened(at, input) => {
                self.copy_happened(at, input);
            }
            FromManager::Tell(output) => {
                if let Some(link) = &self.link {
                    link.answered(&output);
                }
                self.queue_said(vec![output]);
            }
            FromManager::Welcome { .. } | FromManager::Beat => {}
        }
    }

    /// Everything that the queue manager has to know, from the machines' own mouths; agents last.
    fn restate(self: &Arc<Self>, agents: Vec<(Profile, Presence)>) {
        for name in self.incoming_names() {
            self.tell_incoming(&name, destination::Input::Restate);
        }
        for chat in self.chat_ids() {
            self.tell_chat(chat, session::Input::Restate);
        }
        for (profile, presence) in agents {
            let login = profile.login.clone();
            self.tell_queue(Input::SetPresence(login, presence));
            self.tell_queue(Input::Online(profile));
        }
    }
}
