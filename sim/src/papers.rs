//! Which documents may be where, by the rules that the simulator knows by heart (W2).

use baton_protocol::model::{DocumentRef, Entry, PriorEntry, Share, document_line};
use baton_protocol::{MessageId, Seq, TransferId};

use crate::event::ServerId;
use crate::ghost::{Order, Where};
use crate::world::World;

/// A document that somebody has said.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Where.
    pub home: Where,
    /// The entry's number there.
    pub seq: Seq,
    /// The entry's id.
    pub message: MessageId,
    /// Whether the customer said it.
    pub by_customer: bool,
}

impl World {
    /// A document was said, for good.
    pub fn ghost_said(&mut self, home: Where, entry: &Entry, sha256: &str) {
        let by_customer = entry.author == baton_protocol::model::Author::Customer;
        let paper = Paper { home, seq: entry.seq, message: entry.id, by_customer };
        if let Some(line) = document_line(sha256) {
            self.ghost.lines.insert(line, sha256.to_owned());
        }
        self.ghost.papers.entry(sha256.to_owned()).or_insert(paper);
    }

    /// Whether an order lets a document through.
    fn lets_through(&self, order: &Order, sha256: &str) -> bool {
        let Some(paper) = self.ghost.papers.get(sha256) else { return false };
        let late = paper.home == order.chat && paper.seq > order.seen;
        order.documents
            && match &order.share {
                Share::All => true,
                Share::Nothing => false,
                Share::Part(edits) => {
                    let named = [Some(paper.message), document_line(sha256)];
                    let left_out = named.iter().flatten().any(|id| edits.leave_out.contains(id));
                    !left_out && (paper.by_customer || !late)
                }
            }
    }

    /// Whether a transfer within the server keeps a document from the chat's present agent.
    pub fn is_withheld(&self, chat: &Where, sha256: &str) -> bool {
        self.was_withheld(chat, sha256, self.ghost.passes.len())
    }

    /// Whether one of the first transfers within servers has kept it from an agent of then.
    fn was_withheld(&self, chat: &Where, sha256: &str, first: usize) -> bool {
        let Some(paper) = self.ghost.papers.get(sha256) else { return true };
        let passes = self.ghost.passes.iter().take(first).filter(|pass| pass.chat == *chat);
        let mut before = passes.filter(|pass| paper.home != *chat || paper.seq < pass.view_from);
        before.any(|pass| {
            self.ghost.orders.get(&pass.transfer).is_none_or(|order| !self.lets_through(order, sha256))
        })
    }

    /// Whether a document may be in a chat: it was said there, or nobody on the way there has kept it back.
    pub fn has_come(&self, chat: &Where, sha256: &str) -> bool {
        self.ghost.papers.get(sha256).is_some_and(|paper| paper.home == *chat)
            || self.ghost.joins.get(chat).is_some_and(|before| self.has_come(before, sha256))
            || self.ghost.parent(chat).is_some_and(|(_, transfer)| self.may_go(transfer, sha256))
    }

    /// Whether a document may go where this transfer leads.
    pub fn may_go(&self, transfer: TransferId, sha256: &str) -> bool {
        self.ghost.orders.get(&transfer).is_some_and(|order| {
            let chat = &order.chat;
            // A customer may go by an order that was given up, and what became of the chat since binds it not.
            let withheld = self.was_withheld(chat, sha256, order.passes);
            self.has_come(chat, sha256) && !withheld && self.lets_through(order, sha256)
        })
    }

    /// A document, or a document's line, that must not go where this transfer leads.
    pub fn smuggled(
        &self,
        transfer: TransferId,
        documents: &[DocumentRef],
        lines: &[PriorEntry],
    ) -> Option<String> {
        let mut of_lines = lines.iter().filter_map(|line| self.ghost.lines.get(&line.id));
        let mut files = documents.iter().map(|document| &document.sha256);
        let may_not = |sha256: &&String| !self.may_go(transfer, sha256);
        let file = files.find(may_not).map(|sha256| format!("the document {}", &sha256[..6]));
        file.or_else(|| of_lines.find(may_not).map(|sha256| format!("the line of document {}", &sha256[..6])))
    }

    /// A server gives a file away.
    pub fn ghost_gives(&mut self, chat: Where, to: ServerId, transfer: TransferId, sha256: &str) {
        let peer = self.servers[to].name.clone();
        let party = self.look(&chat).is_some_and(|record| {
            let past = record.past.iter().map(|past| &*past.attempt);
            past.chain(record.outgoing.attempt()).any(|it| it.transfer == transfer && it.peer == peer)
        });
        let gone = self.look(&chat).is_some_and(|record| !record.outgoing.serves());
        let origin = self.servers[chat.0].name.clone();
        let arrived = self.ghost.arrivals.contains_key(&(to, origin, transfer));
        if !party || !(gone || arrived) || !self.may_go(transfer, sha256) {
            self.violated(format!("documents: s{} gives s{to} what is not for it", chat.0));
        }
    }

    /// A server keeps a file for a chat.
    pub fn ghost_keeps(&mut self, chat: Where, sha256: &str) {
        // Chats of steps that the store has refused are nobody's.
        if self.ghost.chats.contains_key(&chat) && !self.has_come(&chat, sha256) {
            self.violated(format!("documents: s{} has got what was withheld", chat.0));
        }
    }
}
