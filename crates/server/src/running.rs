//! Runs, asked for. What a guest does is data of an answer with status 200.

use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use lockstep_runner::{Call, RunError, RunRequest, RunStarted, SourceKind, StepFile, StepSource};
use lockstep_step::{MAX_MODULE_BYTES, MAX_SOURCE_BYTES, RunId, WorkflowName, WorkspaceName};

use crate::again;
use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::inline::{Code, code};
use crate::prefer::RESPOND_ASYNC;
use crate::problem::{Problem, ProblemDetails};
use crate::run_limits::RunLimits;
use crate::trace;
use crate::wire::{InlineRun, RunAnswer, StepRun};

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

/// The largest module, of which three bytes are written as four, beside the largest input. Only for who says how long the
/// body is: others would be counted as if it were so long, and few of them fit.
const MODULE_RUN: Limit = Limit {
    bytes: STEP_RUN.bytes + MAX_MODULE_BYTES.div_ceil(3) * 4,
    ..STEP_RUN
};

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
        (status = "4XX", description = "`invalid_name`, `invalid_body`, `body_too_large`, `limit_too_large`, `limit_too_small`, `not_found`, `invalid_idempotency_key`, `idempotency_in_progress`, `idempotency_run_lost`, `idempotency_key_reused`, `too_many_idempotency_keys`, `capacity` (there is no room for one more run)", body = ProblemDetails, content_type = "application/problem+json"),
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

/// Run source code or WebAssembly that is not kept, with the credentials of a workflow, and wait for its end unless the client prefers
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
        (status = "4XX", description = "`invalid_name`, `invalid_body`, `body_too_large`, `step_too_large`, `limit_too_large`, `limit_too_small`, `not_found`, `invalid_idempotency_key`, `idempotency_in_progress`, `idempotency_run_lost`, `idempotency_key_reused`, `too_many_idempotency_keys`, `capacity` (there is no room for one more run)", body = ProblemDetails, content_type = "application/problem+json"),
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
    let limit = request.told().map_or(INLINE_RUN, |_| MODULE_RUN);
    let ticket = host
        .runner
        .ticket(caller.workspace(), held(request.room(limit)))?;
    let (asked, idempotency) = request.json_once(limit).await?;
    let InlineRun {
        source,
        language,
        wasm,
        input,
        limits,
    } = asked;
    let step = StepSource::Inline(file(code(source, language, wasm)?));
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

/// What a body of this length takes: a module is held twice while it is read.
fn held(body_bytes: usize) -> usize {
    if body_bytes > INLINE_RUN.bytes {
        2 * body_bytes
    } else {
        body_bytes
    }
}

/// Messages about code that is not kept name it so.
fn file(code: Code) -> StepFile {
    let (name, kind, bytes) = match code {
        Code::JavaScript(source) => ("inline.js", SourceKind::JavaScript, source.into_bytes()),
        Code::TypeScript(source) => ("inline.ts", SourceKind::TypeScript, source.into_bytes()),
        Code::WebAssembly(bytes) => ("inline.wasm", SourceKind::WebAssembly, bytes),
    };
    let name = name.to_owned();
    StepFile { name, kind, bytes }
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
