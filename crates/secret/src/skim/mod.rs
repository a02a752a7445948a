//! Passing over text that has no value in it, at the speed of memory.
//!
//! `skim` says up to where a text may be passed on unseen: nothing that any view finds starts before, and every view is
//! between two characters there. It may stop too early, never too late; the exact search decides.
//!
//! Where a form starts, its first eight bytes (or all, if it is shorter) stand in some view. Either they stand in the text
//! as they are, and the text is looked up in a table of grams; or the view differs from the text there, and the region
//! around the difference is written out as the view reads it, and looked up likewise.

mod boundary;
mod escapes;
mod gaps;
mod grams;
mod quotes;
mod region;

use memchr::memchr;

use crate::kinds::Kinds;
use crate::patterns::Patterns;
use crate::shapes;
use crate::trie::NodeId;
use crate::view::ansi::ESC;
use crate::view::{View, can_wake};
use crate::wiped::Wiped;
use boundary::{Sequences, last_boundary};
use escapes::Escapes;
use gaps::Gaps;
use quotes::Quotes;
use region::{CONTEXT_BYTES, Differences};

pub(crate) use grams::Grams;

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

/// Memory for regions, one for each view that is made of another one.
#[derive(Default)]
pub(crate) struct Skimmer {
    regions: [Wiped<u8>; 3],
}

/// A look at the start of a text.
struct Look<'a> {
    patterns: &'a Patterns,
    /// Nothing starts before.
    limit: usize,
    /// Something may start at the limit: how far the exact search must look.
    search_to: Option<usize>,
    sequences: Sequences,
}

/// The text of a view, and where it comes from.
#[derive(Clone, Copy)]
struct Text<'a> {
    view: View,
    bytes: &'a [u8],
    /// Where it starts in the input. Each byte of it takes at least one.
    start: usize,
    /// Where it ends in the input.
    end: usize,
    /// It ends where the input does, so far.
    is_last: bool,
    /// From here on it is like the text that it was made of.
    until: usize,
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
            let mut look = Look {
                patterns,
                limit,
                search_to: None,
                sequences: Sequences::Raw,
            };
            look.search(rest, &mut self.regions);
            let boundary = last_boundary(rest, look.limit, look.sequences);
            let search_to = match look.search_to {
                Some(place) => clean + place.min(rest.len()),
                None if is_final => input.len(),
                None => clean + look.limit,
            };
            clean += boundary;
            if is_final || look.search_to.is_some() || boundary == 0 {
                return Skimmed {
                    clean,
                    search_to: search_to.max(clean),
                };
            }
            length = (2 * length).min(MOST_BYTES);
        }
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

// === impl Look ===

impl Look<'_> {
    fn search(&mut self, input: &[u8], regions: &mut [Wiped<u8>]) {
        if self.patterns.has_shapes()
            && let Some(start) = shapes::find_start(input, self.limit)
        {
            self.stop(start, start + 1);
        }
        let Some(grams) = self.patterns.grams() else {
            return;
        };
        if let Some(start) = grams.find_if(input, self.limit, |start| self.may_match(input, start))
        {
            self.stop(start, start + 1);
        }
        let text = Text {
            view: View::Raw,
            bytes: input,
            start: 0,
            end: input.len(),
            is_last: true,
            until: input.len(),
        };
        self.search_views(text, grams, regions);
    }

    /// Something may start at `place`. The exact search must look up to `search_to` before there is a use in skimming.
    fn stop(&mut self, place: usize, search_to: usize) {
        if place < self.limit || (place == self.limit && self.search_to.is_none()) {
            self.limit = place;
            self.search_to = Some(search_to.max(place + 1));
        }
    }

    /// Looks at the views that are made of `text`, where they differ from it.
    fn search_views(&mut self, text: Text<'_>, grams: &Grams, regions: &mut [Wiped<u8>]) {
        for &view in text.view.children() {
            if !self.patterns.trie().kinds().intersects(view.kinds()) {
                continue;
            }
            if view == View::BackslashSqueezed && memchr(ESC, text.bytes).is_some() {
                self.sequences = Sequences::Escaped;
            }
            match Escapes::of(view) {
                Some(escapes) => self.search_regions(view, escapes, text, grams, regions),
                None if view == View::Unquoted => {
                    self.search_regions(view, Quotes::default(), text, grams, regions);
                }
                None => self.search_regions(view, Gaps::default(), text, grams, regions),
            }
        }
    }

    fn search_regions(
        &mut self,
        view: View,
        mut differences: impl Differences,
        text: Text<'_>,
        grams: &Grams,
        regions: &mut [Wiped<u8>],
    ) {
        let Some((out, deeper)) = regions.split_first_mut() else {
            return;
        };
        // What starts before the limit differs before this place.
        let until = |limit: usize| {
            (limit + CONTEXT_BYTES)
                .saturating_sub(text.start)
                .min(text.until)
        };
        let first_until = until(self.limit);
        let mut from = 0;
        while let Some(at) = differences.find(text.bytes, from, first_until) {
            if at >= until(self.limit) {
                return;
            }
            out.clear();
            let region = differences.read(text.bytes, at, until(self.limit), out);
            let start = text.start + region.start;
            let end = if text.view == View::Raw {
                region.end
            } else {
                text.end
            };
            match region.open {
                Some(open) if text.is_last => self.stop(text.start + open, end),
                Some(_) => self.stop(start, end),
                None => {}
            }
            if let Some(index) = grams.find(self.patterns.trie(), out, out.len()) {
                self.stop(start + index, start + index + 1);
            }
            if !view.children().is_empty() {
                let is_last = text.is_last && region.is_cut;
                let until = region.length + CONTEXT_BYTES;
                self.search_views(
                    Text {
                        view,
                        bytes: out,
                        start,
                        end,
                        is_last,
                        until,
                    },
                    grams,
                    deeper,
                );
            }
            from = region.end;
        }
    }

    /// Whether a form may start at `start`, where the first bytes of one stand: it goes on as far as all views read the
    /// same there.
    fn may_match(&self, text: &[u8], start: usize) -> bool {
        let trie = self.patterns.trie();
        let width = self.patterns.grams().map_or(0, Grams::width);
        let mut node = NodeId::ROOT;
        for (depth, &byte) in text[start..].iter().enumerate() {
            if depth >= width && (trie.ends(node) != Kinds::NONE || can_wake(byte)) {
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
