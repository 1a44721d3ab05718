//! Calls between servers: lost, late, doubled, answered into the void; and the part of a gateway that answers them.

use baton_core::effect::{Answer, Call, CallError, CallRequest, CallResult, ReplyTo};
use baton_core::session::{self, PeerRequest};
use baton_core::transfer::destination::{self, Incoming, Posting};
use baton_protocol::federation::{CancelAnswer, Denial, Permission, Reservation, TransferRequest};
use baton_protocol::ids::AuthorisationCode;
use baton_protocol::limits::MAX_HOPS;
use baton_protocol::model::SharePolicy;
use baton_protocol::{ChatId, ErrorCode, TransferId, Wtid};

use crate::event::{Event, Key, Place, ServerId};
use crate::machines::short;
use crate::mutant::Mutant;
use crate::rng::Rng;
use crate::server::{page_of, socket_of};
use crate::world::World;

/// Milliseconds after which a caller gives up.
const PATIENCE: u64 = 5_000;

/// Milliseconds that a machine has for its answer.
const ANSWER: u64 = 4_000;

/// Milliseconds by which clocks may differ before signatures are refused.
pub const SKEW: u64 = 60_000;

/// A call that is under way.
#[derive(Debug)]
pub struct CallState {
    from: ServerId,
    life: u32,
    key: Key,
    to: ServerId,
    transfer: TransferId,
    request: CallRequest,
    /// Whether its answer gets back at all.
    answered: bool,
    /// Whether the caller has no part in the transfer.
    forged: bool,
}

/// A call as it was overheard.
#[derive(Debug)]
pub struct Tapped {
    /// The caller.
    pub from: ServerId,
    /// The called.
    pub to: ServerId,
    /// The transfer.
    pub transfer: TransferId,
    /// The request.
    pub request: CallRequest,
}

/// Calls that are remembered for whoever wants to misuse them.
const TAPPED: usize = 48;

impl World {
    fn tap(&mut self, call: &CallState) {
        if call.from == call.to {
            return;
        }
        if self.tapped.len() >= TAPPED {
            self.tapped.pop_front();
        }
        let CallState { from, to, transfer, .. } = *call;
        self.tapped.push_back(Tapped { from, to, transfer, request: twin(&call.request) });
    }

    /// Makes a call that no machine has asked for. Its answer goes nowhere.
    pub fn inject(&mut self, call: Tapped, forged: bool) {
        let Tapped { from, to, transfer, request } = call;
        let key = Key::Incoming(String::new(), transfer);
        let state = CallState { from, life: 0, key, to, transfer, request, answered: true, forged };
        let (id, wait) = (self.number(), self.fate.range(1, 200));
        self.calls.insert(id, state);
        self.later(wait, Event::Request { call: id });
    }

    /// The transfer that a call is about.
    pub fn transfer_of(&self, call: u64) -> Option<TransferId> {
        self.calls.get(&call).map(|call| call.transfer)
    }

    /// A machine calls a peer.
    pub fn call(&mut self, from: ServerId, key: Key, call: Call) {
        let Call { peer, transfer, request } = call;
        let request = self.twist_request(&key, from, request);
        self.note(|world| {
            format!("{} calls {peer} about {}: {request:?}", world.servers[from].name, short(&transfer.0))
        });
        let Some(to) = self.servers.iter().position(|server| server.name == peer) else { return };
        self.ghost_calls((from, to), &key, transfer, &request);
        if let Some(answer) = self.fakes_answer(&request) {
            return self.machine_answered(from, &key, transfer, Ok(answer));
        }
        let (id, life) = (self.number(), self.servers[from].life);
        // A server's call to itself, for a second step (D6), does not leave the process.
        let rough = to != from && self.fate.chance(self.weather.calls);
        let kind = if rough { self.fate.below(5) } else { 9 };
        let mut state = CallState { from, life, key, to, transfer, request, answered: true, forged: false };
        self.tap(&state);
        let mut wait = self.rng.range(2, 250);
        match kind {
            0 if self.strikes("call lost") => wait = u64::MAX,
            1 if self.strikes("answer lost") => state.answered = false,
            2 if self.strikes("call late") => wait = self.fate.range(1_000, 50_000),
            3 if self.strikes("call doubled") => {
                let twin = CallState {
                    key: state.key.clone(),
                    request: twin(&state.request),
                    answered: false,
                    ..state
                };
                let (second, late) = (self.number(), self.fate.range(1, 30_000));
                self.calls.insert(second, twin);
                self.later(late, Event::Request { call: second });
            }
            4 if self.strikes("call slow") => wait = self.fate.range(250, 4_900),
            _ => {}
        }
        self.calls.insert(id, state);
        if wait < u64::MAX {
            self.later(wait, Event::Request { call: id });
        }
        self.later(PATIENCE, Event::Answered { call: id, result: Err(CallError::NoAnswer) });
    }

    /// A call reaches the peer.
    pub fn request(&mut self, id: u64) {
        let Some(call) = self.calls.get(&id) else { return };
        let (from, to, transfer) = (call.from, call.to, call.transfer);
        let cut = self.is_cut(Place::Server(from), Place::Server(to));
        if from == to && !self.lives(from, call.life) {
            return;
        }
        if cut || self.servers[to].memory.is_none() {
            return self.later(1, Event::Answered { call: id, result: Err(CallError::Unreachable) });
        }
        let request = twin(&call.request);
        let skew = self.servers[from].clock(self.now).abs_diff(self.servers[to].clock(self.now));
        if skew > SKEW {
            return self.answer(id, Err(deny(ErrorCode::WrongPassword)));
        }
        let name = (self.servers[from].name.clone(), transfer);
        match request {
            CallRequest::Permission(request) => {
                let answer = self.permit(to, &name.0, request.visited.len());
                self.answer(id, answer.map(Answer::Permission));
            }
            CallRequest::Transfer(request) => self.take(to, id, &name.0, *request),
            CallRequest::Again(_) if self.load_incoming(to, &name) => self.ask_again(to, id, &name),
            CallRequest::Again(_) => self.answer(id, Err(deny(ErrorCode::UnknownChat))),
            CallRequest::Cancel(request) => {
                if self.load_incoming(to, &name) {
                    let reply = self.expect_reply(to, id);
                    self.step_incoming(to, &name, destination::Input::Cancel(request, reply));
                } else {
                    self.answer(id, Ok(Answer::Cancel(CancelAnswer::Cancelled)));
                }
            }
            CallRequest::Commit(request) => self.ask_origin(to, id, name, PeerRequest::Commit(request)),
            CallRequest::Settle(request) => self.ask_origin(to, id, name, PeerRequest::Settle(request)),
            CallRequest::Progress(request) => self.ask_origin(to, id, name, PeerRequest::Progress(request)),
            // Nobody erases anything in these worlds yet.
            CallRequest::Erase(_) => self.answer(id, Err(deny(ErrorCode::UnknownChat))),
        }
    }

    fn permit(&mut self, server: ServerId, peer: &str, visited: usize) -> Result<Permission, Denial> {
        if visited > MAX_HOPS {
            return Err(deny(ErrorCode::Loop));
        }
        let areas = self.servers[server].settings.areas.clone();
        let Some(memory) = self.servers[server].memory.as_ref() else {
            return Err(deny(ErrorCode::Internal));
        };
        let cards = areas
            .iter()
            .map(|area| memory.queue.area_card(&area.name, &area.title, SharePolicy::AgentsChoice));
        let open: Vec<_> = cards.filter(|card| card.agents > 0).collect();
        if open.is_empty() {
            return Err(deny(ErrorCode::Unstaffed));
        }
        let mut secret = [0; 32];
        self.rng.fill(&mut secret);
        let code = AuthorisationCode::from_bytes(secret);
        let names = open.iter().map(|area| area.name.clone()).collect();
        self.servers[server].store.codes.insert(code.digest(), (peer.to_owned(), names, None));
        let areas = if self.rng.chance(150) { None } else { Some(open) };
        Ok(Permission { code, expires_in: 60, areas })
    }

    fn take(&mut self, server: ServerId, call: u64, peer: &str, request: TransferRequest) {
        match self.granted(server, peer, &request) {
            Err(denial) => self.answer(call, Err(denial)),
            Ok(area) => {
                let name = (peer.to_owned(), request.transfer);
                if self.load_incoming(server, &name) {
                    return self.ask_again(server, call, &name);
                }
                let lead = (self.servers[server].name == peer)
                    .then(|| self.chat_by_transfer(server, request.transfer))
                    .flatten()
                    .map(|chat| (request.agent.clone(), chat));
                let reservation = self.reservation(server, &name);
                let key = wtid_of(server, peer, request.transfer).digest();
                let consulted = self.was_consulted(server, &name);
                self.ghost_promises(server, &name);
                let (peer, reply) = (peer.to_owned(), self.expect_reply(server, call));
                let posting =
                    Posting { peer, area, request, reservation, key, at: None, lead, consulted, reply };
                self.reserve(server, |env, out| Incoming::post(env, posting, out));
            }
        }
    }

    fn ask_again(&mut self, server: ServerId, call: u64, name: &(String, TransferId)) {
        let reservation = self.reservation(server, name);
        let reply = self.expect_reply(server, call);
        self.step_incoming(server, name, destination::Input::Again(reservation, reply));
    }

    fn reservation(&mut self, server: ServerId, name: &(String, TransferId)) -> Reservation {
        let expires = self.servers[server].settings.times.offer / 1_000;
        Reservation {
            wtid: Some(wtid_of(server, &name.0, name.1)),
            socket: socket_of(server),
            page: self.rng.chance(500).then(|| page_of(server)),
            expires_in: u32::try_from(expires).unwrap_or(60),
        }
    }

    /// The area, if the code is good for it. A code is good for one transfer.
    fn granted(&mut self, server: ServerId, peer: &str, request: &TransferRequest) -> Result<String, Denial> {
        if self.servers[server].name == peer {
            return Ok(request.area.clone().unwrap_or_default());
        }
        let code = self.servers[server].store.codes.get_mut(&request.code.digest());
        let (owner, areas, used) = code.ok_or_else(|| deny(ErrorCode::Denied))?;
        let stolen = owner != peer && self.mutant != Some(Mutant::CodeForEverybody);
        if stolen || used.is_some_and(|transfer| transfer != request.transfer) {
            return Err(deny(ErrorCode::Denied));
        }
        *used = Some(request.transfer);
        let area = request.area.clone().or_else(|| areas.first().cloned());
        area.filter(|area| areas.contains(area)).ok_or_else(|| deny(ErrorCode::UnknownArea))
    }

    fn ask_origin(&mut self, server: ServerId, call: u64, name: (String, TransferId), request: PeerRequest) {
        let Some(chat) = self.chat_by_transfer(server, name.1) else {
            return self.answer(call, Err(deny(ErrorCode::UnknownChat)));
        };
        let reply = self.expect_reply(server, call);
        let (peer, transfer) = name;
        let request = self.twist_peer_request(request);
        let peer = self.twist_peer(server, chat, transfer, peer);
        self.step_chat(server, chat, session::Input::Peer { peer, transfer, request, reply });
    }

    /// The chat that a transfer of ours is about, in memory or stored.
    pub fn chat_by_transfer(&self, server: ServerId, transfer: TransferId) -> Option<ChatId> {
        let knows = |record: &session::Record| {
            let past = record.past.iter().map(|past| &*past.attempt);
            past.chain(record.outgoing.attempt()).any(|attempt| attempt.transfer == transfer)
        };
        let server = &self.servers[server];
        let memory = server.memory.as_ref()?;
        let here = memory.chats.iter().find(|(_, chat)| knows(&chat.record)).map(|(id, _)| *id);
        if here.is_none() && self.is(Mutant::TransferNotLookedUp) {
            return None;
        }
        here.or_else(|| {
            server.store.chats.iter().find(|(_, stored)| knows(&stored.record)).map(|(id, _)| *id)
        })
    }

    fn expect_reply(&mut self, server: ServerId, call: u64) -> ReplyTo {
        let (reply, life) = (self.number(), self.servers[server].life);
        if let Some(memory) = self.memory(server) {
            memory.replies.insert(reply, call);
        }
        self.later(ANSWER, Event::ReplyOverdue { server, life, reply });
        ReplyTo(reply)
    }

    /// A machine answers a peer.
    pub fn reply(&mut self, server: ServerId, reply: u64, answer: Result<Answer, Denial>) {
        let Some(call) = self.memory(server).and_then(|memory| memory.replies.remove(&reply)) else { return };
        let answer = self.twist_answer(answer);
        self.ghost_replies(server, &answer, call);
        self.answer(call, answer);
    }

    /// A machine has taken too long: the peer asks again.
    pub fn reply_overdue(&mut self, server: ServerId, life: u32, reply: u64) {
        if self.lives(server, life) {
            self.reply(server, reply, Err(deny(ErrorCode::Internal)));
        }
    }

    fn answer(&mut self, call: u64, answer: Result<Answer, Denial>) {
        let Some(state) = self.calls.get(&call).filter(|state| state.answered) else { return };
        if self.is_cut(Place::Server(state.from), Place::Server(state.to)) {
            return;
        }
        if state.forged && matches!(answer, Ok(Answer::Release(_) | Answer::Reservation(_) | Answer::Done)) {
            return self.violated(format!("S7: a stranger to a transfer was given {answer:?}"));
        }
        let settles = matches!(state.request, CallRequest::Settle(_));
        let mut result = answer.map_err(|denial| match denial.code {
            // A fault of the peer's own looks like none at all.
            ErrorCode::Internal => CallError::NoAnswer,
            _ => CallError::Denied(denial),
        });
        if state.from != state.to
            && self.fate.chance(self.weather.nonsense)
            && self.strikes("nonsense answer")
        {
            result = self.nonsense(settles);
        }
        let wait = self.rng.range(2, 120);
        self.later(wait, Event::Answered { call, result });
    }

    /// What is left of an answer reaches the caller. The first word counts.
    pub fn answered(&mut self, id: u64, result: CallResult) {
        let late = matches!(result, Err(CallError::NoAnswer));
        let Some(state) = self.calls.get_mut(&id) else { return };
        let (from, life, key, transfer) = (state.from, state.life, state.key.clone(), state.transfer);
        if !std::mem::replace(&mut state.answered, false) && !late {
            return;
        }
        let progress = matches!(state.request, CallRequest::Progress(_));
        // Patience is over, but the call itself may still be on its way.
        let told = std::mem::replace(&mut state.life, 0) == 0;
        if told || progress || !self.lives(from, life) {
            return;
        }
        self.machine_answered(from, &key, transfer, result);
    }

    fn machine_answered(&mut self, from: ServerId, key: &Key, transfer: TransferId, result: CallResult) {
        match key {
            Key::Chat(chat) => self.step_chat(from, *chat, session::Input::Answer(transfer, result)),
            Key::Incoming(peer, transfer) => {
                self.step_incoming(from, &(peer.clone(), *transfer), destination::Input::Answer(result));
            }
        }
    }

    fn fakes_answer(&self, request: &CallRequest) -> Option<Answer> {
        match request {
            CallRequest::Cancel(cancel) if cancel.reclaimed.is_some() && self.is(Mutant::FenceNotSent) => {
                Some(Answer::Cancel(CancelAnswer::Cancelled))
            }
            CallRequest::Settle(_) if self.is(Mutant::SettleNotSent) => Some(Answer::Done),
            _ => None,
        }
    }
}

fn deny(code: ErrorCode) -> Denial {
    Denial { code, detail: code.to_string(), retry_after: None }
}

/// The WTID of a transfer: the same one whenever it is asked for.
pub fn wtid_of(server: ServerId, peer: &str, transfer: TransferId) -> Wtid {
    let mut seed = server as u64 + 77;
    for byte in peer.bytes().chain(transfer.0) {
        seed = seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte);
    }
    let mut secret = [0; 32];
    Rng::new(seed).fill(&mut secret);
    Wtid::from_bytes(secret)
}

/// The same request.
pub fn twin(request: &CallRequest) -> CallRequest {
    match request {
        CallRequest::Permission(request) => CallRequest::Permission(request.clone()),
        CallRequest::Transfer(request) => CallRequest::Transfer(request.clone()),
        CallRequest::Again(request) => CallRequest::Again(request.clone()),
        CallRequest::Cancel(request) => CallRequest::Cancel(request.clone()),
        CallRequest::Commit(request) => CallRequest::Commit(request.clone()),
        CallRequest::Settle(request) => CallRequest::Settle(request.clone()),
        CallRequest::Progress(request) => CallRequest::Progress(request.clone()),
        CallRequest::Erase(request) => CallRequest::Erase(request.clone()),
    }
}
