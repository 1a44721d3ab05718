//! Finds a compiler for wasm32, or makes one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{place, process};

const TARGET: &str = "wasm32-unknown-unknown";

/// How long rustup may try: without a server to ask, it would try for minutes.
const RUSTUP: Duration = Duration::from_secs(60);

/// The compiler to use instead of the usual one, or nothing when the usual one has the target.
pub fn find(cache: &Path) -> Result<Option<PathBuf>> {
    let mut rustc = Command::new("rustc");
    let sysroot =
        process::output(rustc.args(["--print", "sysroot"]).current_dir(place::root()).env_remove("RUSTC"))?;
    if has_target(Path::new(&sysroot)) {
        return Ok(None);
    }
    let folder = cache.join("wasm32");
    if complete(&folder) {
        return Ok(Some(folder.join("bin/rustc")));
    }
    let refusal = match ask_rustup() {
        Ok(()) if has_target(Path::new(&sysroot)) => return Ok(None),
        Ok(()) => "rustup added the target to another toolchain".to_owned(),
        Err(error) => error.to_string(),
    };
    make(&folder).with_context(|| {
        format!(
            "the Rust target {TARGET} is needed and cannot be had: {refusal}; `rustup target add {TARGET}`"
        )
    })?;
    Ok(Some(folder.join("bin/rustc")))
}

fn has_target(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let files = std::fs::read_dir(libraries).into_iter().flatten().flatten();
    files.map(|file| file.file_name()).any(|name| name.to_string_lossy().starts_with("libstd-"))
}

/// Whether the compiler that [`make`] made is whole, and its linker, which is the machine's own, still there.
fn complete(folder: &Path) -> bool {
    let linker = folder.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    folder.join(".complete").is_file()
        && linker.exists()
        && Command::new(folder.join("bin/rustc"))
            .arg("--version")
            .output()
            .is_ok_and(|run| run.status.success())
}

fn ask_rustup() -> Result<()> {
    println!("adding the target {TARGET}");
    process::limited(
        Command::new("rustup").args(["target", "add", TARGET]).current_dir(place::root()),
        RUSTUP,
    )
}

/// From Debian's packages, where rustup has no server to ask.
fn make(folder: &Path) -> Result<()> {
    if !Path::new("/etc/debian_version").is_file() {
        bail!("only on Debian can it be made from the system's packages");
    }
    println!("making a compiler for {TARGET} from Debian's packages, once (under a minute)");
    // A linker that has gone makes the rest look complete.
    let _ = std::fs::remove_file(folder.join(".complete"));
    let mut script = Command::new("bash");
    process::run(script.arg(place::root().join("xtask/build-wasm32-toolchain")).arg(folder))
}
