//! Failure links, found when a stream first needs them.
//!
//! When the text leaves a form, the search goes on with the longest suffix of what it has read that is the start of some
//! form (Aho and Corasick). Finding these links for a whole trie takes longer than most runs print; a stream only ever
//! visits a few nodes. Each link is found once: those of nodes near the root by trying every suffix, and the others from
//! those of shorter nodes, so the work stays linear in the text.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::kinds::Kinds;
use crate::trie::{NodeId, Trie};
use crate::wiped::Wiped;

/// Up to so many bytes every suffix is tried, as a token has not many more. Most fail at once, and a stream that finds one
/// value then needs one link, not one for each of its bytes.
const MOST_TRIED_BYTES: usize = 64;

/// The links that a stream has found so far. They belong to one trie.
#[derive(Default)]
pub(crate) struct Suffixes {
    known: HashMap<u32, Suffix, BuildHasherDefault<NumberHasher>>,
    /// Nodes with their suffixes, of which each needs the next one to be known. Kept to save its memory.
    open: Vec<(NodeId, NodeId, u32)>,
    /// The bytes of a node, the last one first. Kept to save its memory.
    bytes: Wiped<u8>,
}

/// The longest proper suffix of a node's bytes that is a node too.
#[derive(Clone, Copy, Debug)]
struct Suffix {
    node: NodeId,
    depth: u32,
    /// The longest proper suffix that is a form.
    form: Option<(NodeId, u32)>,
    /// Whether some proper suffix is the core of a base64 text.
    is_padded: bool,
}

/// The longest form that ends at a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) length: u32,
    /// Whether some form that ends here is the core of a base64 text.
    pub(crate) is_padded: bool,
}

// === impl Suffix ===

impl Suffix {
    /// What the root has, and all nodes of which no suffix is a node.
    const NONE: Self = Self {
        node: NodeId::ROOT,
        depth: 0,
        form: None,
        is_padded: false,
    };
}

// === impl Suffixes ===

impl Suffixes {
    /// The longest proper suffix of `node` in the trie of the forms of `kinds`, with its length.
    pub(crate) fn next(&mut self, trie: &Trie, node: NodeId, kinds: Kinds) -> (NodeId, u32) {
        let mut suffix = self.of(trie, node);
        while suffix.node != NodeId::ROOT && !trie.belongs(suffix.node, kinds) {
            suffix = self.of(trie, suffix.node);
        }
        (suffix.node, suffix.depth)
    }

    /// The longest form of `kinds` that ends at `node`, to which `depth` bytes lead.
    pub(crate) fn longest_form(
        &mut self,
        trie: &Trie,
        node: NodeId,
        depth: u32,
        kinds: Kinds,
    ) -> Option<Found> {
        let mut found: Option<Found> = None;
        let mut at = (node, depth);
        loop {
            if trie.ends(at.0).intersects(kinds) {
                let found = found.get_or_insert(Found {
                    length: at.1,
                    is_padded: false,
                });
                found.is_padded |= trie.is_padded(at.0);
            }
            // Nothing that is shorter than the shortest form ends in one.
            if trie
                .shortest()
                .is_none_or(|shortest| at.1 as usize <= shortest)
            {
                return found;
            }
            let suffix = self.of(trie, at.0);
            match suffix.form {
                Some(form) if found.is_none_or(|found| suffix.is_padded && !found.is_padded) => {
                    at = form;
                }
                _ => return found,
            }
        }
    }

    fn of(&mut self, trie: &Trie, node: NodeId) -> Suffix {
        match self.known(trie, node) {
            Some(suffix) => suffix,
            None => self.find(trie, node),
        }
    }

    /// The suffix of `node`, if it was found. Behind a single byte there is nothing to find.
    fn known(&self, trie: &Trie, node: NodeId) -> Option<Suffix> {
        if node == NodeId::ROOT || trie.is_after_root(node) {
            return Some(Suffix::NONE);
        }
        self.known.get(&node.number()).copied()
    }

    /// Finds the suffix of `node`, and with it all suffixes of that suffix.
    fn find(&mut self, trie: &Trie, node: NodeId) -> Suffix {
        let mut open = std::mem::take(&mut self.open);
        let mut at = node;
        loop {
            let (next, depth) = self.longest(trie, at);
            open.push((at, next, depth));
            if self.known(trie, next).is_some() {
                break;
            }
            at = next;
        }
        let mut suffix = Suffix::NONE;
        while let Some((at, next, depth)) = open.pop() {
            let (form, is_padded) = self.forms_below(trie, next, depth);
            suffix = Suffix {
                node: next,
                depth,
                form,
                is_padded,
            };
            self.known.insert(at.number(), suffix);
        }
        self.open = open;
        suffix
    }

    /// The longest proper suffix of `node`, with its length.
    fn longest(&mut self, trie: &Trie, node: NodeId) -> (NodeId, u32) {
        let parent = trie.parent(node);
        if self.known(trie, parent).is_none() {
            if let Some(suffix) = self.try_all(trie, node) {
                return suffix;
            }
            self.find_on_the_way(trie, parent);
        }
        self.extend_suffix_of_parent(trie, node)
    }

    /// Tries the suffixes of `node` one after the other, if they are few.
    fn try_all(&mut self, trie: &Trie, node: NodeId) -> Option<(NodeId, u32)> {
        self.bytes.clear();
        let mut at = node;
        while at != NodeId::ROOT {
            if self.bytes.len() == MOST_TRIED_BYTES {
                return None;
            }
            self.bytes.push(trie.label(at));
            at = trie.parent(at);
        }
        for length in (1..self.bytes.len()).rev() {
            let mut suffix = self.bytes[..length].iter().rev();
            let end = suffix.try_fold(NodeId::ROOT, |at, &byte| trie.child(at, byte));
            if let Some(end) = end {
                return Some((end, length_of(length)));
            }
        }
        Some((NodeId::ROOT, 0))
    }

    /// Finds the suffixes of all nodes on the way to `node`, itself included, from the top.
    fn find_on_the_way(&mut self, trie: &Trie, node: NodeId) {
        let mut way = Vec::new();
        let mut at = node;
        while self.known(trie, at).is_none() {
            way.push(at);
            at = trie.parent(at);
        }
        while let Some(node) = way.pop() {
            self.find(trie, node);
        }
    }

    /// The step of Aho and Corasick: the longest suffix of the parent, whose own is known, which the node's byte leads on
    /// from.
    fn extend_suffix_of_parent(&self, trie: &Trie, node: NodeId) -> (NodeId, u32) {
        let byte = trie.label(node);
        let mut at = trie.parent(node);
        while at != NodeId::ROOT {
            let suffix = self.known(trie, at).unwrap_or(Suffix::NONE);
            if let Some(child) = trie.child(suffix.node, byte) {
                return (child, suffix.depth + 1);
            }
            at = suffix.node;
        }
        (NodeId::ROOT, 0)
    }

    /// The longest form that ends at `node`, itself included, and whether any such form is padded.
    fn forms_below(&self, trie: &Trie, node: NodeId, depth: u32) -> (Option<(NodeId, u32)>, bool) {
        if node == NodeId::ROOT {
            return (None, false);
        }
        let below = self.known(trie, node).unwrap_or(Suffix::NONE);
        if trie.ends(node).bits() != 0 {
            return (Some((node, depth)), below.is_padded || trie.is_padded(node));
        }
        (below.form, below.is_padded)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it is at most `MOST_TRIED_BYTES`"
)]
fn length_of(length: usize) -> u32 {
    length as u32
}

/// Node numbers are small and dense: one multiplication spreads them.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::trie::Tail;

    /// What is found at each node, as it is defined: by looking at all suffixes of its bytes.
    fn check(forms: &[Vec<u8>], seed: u64) {
        let tail = |form: &[u8]| match form.len() % 2 {
            0 => Tail::Padding,
            _ => Tail::Free,
        };
        let mut trie = Trie::new();
        for form in forms {
            trie.insert(form, Kinds::SHARED, tail(form));
        }
        let starts = forms
            .iter()
            .flat_map(|form| (1..=form.len()).map(|end| &form[..end]));
        let nodes: BTreeMap<&[u8], NodeId> =
            starts.map(|bytes| (bytes, walk(&trie, bytes))).collect();
        // Which of them is looked at first decides what is known of the others.
        let mut order: Vec<_> = nodes.iter().collect();
        order.sort_by_key(|(_, node)| u64::from(node.number()).wrapping_mul(seed | 1));
        let mut suffixes = Suffixes::default();
        for (&bytes, &node) in order {
            let longest = (1..bytes.len())
                .map(|start| &bytes[start..])
                .find(|rest| nodes.contains_key(rest));
            let next = longest.map_or((NodeId::ROOT, 0), |rest| (nodes[rest], depth(rest)));
            assert_eq!(suffixes.next(&trie, node, Kinds::SHARED), next, "{bytes:?}");
            let ends: Vec<&[u8]> = (0..bytes.len())
                .map(|start| &bytes[start..])
                .filter(|rest| forms.iter().any(|form| form == rest))
                .collect();
            let found = ends.first().map(|longest| Found {
                length: depth(longest),
                is_padded: ends.iter().any(|form| tail(form) == Tail::Padding),
            });
            assert_eq!(
                suffixes.longest_form(&trie, node, depth(bytes), Kinds::SHARED),
                found,
                "{bytes:?}"
            );
        }
    }

    fn walk(trie: &Trie, bytes: &[u8]) -> NodeId {
        bytes
            .iter()
            .fold(NodeId::ROOT, |at, &byte| trie.child(at, byte).unwrap())
    }

    fn depth(bytes: &[u8]) -> u32 {
        u32::try_from(bytes.len()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_longest_suffix_and_form_are_found_in_any_order(
            forms in prop::collection::vec("[ab]{1,9}|a{60,70}b{0,2}|(ab|b){50,80}", 1..8), seed in any::<u64>()
        ) {
            let forms: Vec<Vec<u8>> = forms.into_iter().map(String::into_bytes).collect();
            check(&forms, seed);
        }
    }
}
