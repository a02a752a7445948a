//! Plaintext while it is in memory: no `Debug` text, no `Display`, no `Serialize`, no `Clone`, no `Deref`; wiped on drop.

use std::fmt;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use crate::json;

/// The value of a credential.
///
/// The one way to the text is [`Secret::expose`], which clippy disallows: each use states where the plaintext goes.
pub struct Secret(Zeroizing<String>);

/// A [`Secret`] that a sandbox hands to its guest again and again, without copying it in the host each time.
///
/// Wiped when it is dropped: by then the guest's calls have ended, and nobody else shares the text.
pub struct SharedSecret(Arc<str>);

/// A 256-bit key of the envelope: as closed as a [`Secret`], and made of bytes.
pub struct KeyMaterial(Box<Zeroizing<[u8; Self::LENGTH_BYTES]>>);

// === impl Secret ===

impl Secret {
    /// Takes over `value`. The memory of `value` is wiped when the secret is dropped.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Takes over UTF-8 bytes. Bytes that are not UTF-8 are wiped, and only the offset of the first wrong one is told.
    ///
    /// # Errors
    /// [`NotUtf8`] if `bytes` are not UTF-8.
    pub fn from_utf8(bytes: Vec<u8>) -> Result<Self, NotUtf8> {
        String::from_utf8(bytes).map(Self::new).map_err(|error| {
            let valid_up_to = error.utf8_error().valid_up_to();
            error.into_bytes().zeroize();
            NotUtf8 { valid_up_to }
        })
    }

    /// Reads a JSON string, with its quotes. What the escapes stand for is written down once, in what becomes the secret.
    ///
    /// # Errors
    /// [`NotAJsonString`] if `json` is something else, or half of a surrogate pair stands in it.
    pub fn from_json_string(json: &str) -> Result<Self, NotAJsonString> {
        json::decode_whole(json).map(Self).ok_or(NotAJsonString)
    }

    /// Length in bytes. Not secret: the limits of a value speak of it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the value is the empty string.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The plaintext. Each caller says why in `#[expect(clippy::disallowed_methods, reason = "…")]`.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

// === impl SharedSecret ===

impl SharedSecret {
    /// The plaintext, shared. Each caller says why in `#[expect(clippy::disallowed_methods, reason = "…")]`, and lets
    /// go of it before this is dropped.
    #[must_use]
    pub fn expose(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl From<Secret> for SharedSecret {
    fn from(secret: Secret) -> Self {
        Self(Arc::from(secret.0.as_str()))
    }
}

impl Drop for SharedSecret {
    fn drop(&mut self) {
        if let Some(text) = Arc::get_mut(&mut self.0) {
            text.zeroize();
        }
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

// === impl KeyMaterial ===

impl KeyMaterial {
    /// AES-256 and HKDF-SHA-256 both take keys of this length.
    pub const LENGTH_BYTES: usize = 32;

    /// A key whose bytes `fill` writes in place, so that they are never anywhere else.
    ///
    /// # Errors
    /// What `fill` returns; the half-written key is wiped.
    pub fn try_fill<E>(
        fill: impl FnOnce(&mut [u8; Self::LENGTH_BYTES]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut key = Box::new(Zeroizing::new([0; Self::LENGTH_BYTES]));
        fill(&mut key)?;
        Ok(Self(key))
    }

    /// The bytes. Each caller says why in `#[expect(clippy::disallowed_methods, reason = "…")]`.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LENGTH_BYTES] {
        &self.0
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

/// A value that is no JSON string.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the value is not a JSON string, or has half of a surrogate pair")]
pub struct NotAJsonString;

/// A value that is not UTF-8.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the value is not UTF-8: byte {valid_up_to} does not continue it")]
pub struct NotUtf8 {
    /// How many bytes from the start are UTF-8.
    pub valid_up_to: usize,
}
