//! Key-encryption keys that were seen here, and the keys of workspaces that they wrap.

use rusqlite::{Connection, OptionalExtension as _, params};

use lockstep_step::WorkspaceName;
use lockstep_vault::{KekCheck, KekId, WrappedWorkspaceKey};

use crate::audit::{AuditAction, Fields};
use crate::error::{StoreError, Thing};
use crate::kek::{KekEntry, RewrappedKey, WorkspaceKeyEntry};

use super::audit;
use super::column::Columns as _;
use super::credentials::Stamp;

pub(super) fn list(connection: &Connection) -> Result<Vec<KekEntry>, StoreError> {
    connection
        .prepare_cached(
            "SELECT id, check_value, added_at,
                    (SELECT count(*) FROM workspaces WHERE kek = keks.id), retired_at, retired_by
               FROM keks ORDER BY added_at, id",
        )?
        .query_and_then((), |row| {
            Ok(KekEntry {
                check: KekCheck {
                    kek: row.parsed(0)?,
                    check: row.plain(1)?,
                },
                added_at: row.time(2)?,
                wrapped_keys: row.count(3)?,
                retired_at: row.optional_time(4)?,
                retired_by: row.plain(5)?,
            })
        })?
        .collect()
}

pub(super) fn add(
    connection: &Connection,
    check: &KekCheck,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let id = check.kek.to_string();
    let added = connection
        .prepare_cached(
            "INSERT INTO keks (id, check_value, added_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![id, check.check, stamp.at.as_microsecond()])?;
    let known: Vec<u8> = connection
        .prepare_cached("SELECT check_value FROM keks WHERE id = ?1")?
        .query_row([&id], |row| row.get(0))?;
    if known != check.check {
        return Err(StoreError::Exists(Thing::Kek(check.kek)));
    }
    if added > 0 {
        let added = Fields {
            target: Some(&id),
            ..Fields::of(AuditAction::KekAdded)
        };
        audit::append_to_host(connection, stamp, added)?;
    }
    check_in_use(connection, check.kek)
}

/// Whether a key may wrap something: it is known here and was not retired.
pub(super) fn check_in_use(connection: &Connection, kek: KekId) -> Result<(), StoreError> {
    let retired: Option<bool> = connection
        .prepare_cached("SELECT retired_at IS NOT NULL FROM keks WHERE id = ?1")?
        .query_row([kek.to_string()], |row| row.get(0))
        .optional()?;
    match retired {
        Some(false) => Ok(()),
        Some(true) => Err(StoreError::Retired(kek)),
        None => Err(StoreError::NotFound(Thing::Kek(kek))),
    }
}

/// The count and the mark are of one transaction, and who wraps with a key asks for the mark in the same transaction.
/// So nothing comes under a key that is being retired.
pub(super) fn retire(
    connection: &Connection,
    kek: KekId,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    match check_in_use(connection, kek) {
        // It stays as it was retired first.
        Err(StoreError::Retired(_)) => return Ok(()),
        checked => checked?,
    }
    let id = kek.to_string();
    let wrapped_keys = connection
        .prepare_cached("SELECT count(*) FROM workspaces WHERE kek = ?1")?
        .query_and_then([&id], |row| row.count(0))?
        .next()
        .unwrap_or(Ok(0))?;
    if wrapped_keys > 0 {
        return Err(StoreError::Wraps { kek, wrapped_keys });
    }
    connection
        .prepare_cached("UPDATE keks SET retired_at = ?2, retired_by = ?3 WHERE id = ?1")?
        .execute(params![id, stamp.at.as_microsecond(), stamp.by])?;
    let retired = Fields {
        target: Some(&id),
        ..Fields::of(AuditAction::KekRetired)
    };
    audit::append_to_host(connection, stamp, retired)
}

pub(super) fn not_under(
    connection: &Connection,
    kek: KekId,
    after: Option<&WorkspaceName>,
    limit: u32,
) -> Result<Vec<WorkspaceKeyEntry>, StoreError> {
    connection
        .prepare_cached(
            "SELECT name, kek, key_record FROM workspaces
              WHERE kek <> ?1 AND name > ?2 ORDER BY name LIMIT ?3",
        )?
        // No name is empty, so all come after it.
        .query_and_then(
            params![
                kek.to_string(),
                after.map_or("", WorkspaceName::as_str),
                limit
            ],
            |row| {
                Ok(WorkspaceKeyEntry {
                    workspace: row.parsed(0)?,
                    kek: row.parsed(1)?,
                    key: WrappedWorkspaceKey::from_record(row.plain(2)?),
                })
            },
        )?
        .collect()
}

/// Replaces those that are as they were read, and tells how many. The revision moves: who keeps a snapshot learns of it.
pub(super) fn replace(
    connection: &Connection,
    keys: &[RewrappedKey],
    stamp: Stamp<'_>,
) -> Result<u64, StoreError> {
    let mut replaced = 0;
    for RewrappedKey {
        workspace,
        read,
        rewrapped,
    } in keys
    {
        check_in_use(connection, rewrapped.kek())?;
        let changed = connection
            .prepare_cached(
                "UPDATE workspaces SET kek = ?3, key_record = ?4, revision = revision + 1
                  WHERE name = ?1 AND key_record = ?2",
            )?
            .execute(params![
                workspace.as_str(),
                read.record(),
                rewrapped.kek().to_string(),
                rewrapped.record()
            ])?;
        if changed > 0 {
            let kek = rewrapped.kek().to_string();
            let rewrapped = Fields {
                target: Some(&kek),
                ..Fields::of(AuditAction::WorkspaceKeyRewrapped)
            };
            audit::append(connection, workspace, stamp, rewrapped)?;
            replaced += 1;
        }
    }
    Ok(replaced)
}
