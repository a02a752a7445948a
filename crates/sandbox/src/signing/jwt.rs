//! JSON Web Tokens (RFC 7519) in the compact form (RFC 7515).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::encoding::{KeyEncoding, base64_url};
use super::hmac::{Hash, HmacKey};
use super::key_pair::{Asymmetric, KeyPair};
use super::{MAX_CLAIMS_BYTES, SigningError, check_length};

/// How a token is signed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub(crate) enum JwtAlgorithm {
    #[default]
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// A token. `header` is a JSON object of what stands in the header besides `alg` and `typ`, `claims` one of the claims,
/// which are signed as they are written.
pub(crate) fn jwt(
    value: &str,
    encoding: KeyEncoding,
    algorithm: JwtAlgorithm,
    header: &str,
    claims: &str,
) -> Result<String, SigningError> {
    check_length("header", header.len(), MAX_CLAIMS_BYTES)?;
    check_length("the text of the claims", claims.len(), MAX_CLAIMS_BYTES)?;
    object("the claims", claims)?;
    sign(
        value,
        encoding,
        algorithm,
        &whole(algorithm, header)?,
        claims,
    )
}

/// Header and claims as they are, and the signature of both.
pub(super) fn sign(
    value: &str,
    encoding: KeyEncoding,
    algorithm: JwtAlgorithm,
    header: &str,
    claims: &str,
) -> Result<String, SigningError> {
    let mut token = format!(
        "{}.{}",
        base64_url(header.as_bytes()),
        base64_url(claims.as_bytes())
    );
    let signature = algorithm.sign(value, encoding, token.as_bytes())?;
    token.push('.');
    token.push_str(&base64_url(&signature));
    Ok(token)
}

/// The header of a token: what the step says, and by what it is signed.
fn whole(algorithm: JwtAlgorithm, header: &str) -> Result<String, SigningError> {
    let mut header = object("the header", header)?;
    let name = algorithm.name();
    if header.get("alg").is_some_and(|alg| alg != name) {
        return Err(SigningError::argument(format!(
            "the header says another `alg` than {name}, by which the token is signed"
        )));
    }
    if header.contains_key("b64") || header.contains_key("crit") {
        return Err(SigningError::argument(
            "the header says `b64` or `crit`: extensions of RFC 7515 are not signed here",
        ));
    }
    header.insert("alg".to_owned(), name.into());
    header.entry("typ").or_insert_with(|| "JWT".into());
    Ok(Value::Object(header).to_string())
}

fn object(what: &str, json: &str) -> Result<Map<String, Value>, SigningError> {
    serde_json::from_str(json)
        .map_err(|_| SigningError::argument(format!("{what} is no JSON object")))
}

// === impl JwtAlgorithm ===

impl JwtAlgorithm {
    fn sign(
        self,
        value: &str,
        encoding: KeyEncoding,
        data: &[u8],
    ) -> Result<Vec<u8>, SigningError> {
        let algorithm = match self {
            Self::Hs256 if value.trim_start().starts_with("-----BEGIN ") => {
                return Err(SigningError::key(
                    "HS256 takes a shared secret; the value is a PEM key: sign by RS256, ES256 or EdDSA",
                ));
            }
            Self::Hs256 => return HmacKey::new(value, encoding)?.sign(Hash::Sha256, data),
            Self::Rs256 => Asymmetric::Rs256,
            Self::Es256 => Asymmetric::Es256,
            Self::EdDsa => Asymmetric::EdDsa,
        };
        KeyPair::new(algorithm, value)?.sign(data)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}
