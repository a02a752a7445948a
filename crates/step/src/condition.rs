//! What must hold of the present version of a thing for a change to happen: so that nobody overwrites what they have not
//! seen.

use std::collections::BTreeSet;

/// A condition on the present version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    /// The present version is one of these.
    pub is_one_of: Option<Versions>,
    /// The present version is none of these.
    pub is_none_of: Option<Versions>,
}

/// Some versions of a thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Versions {
    /// Whichever there is.
    Any,
    /// These.
    These(BTreeSet<u64>),
}

impl Condition {
    /// The condition that always holds.
    pub const NONE: Self = Self {
        is_one_of: None,
        is_none_of: None,
    };

    /// Whether it holds where `current` is the present version, or there is none.
    #[must_use]
    pub fn holds(&self, current: Option<u64>) -> bool {
        let has = |versions: &Versions| current.is_some_and(|version| versions.has(version));
        self.is_one_of.as_ref().is_none_or(has) && !self.is_none_of.as_ref().is_some_and(has)
    }
}

impl Versions {
    fn has(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::These(versions) => versions.contains(&version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these(versions: &[u64]) -> Option<Versions> {
        Some(Versions::These(versions.iter().copied().collect()))
    }

    #[test]
    fn a_condition_holds_for_the_versions_that_it_names() {
        let check = |is_one_of: Option<Versions>, is_none_of: Option<Versions>, expected| {
            let condition = Condition {
                is_one_of,
                is_none_of,
            };
            let held = [None, Some(1), Some(2)].map(|current| condition.holds(current));
            assert_eq!(held, expected, "{condition:?}");
        };
        check(None, None, [true, true, true]);
        check(Some(Versions::Any), None, [false, true, true]);
        check(None, Some(Versions::Any), [true, false, false]);
        check(these(&[1, 7]), None, [false, true, false]);
        check(None, these(&[1, 7]), [true, false, true]);
        check(these(&[1, 2]), these(&[2]), [false, true, false]);
        check(these(&[]), None, [false, false, false]);
    }
}
