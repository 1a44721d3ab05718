//! The customer is on the way to another server: what that one says of it, and the way back (O5).

use baton_protocol::federation::{Cancel, Commit, Denial, ProgressReport, Release};
use baton_protocol::model::{Event, Stage};
use baton_protocol::{CloseCode, Epoch, ErrorCode, Seq, TransferId};

use super::{Chat, PeerRequest, State};
use crate::audit::{Left, Step};
use crate::effect::{Answer, Call, CallRequest, Effect, Env, Timer};
use crate::policy;
use crate::queue;
use crate::transfer::destination;
use crate::transfer::origin::{Attempt, Offered, Outgoing, Past, Reclaimed, Released, Settled};

impl Chat {
    /// What the destination asks or tells.
    pub(super) fn asked(
        &mut self,
        env: &mut Env<'_>,
        peer: &str,
        transfer: TransferId,
        request: &PeerRequest,
        out: &mut Vec<Effect>,
    ) -> Result<Answer, Denial> {
        let attempts = self.record.outgoing.attempt().into_iter();
        let mut attempts = attempts.chain(self.record.past.iter().map(|past| &*past.attempt));
        if !attempts.any(|attempt| attempt.transfer == transfer && attempt.peer == peer) {
            return Err(denial(ErrorCode::UnknownChat));
        }
        match request {
            PeerRequest::Commit(commit) => self.commit(env, transfer, commit, out),
            PeerRequest::Settle(_) => self.settle(env, transfer, out),
            PeerRequest::Progress(report) => Ok(self.progress(env, transfer, report, out)),
        }
    }

    /// The customer is at the destination: freeze, and give the rest of the transcript away.
    fn commit(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        commit: &Commit,
        out: &mut Vec<Effect>,
    ) -> Result<Answer, Denial> {
        match std::mem::take(&mut self.record.outgoing) {
            Outgoing::Offered(offered) if offered.attempt.transfer == transfer => {
                self.released(env, offered.release(), out);
            }
            other => {
                self.record.outgoing = other;
                if commit.adopt
                    && let Some(release) = self.adopted(env, transfer, out)
                {
                    return Ok(Answer::Release(release));
                }
            }
        }
        match &self.record.outgoing {
            Outgoing::Released(Released { attempt, posted, .. })
            | Outgoing::Settled(Settled { attempt, posted, .. })
                if attempt.transfer == transfer =>
            {
                Ok(Answer::Release(self.tail(env, attempt, *posted)))
            }
            _ => Err(denial(ErrorCode::Cancelled)),
        }
    }

    fn released(&mut self, env: &Env<'_>, released: Released, out: &mut Vec<Effect>) {
        let release = self.tail(env, &released.attempt, released.posted);
        self.audit_tail(env, &released.attempt, &release, out);
        self.record.outgoing = Outgoing::Released(released);
        self.save(out);
        out.push(Effect::ClearTimer(Timer::Offer));
        out.push(Effect::SetTimer(Timer::Linger, env.settings.times.linger));
        // Nobody may pick up, or be given, who is not here.
        self.drop_placing(env, ErrorCode::ChatOver, out);
        match &self.record.state {
            State::Waiting { .. } => out.push(Effect::Queue(Box::new(queue::Input::Moved(self.record.id)))),
            // The agent's place is the other session's; a restart may have held it here as well.
            State::Active { login, .. } if self.is_led() => {
                out.push(Effect::Queue(Box::new(queue::Input::Withdraw(login.clone(), self.record.id))));
            }
            _ => {}
        }
        self.card_changed(out);
        // Whoever goes on from here has arrived here; their own word for that may have been lost.
        self.tell_incoming(destination::Input::Accepted, out);
    }

    fn audit_tail(&self, env: &Env<'_>, attempt: &Attempt, release: &Release, out: &mut Vec<Effect>) {
        if !release.tail.is_empty() {
            self.audit_attempt(env, attempt, Step::Sent(Left::of_entries(&release.tail)), out);
        }
    }

    /// The destination of an aborted attempt has taken the customer over without asking, since we were out of
    /// reach. What we have begun in the meantime is void. Where the chat has ended here, it stays so,
    /// and goes on there with this.
    fn adopted(&mut self, env: &mut Env<'_>, transfer: TransferId, out: &mut Vec<Effect>) -> Option<Release> {
        let epoch = self.record.epoch;
        let fits = |past: &Past| past.attempt.transfer == transfer && past.is_open(epoch);
        let at = self.record.past.iter().position(fits)?;
        if matches!(self.record.state, State::Ended(_)) {
            let past = self.record.past[at].clone();
            let release = self.tail(env, &past.attempt, past.posted.unwrap_or_default());
            if !past.answered {
                self.record.past[at].answered = true;
                self.save(out);
                self.audit_tail(env, &past.attempt, &release, out);
                self.audit_attempt(env, &past.attempt, Step::Arrived, out);
            }
            return Some(release);
        }
        if matches!(
            self.record.outgoing,
            Outgoing::Released(_) | Outgoing::Settled(_) | Outgoing::Reclaimed(_)
        ) {
            return None;
        }
        let past = self.record.past.remove(at);
        self.abort(env, ErrorCode::ChatOver, ErrorCode::ChatOver.to_string(), out);
        self.released(env, past.adopted()?, out);
        None
    }

    /// What was said since the context was posted, as far as policy and agreement let it out.
    fn tail(&self, env: &Env<'_>, attempt: &Attempt, posted: Seq) -> Release {
        let late = &self.entries[self.entries.partition_point(|entry| entry.seq <= posted)..];
        let tail = policy::release_tail(&env.settings.brand.name, late, &attempt.share);
        let documents = policy::release_tail_documents(late, &attempt.share);
        attempt.bounds.fields.narrow_tail(Release { tail, documents })
    }

    /// The customer has stored the destination's epoch: our part ends (O5).
    fn settle(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        out: &mut Vec<Effect>,
    ) -> Result<Answer, Denial> {
        match std::mem::take(&mut self.record.outgoing) {
            Outgoing::Released(released) if released.attempt.transfer == transfer => {
                let to = released.attempt.title.clone();
                self.audit_attempt(env, &released.attempt, Step::Arrived, out);
                self.record.outgoing = Outgoing::Settled(released.settle());
                self.save(out);
                if !self.is_led() {
                    self.happened(env, Event::Transferred { from: env.settings.brand.name.clone(), to }, out);
                }
                self.tell_incoming(destination::Input::Accepted, out);
                out.push(self.place_to_give_up());
                self.advanced(out);
                self.report_second_step(out);
                out.extend([Timer::Linger, Timer::Away].map(Effect::ClearTimer));
                out.extend(self.conn.take().map(|conn| Effect::CloseCustomer(conn, CloseCode::Moved)));
                Ok(Answer::Done)
            }
            Outgoing::Settled(settled) if settled.attempt.transfer == transfer => {
                self.record.outgoing = Outgoing::Settled(settled);
                Ok(Answer::Done)
            }
            other => {
                self.record.outgoing = other;
                Err(denial(ErrorCode::Cancelled))
            }
        }
    }

    fn place_to_give_up(&self) -> Effect {
        Effect::Queue(Box::new(match &self.record.state {
            State::Active { login, .. } => queue::Input::Free(login.clone(), self.record.id),
            _ => queue::Input::Moved(self.record.id),
        }))
    }

    /// Stages only ever advance. The destination may report before it has settled.
    fn progress(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        report: &ProgressReport,
        out: &mut Vec<Effect>,
    ) -> Answer {
        match &mut self.record.outgoing {
            Outgoing::Settled(settled)
                if settled.attempt.transfer == transfer
                    && report.stage > settled.stage
                    && report.stage != Stage::Failed =>
            {
                settled.stage = report.stage;
                self.save(out);
                self.advanced(out);
                self.report_second_step(out);
            }
            Outgoing::Released(released)
                if released.attempt.transfer == transfer && report.stage != Stage::Failed =>
            {
                released.stage = released.stage.max(report.stage);
            }
            Outgoing::Offered(offered)
                if offered.attempt.transfer == transfer && report.stage == Stage::Failed =>
            {
                self.abort(env, ErrorCode::NotArrived, ErrorCode::NotArrived.to_string(), out);
            }
            _ => {}
        }
        Answer::Done
    }

    /// Whether the customer may come back from this attempt; without a name, from any of this epoch.
    pub(super) fn is_reclaimable(&self, named: Option<TransferId>) -> bool {
        let epoch = self.record.epoch;
        let current = match &self.record.outgoing {
            Outgoing::Settled(_) | Outgoing::Reclaimed(_) => return false,
            Outgoing::Offered(Offered { attempt, .. }) | Outgoing::Released(Released { attempt, .. }) => {
                Some(attempt)
            }
            Outgoing::Owned | Outgoing::Requested(_) | Outgoing::Permitted(_) => None,
        };
        let past = self.record.past.iter().filter(|past| past.is_open(epoch)).map(|past| &past.attempt);
        current.into_iter().chain(past).any(|attempt| named.is_none_or(|name| name == attempt.transfer))
    }

    /// The customer is back, two epochs on: whatever the destination believes, the chat is ours. Another
    /// destination that adopted them by an earlier attempt learns it when it asks for its tail. Whoever was away
    /// has missed what follows `last_seq`, and gets it before anything new.
    pub(super) fn reclaim(
        &mut self,
        env: &mut Env<'_>,
        epoch: Epoch,
        last_seq: Option<Seq>,
        out: &mut Vec<Effect>,
    ) {
        let mut released = false;
        let (reclaimed, aborted) = match std::mem::take(&mut self.record.outgoing) {
            Outgoing::Offered(offered) => (offered.reclaim(epoch), false),
            Outgoing::Released(gone) => {
                released = true;
                (gone.reclaim(epoch), false)
            }
            other => {
                self.record.outgoing = other;
                let ours = self.record.epoch;
                let Some(at) = self.record.past.iter().rposition(|past| past.is_open(ours)) else { return };
                let past = self.record.past.remove(at);
                self.abort(env, ErrorCode::NotArrived, ErrorCode::NotArrived.to_string(), out);
                (past.reclaim(epoch), true)
            }
        };
        let (transfer, title) = (reclaimed.attempt.transfer, reclaimed.attempt.title.clone());
        self.audit_attempt(env, &reclaimed.attempt, Step::Failed { code: ErrorCode::NotArrived }, out);
        self.record.epoch = epoch;
        self.record.outgoing = Outgoing::Reclaimed(reclaimed);
        self.save(out);
        out.extend([Timer::Offer, Timer::Linger].map(Effect::ClearTimer));
        if let Some(conn) = self.conn {
            self.welcome(env, conn, None, out);
            if let Some(last_seq) = last_seq {
                self.send_missed(conn, last_seq, out);
            }
        }
        self.call_cancel(out);
        if self.record.outgoing.attempt().is_some_and(|attempt| attempt.lead) {
            if released && matches!(self.record.state, State::Active { .. }) {
                // The agent's place went to the other session, and may be somebody else's by now (A5).
                self.record.state = State::Waiting { since: self.record.since, from: None };
            } else {
                self.serve_after_all(env, out);
            }
        } else if !aborted {
            let code = ErrorCode::NotArrived;
            self.failed_here(env, transfer, &title, code, code.to_string(), out);
        }
        if matches!(self.record.state, State::Waiting { .. }) {
            self.wait_again(env, out);
        }
    }

    fn call_cancel(&self, out: &mut Vec<Effect>) {
        if let Outgoing::Reclaimed(Reclaimed { attempt, epoch, .. }) = &self.record.outgoing {
            out.push(cancel_call(attempt, Some(*epoch)));
        }
    }

    pub(super) fn transfer_timer(&mut self, env: &mut Env<'_>, timer: Timer, out: &mut Vec<Effect>) {
        match (timer, &self.record.outgoing) {
            (Timer::Prepare, Outgoing::Requested(_) | Outgoing::Permitted(_)) => {
                self.abort(env, ErrorCode::NoAnswer, ErrorCode::NoAnswer.to_string(), out);
            }
            (Timer::Offer, Outgoing::Offered(_)) => {
                self.abort(env, ErrorCode::NotArrived, ErrorCode::NotArrived.to_string(), out);
            }
            (Timer::Retry, Outgoing::Reclaimed(_)) => self.call_cancel(out),
            (Timer::Retry, Outgoing::Permitted(permitted)) if permitted.asking => self.call_again(out),
            (Timer::Linger, Outgoing::Released(_)) => self.let_go(out),
            _ => {}
        }
    }

    /// Neither the destination nor the customer has come back in a long time: the agent need not wait. Should
    /// the customer reclaim the chat, it goes to the queue.
    pub(super) fn let_go(&mut self, out: &mut Vec<Effect>) {
        let to = self.record.outgoing.attempt().map(|attempt| attempt.title.clone()).unwrap_or_default();
        self.to_readers(self.gone_card(to), out);
        let place = self.place_to_give_up();
        self.record.state = State::Waiting { since: self.record.since, from: None };
        self.save(out);
        out.push(place);
    }

    pub(super) fn restore_transfer(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        match &self.record.outgoing {
            Outgoing::Requested(_) | Outgoing::Permitted(_) => {
                self.abort(env, ErrorCode::Internal, "the server was restarted".into(), out);
            }
            Outgoing::Offered(_) => out.push(Effect::SetTimer(Timer::Offer, env.settings.times.offer)),
            Outgoing::Released(_) => {
                out.push(Effect::SetTimer(Timer::Linger, env.settings.times.linger));
                self.tell_incoming(destination::Input::Accepted, out);
            }
            Outgoing::Reclaimed(_) => self.call_cancel(out),
            Outgoing::Owned => self.cancel_second_step(out),
            Outgoing::Settled(_) => {}
        }
    }
}

/// The word to the destination that nothing comes of an attempt, at what epoch if the customer is back.
pub(super) fn cancel_call(attempt: &Attempt, reclaimed: Option<Epoch>) -> Effect {
    let request = CallRequest::Cancel(Cancel { reclaimed });
    Effect::Call(Box::new(Call { peer: attempt.peer.clone(), transfer: attempt.transfer, request }))
}

fn denial(code: ErrorCode) -> Denial {
    Denial { code, detail: code.to_string(), retry_after: None }
}
