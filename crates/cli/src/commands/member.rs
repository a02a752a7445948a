//! `lockstep member`: persons, each with a role in a workspace.

use std::fmt;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::MemberEntry;
use lockstep_step::{MemberName, Role, WorkspaceName};

use super::show::time;
use crate::arguments::InWorkspace;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  lockstep member add alice --role editor
  lockstep token create alice-laptop --member alice --expires-in 90d
  lockstep member set alice --role viewer
  lockstep member remove alice

A token that is made for a member may never do more than the member may at that moment. The record names both, as in \
`member:alice/token:alice-laptop`. Tokens that are made by a member and not for one stay when the member is removed.";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum MemberCommand {
    /// Add a member to a workspace.
    #[command(after_help = EXAMPLES)]
    Add {
        /// Its name.
        name: MemberName,
        /// What it may do: `admin`, `editor`, `runner` or `viewer`.
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        place: InWorkspace,
    },
    /// List the members of a workspace.
    List {
        #[command(flatten)]
        place: InWorkspace,
    },
    /// Give a member another role. Its tokens may do no more from then on.
    Set {
        /// Its name.
        name: MemberName,
        /// What it may do: `admin`, `editor`, `runner` or `viewer`.
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        place: InWorkspace,
    },
    /// Remove a member and revoke its tokens. What it did stays in the record.
    Remove {
        /// Its name.
        name: MemberName,
        #[command(flatten)]
        place: InWorkspace,
    },
}

#[derive(Serialize)]
struct Members {
    workspace: WorkspaceName,
    members: Vec<Member>,
}

#[derive(Serialize)]
struct Member {
    name: MemberName,
    role: Role,
    created_at: Timestamp,
    created_by: String,
    changed_at: Timestamp,
    changed_by: String,
    /// Those that are not revoked.
    tokens: u64,
}

/// A member that was added, set or removed.
#[derive(Serialize)]
struct Changed {
    workspace: WorkspaceName,
    member: MemberName,
    /// Null if it was removed.
    role: Option<Role>,
    result: &'static str,
}

pub(crate) async fn carry_out(
    command: MemberCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    let changed = match command {
        MemberCommand::List { place } => {
            let workspace = place.workspace;
            let members = host.members(&workspace).await?;
            let members = members.into_iter().map(Member::from).collect();
            console.show(&Members { workspace, members })?;
            return Ok(Exit::Completed);
        }
        MemberCommand::Add { name, role, place } => {
            let workspace = place.workspace;
            host.add_member(&workspace, &name, role).await?;
            Changed::new(workspace, name, Some(role), "added")
        }
        MemberCommand::Set { name, role, place } => {
            let workspace = place.workspace;
            host.set_member(&workspace, &name, role).await?;
            Changed::new(workspace, name, Some(role), "set")
        }
        MemberCommand::Remove { name, place } => {
            let workspace = place.workspace;
            host.remove_member(&workspace, &name).await?;
            Changed::new(workspace, name, None, "removed")
        }
    };
    console.show(&changed)?;
    Ok(Exit::Completed)
}

impl Changed {
    fn new(
        workspace: WorkspaceName,
        member: MemberName,
        role: Option<Role>,
        result: &'static str,
    ) -> Self {
        Self {
            workspace,
            member,
            role,
            result,
        }
    }
}

impl From<MemberEntry> for Member {
    fn from(entry: MemberEntry) -> Self {
        Self {
            name: entry.name,
            role: entry.role,
            created_at: entry.created_at,
            created_by: entry.created_by,
            changed_at: entry.changed_at,
            changed_by: entry.changed_by,
            tokens: entry.tokens,
        }
    }
}

impl Answer for Members {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        if self.members.is_empty() {
            return writeln!(out, "workspace `{}` has no members", self.workspace);
        }
        let mut table = Table::new(["MEMBER", "ROLE", "TOKENS", "ADDED", "BY", "ROLE SET", "BY"]);
        for member in &self.members {
            table.row([
                member.name.to_string(),
                member.role.to_string(),
                member.tokens.to_string(),
                time(member.created_at),
                member.created_by.clone(),
                time(member.changed_at),
                member.changed_by.clone(),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for Changed {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let (member, workspace) = (&self.member, &self.workspace);
        match self.role {
            Some(role) => writeln!(
                out,
                "member `{member}` of workspace `{workspace}` is {}, with the role `{role}`",
                self.result
            ),
            None => writeln!(
                out,
                "member `{member}` of workspace `{workspace}` is removed, and its tokens are revoked"
            ),
        }
    }
}
