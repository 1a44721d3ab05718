//! Peers that lie: what they have once sent comes again, what others have sent comes from them, and nothing comes in
//! its order. Their signatures are good; it is the machines that must not believe them.

use baton_core::effect::{Answer, CallError, CallRequest, CallResult};
use baton_protocol::TransferId;
use baton_protocol::federation::{Cancel, CancelAnswer, Commit, ProgressReport, Settle};
use baton_protocol::model::Stage;

use crate::event::ServerId;
use crate::federation::{Tapped, twin};
use crate::world::World;

/// What a hostile server does to the customers who are sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swallow {
    /// It takes the connection, and is silent.
    Claims,
    /// It takes the customer over, and does not say so.
    Welcomes,
}

impl World {
    /// A hostile peer sends something.
    pub fn intrude(&mut self) {
        if self.tapped.is_empty() {
            return;
        }
        let at = self.fate.index(self.tapped.len());
        let Tapped { from, to, transfer, request } = &self.tapped[at];
        let call = Tapped { from: *from, to: *to, transfer: *transfer, request: twin(request) };
        match self.fate.below(4) {
            0 if self.strikes("request replayed") => self.inject(call, false),
            1 => self.forge(call),
            2 if self.strikes("request out of order") => {
                let request = self.misplaced(&call.request);
                self.inject(Tapped { request, ..call }, false);
            }
            3 if self.strikes("request about nothing") => {
                let mut bytes = [0; 16];
                self.fate.fill(&mut bytes);
                // A permission is good for whatever transfer its owner makes of it.
                let forged = !matches!(call.request, CallRequest::Transfer(_));
                self.inject(Tapped { transfer: TransferId(bytes), ..call }, forged);
            }
            _ => {}
        }
    }

    /// Another peer, which has no part in the transfer, says what one of its two would.
    fn forge(&mut self, call: Tapped) {
        let strangers: Vec<ServerId> =
            (0..self.servers.len()).filter(|id| *id != call.from && *id != call.to).collect();
        let Some(from) = self.fate.pick(&strangers) else { return };
        if self.strikes("forged request") {
            let to = if self.fate.chance(500) { call.from } else { call.to };
            let request = if self.fate.chance(300) { call.request } else { self.anything() };
            self.inject(Tapped { from, to, request, ..call }, true);
        }
    }

    /// What the same peer might say of the same transfer, at another time. That the customer has stored its epoch,
    /// or has come back, is what the protocol believes a party to a transfer: it is not invented here.
    fn misplaced(&mut self, request: &CallRequest) -> CallRequest {
        match request {
            CallRequest::Commit(_) | CallRequest::Settle(_) | CallRequest::Progress(_) => {
                let stages = [Stage::Queued, Stage::Answered, Stage::Requested];
                let stage = stages[self.fate.index(stages.len())];
                CallRequest::Progress(ProgressReport { stage, code: None })
            }
            other => twin(other),
        }
    }

    fn anything(&mut self) -> CallRequest {
        match self.fate.below(5) {
            0 => CallRequest::Commit(Commit { adopt: false }),
            1 => CallRequest::Commit(Commit { adopt: true }),
            2 => CallRequest::Settle(Settle { epoch: 2 }),
            3 => CallRequest::Cancel(Cancel { reclaimed: None }),
            _ => CallRequest::Cancel(Cancel { reclaimed: Some(99) }),
        }
    }

    /// An answer that does not fit any question, or none that can be read.
    pub fn nonsense(&mut self, settles: bool) -> CallResult {
        match self.fate.below(3) {
            // To a settle it would be a lie, which nobody can tell from the truth.
            0 if !settles => Ok(Answer::Done),
            1 => Ok(Answer::Cancel(CancelAnswer::Arrived)),
            _ => Err(CallError::BadAnswer),
        }
    }
}
