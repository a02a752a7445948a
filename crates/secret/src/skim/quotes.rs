//! Differences of the view without quotes: the quotes that it drops.

use super::{CONTEXT_BYTES, Look};
use crate::kinds::Kinds;
use crate::view::View;
use crate::view::unquote::is_quote;

impl Look<'_> {
    /// Looks at the quotes from `at` on.
    #[inline]
    pub(super) fn look_at_quotes(&mut self, at: usize) {
        if at > self.read.quotes && self.stands_apart(at) {
            self.read.quotes = at + 1;
        } else {
            self.look_at_all_quotes(at);
        }
    }

    /// Whether no form has what stands on one side of the quote at `at`, as with nearly all quotes of JSON.
    #[inline]
    fn stands_apart(&self, at: usize) -> bool {
        let joins = self.joins();
        !joins.has(self.text[at - 1])
            || self
                .text
                .get(at + 1)
                .is_some_and(|&next| !joins.has(next) && !is_quote(next))
    }

    fn look_at_all_quotes(&mut self, at: usize) {
        if at < self.read.quotes || !self.patterns.trie().kinds().intersects(Kinds::UNQUOTED) {
            return;
        }
        let count = self.text[at..]
            .iter()
            .take_while(|byte| is_quote(**byte))
            .count();
        let end = at + count;
        let from = std::mem::replace(&mut self.read.quotes, end);
        // No form starts with a quote that is dropped.
        if from == at {
            return;
        }
        match self.text.get(end) {
            None => self.stop(from.max(at.saturating_sub(CONTEXT_BYTES)), end),
            Some(&next) if self.joins().has_unquoted_pair(self.text[at - 1], next) => {
                self.try_view(View::Unquoted, from, at);
            }
            Some(_) => {}
        }
    }
}
