//! The command line: `baton --help`.
//!
//! Exit codes: 0 done; 1 failed; 2 the command line is wrong; 78 the configuration is wrong, so that starting again
//! does not help (`EX_CONFIG` of sysexits.h; systemd: `RestartPreventExitStatus=78`).

mod agent;
mod api_key;
mod ask;
mod audit;
mod chat;
mod check;
mod echo;
mod embed;
mod erase;
mod init;
mod key;
mod peer;
mod serve;
mod terms;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError};
use crate::failure::Failure;
use crate::federation::keys::Keys;
use crate::store::sqlite::SqliteStore;

/// Exit code for a wrong configuration.
const WRONG_CONFIG: u8 = 78;

/// What the audit calls whoever works at the command line.
const OPERATOR: &str = "operator";

/// Live chat that can be handed over to other companies' servers.
#[derive(Debug, Parser)]
#[command(name = "baton", version, propagate_version = true)]
struct Cli {
    /// The data folder: settings, keys and database.
    #[arg(long, global = true, default_value = ".", value_name = "FOLDER")]
    dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set a new gateway up: settings, keys, database.
    Init(init::Init),
    /// Agents of this gateway.
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Other companies' gateways.
    #[command(subcommand)]
    Peer(peer::Peer),
    /// Show what became of transfers: who, where to, by which rule, how much left. Never what was said.
    Audit(audit::Audit),
    /// Chats of the running gateway.
    #[command(subcommand)]
    Chat(chat::Chat),
    /// Erase a customer, here and at every server that they came from or went to; and show the receipts.
    Erase(erase::Erase),
    /// This gateway's keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Keys with which programs use the HTTP API.
    #[command(subcommand)]
    ApiKey(api_key::ApiKey),
    /// Make the running gateway read its settings again. Everybody's connection moves over within a few seconds.
    Reload,
    /// Print the fingerprint of this gateway's key, for the operators of its peers.
    Fingerprint,
    /// Print what a website's owner pastes: the line of HTML, its hash, the policy.
    Embed,
    /// Look whether everything is in order: settings, keys, database, peers.
    Check,
    /// Run the gateway.
    Serve(serve::Serve),
    /// Run a WebSocket server that echoes every message: the gateway's socket code with nothing behind it, for
    /// conformance suites and measurements. Needs no data folder.
    Echo(echo::Echo),
}

/// Does what the command line says.
pub async fn run() -> ExitCode {
    let Cli { dir, command } = Cli::parse();
    let done = match command {
        Command::Init(init) => init.run(&dir),
        Command::Agent(agent) => agent.run(&dir).await,
        Command::Peer(peer) => peer.run(&dir).await,
        Command::Audit(audit) => audit.run(&dir).await,
        Command::Chat(chat) => chat.run(&dir).await,
        Command::Erase(erase) => erase.run(&dir).await,
        Command::Key(key) => key.run(&dir),
        Command::ApiKey(key) => key.run(&dir).await,
        Command::Reload => reload(&dir).await,
        Command::Fingerprint => fingerprint(&dir),
        Command::Embed => embed::run(&dir).await,
        Command::Check => check::run(&dir).await,
        Command::Serve(serve) => serve.run(&dir).await,
        Command::Echo(echo) => echo.run().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.is::<ConfigError>() {
                // Each line of it starts with file and line, as editors like it.
                eprintln!("{error}");
                return ExitCode::from(WRONG_CONFIG);
            }
            eprintln!("baton: {}", explain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, one a line.
fn explain(error: &anyhow::Error) -> String {
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some errors repeat their cause in their own words.
        if lines.last().is_none_or(|before| !before.ends_with(&cause)) {
            lines.push(cause);
        }
    }
    lines.join("\n  because: ")
}

fn fingerprint(folder: &Path) -> anyhow::Result<()> {
    println!("{}", Keys::load(folder)?.fingerprint());
    Ok(())
}

/// The settings of a data folder.
fn config(folder: &Path) -> anyhow::Result<Config> {
    match Config::load(folder) {
        Err(ConfigError::Unreadable { file, why }) if why.kind() == std::io::ErrorKind::NotFound => {
            let what = format!("there is no {}: this is not a gateway's data folder", file.display());
            Err(Failure::error(what, "name the folder with --dir, or set a gateway up with `baton init`"))
        }
        other => Ok(other?),
    }
}

/// The database of a data folder.
fn database(folder: &Path) -> anyhow::Result<SqliteStore> {
    let path = folder.join(crate::run::DATABASE);
    if !path.is_file() {
        let what = format!("there is no database {}", path.display());
        return Err(Failure::error(
            what,
            "restore it from a backup, or set a new gateway up with `baton init`",
        ));
    }
    SqliteStore::open(&path).map_err(|error| {
        let what = format!("cannot use the database {}: {error}", path.display());
        Failure::error(
            what,
            "is the disk full or the file another user's? Otherwise restore it from a backup",
        )
    })
}

/// Tells the gateway that runs in this folder, if one does, that the list of peers has changed. From then on it counts.
async fn tell_of_peers(folder: &Path) -> anyhow::Result<()> {
    // None, or one that this user cannot reach: it looks by itself now and then.
    crate::admin::ask(folder, &crate::admin::Request::PeersChanged).await.map(drop)
}

/// Tells the gateway that runs in this folder, if one does, that an agent was removed or replaced.
async fn tell_of_agent(folder: &Path, name: &str) -> anyhow::Result<()> {
    let todo = "`baton reload` ends its connections, or stop it and start it again";
    let request = crate::admin::Request::AgentReplaced { name: name.into() };
    match crate::admin::ask(folder, &request).await {
        Ok(None | Some(crate::admin::Answer::Done)) => Ok(()),
        Ok(Some(_)) => Err(Failure::error(format!("the running gateway does not let {name} go"), todo)),
        Err(error) => Err(Failure::error(
            format!("{name} may still have a console at the running gateway: {error:#}"),
            todo,
        )),
    }
}

/// Has the running gateway read its settings again, if there is nothing wrong with them.
async fn reload(folder: &Path) -> anyhow::Result<()> {
    let stays = "a gateway that runs here goes on with the settings that it has, and nobody is disconnected";
    config(folder).inspect_err(|_| eprintln!("nothing is changed: {stays}"))?;
    match crate::admin::ask(folder, &crate::admin::Request::Reload).await? {
        Some(crate::admin::Answer::Done) => println!("it reads its settings again"),
        Some(crate::admin::Answer::Refused(why)) => {
            return Err(Failure::error(
                format!("{why}\n  nothing is changed: {stays}"),
                "correct it and reload again",
            ));
        }
        Some(_) => {
            return Err(Failure::error(
                "the gateway does not know this command",
                "is it of the same version?",
            ));
        }
        None => println!("no gateway runs here; it reads its settings when it starts"),
    }
    Ok(())
}

/// Whether somebody is there to answer questions.
fn is_attended() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Rows under headings, each column as wide as it has to be.
fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let all = std::iter::once(line(&headings.map(str::to_owned))).chain(rows.iter().map(line));
    all.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_folder_may_stand_after_the_command() {
        let cli = Cli::try_parse_from(["baton", "agent", "list", "--dir", "/data"]).unwrap();
        assert_eq!(cli.dir, Path::new("/data"));
    }

    #[test]
    fn columns_are_as_wide_as_they_have_to_be() {
        let rows = [["a".to_owned(), "Äöü".to_owned()], ["long".to_owned(), String::new()]];
        assert_eq!(table(["x", "y"], &rows), "x     y\na     Äöü\nlong");
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("no disk").context("cannot open: no disk").context("cannot start");
        assert_eq!(explain(&error), "cannot start\n  because: cannot open: no disk");
    }
}
