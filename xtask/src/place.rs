//! Where things are: the checkout, and the one folder for everything that is made from it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout.
pub fn root() -> PathBuf {
    // Cargo says where this crate is now; what the compiler saw may have been moved since.
    let crate_folder =
        env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    crate_folder.parent().map_or(crate_folder.clone(), Path::to_path_buf)
}

/// Everything that is made goes here: outside the work tree, so that a fresh checkout finds it again.
pub fn cache() -> Result<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = named("BATON_CACHE")
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("baton")))
        .or_else(|| Some(env::home_dir()?.join(".cache/baton")))
        .context("there is no home folder: set BATON_CACHE to a folder for what is built")?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(std::path::absolute(folder)?)
}

/// Where cargo puts native builds: its own variable, else the cache.
pub fn target() -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(folder) => Ok(std::path::absolute(folder)?),
        None => Ok(cache()?.join("target")),
    }
}

/// The program of this name among the folders of `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}
