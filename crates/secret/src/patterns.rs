//! What a run looks for: the forms of all values that were registered so far. Streams share it, and do not change it.

use crate::forms::Forms;
use crate::trie::{Full, Trie};

/// See the module.
#[derive(Clone)]
pub(crate) struct Patterns {
    trie: Trie,
    has_shapes: bool,
}

impl Patterns {
    pub(crate) fn new(has_shapes: bool) -> Self {
        Self {
            trie: Trie::new(),
            has_shapes,
        }
    }

    pub(crate) fn skim(&self, _text: &[u8]) -> usize {
        0
    }

    pub(crate) fn add(&mut self, forms: &Forms) -> Result<(), Full> {
        self.trie.reserve(forms.total_bytes())?;
        for (form, kinds, tail) in forms.iter() {
            self.trie.insert(form, kinds, tail);
        }
        Ok(())
    }

    /// Whether tokens are masked that were not registered.
    pub(crate) fn has_shapes(&self) -> bool {
        self.has_shapes
    }

    pub(crate) fn trie(&self) -> &Trie {
        &self.trie
    }
}
