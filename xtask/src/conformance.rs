//! `cargo xtask conformance`: Autobahn's cases against the gateway's socket code (RFC 6455).
//!
//! The suite is kosoku (PyPI), which drives Autobahn's own case files. The gateway echoes for it: `baton echo`.
//! Compression is not offered, so its cases (12 and 13) are left out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{Short, demo, place, process, python};

/// The suite (PyPI).
const SUITE: &str = "kosoku==0.1.0";

/// What a case may come to. The others are failures.
const GOOD: [&str; 3] = ["OK", "NON-STRICT", "INFORMATIONAL"];

/// The verb.
pub fn verb() -> Result<()> {
    python::install()?;
    let python = python::interpreter()?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SUITE];
    process::run(Command::new(&python).args(pip))?;
    let report = place::cache()?.join("conformance");
    let _ = std::fs::remove_dir_all(&report);
    let mut echo = Echo::start(&demo::build()?)?;
    let address = echo.address()?;
    let mut suite = Command::new(python.with_file_name("kosoku"));
    suite.args(["-m", "fuzzingclient", "-p", "2", "-x", "12.*", "-x", "13.*", "-o"]).arg(&report);
    // It exits with 1 when a case has failed; which one the report says.
    suite.arg(address).status().context("cannot start kosoku")?;
    let (counts, failed) = read(&report)?;
    let cases: usize = counts.values().sum();
    for case in &failed {
        println!("failed: {case}");
    }
    println!("{}", json!({ "cases": cases, "results": counts, "failed": failed.len(), "report": report }));
    if failed.is_empty() && cases > 0 { Ok(()) } else { Err(Short.into()) }
}

/// `baton echo`, ended with the value.
struct Echo(Child);

impl Echo {
    fn start(baton: &Path) -> Result<Self> {
        let mut command = Command::new(baton);
        command.args(["echo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        Ok(Self(command.spawn().context("cannot start baton")?))
    }

    /// Where it listens: its first line says so.
    fn address(&mut self) -> Result<String> {
        let said = BufReader::new(self.0.stdout.take().context("no standard output")?).lines().next();
        let said = said.context("baton echo has ended")??;
        Ok(said.rsplit("ws://").next().unwrap_or_default().to_owned())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// How many cases came to what, and those that failed, with their closing handshakes.
fn read(report: &Path) -> Result<(BTreeMap<String, usize>, Vec<String>)> {
    let text = std::fs::read_to_string(report.join("index.json")).context("the suite left no report")?;
    results(&serde_json::from_str(&text)?)
}

fn results(index: &Value) -> Result<(BTreeMap<String, usize>, Vec<String>)> {
    let servers = index.as_object().context("the report says something else")?;
    let (mut counts, mut failed) = (BTreeMap::new(), Vec::new());
    for (case, result) in servers.values().filter_map(Value::as_object).flatten() {
        let word = |key: &str| result[key].as_str().unwrap_or("MISSING").to_owned();
        let (behavior, close) = (word("behavior"), word("behaviorClose"));
        if !GOOD.contains(&&*behavior) || !GOOD.contains(&&*close) {
            failed.push(format!("{case}: {behavior}, close {close}"));
        }
        *counts.entry(behavior).or_insert(0) += 1;
    }
    Ok((counts, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_fails_by_its_messages_or_by_its_close() {
        let index = json!({ "server": {
            "1.1.1": { "behavior": "OK", "behaviorClose": "OK" },
            "6.4.1": { "behavior": "NON-STRICT", "behaviorClose": "OK" },
            "7.1.1": { "behavior": "OK", "behaviorClose": "WRONG CODE" },
            "7.1.2": { "behavior": "FAILED", "behaviorClose": "OK" },
            "7.1.3": {},
        }});
        let (counts, failed) = results(&index).unwrap();
        assert_eq!(counts.values().sum::<usize>(), 5);
        assert_eq!(failed.len(), 3, "{failed:?}");
        assert!(results(&json!([])).is_err());
    }
}
