//! Connections: in order while they last, and lost without a word when they do not.

use baton_core::client::{self, Link};
use baton_core::effect::ConnId;
use baton_core::session::{self, Beginning, Speaker};
use baton_core::transfer::destination::{self, Arrival, Claim};
use baton_protocol::frames::{About, Start};
use baton_protocol::model::{Customer, Page};
use baton_protocol::{
    ChatId, ClientFrame, CloseCode, ErrorCode, SecretDigest, ServerFrame, Timestamp, TransferId,
};

use crate::event::{CustomerId, Event, ServerId};
use crate::hostile::Swallow;
use crate::mutant::Mutant;
use crate::server::server_of;
use crate::world::World;

/// Whose end of a connection the client's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A page of a customer's, and its number for it.
    Customer(CustomerId, u32, Link),
    /// An agent's console.
    Agent(usize),
    /// Somebody who wants what is not theirs.
    Thief,
}

/// What a connection is for, once it has said hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It has not.
    Nobody,
    /// The customer of a chat.
    Customer(ChatId),
    /// Somebody with a WTID.
    Arriving(String, TransferId),
    /// An agent.
    Agent(usize),
}

/// A connection.
#[derive(Debug)]
pub struct Conn {
    server: ServerId,
    life: u32,
    /// The other end.
    pub side: Side,
    /// What it is for.
    pub bound: Bound,
    /// Whether nothing gets through any more, though an end may not know.
    cut: bool,
    client_open: bool,
    server_open: bool,
    /// When the last word to the server arrives, so that none overtakes another.
    to_server_at: u64,
    to_client_at: u64,
}

impl Conn {
    /// Whether it is a connection to this server that somebody still believes in.
    #[must_use]
    pub fn is_of(&self, server: ServerId) -> bool {
        self.server == server && (self.client_open || self.server_open)
    }

    /// Whether it is this customer's, to any server, and somebody still believes in it.
    #[must_use]
    pub fn is_by(&self, customer: CustomerId) -> bool {
        matches!(self.side, Side::Customer(by, ..) if by == customer)
            && (self.client_open || self.server_open)
    }

    /// Its server.
    #[must_use]
    pub fn server(&self) -> ServerId {
        self.server
    }
}

impl World {
    /// Somebody connects to a server.
    pub fn connect(&mut self, server: ServerId, side: Side) -> u64 {
        let id = self.number();
        let life = self.servers[server].life;
        let conn = Conn {
            server,
            life,
            side,
            bound: Bound::Nobody,
            cut: false,
            client_open: true,
            server_open: false,
            to_server_at: 0,
            to_client_at: 0,
        };
        self.conns.insert(id, conn);
        let wait = self.rng.range(5, 120);
        self.later(wait, Event::Opened { conn: id });
        id
    }

    /// The connection is there, or it is not.
    pub fn opened(&mut self, id: u64) {
        let Some(conn) = self.conns.get(&id) else { return };
        let (server, side) = (conn.server, conn.side);
        let reached = match side {
            Side::Customer(customer, ..) => self.reaches(customer, server),
            Side::Agent(_) | Side::Thief => true,
        };
        if !reached || self.servers[server].memory.is_none() {
            // Refused at once, or nobody ever answers.
            let wait = self.rng.range(10, 2_000);
            if self.rng.chance(700) || !matches!(side, Side::Customer(..)) {
                self.later(wait, Event::ClientClosed { conn: id, code: None });
            }
            return;
        }
        let life = self.servers[server].life;
        if let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.client_open && !conn.cut) {
            conn.life = life;
            conn.server_open = true;
        } else {
            return;
        }
        match side {
            Side::Customer(customer, page, link) => {
                self.client_input(customer, page, client::Input::Opened(link));
            }
            Side::Agent(agent) => self.console_opened(server, agent, id),
            Side::Thief => self.thief_speaks(id),
        }
    }

    /// The client sends.
    pub fn send_to_server(&mut self, id: u64, frame: ClientFrame) {
        let (now, wait) = (self.now, self.rng.range(1, 80));
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.cut && conn.client_open) else { return };
        conn.to_server_at = conn.to_server_at.max(now + wait);
        let at = conn.to_server_at;
        self.agenda.add(at, Event::ToServer { conn: id, frame });
    }

    /// The server sends.
    pub fn send_to_client(&mut self, id: u64, frame: ServerFrame) {
        let (now, wait) = (self.now, self.rng.range(1, 80));
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.cut && conn.server_open) else { return };
        conn.to_client_at = conn.to_client_at.max(now + wait);
        let at = conn.to_client_at;
        self.agenda.add(at, Event::ToClient { conn: id, frame });
    }

    /// The server closes: what it has sent arrives first.
    pub fn close_by_server(&mut self, id: u64, code: CloseCode) {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.server_open) else { return };
        let at = conn.to_client_at.max(now + 1);
        conn.to_client_at = at;
        if !conn.cut {
            self.agenda.add(at, Event::ClientClosed { conn: id, code: Some(code) });
        }
        self.later(0, Event::ServerClosed { conn: id });
    }

    /// The client closes: what it has sent arrives first.
    pub fn close_by_client(&mut self, id: u64) {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.client_open) else { return };
        conn.client_open = false;
        let at = conn.to_server_at.max(now + 1);
        if !conn.cut {
            self.agenda.add(at, Event::ServerClosed { conn: id });
        }
    }

    /// The cable breaks. Either end learns it in its own time, or from silence.
    pub fn cut_conn(&mut self, id: u64) {
        let (soon, late) = (self.rng.range(0, 3_000), self.rng.range(0, 45_000));
        let silent = self.rng.chance(300);
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.cut) else { return };
        conn.cut = true;
        // A widget finds out by itself. A console does so too, but its machine is not simulated.
        if !silent || !matches!(conn.side, Side::Customer(..)) {
            self.later(soon, Event::ClientClosed { conn: id, code: None });
        }
        self.later(late, Event::ServerClosed { conn: id });
    }

    /// What is sent from now on arrives late, in one direction.
    pub fn stall(&mut self, id: u64, until: u64, send_client: bool) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let at = if send_client { &mut conn.to_client_at } else { &mut conn.to_server_at };
        *at = until.max(*at);
    }

    /// The client learns that the connection is gone.
    pub fn client_closed(&mut self, id: u64, code: Option<CloseCode>) {
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.client_open) else { return };
        conn.client_open = false;
        match conn.side {
            Side::Customer(customer, page, link) => {
                let code = code.map(|code| code as u16);
                self.client_input(customer, page, client::Input::Closed(link, code));
            }
            Side::Agent(agent) => {
                let server = conn.server;
                self.console_closed(server, agent, id);
            }
            Side::Thief => {}
        }
    }

    /// The server learns that the connection is gone.
    pub fn server_closed(&mut self, id: u64) {
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.server_open) else { return };
        conn.server_open = false;
        let (server, life, bound) = (conn.server, conn.life, conn.bound.clone());
        if !self.lives(server, life) {
            return;
        }
        match bound {
            Bound::Nobody => {}
            Bound::Customer(chat) => self.step_chat(server, chat, session::Input::Detach(ConnId(id))),
            Bound::Arriving(peer, transfer) => {
                self.step_incoming(server, &(peer, transfer), destination::Input::Detach(ConnId(id)));
            }
            Bound::Agent(agent) => self.console_gone(server, agent, id),
        }
    }

    /// Says what a connection is for.
    pub fn bind(&mut self, id: u64, bound: Bound) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.bound = bound;
        }
    }

    /// A frame reaches the client.
    pub fn send_client(&mut self, id: u64, frame: ServerFrame) {
        let Some(conn) = self.conns.get(&id).filter(|conn| !conn.cut) else { return };
        let server = conn.server;
        match conn.side {
            Side::Customer(customer, ..) if !conn.client_open => self.late_frame(customer, server, &frame),
            _ if !conn.client_open => {}
            Side::Customer(customer, page, link) => {
                if matches!(frame, ServerFrame::Offered { .. }) {
                    self.tempt_fate(customer, server);
                }
                self.client_frame(customer, page, link, frame);
            }
            Side::Agent(agent) => self.console_frame(server, agent, frame),
            Side::Thief => self.thief_hears(&frame),
        }
    }

    /// A frame reaches the server.
    pub fn send_server(&mut self, id: u64, frame: ClientFrame) {
        let Some(conn) = self.conns.get(&id).filter(|conn| !conn.cut && conn.server_open) else { return };
        let (server, life, bound, side) = (conn.server, conn.life, conn.bound.clone(), conn.side);
        if !self.lives(server, life) {
            return;
        }
        if let ClientFrame::Ping { nonce } = frame {
            return self.send_to_client(id, ServerFrame::Pong { nonce });
        }
        if matches!(side, Side::Customer(..)) {
            self.overhear(server, &frame);
        }
        match (bound, frame) {
            (Bound::Nobody, ClientFrame::CustomerHello { start, page, client_type, last_seq }) => {
                if let Err(code) = self.customer_hello(server, id, start, page, client_type, last_seq) {
                    self.close_by_server(id, code);
                }
            }
            (Bound::Nobody, ClientFrame::AgentHello { .. }) => self.agent_hello(server, id),
            (Bound::Customer(chat), ClientFrame::Attach { id: message, sha256, .. }) => {
                self.document_said(server, chat, Speaker::Customer(ConnId(id)), message, sha256);
            }
            (Bound::Customer(chat), ClientFrame::Earlier { token }) => {
                self.was_here_before(server, chat, token.digest());
            }
            (Bound::Customer(chat), frame) => {
                let frame = self.twist_frame(frame);
                self.step_chat(server, chat, session::Input::Customer(ConnId(id), frame));
            }
            (Bound::Arriving(..), _) => {
                let (code, about) = (ErrorCode::OutOfOrder, About::Connection);
                self.send_to_client(id, ServerFrame::Refused { code, detail: String::new(), about });
            }
            (Bound::Agent(agent), frame) => self.agent_frame(server, agent, frame),
            (Bound::Nobody, _) => self.close_by_server(id, CloseCode::Malformed),
        }
    }

    fn customer_hello(
        &mut self,
        server: ServerId,
        id: u64,
        start: Start,
        page: Option<Page>,
        client_type: String,
        last_seq: u64,
    ) -> Result<(), CloseCode> {
        match start {
            Start::New { area, name, email, subject, challenge } => {
                let login_at = Timestamp(self.servers[server].clock(self.now));
                let area = if area.is_empty() { "sales".into() } else { area };
                let customer = Customer { name, email, subject, login_at, client_type };
                let (epoch, conn, origins) = (1, ConnId(id), Vec::new());
                self.begin(
                    server,
                    Beginning {
                        area,
                        customer,
                        page,
                        epoch,
                        challenge,
                        origins,
                        promised: false,
                        arrival: None,
                        conn,
                    },
                );
            }
            Start::Resume { token, epoch } => {
                let chat = self.chat_by_token(server, token.digest()).ok_or(CloseCode::Unauthenticated)?;
                self.bind(id, Bound::Customer(chat));
                let input = session::Input::Attach { conn: ConnId(id), epoch, last_seq, page };
                self.step_chat(server, chat, input);
            }
            Start::Claim { .. }
                if self.servers[server].swallows == Some(Swallow::Claims)
                    && self.strikes("claim swallowed") => {}
            Start::Claim { wtid, verifier, epoch, challenge, adopt } => {
                let wtid = wtid.ok_or(CloseCode::Unauthenticated)?;
                let name = self.incoming_by_wtid(server, wtid.digest()).ok_or(CloseCode::Unauthenticated)?;
                self.bind(id, Bound::Arriving(name.0.clone(), name.1));
                let arrival = Arrival { challenge, page, client_type, web_origin: None };
                let adopt = adopt || self.is(Mutant::AdoptWithoutFreeze);
                let claim =
                    Claim { conn: ConnId(id), verifier, epoch, adopt, own_site: false, at: None, arrival };
                self.step_incoming(server, &name, destination::Input::Claim(claim));
            }
        }
        Ok(())
    }

    pub fn chat_by_token(&self, server: ServerId, token: SecretDigest) -> Option<ChatId> {
        let server = &self.servers[server];
        let memory = server.memory.as_ref()?;
        let here = memory.chats.iter().find(|(_, chat)| chat.record.token.matches(&token)).map(|(id, _)| *id);
        here.or_else(|| {
            let stored = server.store.chats.iter().find(|(_, stored)| stored.record.token.matches(&token));
            stored.map(|(id, _)| *id).filter(|id| !memory.chats.contains_key(id))
        })
    }

    fn incoming_by_wtid(&self, server: ServerId, wtid: SecretDigest) -> Option<(String, TransferId)> {
        let server = &self.servers[server];
        let memory = server.memory.as_ref()?;
        let here = memory.incoming.iter().find(|(_, incoming)| incoming.record.wtid.matches(&wtid));
        let stored = || server.store.incoming.iter().find(|(_, record)| record.wtid.matches(&wtid));
        here.map(|(name, _)| name.clone()).or_else(|| stored().map(|(name, _)| name.clone()))
    }
}

/// The server of an address that a client connects to.
#[must_use]
pub fn reached(url: &str) -> Option<ServerId> {
    server_of(url)
}
