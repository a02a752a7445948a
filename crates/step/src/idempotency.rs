//! What a client calls one request, so that to ask again is to ask for the same run.

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// The longest key, in bytes: clients make UUIDs, or put names of theirs together.
const MAX_BYTES: usize = 255;

/// A key that a client chose for one request.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IdempotencyKey(String);

/// A request that is carried out once, however often it is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Idempotency {
    /// What the client calls it.
    pub key: IdempotencyKey,
    /// Of all that it asks: another request under the same key is a mistake of the client.
    pub request: Digest,
}

/// A text that is no idempotency key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "not an idempotency key: expected 1 to {MAX_BYTES} visible ASCII characters, such as a UUID"
)]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = InvalidIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_visible && (1..=MAX_BYTES).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidIdempotencyKey)
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        for text in [
            "a",
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
            &"x".repeat(255),
        ] {
            assert_eq!(text.parse::<IdempotencyKey>().unwrap().as_str(), text);
        }
        for text in ["", "a b", "a\n", "ä", &"x".repeat(256)] {
            assert_eq!(text.parse::<IdempotencyKey>(), Err(InvalidIdempotencyKey));
        }
    }
}
