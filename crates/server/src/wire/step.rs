//! Lists of steps and of their versions, over the wire.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{StepEntry, StepVersion};
use lockstep_step::WorkflowName;

/// Steps of a workflow, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct Steps {
    pub(crate) steps: Vec<ListedStep>,
    /// Ask again with `after` as this for those behind them; null if these were the last.
    pub(crate) next: Option<String>,
}

/// A registered step in a list. What it would get of the credentials that it names is told of one alone.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedStep {
    workflow: String,
    pub(crate) step: String,
    version: u64,
    /// SHA-256 of what was handed in.
    digest: String,
    /// `component`, `module`, `text`, `javascript` or `typescript`.
    kind: String,
    /// Length of what is run, in bytes.
    artifact_bytes: u64,
    /// Keys that its code names.
    references: Vec<String>,
    /// Whether its code computes keys, too.
    dynamic: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    created_by: String,
}

/// Versions of a step, the latest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepVersions {
    workflow: String,
    step: String,
    pub(crate) versions: Vec<ListedVersion>,
    /// Ask again with `after` as this for those before them; null if these were the first.
    pub(crate) next: Option<u64>,
}

/// A version of a step.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedVersion {
    version: u64,
    /// SHA-256 of what was handed in.
    digest: String,
    /// `component`, `module`, `text`, `javascript` or `typescript`.
    kind: String,
    /// Length of what is run, in bytes.
    artifact_bytes: u64,
    /// Whether its code computes keys of credentials.
    dynamic: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    created_by: String,
}

impl From<StepEntry> for ListedStep {
    fn from(entry: StepEntry) -> Self {
        Self {
            workflow: entry.workflow.to_string(),
            step: entry.name.to_string(),
            version: entry.version,
            digest: entry.digest.to_string(),
            kind: entry.kind,
            artifact_bytes: entry.artifact_bytes,
            references: entry.references.into_iter().map(String::from).collect(),
            dynamic: entry.dynamic,
            created_at: entry.created_at,
            created_by: entry.created_by,
        }
    }
}

impl StepVersions {
    pub(crate) fn new(
        (workflow, step): (&WorkflowName, &lockstep_step::StepName),
        versions: Vec<StepVersion>,
        next: Option<u64>,
    ) -> Self {
        Self {
            workflow: workflow.to_string(),
            step: step.to_string(),
            versions: versions.into_iter().map(ListedVersion::from).collect(),
            next,
        }
    }
}

impl From<StepVersion> for ListedVersion {
    fn from(version: StepVersion) -> Self {
        Self {
            version: version.version,
            digest: version.digest.to_string(),
            kind: version.kind,
            artifact_bytes: version.artifact_bytes,
            dynamic: version.dynamic,
            created_at: version.created_at,
            created_by: version.created_by,
        }
    }
}
