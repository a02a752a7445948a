//! The audit: entries are appended in the transaction of what they tell.

mod anchor;
mod read;
mod refusals;
mod seal;
mod seal_host;
mod uses;
mod verify;

use rusqlite::{Connection, Row, params};

use lockstep_step::{CredentialKey, Digest, Scope, WorkflowName, WorkspaceName};
use lockstep_vault::{Vault, WrappedWorkspaceKey};

use crate::audit::{AuditAction, AuditChain, Fields, genesis};
use crate::error::StoreError;

use super::column::{Columns as _, kept_time, number_column};
use super::credentials::Stamp;
use super::failure::is_duplicate;

pub(super) use anchor::{HOST, anchor};
pub(super) use read::{chain_head, heads, list};
pub(super) use refusals::append_refusals;
use seal::new_seal;
pub(super) use seal::seal;
pub(super) use seal_host::seal_host;
pub(super) use uses::append_uses;
pub(super) use verify::{chains, verify};

/// The end of a chain while entries are put behind it.
pub(super) struct Appending<'a> {
    connection: &'a Connection,
    chain: AuditChain,
    /// As it was found.
    found: Option<Head>,
    sequence: u64,
    hash: Digest,
}

/// The end of a chain as it is kept.
struct Head {
    sequence: u64,
    hash: Digest,
    seal: Option<(u64, Vec<u8>)>,
}

/// Appends one entry to the chain of a workspace.
pub(super) fn append(
    connection: &Connection,
    workspace: &WorkspaceName,
    stamp: Stamp<'_>,
    fields: Fields<'_>,
) -> Result<(), StoreError> {
    let chain = AuditChain::Workspace(workspace.clone());
    let mut appending = Appending::to(connection, chain)?;
    appending.add(stamp, fields)?;
    appending.finish()
}

/// Appends one entry to the chain of the host.
pub(super) fn append_to_host(
    connection: &Connection,
    stamp: Stamp<'_>,
    fields: Fields<'_>,
) -> Result<(), StoreError> {
    let mut appending = Appending::to(connection, AuditChain::Host)?;
    appending.add(stamp, fields)?;
    appending.finish()
}

/// What an entry says of a credential.
pub(super) fn of_credential<'a>(
    action: AuditAction,
    scope: &'a Scope,
    key: &'a CredentialKey,
    version: u64,
) -> Fields<'a> {
    Fields {
        workflow: scope.workflow().map(WorkflowName::as_str),
        scope: Some(scope_word(scope)),
        key: Some(key.as_str()),
        version: Some(version),
        ..Fields::of(action)
    }
}

pub(super) fn scope_word(scope: &Scope) -> &'static str {
    match scope {
        Scope::Workspace => "workspace",
        Scope::Workflow(_) => "workflow",
    }
}

impl<'a> Appending<'a> {
    pub(super) fn to(connection: &'a Connection, chain: AuditChain) -> Result<Self, StoreError> {
        let found = find_head(connection, &chain)?;
        let end = found.as_ref().map(|head| (head.sequence, head.hash));
        let (sequence, hash) = end.unwrap_or_else(|| (0, genesis()));
        Ok(Self {
            connection,
            chain,
            found,
            sequence,
            hash,
        })
    }

    pub(super) fn add(&mut self, stamp: Stamp<'_>, fields: Fields<'_>) -> Result<(), StoreError> {
        let sequence = self.sequence + 1;
        // As precise as the column is.
        let at = kept_time(stamp.at)?;
        let hash = fields.hash(&self.chain, sequence, at, stamp.by, &self.hash);
        self.connection
            .prepare_cached(
                "INSERT INTO audit (chain, sequence, at, actor, action, workflow, step, run, scope, key, version,
                                    mode, host, detail, target, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                self.chain.column(),
                number_column(sequence)?,
                at.as_microsecond(),
                stamp.by,
                fields.action,
                fields.workflow,
                fields.step,
                fields.run,
                fields.scope,
                fields.key,
                fields.version.map(number_column).transpose()?,
                fields.mode,
                fields.host,
                fields.detail,
                fields.target,
                hash.as_bytes(),
            ])
            .map_err(|error| self.refused(error, sequence))?;
        (self.sequence, self.hash) = (sequence, hash);
        Ok(())
    }

    /// Notes the end. Who has the key seals it afterwards.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO audit_heads (chain, sequence, hash) VALUES (?1, ?2, ?3)
                 ON CONFLICT (chain) DO UPDATE SET sequence = ?2, hash = ?3",
            )?
            .execute(params![
                self.chain.column(),
                number_column(self.sequence)?,
                self.hash.as_bytes()
            ])?;
        Ok(())
    }

    /// Notes the end, and seals it in the same write.
    fn finish_sealed(self, key: &WrappedWorkspaceKey, vault: &Vault) -> Result<(), StoreError> {
        let (connection, chain) = (self.connection, &self.chain);
        let end = (self.sequence, &self.hash);
        let Some(seal) = new_seal(connection, chain, self.found.as_ref(), end, key, vault)? else {
            return self.finish();
        };
        connection
            .prepare_cached(
                "INSERT INTO audit_heads (chain, sequence, hash, sealed_sequence, seal)
                 VALUES (?1, ?2, ?3, ?2, ?4)
                 ON CONFLICT (chain) DO UPDATE SET sequence = ?2, hash = ?3, sealed_sequence = ?2, seal = ?4",
            )?
            .execute(params![
                chain.column(),
                number_column(self.sequence)?,
                self.hash.as_bytes(),
                seal.as_bytes()
            ])?;
        Ok(())
    }

    /// A place that is taken: the head was put back, or removed.
    fn refused(&self, error: rusqlite::Error, sequence: u64) -> StoreError {
        if is_duplicate(&error) {
            let chain = &self.chain;
            StoreError::Corrupt {
                what: format!(
                    "the audit of `{chain}` has an entry {sequence} behind its head; `lockstep audit verify` tells more"
                ),
            }
        } else {
            error.into()
        }
    }
}

fn find_head(connection: &Connection, chain: &AuditChain) -> Result<Option<Head>, StoreError> {
    connection
        .prepare_cached(
            "SELECT sequence, hash, sealed_sequence, seal FROM audit_heads WHERE chain = ?1",
        )?
        .query_and_then([chain.column()], head)?
        .next()
        .transpose()
}

fn head(row: &Row<'_>) -> Result<Head, StoreError> {
    let seal = match row.plain::<Option<Vec<u8>>>(3)? {
        Some(seal) => Some((row.count(2)?, seal)),
        None => None,
    };
    Ok(Head {
        sequence: row.count(0)?,
        hash: hash(row, 1)?,
        seal,
    })
}

fn hash(row: &Row<'_>, column: usize) -> Result<Digest, StoreError> {
    let bytes: Vec<u8> = row.plain(column)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| row.damaged(column))?;
    Ok(Digest::from_bytes(bytes))
}
