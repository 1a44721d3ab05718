//! The drivers around the core: they give the machines time, randomness, storage, sockets and peers.
//!
//! - [`machines`]: one step of one machine, its effects stored first and carried out after. [`outward`]: those that leave.
//! - [`intake`]: a connection's frames, together where they can be. [`customers`], [`agents`]: what they mean.
//! - [`calls`]: calls to peers. [`hand_over`]: what they ask. [`lists`]: queues, staffing and places, when they change.
//! - [`login`]: who is an agent. [`hours`]: when areas are open. [`overload`]: too many customers. [`supervise`]: what supervisors ask for.
//! - [`documents`]: uploads, and files from peers. [`erase`]: customers who are to be forgotten. [`policy`]: what may be done with one chat. [`timers`], [`conn`].
//!
//! **Order.** A step runs under its machine's lock and hands its batch to the store under the same lock, so the
//! batches of a machine are stored in the order of its steps; what goes out of a step goes out when its batch is
//! durable. No lock is held across an `.await`, and no two machines' locks are held at once: what one machine
//! tells another is done after the first lock is released, and after what it follows from is durable.

pub mod agents;
pub mod calls;
pub mod conn;
pub mod consult;
pub mod customers;
pub mod documents;
pub mod erase;
pub mod hand_over;
mod holding;
pub mod hours;
pub mod intake;
pub mod lists;
pub mod login;
pub mod machines;
pub mod outward;
pub mod overload;
pub mod policy;
pub mod rescue;
pub mod supervise;
pub mod timers;
pub mod visitors;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use baton_core::effect::{Answer, ConnId, ReplyTo, Settings};
use baton_core::erase::{self as forget, Erasure, Thing};
use baton_core::queue::{self, QueueManager};
use baton_core::session::{self, Chat};
use baton_core::transfer::destination::{self, Incoming};
use baton_protocol::federation::Denial;
use baton_protocol::model::{Presence, SharePolicy};
use baton_protocol::{ChatId, CloseCode, ErasureId, SecretDigest, ServerFrame, Timestamp, TransferId};
use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::bus::{Bus, Notice};
use crate::config::Config;
use crate::documents::Documents;
use crate::federation::{Federation, renewal};
use crate::queue_link::edge::Link;
use crate::store::Store;
use conn::Conn;
use machines::Slot;
use timers::Timers;

/// Seconds for which a chat that is over stays in memory, for its destination's last words.
const KEEP_CLOSED: u32 = 600;

/// Told whether the settings can be used, or why not.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// What is looked up for every message. Its keys are numbers that this server has drawn, or names that the operator gave:
/// nobody else can choose them so that they collide.
type Map<K, V> = DashMap<K, V, foldhash::fast::RandomState>;

/// How often the list of peers is read without a word from `baton peer`: by whoever cannot reach the gateway's socket, or
/// changes the database by other means.
const LOOK_AT_PEERS: Duration = Duration::from_secs(2);

/// How often chats that are over are made findable, and how many of them at once: 25 a second, in between messages.
const INDEX: Duration = Duration::from_secs(2);
const INDEXED: u32 = 50;

/// A machine's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A chat.
    Chat(ChatId),
    /// An incoming transfer, by its origin's server name and its id.
    Incoming(String, TransferId),
    /// An erasure.
    Erasure(ErasureId),
}

/// A running gateway.
pub struct Gateway {
    /// What the operator configured.
    pub config: Config,
    /// The machines' view of it.
    pub settings: Settings,
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// What wakes.
    pub bus: Arc<dyn Bus>,
    /// Peers, keys and calls.
    pub federation: Arc<Federation>,
    /// Files.
    pub documents: Documents,
    /// Customers from outside their connection.
    pub visitors: visitors::Visitors,
    /// Limits on uploads.
    pub uploads: documents::Uploads,
    chats: Map<ChatId, Arc<Slot<Chat>>>,
    incoming: DashMap<(String, TransferId), Arc<Slot<Incoming>>>,
    erasures: DashMap<ErasureId, Arc<Slot<Erasure>>>,
    /// What this process has erased, or is erasing: nothing of it is loaded or stored any more.
    erased: DashMap<Thing, ()>,
    /// Held while it is found out what an erasure is about.
    erasing: tokio::sync::Mutex<()>,
    outgoing: DashMap<TransferId, ChatId>,
    tokens: Map<SecretDigest, ChatId>,
    consults: DashMap<consult::Name, Arc<consult::Kept>>,
    pages: Map<SecretDigest, ChatId>,
    wtids: DashMap<SecretDigest, (String, TransferId)>,
    queue: Mutex<QueueManager>,
    conns: Map<ConnId, Arc<Conn>>,
    agents: Map<String, Vec<Arc<Conn>>>,
    replies: DashMap<u64, oneshot::Sender<Result<Answer, Denial>>>,
    timers: Timers,
    /// Limits on trying.
    pub attempts: agents::Attempts,
    /// Who wants the settings to be read again, and hears what came of it.
    reloads: (mpsc::Sender<Reload>, tokio::sync::Mutex<mpsc::Receiver<Reload>>),
    calendar: hours::Calendar,
    overload: overload::Overload,
    begun: holding::Begun,
    told: Mutex<machines::Told>,
    /// The way to the queue manager, where it is on another machine (Q2); then `queue` is a copy to look at.
    pub(crate) link: Option<Link>,
    count: AtomicU64,
    runtime: tokio::runtime::Handle,
}

impl Gateway {
    /// A gateway with nothing in it. [`Gateway::restore`] fills it from the store.
    #[must_use]
    pub fn new(
        config: Config,
        settings: Settings,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        federation: Federation,
        documents: Documents,
        visitors: visitors::Visitors,
    ) -> Arc<Self> {
        let remote = config.desk.manager.as_ref().is_some_and(|manager| manager.connect.is_some());
        let plan = &config.desk.plan;
        let (asks, asked) = mpsc::channel(1);
        let queue = QueueManager::new(if remote { plan.of_a_copy() } else { plan.clone() });
        Arc::new(Self {
            config,
            settings,
            store,
            bus,
            federation: Arc::new(federation),
            documents,
            visitors,
            uploads: documents::Uploads::default(),
            chats: Map::default(),
            incoming: DashMap::new(),
            erasures: DashMap::new(),
            erased: DashMap::new(),
            erasing: tokio::sync::Mutex::default(),
            outgoing: DashMap::new(),
            tokens: Map::default(),
            consults: DashMap::new(),
            pages: Map::default(),
            wtids: DashMap::new(),
            queue: Mutex::new(queue),
            conns: Map::default(),
            agents: Map::default(),
            replies: DashMap::new(),
            timers: Timers::default(),
            attempts: agents::Attempts::default(),
            reloads: (asks, tokio::sync::Mutex::new(asked)),
            calendar: hours::Calendar::default(),
            overload: overload::Overload::default(),
            begun: holding::Begun::default(),
            told: Mutex::default(),
            link: remote.then(Link::default),
            count: AtomicU64::new(1),
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// Puts every open chat and transfer of the store back to work.
    ///
    /// # Errors
    /// The store's.
    pub async fn restore(self: &Arc<Self>) -> anyhow::Result<()> {
        self.restore_erasures().await?;
        for row in self.store.open_incoming().await? {
            #[cfg(feature = "sabotage")]
            if crate::sabotage::forgets_incoming() {
                continue;
            }
            let key = (row.peer.clone(), row.transfer);
            self.adopt_incoming(&row)?;
            self.tell_incoming(&key, destination::Input::Restore);
        }
        for id in self.store.open_chats().await? {
            if self.chat(id).await? {
                self.tell_chat(id, session::Input::Restore);
            }
        }
        self.expect_absent_agents().await;
        Ok(())
    }

    /// Agents who are not here have some time to come.
    pub(crate) async fn expect_absent_agents(self: &Arc<Self>) {
        match self.store.agents().await {
            Ok(agents) => {
                let absent = agents.into_iter().filter(|agent| !self.is_here(&agent.name));
                absent.for_each(|agent| self.expect_agent(agent.name));
            }
            Err(error) => tracing::error!(%error, "the agents could not be read"),
        }
    }

    fn is_here(&self, login: &str) -> bool {
        self.agents.get(login).is_some_and(|consoles| !consoles.is_empty())
    }

    /// Agents with a console here, and whether they take chats.
    pub(crate) fn agents_here(&self) -> Vec<(queue::Profile, Presence)> {
        let logins: Vec<String> = self.agents.iter().map(|agent| agent.key().clone()).collect();
        let queue = self.queue.lock();
        let here = logins.into_iter().filter(|login| self.is_here(login));
        let known = here.filter_map(|login| {
            let presence = queue.agent_card(&login, SharePolicy::All)?.presence;
            Some((queue.profile(&login)?, presence))
        });
        known.collect()
    }

    pub(crate) fn chat_ids(&self) -> Vec<ChatId> {
        self.chats.iter().map(|chat| *chat.key()).collect()
    }

    pub(crate) fn incoming_names(&self) -> Vec<(String, TransferId)> {
        self.incoming.iter().map(|incoming| incoming.key().clone()).collect()
    }

    /// The copy of a queue manager on another machine begins anew (Q2).
    pub(crate) fn begin_copy(&self) {
        *self.queue.lock() = QueueManager::new(self.config.desk.plan.of_a_copy());
    }

    /// Something has happened at the queue manager on another machine.
    pub(crate) fn copy_happened(&self, at: Timestamp, input: queue::Input) {
        // What the copy makes of it was decided elsewhere.
        let _ = self.queue.lock().handle(at, input);
        self.lists_changed();
    }

    /// Everything that runs beside the connections. Ends never.
    pub async fn run(self: Arc<Self>) {
        tokio::join!(
            self.clone().run_timers(),
            self.clone().run_lists(),
            self.clone().run_renewals(),
            self.clone().run_peers(),
            self.clone().run_overload(),
            self.clone().run_ends(),
            self.clone().run_index(),
            self.run_sweep()
        );
    }

    async fn run_timers(self: Arc<Self>) {
        loop {
            match self.timers.next().await {
                (Key::Chat(id), timer) => self.tell_chat(id, session::Input::Timer(timer)),
                (Key::Incoming(peer, transfer), timer) => {
                    self.tell_incoming(&(peer, transfer), destination::Input::Timer(timer));
                }
                (Key::Erasure(id), timer) => self.tell_erasure(id, forget::Input::Timer(timer)),
            }
        }
    }

    /// Notices what somebody else than `baton peer` has changed in the list of peers.
    async fn run_peers(self: Arc<Self>) {
        let mut every = tokio::time::interval(LOOK_AT_PEERS);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.peers_changed().await;
        }
    }

    /// Makes chats that are over findable, some at a time.
    async fn run_index(self: Arc<Self>) {
        let mut every = tokio::time::interval(INDEX);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(error) = self.store.index_some(INDEXED).await {
                tracing::warn!(%error, "chats could not be indexed");
            }
        }
    }

    /// Follows peers' keys.
    async fn run_renewals(self: Arc<Self>) {
        let mut every = tokio::time::interval(renewal::EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.federation.renew_all().await;
        }
    }

    /// Forgets what is over, so that memory does not grow with the past.
    async fn run_sweep(self: Arc<Self>) {
        let mut every = tokio::time::interval(Duration::from_secs(60));
        loop {
            every.tick().await;
            self.chats
                .retain(|_, slot| slot.keep(KEEP_CLOSED, |chat| chat.is_needed() || chat.conn().is_some()));
            self.incoming.retain(|_, slot| slot.keep(KEEP_CLOSED, Incoming::is_open));
            self.erasures.retain(|_, slot| slot.keep(KEEP_CLOSED, Erasure::is_open));
            self.sweep_consults();
            self.uploads.sweep();
            self.visitors.sweep();
            self.attempts.sweep();
            self.tokens.retain(|_, chat| self.chats.contains_key(chat));
            self.pages.retain(|_, chat| self.chats.contains_key(chat));
            self.outgoing.retain(|_, chat| self.chats.contains_key(chat));
            self.wtids.retain(|_, key| self.incoming.contains_key(key));
        }
    }

    /// Lets everybody go gently: they resume after a random while, so that they do not all come at once.
    pub fn drain(&self) {
        for conn in &self.conns {
            let resume_in = 500 + u32::from(random::<1>()[0]) * 10;
            conn.send(&ServerFrame::Draining { resume_in });
            conn.close(CloseCode::Restarting);
        }
    }

    /// The settings have changed: if they can be used, the gateway stops and starts again with them. Otherwise nothing
    /// happens.
    ///
    /// # Errors
    /// Why they cannot be used.
    pub async fn reload(&self) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let stopping = || "the gateway is stopping".to_owned();
        self.reloads.0.send(reply).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    /// Until somebody wants the settings to be read again: they are told whether that can be.
    pub async fn to_reload(&self) -> Reload {
        match self.reloads.1.lock().await.recv().await {
            Some(reload) => reload,
            // The gateway itself holds the other end.
            None => std::future::pending().await,
        }
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// Looks at every connection.
    pub fn each_connection(&self, mut look: impl FnMut(&Arc<Conn>)) {
        self.conns.iter().for_each(|conn| look(&conn));
    }

    /// Registers a connection.
    pub fn connected(&self, conn: Arc<Conn>) {
        self.conns.insert(conn.id, conn);
    }

    /// A number that was not used before.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// A place for a machine's answer to a peer's request.
    #[must_use]
    pub fn expect_reply(&self) -> (ReplyTo, oneshot::Receiver<Result<Answer, Denial>>) {
        let (sender, receiver) = oneshot::channel();
        let number = self.number();
        self.replies.insert(number, sender);
        (ReplyTo(number), receiver)
    }

    /// Gives an expected answer up.
    pub fn forget_reply(&self, reply: ReplyTo) {
        self.replies.remove(&reply.0);
    }

    /// The queue manager's view, for a moment.
    pub fn with_queue<T>(&self, look: impl FnOnce(&QueueManager) -> T) -> T {
        look(&self.queue.lock())
    }

    pub(crate) fn tell_queue(self: &Arc<Self>, input: queue::Input) {
        self.work([machines::Work::Queue(input.into())].into());
    }

    fn lists_changed(&self) {
        self.bus.publish(Notice::Lists);
    }
}

/// The time.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Cryptographically random bytes.
///
/// # Panics
/// When the operating system has none to give: nothing here is safe without them.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill_random(&mut bytes);
    bytes
}

/// Bytes that are asked of the operating system at once: a login needs a few, several times, and each time would be a
/// system call.
const RANDOM: usize = 256;

thread_local! {
    /// Random bytes that nobody has had yet, and how many; those that somebody has had are zero.
    static UNUSED: RefCell<([u8; RANDOM], usize)> = const { RefCell::new(([0; RANDOM], 0)) };
}

fn fill_random(bytes: &mut [u8]) {
    UNUSED.with_borrow_mut(|(unused, left)| {
        for part in bytes.chunks_mut(RANDOM) {
            if *left < part.len() {
                getrandom::fill(unused).expect("the operating system gives random numbers");
                *left = RANDOM;
            }
            let taken = *left - part.len()..*left;
            *left = taken.start;
            part.copy_from_slice(&unused[taken.clone()]);
            unused[taken].fill(0);
        }
    });
}
