//! Credentials: set, rotated and deleted; seen without their values.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use lockstep_runner::{NewCredential, PutResult, PutRule, Removal};
use lockstep_step::{MAX_VALUE_BYTES, Scope};

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::place::Place;
use crate::problem::{Problem, ProblemDetails};
use crate::wire::{Credential, CredentialShown, Credentials, PutAnswer};

const VALUE: Limit = Limit {
    bytes: MAX_VALUE_BYTES,
    code: "value_too_large",
    what: "the value",
};

/// How a credential is deleted.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Deletion {
    force: bool,
}

/// Set or rotate a credential of the workspace. The body is the value: 1 to 65,536 bytes of UTF-8.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/credentials/{key}",
    params(("workspace" = String, Path), ("key" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "created", body = PutAnswer),
        (status = 200, description = "rotated", body = PutAnswer),
        (status = "4XX", description = "`invalid_key`, `value_empty`, `value_not_utf8`, `value_too_large`, `case_conflict`, `sealing_required`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`key_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn put_credential(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let key = request.place.key()?;
    let scope = request.place.scope()?;
    if request.media_type().as_deref() != Some("application/octet-stream") {
        let hint = "the value is the whole body, as `application/octet-stream`: \
                    curl -T - -H 'Content-Type: application/octet-stream'";
        return Err(Problem::unsupported_type(hint));
    }
    let new = NewCredential {
        key,
        value: request.secret(VALUE).await?,
        note: None,
        expires_at: None,
        handling: None,
    };
    let puts = host
        .runner
        .put_credentials(
            caller.as_runner_knows(),
            caller.workspace(),
            &scope,
            &[new],
            PutRule::CreateOrRotate,
        )
        .await?;
    let put = puts.first();
    let status = match put.map(|put| put.result) {
        Some(PutResult::Created) => StatusCode::CREATED,
        Some(PutResult::Rotated) | None => StatusCode::OK,
    };
    Ok((status, json(&put.map(PutAnswer::from))).into_response())
}

/// Set or rotate a credential of a workflow, which stands before the workspace's of the same key.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials/{key}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("key" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "created", body = PutAnswer),
        (status = 200, description = "rotated", body = PutAnswer),
        (status = "4XX", description = "as for a credential of the workspace", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`key_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn put_workflow_credential(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    put_credential(caller, host, request).await
}

/// A credential of the workspace, without its value, and what uses it.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/credentials/{key}",
    params(("workspace" = String, Path), ("key" = String, Path)),
    responses(
        (status = 200, body = CredentialShown),
        (status = "4XX", description = "`invalid_key`, `credential_not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_credential(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (scope, key) = (request.place.scope()?, request.place.key()?);
    let usage = host
        .runner
        .credential_usage(caller.as_runner_knows(), caller.workspace(), &scope, &key)
        .await?;
    Ok(json(&CredentialShown::from(&usage)))
}

/// A credential of a workflow, without its value, and what uses it.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials/{key}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("key" = String, Path)),
    responses(
        (status = 200, body = CredentialShown),
        (status = "4XX", description = "`invalid_key`, `credential_not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_workflow_credential(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    get_credential(caller, host, request).await
}

/// The workspace's own credentials, without their values.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/credentials",
    params(("workspace" = String, Path)),
    responses((status = 200, body = Credentials)),
    security(("token" = []))
)]
pub(crate) async fn list_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    list(&caller, &host, &request.place).await
}

/// A workflow's own credentials, without their values.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials",
    params(("workspace" = String, Path), ("workflow" = String, Path)),
    responses(
        (status = 200, body = Credentials),
        (status = "4XX", description = "`not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list_workflow_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    list(&caller, &host, &request.place).await
}

/// Delete a credential of the workspace.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/credentials/{key}",
    params(("workspace" = String, Path), ("key" = String, Path), ("force" = Option<bool>, Query, description = "delete it though something uses it")),
    responses(
        (status = 204, description = "deleted"),
        (status = "4XX", description = "`invalid_key`, `credential_not_found`, `credential_in_use`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn delete_credential(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (scope, key) = (request.place.scope()?, request.place.key()?);
    let removal = if request.query::<Deletion>()?.force {
        Removal::Forced
    } else {
        Removal::IfUnused
    };
    host.runner
        .delete_credential(
            caller.as_runner_knows(),
            caller.workspace(),
            &scope,
            &key,
            removal,
        )
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Delete a credential of a workflow.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials/{key}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("key" = String, Path), ("force" = Option<bool>, Query, description = "delete it though something uses it")),
    responses(
        (status = 204, description = "deleted"),
        (status = "4XX", description = "`invalid_key`, `credential_not_found`, `credential_in_use`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn delete_workflow_credential(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    delete_credential(caller, host, request).await
}

async fn list(caller: &Caller, host: &Host, place: &Place) -> Result<Response, Problem> {
    let scope = place.scope()?;
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    if let Scope::Workflow(workflow) = &scope {
        // Of one that is not there, this says so.
        host.runner.permission(asking, workspace, workflow).await?;
    }
    let all = host.runner.credentials(asking, workspace).await?;
    let of_scope = all.iter().filter(|entry| entry.scope == scope);
    let credentials = of_scope.map(Credential::from).collect();
    Ok(json(&Credentials { credentials }))
}
