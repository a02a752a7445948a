//! What the views with escapes have in common: a run of bytes that starts with a trigger is one character, or nothing
//! special, or not finished yet.

use super::Item;
use crate::wiped::Wiped;

/// What stands at the start of some bytes whose first one is a trigger.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Escape {
    /// An escape of `length` bytes which stands for `text`.
    Character {
        /// How many bytes spell it.
        length: usize,
        /// What they spell.
        text: Text,
    },
    /// The first byte stands for itself.
    Plain,
    /// The bytes are the beginning of an escape; the next one decides.
    Unfinished,
}

/// One to four bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Text {
    bytes: [u8; 4],
    length: u8,
}

/// Whether more input can follow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Input {
    /// More may come, and may finish an escape.
    Open,
    /// This was all: what is unfinished stands for itself.
    Ended,
}

/// The rule of a view: which bytes start an escape, and what the escape stands for.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    /// Whether a byte may start an escape.
    pub(crate) is_trigger: fn(u8) -> bool,
    /// What stands at the start of the bytes. The first byte is a trigger.
    pub(crate) parse: fn(&[u8], Input) -> Escape,
}

/// Decodes by a [`Rule`], one item at a time.
#[derive(Clone)]
pub(crate) struct Unescape {
    rule: Rule,
    pending: Vec<Item>,
    bytes: Vec<u8>,
}

// === impl Text ===

impl Text {
    #[inline]
    pub(crate) fn byte(byte: u8) -> Self {
        Self {
            bytes: [byte, 0, 0, 0],
            length: 1,
        }
    }

    /// The UTF-8 of a code point, if there is such a character.
    pub(crate) fn character(code: u32) -> Option<Self> {
        if let Ok(byte @ 0..=0x7f) = u8::try_from(code) {
            return Some(Self::byte(byte));
        }
        let mut bytes = [0; 4];
        let length = char::from_u32(code)?.encode_utf8(&mut bytes).len();
        Some(Self {
            bytes,
            length: u8::try_from(length).unwrap_or(4),
        })
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

// === impl Unescape ===

impl Unescape {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            rule,
            pending: Vec::new(),
            bytes: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, item: Item, out: &mut Vec<Item>) {
        if self.pending.is_empty() && !(self.rule.is_trigger)(item.byte) {
            out.push(item);
            return;
        }
        self.pending.push(item);
        self.bytes.push(item.byte);
        self.resolve(Input::Open, out);
    }

    /// The input has ended: an unfinished escape stands for itself.
    pub(crate) fn finish(&mut self, out: &mut Vec<Item>) {
        self.resolve(Input::Ended, out);
    }

    /// The first item of an unfinished escape.
    pub(crate) fn pending(&self) -> Option<&Item> {
        self.pending.first()
    }

    fn resolve(&mut self, input: Input, out: &mut Vec<Item>) {
        let mut at = 0;
        while let Some(&item) = self.pending.get(at) {
            if !(self.rule.is_trigger)(item.byte) {
                out.push(item);
                at += 1;
                continue;
            }
            match (self.rule.parse)(&self.bytes[at..], input) {
                Escape::Plain => {
                    out.push(item);
                    at += 1;
                }
                Escape::Character { length, text } => {
                    let end = self.pending[at + length - 1].end;
                    out.extend(text.as_bytes().iter().map(|&byte| Item {
                        byte,
                        start: item.start,
                        end,
                    }));
                    at += length;
                }
                Escape::Unfinished => break,
            }
        }
        self.pending.drain(..at);
        self.bytes.drain(..at);
    }
}

/// The number that `digits` hexadecimal digits spell, if all of `bytes` are such.
pub(super) fn hexadecimal(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |number, &byte| {
        let digit = u32::from(digit(byte)?);
        Some(number.checked_mul(16)? | digit)
    })
}

/// What `byte` is as a hexadecimal digit.
#[inline]
pub(crate) fn digit(byte: u8) -> Option<u8> {
    let digit = DIGITS[usize::from(byte)];
    (digit < 16).then_some(digit)
}

/// What each byte is as a hexadecimal digit. Others are more than any.
const DIGITS: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut digit = 0;
    while digit < 16 {
        let [lower, upper] = [b"0123456789abcdef", b"0123456789ABCDEF"];
        digits[lower[digit as usize] as usize] = digit;
        digits[upper[digit as usize] as usize] = digit;
        digit += 1;
    }
    digits
};

/// All of `text`, decoded.
pub(crate) fn decode(rule: Rule, text: &[u8], input: Input) -> Wiped<u8> {
    let mut decoded = Wiped::with_capacity(text.len());
    decode_into(rule, text, input, &mut decoded);
    decoded
}

/// Appends `text`, decoded, to `decoded`: up to an escape that is not finished, if more can follow.
pub(crate) fn decode_into(rule: Rule, text: &[u8], input: Input, decoded: &mut Wiped<u8>) {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let escape = if (rule.is_trigger)(byte) {
            (rule.parse)(&text[at..], input)
        } else {
            Escape::Plain
        };
        match escape {
            Escape::Character { length, text } => {
                decoded.extend_from_slice(text.as_bytes());
                at += length;
            }
            Escape::Plain => {
                decoded.push(byte);
                at += 1;
            }
            Escape::Unfinished => break,
        }
    }
}
