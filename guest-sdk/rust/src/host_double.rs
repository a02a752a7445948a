//! A stand-in for the host in unit tests: see `testing`.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    MissingCredential,
    signing::{Algorithm, AwsAccount, AwsRequest, Hmac, SigningError, Webhook},
    testing::{Asked, Signature},
};

/// What a test has in the place of Lockstep's signatures.
type Signer = Box<dyn Fn(Asked<'_>) -> Result<Signature, SigningError>>;

thread_local! {
    static CREDENTIALS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    static SIGNER: RefCell<Option<Signer>> = const { RefCell::new(None) };
}

pub(crate) fn set_credentials(credentials: BTreeMap<String, String>) {
    CREDENTIALS.set(credentials);
}

pub(crate) fn credential(key: &str) -> Result<String, MissingCredential> {
    CREDENTIALS
        .with_borrow(|all| all.get(key).cloned())
        .ok_or_else(|| MissingCredential::unknown(key))
}

pub(crate) fn keys() -> Vec<String> {
    CREDENTIALS.with_borrow(|all| all.keys().cloned().collect())
}

pub(crate) fn missing(keys: Vec<String>) -> Vec<String> {
    CREDENTIALS.with_borrow(|all| {
        keys.into_iter()
            .filter(|key| !all.contains_key(key))
            .collect()
    })
}

pub(crate) fn set_signer(signer: Signer) {
    SIGNER.set(Some(signer));
}

pub(crate) fn hmac(hmac: &Hmac<'_>, data: &[u8]) -> Result<Vec<u8>, SigningError> {
    match sign(hmac.key, Asked::Hmac { hmac, data })? {
        Signature::Bytes(bytes) => Ok(bytes),
        other => Err(unfit(hmac.key, &other)),
    }
}

pub(crate) fn verify_hmac(
    hmac: &Hmac<'_>,
    data: &[u8],
    signature: &str,
) -> Result<bool, SigningError> {
    let asked = Asked::VerifyHmac {
        hmac,
        data,
        signature,
    };
    genuine(hmac.key, asked)
}

pub(crate) fn jwt(
    key: &str,
    algorithm: Algorithm,
    header: &str,
    claims: &str,
) -> Result<String, SigningError> {
    let asked = Asked::Jwt {
        key,
        algorithm,
        header,
        claims,
    };
    text(key, asked)
}

pub(crate) fn aws_v4(
    account: &AwsAccount<'_>,
    request: &AwsRequest<'_>,
    body: Option<&[u8]>,
) -> Result<Vec<(String, String)>, SigningError> {
    let asked = Asked::Aws {
        account,
        request,
        body,
    };
    match sign(account.secret_access_key, asked)? {
        Signature::Headers(headers) => Ok(headers),
        other => Err(unfit(account.secret_access_key, &other)),
    }
}

pub(crate) fn aws_v4_url(
    account: &AwsAccount<'_>,
    request: &AwsRequest<'_>,
    expires_s: u32,
) -> Result<String, SigningError> {
    let asked = Asked::AwsUrl {
        account,
        request,
        expires_s,
    };
    text(account.secret_access_key, asked)
}

pub(crate) fn basic(user: &str, key: &str) -> Result<String, SigningError> {
    text(key, Asked::Basic { user, key })
}

pub(crate) fn verify_webhook(
    key: &str,
    webhook: Webhook<'_>,
    body: &[u8],
    now_s: i64,
    tolerance_s: u32,
) -> Result<bool, SigningError> {
    let asked = Asked::Webhook {
        key,
        webhook,
        body,
        now_s,
        tolerance_s,
    };
    genuine(key, asked)
}

fn text(key: &str, asked: Asked<'_>) -> Result<String, SigningError> {
    match sign(key, asked)? {
        Signature::Text(text) => Ok(text),
        other => Err(unfit(key, &other)),
    }
}

fn genuine(key: &str, asked: Asked<'_>) -> Result<bool, SigningError> {
    match sign(key, asked)? {
        Signature::Genuine(genuine) => Ok(genuine),
        other => Err(unfit(key, &other)),
    }
}

fn sign(key: &str, asked: Asked<'_>) -> Result<Signature, SigningError> {
    SIGNER.with_borrow(|signer| match signer {
        Some(signer) => signer(asked),
        None => Err(SigningError {
            code: "missing_credential".to_owned(),
            key: key.to_owned(),
            message: format!("nothing signs with `{key}` here: call `testing::sign_with` first"),
        }),
    })
}

fn unfit(key: &str, signature: &Signature) -> SigningError {
    SigningError {
        code: "invalid_argument".to_owned(),
        key: key.to_owned(),
        message: format!(
            "the test answers with {signature:?}, which is not what the step asks for"
        ),
    }
}
