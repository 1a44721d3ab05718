//! The warm transfer page (O4): a page that loads itself again while the customer's browser has no connection, and
//! that leads to the destination when a transfer is offered.
//!
//! There is no widget to show its secret then, so this server makes one for the transfer and the page carries it.

use baton_protocol::model::Way;
use baton_protocol::{Epoch, ErrorCode, Verifier, Wtid};

use super::Chat;
use crate::effect::{Effect, Env};
use crate::transfer::origin::{Offered, Outgoing};

/// Milliseconds for which a browser that has loaded the page is taken to be there. It loads it every few seconds.
const THERE: u64 = 30_000;

/// What the page leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOffer {
    /// The destination's name for people.
    pub title: String,
    /// The destination's page.
    pub page: String,
    /// The secret to present there, if there is one.
    pub wtid: Option<Wtid>,
    /// The proof.
    pub verifier: Verifier,
    /// The epoch that this server serves.
    pub epoch: Epoch,
}

impl Chat {
    pub(super) fn has_looked(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        self.looked = Some(env.now);
        if self.conn.is_none() && self.is_open() {
            self.expect_back(env, out);
        }
    }

    pub(super) fn looks_at_page(&self, env: &Env<'_>) -> bool {
        self.looked.is_some_and(|looked| env.now.since(looked) < THERE)
    }

    /// What the page leads to now, if it leads anywhere.
    #[must_use]
    pub fn page_offer(&self) -> Option<PageOffer> {
        let Outgoing::Offered(Offered { attempt, offer: Some(offer), .. }) = &self.record.outgoing else {
            return None;
        };
        let (Way::Navigate { page } | Way::InPlace { page: Some(page), .. }) = &offer.way else {
            return None;
        };
        Some(PageOffer {
            title: attempt.title.clone(),
            page: page.clone(),
            wtid: offer.wtid.clone(),
            verifier: attempt.page_secret.clone()?,
            epoch: attempt.epoch,
        })
    }

    /// The widget is connected again, and has no use for an offer that it cannot prove to be its own.
    pub(super) fn page_not_needed(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        self.looked = None;
        let by_page = self.record.outgoing.attempt().is_some_and(|attempt| attempt.page_secret.is_some());
        if by_page && self.record.outgoing.serves() {
            let detail = "the customer is connected again: try again".into();
            self.abort(env, ErrorCode::NotArrived, detail, out);
        }
    }
}
