//! `baton key`

use std::path::Path;

use anyhow::Result;
use baton_protocol::Timestamp;
use clap::Subcommand;

use super::audit::utc;
use super::{Failure, config, table};
use crate::driver::now;
use crate::federation::keys::Keys;

/// See the command's help.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// List the keys, the one that signs first.
    List,
    /// Make a new key. It is published at once, and signs when peers have had time to read it; the present key stands
    /// for it, so that they follow by themselves.
    Rotate {
        /// Let it sign at once. Peers that meet it ask for its introduction.
        #[arg(long)]
        at_once: bool,
    },
    /// End the trust in a key that somebody else may have. Peers refuse it within a minute.
    Revoke {
        /// As `baton key list` shows it.
        fingerprint: String,
    },
}

impl Key {
    /// Does it. A running gateway follows within a second.
    pub(super) fn run(self, folder: &Path) -> Result<()> {
        match self {
            Self::List => list(&Keys::load(folder)?),
            Self::Rotate { at_once } => {
                let config = config(folder)?;
                let from = if at_once { Timestamp(0) } else { now().plus(config.key_wait) };
                let keys = Keys::rotate(folder, &config.name, now(), from)
                    .map_err(|error| Failure::error(error.to_string(), "see `baton key list`"))?;
                list(&keys)?;
                println!("when no peer uses the old key any more: baton key revoke");
                Ok(())
            }
            Self::Revoke { fingerprint } => {
                let keys = Keys::revoke(folder, &fingerprint)
                    .map_err(|error| Failure::error(error.to_string(), "see `baton key list`"))?;
                list(&keys)?;
                println!("a peer that has not yet read the next key must compare: baton peer rotate");
                Ok(())
            }
        }
    }
}

fn list(keys: &Keys) -> Result<()> {
    let (mut rows, now) = (Vec::new(), now());
    for (fingerprint, from) in keys.fingerprints() {
        let state = match rows.is_empty() {
            true => "signs".into(),
            false if from > now => format!("signs from {}", utc(from)),
            false => "is still accepted".into(),
        };
        rows.push([fingerprint, state]);
    }
    println!("{}", table(["fingerprint", ""], &rows));
    Ok(())
}
