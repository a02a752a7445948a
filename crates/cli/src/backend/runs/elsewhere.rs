//! A run behind a server: started, followed while it goes on, and cancelled when somebody interrupts.

use std::time::Duration;

use serde_json::value::RawValue;

use lockstep_client::{Client, ClientError, InlineStep, News, RunAnswer, RunLimits, RunStarted};
use lockstep_runner::{RunRecord, RunState, SourceKind, StepFile, StepSource};
use lockstep_sandbox::LogSink;
use lockstep_step::{Limits, OutcomeKind, RunId, StepName, WorkflowName, WorkspaceName};

use super::{Finished, Wanted};
use crate::backend::answers::{log_entry, outcome, run_record, unknown_word};
use crate::problem::{Exit, Problem};

/// How often a run is followed again whose connection broke off.
const ATTEMPTS: usize = 5;

pub(super) async fn run(client: &Client, wanted: Wanted) -> Result<Finished, Problem> {
    let started = tokio::select! {
        started = start(client, &wanted) => started?,
        // A server cancels a run whose client waits and hangs up.
        () = wanted.cancel.cancelled() => return Err(interrupted()),
    };
    let (workspace, log) = (&wanted.workspace, wanted.log.as_ref());
    match started {
        RunStarted::Over(answer) => {
            tell_log(client, workspace, &answer.run, log).await?;
            finished(client, workspace, *answer).await
        }
        RunStarted::GoesOn(run) => {
            follow(client, &run, &wanted).await?;
            let record = client.run(workspace, &run).await?;
            of_record(run_record(workspace, record)?)
        }
    }
}

async fn start(client: &Client, wanted: &Wanted) -> Result<RunStarted, Problem> {
    let input = input(&wanted.input)?;
    let limits = limits(wanted.limits);
    let (workspace, workflow) = (&wanted.workspace, &wanted.workflow);
    match &wanted.step {
        StepSource::Registered(name) => client
            .run_step(workspace, workflow, name, &input, limits)
            .await
            .map_err(|error| not_started(error, name, workflow)),
        StepSource::Inline(file) => {
            let step = inline(file)?;
            client
                .run_inline(workspace, workflow, &step, &input, limits)
                .await
                .map_err(Problem::from)
        }
    }
}

/// What was called may have been meant as a file.
fn not_started(error: ClientError, name: &StepName, workflow: &WorkflowName) -> Problem {
    let no_step = format!("step `{name}` of workflow `{workflow}` does not exist");
    let mut problem = Problem::from(error);
    if problem.message == no_step {
        problem.message = format!("`{name}` is neither a file nor a step of workflow `{workflow}`");
    }
    problem
}

/// Tells the log of a run as it comes, until its end.
async fn follow(client: &Client, run: &RunId, wanted: &Wanted) -> Result<(), Problem> {
    let workspace = &wanted.workspace;
    let (mut last, mut told_to_end) = (None, false);
    for _ in 0..ATTEMPTS {
        let mut followed = client.follow(workspace, run, last).await?;
        loop {
            let news = tokio::select! {
                news = followed.next() => news,
                () = wanted.cancel.cancelled(), if !told_to_end => {
                    told_to_end = true;
                    cancel(client, workspace, run).await?;
                    continue;
                }
            };
            match news {
                Ok(Some(News::Log(piece))) => {
                    last = Some(piece.sequence);
                    wanted.log.write(log_entry(piece).chunk);
                }
                Ok(Some(News::End)) => return Ok(()),
                // What came so far is known, and the rest is asked for.
                Ok(None) | Err(_) => break,
            }
        }
    }
    let message =
        format!("run `{run}` cannot be followed: the connection breaks off again and again");
    Err(
        Problem::new(Exit::Host, "unreachable", message).hint(format!(
            "it goes on: `lockstep runs show {run}` tells how it ended"
        )),
    )
}

/// One that is over by itself meanwhile is over all the same.
async fn cancel(client: &Client, workspace: &WorkspaceName, run: &RunId) -> Result<(), Problem> {
    match client.cancel_run(workspace, run).await {
        Err(error) if error.code() != Some("run_over") => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn tell_log(
    client: &Client,
    workspace: &WorkspaceName,
    run: &RunId,
    log: &dyn LogSink,
) -> Result<(), Problem> {
    let mut lines = client.log(workspace, run).await?;
    while let Some(piece) = lines.next().await? {
        log.write(log_entry(piece).chunk);
    }
    Ok(())
}

async fn finished(
    client: &Client,
    workspace: &WorkspaceName,
    answer: RunAnswer,
) -> Result<Finished, Problem> {
    let kind = OutcomeKind::from_word(&answer.outcome);
    let kind = kind.ok_or_else(|| unknown_word("an outcome"))?;
    let denied = if kind == OutcomeKind::MissingCredential {
        let record = client.run(workspace, &answer.run).await?;
        record.denied.unwrap_or_default()
    } else {
        Vec::new()
    };
    Ok(Finished {
        run: answer.run,
        outcome: outcome(kind, answer.output, answer.failure)?,
        receipt: answer.receipt,
        denied,
    })
}

fn of_record(record: RunRecord) -> Result<Finished, Problem> {
    let run = record.id;
    match record.state {
        RunState::Ended {
            outcome,
            receipt,
            denied,
            ..
        } => Ok(Finished {
            run,
            outcome,
            receipt: *receipt,
            denied,
        }),
        RunState::Open | RunState::Lost { .. } | RunState::Forbidden { .. } => {
            let status = record.state.status().as_str();
            let message = format!("run `{run}` did not come to an end: it is `{status}`");
            Err(Problem::new(Exit::Host, "internal", message))
        }
    }
}

fn interrupted() -> Problem {
    Problem::new(
        Exit::NotCompleted,
        "interrupted",
        "interrupted before the run had ended",
    )
}

/// What is no JSON cannot be sent: on this machine it is a run that ends at once, with the same exit code.
fn input(text: &str) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(text.to_owned()).map_err(|error| {
        let message = format!("invalid_input: the input is not JSON: {error}");
        Problem::new(Exit::NotCompleted, "invalid_input", message)
    })
}

fn limits(wanted: Limits) -> RunLimits {
    let ms = |time: Duration| Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    RunLimits {
        timeout_ms: ms(wanted.timeout),
        memory_bytes: Some(wanted.memory_bytes),
        log_bytes: Some(wanted.log_bytes),
        output_bytes: Some(wanted.output_bytes),
        requests: Some(wanted.requests),
        concurrent_requests: Some(wanted.concurrent_requests),
        first_byte_timeout_ms: ms(wanted.first_byte_timeout),
        request_header_bytes: Some(wanted.request_header_bytes),
        request_body_bytes: Some(wanted.request_body_bytes),
        response_body_bytes: Some(wanted.response_body_bytes),
        transfer_bytes: Some(wanted.transfer_bytes),
    }
}

fn inline(file: &StepFile) -> Result<InlineStep, Problem> {
    let source = || {
        String::from_utf8(file.bytes.clone()).map_err(|error| {
            let message = format!("`{}` is not UTF-8", file.name);
            Problem::new(Exit::NotCompleted, "invalid_step", message)
                .because(Some(&error.utf8_error()))
        })
    };
    match file.kind {
        SourceKind::WebAssembly => Ok(InlineStep::WebAssembly(file.bytes.clone())),
        SourceKind::JavaScript => source().map(InlineStep::JavaScript),
        SourceKind::TypeScript => source().map(InlineStep::TypeScript),
    }
}
