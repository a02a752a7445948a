//! What goes over the wire. Nothing here can hold a value, and all text of guests is masked.

pub(crate) mod audit;
pub(crate) mod copies;
mod credential;
pub(crate) mod explanations;
pub(crate) mod keys;
mod request_asked;
mod run_bodies;
mod step;
pub(crate) mod tokens;
mod used_by;
mod wanted;
pub(crate) mod workspaces;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use lockstep_runner::{
    LogEntry, RunRecord, RunReport, RunState, RunStep, RunSummary, StepAdded, StepEntry,
};
use lockstep_step::{Denied, Digest, Failure, Outcome, Receipt, RunId};

pub(crate) use credential::{
    Changes, Credential, CredentialShown, Credentials, Effective, EffectiveCredentials, PutAnswer,
    Usage,
};
pub(crate) use request_asked::RequestAsked;
pub(crate) use run_bodies::{InlineRun, Language, StepRun};
pub(crate) use step::{StepVersions, Steps};
pub(crate) use used_by::{StepOf, UsedBy};
pub(crate) use wanted::{
    MemberChange, MemberWanted, TokenWanted, WorkspaceChange, WorkspaceWanted,
};

/// A registered step.
#[derive(Serialize, ToSchema)]
pub(crate) struct Step {
    workflow: String,
    step: String,
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
    /// Keys that it names and would not get now.
    warnings: Vec<Warning>,
    /// Keys that it names and gets placeholders for.
    sealed: Vec<String>,
    /// Keys that it names and gets until soon: they expire within 14 days.
    expiring: Vec<Expiring>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    created_by: String,
}

/// A key that a step names and gets until soon.
#[derive(Serialize, ToSchema)]
pub(crate) struct Expiring {
    key: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// A key that a step names and would not get.
#[derive(Serialize, ToSchema)]
pub(crate) struct Warning {
    key: String,
    /// `not_found`, `expired`, `not_permitted` or `not_sealed`.
    #[schema(value_type = String)]
    reason: lockstep_step::DenialReason,
}

/// A run that is over and recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunAnswer {
    run: String,
    /// SHA-256 of what ran.
    digest: String,
    /// `completed`, or in one word why not.
    outcome: &'static str,
    /// What a completed run returned, masked.
    #[schema(value_type = serde_json::Value)]
    output: Option<Box<RawValue>>,
    failure: Option<FailureFields>,
    /// What it cost and used.
    #[schema(value_type = Object)]
    receipt: Receipt,
}

/// How a run failed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailureFields {
    /// For people; masked.
    message: String,
    phase: &'static str,
    /// Whether code of the step had started.
    started: bool,
    /// How many requests had left.
    requests_sent: u32,
    /// Whether the same run may succeed when it is tried again.
    retryable: bool,
}

/// Runs, the latest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Runs {
    pub(crate) runs: Vec<Summary>,
    /// Ask again with `before` as this for those that began earlier; null if these were the last.
    pub(crate) next: Option<String>,
}

/// A run in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Summary {
    pub(crate) run: String,
    workflow: String,
    #[serde(flatten)]
    what: WhatRan,
    caller: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    status: &'static str,
}

/// What was run: `step` and `step_version` of a registered step, else `file`.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhatRan {
    step: Option<String>,
    step_version: Option<u64>,
    file: Option<String>,
}

/// The record of a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct Record {
    run: String,
    workflow: String,
    #[serde(flatten)]
    what: WhatRan,
    digest: String,
    caller: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// The outcome in one word, or `open`, `lost` or `forbidden`.
    status: &'static str,
    #[schema(value_type = serde_json::Value)]
    output: Option<Box<RawValue>>,
    failure: Option<FailureFields>,
    #[schema(value_type = Option<Object>)]
    receipt: Option<Box<Receipt>>,
    /// Credentials that it asked for and did not get, and why. Only for those who may see keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Object>)]
    denied: Option<Vec<Denied>>,
}

/// A piece of a log, on a line of its own.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogPiece {
    pub(crate) sequence: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `stdout` or `stderr`.
    stream: &'static str,
    /// Masked. What is not UTF-8 is replaced.
    text: String,
}

impl From<StepAdded> for Step {
    fn from(added: StepAdded) -> Self {
        let StepEntry {
            workflow,
            name,
            version,
            digest,
            kind,
            artifact_bytes,
            references,
            dynamic,
            created_at,
            created_by,
            ..
        } = added.step;
        let warnings = added.warnings.into_iter().map(|warning| Warning {
            key: warning.key.to_string(),
            reason: warning.reason,
        });
        let expiring = added
            .expiring
            .into_iter()
            .map(|(key, expires_at)| Expiring {
                key: key.to_string(),
                expires_at,
            });
        Self {
            workflow: workflow.to_string(),
            step: name.to_string(),
            version,
            digest: digest.to_string(),
            kind,
            artifact_bytes,
            references: references.into_iter().map(String::from).collect(),
            dynamic,
            warnings: warnings.collect(),
            sealed: added.sealed.into_iter().map(String::from).collect(),
            expiring: expiring.collect(),
            created_at,
            created_by,
        }
    }
}

impl From<RunReport> for RunAnswer {
    fn from(report: RunReport) -> Self {
        Self::new(report.run, report.digest, &report.outcome, report.receipt)
    }
}

impl RunAnswer {
    pub(crate) fn new(run: RunId, digest: Digest, outcome: &Outcome, receipt: Receipt) -> Self {
        Self {
            run: run.to_string(),
            digest: digest.to_string(),
            outcome: outcome.kind().as_str(),
            output: output(outcome),
            failure: outcome.failure().map(FailureFields::from),
            receipt,
        }
    }
}

/// An output is JSON: the sandbox has looked.
fn output(outcome: &Outcome) -> Option<Box<RawValue>> {
    RawValue::from_string(outcome.output()?.as_str().to_owned()).ok()
}

impl From<&Failure> for FailureFields {
    fn from(failure: &Failure) -> Self {
        Self {
            message: failure.message.as_str().to_owned(),
            phase: failure.phase.as_str(),
            started: failure.started,
            requests_sent: failure.requests_sent,
            retryable: failure.retryable,
        }
    }
}

impl From<&RunSummary> for Summary {
    fn from(run: &RunSummary) -> Self {
        Self {
            run: run.id.to_string(),
            workflow: run.workflow.to_string(),
            what: (&run.step).into(),
            caller: run.caller.clone(),
            started_at: run.started_at,
            ended_at: run.ended_at,
            status: run.status.as_str(),
        }
    }
}

impl From<&RunStep> for WhatRan {
    fn from(step: &RunStep) -> Self {
        match step {
            RunStep::Registered { name, version } => Self {
                step: Some(name.to_string()),
                step_version: Some(*version),
                file: None,
            },
            RunStep::File(label) => Self {
                step: None,
                step_version: None,
                file: Some(label.clone()),
            },
        }
    }
}

impl Record {
    pub(crate) fn new(record: RunRecord, sees_keys: bool) -> Self {
        let status = record.state.status().as_str();
        let what = (&record.step).into();
        let (ended_at, outcome, receipt, denied) = match record.state {
            RunState::Open => (None, None, None, Vec::new()),
            RunState::Forbidden { at } | RunState::Lost { at } => {
                (Some(at), None, None, Vec::new())
            }
            RunState::Ended {
                at,
                outcome,
                receipt,
                denied,
            } => (Some(at), Some(outcome), Some(receipt), denied),
        };
        Self {
            run: record.id.to_string(),
            workflow: record.workflow.to_string(),
            what,
            digest: record.digest.to_string(),
            caller: record.caller,
            started_at: record.started_at,
            ended_at,
            status,
            output: outcome.as_ref().and_then(output),
            failure: outcome
                .as_ref()
                .and_then(Outcome::failure)
                .map(FailureFields::from),
            receipt,
            denied: sees_keys.then_some(denied),
        }
    }
}

impl From<LogEntry> for LogPiece {
    fn from(entry: LogEntry) -> Self {
        Self {
            sequence: entry.sequence,
            at: entry.chunk.at,
            stream: entry.chunk.stream.as_str(),
            text: String::from_utf8_lossy(entry.chunk.text.as_bytes()).into_owned(),
        }
    }
}
