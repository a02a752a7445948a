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
use sha2::Sha256;
use zeroize::Zeroizing;

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
    let derived = Derived::new(key, context);
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| NoRandomness)?;

    // The capacity is exact: the plaintext is encrypted where it is first written, and no copy is left behind.
    let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD_BYTES);
    sealed.extend_from_slice(derived.commitment());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let text = &mut sealed[COMMITMENT_BYTES + NONCE_BYTES..];
    let tag = encrypt(derived.encryption_key(), &nonce, context.as_bytes(), text);
    sealed.extend_from_slice(&tag);
    Ok(sealed)
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
        expand(key, context.as_bytes(), &mut bytes);
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
pub(crate) fn expand(key: &KeyMaterial, info: &[u8], okm: &mut [u8; 64]) {
    let hkdf = Hkdf::<Sha256>::from_prk(key.expose()).expect("32 bytes are enough for SHA-256");
    hkdf.expand(info, okm)
        .expect("64 bytes are less than 255 blocks");
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
