//! What the store tells about workspaces and their workflows.

use jiff::Timestamp;

use lockstep_step::{SealingPolicy, UsagePermission, WorkflowEgress, WorkflowName, WorkspaceName};

/// A workspace in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkspaceEntry {
    /// Its name.
    pub name: WorkspaceName,
    /// When it was added.
    pub created_at: Timestamp,
    /// How many workflows it has.
    pub workflows: u64,
    /// How many credentials it has, those of its workflows included.
    pub credentials: u64,
    /// Whether they must be sealed.
    pub sealing: SealingPolicy,
    /// When that was last set; `None` if it is as it was from the start.
    pub sealing_set_at: Option<Timestamp>,
    /// By whom.
    pub sealing_set_by: Option<String>,
}

/// A workflow in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkflowEntry {
    /// Its name.
    pub name: WorkflowName,
    /// When it was added.
    pub created_at: Timestamp,
    /// What it may use.
    pub permission: UsagePermission,
    /// When that was last set; `None` if it is as it was from the start.
    pub permission_set_at: Option<Timestamp>,
    /// By whom.
    pub permission_set_by: Option<String>,
    /// Where its requests may go.
    pub egress: WorkflowEgress,
    /// When that was last set; `None` if it is as it was from the start.
    pub egress_set_at: Option<Timestamp>,
    /// By whom.
    pub egress_set_by: Option<String>,
    /// How many credentials are its own.
    pub credentials: u64,
    /// How many steps it has.
    pub steps: u64,
}
