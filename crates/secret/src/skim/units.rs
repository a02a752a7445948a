//! Escapes like `\u003c`: which characters matter to the forms.

use zeroize::Zeroize;

use super::joins::Joins;
use crate::view::ansi::ESC;
use crate::view::escape::digit;
use crate::view::squeeze::is_blank;

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct Units {
    /// Of ASCII: for each last digit a bit for each first one, of the characters that matter if an escape spells them.
    pub(super) firsts: [u8; 16],
    /// Whether any other ones do: they are not told apart.
    pub(super) others: bool,
}

impl Units {
    pub(super) fn new(joins: &Joins) -> Self {
        let mut units = Self {
            firsts: [0; 16],
            others: (0x80..=u8::MAX).any(|byte| joins.has(byte)),
        };
        for byte in 0..=0x7f_u8 {
            // Of these more than one view makes something else.
            let is_undecided = is_blank(byte) || matches!(byte, b'\\' | ESC);
            if is_undecided || joins.has(byte) {
                units.firsts[usize::from(byte & 15)] |= 1 << (byte >> 4);
            }
        }
        units
    }

    /// Whether an escape with these four digits may matter.
    pub(super) fn may_matter(&self, digits: [u8; 4]) -> bool {
        let [Some(first), Some(second), Some(third), Some(fourth)] = digits.map(digit) else {
            return true;
        };
        match (first, second, third) {
            (0, 0, 0..=7) => self.firsts[usize::from(fourth)] >> third & 1 != 0,
            // Half of a surrogate pair, which may be no escape.
            (0xd, 8..=0xf, _) => true,
            _ => self.others,
        }
    }

    pub(super) fn zeroize(&mut self) {
        self.firsts.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kinds;
    use crate::skim::grams::WIDEST;
    use crate::trie::{Tail, Trie};
    use crate::view::backslash::BACKSLASH;
    use crate::view::escape::{Escape, Input};

    fn check(form: &str) {
        let mut trie = Trie::new();
        trie.reserve();
        trie.insert(form.as_bytes(), Kinds::SQUEEZED, Tail::Free);
        let joins = Joins::new(&trie, WIDEST);
        let units = Units::new(&joins);
        let mut in_vain = 0;
        for code in 0..=u16::MAX {
            let escape = format!("\\u{code:04x}");
            let digits = escape.as_bytes()[2..].try_into().unwrap();
            if units.may_matter(digits) {
                continue;
            }
            in_vain += 1;
            let Escape::Character { length: 6, text } =
                (BACKSLASH.parse)(escape.as_bytes(), Input::Open)
            else {
                panic!("`{escape}` is no escape");
            };
            let matters =
                |byte: &u8| joins.has(*byte) || is_blank(*byte) || matches!(byte, b'\\' | &ESC);
            assert!(
                !text.as_bytes().iter().any(matters),
                "`{escape}` for `{form}`"
            );
        }
        assert!(in_vain > 64, "`{form}`");
    }

    #[test]
    fn an_escape_that_does_not_matter_spells_nothing_that_a_form_has() {
        check("token-13");
        check("t\u{f6}ken-13");
    }
}
