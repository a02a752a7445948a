//! Quotes in a row, in blocks of bytes: whether a form may go on behind them.

/// The quotes of a block: a bit for each, and for each place what stands next to it.
pub(super) struct Quotes {
    pub(super) all: u64,
    /// Behind a byte that some form has before another one.
    pub(super) behind: u64,
    /// Between two bytes that some form may have next to each other.
    pub(super) between: u64,
    /// Before a byte that some form has behind another one.
    pub(super) before: u64,
}

/// Quotes in a row that stand right before a block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Streak {
    is_any: bool,
    /// Whether they stand behind a byte that some form has before another one.
    is_behind: bool,
}

impl Streak {
    pub(super) const NONE: Self = Self {
        is_any: false,
        is_behind: false,
    };
    /// As much as there may be.
    pub(super) const UNKNOWN: Self = Self {
        is_any: true,
        is_behind: true,
    };
}

impl Quotes {
    /// The last quotes of those in a row that may matter. Whether that of the last place is one is not known.
    #[inline]
    pub(super) fn suspects(&self, streak: &mut Streak) -> u64 {
        let starts = self.all & !(self.all << 1 | u64::from(streak.is_any));
        let ends = self.all & !(self.all >> 1);
        // The sum carries a bit from the start of a row to behind its end.
        let from = starts & self.behind | self.all & u64::from(streak.is_behind);
        let (behind_ends, is_over) = self.all.overflowing_add(from);
        let reached = (behind_ends & !self.all) >> 1 | u64::from(is_over) << 63;
        *streak = Streak {
            is_any: self.all >> 63 != 0,
            is_behind: is_over,
        };
        ends & (starts & self.between | !starts & reached & self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER_ALL: Quotes = Quotes {
        all: 0,
        behind: u64::MAX,
        between: u64::MAX,
        before: u64::MAX,
    };

    #[test]
    fn of_quotes_in_a_row_the_last_one_is_suspect() {
        let quotes = Quotes {
            all: 0b0111_0010,
            ..AFTER_ALL
        };
        assert_eq!(quotes.suspects(&mut { Streak::NONE }), 0b0100_0010);
    }

    #[test]
    fn a_row_behind_what_no_form_has_is_not_suspect() {
        let quotes = Quotes {
            all: 0b0111_0110,
            behind: !0b0001_0000,
            ..AFTER_ALL
        };
        assert_eq!(quotes.suspects(&mut { Streak::NONE }), 0b0000_0100);
    }

    #[test]
    fn a_row_goes_on_in_the_next_block() {
        let first = Quotes {
            all: 0b11 << 62,
            before: 0,
            ..AFTER_ALL
        };
        let second = Quotes {
            all: 0b1011,
            behind: 0,
            between: 0,
            ..AFTER_ALL
        };
        let mut streak = Streak::NONE;
        assert_eq!(first.suspects(&mut streak), 0);
        assert_eq!(second.suspects(&mut streak), 0b0010);
        assert_eq!(streak, Streak::NONE);

        let hopeless = Quotes { behind: 0, ..first };
        assert_eq!(hopeless.suspects(&mut streak), 0);
        assert_eq!(second.suspects(&mut streak), 0);
    }
}
