//! The workspace of the caller; and which there are, for whoever speaks for the host.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use lockstep_step::SealingPolicy;

use crate::body::{Unread, json};
use crate::caller::Caller;
use crate::force::Force;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::tokens::FIELDS;
use crate::wire::workspaces::{Workspace, WorkspaceAdded, Workspaces};
use crate::wire::{WorkspaceChange, WorkspaceWanted};

/// The workspaces that the caller may see: the one that the token is for, or all for an admin of `default`.
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
    let workspaces = if caller.speaks_for_host() {
        let all = host.runner.workspaces().await?.into_iter();
        all.map(Workspace::from).collect()
    } else {
        vec![entry(&caller, &host).await?]
    };
    Ok(json(&Workspaces { workspaces }))
}

/// Add a workspace with a workflow `default`, and a token with which to begin, if one is named. The token is in this answer
/// and in no other. For admins of `default`. One that is there stays as it is, and has no token made.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}",
    params(("workspace" = String, Path)),
    request_body = Option<WorkspaceWanted>,
    responses(
        (status = 201, description = "added", body = WorkspaceAdded),
        (status = "4XX", description = "`invalid_name`, `invalid_body`, `already_exists`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn add_workspace(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let name = request.place.workspace()?;
    let wanted = request.optional_json::<WorkspaceWanted>(FIELDS).await?;
    let (runner, asking) = (&host.runner, caller.as_runner_knows());
    let added = match wanted.and_then(|wanted| wanted.admin_token) {
        Some(token_name) => {
            let made = runner.add_workspace_with_token(asking, &name, token_name.clone());
            json(&WorkspaceAdded::with(&name, &token_name, &made.await?))
        }
        None => {
            runner.add_workspace(asking, &name).await?;
            json(&WorkspaceAdded::without_token(&name))
        }
    };
    Ok((StatusCode::CREATED, added).into_response())
}

/// Remove a workspace with its workflows, steps, tokens and the record of its runs. One with credentials takes `force`. For
/// admins of `default`.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}",
    params(("workspace" = String, Path), ("force" = Option<bool>, Query, description = "remove its credentials, too")),
    responses(
        (status = 204, description = "removed"),
        (status = "4XX", description = "`invalid_name`, `invalid_query`, `not_found`, `has_credentials`, `permanent` for `default`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn remove_workspace(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let name = request.place.workspace()?;
    let removal = request.query::<Force>()?.removal();
    host.runner
        .remove_workspace(caller.as_runner_knows(), &name, removal)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
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
