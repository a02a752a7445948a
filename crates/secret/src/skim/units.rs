//! Escapes like `\u003c`: which characters of ASCII matter to the forms.

use zeroize::Zeroize;

use super::joins::Joins;
use crate::view::ansi::ESC;
use crate::view::escape::digit;
use crate::view::squeeze::is_blank;

/// For each last digit a bit for each first one, of the characters that matter if an escape spells them.
#[derive(Clone, Copy)]
pub(super) struct Units {
    pub(super) firsts: [u8; 16],
}

impl Units {
    pub(super) fn new(joins: &Joins) -> Self {
        let mut units = Self { firsts: [0; 16] };
        for byte in 0..=0x7f_u8 {
            // Of these more than one view makes something else.
            let is_undecided = is_blank(byte) || matches!(byte, b'\\' | ESC);
            if is_undecided || joins.has(byte) {
                units.firsts[usize::from(byte & 15)] |= 1 << (byte >> 4);
            }
        }
        units
    }

    /// Whether an escape with these four digits may matter. Only ASCII is told apart.
    pub(super) fn may_matter(&self, digits: [u8; 4]) -> bool {
        let [b'0', b'0', first, last] = digits else {
            return true;
        };
        match (digit(first), digit(last)) {
            (Some(first @ 0..=7), Some(last)) => self.firsts[usize::from(last)] >> first & 1 != 0,
            _ => true,
        }
    }

    pub(super) fn zeroize(&mut self) {
        self.firsts.zeroize();
    }
}
