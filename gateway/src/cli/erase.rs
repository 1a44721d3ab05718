//! `baton erase`

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use baton_core::erase::{LinkState, Record};
use baton_protocol::federation::{Account, Erased, HopState};
use baton_protocol::{ChatId, ErasureId, Timestamp};
use clap::Args;
use serde::Serialize;

use super::audit::utc;
use super::{Failure, config, database, table};
use crate::admin::{self, Answer, Request};
use crate::driver::erase::{Preview, Subject};
use crate::federation::erasure::{read, verified};
use crate::run;
use crate::store::sqlite::SqliteStore;
use crate::store::{PeerRow, Store};

/// How long a command without a running gateway waits for the others' receipts. What is not there by then comes after
/// the gateway's next start.
const RECEIPTS: Duration = Duration::from_secs(10);

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Erase {
    /// Chats, as `baton chat list` and `baton audit` show them, or e-mail addresses.
    #[arg(required_unless_present_any = ["status", "again"], value_name = "CHAT OR E-MAIL", value_parser = subject)]
    who: Vec<Subject>,
    /// Do it. Without this, only what would go is shown.
    #[arg(long)]
    yes: bool,
    /// Show what was erased, and what other servers have confirmed.
    #[arg(long, conflicts_with_all = ["yes", "who", "again"])]
    status: bool,
    /// With --status: a JSON object a line, with every receipt.
    #[arg(long, requires = "status")]
    json: bool,
    /// Ask the servers again that have given no receipt for this erasure.
    #[arg(long, value_name = "ERASURE", conflicts_with_all = ["yes", "who"])]
    again: Option<ErasureId>,
}

fn subject(text: &str) -> Result<Subject, String> {
    if let Ok(chat) = text.parse::<ChatId>() {
        return Ok(Subject::Chat(chat));
    }
    let (name, host) = text.split_once('@').unwrap_or_default();
    let email = !name.is_empty() && !host.is_empty();
    email.then(|| Subject::Email(text.into())).ok_or_else(|| {
        format!("neither a chat, which is 32 hexadecimal digits, nor an e-mail address: {text:?}")
    })
}

impl Erase {
    /// Does it.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        if self.status {
            return status(folder, self.json).await;
        }
        let request = match self.again {
            Some(erasure) => Request::EraseAgain { erasure },
            None if self.yes => Request::Erase { who: self.who },
            None => Request::WouldErase { who: self.who },
        };
        let answer = match admin::ask(folder, &request).await? {
            Some(answer) => answer,
            None => without_gateway(folder, request).await?,
        };
        match answer {
            Answer::WouldErase(preview) => {
                would(&preview);
                Ok(())
            }
            Answer::Erased(None) => Err(Failure::error(
                "there is nothing of them here",
                "`baton erase --status` shows what was erased",
            )),
            Answer::Erased(Some(id)) => {
                println!("erasure {id}");
                status_of(folder, id).await
            }
            Answer::Refused(why) => bail!("{why}"),
            _ => bail!("the gateway's answer makes no sense: is it of the same version?"),
        }
    }
}

/// No gateway runs: this process does what one would.
async fn without_gateway(folder: &Path, request: Request) -> Result<Answer> {
    let store = std::sync::Arc::new(SqliteStore::open(&folder.join(run::DATABASE))?);
    let gateway = run::gateway(config(folder)?, store).await?;
    let answer = admin::answer(&gateway, request).await;
    if let Answer::Erased(Some(id)) = &answer {
        let _ = tokio::time::timeout(RECEIPTS, gateway.receipts(*id)).await;
    }
    Ok(answer)
}

fn would(preview: &Preview) {
    let Preview { things, amount, links } = preview;
    if things.is_empty() {
        println!("there is nothing of them here");
        return;
    }
    println!("would erase {}:", amounts(amount));
    for thing in things {
        println!("  {}", crate::store::tombstone(thing));
    }
    for (server, transfer) in links {
        println!("would tell {server}, about transfer {transfer}");
    }
    println!("nothing was done: add --yes to do it");
}

fn amounts(erased: &Erased) -> String {
    let Erased { chats, entries, contexts, documents } = erased;
    format!("{chats} chats, {entries} entries, {contexts} contexts from elsewhere, {documents} documents")
}

async fn status_of(folder: &Path, id: ErasureId) -> Result<()> {
    let store = database(folder)?;
    let (record, peers) = (store.erasure(id).await?, store.peers().await?);
    record.iter().for_each(|record| show(record, &peers));
    Ok(())
}

async fn status(folder: &Path, json: bool) -> Result<()> {
    let store = database(folder)?;
    let (mut records, peers) = (store.erasures().await?, store.peers().await?);
    records.sort_by_key(|record| (record.since, record.id));
    for record in &records {
        if json {
            println!("{}", serde_json::to_string(&shown(record, &peers))?);
        } else {
            println!("erasure {}", record.id);
            show(record, &peers);
        }
    }
    if records.is_empty() && !json {
        println!("nothing was erased yet");
    }
    Ok(())
}

/// An erasure as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    erasure: ErasureId,
    since: Timestamp,
    here: Option<(Timestamp, Erased)>,
    names: Vec<String>,
    servers: Vec<Server>,
    /// Whether nothing more is to come.
    complete: bool,
    /// Whether nobody is asked any more though somebody has not answered.
    lapsed: bool,
    receipts: Vec<&'a str>,
}

/// A server that was told.
#[derive(Serialize)]
struct Server {
    server: String,
    transfer: String,
    state: String,
    /// How it is known.
    by: String,
}

fn shown<'a>(record: &'a Record, peers: &[PeerRow]) -> Shown<'a> {
    let (mut servers, mut receipts) = (Vec::new(), Vec::new());
    for link in &record.links {
        let line = |state: &str, by: String| Server {
            server: link.peer.clone(),
            transfer: link.transfer.to_string(),
            state: state.into(),
            by,
        };
        match &link.state {
            LinkState::AskedUs => servers.push(line("asked for it", String::new())),
            LinkState::Due => servers.push(line("not answered yet", String::new())),
            LinkState::Unsupported => {
                servers.push(line("NOT ERASED: it does not know the call; ask its operator", String::new()));
            }
            LinkState::Refused(code) => {
                servers.push(line(&format!("NOT ERASED: {code}; ask its operator"), String::new()));
            }
            LinkState::Told(confirmed) => {
                let signed = signature(&confirmed.receipt, peers);
                servers.push(line(&format!("erased: {}", amounts(&confirmed.account.erased)), signed));
                receipts.push(confirmed.receipt.as_str());
                receipts.extend(confirmed.further.iter().map(String::as_str));
                further(&confirmed.account, &link.peer, &confirmed.further, peers, &mut servers);
            }
        }
    }
    let complete = record.done.is_some() && !record.links.iter().any(baton_core::erase::Link::is_open);
    let names = record.things.iter().map(crate::store::tombstone).collect();
    let Record { id: erasure, since, done: here, lapsed, .. } = *record;
    Shown { erasure, since, here, names, servers, complete, lapsed, receipts }
}

/// The hops behind a server, by its word and by the receipts that it has passed on.
fn further(account: &Account, by: &str, receipts: &[String], peers: &[PeerRow], servers: &mut Vec<Server>) {
    let passed_on: Vec<(&String, Account, String)> = receipts
        .iter()
        .filter_map(|receipt| read(receipt).map(|claims| (receipt, claims.account, claims.iss)))
        .collect();
    let mut tellers = vec![(by.to_owned(), account.clone())];
    tellers.extend(passed_on.iter().map(|(_, account, iss)| (iss.clone(), account.clone())));
    for (teller, account) in tellers {
        for hop in account.hops {
            let found = passed_on
                .iter()
                .find(|(_, account, iss)| *iss == hop.server && account.transfer == hop.transfer);
            let (state, by) = match (hop.state, found) {
                (HopState::Erased, Some((receipt, account, _))) => {
                    (format!("erased: {}", amounts(&account.erased)), signature(receipt, peers))
                }
                (HopState::Erased, None) => ("erased".into(), String::new()),
                (HopState::Pending, _) => ("not answered yet".into(), String::new()),
                (HopState::Unsupported, _) => ("NOT ERASED: it does not know the call".into(), String::new()),
                (HopState::Refused, _) => ("NOT ERASED: it refuses".into(), String::new()),
            };
            let by = if by.is_empty() || by == UNKNOWN { format!("by {teller}'s word") } else { by };
            servers.push(Server { server: hop.server, transfer: hop.transfer.to_string(), state, by });
        }
    }
}

/// A receipt of a server that is no peer.
const UNKNOWN: &str = "unknown";

fn signature(receipt: &str, peers: &[PeerRow]) -> String {
    let Some(claims) = read(receipt) else { return UNKNOWN.into() };
    match peers.iter().find(|peer| peer.name == claims.iss) {
        Some(peer) if verified(receipt, peer).is_some() => "receipt, signed".into(),
        // Its keys have changed since, or it is another's.
        Some(_) => "receipt, signed by a key that is not pinned now".into(),
        None => UNKNOWN.into(),
    }
}

fn show(record: &Record, peers: &[PeerRow]) {
    let Shown { here, names, servers, complete, lapsed, since, .. } = shown(record, peers);
    match here {
        Some((at, erased)) => println!("  here: {} at {}", amounts(&erased), utc(at)),
        None => println!("  here: not done yet; asked for at {}", utc(since)),
    }
    for name in names {
        println!("  {name}");
    }
    if !servers.is_empty() {
        let rows: Vec<[String; 4]> =
            servers.into_iter().map(|one| [one.server, one.transfer, one.state, one.by]).collect();
        for line in table(["server", "transfer", "state", "how it is known"], &rows).lines() {
            println!("  {line}");
        }
    }
    match (complete, lapsed) {
        (true, _) => println!("  complete"),
        (false, true) => println!("  nobody is asked any more after 30 days: --again asks once more"),
        (false, false) => println!("  not complete: who has not answered is asked again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_chat_or_an_address() {
        let id = "0a".repeat(16);
        assert_eq!(subject(&id), Ok(Subject::Chat(ChatId([10; 16]))));
        assert_eq!(subject("carla@example.org"), Ok(Subject::Email("carla@example.org".into())));
        assert!(
            ["", "carla", "@", "carla@", "@example.org", "0a0a"].iter().all(|text| subject(text).is_err())
        );
    }
}
