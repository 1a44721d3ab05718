//! Questions to the operator.

use std::io::{BufRead, Read, Write};

use anyhow::{Context, Result};

use super::Failure;
use crate::password::{LEAST, MOST};

/// A new password, from standard input or typed twice.
pub(super) fn new_password(from_stdin: bool) -> Result<String> {
    let password = if from_stdin { piped()? } else { typed()? };
    if password.chars().count() < LEAST {
        let what = format!("the password has fewer than {LEAST} characters");
        return Err(Failure::error(what, "use a few words that do not belong together"));
    }
    if password.len() > MOST {
        return Err(Failure::error(format!("the password has more than {MOST} bytes"), "use a shorter one"));
    }
    Ok(password)
}

fn piped() -> Result<String> {
    let mut text = String::new();
    let most = MOST as u64 + 2;
    std::io::stdin()
        .take(most)
        .read_to_string(&mut text)
        .context("cannot read a password from standard input")?;
    // The end of the line that `echo` and an editor add is no part of it.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn typed() -> Result<String> {
    if !super::is_attended() {
        return Err(Failure::error("nobody is here to type a password", "pipe it in with --password-stdin"));
    }
    let password = rpassword::prompt_password("Password: ").context("cannot read a password")?;
    let again = rpassword::prompt_password("Once more: ").context("cannot read a password")?;
    if password != again {
        return Err(Failure::error("the two passwords differ", "try again"));
    }
    Ok(password)
}

/// Whether the operator types `yes`.
pub(super) fn confirmed(question: &str) -> Result<bool> {
    eprint!("{question} Type yes: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
