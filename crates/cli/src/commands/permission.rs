//! `lockstep permission`: the allowlist of a workflow.

use std::collections::BTreeSet;
use std::fmt;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use lockstep_step::{CredentialKey, UsagePermission, WorkflowName, WorkspaceName};

use super::show::{PermissionFields, list, time};
use crate::arguments::InWorkflow;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::value;

const EXAMPLES: &str = "\
Examples:
  lockstep permission set --workflow billing STRIPE_KEY SMTP_PASSWORD
  lockstep permission set --workflow billing --all
  lockstep permission set --workflow billing --none";

#[derive(Debug, Subcommand)]
pub(crate) enum PermissionCommand {
    /// Show what a workflow may use.
    Show {
        #[command(flatten)]
        place: InWorkflow,
    },
    /// Set what a workflow may use: everything, or only the keys that are named.
    #[command(after_help = EXAMPLES)]
    Set {
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        place: InWorkflow,
    },
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Choice {
    /// All credentials of the workspace and of the workflow.
    #[arg(long)]
    all: bool,
    /// No credential at all.
    #[arg(long)]
    none: bool,
    /// These keys only. They may be of credentials that do not exist yet.
    #[arg(value_name = "KEY", value_parser = value::key)]
    keys: Vec<CredentialKey>,
}

#[derive(Serialize)]
struct Permission {
    workspace: WorkspaceName,
    workflow: WorkflowName,
    #[serde(flatten)]
    permission: PermissionFields,
    /// Null if it was never set.
    set_at: Option<Timestamp>,
    set_by: Option<String>,
    /// Keys that are selected and that no credential has.
    unknown_keys: Vec<CredentialKey>,
}

pub(crate) async fn carry_out(
    command: PermissionCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    let place = match command {
        PermissionCommand::Show { place } => place,
        PermissionCommand::Set { choice, place } => {
            let permission = choice.into();
            let InWorkflow {
                workspace,
                workflow,
            } = &place;
            host.set_permission(workspace, workflow, &permission)
                .await?;
            place
        }
    };
    console.show(&permission(&host, place).await?)?;
    Ok(Exit::Completed)
}

async fn permission(host: &Backend, place: InWorkflow) -> Result<Permission, Problem> {
    let InWorkflow {
        workspace,
        workflow,
    } = place;
    let entry = host.workflow(&workspace, &workflow).await?;
    let permission = entry.permission;
    let effective = host.effective_credentials(&workspace, &workflow).await?;
    let known: BTreeSet<&CredentialKey> = effective
        .iter()
        .map(|entry| &entry.credential.key)
        .collect();
    let unknown_keys = match &permission {
        UsagePermission::All => Vec::new(),
        UsagePermission::Selected(keys) => keys
            .iter()
            .filter(|key| !known.contains(key))
            .cloned()
            .collect(),
    };
    Ok(Permission {
        permission: PermissionFields::from(&permission),
        workspace,
        workflow,
        set_at: entry.permission_set_at,
        set_by: entry.permission_set_by,
        unknown_keys,
    })
}

impl From<Choice> for UsagePermission {
    fn from(choice: Choice) -> Self {
        if choice.all {
            Self::All
        } else {
            Self::Selected(choice.keys.into_iter().collect())
        }
    }
}

impl Answer for Permission {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(
            out,
            "workflow `{}` may use: {}",
            self.workflow,
            self.permission.in_words()
        )?;
        if let (Some(at), Some(by)) = (self.set_at, &self.set_by) {
            writeln!(out, "set at {} by {by}", time(at))?;
        }
        if !self.unknown_keys.is_empty() {
            writeln!(
                out,
                "there are no credentials for: {}",
                list(&self.unknown_keys)
            )?;
        }
        Ok(())
    }
}
