//! The frames: what a client says to a gateway, and what a gateway says to a client.
//!
//! Every frame type has a number, which stands in the header of a binary frame, and a name, which stands in the
//! `type` member of a JSON frame. Numbers are never reused.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::codes::ErrorCode;
use crate::ids::{
    Challenge, ChatId, Epoch, MessageId, ResumeToken, Seq, Timestamp, TransferId, Verifier, Wtid,
};
use crate::model::{
    AgentCard, AreaCard, AreaHours, Ask, Brand, ChatCard, ClosedChat, Consultation, Context, Destination,
    DocumentState, Entry, Holding, Known, Marks, Notice, Offer, OpenChat, Outcome, Page, Permit, Phase,
    Presence, Reply, ServerCard, Share, Stage, WaitRange, WaitingCard,
};

macro_rules! frames { ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $number:literal $variant:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? })* }) => {
    $(#[$meta])*
    #[allow(clippy::large_enum_variant, reason = "a frame lives for one step; boxes would cost each of them an allocation")]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    pub enum $name { $($(#[$doc])* $variant { $($(#[$fdoc])* $field: $type),* },)* }

    impl $name {
        /// Every type number of this direction.
        pub const NUMBERS: &[u16] = &[$($number,)*];

        /// The number in a binary frame's header.
        #[must_use]
        pub fn number(&self) -> u16 {
            match self { $(Self::$variant { .. } => $number,)* }
        }

        pub(crate) fn encode_body<E: bincode::enc::Encoder>(&self, to: &mut E) -> Result<(), bincode::error::EncodeError> {
            match self { $(Self::$variant { $($field),* } => { $($field.encode(to)?;)* })* }
            Ok(())
        }

        /// Nothing when the number is unknown.
        #[allow(clippy::redundant_closure_call, reason = "of a frame without members nothing is decoded")]
        pub(crate) fn decode_body<D: bincode::de::Decoder<Context = ()>>(number: u16, from: &mut D) -> Option<Result<Self, bincode::error::DecodeError>> {
            match number {
                $($number => Some((|| Ok(Self::$variant { $($field: Decode::decode(from)?),* }))()),)*
                _ => None,
            }
        }
    }
}}

frames! {
    /// Client to gateway. The first frame of a connection is a hello; it carries every credential.
    ClientFrame {
        /// A customer's widget introduces itself. Answered by `welcome` or a close.
        1 CustomerHello {
            /// What it wants.
            start: Start,
            /// The page the customer is on.
            page: Option<Page>,
            /// The client's description (W1).
            client_type: String,
            /// The highest entry number the widget has of this server, for a resumed session.
            last_seq: Seq,
        }
        /// An agent's console or bot introduces itself. Answered by `agent_welcome` or a close.
        2 AgentHello {
            /// The credentials.
            login: Login,
        }
        /// Answered by `pong`. At least every [`HEARTBEAT_SECONDS`](crate::limits::HEARTBEAT_SECONDS).
        3 Ping {
            /// Returned as it is.
            nonce: u32,
        }
        /// A message. Answered by `stored` when it is stored, or by `refused`.
        4 Say {
            /// Which chat; a customer's connection has only one and leaves it out.
            chat: Option<ChatId>,
            /// Made by the sender. The same id again is acknowledged again and stored once.
            id: MessageId,
            /// The text.
            text: String,
        }
        /// Somebody is typing, or stopped. Never stored.
        5 Typing {
            /// As in `say`.
            chat: Option<ChatId>,
            /// Whether they are.
            on: bool,
        }
        /// Everything up to this entry was shown to a person.
        6 Seen {
            /// As in `say`.
            chat: Option<ChatId>,
            /// The entry.
            seq: Seq,
        }
        /// The customer is on another page (M5).
        7 Browsed {
            /// The page.
            page: Page,
        }
        /// The customer or the agent ends the chat (M4).
        8 End {
            /// As in `say`.
            chat: Option<ChatId>,
        }
        /// The widget received the offer and follows it.
        9 Following {
            /// The transfer.
            transfer: TransferId,
        }
        /// The widget cannot follow the offer and stays.
        10 Declined {
            /// The transfer.
            transfer: TransferId,
        }
        /// To the destination, after its `welcome` was stored by the widget: the claim is complete.
        11 Accept {
            /// The transfer.
            transfer: TransferId,
        }
        /// To the origin: the destination failed, the customer is back and has stored this epoch.
        12 Reclaim {
            /// The transfer.
            transfer: TransferId,
            /// Two above the epoch that the origin served.
            epoch: Epoch,
        }
        /// Say a document that was uploaded for this chat by the same party. Answered as `say` is.
        13 Attach {
            /// As in `say`.
            chat: Option<ChatId>,
            /// As in `say`.
            id: MessageId,
            /// The document's SHA-256, from the answer to the upload.
            sha256: String,
        }
        /// On the connection of a chat that came by a transfer: the customer was at this server before (X3), and this is
        /// the secret of the chat that they went away with, which nobody else has. What was said in it is shown to
        /// the agents again, whatever the servers in between have passed on. Not answered.
        14 Earlier {
            /// The secret from that chat's `welcome`.
            token: ResumeToken,
        }
        /// A waiting customer says what it is about (H1): they wait in that area instead, from when they came. Refused
        /// with `unknown_area`, and without effect when they wait no more.
        15 ChooseArea {
            /// The area's name.
            area: String,
        }
        /// What the customer has typed and not sent, for the agent who has the chat and whoever follows it; empty when there
        /// is nothing any more. Only where the gateway has `preview` on, at most a few in a second, and no longer than
        /// [`MAX_PREVIEW`](crate::limits::MAX_PREVIEW); others are left out. Never stored, not answered.
        16 Preview {
            /// The text.
            text: String,
        }
        /// The customer corrects what is known of them (H1). Its agent sees that it is the customer's own word.
        23 Correct {
            /// As it should be.
            known: Known,
        }

        /// Take a waiting customer (A2). Answered by `opened` or `refused`.
        32 PickUp {
            /// The chat.
            chat: ChatId,
        }
        /// Write a private note. Answered by `stored`.
        33 Note {
            /// The chat.
            chat: ChatId,
            /// As in `say`.
            id: MessageId,
            /// The text.
            text: String,
        }
        /// Take chats, or take none.
        34 SetPresence {
            /// Which.
            presence: Presence,
        }
        /// Ask what a peer offers for this chat now. Answered by `peer_areas`; for this server's own name, by
        /// `chat_policy`.
        35 Inspect {
            /// The chat to be transferred.
            chat: ChatId,
            /// The peer's server name.
            server: String,
        }
        /// Hand the chat over (A3, A4). Answered by `progress`.
        36 Transfer {
            /// Made by the console. The same one again is harmless.
            transfer: TransferId,
            /// The chat.
            chat: ChatId,
            /// Where to.
            to: Destination,
            /// For the next agent.
            comments: String,
            /// What to send along.
            share: Share,
        }
        /// Cancel a transfer that has not arrived (A6).
        37 CancelTransfer {
            /// The chat.
            chat: ChatId,
            /// The transfer.
            transfer: TransferId,
        }
        /// Remove a finished chat from the console.
        38 Dismiss {
            /// The chat.
            chat: ChatId,
        }
        /// Try a refused transfer again whose information the destination has kept (D7).
        39 RetryTransfer {
            /// The chat.
            chat: ChatId,
            /// The transfer that was refused with [`ErrorCode::Kept`].
            transfer: TransferId,
        }
        /// The answer to `asked`: whether the agent takes the chat.
        40 AnswerAsk {
            /// The transfer.
            transfer: TransferId,
            /// Whether they take it.
            accept: bool,
        }
        /// Ask an agent of the destination in a side conversation before handing the chat over (an attended
        /// transfer). The customer sees nothing of it, and nothing of the chat goes along. Answered by
        /// `consulting` or `refused`. A later `transfer` with the same id goes to that very agent.
        41 Consult {
            /// Made by the console: the id that the transfer will have, if it comes to one.
            transfer: TransferId,
            /// The chat.
            chat: ChatId,
            /// Where it may go. Of an area, a free agent is asked.
            to: Destination,
            /// The first message.
            text: String,
        }
        /// A message in a side conversation. Answered by `consult_said` when the other side has it.
        42 ConsultSay {
            /// The side conversation.
            transfer: TransferId,
            /// Made by the sender.
            id: MessageId,
            /// The text.
            text: String,
        }
        /// End a side conversation.
        43 ConsultEnd {
            /// The side conversation.
            transfer: TransferId,
        }
        /// For supervisors: get a chat out of whatever state it is in, to the queue of its area or of another one. Answered
        /// by `open_chats` or `refused`, which says where the customer is.
        44 Rescue {
            /// The chat.
            chat: ChatId,
            /// The area's name; none for the chat's own.
            to: Option<String>,
        }
        /// Mark a chat as confidential, or take the mark away (O2). For its agent and for supervisors.
        45 SetConfidential {
            /// The chat.
            chat: ChatId,
            /// Whether it is.
            on: bool,
        }
        /// Say what came of a chat, before it is ended. Answered by `chat_marks`.
        46 SetOutcome {
            /// The chat.
            chat: ChatId,
            /// What came of it.
            outcome: Outcome,
        }
        /// For supervisors: follow a chat without taking part, or stop. Answered by `watched`, with the entries after it.
        47 Watch {
            /// The chat.
            chat: ChatId,
            /// Whether to follow it.
            on: bool,
        }
        /// For supervisors: a note in a chat that is not theirs. Its agent reads it, its customer does not. Answered as
        /// `note` is.
        48 Whisper {
            /// The chat.
            chat: ChatId,
            /// As in `say`.
            id: MessageId,
            /// The text.
            text: String,
        }
        /// For supervisors who follow a chat: take part in it. From then on `say` is for them, too, and the customer sees
        /// who has come.
        49 JoinIn {
            /// The chat.
            chat: ChatId,
        }
        /// For supervisors: take a chat over, from the queue or from its agent. Answered by `opened` or `refused`.
        50 TakeOver {
            /// The chat.
            chat: ChatId,
        }
        /// For supervisors: recommend another priority.
        51 SetPriority {
            /// The chat.
            chat: ChatId,
            /// 0 ordinary, up to 9 urgent.
            priority: u8,
        }
        /// For supervisors: a message to every agent of an area who is logged in, or to all of them. Never stored.
        52 TeamMessage {
            /// The area's name; none for everybody.
            to: Option<String>,
            /// The text.
            text: String,
        }
        /// Keep a reply for later use: for oneself, or as a supervisor for everybody. Answered by `replies`.
        53 PutReply {
            /// The reply; one of the same id is replaced.
            reply: Reply,
        }
        /// Forget a reply. Answered by `replies`.
        54 RemoveReply {
            /// Its id.
            id: MessageId,
        }
        /// Ask for the chats that were over last: one's own, for supervisors all. Answered by `closed_chats`.
        55 ListClosed {}
        /// Read a chat that is over. Answered by `watched`, with the entries after it, or `refused`.
        56 ReadClosed {
            /// The chat.
            chat: ChatId,
        }
        /// Pick customers up oneself and be given none, or be given some again. It is kept. Answered by `assignment`.
        60 SetByHand {
            /// Whether to pick them up oneself.
            on: bool,
        }
    }
}

frames! {
    /// Gateway to client.
    ServerFrame {
        /// The customer has a session here.
        1 Welcome {
            /// The chat.
            chat: ChatId,
            /// The secret for resuming; only when it is new.
            token: Option<ResumeToken>,
            /// The epoch that the gateway serves and the widget stores.
            epoch: Epoch,
            /// The state now. A resumed client trusts it over whatever it remembers.
            phase: Phase,
            /// The highest entry number so far.
            last_seq: Seq,
            /// How the company shows itself.
            brand: Brand,
            /// The transfer that this answers, when the customer arrived by one.
            transfer: Option<TransferId>,
        }
        /// The agent is logged in.
        2 AgentWelcome {
            /// The agent, as others see them.
            agent: AgentCard,
            /// The secret for resuming; only after a password login.
            token: Option<ResumeToken>,
            /// This server's name.
            server: String,
            /// How the company shows itself.
            brand: Brand,
        }
        /// Answers `ping`.
        3 Pong {
            /// As it came.
            nonce: u32,
        }
        /// The message is stored. Only now is it safe to forget it.
        4 Stored {
            /// The chat.
            chat: ChatId,
            /// The sender's id.
            id: MessageId,
            /// Its place.
            seq: Seq,
            /// When.
            at: Timestamp,
        }
        /// New or missed entries, in order.
        5 Entries {
            /// The chat.
            chat: ChatId,
            /// The entries.
            entries: Vec<Entry>,
        }
        /// The other side is typing, or stopped.
        6 Typing {
            /// The chat.
            chat: ChatId,
            /// Whether they are.
            on: bool,
        }
        /// The other side saw everything up to this entry.
        7 Seen {
            /// The chat.
            chat: ChatId,
            /// The entry.
            seq: Seq,
        }
        /// The customer's chat is in another state now.
        8 PhaseChanged {
            /// The chat.
            chat: ChatId,
            /// The state.
            phase: Phase,
        }
        /// The waiting customer's place (H1).
        9 Place {
            /// From 1.
            rank: u32,
            /// Expected wait, where it can be told.
            wait: Option<WaitRange>,
        }
        /// The transfer command (M2, O4).
        10 Offered {
            /// The offer.
            offer: Offer,
        }
        /// The offer no longer stands: stay, or come back.
        11 Withdrawn {
            /// The transfer.
            transfer: TransferId,
        }
        /// A request was refused; the connection and the chat go on.
        12 Refused {
            /// Why.
            code: ErrorCode,
            /// In a sentence, for a person.
            detail: String,
            /// What was refused.
            about: About,
        }
        /// The gateway is about to restart; resume after this many milliseconds.
        13 Draining {
            /// A random wait, different for each client.
            resume_in: u32,
        }
        /// To an arriving customer: the origin has the chat still, wait.
        14 Arriving {
            /// The transfer.
            transfer: TransferId,
        }
        /// To a waiting customer: what there is to read, and what is known of them (H1).
        23 Holding {
            /// All of it; a later one takes its place.
            content: Holding,
        }

        /// The queue of the agent's areas (A2). What does not fit into it follows in `queue_more`.
        32 Queue {
            /// Waiting customers, the first one first.
            waiting: Vec<WaitingCard>,
        }
        /// Everything that a chat can be transferred to (A1).
        33 Destinations {
            /// Areas of this server.
            areas: Vec<AreaCard>,
            /// Agents of this server.
            agents: Vec<AgentCard>,
            /// Peers.
            servers: Vec<ServerCard>,
        }
        /// What a peer offers for this chat.
        34 PeerAreas {
            /// The chat.
            chat: ChatId,
            /// The peer's server name.
            server: String,
            /// Its areas; none when it has a general entrance, or an error.
            offer: PeerOffer,
        }
        /// The agent has this chat; its entries follow.
        35 Opened {
            /// The chat.
            card: ChatCard,
            /// Where it came from, if it was transferred (A8).
            context: Option<Context>,
        }
        /// A chat of the agent's has changed.
        36 CardChanged {
            /// The chat.
            card: ChatCard,
        }
        /// A transfer has advanced or failed.
        37 Progress {
            /// The chat.
            chat: ChatId,
            /// The transfer.
            transfer: TransferId,
            /// How far it is.
            stage: Stage,
            /// Why it failed, if it did.
            code: Option<ErrorCode>,
            /// In a sentence, for the agent.
            detail: String,
        }
        /// Whether the agent takes a chat that somebody wants to hand over to them. Answered by `answer_ask`.
        38 Asked {
            /// What it is about.
            ask: Ask,
        }
        /// The question is settled: answered elsewhere, taken back, or too late.
        39 AskOver {
            /// The transfer.
            transfer: TransferId,
        }
        /// A side conversation has begun, ended, or is shown again to a console that is back.
        40 Consulting {
            /// As it is now.
            consultation: Consultation,
        }
        /// A message in a side conversation.
        41 ConsultSaid {
            /// The side conversation.
            transfer: TransferId,
            /// The sender's id.
            id: MessageId,
            /// Whether the reader wrote it.
            mine: bool,
            /// The text.
            text: String,
        }
        /// What the waiting customer is told and offered now, instead of what it was before (D9). Empty for nothing.
        80 Notices {
            /// In the order in which they are shown.
            notices: Vec<Notice>,
        }
        /// For supervisors: every chat that is not over (S2).
        43 OpenChats {
            /// The chats, the oldest first.
            chats: Vec<OpenChat>,
            /// Whether these begin the list anew; others continue it.
            first: bool,
        }
        /// A document of the chat's context is in another state than "here", or is here now.
        52 DocumentChanged {
            /// The chat.
            chat: ChatId,
            /// The document's SHA-256.
            sha256: String,
            /// Its state.
            state: DocumentState,
        }
        /// What may be sent of a chat to each destination, by this chat's own policy. Answers an `inspect` of this
        /// server itself, and says it again when the chat is marked confidential.
        46 ChatPolicy {
            /// The chat.
            chat: ChatId,
            /// Areas, agents and servers; only what could be chosen now.
            permits: Vec<Permit>,
        }
        /// What is known of a chat beside its card and its entries. Follows `opened`, and comes again when it changes.
        47 ChatMarks {
            /// The chat.
            chat: ChatId,
            /// What is known.
            marks: Marks,
        }
        /// A chat that the reader follows or reads, and does not have. Its entries come after it.
        48 Watched {
            /// The chat.
            card: ChatCard,
            /// Where it came from, if it was transferred.
            context: Option<Context>,
            /// Who has it, by the name that customers see; empty for nobody.
            agent: String,
            /// Whether the reader takes part.
            joined: bool,
        }
        /// Replies for later use: the company's and one's own. In parts, of which the first begins anew.
        49 Replies {
            /// The replies.
            replies: Vec<Reply>,
            /// Whether these begin the list anew.
            first: bool,
        }
        /// A supervisor's message to the team.
        50 TeamSaid {
            /// Who: the name that customers see.
            from: String,
            /// To which area, by its title; none for everybody.
            to: Option<String>,
            /// The text.
            text: String,
        }
        /// The chats that were over last, the newest first.
        51 ClosedChats {
            /// The chats.
            chats: Vec<ClosedChat>,
        }
        /// How this agent gets customers. Follows `agent_welcome`, and comes again when it changes.
        81 Assignment {
            /// Whether an area of theirs gives customers to agents by itself.
            automatic: bool,
            /// Whether they pick customers up themselves and are given none.
            by_hand: bool,
        }
        /// Which areas of this server are open, of those that have hours. Follows the first `destinations`, and comes whole
        /// whenever it changes.
        82 Hours {
            /// The areas that have hours.
            areas: Vec<AreaHours>,
        }
        /// More of the queue: continues the last `queue`.
        53 QueueMore {
            /// Waiting customers.
            waiting: Vec<WaitingCard>,
        }
        /// What a customer has typed and not sent.
        54 Preview {
            /// The chat.
            chat: ChatId,
            /// The text; empty when there is nothing any more.
            text: String,
        }
    }
}

/// What a customer's hello is for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// A new chat.
    New {
        /// The area's name; empty for the server's first one.
        area: String,
        /// The customer's name, if known.
        name: String,
        /// E-mail address, if known.
        email: String,
        /// Subject, if known.
        subject: String,
        /// The public half of the widget's secret for the first hand-over.
        challenge: Challenge,
    },
    /// Back after a lost connection.
    Resume {
        /// The secret from `welcome`.
        token: ResumeToken,
        /// The epoch that the widget has stored.
        epoch: Epoch,
    },
    /// Arriving from another server with a WTID (M2, D5).
    Claim {
        /// The secret from the transfer command; none where the socket's address alone tells who comes (D4).
        wtid: Option<Wtid>,
        /// The proof that the customer is the one it was made for.
        verifier: Verifier,
        /// The epoch that the widget has stored.
        epoch: Epoch,
        /// The public half of a new secret, for the next hand-over.
        challenge: Challenge,
        /// The origin cannot be reached and the widget has frozen it: take over without its word.
        adopt: bool,
    },
}

/// An agent's credentials.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// Name and password.
    Password {
        /// Login name.
        name: String,
        /// The password.
        password: Password,
    },
    /// The secret from `agent_welcome`.
    Token {
        /// The secret.
        token: ResumeToken,
    },
    /// The session that the console's page has, whose cookie came with the request for this connection.
    Session {},
}

/// What a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The connection as a whole.
    Connection,
    /// A chat.
    Chat(ChatId),
    /// A message.
    Message(MessageId),
    /// A transfer.
    Transfer(TransferId),
}

/// A peer's answer to `inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerOffer {
    /// It publishes areas.
    Areas(Vec<AreaCard>),
    /// It takes chats at one general entrance (D2).
    GeneralEntrance,
    /// It does not take the chat, or did not answer.
    Refused {
        /// Why.
        code: ErrorCode,
        /// In a sentence, for the agent.
        detail: String,
    },
}

/// A password on its way to be checked. Shows nothing in debug output.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

impl ServerFrame {
    /// The number of [`Entries`](Self::Entries), the frame that a gateway sends most.
    pub const ENTRIES: u16 = 5;
}
