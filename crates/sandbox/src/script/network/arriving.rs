//! The body of an answer, on its way to the guest.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::PIECE_BYTES;
use crate::egress::{BodyStream, EgressError};

/// What is taken in of an answer that nobody reads yet, in bytes. One that is smaller ends by itself, and so gives its place
/// to the next request; a run may have 1,000 of them.
const EARLY_BYTES: usize = 32 << 10;

/// The body of an answer, which is taken in early by one future and read by another.
#[derive(Clone)]
pub(super) struct Arriving(Arc<Mutex<Body>>);

struct Body {
    /// `None`: it has ended.
    rest: Option<BodyStream>,
    early: VecDeque<Bytes>,
    early_bytes: usize,
    /// Why it broke off. What came before is told first.
    error: Option<EgressError>,
}

/// What is next of a body.
pub(super) enum Next {
    Piece(Bytes),
    End,
    Broken(EgressError),
}

impl Arriving {
    pub(super) fn new(body: BodyStream) -> Self {
        Self(Arc::new(Mutex::new(Body {
            rest: Some(body),
            early: VecDeque::new(),
            early_bytes: 0,
            error: None,
        })))
    }

    /// Takes in the beginning, or all if it is small.
    pub(super) async fn take_in(self) {
        poll_fn(|context| self.body().poll_early(context)).await;
    }

    /// All of it, if all was taken in.
    pub(super) fn whole(&self) -> Option<Bytes> {
        let mut body = self.body();
        if body.rest.is_some() || body.error.is_some() {
            return None;
        }
        let mut pieces = std::mem::take(&mut body.early);
        if pieces.len() < 2 {
            return Some(pieces.pop_front().unwrap_or_default());
        }
        Some(pieces.into_iter().flatten().collect())
    }

    /// What is there, but not more than a guest takes at once.
    pub(super) async fn next(self) -> Next {
        poll_fn(|context| self.body().poll_next(context)).await
    }

    /// Nobody wants the rest.
    pub(super) fn close(&self) {
        self.body().rest = None;
    }

    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body {
    fn poll_early(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.early_bytes < EARLY_BYTES {
            let Some(piece) = ready!(self.poll_rest(context)) else {
                break;
            };
            self.early_bytes += piece.len();
            self.early.push_back(piece);
        }
        Poll::Ready(())
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        let Some(first) = ready!(self.poll_piece(context)) else {
            return Poll::Ready(self.error.take().map_or(Next::End, Next::Broken));
        };
        if first.len() >= PIECE_BYTES / 2 {
            return Poll::Ready(Next::Piece(first));
        }
        let Poll::Ready(Some(second)) = self.poll_piece(context) else {
            return Poll::Ready(Next::Piece(first));
        };
        let mut whole = BytesMut::with_capacity(PIECE_BYTES);
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while whole.len() < PIECE_BYTES / 2
            && let Poll::Ready(Some(piece)) = self.poll_piece(context)
        {
            whole.extend_from_slice(&piece);
        }
        Poll::Ready(Next::Piece(whole.freeze()))
    }

    /// The next piece; `None` at the end.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.early.pop_front() {
            Some(piece) => Poll::Ready(Some(piece)),
            None => self.poll_rest(context),
        }
    }

    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while let Some(rest) = &mut self.rest {
            match ready!(rest.as_mut().poll_next(context)) {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => return Poll::Ready(Some(piece)),
                ended => {
                    self.rest = None;
                    self.error = ended.and_then(Result::err);
                }
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;

    fn told(next: Next) -> String {
        match next {
            Next::Piece(piece) => format!("{} bytes", piece.len()),
            Next::End => "end".to_owned(),
            Next::Broken(error) => error.message,
        }
    }

    fn pieces(pieces: Vec<Result<usize, &str>>) -> BodyStream {
        let pieces = pieces.into_iter().map(|piece| {
            piece
                .map(|length| Bytes::from(vec![0; length]))
                .map_err(EgressError::body)
        });
        Box::pin(stream::iter(pieces.collect::<Vec<_>>()))
    }

    #[tokio::test]
    async fn pieces_that_are_there_are_told_as_one_and_an_error_after_them() {
        let body = Arriving::new(pieces(vec![Ok(10), Ok(0), Ok(20), Err("broken")]));
        assert_eq!(told(body.clone().next().await), "30 bytes");
        assert_eq!(told(body.clone().next().await), "broken");
        assert_eq!(told(body.next().await), "end");
    }

    #[tokio::test]
    async fn what_was_taken_in_to_its_end_is_there_as_a_whole_and_nothing_else_is() {
        for lengths in [&[][..], &[10], &[10, 20, 30]] {
            let body = Arriving::new(pieces(lengths.iter().copied().map(Ok).collect()));
            body.clone().take_in().await;
            assert_eq!(body.whole().unwrap().len(), lengths.iter().sum::<usize>());
        }
        let broken = Arriving::new(pieces(vec![Ok(10), Err("broken")]));
        broken.clone().take_in().await;
        assert!(broken.whole().is_none());
        let large = Arriving::new(pieces(vec![Ok(EARLY_BYTES), Ok(1)]));
        large.clone().take_in().await;
        assert!(large.whole().is_none());
    }

    #[tokio::test]
    async fn what_is_small_is_taken_in_and_of_what_is_large_the_beginning() {
        let small = Arriving::new(pieces(vec![Ok(10), Ok(20)]));
        small.clone().take_in().await;
        assert!(small.body().rest.is_none());
        assert_eq!(told(small.next().await), "30 bytes");
        let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 1 << 10])));
        let large = Arriving::new(Box::pin(endless));
        large.clone().take_in().await;
        assert_eq!(large.body().early_bytes, EARLY_BYTES);
    }

    #[tokio::test]
    async fn a_reader_gets_what_came_early_without_waiting_for_the_rest() {
        let first = pieces(vec![Ok(10)]);
        let body = Arriving::new(Box::pin(first.chain(stream::pending())));
        assert!(body.clone().take_in().now_or_never().is_none());
        assert_eq!(
            told(body.clone().next().now_or_never().unwrap()),
            "10 bytes"
        );
        assert!(body.next().now_or_never().is_none());
    }
}
