//! Signatures over what a guest hands in, by keys that it does not hold: pure functions of a key, data and a time.
//!
//! HMAC is that of the crates `hmac` and `sha2`, which wipe their state; RSA, ECDSA and Ed25519 are those of `ring`, which
//! TLS brings already. Nothing here knows of credentials or guests: [`SigningError`] says what is wrong, and never has text
//! of a key in it.

mod error;

mod encoding;
mod hmac;
mod jwt;
mod key_pair;
mod webhook;

mod aws;
mod aws_canonical;
mod aws_rules;

#[cfg(test)]
mod tests;

pub(crate) use aws::{AwsKeys, AwsRequest, AwsScope};
pub(crate) use encoding::{Encoding, KeyEncoding};
pub(crate) use error::{SigningCode, SigningError};
pub(crate) use hmac::{Hash, HmacKey};
pub(crate) use jwt::{JwtAlgorithm, jwt};
pub(crate) use webhook::{Webhook, is_genuine};

/// What may be signed, or verified, at once, in bytes: some 50 ms of SHA-512, in which no other run has the thread.
pub(crate) const MAX_DATA_BYTES: usize = 8 << 20;
/// Header and claims of a token, in bytes: servers take no header of a request that is longer.
pub(crate) const MAX_CLAIMS_BYTES: usize = 64 << 10;
/// URL and headers of a request that is signed for AWS, in bytes.
pub(crate) const MAX_HEAD_BYTES: usize = 256 << 10;

/// Refuses what has more bytes than may be.
pub(crate) fn check_length(what: &str, bytes: usize, limit: usize) -> Result<(), SigningError> {
    if bytes <= limit {
        return Ok(());
    }
    Err(SigningError::new(
        SigningCode::TooLarge,
        format!("{what} has {bytes} bytes, over the limit of {limit} bytes"),
    ))
}
