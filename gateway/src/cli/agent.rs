//! `baton agent`

use std::path::Path;

use anyhow::{Result, anyhow};
use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, ask, config, database, table};
use crate::config::{Config, rules};
use crate::driver::random;
use crate::store::{self, AgentRow, Hidden, Store};

/// See the command's help.
#[derive(Debug, Subcommand)]
pub(super) enum Agent {
    /// Add an agent.
    Add(Add),
    /// List the agents.
    List,
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
}

impl Agent {
    /// Does it.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        match self {
            Self::Add(add) => add.run(folder).await,
            Self::List => list(folder).await,
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
            },
            areas: self.areas,
            max_chats: self.max_chats.unwrap_or(config.limits.max_chats),
            name: self.name,
        };
        let name = agent.name.clone();
        store.put_agent(agent).await?;
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

/// An argon2id hash with the parameters that OWASP recommends: 19 MiB, two passes, one lane.
fn hash(password: &str) -> Result<Hidden> {
    let salt = SaltString::encode_b64(&random::<16>()).map_err(|error| anyhow!("no salt: {error}"))?;
    let params = Params::new(19 * 1_024, 2, 1, None).map_err(|error| anyhow!("no parameters: {error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes(), &salt);
    Ok(Hidden::new(hash.map_err(|error| anyhow!("the password cannot be hashed: {error}"))?.to_string()))
}

async fn list(folder: &Path) -> Result<()> {
    let mut agents = database(folder)?.agents().await?;
    if agents.is_empty() {
        println!("no agents yet: baton agent add NAME --title TITLE --area AREA");
        return Ok(());
    }
    agents.sort_by(|one, other| one.name.cmp(&other.name));
    let rows: Vec<_> = agents.into_iter().map(row).collect();
    println!("{}", table(["name", "title", "role", "chats", "areas"], &rows));
    Ok(())
}

fn row(agent: AgentRow) -> [String; 5] {
    let role = match agent.role {
        store::Role::Agent => "agent",
        store::Role::Supervisor => "supervisor",
    };
    [agent.name, agent.title, role.into(), agent.max_chats.to_string(), agent.areas.join(", ")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHash, PasswordVerifier};

    #[test]
    fn s2_a_password_is_kept_as_an_argon2id_hash_with_a_salt_of_its_own() {
        let (one, other) = (hash("correct horse battery").unwrap(), hash("correct horse battery").unwrap());
        assert!(one.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.reveal());
        assert_ne!(one, other);
        let parsed = PasswordHash::new(one.reveal()).unwrap();
        let right = |password: &str| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
        assert!(right("correct horse battery") && !right("correct horse"));
    }
}
