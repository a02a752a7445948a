//! Seals of heads: made when the key of the workspace is at hand, over what was sealed before and is there still.

use rusqlite::{Connection, OptionalExtension as _, params};

use lockstep_step::{Digest, WorkspaceName};
use lockstep_vault::{HeadSeal, OpenError, Vault, WrappedWorkspaceKey};

use crate::audit::{AuditAction, AuditChain};
use crate::error::StoreError;

use super::super::column::number_column;
use super::{Head, find_head, hash};

/// Seals the end of a workspace's chain, if its key is at hand and what was sealed before is there still. A chain that
/// was tampered with keeps the seal that says so.
pub(in super::super) fn seal(
    connection: &Connection,
    workspace: &WorkspaceName,
    vault: &Vault,
) -> Result<(), StoreError> {
    let chain = AuditChain::Workspace(workspace.clone());
    let Some(key) = workspace_key(connection, workspace)? else {
        return Ok(());
    };
    let Some(head) = find_head(connection, &chain)? else {
        return Ok(());
    };
    let end = (head.sequence, &head.hash);
    let Some(seal) = new_seal(connection, &chain, Some(&head), end, &key, vault)? else {
        return Ok(());
    };
    connection
        .prepare_cached("UPDATE audit_heads SET sealed_sequence = ?2, seal = ?3 WHERE chain = ?1")?
        .execute(params![
            chain.column(),
            number_column(head.sequence)?,
            seal.as_bytes()
        ])?;
    Ok(())
}

/// The seal of an end, if `found`, the head from before, is as it was sealed. `None` if the key is not at hand, too.
pub(super) fn new_seal(
    connection: &Connection,
    chain: &AuditChain,
    found: Option<&Head>,
    (sequence, hash): (u64, &Digest),
    key: &WrappedWorkspaceKey,
    vault: &Vault,
) -> Result<Option<HeadSeal>, StoreError> {
    let Some(workspace) = chain.workspace() else {
        return Ok(None);
    };
    match may_seal(connection, chain, found, key, vault) {
        Ok(true) => Ok(vault.seal_head(workspace, key, sequence, hash).ok()),
        Ok(false) => {
            tracing::error!(%workspace, "the audit was tampered with, and is not sealed any more: see `lockstep audit verify`");
            Ok(None)
        }
        Err(Unsealed::NoKey(_)) => Ok(None),
        Err(Unsealed::Store(error)) => Err(error),
    }
}

/// Why it cannot be told whether a seal is good.
pub(super) enum Unsealed {
    NoKey(OpenError),
    Store(StoreError),
}

impl From<StoreError> for Unsealed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OpenError> for Unsealed {
    fn from(error: OpenError) -> Self {
        Self::NoKey(error)
    }
}

/// Whether what was sealed is what is there; of a chain that was never sealed, whether nobody can have sealed it.
fn may_seal(
    connection: &Connection,
    chain: &AuditChain,
    found: Option<&Head>,
    key: &WrappedWorkspaceKey,
    vault: &Vault,
) -> Result<bool, Unsealed> {
    match found.and_then(|head| Some((head, head.seal.as_ref()?))) {
        Some((head, (sequence, kept))) => {
            let hash = if *sequence == head.sequence {
                Some(head.hash)
            } else {
                hash_at(connection, chain, *sequence)?
            };
            let is_good = is_sealed(chain, *sequence, hash, kept, key, vault)?;
            // The key of a workspace goes with it, and the next of its name has another.
            Ok(is_good || was_removed_since(connection, chain, *sequence)?)
        }
        None => Ok(!was_sealed_before(connection, chain)?),
    }
}

pub(super) fn is_sealed(
    chain: &AuditChain,
    sequence: u64,
    hash: Option<Digest>,
    kept: &[u8],
    key: &WrappedWorkspaceKey,
    vault: &Vault,
) -> Result<bool, Unsealed> {
    let (Some(workspace), Some(hash)) = (chain.workspace(), hash) else {
        return Ok(false);
    };
    let seal = vault.seal_head(workspace, key, sequence, &hash)?;
    Ok(seal.is(kept))
}

/// Whether a credential was set before the present transaction: who sets one has the key, and seals.
fn was_sealed_before(connection: &Connection, chain: &AuditChain) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM audit
                             WHERE chain = ?1 AND action IN (?2, ?3)
                               AND at <> (SELECT at FROM audit WHERE chain = ?1
                                           ORDER BY sequence DESC LIMIT 1))",
        )?
        .query_row(
            params![
                chain.column(),
                AuditAction::CredentialCreated.as_str(),
                AuditAction::CredentialRotated.as_str()
            ],
            |row| row.get(0),
        )?)
}

/// Whether the workspace was removed after this entry.
pub(super) fn was_removed_since(
    connection: &Connection,
    chain: &AuditChain,
    sequence: u64,
) -> Result<bool, StoreError> {
    let removed = AuditAction::WorkspaceRemoved.as_str();
    Ok(connection
        .prepare_cached("SELECT 1 FROM audit WHERE chain = ?1 AND sequence > ?2 AND action = ?3")?
        .exists(params![chain.column(), number_column(sequence)?, removed])?)
}

pub(super) fn hash_at(
    connection: &Connection,
    chain: &AuditChain,
    sequence: u64,
) -> Result<Option<Digest>, StoreError> {
    connection
        .prepare_cached("SELECT hash FROM audit WHERE chain = ?1 AND sequence = ?2")?
        .query_and_then(params![chain.column(), number_column(sequence)?], |row| {
            hash(row, 0)
        })?
        .next()
        .transpose()
}

pub(super) fn workspace_key(
    connection: &Connection,
    workspace: &WorkspaceName,
) -> Result<Option<WrappedWorkspaceKey>, StoreError> {
    let record: Option<Option<Vec<u8>>> = connection
        .prepare_cached("SELECT key_record FROM workspaces WHERE name = ?1")?
        .query_row([workspace.as_str()], |row| row.get(0))
        .optional()?;
    Ok(key_of(record.flatten()))
}

/// One that cannot be read seals nothing, and is told by whoever opens a credential.
pub(super) fn key_of(record: Option<Vec<u8>>) -> Option<WrappedWorkspaceKey> {
    WrappedWorkspaceKey::from_record(record?).ok()
}
