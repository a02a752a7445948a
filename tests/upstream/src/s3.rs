//! S3's `PutObject` (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>), as far as steps see it: an
//! object is stored if the account of the test has signed the request.

use http::header::{ETAG, HeaderValue};
use http::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::body::{self, Body};
use crate::record::Received;
use crate::routes;
use crate::signature::{self, Refusal, S3Account};

/// Stores an object, if the request is signed.
pub(crate) fn put(received: &Received, account: &S3Account) -> Response<Body> {
    if let Err(refusal) = signature::check(received, account) {
        return refused(refusal);
    }
    let hash = signature::hex(&Sha256::digest(&received.body));
    let mut response = routes::status(StatusCode::OK);
    let tag = HeaderValue::from_str(&format!("\"{}\"", &hash[..32])).unwrap();
    response.headers_mut().insert(ETAG, tag);
    response
}

fn refused(code: Refusal) -> Response<Body> {
    let text = format!("<Error><Code>{code}</Code></Error>");
    let mut response = Response::new(body::whole(text));
    *response.status_mut() = match code {
        "AuthorizationHeaderMalformed" | "XAmzContentSHA256Mismatch" => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    };
    response
}
