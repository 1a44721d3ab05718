//! What leaves with a customer: a transcript of some length, whole and with edits.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::sync::Arc;

use baton_core::policy::{Everything, release};
use baton_protocol::model::{Author, Body, Customer, Edits, Entry, Share};
use baton_protocol::{MessageId, Timestamp};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

fn entry(seq: u64) -> Entry {
    let author = if seq.is_multiple_of(2) { Author::Customer } else { Author::Agent("Anna".into()) };
    let id = MessageId(u128::from(seq).to_be_bytes());
    Entry { seq, at: Timestamp(seq), id, author, body: Body::Text("My stove leaks at the valve.".into()) }
}

fn filter(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy release");
    let customer = Customer {
        name: "Carla".into(),
        email: "carla@example.org".into(),
        subject: "stove".into(),
        login_at: Timestamp(1),
        client_type: "widget".into(),
    };
    let visited = ["acme".to_owned()];
    for count in [10, 100, 1_000] {
        let entries: Vec<Arc<Entry>> = (1..=count).map(entry).map(Arc::new).collect();
        let shares = [
            ("all", Share::All),
            ("part", Share::Part(Edits { leave_out: vec![entries[3].id], ..Edits::default() })),
        ];
        for (name, share) in shares {
            group.bench_function(format!("{name}, {count} messages"), |bencher| {
                let all = || Everything {
                    origin: "Acme",
                    visited: &visited,
                    agent: "Anna",
                    customer: &customer,
                    queue: "Sales",
                    priority: 0,
                    comments: "Leaks at the valve.",
                    prior: None,
                    entries: &entries,
                    late: &[],
                };
                bencher.iter_batched(all, |all| release(all, &share), BatchSize::SmallInput);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, filter);
criterion_main!(benches);
