//! The hand-over to another server, by the states of [`crate::transfer::origin`] (O3 to O5).

use baton_protocol::federation::{
    Cancel, CancelAnswer, Commit, Denial, Permission, PermissionRequest, ProgressReport, Release,
};
use baton_protocol::federation::{Reservation, TransferRequest};
use baton_protocol::limits::MAX_HOPS;
use baton_protocol::model::{EndReason, Event, Offer, Share, Stage, Way};
use baton_protocol::{CloseCode, Epoch, ErrorCode, Seq, ServerFrame, TransferId};

use super::{Chat, PeerRequest, State, Target};
use crate::effect::{Answer, Call, CallRequest, CallResult, Effect, Env, Timer};
use crate::policy;
use crate::queue;
use crate::transfer::destination;
use crate::transfer::origin::{
    Attempt, Offered, Outgoing, Past, Permitted, Reclaimed, Released, Requested, Settled,
};

/// Attempts that came to nothing and are remembered. Their destinations ask within minutes, if at all.
const PAST: usize = 8;

impl Chat {
    /// Asks the destination for permission.
    #[expect(clippy::too_many_arguments, reason = "the members of one input")]
    pub(super) fn request(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        target: Target,
        (peer, area): (String, Option<String>),
        comments: String,
        share: Share,
        out: &mut Vec<Effect>,
    ) {
        let Some(agent) = self.agent_login().map(str::to_owned) else { return };
        let visited = self.visited(env);
        let refused = if self.conn.is_none() {
            Some(ErrorCode::CustomerOffline)
        } else {
            (visited.len() >= MAX_HOPS).then_some(ErrorCode::Loop)
        };
        if let Some(code) = refused {
            return self.failed_here(env, transfer, &target.title, code, code.to_string(), out);
        }
        let attempt = Attempt {
            transfer,
            peer: peer.clone(),
            title: target.title,
            area,
            agent: agent.clone(),
            comments,
            share,
            navigate: target.navigate,
            seen: self.last_seq(),
            epoch: self.record.epoch,
        };
        self.record.outgoing = Outgoing::Requested(Requested(attempt));
        self.save(out);
        let request = CallRequest::Permission(PermissionRequest { agent, visited });
        out.push(Effect::Call(Call { peer, transfer, request }));
        out.push(Effect::SetTimer(Timer::Prepare, env.settings.times.prepare));
        self.advanced(out);
    }

    /// Shows the agent how far the transfer is.
    fn advanced(&self, out: &mut Vec<Effect>) {
        if let (Some(attempt), Some(stage)) = (self.record.outgoing.attempt(), self.record.outgoing.stage()) {
            self.tell_progress(attempt.transfer, stage, None, String::new(), out);
            self.card_changed(out);
        }
    }

    /// A peer's answer to a call of ours. One that comes too late finds another state and changes nothing.
    pub(super) fn answered(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        result: CallResult,
        out: &mut Vec<Effect>,
    ) {
        if self.record.outgoing.attempt().is_none_or(|attempt| attempt.transfer != transfer) {
            return;
        }
        match (std::mem::take(&mut self.record.outgoing), result) {
            (Outgoing::Requested(requested), Ok(Answer::Permission(permission))) => {
                self.permitted(env, requested, permission, out);
            }
            (Outgoing::Permitted(permitted), Ok(Answer::Reservation(reservation))) => {
                self.accepted(env, permitted, reservation, out);
            }
            (Outgoing::Reclaimed(reclaimed), result) => self.cancel_answered(env, reclaimed, &result, out),
            (asked @ (Outgoing::Requested(_) | Outgoing::Permitted(_)), Err(error)) => {
                self.record.outgoing = asked;
                self.abort(env, error.code(), error.detail(), out);
            }
            (other, _) => self.record.outgoing = other,
        }
    }

    /// `Arrived` answers the cancel of an abort that came before: this one is never too late.
    fn cancel_answered(
        &mut self,
        env: &mut Env<'_>,
        mut reclaimed: Reclaimed,
        result: &CallResult,
        out: &mut Vec<Effect>,
    ) {
        let done = match result {
            Ok(answer) => matches!(answer, Answer::Cancel(CancelAnswer::Cancelled)),
            Err(error) => error.is_final(),
        };
        if done {
            let Reclaimed { attempt, epoch, .. } = reclaimed;
            self.remember(Past { attempt, posted: None, reclaimed: Some(epoch) });
            out.push(Effect::ClearTimer(Timer::Retry));
            return self.save(out);
        }
        out.push(Effect::SetTimer(Timer::Retry, backoff(env, reclaimed.tries)));
        reclaimed.tries += 1;
        self.record.outgoing = Outgoing::Reclaimed(reclaimed);
    }

    fn permitted(
        &mut self,
        env: &mut Env<'_>,
        requested: Requested,
        permission: Permission,
        out: &mut Vec<Effect>,
    ) {
        let attempt = &requested.0;
        let area = permission.areas.as_ref().and_then(|_| attempt.area.clone());
        let offered = |name: &String| {
            permission.areas.iter().flatten().any(|area| area.name == *name && area.agents > 0)
        };
        if area.as_ref().is_some_and(|area| !offered(area)) {
            self.record.outgoing = Outgoing::Requested(requested);
            return self.abort(env, ErrorCode::Unstaffed, ErrorCode::Unstaffed.to_string(), out);
        }
        let request = TransferRequest {
            transfer: attempt.transfer,
            code: permission.code,
            area,
            agent: attempt.agent.clone(),
            epoch: self.record.epoch,
            challenge: self.record.challenge,
            origins: self.record.origins.clone(),
            context: self.release(env, &attempt.comments, &attempt.share, attempt.seen),
        };
        let call = Call {
            peer: attempt.peer.clone(),
            transfer: attempt.transfer,
            request: CallRequest::Transfer(Box::new(request)),
        };
        self.record.outgoing = Outgoing::Permitted(requested.permitted(self.last_seq()));
        self.save(out);
        out.push(Effect::Call(call));
        self.advanced(out);
    }

    fn accepted(
        &mut self,
        env: &mut Env<'_>,
        permitted: Permitted,
        reservation: Reservation,
        out: &mut Vec<Effect>,
    ) {
        let attempt = &permitted.attempt;
        let Reservation { wtid, socket, page, expires_in } = reservation;
        let limit = env.settings.times.offer.min(u64::from(expires_in) * 1_000);
        let way = match page {
            Some(page) if attempt.navigate => Way::Navigate { page },
            page => Way::InPlace { socket, page },
        };
        let offer = Offer {
            transfer: attempt.transfer,
            server: attempt.peer.clone(),
            title: attempt.title.clone(),
            wtid,
            way,
            expires_in: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        self.record.outgoing = Outgoing::Offered(permitted.accepted(offer));
        self.save(out);
        out.push(Effect::ClearTimer(Timer::Prepare));
        out.push(Effect::SetTimer(Timer::Offer, limit));
        self.push_offer(out);
        self.advanced(out);
    }

    /// The transfer command (O4). Again after every resume: the widget may not have had it.
    pub(super) fn push_offer(&self, out: &mut Vec<Effect>) {
        if let Outgoing::Offered(Offered { offer: Some(offer), .. }) = &self.record.outgoing {
            self.to_customer(ServerFrame::Offered { offer: offer.clone() }, out);
        }
    }

    pub(super) fn following(&mut self, transfer: TransferId, out: &mut Vec<Effect>) {
        if let Outgoing::Offered(offered) = &mut self.record.outgoing
            && offered.attempt.transfer == transfer
            && !offered.followed
        {
            offered.followed = true;
            self.advanced(out);
        }
    }

    pub(super) fn declined(&mut self, env: &mut Env<'_>, transfer: TransferId, out: &mut Vec<Effect>) {
        if matches!(&self.record.outgoing, Outgoing::Offered(offered) if offered.attempt.transfer == transfer)
        {
            let detail = "the customer's browser cannot go there".into();
            self.abort(env, ErrorCode::NotArrived, detail, out);
        }
    }

    /// The agent's Cancel button (A6).
    pub(super) fn cancel(&mut self, env: &mut Env<'_>, transfer: TransferId, out: &mut Vec<Effect>) {
        let cancellable = matches!(
            self.record.outgoing,
            Outgoing::Requested(_) | Outgoing::Permitted(_) | Outgoing::Offered(_)
        );
        if cancellable && self.record.outgoing.attempt().is_some_and(|attempt| attempt.transfer == transfer) {
            self.abort(env, ErrorCode::Cancelled, ErrorCode::Cancelled.to_string(), out);
        }
    }

    /// The attempt is given up: the chat is as it was, and the destination is told.
    pub(super) fn abort(
        &mut self,
        env: &mut Env<'_>,
        code: ErrorCode,
        detail: String,
        out: &mut Vec<Effect>,
    ) {
        let (attempt, posted, offered) = match std::mem::take(&mut self.record.outgoing) {
            Outgoing::Requested(Requested(attempt)) => (attempt, None, false),
            Outgoing::Permitted(Permitted { attempt, posted }) => (attempt, Some(posted), false),
            Outgoing::Offered(Offered { attempt, posted, .. }) => (attempt, Some(posted), true),
            other => return self.record.outgoing = other,
        };
        let (transfer, peer, title) = (attempt.transfer, attempt.peer.clone(), attempt.title.clone());
        self.remember(Past { attempt, posted, reclaimed: None });
        self.save(out);
        if offered {
            self.to_customer(ServerFrame::Withdrawn { transfer }, out);
        }
        out.extend([Timer::Prepare, Timer::Offer].map(Effect::ClearTimer));
        if posted.is_some() {
            let request = CallRequest::Cancel(Cancel { reclaimed: None });
            out.push(Effect::Call(Call { peer, transfer, request }));
        }
        self.failed_here(env, transfer, &title, code, detail, out);
    }

    fn remember(&mut self, past: Past) {
        self.record.past.push(past);
        if self.record.past.len() > PAST {
            self.record.past.remove(0);
        }
    }

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
        let mut attempts = attempts.chain(self.record.past.iter().map(|past| &past.attempt));
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
                    && let Some(past) = self.adopted(env, transfer, out)
                {
                    // The chat has ended here, and goes on there.
                    return Ok(self.tail(env, &past.attempt, past.posted.unwrap_or_default()));
                }
            }
        }
        match &self.record.outgoing {
            Outgoing::Released(Released { attempt, posted, .. })
            | Outgoing::Settled(Settled { attempt, posted, .. })
                if attempt.transfer == transfer =>
            {
                Ok(self.tail(env, attempt, *posted))
            }
            _ => Err(denial(ErrorCode::Cancelled)),
        }
    }

    fn released(&mut self, env: &Env<'_>, released: Released, out: &mut Vec<Effect>) {
        self.record.outgoing = Outgoing::Released(released);
        self.save(out);
        out.push(Effect::ClearTimer(Timer::Offer));
        out.push(Effect::SetTimer(Timer::Linger, env.settings.times.linger));
        // Nobody may pick up, or be given, who is not here.
        self.placing = None;
        if matches!(self.record.state, State::Waiting { .. }) {
            out.push(Effect::Queue(queue::Input::Leave(self.record.id)));
        }
        self.card_changed(out);
        // Whoever goes on from here has arrived here; their own word for that may have been lost.
        self.tell_incoming(destination::Input::Accepted, out);
    }

    /// The destination of an aborted attempt has taken the customer over without asking, since we were out of
    /// reach. What we have begun in the meantime is void. Answers the attempt where the chat has ended here.
    fn adopted(&mut self, env: &mut Env<'_>, transfer: TransferId, out: &mut Vec<Effect>) -> Option<Past> {
        let epoch = self.record.epoch;
        let fits = |past: &Past| past.attempt.transfer == transfer && past.is_open(epoch);
        let at = self.record.past.iter().position(fits)?;
        if matches!(self.record.state, State::Ended(_)) {
            return Some(self.record.past[at].clone());
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

    fn tail(&self, env: &Env<'_>, attempt: &Attempt, posted: Seq) -> Answer {
        let from = self.entries.partition_point(|entry| entry.seq <= posted);
        let tail = policy::release_tail(&env.settings.brand.name, &self.entries[from..], &attempt.share);
        Answer::Release(Release { tail })
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
                self.record.outgoing = Outgoing::Settled(released.settle());
                self.save(out);
                self.happened(env, Event::Transferred { from: env.settings.brand.name.clone(), to }, out);
                self.tell_incoming(destination::Input::Accepted, out);
                self.give_up_place(out);
                self.advanced(out);
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

    fn give_up_place(&self, out: &mut Vec<Effect>) {
        let free = match &self.record.state {
            State::Active { login, .. } => queue::Input::Free(login.clone(), self.record.id),
            _ => queue::Input::Leave(self.record.id),
        };
        out.push(Effect::Queue(free));
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
    /// destination that adopted them by an earlier attempt learns it when it asks for its tail.
    pub(super) fn reclaim(&mut self, env: &mut Env<'_>, epoch: Epoch, out: &mut Vec<Effect>) {
        let (reclaimed, aborted) = match std::mem::take(&mut self.record.outgoing) {
            Outgoing::Offered(offered) => (offered.reclaim(epoch), false),
            Outgoing::Released(released) => (released.reclaim(epoch), false),
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
        self.record.epoch = epoch;
        self.record.outgoing = Outgoing::Reclaimed(reclaimed);
        self.save(out);
        out.extend([Timer::Offer, Timer::Linger].map(Effect::ClearTimer));
        if let Some(conn) = self.conn {
            self.welcome(env, conn, None, out);
        }
        self.call_cancel(out);
        if !aborted {
            let code = ErrorCode::NotArrived;
            self.failed_here(env, transfer, &title, code, code.to_string(), out);
        }
        if matches!(self.record.state, State::Waiting { .. }) {
            self.wait_again(out);
        }
    }

    fn call_cancel(&self, out: &mut Vec<Effect>) {
        if let Outgoing::Reclaimed(Reclaimed { attempt, epoch, .. }) = &self.record.outgoing {
            let request = CallRequest::Cancel(Cancel { reclaimed: Some(*epoch) });
            out.push(Effect::Call(Call { peer: attempt.peer.clone(), transfer: attempt.transfer, request }));
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
            (Timer::Linger, Outgoing::Released(_)) => self.let_go(out),
            _ => {}
        }
    }

    /// Neither the destination nor the customer has come back in a long time: the agent need not wait. Should
    /// the customer reclaim the chat, it goes to the queue.
    pub(super) fn let_go(&mut self, out: &mut Vec<Effect>) {
        self.give_up_place(out);
        self.card_changed(out);
        self.record.state = State::Waiting { since: self.record.since, from: None };
        self.save(out);
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
            Outgoing::Owned | Outgoing::Settled(_) => {}
        }
    }

    /// The customer went back to where they came from: whatever was begun here is void.
    pub(super) fn fence(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        let conn = self.conn.take();
        self.end(env, EndReason::Server, out);
        out.extend(conn.map(|conn| Effect::CloseCustomer(conn, CloseCode::Moved)));
        self.tell_incoming(destination::Input::Fenced, out);
    }
}

/// The wait before a call is repeated: doubling, with up to half of it left to chance so that a peer that comes
/// back is not called by everybody at once.
pub(crate) fn backoff(env: &mut Env<'_>, tries: u32) -> u64 {
    let times = &env.settings.times;
    let whole = (times.retry_first << tries.min(16)).min(times.retry_most);
    let [chance] = env.bytes();
    whole / 2 + whole / 2 * u64::from(chance) / 255
}

fn denial(code: ErrorCode) -> Denial {
    Denial { code, detail: code.to_string(), retry_after: None }
}
