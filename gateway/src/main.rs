//! The `baton` command.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    baton_gateway::cli::run().await
}
