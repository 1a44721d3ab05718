//! The queue manager: who waits, who serves, and who may take whom (A2, A5, Q1).
//!
//! **Contract.** It is the only machine that counts agents' places: no chat is given to an agent who has none
//! left, and no customer to two agents. It knows chats only by their tickets; where a chat is and what is said in
//! it is none of its business. It can be rebuilt at any time from the chats' own records, so it stores nothing.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::model::{AgentCard, AreaCard, Presence, SharePolicy, WaitRange, WaitingCard};
use baton_protocol::{ChatId, ErrorCode, Timestamp, TransferId};

/// Milliseconds of waiting that one step of recommended priority is worth. Bounded, so that time always wins in
/// the end and nobody starves (Q1).
const PRIORITY_STEP: u64 = 60_000;

/// Milliseconds of waiting that being transferred is worth: such a customer has waited before.
const TRANSFERRED: u64 = 120_000;

/// Milliseconds that a chat is taken to last until some have been seen.
const FIRST_GUESS: f64 = 300_000.0;

/// How much the newest handling time weighs in the estimate.
const NEWEST: f64 = 0.2;

/// A customer in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Recommended priority, 0 to 9.
    pub priority: u8,
    /// Where the chat was transferred from, if it was.
    pub from: Option<String>,
    /// The place that was reserved for it, if one was.
    pub seat: Option<SeatKey>,
}

impl Ticket {
    /// Lower is sooner; ties are first come first served, then by id.
    fn rank_key(&self) -> (u64, Timestamp, ChatId) {
        let bonus = u64::from(self.priority.min(9)) * PRIORITY_STEP
            + if self.from.is_some() { TRANSFERRED } else { 0 };
        (self.since.0.saturating_sub(bonus), self.since, self.chat)
    }
}

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

#[derive(Debug)]
struct Agent {
    profile: Profile,
    online: bool,
    presence: Presence,
    chats: BTreeMap<ChatId, Timestamp>,
    /// Places kept for customers on their way.
    seats: BTreeMap<SeatKey, Seat>,
}

/// A place that is kept with an agent.
#[derive(Debug)]
struct Seat {
    until: Timestamp,
    /// The chat that gets it back if nobody comes (D6).
    instead_of: Option<ChatId>,
}

impl Agent {
    fn why_not(&self) -> Option<ErrorCode> {
        let takes = self.online && self.presence == Presence::Available;
        (!takes || self.is_full()).then_some(ErrorCode::AgentUnavailable)
    }

    fn taken(&self) -> usize {
        self.chats.len() + self.seats.len()
    }

    fn is_full(&self) -> bool {
        self.taken() >= self.profile.max_chats as usize
    }
}

/// A place for a customer on the way, by the transfer's origin and id.
pub type SeatKey = (String, TransferId);

/// What kind of place is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this agent, by login name.
    Agent(String),
    /// To this area's queue.
    Area(String),
}

/// What the queue manager is told.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A customer waits no more: ended, moved.
    Leave(ChatId),
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
}

/// What the queue manager answers.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    agents: BTreeMap<String, Agent>,
    waiting: BTreeMap<ChatId, Ticket>,
    /// Places in the queues that are kept for customers on their way: the area, and until when.
    kept: BTreeMap<SeatKey, (String, Timestamp)>,
    handling: BTreeMap<String, f64>,
}

impl QueueManager {
    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        if matches!(input, Input::PickUp(..) | Input::Place { .. } | Input::Reserve { .. }) {
            self.drop_lapsed(now);
        }
        if let Input::Wait(Ticket { chat, .. })
        | Input::Leave(chat)
        | Input::Free(_, chat)
        | Input::Withdraw(_, chat) = &input
        {
            self.wants_nothing_back(*chat);
        }
        match input {
            Input::Online(profile) => self.online(profile),
            Input::Offline(login) => self.with_agent(&login, |agent| agent.online = false),
            Input::SetPresence(login, presence) => self.with_agent(&login, |agent| agent.presence = presence),
            Input::Gone(login) => self.gone(&login),
            Input::Wait(ticket) => self.wait_for_agent(now, ticket),
            Input::Leave(chat) => match self.waiting.remove(&chat) {
                Some(_) => vec![Output::Changed],
                None => Vec::new(),
            },
            Input::PickUp(login, chat) => self.pick_up(now, &login, chat),
            Input::Hold(login, chat) => self.hold(now, login, chat),
            Input::HoldUnlessKept(login, chat, seat) => {
                if self.is_kept_for(&seat, chat) {
                    Vec::new()
                } else {
                    self.hold(now, login, chat)
                }
            }
            Input::Free(login, chat) => self.free(now, &login, chat),
            Input::Withdraw(login, chat) => self.with_agent(&login, |agent| {
                agent.chats.remove(&chat);
            }),
            Input::Place { chat, transfer, target } => self.place(now, chat, transfer, &target),
            Input::Reserve { seat, area, wanted, until } => self.reserve(seat, (area, until), wanted),
            Input::GiveBack(seat) => self.give_back(now, &seat),
        }
    }

    fn online(&mut self, profile: Profile) -> Vec<Output> {
        let login = profile.login.clone();
        let agent = self.agents.entry(login.clone()).or_insert_with(|| Agent::unknown(login));
        agent.profile = profile;
        agent.online = true;
        vec![Output::Changed]
    }

    /// A chat that somebody has already was told so, but may not have heard it when it said this: it is told
    /// again. Otherwise a second agent could take the customer.
    fn wait_for_agent(&mut self, now: Timestamp, ticket: Ticket) -> Vec<Output> {
        let chat = ticket.chat;
        let promised = ticket.seat.as_ref().and_then(|seat| self.take_seat(seat));
        if let Some(holder) = self.agents.values().find(|agent| agent.chats.contains_key(&chat)) {
            return vec![Output::Assigned { chat, agent: holder.profile.clone() }];
        }
        if let Some(agent) = promised.and_then(|login| self.agents.get_mut(&login)) {
            agent.chats.insert(chat, now);
            return vec![Output::Assigned { chat, agent: agent.profile.clone() }, Output::Changed];
        }
        self.waiting.insert(chat, ticket);
        vec![Output::Changed]
    }

    /// The chat's word is what counts: whoever else was to have it does not, now that it was restored.
    fn hold(&mut self, now: Timestamp, login: String, chat: ChatId) -> Vec<Output> {
        self.waiting.remove(&chat);
        self.goes_nowhere(chat);
        self.agents.values_mut().filter(|agent| agent.profile.login != login).for_each(|agent| {
            agent.chats.remove(&chat);
        });
        let agent = self.agents.entry(login.clone()).or_insert_with(|| Agent::unknown(login));
        agent.chats.entry(chat).or_insert(now);
        vec![Output::Changed]
    }

    fn with_agent(&mut self, login: &str, change: impl FnOnce(&mut Agent)) -> Vec<Output> {
        let Some(agent) = self.agents.get_mut(login) else { return Vec::new() };
        change(agent);
        vec![Output::Changed]
    }

    fn gone(&mut self, login: &str) -> Vec<Output> {
        let Some(agent) = self.agents.get_mut(login) else { return Vec::new() };
        if agent.online {
            return Vec::new();
        }
        let led = std::mem::take(&mut agent.seats).into_values().filter_map(|seat| seat.instead_of);
        let chats = std::mem::take(&mut agent.chats).into_keys().chain(led);
        let lost = chats.map(|chat| Output::AgentLost { chat, login: login.into() });
        lost.chain([Output::Changed]).collect()
    }

    fn pick_up(&mut self, now: Timestamp, login: &str, chat: ChatId) -> Vec<Output> {
        let refused = |code| vec![Output::Refused { login: login.into(), chat, code }];
        let Some(ticket) = self.waiting.get(&chat) else { return refused(ErrorCode::AlreadyTaken) };
        let Some(agent) = self.agents.get_mut(login) else { return refused(ErrorCode::AgentUnavailable) };
        let serves = agent.profile.supervisor || agent.profile.areas.contains(&ticket.area);
        if !serves {
            return refused(ErrorCode::UnknownChat);
        }
        if agent.is_full() {
            return refused(ErrorCode::AtMaximum);
        }
        agent.chats.insert(chat, now);
        let agent = agent.profile.clone();
        self.waiting.remove(&chat);
        vec![Output::Assigned { chat, agent }, Output::Changed]
    }

    fn free(&mut self, now: Timestamp, login: &str, chat: ChatId) -> Vec<Output> {
        let Some(agent) = self.agents.get_mut(login) else { return Vec::new() };
        let Some(since) = agent.chats.remove(&chat) else { return Vec::new() };
        for area in &agent.profile.areas {
            let estimate = self.handling.entry(area.clone()).or_insert(FIRST_GUESS);
            *estimate += NEWEST * (now.since(since) as f64 - *estimate);
        }
        vec![Output::Changed]
    }

    fn place(&mut self, now: Timestamp, chat: ChatId, transfer: TransferId, target: &Target) -> Vec<Output> {
        let not = |code| vec![Output::NotPlaced { chat, transfer, code }];
        match target {
            Target::Area(area) if self.staff(area).next().is_none() => not(ErrorCode::Unstaffed),
            Target::Area(_) => vec![Output::Placed { chat, transfer, agent: None }],
            Target::Agent(login) => {
                let Some(agent) = self.agents.get_mut(login) else { return not(ErrorCode::AgentUnavailable) };
                if let Some(code) = agent.why_not() {
                    return not(code);
                }
                if agent.chats.contains_key(&chat) {
                    return not(ErrorCode::AlreadyTaken);
                }
                agent.chats.insert(chat, now);
                let agent = Some(agent.profile.clone());
                vec![Output::Placed { chat, transfer, agent }, Output::Changed]
            }
        }
    }

    /// Agents on duty in an area.
    fn staff<'a>(&'a self, area: &'a str) -> impl Iterator<Item = &'a Agent> + 'a {
        let on_duty = |agent: &&Agent| agent.online && agent.presence == Presence::Available;
        self.agents
            .values()
            .filter(on_duty)
            .filter(move |agent| agent.profile.areas.iter().any(|name| name == area))
    }

    /// The waiting customers of an area, the next one first.
    fn line(&self, area: &str) -> Vec<&Ticket> {
        let mut line: Vec<&Ticket> = self.waiting.values().filter(|ticket| ticket.area == area).collect();
        line.sort_by_key(|ticket| ticket.rank_key());
        line
    }

    /// Whether an agent is logged in.
    #[must_use]
    pub fn is_online(&self, login: &str) -> bool {
        self.agents.get(login).is_some_and(|agent| agent.online)
    }

    /// Whether an area has somebody on duty (A5, D7).
    #[must_use]
    pub fn is_staffed(&self, area: &str) -> bool {
        self.staff(area).next().is_some()
    }

    /// The chats that hold a place of this agent's.
    #[must_use]
    pub fn chats_of(&self, login: &str) -> Vec<ChatId> {
        self.agents.get(login).map(|agent| agent.chats.keys().copied().collect()).unwrap_or_default()
    }

    /// Who an agent is, if known.
    #[must_use]
    pub fn profile(&self, login: &str) -> Option<Profile> {
        self.agents.get(login).map(|agent| agent.profile.clone())
    }

    /// The places of this agent's that are kept for customers on their way.
    #[must_use]
    pub fn seats_of(&self, login: &str) -> Vec<SeatKey> {
        self.agents.get(login).map(|agent| agent.seats.keys().cloned().collect()).unwrap_or_default()
    }

    /// Every waiting chat with its rank and expected wait (H1).
    #[must_use]
    pub fn places(&self) -> Vec<(ChatId, u32, Option<WaitRange>)> {
        let areas: BTreeSet<&str> = self.waiting.values().map(|ticket| ticket.area.as_str()).collect();
        let ranked = areas.into_iter().flat_map(|area| {
            (1..).zip(self.line(area)).map(move |(rank, ticket)| (ticket.chat, rank, self.wait(area, rank)))
        });
        ranked.collect()
    }

    /// The queue as an agent sees it.
    #[must_use]
    pub fn queue_for(&self, login: &str) -> Vec<WaitingCard> {
        let Some(agent) = self.agents.get(login) else { return Vec::new() };
        let areas: BTreeSet<&str> = self.waiting.values().map(|ticket| ticket.area.as_str()).collect();
        let mine =
            |area: &&str| agent.profile.supervisor || agent.profile.areas.iter().any(|name| name == area);
        let lines = areas.into_iter().filter(mine).flat_map(|area| (1..).zip(self.line(area)));
        let card = |(rank, ticket): (u32, &Ticket)| WaitingCard {
            chat: ticket.chat,
            area: ticket.area.clone(),
            name: ticket.name.clone(),
            subject: ticket.subject.clone(),
            since: ticket.since,
            rank,
            from: ticket.from.clone(),
        };
        lines.map(card).collect()
    }

    /// An area as the transfer dialog shows it; the caller knows its title and the policy.
    #[must_use]
    pub fn area_card(&self, name: &str, title: &str, share: SharePolicy) -> AreaCard {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let waiting = count(self.waiting.values().filter(|ticket| ticket.area == name).count());
        AreaCard {
            name: name.into(),
            title: title.into(),
            agents: count(self.staff(name).count()),
            free_agents: count(self.staff(name).filter(|agent| agent.why_not().is_none()).count()),
            waiting,
            wait: self.wait(name, waiting + 1),
            share,
        }
    }

    /// Every agent who is or was here, as the transfer dialog shows them.
    pub fn agent_cards<'a>(
        &'a self,
        share: impl Fn(&Profile) -> SharePolicy + 'a,
    ) -> impl Iterator<Item = AgentCard> + 'a {
        self.agents.values().map(move |agent| agent.card(share(&agent.profile)))
    }

    /// An agent, if known.
    #[must_use]
    pub fn agent_card(&self, login: &str, share: SharePolicy) -> Option<AgentCard> {
        self.agents.get(login).map(|agent| agent.card(share))
    }

    /// An honest range for the customer of this rank: half to double of what the estimate says, in whole minutes
    /// where it is long. Nothing where nobody is on duty.
    fn wait(&self, area: &str, rank: u32) -> Option<WaitRange> {
        let (mut places, mut free) = (0_u32, 0_u32);
        for agent in self.staff(area) {
            let taken = u32::try_from(agent.taken()).unwrap_or(u32::MAX);
            places = places.saturating_add(agent.profile.max_chats);
            free = free.saturating_add(agent.profile.max_chats.saturating_sub(taken));
        }
        if places == 0 {
            return None;
        }
        if rank <= free {
            return Some(WaitRange { from: 0, to: 60 });
        }
        let handling = self.handling.get(area).copied().unwrap_or(FIRST_GUESS) / 1_000.0;
        let expected = f64::from(rank - free) * handling / f64::from(places);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded, positive, saturating"
        )]
        let minutes = |seconds: f64| (seconds / 60.0) as u32 * 60;
        Some(WaitRange { from: minutes(expected / 2.0), to: minutes(expected * 2.0) + 60 })
    }
}

impl Agent {
    fn unknown(login: String) -> Self {
        let profile =
            Profile { title: login.clone(), login, supervisor: false, areas: Vec::new(), max_chats: 0 };
        Self {
            profile,
            online: false,
            presence: Presence::Available,
            chats: BTreeMap::new(),
            seats: BTreeMap::new(),
        }
    }

    fn card(&self, share: SharePolicy) -> AgentCard {
        let profile = &self.profile;
        AgentCard {
            name: profile.login.clone(),
            title: profile.title.clone(),
            supervisor: profile.supervisor,
            areas: profile.areas.clone(),
            chats: u32::try_from(self.taken()).unwrap_or(u32::MAX),
            max_chats: profile.max_chats,
            online: self.online,
            presence: self.presence,
            share,
        }
    }
}

mod seats;
#[cfg(test)]
mod tests;
