//! The queue as others see it: customers their rank and wait (H1), agents the queue (A2), the transfer dialog areas
//! and agents (A3), and whoever decides about overload the numbers (D9).

use baton_protocol::ChatId;
use baton_protocol::model::{AgentCard, AreaCard, SharePolicy, WaitRange, WaitingCard};

use super::forecast::Told;
use super::{Agent, AreaId, Profile, QueueManager, SeatKey, Waiting};

/// The first of each line, whose ranks are looked at every time: they will be served soon.
const FRONT: u32 = 32;

/// Customers whom an agent's console is shown, the next ones. Nobody picks up the thousandth.
const LISTED: usize = 300;

/// How an area is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Staffing {
    /// Agents on duty.
    pub agents: u32,
    /// Agents of them who could take a chat now.
    pub free_agents: u32,
    /// Chats that they could take together.
    pub room: u64,
    /// Customers waiting, those on their way included.
    pub waiting: u32,
    /// Seconds that the next one would wait, at most; none where nobody serves.
    pub wait: Option<u32>,
}

impl QueueManager {
    /// Whether an agent is logged in.
    #[must_use]
    pub fn is_online(&self, login: &str) -> bool {
        self.known(login).is_some_and(|agent| agent.online)
    }

    /// Whether an area has somebody on duty (A5, D7).
    #[must_use]
    pub fn is_staffed(&self, area: &str) -> bool {
        self.known_area(area).is_some_and(|area| area.on_duty > 0)
    }

    /// The chats that hold a place of this agent's.
    #[must_use]
    pub fn chats_of(&self, login: &str) -> Vec<ChatId> {
        self.known(login).map(|agent| agent.chats.keys().copied().collect()).unwrap_or_default()
    }

    /// The chats that an agent who logs in is to see: those that hold a place of theirs, and those that it was taken from
    /// for a second step (D6), which may be theirs again without a word. Each knows whether it is shown now.
    #[must_use]
    pub fn chats_to_show(&self, login: &str) -> Vec<ChatId> {
        let Some(agent) = self.known(login) else { return Vec::new() };
        let lent = agent.seats.values().filter_map(|seat| seat.instead_of.as_ref());
        agent.chats.keys().copied().chain(lent.map(|(chat, _)| *chat)).collect()
    }

    /// Who an agent is, if known.
    #[must_use]
    pub fn profile(&self, login: &str) -> Option<Profile> {
        self.known(login).map(|agent| agent.profile.clone())
    }

    /// The places of this agent's that are kept for customers on their way.
    #[must_use]
    pub fn seats_of(&self, login: &str) -> Vec<SeatKey> {
        self.known(login).map(|agent| agent.seats.keys().cloned().collect()).unwrap_or_default()
    }

    fn known(&self, login: &str) -> Option<&Agent> {
        self.logins.get(login).map(|id| &self.agents[*id as usize])
    }

    /// The agent who has this chat, by login name.
    #[must_use]
    pub fn holder_of(&self, chat: ChatId) -> Option<String> {
        self.holders_of(chat).next().map(|id| self.agents[id as usize].profile.login.clone())
    }

    /// How many wait, in all areas.
    #[must_use]
    pub fn length(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    /// Whether a chat waits here.
    #[must_use]
    pub fn waits(&self, chat: ChatId) -> bool {
        self.waiting.contains_key(&chat)
    }

    /// The range that somebody was told when they came, if they had to wait for others.
    #[must_use]
    pub fn told(&self, chat: ChatId) -> Option<WaitRange> {
        self.waiting.get(&chat)?.told.clone()
    }

    /// Every waiting chat with its rank and expected wait (H1). Walks the whole queue: for tests and small ones.
    #[must_use]
    pub fn places(&self) -> Vec<(ChatId, u32, Option<WaitRange>)> {
        let lines = self.area_names.values().map(|id| &self.areas[*id as usize]);
        let ranked = lines.flat_map(|area| {
            (1..).zip(area.line.iter()).map(|(rank, place)| (place.chat, rank, self.wait(&area.name, rank)))
        });
        ranked.collect()
    }

    /// Adds the ranks and waits that have changed since they were last asked for: of the first in each line always,
    /// and of so many others in turn, so that a long queue costs no more than a short one.
    pub fn news(&mut self, others: u32, news: &mut Vec<(ChatId, u32, Option<WaitRange>)>) {
        let areas = AreaId::try_from(self.areas.len()).unwrap_or(AreaId::MAX);
        for area in 0..areas {
            (1..=FRONT).take_while(|rank| self.look(area, *rank, news)).for_each(drop);
        }
        let (mut left, mut turns) = (others, 0);
        while left > 0 && turns <= areas && areas > 0 {
            let (area, rank) = self.cursor;
            if area < areas && self.look(area, rank.max(FRONT + 1), news) {
                self.cursor = (area, rank.max(FRONT + 1) + 1);
                left -= 1;
            } else {
                self.cursor = (if area + 1 < areas { area + 1 } else { 0 }, FRONT + 1);
                turns += 1;
            }
        }
    }

    /// Whether there is somebody of this rank.
    fn look(&mut self, area: AreaId, rank: u32, news: &mut Vec<(ChatId, u32, Option<WaitRange>)>) -> bool {
        let line = &self.areas[area as usize];
        let Some(place) = line.line.nth(rank) else { return false };
        let now = (rank, line.wait(rank));
        if let Some(waiting) = self.waiting.get_mut(&place.chat)
            && waiting.shown.as_ref() != Some(&now)
        {
            news.push((place.chat, rank, now.1.clone()));
            waiting.shown = Some(now);
        }
        true
    }

    /// The queue as an agent sees it: the next ones of each line.
    #[must_use]
    pub fn queue_for(&self, login: &str) -> Vec<WaitingCard> {
        let Some(agent) = self.known(login) else { return Vec::new() };
        let mine = |name: &&String| agent.profile.supervisor || agent.profile.areas.contains(name);
        let areas: Vec<&AreaId> =
            self.area_names.iter().filter(|(name, _)| mine(name)).map(|(_, id)| id).collect();
        let each = (LISTED / areas.len().max(1)).max(1);
        let lines = areas.into_iter().map(|id| &self.areas[*id as usize].line);
        let ranked = lines.flat_map(|line| (1..).zip(line.iter()).take(each));
        ranked.filter_map(|(rank, place)| Some(self.waiting.get(&place.chat)?.card(rank))).collect()
    }

    /// The last of an area's line who have waited no longer than these, the last one first.
    pub fn last_of(&self, area: &str) -> impl Iterator<Item = ChatId> + '_ {
        let line = self.known_area(area).map(|area| &area.line);
        line.into_iter()
            .flat_map(|line| (1..=line.len()).rev().filter_map(|rank| line.nth(rank)))
            .map(|place| place.chat)
    }

    /// An area as the transfer dialog shows it; the caller knows its title and the policy.
    #[must_use]
    pub fn area_card(&self, name: &str, title: &str, share: SharePolicy) -> AreaCard {
        let staffing = self.staffing(name);
        let waiting = self.known_area(name).map_or(0, |area| area.line.len());
        AreaCard {
            name: name.into(),
            title: title.into(),
            agents: staffing.agents,
            free_agents: staffing.free_agents,
            waiting,
            wait: self.wait(name, waiting + 1),
            share,
        }
    }

    /// How an area is doing.
    #[must_use]
    pub fn staffing(&self, name: &str) -> Staffing {
        let Some(area) = self.known_area(name) else { return Staffing::default() };
        let waiting = area.line.len() + area.coming;
        Staffing {
            agents: area.on_duty,
            free_agents: area.free_agents,
            room: area.room,
            waiting,
            wait: area.wait(waiting + 1).map(|wait| wait.to),
        }
    }

    /// How many agents of the area are likely to be free within so many milliseconds (D8): those who are now, and
    /// those whose chats will have ended, taken at the longest that chats took lately, less those who wait already.
    #[must_use]
    pub fn soon_free(&self, name: &str, within: u64) -> u32 {
        let Some(area) = self.known_area(name) else { return 0 };
        let busy = area.places.saturating_sub(area.room);
        let ending = (busy as f64 * within as f64 / area.forecast.peak.max(1.0)).min(busy as f64);
        let free = area.room as f64 + ending - f64::from(area.line.len() + area.coming);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded down, not negative"
        )]
        let whole = free.max(0.0) as u32;
        whole
    }

    /// Every agent who is or was here, as the transfer dialog shows them.
    pub fn agent_cards<'a>(
        &'a self,
        share: impl Fn(&Profile) -> SharePolicy + 'a,
    ) -> impl Iterator<Item = AgentCard> + 'a {
        let agents = self.logins.values().map(|id| &self.agents[*id as usize]);
        agents.map(move |agent| agent.card(share(&agent.profile)))
    }

    /// An agent, if known.
    #[must_use]
    pub fn agent_card(&self, login: &str, share: SharePolicy) -> Option<AgentCard> {
        self.known(login).map(|agent| agent.card(share))
    }

    pub(super) fn wait(&self, area: &str, rank: u32) -> Option<WaitRange> {
        self.known_area(area)?.wait(rank)
    }
}

impl super::area::Area {
    /// The range for somebody of this rank. Nothing where nobody is on duty.
    pub(super) fn wait(&self, rank: u32) -> Option<WaitRange> {
        match self.told(rank) {
            Some(told) => Some(told.seconds()),
            None => (self.places > 0).then(|| Told::at_once(!self.is_automatic())),
        }
    }
}

impl Waiting {
    fn card(&self, rank: u32) -> WaitingCard {
        let ticket = &self.ticket;
        WaitingCard {
            chat: ticket.chat,
            area: ticket.area.clone(),
            name: ticket.name.clone(),
            subject: ticket.subject.clone(),
            since: ticket.since,
            rank,
            from: ticket.from.clone(),
            left: ticket.left,
        }
    }
}

impl Agent {
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
            by_hand: profile.by_hand,
        }
    }
}
