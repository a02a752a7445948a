//! The record of a run: opened before anything happens, closed with how it ended.

mod filter;

use jiff::Timestamp;

use lockstep_step::{
    Denied, Digest, Idempotency, LogChunk, Outcome, Receipt, RunId, StepName, WorkflowName,
    WorkspaceName,
};

use crate::audit::AuditUse;
use crate::step::StepEntry;

pub use filter::{RunFilter, RunStatus};

/// A run that is about to start.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Where it runs.
    pub workspace: WorkspaceName,
    /// With whose credentials.
    pub workflow: WorkflowName,
    /// What is run.
    pub source: RunSource,
    /// Who asked.
    pub caller: String,
    /// When.
    pub started_at: Timestamp,
    /// What its client calls the request for it, if that is to start one run at most.
    pub idempotency: Option<Idempotency>,
}

/// What is run.
#[derive(Clone, Debug)]
pub enum RunSource {
    /// The present version of a registered step. The record pins it.
    Step(StepName),
    /// Something that is not registered.
    File {
        /// What to call it: the name of its file.
        label: String,
        /// Of its bytes.
        digest: Digest,
    },
}

/// What the store knew at the moment when it recorded that a run starts. A later change does not belong to this run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenedRun {
    /// The version of the step that was pinned, for [`RunSource::Step`].
    pub step: Option<StepEntry>,
    /// The state of the workspace's credentials.
    pub mark: lockstep_vault::SnapshotMark,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// What it cost and used.
    pub receipt: Receipt,
    /// What it asked for and did not get.
    pub denied: Vec<Denied>,
    /// The end of its log: what was not appended before.
    pub log: Vec<LogChunk>,
    /// What it used, and is not in the audit yet. It is written before the end, or there is no end.
    pub uses: Vec<AuditUse>,
    /// Whether it is answered once it is on disk. Otherwise once it outlives this process, and it is on disk moments later.
    pub waits_for_disk: bool,
}

/// The record of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Where it ran.
    pub workspace: WorkspaceName,
    /// With whose credentials.
    pub workflow: WorkflowName,
    /// What was run.
    pub step: RunStep,
    /// Of what was run, as the user handed it in.
    pub digest: Digest,
    /// Who asked.
    pub caller: String,
    /// When.
    pub started_at: Timestamp,
    /// Where it stands.
    pub state: RunState,
}

/// What was run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunStep {
    /// A version of a registered step.
    Registered {
        /// Its name.
        name: StepName,
        /// The version that was present when the run started.
        version: u64,
    },
    /// Something that was not registered, by this name.
    File(String),
}

/// Where a run stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunState {
    /// It goes on.
    Open,
    /// It ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
        /// What it cost and used.
        receipt: Box<Receipt>,
        /// What it asked for and did not get.
        denied: Vec<Denied>,
    },
    /// The caller was not permitted to run it, and nothing was run.
    Forbidden {
        /// When.
        at: Timestamp,
    },
    /// Its process ended before it did.
    Lost {
        /// When this was noticed.
        at: Timestamp,
    },
}

/// A run in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// With whose credentials.
    pub workflow: WorkflowName,
    /// What was run.
    pub step: RunStep,
    /// Who asked.
    pub caller: String,
    /// When.
    pub started_at: Timestamp,
    /// When it ended, or was taken for lost.
    pub ended_at: Option<Timestamp>,
    /// Where it stands.
    pub status: RunStatus,
}

/// A piece of a run's log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogEntry {
    /// Its place in the log, counted from 0.
    pub sequence: u64,
    /// What was written.
    pub chunk: LogChunk,
}

// === impl RunState ===

impl RunState {
    /// Where the run stands, in one word.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match self {
            Self::Open => RunStatus::Open,
            Self::Ended { outcome, .. } => RunStatus::Ended(outcome.kind()),
            Self::Forbidden { .. } => RunStatus::Forbidden,
            Self::Lost { .. } => RunStatus::Lost,
        }
    }
}
