//! The server from its first connection to its end.

use std::future::{Future, IntoFuture as _};
use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use lockstep_runner::Runner;

use crate::api::{api, document};
use crate::host::Host;

/// Cancelled runs have so long to be recorded and answered.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub struct ServerConfig {
    /// When it is told to end, runs have so long to end by themselves before they are cancelled.
    pub drain: Duration,
}

/// Answers on `listener` until `shutdown` is over, and then until all runs have ended and are recorded.
///
/// # Errors
/// When connections cannot be accepted any more.
pub async fn serve(
    listener: TcpListener,
    runner: Runner,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (router, _) = api().into_parts();
    let host = Host::new(runner.clone(), document()?);
    let stop = CancellationToken::new();
    // An answer is written at once and as a whole: nothing is gained by holding its last part back.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!("a connection waits for acknowledgements: {error}");
        }
    });
    let served = axum::serve(listener, router.with_state(host.clone()))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    let mut served = pin!(served.into_future());
    tokio::select! {
        ended = &mut served => return ended,
        () = shutdown => stop.cancel(),
    }
    if timeout(config.drain, &mut served).await.is_err() {
        host.cancel.cancel();
        // A connection that says nothing more is not waited for: its client has no run.
        if timeout(LAST_ANSWERS, &mut served).await.is_err() {
            tracing::warn!("connections were still open when the server ended");
        }
    }
    runner.drain().await;
    Ok(())
}
