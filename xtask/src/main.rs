//! Every developer command: `cargo xtask <verb>`.
//!
//! Each verb prints a last line of JSON with its figures and exits non-zero when it falls short. Nothing that a
//! verb makes is written into the work tree: all of it goes to one cache folder, see [`place`].

mod bench;
mod browser;
mod conformance;
mod conventions;
mod demo;
mod place;
mod process;
mod python;
mod size;
mod test;
mod web;

use std::process::ExitCode;

use web::Effort;

const USAGE: &str = "\
cargo xtask <verb>

  web [miniapp|console] [--dev]
                         the widget and the agents' console for browsers, into the cache folder;
                         --dev: quickly, with names in stack traces
  build                  `web`, then the gateway with both inside it
  demo [--overload] [--check]
                         two companies on this machine; --check does one transfer in headless browsers;
                         --overload: one of them has too many customers and sends them to the other
  test [--fast]          everything that is checked; --fast leaves the browsers out
  sim [words…]           random fault schedules against core (--schedules N --seed S, --mutants)
  queue-sim [words…]     the queue manager against queueing theory (--customers N --seed S --out FOLDER)
  kill-loop [words…]     real gateways, killed in the middle of transfers (--rounds N --seed S --only ROUND);
                         --sabotage early|forgetful: with a deliberate defect, which has to be found
  bench [--quick] [words…]
                         the gateway beside other servers, in turns; --quick: under ten minutes
  conformance            Autobahn's WebSocket cases against the gateway's socket code
  size                   what browsers download, against its budgets
  conventions            the rules of the source that no compiler knows

BATON_CACHE names the cache folder (else XDG_CACHE_HOME/baton, else ~/.cache/baton).";

/// A verb fell short, and what it printed says how: its figures stay the last line.
#[derive(Debug)]
struct Short;

impl std::fmt::Display for Short {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the figures above fall short")
    }
}

impl std::error::Error for Short {}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["web"] => web::verb(&web::ALL, Effort::Small),
        ["web", "--dev"] => web::verb(&web::ALL, Effort::Quick),
        ["web", name] => web::named(name).and_then(|app| web::verb(&[app], Effort::Small)),
        ["web", name, "--dev"] => web::named(name).and_then(|app| web::verb(&[app], Effort::Quick)),
        ["build"] => demo::build_verb(),
        ["demo"] => demo::demo(false, false),
        ["demo", "--check"] => demo::demo(true, false),
        ["demo", "--overload"] => demo::demo(false, true),
        ["demo", "--overload", "--check"] => demo::demo(true, true),
        ["test"] => test::verb(false),
        ["test", "--fast"] => test::verb(true),
        ["sim", rest @ ..] => process::cargo().and_then(|mut cargo| {
            process::run(
                cargo.args(["run", "--quiet", "--profile", "sim", "-p", "baton-sim", "--"]).args(rest),
            )
        }),
        ["queue-sim", rest @ ..] => demo::queue_sim(rest),
        ["kill-loop", rest @ ..] => demo::kill_loop(rest),
        ["bench", "--quick", rest @ ..] => bench::verb(true, rest),
        ["bench", rest @ ..] => bench::verb(false, rest),
        ["conformance"] => conformance::verb(),
        ["size"] => size::verb(),
        ["conventions"] => conventions::verb(),
        ["help" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<Short>() {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
