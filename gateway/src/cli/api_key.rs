//! `baton api-key`

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use baton_core::audit;
use clap::{Args, Subcommand};

use super::audit::{span, utc};
use super::{Failure, config, database, table};
use crate::api::keys::{Wanted, make};
use crate::config::rules;
use crate::driver::now;
use crate::store::{self, Change, Scope, Store};

/// See the command's help.
#[derive(Debug, Subcommand)]
pub(super) enum ApiKey {
    /// Make a key. It is shown once.
    Add(Add),
    /// List the keys.
    List,
    /// Make a key worthless, from now on.
    Revoke {
        /// Its id, as `list` shows it.
        id: String,
    },
}

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What it is for.
    #[arg(value_parser = rules::label)]
    title: String,
    /// What it opens. Repeat for more.
    #[arg(long = "scope", required = true)]
    scopes: Vec<Scope>,
    /// It changes things, too. Without this it only reads.
    #[arg(long)]
    write: bool,
    /// When it ends: 12h, 90d. Without it, never.
    #[arg(long, value_parser = span, value_name = "TIME")]
    ends_in: Option<Duration>,
}

impl ApiKey {
    /// Does it.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        let store = database(folder)?;
        match self {
            Self::Add(add) => {
                let origin = config(folder)?.origin();
                let ends_in = add.ends_in.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
                let Add { title, scopes, write: writes, .. } = add;
                let wanted = Wanted { title, scopes, writes, ends_in };
                let (key, secret) = make(wanted, super::OPERATOR, now());
                let what = format!("key {} ({})", key.id, key.title);
                let record = audit::Record::change(now(), super::OPERATOR, what, "made");
                store.administer(Change::PutKey(key), record).await?;
                println!("{secret}");
                eprintln!("This is the only time that it is shown. Use it so:");
                eprintln!("  curl -H 'Authorization: Bearer …' {origin}/api/v1/openapi.json");
            }
            Self::List => {
                let rows: Vec<_> = store.api_keys().await?.into_iter().map(row).collect();
                println!("{}", table(["id", "for", "opens", "may", "made by", "made at", "ends at"], &rows));
            }
            Self::Revoke { id } => {
                let record = audit::Record::change(now(), super::OPERATOR, format!("key {id}"), "revoked");
                if !store.administer(Change::RemoveKey(id.clone()), record).await? {
                    return Err(Failure::error(
                        format!("there is no key {id:?}"),
                        "`baton api-key list` shows them",
                    ));
                }
                println!("{id} opens nothing any more");
            }
        }
        Ok(())
    }
}

fn row(key: store::ApiKey) -> [String; 7] {
    let scopes: Vec<String> = key.scopes.iter().map(|scope| format!("{scope:?}").to_lowercase()).collect();
    let may = if key.writes { "read and write" } else { "read" };
    let ends = key.ends_at.map_or("never".into(), utc);
    [key.id, key.title, scopes.join(", "), may.into(), key.made_by, utc(key.made_at), ends]
}
