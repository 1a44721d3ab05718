//! `baton-bench transfer`: how long a customer is on the way, and whether anything is lost meanwhile.
//!
//! Two gateways of two companies, real sockets, TLS on. The customer is the widget's own machine; they write all the
//! time. The clock starts when the agent's `transfer` frame is handed to the agent's connection, and stops when the
//! customer's machine has stored the destination's welcome: the next message is the destination's.

mod desk;
mod field;
mod proxy;
mod round;
mod socket;
mod widget;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::progress;
use field::{Delay, Field};
use round::Round;

/// Measure transfers between two gateways that this command starts.
///
/// A customer chats at one company's gateway; its agent hands them over to the other company's. Measured, over many
/// transfers: from the agent's click to the first message that is possible at the destination. The customer writes
/// all the time; every message must be stored once.
///
/// Four runs: without delay, with a delay on the customer's lines, with one between the gateways, and with both. TLS is
/// on everywhere, and no connection takes up an earlier TLS session, as with a browser that has never been there.
///
/// Round trips are counted on the lines themselves, by proxies that also make the delay: the handshake of TCP is one,
/// and so is every answer to what was said before.
#[derive(Debug, Args)]
pub struct Transfer {
    /// The gateway's program. Without it, the `baton` beside this one.
    #[arg(long, value_name = "FILE")]
    baton: Option<PathBuf>,
    /// Transfers without delay.
    #[arg(long, default_value_t = 200)]
    transfers: u32,
    /// Transfers in each of the runs with delay.
    #[arg(long, default_value_t = 20)]
    delayed: u32,
    /// The simulated network's round-trip time, in milliseconds.
    #[arg(long, default_value_t = 50, value_name = "MILLISECONDS")]
    round_trip: u64,
    /// Milliseconds between two messages of the customer's.
    #[arg(long, default_value_t = 10, value_name = "MILLISECONDS")]
    every: u64,
}

impl Transfer {
    /// Measures, prints a table, and a last line of JSON.
    ///
    /// # Errors
    /// When a gateway does not start, a transfer fails, or a message is lost or stored twice.
    pub fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let figures = runtime.block_on(self.measure())?;
        println!("{figures}");
        Ok(())
    }

    async fn measure(&self) -> Result<Value> {
        let baton = crate::gateway::binary(self.baton.as_deref())?;
        let (none, away) = (Duration::ZERO, Duration::from_millis(self.round_trip));
        let runs = [
            ("direct", None, self.transfers),
            ("customer", Some(Delay { customer: away, servers: none }), self.delayed),
            ("servers", Some(Delay { customer: none, servers: away }), self.delayed),
            ("everywhere", Some(Delay { customer: away, servers: away }), self.delayed),
        ];
        println!("{}", Summary::HEADING);
        let mut figures = serde_json::Map::new();
        for (name, delay, count) in runs {
            let mut field = Field::set_up(&baton, delay).await?;
            let bar = progress::bar(name, count.into());
            let mut rounds = Vec::new();
            for _ in 0..count {
                rounds.push(Round::run(&mut field, Duration::from_millis(self.every)).await?);
                bar.inc(1);
            }
            bar.finish_and_clear();
            let summary = Summary::of(&rounds)?;
            println!("{}", summary.row(name));
            figures.insert(name.into(), summary.json());
        }
        let delayed = &figures["customer"]["customer_round_trips"];
        ensure!(delayed.as_u64().is_some_and(|trips| trips <= 4), "more than four round trips: {delayed}");
        Ok(json!({
            "transfer_p50_ms": figures["direct"]["p50_ms"], "transfer_p99_ms": figures["direct"]["p99_ms"],
            "customer_round_trips": delayed, "tls": true, "round_trip_ms": self.round_trip, "runs": figures,
        }))
    }
}

/// What many rounds come to.
struct Summary {
    total: Histogram<u64>,
    command: Histogram<u64>,
    arrival: Histogram<u64>,
    first: Duration,
    line: Duration,
    customer_trips: u64,
    server_trips: u64,
    said: usize,
    gap: Duration,
    slowest: Duration,
}

impl Summary {
    const HEADING: &str = "run          transfers   p50 ms   p99 ms   first  | command  arrival  | round trips of the customer, \
         of the servers | said  longest gap ms  slowest ms";

    fn of(rounds: &[Round]) -> Result<Self> {
        ensure!(!rounds.is_empty(), "no transfer was measured");
        let histogram = |of: fn(&Round) -> Duration| -> Result<Histogram<u64>> {
            let mut histogram = Histogram::new(3)?;
            for round in rounds {
                histogram.record(u64::try_from(of(round).as_micros())?)?;
            }
            Ok(histogram)
        };
        let most = |of: fn(&Round) -> Duration| rounds.iter().map(of).max().unwrap_or_default();
        let middle = |of: fn(&Round) -> u64| {
            let mut all: Vec<u64> = rounds.iter().map(of).collect();
            all.sort_unstable();
            all[all.len() / 2]
        };
        Ok(Self {
            total: histogram(|round| round.total)?,
            command: histogram(|round| round.command)?,
            arrival: histogram(|round| round.total.saturating_sub(round.command))?,
            first: rounds[0].total,
            line: Duration::from_micros(middle(|round| {
                u64::try_from(round.line.as_micros()).unwrap_or(u64::MAX)
            })),
            customer_trips: middle(|round| round.customer_trips),
            server_trips: middle(|round| round.server_trips),
            said: rounds.iter().map(|round| round.said).sum(),
            gap: most(|round| round.gap),
            slowest: most(|round| round.slowest),
        })
    }

    fn row(&self, name: &str) -> String {
        let at = |of: &Histogram<u64>, quantile| millis(of.value_at_quantile(quantile));
        format!(
            "{name:<12} {:>9} {:>8.1} {:>8.1} {:>7.1}  | {:>7.1} {:>8.1}  | {:>27} {:>15} | {:>5} {:>14.1} {:>11.1}",
            self.total.len(),
            at(&self.total, 0.5),
            at(&self.total, 0.99),
            self.first.as_secs_f64() * 1e3,
            at(&self.command, 0.5),
            at(&self.arrival, 0.5),
            self.customer_trips,
            self.server_trips,
            self.said,
            self.gap.as_secs_f64() * 1e3,
            self.slowest.as_secs_f64() * 1e3,
        )
    }

    fn json(&self) -> Value {
        let at = |of: &Histogram<u64>, quantile| rounded(millis(of.value_at_quantile(quantile)));
        let duration = |of: Duration| rounded(of.as_secs_f64() * 1e3);
        json!({
            "transfers": self.total.len(), "p50_ms": at(&self.total, 0.5), "p99_ms": at(&self.total, 0.99),
            "max_ms": rounded(millis(self.total.max())), "first_ms": duration(self.first),
            "command_p50_ms": at(&self.command, 0.5), "arrival_p50_ms": at(&self.arrival, 0.5),
            "acknowledgement_p50_ms": duration(self.line),
            "customer_round_trips": self.customer_trips, "server_round_trips": self.server_trips,
            "messages": self.said, "lost": 0, "twice": 0,
            "longest_gap_ms": duration(self.gap), "slowest_message_ms": duration(self.slowest),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time in microseconds is far below 2^52")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
