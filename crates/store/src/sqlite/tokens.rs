//! Tokens of the API, by their digests.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use lockstep_step::{Digest, MemberName, TokenName, WorkspaceName};

use crate::audit::{AuditAction, Fields};
use crate::error::{StoreError, Thing};
use crate::token::{NewToken, TokenEntry, TokenMember};

use super::audit;
use super::column::Columns as _;
use super::credentials::Stamp;
use super::members;
use super::workspaces::workspace_id;

const ENTRY: &str = "
    SELECT workspaces.name, tokens.name, tokens.role, tokens.created_at, tokens.created_by, expires_at, last_used_at,
           revoked_at, revoked_by, member, members.role
      FROM tokens JOIN workspaces ON workspaces.id = tokens.workspace_id
      LEFT JOIN members ON members.workspace_id = tokens.workspace_id AND members.name = tokens.member";

pub(super) fn add(
    connection: &Connection,
    workspace: &WorkspaceName,
    token: &NewToken,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    if let Some(member) = &token.member {
        members::check(connection, workspace_id, member)?;
    }
    let added = connection
        .prepare_cached(
            "INSERT INTO tokens (workspace_id, name, digest, role, created_at, created_by, expires_at, member)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (workspace_id, name) DO NOTHING",
        )?
        .execute(params![
            workspace_id,
            token.name.as_str(),
            token.digest.to_string(),
            token.role.as_str(),
            stamp.at.as_microsecond(),
            stamp.by,
            token.expires_at.map(Timestamp::as_microsecond),
            token.member.as_ref().map(MemberName::as_str),
        ])?;
    if added == 0 {
        return Err(StoreError::Exists(Thing::Token(token.name.clone())));
    }
    let created = Fields {
        target: Some(token.name.as_str()),
        detail: Some(token.role.as_str()),
        ..Fields::of(AuditAction::TokenCreated)
    };
    audit::append(connection, workspace, stamp, created)
}

pub(super) fn list(
    connection: &Connection,
    workspace: &WorkspaceName,
) -> Result<Vec<TokenEntry>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    connection
        .prepare_cached(&format!(
            "{ENTRY} WHERE tokens.workspace_id = ?1 ORDER BY tokens.name"
        ))?
        .query_and_then([workspace_id], entry)?
        .collect()
}

pub(super) fn find(
    connection: &Connection,
    digest: &Digest,
) -> Result<Option<TokenEntry>, StoreError> {
    connection
        .prepare_cached(&format!("{ENTRY} WHERE digest = ?1"))?
        .query_and_then([digest.to_string()], entry)?
        .next()
        .transpose()
}

pub(super) fn revoke(
    connection: &Connection,
    workspace: &WorkspaceName,
    token: &TokenName,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let revoked = connection
        .prepare_cached(
            "UPDATE tokens SET revoked_at = ?3, revoked_by = ?4
              WHERE workspace_id = ?1 AND name = ?2 AND revoked_at IS NULL",
        )?
        .execute(params![
            workspace_id,
            token.as_str(),
            stamp.at.as_microsecond(),
            stamp.by
        ])?;
    if revoked == 0 {
        // It stays as it was revoked first, if it is there.
        return check_known(connection, workspace_id, token);
    }
    audit::append(connection, workspace, stamp, of_revoked(token))
}

fn check_known(
    connection: &Connection,
    workspace_id: i64,
    token: &TokenName,
) -> Result<(), StoreError> {
    let is_known = connection
        .prepare_cached("SELECT 1 FROM tokens WHERE workspace_id = ?1 AND name = ?2")?
        .exists(params![workspace_id, token.as_str()])?;
    if is_known {
        Ok(())
    } else {
        Err(StoreError::NotFound(Thing::Token(token.clone())))
    }
}

pub(super) fn touch(
    connection: &Connection,
    digest: &Digest,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE tokens SET last_used_at = ?2 WHERE digest = ?1")?
        .execute(params![digest.to_string(), at.as_microsecond()])?;
    Ok(())
}

/// Revokes all tokens of a member.
pub(super) fn revoke_all(
    connection: &Connection,
    workspace: &WorkspaceName,
    member: &MemberName,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let revoked = connection
        .prepare_cached(
            "UPDATE tokens SET revoked_at = ?3, revoked_by = ?4
              WHERE workspace_id = ?1 AND member = ?2 AND revoked_at IS NULL
              RETURNING name",
        )?
        .query_and_then(
            params![
                workspace_id,
                member.as_str(),
                stamp.at.as_microsecond(),
                stamp.by
            ],
            |row| row.parsed(0),
        )?
        .collect::<Result<Vec<TokenName>, StoreError>>()?;
    for token in &revoked {
        audit::append(connection, workspace, stamp, of_revoked(token))?;
    }
    Ok(())
}

fn of_revoked(token: &TokenName) -> Fields<'_> {
    Fields {
        target: Some(token.as_str()),
        ..Fields::of(AuditAction::TokenRevoked)
    }
}

fn entry(row: &Row<'_>) -> Result<TokenEntry, StoreError> {
    Ok(TokenEntry {
        workspace: row.parsed(0)?,
        name: row.parsed(1)?,
        role: row.parsed(2)?,
        member: member(row)?,
        created_at: row.time(3)?,
        created_by: row.plain(4)?,
        expires_at: row.optional_time(5)?,
        last_used_at: row.optional_time(6)?,
        revoked_at: row.optional_time(7)?,
        revoked_by: row.plain(8)?,
    })
}

fn member(row: &Row<'_>) -> Result<Option<TokenMember>, StoreError> {
    if row.plain::<Option<String>>(9)?.is_none() {
        return Ok(None);
    }
    let is_there = row.plain::<Option<String>>(10)?.is_some();
    let role = is_there.then(|| row.parsed(10)).transpose()?;
    Ok(Some(TokenMember {
        name: row.parsed(9)?,
        role,
    }))
}
