//! Where the requests of workflows may go.

use rusqlite::{Connection, params};

use lockstep_step::{WorkflowEgress, WorkflowName, WorkspaceName};

use crate::audit::{AuditAction, Fields};
use crate::error::StoreError;

use super::audit;
use super::credentials::Stamp;
use super::workspaces::{next_revision, workflow_id, workspace_id};

/// The rules of a workflow whose column has `json`. What cannot be read allows nothing: it is an error.
pub(super) fn egress_of(workflow: &WorkflowName, json: &str) -> Result<WorkflowEgress, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Corrupt {
        what: format!("where requests of workflow `{workflow}` may go cannot be read"),
    })
}

pub(super) fn set(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
    egress: &WorkflowEgress,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let word = match egress {
        WorkflowEgress::All => "all",
        WorkflowEgress::Only(_) => "only",
    };
    let json = serde_json::to_string(egress).map_err(|error| StoreError::Corrupt {
        what: format!("the rules have no JSON form: {error}"),
    })?;
    let workspace_id = workspace_id(connection, workspace)?;
    let id = workflow_id(connection, workspace_id, workflow)?;
    let revision = next_revision(connection, workspace_id)?;
    connection
        .prepare_cached(
            "UPDATE workflows
                SET egress = ?2, permission_revision = ?3, egress_at = ?4, egress_by = ?5
              WHERE id = ?1",
        )?
        .execute(params![
            id,
            json,
            revision,
            stamp.at.as_microsecond(),
            stamp.by
        ])?;
    let set = Fields {
        workflow: Some(workflow.as_str()),
        detail: Some(word),
        ..Fields::of(AuditAction::EgressSet)
    };
    audit::append(connection, workspace, stamp, set)
}
