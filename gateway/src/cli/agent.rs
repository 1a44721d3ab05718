//! `baton agent`

use std::path::Path;

use anyhow::Result;
use baton_core::audit;
use baton_protocol::model::Presence;
use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, ask, config, database, table};
use crate::config::{Config, rules};
use crate::driver::now;
use crate::password::hash;
use crate::store::{self, AgentRow, Change, Store};

/// See the command's help.
#[derive(Debug, Subcommand)]
pub(super) enum Agent {
    /// Add an agent.
    Add(Add),
    /// List the agents.
    List,
    /// Remove an agent. Their sessions and consoles end at once, and their chats go back to the queue.
    Remove {
        /// Login name.
        name: String,
    },
}

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// Login name: a-z, 0-9, `-` and `.`.
    #[arg(value_parser = rules::name)]
    name: String,
    /// The name that customers see.
    #[arg(long, value_parser = rules::label)]
    title: String,
    /// An area that they serve. Repeat for more.
    #[arg(long = "area", value_name = "NAME")]
    areas: Vec<String>,
    /// What they may do.
    #[arg(long, default_value = "agent")]
    role: Role,
    /// Chats at once. Without it, as baton.toml says under [limits].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    max_chats: Option<u32>,
    /// They pick customers up themselves and are given none, where an area gives customers out by itself.
    #[arg(long)]
    by_hand: bool,
    /// Read the password from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
    /// Replace the agent of this name, password and all.
    #[arg(long)]
    replace: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Serves the areas they are given.
    Agent,
    /// Sees every area.
    Supervisor,
    /// Administers the gateway, too.
    Admin,
}

impl Agent {
    /// Does it.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        match self {
            Self::Add(add) => add.run(folder).await,
            Self::List => list(folder).await,
            Self::Remove { name } => remove(folder, name).await,
        }
    }
}

impl Add {
    async fn run(self, folder: &Path) -> Result<()> {
        let config = config(folder)?;
        check_areas(&self.areas, &config)?;
        if self.areas.is_empty() && matches!(self.role, Role::Agent) {
            let what = format!("{} would serve no area", self.name);
            return Err(Failure::error(what, format!("add --area {}", config.areas[0].name)));
        }
        let store = database(folder)?;
        if !self.replace && store.agent(&self.name).await?.is_some() {
            let what = format!("there is an agent {} already", self.name);
            return Err(Failure::error(what, "choose another name, or add --replace"));
        }
        let password = ask::new_password(self.password_stdin)?;
        let agent = AgentRow {
            title: self.title,
            password_hash: hash(&password)?,
            role: match self.role {
                Role::Agent => store::Role::Agent,
                Role::Supervisor => store::Role::Supervisor,
                Role::Admin => store::Role::Admin,
            },
            areas: self.areas,
            max_chats: self.max_chats.unwrap_or(config.limits.max_chats),
            external: None,
            by_hand: self.by_hand,
            presence: Presence::Available,
            name: self.name,
        };
        let name = agent.name.clone();
        let how = format!(
            "{}, {}{}",
            agent.role.word(),
            if agent.areas.is_empty() { "no area".into() } else { agent.areas.join(", ") },
            if agent.by_hand { ", by hand" } else { "" }
        );
        let record = audit::Record::change(now(), super::OPERATOR, format!("agent {name}"), &how);
        // Whoever replaces an agent means to end their logins, whatever the password.
        store.remove_agent_tokens(&name, None).await?;
        store.administer(Change::PutAgent(agent), record).await?;
        super::tell_of_agent(folder, &name).await?;
        println!("{name} can log in at {}/console/", config.origin());
        Ok(())
    }
}

/// Only areas that the settings name.
pub(super) fn check_areas(areas: &[String], config: &Config) -> Result<()> {
    let Some(unknown) = areas.iter().find(|name| config.area(name).is_none()) else { return Ok(()) };
    let known: Vec<&str> = config.areas.iter().map(|area| area.name.as_str()).collect();
    let todo = format!("choose one of {}, or add it to baton.toml first", known.join(", "));
    Err(Failure::error(format!("there is no area {unknown:?} here"), todo))
}

async fn remove(folder: &Path, name: String) -> Result<()> {
    let record = audit::Record::change(now(), super::OPERATOR, format!("agent {name}"), "removed");
    if database(folder)?.administer(Change::RemoveAgent(name.clone()), record).await? {
        super::tell_of_agent(folder, &name).await?;
        println!("{name} is logged out everywhere and can log in no more");
        return Ok(());
    }
    Err(Failure::error(format!("there is no agent {name:?}"), "`baton agent list` shows their names"))
}

async fn list(folder: &Path) -> Result<()> {
    let mut agents = database(folder)?.agents().await?;
    if agents.is_empty() {
        println!("no agents yet: baton agent add NAME --title TITLE --area AREA");
        return Ok(());
    }
    agents.sort_by(|one, other| one.name.cmp(&other.name));
    let rows: Vec<_> = agents.into_iter().map(row).collect();
    println!("{}", table(["name", "title", "role", "chats", "given", "areas"], &rows));
    Ok(())
}

fn row(agent: AgentRow) -> [String; 6] {
    let AgentRow { name, title, role, areas, max_chats, by_hand, .. } = agent;
    let given = if by_hand { "by hand" } else { "as the area does" };
    [name, title, role.word().into(), max_chats.to_string(), given.into(), areas.join(", ")]
}
