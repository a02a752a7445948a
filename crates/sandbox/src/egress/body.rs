//! Bodies on their way: counted, limited, and told of in the ledger.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};

use super::budget::Budget;
use super::error::{EgressError, innermost};
use super::ledger::Entry;
use super::slots::Slot;

/// What is sent.
pub(crate) type OutgoingBody = UnsyncBoxBody<Bytes, EgressError>;
/// What comes back, in pieces.
pub(crate) type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, EgressError>> + Send>>;

/// No body at all.
pub(super) fn empty() -> OutgoingBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is all there.
pub(super) fn whole(bytes: Bytes) -> OutgoingBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body that is sent, and counted while it is.
pub(super) struct Sent {
    pub(super) inner: OutgoingBody,
    pub(super) budget: Arc<Budget>,
    pub(super) entry: Arc<Entry>,
    pub(super) length: u64,
    /// Why it broke off: of HTTP/2 the client tells only that it did.
    pub(super) broken: Arc<OnceLock<EgressError>>,
}

impl Sent {
    fn breaks(&self, error: EgressError) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        self.entry.failed(error.fault);
        self.broken.get_or_init(|| error.clone());
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = EgressError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return this.breaks(error),
            end @ (Poll::Ready(None) | Poll::Pending) => return end,
        };
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        this.length += length;
        this.entry.sent(length);
        match this.budget.send(this.length, length) {
            Ok(()) => Poll::Ready(Some(Ok(frame))),
            Err(error) => this.breaks(error),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body that comes back, as it is on the wire: counted, and its end noted, however it ends.
struct Received<B> {
    inner: B,
    budget: Arc<Budget>,
    entry: Arc<Entry>,
    host: String,
    /// Another request may begin when this is over. `None`: it is.
    slot: Option<Slot>,
}

/// The pieces of a response's body.
pub(super) fn received<B>(
    body: B,
    budget: &Arc<Budget>,
    entry: &Arc<Entry>,
    host: &str,
    mut slot: Slot,
) -> BodyStream
where
    B: Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
{
    slot.rests();
    Box::pin(Received {
        inner: body,
        budget: Arc::clone(budget),
        entry: Arc::clone(entry),
        host: host.to_owned(),
        slot: Some(slot),
    })
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Stream for Received<B> {
    type Item = Result<Bytes, EgressError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, EgressError>>> {
        let this = &mut *self;
        loop {
            let frame = match Pin::new(&mut this.inner).poll_frame(context) {
                Poll::Pending => {
                    this.slot.as_mut().map(Slot::moves);
                    return Poll::Pending;
                }
                Poll::Ready(None) => {
                    this.slot = None;
                    this.entry.ended();
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(frame)) => frame,
            };
            let taken = frame
                .map_err(|error| this.broken(&error))
                .map(Frame::into_data);
            match taken {
                Err(error) => {
                    this.slot = None;
                    return Poll::Ready(Some(Err(error)));
                }
                // Trailers are not passed on.
                Ok(Err(_)) => {}
                Ok(Ok(data)) => {
                    this.slot.as_mut().map(Slot::rests);
                    this.entry.received(data.len() as u64);
                    let counted = this.budget.receive(data.len() as u64);
                    return Poll::Ready(Some(counted.map(|()| data).map_err(|error| {
                        this.entry.failed(error.fault);
                        error.at(&this.host)
                    })));
                }
            }
        }
    }
}

impl<B> Received<B> {
    fn broken(&self, error: &hyper::Error) -> EgressError {
        let host = &self.host;
        let message = format!(
            "the body of the answer of `{host}` broke off: {}",
            innermost(error)
        );
        let error = EgressError::body(message).at(host);
        self.entry.failed(error.fault);
        error
    }
}

impl<B> Drop for Received<B> {
    fn drop(&mut self) {
        self.entry.dropped();
    }
}

/// Ends a body with an error once it is longer than `limit` bytes. `name` is that of the limit.
pub(super) fn limited(body: BodyStream, name: &'static str, limit: u64) -> BodyStream {
    let mut length = 0_u64;
    Box::pin(body.map(move |piece| {
        let piece = piece?;
        length += piece.len() as u64;
        if length > limit {
            return Err(EgressError::body(format!(
                "the body of the answer has more than {limit} bytes, the limit `{name}`"
            )));
        }
        Ok(piece)
    }))
}
