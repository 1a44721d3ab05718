//! A line in which anybody's rank is found without walking it.
//!
//! A treap (Seidel and Aragon, 1996) whose nodes know how many are below them: putting somebody in, taking them out,
//! their rank and the n-th in the line cost a logarithm of its length each. Its shape comes from a mix of the chats'
//! own ids, which are random, so that no randomness is needed here. Nodes are kept in one vector and used again.

use baton_protocol::{ChatId, Timestamp};

/// Where somebody stands: lower is sooner, ties are first come first served, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The time since when they count as waiting, in milliseconds.
    pub score: u64,
    /// The time since when they wait.
    pub since: Timestamp,
    /// The chat.
    pub chat: ChatId,
}

/// No node.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Node {
    place: Place,
    weight: u64,
    /// Nodes below, this one included.
    count: u32,
    left: u32,
    right: u32,
}

/// The line.
#[derive(Debug)]
pub struct Line {
    nodes: Vec<Node>,
    spare: Vec<u32>,
    root: u32,
}

impl Default for Line {
    fn default() -> Self {
        Self { nodes: Vec::new(), spare: Vec::new(), root: NONE }
    }
}

impl Line {
    /// How many are in it.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.count(self.root)
    }

    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root == NONE
    }

    /// Puts somebody in, who must not be in it.
    pub fn insert(&mut self, place: Place) {
        let node = Node { place, weight: mix(&place.chat), count: 1, left: NONE, right: NONE };
        let at = match self.spare.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                at
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
            }
        };
        let (before, after) = self.split(self.root, &place);
        let before = self.merge(before, at);
        self.root = self.merge(before, after);
    }

    /// Takes somebody out. Whether they were in it.
    pub fn remove(&mut self, place: &Place) -> bool {
        let Some(_) = self.rank(place) else { return false };
        self.root = self.without(self.root, place);
        true
    }

    /// Somebody's rank, from 1.
    #[must_use]
    pub fn rank(&self, place: &Place) -> Option<u32> {
        let (mut at, mut before) = (self.root, 0);
        while at != NONE {
            let node = &self.nodes[at as usize];
            match place.cmp(&node.place) {
                std::cmp::Ordering::Less => at = node.left,
                std::cmp::Ordering::Equal => return Some(before + self.count(node.left) + 1),
                std::cmp::Ordering::Greater => {
                    before += self.count(node.left) + 1;
                    at = node.right;
                }
            }
        }
        None
    }

    /// Whoever has this rank, from 1.
    #[must_use]
    pub fn nth(&self, rank: u32) -> Option<Place> {
        let (mut at, mut rank) = (self.root, rank);
        while at != NONE {
            let node = &self.nodes[at as usize];
            let own = self.count(node.left) + 1;
            match rank.cmp(&own) {
                std::cmp::Ordering::Less => at = node.left,
                std::cmp::Ordering::Equal => return Some(node.place),
                std::cmp::Ordering::Greater => {
                    rank -= own;
                    at = node.right;
                }
            }
        }
        None
    }

    /// Everybody, the next one first.
    pub fn iter(&self) -> impl Iterator<Item = Place> + '_ {
        (1..).map_while(|rank| self.nth(rank))
    }

    fn count(&self, at: u32) -> u32 {
        if at == NONE { 0 } else { self.nodes[at as usize].count }
    }

    fn recount(&mut self, at: u32) {
        let node = &self.nodes[at as usize];
        let count = 1 + self.count(node.left) + self.count(node.right);
        self.nodes[at as usize].count = count;
    }

    /// Those before a place, and the others.
    fn split(&mut self, at: u32, place: &Place) -> (u32, u32) {
        if at == NONE {
            return (NONE, NONE);
        }
        if self.nodes[at as usize].place < *place {
            let (before, after) = self.split(self.nodes[at as usize].right, place);
            self.nodes[at as usize].right = before;
            self.recount(at);
            (at, after)
        } else {
            let (before, after) = self.split(self.nodes[at as usize].left, place);
            self.nodes[at as usize].left = after;
            self.recount(at);
            (before, at)
        }
    }

    /// One line of two, everybody of the first before everybody of the second.
    fn merge(&mut self, first: u32, second: u32) -> u32 {
        if first == NONE || second == NONE {
            return if first == NONE { second } else { first };
        }
        if self.nodes[first as usize].weight >= self.nodes[second as usize].weight {
            let right = self.merge(self.nodes[first as usize].right, second);
            self.nodes[first as usize].right = right;
            self.recount(first);
            first
        } else {
            let left = self.merge(first, self.nodes[second as usize].left);
            self.nodes[second as usize].left = left;
            self.recount(second);
            second
        }
    }

    fn without(&mut self, at: u32, place: &Place) -> u32 {
        let node = &self.nodes[at as usize];
        let (own, left, right) = (node.place, node.left, node.right);
        match place.cmp(&own) {
            std::cmp::Ordering::Equal => {
                self.spare.push(at);
                return self.merge(left, right);
            }
            std::cmp::Ordering::Less => {
                let left = self.without(left, place);
                self.nodes[at as usize].left = left;
            }
            std::cmp::Ordering::Greater => {
                let right = self.without(right, place);
                self.nodes[at as usize].right = right;
            }
        }
        self.recount(at);
        at
    }
}

/// A number that looks random, from an id (splitmix64).
fn mix(chat: &ChatId) -> u64 {
    let mut halves = [0_u64; 2];
    for (at, byte) in chat.0.iter().enumerate() {
        halves[at / 8] = halves[at / 8] << 8 | u64::from(*byte);
    }
    let mut number = halves[0] ^ halves[1].rotate_left(32);
    number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(score: u64, chat: u8) -> Place {
        Place { score, since: Timestamp(score), chat: ChatId([chat; 16]) }
    }

    proptest! {
        #[test]
        fn q1_a_line_ranks_as_a_sorted_list_does(steps in prop::collection::vec((any::<bool>(), 0..6u64, 0..40u8), 0..200)) {
            let (mut line, mut sorted) = (Line::default(), Vec::new());
            for (comes, score, chat) in steps {
                let one = place(score, chat);
                if comes && !sorted.contains(&one) {
                    line.insert(one);
                    sorted.push(one);
                    sorted.sort();
                } else if !comes {
                    let at = sorted.iter().position(|other| *other == one);
                    prop_assert_eq!(line.remove(&one), at.is_some());
                    at.map(|at| sorted.remove(at));
                }
                prop_assert_eq!(line.len() as usize, sorted.len());
                for (rank, one) in (1..).zip(&sorted) {
                    prop_assert_eq!(line.rank(one), Some(rank));
                    prop_assert_eq!(line.nth(rank), Some(*one));
                }
            }
            prop_assert!(line.iter().eq(sorted));
        }
    }

    #[test]
    fn a_long_line_is_no_deep_tree() {
        let mut line = Line::default();
        for number in 0..100_000_u64 {
            let mut id = [0; 16];
            id[8..].copy_from_slice(&number.to_be_bytes());
            line.insert(Place { score: number, since: Timestamp(number), chat: ChatId(id) });
        }
        fn depth(line: &Line, at: u32) -> u32 {
            if at == NONE {
                return 0;
            }
            let node = &line.nodes[at as usize];
            1 + depth(line, node.left).max(depth(line, node.right))
        }
        let deep = depth(&line, line.root);
        assert!(deep < 64, "{deep}");
        assert_eq!(line.nth(70_001).map(|place| place.score), Some(70_000));
    }
}
