//! The queue manager: who waits, who serves, and who may take whom (A2, A5, Q1).
//!
//! **Contract.** It is the only machine that counts agents' places: no chat is given to an agent who has none
//! left, and no customer to two agents. It knows chats only by their tickets; where a chat is and what is said in
//! it is none of its business. It can be rebuilt at any time from the chats' own records, so it stores nothing. No
//! decision walks the queue: each costs a logarithm of its length, and memory grows only with who is in it.
//!
//! - [`line`]: ranks. [`plan`]: what operators want, and what waiting is worth. [`forecast`]: expected waits.
//! - [`area`]: what is counted for an area, so that nothing need be counted again.
//! - [`routing`]: automatic assignment. [`seats`]: places kept for customers on their way.
//! - [`state`]: the same as inputs, for a copy elsewhere (Q2).
//! - [`view`]: the queue as others see it. [`overload`]: when there are too many (D9).

mod area;
pub mod forecast;
pub mod line;
pub mod overload;
pub mod plan;
mod routing;
mod seats;
mod state;
mod view;

pub use view::Staffing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton_protocol::model::{Left, Presence, WaitRange};
use baton_protocol::{ChatId, ErrorCode, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

use area::{Area, Linked};
use forecast::Decayed;
use line::Place;
use plan::{CHAT, Plan};

/// A customer in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
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
    /// When the customer came to the first server.
    pub login_at: Timestamp,
    /// Recommended priority, 0 to 9.
    pub priority: u8,
    /// Milliseconds of waiting that the customer's signs are worth ([`plan::Customs`]).
    pub bonus: u64,
    /// Skills that the agent should have, the most important first.
    pub needs: Vec<String>,
    /// Where the chat was transferred from, if it was.
    pub from: Option<String>,
    /// The agent who had the customer last, by login name.
    pub last_agent: Option<String>,
    /// The place that was reserved for it, if one was.
    pub seat: Option<Box<SeatKey>>,
    /// They left a message and are not here.
    #[serde(default)]
    pub left: Option<Left>,
}

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Login name.
    pub login: String,
    /// The name that customers see.
    pub title: String,
    /// Whether a supervisor.
    pub supervisor: bool,
    /// Areas served.
    pub areas: Vec<String>,
    /// Chats at most.
    pub max_chats: u32,
    /// Whether they pick customers up themselves and are given none.
    #[serde(default)]
    pub by_hand: bool,
}

/// An agent, by number. Agents are never forgotten: there are as many as accounts.
type AgentId = u32;

/// An area, by number.
type AreaId = u32;

#[derive(Debug)]
struct Agent {
    profile: Profile,
    /// Skills, in order.
    kit: Arc<[String]>,
    online: bool,
    presence: Presence,
    chats: BTreeMap<ChatId, Held>,
    /// Places kept for customers on their way.
    seats: BTreeMap<SeatKey, Seat>,
    handling: Decayed,
    /// Since when they have been given nobody.
    idle_since: Timestamp,
    /// The number of the last assignment to them.
    turn: u64,
    /// What their areas count of them now.
    linked: Vec<Linked>,
}

/// A chat that an agent has.
#[derive(Clone, Copy, Debug)]
struct Held {
    since: Timestamp,
    weight: u32,
    area: Option<AreaId>,
}

/// A place that is kept with an agent.
#[derive(Debug)]
struct Seat {
    until: Timestamp,
    /// The chat that gets it back if nobody comes (D6), and what was known of it.
    instead_of: Option<(ChatId, Held)>,
}

impl Agent {
    fn unknown(login: String, now: Timestamp) -> Self {
        let profile = Profile {
            title: login.clone(),
            login,
            supervisor: false,
            areas: Vec::new(),
            max_chats: 0,
            by_hand: false,
        };
        Self {
            profile,
            kit: Arc::new([]),
            online: false,
            presence: Presence::Available,
            chats: BTreeMap::new(),
            seats: BTreeMap::new(),
            handling: Decayed::default(),
            idle_since: now,
            turn: 0,
            linked: Vec::new(),
        }
    }

    fn on_duty(&self) -> bool {
        self.online && self.presence == Presence::Available
    }

    fn why_not(&self) -> Option<ErrorCode> {
        (!self.on_duty() || self.is_full()).then_some(ErrorCode::AgentUnavailable)
    }

    /// What is taken, in hundredths of a place.
    fn load(&self) -> u64 {
        let chats: u64 = self.chats.values().map(|held| u64::from(held.weight)).sum();
        chats + self.seats.len() as u64 * u64::from(CHAT)
    }

    fn capacity(&self) -> u64 {
        u64::from(self.profile.max_chats) * u64::from(CHAT)
    }

    fn room(&self) -> u64 {
        self.capacity().saturating_sub(self.load())
    }

    fn is_full(&self) -> bool {
        self.room() < u64::from(CHAT)
    }

    fn taken(&self) -> usize {
        self.chats.len() + self.seats.len()
    }
}

/// Somebody who waits.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    place: Place,
    area: AreaId,
    /// When they came into this queue, at which moment the range was told.
    entered: Timestamp,
    told: Option<WaitRange>,
    /// What they need still, after some time.
    needs: Vec<String>,
    /// When they do without the next of it.
    relaxes_at: Option<Timestamp>,
    weight: u32,
    /// The rank and range that were handed out last.
    shown: Option<(u32, Option<WaitRange>)>,
}

/// A place for a customer on the way, by the transfer's origin and id.
pub type SeatKey = (String, TransferId);

/// What kind of place is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// In the area's queue, in which so many customers may wait at most.
    InQueue(u32),
    /// With an agent who is free, other than these (D7).
    FreeAgent(Vec<String>),
    /// With this agent, who was asked in a side conversation, if they are free.
    This(String),
    /// With this agent, who was promised: after a restart.
    Promised(String),
    /// With the agent who holds this chat already, in its stead (D6).
    InsteadOf(String, ChatId),
}

/// Where a chat goes within this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// To this agent, by login name.
    Agent(String),
    /// To this area's queue.
    Area(String),
}

/// What the queue manager is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// An agent logged in.
    Online(Profile),
    /// An agent's last connection is gone. The chats stay for a while.
    Offline(String),
    /// The agent has been away for too long: the chats go back to the queue.
    Gone(String),
    /// The agent takes chats, or takes none.
    SetPresence(String, Presence),
    /// A customer waits.
    Wait(Ticket),
    /// A customer waits no more: ended, given up.
    Leave(ChatId),
    /// A customer waits no more, and has not given up: they wait, or are served, elsewhere.
    Moved(ChatId),
    /// What a chat takes of a place, in hundredths, where it is not a whole one. Comes before whatever gives it one.
    Weighs(ChatId, u32),
    /// Time has passed: see [`QueueManager::next_due`].
    Tick,
    /// An agent takes a waiting customer.
    PickUp(String, ChatId),
    /// After a restart: the agent had this chat.
    Hold(String, ChatId),
    /// After a restart, as [`Input::Hold`], unless the place is kept for where the customer is being led (D6).
    HoldUnlessKept(String, ChatId, SeatKey),
    /// The agent's place is free again.
    Free(String, ChatId),
    /// The agent was given a place for this chat and did not take it.
    Withdraw(String, ChatId),
    /// A transfer within this server asks for a place (A5).
    Place {
        /// The chat.
        chat: ChatId,
        /// The transfer.
        transfer: TransferId,
        /// Where to.
        target: Target,
    },
    /// A customer on the way wants a place, which is kept until they wait, or until it is given back.
    Reserve {
        /// Whose it is.
        seat: SeatKey,
        /// The area.
        area: String,
        /// What kind.
        wanted: Wanted,
        /// When it lapses, should nobody take it or give it back.
        until: Timestamp,
    },
    /// The place is not needed any more.
    GiveBack(SeatKey),
    /// The agent picks customers up themselves from now on and is given none, or is given some again.
    SetByHand(String, bool),
}

/// What the queue manager answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// To the chat: this agent has you.
    Assigned {
        /// The chat.
        chat: ChatId,
        /// The agent.
        agent: Profile,
    },
    /// To the chat: your agent is gone.
    AgentLost {
        /// The chat.
        chat: ChatId,
        /// The agent's login name.
        login: String,
    },
    /// To the agent: you cannot have this customer.
    Refused {
        /// The agent.
        login: String,
        /// The chat.
        chat: ChatId,
        /// Why.
        code: ErrorCode,
    },
    /// To the chat: there is room; with an agent, the place is already taken.
    Placed {
        /// The chat.
        chat: ChatId,
        /// The transfer.
        transfer: TransferId,
        /// The agent, if it goes to one.
        agent: Option<Profile>,
    },
    /// To the chat: there is no room.
    NotPlaced {
        /// The chat.
        chat: ChatId,
        /// The transfer.
        transfer: TransferId,
        /// Why.
        code: ErrorCode,
    },
    /// To the incoming transfer: its place, with the agent if it is with one, or why there is none.
    Reserved {
        /// Whose it is.
        seat: SeatKey,
        /// The agent, or why not and after how many seconds to try again.
        answer: Result<Option<Profile>, (ErrorCode, u32)>,
    },
    /// Queue or staffing changed: lists and places should be sent again, soon.
    Changed,
}

/// The queue manager.
#[derive(Debug, Default)]
pub struct QueueManager {
    plan: Plan,
    agents: Vec<Agent>,
    logins: BTreeMap<String, AgentId>,
    areas: Vec<Area>,
    area_names: BTreeMap<String, AreaId>,
    /// In boxes: a tree has room for twice as many.
    waiting: BTreeMap<ChatId, Box<Waiting>>,
    /// Who has which chat: two for a moment, while it passes from the one to the other.
    holders: BTreeSet<(ChatId, AgentId)>,
    /// Who keeps a place for whom.
    keepers: BTreeMap<SeatKey, AgentId>,
    /// Places with agents that get their chat back, by that chat.
    instead: BTreeMap<ChatId, SeatKey>,
    /// Places in the queues that are kept for customers on their way: the area, and until when.
    kept: BTreeMap<SeatKey, (AreaId, Timestamp)>,
    /// When kept places lapse, of either kind.
    lapses: BTreeSet<(Timestamp, SeatKey)>,
    /// When somebody does with less.
    relaxes: BTreeSet<(Timestamp, ChatId)>,
    /// Chats that take another part of a place than a whole one.
    weights: BTreeMap<ChatId, u32>,
    /// Areas in which somebody may have become free for somebody.
    stirred: BTreeSet<AreaId>,
    turns: u64,
    /// Where the look at everybody's rank goes on: area and rank.
    cursor: (AreaId, u32),
}

impl QueueManager {
    /// A queue manager that works as its operator wants it.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, ..Self::default() }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        if matches!(input, Input::PickUp(..) | Input::Place { .. } | Input::Reserve { .. } | Input::Tick) {
            self.drop_lapsed(now);
        }
        if let Input::Wait(Ticket { chat, .. })
        | Input::Leave(chat)
        | Input::Moved(chat)
        | Input::Free(_, chat)
        | Input::Withdraw(_, chat) = &input
        {
            self.wants_nothing_back(*chat);
        }
        let mut outputs = self.step(now, input);
        self.settle(now, &mut outputs);
        outputs
    }

    fn step(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        match input {
            Input::Online(profile) => self.online(now, profile),
            Input::Offline(login) => self.with_agent(&login, |agent| agent.online = false),
            Input::SetPresence(login, presence) => {
                // It may be told before they are said to be online, so that nobody is given to them in between.
                let id = self.agent(&login, now);
                self.change(id, |agent| agent.presence = presence);
                vec![Output::Changed]
            }
            Input::SetByHand(login, on) => self.with_agent(&login, |agent| agent.profile.by_hand = on),
            Input::Gone(login) => self.gone(&login),
            Input::Wait(ticket) => self.wait_for_agent(now, ticket),
            Input::Leave(chat) => self.leave(now, chat, true),
            Input::Moved(chat) => self.leave(now, chat, false),
            Input::Weighs(chat, weight) => {
                self.weights.insert(chat, weight);
                Vec::new()
            }
            Input::PickUp(login, chat) => self.pick_up(now, &login, chat),
            Input::Hold(login, chat) => self.hold(now, login, chat),
            Input::HoldUnlessKept(login, chat, seat) => {
                if self.is_kept_for(now, &seat, chat) {
                    Vec::new()
                } else {
                    self.hold(now, login, chat)
                }
            }
            Input::Free(login, chat) => self.free(now, &login, chat),
            Input::Withdraw(login, chat) => self.withdraw(&login, chat),
            Input::Place { chat, transfer, target } => self.place(now, chat, transfer, &target),
            Input::Reserve { seat, area, wanted, until } => self.reserve(now, seat, (area, until), wanted),
            Input::GiveBack(seat) => self.give_back(&seat),
            Input::Tick => self.relax(now),
        }
    }

    /// When [`Input::Tick`] has something to do next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let relaxes = self.relaxes.first().map(|(at, _)| *at);
        let lapses = self.lapses.first().map(|(at, _)| *at);
        [relaxes, lapses].into_iter().flatten().min()
    }

    fn online(&mut self, now: Timestamp, profile: Profile) -> Vec<Output> {
        let id = self.agent(&profile.login, now);
        let kit = self.plan.skills.get(&profile.login);
        let kit = kit.into_iter().flatten().cloned().collect();
        self.change(id, |agent| {
            if !agent.online {
                agent.idle_since = now;
            }
            agent.profile = profile;
            agent.kit = kit;
            agent.online = true;
        });
        vec![Output::Changed]
    }

    /// A chat that somebody has already was told so, but may not have heard it when it said this: it is told
    /// again. Otherwise a second agent could take the customer.
    fn wait_for_agent(&mut self, now: Timestamp, ticket: Ticket) -> Vec<Output> {
        let chat = ticket.chat;
        let promised = ticket.seat.as_ref().and_then(|seat| self.take_seat(seat));
        if let Some(holder) = self.holders_of(chat).next() {
            let agent = self.agents[holder as usize].profile.clone();
            return vec![Output::Assigned { chat, agent }];
        }
        if let Some(id) = promised {
            let area = self.area(&ticket.area);
            self.give(now, id, chat, Some(area));
            let agent = self.agents[id as usize].profile.clone();
            return vec![Output::Assigned { chat, agent }, Output::Changed];
        }
        self.enqueue(now, ticket);
        vec![Output::Changed]
    }

    /// The chat's word is what counts: whoever else was to have it does not, now that it was restored.
    fn hold(&mut self, now: Timestamp, login: String, chat: ChatId) -> Vec<Output> {
        let area = self.dequeue(chat).map(|waiting| waiting.area);
        self.goes_nowhere(chat);
        let id = self.agent(&login, now);
        let others: Vec<AgentId> = self.holders_of(chat).filter(|other| *other != id).collect();
        for other in others {
            self.take(other, chat);
        }
        if !self.holders.contains(&(chat, id)) {
            self.give(now, id, chat, area);
        }
        vec![Output::Changed]
    }

    fn with_agent(&mut self, login: &str, change: impl FnOnce(&mut Agent)) -> Vec<Output> {
        let Some(id) = self.logins.get(login).copied() else { return Vec::new() };
        self.change(id, change);
        vec![Output::Changed]
    }

    fn withdraw(&mut self, login: &str, chat: ChatId) -> Vec<Output> {
        let Some(id) = self.logins.get(login).copied() else { return Vec::new() };
        self.take(id, chat);
        vec![Output::Changed]
    }

    fn gone(&mut self, login: &str) -> Vec<Output> {
        let Some(id) = self.logins.get(login).copied() else { return Vec::new() };
        let agent = &self.agents[id as usize];
        if agent.online {
            return Vec::new();
        }
        let chats: Vec<ChatId> = agent.chats.keys().copied().collect();
        let seats: Vec<SeatKey> = agent.seats.keys().cloned().collect();
        let mut lost = chats.clone();
        for chat in chats {
            self.take(id, chat);
        }
        for seat in seats {
            lost.extend(self.remove_seat(&seat).and_then(|(_, seat)| seat.instead_of).map(|(chat, _)| chat));
        }
        let lost = lost.into_iter().map(|chat| Output::AgentLost { chat, login: login.into() });
        lost.chain([Output::Changed]).collect()
    }

    fn leave(&mut self, now: Timestamp, chat: ChatId, gave_up: bool) -> Vec<Output> {
        self.weights.remove(&chat);
        let Some(waiting) = self.dequeue(chat) else { return Vec::new() };
        let waited = now.since(waiting.entered) as f64;
        self.areas[waiting.area as usize].left(waited, gave_up, waiting.told);
        vec![Output::Changed]
    }

    fn pick_up(&mut self, now: Timestamp, login: &str, chat: ChatId) -> Vec<Output> {
        let refused = |code| vec![Output::Refused { login: login.into(), chat, code }];
        let Some(waiting) = self.waiting.get(&chat) else { return refused(ErrorCode::AlreadyTaken) };
        let Some(id) = self.logins.get(login).copied() else { return refused(ErrorCode::AgentUnavailable) };
        let profile = &self.agents[id as usize].profile;
        let serves = profile.supervisor || profile.areas.contains(&waiting.ticket.area);
        if !serves {
            return refused(ErrorCode::UnknownChat);
        }
        if self.agents[id as usize].room() < u64::from(waiting.weight) {
            return refused(ErrorCode::AtMaximum);
        }
        let assigned = self.assign(now, id, chat);
        assigned.into_iter().chain([Output::Changed]).collect()
    }

    /// Somebody who waits gets an agent, who has room.
    fn assign(&mut self, now: Timestamp, id: AgentId, chat: ChatId) -> Option<Output> {
        let waiting = self.dequeue(chat)?;
        let waited = now.since(waiting.entered) as f64;
        self.areas[waiting.area as usize].served(waited, waiting.told);
        self.give(now, id, chat, Some(waiting.area));
        Some(Output::Assigned { chat, agent: self.agents[id as usize].profile.clone() })
    }

    fn free(&mut self, now: Timestamp, login: &str, chat: ChatId) -> Vec<Output> {
        let Some(id) = self.logins.get(login).copied() else { return Vec::new() };
        let Some(held) = self.take(id, chat) else { return Vec::new() };
        self.weights.remove(&chat);
        let took = now.since(held.since) as f64;
        let areas = match held.area {
            Some(area) => vec![area],
            None => self.agents[id as usize].linked.iter().map(|linked| linked.area).collect(),
        };
        for area in areas {
            self.areas[area as usize].forecast.handled(took);
        }
        self.change(id, |agent| {
            agent.handling.add(took);
            agent.idle_since = now;
        });
        vec![Output::Changed]
    }

    fn place(&mut self, now: Timestamp, chat: ChatId, transfer: TransferId, target: &Target) -> Vec<Output> {
        let not = |code| vec![Output::NotPlaced { chat, transfer, code }];
        match target {
            Target::Area(area) if !self.is_staffed(area) => not(ErrorCode::Unstaffed),
            Target::Area(_) => vec![Output::Placed { chat, transfer, agent: None }],
            Target::Agent(login) => {
                let Some(id) = self.logins.get(login).copied() else {
                    return not(ErrorCode::AgentUnavailable);
                };
                if let Some(code) = self.agents[id as usize].why_not() {
                    return not(code);
                }
                if self.holders.contains(&(chat, id)) {
                    return not(ErrorCode::AlreadyTaken);
                }
                let area = self.holders_of(chat).next();
                let area = area.and_then(|other| self.agents[other as usize].chats.get(&chat)?.area);
                self.give(now, id, chat, area);
                let agent = Some(self.agents[id as usize].profile.clone());
                vec![Output::Placed { chat, transfer, agent }, Output::Changed]
            }
        }
    }

    fn agent(&mut self, login: &str, now: Timestamp) -> AgentId {
        if let Some(id) = self.logins.get(login) {
            return *id;
        }
        let id = AgentId::try_from(self.agents.len()).unwrap_or(AgentId::MAX);
        self.agents.push(Agent::unknown(login.into(), now));
        self.logins.insert(login.into(), id);
        id
    }

    fn area(&mut self, name: &str) -> AreaId {
        if let Some(id) = self.area_names.get(name) {
            return *id;
        }
        let id = AreaId::try_from(self.areas.len()).unwrap_or(AreaId::MAX);
        let way = self.plan.areas.get(name).cloned().unwrap_or_default();
        self.areas.push(Area::new(name.into(), way));
        self.area_names.insert(name.into(), id);
        id
    }

    fn known_area(&self, name: &str) -> Option<&Area> {
        self.area_names.get(name).map(|id| &self.areas[*id as usize])
    }

    fn holders_of(&self, chat: ChatId) -> impl Iterator<Item = AgentId> + '_ {
        self.holders.range((chat, 0)..=(chat, AgentId::MAX)).map(|(_, id)| *id)
    }

    /// The agent has the chat.
    fn give(&mut self, now: Timestamp, id: AgentId, chat: ChatId, area: Option<AreaId>) {
        let weight = self.weights.get(&chat).copied().unwrap_or(CHAT);
        self.turns += 1;
        let turn = self.turns;
        self.holders.insert((chat, id));
        self.change(id, |agent| {
            agent.chats.insert(chat, Held { since: now, weight, area });
            (agent.idle_since, agent.turn) = (now, turn);
        });
    }

    /// The agent does not have the chat.
    fn take(&mut self, id: AgentId, chat: ChatId) -> Option<Held> {
        self.holders.remove(&(chat, id)).then_some(())?;
        let mut held = None;
        self.change(id, |agent| held = agent.chats.remove(&chat));
        held
    }
}

#[cfg(test)]
mod tests;
