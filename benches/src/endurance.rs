//! `baton-bench growth` and `baton-bench soak`: what becomes of a server with many sessions, and with time.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::load::engine::{Engine, Pace};
use crate::load::measure::{Now, Span, float, measure};
use crate::load::pairs::{Crowd, Load};
use crate::load::server::{Source, raise_limit};
use crate::progress;

/// The same number of messages a second from more and more sessions: what does each message cost?
///
/// A message of one out of thousands finds nothing in the processor's caches, and every list that is searched is longer.
/// Each step starts the server anew, if it is one that is started here.
#[derive(Debug, Args)]
pub struct Growth {
    /// Which server, as for `relay`.
    server: String,
    /// Sessions in each step, customers and agents together.
    #[arg(long, value_delimiter = ',', default_value = "100,300,1000,3000,9000")]
    sessions: Vec<usize>,
    /// Agents of Baton that share the chats.
    #[arg(long, default_value_t = 50)]
    shared_by: usize,
    /// Messages a second, of all connections together.
    #[arg(long, default_value_t = 10_000.0)]
    rate: f64,
    /// Seconds that each step is measured.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    source: Source,
}

/// A load for a long time: does the server's memory stay as it is?
///
/// Memory is looked at twice a second. What is told is the slope of the line that fits the later half best, with its
/// standard error: a slope that is within twice its error of nothing is none.
#[derive(Debug, Args)]
pub struct Soak {
    /// Which server, as for `relay`.
    server: String,
    /// Messages a second, of all connections together.
    #[arg(long, default_value_t = 20_000.0)]
    rate: f64,
    /// How long.
    #[arg(long, default_value_t = 300.0)]
    seconds: f64,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    source: Source,
}

impl Growth {
    /// Measures and prints.
    ///
    /// # Errors
    /// When the server does not start, or does not take the load.
    pub fn run(&self) -> Result<()> {
        raise_limit(u64::try_from(self.sessions.iter().copied().max().unwrap_or(0))? + 1_000)?;
        let mut steps = Vec::new();
        for sessions in &self.sessions {
            let mut load = self.load.clone();
            let baton = self.server.starts_with("baton");
            let agents = if baton { self.shared_by.min(sessions / 2).max(1) } else { sessions / 2 };
            load.pairs = sessions.saturating_sub(agents).max(1);
            load.chat_agents = Some(agents);
            let server = self.source.server(&self.server, load.agents())?;
            let span = Span {
                warm_up: Duration::from_secs(1),
                time: Duration::from_secs_f64(self.seconds),
                calls: false,
            };
            let figures = measure(&server, &load, Pace::Open(self.rate), span)?;
            println!("{sessions:>6} sessions  {}", crate::relay::row(&server.name, &figures));
            for warning in figures.warnings(Pace::Open(self.rate)) {
                println!("  {warning}");
            }
            steps.push(json!({ "sessions": sessions, "cpu_us": figures.cpu_us, "p99_us": figures.p99_us, "memory": figures.memory }));
        }
        let cpu = |step: Option<&serde_json::Value>| step.and_then(|step| step["cpu_us"].as_f64());
        let grows = cpu(steps.last()).zip(cpu(steps.first())).map(|(last, first)| last / first);
        println!(
            "{}",
            json!({ "server": self.server, "rate": self.rate, "cpu_growth": grows, "steps": steps })
        );
        Ok(())
    }
}

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);

impl Soak {
    /// Measures and prints.
    ///
    /// # Errors
    /// When the server does not start, or does not take the load.
    pub fn run(&self) -> Result<()> {
        raise_limit(1_024)?;
        let server = self.source.server(&self.server, self.load.agents())?;
        let crowd = Crowd::gather(&server, &self.load)?;
        let mut engine = Engine::new(crowd.connections, crowd.lanes, Pace::Open(self.rate))?;
        engine.begin()?;
        let (start, before) = (Instant::now(), Now::look(&server)?);
        let mut looks = Vec::new();
        let bar = progress::bar("soak", Duration::from_secs_f64(self.seconds).as_secs());
        while start.elapsed().as_secs_f64() < self.seconds {
            engine.run(LOOK)?;
            looks.push((start.elapsed().as_secs_f64(), float(server.memory()?)));
            bar.set_position(start.elapsed().as_secs());
        }
        bar.finish_and_clear();
        let messages = engine.counted().messages;
        let figures = before.until(&Now::look(&server)?, messages);
        let (slope, error) = slope(&looks[looks.len() / 2..]);
        let flat = slope.abs() <= 2.0 * error;
        println!(
            "{}: {messages} messages in {:.0} s; memory {:.1} MB at first, {:.1} MB at the end; slope of the later half {:.0} \
             bytes/s, standard error {:.0}: {}",
            server.name,
            figures.seconds,
            looks.first().map_or(0.0, |look| look.1 / 1e6),
            looks.last().map_or(0.0, |look| look.1 / 1e6),
            slope,
            error,
            if flat { "flat" } else { "not flat" },
        );
        let each = slope * figures.seconds / float(messages.max(1));
        println!(
            "{}",
            json!({ "server": server.name, "messages": messages, "seconds": figures.seconds, "slope_bytes_per_s": slope,
                "slope_error": error, "bytes_per_message": each, "flat": flat, "memory": looks.last().map(|look| look.1) })
        );
        Ok(())
    }
}

/// The slope of the line that fits best (least squares), and its standard error.
fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let count = float(points.len() as u64);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count.max(1.0);
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if points.len() < 3 || spread == 0.0 {
        return (0.0, f64::INFINITY);
    }
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
    let off: f64 = points.iter().map(|point| (point.1 - y - slope * (point.0 - x)).powi(2)).sum();
    (slope, (off / (count - 2.0) / spread).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_found_under_noise() {
        let noise = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
        let points: Vec<(f64, f64)> = noise
            .iter()
            .zip(0_u32..)
            .map(|(noise, at)| (f64::from(at), 3.0 * f64::from(at) + noise))
            .collect();
        let (found, error) = slope(&points);
        assert!((found - 3.0).abs() < 2.0 * error && error < 0.5, "{found} {error}");
        let flat: Vec<(f64, f64)> = points.iter().zip(noise).map(|((x, _), noise)| (*x, noise)).collect();
        let (found, error) = slope(&flat);
        assert!(found.abs() <= 2.0 * error);
    }
}
