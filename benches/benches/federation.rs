//! A call to another company: signed here, checked there, with the store that refuses a replay.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::sync::Arc;

use baton_gateway::federation::keys::Keys;
use baton_gateway::federation::token::{Request, TokenVerifier, sign};
use baton_gateway::store::memory::MemoryStore;
use baton_gateway::store::{Agreement, Mode, PeerClass, PeerRow};
use baton_protocol::Timestamp;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn peer(keys: &Keys) -> PeerRow {
    PeerRow {
        name: "acme".into(),
        title: "Acme".into(),
        subject: String::new(),
        base_url: "https://acme.example".into(),
        federation: "https://acme.example/federation/v1".into(),
        socket: "wss://acme.example/v1/ws".into(),
        page: None,
        keys: keys.jwks(),
        class: PeerClass::Partner,
        areas: None,
        mode: Mode::InPlace,
        agreement: Agreement::default(),
        revoked: Vec::new(),
    }
}

#[derive(Clone)]
struct Row(Arc<PeerRow>);

impl AsRef<PeerRow> for Row {
    fn as_ref(&self) -> &PeerRow {
        &self.0
    }
}

fn tokens(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("federation");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::create(folder.path()).unwrap();
    let row = Row(Arc::new(peer(&keys)));
    for (name, length) in [("1 KiB", 1024), ("256 KiB", 256 * 1024)] {
        let body = vec![b'x'; length];
        let request = || Request { method: "POST", path: "/federation/v1/transfers", body: &body };
        let token = || sign(&keys, "acme", "globex", request(), NOW).unwrap();
        group.bench_function(format!("sign {name}"), |bencher| bencher.iter(token));
        let verifier = TokenVerifier::new("globex".into(), Arc::new(MemoryStore::default()));
        group.bench_function(format!("verify {name}"), |bencher| {
            let check = |token: String| {
                let find = async |_: &str| Some(row.clone());
                assert!(runtime.block_on(verifier.verify(&token, request(), NOW, find)).is_ok());
            };
            bencher.iter_batched(token, check, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, tokens);
criterion_main!(benches);
