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
/// which tells apart no more than that.
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
    /// A quote is dropped between two bytes of a form, or several are. By what stands on both sides.
    pub(super) const QUOTE: Self = Self(0xff);
    /// A line break is dropped between two bytes of a form, with the blanks around it. By what stands before it.
    const BREAK: Self = Self(3 << 8);
    /// A terminal sequence may start.
    const SEQUENCE: Self = Self(1 << 10);
    /// `%` may start an escape.
    pub(super) const PERCENT: Self = Self(1 << 11);
    /// `&` may start an escape.
    pub(super) const ENTITY: Self = Self(1 << 12);
    /// `+` spells a blank, and a form has what stands before it before a blank.
    const BLANK_AND_BEFORE: Self = Self(1 << 13);
    /// `+` spells a blank, and a form may have what stands behind it behind a blank.
    const BLANK_AND_BEHIND: Self = Self(1 << 14);
    /// `\/`, and a form has what stands before it before a slash.
    const SLASH_AND_BEFORE: Self = Self(1 << 16);
    /// `\/`, and a form may have what stands behind it behind a slash.
    const SLASH_AND_BEHIND: Self = Self(1 << 17);
    /// `\\`, which may start an escape when it is undone. By what stands behind it.
    const TWICE: Self = Self(3 << 18);
    /// A backslash spells a blank, which may be dropped between two bytes of a form. By what stands behind both.
    const SPELLED_BLANK: Self = Self(3 << 20);
    /// A backslash spells a byte of a form, or something longer. By what stands behind it.
    const SPELLED: Self = Self(0x7f << 22);
    /// `\/` and another escape, and a form may have what that spells behind a slash.
    const SLASH_AND_ESCAPE: Self = Self(1 << 29);
    /// `\\` and another escape, which may spell something longer with it when they are undone.
    const TWICE_AND_ESCAPE: Self = Self(1 << 30);
    /// `\u`, unless it is a character of ASCII that no form has.
    const UNIT: Self = Self(1 << 31);

    pub(super) const GAP: Self = Self::BREAK.with(Self::SEQUENCE);
    pub(super) const PLUS: Self = Self::BLANK_AND_BEFORE.with(Self::BLANK_AND_BEHIND);
    pub(super) const BACKSLASH: Self = Self::SLASH_AND_BEFORE
        .with(Self::SLASH_AND_BEHIND)
        .with(Self::TWICE)
        .with(Self::SPELLED_BLANK)
        .with(Self::SPELLED)
        .with(Self::SLASH_AND_ESCAPE)
        .with(Self::TWICE_AND_ESCAPE)
        .with(Self::UNIT);

    /// `QUOTE` between `one` and `other`.
    const fn quote_between(one: u8, other: u8) -> Self {
        Self(1 << (2 * is_letter(one) as u8 + is_letter(other) as u8))
    }

    /// `QUOTE` between `one` and another quote.
    const fn quote_behind(one: u8) -> Self {
        Self(3 << 6 | 1 << (4 + is_letter(one) as u8))
    }

    /// `QUOTE` before `behind`, if that is a quote as well.
    const fn quote_before(behind: u8) -> Self {
        match behind {
            b'"' | b'$' | b'\'' => Self(3 << 4),
            b'\\' | b'^' => Self(1 << 6),
            b'`' => Self(1 << 7),
            _ => Self::NONE,
        }
    }

    /// `BREAK` behind `before`: the brackets of JSON are a kind of their own.
    const fn break_behind(before: u8) -> Self {
        Self(1 << (8 + (before >> 4 == 7) as u8))
    }

    /// `TWICE` with `further` behind both: signs are a kind of their own.
    const fn twice_with(further: u8) -> Self {
        Self(1 << (18 + (further >> 4 == 2) as u8))
    }

    /// `SPELLED_BLANK` with `further` behind both, in the same way.
    const fn blank_before(further: u8) -> Self {
        Self(1 << (20 + (further >> 4 == 2) as u8))
    }

    /// `SPELLED` with `byte` behind the backslash.
    const fn spelled_with(byte: u8) -> Self {
        match byte >> 4 {
            upper @ 2..=7 => Self(1 << (20 + upper)),
            _ => Self(1 << 28),
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

    /// The bits in four sets. The last two have those of a backslash.
    pub(super) const fn bits(self) -> [u8; 4] {
        self.0.to_le_bytes()
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
            let quote = Reasons::quote_between(one, other);
            self.rows[before]
                .before
                .add(quote.with(Reasons::quote_behind(one)));
            self.rows[behind].behind.add(quote);
        }
        if kinds.intersects(Kinds::SQUEEZED) {
            let across = Reasons::break_behind(one).with(Reasons::SPELLED_BLANK);
            self.rows[before].before.add(across);
            self.rows[behind].behind.add(Reasons::break_behind(one));
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
                .add(Reasons::SLASH_AND_ESCAPE.given(is_behind_slash));
            row.furthest
                .add(Reasons::TWICE_AND_ESCAPE.given(is_spelled_twice));
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

/// Of quotes in a row the first one is looked at for all, and no form starts with a blank that is dropped.
const fn before(byte: u8) -> Reasons {
    // What stands before the blanks decides.
    let across = Reasons::break_behind(byte).with(Reasons::SPELLED_BLANK);
    Reasons::SEQUENCE
        .with(Reasons::PERCENT)
        .with(Reasons::ENTITY)
        .with(Reasons::BLANK_AND_BEHIND)
        .with(Reasons::SLASH_AND_BEHIND)
        .with(Reasons::TWICE)
        .with(Reasons::SPELLED)
        .with(Reasons::SLASH_AND_ESCAPE)
        .with(Reasons::TWICE_AND_ESCAPE)
        .with(Reasons::UNIT)
        .with(across.given(is_blank(byte)))
}

const fn behind(byte: u8) -> Reasons {
    let is_digit = byte.is_ascii_hexdigit();
    let is_name = matches!(byte, b'&' | b'#' | b'a' | b'l' | b'g' | b'q');
    let is_slash = Reasons::SLASH_AND_BEFORE
        .with(Reasons::SLASH_AND_BEHIND)
        .with(Reasons::SLASH_AND_ESCAPE);
    let is_backslash = Reasons::TWICE.with(Reasons::TWICE_AND_ESCAPE);
    let spelled = backslash::of_two(byte);
    // A blank is looked at as what is longer: the other signs would be taken for blanks with it.
    let is_long = matches!(spelled, None | Some(ESC | b' '));
    let is_spelled_blank = matches!(spelled, Some(spelled) if is_blank(spelled) && spelled != b' ');
    Reasons::BLANK_AND_BEFORE
        .with(Reasons::quote_before(byte))
        .with(Reasons::BREAK.given(is_undecided(byte)))
        .with(Reasons::SEQUENCE.given(matches!(byte, b'[' | b']' | b'\\')))
        .with(Reasons::PERCENT.given(is_digit || byte == b'%'))
        .with(Reasons::ENTITY.given(is_name))
        .with(Reasons::BLANK_AND_BEHIND.given(matches!(byte, b'%' | b'+')))
        .with(is_slash.given(byte == b'/'))
        .with(is_backslash.given(byte == b'\\'))
        .with(Reasons::UNIT.given(byte == b'u'))
        .with(Reasons::SPELLED_BLANK.given(is_spelled_blank))
        .with(Reasons::spelled_with(byte).given(is_long && byte != b'u'))
}

const fn further(byte: u8) -> Reasons {
    let is_escape = Reasons::SLASH_AND_ESCAPE.with(Reasons::TWICE_AND_ESCAPE);
    let is_longer = backslash::of_two(byte).is_none();
    let is_open = is_blank(byte) || byte == ESC;
    Reasons::QUOTE
        .with(Reasons::GAP)
        .with(Reasons::PERCENT)
        .with(Reasons::ENTITY)
        .with(Reasons::PLUS)
        .with(Reasons::SLASH_AND_BEFORE)
        .with(Reasons::SPELLED)
        .with(Reasons::UNIT)
        .with(is_escape.given(byte == b'\\'))
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
    Reasons(!Reasons::SLASH_AND_ESCAPE.with(Reasons::TWICE_AND_ESCAPE).0)
        .with(Reasons::SLASH_AND_ESCAPE.given(is_undecided))
        .with(Reasons::TWICE_AND_ESCAPE.given(is_long_twice))
}

const fn is_letter(byte: u8) -> bool {
    byte >= b'@'
}

/// Whether the views may read something else where `byte` stands behind what they drop, or behind an escape.
const fn is_undecided(byte: u8) -> bool {
    is_blank(byte) || byte == ESC || byte == b'\\'
}
