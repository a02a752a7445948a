//! The record of runs: opened, closed, lost; and their logs.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use lockstep_step::{LogChunk, Outcome, RunId, WorkflowName, WorkspaceName};
use lockstep_vault::{SnapshotMark, Vault};

use crate::audit::{AuditAction, AuditUse, Fields};
use crate::error::{StoreError, Thing};
use crate::run::{NewRun, OpenedRun, RunEnd, RunSource, RunStatus};

use super::column::{number_column, scope_column};
use super::credentials::Stamp;
use super::workspaces::exists;
use super::{audit, idempotency, steps};

/// Uses of a credential that are kept are so far apart: a minute tells whether one is in use, and costs no run a write.
const USE_APART_US: i64 = 60_000_000;

/// Records that `run` starts. `owner` is the store that it lives with.
pub(super) fn open(
    connection: &Connection,
    run: &NewRun,
    owner: &str,
) -> Result<OpenedRun, StoreError> {
    let (mark, workflow) = place(connection, &run.workspace, &run.workflow)?;
    if let Some(asked) = &run.idempotency {
        idempotency::check(connection, mark.workspace, asked, run.started_at)?;
    }
    let step = match &run.source {
        RunSource::Step(name) => steps::find_in(connection, workflow, name)?,
        RunSource::File { .. } => None,
    };
    let (name, digest) = match (&run.source, &step) {
        (RunSource::File { label, digest }, _) => (label.as_str(), *digest),
        (RunSource::Step(name), Some(step)) => (name.as_str(), step.digest),
        (RunSource::Step(name), None) => {
            let step = Thing::Step(run.workflow.clone(), name.clone());
            return Err(StoreError::NotFound(step));
        }
    };
    let version = step.as_ref().map(|step| number_column(step.version));
    connection
        .prepare_cached(
            "INSERT INTO runs (id, workspace_id, workflow, step, step_version, digest, caller,
                               started_at, owner)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            run.id.to_string(),
            mark.workspace,
            run.workflow.as_str(),
            name,
            version.transpose()?,
            digest.to_string(),
            run.caller,
            run.started_at.as_microsecond(),
            owner,
        ])
        .map_err(|error| exists(error, || Thing::Run(run.id)))?;
    if let Some(asked) = &run.idempotency {
        let number = connection.last_insert_rowid();
        idempotency::keep(connection, mark.workspace, number, asked, run.started_at)?;
    }
    Ok(OpenedRun { step, mark })
}

/// The present state of a workspace, and the number of a workflow in it.
fn place(
    connection: &Connection,
    workspace: &WorkspaceName,
    workflow: &WorkflowName,
) -> Result<(SnapshotMark, i64), StoreError> {
    let found: Option<(SnapshotMark, Option<i64>)> = connection
        .prepare_cached(
            "SELECT workspaces.id, revision, workflows.id
               FROM workspaces
               LEFT JOIN workflows ON workspace_id = workspaces.id AND workflows.name = ?2
              WHERE workspaces.name = ?1",
        )?
        .query_row([workspace.as_str(), workflow.as_str()], |row| {
            let mark = SnapshotMark {
                workspace: row.get(0)?,
                revision: row.get(1)?,
            };
            Ok((mark, row.get(2)?))
        })
        .optional()?;
    match found {
        Some((mark, Some(id))) => Ok((mark, id)),
        Some((_, None)) => Err(StoreError::NotFound(Thing::Workflow(workflow.clone()))),
        None => Err(StoreError::NotFound(Thing::Workspace(workspace.clone()))),
    }
}

pub(super) fn append_log(
    connection: &Connection,
    run: &RunId,
    chunks: &[LogChunk],
) -> Result<(), StoreError> {
    let number = open_number(connection, run)?;
    insert_log(connection, number, chunks)
}

/// Tells that an open run of this workflow is about to be cancelled, and by whom.
pub(super) fn tell_cancelled(
    connection: &Connection,
    (workspace, workflow): (&WorkspaceName, &WorkflowName),
    run: &RunId,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let id = run.to_string();
    let found: Option<(String, bool)> = connection
        .prepare_cached(
            "SELECT step, status = 'open' FROM runs JOIN workspaces ON workspaces.id = workspace_id
              WHERE runs.id = ?1 AND workspaces.name = ?2 AND workflow = ?3",
        )?
        .query_row(params![id, workspace.as_str(), workflow.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (step, is_open) = found.ok_or(StoreError::NotFound(Thing::Run(*run)))?;
    if !is_open {
        return Err(StoreError::RunClosed(*run));
    }
    let cancelled = Fields {
        workflow: Some(workflow.as_str()),
        step: Some(&step),
        run: Some(&id),
        ..Fields::of(AuditAction::RunCancelled)
    };
    audit::append(connection, workspace, stamp, cancelled)
}

pub(super) fn close(
    connection: &Connection,
    run: &RunId,
    end: &RunEnd,
    vault: Option<&Vault>,
) -> Result<(), StoreError> {
    let output = end.outcome.output().map(|output| output.as_str());
    let failure = end.outcome.failure();
    let closed: Option<(i64, i64)> = connection
        .prepare_cached(
            "UPDATE runs
                SET status = ?2, ended_at = ?3, output = ?4, message = ?5, phase = ?6,
                    guest_started = ?7, requests_sent = ?8, retryable = ?9, receipt = ?10,
                    denied = ?11
              WHERE id = ?1 AND status = 'open' RETURNING number, workspace_id",
        )?
        .query_row(
            params![
                run.to_string(),
                Outcome::kind(&end.outcome).as_str(),
                end.at.as_microsecond(),
                output,
                failure.map(|failure| failure.message.as_str()),
                failure.map(|failure| failure.phase.as_str()),
                failure.map(|failure| failure.started),
                failure.map(|failure| failure.requests_sent),
                failure.map(|failure| failure.retryable),
                json(&end.receipt)?,
                json(&end.denied)?,
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    // It says why not.
    let Some((number, workspace_id)) = closed else {
        return open_number(connection, run).map(drop);
    };
    audit::append_uses(connection, number, &end.uses, vault)?;
    note_uses(connection, workspace_id, run, end)?;
    if failure.is_some_and(|failure| failure.retryable && !failure.started) {
        idempotency::release(connection, number)?;
    }
    insert_log(connection, number, &end.log)
}

/// Notes which credentials the run was given. Of many runs in a minute one is noted, so that the others only look.
fn note_uses(
    connection: &Connection,
    workspace_id: i64,
    run: &RunId,
    end: &RunEnd,
) -> Result<(), StoreError> {
    if end.receipt.credentials.is_empty() {
        return Ok(());
    }
    let mut upsert = connection.prepare_cached(
        "INSERT INTO credential_uses (workspace_id, workflow, key, version, run, used_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (workspace_id, workflow, key) DO UPDATE
            SET version = ?4, run = ?5, used_at = ?6
          WHERE used_at <= ?6 - ?7 OR version < ?4",
    )?;
    for used in &end.receipt.credentials {
        upsert.execute(params![
            workspace_id,
            scope_column(&used.scope),
            used.key.as_str(),
            number_column(used.version)?,
            run.to_string(),
            end.at.as_microsecond(),
            USE_APART_US,
        ])?;
    }
    Ok(())
}

pub(super) fn forbid(
    connection: &Connection,
    run: &RunId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let number = open_number(connection, run)?;
    connection
        .prepare_cached("UPDATE runs SET status = ?2, ended_at = ?3 WHERE number = ?1")?
        .execute(params![
            number,
            RunStatus::Forbidden.as_str(),
            at.as_microsecond()
        ])?;
    Ok(())
}

/// The stores that have open runs.
pub(super) fn owners(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT owner FROM runs WHERE status = 'open'")?;
    let owners = statement.query_map((), |row| row.get(0))?;
    Ok(owners.collect::<Result<_, _>>()?)
}

/// Marks the open runs of these stores.
pub(super) fn mark_lost(
    connection: &Connection,
    owners: &[String],
    at: Timestamp,
) -> Result<Vec<RunId>, StoreError> {
    use super::column::Columns as _;

    let mut lost = Vec::new();
    let mut statement = connection.prepare_cached(
        "UPDATE runs SET status = ?2, ended_at = ?3 WHERE owner = ?1 AND status = 'open'
         RETURNING id",
    )?;
    for owner in owners {
        let values = params![owner, RunStatus::Lost.as_str(), at.as_microsecond()];
        for id in statement.query_and_then(values, |row| row.parsed(0))? {
            let id: Result<RunId, StoreError> = id;
            lost.push(id?);
        }
    }
    Ok(lost)
}

/// That requests may have left is known of a run that is lost afterwards.
pub(super) fn settle(
    connection: &Connection,
    run: &RunId,
    uses: &[AuditUse],
    vault: Option<&Vault>,
) -> Result<(), StoreError> {
    let number = append_uses(connection, run, uses, vault)?;
    // One at least. How many is known when it ends.
    connection
        .prepare_cached(
            "UPDATE runs SET requests_sent = 1 WHERE number = ?1 AND requests_sent IS NULL",
        )?
        .execute([number])?;
    Ok(())
}

/// Tells what a run that goes on uses, and gives its number.
pub(super) fn append_uses(
    connection: &Connection,
    run: &RunId,
    uses: &[AuditUse],
    vault: Option<&Vault>,
) -> Result<i64, StoreError> {
    let number = open_number(connection, run)?;
    audit::append_uses(connection, number, uses, vault)?;
    Ok(number)
}

/// The number of a run that goes on.
fn open_number(connection: &Connection, run: &RunId) -> Result<i64, StoreError> {
    let found: Option<(i64, bool)> = connection
        .prepare_cached("SELECT number, status = 'open' FROM runs WHERE id = ?1")?
        .query_row([run.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        Some((number, true)) => Ok(number),
        Some((_, false)) => Err(StoreError::RunClosed(*run)),
        None => Err(StoreError::NotFound(Thing::Run(*run))),
    }
}

fn insert_log(connection: &Connection, number: i64, chunks: &[LogChunk]) -> Result<(), StoreError> {
    if chunks.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO log_chunks (run, sequence, at, stream, bytes)
         VALUES (?1, (SELECT coalesce(max(sequence) + 1, 0) FROM log_chunks WHERE run = ?1),
                 ?2, ?3, ?4)",
    )?;
    for chunk in chunks {
        insert.execute(params![
            number,
            chunk.at.as_microsecond(),
            chunk.stream.as_str(),
            chunk.text.as_bytes(),
        ])?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(Box::new(error)))
}
