//! `cargo xtask test`: everything that is checked, in phases; all of them run, whatever fails before.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Map, json};

use crate::{Short, browser, conventions, demo, place, process, web};

/// The crates for browsers are compiled, and so checked, by `web`.
const NATIVE: [&str; 5] = ["--workspace", "--exclude", "baton-miniapp", "--exclude", "baton-console"];

/// The crates whose tests need no browser, by folder; those that are not there are left out. Of the console it is
/// the state model, which knows no browser.
const CRATES: [(&str, &str); 7] = [
    ("protocol", "baton-protocol"),
    ("core", "baton-core"),
    ("sim", "baton-sim"),
    ("gateway", "baton-gateway"),
    ("agent-console", "baton-console"),
    ("benches", "baton-bench"),
    ("xtask", "xtask"),
];

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    seconds: Map<String, serde_json::Value>,
    troubles: Vec<String>,
}

impl Tally {
    /// Runs a phase, in which a failure may be of tests that were counted, or else counts as one.
    fn phase(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Result<()>) -> bool {
        println!("\n== {name}");
        let (start, failed) = (Instant::now(), self.failed);
        let done = work(self);
        self.seconds.insert(name.into(), json!(web::rounded(start)));
        if let Err(error) = &done {
            eprintln!("{name}: {error:#}");
            self.troubles.push(format!("{name}: {error:#}"));
            self.failed += u64::from(self.failed == failed);
        }
        done.is_ok()
    }

    /// Runs `cargo test`, shows what it prints, and counts.
    fn cargo_test(&mut self, command: &mut Command) -> Result<()> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
        let lines = BufReader::new(child.stdout.take().context("no standard output")?);
        for line in lines.lines() {
            let line = line?;
            println!("{line}");
            if let Some((passed, failed)) = counts(&line) {
                self.passed += passed;
                self.failed += failed;
            }
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("`cargo test` failed ({status})");
        }
        Ok(())
    }
}

/// The verb.
pub fn verb(fast: bool) -> Result<()> {
    let start = Instant::now();
    let mut tally = Tally::default();
    let browser = fast || tally.phase("browser", |_| browser::install());
    let web = tally
        .phase("web", |_| web::build(&web::ALL, web::Effort::Small).map(|figures| println!("{figures}")));
    tally.phase("fmt", |_| process::run(process::cargo()?.args(["fmt", "--all", "--check"])));
    tally.phase("clippy", |_| {
        let mut cargo = process::cargo()?;
        process::run(cargo.arg("clippy").args(NATIVE).args(["--all-targets", "--", "-D", "warnings"]))
    });
    tally.phase("conventions", |_| conventions::verb());
    let mut baton = None;
    tally.phase("build", |_| {
        baton = Some(demo::build()?);
        Ok(())
    });
    tally.phase("tests", |tally| {
        let mut cargo = process::cargo()?;
        cargo.args(["test", "--no-fail-fast"]);
        for (_, name) in
            CRATES.iter().filter(|(folder, _)| place::root().join(folder).join("Cargo.toml").is_file())
        {
            cargo.args(["-p", name]);
        }
        tally.cargo_test(&mut cargo)
    });
    if let Some(baton) = baton.filter(|_| !fast && browser && web) {
        tally.phase("e2e", |tally| {
            let mut cargo = process::cargo()?;
            cargo.args(["test", "--no-fail-fast", "-p", "baton-e2e"]);
            tally.cargo_test(cargo.env("BATON_BIN", baton))
        });
    }
    tally.seconds.insert("all".into(), json!(web::rounded(start)));
    println!();
    for trouble in &tally.troubles {
        println!("{trouble}");
    }
    let Tally { passed, failed, seconds, .. } = tally;
    println!("{passed} passed, {failed} failed");
    println!("{}", json!({ "passed": passed, "failed": failed, "seconds": seconds }));
    if failed > 0 {
        return Err(Short.into());
    }
    Ok(())
}

/// Passed and failed of a line like `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
fn counts(line: &str) -> Option<(u64, u64)> {
    let (_, rest) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let number = |word: &str| {
        let part = rest.split("; ").find_map(|part| part.trim().strip_suffix(word))?;
        part.trim().parse().ok()
    };
    Some((number("passed")?, number("failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("test a_test ... ok"), None);
    }

    #[test]
    fn a_phase_that_fails_without_tests_counts_as_one() {
        let mut tally = Tally::default();
        assert!(!tally.phase("a", |_| bail!("no")));
        assert!(!tally.phase("b", |tally| {
            tally.failed += 2;
            bail!("two tests")
        }));
        assert!(tally.phase("c", |_| Ok(())));
        assert_eq!((tally.passed, tally.failed, tally.seconds.len()), (0, 3, 3));
    }
}
