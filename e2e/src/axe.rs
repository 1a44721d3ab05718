//! axe-core, run in the page that a browser shows: what it finds against WCAG 2.2 AA.
//!
//! `cargo xtask test` fetches it from npm into the cache folder.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::browser::Browser;

/// What is looked for: WCAG 2.2, levels A and AA, and what axe-core calls best practice.
const RUN: &str = "
    const done = arguments[arguments.length - 1];
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const where = node => node.target.join(' ') + ' (' + node.failureSummary.replace(/\\s+/g, ' ') + ')';
    axe.run(document, { runOnly: tags }).then(
        found => done(found.violations.map(it => it.id + ': ' + it.nodes.map(where).join('; '))),
        error => done(['axe: ' + error]));
";

fn script() -> Result<String> {
    let cache = std::env::var_os("BATON_CACHE").filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache =
        cache.or_else(|| Some(std::env::home_dir()?.join(".cache/baton"))).context("no cache folder")?;
    let file = cache.join("axe/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file)
        .with_context(|| format!("{} is missing: `cargo xtask test` fetches it", file.display()))
}

/// Checks what the browser shows now.
///
/// # Errors
/// What axe-core finds, with the elements that it is about.
pub async fn check(browser: &Browser, view: &str) -> Result<()> {
    browser.driver.execute(script()?, Vec::new()).await?;
    let found = browser.driver.execute_async(RUN, Vec::new()).await?;
    let found: Vec<String> = serde_json::from_value(found.json().clone())?;
    ensure!(found.is_empty(), "{view}: {}", found.join("\n"));
    Ok(())
}
