//! `baton-bench relay` and `baton-bench open-loop`: messages through one server.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::load::engine::Pace;
use crate::load::measure::{Figures, Span, measure};
use crate::load::pairs::Load;
use crate::load::server::{Source, raise_limit};

/// Messages through one server, so many in flight at any time (closed loop).
///
/// SERVER is one that runs already:
///   ws://127.0.0.1:9001/room/{room}/{side}   any WebSocket server; --shape says what it does with a message
///   baton://127.0.0.1:7101                   a Baton gateway with agents a0, a1, … (--agents, --password)
///   tcp://127.0.0.1:9002                     bytes without WebSocket
/// or one that is started for this run, on a core of its own:
///   baton-memory, baton-sqlite               the gateway, without and with a durable store
///   uws, bun, ws, …                          of the folder --peers, which `cargo xtask bench` makes
///
/// With one message in flight, compare servers by their processor time for each message: the client is as busy as they
/// are. With sixteen, by messages a second. Warnings say when a figure must not be believed.
///
/// A gateway that runs already closes connections that send more than [limits] in its baton.toml allows: set `burst`,
/// `per_second`, `per_address` and `messages` there for the measurement.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Relay {
    /// Which server.
    server: String,
    /// Messages in flight from each connection.
    #[arg(long, short = 'k', default_value_t = 1, value_name = "NUMBER")]
    in_flight: u32,
    #[command(flatten)]
    how: How,
}

/// Messages at a fixed rate, whatever the server does, and how long they take (open loop).
///
/// Each message is due at a certain moment, and its latency counts from then on, also when it had to wait until it
/// could be sent: a server that stops for a while is charged for every message that it kept waiting.
#[derive(Debug, Args)]
pub struct OpenLoop {
    /// Which server, as for `relay`.
    server: String,
    /// Messages a second, of all connections together.
    #[arg(long, default_value_t = 20_000.0, value_name = "NUMBER")]
    rate: f64,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    #[command(flatten)]
    load: Load,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    seconds: f64,
    /// Seconds before that.
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    warm_up: f64,
    /// Count the server's system calls for each message, by the kernel's trace points. They are root's, and cost the
    /// server some time: measure processor time without.
    #[arg(long)]
    syscalls: bool,
    #[command(flatten)]
    source: Source,
}

impl Relay {
    /// Measures and prints.
    ///
    /// # Errors
    /// When the server does not start, or does not take the load.
    pub fn run(&self) -> Result<()> {
        self.how.run(&self.server, Pace::Closed(self.in_flight))
    }
}

impl OpenLoop {
    /// Measures and prints.
    ///
    /// # Errors
    /// When the server does not start, or does not take the load.
    pub fn run(&self) -> Result<()> {
        self.how.run(&self.server, Pace::Open(self.rate))
    }
}

impl How {
    fn run(&self, server: &str, pace: Pace) -> Result<()> {
        raise_limit(1_024)?;
        let server = self.source.server(server, self.load.agents())?;
        let span = Span {
            warm_up: Duration::from_secs_f64(self.warm_up),
            time: Duration::from_secs_f64(self.seconds),
            calls: self.syscalls,
        };
        let figures = measure(&server, &self.load, pace, span)?;
        println!("{}", row(&server.name, &figures));
        if let Some(calls) = figures.calls {
            let named = figures.calls_by_name.iter().map(|(name, each)| format!("{name} {each:.2}"));
            println!(
                "  system calls for each message: {calls:.2} ({})",
                named.collect::<Vec<_>>().join(", ")
            );
        }
        for warning in figures.warnings(pace) {
            println!("  {warning}");
        }
        println!(
            "{}",
            json!({ "server": server.name, "size": self.load.size, "pairs": self.load.pairs, "figures": figures })
        );
        Ok(())
    }
}

/// A line for people.
#[must_use]
pub fn row(name: &str, figures: &Figures) -> String {
    let percent = |share: f64| share * 100.0;
    format!(
        "{name}: {:.0} messages/s, {:.2} us of the server's processor each, latency p50 {:.0} p99 {:.0} us; busy: server \
         {:.0} %, client {:.0} %, others {:.0} %",
        figures.per_second,
        figures.cpu_us,
        figures.p50_us,
        figures.p99_us,
        percent(figures.server_busy),
        percent(figures.client_busy),
        percent(figures.others_busy),
    )
}
