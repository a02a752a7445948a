//! Members: persons, each with a role that their tokens do not go beyond.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use lockstep_step::MemberName;

use crate::body::{Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::tokens::FIELDS;
use crate::wire::tokens::{Member, Members};
use crate::wire::{MemberChange, MemberWanted};

/// Add a member to the workspace.
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/members",
    params(("workspace" = String, Path)),
    request_body = MemberWanted,
    responses(
        (status = 201, description = "added", body = Member),
        (status = "4XX", description = "`invalid_body`, `already_exists`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn add_member(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let MemberWanted { name, role } = request.json(FIELDS).await?;
    host.runner
        .add_member(caller.as_runner_knows(), caller.workspace(), &name, role)
        .await?;
    let added = shown(&caller, &host, &name).await?;
    Ok((StatusCode::CREATED, added).into_response())
}

/// The members of the workspace.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/members",
    params(("workspace" = String, Path)),
    responses((status = 200, body = Members)),
    security(("token" = []))
)]
pub(crate) async fn list_members(
    caller: Caller,
    host: Host,
    _: Unread,
) -> Result<Response, Problem> {
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let members = host.runner.members(asking, workspace).await?;
    let members = members.into_iter().map(Member::from).collect();
    Ok(json(&Members { members }))
}

/// Give a member another role. Its tokens may do no more from the next call on.
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/members/{member}",
    params(("workspace" = String, Path), ("member" = String, Path, description = "its name")),
    request_body = MemberChange,
    responses(
        (status = 200, description = "set", body = Member),
        (status = "4XX", description = "`invalid_name`, `invalid_body`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn set_member(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let name = request.place.member()?;
    let MemberChange { role } = request.json(FIELDS).await?;
    host.runner
        .set_member(caller.as_runner_knows(), caller.workspace(), &name, role)
        .await?;
    shown(&caller, &host, &name).await
}

/// Remove a member and revoke its tokens.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/members/{member}",
    params(("workspace" = String, Path), ("member" = String, Path, description = "its name")),
    responses(
        (status = 204, description = "removed"),
        (status = "4XX", description = "`invalid_name`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn remove_member(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let name = request.place.member()?;
    host.runner
        .remove_member(caller.as_runner_knows(), caller.workspace(), &name)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn shown(caller: &Caller, host: &Host, name: &MemberName) -> Result<Response, Problem> {
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let member = host.runner.member(asking, workspace, name).await?;
    Ok(json(&Member::from(member)))
}
