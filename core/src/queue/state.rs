//! The queue manager as inputs that make another one like it (Q2): who starts later, or has lost the connection,
//! gets these first.

use baton_protocol::model::Presence;

use super::plan::{Assign, Plan};
use super::{Input, QueueManager, Wanted};

impl Plan {
    /// The same for a copy, which is told who was given to whom and gives nobody itself.
    #[must_use]
    pub fn of_a_copy(&self) -> Self {
        let mut plan = self.clone();
        plan.areas.values_mut().for_each(|way| way.assign = Assign::ByHand);
        plan
    }
}

impl QueueManager {
    /// Inputs that make a copy: places first, so that no agent seems free who is not.
    #[must_use]
    pub fn as_inputs(&self) -> Vec<Input> {
        let mut inputs: Vec<Input> =
            self.weights.iter().map(|(chat, weight)| Input::Weighs(*chat, *weight)).collect();
        for agent in &self.agents {
            let login = || agent.profile.login.clone();
            inputs.extend(agent.chats.keys().map(|chat| Input::Hold(login(), *chat)));
            inputs.extend(agent.seats.iter().map(|(seat, kept)| Input::Reserve {
                seat: seat.clone(),
                area: String::new(),
                wanted: Wanted::Promised(login()),
                until: kept.until,
            }));
        }
        inputs.extend(self.kept.iter().map(|(seat, (area, until))| Input::Reserve {
            seat: seat.clone(),
            area: self.areas[*area as usize].name.clone(),
            wanted: Wanted::InQueue(u32::MAX),
            until: *until,
        }));
        inputs.extend(self.waiting.values().map(|waiting| Input::Wait(waiting.ticket.clone())));
        for agent in self.agents.iter().filter(|agent| !agent.profile.areas.is_empty() || agent.online) {
            let login = &agent.profile.login;
            inputs.push(Input::Online(agent.profile.clone()));
            if agent.presence != Presence::Available {
                inputs.push(Input::SetPresence(login.clone(), agent.presence));
            }
            if !agent.online {
                inputs.push(Input::Offline(login.clone()));
            }
        }
        inputs
    }
}
