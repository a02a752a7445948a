//! What the bytes around a special byte tell: nearly always that it matters to no form.
//!
//! For each reason why a special byte may matter there is a bit. Each byte has a row of bits: for which reasons it may stand
//! before a special byte, be one, or stand behind it. What all four agree on is found without a branch, so that text with
//! an escape every few letters is passed over as quickly as other text. What is no reason here is none for the views: each
//! bit asks less than the look that it leads to.

use std::sync::OnceLock;

use fearless_simd::Level;
use zeroize::{DefaultIsZeroes, Zeroize};

use super::joins::Joins;
use super::nibbles::Nibbles;
use super::units::Units;
use crate::kinds::Kinds;
use crate::trie::Trie;
use crate::view::ansi::ESC;
use crate::view::backslash;
use crate::view::squeeze::{is_blank, is_break};
use crate::view::unquote::is_quote;

/// Reasons to look at a special byte: a set of bits. Some have several, for kinds of the bytes around it: see `nibbles`,
/// which tells apart no more than that, and which takes from the place of a bit what decides about it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Reasons(u32);

/// The rows of all bytes, for the forms of some values.
#[derive(Clone)]
pub(crate) struct Hints {
    rows: Box<[Row; 256]>,
    /// Made for the first long text.
    nibbles: OnceLock<Nibbles>,
    units: Units,
}

/// For which reasons a byte may stand at each place.
#[derive(Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) before: Reasons,
    pub(super) special: Reasons,
    pub(super) behind: Reasons,
    /// Two bytes behind.
    pub(super) further: Reasons,
    /// Three bytes behind.
    pub(super) furthest: Reasons,
}

/// So many bytes decide about a special one: one before it, itself, and those behind it.
pub(super) const BYTES: usize = 7;

// === impl Reasons ===

impl Reasons {
    pub(super) const NONE: Self = Self(0);

    // By what stands on both sides.

    /// A line break is dropped between two bytes of a form, with the blanks around it. By the kind of the first one.
    pub(super) const BREAK: Self = Self(0b1001);
    /// A quote is dropped between two bytes of a form, by the kind of the first one; or several are, and this is the last.
    pub(super) const QUOTE: Self = Self(Self::LONE_QUOTE.0 | Self::LAST_QUOTE.0);
    pub(super) const LONE_QUOTE: Self = Self(0b100_0110);
    pub(super) const LAST_QUOTE: Self = Self(1 << 7);
    /// `+` spells a blank, and a form has what stands before it before a blank.
    pub(super) const BLANK_AND_BEFORE: Self = Self(1 << 4);
    /// `\/`, and a form has what stands before it before a slash.
    pub(super) const SLASH_AND_BEFORE: Self = Self(1 << 5);

    // By what stands behind.

    /// `%` may start an escape.
    pub(super) const PERCENT: Self = Self(1 << 10);
    /// `&` may start an escape.
    pub(super) const ENTITY: Self = Self(1 << 11);
    /// `+` spells a blank, and a form may have what stands behind it behind a blank.
    pub(super) const BLANK_AND_BEHIND: Self = Self(1 << 12);
    /// A terminal sequence may start. `+` starts none, and ESC spells no blank: they share a bit.
    const SEQUENCE: Self = Self::BLANK_AND_BEHIND;
    /// A backslash spells a byte of a form, or something longer. By the kind of what stands behind it.
    pub(super) const SPELLED: Self = Self(0b0110_0011 << 8);
    /// `\u`, unless it is a character that no form has.
    pub(super) const UNIT: Self = Self(1 << 15);

    // By what stands behind both bytes of an escape.

    /// `\/`, and a form may have what stands behind it behind a slash.
    const SLASH_AND_BEHIND: Self = Self(1 << 16);
    /// `\\`, which may start an escape when it is undone. By the kind of what stands behind it.
    const TWICE: Self = Self(0b10_0110 << 16);
    /// `\/` and another escape, and a form may have what that spells behind a slash; or `\\` and another one, which may
    /// spell something longer with it when they are undone. By the kind of what stands behind the second backslash.
    const AND_ESCAPE: Self = Self(3 << 19);
    /// A backslash spells a blank, which may be dropped between two bytes of a form. By the kind of what stands behind both.
    pub(super) const SPELLED_BLANK: Self = Self(3 << 22);

    const PLUS: Self = Self::BLANK_AND_BEFORE.with(Self::BLANK_AND_BEHIND);
    pub(super) const BACKSLASH: Self = Self::SLASH_AND_BEFORE
        .with(Self::SLASH_AND_BEHIND)
        .with(Self::TWICE)
        .with(Self::SPELLED_BLANK)
        .with(Self::SPELLED)
        .with(Self::AND_ESCAPE)
        .with(Self::UNIT);

    /// `LONE_QUOTE` behind `one`: blanks are a kind of their own.
    const fn quote_behind(one: u8) -> Self {
        match one & 15 {
            0 => Self(1 << 1),
            other if other % 2 == 0 => Self(1 << 2),
            _ => Self(1 << 6),
        }
    }

    /// `BREAK` behind `one`: the brackets of JSON are a kind of their own.
    const fn break_behind(one: u8) -> Self {
        if one >> 4 == 7 { Self(1 << 3) } else { Self(1) }
    }

    /// `TWICE` with `further` behind both: signs are a kind of their own, and so is what is like a backslash.
    const fn twice_with(further: u8) -> Self {
        match further >> 4 {
            2 => Self(1 << 17),
            5 => Self(1 << 18),
            _ => Self(1 << 21),
        }
    }

    /// `AND_ESCAPE` with `furthest` behind the second backslash: signs are a kind of their own.
    const fn escape_with(furthest: u8) -> Self {
        Self(1 << (19 + (furthest >> 4 == 2) as u8))
    }

    /// `SPELLED_BLANK` with `further` behind both bytes, in the same way.
    const fn blank_before(further: u8) -> Self {
        Self(1 << (22 + (further >> 4 == 2) as u8))
    }

    /// `SPELLED` with `byte` behind the backslash.
    const fn spelled_with(byte: u8) -> Self {
        match byte >> 4 {
            3..=5 => Self(1 << 9),
            6 => Self(1 << 13),
            7 => Self(1 << 14),
            _ => Self(1 << 8),
        }
    }

    /// Why `special` may matter, whatever stands around it.
    pub(super) fn of_special(special: u8) -> Self {
        ROWS[usize::from(special)].special
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// The bits in sets: by what stands on both sides, behind, and behind both bytes of an escape.
    pub(super) const fn bits(self) -> [u8; 3] {
        let [around, behind, escape, _] = self.0.to_le_bytes();
        [around, behind, escape]
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
            nibbles: OnceLock::new(),
            units: Units::new(joins),
        };
        trie.for_each_prefix(width, |prefix, kinds| {
            for &[one, other] in prefix.to_le_bytes()[..width].array_windows() {
                hints.add_pair(one, other, kinds);
            }
        });
        hints.add_spelled(joins);
        hints
    }

    /// Why a special byte may matter between what stands before it and behind it.
    #[inline]
    pub(super) fn of(&self, bytes: [u8; BYTES]) -> Reasons {
        let [before, special, behind, further, furthest, ..] = bytes;
        let row = |byte: u8| &self.rows[usize::from(byte)];
        let reasons = Reasons(
            row(before).before.0
                & row(special).special.0
                & row(behind).behind.0
                & row(further).further.0
                & row(furthest).furthest.0,
        );
        let [.., first, second, third, fourth] = bytes;
        if reasons.intersects(Reasons::UNIT)
            && !self.units.may_matter([first, second, third, fourth])
        {
            return Reasons(reasons.0 & !Reasons::UNIT.0);
        }
        reasons
    }

    /// The same hints, coarser and for many bytes at once.
    pub(super) fn nibbles(&self) -> &Nibbles {
        self.nibbles.get_or_init(|| self.nibbles_for(Level::new()))
    }

    pub(super) fn nibbles_for(&self, level: Level) -> Nibbles {
        Nibbles::new(&self.rows, self.units, level)
    }

    /// Some form of `kinds` has `one` before `other`.
    fn add_pair(&mut self, one: u8, other: u8, kinds: Kinds) {
        let (before, behind) = (usize::from(one), usize::from(other));
        if kinds.intersects(Kinds::UNQUOTED) {
            let quote = Reasons::quote_behind(one);
            self.rows[before].before.add(quote);
            self.rows[behind]
                .behind
                .add(quote.with(Reasons::LAST_QUOTE));
        }
        if kinds.intersects(Kinds::SQUEEZED) {
            let across = Reasons::break_behind(one);
            self.rows[before]
                .before
                .add(across.with(Reasons::SPELLED_BLANK));
            self.rows[behind].behind.add(across);
            self.rows[behind].further.add(Reasons::blank_before(other));
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
            let spelled = backslash::of_two(byte);
            let is_spelled = spelled.is_some_and(|spelled| joins.has(spelled));
            // A slash has reasons of its own, and so has a backslash.
            let is_other = !matches!(spelled, Some(b'/' | b'\\'));
            row.behind
                .add(Reasons::spelled_with(byte).given(is_spelled && is_other));
            row.further
                .add(Reasons::twice_with(byte).given(is_spelled || has_backslash));
            let is_behind_slash = spelled.is_some_and(|spelled| joins.has_pair(b'/', spelled));
            let twice = spelled.and_then(backslash::of_two);
            let is_spelled_twice = twice.is_some_and(|twice| joins.has(twice)) || has_backslash;
            row.furthest
                .add(Reasons::escape_with(byte).given(is_behind_slash || is_spelled_twice));
        }
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.rows.as_mut_slice().zeroize();
        self.units.zeroize();
    }
}

/// The rows as far as they are the same for all forms.
static ROWS: [Row; 256] = {
    let mut rows = [Row {
        before: Reasons::NONE,
        special: Reasons::NONE,
        behind: Reasons::NONE,
        further: Reasons::NONE,
        furthest: Reasons::NONE,
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
        furthest: furthest(byte),
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

/// No form starts with a blank that is dropped.
const fn before(byte: u8) -> Reasons {
    // What stands before the blanks decides, and before the quotes.
    let across = Reasons::break_behind(byte).with(Reasons::SPELLED_BLANK);
    Reasons::SEQUENCE
        .with(Reasons::PERCENT)
        .with(Reasons::ENTITY)
        .with(Reasons::BLANK_AND_BEHIND)
        .with(Reasons::SLASH_AND_BEHIND)
        .with(Reasons::TWICE)
        .with(Reasons::SPELLED)
        .with(Reasons::AND_ESCAPE)
        .with(Reasons::UNIT)
        .with(across.given(is_blank(byte)))
        .with(Reasons::LAST_QUOTE.given(is_quote(byte)))
}

const fn behind(byte: u8) -> Reasons {
    let is_digit = byte.is_ascii_hexdigit();
    let is_name = matches!(byte, b'&' | b'#' | b'a' | b'l' | b'g' | b'q');
    let is_slash = Reasons::SLASH_AND_BEFORE.with(Reasons::SLASH_AND_BEHIND);
    let is_backslash = byte == b'\\';
    let spelled = backslash::of_two(byte);
    // A blank is looked at as what is longer: the other signs would be taken for blanks with it.
    let is_long = matches!(spelled, None | Some(ESC | b' '));
    let is_spelled_blank = matches!(spelled, Some(spelled) if is_blank(spelled) && spelled != b' ');
    Reasons::BLANK_AND_BEFORE
        .with(Reasons::BREAK.given(is_undecided(byte)))
        .with(Reasons::SEQUENCE.given(matches!(byte, b'[' | b']' | b'\\')))
        .with(Reasons::PERCENT.given(is_digit || byte == b'%'))
        .with(Reasons::ENTITY.given(is_name))
        .with(Reasons::BLANK_AND_BEHIND.given(matches!(byte, b'%' | b'+')))
        .with(is_slash.given(byte == b'/'))
        .with(Reasons::TWICE.given(is_backslash))
        .with(Reasons::AND_ESCAPE.given(byte == b'/' || is_backslash))
        .with(Reasons::UNIT.given(byte == b'u'))
        .with(Reasons::SPELLED_BLANK.given(is_spelled_blank))
        .with(Reasons::spelled_with(byte).given(is_long && byte != b'u'))
}

const fn further(byte: u8) -> Reasons {
    let is_longer = backslash::of_two(byte).is_none();
    let is_open = is_blank(byte) || byte == ESC;
    Reasons::QUOTE
        .with(Reasons::BREAK)
        .with(Reasons::SEQUENCE)
        .with(Reasons::PERCENT)
        .with(Reasons::ENTITY)
        .with(Reasons::PLUS)
        .with(Reasons::SLASH_AND_BEFORE)
        .with(Reasons::SPELLED)
        .with(Reasons::UNIT)
        .with(Reasons::AND_ESCAPE.given(byte == b'\\'))
        .with(Reasons::twice_with(byte).given(is_longer))
        .with(Reasons::SLASH_AND_BEHIND.given(is_open))
        .with(Reasons::blank_before(byte).given(is_undecided(byte)))
}

/// What an escape with `byte` behind its backslash may spell.
const fn furthest(byte: u8) -> Reasons {
    let (is_undecided, is_long_twice) = match backslash::of_two(byte) {
        None => (true, true),
        Some(spelled) => (
            is_undecided(spelled),
            matches!(backslash::of_two(spelled), None | Some(b'\\')),
        ),
    };
    Reasons(!Reasons::AND_ESCAPE.0)
        .with(Reasons::escape_with(byte).given(is_undecided || is_long_twice))
}

/// Whether the views may read something else where `byte` stands behind what they drop, or behind an escape.
const fn is_undecided(byte: u8) -> bool {
    is_blank(byte) || byte == ESC || byte == b'\\'
}
