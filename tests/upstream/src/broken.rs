//! Answers that a server should not give, but can.

use std::io;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt as _, stream};
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue};
use tokio::time::sleep;

use crate::body::{self, Body};
use crate::routes::number;

const PIECE: &[u8] = &[b'x'; 64 << 10];

pub(crate) fn answer(path: &[&str]) -> Response<Body> {
    match path {
        ["cut"] => cut(),
        ["endless"] => Response::new(body::pieces(stream::repeat_with(|| {
            Ok(Bytes::from_static(PIECE))
        }))),
        ["gzip"] => coded(b"this is no gzip".to_vec()),
        ["bomb"] => coded(bomb()),
        ["header", length] => {
            let value = "x".repeat(usize::try_from(number(length)).unwrap());
            with_headers([("x-long".to_owned(), value)])
        }
        ["headers", count] => {
            with_headers((0..number(count)).map(|n| (format!("x-{n}"), n.to_string())))
        }
        _ => unreachable!("not broken in this way: {path:?}"),
    }
}

/// Promises 100 bytes and breaks off after 50.
fn cut() -> Response<Body> {
    let half = Ok(Bytes::from_static(&[b'x'; 50]));
    // Later, as a client of HTTP/2 forgets a head that it has not read when the stream breaks off.
    let end = async {
        sleep(Duration::from_millis(50)).await;
        Err(io::Error::other("the test asks for it"))
    };
    let pieces = stream::iter([half]).chain(stream::once(end));
    let mut response = Response::new(body::pieces(pieces));
    response.headers_mut().insert(CONTENT_LENGTH, 100.into());
    response
}

fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1 << 10 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

fn coded(bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(body::whole(bytes));
    let gzip = HeaderValue::from_static("gzip");
    response.headers_mut().insert(CONTENT_ENCODING, gzip);
    response
}

fn with_headers(headers: impl IntoIterator<Item = (String, String)>) -> Response<Body> {
    let mut response = Response::new(body::whole("many words"));
    for (name, value) in headers {
        response.headers_mut().append(
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(&value).unwrap(),
        );
    }
    response
}
