//! Base64, whole, and the part of it that does not depend on what stands around the value.

use crate::wiped::Wiped;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the padded base64 of `text` to `out`.
pub(crate) fn encode(text: &[u8], out: &mut Wiped<u8>) {
    let (groups, rest) = text.as_chunks();
    push_quartets(groups, out);
    match *rest {
        [a] => {
            out.extend_from_slice(&quartet([a, 0, 0])[..2]);
            out.extend_from_slice(b"==");
        }
        [a, b] => {
            out.extend_from_slice(&quartet([a, b, 0])[..3]);
            out.push(b'=');
        }
        _ => {}
    }
}

/// Appends the core of `text` for the case that `before` bytes, 0 to 2 of them modulo 3, stand before it: the characters
/// that only `text` decides. The ones in front and the last one share bits with what stands around.
pub(crate) fn encode_core(text: &[u8], before: usize, out: &mut Wiped<u8>) {
    let shared = (8 * before).div_ceil(6);
    let length = 8 * (before + text.len()) / 6 - shared;
    let end = out.len() + length;
    out.reserve(length + 4);
    let (head, rest) = text.split_at(text.len().min(if before == 0 { 0 } else { 3 - before }));
    if before > 0 {
        let mut group = [0; 3];
        group[before..before + head.len()].copy_from_slice(head);
        out.extend_from_slice(&quartet(group)[shared..]);
    }
    let (groups, tail) = rest.as_chunks();
    push_quartets(groups, out);
    let mut group = [0; 3];
    group[..tail.len()].copy_from_slice(tail);
    out.extend_from_slice(&quartet(group));
    out.truncate(end);
}

/// Changes standard base64 to the alphabet for URLs and file names. Returns whether there was a difference.
pub(crate) fn make_url_safe(text: &mut [u8]) -> bool {
    let mut differs = false;
    for byte in text {
        match *byte {
            b'+' => *byte = b'-',
            b'/' => *byte = b'_',
            _ => continue,
        }
        differs = true;
    }
    differs
}

fn push_quartets(groups: &[[u8; 3]], out: &mut Wiped<u8>) {
    let (quartets, _) = out.push_zeros(4 * groups.len()).as_chunks_mut();
    for (letters, &group) in quartets.iter_mut().zip(groups) {
        *letters = quartet(group);
    }
}

fn quartet([a, b, c]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, a, b, c]);
    [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift & 63) as usize])
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
