//! Private keys in PEM, and what is signed with them.

use std::borrow::Cow;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use lockstep_secret::{Zeroize, Zeroizing};

use super::SigningError;

/// Before a key in the form of SEC 1, so that it is one of PKCS#8 (RFC 5208): version 0, `id-ecPublicKey` on P-256.
const P256_PKCS8: [u8; 24] = [
    0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];

/// An algorithm with a private and a public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asymmetric {
    Rs256,
    Es256,
    EdDsa,
}

/// A private key, and what it signs by.
pub(super) enum KeyPair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

// === impl KeyPair ===

impl KeyPair {
    /// Reads the value of a credential.
    pub(super) fn new(algorithm: Asymmetric, value: &str) -> Result<Self, SigningError> {
        let mut der = read_pem(algorithm, value)?;
        let pair = Self::of_der(algorithm, &der);
        der.zeroize();
        pair
    }

    fn of_der(algorithm: Asymmetric, der: &PrivateKeyDer<'_>) -> Result<Self, SigningError> {
        let rejected = |error: ring::error::KeyRejected| algorithm.rejected(&error.to_string());
        match (algorithm, der) {
            (Asymmetric::Rs256, PrivateKeyDer::Pkcs8(key)) => {
                let pair = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der());
                pair.map(Self::Rsa).map_err(rejected)
            }
            (Asymmetric::Rs256, PrivateKeyDer::Pkcs1(key)) => {
                let pair = RsaKeyPair::from_der(key.secret_pkcs1_der());
                pair.map(Self::Rsa).map_err(rejected)
            }
            (Asymmetric::Es256, PrivateKeyDer::Pkcs8(key)) => {
                p256(key.secret_pkcs8_der()).map_err(rejected)
            }
            (Asymmetric::Es256, PrivateKeyDer::Sec1(key)) => {
                p256(&as_pkcs8(key.secret_sec1_der())).map_err(rejected)
            }
            (Asymmetric::EdDsa, PrivateKeyDer::Pkcs8(key)) => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der());
                pair.map(Self::Ed25519).map_err(rejected)
            }
            (_, PrivateKeyDer::Pkcs1(_)) => Err(algorithm.other("an RSA key")),
            (_, PrivateKeyDer::Sec1(_)) => Err(algorithm.other("an elliptic-curve key")),
            (_, _) => Err(algorithm.other("of a form that is not known")),
        }
    }

    pub(super) fn sign(&self, data: &[u8]) -> Result<Vec<u8>, SigningError> {
        let random = SystemRandom::new();
        let failed = |_| SigningError::key("the key could not be used to sign");
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, data, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Self::P256(pair) => {
                let signature = pair.sign(&random, data).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Ok(pair.sign(data).as_ref().to_vec()),
        }
    }
}

// === impl Asymmetric ===

impl Asymmetric {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// What it takes, for people.
    fn takes(self) -> &'static str {
        match self {
            Self::Rs256 => {
                "an RSA private key of 2048 to 4096 bits in PEM (`PRIVATE KEY` or `RSA PRIVATE KEY`)"
            }
            Self::Es256 => {
                "a private key of the curve P-256 in PEM (`PRIVATE KEY` or `EC PRIVATE KEY`) that has its public key with it, as `openssl pkey` writes it"
            }
            Self::EdDsa => "an Ed25519 private key in PEM (`PRIVATE KEY`)",
        }
    }

    fn other(self, what: &str) -> SigningError {
        SigningError::key(format!(
            "{} takes {}; the value is {what}",
            self.name(),
            self.takes()
        ))
    }

    fn rejected(self, why: &str) -> SigningError {
        SigningError::key(format!(
            "{} takes {}; the key in the value is not one: {why}",
            self.name(),
            self.takes()
        ))
    }
}

/// The private key in the value. What the PEM reader says of an error may have text of the value in it, and is not told.
fn read_pem(algorithm: Asymmetric, value: &str) -> Result<PrivateKeyDer<'static>, SigningError> {
    if value.contains("-----BEGIN ENCRYPTED PRIVATE KEY")
        || value.contains("Proc-Type: 4,ENCRYPTED")
    {
        return Err(algorithm.other("encrypted with a passphrase: store the key without one"));
    }
    let value = Zeroizing::new(unescaped(value).into_owned());
    PrivateKeyDer::from_pem_slice(value.as_bytes())
        .map_err(|_| algorithm.other("no such PEM, or cut, or has its lines run together"))
}

/// Files of cloud accounts have keys as strings of JSON, and who copies one out of there copies `\n` for each line break.
fn unescaped(value: &str) -> Cow<'_, str> {
    if value.trim_end().contains('\n') || !value.contains(r"\n") {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(value.replace(r"\n", "\n"))
    }
}

fn p256(pkcs8: &[u8]) -> Result<KeyPair, ring::error::KeyRejected> {
    let random = SystemRandom::new();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random).map(KeyPair::P256)
}

/// `key` in a frame of PKCS#8. Of another curve it is refused by its own parameters, or by its length.
fn as_pkcs8(key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(P256_PKCS8.len() + key.len() + 16));
    let inner = P256_PKCS8.len() + 1 + der_length(key.len()).len() + key.len();
    pkcs8.push(0x30);
    pkcs8.extend(der_length(inner));
    pkcs8.extend_from_slice(&P256_PKCS8);
    pkcs8.push(0x04);
    pkcs8.extend(der_length(key.len()));
    pkcs8.extend_from_slice(key);
    pkcs8
}

/// A length in DER: below 128 as it is, else the number of its bytes before them.
fn der_length(length: usize) -> Vec<u8> {
    let bytes = length.to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0);
    let bytes = &bytes[first.unwrap_or(bytes.len() - 1)..];
    match bytes {
        [short] if *short < 0x80 => vec![*short],
        _ => {
            let count = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
            let mut encoded = vec![0x80 | count];
            encoded.extend_from_slice(bytes);
            encoded
        }
    }
}
