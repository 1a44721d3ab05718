//! What was measured, and what it comes to.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::work::Work;
use crate::connections::Values;

/// One measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Of what.
    pub work: Work,
    /// Of whom.
    pub server: String,
    /// Which repeat.
    pub repeat: u32,
    /// The figures.
    pub values: Values,
    /// How far they can be believed.
    pub warnings: Vec<String>,
}

/// All of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Samples {
    /// What was measured.
    pub samples: Vec<Sample>,
    /// What could not be.
    #[serde(skip)]
    pub troubles: Vec<String>,
}

/// The middle of some numbers, with the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// The middle one; of an even number of them, the upper one of the two.
    pub median: f64,
    /// The greatest.
    pub most: f64,
}

impl Spread {
    /// Of some numbers; nothing of none.
    #[must_use]
    pub fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let median = *numbers.get(numbers.len() / 2)?;
        Some(Self { least: *numbers.first()?, median, most: *numbers.last()? })
    }
}

/// One figure of one server on one work.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The work.
    pub work: Work,
    /// The figure.
    pub key: &'static str,
    /// What it is in words.
    pub title: &'static str,
    /// Whether more is better.
    pub more: bool,
    /// The server.
    pub server: String,
    /// Over the repeats.
    pub value: Spread,
    /// To the other server's, within each repeat.
    pub ratio: Option<Spread>,
    /// Repeats with a warning.
    pub warned: usize,
}

impl Samples {
    /// What a file has; nothing where there is none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(file: &Path) -> Result<Self> {
        if !file.exists() {
            return Ok(Self::default());
        }
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} has no samples in it", file.display()))
    }

    /// Writes them, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        let fresh = file.with_extension("new");
        std::fs::write(&fresh, serde_json::to_string_pretty(self)?)?;
        std::fs::rename(&fresh, file).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Whether that was measured.
    #[must_use]
    pub fn has(&self, work: Work, server: &str, repeat: u32) -> bool {
        let is = |sample: &Sample| sample.work == work && sample.server == server && sample.repeat == repeat;
        self.samples.iter().any(is)
    }

    /// Whether it was tried in vain: it would fail again.
    #[must_use]
    pub fn is_out(&self, work: Work, server: &str) -> bool {
        let start = format!("{server}, {}: ", work.name());
        self.troubles.iter().any(|trouble| trouble.starts_with(&start))
    }

    /// One more.
    pub fn push(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// What they come to, in ratios to this server.
    #[must_use]
    pub fn summary(&self, to: &str, works: &[Work]) -> Vec<Line> {
        let mut lines = Vec::new();
        for work in works {
            let of: Vec<&Sample> = self.samples.iter().filter(|sample| sample.work == *work).collect();
            let mut servers: Vec<&str> = of.iter().map(|sample| sample.server.as_str()).collect();
            servers.sort_unstable();
            servers.dedup();
            for (key, more, title) in work.keys() {
                for server in &servers {
                    let own: Vec<&Sample> =
                        of.iter().copied().filter(|sample| sample.server == *server).collect();
                    let value = |sample: &Sample| sample.values.get(*key).copied();
                    let Some(spread) = Spread::of(own.iter().filter_map(|sample| value(sample)).collect())
                    else {
                        continue;
                    };
                    let ratio = |sample: &&Sample| {
                        let other =
                            of.iter().find(|other| other.server == to && other.repeat == sample.repeat)?;
                        let (own, other) = (value(sample)?, value(other)?);
                        (other > 0.0).then(|| own / other)
                    };
                    lines.push(Line {
                        work: *work,
                        key,
                        title,
                        more: *more,
                        server: (*server).into(),
                        value: spread,
                        ratio: Spread::of(own.iter().filter_map(ratio).collect()),
                        warned: own.iter().filter(|sample| !sample.warnings.is_empty()).count(),
                    });
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(server: &str, repeat: u32, cpu: f64) -> Sample {
        let values = Values::from([("cpu_us".into(), cpu)]);
        Sample { work: Work::K1, server: server.into(), repeat, values, warnings: Vec::new() }
    }

    #[test]
    fn a_ratio_is_taken_within_a_repeat() {
        // The machine was twice as slow in the second repeat, which is nobody's fault.
        let list = [("a", 0, 1.0), ("b", 0, 2.0), ("b", 1, 4.2), ("a", 1, 2.0), ("b", 2, 3.0)];
        let samples = list.map(|(server, repeat, cpu)| sample(server, repeat, cpu)).into();
        let samples = Samples { samples, troubles: Vec::new() };
        assert!(samples.has(Work::K1, "b", 2) && !samples.has(Work::K1, "a", 2));
        let summary = samples.summary("a", &[Work::K1]);
        let line = summary.iter().find(|line| line.server == "b").unwrap();
        assert_eq!(line.value, Spread { least: 2.0, median: 3.0, most: 4.2 });
        assert_eq!(line.ratio, Some(Spread { least: 2.0, median: 2.1, most: 2.1 }));
    }

    #[test]
    fn samples_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("samples.json");
        let mut samples = Samples::open(&file).unwrap();
        samples.push(sample("a", 0, 1.5));
        samples.write(&file).unwrap();
        assert!(Samples::open(&file).unwrap().has(Work::K1, "a", 0));
    }
}
