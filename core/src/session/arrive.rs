//! A chat that came from another server: what it and its incoming transfer have to say to each other.

use std::collections::HashSet;

use baton_protocol::model::{Author, Body, DocumentRef, EndReason, Entry, PriorEntry, document_line};
use baton_protocol::{CloseCode, MessageId};

use super::Chat;
use super::attach::in_frames;
use crate::effect::{ConnId, Effect, Env};
use crate::transfer::destination;

impl Chat {
    /// Tells the incoming transfer that the chat came by, if it did.
    pub(super) fn tell_incoming(&self, input: destination::Input, out: &mut Vec<Effect>) {
        if let Some(came) = &self.record.came {
            out.push(Effect::Incoming(came.peer.clone(), came.transfer, Box::new(input)));
        }
    }

    /// Whoever went on from here has been here; nobody else will say so any more.
    pub(super) fn whether_accepted(&self, out: &mut Vec<Effect>) {
        if !self.record.outgoing.serves() {
            self.tell_incoming(destination::Input::Accepted, out);
        }
    }

    /// The customer went back to where they came from: whatever was begun here is void.
    pub(super) fn fence(&mut self, env: &mut Env<'_>, out: &mut Vec<Effect>) {
        let conn = self.conn.take();
        self.end(env, EndReason::Server, out);
        out.extend(conn.map(|conn| Effect::CloseCustomer(conn, CloseCode::Moved)));
        self.tell_incoming(destination::Input::Fenced, out);
    }

    /// Late entries of the server that the chat came from, merged by their ids. If a transfer within this server
    /// was to withhold anything, these are withheld as well.
    pub(super) fn merge_tail(&mut self, env: &mut Env<'_>, tail: Vec<PriorEntry>, out: &mut Vec<Effect>) {
        let mut late = Vec::new();
        if self.record.passed.as_ref().is_none_or(|passed| passed.whole) {
            let documents = self.context.as_ref().map(|context| &*context.documents).unwrap_or_default();
            late = said_late(&tail, documents);
            let again = self.merge_context(tail, out);
            for PriorEntry { id, text, .. } in again {
                self.append(env, id, Author::Customer, Body::Text(text), None, out);
            }
        }
        if let Some(came) = self.record.came.as_mut().filter(|came| came.tail_due) {
            came.tail_due = false;
            came.late = late;
            self.save(out);
            if let Some(conn) = self.conn {
                self.send_late(conn, out);
            }
            self.fetch_next(out);
        }
        self.tell_incoming(destination::Input::Merged, out);
    }

    /// To a customer who has read nothing here yet: what the agents there wrote last. Its server may have been gone
    /// before it had shown it, though it was acknowledged. Number 0: no entry of this chat's, and known by its id.
    pub(super) fn send_late(&self, conn: ConnId, out: &mut Vec<Effect>) {
        let (Some(came), Some(context)) = (&self.record.came, &self.context) else { return };
        let late = context.transcript.iter().filter(|line| came.late.contains(&line.id)).map(|line| {
            let (body, author) = (Body::Text(line.text.clone()), line.author.clone());
            Entry { seq: 0, at: line.at, id: line.id, author, body }
        });
        for frame in in_frames(self.record.id, late) {
            out.push(Effect::ToCustomer(conn, Box::new(frame)));
        }
    }

    /// After what came from there, and before what was said here and is in the context because of a transfer
    /// within this server. What the customer has sent again in the meantime is an entry of this chat already;
    /// their messages after that one must stay after it, and are returned.
    fn merge_context(&mut self, tail: Vec<PriorEntry>, out: &mut Vec<Effect>) -> Vec<PriorEntry> {
        let Some(context) = &mut self.context else { return Vec::new() };
        let here: HashSet<MessageId> = self.entries.iter().map(|entry| entry.id).collect();
        let known: HashSet<MessageId> = context.transcript.iter().map(|entry| entry.id).collect();
        // A document said late stands among the documents already; its line alone could not be said again.
        let files = context.documents.iter().filter_map(|document| document_line(&document.sha256));
        let files: HashSet<MessageId> = files.collect();
        let (mut news, mut again, mut sent_again) = (Vec::new(), Vec::new(), false);
        for entry in tail {
            if here.contains(&entry.id) {
                sent_again = true;
            } else if sent_again
                && entry.author == Author::Customer
                && !known.contains(&entry.id)
                && !files.contains(&entry.id)
            {
                again.push(entry);
            } else if !known.contains(&entry.id) {
                news.push(entry);
            }
        }
        if !news.is_empty() {
            let first = context.transcript.iter().position(|entry| here.contains(&entry.id));
            let place = first.unwrap_or(context.transcript.len());
            context.transcript.splice(place..place, news);
            out.push(Effect::SaveContext(self.record.id, context.clone()));
            if let Some(login) = self.agent_login().map(str::to_owned) {
                self.show(&login, out);
            }
        }
        again
    }
}

/// What agents said among the origin's last entries. A document's line is not what the customer was shown of it.
pub(crate) fn said_late(tail: &[PriorEntry], documents: &[DocumentRef]) -> Vec<MessageId> {
    let files: HashSet<_> = documents.iter().filter_map(|document| document_line(&document.sha256)).collect();
    let late = |line: &&PriorEntry| {
        matches!(line.author, Author::Agent(_)) && !line.note && !files.contains(&line.id)
    };
    tail.iter().filter(late).map(|line| line.id).collect()
}
