//! Which bytes the first bytes of the forms have, and which of them stand next to each other.
//!
//! Where a view reads something else than the text, nearly always two bytes come to stand next to each other that do so in
//! no form. Then no form starts before and goes on behind.

use zeroize::DefaultIsZeroes;

use crate::kinds::Kinds;
use crate::trie::Trie;
use crate::wiped::Wiped;

/// Bits of a table of pairs: 2 KiB.
const PAIR_BITS: u32 = 14;

/// See the module.
#[derive(Clone)]
pub(crate) struct Joins {
    /// For each byte, whether a form has it.
    bytes: Wiped<u8>,
    /// The pairs of all forms, hashed.
    pairs: Wiped<u64>,
    /// The pairs of those that are looked for without quotes.
    unquoted: Wiped<u64>,
}

impl Joins {
    /// The joins in the first `width` bytes of all forms of `trie`.
    pub(crate) fn new(trie: &Trie, width: usize) -> Self {
        let mut joins = Self {
            bytes: zeros(1 << 8),
            pairs: zeros(1 << (PAIR_BITS - 6)),
            unquoted: zeros(1 << (PAIR_BITS - 6)),
        };
        trie.for_each_prefix(width, |prefix, kinds| {
            joins.add(&prefix.to_le_bytes()[..width], kinds);
        });
        joins
    }

    /// Whether some form has `byte`.
    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)] != 0
    }

    /// Whether `one` and `other` may stand next to each other in a form.
    #[inline]
    pub(super) fn has_pair(&self, one: u8, other: u8) -> bool {
        has_pair(&self.pairs, one, other)
    }

    /// Whether they may in a form that is looked for without quotes.
    #[inline]
    pub(super) fn has_unquoted_pair(&self, one: u8, other: u8) -> bool {
        has_pair(&self.unquoted, one, other)
    }

    fn add(&mut self, prefix: &[u8], kinds: Kinds) {
        for &byte in prefix {
            self.bytes.as_mut_slice()[usize::from(byte)] = 1;
        }
        for &[one, other] in prefix.array_windows() {
            let bit = bit(one, other);
            self.pairs.as_mut_slice()[bit / 64] |= 1 << (bit % 64);
            if kinds.intersects(Kinds::UNQUOTED) {
                self.unquoted.as_mut_slice()[bit / 64] |= 1 << (bit % 64);
            }
        }
    }
}

fn zeros<T: DefaultIsZeroes>(count: usize) -> Wiped<T> {
    let mut zeros = Wiped::new();
    zeros.push_zeros(count);
    zeros
}

#[inline]
fn has_pair(pairs: &[u64], one: u8, other: u8) -> bool {
    let bit = bit(one, other);
    pairs[bit / 64] >> (bit % 64) & 1 != 0
}

#[inline]
fn bit(one: u8, other: u8) -> usize {
    let pair = u32::from_le_bytes([one, other, 0, 0]);
    (pair.wrapping_mul(0x9e37_79b1) >> (32 - PAIR_BITS)) as usize
}
