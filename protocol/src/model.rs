//! The nouns inside the frames. [`holding`]: what there is for those who wait.

mod holding;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

pub use holding::{Announcement, Faq, Holding, Known, Link, Notice};

use crate::codes::ErrorCode;
use crate::ids::{ChatId, MessageId, Seq, Timestamp, TransferId, Wtid};

/// One line of a chat, as its server stored it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Entry {
    /// The server's number, rising by one within a chat. A customer's widget sees gaps where notes are.
    pub seq: Seq,
    /// When the server stored it.
    pub at: Timestamp,
    /// The writer's own id, by which a repeated message is recognised.
    pub id: MessageId,
    /// Who wrote it.
    pub author: Author,
    /// What was written, or what happened.
    pub body: Body,
}

/// Who wrote an entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The customer.
    Customer,
    /// An agent, by the name that customers see.
    Agent(String),
    /// The server itself.
    System,
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A message that everybody in the chat reads.
    Text(String),
    /// A private note, for agents only. Never sent to a customer.
    Note(String),
    /// Something that happened.
    Event(Event),
    /// A document that everybody in the chat may read.
    Document(DocumentCard),
}

/// Something that happened in a chat, shown as a line between the messages.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The customer waits in this area's queue.
    Queued {
        /// The area's title.
        area: String,
    },
    /// An agent picked the customer up.
    Joined {
        /// The name that customers see.
        agent: String,
    },
    /// The agent is gone; the customer waits again.
    AgentLost {
        /// The name that customers see.
        agent: String,
    },
    /// The chat came from elsewhere, or went there.
    Transferred {
        /// Server, area or agent that it left, as people call it.
        from: String,
        /// Server, area or agent that it went to.
        to: String,
    },
    /// A transfer was tried and the chat stayed (A6). For agents only.
    TransferFailed {
        /// Where it should have gone.
        to: String,
        /// Why it did not.
        code: ErrorCode,
    },
    /// The chat is over.
    Ended(EndReason),
    /// Somebody marked the chat as confidential, or took the mark away. For agents only.
    Confidential {
        /// Who: the name that customers see.
        agent: String,
        /// Whether it is now.
        on: bool,
    },
    /// The site has said who the customer is, and has signed it. For agents only.
    Verified {
        /// The site.
        site: String,
        /// Its own name for the customer.
        subject: String,
    },
    /// The customer has corrected what is known of them. For agents only.
    Corrected {
        /// In the customer's own words.
        known: Known,
    },
    /// The customer is not here: they left a message. For agents only.
    LeftMessage {
        /// Where the answer goes; empty when they did not say.
        email: String,
    },
}

/// Why a chat ended (M4).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The customer ended it.
    Customer,
    /// The agent ended it.
    Agent,
    /// Nobody was there for too long.
    Elapsed,
    /// The server's hour has come.
    SetTime,
    /// A server commanded it.
    Server,
}

/// The state of a chat as its customer may know it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// In the queue.
    Waiting,
    /// With an agent, by the name that customers see.
    Active {
        /// The agent's name.
        agent: String,
    },
    /// With another server now.
    Moved,
    /// Over.
    Ended(EndReason),
}

/// An honest expected wait: a range, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct WaitRange {
    /// Most customers wait at least this long.
    pub from: u32,
    /// Most customers wait at most this long.
    pub to: u32,
}

/// How a company shows itself. Data, never HTML or script.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Brand {
    /// The name that customers read.
    pub name: String,
    /// Accent colour, `#rrggbb`.
    pub accent: String,
}

/// What a customer says of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Customer {
    /// Empty when unknown.
    pub name: String,
    /// Empty when unknown.
    pub email: String,
    /// What it is about, in a line. Empty when unknown.
    pub subject: String,
    /// When the customer came to the first server.
    pub login_at: Timestamp,
    /// The client's own description, such as `baton-widget/0.1 in-place`.
    pub client_type: String,
}

/// The page that the customer is on (M5).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Page {
    /// Its address, without query and fragment.
    pub url: String,
    /// Its title.
    pub title: String,
}

/// Warm transfer information (W1): what the next agent gets, after policy (W2) has had its say.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Context {
    /// The server that the chat came from, by the name that people read.
    pub origin: String,
    /// Server names visited so far, the first one first. Loops are found by it.
    pub visited: Vec<String>,
    /// The agent who transferred. Empty when withheld.
    pub agent: String,
    /// The customer's name, address and subject; fields are empty when withheld.
    pub customer: Customer,
    /// The queue or area that the chat left.
    pub queue: String,
    /// Recommended priority: 0 ordinary, up to 9 urgent.
    pub priority: u8,
    /// What the transferring agent wrote for the next one.
    pub comments: String,
    /// Private notes and messages so far, oldest first, those of earlier servers included.
    pub transcript: Vec<PriorEntry>,
    /// Documents referenced in the chat.
    pub documents: Vec<DocumentRef>,
    /// Whether anything was left out, by policy or by the agent. Never says what.
    pub incomplete: bool,
}

/// A line of a transferred transcript.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct PriorEntry {
    /// The entry's own id, which edits refer to.
    pub id: MessageId,
    /// When it was stored at its server.
    pub at: Timestamp,
    /// That server, by the name that people read.
    pub server: String,
    /// Who wrote it.
    pub author: Author,
    /// The text. Withheld passages read `█`.
    pub text: String,
    /// A private note of an agent's, not a message.
    pub note: bool,
}

/// A document referenced in a chat; its bytes travel by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct DocumentRef {
    /// Number within the transfer, from 0.
    pub number: u32,
    /// File name, without a path.
    pub name: String,
    /// Media type (RFC 6838).
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// A document of a chat, as its server has checked it. Within a chat its hash is its name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct DocumentCard {
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// File name, without a path.
    pub name: String,
    /// Media type (RFC 6838), as its content says.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
}

/// What is known of a chat beside its card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Marks {
    /// Whether it is marked as confidential (O2).
    pub confidential: bool,
    /// Recommended priority, 0 to 9.
    pub priority: u8,
    /// Pages that the customer has been on, the newest last (M5).
    pub pages: Vec<Visit>,
    /// What came of it, as its agent has said.
    pub outcome: Option<Outcome>,
}

/// A reply that is kept for later use. `{name}` in it stands for the customer's name, `{agent}` for the agent's,
/// `{company}` for the company's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Reply {
    /// Made by the console that wrote it first.
    pub id: MessageId,
    /// The word by which it is found, after `/`.
    pub shortcut: String,
    /// The text.
    pub text: String,
    /// Whether it is its writer's alone; the others are everybody's.
    pub personal: bool,
}

/// A chat that is over, in a list of such.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct ClosedChat {
    /// The chat.
    pub chat: ChatId,
    /// The area.
    pub area: String,
    /// The customer's name, if known.
    pub name: String,
    /// The subject, if known.
    pub subject: String,
    /// When it came to this server.
    pub since: Timestamp,
    /// How it ended, or where it went.
    pub state: ChatState,
    /// What came of it, as its agent has said.
    pub outcome: Option<Outcome>,
}

/// A page that the customer has been on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Visit {
    /// The page.
    pub page: Page,
    /// Since when.
    pub at: Timestamp,
}

/// What came of a chat, as its agent says at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Outcome {
    /// One of the company's words for it; empty when none was chosen.
    pub disposition: String,
    /// Words to find it by.
    pub tags: Vec<String>,
}

/// Whether a document that came along with a chat can be read yet (A8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentState {
    /// It is being fetched from the server that the chat came from.
    Arriving,
    /// It is here.
    Here,
    /// It will not come: that server does not give it, or it is not what was announced.
    Missing,
}

/// The id that a document's line has in a transferred transcript: the first half of its hash. By it line and file
/// are found together, and edits that leave one out leave out both.
#[must_use]
pub fn document_line(sha256: &str) -> Option<MessageId> {
    sha256.get(..32)?.parse().ok()
}

/// Whether a text is a SHA-256 as documents are named by: 64 lower-case hexadecimal digits.
#[must_use]
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What may be sent to a destination (W2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharePolicy {
    /// Everything is sent.
    All,
    /// The agent chooses.
    AgentsChoice,
    /// Nothing is sent.
    Nothing,
}

/// What the agent chose to send (A4). The server holds it against the policy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Everything.
    All,
    /// All but what the edits take away.
    Part(Edits),
    /// Nothing.
    Nothing,
}

/// The agent's edits of what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub struct Edits {
    /// Entries to leave out.
    pub leave_out: Vec<MessageId>,
    /// Passages to blacken.
    pub redact: Vec<Redaction>,
    /// Text that the agent pasted in; sent as a note.
    pub excerpt: String,
    /// Leave the private notes out.
    pub without_notes: bool,
    /// Leave the customer's name and e-mail address out.
    pub without_identity: bool,
}

/// A passage to blacken.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Redaction {
    /// The entry.
    pub id: MessageId,
    /// The first character (Unicode scalar value) to blacken, from 0.
    pub start: u32,
    /// The character after the last one.
    pub end: u32,
}

/// Where a chat is to go (X1, X2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// An agent of this server, by login name.
    Agent(String),
    /// An area of this server, by name.
    Area(String),
    /// An area of a peer; none is its general entrance.
    Server {
        /// The peer's server name.
        server: String,
        /// The area there, if it publishes any.
        area: Option<String>,
    },
}

/// An agent as the transfer dialog shows them (A3).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct AgentCard {
    /// Login name.
    pub name: String,
    /// The name that customers see.
    pub title: String,
    /// Whether a supervisor.
    pub supervisor: bool,
    /// Areas served.
    pub areas: Vec<String>,
    /// Chats now.
    pub chats: u32,
    /// Chats at most.
    pub max_chats: u32,
    /// Whether somebody is logged in under this name.
    pub online: bool,
    /// Whether the agent takes chats now.
    pub presence: Presence,
    /// What may be sent to them.
    pub share: SharePolicy,
    /// Whether they pick customers up themselves and are given none.
    pub by_hand: bool,
}

/// Whether an agent takes new chats.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, Copy)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Takes chats.
    Available,
    /// Not at the desk: takes none.
    Away,
    /// At the desk, and gets no new chat.
    Busy,
}

/// An area as the transfer dialog shows it (A3, D2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct AreaCard {
    /// Its name in requests.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Agents on duty.
    pub agents: u32,
    /// Agents of them who could take a chat now.
    pub free_agents: u32,
    /// Customers waiting.
    pub waiting: u32,
    /// Expected wait, where it can be told.
    pub wait: Option<WaitRange>,
    /// What may be sent there.
    pub share: SharePolicy,
}

/// Whether an area that has hours is open. An area without hours is always.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct AreaHours {
    /// The area's name in requests.
    pub area: String,
    /// Whether it is open now.
    pub open: bool,
    /// When that changes next, where it does within the next two weeks.
    pub changes: Option<Timestamp>,
    /// The time zone of its hours, as the IANA list names it.
    pub zone: String,
}

/// A known server as the transfer dialog shows it (A1, A3).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct ServerCard {
    /// Its server name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The subject that it handles.
    pub subject: String,
    /// What may be sent there.
    pub share: SharePolicy,
}

/// A chat that is not over, as supervisors see it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct OpenChat {
    /// The chat.
    pub chat: ChatId,
    /// The area.
    pub area: String,
    /// The customer's name, if known.
    pub name: String,
    /// Where it stands.
    pub state: OpenState,
    /// Whether the customer is connected.
    pub online: bool,
    /// When it came to this server.
    pub since: Timestamp,
}

/// Where a chat that is not over stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenState {
    /// In the queue.
    Waiting,
    /// With an agent.
    Active {
        /// Login name.
        agent: String,
    },
    /// A transfer is being tried; the chat is still this server's.
    Transferring {
        /// The agent's login name.
        agent: String,
        /// Where to, as people call it.
        to: String,
    },
    /// Given to another server, which has not settled yet.
    Leaving {
        /// That server, as people call it.
        to: String,
    },
}

/// What the policy says of a chat and a destination (O2, W2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Permit {
    /// Where to; a server without an area stands for all of them.
    pub to: Destination,
    /// What may be sent there.
    pub share: SharePolicy,
    /// Why the transfer is denied, if it is.
    pub denied: Option<String>,
}

/// A waiting customer, as agents see them in the queue (A2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct WaitingCard {
    /// The chat.
    pub chat: ChatId,
    /// The area.
    pub area: String,
    /// The customer's name, if known.
    pub name: String,
    /// The subject, if known.
    pub subject: String,
    /// Waiting since.
    pub since: Timestamp,
    /// Rank in the area, from 1.
    pub rank: u32,
    /// Where they were transferred from, if they were.
    pub from: Option<String>,
    /// They left a message and are not here.
    pub left: Option<Left>,
}

/// When somebody left a message instead of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// While the area was open.
    InHours,
    /// While it was closed.
    OutOfHours,
}

/// A chat in an agent's console.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct ChatCard {
    /// The chat.
    pub chat: ChatId,
    /// The area.
    pub area: String,
    /// The customer.
    pub customer: Customer,
    /// The page the customer is on, if known.
    pub page: Option<Page>,
    /// Whether the customer is connected.
    pub online: bool,
    /// Its state for this agent.
    pub state: ChatState,
    /// When it came to this server.
    pub since: Timestamp,
}

/// The state of a chat for its agent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatState {
    /// The agent serves it.
    Active,
    /// A transfer is under way; the agent still serves it until the customer has arrived.
    Transferring {
        /// The transfer.
        transfer: TransferId,
        /// How far it is.
        stage: Stage,
    },
    /// It is with somebody else now, the window is grey (A7).
    Transferred {
        /// Who has it, as people call them.
        to: String,
    },
    /// Over.
    Ended(EndReason),
}

/// A chat that an agent is asked to take.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Ask {
    /// The transfer.
    pub transfer: TransferId,
    /// The server or the agent that it comes from, as people call them.
    pub from: String,
    /// The agent there.
    pub agent: String,
    /// The area that it goes to.
    pub area: String,
    /// The customer's name, if it may be known.
    pub name: String,
    /// The subject, if it may be known.
    pub subject: String,
    /// Comments for the next agent.
    pub comments: String,
    /// Milliseconds until somebody else is asked.
    pub expires_in: u32,
}

/// A side conversation between the agent who may hand a chat over and an agent of its destination.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Consultation {
    /// Its id, and that of the transfer that may follow.
    pub transfer: TransferId,
    /// The chat it is about, for the agent who has it.
    pub chat: Option<ChatId>,
    /// The other agent, as people call them.
    pub with: String,
    /// The other agent's server or company, as people call it.
    pub at: String,
    /// The other agent's login name, if it is one of this server's.
    pub agent: Option<String>,
    /// Whether it goes on; otherwise why it does not.
    pub ended: Option<ErrorCode>,
}

/// How far a transfer is. Stages only ever advance, and exactly one of the last two groups is final
/// (RFC 3515: "accepted" is not "transferred").
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, Copy, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Asked for permission.
    Requested,
    /// Permitted, the information is being posted.
    Permitted,
    /// The destination has accepted and waits for the customer.
    Accepted,
    /// The customer's widget has the command.
    Pushed,
    /// The customer has arrived. The chat is no longer ours.
    Arrived,
    /// In the destination's queue.
    Queued,
    /// An agent there has the customer.
    Answered,
    /// It failed; the chat is where it was.
    Failed,
}

/// The transfer command (M2, O4).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Offer {
    /// The transfer.
    pub transfer: TransferId,
    /// The destination's server name.
    pub server: String,
    /// The destination's name for people.
    pub title: String,
    /// The secret to present there; none where the address alone tells who has come (D4).
    pub wtid: Option<Wtid>,
    /// How to go there.
    pub way: Way,
    /// Milliseconds until the offer lapses.
    pub expires_in: u32,
}

/// How the customer's browser goes to the destination (M2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The page stays, the socket moves: the WebSocket address of the other gateway. If the page cannot
    /// reach it, `page`.
    InPlace {
        /// `wss://…/v1/ws`.
        socket: String,
        /// A page of the destination that starts the widget, if it has one.
        page: Option<String>,
    },
    /// The browser goes to this page; the widget adds WTID and verifier as its fragment.
    Navigate {
        /// `https://…`.
        page: String,
    },
}

impl Body {
    /// Whether the customer may see it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        !matches!(
            self,
            Self::Note(_)
                | Self::Event(
                    Event::TransferFailed { .. }
                        | Event::Confidential { .. }
                        | Event::Verified { .. }
                        | Event::Corrected { .. }
                        | Event::LeftMessage { .. }
                )
        )
    }
}
