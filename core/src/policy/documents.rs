//! The documents of a context: each goes where its line in the transcript goes, and stays where that stays.
//!
//! In a transferred transcript a document's line has the first half of its hash as its id ([`document_line`]).

use std::collections::HashSet;
use std::sync::Arc;

use baton_protocol::limits::MAX_DOCUMENTS;
use baton_protocol::model::{
    Author, Body, DocumentCard, DocumentRef, Edits, Entry, PriorEntry, Redaction, Share, document_line,
};

use super::blacken;

/// The edits, with those of documents' entries said of their lines as well.
pub(super) fn by_line(edits: &Edits, entries: &[Arc<Entry>]) -> Edits {
    let mut edits = edits.clone();
    for (entry, card) in cards(entries) {
        let Some(line) = document_line(&card.sha256) else { continue };
        if edits.leave_out.contains(&entry.id) {
            edits.leave_out.push(line);
        }
        let of_entry = edits.redact.iter().filter(|redaction| redaction.id == entry.id);
        let of_line: Vec<Redaction> = of_entry.map(|of| Redaction { id: line, ..of.clone() }).collect();
        edits.redact.extend(of_line);
    }
    edits
}

/// A document that was said twice has one line.
pub(super) fn once(lines: &mut Vec<PriorEntry>, documents: &[DocumentRef]) {
    let mut unseen: HashSet<_> =
        documents.iter().filter_map(|document| document_line(&document.sha256)).collect();
    let of_documents = unseen.clone();
    lines.retain(|line| unseen.remove(&line.id) || !of_documents.contains(&line.id));
}

/// The documents that go along. `share` is what [`settle`](super::settle) made of the agent's choice, `entries` what
/// the agent could see and edit, `late` what was said since, `prior` what came along or was announced before.
#[must_use]
pub fn release_documents(
    prior: &[DocumentRef],
    entries: &[Arc<Entry>],
    late: &[Arc<Entry>],
    share: &Share,
) -> Vec<DocumentRef> {
    let edits = match share {
        Share::Nothing => return Vec::new(),
        Share::All => Edits::default(),
        Share::Part(edits) => by_line(edits, entries),
    };
    let here = cards(entries).map(|(_, card)| reference(card));
    // Left out of what the agent could see, a document is not let in by being said again.
    let all = prior.iter().cloned().chain(here).chain(tail(late, share));
    distinct(all.filter_map(|document| edit(document, &edits)))
}

/// As many as a context may have, the newest ones, numbered. Says whether any had to go.
pub(super) fn newest(mut documents: Vec<DocumentRef>) -> (Vec<DocumentRef>, bool) {
    let surplus = documents.len().saturating_sub(MAX_DOCUMENTS);
    documents.drain(..surplus);
    for (number, document) in (0..).zip(&mut documents) {
        document.number = number;
    }
    (documents, surplus > 0)
}

/// The documents among the entries that [`release_tail`](super::release_tail) lets out.
#[must_use]
pub fn release_tail_documents(entries: &[Arc<Entry>], share: &Share) -> Vec<DocumentRef> {
    newest(tail(entries, share)).0
}

fn tail(entries: &[Arc<Entry>], share: &Share) -> Vec<DocumentRef> {
    let edits = match share {
        Share::Part(edits) => by_line(edits, entries),
        Share::All | Share::Nothing => Edits::default(),
    };
    let wanted = |entry: &Entry| match share {
        Share::All => true,
        Share::Part(_) => entry.author == Author::Customer,
        Share::Nothing => false,
    };
    let said = cards(entries).filter(|(entry, _)| wanted(entry));
    distinct(said.filter_map(|(_, card)| edit(reference(card), &edits)))
}

fn cards(entries: &[Arc<Entry>]) -> impl Iterator<Item = (&Entry, &DocumentCard)> {
    entries.iter().filter_map(|entry| match &entry.body {
        Body::Document(card) => Some((&**entry, card)),
        Body::Text(_) | Body::Note(_) | Body::Event(_) => None,
    })
}

fn reference(card: &DocumentCard) -> DocumentRef {
    let DocumentCard { sha256, name, media_type, size } = card.clone();
    DocumentRef { number: 0, name, media_type, size, sha256 }
}

/// Nothing where its line is left out; its name is blackened as its line is.
fn edit(mut document: DocumentRef, edits: &Edits) -> Option<DocumentRef> {
    let line = document_line(&document.sha256)?;
    if edits.leave_out.contains(&line) {
        return None;
    }
    for redaction in edits.redact.iter().filter(|redaction| redaction.id == line) {
        document.name = blacken(&document.name, redaction.start, redaction.end);
    }
    Some(document)
}

/// Each document once.
fn distinct(documents: impl Iterator<Item = DocumentRef>) -> Vec<DocumentRef> {
    let mut seen = HashSet::new();
    documents.filter(|document| seen.insert(document.sha256.clone())).collect()
}
