//! Where a credential is defined, and which of them a workflow may use.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CredentialKey, WorkflowName};

/// Where a credential is defined.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In the workspace: each of its workflows may use it, if its usage permission lists it.
    Workspace,
    /// In one workflow: it overrides the workspace's credential of the same key.
    Workflow(WorkflowName),
}

/// Keys that a usage permission lists at most: each run reads them all.
pub const MAX_PERMITTED_KEYS: usize = 1_000;

/// Which credentials a workflow may use.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UsagePermission {
    /// All of the workflow and of the workspace.
    #[default]
    All,
    /// These keys only, from either scope.
    Selected(BTreeSet<CredentialKey>),
}

impl Scope {
    /// The workflow, if it is one.
    #[must_use]
    pub fn workflow(&self) -> Option<&WorkflowName> {
        match self {
            Self::Workspace => None,
            Self::Workflow(name) => Some(name),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace => f.write_str("workspace"),
            Self::Workflow(name) => write!(f, "workflow `{name}`"),
        }
    }
}

impl UsagePermission {
    /// Whether a workflow with this permission may use `key`.
    #[must_use]
    pub fn allows(&self, key: &CredentialKey) -> bool {
        match self {
            Self::All => true,
            Self::Selected(keys) => keys.contains(key),
        }
    }
}
