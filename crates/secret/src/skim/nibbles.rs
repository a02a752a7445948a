//! The hints for a block of bytes at once, in vectors: as sets of bytes for each place around a special byte.
//!
//! They are coarser than the rows, as `halves` says. So more places are found than by the rows, never fewer.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch};

use super::halves::{Halves, Split, Tables, block, is_set};
use super::hints::{BYTES, Reasons, Row};
use super::specials::{BLOCK, is_special};
use super::streaks::{Quotes, Streak};
use super::units::Units;
use crate::view::ansi::ESC;
use crate::view::squeeze::is_break;
use crate::view::unquote::is_quote;

/// So many blocks are looked at together.
pub(super) const MOST_BLOCKS: usize = 16;

/// See the module.
#[derive(Clone)]
pub(crate) struct Nibbles {
    level: Level,
    /// By what stands on both sides.
    before: Halves,
    around: Halves,
    /// By what stands behind.
    behind: Halves,
    /// By what stands behind both bytes of an escape: of the first of them that is no backslash.
    escape: Halves,
    further: Halves,
    furthest: Halves,
    units: UnitHalves,
}

/// Of `\u0000` for each last digit the first ones with which the character matters to no form.
#[derive(Clone, Copy)]
struct UnitHalves {
    /// If the last one is up to 9.
    digits: Halves,
    /// If it is a letter.
    letters: Halves,
    /// Whether what is no character of ASCII matters.
    others: bool,
}

// === impl Nibbles ===

impl Nibbles {
    pub(super) fn new(rows: &[Row; 256], units: Units, level: Level) -> Self {
        let mut nibbles = Self {
            level,
            before: Halves::default(),
            around: Halves::default(),
            behind: Halves::default(),
            escape: Halves::default(),
            further: Halves::default(),
            furthest: Halves::default(),
            units: UnitHalves::new(units),
        };
        for (byte, row) in (0..=u8::MAX).zip(rows) {
            let [around, behind, escape] = row.behind.bits();
            nibbles.before.add(byte, row.before.bits()[0]);
            nibbles.around.add(byte, around);
            nibbles.behind.add(byte, behind);
            nibbles.escape.add(byte, escape);
            nibbles.further.add(byte, row.further.bits()[2]);
            nibbles.furthest.add(byte, row.furthest.bits()[2]);
        }
        nibbles
    }

    /// Whether this is any quicker than byte by byte.
    pub(super) fn is_quick(&self) -> bool {
        !self.level.is_fallback()
    }

    /// For each of at most `MOST_BLOCKS` blocks of `text` a bit for each place that may matter. `text` has one byte before
    /// them, and five behind.
    pub(super) fn suspects(&self, text: &[u8], blocks: &mut [u64]) {
        dispatch!(self.level, simd => suspects(simd, self, text, blocks));
    }
}

impl Drop for Nibbles {
    fn drop(&mut self) {
        let halves = [
            &mut self.before,
            &mut self.around,
            &mut self.behind,
            &mut self.escape,
            &mut self.further,
            &mut self.furthest,
            &mut self.units.digits,
            &mut self.units.letters,
        ];
        halves.into_iter().for_each(Halves::zeroize);
    }
}

#[inline(always)]
fn suspects<S: Simd>(simd: S, nibbles: &Nibbles, text: &[u8], blocks: &mut [u64]) {
    let windows = text.windows(BLOCK + BYTES - 1).step_by(BLOCK);
    let (mut escapes, mut units) = (Escapes::default(), Escapes::default());
    let numbered = blocks.iter_mut().zip(windows);
    look_at_all(simd, nibbles, numbered, &mut escapes, &mut units);
    for block in escapes.blocks() {
        let window = &text[block.number * BLOCK..][..BLOCK + BYTES - 1];
        blocks[block.number] |= block.suspects(simd, nibbles, window);
    }
    for block in units.blocks() {
        let window = &text[block.number * BLOCK..][..BLOCK + BYTES - 1];
        blocks[block.number] |= that_matter(simd, &nibbles.units, window, block.backslashes);
    }
}

/// What can be told of all special bytes alike.
#[inline(always)]
fn look_at_all<'a, S: Simd>(
    simd: S,
    nibbles: &Nibbles,
    blocks: impl Iterator<Item = (&'a mut u64, &'a [u8])>,
    escapes: &mut Escapes,
    units: &mut Escapes,
) {
    let specials = Tables::new(simd, &SPECIALS);
    let before = Tables::new(simd, &nibbles.before);
    let around = Tables::new(simd, &nibbles.around);
    let behind = Tables::new(simd, &nibbles.behind);
    let mut streak = Streak::UNKNOWN;
    for (number, (places, window)) in blocks.enumerate() {
        let special = specials.of(&Split::at(simd, window, 1));
        *places = 0;
        if is_set(special) == 0 {
            streak = Streak::NONE;
            continue;
        }
        let third = Split::at(simd, window, 2);
        let before = before.of(&Split::at(simd, window, 0));
        let between = around.of(&third);
        let behind = behind.of(&third);
        let around = before & between;
        let others = (around & AROUND | behind & BEHIND) & special;
        *places = is_set(others) | is_set(special & BREAK) & is_set(around & BREAKS);
        let quotes = Quotes {
            all: is_set(special & QUOTES),
            behind: is_set(before & LONE_QUOTE),
            between: is_set(around & LONE_QUOTE),
            before: is_set(between & LAST_QUOTE),
        };
        *places |= quotes.suspects(&mut streak);
        let backslashes = block(simd, window, 1).simd_eq(b'\\').to_bitmask();
        *places |= backslashes & is_set(behind & SPELLED);
        escapes.add(Escaped {
            number,
            backslashes,
            behind_breakable: is_set(before & BREAKS),
        });
        units.add(Escaped {
            number,
            backslashes: backslashes & is_set(behind & UNIT),
            behind_breakable: 0,
        });
    }
}

/// The blocks that have backslashes. They are looked at later: no processor foresees in which blocks there are any.
#[derive(Default)]
struct Escapes {
    blocks: [Escaped; MOST_BLOCKS],
    count: usize,
}

/// A block that has backslashes.
#[derive(Clone, Copy, Default)]
struct Escaped {
    number: usize,
    backslashes: u64,
    /// Behind what a form may have before a gap.
    behind_breakable: u64,
}

impl Escapes {
    /// Adds a block if it has backslashes.
    #[inline(always)]
    fn add(&mut self, block: Escaped) {
        self.blocks[self.count % MOST_BLOCKS] = block;
        self.count += usize::from(block.backslashes != 0);
    }

    fn blocks(&self) -> &[Escaped] {
        &self.blocks[..self.count]
    }
}

impl Escaped {
    /// The backslashes that may matter by what stands behind both bytes of an escape.
    #[inline(always)]
    fn suspects<S: Simd>(&self, simd: S, nibbles: &Nibbles, window: &[u8]) -> u64 {
        let escape = Tables::new(simd, &nibbles.escape).of(&Split::at(simd, window, 2))
            & Tables::new(simd, &nibbles.further).of(&Split::at(simd, window, 3))
            & Tables::new(simd, &nibbles.furthest).of(&Split::at(simd, window, 4));
        let blanks = is_set(escape & SPELLED_BLANK) & self.behind_breakable;
        self.backslashes & (is_set(escape & !SPELLED_BLANK) | blanks)
    }
}

/// Those of some `places` in a window, each of `\u`, where the escape may matter.
#[inline(always)]
fn that_matter<S: Simd>(simd: S, units: &UnitHalves, window: &[u8], places: u64) -> u64 {
    let (third, fourth) = (Split::at(simd, window, 5), Split::at(simd, window, 6));
    let zeros = block(simd, window, 3).simd_eq(b'0').to_bitmask()
        & block(simd, window, 4).simd_eq(b'0').to_bitmask();
    let low = Tables::new(simd, &LOW_DIGITS).of(&third);
    let in_vain = Tables::new(simd, &units.digits).of(&fourth)
        | Tables::new(simd, &units.letters).of(&fourth);
    let left = places & !(zeros & is_set(low & in_vain));
    if units.others || left == 0 {
        return left;
    }
    // Those that may be half of a surrogate pair are looked at.
    let digits = Tables::new(simd, &DIGITS);
    let are_digits = is_set(Tables::new(simd, &DIGITS_BUT_D).of(&Split::at(simd, window, 3)))
        & is_set(digits.of(&Split::at(simd, window, 4)))
        & is_set(digits.of(&third))
        & is_set(digits.of(&fourth));
    let ascii = zeros & is_set(low);
    left & (ascii | !are_digits)
}

// === Sets ===

/// The special bytes, and no others: of each upper half they are sets of their own, and what `AROUND` and `BEHIND` ask for
/// is in the sets that they have there.
const SPECIALS: Halves = {
    let mut halves = NONE;
    let mut byte = 0_u8;
    while byte < 128 {
        if is_special(byte) {
            halves.lower[(byte & 15) as usize] |= special_set(byte);
            halves.upper[(byte >> 4) as usize] |= special_set(byte);
        }
        byte += 1;
    }
    halves
};

const fn special_set(byte: u8) -> u8 {
    match byte {
        b'%' => PERCENT,
        b'&' => ENTITY,
        b'+' => PLUS,
        b'\\' | b'^' => SLASH,
        b'`' => 1 << 6,
        ESC => PLUS,
        _ if is_quote(byte) => 1 << 7,
        _ if is_break(byte) => BREAK,
        // `#` is special for convenience, and matters to nothing.
        _ => 0,
    }
}

/// `\^`, the backtick, and `"$'`.
const QUOTES: u8 = SLASH | 1 << 6 | 1 << 7;

const BREAK: u8 = 1;
const BREAKS: u8 = Reasons::BREAK.bits()[0];
const PLUS: u8 = Reasons::BLANK_AND_BEFORE.bits()[0] & Reasons::BLANK_AND_BEHIND.bits()[1];
const SLASH: u8 = Reasons::SLASH_AND_BEFORE.bits()[0];
const LONE_QUOTE: u8 = Reasons::LONE_QUOTE.bits()[0];
const LAST_QUOTE: u8 = Reasons::LAST_QUOTE.bits()[0];
const AROUND: u8 = PLUS | SLASH;

const PERCENT: u8 = Reasons::PERCENT.bits()[1];
const ENTITY: u8 = Reasons::ENTITY.bits()[1];
const SPELLED: u8 = Reasons::SPELLED.bits()[1];
const UNIT: u8 = Reasons::UNIT.bits()[1];
const BEHIND: u8 = PERCENT | ENTITY | PLUS;

const SPELLED_BLANK: u8 = Reasons::SPELLED_BLANK.bits()[2];

const NONE: Halves = Halves {
    lower: [0; 16],
    upper: [0; 16],
};

/// `0` to `7`, each in a set of its own.
const LOW_DIGITS: Halves = {
    let mut halves = NONE;
    let mut digit = 0;
    while digit < 8 {
        halves.lower[digit] = 1 << digit;
        digit += 1;
    }
    halves.upper[3] = u8::MAX;
    halves
};

/// All hexadecimal digits: a set for `0` to `9`, another one for the letters.
const DIGITS: Halves = {
    let mut halves = NONE;
    let mut digit = 0;
    while digit < 16 {
        halves.lower[digit] = (digit < 10) as u8 | ((digit >= 1 && digit <= 6) as u8) << 1;
        digit += 1;
    }
    halves.upper[3] = 1;
    halves.upper[4] = 2;
    halves.upper[6] = 2;
    halves
};

const DIGITS_BUT_D: Halves = {
    let mut halves = DIGITS;
    halves.lower[4] &= 1;
    halves
};

// === impl UnitHalves ===

impl UnitHalves {
    fn new(units: Units) -> Self {
        let (mut digits, mut letters) = (Halves::default(), Halves::default());
        let in_vain = units.firsts.map(|matter| !matter);
        digits.lower[..10].copy_from_slice(&in_vain[..10]);
        letters.lower[1..=6].copy_from_slice(&in_vain[10..]);
        digits.upper[3] = u8::MAX;
        letters.upper[4] = u8::MAX;
        letters.upper[6] = u8::MAX;
        Self {
            digits,
            letters,
            others: units.others,
        }
    }
}
