//! A chain, checked as it is in the database.

use std::sync::Weak;

use rusqlite::{Connection, OptionalExtension as _, params};

use lockstep_step::Digest;
use lockstep_vault::{RecordError, SealedCredential, Vault};

use crate::audit::{
    AuditAction, AuditChain, AuditCheck, AuditFinding, AuditHead, AuditReport, CredentialRow,
    SealState,
};
use crate::error::StoreError;

use super::super::column::Columns as _;
use super::read::{ENTRY, chain, entry};
use super::seal::{Unsealed, is_sealed, was_removed_since, workspace_key};
use super::{Head, find_head, seal_host};

/// Findings of what the host's chain does not speak of. One is enough to look closer; the others say where.
const MAX_UNTOLD: u32 = 20;

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

/// Checks a chain as it is at this moment, for as long as somebody holds what `wanted` stands for.
pub(in super::super) fn verify(
    connection: &Connection,
    chain: &AuditChain,
    exported: &[AuditHead],
    vault: Option<&Vault>,
    wanted: &Weak<()>,
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
        check_wanted(wanted)?;
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
    let credentials = credentials(connection, chain, wanted)?;
    let head = head.map(|head| head.sequence);
    let mut report = check.finish_in_database(head, seal, is_good, credentials);
    if *chain == AuditChain::Host && report.findings.is_empty() {
        report.findings = untold(connection)?;
    }
    Ok(report)
}

/// Ends a check for which nobody waits any more. So nobody hears of the error.
fn check_wanted(wanted: &Weak<()>) -> Result<(), StoreError> {
    if wanted.strong_count() == 0 {
        return Err(StoreError::Closed);
    }
    Ok(())
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
    let Some(vault) = vault else {
        return unchecked("the store was opened without keys".to_owned());
    };
    let Some(workspace) = chain.workspace() else {
        return match seal_host::is_sealed(sequence, hash, kept, vault) {
            Ok(is_good) => Ok((SealState::UpTo(sequence), is_good)),
            Err(error) => unchecked(error.to_string()),
        };
    };
    let Some(key) = workspace_key(connection, workspace)? else {
        return unchecked("the workspace is gone, and its key with it".to_owned());
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

/// Workspaces and keys of which the host's chain does not speak. The keys of a database that had no audit were not told.
fn untold(connection: &Connection) -> Result<Vec<AuditFinding>, StoreError> {
    connection
        .prepare_cached(
            "WITH told AS (SELECT action, target FROM audit WHERE chain = '' AND target IS NOT NULL)
             SELECT 'workspace', name FROM workspaces
              WHERE name NOT IN (SELECT target FROM told WHERE action IN (?1, ?2))
             UNION ALL
             SELECT 'key', id FROM keks
              WHERE id NOT IN (SELECT target FROM told WHERE action = ?3)
                AND ?1 NOT IN (SELECT action FROM told)
             LIMIT ?4",
        )?
        .query_and_then(
            params![
                AuditAction::WorkspaceAnchored.as_str(),
                AuditAction::WorkspaceAdded.as_str(),
                AuditAction::KekAdded.as_str(),
                MAX_UNTOLD,
            ],
            |row| {
                let (what, name): (String, String) = (row.plain(0)?, row.plain(1)?);
                let what = format!("{what} `{name}`");
                Ok(AuditFinding::Untold { what })
            },
        )?
        .collect()
}

/// The credentials of a chain's workspace, deleted ones too; `None` if there is no such workspace.
fn credentials(
    connection: &Connection,
    chain: &AuditChain,
    wanted: &Weak<()>,
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
            check_wanted(wanted)?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use lockstep_step::WorkspaceName;

    use super::*;
    use crate::sqlite::migration::migrate;
    use crate::sqlite::workspaces::add_default;

    #[test]
    fn a_chain_is_read_for_as_long_as_somebody_waits() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Timestamp::UNIX_EPOCH).unwrap();
        add_default(&connection, Timestamp::UNIX_EPOCH).unwrap();
        let chain = AuditChain::Workspace(WorkspaceName::default_name());
        let waits = Arc::new(());
        let wanted = Arc::downgrade(&waits);
        let report = verify(&connection, &chain, &[], None, &wanted).unwrap();
        assert_eq!((report.entries, report.findings), (1, vec![]));
        drop(waits);
        let ended = verify(&connection, &chain, &[], None, &wanted);
        assert!(matches!(ended, Err(StoreError::Closed)));
    }
}
