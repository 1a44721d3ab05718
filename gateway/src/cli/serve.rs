//! `baton serve`

use std::io::IsTerminal;
use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::config;

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// How the log is written, to standard error. How much of it: RUST_LOG, for example `baton_gateway=debug`.
    #[arg(long, default_value = "text")]
    log: Log,
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
        let config = config(folder)?;
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // A file has no colours.
        let log = log.with_ansi(std::io::stderr().is_terminal());
        match self.log {
            Log::Text => log.init(),
            Log::Json => log.json().init(),
        }
        crate::serve(config).await
    }
}
