//! Steps: registered and seen.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use lockstep_runner::{ManageError, SourceKind, StepFile};
use lockstep_step::{MAX_MODULE_BYTES, MAX_SOURCE_BYTES, StepName};

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::wire::Step;

const MODULE: Limit = Limit {
    bytes: MAX_MODULE_BYTES,
    code: "step_too_large",
    what: "the step",
};
const SOURCE: Limit = Limit {
    bytes: MAX_SOURCE_BYTES,
    code: "step_too_large",
    what: "the step",
};

/// Register a step, or a new version of it. It is checked and compiled before it is kept.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/steps/{step}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("step" = String, Path)),
    request_body(content(
        (Vec<u8> = "application/wasm"),
        (String = "text/javascript"),
        (String = "text/typescript"),
    )),
    responses(
        (status = 201, description = "the first version", body = Step),
        (status = 200, description = "another version, or the same", body = Step),
        (status = "4XX", description = "`invalid_name`, `unsupported_media_type`, `step_too_large`, `invalid_step`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`capacity`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn put_step(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (workflow, name) = (request.place.workflow()?, request.place.step()?);
    let kind = kind(&request)?;
    let limit = match kind {
        SourceKind::WebAssembly => MODULE,
        SourceKind::JavaScript | SourceKind::TypeScript => SOURCE,
    };
    let file = StepFile {
        name: file_name(&name, kind),
        kind,
        bytes: request.bytes(limit).await?,
    };
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    // Asked before, as adding what is there already changes nothing and tells what is there.
    let before = host.runner.step(asking, workspace, &workflow, &name).await;
    let added = host
        .runner
        .add_step(asking, workspace, &workflow, &name, file)
        .await?;
    let status = match before {
        Err(ManageError::NotFound { .. }) => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    Ok((status, json(&Step::from(added))).into_response())
}

/// A step in its present version.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/steps/{step}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("step" = String, Path)),
    responses(
        (status = 200, body = Step),
        (status = "4XX", description = "`invalid_name`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_step(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (workflow, name) = (request.place.workflow()?, request.place.step()?);
    let found = host
        .runner
        .step(
            caller.as_runner_knows(),
            caller.workspace(),
            &workflow,
            &name,
        )
        .await?;
    Ok(json(&Step::from(found)))
}

fn kind(request: &Unread) -> Result<SourceKind, Problem> {
    match request.media_type().as_deref() {
        Some("application/wasm") => Ok(SourceKind::WebAssembly),
        Some("text/javascript" | "application/javascript") => Ok(SourceKind::JavaScript),
        Some("text/typescript" | "application/typescript") => Ok(SourceKind::TypeScript),
        _ => Err(Problem::unsupported_type(
            "a step is `application/wasm`, `text/javascript` or `text/typescript`",
        )),
    }
}

/// Messages about source code name its file.
fn file_name(name: &StepName, kind: SourceKind) -> String {
    let extension = match kind {
        SourceKind::WebAssembly => "wasm",
        SourceKind::JavaScript => "js",
        SourceKind::TypeScript => "ts",
    };
    format!("{name}.{extension}")
}
