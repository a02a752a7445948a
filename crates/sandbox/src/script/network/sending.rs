//! The body of a request, as the guest sends it piece by piece.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::mpsc::{self, Receiver, Sender};

use lockstep_step::RequestFault;

use crate::egress::{EgressError, RequestBody};

/// Pieces of a body that wait to be sent.
const MAX_PIECES: usize = 4;

/// Where the guest's pieces go.
pub(super) struct Sending {
    pub(super) pieces: Sender<Bytes>,
    is_complete: Arc<AtomicBool>,
}

/// The pieces, as the client takes them.
struct Pieces {
    pieces: Receiver<Bytes>,
    is_complete: Arc<AtomicBool>,
}

impl Sending {
    /// The two ends of a body.
    pub(super) fn new() -> (Self, RequestBody) {
        let (sender, receiver) = mpsc::channel(MAX_PIECES);
        let is_complete = Arc::new(AtomicBool::new(false));
        let pieces = Pieces {
            pieces: receiver,
            is_complete: Arc::clone(&is_complete),
        };
        let sending = Self {
            pieces: sender,
            is_complete,
        };
        let body = StreamBody::new(pieces).boxed_unsync();
        (sending, RequestBody::Stream(Some(body)))
    }

    /// That was all of it. A body of which nobody has said so breaks off, so that it never looks complete.
    pub(super) fn complete(self) {
        self.is_complete.store(true, Ordering::Release);
    }
}

impl Stream for Pieces {
    type Item = Result<Frame<Bytes>, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.pieces.poll_recv(context)) {
            Some(piece) => Some(Ok(Frame::data(piece))),
            None if self.is_complete.load(Ordering::Acquire) => None,
            None => Some(Err(EgressError::new(
                RequestFault::Aborted,
                "the step let go of the request before its body was complete",
            ))),
        })
    }
}
