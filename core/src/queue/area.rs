//! What is counted for an area, so that nothing need be counted again: every change of an agent or of the line
//! changes these numbers by its own part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton_protocol::Timestamp;
use baton_protocol::model::WaitRange;

use super::forecast::{Forecast, Told};
use super::line::{Line, Place};
use super::plan::{Assign, CHAT, Way};
use super::{Agent, AgentId, AreaId, QueueManager, Ticket, Waiting};

/// Chats that end in so many milliseconds: agents' speeds are whole numbers, which add up and come off exactly.
pub(super) const SPEED: f64 = 1e9;

/// Who of the waiting can be served alike: agents who can take one of them can take each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    /// Whether the reserve is not for them.
    pub(super) ordinary: bool,
    /// What they take of a place.
    pub(super) weight: u32,
    /// What they need.
    pub(super) needs: Vec<String>,
}

/// Agents in the order in which they are given customers, by their skills.
pub(super) type Pool = BTreeMap<Arc<[String]>, BTreeSet<Turn>>;

/// An agent's place in that order.
pub(super) type Turn = (u64, u64, AgentId);

/// An area.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) name: String,
    pub(super) way: Way,
    pub(super) line: Line,
    /// The same people by class, where agents are found for them.
    pub(super) classes: BTreeMap<Class, BTreeSet<Place>>,
    /// Agents with a whole place left, and those with a part of one.
    pub(super) free: Pool,
    pub(super) crumbs: Pool,
    pub(super) on_duty: u32,
    pub(super) free_agents: u32,
    /// Places of all on duty, and those of them that are left.
    pub(super) places: u64,
    pub(super) room: u64,
    /// Chats that end in [`SPEED`] milliseconds when everybody on duty is busy.
    pub(super) speed: u64,
    /// Customers on their way to this line.
    pub(super) coming: u32,
    pub(super) forecast: Forecast,
}

/// What one area counts of an agent.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    pub(super) area: AreaId,
    on_duty: bool,
    places: u64,
    room: u64,
    speed: u64,
    turn: Option<Turn>,
}

impl Area {
    pub(super) fn new(name: String, way: Way) -> Self {
        Self {
            name,
            way,
            line: Line::default(),
            classes: BTreeMap::new(),
            free: Pool::new(),
            crumbs: Pool::new(),
            on_duty: 0,
            free_agents: 0,
            places: 0,
            room: 0,
            speed: 0,
            coming: 0,
            forecast: Forecast::default(),
        }
    }

    pub(super) fn is_automatic(&self) -> bool {
        self.way.assign != Assign::ByHand
    }

    /// A customer was given an agent.
    pub(super) fn served(&mut self, waited: f64, told: Option<WaitRange>) {
        self.forecast.waited(waited, false);
        if let Some(told) = told {
            self.forecast.learn(told.into(), waited);
        }
    }

    /// A customer has gone. How long they would have waited is known only where it was already too long.
    pub(super) fn left(&mut self, waited: f64, gave_up: bool, told: Option<WaitRange>) {
        self.forecast.waited(waited, gave_up);
        if let Some(told) = told.map(Told::from).filter(|told| waited > told.to) {
            self.forecast.learn(told, waited);
        }
    }

    /// The range for somebody of this rank, unless an agent is free for them or nobody is on duty.
    pub(super) fn told(&self, rank: u32) -> Option<Told> {
        let before = u64::from(rank).checked_sub(self.room).filter(|before| *before > 0)?;
        (self.places > 0).then(|| self.forecast.range(before as f64, self.speed as f64 / SPEED))
    }

    fn turn(&self, id: AgentId, agent: &Agent) -> Turn {
        let capacity = agent.capacity().max(1);
        let busy = agent.load().saturating_mul(1_000) / capacity;
        match self.way.assign {
            Assign::ByHand => (agent.taken() as u64, 0, id),
            Assign::LongestIdle => (agent.idle_since.0, agent.turn, id),
            Assign::LeastBusy => (busy, agent.idle_since.0, id),
            Assign::RoundRobin => (agent.turn, 0, id),
        }
    }

    fn pool(&mut self, whole: bool) -> &mut Pool {
        if whole { &mut self.free } else { &mut self.crumbs }
    }

    fn count_in(&mut self, area: AreaId, id: AgentId, agent: &Agent) -> Linked {
        let mut linked = Linked { area, on_duty: agent.on_duty(), places: 0, room: 0, speed: 0, turn: None };
        if !linked.on_duty {
            return linked;
        }
        self.on_duty += 1;
        let by_hand = agent.profile.by_hand;
        // When they will pick somebody up, nobody knows: no wait is told for it.
        if by_hand && self.is_automatic() {
            return linked;
        }
        let part = agent.room();
        linked.places = u64::from(agent.profile.max_chats);
        linked.room = part / u64::from(CHAT);
        let each = self.forecast.of_agent(&agent.handling);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturating where a maximum is lavish"
        )]
        let speed = (linked.places as f64 * SPEED / each) as u64;
        linked.speed = speed;
        self.places += linked.places;
        self.room += linked.room;
        self.speed += linked.speed;
        self.free_agents += u32::from(linked.room > 0);
        if part > 0 && !by_hand {
            let turn = self.turn(id, agent);
            linked.turn = Some(turn);
            self.pool(linked.room > 0).entry(agent.kit.clone()).or_default().insert(turn);
        }
        linked
    }

    fn count_out(&mut self, linked: &Linked, kit: &Arc<[String]>) {
        if !linked.on_duty {
            return;
        }
        self.on_duty -= 1;
        self.places -= linked.places;
        self.room -= linked.room;
        self.speed -= linked.speed;
        self.free_agents -= u32::from(linked.room > 0);
        let Some(turn) = linked.turn else { return };
        let pool = self.pool(linked.room > 0);
        if let Some(turns) = pool.get_mut(kit) {
            turns.remove(&turn);
            if turns.is_empty() {
                pool.remove(kit);
            }
        }
    }
}

impl QueueManager {
    /// Changes an agent, and what their areas count of them.
    pub(super) fn change(&mut self, id: AgentId, change: impl FnOnce(&mut Agent)) {
        let agent = &mut self.agents[id as usize];
        let linked = std::mem::take(&mut agent.linked);
        for one in &linked {
            self.areas[one.area as usize].count_out(one, &agent.kit);
        }
        let areas = agent.profile.areas.clone();
        change(agent);
        // Nearly always the same areas: then the list is used again.
        let mut ids: Vec<AreaId> = if agent.profile.areas == areas && !linked.is_empty() {
            linked.iter().map(|one| one.area).collect()
        } else {
            let names = agent.profile.areas.clone();
            names.iter().map(|name| self.area(name)).collect()
        };
        ids.sort_unstable();
        ids.dedup();
        let agent = &mut self.agents[id as usize];
        for at in ids {
            let area = &mut self.areas[at as usize];
            let one = area.count_in(at, id, agent);
            if one.turn.is_some() && area.is_automatic() && !area.line.is_empty() {
                self.stirred.insert(at);
            }
            agent.linked.push(one);
        }
    }

    /// Somebody waits, from now on or still.
    pub(super) fn enqueue(&mut self, now: Timestamp, ticket: Ticket) {
        let before = self.dequeue(ticket.chat);
        let id = self.area(&ticket.area);
        let weight = self.weights.get(&ticket.chat).copied().unwrap_or(CHAT);
        let area = &mut self.areas[id as usize];
        let score = ticket.since.0.saturating_sub(area.way.weights.bonus(&ticket));
        let place = Place { score, since: ticket.since, chat: ticket.chat };
        area.line.insert(place);
        let same = before.filter(|before| before.area == id);
        let entered = same.as_ref().map_or(now, |before| before.entered);
        let told = match &same {
            Some(before) => before.told.clone(),
            // As it is told, rounded: that is what has to hold.
            None => area.line.rank(&place).and_then(|rank| area.told(rank)).map(Told::seconds),
        };
        let needs = ticket.needs.clone();
        let mut waiting =
            Waiting { place, area: id, entered, told, needs, relaxes_at: None, weight, shown: None, ticket };
        self.may_be_served(now, &mut waiting);
        self.waiting.insert(place.chat, Box::new(waiting));
    }

    /// Where agents are found for customers, this one is one of them.
    pub(super) fn may_be_served(&mut self, now: Timestamp, waiting: &mut Waiting) {
        let area = &mut self.areas[waiting.area as usize];
        if !area.is_automatic() {
            return;
        }
        area.classes.entry(waiting.class()).or_default().insert(waiting.place);
        if !waiting.needs.is_empty() && area.way.relax_after > 0 {
            let at = now.plus(area.way.relax_after);
            waiting.relaxes_at = Some(at);
            self.relaxes.insert((at, waiting.place.chat));
        }
        self.stirred.insert(waiting.area);
    }

    /// Somebody waits no more.
    pub(super) fn dequeue(&mut self, chat: baton_protocol::ChatId) -> Option<Waiting> {
        let mut waiting = self.waiting.remove(&chat)?;
        self.areas[waiting.area as usize].line.remove(&waiting.place);
        self.no_more_served(&mut waiting);
        Some(*waiting)
    }

    pub(super) fn no_more_served(&mut self, waiting: &mut Waiting) {
        if let Some(at) = waiting.relaxes_at.take() {
            self.relaxes.remove(&(at, waiting.place.chat));
        }
        let area = &mut self.areas[waiting.area as usize];
        let class = waiting.class();
        if let Some(class_line) = area.classes.get_mut(&class) {
            class_line.remove(&waiting.place);
            if class_line.is_empty() {
                area.classes.remove(&class);
            }
        }
    }
}

impl Waiting {
    pub(super) fn class(&self) -> Class {
        let ordinary = self.ticket.from.is_none() && self.ticket.priority == 0;
        Class { ordinary, weight: self.weight, needs: self.needs.clone() }
    }
}
