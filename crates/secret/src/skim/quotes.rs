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
    fn find(&mut self, text: &[u8], from: usize, until: usize) -> Option<usize> {
        let text = &text[..until.min(text.len())];
        let common = self
            .common
            .from(text, from, |text| memchr3(b'"', b'\'', b'`', text));
        let rare = self
            .rare
            .from(text, from, |text| memchr3(b'\\', b'$', b'^', text));
        [common, rare].into_iter().flatten().min()
    }

    fn read(&mut self, text: &[u8], at: usize, until: usize, out: &mut Wiped<u8>) -> Region {
        let start = at.saturating_sub(CONTEXT_BYTES);
        out.extend_from_slice(&text[start..at]);
        let mut marks = Marks::default();
        let mut enough = usize::MAX;
        let mut place = at;
        while out.len() < enough {
            if place >= until && enough == usize::MAX {
                enough = out.len() + CONTEXT_BYTES;
            }
            marks.set(out.len(), place);
            let step = &text[place..text.len().min(place + STEP_BYTES)];
            let has_quotes = push_unquoted(step, out);
            place += step.len();
            if !has_quotes && step.len() >= CONTEXT_BYTES {
                break;
            }
            if place == text.len() {
                return Region::open(start, place, &marks, out.len());
            }
        }
        Region::closed(start, place, out.len())
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
