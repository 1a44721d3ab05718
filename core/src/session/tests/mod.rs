//! What a chat does, as lists of effects in their order.
//!
//! [`World`] brings time, settings and reproducible randomness; [`shown`] writes effects as lines, so that a test
//! reads like a protocol trace. [`Bench`] is one chat with its customer on connection 1.

mod ask;
mod attach;
mod back;
mod documents;
mod forget;
mod govern;
mod lead;
mod leave;
mod local;
mod memory;
mod page;
mod redirect;
mod release;
mod supervise;
mod talk;
mod visitor;

use baton_protocol::federation::Denial;
use baton_protocol::model::{Brand, Customer, Destination, Phase, Share, SharePolicy};
use baton_protocol::{Challenge, MessageId, ServerFrame, Timestamp, TransferId, Verifier};

use super::*;
use crate::effect::{Answer, Area, Arrival, CallRequest, Settings, Times};
use crate::policy::Rules;
use crate::queue::Profile;

/// Everything around a machine.
pub(crate) struct World {
    pub now: Timestamp,
    pub settings: Settings,
    drawn: u64,
}

impl World {
    pub fn new(server: &str) -> Self {
        let settings = Settings {
            server: server.to_lowercase(),
            brand: Brand { name: server.into(), accent: "#000000".into() },
            areas: vec![area("sales", "Sales"), area("legal", "Legal")],
            rules: Rules::default(),
            times: Times::default(),
            max_entries: 10_000,
            preview: false,
            customs: std::collections::BTreeMap::new(),
        };
        Self { now: Timestamp(1_000_000), settings, drawn: 0 }
    }

    /// One step of some machine.
    pub fn step<T>(&mut self, step: impl FnOnce(&mut Env<'_>, &mut Vec<Effect>) -> T) -> (T, Vec<Effect>) {
        let drawn = &mut self.drawn;
        let mut random = |bytes: &mut [u8]| {
            *drawn += 1;
            bytes.fill(0xaa);
            let length = bytes.len().min(8);
            bytes[..length].copy_from_slice(&drawn.to_le_bytes()[..length]);
        };
        let mut env = Env { now: self.now, settings: &self.settings, random: &mut random };
        let mut out = Vec::new();
        let answer = step(&mut env, &mut out);
        (answer, out.into_iter().flat_map(spelled_out).collect())
    }
}

pub(crate) fn area(name: &str, title: &str) -> Area {
    Area { name: name.into(), title: title.into(), arrival: Arrival::default() }
}

pub(crate) fn verifier() -> Verifier {
    Verifier::from_bytes([9; 32])
}

pub(crate) fn challenge() -> Challenge {
    verifier().challenge()
}

pub(crate) fn customer() -> Customer {
    Customer {
        name: "Carla".into(),
        email: "carla@example.org".into(),
        subject: "kettle".into(),
        login_at: Timestamp(5),
        client_type: "widget".into(),
    }
}

pub(crate) fn transfer(number: u8) -> TransferId {
    TransferId([number; 16])
}

pub(crate) fn message(number: u8) -> MessageId {
    MessageId([number; 16])
}

pub(crate) fn profile(login: &str) -> Profile {
    Profile {
        login: login.into(),
        title: login[..1].to_uppercase() + &login[1..],
        supervisor: false,
        areas: vec!["sales".into()],
        max_chats: 6,
        by_hand: false,
    }
}

pub(crate) fn denied(code: ErrorCode) -> CallResult {
    let detail = "they said no".into();
    Err(crate::effect::CallError::Denied(Denial { code, detail, retry_after: None }))
}

pub(super) const CONN: ConnId = ConnId(1);

/// A chat under test.
pub(super) struct Bench {
    pub world: World,
    pub chat: Chat,
}

impl Bench {
    /// A new chat that waits.
    pub fn waiting() -> Self {
        Self::arrived(None).0
    }

    /// A new chat, perhaps transferred, and the effects that founded it.
    pub fn arrived(arrival: Option<(Came, Context)>) -> (Self, Vec<String>) {
        let mut world = World::new("Acme");
        let beginning = Beginning {
            area: "sales".into(),
            customer: customer(),
            page: None,
            epoch: 1,
            challenge: challenge(),
            origins: Vec::new(),
            promised: false,
            arrival,
            conn: CONN,
        };
        let (_, effects) = world.step(|env, out| Chat::begin(env, beginning, out));
        let lines = shown(&effects);
        let found = effects.into_iter().find_map(|effect| match effect {
            Effect::Found(chat) => Some(*chat),
            _ => None,
        });
        (Self { world, chat: found.unwrap() }, lines)
    }

    /// A chat with Ann.
    pub fn with_ann() -> Self {
        let mut bench = Self::waiting();
        bench.assign("ann");
        bench
    }

    pub fn assign(&mut self, login: &str) -> Vec<String> {
        let chat = self.chat.record.id;
        self.tell(Input::Queue(queue::Output::Assigned { chat, agent: profile(login) }))
    }

    pub fn tell(&mut self, input: Input) -> Vec<String> {
        shown(&self.raw(input))
    }

    pub fn raw(&mut self, input: Input) -> Vec<Effect> {
        let Self { world, chat } = self;
        world.step(|env, out| chat.handle(env, input, out)).1
    }

    /// Tells the chat something and compares what it does, line by line.
    #[track_caller]
    pub fn check(&mut self, input: Input, expected: &[&str]) {
        assert_eq!(self.tell(input), expected);
    }

    /// The chat as it is after its gateway was killed: what was stored, and nothing else.
    pub fn killed(&mut self) -> Vec<String> {
        let json = serde_json::to_string(&self.chat.record).unwrap();
        let record = serde_json::from_str(&json).unwrap();
        let entries = self.chat.entries().to_vec();
        self.chat = Chat::load(record, self.chat.context.clone(), entries);
        self.tell(Input::Restore)
    }

    pub fn customer_says(&mut self, number: u8, text: &str) -> Vec<String> {
        let frame = ClientFrame::Say { chat: None, id: message(number), text: text.into() };
        let conn = self.chat.conn().unwrap_or(CONN);
        self.tell(Input::Customer(conn, frame))
    }

    pub fn agent_says(&mut self, login: &str, number: u8, text: &str) -> Vec<String> {
        let chat = Some(self.chat.record.id);
        let frame = ClientFrame::Say { chat, id: message(number), text: text.into() };
        self.tell(Input::Agent(login.into(), frame))
    }

    pub fn agent_notes(&mut self, login: &str, number: u8, text: &str) -> Vec<String> {
        let chat = self.chat.record.id;
        let frame = ClientFrame::Note { chat, id: message(number), text: text.into() };
        self.tell(Input::Agent(login.into(), frame))
    }

    pub fn attach(&mut self, conn: u64, epoch: Epoch, last_seq: Seq) -> Vec<String> {
        self.tell(Input::Attach { conn: ConnId(conn), epoch, last_seq, page: None })
    }

    pub fn transfers(&mut self, number: u8, to: Destination, share: Share) -> Vec<String> {
        self.tell(order(number, to, share))
    }
}

/// Ann's Transfer button.
pub(super) fn order(number: u8, to: Destination, share: Share) -> Input {
    let (title, class) = match &to {
        Destination::Agent(name) | Destination::Area(name) => (name.clone(), Class::SameCompany),
        Destination::Server { server, .. } => (server.clone(), Class::Partner),
    };
    Input::Transfer {
        login: "ann".into(),
        transfer: transfer(number),
        target: Target {
            destination: to,
            title,
            class,
            navigate: false,
            bounds: Bounds::default(),
            denied: None,
            consulted: false,
        },
        comments: "kettle trouble".into(),
        share,
    }
}

/// Effects as lines, those of the audit and what is said beside every `opened` aside.
pub(crate) fn shown(effects: &[Effect]) -> Vec<String> {
    let aside = |effect: &&Effect| match effect {
        Effect::Audit(_) => true,
        Effect::ToAgent(_, frame) => matches!(**frame, ServerFrame::ChatMarks { .. }),
        _ => false,
    };
    effects.iter().filter(|effect| !aside(effect)).map(line).collect()
}

/// What follows from an entry, spelled out.
fn spelled_out(effect: Effect) -> Vec<Effect> {
    let after = if let Effect::Append(entered) = &effect { entered.outward() } else { Vec::new() };
    std::iter::once(effect).chain(after).collect()
}

fn line(effect: &Effect) -> String {
    match effect {
        Effect::Save(_) => "save".into(),
        Effect::SaveContext(_, context) => format!("save context {}", context.transcript.len()),
        Effect::Append(entered) => format!("append #{}", entered.entry.seq),
        Effect::SaveIncoming(record) => {
            format!("save {}", format!("{:?}", record.state).split(['(', ' ']).next().unwrap_or_default())
        }
        Effect::ToCustomer(conn, frame) => format!("{} < {}", conn.0, frame_line(frame)),
        Effect::CloseCustomer(conn, code) => format!("{} closed: {code:?}", conn.0),
        Effect::ToAgent(login, frame) => format!("{login} < {}", frame_line(frame)),
        Effect::SetTimer(timer, millis) => format!("{timer:?} in {millis}"),
        Effect::ClearTimer(timer) => format!("no {timer:?}"),
        Effect::Queue(input) => format!("queue: {}", queue_line(input)),
        Effect::Call(call) => format!("call {}: {}", call.peer, call_line(&call.request)),
        Effect::Reply(_, answer) => format!("reply: {}", answer_line(answer)),
        Effect::Fetch { peer, document, .. } => format!("fetch {} from {peer}", document.name),
        Effect::Mail { text, .. } => format!("mail: {text}"),
        Effect::Found(_) => "found".into(),
        Effect::Token(..) => "token".into(),
        Effect::Audit(record) => format!("audit {}", record.step.name()),
        Effect::Chat(_, input) => {
            format!("chat: {}", format!("{input:?}").split(['(', ' ']).next().unwrap_or_default())
        }
        Effect::SaveErasure(_) => "save erasure".into(),
        Effect::Incoming(_, _, input) => format!("incoming: {input:?}"),
    }
}

fn entries_of(frame: &ServerFrame) -> Option<&Vec<Entry>> {
    match frame {
        ServerFrame::Entries { entries, .. } => Some(entries),
        _ => None,
    }
}

fn frame_line(frame: &ServerFrame) -> String {
    match frame {
        ServerFrame::Welcome { epoch, phase, last_seq, token, .. } => {
            let token = if token.is_some() { " token" } else { "" };
            format!("welcome e{epoch} {} #{last_seq}{token}", phase_line(phase))
        }
        ServerFrame::Stored { seq, .. } => format!("stored #{seq}"),
        ServerFrame::Entries { entries, .. } => {
            entries.iter().map(|entry| format!("#{} ", entry.seq)).collect::<String>().trim_end().into()
        }
        ServerFrame::PhaseChanged { phase, .. } => phase_line(phase),
        ServerFrame::Offered { .. } => "offered".into(),
        ServerFrame::Withdrawn { .. } => "withdrawn".into(),
        ServerFrame::Arriving { .. } => "arriving".into(),
        ServerFrame::Place { rank, .. } => format!("place {rank}"),
        ServerFrame::Refused { code, .. } => format!("refused {code:?}"),
        ServerFrame::Opened { context, .. } => match context {
            Some(context) => format!("opened, context {}", context.transcript.len()),
            None => "opened".into(),
        },
        ServerFrame::CardChanged { card } => {
            let there = if card.online { "" } else { " away" };
            let state = format!("{:?}", card.state);
            format!("card {}{there}", state.split(['(', ' ']).next().unwrap_or_default())
        }
        ServerFrame::Watched { agent, joined, .. } => format!("watched {agent} {joined}"),
        ServerFrame::DocumentChanged { sha256, state, .. } => format!("{} {state:?}", &sha256[..2]),
        ServerFrame::Progress { stage, code, .. } => match code {
            Some(code) => format!("{stage:?} {code:?}"),
            None => format!("{stage:?}"),
        },
        other => format!("{other:?}"),
    }
}

fn phase_line(phase: &Phase) -> String {
    match phase {
        Phase::Active { agent } => format!("with {agent}"),
        Phase::Ended(reason) => format!("ended {reason:?}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn queue_line(input: &queue::Input) -> String {
    match input {
        queue::Input::Wait(ticket) => format!("wait since {} in {}", ticket.since.0, ticket.area),
        queue::Input::Leave(_) => "leave".into(),
        queue::Input::Moved(_) => "moved".into(),
        queue::Input::Free(login, _) => format!("free {login}"),
        queue::Input::Hold(login, _) => format!("hold {login}"),
        queue::Input::HoldUnlessKept(login, _, seat) => format!("hold {login} unless kept for {}", seat.0),
        queue::Input::Place { target, .. } => format!("place {target:?}"),
        queue::Input::Reserve { seat, area, wanted, .. } => match wanted {
            queue::Wanted::InQueue(_) => format!("reserve in {area} for {}", seat.0),
            wanted => format!("reserve {wanted:?} in {area} for {}", seat.0),
        },
        queue::Input::GiveBack(_) => "give back".into(),
        queue::Input::Withdraw(login, _) => format!("withdraw {login}"),
        other => format!("{other:?}"),
    }
}

fn call_line(request: &CallRequest) -> String {
    match request {
        CallRequest::Permission(_) => "permission".into(),
        CallRequest::Transfer(request) => format!("transfer e{}", request.epoch),
        CallRequest::Again(_) => "again".into(),
        CallRequest::Cancel(cancel) => match cancel.reclaimed {
            Some(epoch) => format!("cancel e{epoch}"),
            None => "cancel".into(),
        },
        CallRequest::Commit(commit) => if commit.adopt { "commit adopt" } else { "commit" }.into(),
        CallRequest::Settle(settle) => format!("settle e{}", settle.epoch),
        CallRequest::Progress(report) => format!("progress {:?}", report.stage),
        CallRequest::Erase(_) => "erase".into(),
    }
}

fn answer_line(answer: &Result<Answer, Denial>) -> String {
    match answer {
        Ok(Answer::Release(release)) => format!("release {}", release.tail.len()),
        Ok(Answer::Cancel(answer)) => format!("{answer:?}").to_lowercase(),
        Ok(Answer::Reservation(_)) => "reservation".into(),
        Ok(Answer::Permission(_)) => "permission".into(),
        Ok(Answer::Done) => "done".into(),
        Ok(Answer::Erased(_)) => "erased".into(),
        Err(denial) => format!("denied {:?}", denial.code),
    }
}

/// Whether the last lines are these.
pub(super) fn ends_with(lines: &[String], expected: &[&str]) -> bool {
    lines.iter().rev().map(String::as_str).zip(expected.iter().rev()).filter(|(a, b)| a == *b).count()
        == expected.len()
}
