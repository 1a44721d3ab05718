//! `baton peer`

use std::path::Path;

use anyhow::Result;
use baton_core::audit::Record;
use baton_protocol::federation::{Jwks, WellKnown};
use clap::{Args, Subcommand};

use super::terms::{Rotate, Set, Terms, find, keep};
use super::{Failure, ask, config, database, is_attended, table};
use crate::config::rules;
use crate::driver::now;
use crate::federation::client::Client;
use crate::federation::keys::fingerprint;
use crate::peering::introduction::introduce;
use crate::peering::{check_name, pinned, word};
use crate::store::{Agreement, Change, Mode, PeerClass, PeerRow, Store};

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
    class: PeerClass,
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
            class: self.class,
            areas: None,
            mode: self.mode,
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
    let (class, mode) = (word(&peer.class), word(&peer.mode));
    let areas = peer.areas.map_or("every area".into(), |areas| areas.join(", "));
    let keys: Vec<String> = peer.keys.keys.iter().map(fingerprint).collect();
    let agreed = super::terms::line(&peer.agreement);
    [peer.name, peer.title, peer.base_url, class, mode, areas, agreed, keys.join(", ")]
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
