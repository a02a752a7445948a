//! How long a guest wants to wait. Our own limits hold beside that.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep, timeout};
use wasmtime_wasi_http::RequestOptions;

use lockstep_step::RequestFault;

use crate::egress::{BodyStream, EgressError, Incoming, connecting_within};

/// What a guest has set.
#[derive(Clone, Copy)]
pub(super) struct Waits {
    connection: Option<Duration>,
    head: Option<Duration>,
    piece: Option<Duration>,
}

impl Waits {
    /// Connecting counts towards the head, which is waited for as long as for both.
    pub(super) fn new(options: RequestOptions) -> Self {
        let head = match (options.connect_timeout, options.first_byte_timeout) {
            (Some(connect), Some(first_byte)) => Some(connect.saturating_add(first_byte)),
            (None, first_byte) => first_byte,
            (Some(_), None) => None,
        };
        Self {
            connection: options.connect_timeout,
            head,
            piece: options.between_bytes_timeout,
        }
    }

    /// Waits for the head of an answer.
    pub(super) async fn head(
        self,
        sending: impl Future<Output = Result<Incoming, EgressError>>,
    ) -> Result<Incoming, EgressError> {
        let sending = async {
            match self.connection {
                Some(limit) => connecting_within(limit, sending).await,
                None => sending.await,
            }
        };
        let Some(limit) = self.head else {
            return sending.await;
        };
        timeout(limit, sending)
            .await
            .unwrap_or_else(|_| Err(too_long(limit)))
    }

    /// The pieces of a body, each within its time.
    pub(super) fn pieces(self, body: BodyStream) -> BodyStream {
        match self.piece {
            Some(limit) => Box::pin(Paced {
                body,
                limit,
                waiting: None,
            }),
            None => body,
        }
    }
}

fn too_long(limit: Duration) -> EgressError {
    let seconds = limit.as_secs_f64();
    EgressError::new(
        RequestFault::Timeout,
        format!("no answer within {seconds} s, as the step has asked for"),
    )
}

/// A body that ends with an error once a piece is waited for too long.
struct Paced {
    body: BodyStream,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Stream for Paced {
    type Item = Result<Bytes, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let polled = this.body.as_mut().poll_next(context);
        if polled.is_ready() {
            this.waiting = None;
            return polled;
        }
        // The time counts from when the guest waits, not from the last piece.
        let limit = this.limit;
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        match waiting.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                this.body = Box::pin(futures_util::stream::empty());
                Poll::Ready(Some(Err(too_long(limit))))
            }
        }
    }
}
