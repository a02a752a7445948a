//! Runs and their logs, read back.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use lockstep_secret::Masked;
use lockstep_step::{
    Failure, LogChunk, LogStream, Outcome, OutcomeKind, Phase, RunId, StepName, WorkflowName,
    WorkspaceName,
};

use crate::error::{StoreError, Thing};
use crate::run::{LogEntry, RunFilter, RunRecord, RunState, RunStatus, RunStep, RunSummary};

use super::column::Columns;
use super::workspaces::workspace_id;

/// Far more than lies between the id of a run and its start.
const MADE_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// Ids tell the time in these.
const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

pub(super) fn list(
    connection: &Connection,
    workspace: &WorkspaceName,
    filter: &RunFilter,
) -> Result<Vec<RunSummary>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let (least, most) = ids(filter);
    connection
        .prepare_cached(&list_query(filter.status))?
        .query_and_then(
            params![
                workspace_id,
                least,
                most,
                filter.since.map_or(i64::MIN, Timestamp::as_microsecond),
                filter.until.map_or(i64::MAX, Timestamp::as_microsecond),
                filter.workflow.as_ref().map(WorkflowName::as_str),
                filter.status.map(RunStatus::as_str),
                filter.step.as_ref().map(StepName::as_str),
                filter.limit
            ],
            summary,
        )?
        .collect()
}

/// The query for a list. An index with a condition serves those queries only that say the condition.
fn list_query(status: Option<RunStatus>) -> String {
    let (index, of_status) = match status {
        None => ("", "?7 IS NULL"),
        // Most runs are so: those of a page are found at once by going through all.
        Some(RunStatus::Ended(OutcomeKind::Completed)) => ("", "status = ?7"),
        // Of all workspaces, which are few as well.
        Some(RunStatus::Open) => ("INDEXED BY runs_open", "status = 'open' AND status = ?7"),
        Some(RunStatus::Ended(_) | RunStatus::Forbidden | RunStatus::Lost) => {
            ("", "status = ?7 AND status NOT IN ('open', 'completed')")
        }
    };
    format!(
        "SELECT id, workflow, step, step_version, caller, started_at, ended_at, status
           FROM runs {index}
          WHERE workspace_id = ?1 AND id >= ?2 AND id < ?3
            AND started_at >= ?4 AND started_at < ?5
            AND (?6 IS NULL OR workflow = ?6) AND {of_status}
            AND (?8 IS NULL OR step = ?8 AND step_version IS NOT NULL)
          ORDER BY id DESC LIMIT ?9"
    )
}

/// Between which ids the runs are that a filter can let through: by these they are found without looking at the others.
/// An id is made just before its run starts.
fn ids(filter: &RunFilter) -> (String, String) {
    let least = filter.since.map(|since| {
        let made = since.saturating_sub(MADE_BEFORE).unwrap_or(Timestamp::MIN);
        RunId::least_at(made).to_string()
    });
    let until = filter.until.map(|until| {
        let made = until.saturating_add(MILLISECOND).unwrap_or(Timestamp::MAX);
        RunId::least_at(made).to_string()
    });
    let before = filter.before.map(|run| run.to_string());
    let most = before.into_iter().chain(until).min();
    // `g` comes after all hex digits: after the last id.
    (least.unwrap_or_default(), most.unwrap_or("g".to_owned()))
}

fn summary(row: &Row<'_>) -> Result<RunSummary, StoreError> {
    let status: String = row.plain(7)?;
    Ok(RunSummary {
        id: row.parsed(0)?,
        workflow: row.parsed(1)?,
        step: step(row, 2, 3)?,
        caller: row.plain(4)?,
        started_at: row.time(5)?,
        ended_at: row.optional_time(6)?,
        status: RunStatus::from_word(&status).ok_or_else(|| row.damaged(7))?,
    })
}

pub(super) fn find(
    connection: &Connection,
    workspace: &WorkspaceName,
    run: &RunId,
) -> Result<RunRecord, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    connection
        .prepare_cached(
            "SELECT workflow, step, step_version, digest, caller, started_at, status, ended_at,
                    output, message, phase, guest_started, requests_sent, retryable, receipt, denied
               FROM runs WHERE workspace_id = ?1 AND id = ?2",
        )?
        .query_and_then(params![workspace_id, run.to_string()], |row| {
            Ok(RunRecord {
                id: *run,
                workspace: workspace.clone(),
                workflow: row.parsed(0)?,
                step: step(row, 1, 2)?,
                digest: row.parsed(3)?,
                caller: row.plain(4)?,
                started_at: row.time(5)?,
                state: state(row)?,
            })
        })?
        .next()
        .unwrap_or_else(|| Err(StoreError::NotFound(Thing::Run(*run))))
}

pub(super) fn status(
    connection: &Connection,
    workspace: &WorkspaceName,
    run: &RunId,
) -> Result<RunStatus, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    connection
        .prepare_cached("SELECT status FROM runs WHERE workspace_id = ?1 AND id = ?2")?
        .query_and_then(params![workspace_id, run.to_string()], |row| {
            let status: String = row.plain(0)?;
            RunStatus::from_word(&status).ok_or_else(|| row.damaged(0))
        })?
        .next()
        .unwrap_or_else(|| Err(StoreError::NotFound(Thing::Run(*run))))
}

fn step(row: &Row<'_>, name: usize, version: usize) -> Result<RunStep, StoreError> {
    Ok(match row.plain::<Option<i64>>(version)? {
        Some(_) => RunStep::Registered {
            name: row.parsed(name)?,
            version: row.count(version)?,
        },
        None => RunStep::File(row.plain(name)?),
    })
}

fn state(row: &Row<'_>) -> Result<RunState, StoreError> {
    let word: String = row.plain(6)?;
    let status = RunStatus::from_word(&word).ok_or_else(|| row.damaged(6))?;
    Ok(match status {
        RunStatus::Open => RunState::Open,
        RunStatus::Forbidden => RunState::Forbidden { at: row.time(7)? },
        RunStatus::Lost => RunState::Lost { at: row.time(7)? },
        RunStatus::Ended(kind) => RunState::Ended {
            at: row.time(7)?,
            outcome: outcome(row, kind)?,
            receipt: Box::new(json(row, 14)?),
            denied: json(row, 15)?,
        },
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "outputs and messages of runs come masked into their columns"
)]
fn outcome(row: &Row<'_>, kind: OutcomeKind) -> Result<Outcome, StoreError> {
    if kind == OutcomeKind::Completed {
        return Ok(Outcome::Completed(Masked::reread(row.plain(8)?)));
    }
    let phase: String = row.plain(10)?;
    Ok(Outcome::from(Failure {
        kind,
        message: Masked::reread(row.plain(9)?),
        phase: Phase::from_word(&phase).ok_or_else(|| row.damaged(10))?,
        started: row.plain(11)?,
        requests_sent: row.plain(12)?,
        retryable: row.plain(13)?,
    }))
}

pub(super) fn log(
    connection: &Connection,
    workspace: &WorkspaceName,
    run: &RunId,
    sequence: i64,
    limit: u32,
) -> Result<Vec<LogEntry>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let number: i64 = connection
        .prepare_cached("SELECT number FROM runs WHERE workspace_id = ?1 AND id = ?2")?
        .query_row(params![workspace_id, run.to_string()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NotFound(Thing::Run(*run)))?;
    connection
        .prepare_cached(
            "SELECT sequence, at, stream, bytes FROM log_chunks
              WHERE run = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT ?3",
        )?
        .query_and_then(params![number, sequence, limit], log_entry)?
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "logs of runs come masked into their column"
)]
fn log_entry(row: &Row<'_>) -> Result<LogEntry, StoreError> {
    let stream = match row.plain::<String>(2)?.as_str() {
        "stdout" => LogStream::Stdout,
        "stderr" => LogStream::Stderr,
        _ => return Err(row.damaged(2)),
    };
    Ok(LogEntry {
        sequence: row.count(0)?,
        chunk: LogChunk {
            at: row.time(1)?,
            stream,
            text: Masked::reread(row.plain(3)?),
        },
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    serde_json::from_str(&row.plain::<String>(column)?).map_err(|_| row.damaged(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How the list of a status is found.
    fn plan(status: Option<RunStatus>) -> String {
        let mut connection = Connection::open_in_memory().unwrap();
        super::super::migration::migrate(&mut connection, Timestamp::UNIX_EPOCH).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", list_query(status));
        let mut plan = connection.prepare(&explain).unwrap();
        let nothing: [Option<i64>; 9] = [None; 9];
        let mut rows = plan.query(nothing).unwrap();
        let mut told = String::new();
        while let Some(row) = rows.next().unwrap() {
            told += &row.get::<_, String>(3).unwrap();
        }
        told
    }

    #[test]
    fn runs_of_a_rare_status_are_found_without_looking_at_the_others() {
        for rare in [RunStatus::Lost, RunStatus::Ended(OutcomeKind::Trap)] {
            assert!(
                plan(Some(rare)).contains("runs_by_status"),
                "{}",
                plan(Some(rare))
            );
        }
        assert!(plan(Some(RunStatus::Open)).contains("runs_open"));
        let completed = RunStatus::Ended(OutcomeKind::Completed);
        for usual in [None, Some(completed)] {
            let plan = plan(usual);
            assert!(
                plan.contains("runs_by_workspace") && !plan.contains("TEMP B-TREE"),
                "{plan}"
            );
        }
    }
}
