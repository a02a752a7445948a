//! The search for forms in one view: an Aho-Corasick walk with a map back to the input.

use std::collections::VecDeque;

use crate::kinds::Kinds;
use crate::suffixes::Suffixes;
use crate::trie::{NodeId, Trie};
use crate::union::{Range, Union};
use crate::view::Item;

/// The most `=` that end a base64 text.
const MOST_PADDING: u8 = 2;

/// Room for the spans of a token, when a match opens.
const FIRST_SPANS: usize = 64;

/// What all matchers of a stream share.
pub(crate) struct Search<'a> {
    pub(crate) trie: &'a Trie,
    pub(crate) suffixes: &'a mut Suffixes,
    pub(crate) union: &'a mut Union,
}

/// Where the search in one view stands.
#[derive(Clone)]
pub(crate) struct Matcher {
    kinds: Kinds,
    node: NodeId,
    /// Where the bytes of the open match come from: as many as lead to `node`.
    spans: VecDeque<Range>,
    /// How many input bytes between the spans the view has dropped.
    dropped: u64,
    /// The core of a base64 text has just ended here, and may be padded.
    padding: Option<Padding>,
}

#[derive(Clone, Copy)]
struct Padding {
    at: u64,
    left: u8,
}

// === impl Matcher ===

impl Matcher {
    pub(crate) fn new(kinds: Kinds) -> Self {
        Self {
            kinds,
            node: NodeId::ROOT,
            spans: VecDeque::new(),
            dropped: 0,
            padding: None,
        }
    }

    /// The same search, for fewer forms.
    pub(crate) fn fork(&self, kinds: Kinds, search: &mut Search<'_>) -> Self {
        let mut fork = Self {
            kinds,
            ..self.clone()
        };
        while fork.node != NodeId::ROOT && !search.trie.inside(fork.node).intersects(kinds) {
            fork.fall_back(search);
        }
        fork
    }

    pub(crate) fn step(&mut self, item: Item, search: &mut Search<'_>) {
        self.pad(item, search.union);
        loop {
            if let Some(next) = search.trie.child(self.node, item.byte)
                && search.trie.belongs(next, self.kinds)
            {
                self.node = next;
                self.keep(item);
                break;
            }
            if self.node == NodeId::ROOT {
                return;
            }
            self.fall_back(search);
        }
        self.report(item, search);
        // A form that ends here is no longer open, but the end of it may be the start of another one.
        while self.node != NodeId::ROOT && !search.trie.inside(self.node).intersects(self.kinds) {
            self.fall_back(search);
        }
    }

    /// Gives up what is open.
    pub(crate) fn reset(&mut self) {
        self.node = NodeId::ROOT;
        self.forget_front(self.spans.len());
    }

    /// How many bytes of the view are open: they are the start of some form.
    pub(crate) fn depth(&self) -> usize {
        self.spans.len()
    }

    /// Where the open match starts in the input.
    pub(crate) fn open_start(&self) -> Option<u64> {
        self.spans.front().map(|span| span.start)
    }

    /// How many of the input bytes from the start of the open match up to `end` are no part of it.
    pub(crate) fn dropped_until(&self, end: u64) -> u64 {
        self.dropped
            + self
                .spans
                .back()
                .map_or(0, |last| end.saturating_sub(last.end))
    }

    /// Whether nothing that came before can matter to what comes.
    pub(crate) fn is_idle(&self) -> bool {
        self.node == NodeId::ROOT && self.padding.is_none()
    }

    fn report(&mut self, item: Item, search: &mut Search<'_>) {
        let depth = self.spans.len();
        let found =
            search
                .suffixes
                .longest_form(search.trie, self.node, length_of(depth), self.kinds);
        let Some(found) = found else { return };
        search
            .union
            .add(self.spans[depth - found.length as usize].start, item.end);
        if found.is_padded {
            self.padding = Some(Padding {
                at: item.end,
                left: MOST_PADDING,
            });
        }
    }

    /// Takes `=` after the core of a base64 text with it.
    fn pad(&mut self, item: Item, union: &mut Union) {
        let Some(padding) = self.padding.take() else {
            return;
        };
        if item.byte == b'=' && item.start == padding.at {
            union.add(item.start, item.end);
            self.padding = (padding.left > 1).then_some(Padding {
                at: item.end,
                left: padding.left - 1,
            });
        }
    }

    fn fall_back(&mut self, search: &mut Search<'_>) {
        let (node, depth) = search.suffixes.next(search.trie, self.node, self.kinds);
        self.node = node;
        self.forget_front(self.spans.len() - depth as usize);
    }

    fn keep(&mut self, item: Item) {
        match self.spans.back() {
            Some(last) => self.dropped += item.start.saturating_sub(last.end),
            None => self.spans.reserve(FIRST_SPANS),
        }
        self.spans.push_back(Range {
            start: item.start,
            end: item.end,
        });
    }

    fn forget_front(&mut self, count: usize) {
        for _ in 0..count {
            let first = self.spans.pop_front();
            if let (Some(first), Some(next)) = (first, self.spans.front()) {
                self.dropped -= next.start.saturating_sub(first.end);
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "no form is longer than the trie has nodes"
)]
fn length_of(depth: usize) -> u32 {
    depth as u32
}
