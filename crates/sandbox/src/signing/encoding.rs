//! Bytes as text: how keys and signatures are written.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use serde::Deserialize;

use lockstep_secret::Zeroizing;

use super::SigningError;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    #[default]
    Hex,
    Base64,
    Base64Url,
}

/// How the bytes of a symmetric key are written in the value of a credential.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyEncoding {
    /// They are the text itself, UTF-8.
    #[default]
    Text,
    /// Two digits for each.
    Hex,
    /// Base64 of either alphabet, padded or not.
    Base64,
}

// === impl Encoding ===

impl Encoding {
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex(bytes),
            Self::Base64 => BASE64_STANDARD.encode(bytes),
            Self::Base64Url => base64_url(bytes),
        }
    }
}

// === impl KeyEncoding ===

impl KeyEncoding {
    pub(super) fn decode(self, value: &str) -> Result<Zeroizing<Vec<u8>>, SigningError> {
        let (decoded, what) = match self {
            Self::Text => (Some(value.as_bytes().to_vec()), "text"),
            Self::Hex => (from_hex(value.trim().as_bytes()), "hexadecimal digits"),
            Self::Base64 => (from_base64(value.trim()), "base64"),
        };
        let not_so = || SigningError::key(format!("the value is not written as {what}"));
        let decoded = Zeroizing::new(decoded.ok_or_else(not_so)?);
        if decoded.is_empty() {
            return Err(SigningError::key("the key is empty"));
        }
        Ok(decoded)
    }
}

pub(super) fn base64_url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Bytes written with two digits each, in either case.
pub(super) fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    // With all the room that it needs: what grows would leave a copy of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for pair in digits.chunks_exact(2) {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(std::mem::take(&mut *bytes))
}

/// Base64 of either alphabet, padded or not.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    engine.decode(text).ok()
}
