//! Things as commands show them: field names for programs, words for people.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{Timestamp, Unit};
use serde::Serialize;
use serde_json::value::RawValue;

use lockstep_secret::Masked;
use lockstep_step::{
    CredentialKey, Destination, Failure, Handling, Phase, Scope, SealedPlace, UsagePermission,
    WorkflowName, WorkspaceName,
};
use lockstep_vault::RecordError;

use crate::problem::Problem;

/// A scope in two fields: `scope` is `workspace` or `workflow`, `workflow` its name or null.
#[derive(Serialize)]
pub(super) struct ScopeFields {
    scope: &'static str,
    workflow: Option<WorkflowName>,
}

/// A usage permission in two fields: `permission` is `all` or `selected`, `keys` those that are selected or null.
#[derive(Serialize)]
pub(super) struct PermissionFields {
    permission: &'static str,
    keys: Option<BTreeSet<CredentialKey>>,
}

/// How a credential may be used, in three fields: `sealed`, which is null where the record cannot be read, and `hosts` and
/// `places` of one that is.
#[derive(Serialize)]
pub(super) struct HandlingFields {
    sealed: Option<bool>,
    hosts: Vec<Destination>,
    places: Vec<SealedPlace>,
}

impl From<&Handling> for HandlingFields {
    fn from(handling: &Handling) -> Self {
        let sealing = handling.sealing();
        let hosts = sealing.map(|it| it.destinations().cloned().collect());
        let places = sealing.map(|it| it.places().collect());
        Self {
            sealed: Some(sealing.is_some()),
            hosts: hosts.unwrap_or_default(),
            places: places.unwrap_or_default(),
        }
    }
}

impl From<&Result<Handling, RecordError>> for HandlingFields {
    fn from(handling: &Result<Handling, RecordError>) -> Self {
        match handling {
            Ok(handling) => handling.into(),
            Err(_) => Self {
                sealed: None,
                hosts: Vec::new(),
                places: Vec::new(),
            },
        }
    }
}

/// Hosts and places; `-` for a credential that steps are given, `?` for one whose record cannot be read.
impl fmt::Display for HandlingFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sealed {
            Some(true) => write!(f, "{} in {}", list(&self.hosts), list(&self.places)),
            Some(false) => f.write_str("-"),
            None => f.write_str("?"),
        }
    }
}

impl HandlingFields {
    /// As the end of a sentence, where it is sealed.
    pub(super) fn behind_a_comma(&self) -> String {
        match self.sealed {
            Some(true) => format!(", sealed for {self}"),
            Some(false) | None => String::new(),
        }
    }

    /// As an answer to whether it is.
    pub(super) fn in_words(&self) -> String {
        match self.sealed {
            Some(true) => format!("for {self}"),
            Some(false) => "no, steps get the value".to_owned(),
            None => "unknown, as the record cannot be read".to_owned(),
        }
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed == Some(true)
    }
}

impl From<&Scope> for ScopeFields {
    fn from(scope: &Scope) -> Self {
        let word = match scope {
            Scope::Workspace => "workspace",
            Scope::Workflow(_) => "workflow",
        };
        Self {
            scope: word,
            workflow: scope.workflow().cloned(),
        }
    }
}

impl From<&UsagePermission> for PermissionFields {
    fn from(permission: &UsagePermission) -> Self {
        match permission {
            UsagePermission::All => Self {
                permission: "all",
                keys: None,
            },
            UsagePermission::Selected(keys) => Self {
                permission: "selected",
                keys: Some(keys.clone()),
            },
        }
    }
}

/// A time for people: to the second.
pub(super) fn time(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

/// Names between commas; `-` for none.
pub(super) fn list<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(", ")
    }
}

impl fmt::Display for PermissionFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.keys {
            None => f.write_str("all"),
            Some(keys) => f.write_str(&list(keys)),
        }
    }
}

impl PermissionFields {
    /// As part of a sentence.
    pub(super) fn in_words(&self) -> String {
        match &self.keys {
            None => "all credentials of its workspace and its own".to_owned(),
            Some(keys) if keys.is_empty() => "no credentials".to_owned(),
            Some(keys) => format!("only {}", list(keys)),
        }
    }
}

impl ScopeFields {
    /// As part of a sentence.
    pub(super) fn in_words(&self, workspace: &WorkspaceName) -> String {
        match &self.workflow {
            None => format!("workspace `{workspace}`"),
            Some(workflow) => format!("workflow `{workflow}` of workspace `{workspace}`"),
        }
    }
}

impl fmt::Display for ScopeFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.workflow {
            None => f.write_str("workspace"),
            Some(workflow) => write!(f, "workflow {workflow}"),
        }
    }
}

/// How a run failed; its kind stands beside it.
#[derive(Serialize)]
pub(super) struct FailureFields {
    message: Masked<String>,
    phase: Phase,
    started: bool,
    requests_sent: u32,
    retryable: bool,
}

impl From<&Failure> for FailureFields {
    fn from(failure: &Failure) -> Self {
        Self {
            message: failure.message.clone(),
            phase: failure.phase,
            started: failure.started,
            requests_sent: failure.requests_sent,
            retryable: failure.retryable,
        }
    }
}

impl fmt::Display for FailureFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = if self.started {
            ""
        } else {
            "; no code of the step had started"
        };
        let retryable = if self.retryable {
            "; trying again may help"
        } else {
            ""
        };
        write!(
            f,
            "{} (phase {}{started}{retryable})",
            self.message,
            self.phase.as_str()
        )
    }
}

/// The output of a run as what it is, JSON, to the last digit.
pub(super) fn json(output: &Masked<String>) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(output.as_str().to_owned())
        .map_err(|error| Problem::host("output", &error))
}
