//! The requests of one run of a script, as the engine sees them: `guest-sdk/js/engine/README.md` has the table.
//!
//! A request goes on while the guest waits for news. What one guest can make the host hold is limited.

mod arriving;
mod head;
mod sending;
mod words;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable, Aborted, FutureExt as _, ready};
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use self::arriving::{Arriving, Next};
use self::head::{Given, Head};
use self::sending::Sending;
use crate::egress::{EgressError, Incoming, Outlet, RequestBody};
use crate::host::{Guest, Stop};

/// Requests that a script may have open at once, those that wait for their turn included.
const MAX_OPEN: usize = 1_000;
/// Bodies that the host holds for a script, in bytes.
const MAX_HELD_BYTES: usize = 64 << 20;
/// Pieces that arrive together are handed over as one, up to so many bytes.
const PIECE_BYTES: usize = 256 << 10;

/// What `network` answers.
const DONE: i32 = 0;
const MORE: i32 = 1;
const TOO_MANY: i32 = -1;
const TOO_LARGE: i32 = -2;

/// The kinds of news.
const HEAD: u8 = 1;
const PIECE: u8 = 2;
const END: u8 = 3;
const FAILURE: u8 = 4;
const ROOM: u8 = 5;
const WHOLE: u8 = 6;

/// The requests of one run.
#[derive(Default)]
pub(super) struct Network {
    open: HashMap<i32, Exchange>,
    working: FuturesUnordered<Abortable<Work>>,
    last: i32,
    held_bytes: usize,
}

/// One request that the guest has not let go of.
struct Exchange {
    abort: AbortHandle,
    /// What of its body the host holds.
    held_bytes: usize,
    /// Where its body goes, as long as it has not ended.
    sending: Option<Sending>,
    /// The answer's body, once its head is there.
    answer: Option<Arriving>,
    /// Whether the guest waits for a piece of it.
    is_read: bool,
}

/// What the engine asks for.
#[derive(Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) number: i32,
    pub(super) id: i32,
    pub(super) bytes: &'a [u8],
    /// The whole body of a request that is opened.
    pub(super) body: &'a [u8],
}

type Work = Pin<Box<dyn Future<Output = (i32, Event)> + Send>>;

/// What has happened to a request.
enum Event {
    Answered(Incoming),
    Failed(EgressError),
    /// The beginning of an answer's body, or all of it, is there.
    TakenIn,
    Arrived(Bytes),
    Ended,
    Room,
}

/// What the guest is told.
pub(super) struct News {
    kind: u8,
    id: i32,
    payload: Bytes,
}

/// The engine broke the rules of its own imports.
#[derive(Debug, thiserror::Error)]
#[error("the JavaScript engine's use of the network is malformed: {0}")]
struct Misuse(&'static str);

// === impl Network ===

impl Network {
    /// What the import `network` does.
    pub(super) fn operate(
        &mut self,
        guest: &mut Guest,
        asked: Operation<'_>,
    ) -> wasmtime::Result<i32> {
        let id = asked.id;
        match asked.number {
            0 => self.open(guest, asked.bytes, asked.body),
            1 => self.send(id, asked.bytes),
            2 => {
                self.complete(id);
                Ok(DONE)
            }
            3 => self.read(id),
            4 => {
                self.close(id);
                Ok(DONE)
            }
            _ => Err(Misuse("no such operation").into()),
        }
    }

    /// What happens next. `None`: nothing did in `time`.
    pub(super) async fn news(
        &mut self,
        time: Duration,
        outlet: Option<&Outlet>,
    ) -> Result<Option<News>, Stop> {
        if time.is_zero() {
            // The timer of the runtime knows no time that short.
            return self.next().now_or_never().transpose();
        }
        let give_up = give_up(outlet, self.patience(time));
        tokio::select! {
            biased;
            news = self.next() => news.map(Some),
            () = tokio::time::sleep(time) => Ok(None),
            never = give_up => match never {},
        }
    }

    /// How long nothing may move before a request is given up that waits for a place: a guest with a timer has other plans,
    /// and so may one that sends a body.
    fn patience(&self, time: Duration) -> Duration {
        let is_sending = |it: &Exchange| it.sending.is_some() && it.answer.is_some();
        if time == Duration::MAX && !self.open.values().any(is_sending) {
            Duration::ZERO
        } else {
            Outlet::PATIENCE
        }
    }

    async fn next(&mut self) -> Result<News, Stop> {
        loop {
            match poll_fn(|context| self.poll_working(context)).await {
                Some(Ok((
                    _,
                    Event::Failed(EgressError {
                        of_the_host: Some(error),
                        ..
                    }),
                ))) => {
                    return Err(Stop::Request(error));
                }
                Some(Ok((id, event))) => {
                    if let Some(news) = self.happened(id, event) {
                        return Ok(news);
                    }
                }
                // The guest has let go of it.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// The work that is done next. Futures that were all asked wake whoever asked, and with that another thread, to which the
    /// run then moves: so they are asked first with nobody to wake.
    fn poll_working(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<(i32, Event), Aborted>>> {
        let nobody = &mut Context::from_waker(Waker::noop());
        match self.working.poll_next_unpin(nobody) {
            Poll::Pending => self.working.poll_next_unpin(context),
            done @ Poll::Ready(_) => done,
        }
    }

    fn open(&mut self, guest: &mut Guest, head: &[u8], body: &[u8]) -> wasmtime::Result<i32> {
        if self.open.len() == MAX_OPEN {
            return Ok(TOO_MANY);
        }
        let head = Head::read(head).ok_or(Misuse("the head of a request cannot be read"))?;
        let mut sending = None;
        let body = match head.body {
            Given::None => RequestBody::None,
            Given::Whole => {
                if self.held_bytes + body.len() > MAX_HELD_BYTES {
                    return Ok(TOO_LARGE);
                }
                RequestBody::Whole(Bytes::copy_from_slice(body))
            }
            Given::Stream => {
                let (pieces, body) = Sending::new();
                sending = Some(pieces);
                body
            }
        };
        let held_bytes = if let RequestBody::Whole(bytes) = &body {
            bytes.len()
        } else {
            0
        };
        let outlet = guest.outlet().clone();
        let outgoing = words::outgoing(&head, body);
        let id = self.new_id()?;
        let work = async move {
            let answered = match outgoing {
                Ok(outgoing) => outlet.send(outgoing).await,
                Err(error) => Err(error),
            };
            (id, answered.map_or_else(Event::Failed, Event::Answered))
        };
        self.held_bytes += held_bytes;
        let abort = self.work(begun(work));
        let exchange = Exchange {
            abort,
            held_bytes,
            sending,
            answer: None,
            is_read: false,
        };
        self.open.insert(id, exchange);
        Ok(id)
    }

    fn new_id(&mut self) -> wasmtime::Result<i32> {
        self.last += 1;
        // 24 bits are for it in the news.
        if self.last >= 1 << 24 {
            return Err(Misuse("too many requests").into());
        }
        Ok(self.last)
    }

    fn work(&mut self, work: impl Future<Output = (i32, Event)> + Send + 'static) -> AbortHandle {
        let (abort, registration) = AbortHandle::new_pair();
        self.working
            .push(Abortable::new(Box::pin(work), registration));
        abort
    }

    fn send(&mut self, id: i32, bytes: &[u8]) -> wasmtime::Result<i32> {
        let sending = self.open.get(&id).and_then(|it| it.sending.as_ref());
        let Some(sender) = sending.map(|it| it.pieces.clone()) else {
            // The request is over: what is left of its body is not wanted.
            return Ok(MORE);
        };
        if bytes.len() > PIECE_BYTES {
            return Err(Misuse("a piece of a body is too large").into());
        }
        match sender.try_send(Bytes::copy_from_slice(bytes)) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(Misuse("a piece of a body was not waited for").into());
            }
        }
        if sender.capacity() > 0 || sender.is_closed() {
            return Ok(MORE);
        }
        let room = async move {
            let permit = sender.reserve().await;
            drop(permit);
            (id, Event::Room)
        };
        // It ends by itself when the request does.
        drop(self.work(room));
        Ok(DONE)
    }

    fn complete(&mut self, id: i32) {
        let sending = self.open.get_mut(&id).and_then(|it| it.sending.take());
        if let Some(sending) = sending {
            sending.complete();
        }
    }

    fn read(&mut self, id: i32) -> wasmtime::Result<i32> {
        let exchange = self.open.get_mut(&id);
        let waiting = exchange.filter(|it| !it.is_read);
        let Some(answer) = waiting.and_then(|it| {
            it.is_read = true;
            // It is no longer taken in early.
            it.abort.abort();
            it.answer.clone()
        }) else {
            return Err(Misuse("an answer is read twice at once, or has ended").into());
        };
        let abort = self.work(async move {
            let event = match answer.next().await {
                Next::Piece(piece) => Event::Arrived(piece),
                Next::End => Event::Ended,
                Next::Broken(error) => Event::Failed(error),
            };
            (id, event)
        });
        if let Some(exchange) = self.open.get_mut(&id) {
            exchange.abort = abort;
        }
        Ok(DONE)
    }

    fn close(&mut self, id: i32) {
        if let Some(exchange) = self.open.remove(&id) {
            self.held_bytes -= exchange.held_bytes;
            exchange.abort.abort();
            if let Some(answer) = exchange.answer {
                answer.close();
            }
        }
    }

    /// What the guest is told of an event, if anything.
    fn happened(&mut self, id: i32, event: Event) -> Option<News> {
        let (kind, payload) = match event {
            Event::Answered(incoming) => self.answered(id, incoming),
            Event::TakenIn => return None,
            Event::Arrived(piece) => {
                if let Some(exchange) = self.open.get_mut(&id) {
                    exchange.is_read = false;
                }
                (PIECE, piece)
            }
            Event::Ended => {
                self.close(id);
                (END, Bytes::new())
            }
            Event::Failed(error) => {
                self.close(id);
                (FAILURE, words::fault(&error))
            }
            Event::Room => (ROOM, Bytes::new()),
        };
        Some(News { kind, id, payload })
    }

    /// Begins to take in the body of an answer. Returns what the guest is told of it.
    fn answered(&mut self, id: i32, incoming: Incoming) -> (u8, Bytes) {
        let (head, body) = words::answer(incoming);
        let answer = Arriving::new(body);
        let is_taken_in = answer.clone().take_in().now_or_never().is_some();
        if let Some(whole) = answer.whole() {
            self.close(id);
            return (WHOLE, words::whole(&head, &whole));
        }
        if let Some(exchange) = self.open.get_mut(&id) {
            exchange.answer = Some(answer.clone());
            // The body of the request is the client's now, or was sent.
            self.held_bytes -= std::mem::take(&mut exchange.held_bytes);
        }
        if !is_taken_in {
            let abort = self.work(async move {
                answer.take_in().await;
                (id, Event::TakenIn)
            });
            if let Some(exchange) = self.open.get_mut(&id) {
                exchange.abort = abort;
            }
        }
        (HEAD, head)
    }
}

/// Work that has gone as far as it can at once: a request leaves while the guest still does other things, before it waits.
fn begun<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Pin<Box<dyn Future<Output = T> + Send>> {
    let mut work = Box::pin(work);
    // Nobody has to be woken: who waits for news asks again first.
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Box::pin(ready(done)),
        Poll::Pending => work,
    }
}

async fn give_up(outlet: Option<&Outlet>, patience: Duration) -> Infallible {
    match outlet {
        Some(outlet) => outlet.give_up(patience).await,
        None => std::future::pending().await,
    }
}

// === impl News ===

impl News {
    /// Kind and request, where the guest looks for them, and what goes with it.
    pub(super) fn into_parts(self) -> (i64, Bytes) {
        let head = i64::from(self.kind) << 56 | i64::from(self.id) << 32;
        (head, self.payload)
    }
}
