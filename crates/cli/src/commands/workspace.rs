//! `lockstep workspace`.

use std::fmt;

use clap::{ArgAction, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{CredentialEntry, Removal, WorkspaceEntry};
use lockstep_step::{CredentialKey, SealingPolicy, TokenName, WorkspaceName};

use super::show::{ScopeFields, time};
use super::token::Created;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Mood, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::table::Table;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Add a workspace, with a workflow called `default`. Through a server that takes an admin token of the workspace
    /// `default`.
    Add {
        /// Its name.
        name: WorkspaceName,
        /// Make a token of the role `admin` for it, too, which has this name and is shown once.
        #[arg(long, value_name = "TOKEN-NAME")]
        admin_token: Option<TokenName>,
    },
    /// List all workspaces; through a server the one that the token is for, or all for an admin token of `default`.
    List,
    /// Show a workspace, and which of its credentials no run gets because they are not sealed.
    Show {
        /// Its name.
        #[arg(default_value = "default")]
        name: WorkspaceName,
    },
    /// Change what holds in a workspace.
    Set {
        /// Its name.
        #[arg(default_value = "default")]
        name: WorkspaceName,
        /// Whether its credentials must be sealed: then none is set that is not, and no run gets one that is not.
        #[arg(long, value_name = "true|false", action = ArgAction::Set)]
        require_sealing: bool,
    },
    /// Remove a workspace with its workflows, steps, tokens and the record of its runs. Through a server that takes an admin
    /// token of the workspace `default`.
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
    /// Whether its credentials must be sealed.
    require_sealing: bool,
    /// When and by whom that was last set.
    require_sealing_set_at: Option<Timestamp>,
    require_sealing_set_by: Option<String>,
}

/// A workspace, with the credentials that no run gets because they are not sealed.
#[derive(Serialize)]
struct WorkspaceShown {
    #[serde(flatten)]
    workspace: Workspace,
    not_sealed: Vec<NotSealed>,
}

#[derive(Serialize)]
struct NotSealed {
    key: CredentialKey,
    #[serde(flatten)]
    scope: ScopeFields,
}

/// A workspace that was added.
#[derive(Serialize)]
struct Added<'a> {
    workspace: WorkspaceName,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_token: Option<Created<'a>>,
}

/// A workspace that was removed.
#[derive(Serialize)]
struct Removed {
    workspace: WorkspaceName,
    result: &'static str,
}

pub(crate) async fn carry_out(
    command: WorkspaceCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    match command {
        WorkspaceCommand::List => {
            let workspaces = host
                .workspaces()
                .await?
                .into_iter()
                .map(Workspace::from)
                .collect();
            console.show(&Workspaces { workspaces })?;
        }
        WorkspaceCommand::Show { name } => {
            let shown = WorkspaceShown::of(&host, &name).await?;
            console.show(&shown)?;
        }
        WorkspaceCommand::Set {
            name,
            require_sealing,
        } => {
            let sealing = if require_sealing {
                SealingPolicy::Required
            } else {
                SealingPolicy::Optional
            };
            host.set_sealing(&name, sealing).await?;
            let shown = WorkspaceShown::of(&host, &name).await?;
            console.show(&shown)?;
        }
        WorkspaceCommand::Add { name, admin_token } => {
            add(name, admin_token, &host, console).await?;
        }
        WorkspaceCommand::Remove { name, force } => {
            host.remove_workspace(&name, removal(force)).await?;
            console.show(&Removed {
                workspace: name,
                result: "removed",
            })?;
        }
    }
    Ok(Exit::Completed)
}

async fn add(
    workspace: WorkspaceName,
    token_name: Option<TokenName>,
    host: &Backend,
    console: &Console,
) -> Result<(), Problem> {
    let made = host.add_workspace(&workspace, token_name.as_ref()).await?;
    let created = token_name.zip(made.as_ref());
    console.show(&Added {
        admin_token: created.map(|(name, token)| Created::admin(workspace.clone(), name, token)),
        workspace: workspace.clone(),
        result: "added",
    })?;
    // Whoever is at the machine needs none.
    if made.is_none() && host.is_there() {
        console.hint(&format!(
            "nobody has a token for it yet: remove it and add it again with `--admin-token NAME`, or have \
             `lockstep token create NAME --role admin --workspace {workspace}` done on the machine of the host"
        ));
    }
    Ok(())
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
            require_sealing: entry.sealing == SealingPolicy::Required,
            require_sealing_set_at: entry.sealing_set_at,
            require_sealing_set_by: entry.sealing_set_by,
        }
    }
}

impl WorkspaceShown {
    async fn of(host: &Backend, name: &WorkspaceName) -> Result<Self, Problem> {
        let entry = host.workspace(name).await?;
        let against = host.credentials_against(name, entry.sealing);
        Ok(Self {
            not_sealed: against.await?.into_iter().map(NotSealed::from).collect(),
            workspace: entry.into(),
        })
    }
}

impl From<CredentialEntry> for NotSealed {
    fn from(entry: CredentialEntry) -> Self {
        Self {
            scope: ScopeFields::from(&entry.scope),
            key: entry.key,
        }
    }
}

impl Answer for WorkspaceShown {
    fn text(&self, out: &mut dyn fmt::Write, paint: Paint) -> fmt::Result {
        let workspace = &self.workspace;
        let word = if workspace.require_sealing {
            "required"
        } else {
            "not required"
        };
        writeln!(out, "workspace    {}", workspace.name)?;
        writeln!(out, "workflows    {}", workspace.workflows)?;
        writeln!(out, "credentials  {}", workspace.credentials)?;
        writeln!(out, "created      {}", time(workspace.created_at))?;
        write!(out, "sealing      {word}")?;
        if let (Some(at), Some(by)) = (
            workspace.require_sealing_set_at,
            &workspace.require_sealing_set_by,
        ) {
            write!(out, ", since {} by {by}", time(at))?;
        }
        writeln!(out)?;
        for NotSealed { key, scope } in &self.not_sealed {
            let label = paint.label("warning:", Mood::Doubtful);
            let place = scope.in_words(&workspace.name);
            writeln!(
                out,
                "{label} `{key}` of {place} is not sealed, and no run gets it"
            )?;
        }
        if !self.not_sealed.is_empty() {
            let label = paint.label("hint:", Mood::Helpful);
            writeln!(
                out,
                "{label} `lockstep credential set KEY --sealed --host HOST` seals one, with its value"
            )?;
        }
        Ok(())
    }
}

impl Answer for Workspaces {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let mut table = Table::new([
            "WORKSPACE",
            "WORKFLOWS",
            "CREDENTIALS",
            "SEALING",
            "CREATED",
        ]);
        for workspace in &self.workspaces {
            table.row([
                workspace.name.to_string(),
                workspace.workflows.to_string(),
                workspace.credentials.to_string(),
                if workspace.require_sealing {
                    "required".to_owned()
                } else {
                    "-".to_owned()
                },
                time(workspace.created_at),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for Added<'_> {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(out, "workspace `{}` is added", self.workspace)?;
        if let Some(created) = &self.admin_token {
            writeln!(out, "admin token, shown this once: {}", created.token)?;
        }
        Ok(())
    }
}

impl Answer for Removed {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(out, "workspace `{}` is removed", self.workspace)
    }
}
