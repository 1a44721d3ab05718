//! The erasure of a customer (threat 22): everything of theirs on this server, and the word to every server that they
//! came from or went to, until each has given its receipt.
//!
//! | [`Link`] is | on | next |
//! |---|---|---|
//! | [`LinkState::AskedUs`] | somebody else asks us as well | `Due` |
//! | [`LinkState::Due`] | a receipt / a word that is final / no answer | `Told` / `Unsupported`, `Refused` / stays, asked again |
//! | [`LinkState::Told`], pending | a receipt | `Told` |
//! | [`LinkState::Told`], not pending | | |
//! | [`LinkState::Unsupported`], [`LinkState::Refused`] | the operator asks again | `Due` |
//!
//! **Contract.** A [`Plan`] finds what is to be erased and whom to tell, before anything is gone. [`Erasure::begin`] stores
//! that, and with it the tombstones; then the driver has every chat and incoming transfer stop
//! ([`session::Input::Erase`], [`destination::Input::Erase`]), removes what is stored, and says so
//! ([`Input::Wiped`]); only then others are told and answered. After a restart, what was not wiped is wiped again.
//!
//! Who came by whom is a tree: a chat came by one transfer at most, and each transfer has one origin. A server tells all
//! its neighbours in that tree but the one that asked, and what it answers to that one does not depend on it; so the word
//! reaches everybody from wherever it starts, and nobody waits in a circle.
//!
//! The record is the tombstone and is kept for ever. Nothing in it is about a person: ids, servers, numbers, times.

use std::collections::VecDeque;

use baton_protocol::federation::{Account, Denial, Erase, Erased, Hop, HopState};
use baton_protocol::{ChatId, ErasureId, ErrorCode, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Step};
use crate::effect::{Answer, Call, CallError, CallRequest, CallResult, Effect, Env, ReplyTo, Timer};
use crate::session;
use crate::transfer::destination;
use crate::transfer::origin::{Attempt, Offered, Outgoing, Permitted, Reclaimed, Released, Settled};

/// Milliseconds before a server that did not answer is asked again, at first; it doubles each time.
pub const RETRY_FIRST: u64 = 1_000;

/// The most that it grows to. Ten minutes: a server that was down for a night is asked soon after it is up.
pub const RETRY_MOST: u64 = 600_000;

/// Milliseconds after which nobody is asked any more by itself. 30 days: a controller has a month to answer a person
/// (GDPR, article 12), so the operator has to know by then.
pub const LIFE: u64 = 30 * 24 * 60 * 60 * 1_000;

/// Receipts of further servers that are passed on and kept, at most. A chat visits no more servers than
/// [`MAX_HOPS`](baton_protocol::limits::MAX_HOPS); the rest are attempts that came to nothing.
pub const MAX_FURTHER: usize = 64;

/// Something of a customer's that is stored here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A chat with all that belongs to it.
    Chat(ChatId),
    /// An incoming transfer, by its origin's server name and its id.
    Incoming(String, TransferId),
}

/// A transfer between this server and another by which the customer came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The other server.
    pub peer: String,
    /// The transfer.
    pub transfer: TransferId,
    /// What it knows.
    pub state: LinkState,
}

/// What the server at the other end of a link knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It is the one that asked us.
    AskedUs,
    /// It is to be asked.
    Due,
    /// It has given its receipt.
    Told(Box<Confirmed>),
    /// It does not know the call.
    Unsupported,
    /// It refuses, or is not a peer any more.
    Refused(ErrorCode),
}

/// What another server has done, its signature checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// What it says.
    pub account: Account,
    /// Its receipt.
    pub receipt: String,
    /// SHA-256 of that, base64url.
    pub digest: String,
    /// The receipts that it passed on.
    pub further: Vec<String>,
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The erasure.
    pub id: ErasureId,
    /// When it was asked for, last.
    pub since: Timestamp,
    /// What is erased.
    pub things: Vec<Thing>,
    /// Who else has something.
    pub links: Vec<Link>,
    /// When everything here was gone, and how much that was.
    pub done: Option<(Timestamp, Erased)>,
    /// Whether nobody is asked any more, though somebody has not answered.
    pub lapsed: bool,
}

impl Record {
    /// Whether there is something left to be done by itself.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.done.is_none() || (!self.lapsed && self.links.iter().any(Link::is_open))
    }
}

/// What an erasure is told.
#[derive(Debug)]
pub enum Input {
    /// Everything here is gone, durably.
    Wiped(Erased),
    /// A peer asks for it.
    Asked {
        /// Its server name.
        peer: String,
        /// The transfer between it and us.
        transfer: TransferId,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// A peer's answer.
    Answer {
        /// Its server name.
        peer: String,
        /// The transfer between it and us.
        transfer: TransferId,
        /// The answer.
        result: CallResult,
    },
    /// The operator wants everybody asked again who has given no receipt.
    Again,
    /// After a restart. What was not wiped, the driver wipes.
    Restore,
    /// Time.
    Timer(Timer),
}

/// An erasure.
#[derive(Debug)]
pub struct Erasure {
    /// What is stored of it.
    pub record: Record,
    /// Links whose answer is being waited for.
    calling: Vec<(String, TransferId)>,
    /// Peers who wait for our answer until everything is gone.
    asking: Vec<(String, TransferId, ReplyTo)>,
    tries: u32,
}

/// What an erasure is going to be about, found step by step: the driver looks up what [`Plan::look_up`] names, and tells what
/// it has found.
#[derive(Debug)]
pub struct Plan {
    own: String,
    things: Vec<Thing>,
    links: Vec<(String, TransferId)>,
    todo: VecDeque<Search>,
}

/// What the driver is to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// This chat.
    Chat(ChatId),
    /// This incoming transfer, and the chat that came by it.
    CameBy(String, TransferId),
    /// The chat that has gone, or was to go, to that server by this transfer.
    WentBy(String, TransferId),
}

impl Plan {
    /// Nothing yet. `own` is this server's name.
    #[must_use]
    pub fn new(own: &str) -> Self {
        Self { own: own.into(), things: Vec::new(), links: Vec::new(), todo: VecDeque::new() }
    }

    /// Begins with a chat.
    pub fn chat(&mut self, chat: ChatId) {
        self.todo.push_back(Search::Chat(chat));
    }

    /// Begins with an incoming transfer.
    pub fn incoming(&mut self, peer: &str, transfer: TransferId) {
        self.todo.push_back(Search::CameBy(peer.into(), transfer));
    }

    /// Begins with what a peer may ask for: what came from it by this transfer, or went to it.
    pub fn between(&mut self, peer: &str, transfer: TransferId) {
        // Also where there is nothing: what is late is not taken any more.
        self.joins(peer, transfer);
        self.incoming(peer, transfer);
        self.todo.push_back(Search::WentBy(peer.into(), transfer));
    }

    /// What to look up next.
    pub fn look_up(&mut self) -> Option<Search> {
        self.todo.pop_front()
    }

    /// A chat was found, and the transfers by which something of it was sent, as far as the audit knows.
    pub fn found_chat(&mut self, chat: &session::Record, sent: &[(String, TransferId)]) {
        if !self.takes(Thing::Chat(chat.id)) {
            return;
        }
        if let Some(came) = &chat.came {
            self.joins(&came.peer, came.transfer);
            self.incoming(&came.peer, came.transfer);
        }
        let posted = chat.past.iter().filter(|past| past.posted.is_some()).map(|past| &*past.attempt);
        let attempts = posted.chain(sent_of(&chat.outgoing));
        let attempts = attempts.map(|attempt| (attempt.peer.clone(), attempt.transfer));
        for (peer, transfer) in attempts.chain(sent.iter().cloned()) {
            self.joins(&peer, transfer);
            if peer == self.own {
                self.todo.push_back(Search::CameBy(peer, transfer));
            }
        }
    }

    /// An incoming transfer was found.
    pub fn found_incoming(&mut self, incoming: &destination::Record) {
        if !self.takes(Thing::Incoming(incoming.peer.clone(), incoming.transfer)) {
            return;
        }
        self.joins(&incoming.peer, incoming.transfer);
        if incoming.peer == self.own {
            self.todo.push_back(Search::WentBy(incoming.peer.clone(), incoming.transfer));
        }
        use destination::State::{Active, Settled};
        if let Active { chat, .. } | Settled(chat) = &incoming.state {
            self.todo.push_back(Search::Chat(*chat));
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn things(&self) -> &[Thing] {
        &self.things
    }

    /// The other servers that were found so far, and the transfers between them and this one.
    #[must_use]
    pub fn links(&self) -> &[(String, TransferId)] {
        &self.links
    }

    /// Whether it is new.
    fn takes(&mut self, thing: Thing) -> bool {
        let new = !self.things.contains(&thing);
        if new {
            self.things.push(thing);
        }
        new
    }

    /// A step within this server (D6) leads to more of its own, and to nobody else.
    fn joins(&mut self, peer: &str, transfer: TransferId) {
        let link = (peer.to_owned(), transfer);
        if peer != self.own && !self.links.contains(&link) {
            self.links.push(link);
        }
    }
}

/// The attempt by which something may have been sent already.
fn sent_of(outgoing: &Outgoing) -> Option<&Attempt> {
    match outgoing {
        Outgoing::Owned | Outgoing::Requested(_) => None,
        Outgoing::Permitted(Permitted { attempt, .. })
        | Outgoing::Offered(Offered { attempt, .. })
        | Outgoing::Released(Released { attempt, .. })
        | Outgoing::Reclaimed(Reclaimed { attempt, .. })
        | Outgoing::Settled(Settled { attempt, .. }) => Some(attempt),
    }
}

impl Erasure {
    /// Stores what is going to be erased; `asked` is the link by which a peer asks, nothing for an operator. From now on
    /// nothing of it is taken in any more.
    pub fn begin(
        env: &mut Env<'_>,
        plan: Plan,
        asked: Option<(&str, TransferId)>,
        out: &mut Vec<Effect>,
    ) -> Self {
        let link = |(peer, transfer): (String, TransferId)| {
            let asks = asked == Some((peer.as_str(), transfer));
            let state = if asks { LinkState::AskedUs } else { LinkState::Due };
            Link { peer, transfer, state }
        };
        let record = Record {
            id: ErasureId(env.bytes()),
            since: env.now,
            things: plan.things,
            links: plan.links.into_iter().map(link).collect(),
            done: None,
            lapsed: false,
        };
        let erasure = Self::load(record);
        erasure.save(out);
        erasure
    }

    /// As it was stored. [`Input::Restore`] puts it back to work.
    #[must_use]
    pub fn load(record: Record) -> Self {
        Self { record, calling: Vec::new(), asking: Vec::new(), tries: 0 }
    }

    /// As of its [record](Record::is_open).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.record.is_open()
    }

    /// Takes one input.
    pub fn handle(&mut self, env: &mut Env<'_>, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Wiped(erased) => self.wiped(env, erased, out),
            Input::Asked { peer, transfer, reply } => self.asked(env, peer, transfer, reply, out),
            Input::Answer { peer, transfer, result } => self.answered(env, (peer, transfer), result, out),
            Input::Again => self.again(env, out),
            Input::Restore => self.call_all(env, out),
            Input::Timer(Timer::Retry) => self.call_all(env, out),
            Input::Timer(_) => {}
        }
    }

    fn save(&self, out: &mut Vec<Effect>) {
        out.push(Effect::SaveErasure(Box::new(self.record.clone())));
    }

    fn audit(&self, env: &Env<'_>, link: Option<(&str, TransferId)>, step: Step, out: &mut Vec<Effect>) {
        let chat = self.record.things.iter().find_map(|thing| match thing {
            Thing::Chat(chat) => Some(*chat),
            Thing::Incoming(..) => None,
        });
        let (peer, transfer) = link.map(|(peer, transfer)| (peer.to_owned(), transfer)).unzip();
        let (at, agent) = (env.now, String::new());
        let to = peer.clone().unwrap_or_default();
        out.push(Effect::Audit(Box::new(audit::Record { at, chat, transfer, agent, peer, to, step })));
    }

    fn wiped(&mut self, env: &mut Env<'_>, erased: Erased, out: &mut Vec<Effect>) {
        // Wiped again after a restart: the first time counted what there was.
        if self.record.done.is_none() {
            self.record.done = Some((env.now, erased));
            self.save(out);
            let asked = self.record.links.iter().find(|link| link.state == LinkState::AskedUs);
            let asked = asked.map(|link| (link.peer.clone(), link.transfer));
            let by = asked.as_ref().map(|(peer, transfer)| (peer.as_str(), *transfer));
            self.audit(env, by, Step::Erased(erased), out);
        }
        for (peer, transfer, reply) in std::mem::take(&mut self.asking) {
            self.reply(&peer, transfer, reply, out);
        }
        self.call_all(env, out);
    }

    fn asked(
        &mut self,
        env: &mut Env<'_>,
        peer: String,
        transfer: TransferId,
        reply: ReplyTo,
        out: &mut Vec<Effect>,
    ) {
        // Whoever asked before is somebody else's neighbour now, and owes us a receipt for that one.
        let mut changed = false;
        for link in &mut self.record.links {
            if link.state == LinkState::AskedUs && !link.is(&peer, transfer) {
                link.state = LinkState::Due;
                changed = true;
            }
        }
        if changed {
            self.record.lapsed = false;
            self.save(out);
        }
        if self.record.done.is_none() {
            self.asking.push((peer, transfer, reply));
            return;
        }
        self.reply(&peer, transfer, reply, out);
        if changed {
            self.call_all(env, out);
        }
    }

    fn reply(&self, peer: &str, transfer: TransferId, reply: ReplyTo, out: &mut Vec<Effect>) {
        let answer = match self.account(peer, transfer) {
            Some((account, further)) => {
                // Signed, and so given its receipt, by the driver.
                let (receipt, digest) = (String::new(), String::new());
                Ok(Answer::Erased(Box::new(Confirmed { account, receipt, digest, further })))
            }
            None => Err(Denial {
                code: ErrorCode::Internal,
                detail: ErrorCode::Internal.to_string(),
                retry_after: None,
            }),
        };
        out.push(Effect::Reply(reply, Box::new(answer)));
    }

    /// What this server tells that neighbour, and the others' receipts; nothing before everything here is gone.
    #[must_use]
    pub fn account(&self, peer: &str, transfer: TransferId) -> Option<(Account, Vec<String>)> {
        let (at, erased) = self.record.done?;
        let others: Vec<&Link> = self.record.links.iter().filter(|link| !link.is(peer, transfer)).collect();
        let receipts = others.iter().flat_map(|link| link.receipts()).take(MAX_FURTHER).cloned().collect();
        let hops = others.iter().map(|link| link.hop()).collect();
        let pending = !self.record.lapsed && others.iter().any(|link| link.is_open());
        Some((Account { transfer, at, erased, hops, pending }, receipts))
    }

    /// Asks everybody who has not answered for good and is not being asked.
    fn call_all(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        if self.record.done.is_none() || !self.is_open() {
            return;
        }
        if env.now.since(self.record.since) > LIFE {
            self.record.lapsed = true;
            return self.save(out);
        }
        for link in self.record.links.iter().filter(|link| link.is_open()) {
            let name = (link.peer.clone(), link.transfer);
            if !self.calling.contains(&name) {
                self.calling.push(name);
                let (peer, transfer, request) =
                    (link.peer.clone(), link.transfer, CallRequest::Erase(Erase {}));
                out.push(Effect::Call(Box::new(Call { peer, transfer, request })));
            }
        }
        out.push(Effect::SetTimer(Timer::Retry, self.wait(env)));
        self.tries = self.tries.saturating_add(1);
    }

    /// Up to half of it is left to chance, so that a server that comes back is not asked by everybody at once.
    fn wait(&self, env: &mut Env<'_>) -> u64 {
        let whole = (RETRY_FIRST << self.tries.min(16)).min(RETRY_MOST);
        let [chance] = env.bytes();
        whole / 2 + whole / 2 * u64::from(chance) / 255
    }

    fn answered(
        &mut self,
        env: &mut Env<'_>,
        name: (String, TransferId),
        result: CallResult,
        out: &mut Vec<Effect>,
    ) {
        self.calling.retain(|calling| *calling != name);
        let (peer, transfer) = name;
        let Some(link) = self.record.links.iter_mut().find(|link| link.is(&peer, transfer)) else { return };
        let state = match result {
            Ok(Answer::Erased(mut confirmed)) if confirmed.account.transfer == transfer => {
                confirmed.further.truncate(MAX_FURTHER);
                LinkState::Told(confirmed)
            }
            // Not an answer to what was asked, or none at all: once more, later.
            Ok(_) => return,
            Err(CallError::NoSuchCall) => LinkState::Unsupported,
            // A server that answers this to every address that it does not know. One that knows the call gives a receipt
            // for nothing.
            Err(CallError::Denied(denial)) if denial.code == ErrorCode::UnknownChat => LinkState::Unsupported,
            Err(error) if error.is_final() => LinkState::Refused(error.code()),
            Err(_) => return,
        };
        if !link.is_open() || link.state == state {
            return;
        }
        let was_told = matches!(link.state, LinkState::Told(_));
        let step = match &state {
            LinkState::Refused(code) => Step::Unconfirmed { code: *code },
            LinkState::Unsupported => Step::Unconfirmed { code: ErrorCode::UnknownChat },
            _ => Step::Confirmed,
        };
        // A receipt that is there is worth more than a later refusal to give another.
        if was_told && !matches!(state, LinkState::Told(_)) {
            return;
        }
        link.state = state;
        let progressed = !link.is_open();
        self.save(out);
        if !was_told {
            self.audit(env, Some((&peer, transfer)), step, out);
        }
        if progressed {
            self.tries = 0;
        }
        if !self.is_open() {
            out.push(Effect::ClearTimer(Timer::Retry));
        }
    }

    fn again(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        for link in &mut self.record.links {
            if matches!(link.state, LinkState::Unsupported | LinkState::Refused(_)) {
                link.state = LinkState::Due;
            }
        }
        self.record.lapsed = false;
        self.record.since = env.now;
        self.tries = 0;
        self.save(out);
        self.call_all(env, out);
    }
}

impl Link {
    fn is(&self, peer: &str, transfer: TransferId) -> bool {
        self.peer == peer && self.transfer == transfer
    }

    /// Whether something is still to be heard from there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.state {
            LinkState::Due => true,
            LinkState::Told(confirmed) => confirmed.account.pending,
            LinkState::AskedUs | LinkState::Unsupported | LinkState::Refused(_) => false,
        }
    }

    fn receipts(&self) -> impl Iterator<Item = &String> {
        let confirmed = match &self.state {
            LinkState::Told(confirmed) => Some(confirmed),
            _ => None,
        };
        confirmed
            .into_iter()
            .flat_map(|confirmed| std::iter::once(&confirmed.receipt).chain(&confirmed.further))
    }

    fn hop(&self) -> Hop {
        let receipt = match &self.state {
            LinkState::Told(confirmed) => Some(confirmed.digest.clone()),
            _ => None,
        };
        let state = match &self.state {
            LinkState::Told(_) => HopState::Erased,
            LinkState::Due | LinkState::AskedUs => HopState::Pending,
            LinkState::Unsupported => HopState::Unsupported,
            LinkState::Refused(_) => HopState::Refused,
        };
        Hop { server: self.peer.clone(), transfer: self.transfer, state, receipt }
    }
}

#[cfg(test)]
mod tests;
