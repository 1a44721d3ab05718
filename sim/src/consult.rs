//! Side conversations, as a gateway's driver carries them: within a server, and from one to another.

use std::collections::BTreeSet;

use baton_core::consult::{By, Consult, Output, Party};
use baton_protocol::federation::ConsultMessage;
use baton_protocol::model::{Ask, Consultation, Destination};
use baton_protocol::{ChatId, ClientFrame, ErrorCode, MessageId, TransferId};

use crate::event::{Event, Place, ServerId};
use crate::mutant::Mutant;
use crate::world::World;

/// The other side's server name, which is the own one within a server, and the id.
pub type Name = (String, TransferId);

/// Who was to hear a side conversation.
#[derive(Clone, Debug)]
pub struct Sides {
    /// Who asked, and where.
    pub asking: (ServerId, String),
    /// The chat, which nobody but the asking side may know.
    pub chat: ChatId,
    /// Who was asked; somebody else as well where a server has forgotten it and the question was repeated.
    pub asked: BTreeSet<(ServerId, String)>,
}

/// What one server says to another about a side conversation.
#[derive(Clone, Debug)]
pub enum Word {
    /// An agent asks one of that server's.
    Begin {
        /// Who asks, by login name.
        login: String,
        /// About this chat, which stays here.
        chat: ChatId,
        /// The area there, if one was named.
        area: Option<String>,
        /// The first message.
        message: ConsultMessage,
    },
    /// One side says something.
    Say(By, ConsultMessage),
    /// One side ends it.
    End,
}

/// A word that is under way.
#[derive(Clone, Debug)]
pub struct Whisper {
    from: ServerId,
    life: u32,
    to: ServerId,
    transfer: TransferId,
    word: Word,
}

impl World {
    /// An agent begins a side conversation, goes on with one, ends it, or completes the transfer.
    pub fn speaks_aside(&mut self, server: ServerId, agent: usize, chat: Option<ChatId>) {
        let side = self.servers[server].agents[agent].side.clone();
        let frame = match (side, chat) {
            (Some((chat, transfer, to)), _) => match self.will.below(10) {
                0..4 => {
                    let (id, text) = self.aside_words(server, agent);
                    ClientFrame::ConsultSay { transfer, id, text }
                }
                4..8 => {
                    self.servers[server].agents[agent].side = None;
                    return self.orders(server, agent, (chat, transfer), to);
                }
                _ => {
                    self.servers[server].agents[agent].side = None;
                    ClientFrame::ConsultEnd { transfer }
                }
            },
            (None, Some(chat)) => {
                let (transfer, to) = self.some_destination(server);
                let (_, text) = self.aside_words(server, agent);
                self.servers[server].agents[agent].side = Some((chat, transfer, to.clone()));
                ClientFrame::Consult { transfer, chat, to, text }
            }
            (None, None) => return,
        };
        self.console_sends(server, agent, frame);
    }

    fn aside_words(&mut self, server: ServerId, agent: usize) -> (MessageId, String) {
        let mut bytes = [0; 16];
        self.will.fill(&mut bytes);
        (MessageId(bytes), format!("<x{server}.{}>", self.servers[server].agents[agent].profile.login))
    }

    /// What a console says about a side conversation reaches its server.
    pub fn aside_frame(&mut self, server: ServerId, login: String, frame: ClientFrame) {
        match frame {
            ClientFrame::Consult { transfer, chat, to, text } => {
                let message = ConsultMessage { id: MessageId(transfer.0), text };
                self.begin_aside(server, login, (transfer, chat), to, message);
            }
            ClientFrame::ConsultSay { transfer, id, text } => {
                if self.is(Mutant::ConsultationInTheChat)
                    && let Some(chat) = self.ghost.sides.get(&transfer).map(|sides| sides.chat)
                {
                    let said = ClientFrame::Say { chat: Some(chat), id, text: text.clone() };
                    self.step_chat(
                        server,
                        chat,
                        baton_core::session::Input::Agent(login.as_str().into(), said),
                    );
                }
                let by = By::Agent(login);
                if let Some(name) = self.aside_of(server, &by, transfer) {
                    self.say_aside(server, &name, by, ConsultMessage { id, text });
                }
            }
            ClientFrame::ConsultEnd { transfer } => {
                let by = By::Agent(login);
                if let Some(name) = self.aside_of(server, &by, transfer) {
                    self.end_aside(server, &name, &by, ErrorCode::Cancelled);
                }
            }
            _ => {}
        }
    }

    fn begin_aside(
        &mut self,
        server: ServerId,
        login: String,
        (transfer, chat): (TransferId, ChatId),
        to: Destination,
        message: ConsultMessage,
    ) {
        let asking = (server, login.clone());
        self.ghost.sides.entry(transfer).or_insert(Sides { asking, chat, asked: BTreeSet::new() });
        let Some(memory) = self.servers[server].memory.as_ref() else { return };
        let other = match to {
            Destination::Server { server: name, area } => {
                let Some(to) = self.servers.iter().position(|server| server.name == name) else { return };
                return self.whisper(server, to, transfer, Word::Begin { login, chat, area, message });
            }
            Destination::Agent(name) => Some(name).filter(|name| memory.queue.is_online(name)),
            Destination::Area(area) => memory.queue.idlest(&area, std::slice::from_ref(&login)),
        };
        let Some(other) = other.filter(|other| *other != login) else { return };
        let me = By::Agent(login.clone());
        let consult =
            Consult::new(transfer, Some(chat), party(&me, server), party(&By::Agent(other.clone()), server));
        self.ghost_asked(transfer, (server, other));
        let name = (self.servers[server].name.clone(), transfer);
        if self.keep_aside(server, name.clone(), consult) {
            self.say_aside(server, &name, me, message);
        }
    }

    /// Whether there was none of this name yet.
    fn keep_aside(&mut self, server: ServerId, name: Name, consult: Consult) -> bool {
        let mut out = Vec::new();
        consult.announce(&mut out);
        let Some(memory) = self.memory(server) else { return false };
        if memory.asides.contains_key(&name) {
            return false;
        }
        memory.asides.insert(name.clone(), consult);
        self.carry_aside(server, &name, &By::Agent(String::new()), out);
        true
    }

    fn aside_of(&self, server: ServerId, by: &By, transfer: TransferId) -> Option<Name> {
        let asides = &self.servers[server].memory.as_ref()?.asides;
        let mut own = asides.iter().filter(|(name, consult)| name.1 == transfer && consult.has(by));
        own.find(|(_, consult)| !consult.is_over()).map(|(name, _)| name.clone())
    }

    fn say_aside(&mut self, server: ServerId, name: &Name, by: By, message: ConsultMessage) -> bool {
        let mut out = Vec::new();
        let Some(memory) = self.memory(server) else { return false };
        let Some(consult) = memory.asides.get_mut(name) else { return false };
        let said = consult.say(&by, message, &mut out).is_ok();
        self.carry_aside(server, name, &by, out);
        said
    }

    fn end_aside(&mut self, server: ServerId, name: &Name, by: &By, why: ErrorCode) {
        let mut out = Vec::new();
        let Some(memory) = self.memory(server) else { return };
        let Some(consult) = memory.asides.get_mut(name) else { return };
        consult.end(Some(by), why, &mut out);
        self.carry_aside(server, name, by, out);
    }

    fn carry_aside(&mut self, server: ServerId, name: &Name, by: &By, out: Vec<Output>) {
        for output in out {
            match output {
                Output::ToAgent(login, frame) => {
                    self.send_consoles(server, &login, &frame);
                    if self.is(Mutant::ConsultationHeardByAll) {
                        self.send_consoles(server, "agent0", &frame);
                    }
                }
                Output::Pass(peer, message) => {
                    self.tell_aside(server, &peer, name.1, Word::Say(by.clone(), message))
                }
                Output::End(peer) => self.tell_aside(server, &peer, name.1, Word::End),
            }
        }
    }

    fn tell_aside(&mut self, from: ServerId, peer: &str, transfer: TransferId, word: Word) {
        if let Some(to) = self.servers.iter().position(|server| server.name == peer) {
            self.whisper(from, to, transfer, word);
        }
    }

    /// One server calls another. A call that is lost is the agents' own affair: they ask again.
    fn whisper(&mut self, from: ServerId, to: ServerId, transfer: TransferId, word: Word) {
        let whisper = Whisper { from, life: self.servers[from].life, to, transfer, word };
        let rough = self.fate.chance(self.weather.calls);
        let mut wait = self.rng.range(2, 250);
        match if rough { self.fate.below(3) } else { 9 } {
            0 if self.strikes("side word lost") => return,
            1 if self.strikes("side word late") => wait = self.fate.range(1_000, 50_000),
            2 if self.strikes("side word doubled") => {
                let late = self.fate.range(1, 30_000);
                self.later(late, Event::Whisper(whisper.clone()));
            }
            _ => {}
        }
        self.later(wait, Event::Whisper(whisper));
    }

    /// A word reaches the other server, and its answer the first one.
    pub fn whispered(&mut self, whisper: Whisper) {
        let Whisper { from, life, to, transfer, word } = whisper.clone();
        if self.is_cut(Place::Server(from), Place::Server(to)) || self.servers[to].memory.is_none() {
            return;
        }
        let name = (self.servers[from].name.clone(), transfer);
        let there = By::Peer(name.0.clone());
        let heard = match word {
            Word::Begin { area, message, .. } => self.asked_aside(to, &name, area, message),
            Word::Say(_, message) => self.say_aside(to, &name, there, message),
            Word::End => {
                self.end_aside(to, &name, &there, ErrorCode::Cancelled);
                true
            }
        };
        if heard && self.lives(from, life) {
            let wait = self.rng.range(2, 120);
            self.later(wait, Event::Whispered(whisper));
        }
    }

    fn asked_aside(
        &mut self,
        server: ServerId,
        name: &Name,
        area: Option<String>,
        message: ConsultMessage,
    ) -> bool {
        let Some(memory) = self.servers[server].memory.as_ref() else { return false };
        if memory.asides.contains_key(name) {
            return true;
        }
        let Some(login) = memory.queue.idlest(&area.unwrap_or_else(|| "sales".into()), &[]) else {
            return false;
        };
        let (asking, asked) = (By::Peer(name.0.clone()), By::Agent(login.clone()));
        let consult = Consult::new(name.1, None, party(&asking, server), party(&asked, server));
        self.ghost_asked(name.1, (server, login));
        self.keep_aside(server, name.clone(), consult) && self.say_aside(server, name, asking, message)
    }

    /// The other server has heard a word.
    pub fn heard(&mut self, whisper: Whisper) {
        let Whisper { from, life, to, transfer, word } = whisper;
        if !self.lives(from, life) || self.is_cut(Place::Server(from), Place::Server(to)) {
            return;
        }
        let name = (self.servers[to].name.clone(), transfer);
        let (by, message) = match word {
            Word::Begin { login, chat, message, .. } => {
                let (me, there) = (By::Agent(login), By::Peer(name.0.clone()));
                let consult = Consult::new(transfer, Some(chat), party(&me, from), party(&there, to));
                self.keep_aside(from, name.clone(), consult);
                (me, message)
            }
            Word::Say(by, message) => (by, message),
            Word::End => return,
        };
        let mut out = Vec::new();
        if let Some(consult) = self.memory(from).and_then(|memory| memory.asides.get_mut(&name)) {
            consult.passed(&by, message, &mut out);
        }
        self.carry_aside(from, &name, &by, out);
    }

    /// The agent of this server's who was asked before this transfer.
    pub fn was_consulted(&self, server: ServerId, name: &Name) -> Option<String> {
        if self.is(Mutant::ConsultationForgotten) {
            return None;
        }
        self.consulted(server, name)
    }

    fn consulted(&self, server: ServerId, name: &Name) -> Option<String> {
        let consult = self.servers[server].memory.as_ref()?.asides.get(name)?;
        consult.asked_agent().map(str::to_owned)
    }

    /// A transfer that was talked about goes to the agent who was asked, or nowhere.
    pub fn ghost_promises(&mut self, server: ServerId, name: &Name) {
        if let Some(login) = self.consulted(server, name) {
            self.ghost.promised.insert((server, name.0.clone(), name.1), login);
        }
    }

    fn ghost_asked(&mut self, transfer: TransferId, who: (ServerId, String)) {
        if let Some(sides) = self.ghost.sides.get_mut(&transfer) {
            sides.asked.insert(who);
        }
    }

    /// An agent has been away for too long.
    pub fn end_asides_of(&mut self, server: ServerId, login: &str) {
        let by = By::Agent(login.into());
        let Some(memory) = self.servers[server].memory.as_ref().filter(|it| !it.queue.is_online(login))
        else {
            return;
        };
        let own: Vec<Name> =
            memory.asides.iter().filter(|(_, it)| it.has(&by)).map(|(name, _)| name.clone()).collect();
        own.iter().for_each(|name| self.end_aside(server, name, &by, ErrorCode::AgentUnavailable));
    }

    /// A console has come: what is said aside is shown to it.
    pub fn shows_asides(&mut self, server: ServerId, agent: usize) {
        let login = self.servers[server].agents[agent].profile.login.clone();
        let Some(memory) = self.servers[server].memory.as_ref() else { return };
        let mut all = Vec::new();
        for (name, consult) in memory.asides.iter().filter(|(_, consult)| !consult.is_over()) {
            let mut out = Vec::new();
            consult.show(&login, &mut out);
            all.push((name.clone(), out));
        }
        for (name, out) in all {
            self.carry_aside(server, &name, &By::Agent(login.clone()), out);
        }
    }

    /// A console is shown a side conversation.
    pub fn console_consults(&mut self, server: ServerId, agent: usize, shown: Consultation) {
        let login = self.servers[server].agents[agent].profile.login.clone();
        let asking = self.ghost.sides.get(&shown.transfer).map(|sides| sides.asking.clone());
        if shown.chat.is_some() && asking != Some((server, login)) {
            return self.violated(format!("aside: s{server} shows the chat to whoever is asked"));
        }
        if let (Some((_, transfer, to)), Some(asked)) =
            (self.servers[server].agents[agent].side.as_mut(), shown.agent)
            && *transfer == shown.transfer
            && shown.chat.is_some()
        {
            *to = Destination::Agent(asked);
        }
    }

    /// A console is shown what was said aside. Whoever was asked may answer.
    pub fn console_hears(
        &mut self,
        server: ServerId,
        agent: usize,
        transfer: TransferId,
        (id, mine, text): (MessageId, bool, String),
    ) {
        let login = self.servers[server].agents[agent].profile.login.clone();
        let own = text == format!("<x{server}.{login}>");
        let me = (server, login);
        let party = self
            .ghost
            .sides
            .get(&transfer)
            .is_some_and(|sides| sides.asking == me || sides.asked.contains(&me));
        if !party || own != mine {
            return self.violated(format!("aside: {me:?} is shown {text} of others"));
        }
        if !self.servers[server].agents[agent].aside.insert((transfer, id)) {
            return self.violated(format!("aside: {me:?} is shown {text} twice"));
        }
        if !mine && !self.calm && self.will.chance(300) {
            let (id, text) = self.aside_words(server, agent);
            self.console_sends(server, agent, ClientFrame::ConsultSay { transfer, id, text });
        }
    }

    /// Whoever has said aside that they take a customer is not asked again.
    pub fn check_asked(&mut self, server: ServerId, ask: &Ask) {
        let promised =
            self.ghost.promised.keys().any(|(at, _, transfer)| *at == server && *transfer == ask.transfer);
        if promised {
            self.violated(format!("aside: somebody of s{server} is asked about a customer they have taken"));
        }
    }
}

fn party(by: &By, at: ServerId) -> Party {
    let title = match by {
        By::Agent(name) | By::Peer(name) => name.to_uppercase(),
    };
    Party { by: by.clone(), title, at: format!("S{at}") }
}
