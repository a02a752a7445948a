//! One layer of an envelope: AES-256-GCM that commits to its key.
//!
//! GCM does not bind a ciphertext to one key: whoever knows two keys can make a ciphertext that opens under both. So
//! each layer derives two keys from the one it is given, by HKDF-Expand (RFC 5869) over its context: one encrypts, the
//! other is written down as a commitment, and compared before anything is opened. As the context is in both
//! derivations, each pair of key and context encrypts under a key of its own.
//!
//! A sealed layer is `commitment (32) || nonce (12) || ciphertext || tag (16)`.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use ctutils::CtEq;
use hkdf::Hkdf;
use lockstep_secret::{Zeroizing, with_wiped_stack};
use sha2::Sha256;

use lockstep_secret::KeyMaterial;

use crate::context::Context;
use crate::kek::NoRandomness;

const COMMITMENT_BYTES: usize = 32;
/// 96 bits, the length that SP 800-38D (5.2.1.1) recommends; drawn at random for each layer.
const NONCE_BYTES: usize = 12;
/// The full 128 bits: SP 800-38D (appendix C) warns of shorter ones.
const TAG_BYTES: usize = 16;

/// How much longer a sealed layer is than its plaintext, in bytes.
pub(crate) const OVERHEAD_BYTES: usize = COMMITMENT_BYTES + NONCE_BYTES + TAG_BYTES;

/// The layer was altered, or sealed under another key or for another place. Which of them cannot be told.
#[derive(Debug)]
pub(crate) struct Mismatch;

/// Seals `plaintext`.
pub(crate) fn seal(
    key: &KeyMaterial,
    context: &Context,
    plaintext: &[u8],
) -> Result<Vec<u8>, NoRandomness> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| NoRandomness)?;

    Ok(with_wiped_stack(|| {
        sealed_under(&Derived::new(key, context), &nonce, context, plaintext)
    }))
}

fn sealed_under(
    derived: &Derived,
    nonce: &[u8; NONCE_BYTES],
    context: &Context,
    plaintext: &[u8],
) -> Vec<u8> {
    // The capacity is exact: the plaintext is encrypted where it is first written, and no copy is left behind.
    let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD_BYTES);
    sealed.extend_from_slice(derived.commitment());
    sealed.extend_from_slice(nonce);
    sealed.extend_from_slice(plaintext);
    let text = &mut sealed[COMMITMENT_BYTES + NONCE_BYTES..];
    let tag = encrypt(derived.encryption_key(), nonce, context.as_bytes(), text);
    sealed.extend_from_slice(&tag);
    sealed
}

/// The length of what [`open`] writes.
pub(crate) fn plaintext_length(sealed: &[u8]) -> Option<usize> {
    sealed.len().checked_sub(OVERHEAD_BYTES)
}

/// Opens `sealed` into `plaintext`, which has [`plaintext_length`]. On a mismatch it holds no plaintext.
pub(crate) fn open(
    key: &KeyMaterial,
    context: &Context,
    sealed: &[u8],
    plaintext: &mut [u8],
) -> Result<(), Mismatch> {
    with_wiped_stack(|| open_into(key, context, sealed, plaintext))
}

fn open_into(
    key: &KeyMaterial,
    context: &Context,
    sealed: &[u8],
    plaintext: &mut [u8],
) -> Result<(), Mismatch> {
    let (commitment, rest) = sealed
        .split_first_chunk::<COMMITMENT_BYTES>()
        .ok_or(Mismatch)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Mismatch)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(Mismatch)?;
    if ciphertext.len() != plaintext.len() {
        return Err(Mismatch);
    }

    let derived = Derived::new(key, context);
    if !derived.commitment().ct_eq(commitment).to_bool() {
        return Err(Mismatch);
    }
    plaintext.copy_from_slice(ciphertext);
    decrypt(
        derived.encryption_key(),
        nonce,
        context.as_bytes(),
        plaintext,
        tag,
    )
}

/// What HKDF makes of a key and a context: 32 bytes to encrypt with, 32 bytes to commit with.
struct Derived(Zeroizing<[u8; 2 * KeyMaterial::LENGTH_BYTES]>);

impl Derived {
    fn new(key: &KeyMaterial, context: &Context) -> Self {
        let mut bytes = Zeroizing::new([0; 2 * KeyMaterial::LENGTH_BYTES]);
        expand(key, context.as_bytes(), bytes.as_mut_slice());
        Self(bytes)
    }

    fn encryption_key(&self) -> &[u8; KeyMaterial::LENGTH_BYTES] {
        #[expect(clippy::expect_used, reason = "the first half of 64 bytes")]
        self.0.first_chunk().expect("64 bytes begin with 32")
    }

    fn commitment(&self) -> &[u8; COMMITMENT_BYTES] {
        #[expect(clippy::expect_used, reason = "the second half of 64 bytes")]
        self.0.last_chunk().expect("64 bytes end with 32")
    }
}

/// HKDF-Expand alone: our keys are uniformly random, so there is nothing to extract (RFC 5869, section 3.3).
#[expect(
    clippy::disallowed_methods,
    reason = "key bytes go into HMAC-SHA-256, which wipes its state"
)]
#[expect(
    clippy::expect_used,
    reason = "HKDF limits lengths that are fixed here"
)]
pub(crate) fn expand(key: &KeyMaterial, info: &[u8], okm: &mut [u8]) {
    let hkdf = Hkdf::<Sha256>::from_prk(key.expose()).expect("32 bytes are enough for SHA-256");
    hkdf.expand(info, okm)
        .expect("what is asked for is less than 255 blocks");
}

/// AES-256-GCM, in place.
#[expect(
    clippy::expect_used,
    reason = "GCM limits lengths that are far above ours"
)]
fn encrypt(
    key: &[u8; KeyMaterial::LENGTH_BYTES],
    nonce: &[u8; NONCE_BYTES],
    associated: &[u8],
    text: &mut [u8],
) -> [u8; TAG_BYTES] {
    Aes256Gcm::new(key.into())
        .encrypt_inout_detached(&Nonce::<Aes256Gcm>::from(*nonce), associated, text.into())
        .expect("a value is shorter than 64 GiB")
        .into()
}

/// AES-256-GCM, in place. The tag is checked before the first byte is decrypted.
fn decrypt(
    key: &[u8; KeyMaterial::LENGTH_BYTES],
    nonce: &[u8; NONCE_BYTES],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Mismatch> {
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(
            &Nonce::<Aes256Gcm>::from(*nonce),
            associated,
            text.into(),
            &Tag::<Aes256Gcm>::from(*tag),
        )
        .map_err(|_| Mismatch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().collect();
        let pair = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    fn array<const N: usize>(hex: &str) -> [u8; N] {
        bytes(hex).try_into().unwrap()
    }

    fn key(byte: u8) -> KeyMaterial {
        KeyMaterial::try_fill(|bytes| {
            bytes.fill(byte);
            Ok::<_, ()>(())
        })
        .unwrap()
    }

    fn context(text: &str) -> Context {
        Context::for_test(text)
    }

    /// The fields of one vector, in the order of the file.
    fn check_vector(fields: &[&str]) {
        let [key, nonce, plaintext, associated, ciphertext, tag] = fields else {
            panic!("six fields: {fields:?}")
        };
        let (key, nonce, tag) = (array(key), array(nonce), array(tag));
        let (associated, ciphertext) = (bytes(associated), bytes(ciphertext));
        let mut text = bytes(plaintext);
        assert_eq!(encrypt(&key, &nonce, &associated, &mut text), tag);
        assert_eq!(text, ciphertext);
        decrypt(&key, &nonce, &associated, &mut text, &tag).unwrap();
        assert_eq!(text, bytes(plaintext));

        let mut wrong = tag;
        wrong[15] ^= 1;
        let mut text = ciphertext.clone();
        assert!(decrypt(&key, &nonce, &associated, &mut text, &wrong).is_err());
        assert_eq!(text, ciphertext, "nothing is decrypted under a wrong tag");
    }

    #[test]
    fn aes_256_gcm_gives_what_nist_published() {
        let file = include_str!("../vectors/gcmEncryptExtIV256.rsp");
        let lines: Vec<&str> = file
            .lines()
            .filter_map(|line| line.split_once('='))
            .filter(|(name, _)| !name.starts_with('#'))
            .map(|(_, value)| value.trim())
            .collect();
        assert_eq!(lines.len(), 6 * 50);
        lines.chunks(6).for_each(check_vector);
    }

    /// RFC 5869, appendix A.1: what is expanded begins with the 42 bytes that are published.
    #[test]
    fn hkdf_expand_gives_what_rfc_5869_published() {
        let prk = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5";
        let prk = KeyMaterial::try_fill(|key| {
            key.copy_from_slice(&bytes(prk));
            Ok::<_, ()>(())
        });
        let mut okm = [0; 64];
        expand(&prk.unwrap(), &bytes("f0f1f2f3f4f5f6f7f8f9"), &mut okm);
        let published =
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(okm[..42], bytes(published));
    }

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does() {
        let sealed = seal(&key(1), &context("here"), b"text").unwrap();
        assert_eq!(sealed.len(), 4 + OVERHEAD_BYTES);
        let opened = |key: &KeyMaterial, context: &Context, sealed: &[u8]| {
            let mut text = vec![0; plaintext_length(sealed)?];
            open(key, context, sealed, &mut text).ok().map(|()| text)
        };
        let text = Some(b"text".to_vec());
        assert_eq!(opened(&key(1), &context("here"), &sealed), text);
        assert_eq!(opened(&key(2), &context("here"), &sealed), None);
        assert_eq!(opened(&key(1), &context("there"), &sealed), None);
        for length in 0..sealed.len() {
            assert_eq!(opened(&key(1), &context("here"), &sealed[..length]), None);
        }
    }

    #[test]
    fn another_key_is_refused_by_the_commitment_alone() {
        let context = context("here");
        let mut sealed = seal(&key(1), &context, b"text").unwrap();
        // The nonce, the ciphertext and the tag are those of the other key: only the commitment is not.
        let other = seal(&key(2), &context, b"text").unwrap();
        sealed[COMMITMENT_BYTES..].copy_from_slice(&other[COMMITMENT_BYTES..]);
        let mut text = [0; 4];
        assert!(open(&key(2), &context, &sealed, &mut text).is_err());
        open(&key(2), &context, &other, &mut text).unwrap();
        assert_eq!(&text, b"text");
    }

    #[test]
    fn no_two_seals_are_the_same() {
        let seal = || seal(&key(1), &context("here"), b"text").unwrap();
        assert_ne!(seal(), seal());
    }
}
