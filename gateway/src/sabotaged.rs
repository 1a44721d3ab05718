//! `baton` with deliberate defects, see [`baton_gateway::sabotage`]. It is never shipped.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    baton_gateway::cli::run().await
}
