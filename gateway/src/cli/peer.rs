//! `baton peer`

use std::path::Path;

use anyhow::Result;
use baton_core::audit::Record;
use baton_protocol::federation::{Jwks, WellKnown};
use clap::{Args, Subcommand, ValueEnum};

use super::introduction::introduce;
use super::terms::{Rotate, Set, Terms, find, keep};
use super::{Failure, ask, config, database, is_attended, table};
use crate::config::{Config, rules};
use crate::driver::now;
use crate::federation::client::Client;
use crate::federation::keys::fingerprint;
use crate::store::{self, Agreement, Change, PeerClass, PeerRow, Store};

/// See the command's help.
#[derive(Debug, Subcommand)]
pub(super) enum Peer {
    /// Make another gateway a peer, or read anew what a peer says of itself.
    Add(Add),
    /// Change what was agreed with a peer; what is not named stays. A running gateway follows at once.
    Set(Set),
    /// List the peers.
    List,
    /// For now, no new transfer goes to this peer or comes from it. Chats that have arrived go on.
    Suspend {
        /// Its server name.
        name: String,
    },
    /// Transfers go on.
    Resume {
        /// Its server name.
        name: String,
    },
    /// Trust the keys that a peer has now, after comparing their fingerprints with its operator.
    Rotate(Rotate),
    /// End the agreement with a peer: from now on, nothing goes there and nothing comes from there.
    Remove {
        /// Its server name.
        name: String,
    },
}

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The `url` of its settings: https://chat.globex.example
    #[arg(value_parser = rules::base_url)]
    base_url: String,
    /// How near it is. That decides what may be sent along with a customer.
    #[arg(long)]
    class: Class,
    /// How customers go there: their page stays and the widget moves, or their browser goes to the peer's page.
    #[arg(long, default_value = "in-place")]
    mode: Mode,
    /// Its page for customers whose browser goes there: the `page` of its settings.
    #[arg(long, value_parser = rules::page, value_name = "URL", required_if_eq("mode", "navigate"))]
    page: Option<String>,
    /// What `baton fingerprint` prints there, as its operator told you. Repeat while its keys change.
    #[arg(long = "fingerprint", value_name = "SHA256:…")]
    fingerprints: Vec<String>,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Class {
    /// Another server of our own company.
    SameCompany,
    /// A company with which there is an agreement.
    Partner,
    /// Any other company.
    Other,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Mode {
    /// The page stays, the widget moves.
    InPlace,
    /// The browser goes to the peer's page.
    Navigate,
}

impl From<Class> for PeerClass {
    fn from(class: Class) -> Self {
        match class {
            Class::SameCompany => Self::SameCompany,
            Class::Partner => Self::Partner,
            Class::Other => Self::Other,
        }
    }
}

impl From<Mode> for store::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::InPlace => Self::InPlace,
            Mode::Navigate => Self::Navigate,
        }
    }
}

impl Peer {
    /// Does it.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        match self {
            Self::List => return list(folder).await,
            Self::Add(add) => add.run(folder).await?,
            Self::Set(set) => set.run(folder).await?,
            Self::Suspend { name } => suspend(folder, &name, true).await?,
            Self::Resume { name } => suspend(folder, &name, false).await?,
            Self::Rotate(rotate) => rotate.run(folder).await?,
            Self::Remove { name } => remove(folder, &name).await?,
        }
        super::tell_of_peers(folder).await
    }
}

impl Add {
    async fn run(self, folder: &Path) -> Result<()> {
        let config = config(folder)?;
        self.terms.check(&config)?;
        let store = database(folder)?;
        let peer = introduce(&Client::new()?, &self.base_url).await?;
        let peers = store.peers().await?;
        check_name(&peer.name, &self.base_url, &config, &peers)?;
        let keys = pin(&peer, &self.base_url, &self.fingerprints)?;
        let known: Vec<String> = keys.keys.iter().map(fingerprint).collect();
        let name = peer.name.clone();
        let old = peers.into_iter().find(|old| old.name == name);
        let terms = self.terms.clone();
        let mut row = self.row(peer, keys);
        if let Some(old) = old.clone() {
            // Read anew, it keeps what was agreed.
            (row.areas, row.agreement, row.revoked) = (old.areas, old.agreement, old.revoked);
        }
        terms.apply(&mut row);
        keep(&store, old.as_ref(), row).await?;
        println!("{name} is a peer, known by {}", known.join(", "));
        println!("It must make this gateway its peer too: baton peer add {}", config.origin());
        Ok(())
    }

    fn row(self, peer: WellKnown, keys: Jwks) -> PeerRow {
        PeerRow {
            name: peer.name,
            title: peer.title,
            subject: peer.subject,
            base_url: self.base_url,
            federation: peer.federation,
            socket: peer.socket,
            page: self.page,
            keys,
            class: self.class.into(),
            areas: None,
            mode: self.mode.into(),
            agreement: Agreement::default(),
            revoked: Vec::new(),
        }
    }
}

/// The keys that the operator stands for.
pub(super) fn pin(peer: &WellKnown, base_url: &str, fingerprints: &[String]) -> Result<Jwks> {
    if !fingerprints.is_empty() {
        return pinned(peer, fingerprints);
    }
    eprintln!("{} ({}) at {base_url} has the fingerprint", peer.name, peer.title);
    peer.jwks.keys.iter().for_each(|key| eprintln!("  {}", fingerprint(key)));
    let todo = "ask its operator what `baton fingerprint` prints there, on another way than through this address, \
                and add --fingerprint with it";
    if !is_attended() {
        return Err(Failure::error("nobody is here to compare the fingerprint", todo));
    }
    if !ask::confirmed("Has its operator told you the same, on another way than this?")? {
        return Err(Failure::error(format!("{} was not confirmed", peer.name), todo));
    }
    Ok(peer.jwks.clone())
}

/// Exactly the keys with these fingerprints; each must be there.
pub(crate) fn pinned(peer: &WellKnown, fingerprints: &[String]) -> Result<Jwks> {
    let has = |wanted: &String| peer.jwks.keys.iter().any(|key| fingerprint(key) == *wanted);
    if let Some(wanted) = fingerprints.iter().find(|wanted| !has(wanted)) {
        let found: Vec<String> = peer.jwks.keys.iter().map(fingerprint).collect();
        let what = format!("{} has no key {wanted}; it has {}", peer.name, found.join(", "));
        let todo = "compare with its operator again. If they see what you gave, somebody else answers at this address";
        return Err(Failure::error(what, todo));
    }
    let keys = peer.jwks.keys.iter().filter(|key| fingerprints.contains(&fingerprint(key)));
    Ok(Jwks { keys: keys.cloned().collect() })
}

/// Nobody takes our name, or another peer's.
pub(crate) fn check_name(name: &str, base_url: &str, config: &Config, peers: &[PeerRow]) -> Result<()> {
    if name == config.name {
        let todo = "name the other gateway's address; if it has the same name, one of the two must change it";
        return Err(Failure::error(
            format!("what answers at {base_url} is called {name}, as this gateway is"),
            todo,
        ));
    }
    if let Some(other) = peers.iter().find(|peer| peer.name == name && peer.base_url != base_url) {
        let what = format!("there is a peer {name} already, at {}", other.base_url);
        let todo = format!("if it has moved, first `baton peer remove {name}`");
        return Err(Failure::error(what, todo));
    }
    Ok(())
}

async fn list(folder: &Path) -> Result<()> {
    let mut peers = database(folder)?.peers().await?;
    if peers.is_empty() {
        println!("no peers yet: baton peer add URL --class partner");
        return Ok(());
    }
    peers.sort_by(|one, other| one.name.cmp(&other.name));
    let rows: Vec<_> = peers.into_iter().map(row).collect();
    println!(
        "{}",
        table(["name", "title", "address", "class", "mode", "may use", "agreed", "fingerprint"], &rows)
    );
    Ok(())
}

fn row(peer: PeerRow) -> [String; 8] {
    let (class, mode) = (class_word(peer.class), mode_word(peer.mode));
    let areas = peer.areas.map_or("every area".into(), |areas| areas.join(", "));
    let keys: Vec<String> = peer.keys.keys.iter().map(fingerprint).collect();
    let agreed = super::terms::line(&peer.agreement);
    [peer.name, peer.title, peer.base_url, class.into(), mode.into(), areas, agreed, keys.join(", ")]
}

/// As the command line has it.
pub(super) fn class_word(class: PeerClass) -> &'static str {
    match class {
        PeerClass::SameCompany => "same-company",
        PeerClass::Partner => "partner",
        PeerClass::Other => "other",
    }
}

/// As the command line has it.
pub(super) fn mode_word(mode: store::Mode) -> &'static str {
    match mode {
        store::Mode::InPlace => "in-place",
        store::Mode::Navigate => "navigate",
    }
}

async fn suspend(folder: &Path, name: &str, on: bool) -> Result<()> {
    let store = database(folder)?;
    let before = find(&store, name).await?;
    let mut peer = before.clone();
    peer.agreement.suspended = on;
    keep(&store, Some(&before), peer).await?;
    println!("transfers to and from {name} {}", if on { "are suspended" } else { "go on" });
    Ok(())
}

async fn remove(folder: &Path, name: &str) -> Result<()> {
    let record = Record::change(now(), super::OPERATOR, format!("peer {name}"), "removed");
    if database(folder)?.administer(Change::RemovePeer(name.into()), record).await? {
        println!("{name} is no peer any more");
        return Ok(());
    }
    Err(Failure::error(format!("there is no peer {name:?}"), "`baton peer list` shows their names"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::introduction::tests::honest;

    #[test]
    fn s1_exactly_the_keys_that_were_compared_are_pinned() {
        let mut peer = honest();
        peer.jwks.keys.extend(honest().jwks.keys);
        let prints: Vec<String> = peer.jwks.keys.iter().map(fingerprint).collect();
        assert_eq!(pinned(&peer, &prints[1..]).unwrap().keys, peer.jwks.keys[1..]);
        assert_eq!(pinned(&peer, &prints).unwrap(), peer.jwks);
        let wrong = ["SHA256:nonsense".to_owned(), prints[0].clone()];
        assert!(pinned(&peer, &wrong).unwrap_err().to_string().contains("no key SHA256:nonsense"));
    }

    #[test]
    fn s1_nobody_takes_another_servers_name() {
        let text = "name = \"acme\"\ntitle = \"A\"\nurl = \"https://a.example\"\nlisten = \"[::1]:1\"\n\
                    [[area]]\nname = \"a\"\ntitle = \"A\"";
        let config = Config::parse(text, Path::new("baton.toml")).unwrap();
        let add = Add {
            base_url: "http://globex.localhost:7102".into(),
            class: Class::Partner,
            mode: Mode::InPlace,
            page: None,
            fingerprints: Vec::new(),
            terms: Terms::default(),
        };
        let peers = [add.row(honest(), Jwks::default())];
        let check = |name, url| check_name(name, url, &config, &peers).is_ok();
        assert!(check("initech", "https://initech.example"));
        assert!(check("globex", "http://globex.localhost:7102"), "a peer may be read anew");
        assert!(!check("globex", "https://evil.example"));
        assert!(!check("acme", "https://evil.example"));
    }
}
