//! Runs: one that is wanted now, and the record of those that were.

mod elsewhere;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use lockstep_client::RunFilter as ClientFilter;
use lockstep_runner::{
    LogEntry, RunFilter, RunRecord, RunReport, RunRequest, RunSummary, StepSource,
};
use lockstep_sandbox::LogSink;
use lockstep_step::{Denied, Limits, Outcome, Receipt, RunId, WorkflowName, WorkspaceName};

use super::Backend;
use super::answers::{log_entry, run_record, run_summary};
use crate::problem::Problem;

/// Pieces of a log that are read at once.
const LOG_PAGE: u32 = 1_000;

/// A run that is wanted.
pub(crate) struct Wanted {
    pub(crate) workspace: WorkspaceName,
    pub(crate) workflow: WorkflowName,
    pub(crate) step: StepSource,
    /// JSON text.
    pub(crate) input: String,
    pub(crate) limits: Limits,
    /// Hears the masked log.
    pub(crate) log: Arc<dyn LogSink>,
    /// Ends the run.
    pub(crate) cancel: CancellationToken,
}

/// A run that is over and recorded.
pub(crate) struct Finished {
    pub(crate) run: RunId,
    pub(crate) outcome: Outcome,
    pub(crate) receipt: Receipt,
    /// What it asked for and did not get; nothing, if the caller may not see keys.
    pub(crate) denied: Vec<Denied>,
}

impl Backend {
    /// Runs a step to its end.
    pub(crate) async fn run(&self, wanted: Wanted) -> Result<Finished, Problem> {
        match self {
            Self::Here(host) => {
                let request = RunRequest {
                    workspace: wanted.workspace,
                    workflow: wanted.workflow,
                    step: wanted.step,
                    input: wanted.input,
                    attempt: 1,
                    limits: wanted.limits,
                    listener: Some(wanted.log),
                    trace: None,
                    cancel: wanted.cancel,
                };
                let report = host.runner.run(&host.caller, request).await?;
                Ok(report.into())
            }
            Self::There(client) => elsewhere::run(client, wanted).await,
        }
    }

    pub(crate) async fn runs(
        &self,
        workspace: &WorkspaceName,
        filter: &RunFilter,
    ) -> Result<Vec<RunSummary>, Problem> {
        match self {
            Self::Here(host) => {
                let runner = &host.runner;
                Ok(runner.runs(&host.caller, workspace, filter).await?)
            }
            Self::There(client) => {
                let asked = ClientFilter {
                    workflow: filter.workflow.clone(),
                    step: filter.step.clone(),
                    since: filter.since,
                    until: filter.until,
                    status: filter.status.map(|status| status.as_str().to_owned()),
                    before: filter.before,
                };
                let runs = client.runs(workspace, &asked, filter.limit).await?;
                runs.into_iter().map(run_summary).collect()
            }
        }
    }

    pub(crate) async fn run_record(
        &self,
        workspace: &WorkspaceName,
        run: &RunId,
    ) -> Result<RunRecord, Problem> {
        match self {
            Self::Here(host) => {
                let runner = &host.runner;
                Ok(runner.run_record(&host.caller, workspace, run).await?)
            }
            Self::There(client) => run_record(workspace, client.run(workspace, run).await?),
        }
    }

    /// Gives each piece of the log of a run, from the first.
    pub(crate) async fn log(
        &self,
        workspace: &WorkspaceName,
        run: &RunId,
        mut take: impl FnMut(LogEntry) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let host = match self {
            Self::Here(host) => host,
            Self::There(client) => {
                let mut lines = client.log(workspace, run).await?;
                while let Some(piece) = lines.next().await? {
                    take(log_entry(piece))?;
                }
                return Ok(());
            }
        };
        let mut next = 0;
        loop {
            let page = host
                .runner
                .run_log(&host.caller, workspace, run, next, LOG_PAGE)
                .await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            next = last.sequence + 1;
            page.into_iter().try_for_each(&mut take)?;
        }
    }
}

impl From<RunReport> for Finished {
    fn from(report: RunReport) -> Self {
        Self {
            run: report.run,
            outcome: report.outcome,
            receipt: report.receipt,
            denied: report.denied,
        }
    }
}
