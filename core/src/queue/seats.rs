//! Places that are kept for customers on their way here, so that a transfer that is accepted has somewhere to go.

use std::collections::BTreeMap;

use baton_protocol::{ChatId, ErrorCode, Timestamp};

use super::{Agent, Output, QueueManager, Seat, SeatKey, Wanted};

/// Seconds after which to ask again, where nothing better is known.
const AGAIN: u32 = 60;

impl Seat {
    /// Nobody came: the place is again that of the chat it was taken from, if it was.
    fn back_to(self, chats: &mut BTreeMap<ChatId, Timestamp>, now: Timestamp) {
        chats.extend(self.instead_of.map(|chat| (chat, now)));
    }
}

impl QueueManager {
    /// Asked again for the same customer, it answers for the place that is kept already.
    pub(super) fn reserve(
        &mut self,
        seat: SeatKey,
        place: (String, Timestamp),
        wanted: Wanted,
    ) -> Vec<Output> {
        let answer = match self.keeper(&seat) {
            Some(agent) => Ok(Some(agent.profile.clone())),
            None if self.kept.contains_key(&seat) => Ok(None),
            None => self.find_place(&seat, place, wanted),
        };
        let changed = answer.is_ok();
        let mut outputs = vec![Output::Reserved { seat, answer }];
        outputs.extend(changed.then_some(Output::Changed));
        outputs
    }

    fn find_place(
        &mut self,
        seat: &SeatKey,
        (area, until): (String, Timestamp),
        wanted: Wanted,
    ) -> Result<Option<super::Profile>, (ErrorCode, u32)> {
        let mut instead_of = None;
        let login = match wanted {
            Wanted::InQueue(most) => {
                let waiting = self.waiting.values().filter(|ticket| ticket.area == area).count();
                let coming = self.kept.values().filter(|(other, _)| *other == area).count();
                if waiting + coming >= most as usize {
                    return Err((ErrorCode::QueueFull, self.again_in(&area)));
                }
                self.kept.insert(seat.clone(), (area, until));
                return Ok(None);
            }
            Wanted::FreeAgent(not) => self.idlest(&area, &not).ok_or_else(|| {
                let code = if not.is_empty() { ErrorCode::NoAgentFree } else { ErrorCode::Declined };
                (code, self.again_in(&area))
            })?,
            Wanted::This(login) => {
                let free = self.agents.get(&login).is_some_and(|agent| agent.why_not().is_none());
                free.then_some(login).ok_or((ErrorCode::AgentUnavailable, AGAIN))?
            }
            Wanted::Promised(login) => login,
            Wanted::InsteadOf(login, chat) => {
                instead_of = Some(chat);
                self.swap(&login, chat)?
            }
        };
        let agent = self.agents.entry(login.clone()).or_insert_with(|| Agent::unknown(login));
        agent.seats.insert(seat.clone(), Seat { until, instead_of });
        Ok(Some(agent.profile.clone()))
    }

    /// Whoever was to come or to give the place back is gone, with the machine that knew.
    pub(super) fn drop_lapsed(&mut self, now: Timestamp) {
        self.kept.retain(|_, (_, until)| *until > now);
        for agent in self.agents.values_mut() {
            for (_, lapsed) in agent.seats.extract_if(.., |_, seat| seat.until <= now) {
                lapsed.back_to(&mut agent.chats, now);
            }
        }
    }

    /// The agent of the area who has the fewest chats, if one is free.
    #[must_use]
    pub fn idlest(&self, area: &str, not: &[String]) -> Option<String> {
        let free = self.staff(area).filter(|agent| agent.why_not().is_none());
        let others = free.filter(|agent| !not.contains(&agent.profile.login));
        others.min_by_key(|agent| agent.taken()).map(|agent| agent.profile.login.clone())
    }

    fn swap(&mut self, login: &str, chat: ChatId) -> Result<String, (ErrorCode, u32)> {
        let held = self.agents.get_mut(login).and_then(|agent| agent.chats.remove(&chat));
        held.map(|_| login.to_owned()).ok_or((ErrorCode::AgentUnavailable, AGAIN))
    }

    fn again_in(&self, area: &str) -> u32 {
        self.wait(area, 1).map_or(AGAIN, |wait| wait.to.clamp(5, 600))
    }

    pub(super) fn give_back(&mut self, now: Timestamp, seat: &SeatKey) -> Vec<Output> {
        let kept = self.kept.remove(seat).is_some();
        let freed = self.remove_seat(seat).map(|(agent, seat)| seat.back_to(&mut agent.chats, now));
        if kept || freed.is_some() { vec![Output::Changed] } else { Vec::new() }
    }

    /// The place is taken by the customer it was kept for; answers the agent who was promised.
    pub(super) fn take_seat(&mut self, seat: &SeatKey) -> Option<String> {
        self.kept.remove(seat);
        self.remove_seat(seat).map(|(agent, _)| agent.profile.login.clone())
    }

    /// The agent with whom the place is kept.
    pub(super) fn keeper(&self, seat: &SeatKey) -> Option<&Agent> {
        self.agents.values().find(|agent| agent.seats.contains_key(seat))
    }

    fn remove_seat(&mut self, seat: &SeatKey) -> Option<(&mut Agent, Seat)> {
        self.agents.values_mut().find_map(|agent| agent.seats.remove(seat).map(|seat| (agent, seat)))
    }

    /// Whether the place is kept for where the chat's customer is being led; then it knows whose it was (D6).
    pub(super) fn is_kept_for(&mut self, seat: &SeatKey, chat: ChatId) -> bool {
        let kept = self.agents.values_mut().find_map(|agent| agent.seats.get_mut(seat));
        kept.map(|seat| seat.instead_of = Some(chat)).is_some()
    }

    /// The chat's own place is its place again: none is kept for where its customer was to go (D6).
    pub(super) fn goes_nowhere(&mut self, chat: ChatId) {
        for agent in self.agents.values_mut() {
            agent.seats.retain(|_, seat| seat.instead_of != Some(chat));
        }
    }

    /// What the chat says of itself is newer than what was to become of it.
    pub(super) fn wants_nothing_back(&mut self, chat: ChatId) {
        let seats = self.agents.values_mut().flat_map(|agent| agent.seats.values_mut());
        seats.filter(|seat| seat.instead_of == Some(chat)).for_each(|seat| seat.instead_of = None);
    }
}
