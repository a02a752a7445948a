//! What the bytes around a special byte tell: nearly always that it matters to no form.
//!
//! For each reason why a special byte may matter there is a bit. Each byte has a row of bits: for which reasons it may stand
//! before a special byte, be one, or stand behind it. What all four agree on is found without a branch, so that text with
//! an escape every few letters is passed over as quickly as other text. What is no reason here is none for the views: each
//! bit asks less than the look that it leads to.

use zeroize::{DefaultIsZeroes, Zeroize};

use super::joins::Joins;
use crate::kinds::Kinds;
use crate::trie::Trie;
use crate::view::ansi::ESC;
use crate::view::backslash;
use crate::view::squeeze::{is_blank, is_break};
use crate::view::unquote::is_quote;

/// Reasons to look at a special byte: a set of bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Reasons(u16);

/// The rows of all bytes, for the forms of some values.
#[derive(Clone)]
pub(crate) struct Hints {
    rows: Box<[Row; 256]>,
}

/// For which reasons a byte may stand at each place.
#[derive(Clone, Copy, Default)]
struct Row {
    before: Reasons,
    special: Reasons,
    behind: Reasons,
    /// Two bytes behind.
    further: Reasons,
}

/// So many bytes decide about a special one.
pub(super) const BYTES: usize = 4;

// === impl Reasons ===

impl Reasons {
    pub(super) const NONE: Self = Self(0);
    /// A quote is dropped between two bytes of a form.
    pub(super) const QUOTE: Self = Self(1);
    /// A line break is dropped between two bytes of a form, with the blanks around it.
    const BREAK: Self = Self(1 << 1);
    /// A terminal sequence may start.
    const SEQUENCE: Self = Self(1 << 2);
    /// `%` may start an escape.
    pub(super) const PERCENT: Self = Self(1 << 3);
    /// `+` spells a blank, and a form has what stands before it before a blank.
    const BLANK_AND_BEFORE: Self = Self(1 << 4);
    /// `+` spells a blank, and a form may have what stands behind it behind a blank.
    const BLANK_AND_BEHIND: Self = Self(1 << 5);
    /// `&` may start an escape.
    pub(super) const ENTITY: Self = Self(1 << 6);
    /// A backslash spells a byte of a form, or something longer.
    const SPELLED: Self = Self(1 << 7);
    /// `\/`, and a form has what stands before it before a slash.
    const SLASH_AND_BEFORE: Self = Self(1 << 8);
    /// `\/`, and a form may have what stands behind it behind a slash.
    const SLASH_AND_BEHIND: Self = Self(1 << 9);
    /// `\\`, which may start an escape when it is undone.
    const TWICE: Self = Self(1 << 10);
    /// A backslash spells a blank, which may be dropped between two bytes of a form.
    const SPELLED_BLANK: Self = Self(1 << 11);

    pub(super) const GAP: Self = Self::BREAK.with(Self::SEQUENCE);
    pub(super) const PLUS: Self = Self::BLANK_AND_BEFORE.with(Self::BLANK_AND_BEHIND);
    pub(super) const BACKSLASH: Self = Self::SPELLED
        .with(Self::SLASH_AND_BEFORE)
        .with(Self::SLASH_AND_BEHIND)
        .with(Self::TWICE)
        .with(Self::SPELLED_BLANK);

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// `self` if `is_meant`.
    const fn given(self, is_meant: bool) -> Self {
        if is_meant { self } else { Self::NONE }
    }
}

impl DefaultIsZeroes for Reasons {}

impl DefaultIsZeroes for Row {}

// === impl Hints ===

impl Hints {
    /// The hints of the first `width` bytes of all forms of `trie`, which have the bytes of `joins`.
    pub(crate) fn new(trie: &Trie, width: usize, joins: &Joins) -> Self {
        let mut hints = Self {
            rows: Box::new(ROWS),
        };
        trie.for_each_prefix(width, |prefix, kinds| {
            for &[one, other] in prefix.to_le_bytes()[..width].array_windows() {
                hints.add_pair(one, other, kinds);
            }
        });
        hints.add_spelled(joins);
        hints
    }

    /// Why `special` may matter between what stands before it and the two bytes behind it.
    #[inline]
    pub(super) fn of(&self, [before, special, behind, further]: [u8; BYTES]) -> Reasons {
        let row = |byte: u8| &self.rows[usize::from(byte)];
        Reasons(
            row(before).before.0
                & row(special).special.0
                & row(behind).behind.0
                & row(further).further.0,
        )
    }

    /// Why `special` may matter, whatever stands around it.
    pub(super) fn of_special(&self, special: u8) -> Reasons {
        self.rows[usize::from(special)].special
    }

    /// Some form of `kinds` has `one` before `other`.
    fn add_pair(&mut self, one: u8, other: u8, kinds: Kinds) {
        let (before, behind) = (usize::from(one), usize::from(other));
        if kinds.intersects(Kinds::UNQUOTED) {
            self.rows[before].before.add(Reasons::QUOTE);
            self.rows[behind].behind.add(Reasons::QUOTE);
        }
        if kinds.intersects(Kinds::SQUEEZED) {
            let across = Reasons::BREAK.with(Reasons::SPELLED_BLANK);
            self.rows[before].before.add(across);
            self.rows[behind].behind.add(Reasons::BREAK);
            self.rows[behind].further.add(Reasons::SPELLED_BLANK);
        }
        match other {
            b' ' => self.rows[before].before.add(Reasons::BLANK_AND_BEFORE),
            b'/' => self.rows[before].before.add(Reasons::SLASH_AND_BEFORE),
            _ => {}
        }
        match one {
            b' ' => self.rows[behind].behind.add(Reasons::BLANK_AND_BEHIND),
            b'/' => self.rows[behind].further.add(Reasons::SLASH_AND_BEHIND),
            _ => {}
        }
    }

    /// What a backslash spells with the byte behind it, if some form has that.
    fn add_spelled(&mut self, joins: &Joins) {
        let has_backslash = joins.has(b'\\');
        for byte in 0..=u8::MAX {
            let row = &mut self.rows[usize::from(byte)];
            if let Some(spelled) = backslash::of_two(byte)
                && joins.has(spelled)
            {
                row.behind
                    .add(Reasons::SPELLED.given(spelled != b'/' && spelled != b'\\'));
                row.further.add(Reasons::TWICE);
            }
            row.further.add(Reasons::TWICE.given(has_backslash));
        }
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.rows.as_mut_slice().zeroize();
    }
}

/// The rows as far as they are the same for all forms.
const ROWS: [Row; 256] = {
    let mut rows = [Row {
        before: Reasons::NONE,
        special: Reasons::NONE,
        behind: Reasons::NONE,
        further: Reasons::NONE,
    }; 256];
    let mut byte = 0_u8;
    loop {
        rows[byte as usize] = row(byte);
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    rows
};

const fn row(byte: u8) -> Row {
    Row {
        before: before(byte),
        special: special(byte),
        behind: behind(byte),
        further: further(byte),
    }
}

const fn special(byte: u8) -> Reasons {
    match byte {
        b'\\' => Reasons::BACKSLASH.with(Reasons::QUOTE),
        b'%' => Reasons::PERCENT,
        b'+' => Reasons::PLUS,
        b'&' => Reasons::ENTITY,
        ESC => Reasons::SEQUENCE,
        _ if is_quote(byte) => Reasons::QUOTE,
        _ if is_break(byte) => Reasons::BREAK,
        _ => Reasons::NONE,
    }
}

/// Of quotes in a row the first one is looked at for all, and no form starts with a blank that is dropped.
const fn before(byte: u8) -> Reasons {
    let across = Reasons::BREAK.with(Reasons::SPELLED_BLANK);
    Reasons::SEQUENCE
        .with(Reasons::PERCENT)
        .with(Reasons::BLANK_AND_BEHIND)
        .with(Reasons::ENTITY)
        .with(Reasons::SPELLED)
        .with(Reasons::SLASH_AND_BEHIND)
        .with(Reasons::TWICE)
        // What stands before the blanks decides.
        .with(across.given(is_blank(byte)))
}

const fn behind(byte: u8) -> Reasons {
    let is_digit = byte.is_ascii_hexdigit();
    let is_name = matches!(byte, b'&' | b'#' | b'a' | b'l' | b'g' | b'q');
    let is_slash = Reasons::SLASH_AND_BEFORE.with(Reasons::SLASH_AND_BEHIND);
    let spelled = backslash::of_two(byte);
    let is_long = matches!(spelled, None | Some(ESC));
    let is_spelled_blank = matches!(spelled, Some(spelled) if is_blank(spelled));
    Reasons::BLANK_AND_BEFORE
        .with(Reasons::QUOTE.given(is_quote(byte)))
        .with(Reasons::BREAK.given(is_undecided(byte)))
        .with(Reasons::SEQUENCE.given(matches!(byte, b'[' | b']' | b'\\')))
        .with(Reasons::PERCENT.given(is_digit || byte == b'%'))
        .with(Reasons::BLANK_AND_BEHIND.given(matches!(byte, b'%' | b'+')))
        .with(Reasons::ENTITY.given(is_name))
        .with(Reasons::SPELLED.given(is_long))
        .with(is_slash.given(byte == b'/'))
        .with(Reasons::TWICE.given(byte == b'\\'))
        .with(Reasons::SPELLED_BLANK.given(is_spelled_blank))
}

const fn further(byte: u8) -> Reasons {
    let is_escape = byte == b'\\' || backslash::of_two(byte).is_none();
    let across = Reasons::SLASH_AND_BEHIND.with(Reasons::SPELLED_BLANK);
    Reasons::QUOTE
        .with(Reasons::GAP)
        .with(Reasons::PERCENT)
        .with(Reasons::PLUS)
        .with(Reasons::ENTITY)
        .with(Reasons::SPELLED)
        .with(Reasons::SLASH_AND_BEFORE)
        .with(Reasons::TWICE.given(is_escape))
        .with(across.given(is_undecided(byte)))
}

/// Whether the views may read something else where `byte` stands behind what they drop, or behind an escape.
const fn is_undecided(byte: u8) -> bool {
    is_blank(byte) || byte == ESC || byte == b'\\'
}
