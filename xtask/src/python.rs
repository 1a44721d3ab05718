//! Python, with what examples and tests need, in an environment of its own in the cache folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{browser, place, process};

/// The environment's interpreter.
pub fn interpreter() -> Result<PathBuf> {
    Ok(place::cache()?.join("python/bin/python"))
}

/// What names what is needed.
const FILES: [&str; 2] = ["examples/requirements.txt", "e2e/requirements.txt"];

/// Makes sure that the environment is there, with what [`FILES`] name.
pub fn install() -> Result<()> {
    let (folder, interpreter) = (place::cache()?.join("python"), interpreter()?);
    let read = |file: &str| std::fs::read_to_string(place::root().join(file)).context(file.to_owned());
    let wanted = FILES.into_iter().map(read).collect::<Result<String>>()?;
    let stamp = folder.join("requirements.txt");
    let works = Command::new(&interpreter).arg("--version").output().is_ok_and(|run| run.status.success());
    if works && std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    base()?;
    println!("installing what examples and tests in Python need");
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    process::run(
        Command::new(&interpreter)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(FILES.into_iter().flat_map(|file| ["-r".into(), place::root().join(file)])),
    )?;
    // Last: an environment that was left half made has no stamp.
    Ok(std::fs::write(stamp, wanted)?)
}

/// Python itself, which Debian ships without what makes environments.
fn base() -> Result<()> {
    let mut python = Command::new("python3");
    let check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    if python.args(["-c", check]).output().is_ok_and(|run| run.status.success()) {
        return Ok(());
    }
    if !browser::is_debian()? {
        bail!("the examples need Python 3.10 or later with `venv` in PATH, as `python3`");
    }
    println!("installing Python");
    browser::apt_install(&["python3", "python3-venv"])
}
