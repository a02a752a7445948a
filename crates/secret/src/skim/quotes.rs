//! Regions of the view without quotes.

use memchr::memchr3;

use super::gaps::Next;
use super::region::{CONTEXT_BYTES, Differences, Marks, Region};
use crate::view::unquote::is_quote;
use crate::wiped::Wiped;

/// A region ends after so many bytes without a quote.
const STEP_BYTES: usize = 32;

/// The quotes of a text. It remembers where the next ones are.
#[derive(Default)]
pub(super) struct Quotes {
    common: Next,
    rare: Next,
}

impl Differences for Quotes {
    fn find(&mut self, text: &[u8], from: usize) -> Option<usize> {
        let common = self
            .common
            .from(from, |from| memchr3(b'"', b'\'', b'`', &text[from..]));
        let rare = self
            .rare
            .from(from, |from| memchr3(b'\\', b'$', b'^', &text[from..]));
        match (common, rare) {
            (Some(common), Some(rare)) => Some(common.min(rare)),
            (common, rare) => common.or(rare),
        }
    }

    fn read(&mut self, text: &[u8], at: usize, out: &mut Wiped<u8>) -> Region {
        let start = at.saturating_sub(CONTEXT_BYTES);
        out.extend_from_slice(&text[start..at]);
        let mut marks = Marks::default();
        let mut place = at;
        loop {
            marks.set(out.len(), place);
            let step = &text[place..text.len().min(place + STEP_BYTES)];
            let has_quotes = push_unquoted(step, out);
            place += step.len();
            if !has_quotes && step.len() >= CONTEXT_BYTES {
                return Region {
                    start,
                    end: place,
                    open: None,
                    is_cut: false,
                };
            }
            if place == text.len() {
                let open = Some(marks.undecided(out.len(), start));
                return Region {
                    start,
                    end: place,
                    open,
                    is_cut: true,
                };
            }
        }
    }
}

/// Writes `step` without quotes to `out`. Returns whether there were any.
fn push_unquoted(step: &[u8], out: &mut Wiped<u8>) -> bool {
    let mut kept = [0; STEP_BYTES];
    let mut length = 0;
    for &byte in step {
        kept[length % STEP_BYTES] = byte;
        length += usize::from(!is_quote(byte));
    }
    out.extend_from_slice(&kept[..length]);
    length < step.len()
}
