//! Questions whether the agent takes a chat that somebody wants to hand over to them (D7).

use baton_protocol::model::Ask;
use baton_protocol::{ClientFrame, Timestamp, TransferId};

use super::{Console, Link};

/// A question that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What it is about.
    pub ask: Ask,
    /// When somebody else is asked.
    pub until: Timestamp,
    /// The agent takes the chat, and the gateway has not confirmed it.
    pub taken: bool,
}

impl Console {
    pub(super) fn asked(&mut self, ask: Ask, now: Timestamp) {
        self.ask_over(ask.transfer);
        let until = now.plus(ask.expires_in.into());
        self.asks.push(Asked { ask, until, taken: false });
    }

    pub(super) fn ask_over(&mut self, transfer: TransferId) {
        self.asks.retain(|asked| asked.ask.transfer != transfer);
    }

    /// Takes the chat, or declines it. Only once: a second word would come too late.
    pub fn answer(&mut self, transfer: TransferId, accept: bool) {
        let found = self.asks.iter_mut().find(|asked| asked.ask.transfer == transfer && !asked.taken);
        let Some(asked) = found.filter(|_| self.link == Link::Online) else { return };
        asked.taken = accept;
        self.expects_asked |= accept;
        self.outbox.push(ClientFrame::AnswerAsk { transfer, accept });
        if !accept {
            self.ask_over(transfer);
        }
    }
}
