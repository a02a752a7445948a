//! Taking connections.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;
use crate::record::Open;
use crate::upstream::Shared;
use crate::{raw, routes};

/// Where the server listens, one for each way to speak.
pub(crate) struct Listeners {
    https: TcpListener,
    https1: TcpListener,
    http: TcpListener,
    raw: TcpListener,
}

impl Listeners {
    pub(crate) fn bind(address: IpAddr) -> Self {
        let listener = || {
            let listener = TcpListener::bind((address, 0)).unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        };
        Self {
            https: listener(),
            https1: listener(),
            http: listener(),
            raw: listener(),
        }
    }

    /// In the order of the fields.
    pub(crate) fn addresses(&self) -> [SocketAddr; 4] {
        [&self.https, &self.https1, &self.http, &self.raw]
            .map(|listener| listener.local_addr().unwrap())
    }
}

/// What the server runs in.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Serves until `stopped`. All connections are closed then.
pub(crate) async fn serve(
    listeners: Listeners,
    authority: Arc<Authority>,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    let both = Arc::clone(&authority).server(&[b"h2", b"http/1.1"]);
    let both = TlsAcceptor::from(Arc::new(both));
    let old = TlsAcceptor::from(Arc::new(authority.server(&[b"http/1.1"])));
    let secure = |tls: TlsAcceptor| {
        let shared = Arc::clone(&shared);
        move |stream| secured(tls.clone(), stream, Arc::clone(&shared))
    };
    let plain = |stream| {
        let open = Open::new(&shared, false);
        speak(stream, Arc::clone(&shared), open)
    };
    let raw = |stream| raw::speak(stream, Open::new(&shared, false), Arc::clone(&shared));
    tokio::select! {
        () = accept(listeners.https, secure(both)) => {}
        () = accept(listeners.https1, secure(old)) => {}
        () = accept(listeners.http, plain) => {}
        () = accept(listeners.raw, raw) => {}
        _ = stopped => {}
    }
}

/// Gives each connection a task; they end with this one.
async fn accept<F>(listener: TcpListener, connection: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                stream.set_nodelay(true).unwrap();
                tasks.spawn(connection(stream));
            }
            Some(ended) = tasks.join_next() => ended.unwrap(),
        }
    }
}

async fn secured(tls: TlsAcceptor, stream: TcpStream, shared: Arc<Shared>) {
    let open = Open::new(&shared, true);
    // A client that does not trust it goes away.
    if let Ok(stream) = tls.accept(stream).await {
        speak(stream, shared, open).await;
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    shared: Arc<Shared>,
    open: Open,
) {
    let open = Arc::new(open);
    let service = service_fn(|request| {
        let (shared, open) = (Arc::clone(&shared), Arc::clone(&open));
        routes::answer(shared, open, request)
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().max_buf_size(8 << 20);
    server
        .http2()
        .initial_connection_window_size(8 << 20)
        .initial_stream_window_size(2 << 20)
        .max_concurrent_streams(1_000);
    // A client may go away at any time, and some answers break off.
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}
