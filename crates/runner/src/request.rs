//! What is asked of a run, and what is told of it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{LogSink, StepFile};
use lockstep_step::{
    Denied, Digest, Idempotency, Limits, Outcome, Receipt, RunId, StepName, TraceContext,
    WorkflowName, WorkspaceName,
};

use crate::ticket::Ticket;

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
    /// Which try of the step this is, from 1 on: the engine that tries again counts.
    pub attempt: u32,
    /// What the run may use.
    pub limits: Limits,
    /// Hears the masked log as it comes, besides the record.
    pub listener: Option<Arc<dyn LogSink>>,
    /// The trace that the run is part of: its spans are, and its requests say so.
    pub trace: Option<TraceContext>,
    /// Ends the run with the outcome `cancelled`.
    pub cancel: CancellationToken,
}

/// How a run is asked for by those who serve many.
#[derive(Default)]
pub struct Call {
    /// The right to wait for a place, of [`Runner::ticket`](crate::Runner::ticket). Without one it is asked for when the
    /// place is needed, and a run that has none ends as `capacity`.
    pub ticket: Option<Ticket>,
    /// What the client calls its request: sent twice, it starts one run.
    pub idempotency: Option<Idempotency>,
}

/// Where the code of a step is.
pub enum StepSource {
    /// In the workflow, under this name.
    Registered(StepName),
    /// Here: it is run and not kept. The record has its name.
    Inline(StepFile),
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
