//! Runs: asked for and waited for, and their record.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderName, Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use lockstep_secret::Masked;
use lockstep_step::{Denied, Digest, Phase, Receipt, RunId, StepName, WorkflowName, WorkspaceName};

use crate::client::{Ask, Client, Patience};
use crate::error::ClientError;
use crate::log::{Followed, LogLines};
use crate::masked;
use crate::workspaces::{of, of_workflow};

/// A run may wait for its place, be compiled, and be recorded, beside the time that it may take.
const AROUND: Duration = Duration::from_secs(120);

/// What is run and not kept.
#[derive(Clone, Debug)]
pub enum InlineStep {
    /// The source of a script.
    JavaScript(String),
    /// The same, with types.
    TypeScript(String),
    /// A component, a core module, or the text format of either.
    WebAssembly(Vec<u8>),
}

/// What a run may use. What is not said has the default of the server.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct RunLimits {
    /// Wall-clock and CPU time, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Log that is kept, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    /// Output, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Outbound requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// Outbound requests at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_requests: Option<u32>,
    /// How long an answer to one may take to begin, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_timeout_ms: Option<u64>,
    /// URL and headers of one, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_header_bytes: Option<u32>,
    /// Body of one, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body_bytes: Option<u64>,
    /// Body of its answer, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body_bytes: Option<u64>,
    /// All bodies together, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_bytes: Option<u64>,
}

/// A run that was asked for.
#[derive(Clone, Debug)]
pub enum RunStarted {
    /// It goes on, under this name.
    GoesOn(RunId),
    /// It is over already.
    Over(Box<RunAnswer>),
}

#[derive(Deserialize)]
struct Accepted {
    run: RunId,
}

/// A run that is over and recorded.
#[derive(Clone, Debug, Deserialize)]
pub struct RunAnswer {
    /// Its name in the record.
    pub run: RunId,
    /// Of what ran.
    pub digest: Digest,
    /// `completed`, or in one word why not.
    pub outcome: String,
    /// What a completed run returned: JSON text, masked.
    #[serde(deserialize_with = "masked::document")]
    pub output: Option<Masked<String>>,
    /// How it failed.
    pub failure: Option<Failure>,
    /// What it cost and used.
    pub receipt: Receipt,
}

/// How a run failed.
#[derive(Clone, Debug, Deserialize)]
pub struct Failure {
    /// For people; masked.
    #[serde(deserialize_with = "masked::text")]
    pub message: Masked<String>,
    /// Where it failed.
    pub phase: Phase,
    /// Whether code of the step had started.
    pub started: bool,
    /// How many requests had left.
    pub requests_sent: u32,
    /// Whether the same run may succeed when it is tried again.
    pub retryable: bool,
}

/// A run in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct RunSummary {
    /// Its id.
    pub run: RunId,
    /// With whose credentials.
    pub workflow: WorkflowName,
    /// The step, if it was a registered one.
    pub step: Option<StepName>,
    /// Its version.
    pub step_version: Option<u64>,
    /// What was run, if it was none.
    pub file: Option<String>,
    /// Who asked.
    pub caller: String,
    /// When.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Where it stands, in one word.
    pub status: String,
}

/// The record of a run.
#[derive(Clone, Debug, Deserialize)]
pub struct RunRecord {
    /// As in a list.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// Of what was run.
    pub digest: Digest,
    /// What it returned: JSON text, masked.
    #[serde(deserialize_with = "masked::document")]
    pub output: Option<Masked<String>>,
    /// How it failed.
    pub failure: Option<Failure>,
    /// What it cost and used.
    pub receipt: Option<Receipt>,
    /// What it asked for and did not get; `None` if the caller may not see keys.
    #[serde(default)]
    pub denied: Option<Vec<Denied>>,
}

/// Which runs are listed: the latest first.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only of this workflow.
    pub workflow: Option<WorkflowName>,
    /// Only those of the registered step of this name.
    pub step: Option<StepName>,
    /// Only those that stand so.
    pub status: Option<String>,
    /// Only those that began at this time or later.
    pub since: Option<Timestamp>,
    /// Only those that began before this time.
    pub until: Option<Timestamp>,
    /// Only those that started before this one.
    pub before: Option<RunId>,
}

#[derive(Deserialize)]
struct Runs {
    runs: Vec<RunSummary>,
    next: Option<RunId>,
}

#[derive(Serialize)]
struct StepRun<'a> {
    input: &'a RawValue,
    limits: RunLimits,
}

#[derive(Serialize)]
struct InlineRun<'a> {
    #[serde(flatten)]
    step: InlineFields<'a>,
    input: &'a RawValue,
    limits: RunLimits,
}

#[derive(Serialize)]
#[serde(untagged)]
enum InlineFields<'a> {
    Source {
        source: &'a str,
        language: &'static str,
    },
    WebAssembly {
        /// In base64.
        wasm: String,
    },
}

impl<'a> From<&'a InlineStep> for InlineFields<'a> {
    fn from(step: &'a InlineStep) -> Self {
        let (source, language) = match step {
            InlineStep::JavaScript(source) => (source, "javascript"),
            InlineStep::TypeScript(source) => (source, "typescript"),
            InlineStep::WebAssembly(bytes) => {
                let wasm = BASE64_STANDARD.encode(bytes);
                return Self::WebAssembly { wasm };
            }
        };
        Self::Source { source, language }
    }
}

/// As many as the server tells at once.
const PAGE: u32 = 100;

impl Client {
    /// Starts a run of a registered step. A server that runs nothing without somebody who waits answers at its end.
    ///
    /// # Errors
    /// [`ClientError`], here and in all that follow.
    pub async fn run_step(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        step: &StepName,
        input: &RawValue,
        limits: RunLimits,
    ) -> Result<RunStarted, ClientError> {
        let path = format!("{}/steps/{step}/runs", of_workflow(workspace, workflow));
        let ask = self.ask(Method::POST, path);
        started(ask.json(&StepRun { input, limits }), limits).await
    }

    /// Starts a run of code that is not kept, as [`Client::run_step`] does of a step.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn run_inline(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        step: &InlineStep,
        input: &RawValue,
        limits: RunLimits,
    ) -> Result<RunStarted, ClientError> {
        let path = format!("{}/runs", of_workflow(workspace, workflow));
        let ask = self.ask(Method::POST, path).json(&InlineRun {
            step: step.into(),
            input,
            limits,
        });
        started(ask, limits).await
    }

    /// Follows a run: its log from the piece behind `last`, and its end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn follow(
        &self,
        workspace: &WorkspaceName,
        run: &RunId,
        last: Option<u64>,
    ) -> Result<Followed, ClientError> {
        let path = format!("{}/runs/{run}/logs", of(workspace));
        let ask = self.get(path).accepting("text/event-stream");
        let ask = match last {
            Some(last) => ask.number(HeaderName::from_static("last-event-id"), last),
            None => ask,
        };
        Ok(Followed::new(ask.send().await?))
    }

    /// Tells a run to end before it ends by itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel_run(
        &self,
        workspace: &WorkspaceName,
        run: &RunId,
    ) -> Result<(), ClientError> {
        let path = format!("{}/runs/{run}/cancel", of(workspace));
        self.ask(Method::POST, path).send().await?;
        Ok(())
    }

    /// The runs of a workspace, the latest first, at most so many.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn runs(
        &self,
        workspace: &WorkspaceName,
        filter: &RunFilter,
        most: u32,
    ) -> Result<Vec<RunSummary>, ClientError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut all = Vec::new();
        let mut before = filter.before;
        while all.len() < most {
            let limit = (most - all.len()).min(PAGE as usize);
            let path = format!("{}/runs{}", of(workspace), filter.query(before, limit));
            let Runs { runs, next } = self.get(path).send().await?.json().await?;
            all.extend(runs);
            before = next;
            if before.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// The record of a run.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn run(
        &self,
        workspace: &WorkspaceName,
        run: &RunId,
    ) -> Result<RunRecord, ClientError> {
        let path = format!("{}/runs/{run}", of(workspace));
        self.get(path).send().await?.json().await
    }

    /// The log of a run, from its beginning.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn log(
        &self,
        workspace: &WorkspaceName,
        run: &RunId,
    ) -> Result<LogLines, ClientError> {
        let path = format!("{}/runs/{run}/logs", of(workspace));
        let ask = self.get(path).accepting("application/x-ndjson");
        Ok(LogLines::new(ask.send().await?))
    }
}

impl RunFilter {
    /// Names, words, ids and times in UTC have no character that a query could not have.
    fn query(&self, before: Option<RunId>, limit: usize) -> String {
        let text = |name, value: Option<String>| {
            value.map_or_else(String::new, |value| format!("&{name}={value}"))
        };
        let mut query = format!("?limit={limit}");
        query += &text("workflow", self.workflow.as_ref().map(ToString::to_string));
        query += &text("step", self.step.as_ref().map(ToString::to_string));
        query += &text("status", self.status.clone());
        query += &text("since", self.since.map(|since| since.to_string()));
        query += &text("until", self.until.map(|until| until.to_string()));
        query += &text("before", before.map(|before| before.to_string()));
        query
    }
}

async fn started(ask: Ask<'_>, limits: RunLimits) -> Result<RunStarted, ClientError> {
    let ask = ask.header(HeaderName::from_static("prefer"), "respond-async");
    let answer = ask.patience(patience(limits)).send().await?;
    if answer.status() == StatusCode::ACCEPTED {
        let Accepted { run } = answer.json().await?;
        return Ok(RunStarted::GoesOn(run));
    }
    Ok(RunStarted::Over(Box::new(answer.json().await?)))
}

fn patience(limits: RunLimits) -> Patience {
    let timeout = limits
        .timeout_ms
        .map_or(Duration::ZERO, Duration::from_millis);
    Patience::Long(timeout + AROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_a_list_stands_in_the_query() {
        assert_eq!(RunFilter::default().query(None, 20), "?limit=20");
        let filter = RunFilter {
            workflow: Some("billing".parse().unwrap()),
            step: Some("post".parse().unwrap()),
            status: Some("step_failed".to_owned()),
            since: Some("2026-01-31T12:00:00Z".parse().unwrap()),
            until: Some("2026-02-01T00:00:00.5Z".parse().unwrap()),
            before: None,
        };
        let id: RunId = "01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10".parse().unwrap();
        assert_eq!(
            filter.query(Some(id), 5),
            "?limit=5&workflow=billing&step=post&status=step_failed&since=2026-01-31T12:00:00Z\
             &until=2026-02-01T00:00:00.5Z&before=01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10"
        );
    }
}
