//! Answers that come compressed (RFC 9110, section 8.4).

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, HeaderValue, RANGE};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use super::body::BodyStream;
use super::error::EgressError;

/// What is asked for.
const ACCEPTED: &str = "gzip, deflate, br";
/// The same of a part: nobody can decode one that begins in the middle.
const ACCEPTED_OF_A_PART: &str = "identity";
/// Codings that may lie in each other. One is usual; each costs memory.
const MAX_CODINGS: usize = 3;
/// What is decoded at a time, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// One of the codings that are known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// What a request with these headers asks for.
pub(super) fn accepted(headers: &HeaderMap) -> HeaderValue {
    HeaderValue::from_static(if headers.contains_key(RANGE) {
        ACCEPTED_OF_A_PART
    } else {
        ACCEPTED
    })
}

/// The codings of a body, in the order in which they were put on it. `None`: one is not known, or there are too many.
pub(super) fn codings(headers: &HeaderMap) -> Option<Vec<Coding>> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().ok()?.split(',') {
            codings.push(match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                _ => return None,
            });
        }
    }
    (codings.len() <= MAX_CODINGS).then_some(codings)
}

/// What `body` is without `codings`.
pub(super) fn decoded(body: BodyStream, codings: &[Coding]) -> BodyStream {
    codings.iter().rev().fold(body, |body, coding| {
        let reader = StreamReader::new(body.map_err(io::Error::other));
        let decoder: Pin<Box<dyn AsyncRead + Send>> = match coding {
            Coding::Gzip => {
                let mut decoder = GzipDecoder::new(reader);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Coding::Deflate => Box::pin(ZlibDecoder::new(reader)),
            Coding::Brotli => Box::pin(BrotliDecoder::new(reader)),
        };
        let pieces = ReaderStream::with_capacity(decoder, PIECE_BYTES);
        Box::pin(pieces.map(|piece| piece.map_err(error)))
    })
}

fn error(error: io::Error) -> EgressError {
    match error.downcast::<EgressError>() {
        Ok(ours) => ours,
        Err(error) => EgressError::body(format!(
            "the body of the answer cannot be decompressed: {error}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn codings_are_read_in_their_order_and_an_unknown_one_is_told() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            codings(&headers)
        };
        assert_eq!(read(&[]), Some(vec![]));
        assert_eq!(read(&["GZIP"]), Some(vec![Coding::Gzip]));
        assert_eq!(
            read(&["deflate, br", "identity"]),
            Some(vec![Coding::Deflate, Coding::Brotli])
        );
        assert_eq!(read(&["zstd"]), None);
        assert_eq!(read(&["gzip, gzip, gzip, gzip"]), None);
    }

    #[tokio::test]
    async fn an_error_of_ours_comes_out_of_a_decoder_as_it_went_in() {
        let ours = EgressError::body("over a limit");
        let pieces =
            futures_util::stream::iter([Ok(Bytes::from_static(b"\x1f\x8b\x08")), Err(ours)]);
        let mut body = decoded(Box::pin(pieces), &[Coding::Gzip]);
        let error = body.next().await.unwrap().unwrap_err();
        assert_eq!(error.message, "over a limit");
        let broken = futures_util::stream::iter([Ok(Bytes::from_static(b"not gzip at all"))]);
        let mut body = decoded(Box::pin(broken), &[Coding::Gzip]);
        let error = body.next().await.unwrap().unwrap_err();
        assert!(error.message.contains("cannot be decompressed"), "{error}");
    }
}
