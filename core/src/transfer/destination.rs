//! The destination's side of a hand-over (D3, D5).
//!
//! | state | serves | on | next | within | what it asks for |
//! |---|---|---|---|---|---|
//! | [`State::Posted`] | no | a place is found / there is none, too late | `Reserved` / stays, or `Rejected` | `keep` | the answer to the post |
//! | [`State::Reserved`] | no | claim / adopting claim / cancel, too late | `Claimed` / `Active` / `Rejected` | `offer` | commit at the origin / the chat / word of the failure |
//! | [`State::Claimed`] | no | released / adopting claim / refused, cancel, too late | `Active` / `Active` / `Rejected` | the rest of `offer`, and a minute | the chat, its welcome / the same / the door |
//! | [`State::Active`] | yes | accepted and the tail here / reclaimed | `Settled` / `Fenced` | without end: settle, and commit where the tail is due, from `retry_first` doubling to `retry_most` | word of the progress / the chat's end |
//! | [`State::Settled`] | yes | reclaimed | `Fenced` | without end | the chat's end |
//! | [`State::Rejected`], [`State::Fenced`] | no | | | | |
//!
//! The time limits are [`Times`](crate::effect::Times).
//!
//! What the chat must store before this does (a late tail, its own end) it is asked for first: this machine goes on
//! with [`Input::Merged`] or [`Input::Fenced`], so that a restart in between asks again.
//!
//! `Posted` is where the information waits while the queue manager looks for a place, while an agent is asked
//! whether they take the chat, and, where the area keeps it, for another try (D7). It is stored only if it has to
//! wait: until then the origin has no answer and posts again.
//!
//! The chat comes to be when the origin has released it, in the same stored step that makes this `Active`. The
//! WTID is honoured for the holder of the verifier alone; repeated by the same holder before the widget has
//! accepted, it leads to the same session; afterwards it is burnt.

use baton_protocol::federation::{
    Cancel, CancelAnswer, Commit, Denial, ProgressReport, Release, Reservation, Settle, TransferRequest,
};
use baton_protocol::frames::About;
use baton_protocol::model::{Context, Customer, Page, Stage};
use baton_protocol::{
    Challenge, ChatId, CloseCode, Epoch, ErrorCode, ResumeToken, SecretDigest, ServerFrame, Timestamp,
    TransferId, Verifier,
};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Left, Step};
use crate::effect::{Answer, Call, CallError, CallRequest, CallResult, ConnId, Effect, Env, ReplyTo, Timer};
use crate::queue;
use crate::session::{self, Beginning, Came, Chat, said_late};

/// Milliseconds beyond its life for which a reservation with a customer at the door is kept.
const AT_THE_DOOR: u64 = 60_000;

/// The durable part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The origin's server name.
    pub peer: String,
    /// The transfer.
    pub transfer: TransferId,
    /// Digest of the WTID.
    pub wtid: SecretDigest,
    /// Binds the WTID to the customer.
    pub challenge: Challenge,
    /// The area that the customer is going to wait in.
    pub area: String,
    /// The epoch that the origin serves.
    pub epoch: Epoch,
    /// Web origins that the customer may come from, beside our own.
    pub origins: Vec<String>,
    /// Digest of the customer's own part of our address, where WTID and address must fit each other (D4).
    #[serde(default)]
    pub at: Option<SecretDigest>,
    /// The agent who is promised to the customer, by login name (D7).
    #[serde(default)]
    pub agent: Option<String>,
    /// When the reservation, or what was posted, lapses.
    pub expires: Timestamp,
    /// Warm transfer information.
    pub context: Context,
    /// Whether it must not go on to a third company.
    #[serde(default)]
    pub confined: bool,
    /// How often overload has sent the customer on (D9).
    #[serde(default)]
    pub redirects: u8,
    /// How far it is.
    pub state: State,
}

/// How far an incoming transfer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// There is no place for the customer yet.
    Posted,
    /// Waits for the customer.
    Reserved,
    /// The customer is here, the origin has not released the chat yet.
    Claimed(Arrival),
    /// The chat is here.
    Active {
        /// The chat.
        chat: ChatId,
        /// Taken over without the origin's word; its late entries are still to come.
        provisional: bool,
        /// The widget has stored our epoch.
        accepted: bool,
    },
    /// The origin knows.
    Settled(ChatId),
    /// Lapsed, cancelled or refused.
    Rejected,
    /// The customer went back.
    Fenced,
}

/// What the customer brought along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Binds the next WTID.
    pub challenge: Challenge,
    /// The page.
    pub page: Option<Page>,
    /// The client's description.
    pub client_type: String,
    /// The web origin it came from, if it is a browser.
    pub web_origin: Option<String>,
}

/// A claim, its WTID found.
#[derive(Debug)]
pub struct Claim {
    /// The connection.
    pub conn: ConnId,
    /// The proof.
    pub verifier: Verifier,
    /// The epoch that the widget has stored.
    pub epoch: Epoch,
    /// The widget has frozen an origin that cannot be reached.
    pub adopt: bool,
    /// Whether the web origin is one of this server's own sites.
    pub own_site: bool,
    /// The customer's own part of the address that the connection came to, if it had one.
    pub at: Option<SecretDigest>,
    /// What it brought along.
    pub arrival: Arrival,
}

/// What an incoming transfer is told.
#[derive(Debug)]
pub enum Input {
    /// The queue manager's answer: a place, with an agent or without one, or why there is none and after how many
    /// seconds to ask again.
    Place(Result<Option<queue::Profile>, (ErrorCode, u32)>),
    /// An agent's console is connected and wants the question, if there is one.
    Show(String),
    /// An agent who was asked takes the chat, or does not.
    Decided(String, bool),
    /// The origin asks for the reservation again, or for the first time once more (D7).
    Again(Reservation, ReplyTo),
    /// A customer presents the WTID.
    Claim(Claim),
    /// The customer's connection is gone.
    Detach(ConnId),
    /// The widget has stored the welcome.
    Accepted,
    /// The origin's answer to a call.
    Answer(CallResult),
    /// The origin takes it back.
    Cancel(Cancel, ReplyTo),
    /// The customer is being erased. After the answer nothing is stored any more.
    Erase(ReplyTo),
    /// The chat has stored the origin's late entries.
    Merged,
    /// The chat has stored that it is void.
    Fenced,
    /// After a restart.
    Restore,
    /// The queue manager has forgotten everything (Q2): it is told again.
    Restate,
    /// Time.
    Timer(Timer),
}

/// An incoming transfer.
#[derive(Debug)]
pub struct Incoming {
    /// What is stored of it.
    pub record: Record,
    conn: Option<ConnId>,
    calling: Calling,
    tries: u32,
    /// The origin's cancel that waits for the chat to be void.
    cancelling: Option<ReplyTo>,
    placing: Placing,
    erased: bool,
}

/// The search for a place, as far as this process's life knows of it. After a restart the origin asks again.
#[derive(Debug, Default)]
struct Placing {
    /// What the origin gets when there is one, and where.
    wanted: Option<Reservation>,
    reply: Option<ReplyTo>,
    /// The agent who was asked in a side conversation.
    consulted: Option<String>,
    /// The agent who is being asked.
    asked: Option<String>,
    /// Agents who did not take it.
    declined: Vec<String>,
    /// What the origin reads when it asks next.
    refusal: Option<Denial>,
}

/// What is posted, its checks (code, area, staffing) made.
#[derive(Debug)]
pub struct Posting {
    /// The origin's server name.
    pub peer: String,
    /// The area.
    pub area: String,
    /// What it posts.
    pub request: TransferRequest,
    /// What it gets if there is a place.
    pub reservation: Reservation,
    /// What the customer is found by: digest of the WTID, or of the customer's own part of the address (D4).
    pub key: SecretDigest,
    /// The customer's own part of the address, where it has to fit the WTID (D4).
    pub at: Option<SecretDigest>,
    /// For a second step within this server (D6): the agent, and the chat that the customer waits in.
    pub lead: Option<(String, ChatId)>,
    /// The agent who was asked in a side conversation: the customer goes to them.
    pub consulted: Option<String>,
    /// Where the answer goes.
    pub reply: ReplyTo,
}

/// The call to the origin that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calling {
    /// None.
    No,
    /// None yet: it is going to be repeated.
    Waits,
    /// A commit that only an offer that still stands permits.
    Commit,
    /// A commit that takes over.
    Adopt,
    /// The last one.
    Settle,
}

impl Record {
    /// Whether there is something left to be done by itself.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Rejected | State::Fenced | State::Settled(_))
    }
}

impl Incoming {
    /// Somebody wants to hand a customer over: looks for a place.
    pub fn post(env: &Env<'_>, posting: Posting, out: &mut Vec<Effect>) -> Self {
        let Posting { peer, area, request, reservation, key, at, lead, consulted, reply } = posting;
        let record = Record {
            peer,
            transfer: request.transfer,
            wtid: key,
            challenge: request.challenge,
            area,
            epoch: request.epoch,
            origins: request.origins,
            at,
            agent: None,
            expires: env.now.plus(env.settings.times.keep),
            context: request.context,
            confined: request.confined,
            redirects: request.redirects,
            state: State::Posted,
        };
        let mut incoming = Self::load(record);
        incoming.audit(env, None, Step::Received(Left::of(&incoming.record.context)), out);
        incoming.placing.wanted = Some(reservation);
        incoming.placing.reply = Some(reply);
        incoming.placing.consulted = consulted;
        match lead {
            Some((login, chat)) => incoming.reserve(env, queue::Wanted::InsteadOf(login, chat), out),
            None => incoming.look_for_place(env, out),
        }
        incoming
    }

    /// As it was stored. [`Input::Restore`] puts it back to work.
    #[must_use]
    pub fn load(record: Record) -> Self {
        Self {
            record,
            conn: None,
            calling: Calling::No,
            tries: 0,
            cancelling: None,
            placing: Placing::default(),
            erased: false,
        }
    }

    /// Whether nothing more can happen.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.record.state, State::Rejected | State::Fenced)
    }

    /// Whether a customer is still to come, or at the door.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        matches!(self.record.state, State::Posted | State::Reserved | State::Claimed(_))
    }

    /// As of its [record](Record::is_open).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.record.is_open()
    }

    /// Takes one input.
    pub fn handle(&mut self, env: &mut Env<'_>, input: Input, out: &mut Vec<Effect>) {
        if self.erased {
            return self.after_erasure(input, out);
        }
        match input {
            Input::Erase(reply) => self.erase(reply, out),
            Input::Place(answer) => self.placed(env, answer, out),
            Input::Show(login) => self.show_question(env, &login, out),
            Input::Decided(login, accept) => self.decided(env, &login, accept, out),
            Input::Again(reservation, reply) => self.again(env, reservation, reply, out),
            Input::Claim(claim) => self.claim(env, claim, out),
            Input::Detach(conn) => {
                if self.conn == Some(conn) {
                    self.conn = None;
                }
            }
            Input::Accepted => self.accepted(out),
            Input::Answer(result) => self.answered(env, result, out),
            Input::Cancel(cancel, reply) => {
                if let Some(answer) = self.cancel(&cancel, reply, out) {
                    out.push(Effect::Reply(reply, Box::new(Ok(Answer::Cancel(answer)))));
                }
            }
            Input::Merged => self.merged(out),
            Input::Fenced => self.fenced(out),
            Input::Restore => self.restore(env, out),
            Input::Restate => {
                if matches!(self.record.state, State::Reserved | State::Claimed(_)) {
                    self.keep_place(env, out);
                }
            }
            Input::Timer(timer) => self.timer(env, timer, out),
        }
    }

    fn save(&self, out: &mut Vec<Effect>) {
        out.push(Effect::SaveIncoming(Box::new(self.record.clone())));
    }

    /// Keeps a step of the transfer.
    fn audit(&self, env: &Env<'_>, chat: Option<ChatId>, step: Step, out: &mut Vec<Effect>) {
        out.push(Effect::Audit(Box::new(audit::Record {
            at: env.now,
            chat,
            transfer: Some(self.record.transfer),
            agent: self.record.context.agent.clone(),
            peer: Some(self.record.peer.clone()),
            to: format!("area {}", self.record.area),
            step,
        })));
    }

    /// One refusal for whatever is wrong, so that nobody learns which part of a guess was right.
    fn refuse(&self, conn: ConnId, out: &mut Vec<Effect>) {
        let code = ErrorCode::NotArrived;
        let about = About::Transfer(self.record.transfer);
        out.push(Effect::ToCustomer(
            conn,
            Box::new(ServerFrame::Refused { code, detail: code.to_string(), about }),
        ));
        out.push(Effect::CloseCustomer(conn, CloseCode::Unauthenticated));
    }

    fn claim(&mut self, env: &mut Env<'_>, claim: Claim, out: &mut Vec<Effect>) {
        let record = &self.record;
        let from_origin = claim.arrival.web_origin.as_ref().is_none_or(|from| record.origins.contains(from));
        let genuine = record.challenge.accepts(&claim.verifier)
            && claim.epoch == record.epoch
            && (record.at.is_none() || record.at == claim.at)
            && (claim.own_site || from_origin);
        let late = matches!(record.state, State::Reserved) && env.now > record.expires;
        if !genuine || late {
            return self.refuse(claim.conn, out);
        }
        match self.record.state.clone() {
            State::Reserved | State::Claimed(_) => self.at_the_door(env, claim, out),
            State::Active { chat, accepted: false, .. } => {
                let token = ResumeToken::from_bytes(env.bytes());
                out.push(Effect::Chat(chat, Box::new(session::Input::Renew(claim.conn, token))));
            }
            _ => self.refuse(claim.conn, out),
        }
    }

    fn at_the_door(&mut self, env: &mut Env<'_>, claim: Claim, out: &mut Vec<Effect>) {
        if self.conn.is_some_and(|current| current > claim.conn) {
            return out.push(Effect::CloseCustomer(claim.conn, CloseCode::Superseded));
        }
        if let Some(old) = self.conn.replace(claim.conn).filter(|old| *old != claim.conn) {
            out.push(Effect::CloseCustomer(old, CloseCode::Superseded));
        }
        let first = matches!(self.record.state, State::Reserved);
        self.record.state = State::Claimed(claim.arrival.clone());
        if claim.adopt {
            let nothing = Release { tail: Vec::new(), documents: Vec::new() };
            self.activate(env, claim.arrival, nothing, true, out);
            // A commit that is under way may still be answered with the tail; else `answered` goes on.
            if self.calling != Calling::Commit {
                self.commit(true, out);
            }
            return;
        }
        self.save(out);
        out.push(Effect::ToCustomer(
            claim.conn,
            Box::new(ServerFrame::Arriving { transfer: self.record.transfer }),
        ));
        if first {
            out.push(Effect::SetTimer(Timer::Offer, self.record.expires.since(env.now) + AT_THE_DOOR));
        }
        if self.calling == Calling::No {
            self.commit(false, out);
        }
    }

    fn commit(&mut self, adopt: bool, out: &mut Vec<Effect>) {
        self.calling = if adopt { Calling::Adopt } else { Calling::Commit };
        out.push(Effect::ClearTimer(Timer::Retry));
        self.call(CallRequest::Commit(Commit { adopt }), out);
    }

    fn call(&self, request: CallRequest, out: &mut Vec<Effect>) {
        let (peer, transfer) = (self.record.peer.clone(), self.record.transfer);
        out.push(Effect::Call(Box::new(Call { peer, transfer, request })));
    }

    /// The chat comes to be here.
    fn activate(
        &mut self,
        env: &mut Env<'_>,
        arrival: Arrival,
        release: Release,
        provisional: bool,
        out: &mut Vec<Effect>,
    ) {
        let Some(conn) = self.conn.take() else { return };
        let mut context = self.record.context.clone();
        let late = said_late(&release.tail, &release.documents);
        let known: Vec<_> = context.transcript.iter().map(|entry| entry.id).collect();
        context.transcript.extend(release.tail.into_iter().filter(|entry| !known.contains(&entry.id)));
        let known: Vec<_> = context.documents.iter().map(|document| document.sha256.clone()).collect();
        let news = release.documents.into_iter().filter(|document| !known.contains(&document.sha256));
        context.documents.extend(news);
        let mut effects = Vec::new();
        let beginning = Beginning {
            area: self.record.area.clone(),
            customer: Customer { client_type: arrival.client_type, ..context.customer.clone() },
            page: arrival.page,
            epoch: self.record.epoch.saturating_add(1),
            challenge: arrival.challenge,
            origins: arrival.web_origin.into_iter().collect(),
            promised: self.record.agent.is_some(),
            arrival: Some((
                Came {
                    peer: self.record.peer.clone(),
                    transfer: self.record.transfer,
                    tail_due: provisional,
                    confined: self.record.confined,
                    redirects: self.record.redirects,
                    late,
                    joined: false,
                },
                context,
            )),
            conn,
        };
        let chat = Chat::begin(env, beginning, &mut effects);
        self.record.state = State::Active { chat, provisional, accepted: false };
        // Before the chat's own effects: one stored step, and the welcome after it.
        self.save(out);
        self.audit(env, Some(chat), Step::Arrived, out);
        out.append(&mut effects);
        out.push(Effect::ClearTimer(Timer::Offer));
    }

    fn accepted(&mut self, out: &mut Vec<Effect>) {
        if let State::Active { accepted, .. } = &mut self.record.state
            && !*accepted
        {
            *accepted = true;
            self.save(out);
            self.settle_when_ready(out);
        }
    }

    fn settle_when_ready(&mut self, out: &mut Vec<Effect>) {
        if matches!(self.record.state, State::Active { provisional: false, accepted: true, .. }) {
            self.calling = Calling::Settle;
            let epoch = self.record.epoch.saturating_add(1);
            self.call(CallRequest::Settle(Settle { epoch }), out);
        }
    }

    fn answered(&mut self, env: &mut Env<'_>, result: CallResult, out: &mut Vec<Effect>) {
        let asked = std::mem::replace(&mut self.calling, Calling::No);
        let error = match result {
            Ok(answer) => return self.granted(env, asked, answer, out),
            Err(error) => error,
        };
        match &self.record.state {
            // Asked before this was loaded again.
            _ if matches!(asked, Calling::No | Calling::Waits) => self.calling = asked,
            State::Claimed(_) | State::Active { .. } if !error.is_final() => self.call_again(env, out),
            State::Claimed(_) => self.reject(out),
            // The offer did not stand any more. Taken over without the origin's word, that is no obstacle.
            State::Active { provisional: true, .. } if asked == Calling::Commit => self.commit(true, out),
            State::Active { chat, provisional: true, accepted } => {
                let gone_back = !accepted && was_cancelled(&error);
                // Otherwise there is nothing to come, which the chat has to know as well.
                let word = if gone_back { session::Input::Fence } else { session::Input::Tail(Vec::new()) };
                out.push(Effect::Chat(*chat, Box::new(word)));
                self.call_again(env, out);
            }
            State::Active { chat, provisional: false, .. } if asked == Calling::Settle => {
                let chat = *chat;
                self.settled(chat, out);
            }
            _ => {}
        }
    }

    /// Calls the origin again after a while: because it did not answer, or because the chat may fail to store
    /// what it answered.
    fn call_again(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        self.calling = Calling::Waits;
        out.push(Effect::SetTimer(Timer::Retry, session::backoff(env, self.tries)));
        self.tries += 1;
    }

    fn granted(&mut self, env: &mut Env<'_>, asked: Calling, answer: Answer, out: &mut Vec<Effect>) {
        match (self.record.state.clone(), answer) {
            (State::Claimed(arrival), Answer::Release(release)) => {
                self.activate(env, arrival, release, false, out);
            }
            (State::Active { chat, provisional: true, .. }, Answer::Release(release)) => {
                late(chat, release, out);
                self.call_again(env, out);
            }
            // To a commit of before this was loaded again; what is being asked now is still to be answered.
            (State::Active { chat, .. } | State::Settled(chat), Answer::Release(release)) => {
                self.calling = asked;
                late(chat, release, out);
            }
            (State::Active { chat, provisional: false, .. }, Answer::Done) => self.settled(chat, out),
            // Asked before this was loaded again.
            _ if matches!(asked, Calling::No | Calling::Waits) => self.calling = asked,
            // Not an answer to what was asked.
            (State::Claimed(_) | State::Active { .. }, _) => self.call_again(env, out),
            _ => {}
        }
    }

    /// The chat has everything that the origin had for it.
    fn merged(&mut self, out: &mut Vec<Effect>) {
        if let State::Active { provisional, .. } = &mut self.record.state
            && *provisional
        {
            *provisional = false;
            self.save(out);
            self.calling = Calling::No;
            self.tries = 0;
            out.push(Effect::ClearTimer(Timer::Retry));
            self.settle_when_ready(out);
        }
    }

    /// The chat is void, because the customer has gone back.
    fn fenced(&mut self, out: &mut Vec<Effect>) {
        if matches!(self.record.state, State::Active { .. } | State::Settled(_)) {
            self.record.state = State::Fenced;
            self.save(out);
            out.push(Effect::ClearTimer(Timer::Retry));
        }
        if let Some(reply) = self.cancelling.take() {
            out.push(Effect::Reply(reply, Box::new(Ok(Answer::Cancel(CancelAnswer::Cancelled)))));
        }
    }

    fn settled(&mut self, chat: ChatId, out: &mut Vec<Effect>) {
        self.record.state = State::Settled(chat);
        self.save(out);
    }

    fn reject(&mut self, out: &mut Vec<Effect>) {
        self.record.state = State::Rejected;
        self.save(out);
        self.leave_place(out);
        if let Some(conn) = self.conn.take() {
            self.refuse(conn, out);
        }
        out.extend([Timer::Offer, Timer::Retry, Timer::Ask].map(Effect::ClearTimer));
    }

    /// Nobody has come in time.
    fn lapse(&mut self, env: &Env<'_>, out: &mut Vec<Effect>) {
        let promised = !matches!(self.record.state, State::Posted);
        self.reject(out);
        self.audit(env, None, Step::Lapsed, out);
        if promised {
            let report = ProgressReport { stage: Stage::Failed, code: Some(ErrorCode::NotArrived) };
            self.call(CallRequest::Progress(report), out);
        }
    }

    /// The customer is to be forgotten, whatever is still to come: nothing is stored after this.
    fn erase(&mut self, reply: ReplyTo, out: &mut Vec<Effect>) {
        if self.is_expected() {
            self.reject(out);
        }
        if let Some(reply) = self.cancelling.take() {
            out.push(Effect::Reply(reply, Box::new(Ok(Answer::Cancel(CancelAnswer::Cancelled)))));
        }
        out.extend([Timer::Offer, Timer::Retry, Timer::Ask].map(Effect::ClearTimer));
        self.erased = true;
        out.push(Effect::Reply(reply, Box::new(Ok(Answer::Done))));
    }

    /// What is answered once it is erased.
    fn after_erasure(&self, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Erase(reply) => out.push(Effect::Reply(reply, Box::new(Ok(Answer::Done)))),
            Input::Cancel(_, reply) => {
                out.push(Effect::Reply(reply, Box::new(Ok(Answer::Cancel(CancelAnswer::Cancelled)))));
            }
            Input::Again(_, reply) => {
                let code = ErrorCode::UnknownChat;
                let denial = Denial { code, detail: code.to_string(), retry_after: None };
                out.push(Effect::Reply(reply, Box::new(Err(denial))));
            }
            Input::Claim(claim) => self.refuse(claim.conn, out),
            Input::Place(Ok(_)) => self.leave_place(out),
            _ => {}
        }
    }

    /// Nothing when the answer has to wait for the chat.
    fn cancel(&mut self, cancel: &Cancel, reply: ReplyTo, out: &mut Vec<Effect>) -> Option<CancelAnswer> {
        match self.record.state {
            State::Posted | State::Reserved | State::Claimed(_) => self.reject(out),
            State::Active { chat, .. } | State::Settled(chat) => {
                let ours = self.record.epoch.saturating_add(1);
                if cancel.reclaimed.is_none_or(|epoch| epoch <= ours) {
                    return Some(CancelAnswer::Arrived);
                }
                self.cancelling = Some(reply);
                out.push(Effect::Chat(chat, Box::new(session::Input::Fence)));
                return None;
            }
            State::Rejected | State::Fenced => {}
        }
        Some(CancelAnswer::Cancelled)
    }

    fn restore(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        match self.record.state {
            State::Posted => {
                out.push(Effect::SetTimer(Timer::Offer, self.record.expires.since(env.now)));
            }
            // Its place may have lapsed as well, and be another's.
            State::Reserved if env.now > self.record.expires => self.lapse(env, out),
            State::Claimed(_) if env.now > self.record.expires.plus(AT_THE_DOOR) => self.lapse(env, out),
            State::Reserved | State::Claimed(_) => {
                out.push(Effect::SetTimer(Timer::Offer, self.record.expires.since(env.now) + AT_THE_DOOR));
                self.keep_place(env, out);
            }
            State::Active { chat, accepted, .. } => {
                if !accepted {
                    out.push(Effect::Chat(chat, Box::new(session::Input::WhetherAccepted)));
                }
                self.retry(out);
            }
            _ => {}
        }
    }

    fn timer(&mut self, env: &Env<'_>, timer: Timer, out: &mut Vec<Effect>) {
        match (timer, &self.record.state) {
            (Timer::Ask, State::Posted) => self.no_answer(env, out),
            (Timer::Offer, State::Posted | State::Reserved | State::Claimed(_)) => self.lapse(env, out),
            (Timer::Retry, State::Claimed(_)) if self.conn.is_none() => self.calling = Calling::No,
            (Timer::Retry, _) => self.retry(out),
            _ => {}
        }
    }

    /// Calls the origin again, as the state asks for.
    fn retry(&mut self, out: &mut Vec<Effect>) {
        self.calling = Calling::No;
        match self.record.state {
            State::Claimed(_) => self.commit(false, out),
            State::Active { provisional: true, .. } => self.commit(true, out),
            State::Active { .. } => self.settle_when_ready(out),
            _ => {}
        }
    }
}

/// What the origin stored late is the chat's; the documents first, so that the tail comes with all that belongs to it.
fn late(chat: ChatId, release: Release, out: &mut Vec<Effect>) {
    let Release { tail, documents } = release;
    if !documents.is_empty() {
        out.push(Effect::Chat(chat, Box::new(session::Input::TailDocuments(documents))));
    }
    out.push(Effect::Chat(chat, Box::new(session::Input::Tail(tail))));
}

/// Whether the origin says that the customer is with it again. A widget that had stored our epoch would not be.
fn was_cancelled(error: &CallError) -> bool {
    matches!(error, CallError::Denied(denial) if denial.code == ErrorCode::Cancelled)
}

mod placing;
#[cfg(test)]
mod tests;
