//! Regions of the views with escapes.

use memchr::{memchr, memchr2};

use super::gaps::enough_before;
use super::region::{CONTEXT_BYTES, Differences, Marks, Region};
use crate::view::View;
use crate::view::backslash::BACKSLASH;
use crate::view::entity::ENTITY;
use crate::view::escape::{Escape, Input, Rule};
use crate::view::percent::{FORM, PERCENT};
use crate::wiped::Wiped;

/// So many bytes follow the last escape of a region, if another view is made of this one: an escape that this one spells
/// the start of ends within them.
const NESTED_CONTEXT_BYTES: usize = 48;

/// The escapes of one view.
pub(super) struct Escapes {
    rule: Rule,
    triggers: Triggers,
    /// Other views are made of this one.
    is_parent: bool,
    /// Where a region starts that has a difference at a place.
    start: fn(&[u8], usize) -> usize,
}

/// The bytes that start an escape.
#[derive(Clone, Copy)]
enum Triggers {
    One(u8),
    Two(u8, u8),
}

impl Escapes {
    /// What `view` does to its parent, if it undoes escapes.
    pub(super) fn of(view: View) -> Option<Self> {
        let (rule, triggers) = match view {
            View::Percent | View::PercentTwice => (PERCENT, Triggers::One(b'%')),
            View::Form => (FORM, Triggers::Two(b'%', b'+')),
            View::Backslash | View::BackslashTwice | View::BackslashThrice => {
                (BACKSLASH, Triggers::One(b'\\'))
            }
            View::Entity | View::EntityTwice => (ENTITY, Triggers::One(b'&')),
            View::Raw | View::Squeezed | View::BackslashSqueezed | View::Unquoted => return None,
        };
        let start = if view == View::Backslash {
            enough_before
        } else {
            few_before
        };
        Some(Self {
            rule,
            triggers,
            is_parent: !view.children().is_empty(),
            start,
        })
    }
}

impl Triggers {
    fn find(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::One(byte) => memchr(byte, text),
            Self::Two(one, other) => memchr2(one, other, text),
        }
    }
}

impl Differences for Escapes {
    fn find(&mut self, text: &[u8], from: usize, until: usize) -> Option<usize> {
        self.triggers
            .find(text.get(from..until.min(text.len()))?)
            .map(|at| from + at)
    }

    fn read(&mut self, text: &[u8], at: usize, until: usize, out: &mut Wiped<u8>) -> Region {
        let context = if self.is_parent {
            NESTED_CONTEXT_BYTES
        } else {
            CONTEXT_BYTES
        };
        let start = (self.start)(text, at);
        let mut marks = Marks::default();
        let mut enough = usize::MAX;
        let mut place = start;
        while out.len() < enough {
            if place >= until && enough == usize::MAX {
                enough = out.len() + context;
            }
            let plain = &text[place..text.len().min(place.max(at) + context)];
            let Some(length) = self.triggers.find(plain) else {
                let length = out.len();
                out.extend_from_slice(plain);
                let end = place + plain.len();
                if plain.len() < CONTEXT_BYTES {
                    return Region::open(start, end, &marks, out.len());
                }
                return Region {
                    is_cut: plain.len() < context,
                    ..Region::closed(start, end, length)
                };
            };
            out.extend_from_slice(&plain[..length]);
            place += length;
            marks.set(out.len(), place);
            match (self.rule.parse)(&text[place..], Input::Open) {
                Escape::Character { length, text } => {
                    out.extend_from_slice(text.as_bytes());
                    place += length;
                }
                Escape::Plain => {
                    out.push(text[place]);
                    place += 1;
                }
                Escape::Unfinished => return Region::open(start, text.len(), &marks, out.len()),
            }
        }
        Region::closed(start, place, out.len())
    }
}

/// A few bytes before the difference.
fn few_before(_: &[u8], at: usize) -> usize {
    at.saturating_sub(CONTEXT_BYTES)
}
