//! A key-encryption key: the one key that is kept outside of the database.

use std::fmt;
use std::str::FromStr;

use ctutils::CtEq;

use lockstep_secret::KeyMaterial;

use crate::layer;

/// A key-encryption key, and its name.
#[derive(Debug)]
pub struct Kek {
    id: KekId,
    key: KeyMaterial,
}

/// The name of a key-encryption key: `k` and 16 hex digits.
///
/// It is computed from the key (by HKDF, which does not lead back), so a key that is not the one of its name is
/// noticed, and a key has the same name on each machine.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KekId([u8; 8]);

/// What the store keeps about a key-encryption key: enough to recognise it, nothing to find it by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KekCheck {
    /// The key's name.
    pub kek: KekId,
    /// Computed from the key, by HKDF.
    pub check: [u8; Self::LENGTH_BYTES],
}

/// The operating system gave no random bytes, so no key can be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// A text that does not name a key-encryption key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not the name of a key: expected `k` and 16 lower-case hex digits")]
pub struct InvalidKekId;

// === impl Kek ===

impl Kek {
    /// A new, random key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        random_key().map(Self::new)
    }

    /// The key with these bytes. They must be uniformly random: a pass phrase is not a key.
    #[must_use]
    pub fn new(key: KeyMaterial) -> Self {
        let id = KekId::of(&key);
        Self { id, key }
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KekId {
        self.id
    }

    /// What to keep in the store to recognise this key.
    #[must_use]
    pub fn check(&self) -> KekCheck {
        let mut derived = [0; 64];
        layer::expand(&self.key, b"lockstep/1/kek-check", &mut derived);
        let mut check = [0; KekCheck::LENGTH_BYTES];
        check.copy_from_slice(&derived[..KekCheck::LENGTH_BYTES]);
        KekCheck {
            kek: self.id,
            check,
        }
    }

    pub(crate) fn is_that_of(&self, known: &KekCheck) -> bool {
        self.id == known.kek && self.check().check.ct_eq(&known.check).to_bool()
    }

    pub(crate) fn key(&self) -> &KeyMaterial {
        &self.key
    }
}

/// A key of any layer.
pub(crate) fn random_key() -> Result<KeyMaterial, NoRandomness> {
    KeyMaterial::try_fill(|bytes| getrandom::fill(bytes).map_err(|_| NoRandomness))
}

// === impl KekId ===

impl KekId {
    fn of(key: &KeyMaterial) -> Self {
        let mut derived = [0; 64];
        layer::expand(key, b"lockstep/1/kek-id", &mut derived);
        let mut id = [0; 8];
        id.copy_from_slice(&derived[..8]);
        Self(id)
    }

    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KekId {
    type Err = InvalidKekId;

    fn from_str(text: &str) -> Result<Self, InvalidKekId> {
        let hex = text.strip_prefix('k').ok_or(InvalidKekId)?;
        let number = u64::from_str_radix(hex, 16).map_err(|_| InvalidKekId)?;
        let id = Self(number.to_be_bytes());
        // Read back: signs, upper case and other lengths are no names.
        (id.to_string() == text).then_some(id).ok_or(InvalidKekId)
    }
}

// === impl KekCheck ===

impl KekCheck {
    /// Half of what HKDF-SHA-256 expands to here.
    pub const LENGTH_BYTES: usize = 32;
}
