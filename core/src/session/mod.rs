//! A chat: what was said, who serves it, and whether it is on its way to somewhere else.
//!
//! **Contract.** [`Chat::handle`] takes one input and returns the effects that follow, in order. It acknowledges
//! nothing before the effect that stores it, it says nothing in a chat that it does not own, and it never shows a
//! customer a private note. It does not know what a socket is.
//!
//! - [`arrive`]: a chat that came from another server. [`ask`]: an agent is asked whether they take it.
//! - [`attach`]: a customer's connection comes, goes and comes back. [`back`]: a customer comes back to this server.
//! - [`documents`]: who may read them, and those still to come.
//! - [`supervise`]: supervisors follow a chat, take part in it, take it over.
//! - [`talk`]: messages, notes, typing, the end. [`preview`]: what a customer is typing.
//! - [`serve`]: the queue, agents, and transfers within this server.
//! - [`memory`]: how much of what was said stays in memory.
//! - [`redirect`]: a customer is sent on, or told, because there are too many.
//! - [`marks`]: what agents know of a chat beside what was said.
//! - [`govern`]: what policy and audit want to know of a chat. [`rescue`]: a supervisor takes it back. [`forget`]: its
//!   customer is erased.
//! - [`visitor`]: who the site says the customer is, a message that was left, an end from outside.
//! - [`leave`], [`release`]: the hand-over to another server, by the states of [`crate::transfer::origin`].
//! - [`page`]: the same for a browser that has no connection. [`lead`]: the same within this server, from a holding session to the agent's.

mod arrive;
mod ask;
mod attach;
mod back;
mod documents;
mod forget;
mod govern;
mod lead;
mod memory;
pub(crate) use arrive::said_late;
pub use back::Earlier;
pub use documents::{Awaited, Reader};
pub use supervise::{Supervision, Supervisor};
mod leave;
mod marks;
mod page;
mod preview;
pub(crate) use leave::backoff;
pub use page::PageOffer;
mod redirect;
mod release;
mod rescue;
mod said;
mod serve;
mod supervise;
mod talk;
mod visitor;
pub use visitor::{Identity, Message, Survey, Visitor};

use std::sync::Arc;

use baton_protocol::federation::{Commit, ProgressReport, Settle};
use baton_protocol::frames::About;
use baton_protocol::model::{
    Author, Body, ChatCard, ChatState, Context, Customer, Destination, DocumentCard, DocumentRef, EndReason,
    Entry, Event, Notice, Outcome, Page, Phase, PriorEntry, Share, Visit, WaitRange,
};
use baton_protocol::{
    Challenge, ChatId, ClientFrame, Epoch, ErrorCode, MessageId, ResumeToken, SecretDigest, Seq, ServerFrame,
    Timestamp, TransferId,
};
use serde::{Deserialize, Serialize};

use crate::effect::{CallResult, ConnId, Effect, Entered, Env, Fetched, ReplyTo, Timer};
use crate::policy::{Bounds, Class};
use crate::queue;
use crate::transfer::origin::{Outgoing, Past};

/// The durable part of a chat, its entries and its context aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The chat.
    pub id: ChatId,
    /// The area it is in.
    pub area: String,
    /// The customer.
    pub customer: Customer,
    /// The page the customer is on, if known (M5).
    pub page: Option<Page>,
    /// When it came to this server.
    pub since: Timestamp,
    /// The epoch that this server serves.
    pub epoch: Epoch,
    /// Digest of the customer's resume token.
    pub token: SecretDigest,
    /// Binds the next WTID to the customer.
    pub challenge: Challenge,
    /// Web origins from which the customer may resume; none for a client that is no browser.
    pub origins: Vec<String>,
    /// Recommended priority, 0 to 9.
    pub priority: u8,
    /// Who serves it.
    pub state: State,
    /// Whether it is on its way to another server.
    pub outgoing: Outgoing,
    /// Earlier attempts that came to nothing, the newest last.
    pub past: Vec<Past>,
    /// The transfer from another server that it came by.
    pub came: Option<Box<Came>>,
    /// The last transfer within this server, to tell its agent how it goes on.
    pub passed: Option<Box<Passed>>,
    /// Whether it is marked as confidential (O2).
    #[serde(default)]
    pub confidential: bool,
    /// The agent who had it last and did not pass it on, by login name.
    #[serde(default)]
    pub last_agent: Option<String>,
    /// The first entry that the present agent may see; earlier ones are in the context, as far as policy allows.
    pub view_from: Seq,
    /// Documents of the context that are not here, the next one to be fetched first.
    #[serde(default)]
    pub documents: Vec<Awaited>,
    /// Pages that the customer has been on here, the newest last.
    #[serde(default)]
    pub pages: Vec<Visit>,
    /// What came of it, as its agent has said.
    #[serde(default)]
    pub outcome: Option<Box<Outcome>>,
    /// Agents who have had it, by login name: they may read it when it is over.
    #[serde(default)]
    pub served: Vec<String>,
    /// What is known of the customer beyond their own word.
    #[serde(default)]
    pub visitor: Visitor,
}

impl Record {
    /// Whether the chat is neither over nor gone.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Ended(_)) && !matches!(self.outgoing, Outgoing::Settled(_))
            || matches!(self.outgoing, Outgoing::Reclaimed(_))
    }

    /// Whether it must be in memory after a restart: it is open, or a document is still to come.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.is_open() || self.documents.iter().any(|awaited| !awaited.missing)
    }
}

/// Who serves a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nobody yet.
    Waiting {
        /// Since when.
        since: Timestamp,
        /// From where it was transferred, if it was.
        from: Option<String>,
    },
    /// An agent.
    Active {
        /// Login name.
        login: String,
        /// The name that customers see.
        title: String,
    },
    /// It is over.
    Ended(EndReason),
}

/// Where a chat came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Came {
    /// The origin's server name.
    pub peer: String,
    /// The transfer.
    pub transfer: TransferId,
    /// Whether that server has not yet given what it stored last, since it could not be reached. Until it has,
    /// the chat goes to no other server, which would never get it.
    pub tail_due: bool,
    /// Whether what came along must not go on to a third company.
    #[serde(default)]
    pub confined: bool,
    /// How often overload had sent the customer on by then (D9).
    #[serde(default)]
    pub redirects: u8,
    /// Lines of the context that its agents wrote last: they may not have reached the customer there.
    #[serde(default)]
    pub late: Vec<MessageId>,
    /// Whether what was said here before has been joined to it ([`back`]).
    #[serde(default)]
    pub joined: bool,
}

/// A transfer within this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The agent who transferred.
    pub login: String,
    /// The transfer.
    pub transfer: TransferId,
    /// Whether everything was sent along.
    pub whole: bool,
}

/// Where an agent wants a chat to go, with what the driver knows of that place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As the console named it.
    pub destination: Destination,
    /// Its name for people.
    pub title: String,
    /// How near it is.
    pub class: Class,
    /// For a server: whether the browser is to go there, page and all.
    pub navigate: bool,
    /// For a server: what the agreement with it lets out.
    pub bounds: Bounds,
    /// For a server: why the agreement with it denies this.
    pub denied: Option<String>,
    /// For an agent: whether they were asked in a side conversation.
    pub consulted: bool,
}

/// What a chat is told.
#[derive(Debug)]
pub enum Input {
    /// The customer's connection resumes; its token and web origin have been checked.
    Attach {
        /// The connection.
        conn: ConnId,
        /// The epoch that the widget has stored.
        epoch: Epoch,
        /// The highest entry that it has.
        last_seq: Seq,
        /// The page it is on.
        page: Option<Page>,
    },
    /// A customer's connection is gone.
    Detach(ConnId),
    /// The customer says something.
    Customer(ConnId, ClientFrame),
    /// An agent says something; the login has been checked.
    Agent(Arc<str>, ClientFrame),
    /// The customer's browser has loaded the warm transfer page (O4).
    Looked,
    /// Somebody says a document; the card is that of their own upload for this chat, if there is one.
    SayDocument {
        /// Who.
        by: Speaker,
        /// As in `say`.
        id: MessageId,
        /// The document's hash, as it was said.
        sha256: String,
        /// The document.
        card: Option<DocumentCard>,
    },
    /// An agent's console is connected and wants the chat, if it is theirs.
    Show(String),
    /// An agent hands the chat over.
    Transfer {
        /// Login name.
        login: String,
        /// Made by the console.
        transfer: TransferId,
        /// Where to.
        target: Target,
        /// For the next agent.
        comments: String,
        /// What to send.
        share: Share,
    },
    /// Somebody marks the chat as confidential, or takes the mark away.
    Confidential {
        /// Login name.
        login: String,
        /// The name that is shown.
        title: String,
        /// Whether they may do so in any chat.
        supervisor: bool,
        /// Whether it is to be.
        on: bool,
    },
    /// A supervisor does something; the role has been checked.
    Supervise(Supervisor, Supervision),
    /// An agent who was asked takes the chat, or does not.
    Decided(String, TransferId, bool),
    /// A supervisor wants the chat in a queue: its area's, or another's.
    Rescue {
        /// The area's name; none for the chat's own.
        to: Option<String>,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// The customer is being erased. After the answer nothing is stored any more.
    Erase(ReplyTo),
    /// The queue manager's word.
    Queue(queue::Output),
    /// There are too many: the customer goes to another server, if they still wait (D9).
    Redirect(Target),
    /// There are too many: the customer waits in this area instead.
    Overflow(String),
    /// What those who wait are told and offered.
    Notices(Vec<Notice>),
    /// The place in the queue, to be shown.
    Place(u32, Option<WaitRange>),
    /// A peer's answer to a call about this transfer.
    Answer(TransferId, CallResult),
    /// The destination's word about a transfer of ours; its signature has been checked.
    Peer {
        /// The calling server's name.
        peer: String,
        /// The transfer.
        transfer: TransferId,
        /// What it says.
        request: PeerRequest,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// The customer has shown that they were here before.
    Join(Box<Earlier>),
    /// The incoming transfer: what the origin stored late.
    Tail(Vec<PriorEntry>),
    /// The documents among that. Comes before it.
    TailDocuments(Vec<DocumentRef>),
    /// What came of an [`Effect::Fetch`].
    Fetched {
        /// The document.
        sha256: String,
        /// What came of it.
        fetched: Fetched,
    },
    /// The incoming transfer: the customer went back, this chat is void.
    Fence,
    /// A new resume token, since the first may have been lost on the way.
    Renew(ConnId, ResumeToken),
    /// The incoming transfer was restored without the widget's word that the customer is here.
    WhetherAccepted,
    /// The chat has just been found in the store or created: put it back where it belongs.
    Restore,
    /// The queue manager has forgotten everything (Q2): it is told again.
    Restate,
    /// The site says who the customer is; its signature has been checked.
    Identified(Identity),
    /// The customer says how the chat was that is over.
    Surveyed(Survey),
    /// The chat ends from outside: at a set time, after a silence, by the operator's command (M4).
    Close(EndReason),
    /// Time.
    Timer(Timer),
}

/// Who says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The customer, on this connection.
    Customer(ConnId),
    /// An agent, by login name.
    Agent(Arc<str>),
}

/// What a destination asks of the origin.
#[derive(Clone, Debug)]
pub enum PeerRequest {
    /// The customer has arrived: give the chat up.
    Commit(Commit),
    /// The customer has stored the new epoch.
    Settle(Settle),
    /// How the chat fares.
    Progress(ProgressReport),
}

/// A chat.
#[derive(Debug)]
pub struct Chat {
    /// What is stored of it.
    pub record: Record,
    /// Where it came from, as far as policy let it through (A8).
    pub context: Option<Box<Context>>,
    /// The newest ones, or all of them.
    entries: Vec<Arc<Entry>>,
    /// Older entries are in the store alone.
    trimmed: bool,
    /// The ids of all of them.
    said: said::Said,
    conn: Option<ConnId>,
    /// The last place in the queue that the queue manager told.
    place: Option<(u32, Option<WaitRange>)>,
    /// A transfer within this server that waits for the queue manager.
    placing: Option<Box<serve::Placing>>,
    /// When the customer's browser last loaded the warm transfer page (O4).
    looked: Option<Timestamp>,
    /// The login of the agent whom entries are shown to, so that it is not copied for each.
    shown_to: Option<Arc<str>>,
    /// When overload last tried to send the customer on.
    redirected: Option<Timestamp>,
    /// What the customer is told and offered while waiting.
    notices: Vec<Notice>,
    /// A document is being fetched, or waits to be fetched again.
    fetching: bool,
    /// Times in a row that a document could not be had.
    fetches: u32,
    /// Whether its customer has been erased.
    erased: bool,
    /// Supervisors who follow it. A restart forgets them; their consoles ask again.
    watchers: Vec<supervise::Watcher>,
    /// What its customer is typing has been shown so often since then.
    previews: preview::Previews,
}

/// What a new chat begins with.
#[derive(Debug)]
pub struct Beginning {
    /// The area's name.
    pub area: String,
    /// The customer.
    pub customer: Customer,
    /// The page the customer is on.
    pub page: Option<Page>,
    /// The epoch.
    pub epoch: Epoch,
    /// Binds the next WTID to the customer.
    pub challenge: Challenge,
    /// Web origins from which the customer may resume.
    pub origins: Vec<String>,
    /// Whether an agent was promised to the customer (D7): then nobody need be told that they wait.
    pub promised: bool,
    /// Where it came from, if it was transferred.
    pub arrival: Option<(Came, Context)>,
    /// The customer's connection.
    pub conn: ConnId,
}

impl Chat {
    /// A new chat, waiting in its area. The effects register it, store it, welcome the customer and queue them.
    pub fn begin(env: &mut Env<'_>, beginning: Beginning, out: &mut Vec<Effect>) -> ChatId {
        let token = ResumeToken::from_bytes(env.bytes());
        let (came, context) = beginning.arrival.unzip();
        let from = context.as_ref().map(|context: &Context| context.origin.clone());
        let record = Record {
            id: ChatId(env.bytes()),
            area: beginning.area,
            customer: beginning.customer,
            page: beginning.page,
            since: env.now,
            epoch: beginning.epoch,
            token: token.digest(),
            challenge: beginning.challenge,
            origins: beginning.origins,
            priority: context.as_ref().map_or(0, |context| context.priority.min(9)),
            state: State::Waiting { since: env.now, from },
            outgoing: Outgoing::Owned,
            past: Vec::new(),
            came: came.map(Box::new),
            passed: None,
            confidential: false,
            last_agent: None,
            view_from: 1,
            documents: Self::awaited(context.as_ref()),
            pages: Vec::new(),
            outcome: None,
            served: Vec::new(),
            visitor: Visitor::default(),
        };
        let mut chat = Self::load(record, context.map(Box::new), Vec::new());
        let id = chat.record.id;
        chat.conn = Some(beginning.conn);
        chat.visited_page(env.now);
        let mut effects = Vec::new();
        chat.save(&mut effects);
        effects.extend(chat.context.clone().map(|context| Effect::SaveContext(id, context)));
        chat.welcome(env, beginning.conn, Some(token), &mut effects);
        chat.send_late(beginning.conn, &mut effects);
        if !beginning.promised {
            let area = env.settings.area_title(&chat.record.area).unwrap_or(&chat.record.area).to_owned();
            chat.happened(env, Event::Queued { area }, &mut effects);
        }
        chat.enqueue(env, &mut effects);
        if !beginning.promised {
            chat.report(baton_protocol::model::Stage::Queued, &mut effects);
        }
        chat.fetch_next(&mut effects);
        out.push(Effect::Found(Box::new(chat)));
        out.append(&mut effects);
        id
    }

    /// A chat as it was stored. [`Input::Restore`] puts it back to work.
    #[must_use]
    pub fn load(record: Record, context: Option<Box<Context>>, entries: Vec<Arc<Entry>>) -> Self {
        let mut said = said::Said::default();
        entries.iter().for_each(|entry| said.add(&entry.id));
        Self {
            record,
            context,
            entries,
            trimmed: false,
            said,
            conn: None,
            place: None,
            placing: None,
            looked: None,
            shown_to: None,
            redirected: None,
            notices: Vec::new(),
            fetching: false,
            fetches: 0,
            erased: false,
            watchers: Vec::new(),
            previews: preview::Previews::default(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, env: &mut Env<'_>, input: Input, out: &mut Vec<Effect>) {
        if self.erased {
            return self.after_erasure(input, out);
        }
        match input {
            Input::Erase(reply) => self.erase(env, reply, out),
            Input::Attach { conn, epoch, last_seq, page } => {
                self.attach(env, conn, epoch, last_seq, page, out)
            }
            Input::Detach(conn) => self.detach(env, conn, out),
            Input::Renew(conn, token) => self.renew(env, conn, token, out),
            Input::Customer(conn, frame) if self.conn == Some(conn) => self.customer(env, conn, frame, out),
            Input::Customer(..) => {}
            Input::SayDocument { by, id, sha256, card } => self.say_document(env, by, id, &sha256, card, out),
            Input::Agent(login, frame) => self.agent(env, &login, frame, out),
            Input::Looked => self.has_looked(env, out),
            Input::Show(login) => {
                self.show_question(env, &login, out);
                self.show(&login, out);
            }
            Input::Transfer { login, transfer, target, comments, share } => {
                self.transfer(env, &login, transfer, target, comments, share, out);
            }
            Input::Confidential { login, title, supervisor, on } => {
                self.set_confidential(env, (&login, title), supervisor, on, out);
            }
            Input::Supervise(who, what) => self.supervise(env, who, what, out),
            Input::Decided(login, transfer, accept) => self.decided(env, &login, transfer, accept, out),
            Input::Rescue { to, reply } => self.rescue(env, to, reply, out),
            Input::Queue(output) => self.queued(env, output, out),
            Input::Redirect(target) => self.redirect(env, target, out),
            Input::Overflow(area) => self.overflow(env, area, out),
            Input::Notices(notices) => self.notices(notices, out),
            Input::Place(rank, wait) => {
                self.place = Some((rank, wait));
                self.tell_place(out);
            }
            Input::Answer(transfer, result) => self.answered(env, transfer, result, out),
            Input::Peer { peer, transfer, request, reply } => {
                let answer = self.asked(env, &peer, transfer, &request, out);
                out.push(Effect::Reply(reply, Box::new(answer)));
            }
            Input::Join(earlier) => self.join_earlier(*earlier, out),
            Input::Tail(tail) => self.merge_tail(env, tail, out),
            Input::TailDocuments(documents) => self.expect_documents(documents, out),
            Input::Fetched { sha256, fetched } => self.fetched(env, &sha256, fetched, out),
            Input::Fence => self.fence(env, out),
            Input::WhetherAccepted => self.whether_accepted(out),
            Input::Restore => self.restore(env, out),
            Input::Restate => self.restore_place(env, out),
            Input::Identified(identity) => self.identified(env, identity, out),
            Input::Surveyed(survey) => self.surveyed(env, survey, out),
            Input::Close(reason) => self.end(env, reason, out),
            Input::Timer(timer) => self.timer(env, timer, out),
        }
    }

    /// Whether there is nothing left to do for it: it can be forgotten until somebody asks for it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let over = matches!(self.record.state, State::Ended(_))
            && matches!(self.record.outgoing, Outgoing::Owned | Outgoing::Settled(_));
        let let_go = matches!(self.record.state, State::Waiting { .. })
            && matches!(self.record.outgoing, Outgoing::Released(_));
        self.conn.is_none() && (over || let_go || matches!(self.record.outgoing, Outgoing::Settled(_)))
    }

    /// As of its [record](Record::is_open).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.record.is_open()
    }

    /// As of its [record](Record::is_needed), unless its customer was erased.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        !self.erased && self.record.is_needed()
    }

    /// What was said and what happened, the oldest first, as far as it [is in memory](Self::is_whole).
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The customer's connection, if there is one.
    #[must_use]
    pub fn conn(&self) -> Option<ConnId> {
        self.conn
    }

    /// The agent who serves it, by login name.
    #[must_use]
    pub fn agent_login(&self) -> Option<&str> {
        match &self.record.state {
            State::Active { login, .. } if !self.is_led() => Some(login),
            _ => None,
        }
    }

    /// Servers visited, this one included.
    #[must_use]
    pub fn visited(&self, env: &Env<'_>) -> Vec<String> {
        let mut visited = self.context.as_ref().map(|context| context.visited.clone()).unwrap_or_default();
        visited.push(env.settings.server.clone());
        visited
    }

    fn last_seq(&self) -> Seq {
        self.entries.last().map_or(0, |entry| entry.seq)
    }

    /// Its state as its customer may know it.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if !self.record.outgoing.serves() {
            return Phase::Moved;
        }
        match &self.record.state {
            State::Waiting { .. } => Phase::Waiting,
            State::Active { .. } if self.is_led() => Phase::Waiting,
            State::Active { title, .. } => Phase::Active { agent: title.clone() },
            State::Ended(reason) => Phase::Ended(reason.clone()),
        }
    }

    /// The chat as its agent sees it.
    #[must_use]
    pub fn card(&self) -> ChatCard {
        let state = match (&self.record.outgoing, &self.record.state) {
            (Outgoing::Settled(settled), _) => ChatState::Transferred { to: settled.attempt.title.clone() },
            (_, State::Ended(reason)) => ChatState::Ended(reason.clone()),
            (outgoing, _) => match (outgoing.attempt(), outgoing.stage()) {
                (Some(attempt), Some(stage)) => ChatState::Transferring { transfer: attempt.transfer, stage },
                _ => ChatState::Active,
            },
        };
        ChatCard {
            chat: self.record.id,
            area: self.record.area.clone(),
            customer: self.known_customer().clone(),
            page: self.record.page.clone(),
            online: self.conn.is_some(),
            state,
            since: self.record.since,
        }
    }

    /// What shows its agent that it is theirs no more.
    fn gone_card(&self, to: String) -> ServerFrame {
        ServerFrame::CardChanged { card: ChatCard { state: ChatState::Transferred { to }, ..self.card() } }
    }

    fn save(&self, out: &mut Vec<Effect>) {
        out.push(Effect::Save(Box::new(self.record.clone())));
    }

    fn to_customer(&self, frame: ServerFrame, out: &mut Vec<Effect>) {
        out.extend(self.conn.map(|conn| Effect::ToCustomer(conn, Box::new(frame))));
    }

    fn to_agent(&self, frame: ServerFrame, out: &mut Vec<Effect>) {
        out.extend(self.agent_login().map(|login| Effect::ToAgent(login.into(), Box::new(frame))));
    }

    /// To its agent, and to whoever follows it.
    fn to_readers(&self, frame: ServerFrame, out: &mut Vec<Effect>) {
        out.extend(
            self.watchers.iter().map(|one| Effect::ToAgent(one.who.login.clone(), Box::new(frame.clone()))),
        );
        self.to_agent(frame, out);
    }

    fn tell_place(&self, out: &mut Vec<Effect>) {
        if let (State::Waiting { .. }, Some((rank, wait))) = (&self.record.state, self.place.clone()) {
            self.to_customer(ServerFrame::Place { rank, wait }, out);
        }
    }

    fn card_changed(&self, out: &mut Vec<Effect>) {
        self.to_readers(ServerFrame::CardChanged { card: self.card() }, out);
    }

    fn refuse_agent(&self, login: &str, code: ErrorCode, about: About, out: &mut Vec<Effect>) {
        let frame = ServerFrame::Refused { code, detail: code.to_string(), about };
        out.push(Effect::ToAgent(login.into(), Box::new(frame)));
    }

    /// Stores an entry and shows it to everybody who may see it. `said` is whose message it is: they are answered, and
    /// a customer is not shown their own words, since the answer says all about them that is new.
    fn append(
        &mut self,
        env: &mut Env<'_>,
        id: MessageId,
        author: Author,
        body: Body,
        said: Option<Speaker>,
        out: &mut Vec<Effect>,
    ) {
        let seq = self.last_seq() + 1;
        let entry = Arc::new(Entry { seq, at: env.now, id, author, body });
        self.said.add(&id);
        self.entries.push(entry.clone());
        let own = matches!(said, Some(Speaker::Customer(_)));
        let customer = self.conn.filter(|_| entry.body.is_public() && !own);
        let (chat, agent) = (self.record.id, self.shown_to());
        let entered = Entered { chat, entry, customer, agent, said };
        let shown = |watcher: &supervise::Watcher| {
            Effect::ToAgent(watcher.who.login.clone(), Box::new(entered.shown()))
        };
        let followers: Vec<Effect> = self.watchers.iter().map(shown).collect();
        out.push(Effect::Append(entered));
        out.extend(followers);
        self.trim();
    }

    fn shown_to(&mut self) -> Option<Arc<str>> {
        let login = self.agent_login();
        if self.shown_to.as_deref() != login {
            self.shown_to = login.map(Arc::from);
        }
        self.shown_to.clone()
    }

    fn happened(&mut self, env: &mut Env<'_>, event: Event, out: &mut Vec<Effect>) {
        let id = MessageId(env.bytes());
        self.append(env, id, Author::System, Body::Event(event), None, out);
    }

    fn timer(&mut self, env: &mut Env<'_>, timer: Timer, out: &mut Vec<Effect>) {
        match timer {
            Timer::Away => self.away(env, out),
            Timer::Ask => self.not_decided(env, out),
            Timer::Fetch => self.fetch_again(out),
            Timer::Prepare | Timer::Offer | Timer::Retry | Timer::Linger => {
                self.transfer_timer(env, timer, out)
            }
        }
    }

    fn restore(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        self.restore_place(env, out);
        self.restore_transfer(env, out);
        self.fetch_next(out);
        if self.is_open() {
            self.expect_back(env, out);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
