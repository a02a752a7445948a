//! The squeezed view: no terminal sequences, and no blanks around line breaks. It undoes wrapping at a column,
//! indentation, folded headers, and colours inside of a word. Lone blanks stay, or any two words would join.

use memchr::{memchr2, memchr3};
use zeroize::Zeroize;

use super::Item;
use super::ansi::{ESC, StripSequences};
use crate::wiped::Wiped;

/// Drops terminal sequences, then every run of blanks that holds a line break.
#[derive(Clone, Default)]
pub(crate) struct Squeeze {
    sequences: StripSequences,
    /// A run of blanks that has no line break yet.
    blanks: Vec<Item>,
    in_break: bool,
    /// What `sequences` gave. Kept to save its memory.
    stripped: Vec<Item>,
}

/// Blank, tab and the line breaks.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t') || is_break(byte)
}

/// CR, LF, VT, FF.
pub(crate) const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0x0b | 0x0c)
}

/// `text` squeezed, if that changes it.
pub(crate) fn squeezed(text: &[u8]) -> Option<Wiped<u8>> {
    memchr3(b'\n', b'\r', ESC, text).or_else(|| memchr2(0x0b, 0x0c, text))?;
    let (mut squeeze, mut items) = (Squeeze::default(), Vec::new());
    for &byte in text {
        squeeze.push(
            Item {
                byte,
                start: 0,
                end: 0,
            },
            &mut items,
        );
    }
    squeeze.finish(&mut items);
    let mut squeezed = Wiped::with_capacity(items.len());
    for item in &mut items {
        squeezed.push(item.byte);
        item.byte.zeroize();
    }
    (*squeezed != *text).then_some(squeezed)
}

// === impl Squeeze ===

impl Squeeze {
    pub(crate) fn push(&mut self, item: Item, out: &mut Vec<Item>) {
        let mut stripped = std::mem::take(&mut self.stripped);
        self.sequences.push(item, &mut stripped);
        for item in stripped.drain(..) {
            self.push_stripped(item, out);
        }
        self.stripped = stripped;
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<Item>) {
        let mut stripped = std::mem::take(&mut self.stripped);
        self.sequences.finish(&mut stripped);
        for item in stripped.drain(..) {
            self.push_stripped(item, out);
        }
        out.append(&mut self.blanks);
    }

    /// The first item of a terminal sequence that is not finished.
    pub(crate) fn unfinished_sequence(&self) -> Option<&Item> {
        self.sequences.pending()
    }

    /// Nothing is open that these blanks could stand in: they can be forgotten.
    pub(crate) fn forget_blanks(&mut self) {
        self.blanks.clear();
        self.in_break = false;
    }

    fn push_stripped(&mut self, item: Item, out: &mut Vec<Item>) {
        if !is_blank(item.byte) {
            self.in_break = false;
            out.append(&mut self.blanks);
            out.push(item);
        } else if self.in_break || is_break(item.byte) {
            self.in_break = true;
            self.blanks.clear();
        } else {
            self.blanks.push(item);
        }
    }
}
