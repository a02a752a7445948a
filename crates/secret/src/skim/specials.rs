//! The places of a text where some view may read it otherwise: bytes that start escapes, quotes, line breaks and ESC.

use crate::view::ansi::ESC;

/// So many bytes are looked at together, a bit for each.
const BLOCK: usize = 64;

/// The places, in order.
pub(super) struct Specials<'a> {
    text: &'a [u8],
    /// Where the block starts.
    start: usize,
    /// Where the next one starts.
    next: usize,
    /// The places in the block that are still to come.
    places: u64,
}

impl<'a> Specials<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self {
            text,
            start: 0,
            next: 0,
            places: 0,
        }
    }
}

impl Iterator for Specials<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.places == 0 {
            let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
            self.places = rest.first_chunk().map_or_else(|| last_places(rest), places);
            self.start = self.next;
            self.next += BLOCK;
        }
        let place = self.start + self.places.trailing_zeros() as usize;
        self.places &= self.places - 1;
        Some(place)
    }
}

fn last_places(rest: &[u8]) -> u64 {
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    places(&block)
}

/// A bit for each special byte of `block`. Written so that it compiles to vector instructions.
fn places(block: &[u8; BLOCK]) -> u64 {
    let flags = block.map(|byte| u8::from(is_special(byte)));
    let (eights, _) = flags.as_chunks();
    eights
        .iter()
        .rev()
        .fold(0, |places, &eight| places << 8 | bits(eight))
}

/// Eight flags as bits: the product moves flag `i` to bit `56 + i`.
fn bits(flags: [u8; 8]) -> u64 {
    u64::from_le_bytes(flags).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// `"`, `$%&'`, the line breaks, and the others, without branches. `#` is among them, as it is cheaper in than out.
const fn is_special(byte: u8) -> bool {
    (byte.wrapping_sub(b'"') < 6)
        | (byte.wrapping_sub(b'\n') < 4)
        | (byte & !2 == b'\\')
        | (byte == b'+')
        | (byte == b'`')
        | (byte == ESC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::can_wake;

    #[test]
    fn every_byte_that_wakes_a_view_is_special_but_the_blanks_between_words() {
        for byte in 0..=u8::MAX {
            let expected = can_wake(byte) && byte != b' ' && byte != b'\t' || byte == b'#';
            assert_eq!(is_special(byte), expected, "{byte}");
        }
    }

    #[test]
    fn all_places_are_found_wherever_they_stand() {
        let text: Vec<u8> = (0..200_usize)
            .map(|at| if at * at % 7 < 2 { b'%' } else { b'x' })
            .collect();
        for length in 0..text.len() {
            let expected: Vec<usize> = (0..length).filter(|&at| text[at] == b'%').collect();
            let found: Vec<usize> = Specials::of(&text[..length]).collect();
            assert_eq!(found, expected);
        }
    }
}
