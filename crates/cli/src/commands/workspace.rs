//! `lockstep workspace`.

use std::fmt;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{Removal, WorkspaceEntry};
use lockstep_step::WorkspaceName;

use super::show::time;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::{Host, Keys};
use crate::problem::{Exit, Problem};
use crate::table::Table;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Add a workspace, with a workflow called `default`.
    Add {
        /// Its name.
        name: WorkspaceName,
    },
    /// List all workspaces.
    List,
    /// Remove a workspace with its workflows, steps and the record of its runs.
    Remove {
        /// Its name.
        name: WorkspaceName,
        /// Remove its credentials, too.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Serialize)]
struct Workspaces {
    workspaces: Vec<Workspace>,
}

#[derive(Serialize)]
struct Workspace {
    name: WorkspaceName,
    created_at: Timestamp,
    workflows: u64,
    credentials: u64,
}

/// A workspace that was added or removed.
#[derive(Serialize)]
struct Changed {
    workspace: WorkspaceName,
    result: &'static str,
}

pub(crate) async fn carry_out(
    command: WorkspaceCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let Host { runner, caller } = Host::open(config, Keys::Unused, console).await?;
    match command {
        WorkspaceCommand::List => {
            let workspaces = runner
                .workspaces()
                .await?
                .into_iter()
                .map(Workspace::from)
                .collect();
            console.show(&Workspaces { workspaces })?;
        }
        WorkspaceCommand::Add { name } => {
            runner.add_workspace(&caller, &name).await?;
            console.show(&Changed {
                workspace: name,
                result: "added",
            })?;
        }
        WorkspaceCommand::Remove { name, force } => {
            runner
                .remove_workspace(&caller, &name, removal(force))
                .await?;
            console.show(&Changed {
                workspace: name,
                result: "removed",
            })?;
        }
    }
    Ok(Exit::Completed)
}

/// What `--force` says.
pub(super) fn removal(force: bool) -> Removal {
    if force {
        Removal::Forced
    } else {
        Removal::IfUnused
    }
}

impl From<WorkspaceEntry> for Workspace {
    fn from(entry: WorkspaceEntry) -> Self {
        Self {
            name: entry.name,
            created_at: entry.created_at,
            workflows: entry.workflows,
            credentials: entry.credentials,
        }
    }
}

impl Answer for Workspaces {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let mut table = Table::new(["WORKSPACE", "WORKFLOWS", "CREDENTIALS", "CREATED"]);
        for workspace in &self.workspaces {
            table.row([
                workspace.name.to_string(),
                workspace.workflows.to_string(),
                workspace.credentials.to_string(),
                time(workspace.created_at),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for Changed {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(out, "workspace `{}` is {}", self.workspace, self.result)
    }
}
