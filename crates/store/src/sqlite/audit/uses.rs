//! What runs do with credentials. Who ran what is taken from the record of the run, so that the two agree.

use rusqlite::{Connection, Row};

use lockstep_step::{CredentialKey, WorkspaceName};
use lockstep_vault::{Vault, WrappedWorkspaceKey};

use crate::audit::{AuditAction, AuditChain, AuditUse, AuditUseKind, Fields};
use crate::error::StoreError;

use super::super::column::Columns as _;
use super::super::credentials::Stamp;
use super::seal::key_of;
use super::{Appending, scope_word};

/// A run, as its record has it.
struct Ran {
    workspace: WorkspaceName,
    workflow: String,
    step: String,
    id: String,
    caller: String,
    /// The workspace's, which seals.
    key: Option<WrappedWorkspaceKey>,
}

/// Appends what the run of this number used. If it used nothing, this costs nothing.
pub(in super::super) fn append_uses(
    connection: &Connection,
    run: i64,
    uses: &[AuditUse],
    vault: Option<&Vault>,
) -> Result<(), StoreError> {
    if uses.is_empty() {
        return Ok(());
    }
    let ran = connection
        .prepare_cached(
            "SELECT workspaces.name, workflow, step, runs.id, caller, key_record
               FROM runs JOIN workspaces ON workspaces.id = workspace_id WHERE number = ?1",
        )?
        .query_and_then([run], ran)?
        .next()
        .ok_or_else(|| StoreError::Corrupt {
            what: "a run belongs to no workspace".to_owned(),
        })??;
    let chain = AuditChain::Workspace(ran.workspace.clone());
    let mut appending = Appending::to(connection, chain)?;
    for used in uses {
        let stamp = Stamp {
            at: used.at,
            by: &ran.caller,
        };
        appending.add(stamp, fields(&ran, &used.what))?;
    }
    match (&ran.key, vault) {
        (Some(key), Some(vault)) => appending.finish_sealed(key, vault),
        (None, _) | (_, None) => appending.finish(),
    }
}

fn ran(row: &Row<'_>) -> Result<Ran, StoreError> {
    Ok(Ran {
        workspace: row.parsed(0)?,
        workflow: row.plain(1)?,
        step: row.plain(2)?,
        id: row.plain(3)?,
        caller: row.plain(4)?,
        key: key_of(row.plain(5)?),
    })
}

fn fields<'a>(ran: &'a Ran, what: &'a AuditUseKind) -> Fields<'a> {
    let of_run = |action| Fields {
        workflow: Some(&ran.workflow),
        step: Some(&ran.step),
        run: Some(&ran.id),
        ..Fields::of(action)
    };
    match what {
        AuditUseKind::Used {
            key,
            scope,
            version,
            mode,
            host,
        } => Fields {
            scope: Some(scope_word(scope)),
            key: Some(key.as_str()),
            version: Some(*version),
            mode: Some(mode.as_str()),
            host: host.as_deref(),
            ..of_run(AuditAction::CredentialUsed)
        },
        AuditUseKind::Denied(denied) => Fields {
            key: denied.key.as_ref().map(CredentialKey::as_str),
            detail: Some(denied.reason.as_str()),
            ..of_run(AuditAction::CredentialDenied)
        },
        AuditUseKind::HungUp => Fields {
            detail: Some("hung_up"),
            ..of_run(AuditAction::RunCancelled)
        },
    }
}
