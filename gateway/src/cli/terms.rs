//! What is agreed with a peer: `baton peer set` and `baton peer rotate`.

use std::path::Path;

use anyhow::Result;
use baton_core::audit::Record;
use baton_core::policy::Fields;
use clap::{Args, ValueEnum};

use super::agent::check_areas;
use super::peer::pin;
use super::{Failure, config, database};
use crate::config::{Config, rules};
use crate::driver::now;
use crate::federation::client::Client;
use crate::federation::keys::fingerprint;
use crate::peering::difference::difference;
use crate::peering::introduction::introduce;
use crate::peering::parts::{named, names};
use crate::peering::{MOST_PER_MINUTE, MOST_RESERVATIONS};
use crate::store::sqlite::SqliteStore;
use crate::store::{Agreement, Change, Mode, PeerClass, PeerRow, Store};

/// What is agreed. What is not named stays as it is.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Terms {
    /// An area of ours that it may send customers to. Repeat for more; `--area ""` for all of them.
    #[arg(long = "area", value_name = "NAME")]
    areas: Vec<String>,
    /// An agent of ours who may transfer to it. Repeat for more; `--agent ""` for all of them.
    #[arg(long = "agent", value_name = "NAME")]
    agents: Vec<String>,
    /// What it gets of what we send: all, none, or some of identity, notes, transcript, documents, comments.
    #[arg(long, value_parser = named, value_name = "PART,PART")]
    give: Option<Fields>,
    /// What we take of what it sends: all, none, or some of identity, notes, transcript, documents, comments.
    #[arg(long, value_parser = named, value_name = "PART,PART")]
    take: Option<Fields>,
    /// Whether it may pass on to a third company what we send.
    #[arg(long, value_name = "YES/NO")]
    pass_on: Option<Answer>,
    /// Transfers that it may ask for in a minute.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=i64::from(MOST_PER_MINUTE)))]
    per_minute: Option<u32>,
    /// Customers of its that may be on their way here at once.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=i64::from(MOST_RESERVATIONS)))]
    reservations: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Answer {
    /// It may.
    Yes,
    /// It may not.
    No,
}

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Set {
    /// Its server name.
    name: String,
    /// How near it is.
    #[arg(long)]
    class: Option<PeerClass>,
    /// How customers go there.
    #[arg(long)]
    mode: Option<Mode>,
    /// Its page for customers whose browser goes there.
    #[arg(long, value_parser = rules::page, value_name = "URL")]
    page: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Its server name.
    name: String,
    /// What `baton fingerprint` prints there, as its operator told you. Repeat while its keys change.
    #[arg(long = "fingerprint", value_name = "SHA256:…")]
    fingerprints: Vec<String>,
}

impl Terms {
    /// Only areas that there are.
    pub(super) fn check(&self, config: &Config) -> Result<()> {
        if all(&self.areas) { Ok(()) } else { check_areas(&self.areas, config) }
    }

    /// Changes what is named.
    pub(super) fn apply(self, peer: &mut PeerRow) {
        let agreement = &mut peer.agreement;
        if !self.areas.is_empty() {
            peer.areas = (!all(&self.areas)).then_some(self.areas);
        }
        if !self.agents.is_empty() {
            agreement.agents = (!all(&self.agents)).then_some(self.agents);
        }
        agreement.fields_out = self.give.unwrap_or(agreement.fields_out);
        agreement.fields_in = self.take.unwrap_or(agreement.fields_in);
        agreement.confined = self.pass_on.map_or(agreement.confined, |answer| matches!(answer, Answer::No));
        agreement.per_minute = self.per_minute.unwrap_or(agreement.per_minute);
        agreement.reservations = self.reservations.unwrap_or(agreement.reservations);
    }
}

fn all(names: &[String]) -> bool {
    names.iter().any(String::is_empty)
}

impl Set {
    /// Changes the agreement.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        self.terms.check(&config(folder)?)?;
        let store = database(folder)?;
        let before = find(&store, &self.name).await?;
        let mut peer = before.clone();
        peer.class = self.class.unwrap_or(peer.class);
        peer.mode = self.mode.unwrap_or(peer.mode);
        peer.page = self.page.or(peer.page);
        if peer.mode == Mode::Navigate && peer.page.is_none() {
            return Err(Failure::error("a browser cannot go there without a page", "add --page"));
        }
        self.terms.apply(&mut peer);
        let agreed = format!("{}: {}", peer.name, line(&peer.agreement));
        keep(&store, Some(&before), peer).await?;
        println!("{agreed}");
        Ok(())
    }
}

impl Rotate {
    /// Pins the keys that the peer has now.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        let store = database(folder)?;
        let before = find(&store, &self.name).await?;
        let mut peer = before.clone();
        let answer = introduce(&Client::new()?, &peer.base_url).await?;
        if answer.name != peer.name {
            let what = format!("what answers at {} is called {}", peer.base_url, answer.name);
            return Err(Failure::error(what, "ask its operator"));
        }
        let old: Vec<String> = peer.keys.keys.iter().map(fingerprint).collect();
        eprintln!("{} was known by {}", peer.name, old.join(", "));
        peer.keys = pin(&answer, &peer.base_url, &self.fingerprints)?;
        let known: Vec<String> = peer.keys.keys.iter().map(fingerprint).collect();
        keep(&store, Some(&before), peer).await?;
        println!("{} is known by {}", self.name, known.join(", "));
        Ok(())
    }
}

/// Stores a peer, and who has changed what of it.
pub(super) async fn keep(store: &SqliteStore, before: Option<&PeerRow>, peer: PeerRow) -> Result<()> {
    let (what, how) = (format!("peer {}", peer.name), difference(before, &peer));
    let record = Record::change(now(), super::OPERATOR, what, &how);
    store.administer(Change::PutPeer(peer), record).await?;
    Ok(())
}

/// The peer of this name.
pub(super) async fn find(store: &SqliteStore, name: &str) -> Result<PeerRow> {
    let found = store.peers().await?.into_iter().find(|peer| peer.name == name);
    found.ok_or_else(|| {
        Failure::error(format!("there is no peer {name:?}"), "`baton peer list` shows their names")
    })
}

/// An agreement in a line; what is as usual is left out.
pub(super) fn line(agreement: &Agreement) -> String {
    let usual = Agreement::default();
    let mut said = Vec::new();
    said.extend(agreement.suspended.then(|| "SUSPENDED".into()));
    said.extend(agreement.agents.as_ref().map(|agents| format!("agents {}", agents.join(" "))));
    for (name, fields) in [("gives", agreement.fields_out), ("takes", agreement.fields_in)] {
        said.extend((fields != Fields::default()).then(|| format!("{name} {}", names(fields))));
    }
    said.extend(agreement.confined.then(|| "must not pass on".into()));
    let numbers = (agreement.per_minute, agreement.reservations);
    if numbers != (usual.per_minute, usual.reservations) {
        said.push(format!("{} a minute, {} at once", numbers.0, numbers.1));
    }
    if said.is_empty() { "as usual".into() } else { said.join("; ") }
}
