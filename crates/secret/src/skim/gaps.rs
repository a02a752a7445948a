//! Regions of the squeezed views: the gaps that they drop, of blanks with a line break and of terminal sequences.

use memchr::{memchr2, memchr3, memrchr_iter};

use super::boundary::is_line_start;
use super::region::{CONTEXT_BYTES, Differences, Marks, Region};
use crate::view::Item;
use crate::view::ansi::{ESC, Start};
use crate::view::backslash::BACKSLASH;
use crate::view::escape::{Input, decode};
use crate::view::squeeze::{Squeeze, is_blank, is_break};
use crate::wiped::Wiped;

/// So many blanks may stand before an escape on an ordinary line: not so many that they reach back to another escape.
const MOST_BLANKS_BEFORE: usize = 32;

/// The gaps of a text. It remembers where the next ones are.
#[derive(Default)]
pub(super) struct Gaps {
    /// The next LF or ESC.
    common: Next,
    /// The next CR, VT or FF.
    rare: Next,
}

/// Where something is found next.
#[derive(Clone, Copy, Default)]
pub(super) enum Next {
    #[default]
    Unknown,
    At(usize),
    Nowhere,
}

/// Blanks and terminal sequences in a row.
struct Gap {
    end: usize,
    /// It has a line break: nothing of it is kept.
    has_break: bool,
    /// The text ends in it, or in what may be a sequence.
    is_open: bool,
}

impl Differences for Gaps {
    fn find(&mut self, text: &[u8], from: usize, until: usize) -> Option<usize> {
        let near = &text[..until.min(text.len())];
        let common = self
            .common
            .from(near, from, |text| memchr2(b'\n', ESC, text));
        let rare = self
            .rare
            .from(near, from, |text| memchr3(b'\r', 0x0b, 0x0c, text));
        // Blanks at the end may be the start of a gap, wherever it ends.
        let last = near
            .len()
            .checked_sub(1)
            .filter(|&last| last >= from && is_blank(near[last]));
        let at = [common, rare, last].into_iter().flatten().min()?;
        Some(
            text[from..at]
                .iter()
                .rposition(|&byte| !is_blank(byte))
                .map_or(from, |last| from + last + 1),
        )
    }

    fn read(&mut self, text: &[u8], at: usize, until: usize, out: &mut Wiped<u8>) -> Region {
        let start = at.saturating_sub(CONTEXT_BYTES);
        out.extend_from_slice(&text[start..at]);
        let mut marks = Marks::default();
        let mut place = at;
        let mut after = 0;
        while after < CONTEXT_BYTES {
            let Some(&byte) = text.get(place) else {
                return Region::open(start, place, &marks, out.len());
            };
            if byte != ESC && !is_blank(byte) {
                out.push(byte);
                (place, after) = (place + 1, after + 1);
                continue;
            }
            marks.set(out.len(), place);
            let gap = Gap::at(text, place);
            if gap.is_open {
                return Region::open(start, text.len(), &marks, out.len());
            }
            let kept = out.len();
            gap.keep_blanks(&text[place..gap.end], out);
            let is_kept = out.len() - kept == gap.end - place;
            after = if is_kept || place >= until {
                after + out.len() - kept
            } else {
                0
            };
            place = gap.end;
        }
        Region::closed(start, place, out.len())
    }
}

/// Where a region of escapes starts, if the squeezed view of it is looked at too: there must be enough bytes before the
/// escape that are in no gap. On lines with gaps that is the start of a line.
pub(super) fn enough_before(text: &[u8], at: usize) -> usize {
    let mut start = line_start(text, at);
    // The blanks before the escape are a gap if it spells a line break.
    let end = text[..at]
        .iter()
        .rposition(|&byte| !is_blank(byte))
        .map_or(0, |last| last + 1);
    let has_gap = || memchr3(ESC, b'\r', b'\n', &text[start..end]).is_some();
    if start + CONTEXT_BYTES <= end && at - end <= MOST_BLANKS_BEFORE && !has_gap() {
        let near = &text[end - CONTEXT_BYTES..end];
        if memchr2(0x0b, 0x0c, near).is_none() {
            return end - CONTEXT_BYTES;
        }
    }
    while start > 0 && kept(&text[start..end.max(start)]) < CONTEXT_BYTES {
        start = line_start(text, start - 1);
    }
    start
}

/// The start of the last line up to `at` at which every view is between two characters, or of the text.
fn line_start(text: &[u8], at: usize) -> usize {
    let starts = memrchr_iter(b'\n', &text[..at]).map(|last| last + 1);
    starts
        .into_iter()
        .find(|&start| is_line_start(text, start))
        .unwrap_or(0)
}

/// How many bytes of `text` the squeezed view of its escapes keeps, whatever follows.
fn kept(text: &[u8]) -> usize {
    let text = decode(BACKSLASH, text, Input::Ended);
    let (mut squeeze, mut kept) = (Squeeze::default(), Vec::new());
    for &byte in text.iter() {
        squeeze.push(
            Item {
                byte,
                start: 0,
                end: 0,
            },
            &mut kept,
        );
    }
    kept.len()
}

impl Next {
    /// The first place from `from` on, if what was found before lies behind. The end of `text` does not change.
    pub(super) fn from(
        &mut self,
        text: &[u8],
        from: usize,
        find: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Option<usize> {
        let is_known = match *self {
            Self::Unknown => false,
            Self::At(at) => at >= from,
            Self::Nowhere => true,
        };
        if !is_known {
            *self = find(text.get(from..)?).map_or(Self::Nowhere, |at| Self::At(from + at));
        }
        match *self {
            Self::At(at) => Some(at),
            Self::Unknown | Self::Nowhere => None,
        }
    }
}

impl Gap {
    fn at(text: &[u8], start: usize) -> Self {
        let mut gap = Self {
            end: start,
            has_break: false,
            is_open: false,
        };
        loop {
            match text.get(gap.end) {
                None => {
                    gap.is_open = true;
                    return gap;
                }
                Some(&ESC) => match Start::of(&text[gap.end..]) {
                    Start::Sequence(length) => gap.end += length,
                    Start::Plain if gap.end == start => {
                        gap.end += 1;
                        return gap;
                    }
                    Start::Plain => return gap,
                    Start::Unfinished => {
                        gap.is_open = true;
                        return gap;
                    }
                },
                Some(&byte) if is_blank(byte) => {
                    gap.has_break |= is_break(byte);
                    gap.end += 1;
                }
                Some(_) => return gap,
            }
        }
    }

    /// Writes what the view keeps of the gap, `text`.
    fn keep_blanks(&self, text: &[u8], out: &mut Wiped<u8>) {
        if self.has_break {
            return;
        }
        let mut rest = text;
        while let Some(&byte) = rest.first() {
            let length = match Start::of(rest) {
                Start::Sequence(length) if byte == ESC => length,
                Start::Sequence(_) | Start::Plain | Start::Unfinished => {
                    out.push(byte);
                    1
                }
            };
            rest = &rest[length..];
        }
    }
}
