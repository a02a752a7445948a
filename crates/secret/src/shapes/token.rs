//! Tokens: a prefix of the table, then characters of its class.
//!
//! Below the minimum a candidate is held. With it the token is certain, and its class is swallowed to the end, however
//! many writes that takes.

use std::sync::LazyLock;

use super::table::{Evidence, SHAPES, Shape};
use crate::kinds::Kinds;
use crate::lane::Holds;
use crate::suffixes::Suffixes;
use crate::trie::{NodeId, Tail, Trie};
use crate::union::Union;

/// A candidate that has not become a token by then is none.
const LONGEST_CANDIDATE_BYTES: u64 = 4096;

/// The prefixes, as a trie. They are no secrets: all streams share it.
static PREFIXES: LazyLock<Trie> = LazyLock::new(|| {
    let mut trie = Trie::new();
    for shape in SHAPES {
        trie.insert(shape.prefix.as_bytes(), Kinds::SHARED, Tail::Free);
    }
    trie
});

/// The search for tokens in one stream.
pub(super) struct Tokens {
    /// How far the text has come into a prefix.
    node: NodeId,
    depth: u32,
    suffixes: Suffixes,
    /// Where the byte after the last one is.
    end: u64,
    candidates: Vec<Candidate>,
}

/// A prefix with what has followed it so far.
struct Candidate {
    start: u64,
    shape: &'static Shape,
    count: usize,
    has_digit: bool,
    has_other: bool,
    has_parts: bool,
    /// The last byte joins, if one of the class follows.
    joint: bool,
    is_token: bool,
}

// === impl Tokens ===

impl Tokens {
    pub(super) fn push(&mut self, byte: u8, position: u64, union: &mut Union) {
        self.end = position + 1;
        if !self.candidates.is_empty() {
            self.candidates
                .retain_mut(|candidate| candidate.push(byte, position, union));
        }
        if let Some(shape) = self.step(byte) {
            let start = self.end - shape.prefix.len() as u64;
            // The longest of the prefixes at one place counts.
            self.candidates
                .retain(|candidate| candidate.start != start || candidate.is_token);
            self.candidates.push(Candidate::new(start, shape));
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.candidates.is_empty() && self.depth == 0
    }

    pub(super) fn hold(&self, holds: &mut Holds) {
        for candidate in &self.candidates {
            if !candidate.is_token {
                holds.strong = holds.strong.min(candidate.start);
            } else if candidate.joint {
                holds.weak = holds.weak.min(self.end - 1);
            }
        }
        // Only while a prefix is open: a scanner that was never asked, or passed over text, has no end of its own.
        if self.depth > 0 {
            holds.weak = holds.weak.min(self.end - u64::from(self.depth));
        }
    }

    /// Goes on in the prefixes. Returns the shape whose prefix ends here.
    fn step(&mut self, byte: u8) -> Option<&'static Shape> {
        let trie = &*PREFIXES;
        loop {
            if let Some(next) = trie.child(self.node, byte) {
                (self.node, self.depth) = (next, self.depth + 1);
                break;
            }
            if self.node == NodeId::ROOT {
                return None;
            }
            (self.node, self.depth) = self.suffixes.next(trie, self.node, Kinds::SHARED);
        }
        let shape = self.shape_that_ends_here(trie);
        if !trie.inside(self.node).intersects(Kinds::SHARED) {
            (self.node, self.depth) = self.suffixes.next(trie, self.node, Kinds::SHARED);
        }
        shape
    }

    fn shape_that_ends_here(&mut self, trie: &Trie) -> Option<&'static Shape> {
        let found = self
            .suffixes
            .longest_form(trie, self.node, self.depth, Kinds::SHARED)?;
        let mut at = self.node;
        let prefix_from_its_end = std::iter::from_fn(|| {
            let label = trie.label(at);
            at = trie.parent(at);
            Some(label)
        });
        let mut prefix: Vec<u8> = prefix_from_its_end.take(found.length as usize).collect();
        prefix.reverse();
        SHAPES
            .iter()
            .find(|shape| shape.prefix.as_bytes() == prefix)
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            node: NodeId::ROOT,
            depth: 0,
            suffixes: Suffixes::default(),
            end: 0,
            candidates: Vec::new(),
        }
    }
}

// === impl Candidate ===

impl Candidate {
    fn new(start: u64, shape: &'static Shape) -> Self {
        Self {
            start,
            shape,
            count: 0,
            has_digit: false,
            has_other: false,
            has_parts: false,
            joint: false,
            is_token: false,
        }
    }

    /// Takes the next byte. Returns whether the candidate goes on.
    fn push(&mut self, byte: u8, position: u64, union: &mut Union) -> bool {
        if self.shape.class.joins(byte, self.is_token) && !self.joint && self.count > 0 {
            self.joint = true;
            return true;
        }
        if !self.shape.class.contains(byte) {
            return false;
        }
        self.count += 1;
        self.has_digit |= byte.is_ascii_digit();
        self.has_other |= byte.is_ascii_alphabetic() && !byte.is_ascii_hexdigit();
        self.has_parts |= self.joint;
        if self.is_token {
            union.add(position - u64::from(self.joint), position + 1);
        } else if self.is_enough() {
            self.is_token = true;
            union.add(self.start, position + 1);
        }
        self.joint = false;
        self.is_token || position - self.start < LONGEST_CANDIDATE_BYTES
    }

    fn is_enough(&self) -> bool {
        let has_evidence = match self.shape.evidence {
            Evidence::Prefix => true,
            Evidence::Random => self.has_digit && self.has_other,
            Evidence::Parts => self.has_parts,
        };
        has_evidence && self.count >= self.shape.minimum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_ends_another_one() {
        for shape in SHAPES {
            let inside = SHAPES
                .iter()
                .filter(|other| shape.prefix[1..].contains(other.prefix));
            assert_eq!(
                inside.map(|other| other.prefix).collect::<Vec<_>>(),
                [""; 0],
                "{}",
                shape.prefix
            );
        }
    }
}
