//! What policy and audit want to know of a chat (O2, W2).

use baton_protocol::frames::About;
use baton_protocol::model::{Author, Body, Destination, Event, Share, SharePolicy};
use baton_protocol::{ErrorCode, MessageId, TransferId};

use super::{Chat, State, Target};
use crate::audit::{Record, Step};
use crate::effect::{Effect, Env};
use crate::policy::{Bounds, Class, Decision, Request};
use crate::transfer::origin::Attempt;

/// What an agent reads whose transfer is under way when the chat is marked.
const HELD_BACK: &str = "Confidential from now on: nothing more of this chat goes along with the transfer.";

impl Chat {
    /// What this chat's own policy says of a destination: the agreement first, then the rules.
    #[must_use]
    pub fn judge(&self, env: &Env<'_>, login: &str, target: &Target) -> Decision {
        if let Some(reason) = target.denied.clone() {
            return Decision { rule: "agreement".into(), verdict: Err(reason) };
        }
        self.rules_say(env, login, &target.destination, target.class)
    }

    fn rules_say(&self, env: &Env<'_>, agent: &str, to: &Destination, class: Class) -> Decision {
        let (area, confidential) = (&self.record.area, self.record.confidential);
        env.settings.rules.judge(Request { agent, area, to, class, confidential })
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
        self.audit(env, (attempt.transfer, &attempt.agent, &attempt.destination()), step, out);
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
        let under_way = if on { self.hold_back(env) } else { None };
        self.save(out);
        self.tell_marks(out);
        self.happened(env, Event::Confidential { agent: title, on }, out);
        if on {
            self.hold_back_here(env, out);
        }
        match under_way {
            Some(Err(reason)) => self.abort(env, ErrorCode::NotPermitted, reason, out),
            Some(Ok(SharePolicy::Nothing)) => {
                let (id, text) = (MessageId(env.bytes()), HELD_BACK.to_owned());
                self.append(env, id, Author::System, Body::Note(text), None, out);
            }
            _ => {}
        }
    }

    /// What policy says now of an attempt that it has permitted before.
    pub(super) fn judge_again(&self, env: &Env<'_>, attempt: &Attempt) -> Result<SharePolicy, String> {
        let Some(class) = attempt.class else { return Ok(SharePolicy::All) };
        self.rules_say(env, &attempt.agent, &attempt.destination(), class).verdict
    }

    /// The mark holds for everything that has not left yet, also for what a destination that was given up may still ask
    /// for; answers what policy says of the attempt under way. What was released is the destination's already.
    fn hold_back(&mut self, env: &Env<'_>) -> Option<Result<SharePolicy, String>> {
        let mut past = std::mem::take(&mut self.record.past);
        for past in &mut past {
            let _ = self.narrow(env, &mut past.attempt);
        }
        let mut outgoing = std::mem::take(&mut self.record.outgoing);
        let verdict = outgoing.attempt_here().map(|attempt| self.narrow(env, attempt));
        (self.record.past, self.record.outgoing) = (past, outgoing);
        verdict
    }

    /// The same for a transfer within this server, for which a place is looked for or an agent is asked.
    fn hold_back_here(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        let (Some(placing), Some(login)) = (&self.placing, self.agent_login()) else { return };
        let target = &placing.target;
        let (transfer, title) = (placing.transfer, target.title.clone());
        match self.rules_say(env, login, &target.destination, target.class).verdict {
            Err(reason) => {
                self.drop_placing(env, ErrorCode::NotPermitted, out);
                self.failed_here(env, transfer, &title, ErrorCode::NotPermitted, reason, out);
            }
            Ok(SharePolicy::Nothing) => {
                if let Some(placing) = &mut self.placing {
                    placing.share = Share::Nothing;
                }
            }
            Ok(SharePolicy::All | SharePolicy::AgentsChoice) => {}
        }
    }

    /// Where policy lets nothing out any more, nothing is let out; never more than the agent has chosen.
    fn narrow(&self, env: &Env<'_>, attempt: &mut Attempt) -> Result<SharePolicy, String> {
        let verdict = self.judge_again(env, attempt);
        if !matches!(verdict, Ok(SharePolicy::All | SharePolicy::AgentsChoice)) {
            attempt.share = Share::Nothing;
        }
        verdict
    }
}
