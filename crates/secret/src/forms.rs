//! The forms of one text: the byte strings that are looked for.
//!
//! Escapes are not among them. A text has exponentially many spellings in each, so views undo them instead.

use memchr::memchr;

use crate::base64;
use crate::kinds::Kinds;
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

/// The forms of some texts, one after the other in memory that is wiped.
pub(crate) struct Forms {
    bytes: Wiped<u8>,
    forms: Vec<Form>,
}

/// Where a form is, and who looks for it.
struct Form {
    end: usize,
    kinds: Kinds,
    tail: Tail,
}

/// Which forms a text gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Spelled {
    /// All that its length allows.
    EveryWay,
    /// The raw one.
    Raw,
}

// === impl Forms ===

impl Forms {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Wiped::new(),
            forms: Vec::new(),
        }
    }

    /// Adds the forms of `text`.
    pub(crate) fn add(&mut self, text: &[u8], spelled: Spelled) {
        self.bytes.reserve(32 * text.len());
        self.push_raw(text);
        if spelled == Spelled::EveryWay && text.len() >= WHOLE_FROM_BYTES {
            self.push_base64(Tail::Free, |out| base64::encode(text, out));
            self.push_hexadecimal(text);
            self.push_utf16(text);
            if text.len() >= EVERY_FROM_BYTES {
                self.push_cores(text);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.forms.len()
    }

    /// How long all forms are together.
    pub(crate) fn total_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Kinds, Tail)> {
        let starts = std::iter::once(0).chain(self.forms.iter().map(|form| form.end));
        starts
            .zip(&self.forms)
            .map(|(start, form)| (&self.bytes[start..form.end], form.kinds, form.tail))
    }

    fn push_raw(&mut self, text: &[u8]) {
        let quotes = text.iter().filter(|&&byte| is_quote(byte)).count();
        let is_unquoted = text.len() - quotes >= UNQUOTED_FROM_BYTES;
        let kinds = if is_unquoted && quotes == 0 {
            Kinds::UNQUOTED
        } else {
            Kinds::NONE
        };
        self.push(kinds, Tail::Free, |out| out.extend_from_slice(text));
        if is_unquoted && quotes > 0 {
            self.push(Kinds::UNQUOTED, Tail::Free, |out| {
                unquoted(text).for_each(|byte| out.push(byte));
            });
        }
    }

    fn push_cores(&mut self, text: &[u8]) {
        for before in 0..3 {
            self.push_base64(Tail::Padding, |out| base64::encode_core(text, before, out));
        }
        if TWICE_BYTES.contains(&text.len()) {
            for before in 0..3 {
                let mut core = Wiped::new();
                base64::encode_core(text, before, &mut core);
                for before in 0..3 {
                    self.push(Kinds::NONE, Tail::Padding, |out| {
                        base64::encode_core(&core, before, out);
                    });
                }
            }
        }
    }

    /// The form that `write` appends, and again in the alphabet for URLs if that differs.
    fn push_base64(&mut self, tail: Tail, write: impl Fn(&mut Wiped<u8>)) {
        self.push(Kinds::NONE, tail, &write);
        let start = self.bytes.len();
        write(&mut self.bytes);
        if base64::make_url_safe(&mut self.bytes.as_mut_slice()[start..]) {
            self.seal(start, Kinds::NONE, tail);
        } else {
            self.bytes.truncate(start);
        }
    }

    fn push_hexadecimal(&mut self, text: &[u8]) {
        for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
            self.push(Kinds::NONE, Tail::Free, |out| {
                for byte in text {
                    out.extend_from_slice(&[
                        digits[usize::from(byte >> 4)],
                        digits[usize::from(byte & 15)],
                    ]);
                }
            });
        }
    }

    fn push_utf16(&mut self, text: &[u8]) {
        let Ok(text) = str::from_utf8(text) else {
            return;
        };
        // A few characters of some scripts take as few bytes in UTF-16 as a short word: they would match by accident.
        if 2 * text.encode_utf16().count() < WHOLE_FROM_BYTES {
            return;
        }
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            self.push(Kinds::NONE, Tail::Free, |out| {
                for unit in text.encode_utf16() {
                    out.extend_from_slice(&to_bytes(unit));
                }
            });
        }
    }

    fn push(&mut self, kinds: Kinds, tail: Tail, write: impl FnOnce(&mut Wiped<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.seal(start, kinds, tail);
    }

    /// What was written from `start` on is a form. If it reads differently when squeezed, that is another one.
    fn seal(&mut self, start: usize, kinds: Kinds, tail: Tail) {
        let form = &self.bytes[start..];
        let squeezed = squeezed(form);
        let is_squeezed = squeezed.is_none() && is_worth_squeezing(form);
        self.seal_as(
            start,
            if is_squeezed {
                kinds.with(Kinds::SQUEEZED)
            } else {
                kinds
            },
            tail,
        );
        if let Some(squeezed) = squeezed.filter(|squeezed| is_worth_squeezing(squeezed)) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(&squeezed);
            self.seal_as(start, Kinds::SQUEEZED, Tail::Free);
        }
    }

    fn seal_as(&mut self, start: usize, kinds: Kinds, tail: Tail) {
        let spaced = if memchr(b' ', &self.bytes[start..]).is_some() {
            Kinds::SPACED
        } else {
            Kinds::NONE
        };
        let kinds = Kinds::SHARED.with(kinds).with(spaced);
        self.forms.push(Form {
            end: self.bytes.len(),
            kinds,
            tail,
        });
    }
}

/// No squeezed form starts with a blank: see `Lane::forget_blanks`.
fn is_worth_squeezing(form: &[u8]) -> bool {
    form.len() >= SQUEEZED_FROM_BYTES && !is_blank(form[0])
}
