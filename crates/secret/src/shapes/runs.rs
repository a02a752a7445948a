//! Where a token may start, found quickly: only in a run of token characters, and most text has no run that is long enough.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::pem;
use super::table::{SHAPES, SHORTEST_TOKEN_BYTES, Shape, is_token_byte};

/// Any run of [`SHORTEST_TOKEN_BYTES`] covers a whole group, wherever it starts.
const GROUP: usize = SHORTEST_TOKEN_BYTES.div_ceil(2);
/// Groups that are looked at together.
const BLOCK: usize = 8 * GROUP;

static BEGIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(pem::BEGIN));

/// The first three bytes of all prefixes, hashed.
static STARTS: LazyLock<[u64; 64]> = LazyLock::new(|| {
    let mut starts = [0; 64];
    for shape in SHAPES {
        if let Some(start) = shape.prefix.as_bytes().first_chunk() {
            let bit = hash(*start);
            starts[bit / 64] |= 1 << (bit % 64);
        }
    }
    starts
});

/// The first place before `limit` where a token or a private key may start. It may be wrong, but it misses none.
pub(crate) fn find_start(text: &[u8], limit: usize) -> Option<usize> {
    let limit = limit.min(text.len());
    let key = BEGIN.find(&text[..text.len().min(limit + pem::BEGIN.len() - 1)]);
    let limit = key.unwrap_or(limit);
    find_token(text, limit).or(key)
}

fn find_token(text: &[u8], limit: usize) -> Option<usize> {
    // A run that starts before the limit covers a group that starts not much later.
    let text_end = text.len().min(limit + SHORTEST_TOKEN_BYTES);
    let mut searched = 0_usize;
    while let Some(group) = next_full_group(&text[..text_end], searched.next_multiple_of(GROUP)) {
        let start = run_start(text, group).max(searched);
        searched = run_end(text, group + GROUP, text_end);
        if searched - start >= SHORTEST_TOKEN_BYTES || searched == text.len() {
            let starts = start..searched.min(limit);
            if let Some(start) = starts.into_iter().find(|&start| is_start(&text[start..])) {
                return Some(start);
            }
        }
    }
    None
}

/// The first group from `from` on that has token characters only.
fn next_full_group(text: &[u8], from: usize) -> Option<usize> {
    let (blocks, rest) = text.get(from..)?.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        if let Some(group) = first_full_group(block) {
            return Some(from + index * BLOCK + group);
        }
    }
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    first_full_group(&last).map(|group| from + blocks.len() * BLOCK + group)
}

/// The first group of `block` that has token characters only. Written so that it compiles to vector instructions.
fn first_full_group(block: &[u8; BLOCK]) -> Option<usize> {
    let is_token = block.map(|byte| u8::from(is_token_byte(byte)).wrapping_neg());
    let (groups, _) = is_token.as_chunks::<GROUP>();
    groups
        .iter()
        .position(|&group| u64::from_ne_bytes(group) == u64::MAX)
        .map(|group| group * GROUP)
}

fn run_start(text: &[u8], inside: usize) -> usize {
    text[..inside]
        .iter()
        .rposition(|&byte| !is_token_byte(byte))
        .map_or(0, |last| last + 1)
}

fn run_end(text: &[u8], inside: usize, end: usize) -> usize {
    let rest = text.get(inside..end).unwrap_or_default();
    rest.iter()
        .position(|&byte| !is_token_byte(byte))
        .map_or(end, |length| inside + length)
}

/// Whether `text` starts with a prefix, and with enough behind it as far as it goes.
fn is_start(text: &[u8]) -> bool {
    let Some(start) = text.first_chunk() else {
        return true;
    };
    let bit = hash(*start);
    STARTS[bit / 64] >> (bit % 64) & 1 != 0 && SHAPES.iter().any(|shape| may_be(shape, text))
}

fn may_be(shape: &Shape, text: &[u8]) -> bool {
    let prefix = shape.prefix.as_bytes();
    if text.len() < prefix.len() {
        return prefix.starts_with(text);
    }
    let Some(rest) = text.strip_prefix(prefix) else {
        return false;
    };
    let goes_on = |byte: &&u8| shape.class.contains(**byte) || shape.class.joins(**byte, false);
    let run = rest.iter().take(shape.minimum).take_while(goes_on).count();
    run == shape.minimum || run == rest.len()
}

fn hash(start: [u8; 3]) -> usize {
    let [a, b, c] = start;
    (u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1) >> 20) as usize
}
