//! The forms of one text: the byte strings that are looked for.
//!
//! Escapes are not among them. A text has exponentially many spellings in each, so views undo them instead.

use memchr::memchr;

use crate::base64;
use crate::kinds::Kinds;
use crate::texts::Texts;
use crate::trie::Tail;
use crate::view::squeeze::{is_blank, squeezed};
use crate::view::unquote::{is_quote, unquoted};
use crate::wiped::Wiped;

/// Shorter texts get the raw form only: the others would match by accident.
const WHOLE_FROM_BYTES: usize = 6;
/// From here on a text gets every form.
const EVERY_FROM_BYTES: usize = 8;
/// Base64 of base64 is for tokens and keys, not for files: nine more forms.
const TWICE_BYTES: std::ops::RangeInclusive<usize> = 12..=8 * 1024;
/// Shorter forms would be found across line breaks by accident.
const SQUEEZED_FROM_BYTES: usize = 12;
/// Shorter texts would be found among quotes by accident.
const UNQUOTED_FROM_BYTES: usize = 8;

/// Which forms a text gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Spelled {
    /// All that its length allows.
    EveryWay,
    /// The raw one.
    Raw,
}

/// No text has more forms: two raw ones, two times seven in base64, nine of base64 in base64, two each in hexadecimal and
/// UTF-16, and each of them squeezed.
pub(crate) const MOST_FORMS: usize = 2 * (2 + 2 * 7 + 9 + 2 + 2);

/// All forms of a text of `length` bytes together are shorter.
const fn most_bytes(length: usize, spelled: Spelled) -> usize {
    match spelled {
        Spelled::EveryWay => 64 * length,
        Spelled::Raw => 4 * length,
    }
}

/// All forms of some texts together are shorter.
pub(crate) fn most_bytes_of(texts: &Texts) -> usize {
    let most_bytes = |(text, spelled): &(Wiped<u8>, Spelled)| most_bytes(text.len(), *spelled);
    texts.iter().map(most_bytes).sum()
}

/// No form of `text` is shorter. All keep at least what is neither a quote nor a blank; of text that is not ASCII, UTF-16
/// may take fewer bytes.
pub(crate) fn least_bytes(text: &[u8]) -> usize {
    if !text.is_ascii() {
        return 0;
    }
    let is_kept = |byte: &&u8| !is_quote(**byte) && !is_blank(**byte);
    text.iter().filter(is_kept).count()
}

/// Spells `text`, and hands each form to `add`, with the views that look for it and what follows it.
pub(crate) fn spell(text: &[u8], spelled: Spelled, add: impl FnMut(&[u8], Kinds, Tail)) {
    let mut speller = Speller {
        form: Wiped::with_capacity(2 * text.len() + 16),
        add,
    };
    speller.raw(text);
    if spelled == Spelled::EveryWay && text.len() >= WHOLE_FROM_BYTES {
        speller.base64(Tail::Free, |out| base64::encode(text, out));
        speller.hexadecimal(text);
        speller.utf16(text);
        if text.len() >= EVERY_FROM_BYTES {
            speller.cores(text);
        }
    }
}

/// Writes one form after the other.
struct Speller<F> {
    form: Wiped<u8>,
    add: F,
}

impl<F: FnMut(&[u8], Kinds, Tail)> Speller<F> {
    fn raw(&mut self, text: &[u8]) {
        let quotes = text.iter().filter(|&&byte| is_quote(byte)).count();
        let is_unquoted = text.len() - quotes >= UNQUOTED_FROM_BYTES;
        self.add_bytes(
            text,
            if is_unquoted && quotes == 0 {
                Kinds::UNQUOTED
            } else {
                Kinds::NONE
            },
        );
        if is_unquoted && quotes > 0 {
            let mut elided = Wiped::with_capacity(text.len());
            unquoted(text).for_each(|byte| elided.push(byte));
            self.add_bytes(&elided, Kinds::UNQUOTED);
        }
    }

    fn cores(&mut self, text: &[u8]) {
        let mut core = Wiped::with_capacity(2 * text.len());
        for before in 0..3 {
            core.clear();
            base64::encode_core(text, before, &mut core);
            self.base64(Tail::Padding, |out| out.extend_from_slice(&core));
            if TWICE_BYTES.contains(&text.len()) {
                for before in 0..3 {
                    self.letters(Tail::Padding, |out| base64::encode_core(&core, before, out));
                }
            }
        }
    }

    /// The form that `write` writes, and again in the alphabet for URLs if that differs.
    fn base64(&mut self, tail: Tail, write: impl FnOnce(&mut Wiped<u8>)) {
        self.letters(tail, write);
        if base64::make_url_safe(self.form.as_mut_slice()) {
            self.add_letters(tail);
        }
    }

    fn hexadecimal(&mut self, text: &[u8]) {
        for ten in [b'a', b'A'] {
            let digit = |digit: u8| digit + if digit < 10 { b'0' } else { ten - 10 };
            self.letters(Tail::Free, |out| {
                let (pairs, _) = out.push_zeros(2 * text.len()).as_chunks_mut();
                for (pair, byte) in pairs.iter_mut().zip(text) {
                    *pair = [byte >> 4, byte & 15].map(digit);
                }
            });
        }
    }

    fn utf16(&mut self, text: &[u8]) {
        if text.is_ascii() {
            let units = || text.iter().map(|&byte| u16::from(byte));
            self.pairs(text.len(), units().map(u16::to_le_bytes));
            self.pairs(text.len(), units().map(u16::to_be_bytes));
        } else if let Ok(text) = str::from_utf8(text) {
            let count = text.encode_utf16().count();
            self.pairs(count, text.encode_utf16().map(u16::to_le_bytes));
            self.pairs(count, text.encode_utf16().map(u16::to_be_bytes));
        }
    }

    /// A form of `count` pairs of bytes.
    fn pairs(&mut self, count: usize, pairs: impl Iterator<Item = [u8; 2]>) {
        // A few characters of some scripts take as few bytes in UTF-16 as a short word: they would match by accident.
        if 2 * count < WHOLE_FROM_BYTES {
            return;
        }
        let mut form = std::mem::take(&mut self.form);
        form.clear();
        let (places, _) = form.push_zeros(2 * count).as_chunks_mut();
        for (place, pair) in places.iter_mut().zip(pairs) {
            *place = pair;
        }
        self.add_bytes(&form, Kinds::NONE);
        self.form = form;
    }

    /// A form of letters, digits and the like.
    fn letters(&mut self, tail: Tail, write: impl FnOnce(&mut Wiped<u8>)) {
        self.form.clear();
        write(&mut self.form);
        self.add_letters(tail);
    }

    fn add_letters(&mut self, tail: Tail) {
        let is_squeezed = self.form.len() >= SQUEEZED_FROM_BYTES;
        let kinds = if is_squeezed {
            Kinds::SQUEEZED
        } else {
            Kinds::NONE
        };
        (self.add)(&self.form, Kinds::SHARED.with(kinds), tail);
    }

    /// A form of any bytes. If it reads differently when squeezed, that is another one.
    fn add_bytes(&mut self, form: &[u8], kinds: Kinds) {
        let kinds = if memchr(b' ', form).is_some() {
            kinds.with(Kinds::SPACED)
        } else {
            kinds
        };
        let kinds = kinds.with(Kinds::SHARED);
        let squeezed = squeezed(form);
        let is_squeezed = squeezed.is_none() && is_worth_squeezing(form);
        (self.add)(
            form,
            if is_squeezed {
                kinds.with(Kinds::SQUEEZED)
            } else {
                kinds
            },
            Tail::Free,
        );
        if let Some(squeezed) = squeezed {
            self.add_squeezed(&squeezed);
        }
    }

    fn add_squeezed(&mut self, form: &[u8]) {
        if is_worth_squeezing(form) {
            let spaced = if memchr(b' ', form).is_some() {
                Kinds::SPACED
            } else {
                Kinds::NONE
            };
            (self.add)(
                form,
                Kinds::SHARED.with(Kinds::SQUEEZED).with(spaced),
                Tail::Free,
            );
        }
    }
}

/// No squeezed form starts with a blank: see `Lane::forget_blanks`.
fn is_worth_squeezing(form: &[u8]) -> bool {
    form.len() >= SQUEEZED_FROM_BYTES && !is_blank(form[0])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_form_is_shorter_than_the_least_bytes_and_all_together_are_shorter_than_the_most(
            text in "[ -~]{4,40}|[ \t\n\"'$a-c+/]{4,20}|\\PC{4,20}",
        ) {
            let text = text.as_bytes();
            for spelled in [Spelled::EveryWay, Spelled::Raw] {
                let mut together = 0;
                spell(text, spelled, |form, _, _| {
                    assert!(form.len() >= least_bytes(text), "{form:?}");
                    together += form.len();
                });
                prop_assert!(together < most_bytes(text.len(), spelled));
            }
        }
    }
}
