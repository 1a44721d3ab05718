use super::*;

#[test]
fn core_is_pure() {
    let text =
        "use std::time::{Duration, Instant};\nlet a = SystemTime::now();\nuse std::fs;\nuse tokio::net;\n";
    assert_eq!(source("core/src/a.rs", text).len(), 4);
    assert_eq!(source("core/src/deep/a.rs", "getrandom::fill(&mut x);\nrand::rng();\n").len(), 2);
    assert_eq!(source("core/src/a.rs", "use std::{fmt, fs, net};\n").len(), 2);
    // Words in comments, longer words, and other crates' files.
    assert!(
        source(
            "core/src/a.rs",
            "//! No tokio.\nuse std::time::Duration; // no Instant\nInstantly\noperand\n"
        )
        .is_empty()
    );
    assert!(source("gateway/src/a.rs", text).is_empty());
}

#[test]
fn only_protocol_knows_bincode() {
    let text = format!("use {BINCODE}Encode;\n");
    assert_eq!(
        source("gateway/src/a.rs", &text),
        ["gateway/src/a.rs:1: only protocol's codec knows bincode, so that it can be replaced"]
    );
    assert!(source("protocol/src/codec.rs", &text).is_empty());
}

#[test]
fn files_stay_short() {
    assert!(source("gateway/src/a.rs", &"\n".repeat(LINES)).is_empty());
    let tests = format!("{}mod tests {{\n{}}}\n", "\n".repeat(LINES), "\n".repeat(LINES));
    assert!(source("gateway/src/a.rs", &tests).is_empty());
    let found = source("gateway/src/a.rs", &"\n".repeat(LINES + 1));
    assert!(found[0].starts_with("gateway/src/a.rs: 801 lines"), "{found:?}");
}

/// Written apart, so that this file keeps its own rule.
const CALL: &str = concat!("sleep", "(MS);");

#[test]
fn a_sleep_in_a_test_says_what_it_waits_for() {
    let bare = format!("fn f() {{\n    thread::{CALL}\n}}\n");
    let explained =
        format!("    // waits: for nothing that could be asked,\n    // and not for long.\n    {CALL}\n");
    let late = format!("    // Something else.\n    // waits: too late in its comment.\n    {CALL}\n");
    for path in
        ["gateway/tests/a.rs", "e2e/src/lib.rs", "core/src/queue/tests.rs", "core/src/queue/tests/a.rs"]
    {
        assert_eq!(source(path, &bare).len(), 1, "{path}");
        assert!(source(path, &explained).is_empty(), "{path}");
        assert_eq!(source(path, &late).len(), 1, "{path}");
    }
    assert!(source("gateway/src/a.rs", &bare).is_empty());
    assert_eq!(source("gateway/src/a.rs", &format!("mod tests {{\n{bare}}}\n")).len(), 1);
    assert!(source("e2e/src/lib.rs", &format!("no_{CALL}\n")).is_empty());
}

#[test]
fn dependencies_point_one_way() {
    let uses = |section: &str, line: &str| format!("[package]\nname = \"baton-x\"\n\n[{section}]\n{line}\n");
    let gateway = uses("dependencies", "baton-gateway.workspace = true");
    assert_eq!(manifest("core/Cargo.toml", &gateway).len(), 1);
    assert_eq!(manifest("miniapp-wasm/Cargo.toml", &gateway).len(), 1);
    assert!(manifest("e2e/Cargo.toml", &gateway).is_empty());
    let core = uses("dev-dependencies", "baton-core = { path = \"../core\" }");
    assert_eq!(manifest("protocol/Cargo.toml", &core).len(), 1);
    assert!(manifest("gateway/Cargo.toml", &core).is_empty());
    let table = uses("target.'cfg(unix)'.dependencies.baton-core", "path = \"../core\"");
    assert_eq!(manifest("protocol/Cargo.toml", &table).len(), 1);
    assert!(manifest("core/Cargo.toml", &uses("dependencies", "baton-protocol.workspace = true")).is_empty());
}
