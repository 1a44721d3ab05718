//! What is wrong with a configuration, as its author reads it: where, what, and what would be right.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        why: std::io::Error,
    },
    /// The file says something that it must not, or does not say something that it must.
    Wrong {
        /// The file.
        file: PathBuf,
        /// Every mistake, in the file's order. At least one.
        mistakes: Vec<Mistake>,
    },
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Its line, counted from 1. A setting that is missing has the line of its section's heading.
    pub line: usize,
    /// What is wrong, a sentence without its full stop.
    pub what: String,
    /// A line, or a few, that would be right.
    pub example: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, why } => write!(f, "cannot read {}: {why}", file.display()),
            Self::Wrong { file, mistakes } => {
                for (count, Mistake { line, what, example }) in mistakes.iter().enumerate() {
                    if count > 0 {
                        writeln!(f)?;
                    }
                    write!(f, "{}:{line}: {what}", file.display())?;
                    for example in example.lines() {
                        write!(f, "\n    {example}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Collects mistakes, so that an author sees all of them at once.
pub(super) struct Mistakes<'t> {
    text: &'t str,
    found: RefCell<Vec<Mistake>>,
}

impl<'t> Mistakes<'t> {
    /// None yet.
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, found: RefCell::default() }
    }

    /// Adds one.
    pub(super) fn add(&self, at: &Range<usize>, what: impl Into<String>, example: impl Into<String>) {
        let before = self.text.as_bytes().iter().take(at.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        self.found.borrow_mut().push(Mistake { line, what: what.into(), example: example.into() });
    }

    /// All of them, in the file's order.
    pub(super) fn into_sorted(self) -> Vec<Mistake> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|mistake| mistake.line);
        found
    }
}
