//! Automatic assignment: customers and agents find each other as soon as there is one of each that fit.
//!
//! Customers of an area who need the same are one class, and agents with the same skills one pool, so that the first
//! of each are all that has to be looked at. There are as many of them as kinds of customers, not as customers.

use baton_protocol::{ChatId, Timestamp};

use super::area::Area;
use super::line::Place;
use super::{AgentId, AreaId, Output, QueueManager};

impl QueueManager {
    /// Gives customers to agents until nobody in the areas where something has changed fits anybody.
    pub(super) fn settle(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        if self.stirred.is_empty() {
            return;
        }
        let areas = std::mem::take(&mut self.stirred);
        let mut given = false;
        while let Some((agent, chat)) = self.next_pair(areas.iter().copied()) {
            outputs.extend(self.assign(now, agent, chat));
            given = true;
        }
        // They are settled, whatever has stirred in them meanwhile.
        self.stirred.clear();
        if given && !outputs.contains(&Output::Changed) {
            outputs.push(Output::Changed);
        }
    }

    /// The first of the waiting for whom there is an agent.
    fn next_pair(&self, areas: impl Iterator<Item = AreaId>) -> Option<(AgentId, ChatId)> {
        let mut best: Option<(Place, AgentId)> = None;
        for id in areas {
            let area = &self.areas[id as usize];
            for (class, line) in &area.classes {
                let Some(first) = line.first() else { continue };
                if best.is_some_and(|(place, _)| place <= *first) {
                    continue;
                }
                if class.ordinary && area.way.reserve > 0 && area.free_agents <= area.way.reserve {
                    continue;
                }
                let last = self.waiting.get(&first.chat).and_then(|one| one.ticket.last_agent.as_deref());
                let agent = last
                    .filter(|_| area.way.last_agent)
                    .and_then(|login| self.if_free(area, login, class.weight, &class.needs))
                    .or_else(|| self.next_agent(area, class.weight, &class.needs));
                if let Some(agent) = agent {
                    best = Some((*first, agent));
                }
            }
        }
        best.map(|(place, agent)| (agent, place.chat))
    }

    /// This agent, if they can take somebody of this area who needs this.
    fn if_free(&self, area: &Area, login: &str, weight: u32, needs: &[String]) -> Option<AgentId> {
        let id = *self.logins.get(login)?;
        let agent = &self.agents[id as usize];
        let fits = agent.on_duty()
            && !agent.profile.by_hand
            && agent.room() >= u64::from(weight)
            && agent.profile.areas.contains(&area.name)
            && has_all(&agent.kit, needs);
        fits.then_some(id)
    }

    /// The agent whose turn it is.
    fn next_agent(&self, area: &Area, weight: u32, needs: &[String]) -> Option<AgentId> {
        let light = weight < super::CHAT;
        let pools = area.free.iter().chain(area.crumbs.iter().filter(|_| light));
        let able = pools.filter(|(kit, _)| has_all(kit, needs));
        let room = |id: AgentId| self.agents[id as usize].room() >= u64::from(weight);
        able.filter_map(|(_, turns)| turns.iter().find(|turn| room(turn.2))).min().map(|turn| turn.2)
    }

    /// Whoever has waited for a skill for too long does without the least important one.
    pub(super) fn relax(&mut self, now: Timestamp) -> Vec<Output> {
        while let Some((at, chat)) = self.relaxes.first().copied()
            && at <= now
        {
            self.relaxes.pop_first();
            let Some(mut waiting) = self.waiting.remove(&chat) else { continue };
            self.no_more_served(&mut waiting);
            waiting.needs.pop();
            self.may_be_served(now, &mut waiting);
            self.waiting.insert(chat, waiting);
        }
        Vec::new()
    }
}

/// Whether all that is needed is among the skills, which are in order.
fn has_all(kit: &[String], needs: &[String]) -> bool {
    needs.iter().all(|need| kit.binary_search(need).is_ok())
}
