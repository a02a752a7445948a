//! Differences of the squeezed views: the gaps that they drop, of blanks with a line break and of terminal sequences.

use memchr::memchr;

use super::boundary::Sequences;
use super::{CONTEXT_BYTES, Look, MOST_BYTES_MORE};
use crate::kinds::Kinds;
use crate::view::View;
use crate::view::ansi::{ESC, Start};
use crate::view::backslash;
use crate::view::squeeze::{is_blank, is_break};

/// Blanks and terminal sequences in a row.
struct Gap {
    end: usize,
    /// It has a line break: nothing of it is kept.
    has_break: bool,
    has_sequence: bool,
    first_blank: Option<u8>,
    /// The text ends in it, or in what may be a sequence.
    is_open: bool,
}

impl<'a> Look<'a> {
    /// Looks at the line break, ESC or blank at `at`.
    pub(super) fn look_at_gap(&mut self, at: usize) {
        if at < self.read.gap || !self.patterns.trie().kinds().intersects(Kinds::SQUEEZED) {
            return;
        }
        let from = self.read.gap;
        let gap = Gap::at(self.text, at);
        let start = self.blanks_start(from, at);
        let is_otherwise = !gap.is_open && self.may_read_otherwise(at, &gap);
        if gap.is_open || is_otherwise {
            self.read.gap = gap.end;
            if is_otherwise {
                self.found.sequences = Sequences::Escaped;
            }
            self.stop(from.max(start.saturating_sub(CONTEXT_BYTES)), gap.end);
            return;
        }
        let has_sequence = gap.has_sequence && self.text[at] == ESC;
        if gap.has_break || has_sequence {
            self.read.gap = gap.end;
        }
        if gap.has_break || self.text[gap.end] == b'\\' {
            self.look_across(from, start, &gap);
        } else if has_sequence {
            self.look_across(from, at, &gap);
        }
    }

    /// Where the blanks before `at` start.
    pub(super) fn blanks_start(&self, from: usize, at: usize) -> usize {
        let last = self.text[from..at]
            .iter()
            .rposition(|&byte| !is_blank(byte));
        last.map_or(from, |last| from + last + 1)
    }

    /// Looks for what starts before the gap at `start` and goes on behind.
    fn look_across(&mut self, from: usize, start: usize, gap: &Gap) {
        // No form starts with a blank, or with a sequence.
        if start == from || !self.may_join_across(start, gap) {
            return;
        }
        if let Some(behind) = self.plain_behind(gap) {
            self.try_bytes(Kinds::SQUEEZED, from, start, behind);
            return;
        }
        self.try_view(View::Squeezed, from, start);
        let from = from.max(self.read.backslash).min(start);
        self.try_squeezed(from, start);
    }

    /// Tries the squeezed view of escapes. The blanks before `at` may be dropped there, or kept.
    pub(super) fn try_squeezed(&mut self, from: usize, at: usize) {
        let start = self.blanks_start(from, at);
        self.try_view(View::BackslashSqueezed, from, start);
        if start < at {
            self.try_view(View::BackslashSqueezed, from, at);
        }
    }

    /// Whether a form may have what stands before the gap at `start` next to what the squeezed views have there.
    fn may_join_across(&self, start: usize, gap: &Gap) -> bool {
        let behind = match self.text[gap.end..] {
            [b'\\', second, ..] if !self.joins().has(b'\\') => match backslash::of_two(second) {
                Some(byte) if byte != ESC && !is_blank(byte) => byte,
                Some(_) | None => return true,
            },
            [b'\\', ..] | [] => return true,
            [byte, ..] => byte,
        };
        let next = gap.first_blank.filter(|_| !gap.has_break);
        self.joins()
            .has_pair(self.text[start - 1], next.unwrap_or(behind))
    }

    /// What stands behind the gap, if both squeezed views read it as the text.
    fn plain_behind(&self, gap: &Gap) -> Option<&'a [u8]> {
        let text: &'a [u8] = self.text;
        let behind = text[gap.end..].get(..self.grams.width() + MOST_BYTES_MORE)?;
        let is_plain = |byte: &u8| !is_break(*byte) && *byte != ESC && *byte != b'\\';
        let is_decided =
            behind.iter().all(is_plain) && behind.last().is_some_and(|&last| !is_blank(last));
        (is_decided && (gap.has_break || gap.first_blank.is_none())).then_some(behind)
    }

    /// Whether there may be other terminal sequences from `at` on if backslashes are undone.
    fn may_read_otherwise(&self, at: usize, gap: &Gap) -> bool {
        gap.has_sequence && memchr(b'\\', &self.text[at..gap.end]).is_some()
            || self.text[gap.end] == ESC && self.may_start_sequence(gap.end + 1)
    }

    /// Whether the text from `at` on, behind an ESC, may make it the start of a sequence if backslashes are undone.
    pub(super) fn may_start_sequence(&self, at: usize) -> bool {
        let behind = self.text.get(at..).unwrap_or_default();
        if let [b'\\', second, ..] = *behind
            && let Some(spelled) = backslash::of_two(second)
        {
            return matches!(spelled, b'[' | b']');
        }
        Start::is_possible(behind)
    }
}

impl Gap {
    fn at(text: &[u8], start: usize) -> Self {
        let mut gap = Self {
            end: start,
            has_break: false,
            has_sequence: false,
            first_blank: None,
            is_open: false,
        };
        loop {
            match text.get(gap.end) {
                Some(&byte) if is_blank(byte) => {
                    gap.has_break |= is_break(byte);
                    gap.first_blank = gap.first_blank.or(Some(byte));
                    gap.end += 1;
                }
                Some(&ESC) => match Start::of(&text[gap.end..]) {
                    Start::Sequence(length) => {
                        gap.has_sequence = true;
                        gap.end += length;
                    }
                    Start::Plain => return gap,
                    Start::Unfinished => break,
                },
                Some(_) => return gap,
                None => break,
            }
        }
        gap.is_open = true;
        gap.end = text.len();
        gap
    }
}
