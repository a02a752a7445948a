//! The server from its first connection to its end.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use lockstep_runner::{ReadyBackup, Runner};

use crate::accept::accept;
use crate::api::{api, document};
use crate::connection::Speaking;
use crate::gate::Gate;
use crate::host::Host;
use crate::patience::Patience;
use crate::replacing::{RestoreEnd, Waiting};
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
    /// What came of a restore, if this server is there because one before has ended for it.
    pub restored: Option<RestoreEnd>,
}

/// Why a server has ended, with all of its runs.
#[derive(Debug)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// A backup is to take the place of the database, after which another server goes on.
    ToRestore(Box<ToRestore>),
}

/// A backup that is to take the place of the database, which this server has open no more.
#[derive(Debug)]
pub struct ToRestore {
    /// Where callers wait for the next server.
    pub listener: TcpListener,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// What is put in place.
    pub backup: ReadyBackup,
}

/// Answers on `listener` until `shutdown` is over or a backup is to take the place of the database, and then until all runs
/// have ended and are recorded.
///
/// # Errors
/// When there is no document of the API.
pub async fn serve(
    listener: TcpListener,
    runner: Runner,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<Ended> {
    let (router, _) = api().into_parts();
    let gate = Gate::new(config.connections, config.connections_per_peer);
    let host = Host::new(
        runner.clone(),
        document()?,
        config.patience,
        &gate,
        config.restored,
    );
    let speaking = Speaking {
        router: router.with_state(host.clone()),
        patience: config.patience,
        stop: host.stop.clone(),
        cut: CancellationToken::new(),
    };
    let end = CancellationToken::new();
    let telling = {
        let (host, end) = (host.clone(), end.clone());
        tokio::spawn(async move { host.refusals.tell(&host.runner, &end).await })
    };
    let telling = AbortOnDropHandle::new(telling);
    let connections = TaskTracker::new();
    let is_to_restore = tokio::select! {
        () = accept(&listener, &gate, config.tls.as_ref(), &speaking, &connections) => false,
        () = shutdown => false,
        () = host.replacing.wanted() => true,
    };
    // Whoever comes now is refused by the system, and may go to another host; or waits for the next server.
    let listener = is_to_restore.then_some(listener);
    host.stop.cancel();
    end_connections(&connections, &host, &speaking, config.drain).await;
    // Nobody is refused any more.
    end.cancel();
    if let Err(error) = telling.await {
        tracing::error!("some calls were refused without an entry in the audit: {error}");
    }
    runner.drain().await;
    let waiting = host.replacing.take();
    Ok(match (listener, waiting) {
        (Some(listener), Some(Waiting { asked_at, backup })) => {
            Ended::ToRestore(Box::new(ToRestore {
                listener,
                asked_at,
                backup,
            }))
        }
        _ => Ended::Stopped,
    })
}

/// Waits for what is being answered, and ends what goes on for too long.
async fn end_connections(
    connections: &TaskTracker,
    host: &Host,
    speaking: &Speaking,
    drain: Duration,
) {
    connections.close();
    if timeout(drain, connections.wait()).await.is_ok() {
        return;
    }
    host.cancel.cancel();
    // A connection that says nothing more is not waited for: its client has no run.
    if timeout(LAST_ANSWERS, connections.wait()).await.is_err() {
        tracing::warn!("connections were still open when the server ended");
        speaking.cut.cancel();
        // Their handlers go with them, and with these what holds on to the store.
        connections.wait().await;
    }
}
