//! The customer of a chat is erased: the chat ends, whatever state it is in, and stores nothing after that. What is
//! stored of it is then removed by the driver, and [`crate::erase`] tells the other servers.

use baton_protocol::federation::Denial;
use baton_protocol::model::EndReason;
use baton_protocol::{CloseCode, ErrorCode, TransferId};

use super::{Chat, Input};
use crate::effect::{Answer, Effect, Env, ReplyTo, Timer};
use crate::queue::{self, Output};
use crate::transfer::origin::Outgoing;

/// Every timer that a chat may have set.
const TIMERS: [Timer; 7] =
    [Timer::Prepare, Timer::Offer, Timer::Retry, Timer::Linger, Timer::Away, Timer::Ask, Timer::Fetch];

impl Chat {
    pub(super) fn erase(&mut self, env: &mut Env<'_>, reply: ReplyTo, out: &mut Vec<Effect>) {
        // On the way to another server the chat is frozen: its agent's place is free all the same.
        if matches!(self.record.outgoing, Outgoing::Released(_)) {
            self.let_go(out);
        } else {
            self.end(env, EndReason::Server, out);
        }
        out.extend(self.conn.take().map(|conn| Effect::CloseCustomer(conn, CloseCode::Ended)));
        out.extend(TIMERS.map(Effect::ClearTimer));
        self.erased = true;
        // Last: it goes out when all that came before it is stored.
        out.push(Effect::Reply(reply, Box::new(Ok(Answer::Done))));
    }

    /// Whether it has gone, is going, or was to go to that server by this transfer.
    #[must_use]
    pub fn went_by(&self, peer: &str, transfer: TransferId) -> bool {
        let past = self.record.past.iter().map(|past| &*past.attempt);
        let mut attempts = past.chain(self.record.outgoing.attempt());
        attempts.any(|attempt| attempt.transfer == transfer && attempt.peer == peer)
    }

    /// What is answered once it is erased: as for a chat that never was.
    pub(super) fn after_erasure(&self, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Erase(reply) => out.push(Effect::Reply(reply, Box::new(Ok(Answer::Done)))),
            Input::Attach { conn, .. } | Input::Renew(conn, _) => {
                out.push(Effect::CloseCustomer(conn, CloseCode::Unauthenticated));
            }
            Input::Rescue { reply, .. } => {
                out.push(Effect::Reply(reply, Box::new(Err(no(ErrorCode::UnknownChat)))))
            }
            Input::Peer { reply, .. } => {
                out.push(Effect::Reply(reply, Box::new(Err(no(ErrorCode::Cancelled)))))
            }
            // A place that was given meanwhile is free again.
            Input::Queue(Output::Assigned { agent, .. } | Output::Placed { agent: Some(agent), .. }) => {
                out.push(Effect::Queue(Box::new(queue::Input::Withdraw(agent.login, self.record.id))));
            }
            _ => {}
        }
    }
}

fn no(code: ErrorCode) -> Denial {
    Denial { code, detail: code.to_string(), retry_after: None }
}
