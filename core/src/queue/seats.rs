//! Places that are kept for customers on their way here, so that a transfer that is accepted has somewhere to go.

use baton_protocol::{ChatId, ErrorCode, Timestamp};

use super::{Agent, AgentId, CHAT, Held, Output, Profile, QueueManager, Seat, SeatKey, Wanted};

/// Seconds after which to ask again, where nothing better is known.
const AGAIN: u32 = 60;

impl QueueManager {
    /// Asked again for the same customer, it answers for the place that is kept already.
    pub(super) fn reserve(
        &mut self,
        now: Timestamp,
        seat: SeatKey,
        place: (String, Timestamp),
        wanted: Wanted,
    ) -> Vec<Output> {
        let answer = match self.keeper(&seat) {
            Some(agent) => Ok(Some(agent.profile.clone())),
            None if self.kept.contains_key(&seat) => Ok(None),
            None => self.find_place(now, &seat, place, wanted),
        };
        let changed = answer.is_ok();
        let mut outputs = vec![Output::Reserved { seat, answer }];
        outputs.extend(changed.then_some(Output::Changed));
        outputs
    }

    fn find_place(
        &mut self,
        now: Timestamp,
        seat: &SeatKey,
        (area, until): (String, Timestamp),
        wanted: Wanted,
    ) -> Result<Option<Profile>, (ErrorCode, u32)> {
        let mut instead_of = None;
        let id = match wanted {
            Wanted::InQueue(most) => {
                let id = self.area(&area);
                let line = &mut self.areas[id as usize];
                if line.line.len() + line.coming >= most {
                    return Err((ErrorCode::QueueFull, self.again_in(&area)));
                }
                line.coming += 1;
                self.kept.insert(seat.clone(), (id, until));
                self.lapses.insert((until, seat.clone()));
                return Ok(None);
            }
            Wanted::FreeAgent(not) => self.idlest_id(&area, &not).ok_or_else(|| {
                let code = if not.is_empty() { ErrorCode::NoAgentFree } else { ErrorCode::Declined };
                (code, self.again_in(&area))
            })?,
            Wanted::This(login) => {
                let id = self.logins.get(&login).copied();
                id.filter(|id| self.agents[*id as usize].why_not().is_none())
                    .ok_or((ErrorCode::AgentUnavailable, AGAIN))?
            }
            Wanted::Promised(login) => self.agent(&login, now),
            Wanted::InsteadOf(login, chat) => {
                let id = self.logins.get(&login).copied().ok_or((ErrorCode::AgentUnavailable, AGAIN))?;
                let held = self.take(id, chat).ok_or((ErrorCode::AgentUnavailable, AGAIN))?;
                instead_of = Some((chat, held));
                self.instead.insert(chat, seat.clone());
                id
            }
        };
        self.keepers.insert(seat.clone(), id);
        self.lapses.insert((until, seat.clone()));
        self.change(id, |agent| {
            agent.seats.insert(seat.clone(), Seat { until, instead_of });
        });
        Ok(Some(self.agents[id as usize].profile.clone()))
    }

    /// Whoever was to come or to give the place back is gone, with the machine that knew.
    pub(super) fn drop_lapsed(&mut self, now: Timestamp) {
        while self.lapses.first().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, seat)) = self.lapses.pop_first() {
                self.drop_seat(&seat);
            }
        }
    }

    /// The agent of the area who has the fewest chats, if one is free.
    #[must_use]
    pub fn idlest(&self, area: &str, not: &[String]) -> Option<String> {
        self.idlest_id(area, not).map(|id| self.agents[id as usize].profile.login.clone())
    }

    fn idlest_id(&self, area: &str, not: &[String]) -> Option<AgentId> {
        let wanted = |id: AgentId| !not.contains(&self.agents[id as usize].profile.login);
        let pools = self.known_area(area)?.free.values();
        pools.filter_map(|turns| turns.iter().find(|turn| wanted(turn.2))).min().map(|turn| turn.2)
    }

    fn again_in(&self, area: &str) -> u32 {
        self.wait(area, 1).map_or(AGAIN, |wait| wait.to.clamp(5, 600))
    }

    pub(super) fn give_back(&mut self, seat: &SeatKey) -> Vec<Output> {
        if self.drop_seat(seat) { vec![Output::Changed] } else { Vec::new() }
    }

    /// Nobody comes: the place is again that of the chat it was taken from, if it was.
    fn drop_seat(&mut self, seat: &SeatKey) -> bool {
        let kept = self.remove_kept(seat);
        let Some((id, dropped)) = self.remove_seat(seat) else { return kept };
        if let Some((chat, held)) = dropped.instead_of {
            self.holders.insert((chat, id));
            self.change(id, |agent| {
                agent.chats.insert(chat, held);
            });
        }
        true
    }

    fn remove_kept(&mut self, seat: &SeatKey) -> bool {
        let Some((area, until)) = self.kept.remove(seat) else { return false };
        self.areas[area as usize].coming -= 1;
        self.lapses.remove(&(until, seat.clone()));
        true
    }

    /// The place is taken by the customer it was kept for; answers the agent who was promised.
    pub(super) fn take_seat(&mut self, seat: &SeatKey) -> Option<AgentId> {
        self.remove_kept(seat);
        self.remove_seat(seat).map(|(id, _)| id)
    }

    /// The agent with whom the place is kept.
    pub(super) fn keeper(&self, seat: &SeatKey) -> Option<&Agent> {
        self.keepers.get(seat).map(|id| &self.agents[*id as usize])
    }

    pub(super) fn remove_seat(&mut self, seat: &SeatKey) -> Option<(AgentId, Seat)> {
        let id = self.keepers.remove(seat)?;
        let mut removed = None;
        self.change(id, |agent| removed = agent.seats.remove(seat));
        let removed = removed?;
        self.lapses.remove(&(removed.until, seat.clone()));
        if let Some((chat, _)) = removed.instead_of {
            self.instead.remove(&chat);
        }
        Some((id, removed))
    }

    /// Whether the place is kept for where the chat's customer is being led; then it knows whose it was (D6).
    pub(super) fn is_kept_for(&mut self, now: Timestamp, seat: &SeatKey, chat: ChatId) -> bool {
        let Some(id) = self.keepers.get(seat).copied() else { return false };
        let Some(kept) = self.agents[id as usize].seats.get_mut(seat) else { return false };
        kept.instead_of.get_or_insert((chat, Held { since: now, weight: CHAT, area: None }));
        self.instead.insert(chat, seat.clone());
        true
    }

    /// The chat's own place is its place again: none is kept for where its customer was to go (D6).
    pub(super) fn goes_nowhere(&mut self, chat: ChatId) {
        if let Some(seat) = self.instead.get(&chat).cloned() {
            self.remove_seat(&seat);
        }
    }

    /// What the chat says of itself is newer than what was to become of it.
    pub(super) fn wants_nothing_back(&mut self, chat: ChatId) {
        let Some(seat) = self.instead.remove(&chat) else { return };
        let Some(id) = self.keepers.get(&seat).copied() else { return };
        if let Some(kept) = self.agents[id as usize].seats.get_mut(&seat) {
            kept.instead_of = None;
        }
    }
}
