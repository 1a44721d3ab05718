//! What is durable. The store is the fact; everything in memory can be made again from it.
//!
//! Two machines of the same chat can never both go on: a row is written with the version that its writer has seen,
//! and a writer who has seen an older one is told so ([`StoreError::Conflict`]). Nothing here relies on being the
//! only process.

mod change;
pub mod facts;
pub mod memory;
pub mod sqlite;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use baton_core::audit;
use baton_core::erase::{self, Thing};
use baton_core::policy::Fields;
use baton_protocol::federation::{Erased, Jwks};
use baton_protocol::model::{DocumentCard, Entry, Presence, Reply};
use baton_protocol::{ChatId, ErasureId, MessageId, SecretDigest, Timestamp, TransferId};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use change::{ApiKey, Change, Scope};

/// A future in a box, so that the trait can be an object.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why something was not stored or found.
#[derive(Debug)]
pub enum StoreError {
    /// Somebody else has written this row since it was read.
    Conflict,
    /// The database failed; the text is for the operator.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("somebody else has written this since it was read"),
            Self::Failed(why) => write!(f, "the database failed: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// A text that shows nothing in debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, to be used where it belongs and nowhere else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// A chat's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRow {
    /// The chat.
    pub id: ChatId,
    /// When saving: the version last seen, 0 for a new row. When loading: the version stored.
    pub version: u64,
    /// Digest of its resume token.
    pub token: SecretDigest,
    /// Whether it must be in memory after a restart.
    pub open: bool,
    /// The record.
    pub json: String,
}

/// An incoming transfer's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingRow {
    /// The origin's server name.
    pub peer: String,
    /// The transfer.
    pub transfer: TransferId,
    /// As in [`ChatRow::version`].
    pub version: u64,
    /// Digest of its WTID.
    pub wtid: SecretDigest,
    /// Whether it must be in memory after a restart.
    pub open: bool,
    /// The record.
    pub json: String,
}

/// A chat with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChat {
    /// Its row.
    pub row: ChatRow,
    /// The context that it came with.
    pub context: Option<String>,
    /// Its entries, the oldest first.
    pub entries: Vec<Arc<Entry>>,
}

/// An agent's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Serves the areas they are given.
    Agent,
    /// Sees every area.
    Supervisor,
    /// A supervisor who administers the gateway, too.
    Admin,
}

impl Role {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }

    /// Whether they see every area and may do what supervisors may.
    #[must_use]
    pub fn supervises(self) -> bool {
        self != Self::Agent
    }
}

/// An agent's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRow {
    /// Login name.
    pub name: String,
    /// The name that customers see.
    pub title: String,
    /// PHC string of the password's argon2id hash.
    pub password_hash: Hidden,
    /// Role.
    pub role: Role,
    /// Areas served.
    pub areas: Vec<String>,
    /// Chats at most (A2).
    pub max_chats: u32,
    /// Issuer and subject of whoever logs in with the provider, and has no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
    /// Whether they pick customers up themselves and are given none.
    #[serde(default)]
    pub by_hand: bool,
    /// Whether they take chats, as they said last.
    #[serde(default = "available")]
    pub presence: Presence,
}

fn available() -> Presence {
    Presence::Available
}

/// How near a peer is (W2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum PeerClass {
    /// A server of the same company.
    SameCompany,
    /// A company with which there is an agreement.
    Partner,
    /// Any other.
    Other,
}

/// How customers go to a peer (M2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The page stays, the socket moves.
    InPlace,
    /// The browser goes to the peer's page.
    Navigate,
}

/// A peer's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRow {
    /// Its server name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The subject that it handles.
    pub subject: String,
    /// Its base URL, as the operator gave it.
    pub base_url: String,
    /// Base of its federation calls.
    pub federation: String,
    /// Its WebSocket.
    pub socket: String,
    /// A page of its site that starts the widget.
    pub page: Option<String>,
    /// Its pinned public keys.
    pub keys: Jwks,
    /// How near it is.
    pub class: PeerClass,
    /// Areas of ours that it may send customers to; nothing means all.
    pub areas: Option<Vec<String>>,
    /// How customers go there.
    pub mode: Mode,
    /// What was agreed with it.
    #[serde(default)]
    pub agreement: Agreement,
    /// Thumbprints of keys of its that it has revoked.
    #[serde(default)]
    pub revoked: Vec<String>,
}

/// What was agreed with a peer, beside the areas that it may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agreement {
    /// Agents of ours who may transfer to it; nothing means all.
    pub agents: Option<Vec<String>>,
    /// What we take of what it sends.
    pub fields_in: Fields,
    /// What it gets of what we send.
    pub fields_out: Fields,
    /// Whether it must not pass on to a third company what we send.
    pub confined: bool,
    /// Transfers that it may ask for in a minute. Default 60.
    pub per_minute: u32,
    /// Customers of its that may be on their way here at once. Default 50.
    pub reservations: u32,
    /// Whether no new transfer goes there or comes from there for now.
    pub suspended: bool,
}

impl Default for Agreement {
    fn default() -> Self {
        Self {
            agents: None,
            fields_in: Fields::default(),
            fields_out: Fields::default(),
            confined: false,
            per_minute: 60,
            reservations: 50,
            suspended: false,
        }
    }
}

/// A reply for later use, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyRow {
    /// The login name of its writer; nobody's is the company's.
    pub owner: Option<String>,
    /// The reply.
    pub reply: Reply,
}

/// A document that somebody has uploaded for a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// The chat.
    pub chat: ChatId,
    /// Who: an agent's login name, or nobody's for the customer.
    pub by: Option<String>,
    /// The document.
    pub card: DocumentCard,
    /// When.
    pub at: Timestamp,
}

/// What may be uploaded for one chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimit {
    /// Documents.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// One thing to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A chat's record.
    SaveChat(ChatRow),
    /// The context that a chat came with.
    SaveContext {
        /// The chat.
        chat: ChatId,
        /// The context.
        json: String,
    },
    /// An entry of a chat's.
    Append {
        /// The chat.
        chat: ChatId,
        /// The entry.
        entry: Arc<Entry>,
    },
    /// An incoming transfer's record.
    SaveIncoming(IncomingRow),
    /// A step of a transfer, for the audit. It is never changed.
    Audit(Box<audit::Record>),
    /// An erasure's record, and whether it must be in memory after a restart.
    SaveErasure(bool, Box<erase::Record>),
}

/// What a thing is found by once it is erased.
#[must_use]
pub fn tombstone(thing: &Thing) -> String {
    match thing {
        Thing::Chat(chat) => format!("chat {chat}"),
        Thing::Incoming(peer, transfer) => format!("transfer {peer} {transfer}"),
    }
}

/// Everything that is not taken in any more: what was erased, and the transfers that led here or away.
pub(crate) fn tombstones(record: &erase::Record) -> impl Iterator<Item = String> {
    let links = record.links.iter().map(|link| Thing::Incoming(link.peer.clone(), link.transfer));
    record.things.iter().cloned().chain(links).map(|thing| tombstone(&thing))
}

/// Things that are stored together or not at all.
pub struct Batch {
    /// The things. None is allowed: the batch still waits for its turn.
    pub ops: Vec<Op>,
    /// Called when they are durable, or have failed.
    pub done: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

/// A store.
pub trait Store: Send + Sync + 'static {
    /// Batches become durable in the order of the calls, and each `done` runs before the next batch's. Never
    /// blocks. A `done` may hand over another batch; it runs on the store's own thread, which waits for it.
    ///
    /// # Errors
    /// Gives the batch back when too many wait.
    fn commit(&self, batch: Batch) -> Result<(), Batch>;

    /// A chat with all that belongs to it.
    fn chat(&self, id: ChatId) -> Answer<'_, Option<StoredChat>>;
    /// The chat of a resume token.
    fn chat_by_token(&self, token: SecretDigest) -> Answer<'_, Option<ChatId>>;
    /// The chat that has gone to another server by this transfer.
    fn chat_by_transfer(&self, transfer: TransferId) -> Answer<'_, Option<ChatId>>;
    /// Remembers an upload, unless the chat would have more than it may. The same one again is no other.
    fn put_upload(&self, upload: UploadRow, most: UploadLimit) -> Answer<'_, bool>;
    /// A document that was uploaded for this chat by this agent, or by the customer.
    fn upload<'a>(
        &'a self,
        chat: ChatId,
        by: Option<&'a str>,
        sha256: &'a str,
    ) -> Answer<'a, Option<DocumentCard>>;
    /// Every reply for later use, by shortcut.
    fn replies(&self) -> Answer<'_, Vec<ReplyRow>>;
    /// Adds or replaces a reply, unless its owner would have more than so many.
    fn put_reply(&self, reply: ReplyRow, most: usize) -> Answer<'_, bool>;
    /// Removes a reply; whether there was one.
    fn remove_reply(&self, id: MessageId) -> Answer<'_, bool>;
    /// Records of chats that are over, the newest first: of those that this agent has had, or all.
    fn closed_chats<'a>(&'a self, served: Option<&'a str>, most: u32) -> Answer<'a, Vec<String>>;
    /// Chats that must be in memory.
    fn open_chats(&self) -> Answer<'_, Vec<ChatId>>;

    /// An incoming transfer.
    fn incoming<'a>(&'a self, peer: &'a str, transfer: TransferId) -> Answer<'a, Option<IncomingRow>>;
    /// The incoming transfer of a WTID.
    fn incoming_by_wtid(&self, wtid: SecretDigest) -> Answer<'_, Option<IncomingRow>>;
    /// Incoming transfers that must be in memory.
    fn open_incoming(&self) -> Answer<'_, Vec<IncomingRow>>;

    /// Every agent.
    fn agents(&self) -> Answer<'_, Vec<AgentRow>>;
    /// An agent, by login name.
    fn agent<'a>(&'a self, name: &'a str) -> Answer<'a, Option<AgentRow>>;
    /// Adds or replaces an agent. The tokens of one that is replaced are void: a new password ends old logins.
    fn put_agent(&self, agent: AgentRow) -> Answer<'_, ()>;
    /// Remembers an agent's console token.
    fn put_agent_token<'a>(
        &'a self,
        token: SecretDigest,
        name: &'a str,
        expires: Timestamp,
    ) -> Answer<'a, ()>;
    /// Forgets one console token, or all of an agent's.
    fn remove_agent_tokens<'a>(&'a self, name: &'a str, one: Option<SecretDigest>) -> Answer<'a, ()>;
    /// Keeps whether an agent takes chats.
    fn set_presence<'a>(&'a self, name: &'a str, presence: Presence) -> Answer<'a, ()>;
    /// Changes something and keeps the record of it, or neither; whether there was anything to change.
    fn administer(&self, change: Change, record: audit::Record) -> Answer<'_, bool>;
    /// Every key of the API.
    fn api_keys(&self) -> Answer<'_, Vec<ApiKey>>;
    /// The agent of a console token that has not expired.
    fn agent_by_token(&self, token: SecretDigest, now: Timestamp) -> Answer<'_, Option<String>>;

    /// Every peer.
    fn peers(&self) -> Answer<'_, Vec<PeerRow>>;
    /// Adds or replaces a peer.
    fn put_peer(&self, peer: PeerRow) -> Answer<'_, ()>;
    /// Removes a peer; whether there was one.
    fn remove_peer<'a>(&'a self, name: &'a str) -> Answer<'a, bool>;

    /// What is stored of customers with this address, whatever its case.
    fn things_of<'a>(&'a self, email: &'a str) -> Answer<'a, Vec<Thing>>;
    /// Chats that have to do with a transfer from or to this peer, as the audit knows.
    fn chats_about<'a>(&'a self, peer: &'a str, transfer: TransferId) -> Answer<'a, Vec<ChatId>>;
    /// Transfers to other servers by which something of a chat was sent, as the audit knows.
    fn sent(&self, chat: ChatId) -> Answer<'_, Vec<(String, TransferId)>>;
    /// How much is stored of these things, documents aside.
    fn amount(&self, things: Vec<Thing>) -> Answer<'_, Erased>;
    /// Removes all that is stored of these things, so that not even the bytes are left, and answers how much it was.
    fn wipe(&self, things: Vec<Thing>) -> Answer<'_, Erased>;
    /// Stores an erasure's record, and the tombstones of what it is about.
    fn save_erasure(&self, open: bool, record: erase::Record) -> Answer<'_, ()>;
    /// An erasure.
    fn erasure(&self, id: ErasureId) -> Answer<'_, Option<erase::Record>>;
    /// Every erasure.
    fn erasures(&self) -> Answer<'_, Vec<erase::Record>>;
    /// Erasures that must be in memory.
    fn open_erasures(&self) -> Answer<'_, Vec<erase::Record>>;
    /// The erasure that a thing, or a transfer, is the matter of.
    fn erasure_of<'a>(&'a self, thing: &'a Thing) -> Answer<'a, Option<ErasureId>>;

    /// What the audit has, from this time on, the oldest first; at most so many records.
    fn audit(&self, since: Timestamp, most: u32) -> Answer<'_, Vec<audit::Record>>;

    /// The same from this time back, the newest first; only what administrators changed, or everything.
    fn audit_before(&self, before: Timestamp, most: u32, changes: bool) -> Answer<'_, Vec<audit::Record>>;

    /// The facts of chats that came from the one time on, before the other, the oldest first; so many at most.
    fn facts(&self, from: Timestamp, to: Timestamp, most: u32) -> Answer<'_, Vec<facts::Facts>>;
    /// Makes some chats that are over findable; whether there are more of them.
    fn index_some(&self, most: u32) -> Answer<'_, bool>;
    /// Where these words are said in chats that are over: those that this agent has had, or all.
    fn search<'a>(
        &'a self,
        words: &'a str,
        served: Option<&'a str>,
        most: u32,
    ) -> Answer<'a, Vec<facts::Found>>;
    /// Records of the chats of a customer whom a site has named, the newest first.
    fn chats_of_visitor<'a>(&'a self, site: &'a str, subject: &'a str, most: u32) -> Answer<'a, Vec<String>>;

    /// True for the first caller with this id, false for every later one until it expires (replays).
    fn use_once<'a>(&'a self, id: &'a str, expires: Timestamp, now: Timestamp) -> Answer<'a, bool>;
    /// Remembers what an authorisation code permits.
    fn grant_code<'a>(&'a self, code: SecretDigest, grant: &'a str, expires: Timestamp) -> Answer<'a, ()>;
    /// What a code permits, for the first transfer that uses it, however often that asks.
    fn redeem_code(
        &self,
        code: SecretDigest,
        transfer: TransferId,
        now: Timestamp,
    ) -> Answer<'_, Option<String>>;
}
