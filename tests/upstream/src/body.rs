//! Bodies of answers.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use crate::echo;

/// What is sent at once, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// A body, which may break off.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(crate) fn pieces(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

pub(crate) fn json(value: &Value) -> Response<Body> {
    let mut response = Response::new(whole(value.to_string()));
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// So many bytes, which count from 0 to 250 and begin anew.
pub(crate) fn sized(length: u64, query: Option<&str>) -> Response<Body> {
    // 251 is prime: no piece looks like another.
    let pattern: Vec<u8> = (0..=250).cycle().take(PIECE_BYTES + 251).collect();
    let pattern = Bytes::from(pattern);
    if query == Some("gzip") {
        let all: Vec<u8> = (0..=250)
            .cycle()
            .take(usize::try_from(length).unwrap())
            .collect();
        let mut response = Response::new(whole(echo::compressed(&all, "gzip")));
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return response;
    }
    let all = stream::unfold(0_u64, move |at| {
        let left = usize::try_from(length - at).unwrap().min(PIECE_BYTES);
        let from = usize::try_from(at % 251).unwrap();
        let piece = pattern.slice(from..from + left);
        let next = at + left as u64;
        std::future::ready((left > 0).then_some((Ok(piece), next)))
    });
    let mut response = Response::new(pieces(all));
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}
