//! The browser that the end-to-end tests drive.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::{place, process};

/// Makes sure that Chromium and its driver are there.
pub fn install() -> Result<()> {
    let browser =
        ["chromium", "google-chrome", "chromium-browser"].iter().any(|name| place::program(name).is_some());
    if browser && place::program("chromedriver").is_some() {
        return Ok(());
    }
    // Ubuntu's package of this name only asks for a snap.
    let ubuntu = std::fs::read_to_string("/etc/os-release").is_ok_and(|text| text.contains("ID=ubuntu"));
    if ubuntu || !is_debian()? {
        bail!(
            "the tests need Chromium and ChromeDriver in PATH: on Debian, as root, \
            `apt-get install chromium chromium-driver`"
        );
    }
    println!("installing Chromium and ChromeDriver");
    apt_install(&["chromium", "chromium-driver"])
}

/// The version of axe-core: a new one may find more.
const AXE: &str = "4.14.1";

/// Makes sure that axe-core is in the cache folder, where the end-to-end tests look for it.
pub fn install_axe() -> Result<()> {
    let folder = place::cache()?.join("axe");
    let mark = folder.join(AXE);
    if mark.is_file() {
        return Ok(());
    }
    if place::program("npm").is_none() {
        if !is_debian()? {
            bail!("the accessibility tests need npm in PATH");
        }
        println!("installing npm");
        apt_install(&["npm"])?;
    }
    println!("fetching axe-core {AXE} from npm, once");
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&folder);
    npm.arg(format!("axe-core@{AXE}"));
    std::fs::create_dir_all(&folder)?;
    process::limited(&mut npm, Duration::from_secs(180))?;
    Ok(std::fs::write(mark, "")?)
}

/// Whether packages can be installed here: on Debian, and its kin, by root.
pub fn is_debian() -> Result<bool> {
    let debian = Path::new("/etc/debian_version").is_file() && place::program("apt-get").is_some();
    Ok(debian && process::output(Command::new("id").arg("-u"))? == "0")
}

/// Installs packages of Debian's.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    process::run(apt().arg("update"))?;
    process::run(apt().args(["install", "--no-install-recommends"]).args(packages))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-q", "-y"]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}
