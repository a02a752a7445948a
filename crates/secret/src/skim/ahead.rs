//! What a view reads from a place on, where it is between two characters.

use crate::view::escape::{Input, decode_into};
use crate::view::squeeze::Squeeze;
use crate::view::unquote::unquoted;
use crate::view::{Item, View, backslash, entity, percent};
use crate::wiped::Wiped;

/// So much of the text is read first. Seldom is more needed for a few bytes of the view.
const FIRST_BYTES: usize = 24;
/// Further than that it is not read: a text may be such that the same bytes would be read over and over.
pub(super) const MOST_BYTES: usize = 4 * FIRST_BYTES;

/// Memory for the texts of a view and of the views that it is made of.
#[derive(Default)]
pub(super) struct Ahead {
    texts: [Wiped<u8>; 3],
}

impl Ahead {
    /// The first `count` bytes that `view` reads from the start of `text` on. None if they are not decided near by.
    pub(super) fn read(&mut self, view: View, text: &[u8], count: usize) -> Option<&[u8]> {
        let mut length = FIRST_BYTES;
        let last = loop {
            let piece = &text[..text.len().min(length)];
            let last = self.undo(view, piece);
            if self.texts[last].len() >= count {
                break last;
            }
            if piece.len() == text.len() || length == MOST_BYTES {
                return None;
            }
            length *= 4;
        };
        Some(&self.texts[last][..count])
    }

    /// Writes the text of `view`, and returns where.
    fn undo(&mut self, view: View, text: &[u8]) -> usize {
        match view.parent() {
            None | Some(View::Raw) => {
                step(view, text, &mut self.texts[0]);
                0
            }
            Some(parent) => {
                let last = self.undo(parent, text);
                let (texts, rest) = self.texts.split_at_mut(last + 1);
                step(view, &texts[last], &mut rest[0]);
                last + 1
            }
        }
    }
}

/// What `view` makes of the text of its parent, as far as that is decided.
fn step(view: View, text: &[u8], out: &mut Wiped<u8>) {
    out.clear();
    match view {
        View::Raw => out.extend_from_slice(text),
        View::Percent | View::PercentTwice => decode_into(percent::PERCENT, text, Input::Open, out),
        View::Form => decode_into(percent::FORM, text, Input::Open, out),
        View::Backslash | View::BackslashTwice | View::BackslashThrice => {
            decode_into(backslash::BACKSLASH, text, Input::Open, out);
        }
        View::Entity | View::EntityTwice => decode_into(entity::ENTITY, text, Input::Open, out),
        View::Squeezed | View::BackslashSqueezed => squeeze(text, out),
        View::Unquoted => unquoted(text).for_each(|byte| out.push(byte)),
    }
}

fn squeeze(text: &[u8], out: &mut Wiped<u8>) {
    let (mut squeeze, mut kept) = (Squeeze::default(), Vec::new());
    for &byte in text {
        let item = Item {
            byte,
            start: 0,
            end: 0,
        };
        squeeze.push(item, &mut kept);
        kept.drain(..).for_each(|item| out.push(item.byte));
    }
}
