//! All forms, as a tree of bytes.
//!
//! A form that leaves the tree adds the rest of its bytes as one chain of consecutive nodes, so that adding a form is a
//! few lookups and a copy, and a node takes four bytes. Links to shorter suffixes are found when they are needed: see
//! `suffixes`. Everything that holds plaintext is wiped; the automata of other crates cannot be.

use zeroize::Zeroize;

use crate::kinds::Kinds;
use crate::wiped::Wiped;

/// A node of the trie: the bytes that lead to it are the start of some form.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct NodeId(u32);

/// What follows a form in the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tail {
    /// Nothing that matters.
    Free,
    /// It is the core of a base64 text: `=` after it belongs to the value.
    Padding,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Trie {
    nodes: Wiped<u32>,
    /// The nodes after the root, by byte. Most walks end here.
    roots: Box<[u32; 256]>,
    /// All other nodes that start a chain, found by their parent and byte.
    forks: Forks,
    chains: Vec<Chain>,
    forms: usize,
    shortest: usize,
    longest: usize,
    kinds: Kinds,
}

/// Consecutive nodes, each the only child of the one before that is not in `forks`.
#[derive(Clone, Copy)]
struct Chain {
    first: u32,
    parent: u32,
    /// How many bytes lead to `first`.
    depth: u32,
}

/// An open-addressed table from a parent and a byte to a child. The byte is the child's label, so it is not stored again.
#[derive(Clone)]
struct Forks {
    slots: Vec<(u32, u32)>,
    used: usize,
}

// What a node's word holds. `inside`: kinds with a form that goes on after this node. `ends`: kinds with a form that ends
// here.
const LABEL: u32 = 0xff;
const INSIDE_SHIFT: u32 = 8;
const ENDS_SHIFT: u32 = 12;
const PADDED: u32 = 1 << 16;
const CHAINED: u32 = 1 << 17;
const FORKED: u32 = 1 << 18;
/// The node starts a chain: its parent is not the node before it.
const FIRST: u32 = 1 << 19;

/// Node numbers fit in 31 bits, with room to spare.
const MOST_NODES: usize = 1 << 30;

/// Room for the forms of a few values, so that the nodes seldom move.
const FIRST_NODES: usize = 1 << 12;

// === impl NodeId ===

impl NodeId {
    pub(crate) const ROOT: Self = Self(0);

    const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }
}

// === impl Trie ===

impl Trie {
    pub(crate) fn new() -> Self {
        let mut nodes = Wiped::new();
        nodes.push(0);
        Self {
            nodes,
            roots: Box::new([0; 256]),
            forks: Forks {
                slots: Vec::new(),
                used: 0,
            },
            chains: Vec::new(),
            forms: 0,
            shortest: usize::MAX,
            longest: 0,
            kinds: Kinds::NONE,
        }
    }

    /// Whether there is room for forms of at most `bytes` bytes together.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.nodes.len() + bytes <= MOST_NODES
    }

    /// Makes room for the forms of a few values.
    pub(crate) fn reserve(&mut self) {
        if self.chains.is_empty() {
            self.nodes.reserve(FIRST_NODES);
            self.chains.reserve(FIRST_NODES / 32);
        }
    }

    /// Adds a form that the views of `kinds` look for.
    pub(crate) fn insert(&mut self, form: &[u8], kinds: Kinds, tail: Tail) {
        let mut at = NodeId::ROOT;
        for (depth, &byte) in form.iter().enumerate() {
            self.set(at, u32::from(kinds.bits()) << INSIDE_SHIFT);
            at = match self.child(at, byte) {
                Some(next) => next,
                None => {
                    at = self.append(at, depth, &form[depth..], kinds);
                    break;
                }
            };
        }
        if self.ends(at).bits() == 0 {
            self.forms += 1;
        }
        self.set(at, u32::from(kinds.bits()) << ENDS_SHIFT);
        if tail == Tail::Padding {
            self.set(at, PADDED);
        }
        self.kinds = self.kinds.with(kinds);
        self.shortest = self.shortest.min(form.len());
        self.longest = self.longest.max(form.len());
    }

    /// How many different forms there are.
    pub(crate) fn forms(&self) -> usize {
        self.forms
    }

    /// The length of the shortest form. There is none in an empty trie.
    pub(crate) fn shortest(&self) -> Option<usize> {
        (self.forms > 0).then_some(self.shortest)
    }

    /// All kinds of which there is a form.
    pub(crate) fn kinds(&self) -> Kinds {
        self.kinds
    }

    #[inline]
    pub(crate) fn child(&self, node: NodeId, byte: u8) -> Option<NodeId> {
        if node == NodeId::ROOT {
            let child = self.roots[usize::from(byte)];
            return (child != 0).then_some(NodeId(child));
        }
        let word = self.nodes[node.index()];
        if word & CHAINED != 0 && self.nodes[node.index() + 1] & LABEL == u32::from(byte) {
            return Some(NodeId(node.0 + 1));
        }
        if word & FORKED == 0 {
            return None;
        }
        self.forks.find(node.0, byte, &self.nodes).map(NodeId)
    }

    /// The kinds of which a form goes on after `node`.
    #[inline]
    pub(crate) fn inside(&self, node: NodeId) -> Kinds {
        Kinds::from_bits(self.nodes[node.index()].to_le_bytes()[1])
    }

    /// The kinds of which a form ends at `node`.
    #[inline]
    pub(crate) fn ends(&self, node: NodeId) -> Kinds {
        Kinds::from_bits(self.nodes[node.index()].to_le_bytes()[1] >> 4)
    }

    /// Whether `node` is part of the trie that has only the forms of `kinds`.
    #[inline]
    pub(crate) fn belongs(&self, node: NodeId, kinds: Kinds) -> bool {
        self.inside(node).with(self.ends(node)).intersects(kinds)
    }

    /// Whether the core of a base64 text ends at `node`.
    pub(crate) fn is_padded(&self, node: NodeId) -> bool {
        self.nodes[node.index()] & PADDED != 0
    }

    /// The byte that leads to `node`.
    pub(crate) fn label(&self, node: NodeId) -> u8 {
        self.nodes[node.index()].to_le_bytes()[0]
    }

    /// Whether `node` is a child of the root.
    #[inline]
    pub(crate) fn is_after_root(&self, node: NodeId) -> bool {
        self.roots[usize::from(self.label(node))] == node.0
    }

    /// The node that `node` is a child of. The root is its own parent.
    pub(crate) fn parent(&self, node: NodeId) -> NodeId {
        if self.nodes[node.index()] & FIRST == 0 {
            return NodeId(node.0.saturating_sub(1));
        }
        if self.is_after_root(node) {
            return NodeId::ROOT;
        }
        let before = self.chains.partition_point(|chain| chain.first < node.0);
        NodeId(self.chains.get(before).map_or(0, |chain| chain.parent))
    }

    /// The first `length` bytes of every form, each once, with the kinds of the forms. All forms are at least that long, and
    /// `length` is at most eight: the bytes are those of a number, the first one lowest.
    pub(crate) fn for_each_prefix(&self, length: usize, mut visit: impl FnMut(u64, Kinds)) {
        for chain in &self.chains {
            let depth = chain.depth as usize;
            if depth > length {
                continue;
            }
            let own = &self.nodes[chain.first as usize..][..=length - depth];
            let mut prefix = own
                .iter()
                .rev()
                .fold(0, |prefix, node| prefix << 8 | u64::from(node & LABEL));
            let mut at = NodeId(chain.parent);
            while at != NodeId::ROOT {
                prefix = prefix << 8 | u64::from(self.label(at));
                at = self.parent(at);
            }
            let last = NodeId(chain.first + number(length - depth));
            visit(prefix, self.inside(last).with(self.ends(last)));
        }
    }

    fn set(&mut self, node: NodeId, bits: u32) {
        self.nodes.as_mut_slice()[node.index()] |= bits;
    }

    /// Adds a chain for the bytes `tail`, after `parent`, to which `depth` bytes lead. Returns its last node.
    fn append(&mut self, parent: NodeId, depth: usize, tail: &[u8], kinds: Kinds) -> NodeId {
        let first = number(self.nodes.len());
        self.chains.push(Chain {
            first,
            parent: parent.0,
            depth: number(depth + 1),
        });
        let inside = CHAINED | u32::from(kinds.bits()) << INSIDE_SHIFT;
        let nodes = self.nodes.push_zeros(tail.len());
        for (node, &byte) in nodes.iter_mut().zip(tail) {
            *node = u32::from(byte) | inside;
        }
        let last = NodeId(number(self.nodes.len() - 1));
        self.nodes.as_mut_slice()[last.index()] &= LABEL;
        self.set(NodeId(first), FIRST);
        if parent == NodeId::ROOT {
            self.roots[usize::from(tail[0])] = first;
        } else {
            self.set(parent, FORKED);
            self.forks.insert(parent.0, first, &self.nodes);
        }
        last
    }
}

impl Drop for Trie {
    fn drop(&mut self) {
        self.roots.as_mut_slice().zeroize();
    }
}

// === impl Forks ===

impl Forks {
    #[inline]
    fn find(&self, parent: u32, byte: u8, nodes: &[u32]) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(parent, byte) & mask;
        loop {
            let (owner, child) = self.slots[slot];
            if child == 0 {
                return None;
            }
            if owner == parent && nodes[child as usize] & LABEL == u32::from(byte) {
                return Some(child);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn insert(&mut self, parent: u32, child: u32, nodes: &[u32]) {
        if 2 * (self.used + 1) > self.slots.len() {
            let grown = vec![(0, 0); (2 * self.slots.len()).max(256)];
            for (parent, child) in std::mem::replace(&mut self.slots, grown) {
                if child != 0 {
                    self.place(parent, child, nodes);
                }
            }
        }
        self.place(parent, child, nodes);
        self.used += 1;
    }

    fn place(&mut self, parent: u32, child: u32, nodes: &[u32]) {
        let mask = self.slots.len() - 1;
        let mut slot = hash(parent, nodes[child as usize].to_le_bytes()[0]) & mask;
        while self.slots[slot].1 != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = (parent, child);
    }
}

fn hash(parent: u32, byte: u8) -> usize {
    let key = (u64::from(parent) << 8) | u64::from(byte);
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whoever adds a form has asked `has_room`, which keeps the number of nodes below `MOST_NODES`"
)]
fn number(index: usize) -> u32 {
    index as u32
}
