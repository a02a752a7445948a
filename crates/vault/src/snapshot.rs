//! What a workspace held at one moment, as runs share it.
//!
//! A snapshot never changes. The next one shares with it all that stayed the same, so that a refresh costs as much as
//! there are changes, and a run that started before keeps what it saw.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use imbl::HashMap;

use lockstep_step::{
    CredentialKey, Scope, SealingPolicy, UsagePermission, WorkflowEgress, WorkflowName,
    WorkspaceName,
};

use crate::envelope::{OpenError, SealedCredential, WrappedWorkspaceKey};
use crate::record::RecordError;

type Sealed = HashMap<CredentialKey, Arc<SealedCredential>>;

/// What a workflow may use that was removed after its run was opened.
static NOTHING: UsagePermission = UsagePermission::Selected(BTreeSet::new());

/// Where the requests of such a workflow may go.
static NOWHERE: LazyLock<Arc<WorkflowEgress>> =
    LazyLock::new(|| Arc::new(WorkflowEgress::Only(Vec::new())));

/// The sealed credentials, usage permissions and rules of egress of one workspace at one revision.
#[derive(Clone, Debug)]
pub struct WorkspaceSnapshot {
    workspace: WorkspaceName,
    mark: Option<SnapshotMark>,
    key: Option<Result<Arc<WrappedWorkspaceKey>, RecordError>>,
    sealing: SealingPolicy,
    in_workspace: Sealed,
    in_workflows: HashMap<WorkflowName, Sealed>,
    permissions: HashMap<WorkflowName, Arc<UsagePermission>>,
    egress: HashMap<WorkflowName, Arc<WorkflowEgress>>,
}

/// Which state of which workspace a snapshot shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SnapshotMark {
    /// The store's number of the workspace: another one if a workspace was removed and added again.
    pub workspace: i64,
    /// Moves with each change of a credential, a usage permission, rules of egress, the workspace's key or its policy.
    pub revision: i64,
}

/// How a workspace differs from what a snapshot shows.
#[derive(Clone, Debug)]
pub struct WorkspaceChanges {
    /// The state that the changes lead to.
    pub mark: SnapshotMark,
    /// Whether the changes start from an empty workspace, rather than from the snapshot that they were asked for.
    pub from_empty: bool,
    /// The workspace's key, if it has one yet. One that cannot be read stops what needs it, not the snapshot.
    pub key: Option<Result<WrappedWorkspaceKey, RecordError>>,
    /// Whether the workspace's credentials must be sealed.
    pub sealing: SealingPolicy,
    /// In any order: each thing occurs once.
    pub changes: Vec<Change>,
}

/// One thing that is other than it was.
#[derive(Clone, Debug)]
pub enum Change {
    /// A credential was set or rotated.
    Set {
        /// Where it is defined.
        scope: Scope,
        /// Its key.
        key: CredentialKey,
        /// Its present version.
        sealed: SealedCredential,
    },
    /// A credential was deleted.
    Deleted {
        /// Where it was defined.
        scope: Scope,
        /// Its key.
        key: CredentialKey,
    },
    /// A workflow was added, or may now use this.
    Permission {
        /// The workflow.
        workflow: WorkflowName,
        /// Its usage permission.
        permission: UsagePermission,
    },
    /// The requests of a workflow may now go there.
    Egress {
        /// The workflow.
        workflow: WorkflowName,
        /// Where.
        egress: WorkflowEgress,
    },
    /// A workflow was removed. Its credentials are told one by one.
    WorkflowRemoved {
        /// The workflow.
        workflow: WorkflowName,
    },
}

impl WorkspaceSnapshot {
    /// A workspace of which nothing is known yet.
    #[must_use]
    pub fn empty(workspace: WorkspaceName) -> Self {
        Self {
            workspace,
            mark: None,
            key: None,
            sealing: SealingPolicy::default(),
            in_workspace: HashMap::new(),
            in_workflows: HashMap::new(),
            permissions: HashMap::new(),
            egress: HashMap::new(),
        }
    }

    /// The snapshot after `changes`. Costs as much as there are changes.
    #[must_use]
    pub fn apply(&self, changes: WorkspaceChanges) -> Self {
        let mut next = if changes.from_empty {
            Self::empty(self.workspace.clone())
        } else {
            self.clone()
        };
        next.mark = Some(changes.mark);
        next.key = changes.key.map(|key| key.map(Arc::new));
        next.sealing = changes.sealing;
        for change in changes.changes {
            next.apply_one(change);
        }
        next
    }

    fn apply_one(&mut self, change: Change) {
        match change {
            Change::Set { scope, key, sealed } => {
                self.scope_mut(scope).insert(key, Arc::new(sealed));
            }
            Change::Deleted { scope, key } => {
                self.scope_mut(scope).remove(&key);
            }
            Change::Permission {
                workflow,
                permission,
            } => {
                self.permissions.insert(workflow, Arc::new(permission));
            }
            Change::Egress { workflow, egress } => {
                self.egress.insert(workflow, Arc::new(egress));
            }
            Change::WorkflowRemoved { workflow } => {
                self.permissions.remove(&workflow);
                self.egress.remove(&workflow);
            }
        }
    }

    /// Whose snapshot it is.
    #[must_use]
    pub fn workspace(&self) -> &WorkspaceName {
        &self.workspace
    }

    /// Which state it shows; `None` for [`WorkspaceSnapshot::empty`].
    #[must_use]
    pub fn mark(&self) -> Option<SnapshotMark> {
        self.mark
    }

    /// The workspace's key.
    pub(crate) fn key(&self) -> Result<&WrappedWorkspaceKey, OpenError> {
        match &self.key {
            Some(Ok(key)) => Ok(key),
            Some(Err(error)) => Err(error.clone().into()),
            None => Err(OpenError::NoWorkspaceKey),
        }
    }

    /// Whether its credentials must be sealed.
    #[must_use]
    pub fn sealing(&self) -> SealingPolicy {
        self.sealing
    }

    /// A credential of the workspace itself.
    #[must_use]
    pub fn in_workspace(&self, key: &CredentialKey) -> Option<&SealedCredential> {
        self.in_workspace.get(key).map(AsRef::as_ref)
    }

    /// A credential of one workflow.
    #[must_use]
    pub fn in_workflow(
        &self,
        workflow: &WorkflowName,
        key: &CredentialKey,
    ) -> Option<&SealedCredential> {
        self.in_workflows.get(workflow)?.get(key).map(AsRef::as_ref)
    }

    /// What `workflow` may use: nothing, if there is no such workflow.
    #[must_use]
    pub fn permission(&self, workflow: &WorkflowName) -> &UsagePermission {
        self.permissions
            .get(workflow)
            .map_or(&NOTHING, AsRef::as_ref)
    }

    /// Where the requests of `workflow` may go: nowhere, if there is no such workflow.
    #[must_use]
    pub fn egress(&self, workflow: &WorkflowName) -> &Arc<WorkflowEgress> {
        self.egress.get(workflow).unwrap_or(&NOWHERE)
    }

    /// The keys that are defined in either scope, some of them twice, in no order.
    pub(crate) fn keys(&self, workflow: &WorkflowName) -> impl Iterator<Item = &CredentialKey> {
        let own = self.in_workflows.get(workflow);
        let own = own.into_iter().flat_map(HashMap::keys);
        own.chain(self.in_workspace.keys())
    }

    fn scope_mut(&mut self, scope: Scope) -> &mut Sealed {
        match scope {
            Scope::Workspace => &mut self.in_workspace,
            Scope::Workflow(name) => self.in_workflows.entry(name).or_default(),
        }
    }
}
