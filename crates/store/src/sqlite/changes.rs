//! What a snapshot of a workspace is refreshed from.

use rusqlite::{Connection, OptionalExtension as _, params};

use lockstep_step::{WorkflowName, WorkspaceName};
use lockstep_vault::{Change, SealedCredential, SnapshotMark, WorkspaceChanges};

use crate::error::{StoreError, Thing};

use super::column::Columns as _;
use super::credentials::workspace_key;
use super::egress::egress_of;
use super::workspaces::{permission_of, sealing};

/// The present state of a workspace.
pub(super) fn mark(
    connection: &Connection,
    workspace: &WorkspaceName,
) -> Result<SnapshotMark, StoreError> {
    connection
        .prepare_cached("SELECT id, revision FROM workspaces WHERE name = ?1")?
        .query_row([workspace.as_str()], |row| {
            Ok(SnapshotMark {
                workspace: row.get(0)?,
                revision: row.get(1)?,
            })
        })
        .optional()?
        .ok_or_else(|| StoreError::NotFound(Thing::Workspace(workspace.clone())))
}

/// What changed since `since`, or all that is there.
pub(super) fn since(
    connection: &Connection,
    workspace: &WorkspaceName,
    since: Option<SnapshotMark>,
) -> Result<WorkspaceChanges, StoreError> {
    let mark = mark(connection, workspace)?;
    // A mark of another workspace of this name, or of a future that a restored backup does not have, leads nowhere.
    let base = since.filter(|old| old.workspace == mark.workspace && old.revision <= mark.revision);
    let mut changes = Vec::new();
    if base != Some(mark) {
        // The first revision is 0, so all is later than this; and what was removed is no news then.
        let revision = base.map_or(-1, |base| base.revision);
        credentials(connection, mark.workspace, revision, &mut changes)?;
        workflows(connection, mark.workspace, revision, &mut changes)?;
    }
    Ok(WorkspaceChanges {
        mark,
        from_empty: base.is_none(),
        key: workspace_key(connection, mark.workspace)?,
        sealing: sealing(connection, mark.workspace)?,
        changes,
    })
}

fn credentials(
    connection: &Connection,
    workspace_id: i64,
    revision: i64,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT workflow, key, version, record, expires_at FROM credentials
          WHERE workspace_id = ?1 AND revision > ?2 AND (record IS NOT NULL OR ?2 >= 0)",
    )?;
    let rows = statement.query_and_then(params![workspace_id, revision], |row| {
        let (scope, key) = (row.scope(0)?, row.parsed(1)?);
        Ok::<_, StoreError>(match row.plain::<Option<Vec<u8>>>(3)? {
            Some(record) => Change::Set {
                scope,
                key,
                sealed: SealedCredential::from_record(row.count(2)?, record)
                    .expiring(row.optional_time(4)?),
            },
            None => Change::Deleted { scope, key },
        })
    })?;
    for change in rows {
        changes.push(change?);
    }
    Ok(())
}

fn workflows(
    connection: &Connection,
    workspace_id: i64,
    revision: i64,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, id, permission, egress FROM workflows
          WHERE workspace_id = ?1 AND permission_revision > ?2
         UNION ALL
         SELECT name, NULL, NULL, NULL FROM removed_workflows
          WHERE workspace_id = ?1 AND revision > ?2 AND ?2 >= 0",
    )?;
    let mut rows = statement.query(params![workspace_id, revision])?;
    while let Some(row) = rows.next()? {
        let workflow: WorkflowName = row.parsed(0)?;
        let Some(id) = row.plain::<Option<i64>>(1)? else {
            changes.push(Change::WorkflowRemoved { workflow });
            continue;
        };
        let egress = egress_of(&workflow, &row.plain::<String>(3)?)?;
        let permission = permission_of(connection, id, &row.plain::<String>(2)?)?;
        changes.push(Change::Egress {
            workflow: workflow.clone(),
            egress,
        });
        changes.push(Change::Permission {
            workflow,
            permission,
        });
    }
    Ok(())
}
