//! The console's own words in the agent's language.
//!
//! The English words are the key, in the place where they are said; a table has them in another language, one file each
//! (`static/words-….json`), which a browser loads before anything is drawn. What a table lacks is said in English.
//! `$1` to `$9` are filled in. A line with plural forms has them between `|`, chosen by the first of what is filled in
//! and the browser's own rules: in a table by their names (`one=…|few=…|other=…`), in English the one for 1 first.
//! `tests/tongue.rs` checks that every table has every key, and that nothing is said past the tables.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Display;

use baton_protocol::Timestamp;

/// Which plural form a number takes, by its name in Unicode's rules.
pub type Plural = fn(u64) -> String;

/// How a time within the next weeks reads to the agent; by the clock of a time zone too, where that shows another one.
pub type Hour = fn(Timestamp, &str) -> String;

thread_local! {
    static TABLE: RefCell<HashMap<String, &'static str>> = RefCell::default();
    static PLURAL: Cell<Plural> = const { Cell::new(of_english) };
    static HOUR: Cell<Hour> = const { Cell::new(by_number) };
}

fn of_english(number: u64) -> String {
    if number == 1 { "one".into() } else { "other".into() }
}

fn by_number(at: Timestamp, zone: &str) -> String {
    format!("{} {zone}", at.0)
}

/// Speaks by this table from now on. Once for a page: its words stay as long as the page does.
pub fn speak(table: HashMap<String, String>, plural: Plural, hour: Hour) {
    HOUR.set(hour);
    let kept = table.into_iter().map(|(english, words)| (english, &*words.leak()));
    TABLE.set(kept.collect());
    PLURAL.set(plural);
}

/// Words that are said as they are.
#[must_use]
pub fn t(english: &'static str) -> &'static str {
    TABLE.with_borrow(|table| table.get(english).copied().unwrap_or(english))
}

/// A time within the next weeks.
#[must_use]
pub fn hour(at: Timestamp, zone: &str) -> String {
    HOUR.get()(at, zone)
}

/// Marks words of a constant, which [`t`] translates where they are said.
#[must_use]
pub const fn tr(english: &'static str) -> &'static str {
    english
}

/// What a server says: its sentences are English, and the tables have those that it says most.
#[must_use]
pub fn heard(said: &str) -> String {
    TABLE.with_borrow(|table| table.get(said).copied().unwrap_or(said).to_owned())
}

/// Words with something to fill in.
#[must_use]
pub fn say(english: &'static str, parts: &[&dyn Display]) -> String {
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    fill(form(t(english), parts.first().map_or("", String::as_str)), &parts)
}

/// The form of a line that this number takes, if it has forms.
fn form<'l>(line: &'l str, number: &str) -> &'l str {
    if !line.contains('|') {
        return line;
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let wanted = PLURAL.get()(digits.parse().unwrap_or_default());
    let forms = line.split('|').enumerate().map(|(at, form)| {
        form.split_once('=').unwrap_or(if at == 0 { ("one", form) } else { ("other", form) })
    });
    let forms: Vec<(&str, &str)> = forms.collect();
    let named = forms.iter().find(|(name, _)| *name == wanted).or(forms.last());
    named.map_or(line, |(_, form)| form)
}

fn fill(line: &str, parts: &[String]) -> String {
    let mut pieces = line.split('$');
    let mut said = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let part =
            piece.chars().next().and_then(|digit| digit.to_digit(10)).and_then(|digit| {
                usize::try_from(digit).ok()?.checked_sub(1).and_then(|place| parts.get(place))
            });
        match part {
            Some(part) => {
                said.push_str(part);
                said.push_str(piece.get(1..).unwrap_or_default());
            }
            None => {
                said.push('$');
                said.push_str(piece);
            }
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of three forms, as Russian or Polish have them.
    fn of_three(number: u64) -> String {
        match number {
            1 => "one",
            2..5 => "few",
            _ => "many",
        }
        .into()
    }

    #[test]
    fn english_needs_no_table_and_others_choose_among_their_forms() {
        assert_eq!(t("Pick up"), "Pick up");
        assert_eq!(say("$1 agent|$1 agents", &[&1]), "1 agent");
        assert_eq!(say("$1 agent|$1 agents", &[&0]), "0 agents");
        assert_eq!(say("$2 for $1, $2 and $7", &[&"a", &"b"]), "b for a, b and $7");
        assert_eq!(say("costs $$1", &[&5]), "costs $5");
        let table = [
            ("Pick up", "Odbierz"),
            ("$1 agent|$1 agents", "one=$1 agent|few=$1 agenci|many=$1 agentów|other=$1 agenta"),
            ("too many attempts", "zbyt wiele prób"),
        ];
        let owned = |(english, words): (&str, &str)| (english.to_owned(), words.to_owned());
        speak(table.into_iter().map(owned).collect(), of_three, by_number);
        assert_eq!((t("Pick up"), t("Send")), ("Odbierz", "Send"));
        let counted = ["1", "3", "1,005"].map(|number| say("$1 agent|$1 agents", &[&number]));
        assert_eq!(counted, ["1 agent", "3 agenci", "1,005 agentów"]);
        assert_eq!(heard("too many attempts"), "zbyt wiele prób");
        assert_eq!(heard("Carla's dog"), "Carla's dog");
        // A plural that the table lacks: English has no such form, and says its last.
        assert_eq!(say("$1 note|$1 notes", &[&3]), "3 notes");
    }
}
