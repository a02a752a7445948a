//! The exact search: every form in every view, byte by byte, with a map back to the input, and the token shapes.
//!
//! It starts where no escape is open and ends where nothing is open (`is_quiet`); `skim` passes over what lies between.

use crate::lane::{Holds, Lanes};
use crate::matcher::Search;
use crate::patterns::Patterns;
use crate::shapes::ShapeScanner;
use crate::suffixes::Suffixes;
use crate::union::Union;
use crate::view::Item;

/// See the module.
pub(crate) struct Scanner {
    lanes: Lanes,
    shapes: ShapeScanner,
    suffixes: Suffixes,
    union: Union,
    position: u64,
}

impl Scanner {
    /// A scanner whose next byte is the one at `position` of the stream. No escape may be open there.
    pub(crate) fn new(position: u64) -> Self {
        Self {
            lanes: Lanes::new(),
            shapes: ShapeScanner::default(),
            suffixes: Suffixes::default(),
            union: Union::default(),
            position,
        }
    }

    /// Starts anew at `position`, for other patterns. What was redacted stays so.
    pub(crate) fn restart(&mut self, position: u64) {
        let union = std::mem::take(&mut self.union);
        *self = Self {
            union,
            ..Self::new(position)
        };
    }

    /// Moves a quiet scanner on.
    pub(crate) fn skip(&mut self, count: u64) {
        self.position += count;
    }

    pub(crate) fn push(&mut self, byte: u8, patterns: &Patterns) {
        let item = Item {
            byte,
            start: self.position,
            end: self.position + 1,
        };
        self.position += 1;
        if patterns.has_shapes() {
            self.shapes.push(byte, item.start, &mut self.union);
        }
        let mut search = Search {
            trie: patterns.trie(),
            suffixes: &mut self.suffixes,
            union: &mut self.union,
        };
        self.lanes.push(item, &mut search);
    }

    /// The input has ended: what is unfinished stands for itself.
    pub(crate) fn finish(&mut self, patterns: &Patterns) {
        let mut search = Search {
            trie: patterns.trie(),
            suffixes: &mut self.suffixes,
            union: &mut self.union,
        };
        self.lanes.finish(&mut search);
    }

    /// Whether nothing that has been read can matter to what comes.
    pub(crate) fn is_quiet(&self) -> bool {
        self.lanes.is_quiet() && self.shapes.is_quiet()
    }

    pub(crate) fn holds(&self) -> Holds {
        let mut holds = Holds {
            strong: self.position,
            weak: self.position,
        };
        self.lanes.hold(&mut holds);
        self.shapes.hold(&mut holds);
        holds.weak = holds.weak.min(holds.strong);
        holds
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn union(&mut self) -> &mut Union {
        &mut self.union
    }
}
