//! Differences of the views with escapes: percent-encoding, form data, backslashes and entities, each also twice.

use super::boundary::Sequences;
use super::{CONTEXT_BYTES, Look};
use crate::kinds::Kinds;
use crate::view::View;
use crate::view::ansi::ESC;
use crate::view::backslash::{self, BACKSLASH};
use crate::view::entity::{self, ENTITY};
use crate::view::escape::{Escape, Input, Text};
use crate::view::percent::{FORM, PERCENT};
use crate::view::squeeze::{is_blank, is_break};

/// What an escape spells, and where it ends.
struct Spelled {
    text: Text,
    first: u8,
    end: usize,
}

impl Look<'_> {
    /// Looks at the `%` at `at`.
    pub(super) fn look_at_percent(&mut self, at: usize) {
        if at < self.read.percent {
            return;
        }
        let from = self.read.percent;
        match (PERCENT.parse)(&self.text[at..], Input::Open) {
            Escape::Unfinished => self.read.percent = self.stop_at_end(from, at),
            Escape::Character { length, text } => {
                let spelled = Spelled::new(text, at + length);
                self.read.percent = spelled.end;
                if spelled.first == b'%' || self.may_join(from, at, &spelled, |byte| byte == b'%') {
                    self.try_twice(View::Percent, View::PercentTwice, b'%', from, at);
                }
            }
            // The digits may be escaped themselves.
            Escape::Plain if self.has_near(b'%', at + 1, 2) => {
                self.try_view(View::PercentTwice, from, at);
            }
            Escape::Plain => {}
        }
    }

    /// Looks at the `%` or `+` at `at`, as forms use them.
    pub(super) fn look_at_form(&mut self, at: usize) {
        if at < self.read.form || !self.patterns.trie().kinds().intersects(Kinds::SPACED) {
            return;
        }
        let from = self.read.form;
        match (FORM.parse)(&self.text[at..], Input::Open) {
            Escape::Unfinished => self.read.form = self.stop_at_end(from, at),
            Escape::Plain => {}
            Escape::Character { length, text } => {
                let spelled = Spelled::new(text, at + length);
                self.read.form = spelled.end;
                if self.may_join(from, at, &spelled, |byte| matches!(byte, b'%' | b'+')) {
                    self.try_view(View::Form, from, at);
                }
            }
        }
    }

    /// Looks at the `&` at `at`.
    pub(super) fn look_at_entity(&mut self, at: usize) {
        if at < self.read.entity {
            return;
        }
        let from = self.read.entity;
        match (ENTITY.parse)(&self.text[at..], Input::Open) {
            Escape::Unfinished => self.read.entity = self.stop_at_end(from, at),
            Escape::Character { length, text } => {
                let spelled = Spelled::new(text, at + length);
                self.read.entity = spelled.end;
                if spelled.first == b'&' || self.may_join(from, at, &spelled, |byte| byte == b'&') {
                    self.try_twice(View::Entity, View::EntityTwice, b'&', from, at);
                }
            }
            Escape::Plain => {
                // A letter of the name may be escaped itself.
                let next = self.text.get(at + 1);
                if next.is_none_or(|next| b"&#algq".contains(next))
                    && self.has_near(b'&', at + 1, entity::LONGEST_BYTES)
                {
                    self.try_view(View::EntityTwice, from, at);
                }
            }
        }
    }

    /// Looks at the backslash at `at`.
    pub(super) fn look_at_backslash(&mut self, at: usize) {
        if at < self.read.backslash || self.is_quoted(at) {
            return;
        }
        let from = self.read.backslash;
        let Some(spelled) = self.spelled_by_backslash(at) else {
            self.read.backslash = self.stop_at_end(from, at);
            return;
        };
        self.read.backslash = spelled.end;
        let matters = match spelled.first {
            ESC if self.may_start_sequence(spelled.end) => {
                self.found.sequences = Sequences::Escaped;
                true
            }
            b'\\' => self.joins().has(b'\\') || self.may_matter_twice(spelled.end),
            _ => self.may_join(from, at, &spelled, |byte| {
                byte == b'\\' || byte == ESC || is_blank(byte)
            }),
        };
        if matters {
            self.try_backslash(from, at);
        } else if is_blank(spelled.first) {
            self.look_at_escaped_blank(from, at, &spelled);
        }
    }

    /// Whether the backslash at `at` is the second one of an escape that was not looked at. In a row of them all but the
    /// last escape are looked at, so that the way back is short.
    fn is_quoted(&self, at: usize) -> bool {
        let unread = &self.text[self.read.backslash..at];
        if unread.last() != Some(&b'\\') {
            return false;
        }
        let row = unread.iter().rev().take_while(|byte| **byte == b'\\');
        row.count() % 2 == 1
    }

    // Inline, as a copy of what it returns waits for the bytes that were just written.
    #[inline(always)]
    fn spelled_by_backslash(&self, at: usize) -> Option<Spelled> {
        if let Some(first) = backslash::of_two(*self.text.get(at + 1)?) {
            return Some(Spelled::new(Text::byte(first), at + 2));
        }
        match (BACKSLASH.parse)(&self.text[at..], Input::Open) {
            Escape::Character { length, text } => Some(Spelled::new(text, at + length)),
            Escape::Plain | Escape::Unfinished => None,
        }
    }

    /// Whether an escape of a backslash, which ends at `end`, may spell more than a backslash if it is undone twice.
    fn may_matter_twice(&self, end: usize) -> bool {
        let next = match self.text.get(end) {
            Some(b'\\') => self.spelled_by_backslash(end).map(|spelled| spelled.first),
            next => next.copied(),
        };
        match next.and_then(backslash::of_two) {
            Some(b'\\') | None => true,
            Some(byte) => self.joins().has(byte),
        }
    }

    /// An escape of a blank also matters to the squeezed view, where it may be dropped.
    fn look_at_escaped_blank(&mut self, from: usize, at: usize, spelled: &Spelled) {
        let start = self.blanks_start(from, at);
        // No form starts with a blank there.
        if start == from {
            return;
        }
        let may_join = match self.text.get(spelled.end) {
            Some(&next) if !is_blank(next) && next != b'\\' && next != ESC => {
                is_break(spelled.first) && self.joins().has_pair(self.text[start - 1], next)
            }
            Some(_) | None => true,
        };
        if may_join {
            self.try_view(View::BackslashSqueezed, from, start);
        }
    }

    fn try_backslash(&mut self, from: usize, at: usize) {
        let Some(once) = self.try_view(View::Backslash, from, at) else {
            self.stop_at_end(from, at);
            return;
        };
        if once.contains(&b'\\')
            && let Some(twice) = self.try_view(View::BackslashTwice, from, at)
            && twice.contains(&b'\\')
        {
            self.try_view(View::BackslashThrice, from, at);
        }
        if once.iter().any(|&byte| byte == ESC || is_blank(byte)) {
            self.try_squeezed(from, at);
        }
    }

    fn try_twice(&mut self, once: View, twice: View, trigger: u8, from: usize, at: usize) {
        if let Some(read) = self.try_view(once, from, at)
            && read.contains(&trigger)
        {
            self.try_view(twice, from, at);
        }
    }

    /// Whether a form may have what is spelled at `at` next to what stands around it. If `is_unknown` says so of the byte
    /// behind, the view may read that otherwise.
    #[inline]
    fn may_join(
        &self,
        from: usize,
        at: usize,
        spelled: &Spelled,
        is_unknown: impl Fn(u8) -> bool,
    ) -> bool {
        if let [_, _, ..] = spelled.text.as_bytes() {
            // A form may start in the midst of a character.
            return spelled
                .text
                .as_bytes()
                .iter()
                .any(|&byte| self.joins().has(byte));
        }
        if !self.joins().has(spelled.first) {
            return false;
        }
        if at > from && self.joins().has_pair(self.text[at - 1], spelled.first) {
            return true;
        }
        let next = self
            .text
            .get(spelled.end)
            .filter(|next| !is_unknown(**next));
        next.is_none_or(|&next| self.joins().has_pair(spelled.first, next))
    }

    /// Whether one of the `count` bytes from `from` on is `byte`, or may be.
    fn has_near(&self, byte: u8, from: usize, count: usize) -> bool {
        let near = &self.text[from..self.text.len().min(from + count)];
        near.len() < count || near.contains(&byte)
    }

    /// An escape at `at` is not finished where the text ends. Returns where that is.
    fn stop_at_end(&mut self, from: usize, at: usize) -> usize {
        let end = self.text.len();
        // Before blanks, as they may be part of a gap.
        let start = self.blanks_start(from, at);
        self.stop(from.max(start.saturating_sub(CONTEXT_BYTES)), end);
        end
    }
}

impl Spelled {
    #[inline(always)]
    fn new(text: Text, end: usize) -> Self {
        Self {
            text,
            first: text.as_bytes()[0],
            end,
        }
    }
}
