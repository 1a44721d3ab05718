//! A customer: the real widget machine in a browser that is reloaded, sent elsewhere, and cut off.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::client::{
    Claim, Client, Effect, Ending, Env, Input, Link, Opening, Record, Settings, Stage, Timer,
};
use baton_protocol::model::Brand;
use baton_protocol::{ChatId, ClientFrame, ServerFrame, Timestamp};

use crate::event::{CustomerId, Event, ServerId};
use crate::mutant::Mutant;
use crate::server::{EPOCH, server_of, socket_of};
use crate::socket::{Side, reached};
use crate::world::World;

/// Messages that a customer sends at most, below what a widget keeps.
const MOST_SAID: u32 = 60;

/// A customer.
#[derive(Debug)]
pub struct Customer {
    /// Whose site the browser is on.
    pub site: ServerId,
    /// The widget of the page.
    pub client: Client,
    /// Pages so far.
    pub life: u32,
    /// What the browser keeps for each site.
    pub storage: BTreeMap<ServerId, Record>,
    links: BTreeMap<Link, u64>,
    timers: BTreeMap<Timer, u64>,
    /// The sites before this one.
    back: Vec<ServerId>,
    /// Messages so far.
    pub said: u32,
    /// The chat is over.
    pub done: Option<Ending>,
    /// The highest epoch that was ever stored.
    pub epoch: u32,
    /// Chats that a welcome led to.
    pub roots: BTreeSet<(ServerId, ChatId)>,
    /// Whether the customer has come at all.
    started: bool,
    /// Milliseconds that the browser's clock is fast; negative when slow.
    skew: i64,
    /// Effects after which the page is loaded again.
    pub armed: Option<u64>,
}

impl Customer {
    /// Somebody who has not come yet.
    pub fn new(site: ServerId, skew: i64) -> Self {
        Self {
            site,
            client: widget(site),
            life: 1,
            storage: BTreeMap::new(),
            links: BTreeMap::new(),
            timers: BTreeMap::new(),
            back: Vec::new(),
            said: 0,
            done: None,
            epoch: 0,
            roots: BTreeSet::new(),
            started: false,
            skew,
            armed: None,
        }
    }

    /// What the browser keeps for the page that it is on: the register of who owns the chat.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.storage.get(&self.site)
    }
}

fn widget(site: ServerId) -> Client {
    Client::new(Settings {
        socket: socket_of(site),
        reachable: (0..8).map(socket_of).collect(),
        brand: Brand { name: format!("S{site}"), accent: "#000000".into() },
        client_type: "sim".into(),
    })
}

/// The words by which everything that a customer says is found again.
#[must_use]
pub fn token(customer: CustomerId) -> String {
    format!("<c{customer}:")
}

/// Whether a record was left behind on its site by an earlier transfer: there is nothing to go back to.
fn was_left_behind(record: &Record, claim: &Claim) -> bool {
    record.hop.as_ref().is_some_and(|hop| hop.stage == Stage::Away && hop.wtid != claim.wtid)
}

/// Whoever is back on a page that was left for a claim may have presented it, and a commit may be on its way: only
/// the next epoch but one is safe.
fn come_back(mut record: Record) -> Box<Record> {
    if let Some(hop) = record.hop.as_mut().filter(|hop| hop.stage == Stage::Away) {
        hop.stage = Stage::Reclaiming;
        record.declined = Some(hop.transfer);
        record.epoch += 2;
    }
    Box::new(record)
}

impl World {
    /// The customer does something.
    pub fn customer_acts(&mut self, id: CustomerId) {
        let pause = if self.calm { self.will.range(5_000, 20_000) } else { self.will.range(300, 9_000) };
        self.later(pause, Event::CustomerActs { customer: id });
        let customer = &self.customers[id];
        let life = customer.life;
        if customer.done.is_some() || self.is_late() {
            return;
        }
        if !customer.started {
            let question = self.words(id);
            self.customers[id].started = true;
            let opening = Opening {
                area: if self.will.chance(300) { "legal".into() } else { String::new() },
                name: format!("{}name>", token(id)),
                email: format!("{}mail>", token(id)),
                subject: format!("{}subject>", token(id)),
                question,
            };
            return self.client_input(id, life, Input::Start(opening));
        }
        match self.will.below(100) {
            0..60 if customer.said < MOST_SAID => {
                let text = self.words(id);
                self.client_input(id, life, Input::Say(text));
            }
            60..70 => self.client_input(id, life, Input::Typing),
            70..80 => self.client_input(id, life, Input::Seen),
            80..84 => self.client_input(id, life, Input::WakeUp),
            85..88 if !self.calm => self.customer_uploads(id),
            84 if !self.calm && self.will.chance(150) => self.client_input(id, life, Input::End),
            _ => {}
        }
    }

    /// The customer's next words.
    pub fn words(&mut self, id: CustomerId) -> String {
        let customer = &mut self.customers[id];
        customer.said += 1;
        format!("{}{}>", token(id), customer.said)
    }

    /// A frame reaches the widget.
    pub fn client_frame(&mut self, id: CustomerId, life: u32, link: Link, frame: ServerFrame) {
        if self.customers[id].life != life {
            return;
        }
        if let ServerFrame::Stored { id: message, .. } = &frame {
            let server = self.customers[id].links.get(&link).and_then(|conn| self.conns.get(conn));
            if let Some(server) = server.map(|conn| conn.server()) {
                self.check_stored(server, *message);
            }
        }
        self.client_input(id, life, Input::Frame(link, frame));
    }

    /// Something happens to the widget of this page.
    pub fn client_input(&mut self, id: CustomerId, life: u32, input: Input) {
        if self.customers[id].life != life {
            return;
        }
        self.note(|_| format!("c{id} <- {input:?}"));
        let now = Timestamp((EPOCH + self.now).saturating_add_signed(self.customers[id].skew));
        let (customer, rng) = (&mut self.customers[id], &mut self.rng);
        let mut random = |bytes: &mut [u8]| rng.fill(bytes);
        let mut env = Env { now, random: &mut random };
        let mut out = Vec::new();
        customer.client.handle(&mut env, input, &mut out);
        let forgets = out.contains(&Effect::Forget);
        let excused = |effect: &Effect| matches!(effect, Effect::Ended(_) | Effect::GoBack);
        if forgets && customer.done.is_none() && !out.iter().any(excused) {
            self.violated(format!("c{id} has lost the chat"));
        }
        // Also when the page is loaded again before it can say so.
        if let Some(Effect::Ended(ending)) = out.iter().find(|effect| matches!(effect, Effect::Ended(_))) {
            self.note(|_| format!("c{id} is done: {ending:?}"));
            self.customers[id].done = Some(ending.clone());
            self.check_ending(id);
        }
        // Between giving up here and going back lies nothing that a browser could be interrupted at.
        let leaves = out.contains(&Effect::GoBack);
        for effect in out {
            if !leaves && self.is_reloaded(id) {
                return;
            }
            self.client_effect(id, effect);
            if self.customers[id].life != life {
                return;
            }
        }
    }

    /// Whether the page is loaded again now, whatever it was about to do.
    fn is_reloaded(&mut self, id: CustomerId) -> bool {
        match self.customers[id].armed.as_mut() {
            None => false,
            Some(0) => {
                self.customers[id].armed = None;
                if !self.strikes("page reloaded") {
                    return false;
                }
                self.unload(id);
                let (life, wait) = (self.customers[id].life, self.rng.range(150, 900));
                self.later(wait, Event::Reload { customer: id, life });
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    fn client_effect(&mut self, id: CustomerId, effect: Effect) {
        let life = self.customers[id].life;
        match effect {
            Effect::Store => self.keep(id),
            Effect::Forget => {
                let customer = &mut self.customers[id];
                customer.storage.remove(&customer.site);
            }
            Effect::Connect { link, url } => {
                let Some(server) = reached(&url) else { return };
                let conn = self.connect(server, Side::Customer(id, life, link));
                self.customers[id].links.insert(link, conn);
            }
            Effect::Send(link, frame) => self.client_sends(id, link, frame),
            Effect::Close(link) => {
                if let Some(conn) = self.customers[id].links.get(&link).copied() {
                    self.close_by_client(conn);
                }
            }
            Effect::SetTimer(timer, millis) => {
                let count = self.number();
                self.customers[id].timers.insert(timer, count);
                self.later(millis.into(), Event::ClientTimer { customer: id, life, timer, count });
            }
            Effect::ClearTimer(timer) => {
                self.customers[id].timers.remove(&timer);
            }
            Effect::Navigate(url) => {
                let wait = self.rng.range(100, 1_500);
                self.later(wait, Event::Page { customer: id, life, url });
            }
            Effect::GoBack => {
                let site = self.customers[id].back.pop();
                if let Some(site) = site {
                    self.unload(id);
                    self.customers[id].site = site;
                    let (life, wait) = (self.customers[id].life, self.rng.range(150, 900));
                    self.later(wait, Event::Reload { customer: id, life });
                }
            }
            Effect::Render | Effect::Ended(_) => {}
        }
    }

    fn client_sends(&mut self, id: CustomerId, link: Link, frame: ClientFrame) {
        if let Some(conn) = self.customers[id].links.get(&link).copied() {
            self.send_to_server(conn, frame);
        }
    }

    /// The browser stores the record, at once and for good.
    fn keep(&mut self, id: CustomerId) {
        let customer = &mut self.customers[id];
        let Some(record) = customer.client.record().cloned() else { return };
        if self.mutant == Some(Mutant::WidgetEpochNotStored)
            && customer
                .storage
                .get(&customer.site)
                .is_some_and(|old| old.epoch < record.epoch && old.epoch > 0)
        {
            return;
        }
        let owner_changed = customer.epoch < record.epoch;
        customer.epoch = customer.epoch.max(record.epoch);
        if let (baton_core::client::Standing::Session { chat, .. }, Some(server)) =
            (&record.standing, server_of(&record.socket))
        {
            customer.roots.insert((server, *chat));
        }
        customer.storage.insert(customer.site, record);
        if owner_changed {
            self.check_journey(id);
        }
    }

    /// A client's timer has elapsed.
    pub fn client_timer(&mut self, id: CustomerId, life: u32, timer: Timer, count: u64) {
        if self.customers[id].life == life && self.customers[id].timers.get(&timer) == Some(&count) {
            self.customers[id].timers.remove(&timer);
            self.client_input(id, life, Input::Timer(timer));
        }
    }

    /// The browser was sent to another page.
    pub fn page(&mut self, id: CustomerId, life: u32, url: &str) {
        if self.customers[id].life != life {
            return;
        }
        let claim = url.split_once("#baton=").and_then(|(_, claim)| Claim::parse(claim));
        let Some(site) = server_of(url) else { return };
        let lost = self.fate.chance(self.weather.pages) && self.strikes("page lost");
        if lost || self.servers[site].memory.is_none() || !self.reaches(id, site) {
            // An error page in the browser, and the customer's way back from it.
            let wait = self.rng.range(500, 8_000);
            return self.later(wait, Event::Reload { customer: id, life });
        }
        let from = self.customers[id].site;
        self.customers[id].back.push(from);
        self.load_page(id, site, claim);
    }

    /// The page is loaded again.
    pub fn reload(&mut self, id: CustomerId, life: u32) {
        if self.customers[id].life == life {
            self.load_page(id, self.customers[id].site, None);
        }
    }

    /// The page is gone, with everything that only it knew.
    fn unload(&mut self, id: CustomerId) {
        let conns: Vec<u64> =
            self.conns.iter().filter(|(_, conn)| conn.is_by(id)).map(|(id, _)| *id).collect();
        for conn in conns {
            self.close_by_client(conn);
        }
        let customer = &mut self.customers[id];
        customer.life += 1;
        customer.armed = None;
        customer.client = widget(customer.site);
        customer.links.clear();
        customer.timers.clear();
    }

    fn load_page(&mut self, id: CustomerId, site: ServerId, claim: Option<Claim>) {
        self.note(|_| format!("c{id} loads the page of s{site}"));
        self.unload(id);
        let customer = &mut self.customers[id];
        customer.site = site;
        customer.client = widget(site);
        let life = customer.life;
        let stale = |it: &&Record| claim.as_ref().is_some_and(|claim| was_left_behind(it, claim));
        let before = customer.storage.get(&site).filter(|it| !stale(it)).cloned().map(come_back);
        if let (None, Some(record)) = (&claim, &before) {
            customer.epoch = customer.epoch.max(record.epoch);
            customer.storage.insert(site, (**record).clone());
        }
        if before.is_none() && customer.roots.is_empty() {
            customer.started = false;
        }
        match (claim, before) {
            (Some(claim), before) => self.client_input(id, life, Input::Arrive(claim, before)),
            (None, Some(record)) => self.client_input(id, life, Input::Resume(record)),
            (None, None) => {}
        }
    }
}
