//! What is measured of every server.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::connections::{Values, accept, furthest, idle_of};
use crate::load::engine::Pace;
use crate::load::measure::{Span, measure};
use crate::load::pairs::Load;
use crate::load::server::Source;

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Messages of 64 bytes, one in flight.
    K1,
    /// Messages of 64 bytes, sixteen in flight.
    K16,
    /// 20,000 messages of 64 bytes a second.
    Rate,
    /// Messages of 8 KiB, Baton's longest, four pairs, one in flight.
    Large,
    /// New connections.
    Accept,
    /// Idle connections.
    Idle,
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Pairs.
    pub pairs: usize,
    /// Connections.
    pub connections: usize,
    /// How long messages are measured.
    pub time: Duration,
}

/// Bytes of a large message: the longest that a chat takes.
const LARGE: usize = baton_protocol::limits::MAX_TEXT;

/// Pairs that send large messages.
const LARGE_PAIRS: usize = 4;

/// Messages a second, of all together.
const RATE: f64 = 20_000.0;

/// Before it counts, as a part of what counts.
const WARM_UP: f64 = 0.25;

/// A load as the command line has it by default.
#[derive(Parser)]
struct Usual {
    #[command(flatten)]
    load: Load,
}

impl Work {
    /// Its name on the command line and in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::K1 => "k1",
            Self::K16 => "k16",
            Self::Rate => "rate",
            Self::Large => "large",
            Self::Accept => "accept",
            Self::Idle => "idle",
        }
    }

    /// In words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::K1 => "64 bytes, 1 in flight",
            Self::K16 => "64 bytes, 16 in flight",
            Self::Rate => "64 bytes, 20,000 messages/s, open loop",
            Self::Large => "8 KiB, 4 pairs, 1 in flight",
            Self::Accept => "new connections, Baton with login",
            Self::Idle => "idle connections",
        }
    }

    /// The figures by which servers are compared, with whether more is better, and what they are in words.
    #[must_use]
    pub fn keys(self) -> &'static [(&'static str, bool, &'static str)] {
        const CPU: (&str, bool, &str) = ("cpu_us", false, "server CPU, µs each");
        const MANY: (&str, bool, &str) = ("per_second", true, "per second");
        match self {
            Self::K1 | Self::K16 => &[CPU, MANY, ("p99_us", false, "p99, µs")],
            Self::Rate => &[("p50_us", false, "p50, µs"), ("p99_us", false, "p99, µs"), CPU],
            Self::Large | Self::Accept => &[CPU, MANY],
            Self::Idle => {
                &[("bare_bytes", false, "bare, bytes"), ("session_bytes", false, "logged in, bytes")]
            }
        }
    }

    /// Whether this server can do it.
    #[must_use]
    pub fn suits(self, server: &str) -> bool {
        !(matches!(self, Self::Accept | Self::Idle) && server == "raw")
    }

    /// Starts the server, measures, stops it.
    ///
    /// # Errors
    /// When it does not start, or does not take the load.
    pub fn measure(self, source: &Source, server: &str, size: Size) -> Result<(Values, Vec<String>)> {
        let mut load = Usual::try_parse_from(["load"])?.load;
        load.pairs = size.pairs;
        let pace = match self {
            Self::K1 => Pace::Closed(1),
            Self::K16 => Pace::Closed(16),
            Self::Rate => Pace::Open(RATE),
            Self::Large => {
                (load.pairs, load.size) = (LARGE_PAIRS, LARGE);
                Pace::Closed(1)
            }
            Self::Accept | Self::Idle => return self.connections(source, server, size.connections),
        };
        let server = source.server(server, size.pairs)?;
        let span = Span { warm_up: size.time.mul_f64(WARM_UP), time: size.time, calls: false };
        let figures = measure(&server, &load, pace, span)?;
        let warnings = figures.warnings(pace);
        let values = serde_json::to_value(figures)?;
        let values = values.as_object().context("figures")?.iter();
        let values = values.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect();
        Ok((values, warnings))
    }

    fn connections(self, source: &Source, server: &str, connections: usize) -> Result<(Values, Vec<String>)> {
        if self == Self::Idle {
            return Ok((idle_of(source, server, connections)?, Vec::new()));
        }
        let server = source.server(server, 1)?;
        Ok((accept(&server, connections, furthest(&server))?, Vec::new()))
    }
}
