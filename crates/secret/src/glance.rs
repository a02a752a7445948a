//! A quick look at whole texts: whether there is nothing to mask.

use std::sync::Arc;

use crate::patterns::Patterns;
use crate::skim::Skimmer;
use crate::wiped::Wiped;

/// What stands behind a text, so that what decides about its last bytes is there; it belongs to no escape and to no blank.
const BEHIND: [u8; 256] = [0; 256];

/// A look with the values that there were when it began.
pub(crate) struct Glance {
    patterns: Arc<Patterns>,
    skimmer: Skimmer,
    text: Wiped<u8>,
}

impl Glance {
    pub(crate) fn new(patterns: Arc<Patterns>) -> Self {
        Self {
            patterns,
            skimmer: Skimmer::default(),
            text: Wiped::new(),
        }
    }

    /// Whether nothing that is to be masked starts in `text`, which is whole and has no escapes. No: it may be so.
    pub(crate) fn is_clean(&mut self, text: &[u8]) -> bool {
        self.text.clear();
        self.text.reserve(text.len() + BEHIND.len());
        self.text.extend_from_slice(text);
        self.text.extend_from_slice(&BEHIND);
        self.skimmer
            .is_clean(&self.patterns, &self.text, text.len())
    }
}
