//! How long a connection is waited for: for a request, for the rest of one, and for its client to take an answer.
//!
//! A body that is slow is the handler's to refuse (`body.rs`), which can still answer.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use hyper::Version;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a handshake, for the head of a request from its first byte on, without taking anything of an answer, and
    /// without sending anything of a body.
    pub client: Duration,
    /// Between requests, on a connection that is kept.
    pub idle: Duration,
}

/// Why a connection is not waited for any longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Overdue {
    /// There was nothing to do for it.
    Idle,
    /// A request was begun, and its head did not end.
    Head,
    /// There is an answer, and nobody takes it.
    Answer,
}

/// What happens on a connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Mutex<State>>);

struct State {
    /// Requests that are not answered to the end.
    busy: u32,
    /// Since when nothing has been asked.
    idle_since: Instant,
    /// Since when the head of a request is being read. A connection that is new owes one.
    head_since: Option<Instant>,
    /// Since when something is to be written, and nothing of it is.
    stalled_since: Option<Instant>,
    /// Whether it is of HTTP/2, where what is read need not be of a request.
    has_frames: bool,
}

/// A request, until its answer has ended.
pub(crate) struct Busy(Activity);

/// The body of an answer: the request is being served until it ends.
pub(crate) struct Answering {
    body: Body,
    _busy: Busy,
}

/// A connection whose activity is noted.
pub(crate) struct Watched<S> {
    stream: S,
    activity: Activity,
}

// === impl Activity ===

impl Activity {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(State {
            busy: 0,
            idle_since: now,
            head_since: Some(now),
            stalled_since: None,
            has_frames: false,
        })))
    }

    /// A request has come.
    pub(crate) fn begin(&self, version: Version) -> Busy {
        let mut state = self.state();
        state.busy += 1;
        state.head_since = None;
        state.has_frames = version == Version::HTTP_2;
        Busy(self.clone())
    }

    /// Whether the connection has been waited for too long.
    pub(crate) fn overdue(&self, now: Instant, patience: &Patience) -> Option<Overdue> {
        let state = self.state();
        let is_over = |since: Option<Instant>, limit| {
            since.is_some_and(|since| now.saturating_duration_since(since) >= limit)
        };
        if is_over(state.stalled_since, patience.client) {
            return Some(Overdue::Answer);
        }
        if state.busy > 0 {
            return None;
        }
        if is_over(state.head_since, patience.client) {
            return Some(Overdue::Head);
        }
        is_over(Some(state.idle_since), patience.idle).then_some(Overdue::Idle)
    }

    fn read(&self, now: Instant) {
        let mut state = self.state();
        if state.busy == 0 && !state.has_frames {
            state.head_since.get_or_insert(now);
        }
    }

    fn wrote(&self, now: Instant, is_pending: bool) {
        let mut state = self.state();
        if is_pending {
            state.stalled_since.get_or_insert(now);
        } else {
            state.stalled_since = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.busy -= 1;
        state.idle_since = Instant::now();
    }
}

// === impl Answering ===

impl Answering {
    pub(crate) fn new(body: Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl Watched ===

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity }
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.activity.wrote(Instant::now(), written.is_pending());
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.activity.read(Instant::now());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.note(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.note(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        client: Duration::from_secs(10),
        idle: Duration::from_secs(60),
    };

    fn after(seconds: u64, begun: Instant) -> Instant {
        begun + Duration::from_secs(seconds)
    }

    #[test]
    fn a_connection_that_says_nothing_is_waited_for_as_long_as_a_head() {
        let begun = Instant::now();
        let activity = Activity::new(begun);
        assert_eq!(activity.overdue(after(9, begun), &PATIENCE), None);
        let overdue = activity.overdue(after(10, begun), &PATIENCE);
        assert_eq!(overdue, Some(Overdue::Head));
    }

    #[test]
    fn a_request_that_is_served_may_take_its_time() {
        let begun = Instant::now();
        let activity = Activity::new(begun);
        let busy = activity.begin(Version::HTTP_11);
        assert_eq!(activity.overdue(after(9_999, begun), &PATIENCE), None);
        drop(busy);
        let ended = Instant::now();
        assert_eq!(activity.overdue(after(59, ended), &PATIENCE), None);
        let overdue = activity.overdue(after(60, ended), &PATIENCE);
        assert_eq!(overdue, Some(Overdue::Idle));
    }

    #[test]
    fn the_head_of_a_later_request_has_its_time_from_its_first_byte_on() {
        let begun = Instant::now();
        let activity = Activity::new(begun);
        drop(activity.begin(Version::HTTP_11));
        activity.read(after(30, begun));
        activity.read(after(39, begun));
        assert_eq!(activity.overdue(after(39, begun), &PATIENCE), None);
        let overdue = activity.overdue(after(40, begun), &PATIENCE);
        assert_eq!(overdue, Some(Overdue::Head));
    }

    #[test]
    fn a_ping_of_http2_begins_no_request() {
        let begun = Instant::now();
        let activity = Activity::new(begun);
        drop(activity.begin(Version::HTTP_2));
        activity.read(after(30, begun));
        assert_eq!(activity.overdue(after(45, begun), &PATIENCE), None);
    }

    #[test]
    fn an_answer_that_is_taken_in_pieces_has_its_time_for_each() {
        let begun = Instant::now();
        let activity = Activity::new(begun);
        let _busy = activity.begin(Version::HTTP_11);
        activity.wrote(after(1, begun), true);
        activity.wrote(after(8, begun), false);
        activity.wrote(after(9, begun), true);
        activity.wrote(after(12, begun), true);
        assert_eq!(activity.overdue(after(18, begun), &PATIENCE), None);
        let overdue = activity.overdue(after(19, begun), &PATIENCE);
        assert_eq!(overdue, Some(Overdue::Answer));
    }
}
