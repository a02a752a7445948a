//! The places of a text where some view may read it otherwise, and a form may be there: special bytes that matter as far
//! as the bytes next to them tell.

use super::hints::{BYTES, Hints, Reasons};
use super::specials::{BLOCK, specials};

/// A block, with what stands around it.
const WINDOW: usize = BLOCK + BYTES - 1;

/// The places, in order, with the reasons to look there.
pub(super) struct Suspects<'a, F> {
    text: &'a [u8],
    /// No place from here on is looked for.
    end: usize,
    hints: F,
    /// Where the block starts.
    start: usize,
    /// Where the next one starts.
    next: usize,
    /// The places in the block that are still to come.
    places: u64,
}

impl<'a, F: Fn() -> &'a Hints> Suspects<'a, F> {
    /// Those in the first `end` bytes of `text`. The hints are asked for when there is something special.
    pub(super) fn of(text: &'a [u8], end: usize, hints: F) -> Self {
        Self {
            text,
            end,
            hints,
            start: 0,
            next: 0,
            places: 0,
        }
    }

    /// The places in the block that starts at `start`.
    #[inline]
    fn places(&self, start: usize) -> u64 {
        let window = start
            .checked_sub(1)
            .and_then(|before| self.text[before..].first_chunk::<WINDOW>());
        match window {
            Some(window) if start + BLOCK <= self.end => {
                let specials = specials(block(window));
                if specials == 0 {
                    return 0;
                }
                suspects(window, specials, (self.hints)())
            }
            _ => self.places_at_an_end(start),
        }
    }

    /// The same for the first block and the last ones, where some of the bytes are missing that decide.
    #[cold]
    fn places_at_an_end(&self, start: usize) -> u64 {
        let before = usize::from(start > 0);
        let rest = &self.text[start - before..];
        let length = rest.len().min(WINDOW - 1 + before);
        let mut window = [0; WINDOW];
        window[1 - before..][..length].copy_from_slice(&rest[..length]);
        let specials = specials(block(&window)) & first(self.end - start);
        let decided = (self.text.len() - start).saturating_sub(BYTES - 2);
        let undecided = specials & (!first(decided) | u64::from(start == 0));
        suspects(&window, specials, (self.hints)()) | undecided
    }

    fn reasons(&self, at: usize) -> Reasons {
        let bytes = at
            .checked_sub(1)
            .and_then(|before| self.text[before..].first_chunk());
        match bytes {
            Some(bytes) => (self.hints)().of(*bytes),
            None => (self.hints)().of_special(self.text[at]),
        }
    }
}

impl<'a, F: Fn() -> &'a Hints> Iterator for Suspects<'a, F> {
    type Item = (usize, Reasons);

    #[inline]
    fn next(&mut self) -> Option<(usize, Reasons)> {
        while self.places == 0 {
            if self.next >= self.end {
                return None;
            }
            self.start = self.next;
            self.next += BLOCK;
            self.places = self.places(self.start);
        }
        let at = self.start + self.places.trailing_zeros() as usize;
        self.places &= self.places - 1;
        Some((at, self.reasons(at)))
    }
}

/// Those of the special places in a block that may matter. There is no branch for any of them: none could be foreseen.
#[inline]
fn suspects(window: &[u8; WINDOW], specials: u64, hints: &Hints) -> u64 {
    let (mut left, mut suspects) = (specials, 0);
    while left != 0 {
        let at = left.trailing_zeros() as usize % BLOCK;
        let bytes = [window[at], window[at + 1], window[at + 2], window[at + 3]];
        let is_suspect = hints.of(bytes) != Reasons::NONE;
        suspects |= u64::from(is_suspect) << at;
        left &= left - 1;
    }
    suspects
}

/// What stands in the midst of a window.
fn block(window: &[u8; WINDOW]) -> &[u8; BLOCK] {
    let [_, block @ .., _, _] = window;
    block
}

/// The first `count` places of a block.
fn first(count: usize) -> u64 {
    if count < BLOCK {
        (1 << count) - 1
    } else {
        u64::MAX
    }
}
