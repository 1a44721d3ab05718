//! `cargo xtask web`: what browsers get, ready to be built into the gateway.
//!
//! For each app: cargo for wasm32 → wasm-bindgen → wasm-opt → beside the static files, the widget's first scripts made one,
//! with brotli next to each.
//! A step whose input is that of the last time is skipped. `--dev` leaves out what only makes files smaller.

mod bindings;
mod bundle;
mod factory;
mod folder;
mod modules;
mod scripts;
mod toolchain;

pub use folder::{sent, sent_for, sent_starting};

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{place, process};

/// A crate that becomes a folder for browsers.
#[derive(Clone, Copy)]
pub struct App {
    /// The folder for browsers.
    pub name: &'static str,
    package: &'static str,
    /// Whether its panics say nothing, where small files count.
    silent: bool,
    source: &'static str,
}

/// The customer's widget and the agents' console.
pub const ALL: [App; 2] = [
    App { name: "miniapp", package: "baton-miniapp", silent: true, source: "miniapp-wasm" },
    App { name: "console", package: "baton-console", silent: false, source: "agent-console" },
];

/// How much work goes into small files.
#[derive(Clone, Copy, PartialEq)]
pub enum Effort {
    /// For people who download them.
    Small,
    /// For people who wait for the build.
    Quick,
}

/// The files of a folder by their paths in it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The app of that name.
pub fn named(name: &str) -> Result<App> {
    ALL.into_iter().find(|app| app.name == name).with_context(|| format!("no app {name}: miniapp, console"))
}

/// The verb.
pub fn verb(apps: &[App], effort: Effort) -> Result<()> {
    let figures = build(apps, effort)?;
    println!("{figures}");
    Ok(())
}

/// Builds the apps and returns their figures.
pub fn build(apps: &[App], effort: Effort) -> Result<Value> {
    let start = Instant::now();
    let cache = place::cache()?;
    // Two at once would take turns with each other's files.
    let lock = fs::File::create(cache.join("web.lock"))?;
    if lock.try_lock().is_err() {
        println!("waiting for another `cargo xtask`");
        lock.lock()?;
    }
    let compiler = toolchain::find(&cache)?;
    let mut figures = serde_json::Map::new();
    for app in apps {
        let (files, seconds) = one(&cache, app, compiler.as_deref(), effort)?;
        let raw: usize = files.values().map(Vec::len).sum();
        let sent = folder::sent(&cache.join("web").join(app.name))?;
        println!("{:<8} {raw:>8} bytes, {sent:>8} sent, {seconds:.1} s", app.name);
        figures.insert(app.name.into(), json!({ "bytes": raw, "sent": sent }));
    }
    figures.insert("seconds".into(), json!(rounded(start)));
    Ok(figures.into())
}

/// Whether modules are made as small as they can be: the budgets are those of such modules.
pub fn optimizes() -> Result<bool> {
    Ok(bindings::optimizer(&place::cache()?).is_some())
}

/// Seconds since then, in tenths.
pub fn rounded(start: Instant) -> f64 {
    (start.elapsed().as_secs_f64() * 10.0).round() / 10.0
}

fn one(cache: &Path, app: &App, compiler: Option<&Path>, effort: Effort) -> Result<(Files, f64)> {
    let start = Instant::now();
    let wasm = compile(cache, app, compiler, effort)?;
    let mut files = bindings::make(cache, app, &wasm, effort)?;
    let fixed = place::root().join(app.source).join("static");
    let mut scripts = folder::read(&fixed)?;
    if let Some(path) = files.keys().find(|path| scripts.contains_key(*path)) {
        bail!("{} has {path}, which is also made by wasm-bindgen", fixed.display());
    }
    files.append(&mut scripts);
    bundle::bundle(&mut files)?;
    if files.contains_key("shadow.js") {
        let parts = files.iter().filter_map(|(path, text)| Some((factory::name(path)?, text)));
        let made = parts.map(|(path, text)| Ok((path, factory::factory(std::str::from_utf8(text)?)?.into())));
        let made: Files = made.collect::<Result<_>>()?;
        files.extend(made);
    }
    if effort == Effort::Small {
        let small = files.into_iter().map(|(path, bytes)| Ok((path.clone(), smaller(cache, &path, bytes)?)));
        files = small.collect::<Result<_>>()?;
    }
    folder::publish(&cache.join("web").join(app.name), &files, effort)?;
    Ok((files, start.elapsed().as_secs_f64()))
}

/// Without what only people read.
fn smaller(cache: &Path, path: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    // Style sheets and pages here have no line that begins like a script's comment.
    if ![".js", ".css", ".html"].iter().any(|kind| path.ends_with(kind)) {
        return Ok(bytes);
    }
    let bare = bindings::without_comments(&String::from_utf8(bytes)?).into_bytes();
    if path.ends_with(".js") { scripts::small(cache, &bare) } else { Ok(bare) }
}

/// Compiles the crate and returns the path of the module.
fn compile(cache: &Path, app: &App, compiler: Option<&Path>, effort: Effort) -> Result<PathBuf> {
    let target = cache.join("target-web");
    let (profile, folder) = match effort {
        Effort::Small => ("web", "web"),
        Effort::Quick => ("dev", "debug"),
    };
    let mut cargo = process::bare_cargo();
    cargo.args(["build", "--profile", profile, "--target", "wasm32-unknown-unknown", "-p", app.package]);
    cargo.env("CARGO_TARGET_DIR", &target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags().join("\x1f"));
    if let Some(compiler) = compiler {
        cargo.env("RUSTC", compiler);
        // Flags for the machine's usual compiler may not suit this one.
        cargo.env_remove("RUSTC_WRAPPER").env_remove("RUSTC_WORKSPACE_WRAPPER");
    }
    process::run(&mut cargo)?;
    let file = format!("{}.wasm", app.package.replace('-', "_"));
    Ok(target.join("wasm32-unknown-unknown").join(folder).join(file))
}

/// The paths of the machine stay out of what browsers download: panic messages name source files.
fn flags() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=", place::root().display())];
    // A browser hashes a few secrets: the small way to do it, a quarter of the fast one's size.
    flags.push("--cfg=sha2_backend_soft=\"compact\"".into());
    flags.extend(home.map(|home| format!("--remap-path-prefix={}=", home.join("registry/src").display())));
    flags
}
