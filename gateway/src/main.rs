//! The `baton` command.

use std::process::ExitCode;

/// A message costs a fifth less processor time with it than with glibc's, and a connection a seventh less memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    baton_gateway::cli::run().await
}
