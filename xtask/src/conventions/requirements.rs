//! `docs/requirements.md` names a test for every requirement, and every test it names exists.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::Result;

/// The page.
const PAGE: &str = "docs/requirements.md";

/// Every requirement: its letter, and how many of that letter there are.
const NAMES: [(&str, u32); 10] =
    [("M", 5), ("A", 8), ("O", 5), ("D", 9), ("W", 2), ("Q", 2), ("H", 2), ("S", 2), ("X", 3), ("U", 3)];

/// What is wrong with the page; nothing where there is none, as in the tests of other rules.
pub fn check(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let Ok(page) = fs::read_to_string(root.join(PAGE)) else { return Ok(Vec::new()) };
    let mut functions = HashSet::new();
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        let text = fs::read_to_string(root.join(path))?;
        functions.extend(text.lines().filter_map(function).map(str::to_owned));
    }
    Ok(wrong(&page, |name| functions.contains(name), |path| root.join(path).exists()))
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let rest = line.trim_start();
    let rest = rest.strip_prefix("pub ").unwrap_or(rest);
    let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

fn wrong(page: &str, is_test: impl Fn(&str) -> bool, is_file: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut rows = HashSet::new();
    for (number, line) in (1..).zip(page.lines()) {
        let mut breach = |what: String| found.push(format!("{PAGE}:{number}: {what}"));
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", name, _, tests, gap, ""] = cells[..]
            && !matches!(name, "name" | "---")
        {
            rows.insert(name.to_owned());
            if tests.is_empty() && gap.is_empty() {
                breach(format!("{name} has no test, and nothing says what is missing"));
            }
            for word in tests.split('`').skip(1).step_by(2) {
                let exists = if word.contains('/') { is_file(word) } else { is_test(word) };
                if !exists {
                    breach(format!("{name}: there is no {word}"));
                }
            }
        }
    }
    let all = NAMES.iter().flat_map(|(letter, count)| (1..=*count).map(move |n| format!("{letter}{n}")));
    found.extend(all.filter(|name| !rows.contains(name)).map(|name| format!("{PAGE}: {name} is missing")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_not_there_is_found_out() {
        let page = "| name | what | shown by | not there yet |\n|---|---|---|---|\n\
                    | M1 | x | `here`, `gone`, `src/here.rs` | |\n| M2 | x | | |\n| M3 | x | | later |\n";
        let found = wrong(page, |name| name == "here", |path| path == "src/here.rs");
        assert!(found.contains(&"docs/requirements.md:3: M1: there is no gone".to_owned()), "{found:?}");
        assert!(found[1].contains("M2 has no test"), "{found:?}");
        assert!(found[2].ends_with("M4 is missing"), "{found:?}");
    }

    #[test]
    fn functions_are_found_however_they_begin() {
        for line in ["fn one() {", "    async fn one() {", "pub async fn one<T>(", "    pub fn one("] {
            assert_eq!(function(line), Some("one"));
        }
        assert_eq!(function("// fn one()"), None);
    }
}
