//! `lockstep runs`: the record.

use std::fmt;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use lockstep_runner::{LogEntry, RunFilter, RunRecord, RunState, RunStatus, RunStep, RunSummary};
use lockstep_step::{
    Denied, Digest, LogStream, OutcomeKind, Receipt, RunId, StepName, WorkflowName, WorkspaceName,
};

use super::requests::Line;
use super::show::{FailureFields, json, time};
use super::step::reason_in_words;
use crate::arguments::InWorkspace;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Form, Paint};
use crate::host::Keys;
use crate::live_log::LineMerge;
use crate::problem::{Exit, Problem};
use crate::table::Table;

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List the runs of a workspace, the latest first.
    List {
        #[command(flatten)]
        place: InWorkspace,
        /// Only the runs of this workflow.
        #[arg(long, value_name = "WORKFLOW")]
        workflow: Option<WorkflowName>,
        /// Only the runs of the registered step of this name.
        #[arg(long, value_name = "STEP")]
        step: Option<StepName>,
        /// Only runs that began at this time or later, such as `2026-01-31T12:00:00Z`.
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Only runs that began before this time.
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
        /// Only runs that ended so, or are `open`, `lost` or `forbidden`.
        #[arg(long, value_name = "STATUS", value_parser = status)]
        status: Option<RunStatus>,
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 20)]
        limit: u32,
        /// Only runs that began before this one: how to see more than the limit.
        #[arg(long, value_name = "ID")]
        before: Option<RunId>,
    },
    /// Show how a run ended, what it cost and which credentials it used.
    Show {
        /// The run.
        #[arg(value_name = "ID")]
        run: RunId,
        #[command(flatten)]
        place: InWorkspace,
    },
    /// Show the log of a run, masked as it was.
    Logs {
        /// The run.
        #[arg(value_name = "ID")]
        run: RunId,
        #[command(flatten)]
        place: InWorkspace,
    },
}

/// A word that is no status.
#[derive(Clone, Debug, thiserror::Error)]
#[error("it is none of `open`, `lost`, `forbidden`, {kinds}", kinds = kinds())]
pub(crate) struct NoStatus;

#[derive(Serialize)]
struct Runs {
    workspace: WorkspaceName,
    runs: Vec<Summary>,
}

#[derive(Serialize)]
struct Summary {
    run: RunId,
    workflow: WorkflowName,
    #[serde(flatten)]
    step: StepFields,
    caller: String,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    status: &'static str,
}

/// What was run, in three fields: `step` and `step_version` of a registered step, else `file`.
#[derive(Serialize)]
struct StepFields {
    step: Option<StepName>,
    step_version: Option<u64>,
    file: Option<String>,
}

#[derive(Serialize)]
struct Record {
    run: RunId,
    workspace: WorkspaceName,
    workflow: WorkflowName,
    #[serde(flatten)]
    step: StepFields,
    digest: Digest,
    caller: String,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    status: &'static str,
    output: Option<Box<RawValue>>,
    failure: Option<FailureFields>,
    receipt: Option<Receipt>,
    denied: Vec<Denied>,
}

#[derive(Serialize)]
struct Log {
    run: RunId,
    log: Vec<LogPiece>,
}

#[derive(Serialize)]
struct LogPiece {
    sequence: u64,
    at: Timestamp,
    stream: LogStream,
    /// What is not UTF-8 is replaced.
    text: String,
}

pub(crate) async fn carry_out(
    command: RunsCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    match command {
        RunsCommand::List {
            place,
            workflow,
            status,
            step,
            since,
            until,
            limit,
            before,
        } => {
            let filter = RunFilter {
                workflow,
                step,
                status,
                since,
                until,
                before,
                limit,
            };
            let runs = host.runs(&place.workspace, &filter).await?;
            if runs.is_empty() {
                console.note("there are no runs");
            }
            let runs = runs.into_iter().map(Summary::from).collect();
            console.show(&Runs {
                workspace: place.workspace,
                runs,
            })?;
        }
        RunsCommand::Show { run, place } => {
            let record = host.run_record(&place.workspace, &run).await?;
            console.show(&Record::new(record)?)?;
        }
        RunsCommand::Logs { run, place } => {
            // Of a run that is not there, this says so.
            host.run_record(&place.workspace, &run).await?;
            logs(&host, &place.workspace, run, console).await?;
        }
    }
    Ok(Exit::Completed)
}

async fn logs(
    host: &Backend,
    workspace: &WorkspaceName,
    run: RunId,
    console: &Console,
) -> Result<(), Problem> {
    let mut merge = LineMerge::default();
    let mut log = Vec::new();
    let take = |entry: LogEntry| {
        match console.form() {
            Form::Text => {
                console.write(&merge.write(entry.chunk.stream, entry.chunk.text.as_bytes()))?;
            }
            Form::Json => log.push(LogPiece::from(entry)),
        }
        Ok(())
    };
    host.log(workspace, &run, take).await?;
    match console.form() {
        Form::Text => console.write(&merge.finish())?,
        Form::Json => console.show_json(&Log { run, log })?,
    }
    Ok(())
}

fn status(word: &str) -> Result<RunStatus, NoStatus> {
    RunStatus::from_word(word).ok_or(NoStatus)
}

fn kinds() -> String {
    OutcomeKind::ALL.map(|kind| format!("`{kind}`")).join(", ")
}

// === impl StepFields ===

impl From<RunStep> for StepFields {
    fn from(step: RunStep) -> Self {
        match step {
            RunStep::Registered { name, version } => Self {
                step: Some(name),
                step_version: Some(version),
                file: None,
            },
            RunStep::File(label) => Self {
                step: None,
                step_version: None,
                file: Some(label),
            },
        }
    }
}

impl fmt::Display for StepFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.step, &self.step_version, &self.file) {
            (Some(name), Some(version), _) => write!(f, "{name} (version {version})"),
            (Some(name), None, _) => write!(f, "{name}"),
            (None, _, file) => f.write_str(file.as_deref().unwrap_or("-")),
        }
    }
}

// === impl Summary ===

impl From<RunSummary> for Summary {
    fn from(summary: RunSummary) -> Self {
        Self {
            run: summary.id,
            workflow: summary.workflow,
            step: summary.step.into(),
            caller: summary.caller,
            started_at: summary.started_at,
            ended_at: summary.ended_at,
            status: summary.status.as_str(),
        }
    }
}

// === impl Record ===

impl Record {
    fn new(record: RunRecord) -> Result<Self, Problem> {
        let status = record.state.status().as_str();
        let mut shown = Self {
            run: record.id,
            workspace: record.workspace,
            workflow: record.workflow,
            step: record.step.into(),
            digest: record.digest,
            caller: record.caller,
            started_at: record.started_at,
            ended_at: None,
            status,
            output: None,
            failure: None,
            receipt: None,
            denied: Vec::new(),
        };
        match record.state {
            RunState::Open => {}
            RunState::Forbidden { at } | RunState::Lost { at } => shown.ended_at = Some(at),
            RunState::Ended {
                at,
                outcome,
                receipt,
                denied,
            } => {
                shown.ended_at = Some(at);
                shown.output = outcome.output().map(json).transpose()?;
                shown.failure = outcome.failure().map(FailureFields::from);
                shown.receipt = Some(*receipt);
                shown.denied = denied;
            }
        }
        Ok(shown)
    }
}

// === impl LogPiece ===

impl From<LogEntry> for LogPiece {
    fn from(entry: LogEntry) -> Self {
        Self {
            sequence: entry.sequence,
            at: entry.chunk.at,
            stream: entry.chunk.stream,
            text: String::from_utf8_lossy(entry.chunk.text.as_bytes()).into_owned(),
        }
    }
}

// === impl Answer ===

impl Answer for Runs {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        if self.runs.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["RUN", "STATUS", "STEP", "WORKFLOW", "STARTED", "TOOK"]);
        for run in &self.runs {
            table.row([
                run.run.to_string(),
                run.status.to_owned(),
                run.step.to_string(),
                run.workflow.to_string(),
                time(run.started_at),
                run.ended_at
                    .map_or_else(|| "-".to_owned(), |at| took(run.started_at, at)),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for Record {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(out, "run        {}", self.run)?;
        writeln!(out, "status     {}", self.status)?;
        writeln!(out, "step       {}", self.step)?;
        writeln!(out, "digest     {}", self.digest)?;
        writeln!(
            out,
            "workflow   {} of workspace {}",
            self.workflow, self.workspace
        )?;
        writeln!(
            out,
            "started    {} by {}",
            time(self.started_at),
            self.caller
        )?;
        if let Some(at) = self.ended_at {
            writeln!(
                out,
                "ended      {}, after {}",
                time(at),
                took(self.started_at, at)
            )?;
        }
        if let Some(output) = &self.output {
            writeln!(out, "output     {output}")?;
        }
        if let Some(failure) = &self.failure {
            writeln!(out, "failure    {failure}")?;
        }
        if let Some(receipt) = &self.receipt {
            write_receipt(out, receipt)?;
        }
        for Denied { key, reason } in &self.denied {
            let key = key.as_ref().map_or("what is no key", |key| key.as_str());
            writeln!(out, "denied     {key}: {}", reason_in_words(*reason))?;
        }
        Ok(())
    }
}

fn write_receipt(out: &mut dyn fmt::Write, receipt: &Receipt) -> fmt::Result {
    let ms = |us: u64| format!("{}.{:03} ms", us / 1_000, us % 1_000);
    writeln!(
        out,
        "time       queue {}, load {}, run {}, processor {}",
        ms(receipt.queue_us),
        ms(receipt.load_us),
        ms(receipt.run_us),
        ms(receipt.cpu_us)
    )?;
    writeln!(
        out,
        "memory     {} KiB at most",
        receipt.peak_memory_bytes.div_ceil(1024)
    )?;
    writeln!(
        out,
        "bytes      input {}, output {}, log {}",
        receipt.input_bytes, receipt.output_bytes, receipt.log_bytes
    )?;
    for request in &receipt.outbound {
        writeln!(out, "request    {}", Line(request))?;
    }
    for used in &receipt.credentials {
        writeln!(
            out,
            "used       {} of the {}, version {}{}",
            used.key,
            used.scope,
            used.version,
            if used.sealed { ", sealed" } else { "" }
        )?;
    }
    Ok(())
}

fn took(started: Timestamp, ended: Timestamp) -> String {
    let ms = ended.duration_since(started).as_millis();
    if ms < 10_000 {
        format!("{ms} ms")
    } else {
        format!("{} s", ms / 1_000)
    }
}
