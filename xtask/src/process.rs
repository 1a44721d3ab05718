//! Starting other programs.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::place;

/// Cargo, for a native build.
///
/// `BATON_WEB_DIR` goes to every call alike: a call without it would build the gateway again.
pub fn cargo() -> Result<Command> {
    let mut command = bare_cargo();
    command.env("CARGO_TARGET_DIR", place::target()?);
    command.env("BATON_CACHE", place::cache()?);
    let web = place::cache()?.join("web");
    if web.is_dir() {
        command.env("BATON_WEB_DIR", web);
    }
    Ok(command)
}

/// Cargo as it is, in the checkout.
pub fn bare_cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(place::root());
    // What cargo told this program about itself is not true of what it starts.
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("CARGO_PKG_") || known.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end, its output shown.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed ({})", shown(command), output.status);
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Runs a command quietly, and ends it when it takes longer than the limit; an error has what it complained of.
pub fn limited(command: &mut Command, limit: Duration) -> Result<()> {
    let name = shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let errors = child.stderr.take().context("no standard error")?;
    // Read beside the waiting, so that a full pipe does not stop the program.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = std::io::BufReader::new(errors).read_to_string(&mut text);
        text
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            // The reader is left behind: a grandchild may hold the pipe open for longer.
            child.kill()?;
            child.wait()?;
            bail!("{name} took longer than {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        let text = reader.join().unwrap_or_default();
        bail!("{name} failed: {}", text.lines().last().unwrap_or("it does not say why"));
    }
    Ok(())
}

/// A command as a person would type it, without the folders of the program.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let arguments = command.get_args().map(|argument| format!(" {}", argument.to_string_lossy()));
    format!("`{program}{}`", arguments.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended() {
        let start = Instant::now();
        let error = limited(Command::new("sleep").arg("60"), Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().contains("took longer"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_failure_has_its_reason() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo first >&2; echo the reason >&2; exit 3"]);
        let error = limited(&mut command, Duration::from_secs(20)).unwrap_err();
        assert!(error.to_string().ends_with("failed: the reason"), "{error}");
    }
}
