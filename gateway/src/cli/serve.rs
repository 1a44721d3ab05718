//! `baton serve`

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::config;
use crate::config::Config;
use crate::run::{DATABASE, Stopped};
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::store::sqlite::SqliteStore;

/// Entries that `--store memory` keeps of each chat: more than a client misses while it connects again.
const REMEMBERED: usize = 256;

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// How the log is written, to standard error. How much of it: RUST_LOG, for example `baton_gateway=debug`.
    #[arg(long, default_value = "text")]
    log: Log,
    /// Where chats are kept. With `memory` they are gone when the gateway stops, and of a long chat the oldest messages
    /// sooner: for measurements.
    #[arg(long, default_value = "disk")]
    store: Storage,
    /// What this process does. `[queue_manager]` in the settings says where edges find the queue.
    #[arg(long, default_value = "all")]
    role: Role,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Storage {
    /// In the data folder.
    Disk,
    /// Nowhere.
    Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Everything, the queue included.
    All,
    /// Everything but the queue, which is on another machine.
    Edge,
    /// The queue for edges.
    Queue,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Log {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

impl Serve {
    /// Runs the gateway until it is told to stop.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        let mut config = self.read(folder)?;
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // A file has no colours.
        let log = log.with_ansi(std::io::stderr().is_terminal());
        match self.log {
            Log::Text => log.init(),
            Log::Json => log.json().init(),
        }
        if self.role == Role::Queue {
            return crate::run::serve_queue(config).await;
        }
        let store = self.store.open(&config.folder.join(DATABASE))?;
        while let Stopped::ToReload(next) = crate::serve(config, store.clone(), || self.read(folder)).await? {
            config = *next;
        }
        Ok(())
    }

    /// The settings, for the role that this process has.
    fn read(&self, folder: &Path) -> Result<Config> {
        let mut config = config(folder)?;
        match (self.role, config.desk.manager.as_mut()) {
            (Role::All, Some(manager)) => manager.connect = None,
            (Role::All, None) => {}
            (Role::Edge, Some(manager)) if manager.connect.is_some() => {}
            (Role::Queue, Some(manager)) if manager.listen.is_some() => {}
            (Role::Edge, _) => return Err(missing("connect")),
            (Role::Queue, _) => return Err(missing("listen")),
        }
        Ok(config)
    }
}

impl Storage {
    fn open(self, database: &Path) -> Result<Arc<dyn Store>> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(database)?);
        match self {
            Self::Disk => Ok(store),
            Self::Memory => {
                tracing::warn!("--store memory: nothing that is said will be there after a restart");
                Ok(Arc::new(MemoryStore::bounded(REMEMBERED).with_people(store)))
            }
        }
    }
}

fn missing(key: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "the settings do not say where the queue manager is: add\n\n[queue_manager]\n{key} = \"10.0.0.5:7300\"\nsecret = \"queue.secret\""
    )
}
