//! `baton-bench compare`: several servers in one run, in turns.

mod report;
mod samples;
mod work;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::load::server::{Source, peer_names, raise_limit};
use crate::progress;
use samples::{Sample, Samples};
use work::Work;

/// Several servers in one run, in turns, and their ratios to one of them.
///
/// Each repeat measures every server on every work, each with a fresh process; the order is reversed from one repeat to
/// the next, so that a machine that becomes slower is no one's disadvantage. A ratio is taken within a repeat, and told
/// with its spread over the repeats: where the spreads overlap, there is no difference to speak of.
///
/// A run may be done in slices: with --append its samples are kept in a file, what is in there is not measured again,
/// and --stop-after ends a slice. A server that cannot be started is reported and left out.
#[derive(Debug, Args)]
pub struct Compare {
    /// Which servers, as for `relay`. Without any: the gateway, with either store, and every peer in --peers.
    servers: Vec<String>,
    /// The server that the others are compared with.
    #[arg(long, default_value = "uws", value_name = "SERVER")]
    to: String,
    /// What is measured.
    #[arg(long, value_delimiter = ',', default_value = "k1,k16,rate,large,accept,idle")]
    work: Vec<Work>,
    /// How often.
    #[arg(long, default_value_t = 3)]
    repeats: u32,
    /// Seconds of each measurement of messages.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Pairs in each measurement of messages.
    #[arg(long, default_value_t = 100)]
    pairs: usize,
    /// Connections in each measurement of connections.
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    /// Measure again, so often at most, when somebody else used the processor.
    #[arg(long, default_value_t = 1)]
    retries: u32,
    /// The file with samples: what it has is kept, what it lacks is measured.
    #[arg(long, value_name = "FILE")]
    append: Option<PathBuf>,
    /// Begin no further measurement after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    stop_after: Option<f64>,
    /// A report for a browser, with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

impl Compare {
    /// Measures what is lacking, prints tables, and a last line of JSON.
    ///
    /// # Errors
    /// When nothing could be measured, or a file cannot be read or written.
    pub fn run(&self) -> Result<()> {
        raise_limit(u64::try_from(self.connections)? + 1_000)?;
        ensure!(self.repeats > 0, "nothing is measured no times");
        let mut samples = match &self.append {
            Some(file) => Samples::open(file)?,
            None => Samples::default(),
        };
        self.measure(&mut samples)?;
        let summary = samples.summary(&self.to, &self.work);
        print!("{}", report::table(&summary));
        for trouble in &samples.troubles {
            println!("left out: {trouble}");
        }
        if let Some(file) = &self.html {
            std::fs::write(file, report::html(&summary, &samples)?)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        if samples.samples.is_empty() {
            bail!("nothing could be measured");
        }
        println!("{}", report::json(&summary, &self.to));
        Ok(())
    }

    fn measure(&self, samples: &mut Samples) -> Result<()> {
        let start = Instant::now();
        let limit = self.stop_after.map(Duration::from_secs_f64);
        let cells = self.cells()?;
        let bar = progress::bar("compare", cells.len() as u64);
        for (work, server, repeat) in cells {
            bar.inc(1);
            if samples.has(work, &server, repeat) || samples.is_out(work, &server) {
                continue;
            }
            if limit.is_some_and(|limit| start.elapsed() > limit) {
                break;
            }
            bar.set_message(format!("{server} {}", work.name()));
            match self.cell(work, &server, repeat) {
                Ok(sample) => samples.push(sample),
                Err(error) => samples.troubles.push(format!("{server}, {}: {error:#}", work.name())),
            }
            if let Some(file) = &self.append {
                samples.write(file)?;
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Everything that is to be measured, in its order.
    fn cells(&self) -> Result<Vec<(Work, String, u32)>> {
        let mut servers = self.servers.clone();
        if servers.is_empty() {
            servers = vec!["baton-memory".into(), "baton-sqlite".into()];
            servers.extend(self.source.peers.as_deref().map(peer_names).transpose()?.unwrap_or_default());
        }
        let mut cells = Vec::new();
        for repeat in 0..self.repeats {
            for work in &self.work {
                let mut turn: Vec<_> = servers.iter().filter(|server| work.suits(server)).cloned().collect();
                if repeat % 2 == 1 {
                    turn.reverse();
                }
                cells.extend(turn.into_iter().map(|server| (*work, server, repeat)));
            }
        }
        Ok(cells)
    }

    fn cell(&self, work: Work, server: &str, repeat: u32) -> Result<Sample> {
        let size = work::Size {
            pairs: self.pairs,
            connections: self.connections,
            time: Duration::from_secs_f64(self.seconds),
        };
        let mut tries = 0;
        loop {
            let (values, warnings) = work.measure(&self.source, server, size)?;
            let noisy = warnings.iter().any(|warning| warning.starts_with("noisy"));
            if noisy && tries < self.retries {
                tries += 1;
                continue;
            }
            return Ok(Sample { work, server: server.into(), repeat, values, warnings });
        }
    }
}
