//! Steps.

use lockstep_client::StepKind;
use lockstep_runner::{SourceKind, StepAdded, StepEntry, StepFile};
use lockstep_step::{StepName, WorkflowName, WorkspaceName};

use super::Backend;
use super::answers::{step_added, step_entry};
use crate::problem::Problem;

impl Backend {
    pub(crate) async fn add_step(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        name: &StepName,
        file: StepFile,
    ) -> Result<StepAdded, Problem> {
        match self {
            Self::Here(host) => {
                let added = host
                    .runner
                    .add_step(&host.caller, workspace, workflow, name, file);
                Ok(added.await?)
            }
            Self::There(client) => {
                let kind = step_kind(file.kind);
                let added = client.put_step(workspace, workflow, name, kind, file.bytes);
                Ok(step_added(added.await?))
            }
        }
    }

    /// The steps of one workflow, or of all.
    pub(crate) async fn steps(
        &self,
        workspace: &WorkspaceName,
        workflow: Option<&WorkflowName>,
    ) -> Result<Vec<StepEntry>, Problem> {
        let client = match self {
            Self::Here(host) => {
                let runner = &host.runner;
                return Ok(runner.steps(&host.caller, workspace, workflow).await?);
            }
            Self::There(client) => client,
        };
        let workflows = match workflow {
            Some(workflow) => vec![workflow.clone()],
            None => {
                let workflows = client.workflows(workspace).await?.into_iter();
                let with_steps = workflows.filter(|workflow| workflow.steps > 0);
                with_steps.map(|workflow| workflow.name).collect()
            }
        };
        let mut all = Vec::new();
        for workflow in workflows {
            let steps = client.steps(workspace, &workflow).await?;
            all.extend(steps.into_iter().map(step_entry));
        }
        Ok(all)
    }

    pub(crate) async fn step(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        name: &StepName,
    ) -> Result<StepAdded, Problem> {
        match self {
            Self::Here(host) => {
                let found = host.runner.step(&host.caller, workspace, workflow, name);
                Ok(found.await?)
            }
            Self::There(client) => Ok(step_added(client.step(workspace, workflow, name).await?)),
        }
    }

    pub(crate) async fn remove_step(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        name: &StepName,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let removed = host
                    .runner
                    .remove_step(&host.caller, workspace, workflow, name);
                Ok(removed.await?)
            }
            Self::There(client) => Ok(client.remove_step(workspace, workflow, name).await?),
        }
    }
}

pub(super) fn step_kind(kind: SourceKind) -> StepKind {
    match kind {
        SourceKind::WebAssembly => StepKind::WebAssembly,
        SourceKind::JavaScript => StepKind::JavaScript,
        SourceKind::TypeScript => StepKind::TypeScript,
    }
}
