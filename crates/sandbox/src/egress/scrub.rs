//! What comes back is looked through for the values that have left: an echo gives nothing away.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, HeaderName};
use hyper::ext::ReasonPhrase;

use lockstep_secret::{MaskStream, Masker};

use super::body::BodyStream;
use super::error::EgressError;
use super::sealed::Sealed;

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

/// What is said of a body's length and coding is not true of what is made of it.
pub(super) fn forget_length(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_ENCODING);
}

/// A body on its way to a guest, of which the values are taken out that have left by then.
pub(super) struct Watched {
    pub(super) body: BodyStream,
    pub(super) sealed: Arc<Sealed>,
    /// What becomes of it when a value has left, if nobody can look into it.
    pub(super) coded: Option<EgressError>,
    pub(super) stream: Option<MaskStream>,
}

impl Watched {
    /// The body without values. One may leave while it comes, by this request or another, and be in what comes next.
    pub(super) fn pieces(self) -> BodyStream {
        Box::pin(futures_util::stream::unfold(Some(self), |watched| async {
            let mut watched = watched?;
            loop {
                let Some(piece) = watched.body.next().await else {
                    let rest = watched.stream.take()?.finish().into_inner();
                    return (!rest.is_empty()).then(|| (Ok(rest.into()), None));
                };
                match piece.and_then(|piece| watched.scrub(piece)) {
                    Ok(piece) if piece.is_empty() => {}
                    Ok(piece) => return Some((Ok(piece), Some(watched))),
                    Err(error) => return Some((Err(error), None)),
                }
            }
        }))
    }

    fn scrub(&mut self, piece: Bytes) -> Result<Bytes, EgressError> {
        if self.stream.is_none() {
            let Some(scrubber) = self.sealed.scrubber() else {
                return Ok(piece);
            };
            if let Some(error) = self.coded.take() {
                return Err(error);
            }
            self.stream = Some(scrubber.stream());
        }
        let Some(stream) = &mut self.stream else {
            return Ok(piece);
        };
        Ok(match stream.write_through(&piece).into_inner() {
            Cow::Borrowed(same) => piece.slice_ref(same),
            Cow::Owned(scrubbed) => scrubbed.into(),
        })
    }
}
