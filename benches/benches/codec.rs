//! Frames to bytes and back, those that a busy chat is made of.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use baton_protocol::model::{Author, Body, Entry};
use baton_protocol::{
    ChatId, ClientFrame, Encoding, MessageId, ServerFrame, Timestamp, decode_client, decode_server,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn client() -> [(&'static str, ClientFrame); 3] {
    let say = |length| ClientFrame::Say { chat: None, id: MessageId([7; 16]), text: "x".repeat(length) };
    [("say 64 B", say(64)), ("say 8 KiB", say(8 * 1024)), ("ping", ClientFrame::Ping { nonce: 7 })]
}

fn server() -> [(&'static str, ServerFrame); 3] {
    let (chat, at) = (ChatId([3; 16]), Timestamp(1_800_000_000_000));
    let entry = |seq| Entry {
        seq,
        at,
        id: MessageId([7; 16]),
        author: Author::Agent("Anna".into()),
        body: Body::Text("x".repeat(64)),
    };
    [
        ("stored", ServerFrame::Stored { chat, id: MessageId([7; 16]), seq: 70_000, at }),
        ("entries 1", ServerFrame::Entries { chat, entries: vec![entry(70_000)] }),
        ("entries 100", ServerFrame::Entries { chat, entries: (0..100).map(entry).collect() }),
    ]
}

fn codec(criterion: &mut Criterion) {
    for encoding in Encoding::ALL {
        let mut group = criterion.benchmark_group(format!("codec {encoding:?}"));
        for (name, frame) in client() {
            let mut bytes = Vec::new();
            frame.encode(encoding, &mut bytes).unwrap();
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(format!("decode {name}"), |bencher| {
                bencher.iter(|| decode_client(encoding, &bytes).unwrap());
            });
        }
        for (name, frame) in server() {
            let mut bytes = Vec::new();
            frame.encode(encoding, &mut bytes).unwrap();
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(format!("decode {name}"), |bencher| {
                bencher.iter(|| decode_server(encoding, &bytes).unwrap());
            });
            group.bench_function(format!("encode {name}"), |bencher| {
                bencher.iter(|| {
                    bytes.clear();
                    frame.encode(encoding, &mut bytes).unwrap();
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
