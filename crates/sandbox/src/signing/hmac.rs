//! HMAC (RFC 2104) with SHA-2.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Sha256, Sha384, Sha512};

use lockstep_secret::Zeroizing;

use super::encoding::{KeyEncoding, from_base64, from_hex};
use super::{MAX_DATA_BYTES, SigningError, check_length};

/// The hash of an HMAC.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub(crate) enum Hash {
    #[default]
    #[serde(rename = "SHA-256")]
    Sha256,
    #[serde(rename = "SHA-384")]
    Sha384,
    #[serde(rename = "SHA-512")]
    Sha512,
}

/// A symmetric key. It is wiped.
pub(crate) struct HmacKey(Zeroizing<Vec<u8>>);

/// One computation.
enum Computation {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

// === impl HmacKey ===

impl HmacKey {
    /// The key that the value of a credential is.
    pub(crate) fn new(value: &str, encoding: KeyEncoding) -> Result<Self, SigningError> {
        encoding.decode(value).map(Self)
    }

    pub(super) fn of_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The code of `data`.
    pub(crate) fn sign(&self, hash: Hash, data: &[u8]) -> Result<Vec<u8>, SigningError> {
        check_length("what is to be signed", data.len(), MAX_DATA_BYTES)?;
        Ok(self.code(hash, &[data]).finish())
    }

    /// Whether `signature` is the code of `data`: hexadecimal digits or base64, with `sha256=` and the like before it or
    /// not. The comparison takes as long wherever they differ.
    pub(crate) fn verify(
        &self,
        hash: Hash,
        data: &[u8],
        signature: &str,
    ) -> Result<bool, SigningError> {
        check_length("what is to be verified", data.len(), MAX_DATA_BYTES)?;
        let code = read(hash, signature.trim());
        Ok(code.is_some_and(|code| self.code(hash, &[data]).is(&code)))
    }

    /// Whether `code` is that of the parts, one after the other, by SHA-256.
    pub(super) fn made(&self, code: &[u8], parts: &[&[u8]]) -> bool {
        self.code(Hash::Sha256, parts).is(code)
    }

    /// The code of `data` by SHA-256. It may itself be a key.
    pub(super) fn derive(&self, data: &[u8]) -> Self {
        let code = self.code(Hash::Sha256, &[data]).finish();
        Self(Zeroizing::new(code))
    }

    /// What is signed with a key that has come of others.
    pub(super) fn code_of(&self, data: &[u8]) -> Vec<u8> {
        self.code(Hash::Sha256, &[data]).finish()
    }

    fn code(&self, hash: Hash, parts: &[&[u8]]) -> Computation {
        let mut code = match hash {
            Hash::Sha256 => Computation::Sha256(keyed(&self.0)),
            Hash::Sha384 => Computation::Sha384(keyed(&self.0)),
            Hash::Sha512 => Computation::Sha512(keyed(&self.0)),
        };
        for part in parts {
            code.update(part);
        }
        code
    }
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of any length: RFC 2104"
)]
fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("a key of any length")
}

// === impl Computation ===

impl Computation {
    fn update(&mut self, part: &[u8]) {
        match self {
            Self::Sha256(code) => code.update(part),
            Self::Sha384(code) => code.update(part),
            Self::Sha512(code) => code.update(part),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(code) => code.finalize().into_bytes().to_vec(),
            Self::Sha384(code) => code.finalize().into_bytes().to_vec(),
            Self::Sha512(code) => code.finalize().into_bytes().to_vec(),
        }
    }

    /// In constant time.
    fn is(self, code: &[u8]) -> bool {
        match self {
            Self::Sha256(own) => own.verify_slice(code).is_ok(),
            Self::Sha384(own) => own.verify_slice(code).is_ok(),
            Self::Sha512(own) => own.verify_slice(code).is_ok(),
        }
    }
}

// === impl Hash ===

impl Hash {
    fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256=",
            Self::Sha384 => "sha384=",
            Self::Sha512 => "sha512=",
        }
    }
}

/// The bytes of a signature. Which spelling it has is seen by its length, which is no secret.
fn read(hash: Hash, signature: &str) -> Option<Vec<u8>> {
    let signature = signature.strip_prefix(hash.prefix()).unwrap_or(signature);
    if signature.len() == 2 * hash.bytes() {
        return from_hex(signature.as_bytes());
    }
    from_base64(signature).filter(|code| code.len() == hash.bytes())
}
