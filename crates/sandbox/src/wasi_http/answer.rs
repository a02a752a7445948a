//! An answer as wasmtime hands it on.

use std::sync::Arc;

use futures_util::StreamExt as _;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use wasmtime_wasi_http::WasiBody;

use super::Told;
use super::waits::Waits;
use crate::egress::Incoming;

pub(super) fn response(incoming: Incoming, waits: Waits, told: Arc<Told>) -> Response<WasiBody> {
    let pieces = waits.pieces(incoming.body);
    let frames = pieces.map(move |piece| piece.map(Frame::data).map_err(|error| told.of(error)));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = incoming.status;
    *response.headers_mut() = incoming.headers;
    response
}
