//! Failure links, found when a stream first needs them.
//!
//! When the text leaves a form, the search goes on with the longest suffix of what it has read that is the start of some
//! form (Aho and Corasick). Finding these links for a whole trie takes longer than most runs print; a stream only ever
//! visits a few nodes. Each link is found once, from those of shorter nodes, so the work stays linear in the text.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::kinds::Kinds;
use crate::trie::{NodeId, Trie};

/// Room for the links of a value, when the first one is found.
const FIRST_LINKS: usize = 112;

/// The links that a stream has found so far. They belong to one trie.
#[derive(Default)]
pub(crate) struct Suffixes {
    known: HashMap<u32, Suffix, BuildHasherDefault<NumberHasher>>,
    /// Nodes with their suffixes, of which each needs the next one to be known. Kept to save its memory.
    open: Vec<(NodeId, NodeId, u32)>,
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
        if node == NodeId::ROOT {
            return Suffix::NONE;
        }
        if let Some(&suffix) = self.known.get(&node.number()) {
            return suffix;
        }
        if self.known.is_empty() {
            self.known.reserve(FIRST_LINKS);
        }
        if self.is_known(trie.parent(node)) {
            return self.find_below(trie, node);
        }
        self.find(trie, node)
    }

    /// Finds the suffixes of all nodes on the way to `node`, from the top.
    fn find(&mut self, trie: &Trie, node: NodeId) -> Suffix {
        let mut path = vec![node];
        let mut at = trie.parent(node);
        while !self.is_known(at) {
            path.push(at);
            at = trie.parent(at);
        }
        let mut suffix = Suffix::NONE;
        while let Some(node) = path.pop() {
            suffix = self.find_below(trie, node);
        }
        suffix
    }

    /// Finds the suffix of `node`, whose parent's is known, and with it all suffixes of that suffix.
    fn find_below(&mut self, trie: &Trie, node: NodeId) -> Suffix {
        let mut open = std::mem::take(&mut self.open);
        let mut at = node;
        loop {
            let (next, depth) = self.extend_suffix_of_parent(trie, at);
            open.push((at, next, depth));
            if self.is_known(next) {
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

    fn is_known(&self, node: NodeId) -> bool {
        node == NodeId::ROOT || self.known.contains_key(&node.number())
    }

    /// The step of Aho and Corasick: the longest suffix of the parent which the node's byte leads on from.
    fn extend_suffix_of_parent(&self, trie: &Trie, node: NodeId) -> (NodeId, u32) {
        let byte = trie.label(node);
        let mut at = trie.parent(node);
        while let Some(suffix) = self.known.get(&at.number()) {
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
        let below = self.known.get(&node.number());
        let below_is_padded = below.is_some_and(|suffix| suffix.is_padded);
        if trie.ends(node).bits() != 0 {
            return (Some((node, depth)), below_is_padded || trie.is_padded(node));
        }
        (below.and_then(|suffix| suffix.form), below_is_padded)
    }
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
