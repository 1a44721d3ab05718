//! The connection: made, lost, made again, silent.

use baton_protocol::frames::Login;
use baton_protocol::limits::HEARTBEAT_SECONDS;
use baton_protocol::{ClientFrame, CloseCode, Timestamp};

use super::{Console, Link, sentence};
use crate::tongue::t;

impl Console {
    /// A login begins, or goes on.
    pub fn connecting(&mut self, now: Timestamp) {
        // The silence counts from here.
        self.heard = now;
        if self.me.is_none() {
            self.link = Link::Connecting;
        }
    }

    /// The connection stands: the hello goes first.
    pub fn connected(&mut self, login: Login, now: Timestamp) {
        (self.heard, self.pinged) = (now, now);
        self.refusal = None;
        // Whatever was meant for the old connection is in the chats and said again from there.
        self.outbox.clear();
        self.outbox.push(ClientFrame::AgentHello { login });
    }

    /// The connection is gone for now.
    pub fn disconnected(&mut self) {
        self.outbox.clear();
        self.picking.clear();
        // Whoever still waits for an answer asks again.
        self.asks.clear();
        if self.me.is_some() {
            self.link = Link::Lost;
        }
    }

    /// The connection is gone for good: back to the login page, which says why.
    pub fn logged_out(&mut self, code: Option<CloseCode>) {
        let refusal =
            self.refusal.map(|code| format!("{}. {}", sentence(&code.to_string()), t(code.advice())));
        let closed = code.map(|code| crate::words::closed(code).to_owned());
        *self = Self { link: Link::Out(refusal.or(closed)), ..Self::default() };
    }

    /// A login came to nothing, for this reason.
    pub fn not_logged_in(&mut self, why: String) {
        self.link = Link::Out(Some(why));
    }

    /// Whether nothing was heard for so long that the connection must be dead.
    #[must_use]
    pub fn is_silent(&self, now: Timestamp) -> bool {
        now.since(self.heard) > 2_500 * u64::from(HEARTBEAT_SECONDS)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Timestamp) {
        self.notices.retain(|notice| notice.until > now);
        self.asks.retain(|asked| asked.until > now);
        self.ticked = now;
        self.offer_overdue(now);
        self.settle_within();
        if self.link != Link::Online {
            return;
        }
        let told: Vec<ClientFrame> = self.chats.iter_mut().flat_map(|chat| chat.tick(now)).collect();
        self.outbox.extend(told);
        if now.since(self.pinged) >= 1_000 * u64::from(HEARTBEAT_SECONDS) {
            self.ping(now);
        }
    }

    pub(super) fn ping(&mut self, now: Timestamp) {
        self.pinged = now;
        self.nonce = self.nonce.wrapping_add(1);
        self.outbox.push(ClientFrame::Ping { nonce: self.nonce });
    }
}
