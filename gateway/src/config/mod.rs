//! What the operator says: `baton.toml` in the data folder.
//!
//! [`read`](self) goes through the file setting by setting; [`rules`] says what single values must be like,
//! [`template`] writes the file that `baton init` starts with, and every mistake is a [`Mistake`] with its line and
//! an example.

mod console;
pub mod desk;
mod documents;
mod holding;
pub mod hours;
mod mistake;
mod read;
pub mod rules;
mod section;
pub mod template;
#[cfg(test)]
mod tests;
mod visitors;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use baton_core::effect::Area;
use baton_core::effect::{Settings, Times};
use baton_core::policy::Rules;
use baton_protocol::limits::MAX_ENTRIES;
use baton_protocol::model::{Brand, Holding};

pub use console::{Console, Oidc};
pub use documents::{Documents, Place};
pub use mistake::{ConfigError, Mistake};
pub use visitors::{Algorithm, Contact, End, Field, Identity, Mail, MailTls};

/// The file's name in the data folder.
pub const FILE: &str = "baton.toml";

/// The path of the WebSocket.
pub(crate) const SOCKET_PATH: &str = "/v1/ws";

/// A configuration that has been checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Server name, by which peers know it.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// The subject that it handles, for agents of other companies. May be empty.
    pub subject: String,
    /// Accent colour, `#rrggbb`. Default `#1f6f50`.
    pub accent: String,
    /// Its address for browsers and peers, without a slash at the end.
    pub url: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its certificate, when no proxy before it ends TLS.
    pub tls: Option<Tls>,
    /// Origins of the websites that may embed the widget.
    pub sites: Vec<String>,
    /// A page of those sites that starts the widget, for customers whose browser another company sends here (M2).
    pub page: Option<String>,
    /// How else customers reach the company, whose browsers run no script.
    pub contact: Vec<Contact>,
    /// Areas, the first one the default. At least one.
    pub areas: Vec<Area>,
    /// Whether peers are told of no areas: every chat comes by one general entrance (D2). Default no.
    pub general_entrance: bool,
    /// What tells who has come (D4). Default the WTID.
    pub address: Address,
    /// Limits.
    pub limits: Limits,
    /// Proxies whose word of a connection's origin is believed.
    pub trusted_proxies: Vec<rules::Network>,
    /// Documents.
    pub documents: Documents,
    /// Time limits.
    pub times: Times,
    /// Milliseconds from a new key's publication to its first signature. Default an hour.
    pub key_wait: u64,
    /// What may leave this server (W2).
    pub rules: Rules,
    /// How areas serve those who wait.
    pub desk: desk::Desk,
    /// What waiting customers read, by area.
    pub holding: BTreeMap<String, Holding>,
    /// Sites that say who their customers are.
    pub identities: Vec<Identity>,
    /// Questions in the form that begins a chat.
    pub fields: Vec<Field>,
    /// When chats end by themselves (M4).
    pub end: End,
    /// The server that takes e-mail; none where there is no e-mail.
    pub mail: Option<Mail>,
    /// The agents' console.
    pub console: Console,
    /// The provider that agents log in with, beside their passwords.
    pub oidc: Option<Oidc>,
    /// The data folder.
    pub folder: PathBuf,
}

/// A certificate with its key, both PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, followed by those that lead to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What tells who has come, when a customer arrives from another server (D4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Address {
    /// The WTID; the address is everybody's.
    #[default]
    General,
    /// The address alone.
    Specific,
    /// WTID and address, which must fit each other.
    Both,
}

/// How much a gateway takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. Default 20,000.
    pub connections: usize,
    /// Connections at once from one address. Behind a proxy every connection has the proxy's. Default 1,000.
    pub per_address: usize,
    /// Chats at once of an agent who is added without a number of their own (A2). Default 6.
    pub max_chats: u32,
    /// Entries that a chat may have on this server. Default 10,000.
    pub messages: u64,
    /// Frames that a connection may send at once. Default 200.
    pub burst: u32,
    /// Frames per second that a connection may send in the long run. A person types fewer; a bot that serves several
    /// chats stays below. Default 50.
    pub per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            per_address: 1_000,
            max_chats: 6,
            messages: MAX_ENTRIES as u64,
            burst: 200,
            per_second: 50,
        }
    }
}

impl Config {
    /// Reads a data folder's configuration.
    ///
    /// # Errors
    /// When the file is missing or says something wrong.
    pub fn load(folder: &Path) -> Result<Self, ConfigError> {
        let file = folder.join(FILE);
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::parse(&text, &file),
            Err(why) => Err(ConfigError::Unreadable { file, why }),
        }
    }

    /// Reads a configuration that stands in `file`. Paths in it start at the file's folder.
    ///
    /// # Errors
    /// When it says something wrong.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        read::read(text, folder).map_err(|mistakes| ConfigError::Wrong { file: file.into(), mistakes })
    }

    /// The origin of this server's own pages: scheme, host, and port unless it is the scheme's own.
    #[must_use]
    pub fn origin(&self) -> String {
        // Reading the file has made an origin of it.
        self.url.clone()
    }

    /// The WebSocket's address.
    #[must_use]
    pub fn socket(&self) -> String {
        socket_of(&self.url)
    }

    /// The area of this name.
    #[must_use]
    pub fn area(&self, name: &str) -> Option<&Area> {
        self.areas.iter().find(|area| area.name == name)
    }

    /// What the machines need to know.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            server: self.name.clone(),
            brand: Brand { name: self.title.clone(), accent: self.accent.clone() },
            areas: self.areas.clone(),
            rules: self.rules.clone(),
            times: self.times,
            max_entries: self.limits.messages,
            preview: self.console.preview,
            customs: self.desk.customs.clone(),
        }
    }
}

/// The WebSocket of the server at this origin: `https` becomes `wss`, `http` becomes `ws`.
#[must_use]
pub fn socket_of(origin: &str) -> String {
    format!("ws{}{SOCKET_PATH}", origin.strip_prefix("http").unwrap_or(origin))
}
