//! Steps: registered, seen and removed.

use std::collections::BTreeSet;

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;

use lockstep_step::{CredentialKey, DenialReason, Digest, StepName, WorkflowName, WorkspaceName};

use crate::client::Client;
use crate::error::ClientError;
use crate::workspaces::of_workflow;

/// What the code of a step is, for who hands it in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StepKind {
    /// A component, a core module, or the text format of either.
    WebAssembly,
    /// JavaScript.
    JavaScript,
    /// TypeScript.
    TypeScript,
}

/// A registered step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Step {
    /// Whose step it is.
    pub workflow: WorkflowName,
    /// Its name.
    pub step: StepName,
    /// Counts the times that other code was registered under this name.
    pub version: u64,
    /// Of what was handed in.
    pub digest: Digest,
    /// `component`, `module`, `text`, `javascript` or `typescript`.
    pub kind: String,
    /// Length of what is run.
    #[serde(default)]
    pub artifact_bytes: u64,
    /// Keys that its code names.
    pub references: BTreeSet<CredentialKey>,
    /// Whether its code computes keys, too.
    pub dynamic: bool,
    /// Keys that it names and would not get now.
    #[serde(default)]
    pub warnings: Vec<StepWarning>,
    /// Keys that it names and gets until soon.
    #[serde(default)]
    pub expiring: Vec<StepExpiring>,
    /// Keys that it names and gets placeholders for.
    #[serde(default)]
    pub sealed: BTreeSet<CredentialKey>,
    /// When this version was registered.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// A key that a step names and would not get.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct StepWarning {
    /// The key.
    pub key: CredentialKey,
    /// Why not.
    pub reason: DenialReason,
}

/// A key that a step names and gets until soon.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct StepExpiring {
    /// The key.
    pub key: CredentialKey,
    /// When its credential expires.
    pub expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Steps {
    steps: Vec<Step>,
    #[serde(default)]
    next: Option<String>,
}

fn below(workspace: &WorkspaceName, workflow: &WorkflowName) -> String {
    format!("{}/steps", of_workflow(workspace, workflow))
}

impl StepKind {
    fn media_type(self) -> &'static str {
        match self {
            Self::WebAssembly => "application/wasm",
            Self::JavaScript => "text/javascript",
            Self::TypeScript => "text/typescript",
        }
    }
}

impl Client {
    /// Registers a step, or a new version of it.
    ///
    /// # Errors
    /// [`ClientError`], here and in all that follow.
    pub async fn put_step(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        step: &StepName,
        kind: StepKind,
        code: Vec<u8>,
    ) -> Result<Step, ClientError> {
        let path = format!("{}/{step}", below(workspace, workflow));
        let ask = self.ask(Method::PUT, path).body(kind.media_type(), code);
        ask.send().await?.json().await
    }

    /// A step in its present version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn step(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        step: &StepName,
    ) -> Result<Step, ClientError> {
        let path = format!("{}/{step}", below(workspace, workflow));
        self.get(path).send().await?.json().await
    }

    /// The steps of a workflow, by name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn steps(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<Vec<Step>, ClientError> {
        let mut all = Vec::new();
        let mut query = String::new();
        loop {
            let path = format!("{}{query}", below(workspace, workflow));
            let Steps { steps, next } = self.get(path).send().await?.json().await?;
            let is_end = steps.is_empty();
            all.extend(steps);
            match next {
                Some(after) if !is_end => query = format!("?after={after}"),
                Some(_) | None => return Ok(all),
            }
        }
    }

    /// Removes a step in all its versions.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_step(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        step: &StepName,
    ) -> Result<(), ClientError> {
        let path = format!("{}/{step}", below(workspace, workflow));
        self.ask(Method::DELETE, path).send().await?;
        Ok(())
    }
}
