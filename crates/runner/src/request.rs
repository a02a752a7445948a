//! What is asked of a run, and what is told of it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::LogSink;
use lockstep_step::{
    Denied, Digest, Limits, Outcome, Receipt, RunId, StepName, WorkflowName, WorkspaceName,
};

/// A run that somebody wants.
pub struct RunRequest {
    /// Whose workflow.
    pub workspace: WorkspaceName,
    /// Whose credentials and usage permission.
    pub workflow: WorkflowName,
    /// What is run.
    pub step: StepSource,
    /// JSON text.
    pub input: String,
    /// What the run may use.
    pub limits: Limits,
    /// Hears the masked log as it comes, besides the record.
    pub listener: Option<Arc<dyn LogSink>>,
    /// Ends the run with the outcome `cancelled`.
    pub cancel: CancellationToken,
}

/// Where the code of a step is.
pub enum StepSource {
    /// In the workflow, under this name.
    Registered(StepName),
    /// Here: it is run and not kept.
    Inline {
        /// How the record names it, such as the name of its file.
        label: String,
        /// A component, a core module or the text format.
        bytes: Vec<u8>,
    },
}

/// A run that is over and recorded.
#[derive(Debug)]
pub struct RunReport {
    /// Its name in the record.
    pub run: RunId,
    /// SHA-256 of the step that ran.
    pub digest: Digest,
    /// When its record was opened.
    pub started_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost and used.
    pub receipt: Receipt,
    /// The credentials that it asked for and was not given, with the true reasons.
    pub denied: Vec<Denied>,
}
