//! An agent of this server is asked whether they take a chat, where their area wants that.

use baton_protocol::model::{Ask, Destination};
use baton_protocol::{ErrorCode, ServerFrame, TransferId};

use super::{Chat, State};
use crate::audit::Step;
use crate::effect::{Effect, Env, NeedsAgent, Timer};
use crate::queue::{self, Profile};

impl Chat {
    /// Whether the agent who has room for this transfer has not been asked yet, and should be.
    pub(super) fn must_be_asked(&self, env: &Env<'_>, transfer: TransferId, agent: &Profile) -> bool {
        let Some(placing) = self.placing.as_ref().filter(|placing| placing.transfer == transfer) else {
            return false;
        };
        let willing = |area: &String| env.settings.arrival(area).agent == NeedsAgent::Willing;
        let named = matches!(placing.target.destination, Destination::Agent(_));
        named && !placing.target.consulted && placing.asked.is_none() && agent.areas.iter().any(willing)
    }

    pub(super) fn ask(&mut self, env: &Env<'_>, agent: Profile, out: &mut Vec<Effect>) {
        let Some(placing) = &mut self.placing else { return };
        let login = agent.login.clone();
        placing.asked = Some(agent);
        out.push(Effect::SetTimer(Timer::Ask, env.settings.times.ask));
        self.show_question(env, &login, out);
    }

    /// The question, for the console of the agent who is being asked.
    pub(super) fn show_question(&self, env: &Env<'_>, login: &str, out: &mut Vec<Effect>) {
        let (Some(placing), State::Active { title, .. }) = (&self.placing, &self.record.state) else {
            return;
        };
        if placing.asked.as_ref().is_none_or(|agent| agent.login != login) {
            return;
        }
        let (customer, limit) = (self.known_customer().clone(), env.settings.times.ask);
        let ask = Ask {
            transfer: placing.transfer,
            from: title.clone(),
            agent: title.clone(),
            area: env.settings.area_title(&self.record.area).unwrap_or(&self.record.area).into(),
            name: customer.name,
            subject: customer.subject,
            comments: placing.comments.clone(),
            expires_in: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        out.push(Effect::ToAgent(login.into(), Box::new(ServerFrame::Asked { ask })));
    }

    /// The answer. One that comes too late changes nothing.
    pub(super) fn decided(
        &mut self,
        env: &mut Env<'_>,
        login: &str,
        transfer: TransferId,
        accept: bool,
        out: &mut Vec<Effect>,
    ) {
        let asked = self.placing.as_ref().filter(|placing| placing.transfer == transfer);
        let asked = asked.and_then(|placing| placing.asked.clone()).filter(|agent| agent.login == login);
        match asked {
            Some(agent) if accept => {
                out.push(Effect::ClearTimer(Timer::Ask));
                out.push(Effect::ToAgent(login.into(), Box::new(ServerFrame::AskOver { transfer })));
                self.placed(env, transfer, Some(agent), out);
            }
            Some(_) => self.not_taken(env, ErrorCode::Declined, out),
            None => out.push(Effect::ToAgent(login.into(), Box::new(ServerFrame::AskOver { transfer }))),
        }
    }

    pub(super) fn not_decided(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        self.not_taken(env, ErrorCode::Declined, out);
    }

    /// Whoever was asked does not get the chat, which is as it was (A6).
    pub(super) fn not_taken(&mut self, env: &mut Env<'_>, code: ErrorCode, out: &mut Vec<Effect>) {
        let Some(placing) = &self.placing else { return };
        let (transfer, title) = (placing.transfer, placing.target.title.clone());
        self.drop_placing(env, code, out);
        self.failed_here(env, transfer, &title, code, code.to_string(), out);
    }

    /// Forgets a transfer within this server that has not been made.
    pub(super) fn drop_placing(&mut self, env: &Env<'_>, code: ErrorCode, out: &mut Vec<Effect>) {
        let Some(placing) = self.placing.take() else { return };
        self.audit_placing(env, &placing, Step::Failed { code }, out);
        let Some(agent) = placing.asked else { return };
        let over = ServerFrame::AskOver { transfer: placing.transfer };
        out.push(Effect::ClearTimer(Timer::Ask));
        out.push(Effect::ToAgent(agent.login.clone(), Box::new(over)));
        out.push(Effect::Queue(Box::new(queue::Input::Withdraw(agent.login, self.record.id))));
    }
}
