//! Answers made of the request itself.

use std::io::{self, Write as _};
use std::task::Poll;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::BodyStream;
use serde_json::json;
use url::form_urlencoded;

use crate::body::{self, Body};
use crate::record::Received;
use crate::routes::Arriving;

/// Tells what was received.
pub(crate) fn echo(received: &Received, coding: Option<&str>) -> Response<Body> {
    let told = json!({
        "method": received.method,
        "host": received.host,
        "path": received.path,
        "query": received.query,
        "headers": received.headers,
        "body": String::from_utf8_lossy(&received.body),
        "protocol": received.protocol,
        "secure": received.is_secure,
    });
    let mut response = body::json(&told);
    if let Some(coding) = coding {
        *response.body_mut() = body::whole(compressed(told.to_string().as_bytes(), coding));
        let coding = HeaderValue::from_str(coding).unwrap();
        response.headers_mut().insert(CONTENT_ENCODING, coding);
    }
    response
}

/// `bytes` in this coding.
pub(crate) fn compressed(bytes: &[u8], coding: &str) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut compressed = Vec::new();
            let mut encoder = brotli::CompressorWriter::new(&mut compressed, 4096, 5, 20);
            encoder.write_all(bytes).unwrap();
            drop(encoder);
            compressed
        }
        other => unreachable!("no such coding: {other}"),
    }
}

/// Answers what the query says.
pub(crate) fn asked_for(received: &Received) -> Response<Body> {
    let mut response = Response::new(body::whole(""));
    let query = received.query.as_deref().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "status" => *response.status_mut() = value.parse::<StatusCode>().unwrap(),
            "body" => *response.body_mut() = body::whole(value.into_owned()),
            "header" => {
                let (name, value) = value.split_once(':').unwrap();
                response.headers_mut().append(
                    name.parse::<HeaderName>().unwrap(),
                    HeaderValue::from_bytes(value.trim().as_bytes()).unwrap(),
                );
            }
            other => unreachable!("an answer has no `{other}`"),
        }
    }
    response
}

/// Tells how much was received.
pub(crate) fn count(arriving: &Arriving) -> Response<Body> {
    body::json(&json!({ "bytes": arriving.entry.so_far().body_bytes }))
}

/// Sends back what arrives, while it arrives.
pub(crate) fn mirror(arriving: Arriving) -> Response<Body> {
    let Arriving { body, entry } = arriving;
    let kind = entry
        .so_far()
        .header("content-type")
        .map(HeaderValue::from_str);
    let end = entry.clone();
    let end = stream::poll_fn(move |_| {
        end.complete();
        Poll::Ready(None)
    });
    let pieces = BodyStream::new(body)
        .map_err(io::Error::other)
        .try_filter_map(move |frame| {
            let piece = frame.into_data().ok();
            if let Some(piece) = &piece {
                entry.add(piece);
            }
            std::future::ready(Ok(piece))
        })
        .chain(end);
    let mut response = Response::new(body::pieces(pieces));
    if let Some(kind) = kind {
        response.headers_mut().insert(CONTENT_TYPE, kind.unwrap());
    }
    response
}
