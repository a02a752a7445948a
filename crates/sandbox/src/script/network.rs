//! The requests of one run of a script, as the engine sees them: `guest-sdk/js/engine/README.md` has the table.
//!
//! A request goes on while the guest waits for news. What one guest can make the host hold is limited.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{AbortHandle, Abortable, FutureExt as _};
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, Receiver, Sender};
use url::Url;

use lockstep_step::RequestFault;

use crate::egress::{BodyStream, EgressError, Incoming, Outgoing, Redirects, RequestBody};
use crate::host::{Guest, Stop};

/// Requests that a script may have open at once, those that wait for their turn included.
const MAX_OPEN: usize = 1_000;
/// Bodies that the host holds for a script, in bytes.
const MAX_HELD_BYTES: usize = 64 << 20;
/// Pieces of a body that wait to be sent.
const MAX_PIECES: usize = 4;
/// Pieces that arrive together are handed over as one, up to so many bytes.
const PIECE_BYTES: usize = 256 << 10;

/// What `network` answers.
const DONE: i32 = 0;
const MORE: i32 = 1;
const TOO_MANY: i32 = -1;
const TOO_LARGE: i32 = -2;

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
    /// What is left of the answer's body.
    answer: Option<BodyStream>,
}

/// Where the body of a request goes, piece by piece.
struct Sending {
    pieces: Sender<Bytes>,
    /// Whether the guest has said that the body is complete. If it never does the body breaks off.
    is_complete: Arc<AtomicBool>,
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
    Arrived(Bytes, BodyStream),
    Ended,
    Room,
}

/// What the guest is told.
pub(super) struct News {
    kind: u8,
    id: i32,
    payload: Bytes,
}

/// A request as the engine writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    redirect: Redirect,
    /// Whether what follows is a body.
    body: Given,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Redirect {
    Follow,
    Manual,
    Error,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Given {
    None,
    Whole,
    Stream,
}

/// An answer as the engine reads it.
#[derive(Serialize)]
struct Answer<'a> {
    status: u16,
    reason: String,
    headers: Vec<(&'a str, String)>,
    url: &'a str,
    redirected: bool,
}

/// A failure as the engine reads it.
#[derive(Serialize)]
struct Fault<'a> {
    code: &'static str,
    host: Option<&'a str>,
    message: &'a str,
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
    pub(super) async fn news(&mut self, time: Duration) -> Result<Option<News>, Stop> {
        if self.working.is_empty() {
            tokio::time::sleep(time).await;
            return Ok(None);
        }
        let working = &mut self.working;
        let ended = async {
            loop {
                match working.next().await {
                    Some(Ok(ended)) => return ended,
                    // The guest has let go of it.
                    Some(Err(_)) => {}
                    None => std::future::pending().await,
                }
            }
        };
        let (id, event) = if time.is_zero() {
            // The timer of the runtime knows no time that short.
            let Some(ended) = ended.now_or_never() else {
                return Ok(None);
            };
            ended
        } else {
            tokio::select! {
                biased;
                ended = ended => ended,
                () = tokio::time::sleep(time) => return Ok(None),
            }
        };
        if let Event::Failed(EgressError {
            of_the_host: Some(error),
            ..
        }) = event
        {
            return Err(Stop::Sealed(error));
        }
        Ok(Some(self.happened(id, event)))
    }

    fn open(&mut self, guest: &mut Guest, head: &[u8], body: &[u8]) -> wasmtime::Result<i32> {
        if self.open.len() == MAX_OPEN {
            return Ok(TOO_MANY);
        }
        let head: Head = serde_json::from_slice(head)?;
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
                let (body, pieces) = Sending::new();
                sending = Some(body);
                RequestBody::Stream(Some(StreamBody::new(pieces).boxed_unsync()))
            }
        };
        let held_bytes = if let RequestBody::Whole(bytes) = &body {
            bytes.len()
        } else {
            0
        };
        let outlet = guest.outlet().clone();
        let outgoing = head.outgoing(body);
        let id = self.new_id()?;
        let work = async move {
            let answered = match outgoing {
                Ok(outgoing) => outlet.send(outgoing).await,
                Err(error) => Err(error),
            };
            (id, answered.map_or_else(Event::Failed, Event::Answered))
        };
        self.held_bytes += held_bytes;
        let abort = self.work(work);
        let exchange = Exchange {
            abort,
            held_bytes,
            sending,
            answer: None,
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
            sending.is_complete.store(true, Ordering::Release);
        }
    }

    fn read(&mut self, id: i32) -> wasmtime::Result<i32> {
        let body = self.open.get_mut(&id).and_then(|it| it.answer.take());
        let Some(body) = body else {
            return Err(Misuse("an answer is read twice at once, or has ended").into());
        };
        let abort = self.work(async move { (id, arrival(body).await) });
        if let Some(exchange) = self.open.get_mut(&id) {
            exchange.abort = abort;
        }
        Ok(DONE)
    }

    fn close(&mut self, id: i32) {
        if let Some(exchange) = self.open.remove(&id) {
            self.held_bytes -= exchange.held_bytes;
            exchange.abort.abort();
        }
    }

    fn happened(&mut self, id: i32, event: Event) -> News {
        let (kind, payload) = match event {
            Event::Answered(incoming) => {
                let payload = Answer::of(&incoming);
                if let Some(exchange) = self.open.get_mut(&id) {
                    exchange.answer = Some(incoming.body);
                    // The body of the request is the client's now, or was sent.
                    self.held_bytes -= std::mem::take(&mut exchange.held_bytes);
                }
                (1, payload)
            }
            Event::Arrived(piece, body) => {
                if let Some(exchange) = self.open.get_mut(&id) {
                    exchange.answer = Some(body);
                }
                (2, piece)
            }
            Event::Ended => {
                self.close(id);
                (3, Bytes::new())
            }
            Event::Failed(error) => {
                self.close(id);
                (4, Fault::of(&error))
            }
            Event::Room => (5, Bytes::new()),
        };
        News { kind, id, payload }
    }
}

/// The next piece of an answer: what is there, but not more than a guest takes at once.
async fn arrival(mut body: BodyStream) -> Event {
    let first = loop {
        match body.next().await {
            None => return Event::Ended,
            Some(Err(error)) => return Event::Failed(error),
            Some(Ok(piece)) if piece.is_empty() => {}
            Some(Ok(piece)) => break piece,
        }
    };
    if first.len() >= PIECE_BYTES / 2 {
        return Event::Arrived(first, body);
    }
    let mut whole = BytesMut::from(first);
    while whole.len() < PIECE_BYTES / 2 {
        match body.next().now_or_never() {
            Some(Some(Ok(piece))) => whole.extend_from_slice(&piece),
            Some(Some(Err(error))) => {
                // What came before it is told first.
                body = Box::pin(futures_util::stream::iter([Err(error)]));
                break;
            }
            Some(None) => {
                body = Box::pin(futures_util::stream::empty());
                break;
            }
            None => break,
        }
    }
    Event::Arrived(whole.freeze(), body)
}

/// The pieces of a body as they are sent.
struct Pieces {
    pieces: Receiver<Bytes>,
    is_complete: Arc<AtomicBool>,
}

impl Sending {
    fn new() -> (Self, Pieces) {
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
        (sending, pieces)
    }
}

impl Stream for Pieces {
    type Item = Result<Frame<Bytes>, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Poll::Ready(piece) = self.pieces.poll_recv(context) else {
            return Poll::Pending;
        };
        Poll::Ready(match piece {
            Some(piece) => Some(Ok(Frame::data(piece))),
            None if self.is_complete.load(Ordering::Acquire) => None,
            // The guest has let go of the request: what was sent must not look like all of it.
            None => Some(Err(EgressError::new(
                RequestFault::Aborted,
                "the step let go of the request before its body was complete",
            ))),
        })
    }
}

// === impl Head ===

impl Head {
    fn outgoing(self, body: RequestBody) -> Result<Outgoing, EgressError> {
        let invalid = |what: &str| {
            EgressError::new(
                RequestFault::Protocol,
                format!("{what} of the request cannot be sent"),
            )
        };
        let url = Url::parse(&self.url).map_err(|_| invalid("the URL"))?;
        let method =
            Method::from_bytes(self.method.as_bytes()).map_err(|_| invalid("the method"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("a header's name"))?;
            let value = bytes_of(value).and_then(|value| HeaderValue::from_bytes(&value).ok());
            let value =
                value.ok_or_else(|| invalid(&format!("the value of the header `{name}`")))?;
            headers
                .try_append(name, value)
                .map_err(|_| EgressError::denied("the request has too many headers"))?;
        }
        let redirects = match self.redirect {
            Redirect::Follow => Redirects::Follow,
            Redirect::Manual => Redirects::Manual,
            Redirect::Error => Redirects::Error,
        };
        Ok(Outgoing {
            method,
            url,
            headers,
            body,
            redirects,
            decodes: true,
        })
    }
}

/// A byte string of the web: each character is a byte.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|it| u8::try_from(it).ok()).collect()
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

// === impl Answer ===

impl Answer<'_> {
    fn of(incoming: &Incoming) -> Bytes {
        let headers = incoming.headers.iter();
        let answer = Answer {
            status: incoming.status.as_u16(),
            reason: match &incoming.reason {
                Some(reason) => text_of(reason.as_bytes()),
                None => incoming
                    .status
                    .canonical_reason()
                    .unwrap_or_default()
                    .to_owned(),
            },
            headers: headers
                .map(|(name, value)| (name.as_str(), text_of(value.as_bytes())))
                .collect(),
            url: incoming.url.as_str(),
            redirected: incoming.redirected,
        };
        json(&answer)
    }
}

impl Fault<'_> {
    fn of(error: &EgressError) -> Bytes {
        json(&Fault {
            code: error.fault.as_str(),
            host: error.host.as_deref(),
            message: &error.message,
        })
    }
}

#[expect(
    clippy::expect_used,
    reason = "texts, numbers and lists of them are JSON"
)]
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value)
        .expect("it has a JSON form")
        .into()
}

// === impl News ===

impl News {
    /// Kind and request, where the guest looks for them, and what goes with it.
    pub(super) fn into_parts(self) -> (i64, Bytes) {
        let head = i64::from(self.kind) << 56 | i64::from(self.id) << 32;
        (head, self.payload)
    }
}
