//! The server from its first connection to its end.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use lockstep_runner::Runner;

use crate::accept::accept;
use crate::api::{api, document};
use crate::connection::Speaking;
use crate::gate::Gate;
use crate::host::Host;
use crate::patience::Patience;
use crate::tls::Tls;

/// Cancelled runs have so long to be recorded and answered.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// When it is told to end, runs have so long to end by themselves before they are cancelled.
    pub drain: Duration,
    /// Connections at the same time.
    pub connections: u32,
    /// Of these, from one address, or one network of IPv6. A proxy on this machine may have all.
    pub connections_per_peer: u32,
    /// How long clients may take.
    pub patience: Patience,
    /// Without it, whoever is on the way reads tokens and values.
    pub tls: Option<Tls>,
}

/// Answers on `listener` until `shutdown` is over, and then until all runs have ended and are recorded.
///
/// # Errors
/// When there is no document of the API.
pub async fn serve(
    listener: TcpListener,
    runner: Runner,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (router, _) = api().into_parts();
    let gate = Gate::new(config.connections, config.connections_per_peer);
    let host = Host::new(runner.clone(), document()?, config.patience, &gate);
    let speaking = Speaking {
        router: router.with_state(host.clone()),
        patience: config.patience,
        stop: host.stop.clone(),
    };
    let end = CancellationToken::new();
    let telling = {
        let (host, end) = (host.clone(), end.clone());
        tokio::spawn(async move { host.refusals.tell(&host.runner, &end).await })
    };
    let telling = AbortOnDropHandle::new(telling);
    let connections = TaskTracker::new();
    tokio::select! {
        () = accept(&listener, &gate, config.tls.as_ref(), &speaking, &connections) => {}
        () = shutdown => {}
    }
    // Whoever comes now is refused by the system, and may go to another host.
    drop(listener);
    host.stop.cancel();
    connections.close();
    if timeout(config.drain, connections.wait()).await.is_err() {
        host.cancel.cancel();
        // A connection that says nothing more is not waited for: its client has no run.
        if timeout(LAST_ANSWERS, connections.wait()).await.is_err() {
            tracing::warn!("connections were still open when the server ended");
        }
    }
    // Nobody is refused any more.
    end.cancel();
    if let Err(error) = telling.await {
        tracing::error!("some calls were refused without an entry in the audit: {error}");
    }
    runner.drain().await;
    Ok(())
}
