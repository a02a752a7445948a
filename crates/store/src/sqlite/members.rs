//! Members of workspaces. What they may do, their tokens are read with.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use lockstep_step::{MemberName, Role, WorkspaceName};

use crate::audit::{AuditAction, Fields};
use crate::error::{StoreError, Thing};
use crate::member::MemberEntry;

use super::audit;
use super::column::Columns as _;
use super::credentials::Stamp;
use super::tokens;
use super::workspaces::workspace_id;

pub(super) fn add(
    connection: &Connection,
    workspace: &WorkspaceName,
    member: &MemberName,
    role: Role,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    let added = connection
        .prepare_cached(
            "INSERT INTO members (workspace_id, name, role, created_at, created_by, changed_at, changed_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?4, ?5) ON CONFLICT (workspace_id, name) DO NOTHING",
        )?
        .execute(params![
            workspace_id,
            member.as_str(),
            role.as_str(),
            stamp.at.as_microsecond(),
            stamp.by,
        ])?;
    if added == 0 {
        return Err(StoreError::Exists(Thing::Member(member.clone())));
    }
    let added = of_member(AuditAction::MemberAdded, member, Some(role));
    audit::append(connection, workspace, stamp, added)
}

pub(super) fn list(
    connection: &Connection,
    workspace: &WorkspaceName,
) -> Result<Vec<MemberEntry>, StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    connection
        .prepare_cached(
            "SELECT name, role, created_at, created_by, changed_at, changed_by,
                    (SELECT count(*) FROM tokens
                      WHERE tokens.workspace_id = members.workspace_id AND tokens.member = members.name
                        AND revoked_at IS NULL)
               FROM members WHERE workspace_id = ?1 ORDER BY name",
        )?
        .query_and_then([workspace_id], entry)?
        .collect()
}

/// Gives a member another role. The same one is no change, and leaves who set it.
pub(super) fn set_role(
    connection: &Connection,
    workspace: &WorkspaceName,
    member: &MemberName,
    role: Role,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    check(connection, workspace_id, member)?;
    let changed = connection
        .prepare_cached(
            "UPDATE members SET role = ?3, changed_at = ?4, changed_by = ?5
              WHERE workspace_id = ?1 AND name = ?2 AND role <> ?3",
        )?
        .execute(params![
            workspace_id,
            member.as_str(),
            role.as_str(),
            stamp.at.as_microsecond(),
            stamp.by,
        ])?;
    if changed == 0 {
        return Ok(());
    }
    let set = of_member(AuditAction::MemberSet, member, Some(role));
    audit::append(connection, workspace, stamp, set)
}

/// Removes a member and revokes its tokens.
pub(super) fn remove(
    connection: &Connection,
    workspace: &WorkspaceName,
    member: &MemberName,
    stamp: Stamp<'_>,
) -> Result<(), StoreError> {
    let workspace_id = workspace_id(connection, workspace)?;
    check(connection, workspace_id, member)?;
    tokens::revoke_all(connection, workspace, member, stamp)?;
    connection
        .prepare_cached("DELETE FROM members WHERE workspace_id = ?1 AND name = ?2")?
        .execute(params![workspace_id, member.as_str()])?;
    let removed = of_member(AuditAction::MemberRemoved, member, None);
    audit::append(connection, workspace, stamp, removed)
}

/// Whether there is such a member.
pub(super) fn check(
    connection: &Connection,
    workspace_id: i64,
    member: &MemberName,
) -> Result<(), StoreError> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT id FROM members WHERE workspace_id = ?1 AND name = ?2")?
        .query_row(params![workspace_id, member.as_str()], |row| row.get(0))
        .optional()?;
    match found {
        Some(_) => Ok(()),
        None => Err(StoreError::NotFound(Thing::Member(member.clone()))),
    }
}

fn of_member(action: AuditAction, member: &MemberName, role: Option<Role>) -> Fields<'_> {
    Fields {
        target: Some(member.as_str()),
        detail: role.map(Role::as_str),
        ..Fields::of(action)
    }
}

fn entry(row: &Row<'_>) -> Result<MemberEntry, StoreError> {
    Ok(MemberEntry {
        name: row.parsed(0)?,
        role: row.parsed(1)?,
        created_at: row.time(2)?,
        created_by: row.plain(3)?,
        changed_at: row.time(4)?,
        changed_by: row.plain(5)?,
        tokens: row.count(6)?,
    })
}
