//! The hints for a block of bytes at once, in vectors.
//!
//! A vector cannot be looked up in a table of 256 rows, but in one of 16: so there is one for the lower half of a byte and
//! one for the upper half. What both agree on holds for the byte, and for others as well. So more places are found than by
//! the rows, never fewer.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x16, u8x64};
use zeroize::Zeroize;

use super::hints::{BYTES, Row};
use super::specials::{BLOCK, is_special};
use super::units::Units;
use crate::view::unquote::is_quote;

/// So many blocks are looked at together.
pub(super) const MOST_BLOCKS: usize = 16;

/// See the module.
#[derive(Clone)]
pub(crate) struct Nibbles {
    level: Level,
    before: [Halves; 4],
    /// Of the second set only: those of the first one are quotes.
    special: Halves,
    behind: [Halves; 4],
    /// Two bytes behind, of backslashes.
    further: [Halves; 2],
    /// Three bytes behind, of the last set.
    furthest: Halves,
    units: UnitHalves,
}

/// The last two digits of `\u0000`: bits for the first one.
#[derive(Clone, Copy)]
struct UnitHalves {
    /// The last one, if it is up to 9 and the character matters.
    digits: Halves,
    /// If it is a letter.
    letters: Halves,
}

/// A table for each half of a byte.
#[derive(Clone, Copy, Default)]
struct Halves {
    lower: [u8; 16],
    upper: [u8; 16],
}

/// The same in vectors.
#[derive(Clone, Copy)]
struct Tables<S: Simd> {
    lower: u8x64<S>,
    upper: u8x64<S>,
}

/// The halves of a block of bytes.
struct Split<S: Simd> {
    lower: u8x64<S>,
    upper: u8x64<S>,
}

// === impl Nibbles ===

impl Nibbles {
    pub(super) fn new(rows: &[Row; 256], units: Units, level: Level) -> Self {
        let mut nibbles = Self {
            level,
            before: [Halves::default(); 4],
            special: Halves::default(),
            behind: [Halves::default(); 4],
            further: [Halves::default(); 2],
            furthest: Halves::default(),
            units: UnitHalves::new(units),
        };
        for (byte, row) in (0..=u8::MAX).zip(rows) {
            add(&mut nibbles.before, byte, &row.before.bits());
            nibbles.special.add(byte, row.special.bits()[1]);
            add(&mut nibbles.behind, byte, &row.behind.bits());
            add(&mut nibbles.further, byte, &row.further.bits()[2..]);
            nibbles.furthest.add(byte, row.furthest.bits()[3]);
        }
        nibbles
    }

    /// Whether this is any quicker than byte by byte.
    pub(super) fn is_quick(&self) -> bool {
        !self.level.is_fallback()
    }

    /// For each block of `text` a bit for each place that may matter. `text` has one byte before them, and two behind.
    pub(super) fn suspects(&self, text: &[u8], blocks: &mut [u64]) {
        dispatch!(self.level, simd => suspects(simd, self, text, blocks));
    }
}

impl Drop for Nibbles {
    fn drop(&mut self) {
        let around = self.before.iter_mut().chain(&mut self.behind);
        let units = [&mut self.units.digits, &mut self.units.letters];
        let behind = self.further.iter_mut().chain([&mut self.furthest]);
        for halves in around.chain(behind).chain(units) {
            halves.lower.zeroize();
            halves.upper.zeroize();
        }
    }
}

#[inline(always)]
fn suspects<S: Simd>(simd: S, nibbles: &Nibbles, text: &[u8], blocks: &mut [u64]) {
    let (mut before, mut behind) = (
        [Tables::new(simd, &SPECIALS); 4],
        [Tables::new(simd, &SPECIALS); 4],
    );
    for set in 0..4 {
        before[set] = Tables::new(simd, &nibbles.before[set]);
        behind[set] = Tables::new(simd, &nibbles.behind[set]);
    }
    let specials = Tables::new(simd, &SPECIALS);
    let special = Tables::new(simd, &nibbles.special);
    let further = [
        Tables::new(simd, &nibbles.further[0]),
        Tables::new(simd, &nibbles.further[1]),
    ];
    let furthest = Tables::new(simd, &nibbles.furthest);
    let windows = text.windows(BLOCK + BYTES - 1).step_by(BLOCK);
    for (places, window) in blocks.iter_mut().zip(windows) {
        let bytes = u8x64::from_slice(simd, &window[1..][..BLOCK]);
        let two = Split::of(bytes);
        let found = specials.of(&two);
        *places = 0;
        if is_set(found) == 0 {
            continue;
        }
        let one = Split::of(u8x64::from_slice(simd, &window[..BLOCK]));
        let three = Split::of(u8x64::from_slice(simd, &window[2..][..BLOCK]));
        let quotes = before[0].of(&one) & behind[0].of(&three);
        let others = before[1].of(&one) & special.of(&two) & behind[1].of(&three);
        *places = is_set(found & QUOTES) & is_set(quotes) | is_set(found) & is_set(others);
        let backslashes = bytes.simd_eq(b'\\').to_bitmask();
        if backslashes != 0 {
            let four = Split::of(u8x64::from_slice(simd, &window[3..][..BLOCK]));
            let five = Split::of(u8x64::from_slice(simd, &window[4..][..BLOCK]));
            let short = before[2].of(&one) & behind[2].of(&three) & further[0].of(&four);
            let long = before[3].of(&one)
                & behind[3].of(&three)
                & further[1].of(&four)
                & furthest.of(&five);
            *places |= backslashes & (is_set(short) | is_set(long & !UNIT));
            let units = backslashes & is_set(long & UNIT);
            if units != 0 {
                *places |= units & matter(simd, &nibbles.units, window);
            }
        }
    }
}

/// The places in a window where `\u0000` with the digits that stand there may matter.
#[inline(always)]
fn matter<S: Simd>(simd: S, units: &UnitHalves, window: &[u8]) -> u64 {
    let zeros = u8x64::from_slice(simd, &window[3..][..BLOCK])
        .simd_eq(b'0')
        .to_bitmask()
        & u8x64::from_slice(simd, &window[4..][..BLOCK])
            .simd_eq(b'0')
            .to_bitmask();
    let first = Split::of(u8x64::from_slice(simd, &window[5..][..BLOCK]));
    let last = Split::of(u8x64::from_slice(simd, &window[6..][..BLOCK]));
    let firsts = Tables::new(simd, &FIRST_DIGITS).of(&first);
    let is_digit = is_set(Tables::new(simd, &DIGITS).of(&last));
    let matters =
        Tables::new(simd, &units.digits).of(&last) | Tables::new(simd, &units.letters).of(&last);
    !(zeros & is_set(firsts) & is_digit) | is_set(firsts & matters)
}

/// A bit for each byte that is not zero.
#[inline(always)]
fn is_set<S: Simd>(bytes: u8x64<S>) -> u64 {
    !bytes.simd_eq(0).to_bitmask()
}

// === impl Halves ===

/// The special bytes, and no others: those with the same upper half have a bit. Of quotes it is among `QUOTES`.
const SPECIALS: Halves = {
    let mut halves = Halves {
        lower: [0; 16],
        upper: [0; 16],
    };
    let mut byte = 0_u8;
    while byte < 128 {
        if is_special(byte) {
            let bit = if is_quote(byte) && byte >> 4 == 2 {
                1 << 7
            } else {
                1 << (byte >> 4)
            };
            halves.lower[(byte & 15) as usize] |= bit;
            halves.upper[(byte >> 4) as usize] |= bit;
        }
        byte += 1;
    }
    halves
};

/// `"$'`, `\\^` and the backtick.
const QUOTES: u8 = 1 << 7 | 1 << 5 | 1 << 6;

/// `Reasons::UNIT` in its set.
const UNIT: u8 = 1 << 7;

/// `0` to `7`, each with a bit of its own.
const FIRST_DIGITS: Halves = {
    let mut halves = Halves {
        lower: [0; 16],
        upper: [0; 16],
    };
    let mut digit = 0;
    while digit < 8 {
        halves.lower[digit] = 1 << digit;
        digit += 1;
    }
    halves.upper[3] = u8::MAX;
    halves
};

/// All hexadecimal digits: a bit for `0` to `9`, another one for the letters.
const DIGITS: Halves = {
    let mut halves = Halves {
        lower: [1; 16],
        upper: [0; 16],
    };
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

/// Adds the bits that `byte` has in each set.
fn add(sets: &mut [Halves], byte: u8, bits: &[u8]) {
    for (halves, bits) in sets.iter_mut().zip(bits) {
        halves.add(byte, *bits);
    }
}

impl Halves {
    fn add(&mut self, byte: u8, bits: u8) {
        self.lower[usize::from(byte & 15)] |= bits;
        self.upper[usize::from(byte >> 4)] |= bits;
    }
}

// === impl UnitHalves ===

impl UnitHalves {
    fn new(units: Units) -> Self {
        let (mut digits, mut letters) = (Halves::default(), Halves::default());
        digits.lower[..10].copy_from_slice(&units.firsts[..10]);
        letters.lower[1..=6].copy_from_slice(&units.firsts[10..]);
        digits.upper[3] = u8::MAX;
        letters.upper[4] = u8::MAX;
        letters.upper[6] = u8::MAX;
        Self { digits, letters }
    }
}

// === impl Tables ===

impl<S: Simd> Tables<S> {
    #[inline(always)]
    fn new(simd: S, halves: &Halves) -> Self {
        Self {
            lower: u8x64::block_splat(u8x16::from_slice(simd, &halves.lower)),
            upper: u8x64::block_splat(u8x16::from_slice(simd, &halves.upper)),
        }
    }

    /// What both halves of each byte agree on.
    #[inline(always)]
    fn of(&self, bytes: &Split<S>) -> u8x64<S> {
        self.lower.swizzle_dyn_within_blocks(bytes.lower)
            & self.upper.swizzle_dyn_within_blocks(bytes.upper)
    }
}

// === impl Split ===

impl<S: Simd> Split<S> {
    #[inline(always)]
    fn of(bytes: u8x64<S>) -> Self {
        Self {
            lower: bytes & 15,
            upper: bytes >> 4,
        }
    }
}
