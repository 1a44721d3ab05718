//! Whether a round has kept every promise: by the customer's own view, both consoles, and both stores.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use baton_core::client::{Mark, What};
use baton_core::session::{Record, State};
use baton_core::transfer::origin::Outgoing;
use baton_protocol::model::{Body, Entry};
use baton_protocol::{ChatId, MessageId};

use super::round::Round;
use crate::company::Company;
use crate::{desk, widget};

/// How long the servers may take to agree on who has the chat.
const AGREE: Duration = Duration::from_secs(60);

/// What a round has come to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Whether the customer ended up at the destination.
    pub arrived: bool,
    /// Acknowledged messages that somebody lacks.
    pub lost: usize,
    /// Messages that somebody has twice.
    pub twice: usize,
    /// Everything that is wrong, in sentences.
    pub wrong: Vec<String>,
}

impl Verdict {
    fn twice_in(&mut self, whose: &str, said: &[(MessageId, String)]) {
        let (mut ids, mut texts) = (HashSet::new(), HashSet::new());
        for (id, text) in said {
            if !ids.insert(id) || !texts.insert(text) {
                self.twice += 1;
                self.wrong.push(format!("{text} is twice in {whose}"));
            }
        }
    }

    /// Whoever says 0, 1, 2 must be read in that order. Words are `r7-customer-3`.
    fn order_in(&mut self, whose: &str, said: &[(MessageId, String)]) {
        let mut last: HashMap<&str, u64> = HashMap::new();
        for (_, text) in said {
            let Some((who, number)) = text.rsplit_once('-') else { continue };
            let number = number.parse().unwrap_or(u64::MAX);
            if last.insert(who, number).is_some_and(|before| before > number) {
                self.wrong.push(format!("{text} comes too late in {whose}"));
            }
        }
    }

    fn lost_in(&mut self, whose: &str, said: &[(MessageId, String)], acknowledged: &[String]) {
        let texts: HashSet<&String> = said.iter().map(|(_, text)| text).collect();
        for text in acknowledged.iter().filter(|text| !texts.contains(text)) {
            self.lost += 1;
            self.wrong.push(format!("{text} was acknowledged and is not in {whose}"));
        }
    }
}

/// The customer's transcript: ids and texts.
#[must_use]
pub fn own_view(seen: &widget::Seen) -> Vec<(MessageId, String)> {
    let lines = seen.record.iter().flat_map(|record| &record.lines);
    lines
        .filter_map(|line| match &line.what {
            What::Own(text, _) | What::Agent(_, text) => Some((line.id, text.clone())),
            _ => None,
        })
        .collect()
}

/// What the customer's gateway has said to be stored.
fn acknowledged_to_customer(seen: &widget::Seen) -> Vec<String> {
    let lines = seen.record.iter().flat_map(|record| &record.lines);
    lines
        .filter_map(|line| match &line.what {
            What::Own(text, Mark::Stored | Mark::Seen) => Some(text.clone()),
            _ => None,
        })
        .collect()
}

/// Looks at everything. `side` has the customer, in this chat.
pub(super) async fn judge(round: &Round<'_>, side: usize, chat: ChatId) -> Result<Verdict> {
    let mut verdict = Verdict { arrived: side != round.plan.origin, ..Verdict::default() };
    let customer = round.widget.seen();
    let mine = format!("r{}-", round.plan.number);
    let desks: Vec<desk::Seen> = round.field.sides.iter().map(|side| side.desk.seen()).collect();
    let mut acknowledged = acknowledged_to_customer(&customer);
    for desk in &desks {
        acknowledged.extend(desk.acknowledged.iter().filter(|text| text.starts_with(&mine)).cloned());
    }
    let view = own_view(&customer);
    let owner = desks[side].chats.get(&chat).context("the owner's chat")?.said();
    for (whose, said) in [("the customer's view", &view), ("the owner's console", &owner)] {
        verdict.twice_in(whose, said);
        verdict.order_in(whose, said);
        verdict.lost_in(whose, said, &acknowledged);
    }
    for chat in &customer.chats {
        for desk in &desks {
            let said = desk.chats.get(chat).map(desk::Shown::said).unwrap_or_default();
            verdict.twice_in("a console", &said);
            verdict.order_in("a console", &said);
        }
    }
    let epoch = customer.record.as_ref().map_or(0, |record| record.epoch);
    let stored = agreed(round, &customer.chats, epoch, chat).await?;
    verdict.wrong.extend(stored.0);
    verdict.twice_in("the owner's store", &stored.1);
    verdict.lost_in("the owner's store", &stored.1, &acknowledged);
    Ok(verdict)
}

/// What was said: ids and texts, in order.
pub type Said = Vec<(MessageId, String)>;

/// Waits until exactly one server owns the chat, the one that the customer is at; what is wrong where they do not
/// agree, and what the owner has stored.
async fn agreed(
    round: &Round<'_>,
    chats: &[ChatId],
    epoch: u32,
    chat: ChatId,
) -> Result<(Option<String>, Said)> {
    let start = Instant::now();
    loop {
        let mut owners = BTreeMap::new();
        let mut said = Vec::new();
        for side in &round.field.sides {
            for (id, record, stored) in chats_of(&side.company, chats)? {
                let serves = record.outgoing.serves() && !matches!(record.state, State::Ended(_));
                let released = matches!(record.outgoing, Outgoing::Released(_) | Outgoing::Reclaimed(_));
                if serves || released {
                    owners.insert(id, (record.epoch, released));
                }
                if id == chat {
                    said = stored;
                }
            }
        }
        if owners.len() == 1 && owners.get(&chat) == Some(&(epoch, false)) {
            return Ok((None, said));
        }
        if start.elapsed() > AGREE {
            let wrong = format!("owners by the stores: {owners:?}; the customer is in {chat} at {epoch}");
            return Ok((Some(wrong), said));
        }
        // waits: between two looks at the stores.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The stored chats among these, with what was said in them and before them.
///
/// # Errors
/// The database's.
pub fn chats_of(company: &Company, chats: &[ChatId]) -> Result<Vec<(ChatId, Record, Said)>> {
    let file = company.folder().join("baton.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let db = rusqlite::Connection::open_with_flags(file, flags)?;
    db.busy_timeout(Duration::from_secs(5))?;
    let mut found = Vec::new();
    for chat in chats {
        let mut row = db.prepare_cached("SELECT record, context FROM chat WHERE id = ?1")?;
        let mut rows = row.query([&chat.0[..]])?;
        let Some(row) = rows.next()? else { continue };
        let record: Record = serde_json::from_str(&row.get::<_, String>(0)?)?;
        let mut said = match row.get::<_, Option<String>>(1)? {
            Some(context) => prior(&context)?,
            None => Vec::new(),
        };
        let mut talk = db.prepare_cached("SELECT entries FROM talk WHERE chat = ?1 ORDER BY first")?;
        let mut rows = talk.query([&chat.0[..]])?;
        while let Some(row) = rows.next()? {
            let entries: Vec<Entry> = serde_json::from_str(&row.get::<_, String>(0)?)?;
            said.extend(entries.into_iter().filter_map(|entry| match entry.body {
                Body::Text(text) => Some((entry.id, text)),
                _ => None,
            }));
        }
        found.push((*chat, record, said));
    }
    Ok(found)
}

fn prior(context: &str) -> Result<Said> {
    let context: Option<baton_protocol::model::Context> = serde_json::from_str(context)?;
    let entries = context.into_iter().flat_map(|context| context.transcript);
    Ok(entries.map(|entry| (entry.id, entry.text)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(texts: &[&str]) -> Said {
        texts.iter().zip(1..).map(|(text, n)| (MessageId([n; 16]), (*text).to_owned())).collect()
    }

    #[test]
    fn whatever_is_wrong_with_a_transcript_is_found() {
        let mut verdict = Verdict::default();
        let good = said(&["r1-customer-0", "r1-agent0-0", "r1-customer-1", "r1-agent1-0"]);
        verdict.twice_in("it", &good);
        verdict.order_in("it", &good);
        verdict.lost_in("it", &good, &["r1-customer-1".into()]);
        assert!(verdict.wrong.is_empty(), "{verdict:?}");
        verdict.twice_in("it", &said(&["r1-customer-0", "r1-agent0-0", "r1-customer-0"]));
        verdict.order_in("it", &said(&["r1-customer-1", "r1-agent0-0", "r1-customer-0"]));
        verdict.lost_in("it", &good, &["r1-customer-2".into()]);
        assert_eq!((verdict.twice, verdict.lost, verdict.wrong.len()), (1, 1, 3), "{verdict:?}");
    }
}
