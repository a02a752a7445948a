//! The workspace of the caller. Adding and removing one is for the operator at the machine: a token is for one workspace.

use axum::response::Response;

use lockstep_step::SealingPolicy;

use crate::body::{Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::tokens::FIELDS;
use crate::wire::WorkspaceChange;
use crate::wire::workspaces::{Workspace, Workspaces};

/// The workspaces that the caller may see: the one that the token is for.
#[utoipa::path(
    get,
    path = "/v1/workspaces",
    responses((status = 200, body = Workspaces)),
    security(("token" = []))
)]
pub(crate) async fn list_workspaces(
    caller: Caller,
    host: Host,
    _: Unread,
) -> Result<Response, Problem> {
    let workspaces = vec![entry(&caller, &host).await?];
    Ok(json(&Workspaces { workspaces }))
}

/// The workspace, and what holds in it.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}",
    params(("workspace" = String, Path)),
    responses((status = 200, body = Workspace)),
    security(("token" = []))
)]
pub(crate) async fn get_workspace(
    caller: Caller,
    host: Host,
    _: Unread,
) -> Result<Response, Problem> {
    Ok(json(&entry(&caller, &host).await?))
}

/// Change what holds in the workspace.
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}",
    params(("workspace" = String, Path)),
    request_body = WorkspaceChange,
    responses(
        (status = 200, body = Workspace),
        (status = "4XX", description = "`invalid_body`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn set_workspace(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let WorkspaceChange { require_sealing } = request.json(FIELDS).await?;
    let sealing = if require_sealing {
        SealingPolicy::Required
    } else {
        SealingPolicy::Optional
    };
    host.runner
        .set_sealing(caller.as_runner_knows(), caller.workspace(), sealing)
        .await?;
    Ok(json(&entry(&caller, &host).await?))
}

async fn entry(caller: &Caller, host: &Host) -> Result<Workspace, Problem> {
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    Ok(host.runner.workspace(asking, workspace).await?.into())
}
