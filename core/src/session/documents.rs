//! The documents of a chat: who may read them, and those that are still to come from the server it came from.
//!
//! The bytes are the driver's. What is to come is in the record, so that a restart goes on with it; one document is
//! fetched at a time, and one that cannot be had now goes to the end of the line.

use baton_protocol::model::{Body, Context, DocumentCard, DocumentRef, DocumentState};
use baton_protocol::{ServerFrame, TransferId};
use serde::{Deserialize, Serialize};

use super::{Chat, State, backoff};
use crate::effect::{Effect, Env, Fetched, Timer};
use crate::policy;
use crate::transfer::origin::{Outgoing, Released, Settled};

/// Milliseconds after the chat's arrival in which a document must have come. A day: longer than a night's repair.
const FETCH_LIFE: u64 = 24 * 60 * 60 * 1_000;

/// A document of the context that is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The document.
    pub sha256: String,
    /// Whether it is given up.
    pub missing: bool,
}

/// Who reads a document.
#[derive(Clone, Copy, Debug)]
pub enum Reader<'a> {
    /// The chat's customer.
    Customer,
    /// An agent, by login name.
    Agent(&'a str),
}

impl Chat {
    /// A document that this reader may have, and whether it is here.
    #[must_use]
    pub fn document(&self, reader: Reader<'_>, sha256: &str) -> Option<(DocumentCard, DocumentState)> {
        let from = match reader {
            Reader::Customer => 0,
            Reader::Agent(login) if self.agent_login() == Some(login) => self.record.view_from,
            Reader::Agent(_) => return None,
        };
        let said =
            self.entries.iter().filter(|entry| entry.seq >= from).find_map(|entry| match &entry.body {
                Body::Document(card) if card.sha256 == sha256 => Some(card.clone()),
                _ => None,
            });
        // What was said here is here, whatever is still to come under the same name.
        if let Some(card) = said {
            return Some((card, DocumentState::Here));
        }
        let came = self.context.as_ref()?.documents.iter().find(|document| document.sha256 == sha256)?;
        let DocumentRef { name, media_type, size, sha256, .. } = came.clone();
        let state = self.document_state(&sha256);
        Some((DocumentCard { sha256, name, media_type, size }, state))
    }

    /// A document that goes to this transfer's destination, which has the chat, and whether it is here. What was announced
    /// to it is given, also when the chat was passed on here with less before the destination's word came.
    #[must_use]
    pub fn gives(
        &self,
        peer: &str,
        transfer: TransferId,
        sha256: &str,
    ) -> Option<(DocumentRef, DocumentState)> {
        let adopted = self.record.past.iter().find(|past| past.answered && past.attempt.transfer == transfer);
        let attempt = match &self.record.outgoing {
            Outgoing::Released(Released { attempt, .. }) | Outgoing::Settled(Settled { attempt, .. }) => {
                attempt
            }
            _ if matches!(self.record.state, State::Ended(_)) => &adopted?.attempt,
            _ => return None,
        };
        let bounds = &attempt.bounds;
        if attempt.transfer != transfer || attempt.peer != peer || !bounds.fields.documents {
            return None;
        }
        let place = |seq| self.entries.partition_point(|entry| entry.seq < seq);
        let (from, until) = (place(attempt.from), place(attempt.seen + 1));
        let (entries, late) = (&self.entries[from.min(until)..until], &self.entries[until..]);
        let given = policy::release_documents(&attempt.announced, entries, late, &attempt.share);
        let document = given.into_iter().find(|document| document.sha256 == sha256)?;
        let said = late.iter().chain(entries);
        let here = said.map(|entry| &entry.body);
        let here = here.into_iter().any(|body| matches!(body, Body::Document(card) if card.sha256 == sha256));
        let state = if here { DocumentState::Here } else { self.document_state(sha256) };
        Some((document, state))
    }

    fn document_state(&self, sha256: &str) -> DocumentState {
        match self.record.documents.iter().find(|awaited| awaited.sha256 == sha256) {
            None => DocumentState::Here,
            Some(awaited) if awaited.missing => DocumentState::Missing,
            Some(_) => DocumentState::Arriving,
        }
    }

    /// The documents of a context, all of them still to come.
    pub(super) fn awaited(context: Option<&Context>) -> Vec<Awaited> {
        let documents = context.into_iter().flat_map(|context| &context.documents);
        documents.map(|document| Awaited { sha256: document.sha256.clone(), missing: false }).collect()
    }

    /// What the origin stored late has documents as well. Withheld where [`Chat::merge_tail`] withholds.
    pub(super) fn expect_documents(&mut self, documents: Vec<DocumentRef>, out: &mut Vec<Effect>) {
        let withheld = self.record.passed.as_ref().is_some_and(|passed| !passed.whole);
        let Some(context) = self.context.as_mut().filter(|_| !withheld) else { return };
        let known =
            |document: &DocumentRef| context.documents.iter().any(|old| old.sha256 == document.sha256);
        let news: Vec<DocumentRef> = documents.into_iter().filter(|document| !known(document)).collect();
        if news.is_empty() {
            return;
        }
        let awaited = |news: &DocumentRef| Awaited { sha256: news.sha256.clone(), missing: false };
        self.record.documents.extend(news.iter().map(awaited));
        context.documents.extend(news);
        out.push(Effect::SaveContext(self.record.id, context.clone()));
        self.save(out);
        if let Some(login) = self.agent_login().map(str::to_owned) {
            self.show(&login, out);
        }
        self.fetch_next(out);
    }

    /// Asks for the next document, unless one is being fetched or waited for.
    pub(super) fn fetch_next(&mut self, out: &mut Vec<Effect>) {
        let Some(came) = self.record.came.as_ref().filter(|came| !came.tail_due && !self.fetching) else {
            return;
        };
        let Some(next) = self.record.documents.iter().find(|awaited| !awaited.missing) else { return };
        let documents = self.context.iter().flat_map(|context| &context.documents);
        let document = documents.into_iter().find(|document| document.sha256 == next.sha256).cloned();
        // A later transfer here may have withheld it: nobody reads it any more.
        let Some(document) = document else {
            let gone = next.sha256.clone();
            let awaited = self.record.documents.iter_mut().find(|awaited| awaited.sha256 == gone);
            awaited.into_iter().for_each(|awaited| awaited.missing = true);
            self.save(out);
            return self.fetch_next(out);
        };
        let (peer, transfer) = (came.peer.clone(), came.transfer);
        self.fetching = true;
        out.push(Effect::Fetch { chat: self.record.id, peer, transfer, document });
    }

    /// What came of it.
    pub(super) fn fetched(
        &mut self,
        env: &mut Env<'_>,
        sha256: &str,
        fetched: Fetched,
        out: &mut Vec<Effect>,
    ) {
        self.fetching = false;
        let Some(place) = self.record.documents.iter().position(|awaited| awaited.sha256 == sha256) else {
            return self.fetch_next(out);
        };
        let mut awaited = self.record.documents.remove(place);
        let over = env.now.since(self.record.since) > FETCH_LIFE;
        let state = match fetched {
            Fetched::Here => DocumentState::Here,
            Fetched::Never => DocumentState::Missing,
            Fetched::NotNow if over => DocumentState::Missing,
            Fetched::NotNow => {
                self.record.documents.push(awaited);
                self.fetching = true;
                out.push(Effect::SetTimer(Timer::Fetch, backoff(env, self.fetches)));
                self.fetches = self.fetches.saturating_add(1);
                return;
            }
        };
        if state == DocumentState::Missing {
            awaited.missing = true;
            self.record.documents.push(awaited);
        }
        self.fetches = 0;
        self.save(out);
        self.tell_document(sha256, state, out);
        self.fetch_next(out);
    }

    /// It is time to try again.
    pub(super) fn fetch_again(&mut self, out: &mut Vec<Effect>) {
        self.fetching = false;
        self.fetch_next(out);
    }

    fn tell_document(&self, sha256: &str, state: DocumentState, out: &mut Vec<Effect>) {
        let (chat, sha256) = (self.record.id, sha256.to_owned());
        self.to_agent(ServerFrame::DocumentChanged { chat, sha256, state }, out);
    }

    /// Follows `opened`: a document that nothing is said about is here.
    pub(super) fn show_documents(&self, out: &mut Vec<Effect>) {
        let documents = || self.context.iter().flat_map(|context| &context.documents);
        let shown = |awaited: &&Awaited| documents().any(|document| document.sha256 == awaited.sha256);
        for awaited in self.record.documents.iter().filter(shown) {
            self.tell_document(&awaited.sha256, self.document_state(&awaited.sha256), out);
        }
    }
}
