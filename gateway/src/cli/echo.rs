//! `baton echo`

use std::net::SocketAddr;

use anyhow::Result;
use clap::Args;

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Echo {
    /// Where to listen. Whoever reaches it may use it as they like: there is neither login nor limit.
    #[arg(long, default_value = "127.0.0.1:9001", value_name = "ADDRESS")]
    listen: SocketAddr,
}

impl Echo {
    /// Echoes until it is told to stop.
    pub(super) async fn run(&self) -> Result<()> {
        crate::run::serve_echo(self.listen).await
    }
}
