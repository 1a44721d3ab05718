//! `baton check`: one line for each thing that was looked at, and what to do where it is not in order.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, anyhow, ensure};
use baton_protocol::federation::WellKnown;

use super::{Failure, config, database, explain};
use crate::config::{Config, Place};
use crate::documents::Documents;
use crate::federation::client::Client;
use crate::federation::keys::{Keys, fingerprint};
use crate::peering::introduction::introduce;
use crate::run::DATABASE;
use crate::store::sqlite::SqliteStore;
use crate::store::{AgentRow, PeerRow, Store};

/// Columns of what was looked at.
const WIDTH: usize = 14;

/// What was looked at so far.
#[derive(Default)]
struct Report {
    wrong: usize,
}

impl Report {
    /// Prints a line; gives the result on when it is there.
    fn line<T>(&mut self, what: &str, result: Result<T>, detail: impl FnOnce(&T) -> String) -> Option<T> {
        match result {
            Ok(value) => {
                println!("ok     {what:WIDTH$}  {}", detail(&value));
                Some(value)
            }
            Err(error) => {
                self.wrong += 1;
                println!("WRONG  {what:WIDTH$}  {}", explain(&error).replace('\n', "\n       "));
                None
            }
        }
    }

    /// Something that works, and is probably not what was meant.
    fn note(&self, text: &str) {
        println!("note   {text}");
    }
}

/// Looks at everything.
pub(super) async fn run(folder: &Path) -> Result<()> {
    let mut report = Report::default();
    // Without settings there is nothing more to look at, and the exit code says so.
    let config = config(folder)?;
    report.line("settings", Ok(()), |()| format!("{} at {}", config.name, config.url));
    report.line("keys", Keys::load(folder), Keys::fingerprint);
    report.line("certificate", certificate(&config), Clone::clone);
    report.line("documents", documents(&config).await, Clone::clone);
    let store = database(folder).and_then(|store| private(&folder.join(DATABASE)).map(|()| store));
    if let Some(store) = report.line("database", store, |_| folder.join(DATABASE).display().to_string()) {
        look_inside(&store, &config, &mut report).await?;
    }
    match report.wrong {
        0 => Ok(()),
        1 => Err(Failure::error("one thing is not in order", "see the line that starts with WRONG")),
        wrong => Err(Failure::error(
            format!("{wrong} things are not in order"),
            "see the lines that start with WRONG",
        )),
    }
}

async fn look_inside(store: &SqliteStore, config: &Config, report: &mut Report) -> Result<()> {
    let (agents, peers) = (store.agents().await?, store.peers().await?);
    report.line("agents", Ok(()), |()| agents.len().to_string());
    notes(config, &agents, &peers).iter().for_each(|text| report.note(text));
    let client = Client::new()?;
    for peer in &peers {
        let answer = introduce(&client, &peer.base_url).await;
        let checked = answer.and_then(|answer| same(peer, &answer));
        report.line(&format!("peer {}", peer.name), checked, |()| peer.base_url.clone());
    }
    Ok(())
}

fn certificate(config: &Config) -> Result<String> {
    let Some(tls) = &config.tls else {
        return Ok("none: a proxy on this machine does TLS, or nobody does".into());
    };
    for file in [&tls.certificate, &tls.key] {
        File::open(file).map_err(|why| {
            let what = format!("cannot read {}: {why}", file.display());
            Failure::error(what, "correct [tls] in baton.toml, or let the gateway's user read the file")
        })?;
    }
    Ok(tls.certificate.display().to_string())
}

/// Writes and removes a small file where documents are kept.
async fn documents(config: &Config) -> Result<String> {
    Documents::open(&config.documents, &config.folder)?.probe().await?;
    Ok(match &config.documents.store {
        Place::Folder(path) => path.display().to_string(),
        Place::S3(url) => url.to_string(),
    })
}

/// What customers said is for the gateway's own user.
fn private(database: &Path) -> Result<()> {
    let mode = std::fs::metadata(database)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let what = format!("{} can be read by others (mode {mode:o})", database.display());
    Err(Failure::error(what, format!("chmod 600 {}", database.display())))
}

/// Whether a peer is still what it was when it became one.
fn same(peer: &PeerRow, answer: &WellKnown) -> Result<()> {
    ensure!(answer.name == peer.name, renamed(peer, answer));
    let signs = answer.jwks.keys.first().ok_or_else(|| anyhow!("it has no key"))?;
    if !peer.keys.keys.contains(signs) {
        let what = format!("it now signs with another key: {}", fingerprint(signs));
        let todo = format!(
            "ask its operator whether that is theirs; if it is: baton peer rotate {} --fingerprint {}",
            peer.name,
            fingerprint(signs)
        );
        return Err(Failure::error(what, todo));
    }
    Ok(())
}

fn renamed(peer: &PeerRow, answer: &WellKnown) -> anyhow::Error {
    let what = format!("what answers at {} is now called {}", peer.base_url, answer.name);
    Failure::error(what, format!("ask its operator; then `baton peer remove {}` and add it again", peer.name))
}

/// Settings that name somebody who is not there, and gateways that nobody serves.
fn notes(config: &Config, agents: &[AgentRow], peers: &[PeerRow]) -> Vec<String> {
    let mut notes = Vec::new();
    for area in &config.areas {
        if !agents.iter().any(|agent| agent.areas.contains(&area.name)) {
            notes.push(format!("no agent serves the area {}", area.name));
        }
    }
    let is_agent = |name: &str| agents.iter().any(|agent| agent.name == name);
    let is_peer = |name: &str| peers.iter().any(|peer| peer.name == name);
    for rule in &config.rules.exceptions {
        if let Some(agent) = rule.agent.as_deref().filter(|name| !is_agent(name)) {
            notes.push(format!("a policy rule is about the agent {agent}, who is not here"));
        }
        let known = |name: &str| config.area(name).is_some() || is_agent(name) || is_peer(name);
        if let Some(destination) = rule.destination.as_deref().filter(|name| !known(name)) {
            notes.push(format!("a policy rule is about {destination}: no area, agent or peer has this name"));
        }
    }
    if config.sites.is_empty() {
        notes.push("`sites` is empty: no website may embed the widget".into());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peering::introduction::tests::honest;
    use crate::store::{Mode, PeerClass};

    fn peer(answer: &WellKnown) -> PeerRow {
        PeerRow {
            name: answer.name.clone(),
            title: answer.title.clone(),
            subject: String::new(),
            base_url: "http://globex.localhost:7102".into(),
            federation: answer.federation.clone(),
            socket: answer.socket.clone(),
            page: None,
            keys: answer.jwks.clone(),
            class: PeerClass::Partner,
            areas: None,
            mode: Mode::InPlace,
            agreement: crate::store::Agreement::default(),
            revoked: Vec::new(),
        }
    }

    #[test]
    fn s1_a_peer_that_signs_with_another_key_is_reported() {
        let answer = honest();
        let peer = peer(&answer);
        assert!(same(&peer, &answer).is_ok());
        let mut rotated = honest();
        rotated.jwks.keys.extend(answer.jwks.keys.clone());
        let error = same(&peer, &rotated).unwrap_err().to_string();
        assert!(error.contains("another key: SHA256:") && error.contains("baton peer rotate"), "{error}");
        let renamed = WellKnown { name: "hooli".into(), ..answer };
        assert!(same(&peer, &renamed).unwrap_err().to_string().contains("now called hooli"));
    }

    #[test]
    fn rules_about_nobody_are_noted() {
        let text = "name = \"acme\"\ntitle = \"A\"\nurl = \"https://a.example\"\nlisten = \"[::1]:1\"\n\
                    [[area]]\nname = \"sales\"\ntitle = \"A\"\n\
                    [[policy.rule]]\nagent = \"anna\"\ndestination = \"globx\"\ndeny = \"x\"\n\
                    [[policy.rule]]\ndestination = \"globex\"";
        let config = Config::parse(text, Path::new("baton.toml")).unwrap();
        let notes = notes(&config, &[], &[peer(&honest())]).join("\n");
        let expected = ["serves the area sales", "agent anna", "about globx", "`sites` is empty"];
        assert!(expected.iter().all(|text| notes.contains(text)), "{notes}");
        assert_eq!(notes.lines().count(), 4);
    }
}
