//! What comes back is looked through for the values that have left: an echo gives nothing away.

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, HeaderName};
use hyper::ext::ReasonPhrase;

use lockstep_secret::Masker;

use super::body::BodyStream;
use super::error::EgressError;

/// Takes the values out of headers. One whose name has a value in it is dropped.
pub(super) fn headers(scrubber: &Masker, headers: &mut HeaderMap) {
    let mut scrubbed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter() {
        if scrubbed_name(scrubber, name) {
            continue;
        }
        let masked = scrubber.mask_bytes(value.as_bytes());
        // What replaces a value can stand in a header; if not, nothing is safer than something.
        let value =
            HeaderValue::from_bytes(masked.as_bytes()).unwrap_or(HeaderValue::from_static(""));
        scrubbed.append(name, value);
    }
    *headers = scrubbed;
}

fn scrubbed_name(scrubber: &Masker, name: &HeaderName) -> bool {
    let masked = scrubber.mask_bytes(name.as_str().as_bytes());
    masked.as_bytes() != name.as_str().as_bytes()
}

/// Takes the values out of the text behind a status.
pub(super) fn reason(scrubber: &Masker, reason: &ReasonPhrase) -> Option<ReasonPhrase> {
    let masked = scrubber.mask_bytes(reason.as_bytes());
    ReasonPhrase::try_from(masked.as_bytes().to_vec()).ok()
}

/// Takes the values out of a body, as it comes. Its length and coding are not what they were.
pub(super) fn body(scrubber: &Masker, headers: &mut HeaderMap, body: BodyStream) -> BodyStream {
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_ENCODING);
    let state = (body, Some(scrubber.stream()));
    let pieces = futures_util::stream::unfold(state, |(mut body, mut stream)| async move {
        loop {
            let scrubbed = match (body.next().await, &mut stream) {
                (Some(Ok(piece)), Some(stream)) => stream.write(&piece),
                (Some(Err(error)), _) => {
                    return Some((Err::<Bytes, EgressError>(error), (body, None)));
                }
                (None, _) => match stream.take() {
                    Some(stream) => stream.finish(),
                    None => return None,
                },
                (Some(Ok(_)), None) => return None,
            };
            let scrubbed = Bytes::from(scrubbed.into_inner());
            if !scrubbed.is_empty() {
                return Some((Ok(scrubbed), (body, stream)));
            }
        }
    });
    Box::pin(pieces)
}
