//! Overload (D9): a customer who waits is sent to another server, without an agent, by the same states as every other
//! hand-over. Until they have arrived there they keep their place here, and an agent who takes them keeps them.
//!
//! Their context goes along only where policy sends everything anyway: nobody is there to choose.

use baton_protocol::federation::PermissionRequest;
use baton_protocol::limits::MAX_HOPS;
use baton_protocol::model::{Body, Destination, Event, Notice, Share, SharePolicy};
use baton_protocol::{ErrorCode, ServerFrame, TransferId};

use super::{Chat, State, Target};
use crate::audit::Step;
use crate::effect::{Call, CallRequest, Effect, Env, Timer};
use crate::policy::Decision;
use crate::queue;
use crate::queue::overload::MAX_REDIRECTS;
use crate::queue::plan::Facts;
use crate::transfer::origin::{Attempt, Outgoing, Requested};

/// Milliseconds after which a customer whose redirect has failed is sent again: they are not to flicker.
const AGAIN: u64 = 60_000;

impl Chat {
    /// Whether the customer waits here and could be sent on now.
    #[must_use]
    pub fn may_be_redirected(&self, now: baton_protocol::Timestamp) -> bool {
        let rests = self.redirected.is_some_and(|at| now.since(at) < AGAIN);
        let tail_due = self.record.came.as_ref().is_some_and(|came| came.tail_due);
        matches!(self.record.state, State::Waiting { .. })
            && matches!(self.record.outgoing, Outgoing::Owned)
            && self.conn.is_some()
            && self.redirects() < MAX_REDIRECTS
            && !tail_due
            && !rests
    }

    /// How often overload has sent this customer on.
    #[must_use]
    pub fn redirects(&self) -> u8 {
        self.record.came.as_ref().map_or(0, |came| came.redirects)
    }

    /// Sends the customer to another server, unless they have been there (threat 25).
    pub(super) fn redirect(&mut self, env: &mut Env<'_>, target: Target, out: &mut Vec<Effect>) {
        let Destination::Server { server, area } = target.destination.clone() else { return };
        let visited = self.visited(env);
        if !self.may_be_redirected(env.now) || visited.contains(&server) || visited.len() >= MAX_HOPS {
            return self.still_waits(env, out);
        }
        self.redirected = Some(env.now);
        let transfer = TransferId(env.bytes());
        let Decision { rule, verdict } = self.judge(env, "", &target);
        let audited = (transfer, "", &target.destination);
        let share = match verdict {
            Ok(policy) => {
                let share = if policy == SharePolicy::All { Share::All } else { Share::Nothing };
                self.audit(env, audited, Step::Permitted { rule, share: policy }, out);
                share
            }
            Err(reason) => {
                self.audit(env, audited, Step::Denied { rule, reason }, out);
                return self.still_waits(env, out);
            }
        };
        let attempt = Attempt {
            transfer,
            peer: server.clone(),
            title: target.title,
            area,
            agent: String::new(),
            comments: String::new(),
            share,
            navigate: target.navigate,
            from: self.record.view_from,
            seen: self.last_seq(),
            epoch: self.record.epoch,
            bounds: self.bounds_for(env, target.bounds, &server, target.class),
            announced: Vec::new(),
            class: Some(target.class),
            page_secret: None,
            lead: false,
            overload: true,
        };
        self.record.outgoing = Outgoing::Requested(Requested(Box::new(attempt)));
        self.save(out);
        let request = PermissionRequest { agent: String::new(), visited, overload: true };
        out.push(Effect::Call(Box::new(Call {
            peer: server,
            transfer,
            request: CallRequest::Permission(request),
        })));
        out.push(Effect::SetTimer(Timer::Prepare, env.settings.times.prepare));
    }

    /// Whether the customer is being sent on because of overload, and still here.
    #[must_use]
    pub fn is_leaving_for_overload(&self) -> bool {
        self.record.outgoing.serves()
            && !matches!(self.record.outgoing, Outgoing::Reclaimed(_))
            && self.record.outgoing.attempt().is_some_and(|attempt| attempt.overload)
    }

    /// An agent of this server has the customer after all.
    pub(super) fn stays(&mut self, env: &Env<'_>, out: &mut Vec<Effect>) {
        if self.is_leaving_for_overload()
            && let Some(attempt) = self.withdraw(false, out)
        {
            self.audit_attempt(env, &attempt, Step::Failed { code: ErrorCode::Cancelled }, out);
        }
    }

    /// Nothing came of it: whoever was to be sent on before they had to wait has to wait.
    pub(super) fn still_waits(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        let told = self.entries.iter().any(|entry| matches!(entry.body, Body::Event(Event::Queued { .. })));
        if told || !matches!(self.record.state, State::Waiting { .. }) {
            return;
        }
        let area = env.settings.area_title(&self.record.area).unwrap_or(&self.record.area).to_owned();
        self.happened(env, Event::Queued { area }, out);
    }

    /// The customer waits in another area of this server instead: a rule's choice, or their own (H1).
    pub(super) fn overflow(&mut self, env: &mut Env<'_>, area: String, out: &mut Vec<Effect>) {
        let waits = matches!(self.record.state, State::Waiting { .. })
            && matches!(self.record.outgoing, Outgoing::Owned)
            && self.record.area != area;
        let Some(title) = env.settings.area_title(&area).filter(|_| waits).map(str::to_owned) else { return };
        out.push(Effect::Queue(Box::new(queue::Input::Moved(self.record.id))));
        self.record.area = area;
        self.save(out);
        self.enqueue(env, out);
        self.happened(env, Event::Queued { area: title }, out);
        // They begin to wait once more: there is something else to read.
        let (chat, phase) = (self.record.id, self.phase());
        self.to_customer(ServerFrame::PhaseChanged { chat, phase }, out);
    }

    /// What those who wait are told and offered now.
    pub(super) fn notices(&mut self, notices: Vec<Notice>, out: &mut Vec<Effect>) {
        if self.notices != notices {
            self.notices = notices;
            self.tell_notices(out);
        }
    }

    pub(super) fn tell_notices(&self, out: &mut Vec<Effect>) {
        if matches!(self.record.state, State::Waiting { .. }) {
            self.to_customer(ServerFrame::Notices { notices: self.notices.clone() }, out);
        }
    }

    /// What tells this customer from others, as far as the queue is concerned.
    pub(super) fn facts<'a>(&'a self, from: Option<&'a String>) -> Facts<'a> {
        let customer = self.known_customer();
        let mut words = customer.client_type.split_whitespace();
        Facts {
            email: &customer.email,
            subject: &customer.subject,
            page: self.record.page.as_ref().map_or("", |page| &page.url),
            from: from.map_or("", String::as_str),
            language: words.find_map(|word| word.strip_prefix("lang=")).unwrap_or_default(),
        }
    }
}
