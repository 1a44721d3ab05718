//! The test programs, built by cargo and started from here.
//!
//! Cargo compiles a dependency again for every choice of packages that wants other features of it. So everything
//! is built in few calls whose choices stay the same, and what runs when is decided afterwards.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Counts;
use crate::{place, process, python};

/// The packages, in the choices in which they are built. A crate that is new falls among the first.
pub const CHOICES: [&[&str]; 3] = [
    // The gateway and all around it: `demo` builds a part of this, with the same dependencies.
    &["--workspace", "--exclude=baton-miniapp", "--exclude=baton-console", "--exclude=xtask"],
    // The crates for browsers, compiled for this machine: what they know without a browser is tested here.
    &["--package=baton-miniapp", "--package=baton-console"],
    // This program.
    &["--package=xtask"],
];

/// A built program full of tests.
pub struct Program {
    folder: PathBuf,
    file: PathBuf,
    /// `gateway tests/store.rs`, as a person says it.
    name: String,
}

/// Builds all test programs, and the programs that they start, `baton` first of all.
pub fn build() -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for choice in CHOICES {
        let mut cargo = process::cargo()?;
        cargo.args(["build", "--bins", "--tests", "--message-format=json-render-diagnostics"]).args(choice);
        let messages = process::output(&mut cargo)?;
        programs.extend(messages.lines().filter_map(|line| program(&serde_json::from_str(line).ok()?)));
    }
    // What a later crate builds on comes first: its failure explains the others.
    programs.sort_by_key(|program| (rank(&program.folder), program.name.clone()));
    Ok(programs)
}

/// The program of which a message of cargo's tells.
fn program(message: &Value) -> Option<Program> {
    let file = message["executable"].as_str()?.into();
    if message["profile"]["test"] != true {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let source = Path::new(message["target"]["src_path"].as_str()?).strip_prefix(&folder).ok()?.to_owned();
    let name = format!("{} {}", folder.file_name()?.display(), source.display());
    Some(Program { folder, file, name })
}

fn rank(folder: &Path) -> usize {
    let order = ["protocol", "core", "sim", "gateway"];
    order.iter().position(|name| folder.ends_with(name)).unwrap_or(order.len())
}

impl Program {
    /// Whether its tests drive a browser, or start programs in Python.
    pub fn needs_browser(&self) -> bool {
        self.folder.ends_with("e2e")
    }

    /// Runs its tests as `cargo test` would, showing what they say.
    pub fn run(&self, counts: &mut Counts) -> Result<()> {
        println!("\n   {}", self.name);
        // As on cargo's own call, without the words that only cargo reads.
        let cargo = process::cargo()?;
        let mut command = Command::new(&self.file);
        for (name, value) in cargo.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command.env("BATON_BIN", place::target()?.join("debug/baton"));
        command.env("BATON_PYTHON", python::interpreter()?);
        run(&mut command, counts).with_context(|| self.name.clone())
    }
}

/// Runs the examples in the documentation; only crates that have a library can have any.
pub fn documentation(counts: &mut Counts) -> Result<()> {
    run(process::cargo()?.args(["test", "--doc", "--no-fail-fast"]).args(CHOICES[0]), counts)
}

fn run(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    // Tests may print what is no text, such as a child's half line.
    for line in BufReader::new(child.stdout.take().context("no standard output")?).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.read(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the tests failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn programs_are_found_among_the_messages() {
        let message = |test: bool, executable: Value| {
            json!({
                "reason": "compiler-artifact", "manifest_path": "/w/gateway/Cargo.toml", "executable": executable,
                "target": { "src_path": "/w/gateway/tests/store.rs" }, "profile": { "test": test },
            })
        };
        let found = program(&message(true, json!("/t/store-1"))).unwrap();
        assert_eq!((found.name.as_str(), found.needs_browser()), ("gateway tests/store.rs", false));
        assert!(program(&message(false, json!("/t/baton"))).is_none());
        assert!(program(&message(true, Value::Null)).is_none());
        assert!(program(&json!({ "reason": "build-finished", "success": true })).is_none());
    }
}
