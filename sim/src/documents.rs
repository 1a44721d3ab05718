//! Documents: uploaded beside the chat, said in it, and fetched by the server that the chat goes to (D5, W1).

use baton_core::client::{self, Standing};
use baton_core::effect::Fetched;
use baton_core::session::{self, Reader, Speaker};
use baton_protocol::model::{DocumentCard, DocumentState};
use baton_protocol::{ChatId, MessageId, TransferId};

use crate::agent::Speech;
use crate::event::{CustomerId, Event, Place, ServerId};
use crate::federation::SKEW;
use crate::ghost::Where;
use crate::mutant::Mutant;
use crate::server::server_of;
use crate::world::World;

/// Documents in a schedule, at most: below what one context holds.
const MOST: usize = 24;

/// Milliseconds after which a server gives up what does not come.
const PATIENCE: u64 = 5_000;

/// A document that a server asks another for.
#[derive(Debug)]
pub struct Wanted {
    /// Who asks.
    pub from: ServerId,
    /// Who is asked.
    pub to: ServerId,
    /// The transfer that it belongs to.
    pub transfer: TransferId,
    /// The document.
    pub sha256: String,
    /// The chat that it is for, in that life of the server that asks. Whoever only wants to know has none.
    pub by: Option<(ChatId, u32)>,
}

impl World {
    /// The customer uploads a file for the chat, and says it.
    pub fn customer_uploads(&mut self, id: CustomerId) {
        let (life, customer) = (self.customers[id].life, &self.customers[id]);
        let Some(record) = customer.client.record() else { return };
        let Standing::Session { chat, .. } = record.standing else { return };
        let Some(server) = server_of(&record.socket).filter(|server| self.reaches(id, *server)) else {
            return;
        };
        if self.takes_uploads(&(server, chat)) {
            let name = self.words(id);
            let card = self.upload((server, chat), None, name);
            self.client_input(id, life, client::Input::Attach(card));
        }
    }

    /// An agent does so.
    pub fn agent_uploads(&mut self, server: ServerId, agent: usize, chat: ChatId) {
        if self.takes_uploads(&(server, chat)) {
            let name = self.agent_words(server, agent);
            let login = self.servers[server].agents[agent].profile.login.clone();
            let sha256 = self.upload((server, chat), Some(login), name).sha256;
            self.agent_speaks(server, agent, chat, Speech::Document(sha256));
        }
    }

    fn takes_uploads(&self, chat: &Where) -> bool {
        self.serves(chat) && self.ghost.uploads < MOST
    }

    /// The file is stored before the upload is answered.
    fn upload(&mut self, chat: Where, by: Option<String>, name: String) -> DocumentCard {
        let mut bytes = [0; 32];
        self.will.fill(&mut bytes);
        self.ghost.uploads += 1;
        let sha256: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let card = DocumentCard { sha256, name, media_type: "text/plain".into(), size: 9 };
        let store = &mut self.servers[chat.0].store;
        store.files.insert((chat.1, card.sha256.clone()));
        store.uploads.insert((chat.1, by, card.sha256.clone()), card.clone());
        card
    }

    /// Somebody says a document: theirs, if they have uploaded it for this chat.
    pub fn document_said(
        &mut self,
        server: ServerId,
        chat: ChatId,
        by: Speaker,
        id: MessageId,
        sha256: String,
    ) {
        let agent = match &by {
            Speaker::Agent(login) => Some(login.to_string()),
            Speaker::Customer(_) => None,
        };
        let card = self.servers[server].store.uploads.get(&(chat, agent, sha256.clone())).cloned();
        self.ghost.messages.insert(id, sha256.clone());
        if card.is_none() {
            self.ghost.unknown.insert(id);
        }
        self.step_chat(server, chat, session::Input::SayDocument { by, id, sha256, card });
    }

    fn has_file(&self, chat: &Where, sha256: &str) -> bool {
        self.servers[chat.0].store.files.contains(&(chat.1, sha256.to_owned()))
    }

    /// A chat wants a document of the server that it came from.
    pub fn fetch(
        &mut self,
        server: ServerId,
        chat: ChatId,
        peer: &str,
        transfer: TransferId,
        sha256: String,
    ) {
        let life = self.servers[server].life;
        let comes = |fetched, sha256| Event::DocumentCame { server, life, chat, sha256, fetched };
        let Some(to) = self.servers.iter().position(|server| server.name == peer) else { return };
        if self.has_file(&(server, chat), &sha256) {
            return self.later(1, comes(Fetched::Here, sha256));
        }
        let wanted = Wanted { from: server, to, transfer, sha256: sha256.clone(), by: Some((chat, life)) };
        // From the holding session, without leaving the process (D6).
        if to == server {
            return self.document_asked(wanted);
        }
        let mut wait = self.rng.range(2, 250);
        let rough = self.fate.chance(self.weather.calls);
        match if rough { self.fate.below(2) } else { 9 } {
            0 if self.strikes("document lost") => {
                return self.later(PATIENCE, comes(Fetched::NotNow, sha256));
            }
            1 if self.strikes("document slow") => wait = self.fate.range(1_000, 30_000),
            _ => {}
        }
        self.later(wait, Event::DocumentAsked(wanted));
    }

    /// A server is asked for a document.
    pub fn document_asked(&mut self, wanted: Wanted) {
        let mut fetched = self.gives(&wanted);
        let Wanted { from, to, sha256, by, .. } = wanted;
        let Some((chat, life)) = by else { return };
        let spoilt = fetched == Fetched::Here && from != to && self.fate.chance(self.weather.nonsense);
        if spoilt && self.strikes("document spoilt") {
            self.ghost.spoilt.insert(sha256.clone());
            fetched = Fetched::Never;
        }
        let wait = self.rng.range(2, 300);
        self.later(wait, Event::DocumentCame { server: from, life, chat, sha256, fetched });
    }

    fn gives(&mut self, wanted: &Wanted) -> Fetched {
        let Wanted { from, to, transfer, sha256, .. } = wanted;
        let skew = self.servers[*from].clock(self.now).abs_diff(self.servers[*to].clock(self.now));
        let cut = self.is_cut(Place::Server(*from), Place::Server(*to));
        if cut || skew > SKEW || self.servers[*to].memory.is_none() {
            return Fetched::NotNow;
        }
        let Some(chat) = self.chat_by_transfer(*to, *transfer) else { return Fetched::Never };
        self.load_chat(*to, chat);
        let peer = self.servers[*from].name.clone();
        let memory = self.servers[*to].memory.as_ref();
        let machine = memory.and_then(|memory| memory.chats.get(&chat));
        let given = machine.and_then(|machine| machine.gives(&peer, *transfer, sha256));
        let state = match given {
            Some((_, state)) => state,
            None if self.is(Mutant::FileGivenToAnybody) && self.has_file(&(*to, chat), sha256) => {
                DocumentState::Here
            }
            None => return Fetched::Never,
        };
        match state {
            DocumentState::Here if self.has_file(&(*to, chat), sha256) => {
                self.ghost_gives((*to, chat), *from, *transfer, sha256);
                Fetched::Here
            }
            DocumentState::Here => {
                self.violated(format!("documents: s{to} says that {} is here", &sha256[..6]));
                Fetched::Never
            }
            DocumentState::Arriving => Fetched::NotNow,
            DocumentState::Missing => Fetched::Never,
        }
    }

    /// A document is here, or is not: the file is kept first, and what is known of it is stored after that.
    pub fn document_came(
        &mut self,
        server: ServerId,
        life: u32,
        chat: ChatId,
        sha256: String,
        fetched: Fetched,
    ) {
        if !self.lives(server, life) {
            return;
        }
        if fetched == Fetched::Here && !self.is(Mutant::FileNotKept) {
            self.ghost_keeps((server, chat), &sha256);
            self.servers[server].store.files.insert((chat, sha256.clone()));
            if self.boundary(server) {
                return;
            }
        }
        self.step_chat(server, chat, session::Input::Fetched { sha256, fetched });
    }

    /// An agent tries to read a document, of whatever chat.
    pub fn agent_reads(&mut self, server: ServerId, agent: usize) {
        let known: Vec<String> = self.ghost.papers.keys().cloned().collect();
        let Some(sha256) = self.will.pick(&known) else { return };
        let login = self.servers[server].agents[agent].profile.login.clone();
        let Some(memory) = self.servers[server].memory.as_ref() else { return };
        let reads = |chat: &session::Chat| chat.document(Reader::Agent(&login), &sha256);
        let found = memory.chats.iter().find_map(|(id, chat)| Some((*id, reads(chat)?.1)));
        let Some((chat, state)) = found.map(|(id, state)| ((server, id), state)) else { return };
        if !self.has_come(&chat, &sha256) || self.is_withheld(&chat, &sha256) {
            self.violated(format!("documents: {login} of s{server} reads what was withheld"));
        } else if state == DocumentState::Here && !self.has_file(&chat, &sha256) {
            self.violated(format!("documents: {login} of s{server} is shown what is not here"));
        }
    }

    /// A peer asks for a document that it has heard of, by a transfer that it has heard of.
    pub fn prowl(&mut self) {
        let known: Vec<String> = self.ghost.papers.keys().cloned().collect();
        let transfers: Vec<TransferId> = self.ghost.orders.keys().copied().collect();
        let (Some(sha256), Some(transfer)) = (self.fate.pick(&known), self.fate.pick(&transfers)) else {
            return;
        };
        let (from, to) = (self.fate.index(self.servers.len()), self.ghost.orders[&transfer].chat.0);
        if from != to && self.strikes("document prowled for") {
            self.document_asked(Wanted { from, to, transfer, sha256, by: None });
        }
    }

    /// Whether a document may be given up: it was spoilt, or kept back where it comes from after it was announced.
    fn may_miss(&self, chat: &Where, sha256: &str) -> bool {
        let withheld = |(parent, _): (Where, _)| self.is_withheld(&parent, sha256);
        let hushed = |(_, transfer)| self.ghost.orders.get(&transfer).is_some_and(|order| order.hushed);
        let mut way = std::iter::successors(self.ghost.parent(chat), |(parent, _)| self.ghost.parent(parent));
        self.ghost.spoilt.contains(sha256) || self.ghost.parent(chat).is_some_and(withheld) || way.any(hushed)
    }

    /// What a chat of the customer's server still lacks of its documents, without need.
    pub fn lacks_document(&self, chat: &Where) -> Option<String> {
        let stored = self.servers[chat.0].store.chats.get(&chat.1)?;
        let announced = stored.context.iter().flat_map(|context| &context.documents);
        announced.into_iter().find_map(|document| {
            let sha256 = &document.sha256;
            let awaited = stored.record.documents.iter().find(|awaited| awaited.sha256 == *sha256);
            match awaited {
                Some(awaited) if !awaited.missing => Some(format!("still waits for {}", document.name)),
                Some(_) if !self.may_miss(chat, sha256) => Some(format!("gave {} up", document.name)),
                None if !self.has_file(chat, sha256) => Some(format!("has lost {}", document.name)),
                _ => None,
            }
        })
    }
}
