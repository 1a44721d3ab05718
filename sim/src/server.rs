//! A server: what it has stored, and what it forgets when it dies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton_core::consult::Consult;
use baton_core::effect::{Answer, Area, Arrival, Call, NeedsAgent, Settings, Timer, Times};
use baton_core::policy::{Class, Rule, Rules};
use baton_core::queue::plan::{Assign, Plan, Way};
use baton_core::queue::{Profile, QueueManager};
use baton_core::session::{self, Chat};
use baton_core::transfer::destination::{self, Incoming};
use baton_protocol::federation::Denial;
use baton_protocol::model::{Brand, Context, DocumentCard, Entry, SharePolicy};
use baton_protocol::{ChatId, CloseCode, SecretDigest, ServerFrame, TransferId};

use crate::agent::Agent;
use crate::consult::Name;
use crate::event::{Key, ServerId};
use crate::hostile::Swallow;
use crate::rng::Rng;

/// The moment at which every world begins; late enough that nothing saturates.
pub const EPOCH: u64 = 1_800_000_000_000;

/// What is stored of a chat.
#[derive(Clone, Debug)]
pub struct StoredChat {
    /// Its record.
    pub record: session::Record,
    /// Its context.
    pub context: Option<Context>,
    /// Its entries.
    pub entries: Vec<Arc<Entry>>,
}

/// What survives.
#[derive(Debug, Default)]
pub struct Store {
    /// Chats.
    pub chats: BTreeMap<ChatId, StoredChat>,
    /// Incoming transfers.
    pub incoming: BTreeMap<(String, TransferId), destination::Record>,
    /// Permissions that were given: to whom, for which areas, and the transfer that used it.
    pub codes: BTreeMap<SecretDigest, (String, Vec<String>, Option<TransferId>)>,
    /// What was uploaded for a chat, by its customer or an agent of this name.
    pub uploads: BTreeMap<(ChatId, Option<String>, String), DocumentCard>,
    /// The files of documents, by the chat that has them.
    pub files: BTreeSet<(ChatId, String)>,
}

/// Something to be stored.
#[derive(Debug)]
pub enum Op {
    /// A chat's record.
    Chat(Box<session::Record>),
    /// A chat's context.
    Context(ChatId, Box<Context>),
    /// An entry.
    Append(ChatId, Arc<Entry>),
    /// An incoming transfer's record.
    Incoming(Box<destination::Record>),
}

/// Something that leaves the machine when what came before it is stored.
#[derive(Debug)]
pub enum Outward {
    /// To a customer.
    Frame(u64, ServerFrame),
    /// The end of a customer's connection.
    Close(u64, CloseCode),
    /// To an agent's consoles.
    Agent(String, ServerFrame),
    /// To a peer.
    Call(Key, Call),
    /// To a peer, for a document.
    Fetch(ChatId, String, TransferId, String),
    /// The answer to a peer.
    Reply(u64, Result<Answer, Denial>),
    /// To a chat of this server.
    Chat(ChatId, Box<session::Input>),
    /// To an incoming transfer of this server.
    Incoming(Key, destination::Input),
    /// To the queue manager.
    Queue(baton_core::queue::Input),
}

/// One step's worth.
#[derive(Debug)]
pub struct Batch {
    /// What is stored.
    pub ops: Vec<Op>,
    /// What follows.
    pub outward: Vec<Outward>,
    /// The machines that it is about.
    pub keys: Vec<Key>,
}

/// What is forgotten when the server dies.
#[derive(Debug, Default)]
pub struct Memory {
    /// Chats.
    pub chats: BTreeMap<ChatId, Chat>,
    /// Incoming transfers.
    pub incoming: BTreeMap<(String, TransferId), Incoming>,
    /// The queue manager.
    pub queue: QueueManager,
    /// Timers, by what tells them from those that they replaced.
    pub timers: BTreeMap<(Key, Timer), u64>,
    /// Consoles.
    pub consoles: BTreeMap<String, Vec<u64>>,
    /// Side conversations.
    pub asides: BTreeMap<Name, Consult>,
    /// Calls of peers that wait for an answer.
    pub replies: BTreeMap<u64, u64>,
    /// Steps that the store has not finished, the oldest first.
    pub batches: BTreeMap<u64, Batch>,
    /// How many of them are about each machine.
    pub unfinished: BTreeMap<Key, usize>,
    /// When the store is done with them: one after the other, or only those of the same machine.
    pub store_free_at: u64,
    /// See `store_free_at`.
    pub machine_free_at: BTreeMap<Key, u64>,
    /// The times at which the last word to and from a remote queue manager arrives.
    pub queue_in_at: u64,
    /// See `queue_in_at`.
    pub queue_out_at: u64,
}

/// A rule about confidential chats (O2).
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// Of destinations that are this near; of all, where it is none.
    pub class: Option<Class>,
    /// Whether nobody goes there; else nothing goes along.
    pub denies: bool,
}

impl Guard {
    fn random(rng: &mut Rng) -> Option<Self> {
        let classes = [None, Some(Class::Partner), Some(Class::SameCompany)];
        let guard = Self { class: classes[rng.index(classes.len())], denies: rng.chance(500) };
        rng.chance(700).then_some(guard)
    }

    fn rule(self) -> Rule {
        Rule {
            class: self.class,
            confidential: Some(true),
            denied: self.denies.then(|| "it stays here".into()),
            share: (!self.denies).then_some(SharePolicy::Nothing),
            ..Rule::default()
        }
    }
}

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// How it is set up.
    pub settings: Settings,
    /// What its rules say of confidential chats.
    pub guard: Option<Guard>,
    /// What it has stored.
    pub store: Store,
    /// The rest, while it is up.
    pub memory: Option<Memory>,
    /// How often it was started.
    pub life: u32,
    /// Milliseconds that its clock is fast; negative when slow.
    pub skew: i64,
    /// Whether it never comes back.
    pub dead: bool,
    /// What it does to customers who are sent to it, if it is hostile.
    pub swallows: Option<Swallow>,
    /// Effects after which it dies.
    pub armed: Option<u64>,
    /// Who works there.
    pub agents: Vec<Agent>,
}

impl Server {
    /// A server that is up.
    pub fn new(id: ServerId, rng: &mut Rng) -> Self {
        let name = format!("s{id}");
        let times = Times {
            prepare: 5_000,
            offer: rng.range(15, 60) * 1_000,
            away_waiting: 120_000,
            away_active: rng.range(120, 240) * 1_000,
            agent_grace: rng.range(5, 40) * 1_000,
            retry_first: 250,
            retry_most: 5_000,
            linger: rng.range(20, 120) * 1_000,
            ask: rng.range(3, 20) * 1_000,
            keep: rng.range(30, 120) * 1_000,
        };
        let guard = Guard::random(rng);
        let settings = Settings {
            server: name.clone(),
            brand: Brand { name: name.to_uppercase(), accent: "#000000".into() },
            areas: vec![area("sales", rng), area("legal", rng)],
            rules: Rules { exceptions: guard.map(Guard::rule).into_iter().collect(), ..Rules::default() },
            times,
            max_entries: 10_000,
            preview: false,
            customs: BTreeMap::new(),
        };
        let agents = (0..rng.index(3) + 1).map(|number| Agent::new(number, profile(number, rng))).collect();
        let skew = if rng.chance(60) { i64::try_from(rng.below(600_000)).unwrap_or(0) - 300_000 } else { 0 };
        let memory = Memory::of(&settings);
        Self {
            name,
            settings,
            guard,
            store: Store::default(),
            memory: Some(memory),
            life: 1,
            skew,
            dead: false,
            swallows: None,
            armed: None,
            agents,
        }
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self, now: u64) -> u64 {
        (EPOCH + now).saturating_add_signed(self.skew)
    }
}

fn profile(number: usize, rng: &mut Rng) -> Profile {
    let areas: &[&str] = match rng.below(4) {
        0 => &["legal"],
        1 => &["sales", "legal"],
        _ => &["sales"],
    };
    // The first one serves everything, so that everybody is served in the end.
    let areas = if number == 0 { &["sales", "legal"] } else { areas };
    let login = format!("agent{number}");
    Profile {
        title: login.to_uppercase(),
        login,
        supervisor: rng.chance(250),
        areas: areas.iter().map(|area| (*area).to_owned()).collect(),
        max_chats: u32::try_from(rng.range(1, 3)).unwrap_or(1),
        by_hand: false,
    }
}

impl Memory {
    /// Whether everything that this machine has stored is durable.
    #[must_use]
    pub fn is_quiet(&self, key: &Key) -> bool {
        self.unfinished.get(key).is_none_or(|count| *count == 0)
    }

    /// What a server begins with. On some, chosen by what chance has made of their settings, customers are given to
    /// free agents without being picked up.
    pub fn of(settings: &Settings) -> Self {
        let assign = match settings.times.agent_grace / 1_000 % 5 {
            0 => Assign::LongestIdle,
            1 => Assign::RoundRobin,
            _ => Assign::ByHand,
        };
        let way = |area: &Area| (area.name.clone(), Way { assign, ..Way::default() });
        let plan = Plan { areas: settings.areas.iter().map(way).collect(), ..Plan::default() };
        Self { queue: QueueManager::new(plan), ..Self::default() }
    }
}

/// Where its customers connect.
#[must_use]
pub fn socket_of(server: ServerId) -> String {
    format!("wss://s{server}.example/v1/ws")
}

/// Its page with a widget.
#[must_use]
pub fn page_of(server: ServerId) -> String {
    format!("https://s{server}.example/chat")
}

/// The server of a socket or a page.
#[must_use]
pub fn server_of(url: &str) -> Option<ServerId> {
    let (_, rest) = url.split_once("//s")?;
    rest.split_once('.')?.0.parse().ok()
}

fn area(name: &str, rng: &mut Rng) -> Area {
    let plain = Arrival::default();
    let arrival = match rng.below(10) {
        0..4 => plain,
        4..6 => Arrival { two_steps: true, ..plain },
        6 => Arrival { max_waiting: 1, ..plain },
        7 => Arrival { agent: NeedsAgent::Free, keeps: rng.chance(700), ..plain },
        _ => Arrival { agent: NeedsAgent::Willing, keeps: rng.chance(700), ..plain },
    };
    Area { name: name.into(), title: name.to_uppercase(), arrival }
}
