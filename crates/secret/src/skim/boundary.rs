//! Places where no view can be in the midst of an escape, so that the exact search can start there.

use memchr::{memchr3, memrchr, memrchr_iter};

use crate::view::ansi::{ESC, Start};
use crate::view::squeeze::is_blank;

/// An escape of an escape of an escape ends within so many bytes of its last trigger.
const LONGEST_ESCAPE_BYTES: usize = 64;
/// Further back only the starts of lines are tried.
const LOOK_BACK_BYTES: usize = 256;

/// How terminal sequences are written in a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sequences {
    /// As they are, if there are any.
    Raw,
    /// Some with backslashes. They can end anywhere on their line.
    Escaped,
}

/// The last place up to `limit` where every view is between two characters. The start of `text` is one.
pub(super) fn last_boundary(text: &[u8], limit: usize, sequences: Sequences) -> usize {
    let nearest = limit.saturating_sub(LOOK_BACK_BYTES).max(1);
    if sequences == Sequences::Raw
        && let Some(at) = (nearest..=limit).rev().find(|&at| is_boundary(text, at))
    {
        return at;
    }
    memrchr_iter(b'\n', &text[..limit])
        .map(|at| at + 1)
        .find(|&at| is_line_start(text, at))
        .unwrap_or(0)
}

/// A line break ends every escape and every terminal sequence, or is quoted by a backslash and belongs to it. The line
/// must not start with what the break belongs to in a squeezed view.
pub(super) fn is_line_start(text: &[u8], at: usize) -> bool {
    text[at - 1] == b'\n'
        && text
            .get(at)
            .is_some_and(|&next| !is_blank(next) && !matches!(next, b'\\' | ESC))
}

fn is_boundary(text: &[u8], at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let (last, next) = (before[at - 1], after.first().copied());
    let is_between = next.is_some_and(|next| ends_escapes(next) && !may_end_escape(last));
    if !is_between
        && (is_blank(last) || has_trigger(&before[at.saturating_sub(LONGEST_ESCAPE_BYTES)..]))
    {
        return false;
    }
    match memrchr(ESC, before) {
        // The blanks around a sequence belong together.
        Some(start) => {
            next.is_some_and(|next| !is_blank(next))
                && Start::of(&before[start..]) != Start::Unfinished
        }
        None => true,
    }
}

fn has_trigger(text: &[u8]) -> bool {
    memchr3(b'%', b'\\', b'&', text).is_some()
}

/// Whether an escape can end with `byte`, and spell a character that goes on in the next one.
fn may_end_escape(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'}' | b'\\')
}

/// Whether no escape that is unfinished before `byte` goes on with it, in any view.
fn ends_escapes(byte: u8) -> bool {
    match byte {
        b'%' | b'&' | b'\\' | b'#' | b';' | b'{' | b'}' => false,
        _ => byte.is_ascii_punctuation() || !byte.is_ascii(),
    }
}
