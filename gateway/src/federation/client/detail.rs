//! What lies behind a call that failed, for the operator; and a denial, made fit for an agent.

use std::error::Error;

use baton_core::effect::CallError;
use baton_protocol::federation::Denial;
use baton_protocol::limits::MAX_LABEL;

/// Bytes of a denial's reason that an agent gets to see. The rest is the peer's talk: a megabyte of it would not
/// fit a frame, and would close the console of the agent who asked.
const MAX_REASON: usize = 2 * MAX_LABEL;

/// A call that was not answered as hoped.
#[derive(Debug)]
pub struct Failed {
    /// The kind, as the machines know it.
    pub error: CallError,
    /// What lies behind it. Never quotes a body.
    pub detail: String,
}

impl Failed {
    pub(super) fn new(error: CallError, detail: impl Into<String>) -> Self {
        Self { error, detail: detail.into() }
    }
}

/// Sorts what the HTTP library says.
pub(super) fn sort(error: reqwest::Error) -> Failed {
    let error = error.without_url();
    let nonsense =
        chain(&error).any(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse));
    let kind = if error.is_connect() {
        CallError::Unreachable
    } else if nonsense || error.is_redirect() || error.is_builder() {
        CallError::BadAnswer
    } else {
        // Too slow, or gone while we waited.
        CallError::NoAnswer
    };
    let detail: Vec<String> = chain(&error).map(ToString::to_string).collect();
    Failed::new(kind, detail.join(": "))
}

/// The error and what caused it.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The denial without what no sentence has: control characters, and more than a few lines.
pub(super) fn sober(denial: Denial) -> Denial {
    let mut detail = String::new();
    for letter in denial.detail.chars().filter(|letter| !letter.is_control()) {
        if detail.len() + letter.len_utf8() > MAX_REASON {
            break;
        }
        detail.push(letter);
    }
    Denial { detail, ..denial }
}
