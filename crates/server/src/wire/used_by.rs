//! What would miss a credential, over the wire.

use serde::Serialize;
use utoipa::ToSchema;

use lockstep_step::{StepName, WorkflowName};

/// What would miss a credential.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsedBy {
    /// Workflows whose usage permission lists the key.
    pub(super) workflows: Vec<String>,
    /// Steps whose code names the key.
    pub(super) steps: Vec<StepOf>,
    /// Steps that compute keys, and may ask for this one.
    pub(super) dynamic: Vec<StepOf>,
}

/// A step of a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepOf {
    workflow: String,
    step: String,
}

impl From<&(WorkflowName, StepName)> for StepOf {
    fn from((workflow, step): &(WorkflowName, StepName)) -> Self {
        Self {
            workflow: workflow.to_string(),
            step: step.to_string(),
        }
    }
}
