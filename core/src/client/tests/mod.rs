//! A machine on a bench: a clock that only moves when told, counted randomness, and what was asked of the driver.

mod chat;
mod random;
mod transfer;

use baton_protocol::frames::Start;
use baton_protocol::model::{Author, Body, Brand, Entry, Offer, Phase, Way};
use baton_protocol::{
    ChatId, ClientFrame, CloseCode, Epoch, MessageId, ResumeToken, Seq, ServerFrame, Timestamp, TransferId,
    Wtid,
};

use super::*;

const ACME: &str = "ws://acme.localhost:1/v1/ws";
const GLOBEX: &str = "ws://globex.localhost:2/v1/ws";
const T1: TransferId = TransferId([1; 16]);
const T2: TransferId = TransferId([2; 16]);

struct Rig {
    client: Client,
    now: u64,
    count: u64,
    /// What a reload would find.
    disk: Option<Record>,
    /// The effects of the last step.
    did: Vec<Effect>,
}

fn settings() -> Settings {
    Settings {
        socket: ACME.into(),
        reachable: vec![ACME.into(), GLOBEX.into()],
        brand: brand("Acme"),
        client_type: "test".into(),
    }
}

fn brand(name: &str) -> Brand {
    Brand { name: name.into(), accent: "#123456".into() }
}

fn token(n: u8) -> ResumeToken {
    ResumeToken::from_bytes([n; 32])
}

fn wtid(n: u8) -> Wtid {
    Wtid::from_bytes([n; 32])
}

fn welcome(epoch: Epoch, fresh: Option<u8>, transfer: Option<TransferId>) -> ServerFrame {
    ServerFrame::Welcome {
        chat: ChatId([9; 16]),
        token: fresh.map(token),
        epoch,
        phase: Phase::Waiting,
        last_seq: 0,
        brand: brand(if transfer.is_some() { "Globex" } else { "Acme" }),
        transfer,
    }
}

fn offer(transfer: TransferId, way: Way) -> ServerFrame {
    let offer = Offer {
        transfer,
        server: "globex".into(),
        title: "Globex".into(),
        wtid: Some(wtid(7)),
        way,
        expires_in: 60_000,
    };
    ServerFrame::Offered { offer }
}

fn in_place(transfer: TransferId, socket: &str) -> ServerFrame {
    offer(transfer, Way::InPlace { socket: socket.into(), page: None })
}

fn agent(seq: Seq, text: &str) -> Entry {
    let id = MessageId([u8::try_from(seq).unwrap(); 16]);
    Entry { seq, at: Timestamp(seq), id, author: Author::Agent("Bob".into()), body: Body::Text(text.into()) }
}

fn entries(entries: Vec<Entry>) -> ServerFrame {
    ServerFrame::Entries { chat: ChatId([9; 16]), entries }
}

fn stored(id: MessageId, seq: Seq) -> ServerFrame {
    ServerFrame::Stored { chat: ChatId([9; 16]), id, seq, at: Timestamp(seq) }
}

impl Rig {
    fn new() -> Self {
        Self { client: Client::new(settings()), now: 1_000, count: 0, disk: None, did: Vec::new() }
    }

    /// Welcomed at Acme, epoch 1.
    fn chatting() -> Self {
        let mut rig = Self::new();
        rig.input(Input::Start(Opening { name: "Ann".into(), ..Opening::default() }));
        rig.open_main();
        rig.main(welcome(1, Some(1), None));
        rig
    }

    /// Claiming at Globex, whose hello was said.
    fn claiming() -> Self {
        let mut rig = Self::chatting();
        rig.main(in_place(T1, GLOBEX));
        rig.open_next();
        rig
    }

    fn input(&mut self, input: Input) -> &mut Self {
        self.now += 1;
        let count = &mut self.count;
        let mut random = |bytes: &mut [u8]| {
            *count += 1;
            for (byte, value) in bytes.iter_mut().zip(count.to_le_bytes().iter().cycle()) {
                *byte = *value;
            }
        };
        self.did.clear();
        let mut env = Env { now: Timestamp(self.now), random: &mut random };
        self.client.handle(&mut env, input, &mut self.did);
        for effect in &self.did {
            match effect {
                Effect::Store => self.disk = self.client.record().cloned(),
                Effect::Forget => self.disk = None,
                _ => {}
            }
        }
        self
    }

    fn main_link(&self) -> Link {
        self.client.main.link.expect("a main connection")
    }

    fn next_link(&self) -> Link {
        self.client.next.link.expect("a next connection")
    }

    fn open_main(&mut self) -> &mut Self {
        self.input(Input::Opened(self.main_link()))
    }

    fn open_next(&mut self) -> &mut Self {
        self.input(Input::Opened(self.next_link()))
    }

    fn main(&mut self, frame: ServerFrame) -> &mut Self {
        self.input(Input::Frame(self.main_link(), frame))
    }

    fn next(&mut self, frame: ServerFrame) -> &mut Self {
        self.input(Input::Frame(self.next_link(), frame))
    }

    fn close_main(&mut self, code: impl Into<Option<CloseCode>>) -> &mut Self {
        let code = code.into().map(|code| code as u16);
        self.input(Input::Closed(self.main_link(), code))
    }

    fn close_next(&mut self, code: impl Into<Option<CloseCode>>) -> &mut Self {
        let code = code.into().map(|code| code as u16);
        self.input(Input::Closed(self.next_link(), code))
    }

    fn timer(&mut self, timer: Timer) -> &mut Self {
        self.input(Input::Timer(timer))
    }

    fn say(&mut self, text: &str) -> MessageId {
        self.input(Input::Say(text.into()));
        self.record().lines.last().expect("a line").id
    }

    /// The page is loaded again: only what was stored is left.
    fn reload(&mut self) -> &mut Self {
        self.client = Client::new(settings());
        match self.disk.clone() {
            Some(record) => self.input(Input::Resume(Box::new(record))),
            None => self,
        }
    }

    fn record(&self) -> &Record {
        self.client.record().expect("a record")
    }

    fn sent(&self) -> Vec<(Link, &ClientFrame)> {
        self.did
            .iter()
            .filter_map(|effect| match effect {
                Effect::Send(link, frame) => Some((*link, frame)),
                _ => None,
            })
            .collect()
    }

    fn said(&self) -> Vec<(Link, &str)> {
        self.sent()
            .into_iter()
            .filter_map(|(link, frame)| match frame {
                ClientFrame::Say { text, .. } => Some((link, text.as_str())),
                _ => None,
            })
            .collect()
    }

    fn hello(&self) -> &Start {
        match self.sent()[..] {
            [(_, ClientFrame::CustomerHello { start, .. })] => start,
            ref other => panic!("expected one hello: {other:?}"),
        }
    }

    fn timer_set(&self, timer: Timer) -> Option<u32> {
        self.did.iter().find_map(|effect| match effect {
            Effect::SetTimer(set, millis) if *set == timer => Some(*millis),
            _ => None,
        })
    }

    fn connected_to(&self) -> Vec<&str> {
        self.did
            .iter()
            .filter_map(|effect| match effect {
                Effect::Connect { url, .. } => Some(url.as_str()),
                _ => None,
            })
            .collect()
    }

    fn did(&self, effect: &Effect) -> bool {
        self.did.contains(effect)
    }

    fn texts(&self) -> Vec<String> {
        let view = self.client.view();
        let text = |line: &Line| match &line.what {
            What::Own(text, mark) => format!("me {text} {mark:?}"),
            What::Agent(name, text) => format!("{name} {text}"),
            What::System(text) => text.clone(),
            What::OwnDocument(card, mark) => format!("me [{}] {mark:?}", card.name),
            What::AgentDocument(name, card) => format!("{name} [{}]", card.name),
            What::Event(event) => format!("{event:?}"),
            What::With(name) => format!("with {name}"),
            What::Here => "here".into(),
        };
        view.lines.iter().map(text).collect()
    }
}
