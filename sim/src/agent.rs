//! Agents: they do at random whatever a console lets them do, and see what a console shows them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use baton_core::policy::Class;
use baton_core::queue::{self, Profile};
use baton_core::session::{self, Target};
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

/// An agent.
#[derive(Debug)]
pub struct Agent {
    /// Who it is.
    pub profile: Profile,
    number: usize,
    /// The console's connection.
    pub console: Option<u64>,
    /// Whether it is open.
    ready: bool,
    /// The chats in the console.
    pub windows: BTreeMap<ChatId, Window>,
    /// Messages that are not acknowledged.
    outbox: VecDeque<(ChatId, MessageId, String, bool)>,
    said: u32,
    /// The transfer that was last asked for.
    asked: Option<(ChatId, TransferId)>,
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
        let open = |window: &Window| {
            matches!(window.state, Some(ChatState::Active | ChatState::Transferring { .. }))
        };
        let windows = &self.agent(server, agent).windows;
        windows.iter().filter(|(_, window)| open(window)).map(|(chat, _)| *chat).collect()
    }

    fn console_sends(&mut self, server: ServerId, agent: usize, frame: ClientFrame) {
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
        let mut bytes = [0; 16];
        self.will.fill(&mut bytes);
        let note = self.will.chance(250);
        let one = self.agent(server, agent);
        one.said += 1;
        let text = format!("<a{server}.{}:{}>", one.number, one.said);
        let said = (chat, MessageId(bytes), text, note);
        one.outbox.push_back(said.clone());
        self.console_says(server, agent, said);
    }

    fn console_says(&mut self, server: ServerId, agent: usize, said: (ChatId, MessageId, String, bool)) {
        let (chat, id, text, note) = said;
        let frame = if note {
            ClientFrame::Note { chat, id, text }
        } else {
            ClientFrame::Say { chat: Some(chat), id, text }
        };
        self.console_sends(server, agent, frame);
    }

    fn hands_over(&mut self, server: ServerId, agent: usize, chat: ChatId) {
        let mut bytes = [0; 16];
        self.will.fill(&mut bytes);
        let transfer = TransferId(bytes);
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
    }

    /// The console's connection is there: hello, and what was not acknowledged, in its old order.
    pub fn console_opened(&mut self, server: ServerId, agent: usize, conn: u64) {
        let login = Login::Password { name: String::new(), password: Password(String::new()) };
        self.send_to_server(conn, ClientFrame::AgentHello { login });
        self.agent(server, agent).ready = true;
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
                let Some(target) = self.target(server, chat, &to) else { return };
                self.ghost_ordered(
                    server,
                    chat,
                    transfer,
                    target.class,
                    &share,
                    matches!(to, Destination::Server { .. }),
                );
                let target = self.twist_target(target);
                let input = session::Input::Transfer { login, transfer, target, comments, share };
                self.step_chat(server, chat, input);
            }
            ClientFrame::AnswerAsk { transfer, accept } => {
                self.agent_decides(server, login, transfer, accept);
            }
            ClientFrame::Say { chat: Some(chat), .. }
            | ClientFrame::End { chat: Some(chat) }
            | ClientFrame::Note { chat, .. }
            | ClientFrame::RetryTransfer { chat, .. }
            | ClientFrame::CancelTransfer { chat, .. } => {
                self.step_chat(server, chat, session::Input::Agent(login, frame));
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

    fn target(&mut self, server: ServerId, chat: ChatId, to: &Destination) -> Option<Target> {
        let navigate = self.will.chance(250);
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
                (name.to_uppercase(), self.classes[&(server, peer)])
            }
        };
        Some(Target {
            destination: to.clone(),
            title,
            class,
            navigate,
            bounds: baton_core::policy::Bounds::default(),
            denied: None,
            consulted: false,
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
            ServerFrame::Asked { ask } => {
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
        if entry.author == Author::Customer && matches!(entry.body, Body::Text(_)) {
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
