//! The places of a text where some view may read it otherwise, and a form may be there: special bytes that matter as far
//! as the bytes next to them tell.

use super::hints::{BYTES, Hints, Reasons};
use super::nibbles::MOST_BLOCKS;
use super::specials::{BLOCK, specials};

/// A block, with what stands around it.
const WINDOW: usize = BLOCK + BYTES - 1;
/// Of fewer blocks each is looked at on its own: it is not worth it to prepare for more.
const FEWEST_BLOCKS: usize = 12;

/// The places, in order, with the reasons to look there.
pub(super) struct Suspects<'a> {
    text: &'a [u8],
    /// No place from here on is looked for.
    end: usize,
    /// Without them every special byte is suspect.
    hints: Option<&'a Hints>,
    /// Where the first of the blocks starts that were looked at last.
    start: usize,
    /// Their places. Those of the current one are taken out.
    blocks: [u64; MOST_BLOCKS],
    current: usize,
    count: usize,
}

impl<'a> Suspects<'a> {
    /// Those in the first `end` bytes of `text`.
    pub(super) fn of(text: &'a [u8], end: usize, hints: Option<&'a Hints>) -> Self {
        Self {
            text,
            end,
            hints,
            start: 0,
            blocks: [0; MOST_BLOCKS],
            current: 0,
            count: 0,
        }
    }

    /// Looks at the next blocks. False: there are none.
    fn go_on(&mut self) -> bool {
        self.start += self.count * BLOCK;
        self.current = 0;
        if self.start >= self.end {
            return false;
        }
        let whole = self.whole_blocks();
        match self.hints.map(Hints::nibbles) {
            Some(nibbles) if whole >= FEWEST_BLOCKS && nibbles.is_quick() => {
                self.count = whole;
                let text = &self.text[self.start - 1..];
                nibbles.suspects(text, &mut self.blocks[..whole]);
            }
            _ => {
                self.count = 1;
                self.blocks[0] = self.places(self.start);
            }
        }
        true
    }

    /// How many of the next blocks have all bytes that decide.
    fn whole_blocks(&self) -> usize {
        if self.start == 0 {
            return 0;
        }
        let behind = self.text.len().saturating_sub(BYTES - 2);
        let count = self.end.min(behind).saturating_sub(self.start) / BLOCK;
        count.min(MOST_BLOCKS)
    }

    /// The places in the block that starts at `start`.
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
                suspects(window, specials, self.hints)
            }
            _ => self.places_at_an_end(start),
        }
    }

    /// The same for the first block and the last ones, where some of the bytes are missing that decide.
    fn places_at_an_end(&self, start: usize) -> u64 {
        let before = usize::from(start > 0);
        let rest = &self.text[start - before..];
        let length = rest.len().min(WINDOW - 1 + before);
        let mut window = [0; WINDOW];
        window[1 - before..][..length].copy_from_slice(&rest[..length]);
        let specials = specials(block(&window)) & first(self.end - start);
        if specials == 0 {
            return 0;
        }
        let decided = (self.text.len() - start).saturating_sub(BYTES - 2);
        let undecided = specials & (!first(decided) | u64::from(start == 0));
        suspects(&window, specials, self.hints) | undecided
    }

    #[inline]
    fn reasons(&self, at: usize) -> Reasons {
        let bytes = at
            .checked_sub(1)
            .and_then(|before| self.text[before..].first_chunk());
        match (self.hints, bytes) {
            (Some(hints), Some(bytes)) => hints.of(*bytes),
            _ => Reasons::of_special(self.text[at]),
        }
    }
}

impl Iterator for Suspects<'_> {
    type Item = (usize, Reasons);

    #[inline]
    fn next(&mut self) -> Option<(usize, Reasons)> {
        loop {
            let Some(places) = self.blocks[..self.count].get_mut(self.current) else {
                if self.go_on() {
                    continue;
                }
                return None;
            };
            if *places == 0 {
                self.current += 1;
                continue;
            }
            let at = self.start + self.current * BLOCK + places.trailing_zeros() as usize;
            *places &= *places - 1;
            let reasons = self.reasons(at);
            if reasons != Reasons::NONE {
                return Some((at, reasons));
            }
        }
    }
}

/// Those of the special places in a block that may matter. There is no branch for any of them: none could be foreseen.
#[inline]
fn suspects(window: &[u8; WINDOW], specials: u64, hints: Option<&Hints>) -> u64 {
    let Some(hints) = hints else {
        return specials;
    };
    let (mut left, mut suspects) = (specials, 0);
    while left != 0 {
        let at = left.trailing_zeros() as usize % BLOCK;
        if let Some(bytes) = window[at..].first_chunk() {
            let is_suspect = hints.of(*bytes) != Reasons::NONE;
            suspects |= u64::from(is_suspect) << at;
        }
        left &= left - 1;
    }
    suspects
}

/// What stands in the midst of a window.
fn block(window: &[u8; WINDOW]) -> &[u8; BLOCK] {
    let [_, block @ .., _, _, _, _, _] = window;
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

#[cfg(test)]
mod tests {
    use fearless_simd::Level;

    use super::*;
    use crate::skim::specials::is_special;
    use crate::stream::spell::Random;
    use crate::view::unquote::is_quote;
    use crate::{Masker, MaskerConfig, Secret};

    /// Half of what views look at, half of what forms are made of.
    const BYTES_OF_TEXT: &[u8] = b"\\\\\\\"'$^`%&+\n\r\x0b\x0c\x1b \t[]unx0147/<ma value";
    const VALUE: &str = "a value, with\" $ome of a\\l";

    fn texts() -> impl Iterator<Item = Vec<u8>> {
        let mut random = Random(1);
        (0..40).map(move |round| {
            let length = 64 * round + random.below(64);
            let byte = |_| BYTES_OF_TEXT[random.below(BYTES_OF_TEXT.len())];
            (0..length).map(byte).collect()
        })
    }

    fn with_hints(check: impl Fn(&Hints)) {
        let masker = Masker::new(MaskerConfig::default());
        masker.register(&Secret::new(VALUE.to_owned())).unwrap();
        assert_eq!(masker.mask_bytes(VALUE.as_bytes()).as_bytes(), b"***");
        let (patterns, _) = masker.shared().patterns();
        check(
            patterns
                .hints(patterns.grams().unwrap(), usize::MAX)
                .unwrap(),
        );
    }

    #[test]
    fn every_special_byte_that_has_a_reason_is_found_in_blocks() {
        with_hints(|hints| {
            for text in texts() {
                let found: Vec<_> = Suspects::of(&text, text.len(), Some(hints)).collect();
                let all = Suspects::of(&text, text.len(), Some(hints));
                let has_reason =
                    |at: &usize| is_special(text[*at]) && all.reasons(*at) != Reasons::NONE;
                for (at, reasons) in &found {
                    assert_eq!(*reasons, all.reasons(*at), "{}", text.escape_ascii());
                }
                let found: Vec<_> = found.into_iter().map(|(at, _)| at).collect();
                assert!(found.iter().all(has_reason), "{}", text.escape_ascii());
                let missed = (0..text.len())
                    .filter(has_reason)
                    .find(|at| !found.contains(at) && !is_in_vain(hints, &text, *at));
                assert_eq!(missed, None, "{}", text.escape_ascii());
            }
        });
    }

    /// Whether the last of several quotes in a row is suspect by what stands behind it alone, and no form has what stands
    /// before them.
    fn is_in_vain(hints: &Hints, text: &[u8], at: usize) -> bool {
        let row = text[..=at].iter().rev().take_while(|byte| is_quote(**byte));
        let start = at + 1 - row.count();
        let window = |at: usize| text[at - 1..].first_chunk().copied();
        let is_quote_alone =
            window(at).is_some_and(|bytes| !hints.of(bytes).intersects(Reasons::BACKSLASH));
        let behind = |&next: &u8| {
            let bytes = [text[start - 1], b'"', next, 0, 0, 0, 0];
            hints.of(bytes).intersects(Reasons::LONE_QUOTE)
        };
        start > 0 && start < at && is_quote_alone && !(0..=u8::MAX).any(|next| behind(&next))
    }

    #[test]
    fn no_processor_finds_other_places_than_the_others() {
        let at_level = |hints: &Hints, level, text: &[u8]| {
            let count = text.len().saturating_sub(BYTES - 1) / BLOCK;
            let mut blocks = vec![0; count.min(MOST_BLOCKS)];
            hints.nibbles_for(level).suspects(text, &mut blocks);
            blocks
        };
        with_hints(|hints| {
            for text in texts() {
                let best = at_level(hints, Level::new(), &text);
                assert_eq!(at_level(hints, Level::baseline(), &text), best);
            }
        });
    }
}
