//! What breaks.

use baton_protocol::frames::Start;
use baton_protocol::{ClientFrame, ServerFrame, Verifier};

use crate::event::{CustomerId, Event, Place, ServerId};
use crate::federation::wtid_of;
use crate::socket::{Conn, Side};
use crate::world::World;

impl World {
    /// Something breaks.
    pub fn fault(&mut self) {
        if self.calm {
            return;
        }
        let pause = self.fate.range(1, 2 * self.weather.pause);
        self.later(pause, Event::Fault);
        match self.fate.below(100) {
            0..20 => self.cut_somebody(),
            20..30 => self.stall_somebody(),
            30..45 => {
                let (customer, server) =
                    (self.fate.index(self.customers.len()), self.fate.index(self.servers.len()));
                let millis = self.outage();
                self.split(Place::Customer(customer), Place::Server(server), millis);
            }
            45..55 => {
                let (a, b) = (self.fate.index(self.servers.len()), self.fate.index(self.servers.len()));
                if a != b {
                    let millis = self.outage();
                    self.split(Place::Server(a), Place::Server(b), millis);
                }
            }
            55..75 => {
                let server = self.fate.index(self.servers.len());
                let after = self.fate.below(25);
                self.servers[server].armed.get_or_insert(after);
            }
            75..85 => {
                let customer = self.fate.index(self.customers.len());
                let after = self.fate.below(12);
                self.customers[customer].armed.get_or_insert(after);
            }
            85..91 => {
                let server = self.fate.index(self.servers.len());
                self.thief(server);
            }
            91..93 => self.clock_jumps(),
            93 => self.prowl(),
            94 => self.dies_for_good(),
            _ => self.intrude(),
        }
    }

    /// A connection that a customer or a server still believes in.
    fn some_conn(&mut self) -> Option<u64> {
        let by_somebody = |conn: &Conn| (0..self.customers.len()).any(|customer| conn.is_by(customer));
        let open: Vec<u64> =
            self.conns.iter().filter(|(_, conn)| by_somebody(conn)).map(|(id, _)| *id).collect();
        self.fate.pick(&open)
    }

    fn stall_somebody(&mut self) {
        let (until, send_client) = (self.now + self.fate.range(1_000, 14_000), self.fate.chance(600));
        if let Some(conn) = self.some_conn() {
            if !self.strikes("connection stalls") {
                return;
            }
            self.note(|_| format!("connection {conn} stalls until {until}"));
            self.stall(conn, until, send_client);
        }
    }

    fn cut_somebody(&mut self) {
        if let Some(conn) = self.some_conn() {
            if !self.strikes("connection lost") {
                return;
            }
            self.note(|_| format!("connection {conn} is lost"));
            self.cut_conn(conn);
        }
    }

    /// A clock is set, forward or back.
    fn clock_jumps(&mut self) {
        let server = self.fate.index(self.servers.len());
        let skew = self.skew();
        if self.strikes("clock jumps") {
            self.note(|world| format!("the clock of {} is off by {skew} ms", world.servers[server].name));
            self.servers[server].skew = skew;
        }
    }

    /// How far a clock may be off.
    pub fn skew(&mut self) -> i64 {
        let most = if self.fate.chance(500) { 60_000 } else { 600_000 };
        i64::try_from(self.fate.below(most + 1)).unwrap_or(0) - i64::try_from(most / 2).unwrap_or(0)
    }

    /// A server dies, and what it has stored is gone with it. One of them at most.
    fn dies_for_good(&mut self) {
        let server = self.fate.index(self.servers.len());
        let one = self.servers.iter().any(|server| server.dead);
        if self.weather.deadly && !one && self.strikes("server dead for good") {
            self.note(|world| format!("{} is dead for good", world.servers[server].name));
            self.servers[server].dead = true;
            self.die(server);
        }
    }

    fn outage(&mut self) -> u64 {
        let most = if self.fate.chance(250) { 90_000 } else { 12_000 };
        self.fate.range(500, most)
    }

    /// The customer is told to go: the worst moment for something to break.
    pub fn tempt_fate(&mut self, customer: CustomerId, origin: ServerId) {
        if self.calm || !self.fate.chance(250) {
            return;
        }
        let soon = self.fate.below(250);
        match self.fate.below(6) {
            0 => {
                let after = self.fate.below(12);
                self.servers[origin].armed.get_or_insert(after);
            }
            1 => {
                let after = self.fate.below(8);
                self.customers[customer].armed.get_or_insert(after);
            }
            2 => {
                let b = Place::Server(self.fate.index(self.servers.len()));
                let (a, millis) = (Place::Server(origin), self.fate.range(3_000, 40_000));
                self.later(soon, Event::Cut { a, b, millis });
            }
            3 => {
                let (a, b) = (Place::Customer(customer), Place::Server(origin));
                let millis = self.fate.range(16_000, 60_000);
                self.later(soon, Event::Cut { a, b, millis });
            }
            // Nobody reaches the origin, for longer than a widget waits for it.
            _ => {
                let (a, millis) = (Place::Server(origin), self.fate.range(16_000, 60_000));
                for server in 0..self.servers.len() {
                    self.later(soon, Event::Cut { a, b: Place::Server(server), millis });
                }
                self.later(soon, Event::Cut { a, b: Place::Customer(customer), millis });
            }
        }
    }

    /// Nothing gets from one to the other for a while.
    pub fn split(&mut self, a: Place, b: Place, millis: u64) {
        if self.calm || a == b {
            return;
        }
        let (a, b) = (a.min(b), a.max(b));
        if !self.strikes("cable cut") {
            return;
        }
        self.note(|_| format!("nothing gets from {a:?} to {b:?}"));
        self.cut.insert((a, b));
        if let (Place::Server(server), Place::Customer(customer)) = (a, b) {
            let conns: Vec<u64> = self
                .conns
                .iter()
                .filter(|(_, conn)| conn.is_by(customer) && conn.is_of(server))
                .map(|(id, _)| *id)
                .collect();
            conns.into_iter().for_each(|conn| self.cut_conn(conn));
        }
        self.later(millis, Event::Join { a, b });
    }

    /// The cable is whole again.
    pub fn join(&mut self, a: Place, b: Place) {
        self.cut.remove(&(a, b));
    }

    /// Nothing breaks any more: cables are whole, and servers start.
    pub fn calm_down(&mut self) {
        self.note(|_| "calm".into());
        self.calm = true;
        self.weather.calm();
        self.cut.clear();
        for server in 0..self.servers.len() {
            self.servers[server].armed = None;
            self.servers[server].skew %= 20_000;
            let wait = self.fate.range(1, 2_000);
            self.later(wait, Event::Restart { server });
        }
        for customer in &mut self.customers {
            customer.armed = None;
        }
    }

    /// Somebody who has heard of a WTID tries it: without the verifier, or with it when it is burnt.
    pub fn thief(&mut self, server: ServerId) {
        let known = !self.servers[server].store.incoming.is_empty();
        if known && self.servers[server].memory.is_some() && self.strikes("stolen claim") {
            self.connect(server, Side::Thief);
        }
    }

    /// The thief's hello.
    pub fn thief_speaks(&mut self, conn: u64) {
        let Some(server) = self.conns.get(&conn).map(|conn| conn.server()) else { return };
        let store = &self.servers[server].store;
        let known: Vec<_> = store
            .incoming
            .values()
            .map(|record| (record.peer.clone(), record.transfer, record.epoch))
            .collect();
        let Some((peer, transfer, epoch)) = self.fate.pick(&known) else { return };
        let burnt = self.ghost.burnt(server, &peer, transfer, store);
        let mut bytes = [0; 32];
        self.fate.fill(&mut bytes);
        let verifier = burnt.unwrap_or(Verifier::from_bytes(bytes));
        let start = Start::Claim {
            wtid: Some(wtid_of(server, &peer, transfer)),
            challenge: verifier.challenge(),
            verifier,
            epoch,
            adopt: self.fate.chance(500),
        };
        let hello =
            ClientFrame::CustomerHello { start, page: None, client_type: "thief".into(), last_seq: 0 };
        self.send_to_server(conn, hello);
    }

    /// What the thief is told must be nothing.
    pub fn thief_hears(&mut self, frame: &ServerFrame) {
        if !matches!(frame, ServerFrame::Refused { .. }) {
            self.violated(format!("S7: a stolen WTID was honoured: {frame:?}"));
        }
    }

    /// Remembers what a widget shows at a door, for the thieves.
    pub fn overhear(&mut self, server: ServerId, frame: &ClientFrame) {
        if let ClientFrame::CustomerHello { start: Start::Claim { wtid: Some(wtid), verifier, .. }, .. } =
            frame
        {
            self.ghost.claims.insert((server, wtid.digest()), verifier.clone());
        }
    }
}
