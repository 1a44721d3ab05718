//! Errors for operators and administrators, who read on the command line or in an answer what they can do.

/// What went wrong and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    todo: String,
}

impl Failure {
    /// An error, for a command to end with or a request to be answered with.
    pub(crate) fn error(what: impl Into<String>, todo: impl Into<String>) -> anyhow::Error {
        Self { what: what.into(), todo: todo.into() }.into()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n  to do: {}", self.what, self.todo)
    }
}

impl std::error::Error for Failure {}
