//! Runs of this process that go on: found again by who cancels or follows them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use lockstep_step::{RunId, WorkflowName, WorkspaceName};

/// Clones share the runs.
#[derive(Clone, Default)]
pub(crate) struct LiveRuns(Arc<Mutex<HashMap<RunId, LiveRun>>>);

#[derive(Clone)]
pub(crate) struct LiveRun {
    pub(crate) workspace: WorkspaceName,
    pub(crate) workflow: WorkflowName,
    pub(crate) cancel: CancellationToken,
    recorded: Arc<watch::Sender<()>>,
}

/// A run that is among the live ones for as long as this exists: until its record is closed.
#[must_use]
pub(crate) struct Living {
    id: RunId,
    recorded: Arc<watch::Sender<()>>,
    runs: LiveRuns,
}

// === impl LiveRuns ===

impl LiveRuns {
    pub(crate) fn add(
        &self,
        id: RunId,
        workspace: WorkspaceName,
        workflow: WorkflowName,
        cancel: CancellationToken,
    ) -> Living {
        let recorded = Arc::new(watch::Sender::new(()));
        let run = LiveRun {
            workspace,
            workflow,
            cancel,
            recorded: Arc::clone(&recorded),
        };
        self.lock().insert(id, run);
        Living {
            id,
            recorded,
            runs: self.clone(),
        }
    }

    /// A run of this workspace.
    pub(crate) fn find(&self, workspace: &WorkspaceName, id: &RunId) -> Option<LiveRun> {
        let found = self.lock().get(id).cloned();
        found.filter(|run| run.workspace == *workspace)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, LiveRun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl LiveRun ===

impl LiveRun {
    /// Hears whenever something of the run was recorded. Closed once its record is.
    pub(crate) fn hear(&self) -> watch::Receiver<()> {
        self.recorded.subscribe()
    }
}

// === impl Living ===

impl Living {
    /// Tells those who follow the run that there is more of its log in the record.
    pub(crate) fn tell(&self) {
        self.recorded.send_replace(());
    }

    /// Whether anybody follows the run.
    pub(crate) fn is_followed(&self) -> bool {
        self.recorded.receiver_count() > 0
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.runs.lock().remove(&self.id);
    }
}
