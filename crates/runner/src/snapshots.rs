//! The snapshot of each workspace that runs share, refreshed when the workspace has moved on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockstep_step::WorkspaceName;
use lockstep_store::{Store, StoreError};
use lockstep_vault::{SnapshotMark, WorkspaceSnapshot};

/// Workspaces whose snapshots are kept. Over it all are let go, and read again when they are asked for.
const MAX_SNAPSHOTS: usize = 1_000;

#[derive(Default)]
pub(crate) struct Snapshots(Mutex<HashMap<WorkspaceName, Arc<WorkspaceSnapshot>>>);

impl Snapshots {
    /// The workspace as it was at `mark` or, if it has been changed since, later.
    ///
    /// Costs a look into a map while nothing changes, and as much as there are changes otherwise.
    pub(crate) async fn at(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceName,
        mark: SnapshotMark,
    ) -> Result<Arc<WorkspaceSnapshot>, StoreError> {
        let known = self.lock().get(workspace).cloned();
        if let Some(known) = &known
            && known.mark() == Some(mark)
        {
            return Ok(Arc::clone(known));
        }
        let known = known.unwrap_or_else(|| Arc::new(WorkspaceSnapshot::empty(workspace.clone())));
        let changes = store.changes_since(workspace, known.mark()).await?;
        let fresh = Arc::new(known.apply(changes));
        let mut snapshots = self.lock();
        if snapshots.len() >= MAX_SNAPSHOTS {
            snapshots.clear();
        }
        snapshots.insert(workspace.clone(), Arc::clone(&fresh));
        Ok(fresh)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WorkspaceName, Arc<WorkspaceSnapshot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
