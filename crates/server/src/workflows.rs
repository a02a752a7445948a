//! Workflows: added, seen and removed, and where their requests may go.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use lockstep_runner::{ManageError, RequestQuestion, WorkflowEntry};
use lockstep_step::{Versions, WorkflowName};

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::condition::condition;
use crate::egress_change::EgressChange;
use crate::force::Force;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::wire::RequestAsked;
use crate::wire::explanations::Explained;
use crate::wire::workspaces::{Egress, Workflow, Workflows};

/// As many rules as a workflow may have, each of some length.
const RULES: Limit = Limit {
    bytes: 256 << 10,
    code: "body_too_large",
    what: "the body",
};

/// The workflows of the workspace.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows",
    params(("workspace" = String, Path)),
    responses((status = 200, body = Workflows)),
    security(("token" = []))
)]
pub(crate) async fn list_workflows(
    caller: Caller,
    host: Host,
    _: Unread,
) -> Result<Response, Problem> {
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let workflows = host.runner.workflows(asking, workspace).await?;
    let workflows = workflows.into_iter().map(Workflow::from).collect();
    Ok(json(&Workflows { workflows }))
}

/// A workflow.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}",
    params(("workspace" = String, Path), ("workflow" = String, Path)),
    responses(
        (status = 200, body = Workflow),
        (status = "4XX", description = "`invalid_name`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_workflow(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let entry = entry(&caller, &host, &request.place.workflow()?).await?;
    Ok(json(&Workflow::from(entry)))
}

/// Add a workflow, which may use all credentials of the workspace. One that is there stays as it is, and with
/// `If-None-Match: *` this is refused then.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("If-None-Match" = Option<String>, Header, description = "`*`: only if it is not there; nothing else")),
    responses(
        (status = 201, description = "added", body = Workflow),
        (status = 200, description = "it was there", body = Workflow),
        (status = "4XX", description = "`invalid_name`, `invalid_condition`, `already_exists`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn put_workflow(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let name = request.place.workflow()?;
    let condition = condition(request.headers())?;
    let added = host
        .runner
        .add_workflow(caller.as_runner_knows(), caller.workspace(), &name)
        .await;
    let status = match added {
        Ok(()) => StatusCode::CREATED,
        Err(error @ ManageError::Exists(_)) if condition.is_none_of == Some(Versions::Any) => {
            return Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "already_exists",
                error,
            ));
        }
        Err(ManageError::Exists(_)) => StatusCode::OK,
        Err(error) => return Err(error.into()),
    };
    let entry = entry(&caller, &host, &name).await?;
    Ok((status, json(&Workflow::from(entry))).into_response())
}

/// Remove a workflow with its steps. One with credentials takes `force`, which is for admins.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("force" = Option<bool>, Query, description = "remove its credentials, too")),
    responses(
        (status = 204, description = "removed"),
        (status = "4XX", description = "`invalid_name`, `not_found`, `has_credentials`, `permanent` for `default`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn delete_workflow(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let name = request.place.workflow()?;
    let removal = request.query::<Force>()?.removal();
    host.runner
        .remove_workflow(caller.as_runner_knows(), caller.workspace(), &name, removal)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Where the requests of a workflow may go.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/egress",
    params(("workspace" = String, Path), ("workflow" = String, Path)),
    responses(
        (status = 200, body = Egress),
        (status = "4XX", description = "`invalid_name`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_egress(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let entry = entry(&caller, &host, &request.place.workflow()?).await?;
    Ok(json(&Egress::from(&entry)))
}

/// Set where the requests of a workflow may go. The operator of the host must allow it, too.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/egress",
    params(("workspace" = String, Path), ("workflow" = String, Path)),
    request_body = EgressChange,
    responses(
        (status = 200, body = Egress),
        (status = "4XX", description = "`invalid_name`, `invalid_body`, `invalid_rule`, `too_many_rules`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn put_egress(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let name = request.place.workflow()?;
    let egress = request.json::<EgressChange>(RULES).await?.checked()?;
    host.runner
        .set_egress(caller.as_runner_knows(), caller.workspace(), &name, &egress)
        .await?;
    let entry = entry(&caller, &host, &name).await?;
    Ok(json(&Egress::from(&entry)))
}

/// Tell what would become of a request of a workflow, and which rule decides. The host is resolved, and nothing is sent.
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/egress/explain",
    params(("workspace" = String, Path), ("workflow" = String, Path)),
    request_body = RequestAsked,
    responses(
        (status = 200, body = Explained),
        (status = "4XX", description = "`invalid_name`, `invalid_body`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn explain_egress(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let name = request.place.workflow()?;
    let RequestAsked { method, url, key } = request.json(RULES).await?;
    let question = RequestQuestion {
        method: &method,
        url: &url,
        key: key.as_ref(),
    };
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let explanation = host
        .runner
        .explain_request(asking, workspace, &name, question)
        .await?;
    Ok(json(&Explained::from(explanation)))
}

async fn entry(
    caller: &Caller,
    host: &Host,
    name: &WorkflowName,
) -> Result<WorkflowEntry, Problem> {
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    Ok(host.runner.workflow(asking, workspace, name).await?)
}
