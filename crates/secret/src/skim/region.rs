//! Regions: the stretches of a text where a view differs from it, each with enough bytes around to hold the start of any
//! form that differs.

use crate::wiped::Wiped;

/// So many bytes of the view stand before and after each difference: one less than decide about the start of a form.
pub(super) const CONTEXT_BYTES: usize = 7;

/// What a region is made of.
pub(super) struct Region {
    /// Where it starts in the text.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// How many bytes of the view come before the end of its last difference.
    pub(super) length: usize,
    /// The text ended too early to decide about what starts from here on.
    pub(super) open: Option<usize>,
    /// The text ended too early to decide about the views that are made of this one.
    pub(super) is_cut: bool,
}

/// Which bytes of a view come from where, for a few places.
#[derive(Default)]
pub(super) struct Marks {
    marks: [(usize, usize); CONTEXT_BYTES + 1],
    count: usize,
}

impl Marks {
    /// The byte `index` of the view is the one at `place` of the text.
    pub(super) fn set(&mut self, index: usize, place: usize) {
        self.marks[self.count % self.marks.len()] = (index, place);
        self.count += 1;
    }

    /// A place at or before the byte of the view from which on too few follow, if there are `length` in all.
    pub(super) fn undecided(&self, length: usize, start: usize) -> usize {
        let known = &self.marks[..self.count.min(self.marks.len())];
        let decided = known
            .iter()
            .filter(|(index, _)| index + CONTEXT_BYTES <= length);
        decided.map(|&(_, place)| place).max().unwrap_or(start)
    }
}

/// A view's way to find and read the stretches that differ.
pub(super) trait Differences {
    /// The first place from `from` on, and before `until`, where the view differs from `text`.
    fn find(&mut self, text: &[u8], from: usize, until: usize) -> Option<usize>;

    /// Writes the region around the difference at `at` to `out`, and around those that follow closely. What differs from
    /// `until` on only matters as far as it stands right behind.
    fn read(&mut self, text: &[u8], at: usize, until: usize, out: &mut Wiped<u8>) -> Region;
}

impl Region {
    /// A region with enough behind its last difference.
    pub(super) fn closed(start: usize, end: usize, length: usize) -> Self {
        Self {
            start,
            end,
            length,
            open: None,
            is_cut: false,
        }
    }

    /// A region that the text ends in. `length` bytes of it were written.
    pub(super) fn open(start: usize, end: usize, marks: &Marks, length: usize) -> Self {
        Self {
            start,
            end,
            length,
            open: Some(marks.undecided(length, start)),
            is_cut: true,
        }
    }
}
