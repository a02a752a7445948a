//! Differences of the view without quotes: the quotes that it drops.

use super::{CONTEXT_BYTES, Look};
use crate::kinds::Kinds;
use crate::view::View;
use crate::view::unquote::is_quote;

impl Look<'_> {
    /// Looks at the quotes in a row of which one is at `at`.
    #[inline]
    pub(super) fn look_at_quotes(&mut self, at: usize) {
        let next = self.text.get(at + 1);
        // No form has what stands behind them, as with nearly all quotes of JSON.
        if next.is_some_and(|&next| !self.joins().has(next) && !is_quote(next)) {
            self.read.quotes = self.read.quotes.max(at + 1);
        } else {
            self.look_at_all_quotes(at);
        }
    }

    fn look_at_all_quotes(&mut self, at: usize) {
        if at < self.read.quotes || !self.patterns.trie().kinds().intersects(Kinds::UNQUOTED) {
            return;
        }
        let is_other = |byte: &u8| !is_quote(*byte);
        let rest = &self.text[at..];
        let end = at + rest.iter().position(is_other).unwrap_or(rest.len());
        let from = std::mem::replace(&mut self.read.quotes, end);
        let last = self.text[from..at].iter().rposition(is_other);
        let start = last.map_or(from, |last| from + last + 1);
        // No form starts with a quote that is dropped.
        if from == start {
            return;
        }
        match self.text.get(end) {
            None => self.stop(from.max(start.saturating_sub(CONTEXT_BYTES)), end),
            Some(&next) if self.joins().has_unquoted_pair(self.text[start - 1], next) => {
                self.try_view(View::Unquoted, from, start);
            }
            Some(_) => {}
        }
    }
}
