//! One channel on its way out: bytes go in as they come, and come out as soon as they can be no part of a value.

use std::sync::Arc;

use crate::Masked;
use crate::masker::Shared;

/// A filter for one channel. What comes out does not depend on how the input is cut.
pub struct MaskStream {
    shared: Arc<Shared>,
    held: Vec<u8>,
    in_token: bool,
}

impl MaskStream {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            held: Vec::new(),
            in_token: false,
        }
    }

    /// Takes `bytes`, and gives what may be emitted now.
    #[must_use]
    pub fn write(&mut self, bytes: &[u8]) -> Masked<Vec<u8>> {
        self.held.extend_from_slice(bytes);
        let (ranges, open) = self.shared.search(&self.held);
        self.emit(&ranges, open)
    }

    /// Whether something is held that [`MaskStream::release_weak`] would emit.
    ///
    /// The caller waits 200 ms for more input and then releases it, so that prompts appear.
    #[must_use]
    pub fn has_weak_hold(&self) -> bool {
        false
    }

    /// Gives what is held only because an escape is unfinished, or a short match across lines or quotes is open.
    #[must_use]
    pub fn release_weak(&mut self) -> Masked<Vec<u8>> {
        Masked::by_masker(Vec::new())
    }

    /// The input has ended: gives the rest.
    #[must_use]
    pub fn finish(mut self) -> Masked<Vec<u8>> {
        let (ranges, _) = self.shared.search(&self.held);
        let end = self.held.len();
        self.emit(&ranges, end)
    }

    fn emit(&mut self, ranges: &[(usize, usize)], until: usize) -> Masked<Vec<u8>> {
        let mut out = Vec::new();
        let mut at = 0;
        let until = ranges
            .iter()
            .filter(|range| range.1 > until)
            .map(|range| range.0)
            .min()
            .unwrap_or(until)
            .min(until);
        for &(start, end) in ranges.iter().filter(|range| range.0 < until) {
            if start > at {
                out.extend_from_slice(&self.held[at..start]);
                self.in_token = false;
            }
            if !self.in_token {
                out.extend_from_slice(self.shared.config.replacement.as_bytes());
            }
            self.in_token = true;
            at = at.max(end);
        }
        if until > at {
            out.extend_from_slice(&self.held[at..until]);
            self.in_token = false;
        }
        self.held.drain(..until.max(at));
        Masked::by_masker(out)
    }
}
