//! `cargo xtask build`, and what runs on what it builds: `demo`, `kill-loop`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::{browser, place, process, web};

/// What `kill-loop --sabotage` knows, see `gateway/src/sabotage.rs`.
const DEFECTS: [&str; 2] = ["early", "forgetful"];

/// The verb `build`.
pub fn build_verb() -> Result<()> {
    let start = Instant::now();
    let figures = web::build(&web::ALL, web::Effort::Small)?;
    process::run(process::cargo()?.args(["build", "--release", "-p", "baton-gateway"]))?;
    let baton = place::target()?.join("release/baton");
    println!("{}", json!({ "baton": baton, "web": figures, "seconds": web::rounded(start) }));
    Ok(())
}

/// Builds the gateway, and the tests' and demo's programs in the same go: apart, what they share is built twice.
/// Returns the path of `baton`.
pub fn build() -> Result<PathBuf> {
    process::run(process::cargo()?.args(["build", "-p", "baton-gateway", "-p", "baton-e2e"]))?;
    Ok(place::target()?.join("debug/baton"))
}

/// The verb `demo`.
pub fn demo(check: bool, overload: bool) -> Result<()> {
    if check {
        browser::install()?;
    }
    web::build(&web::ALL, web::Effort::Small)?;
    let baton = build()?;
    let mut demo = Command::new(baton.with_file_name("demo"));
    demo.env("BATON_BIN", &baton).args(check.then_some("--check")).args(overload.then_some("--overload"));
    become_it(&mut demo)
}

/// The verb `kill-loop`. No browser is needed, and no web files: what the gateway has of them will do. With
/// `--sabotage` the gateways have a deliberate defect, which the loop must find.
pub fn kill_loop(words: &[&str]) -> Result<()> {
    let mut baton = build()?;
    let mut kill_loop = Command::new(baton.with_file_name("kill-loop"));
    let mut defect = words.iter().skip_while(|word| **word != "--sabotage").skip(1);
    if let Some(defect) = defect.next() {
        anyhow::ensure!(DEFECTS.contains(defect), "--sabotage is one of {DEFECTS:?}");
        // In the same choice of packages: apart, what they share would be built once more.
        let packages = ["build", "-p", "baton-gateway", "-p", "baton-e2e"];
        let sabotaged = ["--features", "baton-gateway/sabotage", "--bin", "baton-sabotaged"];
        process::run(process::cargo()?.args(packages).args(sabotaged))?;
        baton.set_file_name("baton-sabotaged");
        kill_loop.env("BATON_SABOTAGE", defect);
    }
    kill_loop.env("BATON_BIN", &baton).env("RUST_LOG", "warn").args(words);
    become_it(&mut kill_loop)
}

/// The verb `queue-sim`. Its pictures go to the cache folder.
pub fn queue_sim(words: &[&str]) -> Result<()> {
    let pictures = place::cache()?.join("queue-sim");
    let mut cargo = process::cargo()?;
    // As it would run: what a decision costs is measured, too.
    cargo.args([
        "run",
        "--quiet",
        "--profile",
        "sim",
        "-p",
        "baton-bench",
        "--bin",
        "queue-sim",
        "--",
        "--out",
    ]);
    process::run(cargo.arg(pictures).args(words))
}

/// The demo takes this program's place: Ctrl-C and `kill` reach it and nobody else, and its exit is ours.
#[cfg(unix)]
fn become_it(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> Result<()> {
    process::run(command)
}
