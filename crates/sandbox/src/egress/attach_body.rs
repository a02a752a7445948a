//! A body that is a stream, with the values put in while it is sent.
//!
//! A placeholder may lie across two pieces: the end of a piece that may be the beginning of one waits for the next.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

use super::attach::{Attacher, Spelling};
use super::body::OutgoingBody;
use super::crossing::Crossing;
use super::error::EgressError;
use super::ledger::Entry;

/// A body with the values put in.
pub(super) struct Filling {
    inner: OutgoingBody,
    attacher: Attacher,
    spelling: Spelling,
    entry: Arc<Entry>,
    /// What may be the beginning of a placeholder.
    held: BytesMut,
    crossing: Crossing,
    /// A part with values in it that is not on its way yet, and what has to be done first.
    behind: Option<(Bytes, Cross)>,
    has_ended: bool,
}

type Cross = Pin<Box<dyn Future<Output = Result<(), EgressError>> + Send>>;

impl Filling {
    pub(super) fn new(
        inner: OutgoingBody,
        attacher: Attacher,
        spelling: Spelling,
        entry: Arc<Entry>,
        crossing: Crossing,
    ) -> Self {
        Self {
            inner,
            attacher,
            spelling,
            entry,
            held: BytesMut::new(),
            crossing,
            behind: None,
            has_ended: false,
        }
    }

    /// What of the body can be sent when `piece` has come; at the end, all of it.
    fn fill(&mut self, piece: Option<Bytes>) -> Result<Bytes, EgressError> {
        let is_last = piece.is_none();
        let mut part = std::mem::take(&mut self.held);
        let piece = piece.unwrap_or_default();
        let mut part = if part.is_empty() {
            piece
        } else {
            part.extend_from_slice(&piece);
            part.freeze()
        };
        if !is_last {
            let held = part.split_off(part.len() - self.attacher.open_end(&part));
            self.held = BytesMut::from(&held[..]);
        }
        let mut keys = Vec::new();
        let filled = self.attacher.body(&part, self.spelling, &mut keys)?;
        let part = filled.unwrap_or(part);
        if keys.is_empty() {
            return Ok(part);
        }
        self.crossing.tell(&keys, self.attacher.target());
        self.entry.attached(keys);
        let crossing = self.crossing.clone();
        let crossed = async move { crossing.cross().await };
        self.behind = Some((part, Box::pin(crossed)));
        Ok(Bytes::new())
    }

    /// The part that waited, once it may leave.
    fn poll_behind(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, EgressError>>> {
        let Some((part, crossed)) = &mut self.behind else {
            return Poll::Ready(None);
        };
        let part = match ready!(crossed.as_mut().poll(context)) {
            Ok(()) => Ok(std::mem::take(part)),
            Err(error) => Err(error),
        };
        self.behind = None;
        Poll::Ready(Some(part))
    }
}

impl Body for Filling {
    type Data = Bytes;
    type Error = EgressError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressError>>> {
        let this = self.get_mut();
        loop {
            let part = match ready!(this.poll_behind(context)) {
                Some(part) => part,
                None if this.has_ended => return Poll::Ready(None),
                None => match Pin::new(&mut this.inner).poll_frame(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(piece) => this.fill(Some(piece)),
                        // Trailers could carry a placeholder, and nobody needs them.
                        Err(_) => continue,
                    },
                    Poll::Ready(None) => {
                        this.has_ended = true;
                        this.fill(None)
                    }
                },
            };
            match part {
                Ok(part) if part.is_empty() => {}
                Ok(part) => return Poll::Ready(Some(Ok(Frame::data(part)))),
                Err(error) => {
                    this.has_ended = true;
                    this.entry.failed(error.fault);
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}
