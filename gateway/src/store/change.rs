//! What administrators change. Each change is stored together with the audit's record of it.

use baton_protocol::{MessageId, SecretDigest, Timestamp};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AgentRow, PeerRow, ReplyRow};

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds an agent, or replaces one. A new password ends old logins.
    PutAgent(AgentRow),
    /// Removes an agent and their logins.
    RemoveAgent(String),
    /// An agent picks customers up themselves, or is given some again.
    SetByHand(String, bool),
    /// Adds a peer, or replaces one.
    PutPeer(PeerRow),
    /// Removes a peer.
    RemovePeer(String),
    /// Adds a reply, or replaces one, unless its owner would have more than so many.
    PutReply(ReplyRow, usize),
    /// Removes a reply.
    RemoveReply(MessageId),
    /// Adds a key of the API.
    PutKey(ApiKey),
    /// Removes a key of the API.
    RemoveKey(String),
    /// Something that is stored elsewhere has changed.
    Elsewhere,
}

/// A key with which a program uses the HTTP API. The secret itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// What it is called by.
    pub id: String,
    /// What it is for, in its owner's words.
    pub title: String,
    /// Digest of the secret.
    pub digest: SecretDigest,
    /// What it opens.
    pub scopes: Vec<Scope>,
    /// Whether it changes things, too.
    pub writes: bool,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// When it ends, if it does.
    pub ends_at: Option<Timestamp>,
}

/// A part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Agents and their roles.
    Agents,
    /// The settings that can be changed here: areas, hours, what waiting customers read, policies.
    #[value(help = "Areas, hours, what waiting customers read, policies")]
    Settings,
    /// The company's replies for later use.
    Replies,
    /// Other companies' servers.
    Peers,
    /// The audit.
    Audit,
    /// Reports.
    Reports,
    /// What was said in chats.
    Chats,
}
