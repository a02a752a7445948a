//! A request in the canonical form of AWS Signature Version 4: the same for who signs it and who checks it.

use std::collections::BTreeMap;

use url::Url;

use super::SigningError;
use super::aws_rules::AwsRules;

/// Headers that proxies and clients change, and that are not signed.
const UNSIGNED: [&str; 6] = [
    "authorization",
    "connection",
    "expect",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

/// A query, pair by pair, decoded.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The host as the header `host` has it: with the port, if it is not the usual one.
pub(super) fn host(url: &Url) -> Result<String, SigningError> {
    let no_host = || SigningError::argument("the URL of the request is none of `http` or `https`");
    if !matches!(url.scheme(), "http" | "https") {
        return Err(no_host());
    }
    let host = url.host_str().ok_or_else(no_host)?;
    Ok(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

pub(super) fn path(path: &str, rules: AwsRules) -> String {
    let path = if rules.normalizes_path {
        normalized(path)
    } else {
        path.to_owned()
    };
    let encode = |part: &str| {
        if rules.encodes_path_twice {
            encoded(part.as_bytes())
        } else {
            encoded(&decoded(part))
        }
    };
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// Without empty parts. The URL has no `.` and `..` any more.
fn normalized(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let end = if path.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", parts.join("/"))
}

/// The pairs of a query as they are sent. `+` is a blank, as in forms.
pub(super) fn pairs(query: &str) -> Pairs {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let form = |text: &str| decoded(&text.replace('+', " "));
        (form(name), form(value))
    };
    parts.map(pair).collect()
}

pub(super) fn query(pairs: &Pairs) -> String {
    let mut pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// The headers that are signed, in their order: names in lower case, values of one name joined by commas.
pub(super) fn headers(headers: &[(String, String)]) -> BTreeMap<String, String> {
    let mut signed = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if UNSIGNED.contains(&name.as_str()) {
            continue;
        }
        let value = self::value(value);
        signed
            .entry(name)
            .and_modify(|before| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert(value);
    }
    signed
}

/// The value of a header, without blanks around it, and one for several.
pub(super) fn value(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// All bytes but those that RFC 3986 calls unreserved as `%` and two digits.
pub(super) fn encoded(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

/// Without escapes. What is no escape stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(super::encoding::from_hex);
        if let Some(byte) = escape {
            decoded.extend(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    decoded
}
