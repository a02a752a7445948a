//! Base64, whole, and the part of it that does not depend on what stands around the value.

use std::ops::Range;

use memchr::memchr2;

use crate::wiped::Wiped;

/// Letters that are found together.
const VECTOR: usize = 16;

/// Appends the padded base64 of `text` to `out`.
pub(crate) fn encode(text: &[u8], out: &mut Wiped<u8>) {
    let length = (8 * text.len()).div_ceil(6);
    push_letters(text, 0, 0..length, out);
    out.extend_from_slice(&b"=="[..length.next_multiple_of(4) - length]);
}

/// Appends the core of `text` for the case that `before` bytes, 0 to 2 of them modulo 3, stand before it: the characters
/// that only `text` decides. The ones in front and the last one share bits with what stands around.
pub(crate) fn encode_core(text: &[u8], before: usize, out: &mut Wiped<u8>) {
    let shared = (8 * before).div_ceil(6);
    let end = 8 * (before + text.len()) / 6;
    push_letters(text, before, shared..end, out);
}

/// Changes standard base64 to the alphabet for URLs and file names. Returns whether there was a difference.
pub(crate) fn make_url_safe(text: &mut [u8]) -> bool {
    let Some(first) = memchr2(b'+', b'/', text) else {
        return false;
    };
    for byte in &mut text[first..] {
        *byte = match *byte {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        };
    }
    true
}

/// Appends some letters of the base64 of `text` with `before` zeros in front of it, fewer than three, and more behind. The
/// first of them is in the first quartet.
fn push_letters(text: &[u8], before: usize, letters: Range<usize>, out: &mut Wiped<u8>) {
    let start = out.len();
    let room = (letters.end + 4).next_multiple_of(VECTOR);
    let numbers = out.push_zeros(room);
    let (head, rest) = text.split_at(text.len().min((3 - before) % 3));
    let mut at = 0;
    if before > 0 {
        let first = quartet(std::array::from_fn(|index| {
            match index.checked_sub(before) {
                Some(index) => head.get(index).copied().unwrap_or(0),
                None => 0,
            }
        }));
        let own = &first[letters.start..];
        numbers[..own.len()].copy_from_slice(own);
        at = own.len();
    }
    let (groups, tail) = rest.as_chunks();
    let (quartets, _) = numbers[at..].as_chunks_mut();
    for (numbers, &group) in quartets.iter_mut().zip(groups) {
        *numbers = quartet(group);
    }
    let last = std::array::from_fn(|index| tail.get(index).copied().unwrap_or(0));
    quartets[groups.len()] = quartet(last);
    let (vectors, _) = numbers.as_chunks_mut::<VECTOR>();
    for vector in vectors {
        for number in vector {
            *number = letter(*number);
        }
    }
    out.truncate(start + letters.len());
}

/// The numbers of the letters that stand for three bytes.
fn quartet([a, b, c]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, a, b, c]);
    let halves = bits >> 12 | (bits & 0xfff) << 16;
    let numbers = halves >> 6 & 0x003f_003f | (halves & 0x003f_003f) << 8;
    numbers.to_le_bytes()
}

/// The letter of a number below 64: `A-Z`, `a-z`, `0-9`, `+`, `/`. Written so that it compiles to vector instructions.
const fn letter(number: u8) -> u8 {
    let mut letter = number + b'A';
    letter += if number >= 26 { b'a' - b'Z' - 1 } else { 0 };
    letter -= if number >= 52 { b'z' - b'0' + 1 } else { 0 };
    letter -= if number >= 62 { b'9' - b'+' + 1 } else { 0 };
    letter += if number >= 63 { b'/' - b'+' - 1 } else { 0 };
    letter
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut out = Wiped::new();
        encode(text.as_bytes(), &mut out);
        assert_eq!(str::from_utf8(&out), Ok(expected));
    }

    /// The core must be in the base64 of anything that has `text` at such an offset.
    fn check_core(text: &str, before: &str, after: &str) {
        let mut whole = Wiped::new();
        encode(format!("{before}{text}{after}").as_bytes(), &mut whole);
        let mut core = Wiped::new();
        encode_core(text.as_bytes(), before.len() % 3, &mut core);
        let whole = str::from_utf8(&whole).unwrap();
        let core = str::from_utf8(&core).unwrap();
        assert!(core.len() >= text.len() * 8 / 6 - 2);
        assert!(whole.contains(core), "{core} in {whole}");
    }

    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foob", "Zm9vYg==");
        check("fooba", "Zm9vYmE=");
        check("foobar", "Zm9vYmFy");
    }

    #[test]
    fn every_number_has_its_letter() {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        assert_eq!((0..64).map(letter).collect::<Vec<_>>(), alphabet);
    }

    #[test]
    fn the_core_stands_in_the_base64_of_everything_around_it() {
        for text in ["Marmot-Quill", "Marmot-Quill7", "Marmot-Quill77"] {
            for before in ["", "u", "u:", "usr", "user:"] {
                for after in ["", "\n", "\r\n", "xyz"] {
                    check_core(text, before, after);
                }
            }
        }
    }
}
