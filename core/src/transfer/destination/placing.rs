//! A place for a customer on the way (D3, D7): in the queue, with an agent who is free, or with one who takes them.

use baton_protocol::federation::{Denial, Reservation};
use baton_protocol::model::Ask;
use baton_protocol::{ErrorCode, ServerFrame};

use super::{AT_THE_DOOR, Incoming, State};
use crate::effect::{Answer, Effect, Env, NeedsAgent, ReplyTo, Timer};
use crate::queue::{self, Profile, SeatKey, Wanted};

/// Agents who are asked one after the other, at most: the origin's agent waits meanwhile.
const ASKED_AT_MOST: usize = 3;

/// Seconds after which the origin asks for an answer that is not there yet.
const ASK_AGAIN: u32 = 1;

/// Seconds after which the origin may try again when everybody who was asked has declined.
const DECLINED_FOR: u32 = 60;

impl Incoming {
    fn seat(&self) -> SeatKey {
        (self.record.peer.clone(), self.record.transfer)
    }

    pub(super) fn look_for_place(&self, env: &Env<'_>, out: &mut Vec<Effect>) {
        let arrival = env.settings.arrival(&self.record.area);
        let wanted = match (&self.placing.consulted, arrival.agent) {
            (Some(login), _) => Wanted::This(login.clone()),
            (None, NeedsAgent::No) => Wanted::InQueue(arrival.max_waiting),
            (None, NeedsAgent::Free | NeedsAgent::Willing) => {
                Wanted::FreeAgent(self.placing.declined.clone())
            }
        };
        self.reserve(env, wanted, out);
    }

    pub(super) fn reserve(&self, env: &Env<'_>, wanted: Wanted, out: &mut Vec<Effect>) {
        let (seat, area) = (self.seat(), self.record.area.clone());
        let times = &env.settings.times;
        let until = env.now.plus(ASKED_AT_MOST as u64 * times.ask + times.offer + AT_THE_DOOR);
        out.push(Effect::Queue(Box::new(queue::Input::Reserve { seat, area, wanted, until })));
    }

    /// After a restart.
    pub(super) fn keep_place(&self, env: &Env<'_>, out: &mut Vec<Effect>) {
        let promised = self.record.agent.clone().map(Wanted::Promised);
        self.reserve(env, promised.unwrap_or(Wanted::InQueue(u32::MAX)), out);
    }

    pub(super) fn leave_place(&self, out: &mut Vec<Effect>) {
        out.push(Effect::Queue(Box::new(queue::Input::GiveBack(self.seat()))));
        self.take_question_back(out);
    }

    fn take_question_back(&self, out: &mut Vec<Effect>) {
        let over = ServerFrame::AskOver { transfer: self.record.transfer };
        out.extend(self.placing.asked.clone().map(|login| Effect::ToAgent(login, Box::new(over))));
    }

    /// The queue manager's answer.
    pub(super) fn placed(
        &mut self,
        env: &Env<'_>,
        answer: Result<Option<Profile>, (ErrorCode, u32)>,
        out: &mut Vec<Effect>,
    ) {
        match (&self.record.state, answer) {
            (State::Posted, Ok(agent)) => self.has_place(env, agent, out),
            (State::Posted, Err((code, retry_after))) => self.has_none(env, code, retry_after, out),
            // It has lapsed in the meantime.
            (State::Rejected | State::Fenced, Ok(_)) => {
                out.push(Effect::Queue(Box::new(queue::Input::GiveBack(self.seat()))));
            }
            _ => {}
        }
    }

    fn has_place(&mut self, env: &Env<'_>, agent: Option<Profile>, out: &mut Vec<Effect>) {
        let willing = env.settings.arrival(&self.record.area).agent == NeedsAgent::Willing;
        match agent {
            // An agent who picked the customer up (D6), or has spoken about them, need not be asked.
            Some(agent)
                if willing && self.placing.consulted.is_none() && self.record.peer != env.settings.server =>
            {
                self.ask(env, agent, out);
            }
            agent => self.reserved(env, agent.map(|agent| agent.login), out),
        }
    }

    fn reserved(&mut self, env: &Env<'_>, agent: Option<String>, out: &mut Vec<Effect>) {
        let life = env.settings.times.offer;
        self.record.agent = agent;
        self.record.state = State::Reserved;
        self.record.expires = env.now.plus(life);
        self.save(out);
        self.answer(out);
        out.push(Effect::SetTimer(Timer::Offer, life));
    }

    fn ask(&mut self, env: &Env<'_>, agent: Profile, out: &mut Vec<Effect>) {
        self.placing.asked = Some(agent.login.clone());
        self.save(out);
        self.show_question(env, &agent.login, out);
        out.push(Effect::SetTimer(Timer::Ask, env.settings.times.ask));
        out.push(Effect::SetTimer(Timer::Offer, self.record.expires.since(env.now)));
        self.deny(ErrorCode::Asking, ASK_AGAIN, out);
    }

    /// The question, for the console of the agent who is being asked.
    pub(super) fn show_question(&self, env: &Env<'_>, login: &str, out: &mut Vec<Effect>) {
        if self.placing.asked.as_deref() != Some(login) {
            return;
        }
        let (context, limit) = (&self.record.context, env.settings.times.ask);
        let ask = Ask {
            transfer: self.record.transfer,
            from: context.origin.clone(),
            agent: context.agent.clone(),
            area: env.settings.area_title(&self.record.area).unwrap_or(&self.record.area).into(),
            name: context.customer.name.clone(),
            subject: context.customer.subject.clone(),
            comments: context.comments.clone(),
            expires_in: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        out.push(Effect::ToAgent(login.into(), Box::new(ServerFrame::Asked { ask })));
    }

    pub(super) fn decided(&mut self, env: &Env<'_>, login: &str, accept: bool, out: &mut Vec<Effect>) {
        if self.record.state != State::Posted || self.placing.asked.as_deref() != Some(login) {
            let over = ServerFrame::AskOver { transfer: self.record.transfer };
            return out.push(Effect::ToAgent(login.into(), Box::new(over)));
        }
        self.take_question_back(out);
        self.placing.asked = None;
        out.push(Effect::ClearTimer(Timer::Ask));
        if accept {
            return self.reserved(env, Some(login.into()), out);
        }
        self.ask_another(env, login.into(), out);
    }

    pub(super) fn no_answer(&mut self, env: &Env<'_>, out: &mut Vec<Effect>) {
        self.take_question_back(out);
        if let Some(login) = self.placing.asked.take() {
            self.ask_another(env, login, out);
        }
    }

    fn ask_another(&mut self, env: &Env<'_>, declined: String, out: &mut Vec<Effect>) {
        self.placing.declined.push(declined);
        out.push(Effect::Queue(Box::new(queue::Input::GiveBack(self.seat()))));
        if self.placing.declined.len() < ASKED_AT_MOST {
            self.look_for_place(env, out);
        } else {
            self.has_none(env, ErrorCode::Declined, DECLINED_FOR, out);
        }
    }

    /// The next try may find one, if the area keeps what was posted (D7).
    fn has_none(&mut self, env: &Env<'_>, code: ErrorCode, retry_after: u32, out: &mut Vec<Effect>) {
        let keeps = env.settings.arrival(&self.record.area).keeps && code == ErrorCode::NoAgentFree;
        self.placing.declined.clear();
        if !keeps {
            self.record.state = State::Rejected;
        }
        self.save(out);
        if keeps {
            out.push(Effect::SetTimer(Timer::Offer, self.record.expires.since(env.now)));
        } else {
            out.extend([Timer::Offer, Timer::Ask].map(Effect::ClearTimer));
        }
        self.deny(if keeps { ErrorCode::Kept } else { code }, retry_after, out);
    }

    /// The origin asks for what it has not got.
    pub(super) fn again(
        &mut self,
        env: &Env<'_>,
        reservation: Reservation,
        reply: ReplyTo,
        out: &mut Vec<Effect>,
    ) {
        self.placing.wanted = Some(reservation);
        self.placing.reply = Some(reply);
        match self.record.state {
            State::Reserved => self.answer(out),
            _ if self.placing.refusal.is_some() => self.answer(out),
            State::Posted if self.placing.asked.is_some() => self.deny(ErrorCode::Asking, ASK_AGAIN, out),
            State::Posted => self.look_for_place(env, out),
            _ => {
                let detail = "this transfer is already under way or over".into();
                self.placing.refusal = Some(Denial { code: ErrorCode::Denied, detail, retry_after: None });
                self.answer(out);
            }
        }
    }

    fn deny(&mut self, code: ErrorCode, retry_after: u32, out: &mut Vec<Effect>) {
        let retry_after = Some(retry_after);
        self.placing.refusal = Some(Denial { code, detail: code.to_string(), retry_after });
        self.answer(out);
    }

    /// Tells the origin, now or when it asks next.
    fn answer(&mut self, out: &mut Vec<Effect>) {
        let Some(reply) = self.placing.reply.take() else { return };
        let (refusal, wanted) = (self.placing.refusal.take(), self.placing.wanted.take());
        let answer = match (refusal, wanted) {
            (_, Some(reservation)) if self.record.state == State::Reserved => {
                Ok(Answer::Reservation(reservation))
            }
            (Some(denial), _) => Err(denial),
            (None, _) => return,
        };
        out.push(Effect::Reply(reply, Box::new(answer)));
    }
}
