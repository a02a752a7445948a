//! Passing over text that has no value in it, at the speed of memory.
//!
//! `skim` says up to where a text may be passed on unseen: nothing that any view finds starts before, and every view is
//! between two characters there. It may stop too early, never too late; the exact search decides.
//!
//! Where a form starts, its first eight bytes (or all, if it is shorter) stand in some view. Either they stand in the text
//! as they are, and are found by tables of the first bytes of a few forms, or of the grams of many. Or the view differs
//! from the text there; then the form is found at the first difference, as before that its bytes are those of the text. So
//! each place where a view may differ is looked at on its own: what stands before it, and what the view reads from there on.

mod ahead;
mod boundary;
mod escapes;
mod firsts;
mod gaps;
mod grams;
mod halves;
mod hints;
mod joins;
mod nibbles;
mod quotes;
mod specials;
mod streaks;
mod suspects;
mod units;

use crate::kinds::Kinds;
use crate::patterns::Patterns;
use crate::shapes;
use crate::trie::NodeId;
use crate::view::ansi::ESC;
use crate::view::squeeze::{is_blank, is_break};
use crate::view::unquote::is_quote;
use crate::view::{View, can_wake};
use ahead::Ahead;
use boundary::{Sequences, last_boundary};
use firsts::Search;
use grams::WIDEST;
use hints::Reasons;
use suspects::Suspects;

pub(crate) use firsts::Firsts;
pub(crate) use grams::Grams;
pub(crate) use hints::Hints;
pub(crate) use joins::Joins;

/// So many bytes before a difference decide about the start of a form, with what stands there.
const CONTEXT_BYTES: usize = WIDEST - 1;
/// An escape spells up to four bytes, and a form may start at the last one.
const MOST_BYTES_MORE: usize = 3;
/// A form is not followed further in the text before the exact search takes over: it does not look at a byte twice.
const MOST_FOLLOWED: usize = 64;
/// So much is read from a difference on.
const LONGEST_READ: usize = WIDEST + MOST_BYTES_MORE;

/// The first stretch that is looked at. After a find there is often another one near.
const FIRST_BYTES: usize = 512;
/// Longer stretches fall out of the fastest cache.
const MOST_BYTES: usize = 16 * 1024;

/// What can be passed over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Skimmed {
    /// So many bytes.
    pub(crate) clean: usize,
    /// From there to here the exact search must look.
    pub(crate) search_to: usize,
}

/// Looks for what can be passed over. Kept to save its memory.
#[derive(Default)]
pub(crate) struct Skimmer {
    ahead: Ahead,
}

/// Where the first form may start.
struct Found {
    /// Nothing starts before.
    limit: usize,
    /// Something may start at the limit: how far the exact search must look.
    search_to: Option<usize>,
    sequences: Sequences,
}

/// A look at the start of a text.
struct Look<'a> {
    text: &'a [u8],
    patterns: &'a Patterns,
    grams: &'a Grams,
    ahead: &'a mut Ahead,
    found: &'a mut Found,
    read: Read,
}

/// Up to where the views have read. What starts before was decided there.
#[derive(Default)]
struct Read {
    percent: usize,
    form: usize,
    backslash: usize,
    entity: usize,
    gap: usize,
    quotes: usize,
}

// === impl Skimmer ===

impl Skimmer {
    /// What of `input` can be passed over. Every view is between two characters at its start.
    pub(crate) fn skim(&mut self, patterns: &Patterns, input: &[u8]) -> Skimmed {
        let mut clean = 0;
        let mut length = FIRST_BYTES;
        loop {
            let rest = &input[clean..];
            let is_final = rest.len() <= length;
            let undecided = if is_final {
                undecided_bytes(patterns)
            } else {
                CONTEXT_BYTES
            };
            let limit = rest.len().min(length).saturating_sub(undecided);
            let mut found = Found {
                limit,
                search_to: None,
                sequences: Sequences::Raw,
            };
            found.search(patterns, rest, &mut self.ahead);
            let boundary = last_boundary(rest, found.limit, found.sequences);
            let search_to = match found.search_to {
                Some(place) => clean + place.min(rest.len()),
                None if is_final => input.len(),
                None => clean + found.limit,
            };
            clean += boundary;
            if is_final || found.search_to.is_some() || boundary == 0 {
                return Skimmed {
                    clean,
                    search_to: search_to.max(clean),
                };
            }
            length = (2 * length).min(MOST_BYTES);
        }
    }

    /// Whether nothing starts in the first `length` bytes of `text`.
    pub(crate) fn is_clean(&mut self, patterns: &Patterns, text: &[u8], length: usize) -> bool {
        let mut found = Found {
            limit: length,
            search_to: None,
            sequences: Sequences::Raw,
        };
        found.search_shapes(patterns, text);
        // No view makes a text longer.
        let is_long_enough = patterns
            .trie()
            .shortest()
            .is_some_and(|shortest| length >= shortest);
        if is_long_enough {
            found.search_forms(patterns, text, &mut self.ahead);
        }
        found.search_to.is_none()
    }
}

/// At the end of a text, so many bytes may be the start of something.
fn undecided_bytes(patterns: &Patterns) -> usize {
    if patterns.has_shapes() {
        shapes::LONGEST_PREFIX_BYTES
    } else {
        CONTEXT_BYTES
    }
}

// === impl Found ===

impl Found {
    fn search(&mut self, patterns: &Patterns, text: &[u8], ahead: &mut Ahead) {
        self.search_shapes(patterns, text);
        self.search_forms(patterns, text, ahead);
    }

    fn search_shapes(&mut self, patterns: &Patterns, text: &[u8]) {
        if patterns.has_shapes()
            && let Some(start) = shapes::find_start(text, self.limit)
        {
            self.stop(start, start + 1);
        }
    }

    fn search_forms(&mut self, patterns: &Patterns, text: &[u8], ahead: &mut Ahead) {
        if let Some(grams) = patterns.grams() {
            let mut look = Look {
                text,
                patterns,
                grams,
                ahead,
                found: self,
                read: Read::default(),
            };
            look.search_text();
            look.search_views();
        }
    }

    /// Something may start at `place`. The exact search must look up to `search_to` before there is a use in skimming.
    fn stop(&mut self, place: usize, search_to: usize) {
        if place < self.limit || (place == self.limit && self.search_to.is_none()) {
            self.limit = place;
            self.search_to = Some(search_to.max(place + 1));
        }
    }
}

// === impl Look ===

impl Look<'_> {
    /// Looks for forms that stand in the text as they are.
    fn search_text(&mut self) {
        let (text, limit) = (self.text, self.found.limit);
        let is_start = |start| self.may_match(start);
        let searched = match self.patterns.firsts(self.grams, text.len()) {
            Some(firsts) => firsts.find_if(text, limit, is_start),
            None => Search::Clean(0),
        };
        let found = match searched {
            Search::Found(start) => Some(start),
            Search::Clean(from) => self.grams.find_if(text, from, limit, is_start),
        };
        if let Some(start) = found {
            self.stop(start, start + 1);
        }
    }

    /// Looks at each place where a view may read something else.
    fn search_views(&mut self) {
        // What starts before the limit differs before this place.
        let until = |found: &Found| self.text.len().min(found.limit + CONTEXT_BYTES);
        let text = self.text;
        let hints = self.patterns.hints(self.grams, text.len());
        for (at, reasons) in Suspects::of(text, until(self.found), hints) {
            if at >= self.found.limit + CONTEXT_BYTES {
                break;
            }
            self.look_at(at, reasons);
        }
        if let Some(last) = until(self.found).checked_sub(1) {
            // Blanks may be the start of a gap, wherever its line break is.
            if is_blank(text[last]) {
                self.look_at_gap(last);
            }
            // Of quotes in a row the last one is looked at.
            if is_quote(text[last]) {
                self.look_at_quotes(last);
            }
        }
    }

    /// Looks at the special byte at `at`.
    fn look_at(&mut self, at: usize, reasons: Reasons) {
        match self.text[at] {
            b'%' => {
                self.look_at_percent(at);
                self.look_at_form(at);
            }
            b'+' => self.look_at_form(at),
            b'&' => self.look_at_entity(at),
            byte if is_break(byte) || byte == ESC => self.look_at_gap(at),
            _ => {
                if reasons.intersects(Reasons::QUOTE) {
                    self.look_at_quotes(at);
                }
                if reasons.intersects(Reasons::BACKSLASH) {
                    self.look_at_backslash(at);
                }
            }
        }
    }

    /// Stops where a form of `view` starts: with bytes of the text from `from` on, and with what the view reads from `at`
    /// on. Returns the first bytes of that, if they are decided.
    fn try_view(&mut self, view: View, from: usize, at: usize) -> Option<[u8; LONGEST_READ]> {
        let count = self.grams.width() + MOST_BYTES_MORE;
        let mut read = [0; LONGEST_READ];
        match self.ahead.read(view, &self.text[at..], count) {
            Some(bytes) => read[..count].copy_from_slice(bytes),
            None => {
                let start = from.max(at.saturating_sub(CONTEXT_BYTES));
                self.stop(start, at + ahead::MOST_BYTES);
                return None;
            }
        }
        self.try_bytes(view.kinds(), from, at, &read[..count]);
        Some(read)
    }

    /// Stops where a form of `kinds` starts: with bytes of the text from `from` on, and `read` from `at` on.
    fn try_bytes(&mut self, kinds: Kinds, from: usize, at: usize, read: &[u8]) {
        let from = from.max(at.saturating_sub(CONTEXT_BYTES));
        let before = &self.text[from..at];
        let mut bytes = [0; CONTEXT_BYTES + LONGEST_READ];
        bytes[..before.len()].copy_from_slice(before);
        bytes[before.len()..][..read.len()].copy_from_slice(read);
        let bytes = &bytes[..before.len() + read.len()];
        let trie = self.patterns.trie();
        if let Some(start) = self.grams.find(trie, bytes, kinds) {
            let start = at.min(from + start);
            self.stop(start, start + 1);
        }
    }

    fn stop(&mut self, place: usize, search_to: usize) {
        self.found.stop(place, search_to);
    }

    fn joins(&self) -> &Joins {
        self.patterns.joins(self.grams)
    }

    /// Whether a form may start at `start`, where the first bytes of one stand: it goes on as far as all views read the
    /// same there.
    fn may_match(&self, start: usize) -> bool {
        let trie = self.patterns.trie();
        let width = self.grams.width();
        let mut node = NodeId::ROOT;
        for (depth, &byte) in self.text[start..].iter().enumerate() {
            let is_undecided = trie.ends(node) != Kinds::NONE || can_wake(byte);
            if depth >= width && (is_undecided || depth == MOST_FOLLOWED) {
                return true;
            }
            match trie.child(node, byte) {
                Some(next) => node = next,
                None => return false,
            }
        }
        true
    }
}
