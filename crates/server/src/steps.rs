//! Steps: registered and seen.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use lockstep_runner::{ManageError, SourceKind, StepFile};
use lockstep_step::{MAX_MODULE_BYTES, MAX_SOURCE_BYTES, StepName};

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::condition::{condition, tagged};
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
    params(
        ("workspace" = String, Path), ("workflow" = String, Path), ("step" = String, Path),
        ("If-Match" = Option<String>, Header, description = "only if its version is one of these `ETag`s, or for `*` if it is there"),
        ("If-None-Match" = Option<String>, Header, description = "only if it is at none of these; for `*` if it is not there"),
    ),
    request_body(content(
        (Vec<u8> = "application/wasm"),
        (String = "text/javascript"),
        (String = "text/typescript"),
    )),
    responses(
        (status = 201, description = "the first version", body = Step, headers(("ETag" = String, description = "the version"))),
        (status = 200, description = "another version, or the same", body = Step, headers(("ETag" = String, description = "the version"))),
        (status = 412, description = "`version_conflict`, with the present `version`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "4XX", description = "`invalid_condition`, `invalid_name`, `unsupported_media_type`, `step_too_large`, `invalid_step`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
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
    let condition = condition(request.headers())?;
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
    let place = (&workflow, &name);
    let added = host
        .runner
        .add_step_if(asking, workspace, place, file, &condition)
        .await?;
    let status = match before {
        Err(ManageError::NotFound { .. }) => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    let version = added.step.version;
    let answer = (status, json(&Step::from(added))).into_response();
    Ok(tagged(answer, version))
}

/// A step in its present version.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/steps/{step}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("step" = String, Path)),
    responses(
        (status = 200, body = Step, headers(("ETag" = String, description = "the version"))),
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
    let version = found.step.version;
    Ok(tagged(json(&Step::from(found)), version))
}

/// Remove a step in all its versions. The record of its runs stays.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/steps/{step}",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path), ("step" = String, Path),
        ("If-Match" = Option<String>, Header, description = "only if its version is one of these `ETag`s"),
    ),
    responses(
        (status = 204, description = "removed"),
        (status = "4XX", description = "`invalid_condition`, `invalid_name`, `not_found`, `version_conflict`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn delete_step(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (workflow, name) = (request.place.workflow()?, request.place.step()?);
    let condition = condition(request.headers())?;
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    host.runner
        .remove_step_if(asking, workspace, (&workflow, &name), &condition)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
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
