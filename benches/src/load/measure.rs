//! One measurement of a load: warm up, count, and say how far it can be believed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::engine::{Engine, Pace};
use super::pairs::{Crowd, Load};
use super::server::Server;
use crate::process::{self, Cpu, Machine};
use crate::syscalls::Count;

/// What was measured. A share of 1 is one whole core.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Messages that came in.
    pub messages: u64,
    /// How long that took.
    pub seconds: f64,
    /// Messages a second.
    pub per_second: f64,
    /// Latency: half of the messages took no longer, in microseconds.
    pub p50_us: f64,
    /// 99 of 100.
    pub p99_us: f64,
    /// 999 of 1,000.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
    /// Processor time of the server for each message, in microseconds; 0 where its process is not known.
    pub cpu_us: f64,
    /// Share of a core that the server used.
    pub server_busy: f64,
    /// Share of a core that this program used.
    pub client_busy: f64,
    /// Share of a core that anybody else used, or that the hypervisor took away.
    pub others_busy: f64,
    /// Acknowledgements; only Baton gives any.
    pub acknowledged: u64,
    /// The server's resident memory at the end, in bytes; 0 where its process is not known.
    pub memory: u64,
    /// System calls of the server for each message, where they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<f64>,
    /// The most frequent of them, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls_by_name: BTreeMap<String, f64>,
}

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Before it counts.
    pub warm_up: Duration,
    /// While it counts.
    pub time: Duration,
    /// Whether the server's system calls are counted, which costs it some time.
    pub calls: bool,
}

/// After everybody is connected, until the load begins: what the server still has to do is not the load's.
const SETTLE: Duration = Duration::from_millis(300);

/// Measures a load on a server.
///
/// # Errors
/// When the server does not take it.
pub fn measure(server: &Server, load: &Load, pace: Pace, span: Span) -> Result<Figures> {
    let done = run(server, load, pace, span);
    done.with_context(|| {
        let log = server.log();
        let last = log.lines().last().map(|line| format!(" (it says: {line})")).unwrap_or_default();
        format!("{}{last}", server.name)
    })
}

fn run(server: &Server, load: &Load, pace: Pace, span: Span) -> Result<Figures> {
    let crowd = Crowd::gather(server, load)?;
    std::thread::sleep(SETTLE);
    let mut engine = Engine::new(crowd.connections, crowd.lanes, pace)?;
    engine.begin()?;
    engine.run(span.warm_up)?;
    engine.reset();
    let calls = match server.pid {
        Some(pid) if span.calls => Some(Count::begin(pid)?),
        None if span.calls => bail!("its process is not known: say --pid"),
        _ => None,
    };
    let before = Now::look(server)?;
    engine.run(span.time)?;
    let after = Now::look(server)?;
    let counted = engine.counted();
    let calls = calls.map(|calls| calls.each(float(counted.messages))).transpose()?;
    ensure!(counted.messages > 0, "no message came in");
    if server.is_baton() {
        // Every message is acknowledged; those on their way may not be yet.
        let on_the_way = 300 * u64::try_from(load.pairs)?;
        ensure!(
            counted.stored + on_the_way >= counted.messages,
            "{} messages came in, and {} were acknowledged",
            counted.messages,
            counted.stored
        );
    }
    let latency = |quantile| micros(counted.latency.value_at_quantile(quantile));
    let mut figures = before.until(&after, counted.messages);
    figures.messages = counted.messages;
    figures.per_second = float(counted.messages) / figures.seconds;
    figures.p50_us = latency(0.5);
    figures.p99_us = latency(0.99);
    figures.p999_us = latency(0.999);
    figures.max_us = micros(counted.latency.max());
    figures.acknowledged = counted.stored;
    if let Some((all, named)) = calls {
        (figures.calls, figures.calls_by_name) = (Some(all), named);
    }
    figures.memory = server.pid.map_or(Ok(0), process::memory)?;
    Ok(figures)
}

/// A moment.
pub struct Now {
    at: Instant,
    server: Cpu,
    client: Cpu,
    machine: Machine,
}

impl Now {
    /// This one.
    ///
    /// # Errors
    /// When the server's process is gone.
    pub fn look(server: &Server) -> Result<Self> {
        let machine = Machine::now()?;
        let client = Cpu::of(std::process::id())?;
        Ok(Self { server: server.cpu()?, client, machine, at: Instant::now() })
    }

    /// Who used the processor between two moments, in which so many messages came in.
    #[must_use]
    pub fn until(&self, later: &Self, messages: u64) -> Figures {
        let seconds = (later.at - self.at).as_secs_f64();
        let share = |nanos: u64| float(nanos) / 1e9 / seconds;
        let (server, client) = (later.server.since(&self.server), later.client.since(&self.client));
        let all = (later.machine.busy + later.machine.stolen) - (self.machine.busy + self.machine.stolen);
        Figures {
            seconds,
            cpu_us: float(server) / 1e3 / float(messages.max(1)),
            server_busy: share(server),
            client_busy: share(client),
            others_busy: share(all.saturating_sub(server + client)),
            ..Figures::default()
        }
    }
}

/// Above this share of a core, somebody else disturbs the measurement.
const NOISY: f64 = 0.08;

/// Above this share a side is at its limit.
const FULL: f64 = 0.95;

impl Figures {
    /// What somebody who reads the figures must know.
    #[must_use]
    pub fn warnings(&self, pace: Pace) -> Vec<String> {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let mut warnings = Vec::new();
        if self.others_busy > NOISY {
            warnings.push(format!("noisy: others used {} of a core", percent(self.others_busy)));
        }
        let closed = matches!(pace, Pace::Closed(_));
        if closed && self.client_busy > FULL && self.server_busy < FULL && self.server_busy > 0.0 {
            warnings.push(format!(
                "the client is the bottleneck ({} busy, the server {}): compare by processor time",
                percent(self.client_busy),
                percent(self.server_busy)
            ));
        }
        if let Pace::Open(rate) = pace
            && self.per_second < rate * 0.98
        {
            warnings
                .push(format!("the server did not keep up: {:.0} of {rate:.0} messages/s", self.per_second));
        }
        warnings
    }
}

/// A number as one with a point.
#[expect(clippy::cast_precision_loss, reason = "what is counted here is far below 2^52")]
#[must_use]
pub fn float(number: u64) -> f64 {
    number as f64
}

fn micros(nanos: u64) -> f64 {
    float(nanos) / 1e3
}
