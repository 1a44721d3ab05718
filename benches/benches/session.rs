//! A step of a chat: a message of the customer's, and one of the agent's, from the frame to its effects.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use baton_core::effect::{Area, Arrival, ConnId, Effect, Env, Settings, Times};
use baton_core::policy::Rules;
use baton_core::queue::{Output, Profile};
use baton_core::session::{Beginning, Chat, Input};
use baton_protocol::model::{Brand, Customer};
use baton_protocol::{ClientFrame, MessageId, Timestamp, Verifier};
use criterion::{Criterion, criterion_group, criterion_main};

const CONN: ConnId = ConnId(1);

fn settings() -> Settings {
    Settings {
        server: "acme".into(),
        brand: Brand { name: "Acme Outdoor".into(), accent: "#000000".into() },
        areas: vec![Area { name: "desk".into(), title: "Desk".into(), arrival: Arrival::default() }],
        rules: Rules::default(),
        times: Times::default(),
        max_entries: u64::MAX,
        preview: false,
        customs: std::collections::BTreeMap::new(),
    }
}

/// A customer with an agent.
struct Talk {
    settings: Settings,
    chat: Chat,
    effects: Vec<Effect>,
    next: u128,
}

impl Talk {
    fn new() -> Self {
        let settings = settings();
        let beginning = Beginning {
            area: "desk".into(),
            customer: Customer {
                name: "Carla".into(),
                email: "carla@example.org".into(),
                subject: String::new(),
                login_at: Timestamp(5),
                client_type: "bench".into(),
            },
            page: None,
            epoch: 1,
            challenge: Verifier::from_bytes([9; 32]).challenge(),
            origins: Vec::new(),
            promised: false,
            arrival: None,
            conn: CONN,
        };
        let mut effects = Vec::new();
        with(&settings, |env| Chat::begin(env, beginning, &mut effects));
        let found = effects.drain(..).find_map(|effect| match effect {
            Effect::Found(chat) => Some(*chat),
            _ => None,
        });
        let mut talk = Self { settings, chat: found.unwrap(), effects, next: 0 };
        let (chat, areas) = (talk.chat.record.id, vec!["desk".to_owned()]);
        let agent = Profile {
            login: "anna".into(),
            title: "Anna".into(),
            supervisor: false,
            areas,
            max_chats: 6,
            by_hand: false,
        };
        talk.tell(Input::Queue(Output::Assigned { chat, agent }));
        talk
    }

    fn tell(&mut self, input: Input) {
        let Self { settings, chat, effects, .. } = self;
        with(settings, |env| chat.handle(env, input, effects));
        assert!(!effects.is_empty());
        effects.clear();
    }

    fn say(&mut self, by_agent: bool) {
        self.next += 1;
        let (id, text) = (MessageId(self.next.to_be_bytes()), "x".repeat(64));
        self.tell(if by_agent {
            let chat = Some(self.chat.record.id);
            Input::Agent("anna".into(), ClientFrame::Say { chat, id, text })
        } else {
            Input::Customer(CONN, ClientFrame::Say { chat: None, id, text })
        });
    }
}

fn with<T>(settings: &Settings, step: impl FnOnce(&mut Env<'_>) -> T) -> T {
    step(&mut Env {
        now: Timestamp(1_800_000_000_000),
        settings,
        random: &mut |bytes: &mut [u8]| bytes.fill(7),
    })
}

fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("session step");
    for (name, by_agent) in [("customer says", false), ("agent says", true)] {
        let mut talk = Talk::new();
        group.bench_function(name, |bencher| bencher.iter(|| talk.say(by_agent)));
    }
    group.bench_function("a chat begins and is picked up", |bencher| bencher.iter(Talk::new));
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
