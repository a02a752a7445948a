//! Workspaces, workflows and usage permissions.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use lockstep_step::{
    Condition, CredentialKey, Scope, SealingPolicy, UsagePermission, WorkflowName, WorkspaceName,
};

use crate::audit::{AuditAction, Fields};
use crate::credential::Removal;
use crate::error::{StoreError, Thing};
use crate::workspace::{WorkflowEntry, WorkspaceEntry};

use super::audit;
use super::column::Columns as _;
use super::credentials::Stamp;
use super::egress::egress_of;
use super::failure::is_duplicate;
use super::steps;

const ENTRY: &str = "SELECT name, created_at,
                            (SELECT count(*) FROM workflows WHERE workspace_id = workspaces.id),
                            (SELECT count(*) FROM credentials
                              WHERE workspace_id = workspaces.id AND record IS NOT NULL),
                            sealing, sealing_at, sealing_by
                       FROM workspaces";

/// The number of a workspace.
pub(super) fn workspace_id(
    connection: &Connection,
    workspace: &WorkspaceName,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached("SELECT id FROM workspaces WHERE name = ?1")?
        .query_row([workspace.as_str()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::NotFound(Thing::Workspace(workspace.clone())))
}

/// The number of a workflow.
pub(super) fn workflow_id(
    connection: &Connection,
    workspace_id: i64,
    workflow: &WorkflowName,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached("SELECT id FROM workflows WHERE workspace_id = ?1 AND name = ?2")?
        .query_row(params![workspace_id, workflow.as_str()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::NotFound(Thing::Workflow(workflow.clone())))
}

/// Moves the revision of a workspace, and tells the new one.
pub(super) fn next_revision(connection: &Connection, workspace_id: i64) -> Result<i64, StoreError> {
    let sql = "UPDATE workspaces SET revision = revision + 1 WHERE id = ?1 RETURNING revision";
    Ok(connection
        .prepare_cached(sql)?
        .query_row([workspace_id], |row| row.get(0))?)
}

// Workspaces.

pub(super) fn list(connection: &Connection) -> Result<Vec<WorkspaceEntry>, StoreError> {
    connection
        .prepare_cached(&format!("{ENTRY} ORDER BY name"))?
        .query_and_then((), entry)?
        .collect()
}

pub(super) fn find(
    connection: &Connection,
    workspace: &WorkspaceName,
) -> Result<WorkspaceEntry, StoreError> {
    connection
        .prepare_cached(&format!("{ENTRY} WHERE name = ?1"))?
        .query_and_then([workspace.as_str()], entry)?
        .next()
        .unwrap_or_else(|| Err(StoreError::NotFound(Thing::Workspace(workspace.clone()))))
}

fn entry(row: &rusqlite::Row<'_>) -> Result<WorkspaceEntry, StoreError> {
    Ok(WorkspaceEntry {
        name: row.parsed(0)?,
        created_at: row.time(1)?,
        workflows: row.count(2)?,
        credentials: row.count(3)?,
        sealing: sealing_of(&row.plain::<String>(4)?),
        sealing_set_at: row.optional_time(5)?,
        sealing_set_by: row.plain(6)?,
    })
}

/// Adds a workspace with its first workflow.
pub(super) fn add(
    connection: &Connection,
    workspace: &WorkspaceName,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let at = stamp.at;
    let sql = "INSERT INTO workspaces (name, created_at) VALUES (?1, ?2) RETURNING id";
    let id: i64 = connection
        .prepare_cached(sql)?
        .query_row(params![workspace.as_str(), at.as_microsecond()], |row| {
            row.get(0)
        })
        .map_err(|error| exists(error, || Thing::Workspace(workspace.clone())))?;
    insert_workflow(connection, id, &WorkflowName::default_name(), at)?;
    tell(connection, workspace, AuditAction::WorkspaceAdded, stamp)
}

/// Tells of a workspace in its own chain, and in the host's, from which nobody can take it along.
fn tell(
    connection: &Connection,
    workspace: &WorkspaceName,
    action: AuditAction,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    audit::append(connection, workspace, stamp, Fields::of(action))?;
    let named = Fields {
        target: Some(workspace.as_str()),
        ..Fields::of(action)
    };
    audit::append_to_host(connection, stamp, named)
}

/// Adds the workspace that is always there.
pub(super) fn add_default(connection: &Connection, at: Timestamp) -> Result<(), StoreError> {
    let name = WorkspaceName::default_name();
    match workspace_id(connection, &name) {
        Err(StoreError::NotFound(_)) => {
            let by = audit::HOST;
            add(connection, &name, Stamp { at, by })
        }
        found => found.map(drop),
    }
}

/// Whether the credentials of a workspace must be sealed.
pub(super) fn sealing(
    connection: &Connection,
    workspace_id: i64,
) -> Result<SealingPolicy, StoreError> {
    let word: String = connection
        .prepare_cached("SELECT sealing FROM workspaces WHERE id = ?1")?
        .query_row([workspace_id], |row| row.get(0))?;
    Ok(sealing_of(&word))
}

fn sealing_of(word: &str) -> SealingPolicy {
    if word == SealingPolicy::Optional.as_str() {
        SealingPolicy::Optional
    } else {
        // Anything else allows no more.
        SealingPolicy::Required
    }
}

pub(super) fn set_sealing(
    connection: &Connection,
    workspace: &WorkspaceName,
    sealing: SealingPolicy,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let id = workspace_id(connection, workspace)?;
    next_revision(connection, id)?;
    connection
        .prepare_cached(
            "UPDATE workspaces SET sealing = ?2, sealing_at = ?3, sealing_by = ?4 WHERE id = ?1",
        )?
        .execute(params![
            id,
            sealing.as_str(),
            stamp.at.as_microsecond(),
            stamp.by
        ])?;
    let set = Fields {
        detail: Some(sealing.as_str()),
        ..Fields::of(AuditAction::SealingSet)
    };
    audit::append(connection, workspace, stamp, set)
}

pub(super) fn remove(
    connection: &Connection,
    workspace: &WorkspaceName,
    removal: Removal,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let what = || Thing::Workspace(workspace.clone());
    if *workspace == WorkspaceName::default_name() {
        return Err(StoreError::Permanent(what()));
    }
    let id = workspace_id(connection, workspace)?;
    let sql = "SELECT count(*) FROM credentials WHERE workspace_id = ?1 AND record IS NOT NULL";
    refuse_with_credentials(connection, sql, params![id], removal, what)?;
    tell(connection, workspace, AuditAction::WorkspaceRemoved, stamp)?;
    connection
        .prepare_cached("DELETE FROM workspaces WHERE id = ?1")?
        .execute([id])?;
    steps::remove_unused_artifacts(connection)
}

// Workflows.

pub(super) fn list_workflows(
    connection: &Connection,
    workspace: &WorkspaceName,
) -> Result<Vec<WorkflowEntry>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    connection
        .prepare_cached(
            "SELECT id, name, created_at, permission,
                    (SELECT count(*) FROM credentials
                      WHERE workspace_id = ?1 AND workflow = workflows.name AND record IS NOT NULL),
                    (SELECT count(*) FROM steps WHERE workflow_id = workflows.id),
                    permission_at, permission_by, egress, egress_at, egress_by
               FROM workflows WHERE workspace_id = ?1 ORDER BY name",
        )?
        .query_and_then([workspace_id], |row| {
            let name = row.parsed(1)?;
            Ok(WorkflowEntry {
                egress: egress_of(&name, &row.plain::<String>(8)?)?,
                egress_set_at: row.optional_time(9)?,
                egress_set_by: row.plain(10)?,
                name,
                created_at: row.time(2)?,
                permission: permission_of(connection, row.plain(0)?, &row.plain::<String>(3)?)?,
                credentials: row.count(4)?,
                steps: row.count(5)?,
                permission_set_at: row.optional_time(6)?,
                permission_set_by: row.plain(7)?,
            })
        })?
        .collect()
}

pub(super) fn add_workflow(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    insert_workflow(connection, workspace_id, workflow, stamp.at)?;
    let added = Fields {
        workflow: Some(workflow.as_str()),
        ..Fields::of(AuditAction::WorkflowAdded)
    };
    audit::append(connection, workspace, stamp, added)
}

fn insert_workflow(
    connection: &Connection,
    workspace_id: i64,
    workflow: &WorkflowName,
    at: Timestamp,
) -> Result<(), StoreError> {
    // A new permission, even if it is the usual one: a workflow of this name may have had another before.
    let revision = next_revision(connection, workspace_id)?;
    connection
        .prepare_cached(
            "INSERT INTO workflows (workspace_id, name, created_at, permission_revision)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            workspace_id,
            workflow.as_str(),
            at.as_microsecond(),
            revision
        ])
        .map_err(|error| exists(error, || Thing::Workflow(workflow.clone())))?;
    connection
        .prepare_cached("DELETE FROM removed_workflows WHERE workspace_id = ?1 AND name = ?2")?
        .execute(params![workspace_id, workflow.as_str()])?;
    Ok(())
}

pub(super) fn remove_workflow(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
    removal: Removal,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let what = || Thing::Workflow(workflow.clone());
    if *workflow == WorkflowName::default_name() {
        return Err(StoreError::Permanent(what()));
    }
    let workspace_id = workspace_id(connection, workspace)?;
    let id = workflow_id(connection, workspace_id, workflow)?;
    let sql = "SELECT count(*) FROM credentials
                WHERE workspace_id = ?1 AND workflow = ?2 AND record IS NOT NULL";
    let owner = params![workspace_id, workflow.as_str()];
    refuse_with_credentials(connection, sql, owner, removal, what)?;
    let revision = next_revision(connection, workspace_id)?;
    let deleted = connection
        .prepare_cached(
            "UPDATE credentials
                SET record = NULL, note = NULL, revision = ?3, rotated_at = ?4, rotated_by = ?5
              WHERE workspace_id = ?1 AND workflow = ?2 AND record IS NOT NULL
              RETURNING key, version",
        )?
        .query_and_then(
            params![
                workspace_id,
                workflow.as_str(),
                revision,
                stamp.at.as_microsecond(),
                stamp.by
            ],
            |row| Ok((row.parsed(0)?, row.count(1)?)),
        )?
        .collect::<Result<Vec<(CredentialKey, u64)>, StoreError>>()?;
    let scope = Scope::Workflow(workflow.clone());
    for (key, version) in deleted {
        let action = AuditAction::CredentialDeleted;
        let deleted = audit::of_credential(action, &scope, &key, version);
        audit::append(connection, workspace, stamp, deleted)?;
    }
    let removed = Fields {
        workflow: Some(workflow.as_str()),
        ..Fields::of(AuditAction::WorkflowRemoved)
    };
    audit::append(connection, workspace, stamp, removed)?;
    connection
        .prepare_cached(
            "INSERT INTO removed_workflows (workspace_id, name, revision) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![workspace_id, workflow.as_str(), revision])?;
    connection
        .prepare_cached("DELETE FROM workflows WHERE id = ?1")?
        .execute([id])?;
    steps::remove_unused_artifacts(connection)
}

/// `sql` counts the credentials that would go along.
fn refuse_with_credentials(
    connection: &Connection,
    sql: &str,
    owner: &[&dyn rusqlite::ToSql],
    removal: Removal,
    what: impl FnOnce() -> Thing,
) -> Result<(), StoreError> {
    let credentials = connection
        .prepare_cached(sql)?
        .query_and_then(owner, |row| row.count(0))?
        .next()
        .unwrap_or(Ok(0))?;
    match removal {
        Removal::IfUnused if credentials > 0 => Err(StoreError::HasCredentials {
            what: what(),
            credentials,
        }),
        Removal::IfUnused | Removal::Forced => Ok(()),
    }
}

// Usage permissions.

pub(super) fn permission(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
) -> Result<UsagePermission, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let id = workflow_id(connection, workspace_id, workflow)?;
    let word: String = connection
        .prepare_cached("SELECT permission FROM workflows WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    permission_of(connection, id, &word)
}

/// The permission of a workflow whose column has `word`.
pub(super) fn permission_of(
    connection: &Connection,
    workflow_id: i64,
    word: &str,
) -> Result<UsagePermission, StoreError> {
    match word {
        "all" => Ok(UsagePermission::All),
        // Anything else allows no more than is listed.
        _ => {
            let keys: Result<BTreeSet<CredentialKey>, StoreError> = connection
                .prepare_cached("SELECT key FROM permitted_keys WHERE workflow_id = ?1")?
                .query_and_then([workflow_id], |row| row.parsed(0))?
                .collect();
            Ok(UsagePermission::Selected(keys?))
        }
    }
}

/// Whether the condition holds of the moment at which the permission was set.
pub(super) fn check_permission(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
    condition: &Condition,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let id = workflow_id(connection, workspace_id, workflow)?;
    let current = connection
        .prepare_cached("SELECT coalesce(permission_at, 0) FROM workflows WHERE id = ?1")?
        .query_and_then([id], |row| row.count(0))?
        .next()
        .transpose()?;
    if condition.holds(current) {
        return Ok(());
    }
    let what = Thing::Permission(workflow.clone());
    Err(StoreError::Condition { what, current })
}

pub(super) fn set_permission(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
    permission: &UsagePermission,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let id = workflow_id(connection, workspace_id, workflow)?;
    let revision = next_revision(connection, workspace_id)?;
    let nothing = BTreeSet::new();
    let (word, keys) = match permission {
        UsagePermission::All => ("all", &nothing),
        UsagePermission::Selected(keys) => ("selected", keys),
    };
    connection
        .prepare_cached(
            "UPDATE workflows
                SET permission = ?2, permission_revision = ?3, permission_at = ?4, permission_by = ?5
              WHERE id = ?1",
        )?
        .execute(params![
            id,
            word,
            revision,
            stamp.at.as_microsecond(),
            stamp.by
        ])?;
    connection
        .prepare_cached("DELETE FROM permitted_keys WHERE workflow_id = ?1")?
        .execute([id])?;
    let sql = "INSERT INTO permitted_keys (workflow_id, key) VALUES (?1, ?2)";
    let mut insert = connection.prepare_cached(sql)?;
    for key in keys {
        insert.execute(params![id, key.as_str()])?;
    }
    let set = Fields {
        workflow: Some(workflow.as_str()),
        detail: Some(word),
        ..Fields::of(AuditAction::PermissionSet)
    };
    audit::append(connection, workspace, stamp, set)
}

/// The error of an insert: that the thing is there, if that is why.
pub(super) fn exists(error: rusqlite::Error, what: impl FnOnce() -> Thing) -> StoreError {
    if is_duplicate(&error) {
        StoreError::Exists(what())
    } else {
        error.into()
    }
}
