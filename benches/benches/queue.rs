//! One decision of the queue manager: the next customer of many goes to one of a thousand agents, and the place comes
//! free again.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use baton_core::queue::{Input, Profile, QueueManager, Ticket};
use baton_protocol::{ChatId, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};

const NOW: Timestamp = Timestamp(10_000_000);
const AGENTS: u32 = 1_000;

fn ticket(number: u128) -> Ticket {
    Ticket {
        chat: ChatId(number.to_be_bytes()),
        area: "sales".into(),
        name: String::new(),
        subject: String::new(),
        since: NOW,
        priority: 0,
        from: None,
        seat: None,
    }
}

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue decision");
    for waiting in [10, 1_000, 100_000] {
        let mut queue = QueueManager::default();
        for number in 0..AGENTS {
            let login = format!("agent{number}");
            let profile = Profile {
                title: login.clone(),
                login,
                supervisor: false,
                areas: vec!["sales".into()],
                max_chats: 6,
            };
            queue.handle(NOW, Input::Online(profile));
        }
        for number in 0..waiting {
            queue.handle(NOW, Input::Wait(ticket(number)));
        }
        group.bench_function(format!("{waiting} waiting, {AGENTS} agents"), |bencher| {
            bencher.iter(|| {
                queue.handle(NOW, Input::PickUp("agent500".into(), ChatId([0; 16])));
                queue.handle(NOW, Input::Free("agent500".into(), ChatId([0; 16])));
                queue.handle(NOW, Input::Wait(ticket(0)))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
