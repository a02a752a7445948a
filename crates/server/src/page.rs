//! Lists that are answered in parts: those after a name, so many at most.

use serde::Deserialize;

use crate::problem::Problem;
use crate::query;

/// Entries of a list, if nothing is said, and at most: some hundred kilobytes.
const LISTED: u32 = 100;
const MAX_LISTED: u32 = 500;

/// Which part of a list is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page<T> {
    /// The last entry of the part before.
    pub(crate) after: Option<T>,
    limit: Option<u32>,
}

/// A part of a list, and where the next begins.
pub(crate) struct Part<T> {
    pub(crate) entries: Vec<T>,
    /// Whether there are more behind it.
    is_followed: bool,
}

impl<T> Page<T> {
    /// Entries that are answered.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        query::limit(self.limit, LISTED, MAX_LISTED)
    }
}

impl<T> Part<T> {
    /// At most `limit` of entries of which one more was asked for.
    pub(crate) fn of(mut entries: Vec<T>, limit: u32) -> Self {
        let is_followed = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        Self {
            entries,
            is_followed,
        }
    }

    /// What to ask for the entries behind this part with: the name of its last.
    pub(crate) fn next<N>(&self, name: impl Fn(&T) -> N) -> Option<N> {
        self.entries.last().filter(|_| self.is_followed).map(name)
    }
}
