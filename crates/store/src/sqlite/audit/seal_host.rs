//! The seal of the host's own chain, under the key-encryption key.
//!
//! The first seal is told in the chain itself: a chain that says so and has no seal was tampered with.

use rusqlite::{Connection, params};

use lockstep_step::Digest;
use lockstep_vault::{OpenError, Vault};

use crate::audit::{AuditAction, AuditChain, Fields};
use crate::error::StoreError;

use super::super::column::{Columns as _, number_column};
use super::super::credentials::Stamp;
use super::seal::hash_at;
use super::{HOST, Head, append_to_host, find_head};

/// Seals the end of the host's chain, if a key is at hand and what was sealed before is there still. A chain that was
/// tampered with keeps the seal that says so, and one that is sealed to its end is left as it is.
pub(in super::super) fn seal_host(
    connection: &Connection,
    vault: Option<&Vault>,
) -> Result<(), StoreError> {
    let (Some(vault), Some(head)) = (vault, find_head(connection, &AuditChain::Host)?) else {
        return Ok(());
    };
    match may_seal(connection, &head, vault)? {
        MaySeal::Yes => {}
        MaySeal::ForTheFirstTime => begin(connection)?,
        MaySeal::NotNow => return Ok(()),
        MaySeal::Tampered => {
            tracing::error!(
                "the audit of the host was tampered with, and is not sealed any more: see `lockstep audit verify`"
            );
            return Ok(());
        }
    }
    let Some(end) = find_head(connection, &AuditChain::Host)? else {
        return Ok(());
    };
    let Ok(seal) = vault.seal_host_head(end.sequence, &end.hash) else {
        return Ok(());
    };
    connection
        .prepare_cached("UPDATE audit_heads SET sealed_sequence = ?2, seal = ?3 WHERE chain = ?1")?
        .execute(params![
            AuditChain::Host.column(),
            number_column(end.sequence)?,
            seal.as_bytes()
        ])?;
    Ok(())
}

enum MaySeal {
    Yes,
    ForTheFirstTime,
    /// It is sealed to its end, or the key that sealed it is not at hand.
    NotNow,
    Tampered,
}

fn may_seal(connection: &Connection, head: &Head, vault: &Vault) -> Result<MaySeal, StoreError> {
    let Some((sequence, kept)) = &head.seal else {
        return if vault.ring().is_err() {
            Ok(MaySeal::NotNow)
        } else if says_sealed(connection)? {
            Ok(MaySeal::Tampered)
        } else {
            Ok(MaySeal::ForTheFirstTime)
        };
    };
    if *sequence == head.sequence {
        return Ok(MaySeal::NotNow);
    }
    let hash = hash_at(connection, &AuditChain::Host, *sequence)?;
    Ok(match is_sealed(*sequence, hash, kept, vault) {
        Ok(true) => MaySeal::Yes,
        Ok(false) => MaySeal::Tampered,
        Err(_) => MaySeal::NotNow,
    })
}

/// Whether this is the seal of the entry that has this hash.
pub(super) fn is_sealed(
    sequence: u64,
    hash: Option<Digest>,
    kept: &[u8],
    vault: &Vault,
) -> Result<bool, OpenError> {
    match hash {
        Some(hash) => vault.is_host_head(kept, sequence, &hash),
        None => Ok(false),
    }
}

fn says_sealed(connection: &Connection) -> Result<bool, StoreError> {
    let began = AuditAction::HostSealed.as_str();
    Ok(connection
        .prepare_cached("SELECT 1 FROM audit WHERE chain = ?1 AND action = ?2")?
        .exists(params![AuditChain::Host.column(), began])?)
}

/// Tells that the chain is sealed from now on, which is when its last entry was written.
fn begin(connection: &Connection) -> Result<(), StoreError> {
    let at = connection
        .prepare_cached("SELECT at FROM audit WHERE chain = ?1 ORDER BY sequence DESC LIMIT 1")?
        .query_and_then([AuditChain::Host.column()], |row| row.time(0))?
        .next()
        .transpose()?;
    let Some(at) = at else { return Ok(()) };
    let stamp = Stamp { at, by: HOST };
    append_to_host(connection, stamp, Fields::of(AuditAction::HostSealed))
}
