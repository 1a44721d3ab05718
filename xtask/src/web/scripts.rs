//! Our own scripts made small, by terser from npm. Without it they work as well and are a third larger.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{place, process};

/// The version: a new one changes the files, and with them the hashes that websites have noted.
const TERSER: &str = "5.51.4";

/// Makes a script small, unless there is nothing here to do it with. Scripts under `import` are modules.
pub fn small(cache: &Path, source: &[u8]) -> Result<Vec<u8>> {
    let Some(program) = terser(cache) else { return Ok(source.into()) };
    let mut node = Command::new("node");
    node.arg(program).args(["--compress", "--mangle"]);
    let text = String::from_utf8_lossy(source);
    if text.lines().any(|line| line.starts_with("import ") || line.starts_with("export ")) {
        node.arg("--module");
    }
    let mut child =
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("node does not start")?;
    child.stdin.take().context("node takes nothing")?.write_all(source)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success() && !output.stdout.is_empty(), "terser has failed on a script");
    Ok(output.stdout)
}

fn terser(cache: &Path) -> Option<PathBuf> {
    let folder = cache.join("terser");
    let program = folder.join("node_modules/terser/bin/terser");
    let mark = folder.join(TERSER);
    if place::program("npm").is_none() || place::program("node").is_none() {
        return None;
    }
    if mark.is_file() && program.is_file() {
        return Some(program);
    }
    println!("fetching terser {TERSER} from npm, once");
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&folder);
    npm.arg(format!("terser@{TERSER}")).current_dir(cache);
    let done = fs::create_dir_all(&folder)
        .map_err(Into::into)
        .and_then(|()| process::limited(&mut npm, Duration::from_secs(120)))
        .and_then(|()| Ok(fs::write(&mark, "")?));
    match done {
        Ok(()) => Some(program),
        Err(error) => {
            println!("terser cannot be had, the scripts stay larger: {error:#}");
            None
        }
    }
}
