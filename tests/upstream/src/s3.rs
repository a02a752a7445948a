//! S3's `PutObject` (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>), as far as steps see it: a request
//! has to be signed, and over this body. Whether the signature is the right one is not looked at: who tests that has vectors.

use http::header::{ETAG, HeaderValue};
use http::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::body::Body;
use crate::record::Received;
use crate::routes;

/// Stores an object, if the request is signed.
pub(crate) fn put(received: &Received) -> Response<Body> {
    let hash = hex(&Sha256::digest(&received.body));
    let is_signed = received.header("x-amz-content-sha256") == Some(hash.as_str())
        && received.header("x-amz-date").is_some()
        && received
            .header("authorization")
            .is_some_and(is_authorization);
    if !is_signed {
        return routes::status(StatusCode::FORBIDDEN);
    }
    let mut response = routes::status(StatusCode::OK);
    let tag = HeaderValue::from_str(&format!("\"{}\"", &hash[..32])).unwrap();
    response.headers_mut().insert(ETAG, tag);
    response
}

/// Whether it is one of the version 4 of the signature.
fn is_authorization(value: &str) -> bool {
    let Some(parts) = value.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return false;
    };
    let names = ["Credential=", "SignedHeaders=", "Signature="];
    let mut parts = parts.split(", ");
    names
        .iter()
        .all(|name| parts.next().is_some_and(|part| part.starts_with(name)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
