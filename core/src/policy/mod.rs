//! What may leave a server, and to whom (O2, W2).
//!
//! **Contract.** The conversation's context leaves through [`release`] and [`release_tail`], its documents through
//! [`release_documents`] and [`release_tail_documents`], and through nothing else: every hand-over, on this server
//! or to another company, sends what these return. They never let more out than the rules allow, whatever a console
//! asked for.

use std::sync::Arc;

use baton_protocol::MessageId;
use baton_protocol::limits::MAX_CONTEXT;
use baton_protocol::model::{
    Author, Body, Context, Customer, Edits, Entry, Event, PriorEntry, Share, SharePolicy, document_line,
};
use serde::Serialize;

mod bounds;
mod documents;
mod rules;

pub use bounds::{Bounds, Fields};
pub use documents::{release_documents, release_tail_documents};
pub use rules::{Class, Decision, Defaults, Request, Rule, Rules};

/// The agent's choice held against the policy: what is really sent.
#[must_use]
pub fn settle(policy: &SharePolicy, choice: Share) -> Share {
    match policy {
        SharePolicy::All => Share::All,
        SharePolicy::Nothing => Share::Nothing,
        SharePolicy::AgentsChoice => choice,
    }
}

/// Everything that a server knows of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Everything<'a> {
    /// This server's name for people.
    pub origin: &'a str,
    /// Servers visited, this one included.
    pub visited: &'a [String],
    /// The transferring agent, as customers see them.
    pub agent: &'a str,
    /// The customer.
    pub customer: &'a Customer,
    /// The area that the chat leaves.
    pub queue: &'a str,
    /// Recommended priority.
    pub priority: u8,
    /// For the next agent.
    pub comments: &'a str,
    /// What came with the chat when it was transferred here.
    pub prior: Option<&'a Context>,
    /// What happened here, as far as the agent could see and edit it.
    pub entries: &'a [Arc<Entry>],
    /// What happened since.
    pub late: &'a [Arc<Entry>],
}

/// The context as it leaves. `share` is what [`settle`] made of the agent's choice.
#[must_use]
pub fn release(all: Everything<'_>, share: &Share) -> Context {
    let nothing = Context {
        origin: all.origin.into(),
        visited: all.visited.to_vec(),
        agent: all.agent.into(),
        customer: Customer {
            name: String::new(),
            email: String::new(),
            subject: String::new(),
            login_at: all.customer.login_at,
            client_type: all.customer.client_type.clone(),
        },
        queue: all.queue.into(),
        priority: all.priority,
        comments: String::new(),
        transcript: Vec::new(),
        documents: Vec::new(),
        incomplete: true,
    };
    let edits = match share {
        Share::Nothing => return nothing,
        Share::All => &Edits::default(),
        Share::Part(edits) => &documents::by_line(edits, all.entries),
    };
    let mut whole = all.prior.map(|prior| prior.transcript.clone()).unwrap_or_default();
    whole.extend(all.entries.iter().filter_map(|entry| prior_entry(all.origin, entry)));
    let came = all.prior.map_or(&[][..], |prior| &prior.documents);
    let documents = |share: &Share| release_documents(came, all.entries, all.late, share);
    let every_document = documents(&Share::All);
    documents::once(&mut whole, &every_document);
    let count = whole.len();
    let subject = subject(&all.customer.subject, &whole, edits);
    let edited: Vec<PriorEntry> = whole.into_iter().filter_map(|entry| edit(entry, edits)).collect();
    let late = release_tail(all.origin, all.late, share);
    let mut incomplete = edited.len() < count
        || late.len() < release_tail(all.origin, all.late, &Share::All).len()
        || !edits.redact.is_empty()
        || edits.without_identity
        || all.prior.is_some_and(|prior| prior.incomplete);
    let excerpt = (!edits.excerpt.is_empty()).then(|| excerpt(&all, &edits.excerpt)).flatten();
    let whole = edited.into_iter().chain(excerpt).chain(late).collect();
    let (transcript, cut) = newest_within(whole, MAX_CONTEXT);
    let documents = documents(share);
    incomplete |= documents.len() < every_document.len();
    let (documents, surplus) = documents::newest(documents);
    incomplete |= cut || surplus;
    let customer = if edits.without_identity {
        Customer { subject, ..nothing.customer }
    } else {
        Customer { subject, ..all.customer.clone() }
    };
    Context { customer, comments: all.comments.into(), transcript, documents, incomplete, ..nothing }
}

/// What is sent of entries that were stored after the context was posted. An agent who edited the context could
/// not edit these: then only the customer's own words go.
#[must_use]
pub fn release_tail(origin: &str, entries: &[Arc<Entry>], share: &Share) -> Vec<PriorEntry> {
    let edits = match share {
        Share::Part(edits) => documents::by_line(edits, entries),
        Share::All | Share::Nothing => Edits::default(),
    };
    let wanted = |entry: PriorEntry| match share {
        Share::All => Some(entry),
        Share::Part(_) if entry.author == Author::Customer => edit(entry, &edits),
        Share::Part(_) | Share::Nothing => None,
    };
    entries.iter().filter_map(|entry| prior_entry(origin, entry)).filter_map(wanted).collect()
}

fn prior_entry(server: &str, entry: &Entry) -> Option<PriorEntry> {
    let (id, text, note) = match &entry.body {
        Body::Text(text) => (entry.id, text.clone(), false),
        Body::Note(text) => (entry.id, text.clone(), true),
        Body::Document(card) => (document_line(&card.sha256)?, card.name.clone(), false),
        Body::Event(Event::Queued { .. } | Event::Joined { .. } | Event::AgentLost { .. })
        | Body::Event(Event::Transferred { .. } | Event::TransferFailed { .. } | Event::Ended(_))
        | Body::Event(Event::Confidential { .. } | Event::Verified { .. })
        | Body::Event(Event::Corrected { .. } | Event::LeftMessage { .. }) => {
            return None;
        }
    };
    Some(PriorEntry { id, at: entry.at, server: server.into(), author: entry.author.clone(), text, note })
}

fn edit(mut entry: PriorEntry, edits: &Edits) -> Option<PriorEntry> {
    if edits.leave_out.contains(&entry.id) || (entry.note && edits.without_notes) {
        return None;
    }
    for redaction in edits.redact.iter().filter(|redaction| redaction.id == entry.id) {
        entry.text = blacken(&entry.text, redaction.start, redaction.end);
    }
    Some(entry)
}

/// A subject often repeats what the customer asked first: what the agent takes from that line leaves with it neither.
fn subject(subject: &str, whole: &[PriorEntry], edits: &Edits) -> String {
    let repeats = |entry: &&PriorEntry| !subject.is_empty() && entry.text.starts_with(subject);
    let length = subject.chars().count();
    let mut edited = whole.iter().filter(repeats).map(|entry| {
        let left = edit(entry.clone(), edits).map(|entry| entry.text).unwrap_or_default();
        left.chars().take(length).collect::<String>()
    });
    edited.rfind(|left| left != subject).unwrap_or_else(|| subject.into())
}

fn blacken(text: &str, start: u32, end: u32) -> String {
    let hidden = |at: usize| (start as usize..end as usize).contains(&at);
    text.chars().enumerate().map(|(at, letter)| if hidden(at) { '█' } else { letter }).collect()
}

/// Its id is made from the last entry's, and differs from it: by its id an entry is recognised as known.
fn excerpt(all: &Everything<'_>, text: &str) -> Option<PriorEntry> {
    let last = all.entries.last()?;
    Some(PriorEntry {
        id: MessageId(last.id.0.map(|byte| !byte)),
        at: last.at,
        server: all.origin.into(),
        author: Author::Agent(all.agent.into()),
        text: text.into(),
        note: true,
    })
}

/// The newest entries that fit, and whether older ones had to go. Counted as they travel, in JSON, whose escapes
/// make a text up to six times as long.
fn newest_within(mut entries: Vec<PriorEntry>, bytes: usize) -> (Vec<PriorEntry>, bool) {
    let mut left = bytes;
    let fits = entries.iter().rev().take_while(|entry| {
        let size = json_length(entry).saturating_add(1);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    });
    let from = entries.len() - fits.count();
    entries.drain(..from);
    (entries, from > 0)
}

/// Bytes of a value's JSON.
pub(crate) fn json_length<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

/// As much of a context as fits so many bytes of JSON, the newest entries first. It says that it is incomplete.
pub(crate) fn newest_part(context: &Context, bytes: usize) -> Context {
    let frame = Context { transcript: Vec::new(), ..context.clone() };
    let left = bytes.saturating_sub(json_length(&frame));
    let (transcript, cut) = newest_within(context.transcript.clone(), left);
    Context { transcript, incomplete: context.incomplete || cut, ..frame }
}

#[cfg(test)]
mod tests;
