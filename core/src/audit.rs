//! What the audit keeps of every transfer: who, where to, under which rule, what left, and how it ended; and of
//! rescues, erasures and what administrators change. Never what was said, and nothing of a customer's, so that it
//! outlives their erasure.

use std::fmt;

use baton_protocol::federation::Erased;
use baton_protocol::model::{Context, PriorEntry, SharePolicy};
use baton_protocol::{ChatId, ErrorCode, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

use crate::policy::json_length;

/// One record. All records of one transfer have its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// The chat here; none until a customer has arrived.
    pub chat: Option<ChatId>,
    /// The transfer, when it is about one.
    pub transfer: Option<TransferId>,
    /// The agent's login name, or the name by which another server calls its agent.
    pub agent: String,
    /// The other server, when it is about one.
    pub peer: Option<String>,
    /// Where to, by name.
    pub to: String,
    /// What happened.
    pub step: Step,
}

/// What happened to a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Policy permits it.
    Permitted {
        /// By this rule.
        rule: String,
        /// So much may be sent.
        share: SharePolicy,
    },
    /// Policy denies it.
    Denied {
        /// By this rule.
        rule: String,
        /// The reason that the agent reads.
        reason: String,
    },
    /// This went to another agent, area or server.
    Sent(Left),
    /// This came from another server.
    Received(Left),
    /// The chat is with whom it was sent to; for one that was received, it is here.
    Arrived,
    /// It came to nothing.
    Failed {
        /// Why.
        code: ErrorCode,
    },
    /// Nobody came for whom there was a place.
    Lapsed,
    /// A supervisor or the operator took the chat back to a queue.
    Rescued,
    /// The customer was erased here.
    Erased(Erased),
    /// The other server has given its receipt for the erasure.
    Confirmed,
    /// The other server has given none, and will not.
    Unconfirmed {
        /// Why.
        code: ErrorCode,
    },
    /// An administrator or the operator has changed something: `to` says what.
    Changed {
        /// How.
        how: String,
    },
}

impl Record {
    /// That somebody has changed something.
    #[must_use]
    pub fn change(at: Timestamp, by: &str, what: String, how: &str) -> Self {
        let step = Step::Changed { how: how.into() };
        Self { at, chat: None, transfer: None, agent: by.into(), peer: None, to: what, step }
    }
}

impl Step {
    /// In a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Permitted { .. } => "permitted",
            Self::Denied { .. } => "denied",
            Self::Sent(_) => "sent",
            Self::Received(_) => "received",
            Self::Arrived => "arrived",
            Self::Failed { code: ErrorCode::Cancelled } => "cancelled",
            Self::Failed { .. } => "failed",
            Self::Lapsed => "lapsed",
            Self::Rescued => "rescued",
            Self::Erased(_) => "erased",
            Self::Confirmed => "confirmed",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Changed { .. } => "changed",
        }
    }

    /// More about it, for people.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Permitted { rule, share } => format!("by {rule}: {share:?}"),
            Self::Denied { rule, reason } => format!("by {rule}: {reason}"),
            Self::Sent(left) | Self::Received(left) => left.to_string(),
            Self::Arrived | Self::Lapsed | Self::Rescued | Self::Confirmed => String::new(),
            Self::Changed { how } => how.clone(),
            Self::Unconfirmed { code: ErrorCode::UnknownChat } => "it does not know the call".into(),
            Self::Failed { code } | Self::Unconfirmed { code } => code.to_string(),
            Self::Erased(Erased { chats, entries, contexts, documents }) => {
                format!("{chats} chats, {entries} entries, {contexts} contexts, {documents} documents")
            }
        }
    }
}

/// How much left, or came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Messages.
    pub messages: usize,
    /// Private notes.
    pub notes: usize,
    /// Documents.
    pub documents: usize,
    /// Bytes of JSON.
    pub bytes: usize,
    /// Bytes of documents.
    pub document_bytes: u64,
    /// Whether the customer's name or address was in it.
    pub identity: bool,
    /// Whether comments for the next agent were in it.
    pub comments: bool,
}

impl Left {
    /// What is in a context.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        let customer = &context.customer;
        Self {
            documents: context.documents.len(),
            bytes: json_length(context),
            document_bytes: context.documents.iter().map(|document| document.size).sum(),
            identity: !(customer.name.is_empty() && customer.email.is_empty()),
            comments: !context.comments.is_empty(),
            ..Self::of_entries(&context.transcript)
        }
    }

    /// What is in a part of a transcript.
    #[must_use]
    pub fn of_entries(entries: &[PriorEntry]) -> Self {
        let notes = entries.iter().filter(|entry| entry.note).count();
        let bytes = entries.iter().map(json_length).sum();
        Self { messages: entries.len() - notes, notes, bytes, ..Self::default() }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, notes, documents, .. } = self;
        write!(f, "{messages} messages, {notes} notes, {documents} documents")?;
        if self.identity {
            f.write_str(", name or address")?;
        }
        if self.comments {
            f.write_str(", comments")?;
        }
        write!(f, ", {} bytes", self.bytes as u64 + self.document_bytes)
    }
}
