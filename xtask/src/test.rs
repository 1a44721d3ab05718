//! `cargo xtask test`: everything that is checked, in phases; all of them run, whatever fails before.

mod programs;

use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::{Map, json};

use crate::{Short, browser, conventions, place, process, python, size, web};

/// The tests that ran.
#[derive(Default)]
pub struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Adds the figures of a line like `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
    fn read(&mut self, line: &str) {
        let Some((_, figures)) =
            line.trim().strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for figure in figures.split("; ") {
            match figure
                .trim()
                .split_once(' ')
                .and_then(|(number, word)| Some((number.parse::<u64>().ok()?, word)))
            {
                Some((number, "passed")) => self.passed += number,
                Some((number, "failed")) => self.failed += number,
                Some((number, "ignored")) => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[derive(Default)]
struct Tally {
    counts: Counts,
    seconds: Map<String, serde_json::Value>,
    troubles: Vec<String>,
}

impl Tally {
    /// Runs a phase; one that fails counts at least as one failure.
    fn phase<T>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        println!("\n== {name}");
        let (start, failed) = (Instant::now(), self.counts.failed);
        let done = work(self);
        self.seconds.insert(name.into(), json!(web::rounded(start)));
        done.map_err(|error| {
            eprintln!("{name}: {error:#}");
            self.troubles.push(format!("{name}: {error:#}"));
            self.counts.failed += u64::from(self.counts.failed == failed);
        })
        .ok()
    }

    /// Runs test programs one after the other, each to its end.
    fn run(&mut self, programs: &[&programs::Program]) -> Result<()> {
        let mut failures = Vec::new();
        for program in programs {
            let failed = self.counts.failed;
            if let Err(error) = program.run(&mut self.counts) {
                // One that crashed has no line with its figures.
                self.counts.failed += u64::from(self.counts.failed == failed);
                failures.push(format!("{error:#}"));
            }
        }
        if failures.is_empty() { Ok(()) } else { bail!(failures.join("; ")) }
    }
}

/// The verb.
pub fn verb(fast: bool) -> Result<()> {
    let start = Instant::now();
    let mut tally = Tally::default();
    let browser = fast || tally.phase("browser", |_| browser::install()).is_some();
    let browser = browser && (fast || tally.phase("axe", |_| browser::install_axe()).is_some());
    if !fast {
        tally.phase("python", |_| python::install());
    }
    let web = tally.phase("web", |_| {
        let figures = web::build(&web::ALL, web::Effort::Small)?;
        println!("{figures}");
        Ok(())
    });
    if web.is_some() && web::optimizes()? {
        tally.phase("size", |_| size::check());
    }
    tally.phase("fmt", |_| process::run(process::cargo()?.args(["fmt", "--all", "--check"])));
    tally.phase("conventions", |_| conventions::verb());
    if place::program("cargo-deny").is_some() {
        tally.phase("deny", |_| process::run(process::cargo()?.args(["deny", "check"])));
    }
    tally.phase("clippy", |_| {
        programs::CHOICES.iter().try_for_each(|choice| {
            let mut cargo = process::cargo()?;
            process::run(cargo.arg("clippy").args(*choice).args(["--all-targets", "--", "-D", "warnings"]))
        })
    });
    if let Some(programs) = tally.phase("build", |_| programs::build()) {
        let (browsers, others): (Vec<_>, Vec<_>) =
            programs.iter().partition(|program| program.needs_browser());
        tally.phase("tests", |tally| tally.run(&others));
        tally.phase("examples", |tally| programs::documentation(&mut tally.counts));
        if !fast && browser && web.is_some() {
            tally.phase("e2e", |tally| tally.run(&browsers));
        }
    }
    tally.seconds.insert("all".into(), json!(web::rounded(start)));
    println!();
    for trouble in &tally.troubles {
        println!("{trouble}");
    }
    let Tally { counts: Counts { passed, failed, ignored }, seconds, .. } = tally;
    println!("{passed} passed, {failed} failed");
    println!("{}", json!({ "passed": passed, "failed": failed, "ignored": ignored, "seconds": seconds }));
    if failed > 0 {
        return Err(Short.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let mut counts = Counts::default();
        counts.read("test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 5 filtered out; finished in 0.1s");
        counts.read("test a_test ... ok");
        counts.read(
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        assert_eq!((counts.passed, counts.failed, counts.ignored), (13, 3, 1));
    }

    #[test]
    fn a_phase_that_fails_without_tests_counts_as_one() {
        let mut tally = Tally::default();
        assert!(tally.phase("a", |_| -> Result<()> { bail!("no") }).is_none());
        let two = tally.phase("b", |tally| -> Result<()> {
            tally.counts.failed += 2;
            bail!("two tests")
        });
        assert!(two.is_none());
        assert!(tally.phase("c", |_| Ok(())).is_some());
        assert_eq!((tally.counts.passed, tally.counts.failed, tally.seconds.len()), (0, 3, 3));
    }
}
