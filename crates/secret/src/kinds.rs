//! Which views look for a form.

/// A set of groups of views. One trie holds the forms of all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    /// The raw text and all escapes. Every form is looked for there.
    pub(crate) const SHARED: Self = Self(1);
    /// Text without line breaks and terminal sequences.
    pub(crate) const SQUEEZED: Self = Self(2);
    /// Text without quotes.
    pub(crate) const UNQUOTED: Self = Self(4);
    /// Form data, which only spells blanks differently.
    pub(crate) const SPACED: Self = Self(8);
    pub(crate) const ALL: Self = Self(15);

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }
}
