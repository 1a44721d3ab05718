//! See `baton-bench --help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures Baton, or any WebSocket server.
///
/// Every command prints a table for people, and a last line of JSON with its figures.
#[derive(Debug, Parser)]
#[command(name = "baton-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Relay(baton_bench::relay::Relay),
    OpenLoop(baton_bench::relay::OpenLoop),
    Idle(baton_bench::connections::Idle),
    Accept(baton_bench::connections::Accept),
    Growth(baton_bench::endurance::Growth),
    Soak(baton_bench::endurance::Soak),
    Compare(baton_bench::compare::Compare),
    Transfer(baton_bench::transfer::Transfer),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Relay(relay) => relay.run(),
        Command::OpenLoop(open) => open.run(),
        Command::Idle(idle) => idle.run(),
        Command::Accept(accept) => accept.run(),
        Command::Growth(growth) => growth.run(),
        Command::Soak(soak) => soak.run(),
        Command::Compare(compare) => compare.run(),
        Command::Transfer(transfer) => transfer.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("baton-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
