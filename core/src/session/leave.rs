//! The hand-over to another server, by the states of [`crate::transfer::origin`], until its destination waits for
//! the customer (O3, O4). The rest is in [`super::release`].

use baton_protocol::federation::{Again, CancelAnswer, Permission, PermissionRequest};
use baton_protocol::federation::{Reservation, TransferRequest};
use baton_protocol::frames::About;
use baton_protocol::limits::MAX_HOPS;
use baton_protocol::model::{Offer, Share, Stage, Way};
use baton_protocol::{ErrorCode, ServerFrame, TransferId, Verifier};

use super::release::cancel_call;
use super::{Chat, Target};
use crate::audit::{Left, Step};
use crate::effect::{Answer, Call, CallError, CallRequest, CallResult, Effect, Env, Timer};
use crate::transfer::origin::{Attempt, Offered, Outgoing, Past, Permitted, Reclaimed, Requested};

/// Agents of the destination who are asked one after the other, at most.
const ASKED_AT_MOST: u64 = 3;

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
        let by_page = self.conn.is_none() && self.looks_at_page(env);
        let refused = if self.conn.is_none() && !by_page {
            Some(ErrorCode::CustomerOffline)
        } else {
            (visited.len() >= MAX_HOPS).then_some(ErrorCode::Loop)
        };
        if let Some(code) = refused {
            self.audit(env, (transfer, &agent, &target.destination), Step::Failed { code }, out);
            return self.failed_here(env, transfer, &target.title, code, code.to_string(), out);
        }
        let bounds = self.bounds_for(env, target.bounds, &peer, target.class);
        let attempt = Attempt {
            bounds,
            announced: Vec::new(),
            class: Some(target.class),
            transfer,
            peer: peer.clone(),
            title: target.title,
            area,
            agent: agent.clone(),
            comments,
            share,
            navigate: target.navigate,
            from: self.record.view_from,
            seen: self.last_seq(),
            epoch: self.record.epoch,
            page_secret: by_page.then(|| Verifier::from_bytes(env.bytes())),
            lead: false,
            overload: false,
        };
        self.record.outgoing = Outgoing::Requested(Requested(Box::new(attempt)));
        self.save(out);
        let request = CallRequest::Permission(PermissionRequest { agent, visited, overload: false });
        out.push(Effect::Call(Box::new(Call { peer, transfer, request })));
        out.push(Effect::SetTimer(Timer::Prepare, env.settings.times.prepare));
        self.advanced(out);
    }

    /// Shows the agent how far the transfer is.
    pub(super) fn advanced(&self, out: &mut Vec<Effect>) {
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
            return self.answered_late(transfer, &result, out);
        }
        match (std::mem::take(&mut self.record.outgoing), result) {
            (Outgoing::Requested(requested), Ok(Answer::Permission(permission))) => {
                self.permitted(env, requested, permission, out);
            }
            (Outgoing::Permitted(permitted), Ok(Answer::Reservation(reservation))) => {
                self.accepted(env, permitted, reservation, out);
            }
            (Outgoing::Reclaimed(reclaimed), result) => self.cancel_answered(env, reclaimed, &result, out),
            (Outgoing::Permitted(permitted), Err(error)) if code_of(&error) == Some(ErrorCode::Asking) => {
                self.asking(env, permitted, &error, out);
            }
            (asked @ (Outgoing::Requested(_) | Outgoing::Permitted(_)), Err(error)) => {
                self.record.outgoing = asked;
                self.abort(env, error.code(), error.detail(), out);
            }
            (other, _) => self.record.outgoing = other,
        }
    }

    /// A place that is given after the attempt has ended is for nobody: its cancel may have come before the request.
    fn answered_late(&self, transfer: TransferId, result: &CallResult, out: &mut Vec<Effect>) {
        if let Ok(Answer::Reservation(_)) = result {
            let void = |past: &&Past| past.attempt.transfer == transfer && past.reclaimed.is_none();
            let past = self.record.past.iter().find(void);
            out.extend(past.map(|past| cancel_call(&past.attempt, None)));
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
            self.remember(Past {
                attempt,
                posted: None,
                reclaimed: Some(epoch),
                kept: false,
                answered: false,
            });
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
            challenge: attempt.page_secret.as_ref().map_or(self.record.challenge, Verifier::challenge),
            origins: self.record.origins.clone(),
            confined: attempt.bounds.confined,
            redirects: self.redirects() + u8::from(attempt.overload),
            context: attempt.bounds.hold(
                self.release(env, &attempt.comments, &attempt.share, attempt.seen),
                &env.settings.brand.name,
            ),
        };
        let announced = request.context.documents.clone();
        self.audit_attempt(env, attempt, Step::Sent(Left::of(&request.context)), out);
        let call = Call {
            peer: attempt.peer.clone(),
            transfer: attempt.transfer,
            request: CallRequest::Transfer(Box::new(request)),
        };
        self.record.outgoing = Outgoing::Permitted(requested.permitted(self.last_seq(), announced));
        self.save(out);
        out.push(Effect::Call(Box::new(call)));
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
        if let Outgoing::Offered(Offered { offer: Some(offer), attempt, .. }) = &self.record.outgoing
            && attempt.page_secret.is_none()
        {
            self.to_customer(ServerFrame::Offered { offer: (**offer).clone() }, out);
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
        if self
            .placing
            .as_ref()
            .is_some_and(|placing| placing.transfer == transfer && placing.asked.is_some())
        {
            return self.not_taken(env, ErrorCode::Cancelled, out);
        }
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
        match self.withdraw(code == ErrorCode::Kept, out) {
            Some(attempt) if attempt.lead => self.serve_after_all(env, out),
            Some(attempt) if attempt.overload => {
                self.audit_attempt(env, &attempt, Step::Failed { code }, out);
                if code != ErrorCode::ChatOver {
                    self.still_waits(env, out);
                }
            }
            Some(attempt) => {
                self.audit_attempt(env, &attempt, Step::Failed { code }, out);
                self.failed_here(env, attempt.transfer, &attempt.title, code, detail, out);
            }
            None => {}
        }
    }

    /// The attempt is given up without a word to the agent. What the destination keeps, it may keep (D7).
    pub(super) fn withdraw(&mut self, kept: bool, out: &mut Vec<Effect>) -> Option<Attempt> {
        let (attempt, posted, offered) = match std::mem::take(&mut self.record.outgoing) {
            Outgoing::Requested(Requested(attempt)) => (attempt, None, false),
            Outgoing::Permitted(Permitted { attempt, posted, .. }) => (attempt, Some(posted), false),
            Outgoing::Offered(Offered { attempt, posted, .. }) => (attempt, Some(posted), true),
            other => {
                self.record.outgoing = other;
                return None;
            }
        };
        let transfer = attempt.transfer;
        self.remember(Past { attempt: attempt.clone(), posted, reclaimed: None, kept, answered: false });
        self.save(out);
        if offered {
            self.to_customer(ServerFrame::Withdrawn { transfer }, out);
        }
        out.extend([Timer::Prepare, Timer::Offer, Timer::Retry].map(Effect::ClearTimer));
        if posted.is_some() && !kept {
            out.push(cancel_call(&attempt, None));
        }
        Some(*attempt)
    }

    /// An agent there is being asked: their answer comes with the next call.
    fn asking(
        &mut self,
        env: &mut Env<'_>,
        mut permitted: Permitted,
        error: &CallError,
        out: &mut Vec<Effect>,
    ) {
        if !permitted.asking {
            permitted.asking = true;
            let code = Some(ErrorCode::Asking);
            let detail = ErrorCode::Asking.to_string();
            self.tell_progress(permitted.attempt.transfer, Stage::Permitted, code, detail, out);
            out.push(Effect::SetTimer(Timer::Prepare, ASKED_AT_MOST * env.settings.times.ask));
        }
        self.record.outgoing = Outgoing::Permitted(permitted);
        let seconds = error.retry_after().unwrap_or(1).clamp(1, 10);
        out.push(Effect::SetTimer(Timer::Retry, u64::from(seconds) * 1_000));
    }

    /// The agent tries a transfer again whose information the destination has kept (D7).
    pub(super) fn retry(
        &mut self,
        env: &mut Env<'_>,
        login: &str,
        transfer: TransferId,
        out: &mut Vec<Effect>,
    ) {
        let about = About::Transfer(transfer);
        if self.placing.is_some() || !matches!(self.record.outgoing, Outgoing::Owned) {
            return self.refuse_agent(login, ErrorCode::TransferUnderWay, about, out);
        }
        let epoch = self.record.epoch;
        let fits =
            |past: &Past| past.kept && past.attempt.transfer == transfer && past.attempt.epoch == epoch;
        let at = self.record.past.iter().position(fits);
        let Some(at) = at else { return self.refuse_agent(login, ErrorCode::Cancelled, about, out) };
        if let Err(detail) = self.judge_again(env, &self.record.past[at].attempt) {
            let refused = ServerFrame::Refused { code: ErrorCode::NotPermitted, detail, about };
            return out.push(Effect::ToAgent(login.into(), Box::new(refused)));
        }
        let Some(permitted) = self.record.past.remove(at).again() else { return };
        let title = permitted.attempt.title.clone();
        self.record.outgoing = Outgoing::Permitted(permitted);
        if self.conn.is_none() {
            let (code, kept) = (ErrorCode::CustomerOffline, true);
            self.withdraw(kept, out);
            return self.failed_here(env, transfer, &title, code, code.to_string(), out);
        }
        self.save(out);
        self.call_again(out);
        out.push(Effect::SetTimer(Timer::Prepare, env.settings.times.prepare));
        self.advanced(out);
    }

    pub(super) fn call_again(&self, out: &mut Vec<Effect>) {
        if let Outgoing::Permitted(Permitted { attempt, .. }) = &self.record.outgoing {
            let request = CallRequest::Again(Again {});
            out.push(Effect::Call(Box::new(Call {
                peer: attempt.peer.clone(),
                transfer: attempt.transfer,
                request,
            })));
        }
    }

    /// Of too many, one goes first whose destination can have nothing to ask any more.
    fn remember(&mut self, past: Past) {
        self.record.past.push(past);
        if self.record.past.len() > PAST {
            let epoch = self.record.epoch;
            let idle = self.record.past.iter().position(|past| !past.is_open(epoch) && !past.kept);
            self.record.past.remove(idle.unwrap_or(0));
        }
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

fn code_of(error: &CallError) -> Option<ErrorCode> {
    match error {
        CallError::Denied(denial) => Some(denial.code),
        _ => None,
    }
}
