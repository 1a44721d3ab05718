//! `cargo xtask conventions`: the rules of the source that no compiler knows.

mod requirements;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::{Short, place};

/// Longer than this, and a file is about more than one thing.
const LINES: usize = 800;

/// Core is pure: time, files, sockets and chance come in as values.
const IMPURE: [&str; 7] = ["Instant", "SystemTime", "std::fs", "std::net", "rand", "getrandom", "tokio"];

/// Written apart, so that this file keeps its own rule.
const BINCODE: &str = concat!("bincode", "::");

/// Which of our crates a crate may use; the crates that are not here may use any.
const MAY_USE: [(&str, &[&str]); 5] = [
    ("protocol", &[]),
    ("core", &["baton-protocol"]),
    ("gateway", &["baton-protocol", "baton-core"]),
    ("miniapp-wasm", &["baton-protocol", "baton-core"]),
    ("agent-console", &["baton-protocol", "baton-core"]),
];

/// The verb.
pub fn verb() -> Result<()> {
    let (files, found) = check(&place::root())?;
    for breach in &found {
        println!("{breach}");
    }
    println!("{}", json!({ "files": files, "breaches": found.len() }));
    if !found.is_empty() {
        return Err(Short.into());
    }
    Ok(())
}

/// Looks at every source file below the folder: how many, and what is wrong, each as `file:line: what`.
fn check(root: &Path) -> Result<(usize, Vec<String>)> {
    let mut files = Vec::new();
    list(root, "", &mut files)?;
    let mut found = Vec::new();
    for path in &files {
        let text = fs::read_to_string(root.join(path))?;
        found.extend(if path.ends_with(".rs") { source(path, &text) } else { manifest(path, &text) });
    }
    found.extend(requirements::check(root, &files)?);
    Ok((files.len(), found))
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<String>) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                list(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if name.ends_with(".rs") || name == "Cargo.toml" {
            files.push(path);
        }
    }
    Ok(())
}

/// What is wrong in a Rust file.
fn source(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    // The tests of a file are at its end.
    let length = lines.iter().position(|line| line.starts_with("mod tests {")).unwrap_or(lines.len());
    if length > LINES {
        found.push(format!("{path}: {length} lines, {LINES} is the most: split it"));
    }
    let mut tests = path.starts_with("e2e/") || path.contains("/tests/") || path.ends_with("/tests.rs");
    for (index, line) in lines.iter().enumerate() {
        let mut breach = |what: String| found.push(format!("{path}:{}: {what}", index + 1));
        let code = code(line);
        tests |= index >= length;
        if path.starts_with("core/src/") {
            // `use std::{fs, net}` as well as `std::fs`.
            let named = |word: &str| match word.strip_prefix("std::") {
                Some(module) if code.contains("std::{") => has_word(code, module),
                _ => has_word(code, word),
            };
            for word in IMPURE.iter().filter(|word| named(word)) {
                breach(format!("core is pure, without {word}: let the driver hand the value in"));
            }
        }
        if !path.starts_with("protocol/src/") && code.contains(BINCODE) {
            breach("only protocol's codec knows bincode, so that it can be replaced".into());
        }
        if tests && has_word(code, "sleep(") && !explained(&lines[..index]) {
            breach("a sleep needs a line `// waits: why` above it; better, wait for what happens".into());
        }
    }
    found
}

/// A line without its comment. Good enough: what follows `//` in a string is not looked at.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default().trim()
}

/// Whether the word is there, not as the end of a longer one or, unless it ends in a sign, as the beginning.
fn has_word(code: &str, word: &str) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(part);
        let after = word.ends_with(part) && code[at + word.len()..].chars().next().is_some_and(part);
        !before && !after
    })
}

/// Whether the comment that ends these lines begins with `// waits:`.
fn explained(above: &[&str]) -> bool {
    let comment = above.iter().rev().map(|line| line.trim()).take_while(|line| line.starts_with("//"));
    comment.last().is_some_and(|line| line.starts_with("// waits:"))
}

/// What is wrong in a crate's manifest: dependencies point one way.
fn manifest(path: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = MAY_USE.iter().find(|(folder, _)| path == format!("{folder}/Cargo.toml")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut dependencies = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let name = if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            dependencies = section.ends_with("dependencies");
            // `[dependencies.name]`
            section.rsplit_once("dependencies.").map(|(_, name)| name)
        } else if dependencies {
            line.split(['.', '=', ' ']).next()
        } else {
            None
        };
        if let Some(name) = name.filter(|name| name.starts_with("baton-") && !allowed.contains(name)) {
            found.push(format!("{path}:{}: must not use {name}: protocol ← core ← the rest", index + 1));
        }
    }
    found
}
