//! The tool against a server of a few lines: what is sent comes back, is counted, and takes time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use baton_bench::load::engine::{Engine, Pace};
use baton_bench::load::pairs::{Crowd, Load};
use baton_bench::load::server::Source;
use clap::Parser;
use tokio_tungstenite::tungstenite::accept;

#[derive(Parser)]
struct Words {
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    source: Source,
}

/// A server that sends everything back; it ends with the test.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut socket = accept(stream).unwrap();
                while let Ok(message) = socket.read() {
                    if socket.send(message).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn run(pace: Pace, more: &[&str]) -> (u64, u64) {
    let words = ["load", "--pairs", "3", "--shape", "echo"].iter().chain(more);
    let Words { load, source } = Words::parse_from(words);
    let server = source.server(&format!("ws://{}/", echo()), 0).unwrap();
    let crowd = Crowd::gather(&server, &load).unwrap();
    let mut engine = Engine::new(crowd.connections, crowd.lanes, pace).unwrap();
    engine.begin().unwrap();
    engine.run(Duration::from_millis(300)).unwrap();
    (engine.counted().messages, engine.counted().latency.len())
}

#[test]
fn u3_a_closed_loop_goes_round() {
    let (messages, timed) = run(Pace::Closed(4), &[]);
    assert!(messages > 100 && timed == messages, "{messages} messages, {timed} times");
}

#[test]
fn u3_an_open_loop_keeps_its_rate() {
    let (messages, _) = run(Pace::Open(1_000.0), &["--message", "{room} says hello", "--size", "1"]);
    assert!((100..=300).contains(&messages), "{messages} messages in 0.3 s at 1,000 a second");
}
