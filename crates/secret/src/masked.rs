//! Text with the secrets taken out.

use std::fmt;

use serde::{Serialize, Serializer};

/// Guest text that may leave the host: every credential of the run is taken out.
///
/// Only a masker makes one; the two other ways are for text that cannot hold a value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    pub(crate) fn by_masker(text: T) -> Self {
        Self(text)
    }

    /// Text that a masker made before it was recorded, and that is now read back from the record.
    ///
    /// Clippy disallows it: each caller says which record it reads.
    #[must_use]
    pub fn reread(text: T) -> Self {
        Self(text)
    }

    /// The text itself, for the edge that writes it.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The text itself, for the edge that writes it.
    #[must_use]
    pub fn as_inner(&self) -> &T {
        &self.0
    }
}

impl Masked<String> {
    /// A sentence of the host's own that is known when the host is compiled.
    #[must_use]
    pub fn host_text(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The first `length` bytes, or a few less so that no character is cut.
    #[must_use]
    pub fn truncated(mut self, length: usize) -> Self {
        self.0.truncate(self.0.floor_char_boundary(length));
        self
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Masked text stays masked as bytes.
impl From<Masked<String>> for Masked<Vec<u8>> {
    fn from(text: Masked<String>) -> Self {
        Self(text.0.into_bytes())
    }
}

impl Masked<Vec<u8>> {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first `length` bytes.
    #[must_use]
    pub fn truncated(mut self, length: usize) -> Self {
        self.0.truncate(length);
        self
    }

    /// Puts `next`, which followed this in the same stream, at its end.
    pub fn append(&mut self, next: Self) {
        self.0.extend(next.0);
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Masked<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: Serialize> Serialize for Masked<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
