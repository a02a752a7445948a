//! Idempotency keys: what of a run is found again when a client asks for it again.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use lockstep_step::{Digest, Idempotency, RunId};

use crate::error::StoreError;

use super::column::Columns as _;

/// How long a key stands for its run. Clients give up sooner, and what they do a day later is another request.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Keys of a workspace at a time: twelve runs a second, a whole day. A row takes about 200 bytes.
const MAX_KEYS: u32 = 1_000_000;
/// Old keys that go whenever a new one comes: more than come, so that none is left, and few, so that nobody waits.
const FORGOTTEN: u32 = 16;

/// Whether a run may be opened for this request. It may not if it was asked for before.
pub(super) fn check(
    connection: &Connection,
    workspace: i64,
    asked: &Idempotency,
    now: Timestamp,
) -> Result<(), StoreError> {
    let oldest = (now - KEPT).as_microsecond();
    forget_older(connection, oldest)?;
    let known: Option<(RunId, Digest, i64)> = connection
        .prepare_cached(
            "SELECT id, request, asked_at FROM idempotency_keys JOIN runs ON number = run
              WHERE idempotency_keys.workspace_id = ?1 AND key = ?2",
        )?
        .query_and_then(params![workspace, asked.key.as_str()], |row| {
            Ok::<_, StoreError>((row.parsed(0)?, row.parsed(1)?, row.plain(2)?))
        })?
        .next()
        .transpose()?;
    match known {
        Some((run, request, at)) if at >= oldest => Err(if request == asked.request {
            StoreError::AlreadyAsked(run)
        } else {
            StoreError::IdempotencyReused(run)
        }),
        Some(_) => forget(connection, workspace, asked),
        None => has_room(connection, workspace),
    }
}

/// Keeps the key of a run that was opened.
pub(super) fn keep(
    connection: &Connection,
    workspace: i64,
    number: i64,
    asked: &Idempotency,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO idempotency_keys (run, workspace_id, key, request, asked_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            number,
            workspace,
            asked.key.as_str(),
            asked.request.to_string(),
            now.as_microsecond(),
        ])?;
    Ok(())
}

/// Gives the key of a run back, if it has one: the next request with it is a new one.
pub(super) fn release(connection: &Connection, number: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM idempotency_keys WHERE run = ?1")?
        .execute([number])?;
    Ok(())
}

fn forget(connection: &Connection, workspace: i64, asked: &Idempotency) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM idempotency_keys WHERE workspace_id = ?1 AND key = ?2")?
        .execute(params![workspace, asked.key.as_str()])?;
    Ok(())
}

fn forget_older(connection: &Connection, oldest: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM idempotency_keys WHERE run IN (
               SELECT run FROM (SELECT run, asked_at FROM idempotency_keys ORDER BY run LIMIT ?2)
                WHERE asked_at < ?1)",
        )?
        .execute([oldest, i64::from(FORGOTTEN)])?;
    Ok(())
}

fn has_room(connection: &Connection, workspace: i64) -> Result<(), StoreError> {
    let keys: Option<u32> = connection
        .prepare_cached("SELECT idempotency_keys FROM workspaces WHERE id = ?1")?
        .query_row([workspace], |row| row.get(0))
        .optional()?;
    match keys {
        Some(keys) if keys >= MAX_KEYS => {
            Err(StoreError::TooManyIdempotencyKeys { limit: MAX_KEYS })
        }
        Some(_) | None => Ok(()),
    }
}
