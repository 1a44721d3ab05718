//! Every language has every word, nothing is said past the tables, and the style sheet knows no left and no right.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use baton_protocol::ErrorCode;

/// The forms that `Intl.PluralRules` chooses among, by language.
const FORMS: [(&str, &[&str]); 5] = [
    ("ar", &["zero", "one", "two", "few", "many", "other"]),
    ("de", &["one", "other"]),
    ("es", &["one", "many", "other"]),
    ("fr", &["one", "many", "other"]),
    ("pt", &["one", "many", "other"]),
];

/// What is written in English for people, and not translated: names of keys on a keyboard, and languages by their own names.
const AS_THEY_ARE: [&str; 25] = [
    "Ctrl K",
    "Alt P",
    "Alt 1 … 9",
    "Alt ↓ / ↑",
    "Alt T",
    "Alt N",
    "Alt S",
    "Alt A",
    "Enter",
    "Shift Enter",
    "Ctrl Enter",
    "Alt+T",
    "Alt+N",
    "Ctrl+Enter",
    "PDF",
    "Sales",
    "Mon-Fri 09:00-17:30",
    "Europe/Berlin",
    "English",
    "Deutsch",
    "Español",
    "Français",
    "Português",
    "العربية",
    "UTC",
];

/// Attributes that people read.
const READ: [&str; 7] = ["aria-label", "title", "placeholder", "label", "hint", "name", "noun"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The sources, without their tests.
fn sources() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with("tests.rs") && name != "src/tongue.rs" {
                let text = fs::read_to_string(path).unwrap();
                let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                all.push((name, text));
            }
        }
    }
    all
}

/// A text in quotes, what stands before it, and what stands after it.
struct Literal<'s> {
    before: &'s str,
    text: &'s str,
    after: &'s str,
}

impl Literal<'_> {
    /// Whether it is looked up in a table.
    fn is_key(&self) -> bool {
        let before = self.before.trim_end();
        ["t(", "tr(", "say("].iter().any(|call| {
            let rest = before.strip_suffix(call);
            rest.is_some_and(|rest| {
                !rest.ends_with(|letter: char| letter.is_alphanumeric() || "_.".contains(letter))
            })
        })
    }

    /// Whether it seems to be for people: two words, or one with a capital letter.
    fn is_words(&self) -> bool {
        let text: String = self
            .text
            .split('{')
            .flat_map(|part| part.split_once('}').map_or(part, |(_, rest)| rest).chars())
            .collect();
        let letters = |word: &str| {
            word.len() > 1
                && word.chars().all(|letter| letter.is_alphabetic() || "’',.:;?!…".contains(letter))
        };
        let words = text.split_whitespace().filter(|word| letters(word)).count();
        let capital =
            text.chars().next().is_some_and(char::is_uppercase) && text.chars().any(char::is_lowercase);
        words > 1 || (capital && words == 1)
    }

    /// Whether it is for the program or the browser, by what stands around it.
    fn is_technical(&self) -> bool {
        let (before, after) = (self.before.trim_end(), self.after.trim_start());
        let attribute = before.strip_suffix('=').map(|rest| {
            rest.rsplit(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
                .next()
                .unwrap_or_default()
        });
        let calls = ["reason = ", "expect(", "== ", "strip_prefix(", "call(", "element::<web_sys::Element>("];
        attribute.is_some_and(|name| !name.is_empty() && !READ.contains(&name))
            || calls.iter().any(|call| self.before.ends_with(call))
            || after.starts_with("=>")
            || after.starts_with("| ")
            || self.text.contains(['[', '\\', '/'].as_slice()) && !self.text.contains(' ')
    }
}

fn literals(source: &str) -> Vec<Literal<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    let bytes = source.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += source[at..].find('\n').unwrap_or(source.len() - at)
            }
            // A quote as a letter.
            b'\'' if source[at..].starts_with("'\"'") => at += 3,
            b'"' => {
                let end = (at + 1..bytes.len())
                    .find(|end| bytes[*end] == b'"' && bytes[*end - 1] != b'\\')
                    .unwrap();
                let (before, text, after) = (&source[..at], &source[at + 1..end], &source[end + 1..]);
                found.push(Literal { before, text, after });
                at = end + 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// Everything that the console and the protocol's errors say.
fn keys() -> BTreeSet<String> {
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for (_, source) in sources() {
        keys.extend(literals(&source).iter().filter(|one| one.is_key()).map(|one| one.text.to_owned()));
    }
    keys.extend(ErrorCode::ALL.iter().flat_map(|code| [code.to_string(), code.advice().to_owned()]));
    keys
}

fn table(path: &Path) -> BTreeMap<String, String> {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What a text has to be filled in with.
fn marks(text: &str) -> BTreeSet<&str> {
    text.match_indices('$').filter_map(|(at, _)| text.get(at..at + 2)).collect()
}

#[test]
fn every_language_has_every_word_and_fills_in_the_same() {
    let keys = keys();
    assert!(keys.len() > 500, "{}", keys.len());
    for (language, names) in FORMS {
        let table = table(&root().join(format!("static/words-{language}.json")));
        let missing: Vec<_> = keys.iter().filter(|key| !table.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{language} lacks {missing:#?}");
        let idle: Vec<_> = table.keys().filter(|key| !keys.contains(*key)).collect();
        assert!(idle.is_empty(), "{language} has what nobody says: {idle:#?}");
        for (key, words) in &table {
            assert!(!words.trim().is_empty(), "{language}: {key}");
            let (last, forms): (&str, Vec<&str>) =
                (words.split('|').next_back().unwrap(), words.split('|').collect());
            assert_eq!(marks(key.split('|').next_back().unwrap()), marks(last), "{language}: {key}");
            if key.contains('|') {
                let named: Vec<&str> = forms.iter().map(|form| form.split_once('=').unwrap().0).collect();
                assert_eq!(named, names, "{language}: {key}");
            } else {
                assert_eq!(forms.len(), 1, "{language}: {key} has no plural");
            }
        }
    }
}

#[test]
fn the_page_offers_the_languages_that_there_are() {
    let script = fs::read_to_string(root().join("static/console.js")).unwrap();
    let list = script.split("const LANGUAGES = [").nth(1).unwrap().split(']').next().unwrap();
    let mut offered: Vec<&str> = list.split('\'').skip(1).step_by(2).collect();
    offered.sort_unstable();
    let mut here: Vec<&str> = FORMS.iter().map(|(language, _)| *language).chain(["en"]).collect();
    here.sort_unstable();
    assert_eq!(offered, here);
    let choice = fs::read_to_string(root().join("src/web/tongue.rs")).unwrap();
    assert!(here.iter().all(|language| choice.contains(&format!("(\"{language}\", "))), "{here:?}");
}

#[test]
fn nothing_is_said_past_the_tables() {
    let mut past = Vec::new();
    for (name, source) in sources() {
        for one in literals(&source) {
            if one.is_words() && !one.is_key() && !one.is_technical() && !AS_THEY_ARE.contains(&one.text) {
                let line = one.before.matches('\n').count() + 1;
                past.push(format!("{name}:{line}: {:?}", one.text));
            }
        }
    }
    assert!(past.is_empty(), "{past:#?}");
}

#[test]
fn the_style_sheet_knows_a_start_and_an_end_instead_of_left_and_right() {
    let sheet = fs::read_to_string(root().join("static/console.css")).unwrap();
    for (at, line) in sheet.lines().enumerate() {
        let sided = line.split([';', '{', ' ']).map(str::trim).any(|word| {
            let (property, value) = word.split_once(':').unwrap_or((word, ""));
            property.ends_with("-left")
                || property.ends_with("-right")
                || ["left", "right"].contains(&property)
                || ["left", "right"].contains(&value)
        });
        assert!(!sided, "line {}: {line}", at + 1);
    }
}
