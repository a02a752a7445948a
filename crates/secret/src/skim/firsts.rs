//! The first bytes of a few forms, looked for at every place of a block at once.
//!
//! The forms are dealt out to eight sets. For each of their first four bytes there is a table of the sets that have it
//! there: where some set has all four bytes of a place, one of its forms may start. This is Teddy, as Hyperscan has it,
//! without the exact comparison: that is made with the trie.

use fearless_simd::{Level, Simd, dispatch};

use super::halves::{Halves, Split, Tables, is_set};
use super::specials::BLOCK;
use crate::trie::Trie;

/// So many bytes decide. All forms have them.
const BYTES: usize = 4;
const SETS: usize = 8;
/// Those of three values. Of more too many places would pass: the table of grams is quicker then.
const MOST_FORMS: usize = 64;

/// See the module.
#[derive(Clone)]
pub(crate) struct Firsts {
    level: Level,
    halves: [Halves; BYTES],
}

/// What was found out about a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Search {
    /// A form starts there.
    Found(usize),
    /// None does before.
    Clean(usize),
}

/// The places of a block where a form may start.
struct Candidates {
    start: usize,
    places: u64,
}

impl Firsts {
    /// Those of all forms of `trie`, which are at least `width` bytes long. None if that would not be quicker than grams.
    pub(crate) fn new(trie: &Trie, width: usize) -> Option<Self> {
        let level = Level::new();
        let mut count = 0;
        trie.for_each_prefix(width, |_, _| count += 1);
        if level.is_fallback() || count > MOST_FORMS {
            return None;
        }
        let mut firsts = Self {
            level,
            halves: [Halves::default(); BYTES],
        };
        let mut form = 0;
        trie.for_each_prefix(width, |prefix, _| {
            // Forms that are made one after the other are alike, and share a set.
            let set = 1 << (form * SETS / count);
            for (halves, byte) in firsts.halves.iter_mut().zip(prefix.to_le_bytes()) {
                halves.add(byte, set);
            }
            form += 1;
        });
        Some(firsts)
    }

    /// The first place before `end` that passes the tables and `is_start`, in whole blocks.
    pub(super) fn find_if(
        &self,
        text: &[u8],
        end: usize,
        is_start: impl Fn(usize) -> bool,
    ) -> Search {
        let mut from = 0;
        loop {
            let candidates =
                dispatch!(self.level, simd => next_candidates(simd, self, text, from, end));
            let Candidates { start, mut places } = candidates;
            if places == 0 {
                return Search::Clean(start);
            }
            while places != 0 {
                let place = start + places.trailing_zeros() as usize;
                if place >= end {
                    return Search::Clean(end);
                }
                if is_start(place) {
                    return Search::Found(place);
                }
                places &= places - 1;
            }
            from = start + BLOCK;
        }
    }
}

impl Drop for Firsts {
    fn drop(&mut self) {
        self.halves.iter_mut().for_each(Halves::zeroize);
    }
}

/// Those of the first block from `start` on that has any. If none has, the places are zero, and the start is where whole
/// blocks end.
#[inline(always)]
fn next_candidates<S: Simd>(
    simd: S,
    firsts: &Firsts,
    text: &[u8],
    mut start: usize,
    end: usize,
) -> Candidates {
    let tables = [
        Tables::new(simd, &firsts.halves[0]),
        Tables::new(simd, &firsts.halves[1]),
        Tables::new(simd, &firsts.halves[2]),
        Tables::new(simd, &firsts.halves[3]),
    ];
    while start < end
        && let Some(window) = text[start..].first_chunk::<{ BLOCK + BYTES - 1 }>()
    {
        let first = tables[0].of(&Split::at(simd, window, 0));
        let second = tables[1].of(&Split::at(simd, window, 1));
        let third = tables[2].of(&Split::at(simd, window, 2));
        let fourth = tables[3].of(&Split::at(simd, window, 3));
        let places = is_set(first & second & third & fourth);
        if places != 0 {
            return Candidates { start, places };
        }
        start += BLOCK;
    }
    Candidates { start, places: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use crate::stream::spell::Random;
    use crate::trie::Tail;

    fn trie(forms: impl IntoIterator<Item = String>) -> Trie {
        let mut trie = Trie::new();
        for form in forms {
            trie.reserve();
            trie.insert(form.as_bytes(), Kinds::SQUEEZED, Tail::Free);
        }
        trie
    }

    #[test]
    fn the_first_form_of_a_text_is_found_wherever_it_starts_by_every_processor() {
        let mut random = Random(1);
        for count in [1, 2, 7, 8, 9, 23, MOST_FORMS] {
            let letters: Vec<char> = ('a'..='z').collect();
            let letter = |random: &mut Random| letters[random.below(letters.len())];
            let forms: Vec<String> = (0..count)
                .map(|_| (0..BYTES).map(|_| letter(&mut random)).collect())
                .collect();
            let mut firsts = Firsts::new(&trie(forms.clone()), BYTES).unwrap();
            for start in 0..200 {
                firsts.level = if start % 2 == 0 {
                    Level::new()
                } else {
                    Level::baseline()
                };
                let form = &forms[random.below(count)];
                let text = [&"-".repeat(start), form.as_str(), &"-".repeat(300)].concat();
                let is_start = |place: usize| text.as_bytes()[place..].starts_with(form.as_bytes());
                let found = firsts.find_if(text.as_bytes(), 250, is_start);
                assert_eq!(found, Search::Found(start), "{form} of {count}");
                let before = firsts.find_if(text.as_bytes(), start, is_start);
                assert!(matches!(before, Search::Clean(end) if end >= start));
            }
        }
    }

    #[test]
    fn many_forms_are_left_to_grams() {
        let forms = |count: usize| (0..count).map(|number| format!("{number:04}"));
        assert!(Firsts::new(&trie(forms(MOST_FORMS)), BYTES).is_some());
        assert!(Firsts::new(&trie(forms(MOST_FORMS + 1)), BYTES).is_none());
    }
}
