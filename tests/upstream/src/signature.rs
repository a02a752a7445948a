//! Whether a request to S3 is signed: AWS Signature Version 4, as
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html> tells servers and clients, in the
//! header `Authorization` or in the query.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::record::Received;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// An account that may put objects.
#[derive(Clone, Debug)]
pub struct S3Account {
    /// The id of its access key.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: String,
}

/// Why a request is refused: the code of S3.
pub(crate) type Refusal = &'static str;

/// What a request says of its signature.
struct Claim<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
    time: &'a str,
    /// The hash of the body, or what stands for it.
    body: &'a str,
}

/// Refuses a request that this account has not signed as it is.
pub(crate) fn check(received: &Received, account: &S3Account) -> Result<(), Refusal> {
    let query = pairs(received.query.as_deref().unwrap_or_default());
    let claim = Claim::of(received, &query).ok_or("AccessDenied")?;
    let [id, date, region, "s3", "aws4_request"] =
        claim.credential.split('/').collect::<Vec<_>>()[..]
    else {
        return Err("AuthorizationHeaderMalformed");
    };
    if id != account.access_key_id {
        return Err("InvalidAccessKeyId");
    }
    if !claim.time.starts_with(date) || !received.host.contains(&format!(".s3.{region}.")) {
        return Err("AuthorizationHeaderMalformed");
    }
    if claim.body != UNSIGNED && claim.body != hex(&Sha256::digest(&received.body)) {
        return Err("XAmzContentSHA256Mismatch");
    }
    let signed: Vec<_> = claim.signed_headers.split(';').collect();
    let must = |name: &str| name == "host" || name.starts_with("x-amz-");
    let names = received.headers.iter().map(|(name, _)| name.as_str());
    if !names
        .chain(["host"])
        .filter(|it| must(it))
        .all(|it| signed.contains(&it))
    {
        return Err("AccessDenied");
    }
    let scope = format!("{date}/{region}/s3/aws4_request");
    let request = canonical(received, &query, &claim, &signed);
    let hash = hex(&Sha256::digest(request));
    let text = format!("{ALGORITHM}\n{}\n{scope}\n{hash}", claim.time);
    let mut key = format!("AWS4{}", account.secret_access_key).into_bytes();
    for part in [date, region, "s3", "aws4_request"] {
        key = hmac(&key, part);
    }
    if hex(&hmac(&key, &text)) == claim.signature {
        Ok(())
    } else {
        Err("SignatureDoesNotMatch")
    }
}

impl<'a> Claim<'a> {
    fn of(received: &'a Received, query: &'a [(String, String)]) -> Option<Self> {
        let Some(header) = received.header("authorization") else {
            let of = |name: &str| Some(query.iter().find(|(it, _)| it == name)?.1.as_str());
            return (of("X-Amz-Algorithm")? == ALGORITHM).then_some(Self {
                credential: of("X-Amz-Credential")?,
                signed_headers: of("X-Amz-SignedHeaders")?,
                signature: of("X-Amz-Signature")?,
                time: of("X-Amz-Date")?,
                body: UNSIGNED,
            });
        };
        let mut parts = header.strip_prefix(ALGORITHM)?.split(',');
        let mut next = |name: &str| parts.next()?.trim().strip_prefix(name);
        Some(Self {
            credential: next("Credential=")?,
            signed_headers: next("SignedHeaders=")?,
            signature: next("Signature=")?,
            time: received.header("x-amz-date")?,
            body: received.header("x-amz-content-sha256")?,
        })
    }
}

/// The request in the one form that both sides sign.
fn canonical(
    received: &Received,
    query: &[(String, String)],
    claim: &Claim<'_>,
    signed: &[&str],
) -> String {
    let mut pairs: Vec<_> = query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let path = encoded(&decoded(&received.path)).replace("%2F", "/");
    let mut request = format!("{}\n{path}\n{}\n", received.method, pairs.join("&"));
    for name in signed {
        let own = received.headers.iter().filter(|(it, _)| it == name);
        let mut values: Vec<_> = own.map(|(_, value)| tidy(value)).collect();
        if *name == "host" {
            values = vec![received.host.clone()];
        }
        request += &format!("{name}:{}\n", values.join(","));
    }
    request + &format!("\n{}\n{}", claim.signed_headers, claim.body)
}

/// Without blanks around it, and one for several.
fn tidy(value: &str) -> String {
    let words = value.split(' ').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// `+` is a blank, as servers of AWS and their SDKs for Go and Rust read it.
fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    let form = |text: &str| decoded(&text.replace('+', " "));
    pairs
        .map(|(name, value)| (form(name), form(value)))
        .collect()
}

/// Each byte is a character.
fn decoded(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('%') {
        let byte = u8::from_str_radix(&escape[..2], 16).unwrap();
        decoded += before;
        decoded.push(char::from(byte));
        rest = &escape[2..];
    }
    decoded + rest
}

/// Each character is a byte.
fn encoded(text: &str) -> String {
    let encode = |it: char| match it {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '.' | '_' | '~' => it.to_string(),
        _ => format!("%{:02X}", u32::from(it)),
    };
    text.chars().map(encode).collect()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut code = Hmac::<Sha256>::new_from_slice(key).unwrap();
    code.update(text.as_bytes());
    code.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
