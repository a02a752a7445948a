//! Sealed credentials: set under the next version or not at all, and deleted but for their version.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use lockstep_secret::Masker;
use lockstep_step::{Caller, Condition, CredentialKey, Scope, WorkspaceName};
use lockstep_vault::{RecordError, SealedCredential, SealedHead, WrappedWorkspaceKey};

use crate::audit::AuditAction;
use crate::credential::{
    CredentialEntry, CredentialLastUse, CredentialRemovals, Dependents, PutBase, PutCredential,
    Removal,
};
use crate::error::{StoreError, Thing};

use super::audit;
use super::column::{Columns as _, number_column, scope_column};
use super::keks;
use super::workspaces::{next_revision, sealing, workflow_id, workspace_id};

/// A use of one that was deleted since is no use of the one that has its key now.
const ENTRY: &str = "
    SELECT workflow, key, version, created_at, created_by, rotated_at, rotated_by, note, record,
           maskable, expires_at, used_at, run, used_version
      FROM credentials
      LEFT JOIN (SELECT workspace_id, workflow, key, used_at, run, version AS used_version FROM credential_uses)
           USING (workspace_id, workflow, key)
     WHERE workspace_id = ?1 AND record IS NOT NULL";

/// Who sets it, and when.
#[derive(Clone, Copy)]
pub(super) struct Stamp<'a> {
    pub(super) at: Timestamp,
    pub(super) by: &'a str,
}

impl<'a> Stamp<'a> {
    pub(super) fn of(caller: &'a Caller, at: Timestamp) -> Self {
        let by = &caller.name;
        Self { at, by }
    }
}

/// The versions of a key: the present one, and the last that was ever used.
struct Versions {
    current: Option<SealedCredential>,
    last: u64,
}

pub(super) fn list(
    connection: &Connection,
    workspace: &WorkspaceName,
) -> Result<Vec<CredentialEntry>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    connection
        .prepare_cached(&format!("{ENTRY} ORDER BY key, workflow"))?
        .query_and_then([workspace_id], entry)?
        .collect()
}

/// Those of one scope.
pub(super) fn list_of(
    connection: &Connection,
    workspace: &WorkspaceName,
    scope: &Scope,
    after: Option<&CredentialKey>,
    limit: u32,
) -> Result<Vec<CredentialEntry>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    check_scope(connection, workspace_id, scope)?;
    // No key comes before the empty text.
    let after = after.map_or("", CredentialKey::as_str);
    connection
        .prepare_cached(&format!(
            "{ENTRY} AND workflow = ?2 AND key > ?3 ORDER BY key LIMIT ?4"
        ))?
        .query_and_then(
            params![workspace_id, scope_column(scope), after, limit],
            entry,
        )?
        .collect()
}

pub(super) fn find(
    connection: &Connection,
    workspace: &WorkspaceName,
    scope: &Scope,
    key: &CredentialKey,
) -> Result<CredentialEntry, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    check_scope(connection, workspace_id, scope)?;
    connection
        .prepare_cached(&format!("{ENTRY} AND workflow = ?2 AND key = ?3"))?
        .query_and_then(
            params![workspace_id, scope_column(scope), key.as_str()],
            entry,
        )?
        .next()
        .unwrap_or_else(|| Err(not_found(scope, key)))
}

fn entry(row: &rusqlite::Row<'_>) -> Result<CredentialEntry, StoreError> {
    let version = row.count(2)?;
    let expires_at = row.optional_time(10)?;
    let sealed = SealedCredential::from_record(version, row.plain(8)?).expiring(expires_at);
    let head = sealed.head();
    // Of those that were set before it was kept, this much is known.
    let is_short = |head: &SealedHead| head.value_bytes < Masker::SHORTEST_VALUE_BYTES;
    let short = head.as_ref().is_ok_and(is_short).then_some(false);
    let created_at = row.time(3)?;
    let last_use = last_use(row)?.filter(|last| last.at >= created_at);
    Ok(CredentialEntry {
        scope: row.scope(0)?,
        key: row.parsed(1)?,
        version,
        value_bytes: head.as_ref().ok().map(|head| head.value_bytes),
        handling: head.map(|head| head.handling),
        maskable: row.plain::<Option<bool>>(9)?.or(short),
        expires_at,
        last_use,
        created_at,
        created_by: row.plain(4)?,
        rotated_at: row.time(5)?,
        rotated_by: row.plain(6)?,
        note: row.plain(7)?,
    })
}

fn last_use(row: &rusqlite::Row<'_>) -> Result<Option<CredentialLastUse>, StoreError> {
    let Some(at) = row.optional_time(11)? else {
        return Ok(None);
    };
    Ok(Some(CredentialLastUse {
        at,
        run: row.parsed(12)?,
        version: row.count(13)?,
    }))
}

pub(super) fn put_base(
    connection: &Connection,
    workspace: &WorkspaceName,
    scope: &Scope,
    key: &CredentialKey,
) -> Result<PutBase, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    check_scope(connection, workspace_id, scope)?;
    let versions = versions(connection, workspace_id, scope, key)?;
    Ok(PutBase {
        current: versions.current.as_ref().map(SealedCredential::version),
        expires_at: versions
            .current
            .as_ref()
            .and_then(SealedCredential::expires_at),
        handling: versions.current.as_ref().map(SealedCredential::handling),
        next: versions.last + 1,
        workspace_key: readable_workspace_key(connection, workspace_id)?,
        sealing: sealing(connection, workspace_id)?,
    })
}

/// Sets all of `puts`; the caller undoes what was done if one fails.
pub(super) fn put_all(
    connection: &Connection,
    workspace: &WorkspaceName,
    puts: &[PutCredential],
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let revision = next_revision(connection, workspace_id)?;
    for put in puts {
        check_scope(connection, workspace_id, &put.scope)?;
        check_versions(connection, workspace_id, put)?;
        check_case(connection, workspace_id, put)?;
        check_sealing(connection, workspace, workspace_id, put)?;
        upsert(connection, workspace_id, put, revision, stamp)?;
        let action = match put.current {
            None => AuditAction::CredentialCreated,
            Some(_) => AuditAction::CredentialRotated,
        };
        let set = audit::of_credential(action, &put.scope, &put.key, put.sealed.version());
        audit::append(connection, workspace, stamp, set)?;
    }
    Ok(())
}

fn check_versions(
    connection: &Connection,
    workspace_id: i64,
    put: &PutCredential,
) -> Result<(), StoreError> {
    let versions = versions(connection, workspace_id, &put.scope, &put.key)?;
    let current = versions.current.as_ref().map(SealedCredential::version);
    let is_next = current == put.current && put.sealed.version() == versions.last + 1;
    let is_under_the_key = match readable_workspace_key(connection, workspace_id)? {
        Some(held) => held.id() == put.workspace_key.id(),
        None => {
            set_workspace_key(connection, workspace_id, &put.workspace_key)?;
            true
        }
    };
    if !is_next || !is_under_the_key {
        return Err(StoreError::VersionConflict {
            key: put.key.clone(),
            current,
        });
    }
    Ok(())
}

fn check_case(
    connection: &Connection,
    workspace_id: i64,
    put: &PutCredential,
) -> Result<(), StoreError> {
    let existing = connection
        .prepare_cached(
            "SELECT key FROM credentials
              WHERE workspace_id = ?1 AND workflow = ?2 AND lower(key) = lower(?3)
                AND key <> ?3 AND record IS NOT NULL",
        )?
        .query_and_then(
            params![workspace_id, scope_column(&put.scope), put.key.as_str()],
            |row| row.parsed(0),
        )?
        .next()
        .transpose()?;
    match existing {
        Some(existing) => Err(StoreError::CaseConflict {
            key: put.key.clone(),
            existing,
        }),
        None => Ok(()),
    }
}

fn check_sealing(
    connection: &Connection,
    workspace: &WorkspaceName,
    workspace_id: i64,
    put: &PutCredential,
) -> Result<(), StoreError> {
    let handling = put.sealed.handling();
    let handling = handling.map_err(|error| StoreError::Failed(Box::new(error)))?;
    if sealing(connection, workspace_id)?.allows(&handling) {
        Ok(())
    } else {
        Err(StoreError::SealingRequired {
            workspace: workspace.clone(),
            key: put.key.clone(),
        })
    }
}

fn upsert(
    connection: &Connection,
    workspace_id: i64,
    put: &PutCredential,
    revision: i64,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    // In an update, `record` is what was there: without one, the credential was deleted and now begins anew.
    connection
        .prepare_cached(
            "INSERT INTO credentials (workspace_id, workflow, key, version, record, revision,
                                      created_at, created_by, rotated_at, rotated_by, note,
                                      maskable, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7, ?8, nullif(?9, ''), ?10, ?11)
             ON CONFLICT (workspace_id, workflow, key) DO UPDATE
                SET version = ?4, record = ?5, revision = ?6,
                    created_at = iif(record IS NULL, ?7, created_at),
                    created_by = iif(record IS NULL, ?8, created_by),
                    rotated_at = ?7, rotated_by = ?8,
                    note = nullif(coalesce(?9, note), ''), maskable = ?10, expires_at = ?11",
        )?
        .execute(params![
            workspace_id,
            scope_column(&put.scope),
            put.key.as_str(),
            number_column(put.sealed.version())?,
            put.sealed.record(),
            revision,
            stamp.at.as_microsecond(),
            stamp.by,
            put.note,
            put.maskable,
            put.sealed.expires_at().map(Timestamp::as_microsecond),
        ])?;
    Ok(())
}

/// Whether the condition holds of the present version of a credential.
pub(super) fn check(
    connection: &Connection,
    workspace: &WorkspaceName,
    (scope, key): (&Scope, &CredentialKey),
    condition: &Condition,
) -> Result<(), StoreError> {
    let current = Some(find(connection, workspace, scope, key)?.version);
    if condition.holds(current) {
        return Ok(());
    }
    let what = Thing::Credential(scope.clone(), key.clone());
    Err(StoreError::Condition { what, current })
}

/// Deletes those that are there, and tells which; the caller undoes what was done if one may not be.
pub(super) fn remove_all(
    connection: &Connection,
    workspace: &WorkspaceName,
    removals: &CredentialRemovals,
    stamp: Stamp<'_>,
) -> Result<Vec<CredentialKey>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let scope = &removals.scope;
    check_scope(connection, workspace_id, scope)?;
    let mut removed = Vec::new();
    for key in &removals.keys {
        let versions = versions(connection, workspace_id, scope, key)?;
        if versions.current.is_some() {
            remove(connection, workspace, (scope, key), removals.removal, stamp)?;
            removed.push(key.clone());
        }
    }
    Ok(removed)
}

pub(super) fn remove(
    connection: &Connection,
    workspace: &WorkspaceName,
    (scope, key): (&Scope, &CredentialKey),
    removal: Removal,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let version = find(connection, workspace, scope, key)?.version;
    match removal {
        Removal::Forced => {}
        Removal::IfUnused => {
            let dependents = dependents(connection, workspace, scope, key)?;
            if !dependents.is_empty() {
                let what = Thing::Credential(scope.clone(), key.clone());
                let dependents = Box::new(dependents);
                return Err(StoreError::InUse { what, dependents });
            }
        }
    }
    let workspace_id = workspace_id(connection, workspace)?;
    let revision = next_revision(connection, workspace_id)?;
    connection
        .prepare_cached(
            "UPDATE credentials
                SET record = NULL, note = NULL, revision = ?4, rotated_at = ?5, rotated_by = ?6
              WHERE workspace_id = ?1 AND workflow = ?2 AND key = ?3",
        )?
        .execute(params![
            workspace_id,
            scope_column(scope),
            key.as_str(),
            revision,
            stamp.at.as_microsecond(),
            stamp.by
        ])?;
    let deleted = audit::of_credential(AuditAction::CredentialDeleted, scope, key, version);
    audit::append(connection, workspace, stamp, deleted)
}

pub(super) fn dependents(
    connection: &Connection,
    workspace: &WorkspaceName,
    scope: &Scope,
    key: &CredentialKey,
) -> Result<Dependents, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    check_scope(connection, workspace_id, scope)?;
    // Which workflows see this credential for this key: the scope's own, or those that do not override it.
    let sees = "workflows.workspace_id = ?1 AND (workflows.name = ?2 OR ?2 = '' AND NOT EXISTS (
                  SELECT 1 FROM credentials
                   WHERE workspace_id = ?1 AND workflow = workflows.name AND key = ?3
                     AND record IS NOT NULL))";
    let place = params![workspace_id, scope_column(scope), key.as_str()];
    let workflows: Result<_, StoreError> = connection
        .prepare_cached(&format!(
            "SELECT workflows.name FROM permitted_keys
               JOIN workflows ON workflows.id = permitted_keys.workflow_id
              WHERE permitted_keys.key = ?3 AND workflows.permission = 'selected' AND {sees}
              ORDER BY workflows.name"
        ))?
        .query_and_then(place, |row| row.parsed(0))?
        .collect();
    let names_it = "step_references.key = ?3";
    let computes_keys = "step_references.key IS NULL AND step_versions.dynamic";
    let steps = |which: &str| -> Result<_, StoreError> {
        connection
            .prepare_cached(&format!(
                "SELECT workflows.name, steps.name FROM steps
                   JOIN step_versions ON step_versions.step_id = steps.id
                    AND step_versions.version = steps.version
                   JOIN workflows ON workflows.id = steps.workflow_id
                   LEFT JOIN step_references ON step_references.step_id = steps.id
                    AND step_references.key = ?3
                  WHERE {which} AND {sees}
                  ORDER BY workflows.name, steps.name"
            ))?
            .query_and_then(place, |row| Ok((row.parsed(0)?, row.parsed(1)?)))?
            .collect()
    };
    Ok(Dependents {
        workflows: workflows?,
        steps: steps(names_it)?,
        dynamic: steps(computes_keys)?,
    })
}

/// The workspace's key, if it has one yet.
pub(super) fn workspace_key(
    connection: &Connection,
    workspace_id: i64,
) -> Result<Option<Result<WrappedWorkspaceKey, RecordError>>, StoreError> {
    let record: Option<Vec<u8>> = connection
        .prepare_cached("SELECT key_record FROM workspaces WHERE id = ?1")?
        .query_row([workspace_id], |row| row.get(0))?;
    Ok(record.map(WrappedWorkspaceKey::from_record))
}

/// The workspace's key, to seal under.
fn readable_workspace_key(
    connection: &Connection,
    workspace_id: i64,
) -> Result<Option<WrappedWorkspaceKey>, StoreError> {
    workspace_key(connection, workspace_id)?
        .transpose()
        .map_err(|error| StoreError::Corrupt {
            what: error.to_string(),
        })
}

fn set_workspace_key(
    connection: &Connection,
    workspace_id: i64,
    key: &WrappedWorkspaceKey,
) -> Result<(), StoreError> {
    let kek = key.kek().to_string();
    keks::check_in_use(connection, key.kek())?;
    connection
        .prepare_cached("UPDATE workspaces SET kek = ?2, key_record = ?3 WHERE id = ?1")?
        .execute(params![workspace_id, kek, key.record()])?;
    Ok(())
}

fn versions(
    connection: &Connection,
    workspace_id: i64,
    scope: &Scope,
    key: &CredentialKey,
) -> Result<Versions, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT version, record, expires_at FROM credentials
              WHERE workspace_id = ?1 AND workflow = ?2 AND key = ?3",
        )?
        .query_and_then(
            params![workspace_id, scope_column(scope), key.as_str()],
            |row| {
                let record: Option<Vec<u8>> = row.plain(1)?;
                Ok::<_, StoreError>((row.count(0)?, record, row.optional_time(2)?))
            },
        )?
        .next()
        .transpose()?;
    Ok(match found {
        Some((last, record, expires_at)) => Versions {
            current: record
                .map(|record| SealedCredential::from_record(last, record).expiring(expires_at)),
            last,
        },
        None => Versions {
            current: None,
            last: 0,
        },
    })
}

fn check_scope(
    connection: &Connection,
    workspace_id: i64,
    scope: &Scope,
) -> Result<(), StoreError> {
    match scope.workflow() {
        Some(workflow) => workflow_id(connection, workspace_id, workflow).map(drop),
        None => Ok(()),
    }
}

fn not_found(scope: &Scope, key: &CredentialKey) -> StoreError {
    StoreError::NotFound(Thing::Credential(scope.clone(), key.clone()))
}
