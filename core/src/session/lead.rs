//! Two steps (D6): the customer waits in a holding session, and when an agent has picked them up, a second transfer
//! command, with a new WTID, leads them to the agent's session on this same server.
//!
//! It is a transfer like every other, with this server as its own peer, so that the same states, time limits and
//! repetitions hold. If it fails, the agent serves the customer where they are.

use baton_protocol::TransferId;
use baton_protocol::federation::TransferRequest;
use baton_protocol::ids::AuthorisationCode;
use baton_protocol::model::{Context, Share, Stage};

use super::release::cancel_call;
use super::{Chat, State};
use crate::effect::{Call, CallRequest, Effect, Env, Timer};
use crate::policy::Bounds;
use crate::queue;
use crate::transfer::origin::{Attempt, Outgoing, Requested};

impl Chat {
    /// Whether the customer is on the way from here, the holding session, to the agent who has picked them up.
    pub(super) fn is_led(&self) -> bool {
        !matches!(self.record.outgoing, Outgoing::Reclaimed(_))
            && self.record.outgoing.attempt().is_some_and(|attempt| attempt.lead)
    }

    /// Whether this is a holding session that nothing was tried from.
    pub(super) fn needs_second_step(&self, env: &Env<'_>) -> bool {
        // What its server stored last would come too late for the agent's session.
        let whole = |came: &super::Came| came.peer != env.settings.server && !came.tail_due;
        let from_elsewhere = self.record.came.as_deref().is_some_and(whole);
        from_elsewhere
            && env.settings.arrival(&self.record.area).two_steps
            && self.conn.is_some()
            && matches!(self.record.outgoing, Outgoing::Owned)
            && self.record.past.iter().all(|past| !past.attempt.lead)
    }

    pub(super) fn lead(&mut self, env: &mut Env<'_>, login: &str, out: &mut Vec<Effect>) {
        let transfer = TransferId(env.bytes());
        let attempt = Attempt {
            transfer,
            peer: env.settings.server.clone(),
            title: env.settings.brand.name.clone(),
            area: Some(self.record.area.clone()),
            agent: login.into(),
            comments: String::new(),
            share: Share::All,
            navigate: false,
            from: self.record.view_from,
            seen: self.last_seq(),
            epoch: self.record.epoch,
            page_secret: None,
            lead: true,
            overload: false,
            bounds: Bounds::default(),
            announced: Vec::new(),
            class: None,
        };
        let request = TransferRequest {
            transfer,
            // Nobody checks it: the request stays on this server.
            code: AuthorisationCode::from_bytes(env.bytes()),
            area: attempt.area.clone(),
            agent: login.into(),
            epoch: self.record.epoch,
            challenge: self.record.challenge,
            origins: self.record.origins.clone(),
            context: self.held_context(env),
            confined: self.record.came.as_ref().is_some_and(|came| came.confined),
            redirects: self.redirects(),
        };
        let peer = attempt.peer.clone();
        let announced = request.context.documents.clone();
        let requested = Requested(Box::new(attempt));
        self.record.outgoing = Outgoing::Permitted(requested.permitted(self.last_seq(), announced));
        self.save(out);
        out.push(Effect::Call(Box::new(Call {
            peer,
            transfer,
            request: CallRequest::Transfer(Box::new(request)),
        })));
        out.push(Effect::SetTimer(Timer::Prepare, env.settings.times.prepare));
    }

    /// What came with the customer, as it came, and what they have said in the holding session.
    fn held_context(&self, env: &Env<'_>) -> Context {
        let released = self.release(env, "", &Share::All, self.last_seq());
        match &self.context {
            Some(came) => {
                Context { transcript: released.transcript, documents: released.documents, ..*came.clone() }
            }
            None => released,
        }
    }

    /// Whoever handed the customer over to us learns that the agent has them.
    pub(super) fn report_second_step(&mut self, out: &mut Vec<Effect>) {
        if let Outgoing::Settled(settled) = &self.record.outgoing
            && settled.attempt.lead
            && settled.stage == Stage::Answered
        {
            self.report(Stage::Answered, out);
        }
    }

    /// After a restart: the word that it has come to nothing may have been lost, and with it an agent's place.
    pub(super) fn cancel_second_step(&self, out: &mut Vec<Effect>) {
        let failed = self.record.past.iter().filter(|past| past.attempt.lead && past.reclaimed.is_none());
        out.extend(failed.map(|past| cancel_call(&past.attempt, None)));
    }

    /// The second step has come to nothing: the agent serves the customer here.
    pub(super) fn serve_after_all(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        let State::Active { login, title } = self.record.state.clone() else { return };
        out.push(Effect::Queue(Box::new(queue::Input::Hold(login.clone(), self.record.id))));
        self.joined(env, &login, title, out);
    }
}
