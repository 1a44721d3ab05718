//! Agents: they do at random whatever a console lets them do, and see what a console shows them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use baton_core::effect::ReplyTo;
use baton_core::policy::{Bounds, Class};
use baton_core::queue::{self, Profile};
use baton_core::session::{self, Speaker, Target};
use baton_core::transfer::destination;
use baton_protocol::frames::{About, Login, Password};
use baton_protocol::model::{
    Author, Body, ChatState, Context, Destination, Edits, Entry, Presence, Redaction, Share, Stage,
};
use baton_protocol::{ChatId, ClientFrame, ErrorCode, MessageId, ServerFrame, TransferId};

use crate::event::{Event, ServerId};
use crate::mutant::Mutant;
use crate::socket::{Bound, Side};
use crate::world::World;

/// A chat as a console shows it.
#[derive(Debug, Default)]
pub struct Window {
    /// What is shown, by id.
    pub shown: BTreeSet<MessageId>,
    /// The last entry's number.
    last: u64,
    /// The customer's own messages, which an agent may leave out.
    texts: Vec<MessageId>,
    state: Option<ChatState>,
}

impl Window {
    /// Whether the chat is the agent's, as the console shows it: white, not grey (A7).
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, Some(ChatState::Active | ChatState::Transferring { .. }))
    }
}

/// What an agent says.
#[derive(Clone, Debug)]
pub enum Speech {
    /// To the customer.
    Text(String),
    /// To other agents.
    Note(String),
    /// A document, by its hash.
    Document(String),
}

/// An agent.
#[derive(Debug)]
pub struct Agent {
    /// Who it is.
    pub profile: Profile,
    number: usize,
    /// The console's connection.
    pub console: Option<u64>,
    /// Whether it is open.
    pub ready: bool,
    /// The chats in the console.
    pub windows: BTreeMap<ChatId, Window>,
    /// Messages that are not acknowledged.
    outbox: VecDeque<(ChatId, MessageId, Speech)>,
    said: u32,
    /// The transfer that was last asked for.
    asked: Option<(ChatId, TransferId)>,
    /// The side conversation that was last begun, and where the chat may go.
    pub side: Option<(ChatId, TransferId, Destination)>,
    /// What was said in side conversations, as the console shows it.
    pub aside: BTreeSet<(TransferId, MessageId)>,
}

impl Agent {
    /// Somebody who has not logged in yet.
    pub fn new(number: usize, profile: Profile) -> Self {
        Self {
            profile,
            number,
            console: None,
            ready: false,
            windows: BTreeMap::new(),
            outbox: VecDeque::new(),
            said: 0,
            asked: None,
            side: None,
            aside: BTreeSet::new(),
        }
    }
}

impl World {
    fn agent(&mut self, server: ServerId, agent: usize) -> &mut Agent {
        &mut self.servers[server].agents[agent]
    }

    /// The agent does something.
    pub fn agent_acts(&mut self, server: ServerId, agent: usize) {
        let pause = if self.calm { self.will.range(500, 4_000) } else { self.will.range(300, 5_000) };
        self.later(pause, Event::AgentActs { server, agent });
        if self.agent(server, agent).console.is_none() {
            let conn = self.connect(server, Side::Agent(agent));
            self.agent(server, agent).console = Some(conn);
            self.agent(server, agent).ready = false;
            return;
        }
        if self.is_late() || !self.agent(server, agent).ready {
            return;
        }
        let chats: Vec<ChatId> = self.open_windows(server, agent);
        let chat = self.will.pick(&chats);
        let places = self.agent(server, agent).profile.max_chats as usize;
        match (self.will.below(100), chat) {
            (0..35, _) => self.picks_up(server, agent),
            (35..60, Some(chat)) => self.says(server, agent, chat),
            (60..84, Some(chat)) if !self.calm => self.hands_over(server, agent, chat),
            (84..88, Some(_)) if !self.calm => self.cancels(server, agent),
            (88, Some(chat)) if !self.calm && self.will.chance(300) => {
                self.console_sends(server, agent, ClientFrame::End { chat: Some(chat) });
            }
            (89, _) if !self.calm => self.rescues(server, agent),
            (90..93, _) => {
                let away = !self.calm && self.will.chance(500);
                let presence = if away { Presence::Away } else { Presence::Available };
                self.console_sends(server, agent, ClientFrame::SetPresence { presence });
            }
            (93, _) if !self.calm && self.strikes("console lost") => {
                if let Some(conn) = self.agent(server, agent).console {
                    self.cut_conn(conn);
                }
            }
            (94, Some(chat)) if !self.calm => self.agent_uploads(server, agent, chat),
            (95, _) => self.agent_reads(server, agent),
            (96, Some(chat)) if !self.calm => self.marks(server, agent, chat),
            (97..100, chat) if !self.calm => self.speaks_aside(server, agent, chat),
            // Without room for anybody else, the calm would be nobody's.
            (60..84, Some(chat)) if self.calm && chats.len() >= places && self.somebody_waits(server) => {
                self.console_sends(server, agent, ClientFrame::End { chat: Some(chat) });
            }
            _ => {}
        }
    }

    fn somebody_waits(&self, server: ServerId) -> bool {
        self.servers[server].memory.as_ref().is_some_and(|memory| !memory.queue.places().is_empty())
    }

    fn open_windows(&mut self, server: ServerId, agent: usize) -> Vec<ChatId> {
        let windows = &self.agent(server, agent).windows;
        windows.iter().filter(|(_, window)| window.is_open()).map(|(chat, _)| *chat).collect()
    }

    /// A frame from the agent's console.
    pub fn console_sends(&mut self, server: ServerId, agent: usize, frame: ClientFrame) {
        if let Some(conn) = self.agent(server, agent).console {
            self.send_to_server(conn, frame);
        }
    }

    fn picks_up(&mut self, server: ServerId, agent: usize) {
        let login = self.agent(server, agent).profile.login.clone();
        let Some(memory) = self.servers[server].memory.as_ref() else { return };
        let waiting: Vec<ChatId> = memory.queue.queue_for(&login).into_iter().map(|card| card.chat).collect();
        if let Some(chat) = self.will.pick(&waiting) {
            self.console_sends(server, agent, ClientFrame::PickUp { chat });
        }
    }

    fn says(&mut self, server: ServerId, agent: usize, chat: ChatId) {
        let text = self.agent_words(server, agent);
        let speech = if self.will.chance(250) { Speech::Note(text) } else { Speech::Text(text) };
        self.agent_speaks(server, agent, chat, speech);
    }

    /// The agent's next words.
    pub fn agent_words(&mut self, server: ServerId, agent: usize) -> String {
        let one = self.agent(server, agent);
        one.said += 1;
        format!("<a{server}.{}:{}>", one.number, one.said)
    }

    /// The agent says something, again and again until it is stored.
    pub fn agent_speaks(&mut self, server: ServerId, agent: usize, chat: ChatId, speech: Speech) {
        let mut bytes = [0; 16];
        self.will.fill(&mut bytes);
        let said = (chat, MessageId(bytes), speech);
        self.agent(server, agent).outbox.push_back(said.clone());
        self.console_says(server, agent, said);
    }

    fn console_says(&mut self, server: ServerId, agent: usize, said: (ChatId, MessageId, Speech)) {
        let (chat, id, speech) = said;
        let frame = match speech {
            Speech::Text(text) => ClientFrame::Say { chat: Some(chat), id, text },
            Speech::Note(text) => ClientFrame::Note { chat, id, text },
            Speech::Document(sha256) => ClientFrame::Attach { chat: Some(chat), id, sha256 },
        };
        self.console_sends(server, agent, frame);
    }

    /// A supervisor takes a chat back, whatever becomes of it just then.
    fn rescues(&mut self, server: ServerId, agent: usize) {
        let Some(memory) = self.servers[server].memory.as_ref() else { return };
        let open = memory.chats.iter().filter(|(_, chat)| chat.open_chat().is_some());
        let open: Vec<ChatId> = open.map(|(id, _)| *id).collect();
        let to = self.will.chance(300).then(|| "legal".to_owned());
        if let Some(chat) = self.will.pick(&open) {
            self.console_sends(server, agent, ClientFrame::Rescue { chat, to });
        }
    }

    fn marks(&mut self, server: ServerId, agent: usize, chat: ChatId) {
        let on = self.will.chance(700);
        self.console_sends(server, agent, ClientFrame::SetConfidential { chat, on });
    }

    fn hands_over(&mut self, server: ServerId, agent: usize, chat: ChatId) {
        let (transfer, to) = self.some_destination(server);
        self.orders(server, agent, (chat, transfer), to);
    }

    /// Somewhere, and the id of a transfer there.
    pub fn some_destination(&mut self, server: ServerId) -> (TransferId, Destination) {
        let mut bytes = [0; 16];
        self.will.fill(&mut bytes);
        let area = if self.will.chance(700) { "sales" } else { "legal" }.to_owned();
        let others = self.servers.len();
        let to = match self.will.below(10) {
            0 => Destination::Area(area),
            1 => Destination::Agent(format!("agent{}", self.will.below(4))),
            _ => {
                let peer = (server + 1 + self.will.index(others - 1)) % others;
                let area = self.will.chance(800).then_some(area);
                Destination::Server { server: self.servers[peer].name.clone(), area }
            }
        };
        (TransferId(bytes), to)
    }

    /// The agent's Transfer button.
    pub fn orders(
        &mut self,
        server: ServerId,
        agent: usize,
        (chat, transfer): (ChatId, TransferId),
        to: Destination,
    ) {
        let texts = self.agent(server, agent).windows.get(&chat).map(|window| window.texts.clone());
        let share = self.share(&texts.unwrap_or_default());
        let comments = format!("<a{server}.comment>");
        self.agent(server, agent).asked = Some((chat, transfer));
        self.console_sends(server, agent, ClientFrame::Transfer { transfer, chat, to, comments, share });
    }

    fn share(&mut self, texts: &[MessageId]) -> Share {
        match self.will.below(10) {
            0 => Share::Nothing,
            1 | 2 => {
                let leave_out = self.will.pick(texts).into_iter().collect();
                let redact = self.will.pick(texts).map(|id| Redaction { id, start: 0, end: 99 });
                Share::Part(Edits {
                    leave_out,
                    redact: redact.into_iter().collect(),
                    excerpt: String::new(),
                    without_notes: self.will.chance(500),
                    without_identity: self.will.chance(500),
                })
            }
            _ => Share::All,
        }
    }

    fn cancels(&mut self, server: ServerId, agent: usize) {
        if let Some((chat, transfer)) = self.agent(server, agent).asked {
            self.console_sends(server, agent, ClientFrame::CancelTransfer { chat, transfer });
        }
    }

    /// The console learns that its connection is gone, and will make another one.
    pub fn console_closed(&mut self, server: ServerId, agent: usize, conn: u64) {
        let one = self.agent(server, agent);
        if one.console == Some(conn) {
            one.console = None;
        }
    }

    /// The server learns that a console is gone.
    pub fn console_gone(&mut self, server: ServerId, agent: usize, conn: u64) {
        let login = self.agent(server, agent).profile.login.clone();
        let (grace, life) = (self.servers[server].settings.times.agent_grace, self.servers[server].life);
        let Some(memory) = self.memory(server) else { return };
        let consoles = memory.consoles.entry(login.clone()).or_default();
        consoles.retain(|other| *other != conn);
        if consoles.is_empty() {
            self.tell_queue(server, queue::Input::Offline(login.clone()));
            self.later(grace, Event::AgentGone { server, life, login });
        }
    }

    /// An agent logs in.
    pub fn agent_hello(&mut self, server: ServerId, conn: u64) {
        let Some(Side::Agent(agent)) = self.conns.get(&conn).map(|conn| conn.side) else { return };
        self.bind(conn, Bound::Agent(agent));
        let mut profile = self.agent(server, agent).profile.clone();
        let login = profile.login.clone();
        if self.is(Mutant::MaximumIgnored) {
            profile.max_chats += 3;
        }
        let Some(memory) = self.memory(server) else { return };
        memory.consoles.entry(login).or_default().push(conn);
        self.tell_queue(server, queue::Input::Online(profile));
        self.shows_asides(server, agent);
    }

    /// The console's connection is there: hello, and what was not acknowledged, in its old order.
    pub fn console_opened(&mut self, server: ServerId, agent: usize, conn: u64) {
        let login = Login::Password { name: String::new(), password: Password(String::new()) };
        self.send_to_server(conn, ClientFrame::AgentHello { login });
        // Whatever is the agent's is shown anew.
        let one = self.agent(server, agent);
        one.ready = true;
        one.windows.clear();
        one.aside.clear();
        let unsent: Vec<_> = self.agent(server, agent).outbox.iter().cloned().collect();
        for said in unsent {
            self.console_says(server, agent, said);
        }
    }

    /// A frame to an agent's consoles.
    pub fn send_consoles(&mut self, server: ServerId, login: &str, frame: &ServerFrame) {
        let Some(memory) = self.memory(server) else { return };
        let conns = memory.consoles.get(login).cloned().unwrap_or_default();
        for conn in conns {
            self.send_to_client(conn, frame.clone());
        }
    }

    /// What a console asks for.
    pub fn agent_frame(&mut self, server: ServerId, agent: usize, frame: ClientFrame) {
        let login = self.agent(server, agent).profile.login.clone();
        match frame {
            ClientFrame::PickUp { chat } => self.tell_queue(server, queue::Input::PickUp(login, chat)),
            ClientFrame::SetPresence { presence } => {
                self.tell_queue(server, queue::Input::SetPresence(login, presence));
            }
            ClientFrame::Transfer { transfer, chat, to, comments, share } => {
                let Some(target) = self.target(server, (chat, transfer), &to) else { return };
                self.ghost_ordered((server, chat), transfer, &target, &share);
                let target = self.twist_target(target);
                let input = session::Input::Transfer { login, transfer, target, comments, share };
                self.step_chat(server, chat, input);
            }
            ClientFrame::AnswerAsk { transfer, accept } => {
                self.agent_decides(server, login, transfer, accept);
            }
            ClientFrame::Attach { chat: Some(chat), id, sha256 } => {
                self.document_said(server, chat, Speaker::Agent(login.into()), id, sha256);
            }
            ClientFrame::Rescue { chat, to } if self.agent(server, agent).profile.supervisor => {
                let reply = ReplyTo(self.number());
                self.rescuing = true;
                self.step_chat(server, chat, session::Input::Rescue { to, reply });
                self.rescuing = false;
            }
            ClientFrame::SetConfidential { chat, on } => {
                let Profile { title, supervisor, .. } = self.agent(server, agent).profile.clone();
                self.ghost_unmarks((server, chat), &login, supervisor, on);
                let input = session::Input::Confidential { login, title, supervisor, on };
                self.step_chat(server, chat, input);
            }
            ClientFrame::Consult { .. } | ClientFrame::ConsultSay { .. } | ClientFrame::ConsultEnd { .. } => {
                self.aside_frame(server, login, frame);
            }
            ClientFrame::Say { chat: Some(chat), .. }
            | ClientFrame::End { chat: Some(chat) }
            | ClientFrame::Note { chat, .. }
            | ClientFrame::RetryTransfer { chat, .. }
            | ClientFrame::CancelTransfer { chat, .. } => {
                self.step_chat(server, chat, session::Input::Agent(login.into(), frame));
            }
            _ => {}
        }
    }

    /// The question was about a customer of a peer's, or about a chat of this server's.
    fn agent_decides(&mut self, server: ServerId, login: String, transfer: TransferId, accept: bool) {
        let Some(memory) = self.memory(server) else { return };
        let seat = memory.queue.seats_of(&login).into_iter().find(|seat| seat.1 == transfer);
        let chats = memory.queue.chats_of(&login);
        match seat {
            Some(seat) => self.step_incoming(server, &seat, destination::Input::Decided(login, accept)),
            None => chats.into_iter().for_each(|chat| {
                self.step_chat(server, chat, session::Input::Decided(login.clone(), transfer, accept));
            }),
        }
    }

    fn target(
        &mut self,
        server: ServerId,
        (chat, transfer): (ChatId, TransferId),
        to: &Destination,
    ) -> Option<Target> {
        let navigate = self.will.chance(250);
        let own = (self.servers[server].name.clone(), transfer);
        let asked = self.was_consulted(server, &own);
        let mut bounds = Bounds::default();
        let memory = self.servers[server].memory.as_ref()?;
        let area = &memory.chats.get(&chat)?.record.area;
        let near = |same: bool| if same { Class::SameDepartment } else { Class::SameCompany };
        let (title, class) = match to {
            Destination::Area(name) => (name.clone(), near(name == area)),
            Destination::Agent(name) => {
                let card = memory.queue.agent_card(name, baton_protocol::model::SharePolicy::All)?;
                (card.title, near(card.areas.contains(area)))
            }
            Destination::Server { server: name, .. } => {
                let peer = self.servers.iter().position(|server| server.name == *name)?;
                bounds.fields.documents = self.agreed.contains(&(server, peer));
                (name.to_uppercase(), self.classes[&(server, peer)])
            }
        };
        Some(Target {
            destination: to.clone(),
            title,
            class,
            navigate,
            bounds,
            denied: None,
            consulted: asked.is_some_and(|agent| *to == Destination::Agent(agent)),
        })
    }

    /// A frame reaches a console.
    pub fn console_frame(&mut self, server: ServerId, agent: usize, frame: ServerFrame) {
        match frame {
            ServerFrame::Opened { card, context } => {
                let window = Window { state: Some(card.state.clone()), ..Window::default() };
                self.agent(server, agent).windows.insert(card.chat, window);
                if let Some(context) = context {
                    self.console_context(server, agent, card.chat, context);
                }
            }
            ServerFrame::CardChanged { card } => {
                if let Some(window) = self.agent(server, agent).windows.get_mut(&card.chat) {
                    window.state = Some(card.state);
                }
            }
            ServerFrame::Entries { chat, entries } => {
                for entry in entries {
                    self.console_entry(server, agent, chat, entry);
                }
            }
            ServerFrame::Stored { id, .. } => {
                self.agent(server, agent).outbox.retain(|said| said.1 != id);
                self.check_stored(server, id);
            }
            ServerFrame::Refused { code, about, .. } => match about {
                About::Message(id) => self.agent(server, agent).outbox.retain(|said| said.1 != id),
                About::Chat(chat) if code == ErrorCode::UnknownChat => {
                    let one = self.agent(server, agent);
                    one.windows.remove(&chat);
                    one.outbox.retain(|said| said.0 != chat);
                }
                _ => {}
            },
            ServerFrame::Progress { chat, transfer, stage, code, .. } => {
                self.check_progress(server, chat, transfer, stage);
                if code == Some(ErrorCode::Kept) {
                    // What was kept may be tried again, from the beginning.
                    self.ghost.told.remove(&(server, chat, transfer));
                }
                if code == Some(ErrorCode::Kept) && self.will.chance(600) {
                    self.console_sends(server, agent, ClientFrame::RetryTransfer { chat, transfer });
                }
            }
            ServerFrame::Consulting { consultation } => self.console_consults(server, agent, consultation),
            ServerFrame::ConsultSaid { transfer, id, mine, text } => {
                self.console_hears(server, agent, transfer, (id, mine, text));
            }
            ServerFrame::Asked { ask } => {
                self.check_asked(server, &ask);
                let accept = self.will.chance(700);
                let answer = ClientFrame::AnswerAsk { transfer: ask.transfer, accept };
                // Some are asked and say nothing.
                if self.will.chance(800) {
                    self.console_sends(server, agent, answer);
                }
            }
            _ => {}
        }
    }

    fn console_context(&mut self, server: ServerId, agent: usize, chat: ChatId, context: Context) {
        for entry in context.transcript {
            let Some(window) = self.agent(server, agent).windows.get_mut(&chat) else { return };
            if !window.shown.insert(entry.id) {
                return self.violated(format!("S1: s{server} shows {:?} twice in a context", entry.id));
            }
            if entry.author == Author::Customer {
                window.texts.push(entry.id);
            }
        }
    }

    fn console_entry(&mut self, server: ServerId, agent: usize, chat: ChatId, entry: Entry) {
        let Some(window) = self.agent(server, agent).windows.get_mut(&chat) else { return };
        if !window.shown.insert(entry.id) {
            return self.violated(format!("S1: an agent of s{server} is shown {entry:?} twice"));
        }
        let last = window.last;
        if entry.seq <= last {
            return self.violated(format!("an agent of s{server} is shown #{} after #{last}", entry.seq));
        }
        window.last = entry.seq;
        if entry.author == Author::Customer && matches!(entry.body, Body::Text(_) | Body::Document(_)) {
            window.texts.push(entry.id);
        }
    }

    /// A final word about a transfer is the last one; only an adoption can follow a failure.
    fn check_progress(&mut self, server: ServerId, chat: ChatId, transfer: TransferId, stage: Stage) {
        let Some(was) = self.ghost.told.insert((server, chat, transfer), stage) else { return };
        if was == Stage::Failed && self.ghost.adopted.contains(&transfer) {
            return;
        }
        if stage < was || (was >= Stage::Arrived && stage == Stage::Failed) {
            self.violated(format!("s{server} reports {stage:?} of a transfer after {was:?}"));
        }
    }
}
