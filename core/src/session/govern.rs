//! What policy and audit want to know of a chat (O2, W2).

use baton_protocol::frames::About;
use baton_protocol::model::{Destination, Event};
use baton_protocol::{ErrorCode, TransferId};

use super::{Chat, State, Target};
use crate::audit::{Record, Step};
use crate::effect::{Effect, Env};
use crate::policy::{Bounds, Class, Decision, Request};
use crate::transfer::origin::Attempt;

impl Chat {
    /// What this chat's own policy says of a destination: the agreement first, then the rules.
    #[must_use]
    pub fn judge(&self, env: &Env<'_>, login: &str, target: &Target) -> Decision {
        if let Some(reason) = target.denied.clone() {
            return Decision { rule: "agreement".into(), verdict: Err(reason) };
        }
        env.settings.rules.judge(Request {
            agent: login,
            area: &self.record.area,
            to: &target.destination,
            class: target.class,
            confidential: self.record.confidential,
        })
    }

    /// Keeps a step of a transfer.
    pub(super) fn audit(
        &self,
        env: &Env<'_>,
        (transfer, agent, to): (TransferId, &str, &Destination),
        step: Step,
        out: &mut Vec<Effect>,
    ) {
        let (peer, to) = match to {
            Destination::Agent(name) => (None, format!("agent {name}")),
            Destination::Area(name) => (None, format!("area {name}")),
            Destination::Server { server, area: None } => (Some(server.clone()), server.clone()),
            Destination::Server { server, area: Some(area) } => {
                (Some(server.clone()), format!("{server}/{area}"))
            }
        };
        let (at, chat) = (env.now, Some(self.record.id));
        let (transfer, agent) = (Some(transfer), agent.into());
        out.push(Effect::Audit(Box::new(Record { at, chat, transfer, agent, peer, to, step })));
    }

    /// Keeps a step of a transfer to another server.
    pub(super) fn audit_attempt(&self, env: &Env<'_>, attempt: &Attempt, step: Step, out: &mut Vec<Effect>) {
        let to = Destination::Server { server: attempt.peer.clone(), area: attempt.area.clone() };
        self.audit(env, (attempt.transfer, &attempt.agent, &to), step, out);
    }

    /// What holds for a transfer to a peer: the agreement, and what was demanded by whoever sent us the chat. That
    /// one may have its own back, and another server of our company is no third company.
    pub(super) fn bounds_for(&self, env: &Env<'_>, agreement: Bounds, peer: &str, class: Class) -> Bounds {
        let bound = self.record.came.as_ref().is_some_and(|came| came.confined && !self.is_sender(env, peer));
        Bounds {
            confined: agreement.confined || bound,
            own_only: bound && class != Class::SameCompany,
            ..agreement
        }
    }

    /// Whether the chat came from that server; by way of our own holding session, if there was one (D6).
    fn is_sender(&self, env: &Env<'_>, peer: &str) -> bool {
        let came = self.record.came.as_ref().map(|came| came.peer.as_str());
        if came != Some(env.settings.server.as_str()) {
            return came == Some(peer);
        }
        self.context.as_ref().and_then(|context| context.visited.last()).is_some_and(|last| last == peer)
    }

    /// Its agent, or a supervisor, marks the chat (O2).
    pub(super) fn set_confidential(
        &mut self,
        env: &mut Env<'_>,
        (login, title): (&str, String),
        supervisor: bool,
        on: bool,
        out: &mut Vec<Effect>,
    ) {
        if !supervisor && self.agent_login() != Some(login) {
            return self.refuse_agent(login, ErrorCode::UnknownChat, About::Chat(self.record.id), out);
        }
        if self.record.confidential == on || matches!(self.record.state, State::Ended(_)) {
            return;
        }
        self.record.confidential = on;
        self.save(out);
        self.tell_marks(out);
        self.happened(env, Event::Confidential { agent: title, on }, out);
    }
}
