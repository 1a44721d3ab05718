//! A supervisor gets a chat out of whatever state it is in, back to a queue.

use baton_protocol::ErrorCode;
use baton_protocol::federation::Denial;
use baton_protocol::model::{Event, OpenChat, OpenState};

use super::{Chat, State};
use crate::audit::{Record, Step};
use crate::effect::{Answer, Effect, Env, ReplyTo};
use crate::queue;
use crate::transfer::origin::Outgoing;

impl Chat {
    /// The chat as supervisors see it; nothing when it is over.
    #[must_use]
    pub fn open_chat(&self) -> Option<OpenChat> {
        let to = self.record.outgoing.attempt().map(|attempt| attempt.title.clone());
        let placing = self.placing.as_ref().map(|placing| placing.target.title.clone());
        let state = match (&self.record.outgoing, &self.record.state) {
            (Outgoing::Settled(_), _) | (_, State::Ended(_)) => return None,
            (Outgoing::Released(released), _) => OpenState::Leaving { to: released.attempt.title.clone() },
            (_, State::Waiting { .. }) => OpenState::Waiting,
            (
                Outgoing::Requested(_) | Outgoing::Permitted(_) | Outgoing::Offered(_),
                State::Active { login, .. },
            ) => OpenState::Transferring { agent: login.clone(), to: to.unwrap_or_default() },
            (_, State::Active { login, .. }) => match placing {
                Some(to) => OpenState::Transferring { agent: login.clone(), to },
                None => OpenState::Active { agent: login.clone() },
            },
        };
        Some(OpenChat {
            chat: self.record.id,
            area: self.record.area.clone(),
            name: self.record.customer.name.clone(),
            state,
            online: self.conn.is_some(),
            since: self.record.since,
        })
    }

    pub(super) fn rescue(
        &mut self,
        env: &mut Env<'_>,
        to: Option<String>,
        reply: ReplyTo,
        out: &mut Vec<Effect>,
    ) {
        let answer = self.rescued(env, to, out);
        out.push(Effect::Reply(reply, Box::new(answer.map(|()| Answer::Done))));
    }

    fn rescued(
        &mut self,
        env: &mut Env<'_>,
        to: Option<String>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Denial> {
        let area = to.unwrap_or_else(|| self.record.area.clone());
        let title = env.settings.area_title(&area).ok_or_else(|| no(ErrorCode::UnknownArea, ""))?.to_owned();
        let whereabouts = match (&self.record.outgoing, &self.record.state) {
            (Outgoing::Settled(settled), _) => {
                let to = &settled.attempt.title;
                return Err(no(ErrorCode::ChatOver, &format!("the customer is with {to} now: ask there")));
            }
            (_, State::Ended(_)) => return Err(no(ErrorCode::ChatOver, "")),
            (Outgoing::Released(released), _) => Some(released.attempt.title.clone()),
            _ => None,
        };
        if let Some(to) = whereabouts {
            self.audit_rescue(env, &area, out);
            self.leaves_with(area, out);
            return Err(no(ErrorCode::TransferUnderWay, &self.on_the_way(&to)));
        }
        self.abort(env, ErrorCode::Cancelled, "a supervisor took the chat back".into(), out);
        if self.placing.is_some() {
            self.not_taken(env, ErrorCode::Cancelled, out);
        }
        self.audit_rescue(env, &area, out);
        self.back_to_queue(env, area, title, out);
        Ok(())
    }

    fn audit_rescue(&self, env: &Env<'_>, area: &str, out: &mut Vec<Effect>) {
        // From whom it was taken; who took it stands in the log.
        let agent = self.agent_login().unwrap_or_default().to_owned();
        let (at, chat, to) = (env.now, Some(self.record.id), format!("area {area}"));
        let step = Step::Rescued;
        out.push(Effect::Audit(Box::new(Record { at, chat, transfer: None, agent, peer: None, to, step })));
    }

    /// Only the customer's own browser can come back (the epoch is its own): when it does, it waits in this area.
    fn leaves_with(&mut self, area: String, out: &mut Vec<Effect>) {
        self.record.area = area;
        if matches!(self.record.state, State::Active { .. }) {
            self.let_go(out);
        } else {
            self.save(out);
        }
    }

    fn on_the_way(&self, to: &str) -> String {
        let here = match self.conn {
            Some(_) => {
                "their browser is still connected here as well, and comes back by itself if they are not welcomed there"
            }
            None => "their browser is not connected here",
        };
        format!(
            "the customer was given to {to}, which has not confirmed it yet; {here}; then they wait in the queue"
        )
    }

    fn back_to_queue(&mut self, env: &mut Env<'_>, area: String, title: String, out: &mut Vec<Effect>) {
        match self.record.state.clone() {
            State::Active { login, title: agent } => {
                out.push(Effect::ToAgent(login.clone(), Box::new(self.gone_card(title.clone()))));
                self.record.area = area;
                // No place is free before it is stored whose it is not any more.
                self.save(out);
                out.push(Effect::Queue(Box::new(queue::Input::Free(login, self.record.id))));
                self.wait_again(env, out);
                self.happened(env, Event::Transferred { from: agent, to: title }, out);
            }
            State::Waiting { .. } => {
                // Also to the same queue: it may not know of the chat any more.
                out.push(Effect::Queue(Box::new(queue::Input::Moved(self.record.id))));
                self.record.area = area;
                self.save(out);
                self.enqueue(env, out);
            }
            State::Ended(_) => {}
        }
    }
}

fn no(code: ErrorCode, detail: &str) -> Denial {
    let detail = if detail.is_empty() { code.to_string() } else { detail.into() };
    Denial { code, detail, retry_after: None }
}
