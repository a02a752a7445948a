//! `lockstep workflow`.

use std::fmt;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::WorkflowEntry;
use lockstep_step::{WorkflowName, WorkspaceName};

use super::show::{PermissionFields, time};
use super::workspace::removal;
use crate::arguments::InWorkspace;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::table::Table;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// Add a workflow, which may use all credentials of its workspace.
    Add {
        /// Its name.
        name: WorkflowName,
        #[command(flatten)]
        place: InWorkspace,
    },
    /// List the workflows of a workspace.
    List {
        #[command(flatten)]
        place: InWorkspace,
    },
    /// Remove a workflow with its steps. The record of its runs stays.
    Remove {
        /// Its name.
        name: WorkflowName,
        /// Remove its own credentials, too.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        place: InWorkspace,
    },
}

#[derive(Serialize)]
struct Workflows {
    workspace: WorkspaceName,
    workflows: Vec<Workflow>,
}

#[derive(Serialize)]
struct Workflow {
    name: WorkflowName,
    created_at: Timestamp,
    #[serde(flatten)]
    permission: PermissionFields,
    credentials: u64,
    steps: u64,
}

/// A workflow that was added or removed.
#[derive(Serialize)]
struct Changed {
    workspace: WorkspaceName,
    workflow: WorkflowName,
    result: &'static str,
}

pub(crate) async fn carry_out(
    command: WorkflowCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    match command {
        WorkflowCommand::List { place } => {
            let workflows = host.workflows(&place.workspace).await?;
            console.show(&Workflows {
                workspace: place.workspace,
                workflows: workflows.into_iter().map(Workflow::from).collect(),
            })?;
        }
        WorkflowCommand::Add { name, place } => {
            host.add_workflow(&place.workspace, &name).await?;
            console.show(&Changed {
                workspace: place.workspace,
                workflow: name,
                result: "added",
            })?;
        }
        WorkflowCommand::Remove { name, force, place } => {
            let removal = removal(force);
            host.remove_workflow(&place.workspace, &name, removal)
                .await?;
            console.show(&Changed {
                workspace: place.workspace,
                workflow: name,
                result: "removed",
            })?;
        }
    }
    Ok(Exit::Completed)
}

impl From<WorkflowEntry> for Workflow {
    fn from(entry: WorkflowEntry) -> Self {
        Self {
            permission: PermissionFields::from(&entry.permission),
            name: entry.name,
            created_at: entry.created_at,
            credentials: entry.credentials,
            steps: entry.steps,
        }
    }
}

impl Answer for Workflows {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let mut table = Table::new(["WORKFLOW", "STEPS", "OWN CREDENTIALS", "MAY USE", "CREATED"]);
        for workflow in &self.workflows {
            table.row([
                workflow.name.to_string(),
                workflow.steps.to_string(),
                workflow.credentials.to_string(),
                workflow.permission.to_string(),
                time(workflow.created_at),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for Changed {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(out, "workflow `{}` is {}", self.workflow, self.result)
    }
}
