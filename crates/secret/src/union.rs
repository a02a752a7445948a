//! The union of all ranges that must not be seen. Ranges that overlap or touch are one.

/// A range of input bytes, by their offsets in the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Ranges in order, with bytes between any two of them.
#[derive(Default)]
pub(crate) struct Union {
    ranges: Vec<Range>,
}

// === impl Union ===

impl Union {
    pub(crate) fn add(&mut self, start: u64, end: u64) {
        // Ranges come nearly in order: the place is at the end or just before it.
        let mut first = self.ranges.len();
        while first > 0 && self.ranges[first - 1].end >= start {
            first -= 1;
        }
        let mut merged = Range { start, end };
        let mut after = first;
        while let Some(range) = self
            .ranges
            .get(after)
            .filter(|range| range.start <= merged.end)
        {
            merged = Range {
                start: merged.start.min(range.start),
                end: merged.end.max(range.end),
            };
            after += 1;
        }
        self.ranges.splice(first..after, [merged]);
    }

    /// Forgets what lies before `offset`.
    pub(crate) fn forget_before(&mut self, offset: u64) {
        let passed = self
            .ranges
            .iter()
            .take_while(|range| range.end <= offset)
            .count();
        self.ranges.drain(..passed);
    }

    pub(crate) fn ranges(&self) -> &[Range] {
        &self.ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(added: &[(u64, u64)], expected: &[(u64, u64)]) {
        let mut union = Union::default();
        for &(start, end) in added {
            union.add(start, end);
        }
        let ranges: Vec<_> = union
            .ranges()
            .iter()
            .map(|range| (range.start, range.end))
            .collect();
        assert_eq!(ranges, expected, "{added:?}");
    }

    #[test]
    fn ranges_that_touch_become_one_and_others_do_not() {
        check(&[(0, 2), (2, 4)], &[(0, 4)]);
        check(&[(0, 2), (3, 4)], &[(0, 2), (3, 4)]);
    }

    #[test]
    fn a_range_joins_all_that_it_overlaps() {
        check(&[(0, 2), (4, 6), (8, 10), (1, 9)], &[(0, 10)]);
        check(&[(4, 6), (8, 10), (0, 20)], &[(0, 20)]);
    }

    #[test]
    fn ranges_may_come_out_of_order() {
        check(&[(8, 10), (0, 2), (4, 6)], &[(0, 2), (4, 6), (8, 10)]);
        check(&[(8, 10), (4, 8)], &[(4, 10)]);
    }

    #[test]
    fn a_range_that_ends_at_the_offset_is_forgotten_and_one_that_crosses_it_is_not() {
        let mut union = Union::default();
        union.add(0, 4);
        union.add(6, 9);
        union.forget_before(4);
        assert_eq!(union.ranges(), [Range { start: 6, end: 9 }]);
        union.forget_before(8);
        assert_eq!(union.ranges(), [Range { start: 6, end: 9 }]);
    }
}
