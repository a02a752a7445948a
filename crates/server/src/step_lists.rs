//! The steps of a workflow and the versions of a step, in lists.

use axum::response::Response;

use lockstep_step::StepName;

use crate::body::{Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::page::{Page, Part};
use crate::problem::{Problem, ProblemDetails};
use crate::wire::{StepVersions, Steps};

/// The steps of a workflow, by name.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/steps",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path),
        ("after" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", description = "only those behind this step"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "at most so many: 100, and 500 at most"),
    ),
    responses(
        (status = 200, body = Steps),
        (status = "4XX", description = "`invalid_name`, `invalid_query`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list_steps(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let workflow = request.place.workflow()?;
    let page: Page<StepName> = request.query()?;
    let limit = page.limit()?;
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let steps = host
        .runner
        .steps_of(asking, workspace, &workflow, page.after.as_ref(), limit + 1)
        .await?;
    let part = Part::of(steps, limit);
    let next = part.next(|last| last.name.to_string());
    let steps = part.entries.into_iter().map(Into::into).collect();
    Ok(json(&Steps { steps, next }))
}

/// The versions of a step, the latest first.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/steps/{step}/versions",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path), ("step" = String, Path),
        ("after" = Option<u64>, Query, minimum = 0, description = "only those before this version"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "at most so many: 100, and 500 at most"),
    ),
    responses(
        (status = 200, body = StepVersions),
        (status = "4XX", description = "`invalid_name`, `invalid_query`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list_step_versions(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (workflow, name) = (request.place.workflow()?, request.place.step()?);
    let page: Page<u64> = request.query()?;
    let limit = page.limit()?;
    let (asking, workspace, place) = (
        caller.as_runner_knows(),
        caller.workspace(),
        (&workflow, &name),
    );
    let versions = host
        .runner
        .step_versions(asking, workspace, place, page.after, limit + 1)
        .await?;
    let part = Part::of(versions, limit);
    let next = part.next(|last| last.version);
    Ok(json(&StepVersions::new(place, part.entries, next)))
}
