//! The runner: store, vault and sandbox, put together.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use lockstep_sandbox::{Sandbox, Traces};
use lockstep_step::WorkspaceName;
use lockstep_store::{Store, StoreError};
use lockstep_vault::Vault;

use crate::live::LiveRuns;
use crate::metrics::Metrics;
use crate::shares::Shares;
use crate::snapshots::Snapshots;

/// Runs steps and keeps the record. Clones share everything.
#[derive(Clone)]
pub struct Runner {
    pub(crate) parts: Arc<Parts>,
}

/// What the clones of a runner share.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) sandbox: Sandbox,
    pub(crate) snapshots: Snapshots,
    /// Runs that go on although nobody waits for them: their records are to be closed all the same.
    pub(crate) runs: TaskTracker,
    /// Those that go on in this process.
    pub(crate) live: LiveRuns,
    pub(crate) followers: Shares,
    /// Bytes with which runs are asked for.
    pub(crate) requests: Shares,
    pub(crate) metrics: Metrics,
    /// Has a place for one verification of the audit.
    pub(crate) verifying: Semaphore,
    /// Has a place for one re-wrapping of the keys of workspaces.
    pub(crate) rewrapping: Semaphore,
    /// Has a place for one copy of the database.
    pub(crate) copying: Arc<Semaphore>,
}

/// How a runner behaves.
#[derive(Clone, Copy, Debug)]
pub struct RunnerConfig {
    /// How many may follow the logs of runs at a time: each holds a connection and up to 256 KiB. Default: 1,000.
    pub followers: usize,
    /// Bytes with which runs that have not ended may have been asked for: what is held of input and source. Default: 512
    /// MiB.
    pub request_bytes: usize,
}

impl Runner {
    /// A runner over these parts, with the defaults.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, vault: Arc<Vault>, sandbox: Sandbox) -> Self {
        Self::with(RunnerConfig::default(), store, vault, sandbox)
    }

    /// A runner over these parts.
    #[must_use]
    pub fn with(
        config: RunnerConfig,
        store: Arc<dyn Store>,
        vault: Arc<Vault>,
        sandbox: Sandbox,
    ) -> Self {
        store.seal_heads(Arc::clone(&vault));
        let (snapshots, runs) = (Snapshots::default(), TaskTracker::new());
        Self {
            parts: Arc::new(Parts {
                store,
                vault,
                sandbox,
                snapshots,
                runs,
                live: LiveRuns::default(),
                followers: Shares::new(config.followers),
                requests: Shares::new(config.request_bytes),
                metrics: Metrics::new(),
                verifying: Semaphore::new(1),
                rewrapping: Semaphore::new(1),
                copying: Arc::new(Semaphore::new(1)),
            }),
        }
    }

    /// Has ready what the first run would wait for. It goes on by itself, and is waited for by [`Runner::drain`].
    pub fn warm(&self) {
        let parts = Arc::clone(&self.parts);
        self.parts.runs.spawn(async move {
            if let Err(error) = parts.sandbox.warm().await {
                tracing::warn!("{error}");
            }
        });
    }

    /// Waits until every run has ended and is recorded, those included whose callers went away.
    pub async fn drain(&self) {
        self.parts.runs.close();
        self.parts.runs.wait().await;
        self.parts.runs.reopen();
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check_store(&self) -> Result<(), StoreError> {
        self.store().mark(&WorkspaceName::default_name()).await?;
        Ok(())
    }

    /// What joins spans to the traces of others, if anything does.
    #[must_use]
    pub fn traces(&self) -> Option<&dyn Traces> {
        self.parts.sandbox.traces()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self {
            followers: 1_000,
            request_bytes: 512 << 20,
        }
    }
}
