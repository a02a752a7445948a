//! Runs, asked for. What a guest does is data of an answer with status 200.

use std::time::Duration;

use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use lockstep_runner::{Call, RunError, RunRequest, RunStarted, SourceKind, StepFile, StepSource};
use lockstep_step::{Limits, MAX_SOURCE_BYTES, RunId, WorkflowName, WorkspaceName};

use crate::again;
use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::prefer::RESPOND_ASYNC;
use crate::problem::{Problem, ProblemDetails};
use crate::trace;
use crate::wire::{InlineRun, Language, RunAnswer, RunLimits, StepRun};

/// An input as large as a run takes, and the fields around it.
const STEP_RUN: Limit = Limit {
    bytes: (6 << 20) + (64 << 10),
    code: "body_too_large",
    what: "the body",
};
/// The largest source, of which each character may be written as two, beside the largest input.
const INLINE_RUN: Limit = Limit {
    bytes: STEP_RUN.bytes + 2 * MAX_SOURCE_BYTES,
    ..STEP_RUN
};

/// Somebody waits for the answer, and so do the proxies between: ten minutes is what these bear.
const MAX_TIMEOUT_MS: u64 = 600_000;
/// Log and output of a run are kept with it, and held in memory before.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// A hundred times the default.
const MAX_REQUESTS: u64 = 10_000;

/// When a run is answered.
#[derive(Clone, Copy)]
enum Answer {
    AtTheEnd,
    AtOnce,
}

/// A run that goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunAccepted {
    run: String,
}

/// Run a registered step, and wait for its end unless the client prefers not to.
///
/// A client that waits and hangs up cancels the run. With `Prefer: respond-async` it goes on by itself.
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/steps/{step}/runs",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path), ("step" = String, Path),
        ("prefer" = Option<String>, Header, description = "`respond-async`: the answer is 202 as soon as the run is recorded"),
        ("idempotency-key" = Option<String>, Header, description = "the same request under the same key, within a day, starts no second run and has the same answer"),
    ),
    request_body = StepRun,
    responses(
        (status = 200, description = "the run is over and recorded, whatever the step did", body = RunAnswer),
        (status = 202, description = "the run is recorded and goes on: `Location` is its record", body = RunAccepted),
        (status = "4XX", description = "`invalid_name`, `invalid_body`, `body_too_large`, `limit_too_large`, `not_found`, `invalid_idempotency_key`, `idempotency_in_progress`, `idempotency_run_lost`, `idempotency_key_reused`, `too_many_idempotency_keys`, `capacity` (there is no room for one more run)", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`internal`, `store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn run_step(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (workflow, name) = (request.place.workflow()?, request.place.step()?);
    let (answer, trace) = (
        Answer::wanted(&request),
        trace::of_run(&host, &request.headers),
    );
    let ticket = host
        .runner
        .ticket(caller.workspace(), request.room(STEP_RUN))?;
    let (StepRun { input, limits }, idempotency) = request.json_once(STEP_RUN).await?;
    let step = StepSource::Registered(name);
    let request = RunRequest {
        trace,
        ..run_request(&caller, &host, workflow, step, input, limits)?
    };
    let call = Call {
        ticket: Some(ticket),
        idempotency,
    };
    run(&caller, &host, request, call, answer).await
}

/// Run source code that is not kept, with the credentials of a workflow, and wait for its end unless the client prefers
/// not to.
///
/// A client that waits and hangs up cancels the run. With `Prefer: respond-async` it goes on by itself.
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/runs",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path),
        ("prefer" = Option<String>, Header, description = "`respond-async`: the answer is 202 as soon as the run is recorded"),
        ("idempotency-key" = Option<String>, Header, description = "the same request under the same key, within a day, starts no second run and has the same answer"),
    ),
    request_body = InlineRun,
    responses(
        (status = 200, description = "the run is over and recorded, whatever the step did", body = RunAnswer),
        (status = 202, description = "the run is recorded and goes on: `Location` is its record", body = RunAccepted),
        (status = "4XX", description = "`invalid_name`, `invalid_body`, `body_too_large`, `limit_too_large`, `not_found`, `invalid_idempotency_key`, `idempotency_in_progress`, `idempotency_run_lost`, `idempotency_key_reused`, `too_many_idempotency_keys`, `capacity` (there is no room for one more run)", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`internal`, `store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn run_inline(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let workflow = request.place.workflow()?;
    let (answer, trace) = (
        Answer::wanted(&request),
        trace::of_run(&host, &request.headers),
    );
    let ticket = host
        .runner
        .ticket(caller.workspace(), request.room(INLINE_RUN))?;
    let (asked, idempotency) = request.json_once(INLINE_RUN).await?;
    let InlineRun {
        source,
        language,
        input,
        limits,
    } = asked;
    let (name, kind) = match language {
        Language::JavaScript => ("inline.js", SourceKind::JavaScript),
        Language::TypeScript => ("inline.ts", SourceKind::TypeScript),
    };
    let step = StepSource::Inline(StepFile {
        name: name.to_owned(),
        kind,
        bytes: source.into_bytes(),
    });
    let request = RunRequest {
        trace,
        ..run_request(&caller, &host, workflow, step, input, limits)?
    };
    let call = Call {
        ticket: Some(ticket),
        idempotency,
    };
    run(&caller, &host, request, call, answer).await
}

async fn run(
    caller: &Caller,
    host: &Host,
    request: RunRequest,
    call: Call,
    answer: Answer,
) -> Result<Response, Problem> {
    let asking = caller.as_runner_knows();
    match answer {
        Answer::AtTheEnd => match host.runner.run_as(asking, request, call).await {
            Ok(report) => Ok(json(&RunAnswer::from(report))),
            Err(RunError::AlreadyAsked(run)) => again::answer(caller, host, run).await,
            Err(error) => Err(error.into()),
        },
        Answer::AtOnce => match host.runner.start(asking, request, call).await {
            Ok(RunStarted { run, .. }) => Ok(accepted(caller, &run)),
            // The same answer as to the first request.
            Err(RunError::AlreadyAsked(run)) => Ok(accepted(caller, &run)),
            Err(error) => Err(error.into()),
        },
    }
}

fn accepted(caller: &Caller, run: &RunId) -> Response {
    let record = location(caller.workspace(), run);
    let headers = [
        (LOCATION, record.as_str()),
        (HeaderName::from_static("preference-applied"), RESPOND_ASYNC),
    ];
    let run = run.to_string();
    (StatusCode::ACCEPTED, headers, json(&RunAccepted { run })).into_response()
}

/// Where the record of a run is.
pub(crate) fn location(workspace: &WorkspaceName, run: &RunId) -> String {
    format!("/v1/workspaces/{workspace}/runs/{run}")
}

impl Answer {
    fn wanted(request: &Unread) -> Self {
        if request.prefers_async() {
            Self::AtOnce
        } else {
            Self::AtTheEnd
        }
    }
}

fn run_request(
    caller: &Caller,
    host: &Host,
    workflow: WorkflowName,
    step: StepSource,
    input: Option<Box<RawValue>>,
    limits: RunLimits,
) -> Result<RunRequest, Problem> {
    Ok(RunRequest {
        workspace: caller.workspace().clone(),
        workflow,
        step,
        input: input.map_or_else(|| "null".to_owned(), |input| Box::<str>::from(input).into()),
        attempt: 1,
        limits: limits.checked()?,
        listener: None,
        trace: None,
        cancel: host.cancel.child_token(),
    })
}

impl RunLimits {
    fn checked(self) -> Result<Limits, Problem> {
        let default = Limits::default();
        at_most("timeout_ms", self.timeout_ms, MAX_TIMEOUT_MS)?;
        at_most("log_bytes", self.log_bytes, MAX_TEXT_BYTES)?;
        at_most("output_bytes", self.output_bytes, MAX_TEXT_BYTES)?;
        at_most("requests", self.requests.map(u64::from), MAX_REQUESTS)?;
        let timeout = self.timeout_ms.map(Duration::from_millis);
        Ok(Limits {
            timeout: timeout.unwrap_or(default.timeout),
            memory_bytes: self.memory_bytes.unwrap_or(default.memory_bytes),
            log_bytes: self.log_bytes.unwrap_or(default.log_bytes),
            output_bytes: self.output_bytes.unwrap_or(default.output_bytes),
            requests: self.requests.unwrap_or(default.requests),
            ..default
        })
    }
}

fn at_most(name: &str, asked: Option<u64>, limit: u64) -> Result<(), Problem> {
    match asked {
        Some(asked) if asked > limit => {
            let detail = format!("`{name}` is {asked}, over the limit of {limit}");
            Err(Problem::bad_request("limit_too_large", detail))
        }
        Some(_) | None => Ok(()),
    }
}
