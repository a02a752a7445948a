//! Connections: a host is resolved, and what is dialled is an address that was checked.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use lockstep_step::RequestFault;

use super::config::EgressConfig;
use super::error::EgressError;
use super::tls::Tls;

/// How long one address is waited for before the next is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;

tokio::task_local! {
    /// How long whoever makes a request waits for its connection. The client of hyper passes on no more than the URI.
    static PATIENCE: Duration;
}

/// `sending`, with connections that are given up after `limit` if that is shorter than the operator's.
pub(crate) async fn connecting_within<T>(limit: Duration, sending: impl Future<Output = T>) -> T {
    PATIENCE.scope(limit, sending).await
}

/// Makes the connections of a pool.
#[derive(Clone)]
pub(super) struct Dialer {
    pub(super) config: Arc<EgressConfig>,
    pub(super) tls: Arc<Tls>,
}

/// A connection to a server.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dialer {
    async fn dial(&self, uri: &Uri, patience: Duration) -> Result<Wire, EgressError> {
        let host = uri.host().unwrap_or_default();
        let host = host
            .strip_prefix('[')
            .and_then(|it| it.strip_suffix(']'))
            .unwrap_or(host);
        let is_tls = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let dialling = async {
            let addresses = self.allowed(host, self.resolve(host).await?)?;
            let stream = connect(addresses, port).await.map_err(|error| {
                let message = format!("cannot connect to `{host}`: {error}");
                EgressError::new(RequestFault::Connect, message)
            })?;
            if is_tls {
                self.secure(host, stream).await
            } else {
                Ok(Wire::Plain(stream))
            }
        };
        let limit = self.config.connect_timeout.min(patience);
        let dialled = timeout(limit, dialling).await.unwrap_or_else(|_| {
            let seconds = limit.as_secs_f64();
            let message = format!(
                "no connection to `{host}` within {seconds} s, the limit `connect_timeout`"
            );
            Err(EgressError::new(RequestFault::Timeout, message))
        });
        dialled.map_err(|error| error.at(host))
    }

    /// All addresses of `host`.
    pub(super) async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.config.resolver.resolve(host).await.map_err(|error| {
                let message = format!("the name `{host}` cannot be resolved: {error}");
                EgressError::new(RequestFault::Dns, message)
            })?,
        };
        if found.is_empty() {
            let message = format!("the name `{host}` has no address");
            return Err(EgressError::new(RequestFault::Dns, message));
        }
        Ok(found)
    }

    /// Those of the addresses of `host` that may be dialled.
    pub(super) fn allowed(
        &self,
        host: &str,
        found: Vec<IpAddr>,
    ) -> Result<Vec<IpAddr>, EgressError> {
        let mut allowed = found;
        allowed.retain(|address| self.config.ground(host, *address).is_some());
        allowed.truncate(MAX_ADDRESSES);
        if allowed.is_empty() {
            let message = format!(
                "`{host}` has no address that requests may go to: public ones only, unless the operator lists the host or its network"
            );
            return Err(EgressError::denied(message));
        }
        Ok(allowed)
    }

    async fn secure(&self, host: &str, stream: TcpStream) -> Result<Wire, EgressError> {
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!("no TLS connection with `{host}`: {error}");
            EgressError::new(RequestFault::Tls, message)
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
        let connector = TlsConnector::from(self.tls.client().await);
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Wire::Tls(Box::new(stream)))
    }
}

/// Connects to the first of `addresses` that answers; each has a head start before the next.
async fn connect(addresses: Vec<IpAddr>, port: u16) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let next = waiting.next().map(|address| SocketAddr::new(address, port));
        let Some(address) = next else {
            match attempts.join_next().await {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => failure = error,
                Some(Err(error)) => failure = error.into(),
                None => return Err(failure),
            }
            continue;
        };
        attempts.spawn(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            io::Result::Ok(stream)
        });
        tokio::select! {
            Some(ended) = attempts.join_next() => match ended {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = error,
                Err(error) => failure = error.into(),
            },
            () = sleep(HEAD_START) => {}
        }
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<Wire>;
    type Error = EgressError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, EgressError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        let patience = PATIENCE.try_with(|it| *it).unwrap_or(Duration::MAX);
        Box::pin(async move { dialer.dial(&uri, patience).await.map(TokioIo::new) })
    }
}

// === impl Wire ===

impl Connection for Wire {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        match self {
            Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                connected.negotiated_h2()
            }
            Self::Tls(_) | Self::Plain(_) => connected,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
