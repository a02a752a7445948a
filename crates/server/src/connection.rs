//! One connection: HTTP/1.1 and HTTP/2 under their limits, until its client or the host has had enough.

use std::convert::Infallible;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::answer_headers;
use crate::patience::{Activity, Answering, Overdue, Patience, Watched};
use crate::peer::Peer;

/// Method, path and headers of a request: a token and the few that clients and proxies add take a tenth.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// Requests at the same time on a connection of HTTP/2.
const MAX_STREAMS: u32 = 128;
/// Requests of HTTP/2 that were taken back before they were accepted, and such that broke the protocol, before the
/// connection is closed: floods of these cost a server more than their sender.
const MAX_RESETS: usize = 32;
/// What is held of answers for each request of HTTP/2 that does not take them.
const MAX_SEND_BYTES: usize = 64 << 10;
/// A client of HTTP/2 that is gone without a word is noticed by this, and by [`PONG_WITHIN`].
const PING_EVERY: Duration = Duration::from_secs(30);
const PONG_WITHIN: Duration = Duration::from_secs(15);

/// How connections are spoken with. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Speaking {
    pub(crate) router: Router,
    pub(crate) patience: Patience,
    /// When the server ends: what is being answered is answered, and nothing more is taken.
    pub(crate) stop: CancellationToken,
    /// When a server that ends waits for its connections no more.
    pub(crate) cut: CancellationToken,
}

impl Speaking {
    /// Answers what comes, until the connection ends.
    pub(crate) async fn speak<S>(self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self {
            router,
            patience,
            stop,
            cut,
        } = self;
        let activity = Activity::new(Instant::now());
        let noted = activity.clone();
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let busy = noted.begin(request.version());
            request.extensions_mut().insert(peer);
            let answer = hyper::service::Service::call(&router, request.map(Body::new));
            async move {
                let mut answer = answer.await?;
                answer_headers::add_to(answer.headers_mut());
                Ok::<_, Infallible>(answer.map(|body| Answering::new(body, busy)))
            }
        });
        let stream = TokioIo::new(Watched::new(stream, activity.clone()));
        let protocols = protocols();
        let mut connection = pin!(protocols.serve_connection(stream, service));
        let mut looks = tokio::time::interval(looks_every(patience));
        let mut is_ending = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!("a connection ended: {error}");
                    }
                    return;
                }
                () = stop.cancelled(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = cut.cancelled(), if is_ending => return,
                _ = looks.tick() => match activity.overdue(Instant::now(), &patience) {
                    None => {}
                    Some(Overdue::Idle) if !is_ending => {
                        is_ending = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    Some(overdue) => {
                        tracing::debug!(?overdue, "a connection is not waited for any longer");
                        return;
                    }
                },
            }
        }
    }
}

fn protocols() -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    protocols
        .http1()
        .timer(TokioTimer::new())
        // It does not tell a head that is late from a connection that is idle: we look at both.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD_BYTES);
    protocols
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_RESETS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .max_send_buf_size(MAX_SEND_BYTES)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    protocols
}

/// Often enough that nobody is waited for a quarter longer than was said.
fn looks_every(patience: Patience) -> Duration {
    (patience.client.min(patience.idle) / 4).max(Duration::from_millis(10))
}
