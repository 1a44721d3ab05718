//! Builds the files for browsers into the gateway: those of the folder that `BATON_WEB_DIR` names, which
//! `cargo xtask web` fills. Without it the gateway has no pages, and everything else works.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=BATON_WEB_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    let folder = env::var_os("BATON_WEB_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    if let Some(folder) = &folder {
        // Cargo takes a folder as changed when a file in it comes, goes or changes.
        println!("cargo::rerun-if-changed={}", folder.display());
        list(folder, "", &mut files)?;
    }
    files.sort();
    let mut code = format!(
        "/// Whether the files for browsers are in this build.\npub const BUILT_WITH_WEB: bool = {};\n",
        { !files.is_empty() }
    );
    code.push_str("static ASSETS: &[Asset] = &[\n");
    for (path, file) in files.iter().filter(|(path, _)| !path.ends_with(".br")) {
        let packed = format!("{path}.br");
        let brotli = match files.iter().find(|(other, _)| *other == packed) {
            Some((_, file)) => format!("Some(include_bytes!({:?}))", file.display().to_string()),
            None => "None".into(),
        };
        let kind = content_type(path);
        let etag = format!("\"{}\"", hash(&fs::read(file)?));
        let bytes = format!("include_bytes!({:?})", file.display().to_string());
        writeln!(
            code,
            "Asset {{ path: {path:?}, content_type: {kind:?}, bytes: {bytes}, brotli: {brotli}, etag: {etag:?} }},"
        )?;
    }
    code.push_str("];\n");
    Ok(fs::write(PathBuf::from(env::var("OUT_DIR")?).join("assets.rs"), code)?)
}

/// Every file below the folder, by its path in it.
fn list(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(folder).map_err(|error| {
        format!("BATON_WEB_DIR: {} cannot be read ({error}); `cargo xtask web` makes it", folder.display())
    })?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| "a file's name is not Unicode")?;
        let file = fs::canonicalize(entry.path())?;
        let path = format!("{prefix}{name}");
        if file.is_dir() {
            list(&file, &format!("{path}/"), files)?;
        } else if !name.ends_with(".part") {
            // `.part` is what `cargo xtask web` is writing at this moment.
            println!("cargo::rerun-if-changed={}", file.display());
            files.push((path, file));
        }
    }
    Ok(())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, kind)| kind) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        // Browsers compile a module while it arrives only when it is called this.
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Enough of the SHA-256 to tell a file's versions apart.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
