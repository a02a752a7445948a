//! Entries and heads, read back.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use lockstep_step::{CredentialKey, RunId, WorkflowName};

use crate::audit::{AuditAction, AuditChain, AuditEntry, AuditFilter, AuditFrom, AuditHead};
use crate::error::StoreError;

use super::super::column::{Columns as _, bound_column};
use super::{find_head, hash, head};

pub(super) const ENTRY: &str = "
    SELECT sequence, at, actor, action, workflow, step, run, scope, key, version, mode, host, detail, target, hash
      FROM audit";

/// The ends of all chains, the host's first.
pub(in super::super) fn heads(connection: &Connection) -> Result<Vec<AuditHead>, StoreError> {
    connection
        .prepare_cached(
            "SELECT sequence, hash, sealed_sequence, seal, chain FROM audit_heads ORDER BY chain",
        )?
        .query_and_then((), |row| {
            let head = head(row)?;
            Ok(AuditHead {
                chain: chain(row, 4)?,
                sequence: head.sequence,
                hash: head.hash,
                sealed_sequence: head.seal.map(|(sequence, _)| sequence),
            })
        })?
        .collect()
}

/// Where one chain ends.
pub(in super::super) fn chain_head(
    connection: &Connection,
    chain: AuditChain,
) -> Result<Option<AuditHead>, StoreError> {
    let head = find_head(connection, &chain)?;
    Ok(head.map(|head| AuditHead {
        chain,
        sequence: head.sequence,
        hash: head.hash,
        sealed_sequence: head.seal.map(|(sequence, _)| sequence),
    }))
}

pub(super) fn chain(row: &Row<'_>, column: usize) -> Result<AuditChain, StoreError> {
    if row.plain::<String>(column)?.is_empty() {
        return Ok(AuditChain::Host);
    }
    row.parsed(column).map(AuditChain::Workspace)
}

pub(in super::super) fn list(
    connection: &Connection,
    chain: &AuditChain,
    filter: &AuditFilter,
) -> Result<Vec<AuditEntry>, StoreError> {
    let (place, comes, order) = match filter.from {
        AuditFrom::Latest => (i64::MAX, "<", "DESC"),
        AuditFrom::Before(place) => (bound_column(place), "<", "DESC"),
        AuditFrom::After(place) => (bound_column(place), ">", "ASC"),
    };
    connection
        .prepare_cached(&format!(
            "{ENTRY} WHERE chain = ?1 AND sequence {comes} ?2
                AND (?3 IS NULL OR key = ?3) AND (?4 IS NULL OR run = ?4)
                AND (?5 IS NULL OR workflow = ?5) AND (?6 IS NULL OR actor = ?6)
                AND (?7 IS NULL OR action = ?7) AND (?8 IS NULL OR at >= ?8)
                AND (?9 IS NULL OR at < ?9)
              ORDER BY sequence {order} LIMIT ?10"
        ))?
        .query_and_then(
            params![
                chain.column(),
                place,
                filter.key.as_ref().map(CredentialKey::as_str),
                filter.run.as_ref().map(RunId::to_string),
                filter.workflow.as_ref().map(WorkflowName::as_str),
                filter.actor,
                filter.action.map(AuditAction::as_str),
                filter.since.map(Timestamp::as_microsecond),
                filter.until.map(Timestamp::as_microsecond),
                filter.limit,
            ],
            |row| entry(row, chain),
        )?
        .collect()
}

pub(super) fn entry(row: &Row<'_>, chain: &AuditChain) -> Result<AuditEntry, StoreError> {
    let version: Option<i64> = row.plain(9)?;
    let version = version.map(|_| row.count(9)).transpose()?;
    Ok(AuditEntry {
        chain: chain.clone(),
        sequence: row.count(0)?,
        at: row.time(1)?,
        actor: row.plain(2)?,
        action: row.plain(3)?,
        workflow: row.plain(4)?,
        step: row.plain(5)?,
        run: row.plain(6)?,
        scope: row.plain(7)?,
        key: row.plain(8)?,
        version,
        mode: row.plain(10)?,
        host: row.plain(11)?,
        detail: row.plain(12)?,
        target: row.plain(13)?,
        hash: hash(row, 14)?,
    })
}
