//! The beginning of the chains of a database that had none.

use jiff::Timestamp;
use rusqlite::Connection;

use lockstep_step::WorkspaceName;

use crate::audit::{AuditAction, AuditChain, Fields};
use crate::error::StoreError;

use super::super::column::Columns as _;
use super::super::credentials::Stamp;
use super::{Appending, append_to_host, of_credential};

/// Who writes what nobody asked for.
pub(in super::super) const HOST: &str = "lockstep";

/// Begins the chains of a database that had none, with what it holds.
pub(in super::super) fn anchor(connection: &Connection, at: Timestamp) -> Result<(), StoreError> {
    let stamp = Stamp { at, by: HOST };
    let names: Vec<WorkspaceName> = connection
        .prepare("SELECT name FROM workspaces ORDER BY name")?
        .query_and_then((), |row| row.parsed(0))?
        .collect::<Result<_, StoreError>>()?;
    for workspace in names {
        let anchored = Fields {
            target: Some(workspace.as_str()),
            ..Fields::of(AuditAction::WorkspaceAnchored)
        };
        append_to_host(connection, stamp, anchored)?;
        let chain = AuditChain::Workspace(workspace.clone());
        let mut appending = Appending::to(connection, chain)?;
        appending.add(stamp, Fields::of(AuditAction::WorkspaceAnchored))?;
        let mut statement = connection.prepare_cached(
            "SELECT workflow, key, version, record IS NOT NULL FROM credentials
              WHERE workspace_id = (SELECT id FROM workspaces WHERE name = ?1)
              ORDER BY workflow, key",
        )?;
        let mut rows = statement.query([workspace.as_str()])?;
        while let Some(row) = rows.next()? {
            let (scope, key) = (row.scope(0)?, row.parsed(1)?);
            let action = if row.plain(3)? {
                AuditAction::CredentialAnchored
            } else {
                AuditAction::CredentialDeleted
            };
            appending.add(stamp, of_credential(action, &scope, &key, row.count(2)?))?;
        }
        appending.finish()?;
    }
    Ok(())
}
