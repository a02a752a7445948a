//! The schema, as numbered steps that lead from an empty file to the present one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::audit;
use super::open::OpenStoreError;

/// Says in the file's header that it is ours: `LKST`.
const APPLICATION_ID: i32 = 0x4c4b_5354;

/// The schema that this release knows.
pub(super) const SCHEMA: u32 = 11;

/// The step from which on there is an audit.
const AUDIT: u32 = 10;

/// Step N leads from schema N-1 to schema N. A step that was released is never edited.
const MIGRATIONS: [(u32, &str); SCHEMA as usize] = [
    (1, include_str!("../../migrations/0001_start.sql")),
    (2, include_str!("../../migrations/0002_retired_keks.sql")),
    (
        3,
        include_str!("../../migrations/0003_dynamic_references.sql"),
    ),
    (4, include_str!("../../migrations/0004_sealing_policy.sql")),
    (5, include_str!("../../migrations/0005_workflow_egress.sql")),
    (6, include_str!("../../migrations/0006_tokens.sql")),
    (7, include_str!("../../migrations/0007_credential_life.sql")),
    (8, include_str!("../../migrations/0008_members.sql")),
    (
        9,
        include_str!("../../migrations/0009_idempotency_keys.sql"),
    ),
    (AUDIT, include_str!("../../migrations/0010_audit.sql")),
    (11, include_str!("../../migrations/0011_runs_by_status.sql")),
];

/// Brings the database to the present schema.
pub(super) fn migrate(connection: &mut Connection, now: Timestamp) -> Result<(), OpenStoreError> {
    // Read and written under one lock, so that of two processes one migrates and the other finds it done.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = schema(&transaction)?.unwrap_or(0);
    if found > SCHEMA {
        return Err(OpenStoreError::NewerSchema {
            found,
            known: SCHEMA,
        });
    }
    if found == SCHEMA {
        return Ok(());
    }
    for (_, sql) in MIGRATIONS.iter().filter(|(number, _)| *number > found) {
        transaction.execute_batch(sql)?;
    }
    if found < AUDIT {
        // In the same transaction: a chain that begins later than its workspace is never right.
        audit::anchor(&transaction, now)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()?;
    Ok(())
}

/// The schema of a database of ours; `None` for an empty one.
pub(super) fn schema(connection: &Connection) -> Result<Option<u32>, OpenStoreError> {
    let is_empty: bool =
        connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", (), |row| {
            row.get(0)
        })?;
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match (application, is_empty) {
        (APPLICATION_ID, _) => Ok(Some(found)),
        (_, true) => Ok(None),
        (_, false) => Err(OpenStoreError::Foreign),
    }
}

/// In what a database of this schema is not as our migrations make it: what is there too much, or missing, or of another
/// form. A trigger that somebody has put there would run with the first change.
pub(super) fn deviations(
    connection: &Connection,
    schema: u32,
) -> Result<Vec<String>, rusqlite::Error> {
    let ours = Connection::open_in_memory()?;
    for (_, sql) in MIGRATIONS.iter().filter(|(number, _)| *number <= schema) {
        ours.execute_batch(sql)?;
    }
    let (expected, found) = (definitions(&ours)?, definitions(connection)?);
    let differing = expected.symmetric_difference(&found);
    let names: BTreeSet<String> = differing
        .map(|(kind, name, _)| format!("the {kind} `{name}` is not that of schema {schema}"))
        .collect();
    Ok(names.into_iter().collect())
}

/// Kind, name and form of all that a database is made of, but for what SQLite keeps for itself.
fn definitions(
    connection: &Connection,
) -> Result<BTreeSet<(String, String, String)>, rusqlite::Error> {
    let mut all = connection.prepare(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema
         WHERE NOT (type = 'index' AND name LIKE 'sqlite_autoindex_%' AND sql IS NULL)
         AND NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4', 'sqlite_sequence'))",
    )?;
    let rows = all.query_map((), |row| {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        let (table, sql): (String, String) = (row.get(2)?, row.get(3)?);
        // How it is broken into lines is no matter.
        let words: Vec<&str> = sql.split_whitespace().collect();
        Ok((kind, name, format!("{table}: {}", words.join(" "))))
    })?;
    rows.collect()
}
