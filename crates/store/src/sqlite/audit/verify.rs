//! A chain, checked as it is in the database.

use rusqlite::{Connection, OptionalExtension as _};

use lockstep_step::Digest;
use lockstep_vault::{RecordError, SealedCredential, Vault};

use crate::audit::{AuditChain, AuditCheck, AuditHead, AuditReport, CredentialRow, SealState};
use crate::error::StoreError;

use super::super::column::Columns as _;
use super::read::{ENTRY, chain, entry};
use super::seal::{Unsealed, is_sealed, was_removed_since, workspace_key};
use super::{Head, find_head};

/// All chains that there are or should be: of each workspace, of those that are gone, and of the host.
pub(in super::super) fn chains(connection: &Connection) -> Result<Vec<AuditChain>, StoreError> {
    connection
        .prepare_cached(
            "SELECT '' UNION SELECT chain FROM audit_heads UNION SELECT name FROM workspaces
              UNION SELECT DISTINCT chain FROM audit ORDER BY 1",
        )?
        .query_and_then((), |row| chain(row, 0))?
        .collect()
}

/// Checks a chain as it is at this moment.
pub(in super::super) fn verify(
    connection: &Connection,
    chain: &AuditChain,
    exported: &[AuditHead],
    vault: Option<&Vault>,
) -> Result<AuditReport, StoreError> {
    let mut check = AuditCheck::whole(chain.clone());
    for head in exported.iter().filter(|head| head.chain == *chain) {
        check.expect_exported(head);
    }
    let head = find_head(connection, chain)?;
    if let Some(head) = &head {
        check.expect_head(head.sequence, head.hash);
    }
    let sealed_sequence = head
        .as_ref()
        .and_then(|head| head.seal.as_ref())
        .map(|(sequence, _)| *sequence);
    let mut sealed_hash = None;
    let mut statement =
        connection.prepare_cached(&format!("{ENTRY} WHERE chain = ?1 ORDER BY sequence"))?;
    let mut rows = statement.query([chain.column()])?;
    while let Some(row) = rows.next()? {
        match entry(row, chain) {
            Ok(entry) => {
                if Some(entry.sequence) == sealed_sequence {
                    sealed_hash = Some(entry.hash);
                }
                check.entry(&entry);
            }
            Err(StoreError::Corrupt { what }) => check.unreadable(row.count(0)?, what),
            Err(error) => return Err(error),
        }
    }
    let (seal, is_good) = seal_state(connection, chain, head.as_ref(), sealed_hash, vault)?;
    let credentials = credentials(connection, chain)?;
    let head = head.map(|head| head.sequence);
    Ok(check.finish_in_database(head, seal, is_good, credentials))
}

fn seal_state(
    connection: &Connection,
    chain: &AuditChain,
    head: Option<&Head>,
    hash: Option<Digest>,
    vault: Option<&Vault>,
) -> Result<(SealState, bool), StoreError> {
    let Some((sequence, kept)) = head.and_then(|head| head.seal.as_ref()) else {
        return Ok((SealState::None, true));
    };
    let sequence = *sequence;
    let unchecked = |reason: String| Ok((SealState::Unchecked { sequence, reason }, true));
    let key = match chain.workspace() {
        Some(workspace) => workspace_key(connection, workspace)?,
        None => None,
    };
    let Some(key) = key else {
        return unchecked("the workspace is gone, and its key with it".to_owned());
    };
    let Some(vault) = vault else {
        return unchecked("the store was opened without keys".to_owned());
    };
    match is_sealed(chain, sequence, hash, kept, &key, vault) {
        Ok(false) if was_removed_since(connection, chain, sequence)? => {
            unchecked("the workspace was removed since, and its key with it".to_owned())
        }
        Ok(is_good) => Ok((SealState::UpTo(sequence), is_good)),
        Err(Unsealed::NoKey(error)) => unchecked(error.to_string()),
        Err(Unsealed::Store(error)) => Err(error),
    }
}

/// The credentials of a chain's workspace, deleted ones too; `None` if there is no such workspace.
fn credentials(
    connection: &Connection,
    chain: &AuditChain,
) -> Result<Option<Vec<CredentialRow>>, StoreError> {
    let Some(workspace) = chain.workspace() else {
        return Ok(None);
    };
    let id: Option<i64> = connection
        .prepare_cached("SELECT id FROM workspaces WHERE name = ?1")?
        .query_row([workspace.as_str()], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    let rows: Result<_, StoreError> = connection
        .prepare_cached(
            "SELECT workflow, key, version, record, expires_at FROM credentials
              WHERE workspace_id = ?1 ORDER BY workflow, key",
        )?
        .query_and_then([id], |row| {
            let version = row.count(2)?;
            let record: Option<Vec<u8>> = row.plain(3)?;
            let expires_at = row.optional_time(4)?;
            let is_there = record.is_some();
            let head = record.map(|record| {
                let sealed = SealedCredential::from_record(version, record);
                sealed.expiring(expires_at).head()
            });
            Ok(CredentialRow {
                workflow: row.plain(0)?,
                key: row.plain(1)?,
                version,
                is_there,
                has_other_end: matches!(head, Some(Err(RecordError::OtherEnd { .. }))),
            })
        })?
        .collect();
    Ok(Some(rows?))
}
