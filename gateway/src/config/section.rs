//! Reading a section of the file: every setting is taken by its name, and what is left over is unknown.
//!
//! After a mistake the value that a reader answers does not matter: there will be no configuration.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::mistake::Mistakes;

/// A value and where it stands.
pub(super) type Located<T> = (T, Range<usize>);

/// A section.
pub(super) struct Section<'m, 't> {
    /// As in the file; empty for what stands above every heading.
    name: &'static str,
    at: Range<usize>,
    table: DeTable<'t>,
    known: BTreeSet<&'static str>,
    mistakes: &'m Mistakes<'t>,
}

impl<'m, 't> Section<'m, 't> {
    /// The whole file.
    pub(super) fn whole(table: Spanned<DeTable<'t>>, mistakes: &'m Mistakes<'t>) -> Self {
        let at = 0..0;
        Self { name: "", at, table: table.into_inner(), known: BTreeSet::new(), mistakes }
    }

    /// Where its heading is.
    pub(super) fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// A text that keeps a rule; the rule's error is a sentence that starts with its subject.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        example: &str,
        rule: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Located<T>> {
        let value = self.take(key)?;
        self.ruled(key, &value, example, rule)
    }

    /// A text that must be there.
    pub(super) fn needed<T>(
        &mut self,
        key: &'static str,
        example: &str,
        rule: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Located<T>> {
        if !self.table.contains_key(key) {
            self.missing(key, example);
        }
        self.text(key, example, rule)
    }

    /// Texts, none when there is no such setting.
    pub(super) fn texts<T>(
        &mut self,
        key: &'static str,
        example: &str,
        rule: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<Located<T>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let DeValue::Array(list) = value.get_ref() else {
            self.wrong_type(key, &value, "a list of texts", example);
            return Vec::new();
        };
        list.iter().filter_map(|value| self.ruled(key, value, example, &rule)).collect()
    }

    /// A whole number within limits.
    pub(super) fn number(&mut self, key: &'static str, within: RangeInclusive<u64>, default: u64) -> u64 {
        let example = format!("{key} = {default}");
        let Some(value) = self.take(key) else { return default };
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(key, &value, "a whole number, without quotes", &example);
            return default;
        };
        match whole(number) {
            Some(number) if within.contains(&number) => number,
            _ => {
                let (least, most) = within.into_inner();
                let what = format!("`{key}` must be between {least} and {most}, and this is {number}");
                self.mistakes.add(&value.span(), what, example);
                default
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self, key: &'static str, example: &str) -> Option<bool> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            _ => {
                self.wrong_type(key, &value, "true or false, without quotes", example);
                None
            }
        }
    }

    /// A section below this one; an empty one when it is not there.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        self.optional(key).unwrap_or_else(|| self.below(key, 0..0, DeTable::new()))
    }

    /// A section below this one.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Self> {
        let value = self.take(key)?;
        let (at, heading) = (value.span(), self.heading(key));
        match value.into_inner() {
            DeValue::Table(table) => Some(self.below(key, at, table)),
            other => {
                let what =
                    format!("`{key}` is a section with a heading of its own, and this is {}", kind(&other));
                self.mistakes.add(&at, what, format!("[{heading}]"));
                None
            }
        }
    }

    /// Sections of which there may be several, each under `[[key]]`. Nothing when what is there is something else.
    pub(super) fn sections(&mut self, key: &'static str, example: &str) -> Option<Vec<Self>> {
        let Some(value) = self.take(key) else { return Some(Vec::new()) };
        let at = value.span();
        let DeValue::Array(list) = value.into_inner() else {
            let heading = self.heading(key);
            let what = format!("there may be several of `{key}`: each stands under `[[{heading}]]`");
            self.mistakes.add(&at, what, example);
            return None;
        };
        let sections = list.into_iter().filter_map(|value| {
            let at = value.span();
            match value.into_inner() {
                DeValue::Table(table) => Some(self.below(key, at, table)),
                other => {
                    let what = format!("`{key}` holds sections, and this is {}", kind(&other));
                    self.mistakes.add(&at, what, example);
                    None
                }
            }
        });
        Some(sections.collect())
    }

    /// Reports a setting that must be there and is not.
    pub(super) fn missing(&self, key: &str, example: &str) {
        let place = if self.name.is_empty() { String::new() } else { format!(" in `{}`", self.name) };
        self.mistakes.add(&self.at, format!("`{key}` is missing{place}"), example);
    }

    /// Reports every setting that was not taken.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let (name, at) = (key.get_ref(), key.span());
            let place = if self.name.is_empty() { String::new() } else { format!(" in `{}`", self.name) };
            let (hint, example) = match nearest(name, &self.known) {
                Some(known) => (format!(": did you mean `{known}`?"), String::new()),
                None => (String::new(), format!("known here: {}", self.list())),
            };
            self.mistakes.add(&at, format!("there is no setting `{name}`{place}{hint}"), example);
        }
    }

    fn list(&self) -> String {
        self.known.iter().copied().collect::<Vec<_>>().join(", ")
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.known.insert(key);
        self.table.remove(key)
    }

    fn below(&self, name: &'static str, at: Range<usize>, table: DeTable<'t>) -> Self {
        Self { name, at, table, known: BTreeSet::new(), mistakes: self.mistakes }
    }

    fn heading(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) }
    }

    fn ruled<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'t>>,
        example: &str,
        rule: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Located<T>> {
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(key, value, "a text in quotes", example);
            return None;
        };
        match rule(text) {
            Ok(kept) => Some((kept, value.span())),
            Err(why) => {
                self.mistakes.add(&value.span(), format!("`{key}`: {why}"), example);
                None
            }
        }
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'t>>, wanted: &str, example: &str) {
        let what = format!("`{key}` must be {wanted}, and this is {}", kind(value.get_ref()));
        self.mistakes.add(&value.span(), what, example);
    }
}

/// The number, unless it is negative or beyond 64 bits.
fn whole(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// The known name that was probably meant: a third of its letters may be wrong.
fn nearest<'k>(name: &str, known: &BTreeSet<&'k str>) -> Option<&'k str> {
    let (distance, known) = known.iter().map(|known| (distance(name, known), *known)).min()?;
    (distance * 3 <= known.len().max(3)).then_some(known)
}

/// Letters to insert, remove, change or swap with their neighbour to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let change = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}
