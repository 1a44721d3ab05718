//! What the machines ask of their driver.

use std::sync::Arc;

use baton_protocol::federation::{
    Again, Cancel, CancelAnswer, Commit, Denial, Erase, Permission, PermissionRequest, ProgressReport,
    Release, Reservation, Settle, TransferRequest,
};
use baton_protocol::model::{Context, Customer, DocumentRef, Entry};
use baton_protocol::{ChatId, CloseCode, ErrorCode, SecretDigest, Seq, ServerFrame, Timestamp, TransferId};

use crate::policy::Rules;
use crate::queue;
use crate::session::{Chat, Record, Speaker};
use crate::transfer::destination;

/// A connection, as its driver numbers them in the order in which they come. Never reused within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// A federation request that waits for its answer, as its driver numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplyTo(pub u64);

/// What a machine knows of the world at one step.
pub struct Env<'a> {
    /// The time.
    pub now: Timestamp,
    /// How this server is set up.
    pub settings: &'a Settings,
    /// Fills a slice with cryptographically random bytes.
    pub random: &'a mut dyn FnMut(&mut [u8]),
}

impl Env<'_> {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }
}

/// How a server is set up, as far as the machines need to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Server name, by which peers know it.
    pub server: String,
    /// Name and colour for people.
    pub brand: baton_protocol::model::Brand,
    /// Areas, the first one the default.
    pub areas: Vec<Area>,
    /// Policy.
    pub rules: Rules,
    /// Time limits.
    pub times: Times,
    /// Entries that a chat may have on this server. Default [`MAX_ENTRIES`](baton_protocol::limits::MAX_ENTRIES).
    pub max_entries: Seq,
    /// Whether agents see what customers have typed and not sent. Default no.
    pub preview: bool,
    /// What areas make of what they know of a customer, by area.
    pub customs: std::collections::BTreeMap<String, queue::plan::Customs>,
}

/// An area that customers can ask for and agents serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its name in settings and on the wire.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// How it takes customers of other servers.
    pub arrival: Arrival,
}

/// How an area takes customers of other servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Whether they wait in a holding session and go on to the agent's by a second transfer (D6). Default no.
    pub two_steps: bool,
    /// Which agent there must be when a transfer is accepted (D7). Default none.
    pub agent: NeedsAgent,
    /// Whether what was posted is kept for another try when no agent is free (D7). Default yes.
    pub keeps: bool,
    /// Customers who may wait, those on their way included. Default 1,000.
    pub max_waiting: u32,
}

impl Default for Arrival {
    fn default() -> Self {
        Self { two_steps: false, agent: NeedsAgent::No, keeps: true, max_waiting: 1_000 }
    }
}

/// Which agent there must be when a transfer is accepted (D7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsAgent {
    /// None: the customer waits in the queue.
    No,
    /// One who is free: the customer goes straight to them.
    Free,
    /// One who is free and, when asked, takes the chat.
    Willing,
}

impl Settings {
    /// The area of this name.
    #[must_use]
    pub fn area(&self, name: &str) -> Option<&Area> {
        self.areas.iter().find(|area| area.name == name)
    }

    /// An area's title, if there is such an area.
    #[must_use]
    pub fn area_title(&self, name: &str) -> Option<&str> {
        self.area(name).map(|area| area.title.as_str())
    }

    /// How an area takes customers of other servers.
    #[must_use]
    pub fn arrival(&self, area: &str) -> Arrival {
        self.area(area).map(|area| area.arrival).unwrap_or_default()
    }
}

/// Time limits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From the agent's click to the destination's acceptance. Default 5 s: an agent waits no longer.
    pub prepare: u64,
    /// From acceptance to arrival. Default 60 s, the life of a WTID.
    pub offer: u64,
    /// A waiting customer who is away this long loses the place. Default 2 min.
    pub away_waiting: u64,
    /// A chat whose customer is away this long ends (M4). Default 30 min.
    pub away_active: u64,
    /// An agent who is away this long loses their chats to the queue. Default 1 min.
    pub agent_grace: u64,
    /// The first wait before a call to a peer is repeated; it doubles up to `retry_most`. Default 250 ms.
    pub retry_first: u64,
    /// Default 5 s.
    pub retry_most: u64,
    /// How long a released chat waits for its customer's new server to settle. Default 2 min.
    pub linger: u64,
    /// How long an agent who is asked whether they take a chat has for the answer. Default 20 s.
    pub ask: u64,
    /// How long posted information is kept for another try (D7). Default 10 min.
    pub keep: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            prepare: 5_000,
            offer: 60_000,
            away_waiting: 120_000,
            away_active: 1_800_000,
            agent_grace: 60_000,
            retry_first: 250,
            retry_most: 5_000,
            linger: 120_000,
            ask: 20_000,
            keep: 600_000,
        }
    }
}

/// What a machine asks of its driver. The driver carries the effects of one step out in their order, and holds
/// everything that follows a `Save…`, `Append` or `Audit` back until that is durable; only timers need not wait.
/// Everything that one step stores is stored in one transaction, and what a later step of the same machine sends
/// waits for the earlier ones' transactions too.
///
/// What goes from machine to machine (`Queue`, `Chat`, `Incoming`) keeps its order between the two, and a chat or
/// an incoming transfer that is not in memory is loaded for it.
#[derive(Debug)]
pub enum Effect {
    /// Store the chat's record.
    Save(Box<Record>),
    /// Store the context that came with the chat.
    SaveContext(ChatId, Box<Context>),
    /// Store an entry; when it is durable, show it and answer it.
    Append(Entered),
    /// Store an incoming transfer's record.
    SaveIncoming(Box<destination::Record>),
    /// Store an erasure's record; the first time with the tombstones of its things.
    SaveErasure(Box<crate::erase::Record>),
    /// Keep this of a transfer, for ever.
    Audit(Box<crate::audit::Record>),
    /// Send to a customer's connection.
    ToCustomer(ConnId, Box<ServerFrame>),
    /// Close a customer's connection.
    CloseCustomer(ConnId, CloseCode),
    /// Send to every console of an agent, by login name.
    ToAgent(String, Box<ServerFrame>),
    /// Wake this machine after that many milliseconds; replaces an earlier one of the same kind.
    SetTimer(Timer, u64),
    /// Forget the timer.
    ClearTimer(Timer),
    /// Tell the queue manager.
    Queue(Box<queue::Input>),
    /// Call a peer; the answer comes back as an input.
    Call(Box<Call>),
    /// Fetch a document from the server that the chat came from; what comes of it comes back as an input.
    Fetch {
        /// The chat that it is for.
        chat: ChatId,
        /// That server's name.
        peer: String,
        /// The transfer that the chat came by.
        transfer: TransferId,
        /// The document as it was announced.
        document: DocumentRef,
    },
    /// Write an e-mail to a customer who is not here.
    Mail {
        /// The chat.
        chat: ChatId,
        /// The customer.
        to: Customer,
        /// What an agent has said.
        text: String,
    },
    /// Answer a peer's request.
    Reply(ReplyTo, Box<Result<Answer, Denial>>),
    /// A chat has come to be: register it under its id and token.
    Found(Box<Chat>),
    /// The chat has a new resume token.
    Token(ChatId, SecretDigest),
    /// Tell a chat of this server something about the transfer that it came by.
    Chat(ChatId, Box<crate::session::Input>),
    /// Tell the incoming transfer that a chat came by.
    Incoming(String, TransferId, Box<destination::Input>),
}

/// An entry to be stored, and who is told of it when it is durable. One effect for what is most of the work of a
/// gateway: the entry is not copied, and what shows it is encoded once for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// The chat.
    pub chat: ChatId,
    /// The entry.
    pub entry: Arc<Entry>,
    /// The customer's connection, if it is shown to them.
    pub customer: Option<ConnId>,
    /// The agent to whose consoles it is shown, by login name.
    pub agent: Option<Arc<str>>,
    /// Whose message it is: they are told that it is stored, after it was shown.
    pub said: Option<Speaker>,
}

impl Entered {
    /// What shows the entry.
    #[must_use]
    pub fn shown(&self) -> ServerFrame {
        ServerFrame::Entries { chat: self.chat, entries: vec![Entry::clone(&self.entry)] }
    }

    /// What answers whoever said it.
    #[must_use]
    pub fn stored(&self) -> ServerFrame {
        let Entry { id, seq, at, .. } = *self.entry;
        ServerFrame::Stored { chat: self.chat, id, seq, at }
    }

    /// What is to be sent, one by one, in the order in which it is.
    #[must_use]
    pub fn outward(&self) -> Vec<Effect> {
        let mut out = Vec::new();
        out.extend(self.customer.map(|conn| Effect::ToCustomer(conn, Box::new(self.shown()))));
        out.extend(self.agent.as_deref().map(|login| Effect::ToAgent(login.into(), Box::new(self.shown()))));
        out.extend(self.said.as_ref().map(|said| match said {
            Speaker::Customer(conn) => Effect::ToCustomer(*conn, Box::new(self.stored())),
            Speaker::Agent(login) => Effect::ToAgent(login.to_string(), Box::new(self.stored())),
        }));
        out
    }
}

/// The machines' timers. A machine has at most one of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The destination should have accepted.
    Prepare,
    /// The customer should have arrived.
    Offer,
    /// A peer should be called again.
    Retry,
    /// The destination should have settled.
    Linger,
    /// The customer should be back.
    Away,
    /// The agent who was asked should have answered.
    Ask,
    /// A document should be fetched again.
    Fetch,
}

/// What came of fetching a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It is stored.
    Here,
    /// It cannot be had now.
    NotNow,
    /// Its server does not give it, or it is not what was announced, or not what may be stored here.
    Never,
}

/// A call to a peer. `transfer` finds the machine that gets the answer.
#[derive(Debug)]
pub struct Call {
    /// The peer's server name.
    pub peer: String,
    /// The transfer.
    pub transfer: TransferId,
    /// The request.
    pub request: CallRequest,
}

/// The requests that a server makes.
#[derive(Debug)]
pub enum CallRequest {
    /// `POST /permission`
    Permission(PermissionRequest),
    /// `POST /transfers`
    Transfer(Box<TransferRequest>),
    /// `POST /transfers/{id}/again`
    Again(Again),
    /// `POST /transfers/{id}/cancel`
    Cancel(Cancel),
    /// `POST /outgoing/{id}/commit`
    Commit(Commit),
    /// `POST /outgoing/{id}/settle`
    Settle(Settle),
    /// `POST /outgoing/{id}/progress`. Its answer does not matter.
    Progress(ProgressReport),
    /// `POST /transfers/{id}/erase`
    Erase(Erase),
}

/// The answers to them.
#[derive(Debug)]
pub enum Answer {
    /// To a permission request.
    Permission(Permission),
    /// To a transfer request, or to another try of it.
    Reservation(Reservation),
    /// To a cancel.
    Cancel(CancelAnswer),
    /// To a commit.
    Release(Release),
    /// To an erasure. Its driver signs it on the way out, and has checked it on the way in.
    Erased(Box<crate::erase::Confirmed>),
    /// To the others.
    Done,
}

/// A call that was not answered as hoped.
#[derive(Clone, Debug)]
pub enum CallError {
    /// No connection.
    Unreachable,
    /// No answer in time.
    NoAnswer,
    /// An answer that makes no sense.
    BadAnswer,
    /// It does not know this call at all.
    NoSuchCall,
    /// Not a peer of ours any more.
    UnknownServer,
    /// A denial.
    Denied(Denial),
}

impl CallError {
    /// Whether the peer has spoken about the matter itself, so that asking again is of no use. A peer that does
    /// not know us for a moment (clocks, keys), or has too much to do, has not.
    #[must_use]
    pub fn is_final(&self) -> bool {
        use ErrorCode::{Internal, TooManyAttempts, WrongPassword};
        match self {
            Self::Denied(denial) => !matches!(denial.code, Internal | TooManyAttempts | WrongPassword),
            Self::UnknownServer => true,
            Self::Unreachable | Self::NoAnswer | Self::BadAnswer | Self::NoSuchCall => false,
        }
    }

    /// As an agent reads it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        use ErrorCode::{AgentUnavailable, Declined, Kept, NoAgentFree, QueueFull, Unstaffed};
        match self {
            Self::Unreachable => ErrorCode::Unreachable,
            Self::NoAnswer => ErrorCode::NoAnswer,
            Self::BadAnswer | Self::NoSuchCall => ErrorCode::BadAnswer,
            Self::UnknownServer => ErrorCode::UnknownServer,
            Self::Denied(denial) => match denial.code {
                // These say what an agent can do about it.
                code @ (NoAgentFree | Kept | Declined | QueueFull | Unstaffed | AgentUnavailable) => code,
                _ => ErrorCode::Denied,
            },
        }
    }

    /// Seconds after which to try again, where the peer said so (D7).
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Denied(denial) => denial.retry_after,
            _ => None,
        }
    }

    /// In a sentence, for the agent.
    #[must_use]
    pub fn detail(&self) -> String {
        let text = match self {
            Self::Denied(denial) if !denial.detail.is_empty() => denial.detail.clone(),
            Self::Denied(denial) => denial.code.to_string(),
            other => other.code().to_string(),
        };
        match self.retry_after() {
            Some(seconds) => format!("{text}; try again in {seconds} s"),
            None => text,
        }
    }
}

/// What a call came to.
pub type CallResult = Result<Answer, CallError>;
