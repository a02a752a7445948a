//! Sets of bytes that are looked up for a block at once, in vectors.
//!
//! A vector cannot be looked up in a table of 256 rows, but in one of 16: so there is one for the lower half of a byte and
//! one for the upper half. What both agree on holds for the byte, and for others as well: more is found than by the rows,
//! never less.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, u8x16, u8x64};
use zeroize::Zeroize;

use super::specials::BLOCK;

/// A table for each half of a byte: eight sets, a bit for each.
#[derive(Clone, Copy, Default)]
pub(super) struct Halves {
    pub(super) lower: [u8; 16],
    pub(super) upper: [u8; 16],
}

/// The same in vectors.
#[derive(Clone, Copy)]
pub(super) struct Tables<S: Simd> {
    lower: u8x64<S>,
    upper: u8x64<S>,
}

/// The halves of a block of bytes.
#[derive(Clone, Copy)]
pub(super) struct Split<S: Simd> {
    lower: u8x64<S>,
    upper: u8x64<S>,
}

// === impl Halves ===

impl Halves {
    /// `byte` is in these sets.
    pub(super) fn add(&mut self, byte: u8, sets: u8) {
        self.lower[usize::from(byte & 15)] |= sets;
        self.upper[usize::from(byte >> 4)] |= sets;
    }

    pub(super) fn zeroize(&mut self) {
        self.lower.zeroize();
        self.upper.zeroize();
    }
}

// === impl Tables ===

impl<S: Simd> Tables<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, halves: &Halves) -> Self {
        Self {
            lower: u8x64::block_splat(u8x16::from_slice(simd, &halves.lower)),
            upper: u8x64::block_splat(u8x16::from_slice(simd, &halves.upper)),
        }
    }

    /// The sets of each byte, as far as both halves agree.
    #[inline(always)]
    pub(super) fn of(&self, bytes: &Split<S>) -> u8x64<S> {
        self.lower.swizzle_dyn_within_blocks(bytes.lower)
            & self.upper.swizzle_dyn_within_blocks(bytes.upper)
    }
}

// === impl Split ===

// No closures: what is not inlined for sure may be compiled for the poorest processor.

impl<S: Simd> Split<S> {
    /// The halves of the block that starts at `at` in `text`.
    #[inline(always)]
    pub(super) fn at(simd: S, text: &[u8], at: usize) -> Self {
        Self::of(block(simd, text, at))
    }

    #[inline(always)]
    pub(super) fn of(bytes: u8x64<S>) -> Self {
        Self {
            lower: bytes & 15,
            upper: bytes >> 4,
        }
    }
}

/// The block that starts at `at` in `text`.
#[inline(always)]
pub(super) fn block<S: Simd>(simd: S, text: &[u8], at: usize) -> u8x64<S> {
    u8x64::from_slice(simd, &text[at..][..BLOCK])
}

/// A bit for each byte that is not zero.
#[inline(always)]
pub(super) fn is_set<S: Simd>(bytes: u8x64<S>) -> u64 {
    !bytes.simd_eq(0).to_bitmask()
}
