//! The ids of a chat's newest messages, in four bytes each, by which a repeated one is recognised.
//!
//! A filter: that an id is new is certain; that it is known is to be looked up in the entries. The newest
//! [`REMEMBERED`] are there, and no more than twice as many: who repeats a message had no answer to it, and a client has
//! at most [`MAX_UNANSWERED`] such messages.

use std::hash::BuildHasher;

use baton_protocol::MessageId;
use baton_protocol::limits::MAX_UNANSWERED;

/// Ids that are remembered at least: those that several clients of one chat may repeat at once.
const REMEMBERED: usize = 5 * MAX_UNANSWERED;

/// Slots of the first table.
const FIRST: usize = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Said {
    newest: Table,
    older: Table,
    hasher: foldhash::fast::RandomState,
}

impl Said {
    /// Whether the id may be one of them.
    pub(super) fn may_have(&self, id: &MessageId) -> bool {
        let print = self.print(id);
        self.newest.has(print) || self.older.has(print)
    }

    pub(super) fn add(&mut self, id: &MessageId) {
        if self.newest.count == REMEMBERED {
            self.older = std::mem::take(&mut self.newest);
        }
        let print = self.print(id);
        self.newest.add(print);
    }

    /// Seeded anew for each process: nobody outside knows which ids look alike.
    fn print(&self, id: &MessageId) -> u32 {
        // The upper half: 0 is an empty slot.
        u32::try_from(self.hasher.hash_one(u128::from_ne_bytes(id.0)) >> 32).unwrap_or_default().max(1)
    }
}

/// Open addressing, at most half full; the slots are a power of two.
#[derive(Debug, Default)]
struct Table {
    slots: Box<[u32]>,
    count: usize,
}

impl Table {
    fn has(&self, print: u32) -> bool {
        !self.slots.is_empty() && self.slots[self.place(print)] == print
    }

    fn add(&mut self, print: u32) {
        if 2 * self.count >= self.slots.len() {
            let slots = vec![0; (2 * self.slots.len()).max(FIRST)].into_boxed_slice();
            let old = std::mem::replace(&mut self.slots, slots);
            for print in old.into_iter().filter(|print| *print != 0) {
                let place = self.place(print);
                self.slots[place] = print;
            }
        }
        let place = self.place(print);
        self.count += usize::from(self.slots[place] == 0);
        self.slots[place] = print;
    }

    /// Where it is, or would be.
    fn place(&self, print: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = print as usize & mask;
        while self.slots[place] != 0 && self.slots[place] != print {
            place = (place + 1) & mask;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_newest_ids_are_remembered_and_the_memory_for_them_has_a_bound() {
        let id = |number: usize| MessageId((number as u128 + 1).to_be_bytes());
        let mut said = Said::default();
        (0..10 * REMEMBERED).for_each(|number| said.add(&id(number)));
        assert!((9 * REMEMBERED..10 * REMEMBERED).all(|number| said.may_have(&id(number))));
        let slots = said.newest.slots.len() + said.older.slots.len();
        assert!(slots <= 8 * REMEMBERED, "{slots}");
    }

    proptest! {
        #[test]
        fn an_id_that_was_said_is_known(ids in prop::collection::vec(any::<[u8; 16]>(), 0..500)) {
            let mut said = Said::default();
            for id in &ids {
                said.add(&MessageId(*id));
            }
            for id in &ids {
                prop_assert!(said.may_have(&MessageId(*id)));
            }
        }
    }
}
