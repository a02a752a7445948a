//! Workspaces and their workflows.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{Token, WorkflowEntry, WorkspaceEntry};
use lockstep_step::{
    EgressRule, SealingPolicy, TokenName, UsagePermission, WorkflowEgress, WorkspaceName,
};

use super::tokens::TokenMade;

/// A workspace.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workspace {
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    workflows: u64,
    /// Those of its workflows included.
    credentials: u64,
    /// Whether its credentials must be sealed.
    require_sealing: bool,
    /// When that was last set; null if it is as it was from the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    require_sealing_set_at: Option<Timestamp>,
    require_sealing_set_by: Option<String>,
}

/// The workspaces that the caller may see.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workspaces {
    pub(crate) workspaces: Vec<Workspace>,
}

/// A workspace that was added.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkspaceAdded<'a> {
    workspace: &'a str,
    /// Its first token; null if none was asked for.
    admin_token: Option<TokenMade<'a>>,
}

/// A workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workflow {
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// `all` credentials, or those that are `selected`.
    permission: &'static str,
    /// Those that are selected.
    keys: Option<Vec<String>>,
    /// When that was last set; null if it is as it was from the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    permission_set_at: Option<Timestamp>,
    permission_set_by: Option<String>,
    egress: Egress,
    /// How many credentials are its own.
    credentials: u64,
    steps: u64,
}

/// The workflows of the workspace.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workflows {
    pub(crate) workflows: Vec<Workflow>,
}

/// Where the requests of a workflow may go.
#[derive(Serialize, ToSchema)]
pub(crate) struct Egress {
    /// `all`: wherever the operator of the host allows; `only`: where one of `rules` does, too.
    mode: &'static str,
    rules: Option<Vec<String>>,
    /// When that was last set; null if it is as it was from the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    set_at: Option<Timestamp>,
    set_by: Option<String>,
}

impl From<WorkspaceEntry> for Workspace {
    fn from(entry: WorkspaceEntry) -> Self {
        Self {
            name: entry.name.to_string(),
            created_at: entry.created_at,
            workflows: entry.workflows,
            credentials: entry.credentials,
            require_sealing: entry.sealing == SealingPolicy::Required,
            require_sealing_set_at: entry.sealing_set_at,
            require_sealing_set_by: entry.sealing_set_by,
        }
    }
}

impl<'a> WorkspaceAdded<'a> {
    pub(crate) fn without_token(name: &'a WorkspaceName) -> Self {
        Self {
            workspace: name.as_str(),
            admin_token: None,
        }
    }

    pub(crate) fn with(
        name: &'a WorkspaceName,
        token_name: &'a TokenName,
        token: &'a Token,
    ) -> Self {
        Self {
            admin_token: Some(TokenMade::admin(token_name, token)),
            ..Self::without_token(name)
        }
    }
}

impl From<WorkflowEntry> for Workflow {
    fn from(entry: WorkflowEntry) -> Self {
        let (permission, keys) = match &entry.permission {
            UsagePermission::All => ("all", None),
            UsagePermission::Selected(keys) => (
                "selected",
                Some(keys.iter().map(ToString::to_string).collect()),
            ),
        };
        Self {
            egress: (&entry).into(),
            name: entry.name.to_string(),
            created_at: entry.created_at,
            permission,
            keys,
            permission_set_at: entry.permission_set_at,
            permission_set_by: entry.permission_set_by,
            credentials: entry.credentials,
            steps: entry.steps,
        }
    }
}

impl From<&WorkflowEntry> for Egress {
    fn from(entry: &WorkflowEntry) -> Self {
        let (mode, rules) = match &entry.egress {
            WorkflowEgress::All => ("all", None),
            WorkflowEgress::Only(rules) => (
                "only",
                Some(rules.iter().map(EgressRule::to_string).collect()),
            ),
        };
        Self {
            mode,
            rules,
            set_at: entry.egress_set_at,
            set_by: entry.egress_set_by.clone(),
        }
    }
}
