//! Registered steps, their versions, and what they run.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use lockstep_step::{Condition, CredentialKey, Digest, StepName, WorkflowName, WorkspaceName};

use crate::audit::{AuditAction, Fields};
use crate::error::{StoreError, Thing};
use crate::step::{NewStep, StepEntry, StepVersion};

use super::audit;
use super::column::{Columns as _, number_column};
use super::credentials::Stamp;
use super::workspaces::{workflow_id, workspace_id};

const ENTRY: &str = "
    SELECT steps.id, workflows.name, steps.name, steps.version, digest, kind, artifact, artifact_bytes,
           step_versions.created_at, created_by, dynamic
      FROM steps
      JOIN step_versions ON step_versions.step_id = steps.id AND step_versions.version = steps.version
      JOIN workflows ON workflows.id = steps.workflow_id";

/// Registers a step, unless it is what the name stands for already. `artifact` is the digest of what is run.
pub(super) fn put(
    connection: &Connection,
    (workspace, workflow, name): (&WorkspaceName, &WorkflowName, &StepName),
    step: &NewStep,
    artifact: &Digest,
    condition: &Condition,
    stamp: Stamp<'_>,
) -> Result<StepEntry, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let workflow_id = workflow_id(connection, workspace_id, workflow)?;
    let present = find_in(connection, workflow_id, name)?;
    let current = present.as_ref().map(|present| present.version);
    check(workflow, name, current, condition)?;
    if let Some(present) = &present
        && present.digest == step.digest
        && present.artifact == *artifact
        && present.kind == step.kind
        && present.references == step.references
        && present.dynamic == step.dynamic
    {
        return Ok(present.clone());
    }
    let version = present.map_or(0, |present| present.version) + 1;
    insert_artifact(connection, artifact, &step.artifact)?;
    let id = upsert(connection, workflow_id, name, version)?;
    insert_version(connection, id, version, step, artifact, stamp)?;
    set_references(connection, id, &step.references)?;
    let registered = of_step(AuditAction::StepRegistered, workflow, name);
    audit::append(connection, workspace, stamp, registered)?;
    find_in(connection, workflow_id, name)?.ok_or_else(|| not_found(workflow, name))
}

fn check(
    workflow: &WorkflowName,
    name: &StepName,
    current: Option<u64>,
    condition: &Condition,
) -> Result<(), StoreError> {
    if condition.holds(current) {
        return Ok(());
    }
    let what = Thing::Step(workflow.clone(), name.clone());
    Err(StoreError::Condition { what, current })
}

fn of_step<'a>(action: AuditAction, workflow: &'a WorkflowName, name: &'a StepName) -> Fields<'a> {
    Fields {
        workflow: Some(workflow.as_str()),
        step: Some(name.as_str()),
        ..Fields::of(action)
    }
}

fn insert_artifact(
    connection: &Connection,
    artifact: &Digest,
    bytes: &[u8],
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO artifacts (digest, bytes) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
        )?
        .execute(params![artifact.to_string(), bytes])?;
    Ok(())
}

fn upsert(
    connection: &Connection,
    workflow_id: i64,
    name: &StepName,
    version: u64,
) -> Result<i64, StoreError> {
    Ok(connection
        .prepare_cached(
            "INSERT INTO steps (workflow_id, name, version) VALUES (?1, ?2, ?3)
             ON CONFLICT (workflow_id, name) DO UPDATE SET version = ?3 RETURNING id",
        )?
        .query_row(
            params![workflow_id, name.as_str(), number_column(version)?],
            |row| row.get(0),
        )?)
}

fn insert_version(
    connection: &Connection,
    id: i64,
    version: u64,
    step: &NewStep,
    artifact: &Digest,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO step_versions (step_id, version, digest, kind, artifact, artifact_bytes,
                                        created_at, created_by, dynamic)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id,
            number_column(version)?,
            step.digest.to_string(),
            step.kind,
            artifact.to_string(),
            number_column(step.artifact.len() as u64)?,
            stamp.at.as_microsecond(),
            stamp.by,
            step.dynamic,
        ])?;
    Ok(())
}

fn set_references(
    connection: &Connection,
    id: i64,
    references: &BTreeSet<CredentialKey>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM step_references WHERE step_id = ?1")?
        .execute([id])?;
    let sql = "INSERT INTO step_references (step_id, key) VALUES (?1, ?2)";
    let mut insert = connection.prepare_cached(sql)?;
    for key in references {
        insert.execute(params![id, key.as_str()])?;
    }
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: Option<&WorkflowName>,
) -> Result<Vec<StepEntry>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    if let Some(workflow) = workflow {
        workflow_id(connection, workspace_id, workflow)?;
    }
    connection
        .prepare_cached(&format!(
            "{ENTRY} WHERE workflows.workspace_id = ?1 AND (?2 IS NULL OR workflows.name = ?2)
              ORDER BY workflows.name, steps.name"
        ))?
        .query_and_then(
            params![workspace_id, workflow.map(WorkflowName::as_str)],
            |row| entry(connection, row),
        )?
        .collect()
}

/// Those of one workflow.
pub(super) fn list_of(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
    after: Option<&StepName>,
    limit: u32,
) -> Result<Vec<StepEntry>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let workflow_id = workflow_id(connection, workspace_id, workflow)?;
    // No name comes before the empty text.
    let after = after.map_or("", StepName::as_str);
    connection
        .prepare_cached(&format!(
            "{ENTRY} WHERE steps.workflow_id = ?1 AND steps.name > ?2
              ORDER BY steps.name LIMIT ?3"
        ))?
        .query_and_then(params![workflow_id, after, limit], |row| {
            entry(connection, row)
        })?
        .collect()
}

/// The versions of one, the latest first.
pub(super) fn versions(
    connection: &Connection,
    workspace: &WorkspaceName,
    (workflow, name): (&WorkflowName, &StepName),
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<StepVersion>, StoreError> {
    find(connection, workspace, workflow, name)?;
    connection
        .prepare_cached(
            "SELECT step_versions.version, digest, kind, artifact_bytes, dynamic,
                    step_versions.created_at, created_by
               FROM step_versions
               JOIN steps ON steps.id = step_id
               JOIN workflows ON workflows.id = workflow_id
               JOIN workspaces ON workspaces.id = workspace_id
              WHERE workspaces.name = ?1 AND workflows.name = ?2 AND steps.name = ?3
                AND step_versions.version < ?4
              ORDER BY step_versions.version DESC LIMIT ?5",
        )?
        .query_and_then(
            params![
                workspace.as_str(),
                workflow.as_str(),
                name.as_str(),
                before.unwrap_or(i64::MAX),
                limit
            ],
            |row| {
                Ok(StepVersion {
                    version: row.count(0)?,
                    digest: row.parsed(1)?,
                    kind: row.plain(2)?,
                    artifact_bytes: row.count(3)?,
                    dynamic: row.plain(4)?,
                    created_at: row.time(5)?,
                    created_by: row.plain(6)?,
                })
            },
        )?
        .collect()
}

pub(super) fn find(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
    name: &StepName,
) -> Result<StepEntry, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let workflow_id = workflow_id(connection, workspace_id, workflow)?;
    find_in(connection, workflow_id, name)?.ok_or_else(|| not_found(workflow, name))
}

/// The step of this name in a workflow.
pub(super) fn find_in(
    connection: &Connection,
    workflow_id: i64,
    name: &StepName,
) -> Result<Option<StepEntry>, StoreError> {
    connection
        .prepare_cached(&format!(
            "{ENTRY} WHERE steps.workflow_id = ?1 AND steps.name = ?2"
        ))?
        .query_and_then(params![workflow_id, name.as_str()], |row| {
            entry(connection, row)
        })?
        .next()
        .transpose()
}

fn entry(connection: &Connection, row: &rusqlite::Row<'_>) -> Result<StepEntry, StoreError> {
    let references: Result<_, StoreError> = connection
        .prepare_cached("SELECT key FROM step_references WHERE step_id = ?1")?
        .query_and_then([row.plain::<i64>(0)?], |row| row.parsed(0))?
        .collect();
    Ok(StepEntry {
        workflow: row.parsed(1)?,
        name: row.parsed(2)?,
        version: row.count(3)?,
        digest: row.parsed(4)?,
        kind: row.plain(5)?,
        artifact: row.parsed(6)?,
        artifact_bytes: row.count(7)?,
        references: references?,
        created_at: row.time(8)?,
        created_by: row.plain(9)?,
        dynamic: row.plain(10)?,
    })
}

pub(super) fn remove(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
    name: &StepName,
    condition: &Condition,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let current = find(connection, workspace, workflow, name)?.version;
    check(workflow, name, Some(current), condition)?;
    let workspace_id = workspace_id(connection, workspace)?;
    let workflow_id = workflow_id(connection, workspace_id, workflow)?;
    let removed = connection
        .prepare_cached("DELETE FROM steps WHERE workflow_id = ?1 AND name = ?2")?
        .execute(params![workflow_id, name.as_str()])?;
    if removed == 0 {
        return Err(not_found(workflow, name));
    }
    let removed = of_step(AuditAction::StepRemoved, workflow, name);
    audit::append(connection, workspace, stamp, removed)?;
    remove_unused_artifacts(connection)
}

/// What no version of any step runs.
pub(super) fn remove_unused_artifacts(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM artifacts WHERE NOT EXISTS (
               SELECT 1 FROM step_versions WHERE artifact = artifacts.digest)",
        )?
        .execute(())?;
    Ok(())
}

pub(super) fn artifact(
    connection: &Connection,
    workspace: &WorkspaceName,
    artifact: &Digest,
) -> Result<Vec<u8>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let bytes: Vec<u8> = connection
        .prepare_cached(
            "SELECT bytes FROM artifacts WHERE digest = ?1 AND EXISTS (
               SELECT 1 FROM step_versions
                 JOIN steps ON steps.id = step_versions.step_id
                 JOIN workflows ON workflows.id = steps.workflow_id
                WHERE artifact = ?1 AND workspace_id = ?2)",
        )?
        .query_row(params![artifact.to_string(), workspace_id], |row| {
            row.get(0)
        })
        .optional()?
        .ok_or_else(|| StoreError::NotFound(Thing::Artifact(*artifact)))?;
    // What runs is what was registered, or nothing runs.
    if Digest::of(&bytes) != *artifact {
        return Err(StoreError::Corrupt {
            what: format!("artifact `{artifact}` has other bytes"),
        });
    }
    Ok(bytes)
}

fn not_found(workflow: &WorkflowName, name: &StepName) -> StoreError {
    StoreError::NotFound(Thing::Step(workflow.clone(), name.clone()))
}
