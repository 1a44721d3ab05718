//! What the agreement with a peer lets out or in, beneath what policy and agent decided.

use baton_protocol::MessageId;
use baton_protocol::federation::Release;
use baton_protocol::model::{Context, DocumentRef, PriorEntry, document_line};
use serde::{Deserialize, Serialize};

/// Which parts of a context travel between us and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The customer's name and e-mail address.
    pub identity: bool,
    /// Private notes.
    pub notes: bool,
    /// What was said.
    pub transcript: bool,
    /// Documents.
    pub documents: bool,
    /// What the agent wrote for the next one.
    pub comments: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self { identity: true, notes: true, transcript: true, documents: true, comments: true }
    }
}

/// What holds for everything that one transfer sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// What the agreement lets out.
    pub fields: Fields,
    /// Whether the receiver must not pass it on to a third company.
    pub confined: bool,
    /// Whether only what was said on this server goes, since who sent us the rest confined it to us.
    pub own_only: bool,
}

impl Fields {
    /// Takes away what may not travel. A context that lost something says that it is incomplete.
    #[must_use]
    pub fn narrow(&self, mut context: Context) -> Context {
        let before = context.clone();
        if !self.identity {
            context.customer.name.clear();
            context.customer.email.clear();
        }
        self.narrow_documents(&mut context.transcript, &mut context.documents);
        if !self.comments {
            context.comments.clear();
        }
        context.transcript = self.narrow_entries(context.transcript);
        context.incomplete |= context != before;
        context
    }

    /// What follows a context, as far as it may travel.
    #[must_use]
    pub fn narrow_tail(&self, Release { mut tail, mut documents }: Release) -> Release {
        self.narrow_documents(&mut tail, &mut documents);
        Release { tail: self.narrow_entries(tail), documents }
    }

    /// A document that may not travel leaves no line behind, which has its name.
    fn narrow_documents(&self, entries: &mut Vec<PriorEntry>, documents: &mut Vec<DocumentRef>) {
        if !self.documents {
            let lines: Vec<_> = lines_of(documents).collect();
            entries.retain(|entry| !lines.contains(&entry.id));
            documents.clear();
        }
    }

    fn narrow_entries(&self, mut entries: Vec<PriorEntry>) -> Vec<PriorEntry> {
        entries.retain(|entry| if entry.note { self.notes } else { self.transcript });
        entries
    }
}

fn lines_of(documents: &[DocumentRef]) -> impl Iterator<Item = MessageId> {
    documents.iter().filter_map(|document| document_line(&document.sha256))
}

impl Bounds {
    /// The context as these bounds let it out; `here` is this server's name for people.
    #[must_use]
    pub fn hold(&self, mut context: Context, here: &str) -> Context {
        if self.own_only {
            context.transcript.retain(|entry| entry.server == here);
            // Who the customer is came from there as well.
            context.customer.name.clear();
            context.customer.email.clear();
            context.customer.subject.clear();
            let own: Vec<_> = context.transcript.iter().map(|entry| entry.id).collect();
            context
                .documents
                .retain(|document| document_line(&document.sha256).is_some_and(|line| own.contains(&line)));
            context.incomplete = true;
        }
        self.fields.narrow(context)
    }
}
