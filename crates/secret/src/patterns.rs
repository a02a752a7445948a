//! What a run looks for: the forms of all values that were registered so far. Streams share it, and do not change it.

use std::sync::OnceLock;

use crate::forms;
use crate::skim::{Firsts, Grams, Hints, Joins};
use crate::texts::Texts;
use crate::trie::Trie;

/// Shorter texts are not worth it to make more than grams and joins.
const LONG_TEXT_BYTES: usize = 1024;

/// See the module.
#[derive(Clone)]
pub(crate) struct Patterns {
    trie: Trie,
    /// Made when the first text is masked: values are often registered in a row.
    grams: OnceLock<Option<Grams>>,
    /// Made when the first text is masked that has more than plain words.
    joins: OnceLock<Joins>,
    /// Made when the first long text is masked. None if there are too many forms.
    firsts: OnceLock<Option<Firsts>>,
    /// Likewise.
    hints: OnceLock<Hints>,
    has_shapes: bool,
}

impl Patterns {
    pub(crate) fn new(has_shapes: bool) -> Self {
        Self {
            trie: Trie::new(),
            grams: OnceLock::new(),
            joins: OnceLock::new(),
            firsts: OnceLock::new(),
            hints: OnceLock::new(),
            has_shapes,
        }
    }

    /// Whether there is room for forms of so many bytes together.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.trie.has_room(bytes)
    }

    /// Adds all forms of some texts, for which there is room.
    pub(crate) fn add(&mut self, texts: &Texts) {
        self.grams.take();
        self.joins.take();
        self.firsts.take();
        self.hints.take();
        self.trie.reserve();
        for (text, spelled) in texts {
            forms::spell(text, *spelled, |form, kinds, tail| {
                self.trie.insert(form, kinds, tail);
            });
        }
    }

    /// Whether tokens are masked that were not registered.
    pub(crate) fn has_shapes(&self) -> bool {
        self.has_shapes
    }

    pub(crate) fn trie(&self) -> &Trie {
        &self.trie
    }

    /// What tells clean text quickly. None if there are no forms.
    pub(crate) fn grams(&self) -> Option<&Grams> {
        self.grams.get_or_init(|| Grams::new(&self.trie)).as_ref()
    }

    /// What tells clean text quicker still. They are made for a long text, as a short one is looked through in less time.
    /// `grams` are the ones of these patterns.
    pub(crate) fn firsts(&self, grams: &Grams, length: usize) -> Option<&Firsts> {
        if length < LONG_TEXT_BYTES {
            return self.firsts.get()?.as_ref();
        }
        let firsts = || Firsts::new(&self.trie, grams.width());
        self.firsts.get_or_init(firsts).as_ref()
    }

    /// What tells quickly that a view makes no difference. `grams` are the ones of these patterns.
    pub(crate) fn joins(&self, grams: &Grams) -> &Joins {
        self.joins
            .get_or_init(|| Joins::new(&self.trie, grams.width()))
    }

    /// What tells quickly which special bytes may matter, to look through `length` bytes. They are made for a long text, as
    /// a short one is looked through in less time. `grams` are the ones of these patterns.
    pub(crate) fn hints(&self, grams: &Grams, length: usize) -> Option<&Hints> {
        if length < LONG_TEXT_BYTES {
            return self.hints.get();
        }
        let hints = || Hints::new(&self.trie, grams.width(), self.joins(grams));
        Some(self.hints.get_or_init(hints))
    }
}
