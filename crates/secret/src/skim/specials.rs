//! The places of a text where some view may read it otherwise: bytes that start escapes, quotes, line breaks and ESC.

use crate::view::ansi::ESC;

/// So many bytes are looked at together, a bit for each.
pub(super) const BLOCK: usize = 64;

/// A bit for each special byte of `block`. Written so that it compiles to vector instructions.
#[inline]
pub(super) fn specials(block: &[u8; BLOCK]) -> u64 {
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
pub(super) const fn is_special(byte: u8) -> bool {
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
    fn every_place_of_a_block_has_its_bit() {
        for at in 0..BLOCK {
            let mut block = [b'x'; BLOCK];
            block[at] = b'%';
            assert_eq!(specials(&block), 1 << at);
        }
        assert_eq!(specials(&[b'\n'; BLOCK]), u64::MAX);
    }
}
