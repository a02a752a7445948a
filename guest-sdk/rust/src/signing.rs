//! Signatures with the credentials of the run, sealed ones too: the key never enters the step.
//!
//! A step names a key, and Lockstep computes. What is signed is what the step hands in: the placeholder of a sealed
//! credential in it is refused. A call takes 8 MiB of data at most, and a run signs 1,000 times with private keys.
//!
//! ```
//! use lockstep_step::{Failure, signing::Hmac};
//!
//! #[lockstep_step::step]
//! fn run(body: String) -> Result<String, Failure> {
//!     let code = Hmac::new("WEBHOOK_SECRET").sign(body.as_bytes())?;
//!     Ok(code.iter().map(|byte| format!("{byte:02x}")).collect())
//! }
//! # lockstep_step::testing::sign_with(|_| Ok(lockstep_step::testing::Signature::Bytes(vec![0x5b, 0xdc])));
//! # assert_eq!(run("data".into()).unwrap(), "5bdc");
//! ```
//!
//! In `cargo test` there is no Lockstep to compute: [`testing::sign_with`](crate::testing::sign_with) says what a test gets.

use std::{error, fmt};

use serde::Serialize;

use crate::host;

/// Why there is no signature.
///
/// `?` turns it into a [`Failure`](crate::Failure); of a credential that is missing it names the key, and the outcome of the
/// run is then `missing_credential`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SigningError {
    pub(crate) code: String,
    pub(crate) key: String,
    pub(crate) message: String,
}

/// The hash of an [`Hmac`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Hash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How the bytes of a shared secret are written in the value of a credential.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyEncoding {
    /// They are its UTF-8.
    #[default]
    Text,
    /// Two hexadecimal digits for each.
    Hex,
    /// Base64 of either alphabet, padded or not.
    Base64,
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// HMAC with SHA-256. The credential is a shared secret, written so.
    Hs256(KeyEncoding),
    /// RSA with SHA-256. The credential is a key of 2048 to 4096 bits in PEM (PKCS#8 or PKCS#1).
    Rs256,
    /// ECDSA on P-256 with SHA-256. The credential is a key in PEM (PKCS#8 or SEC 1), its public key with it.
    Es256,
    /// Ed25519. The credential is a key in PEM (PKCS#8).
    EdDsa,
}

/// HMAC with a credential.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hmac<'a> {
    /// The key of the credential.
    pub key: &'a str,
    /// SHA-256 unless it is changed.
    pub hash: Hash,
    /// Text unless it is changed.
    pub encoding: KeyEncoding,
}

/// The keys of an account of AWS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AwsAccount<'a> {
    /// The id of the access key, which is no secret: the text itself.
    pub access_key_id: &'a str,
    /// The key of the credential that is the secret access key.
    pub secret_access_key: &'a str,
    /// The key of the credential that is the session token, if there is one.
    pub session_token: Option<&'a str>,
}

/// A request to AWS, without its body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AwsRequest<'a> {
    /// Such as `PUT`.
    pub method: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// The headers that will be sent, without `host`, `content-length` and what is added.
    pub headers: &'a [(&'a str, &'a str)],
    /// Such as `eu-central-1`.
    pub region: &'a str,
    /// Such as `s3`.
    pub service: &'a str,
    /// Now, in seconds since 1970.
    pub time_s: i64,
}

/// Who sends a webhook, and what it says in its headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Webhook<'a> {
    /// GitHub.
    Github {
        /// `X-Hub-Signature-256`.
        signature: &'a str,
    },
    /// Slack.
    Slack {
        /// `X-Slack-Signature`.
        signature: &'a str,
        /// `X-Slack-Request-Timestamp`.
        timestamp: &'a str,
    },
    /// Stripe.
    Stripe {
        /// `Stripe-Signature`.
        signature: &'a str,
    },
}

/// A JSON Web Token (RFC 7519) in its compact form. `header` is an object of what stands in the header besides `alg` and
/// `typ`; `iat` and `exp` are claims, in seconds since 1970.
///
/// ```
/// use lockstep_step::{Failure, signing::{self, Algorithm}};
/// use serde_json::json;
///
/// fn token(now_s: u64) -> Result<String, Failure> {
///     let claims = json!({ "iss": "12345", "iat": now_s - 60, "exp": now_s + 540 });
///     Ok(signing::jwt("GITHUB_APP_KEY", Algorithm::Rs256, &json!({}), &claims)?)
/// }
/// # lockstep_step::testing::sign_with(|_| Ok(lockstep_step::testing::Signature::Text("a.b.c".into())));
/// # assert_eq!(token(60).unwrap(), "a.b.c");
/// ```
///
/// # Errors
/// The run may not use the credential, its value is no key of the algorithm, or header or claims are no object of at most
/// 64 KiB.
pub fn jwt(
    key: &str,
    algorithm: Algorithm,
    header: &impl Serialize,
    claims: &impl Serialize,
) -> Result<String, SigningError> {
    let json = |value: Result<String, serde_json::Error>| {
        value.map_err(|error| SigningError {
            code: "invalid_argument".to_owned(),
            key: key.to_owned(),
            message: format!("header or claims cannot be written as JSON: {error}"),
        })
    };
    let header = json(serde_json::to_string(header))?;
    let claims = json(serde_json::to_string(claims))?;
    host::jwt(key, algorithm, &header, &claims)
}

/// AWS Signature Version 4 of a request: the headers to add to it. `body`: `None` if it is not signed, as S3 allows over TLS.
///
/// `x-amz-security-token` is the placeholder of a sealed session token, which is filled in when the request leaves.
///
/// # Errors
/// The run may not use a credential, or the request cannot be signed.
pub fn aws_v4(
    account: &AwsAccount<'_>,
    request: &AwsRequest<'_>,
    body: Option<&[u8]>,
) -> Result<Vec<(String, String)>, SigningError> {
    host::aws_v4(account, request, body)
}

/// The URL of a request with the signature in it, which anybody can use for so many seconds, a week at most.
///
/// # Errors
/// As [`aws_v4`]; and a sealed session token, which would stand in the URL.
pub fn aws_v4_url(
    account: &AwsAccount<'_>,
    request: &AwsRequest<'_>,
    expires_s: u32,
) -> Result<String, SigningError> {
    host::aws_v4_url(account, request, expires_s)
}

/// The value of a header `Authorization` of the scheme `Basic`, with a credential as the password. Of a sealed one it holds
/// the placeholder, which is filled in when the request leaves, if the sealing allows `basic`.
///
/// # Errors
/// The run may not use the credential, or the user has a colon.
pub fn basic(user: &str, key: &str) -> Result<String, SigningError> {
    host::basic(user, key)
}

/// Whether the holder of the secret sent `body`, as it came; of a sender that says a time, not longer than `tolerance_s`
/// seconds from `now_s`, which is in seconds since 1970. Compared in constant time.
///
/// # Errors
/// The run may not use the credential, or the body is too large.
pub fn verify_webhook(
    key: &str,
    webhook: Webhook<'_>,
    body: &[u8],
    now_s: i64,
    tolerance_s: u32,
) -> Result<bool, SigningError> {
    host::verify_webhook(key, webhook, body, now_s, tolerance_s)
}

// === impl Hmac ===

impl<'a> Hmac<'a> {
    /// By SHA-256, with a secret that is text.
    pub fn new(key: &'a str) -> Self {
        Self {
            key,
            hash: Hash::default(),
            encoding: KeyEncoding::default(),
        }
    }

    /// The code of `data`.
    ///
    /// # Errors
    /// The run may not use the credential, it is not written as it should be, or there is too much data.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, SigningError> {
        host::hmac(self, data)
    }

    /// Whether `signature` is the code of `data`: hexadecimal digits or base64, with `sha256=` and the like before it or
    /// not. Compared in constant time.
    ///
    /// # Errors
    /// As [`Hmac::sign`].
    pub fn verify(&self, data: &[u8], signature: &str) -> Result<bool, SigningError> {
        host::verify_hmac(self, data, signature)
    }
}

// === impl SigningError ===

impl SigningError {
    /// A stable code: `missing_credential`, `sealing_required`, `invalid_key`, `invalid_argument`, `too_large` or `too_many`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The key of the credential.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key, when it is for want of that credential that nothing is signed.
    pub(crate) fn missing_key(&self) -> Option<&str> {
        (self.code == "missing_credential").then_some(&self.key)
    }
}

impl error::Error for SigningError {}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
