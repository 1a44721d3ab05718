//! Effects that leave the process: frames, calls, answers.

use std::sync::Arc;

use baton_core::effect::{Answer, Call, ConnId, Effect, Entered, ReplyTo};
use baton_core::session::Speaker;
use baton_protocol::federation::Denial;
use baton_protocol::model::{Customer, DocumentRef};
use baton_protocol::{ChatId, CloseCode, ServerFrame, TransferId};

use super::conn::{self, Conn};
use super::{Gateway, Key};

/// An effect that leaves the process. What is large and seldom is in a box: entries, which are most of all, are moved
/// several times.
#[derive(Debug)]
pub enum Outward {
    /// An entry, to those who see it and to whoever said it.
    Entered(Entered),
    /// To a customer's connection.
    Frame(ConnId, Box<ServerFrame>),
    /// Close a customer's connection.
    Close(ConnId, CloseCode),
    /// To an agent's consoles.
    Agent(String, Box<ServerFrame>),
    /// To a peer, whose answer goes to this machine.
    Call(Box<(Key, Call)>),
    /// Fetch a document from a peer for a chat.
    Fetch(Box<(ChatId, String, TransferId, DocumentRef)>),
    /// A letter to a customer who is not here.
    Mail(Box<(ChatId, Customer, String)>),
    /// The answer to a peer.
    Reply(ReplyTo, Box<Result<Answer, Denial>>),
}

/// Those to whom the last entry went. The entries of one step go to the same people.
#[derive(Default)]
struct Audience {
    customer: Option<(ConnId, Arc<Conn>)>,
    agent: Option<(Arc<str>, Vec<Arc<Conn>>)>,
}

impl Audience {
    fn customer(&mut self, gateway: &Gateway, id: ConnId) -> Option<&Arc<Conn>> {
        if self.customer.as_ref().is_none_or(|(known, _)| *known != id) {
            self.customer = gateway.conns.get(&id).map(|conn| (id, conn.clone()));
        }
        self.customer.as_ref().map(|(_, conn)| conn)
    }

    fn agent(&mut self, gateway: &Gateway, login: &Arc<str>) -> &[Arc<Conn>] {
        if self.agent.as_ref().is_none_or(|(known, _)| known != login) {
            self.agent = Some((login.clone(), gateway.consoles(login)));
        }
        self.agent.as_ref().map_or(&[], |(_, consoles)| consoles)
    }

    fn show(&mut self, gateway: &Gateway, entered: &Entered) {
        let customer = entered.customer.and_then(|id| self.customer(gateway, id).cloned());
        let consoles = match &entered.agent {
            Some(login) => self.agent(gateway, login),
            None => &[],
        };
        conn::show(entered, customer.iter().chain(consoles));
        match &entered.said {
            None => {}
            Some(Speaker::Customer(id)) => {
                if let Some(conn) = self.customer(gateway, *id) {
                    conn.send(&entered.stored());
                }
            }
            Some(Speaker::Agent(login)) => {
                let stored = entered.stored();
                self.agent(gateway, login).iter().for_each(|conn| conn.send(&stored));
            }
        }
    }
}

impl Gateway {
    pub(super) fn deliver(self: &Arc<Self>, outward: Vec<Outward>) {
        let mut audience = Audience::default();
        for one in outward {
            match one {
                Outward::Entered(entered) => audience.show(self, &entered),
                Outward::Frame(conn, frame) => {
                    if let Some(conn) = self.conns.get(&conn) {
                        conn.send(&frame);
                        self.waits_or_not(&conn, &frame);
                    }
                }
                Outward::Close(conn, code) => {
                    if let Some(conn) = self.conns.get(&conn) {
                        conn.close(code);
                    }
                }
                Outward::Agent(login, frame) => self.send_to_agent(&login, &frame),
                Outward::Call(call) => self.call(call.0, call.1),
                Outward::Fetch(fetch) => {
                    let (chat, peer, transfer, document) = *fetch;
                    self.fetch(chat, peer, transfer, document);
                }
                Outward::Mail(letter) => self.write_to(letter.0, &letter.1, &letter.2),
                Outward::Reply(reply, answer) => {
                    if let Some((_, waiting)) = self.replies.remove(&reply.0) {
                        // Nobody waits any more: the peer will ask again.
                        let _ = waiting.send(*answer);
                    }
                }
            }
        }
    }

    #[expect(clippy::result_large_err, reason = "the effect goes on where it was")]
    pub(super) fn outward(key: &Key, effect: Effect) -> Result<Outward, Effect> {
        Ok(match effect {
            Effect::ToCustomer(conn, frame) => Outward::Frame(conn, frame),
            Effect::CloseCustomer(conn, code) => Outward::Close(conn, code),
            Effect::ToAgent(login, frame) => Outward::Agent(login, frame),
            Effect::Fetch { chat, peer, transfer, document } => {
                Outward::Fetch(Box::new((chat, peer, transfer, document)))
            }
            Effect::Mail { chat, to, text } => Outward::Mail(Box::new((chat, to, text))),
            Effect::Call(call) => Outward::Call(Box::new((key.clone(), *call))),
            Effect::Reply(reply, answer) => Outward::Reply(reply, answer),
            other => return Err(other),
        })
    }
}
