//! Programs in Python: the examples, run as their readers would run them, and what tests start beside them.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::LIMIT;

/// A running program; it ends when this is dropped.
pub struct Program {
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Program {
    /// Starts a program of `examples/`, with these arguments and variables.
    ///
    /// # Errors
    /// When there is no Python.
    pub fn start(script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(script);
        Self::run(file.as_os_str(), arguments, variables, Stdio::inherit())
    }

    /// Starts a module that `e2e/requirements.txt` brings, and does not listen to it.
    ///
    /// # Errors
    /// When there is no Python.
    pub fn module(name: &str, arguments: &[&str]) -> Result<Self> {
        Self::run(format!("-m{name}").as_ref(), arguments, &[], Stdio::null())
    }

    fn run(program: &OsStr, arguments: &[&str], variables: &[(&str, &str)], errors: Stdio) -> Result<Self> {
        let python = std::env::var_os("BATON_PYTHON").unwrap_or_else(|| "python3".into());
        let mut child = Command::new(&python)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg("-u")
            .arg(program)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .context("no Python: `cargo xtask test` sets one up")?;
        let lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        Ok(Self { lines, child })
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// An address on this machine that nobody uses now, for a program that serves.
    ///
    /// # Errors
    /// When there is none.
    pub fn free_address() -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", crate::company::free(0)?))
    }

    /// The rest of the next line that it prints with this beginning.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn prints(&mut self, beginning: &str) -> Result<String> {
        let search = async {
            while let Some(line) = self.lines.next_line().await? {
                if let Some(rest) = line.strip_prefix(beginning) {
                    return Ok(rest.trim().to_owned());
                }
            }
            anyhow::bail!(
                "it ended without printing {beginning:?}: what `cargo xtask test` installs is missing?"
            )
        };
        tokio::time::timeout(LIMIT, search).await.with_context(|| format!("waited for {beginning:?}"))?
    }
}
