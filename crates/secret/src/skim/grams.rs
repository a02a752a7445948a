//! Which places of a text may be the start of a form: a table of hashed 4-byte grams, looked up every few bytes.
//!
//! All forms are at least `width` bytes long, up to eight. Of the grams in the first `width` bytes of a form one falls on
//! a place that is looked up, wherever the form stands. A place that passes is compared with the trie.

use crate::kinds::Kinds;
use crate::trie::{NodeId, Trie};
use crate::wiped::Wiped;

/// Longer prefixes are not told apart here.
pub(super) const WIDEST: usize = 8;
const GRAM: usize = 4;
const LONGEST_STRIDE: usize = WIDEST - GRAM + 1;
/// Four places that are looked up together.
const WINDOW: usize = 3 * LONGEST_STRIDE + GRAM;
/// Bits of the table for each gram: one place in 64 passes by accident, of few values one in 256.
const BITS_PER_GRAM: usize = 64;
const FEWEST_BITS: usize = 1 << 15;
/// 512 KiB: larger tables fall out of the cache.
const MOST_BITS: usize = 1 << 22;

/// See the module.
#[derive(Clone)]
pub(crate) struct Grams {
    table: Wiped<u64>,
    width: usize,
    stride: usize,
}

impl Grams {
    /// The table for all forms of `trie`. None if there are none.
    pub(crate) fn new(trie: &Trie) -> Option<Self> {
        let width = trie.shortest()?.min(WIDEST);
        let stride = width - GRAM + 1;
        let bits = (trie.forms() * stride * BITS_PER_GRAM)
            .next_power_of_two()
            .clamp(FEWEST_BITS, MOST_BITS);
        let mut table = Wiped::new();
        table.push_zeros(bits / 64);
        let mut grams = Self {
            table,
            width,
            stride,
        };
        trie.for_each_prefix(width, |prefix, _| grams.add(prefix));
        Some(grams)
    }

    /// How many bytes of a form decide here.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The first place from which the first `width` bytes of some form of `kinds` stand in `text`.
    pub(crate) fn find(&self, trie: &Trie, text: &[u8], kinds: Kinds) -> Option<usize> {
        self.find_if(text, 0, text.len(), |start| {
            self.is_prefix(trie, &text[start..], kinds)
        })
    }

    /// The first place from `from` on and before `end` that passes the table and `is_start`.
    pub(crate) fn find_if(
        &self,
        text: &[u8],
        from: usize,
        end: usize,
        is_start: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let end = end.min((text.len() + 1).saturating_sub(self.width));
        // No gram that starts later is looked up.
        let text = &text[..text.len().min(end + self.stride + GRAM - 2)];
        let mut at = from + self.stride - 1;
        while at < end + self.stride - 1 {
            at = self.next_hit(text, at)?;
            let starts = (at + 1 - self.stride)..=at.min(end.checked_sub(1)?);
            if let Some(start) = starts.into_iter().find(|&start| is_start(start)) {
                return Some(start);
            }
            at += self.stride;
        }
        None
    }

    /// The first gram that is in the table, of those that are looked up from `at` on.
    fn next_hit(&self, text: &[u8], mut at: usize) -> Option<usize> {
        if self.stride == LONGEST_STRIDE {
            // The usual case, with constants that the compiler knows.
            while let Some(window) = text.get(at..).and_then(|rest| rest.first_chunk::<WINDOW>()) {
                let is_hit = |index: usize| {
                    let start = index * LONGEST_STRIDE;
                    self.lookup([
                        window[start],
                        window[start + 1],
                        window[start + 2],
                        window[start + 3],
                    ])
                };
                if is_hit(0) | is_hit(1) | is_hit(2) | is_hit(3) != 0 {
                    break;
                }
                at += 4 * LONGEST_STRIDE;
            }
        }
        while let Some(gram) = text.get(at..)?.first_chunk::<GRAM>() {
            if self.lookup(*gram) != 0 {
                return Some(at);
            }
            at += self.stride;
        }
        None
    }

    fn add(&mut self, prefix: u64) {
        for start in 0..self.stride {
            let [a, b, c, d, ..] = (prefix >> (8 * start)).to_le_bytes();
            let bit = hash([a, b, c, d]) % (64 * self.table.len());
            self.table.as_mut_slice()[bit / 64] |= 1 << (bit % 64);
        }
    }

    fn is_prefix(&self, trie: &Trie, text: &[u8], kinds: Kinds) -> bool {
        let end = text[..self.width]
            .iter()
            .try_fold(NodeId::ROOT, |node, &byte| trie.child(node, byte));
        end.is_some_and(|node| trie.belongs(node, kinds))
    }

    /// The bit of a gram, as the lowest one.
    #[inline]
    fn lookup(&self, gram: [u8; GRAM]) -> u64 {
        let hash = hash(gram);
        self.table[(hash / 64) & (self.table.len() - 1)] >> (hash % 64) & 1
    }
}

/// Its lowest bits are the place of a gram in a table.
#[inline]
fn hash(gram: [u8; GRAM]) -> usize {
    let product = u64::from(u32::from_le_bytes(gram)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (product >> 32) as usize
}
