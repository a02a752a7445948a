//! Who uses credentials, and which of them a workflow gets and may use.

use axum::response::Response;
use jiff::Timestamp;

use lockstep_step::{CredentialKey, WorkflowName};

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::condition::{condition, tagged};
use crate::host::Host;
use crate::page::{Page, Part};
use crate::permissions::CredentialPermissions;
use crate::problem::{Problem, ProblemDetails};
use crate::wire::{Effective, EffectiveCredentials, Usage};

/// Some thousand keys.
const PERMISSIONS: Limit = Limit {
    bytes: 1 << 20,
    code: "body_too_large",
    what: "the body",
};

/// What would miss a credential of the workspace, and the last run that was given it.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/credentials/{key}/usage",
    params(("workspace" = String, Path), ("key" = String, Path)),
    responses(
        (status = 200, body = Usage),
        (status = "4XX", description = "`invalid_key`, `credential_not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_credential_usage(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (scope, key) = (request.place.scope()?, request.place.key()?);
    let usage = host
        .runner
        .credential_usage(caller.as_runner_knows(), caller.workspace(), &scope, &key)
        .await?;
    Ok(json(&Usage::from(&usage)))
}

/// What would miss a credential of a workflow, and the last run that was given it.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials/{key}/usage",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("key" = String, Path)),
    responses(
        (status = 200, body = Usage),
        (status = "4XX", description = "`invalid_key`, `credential_not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_workflow_credential_usage(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    get_credential_usage(caller, host, request).await
}

/// What a workflow gets for each key: its own credential, else the workspace's.
///
/// So a credential of a workflow that is called `effective` has no path of its own: it is changed by `PATCH` and seen in
/// lists.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials/effective",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path),
        ("after" = Option<String>, Query, pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$", description = "only those behind this key"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "at most so many: 100, and 500 at most"),
    ),
    responses(
        (status = 200, body = EffectiveCredentials),
        (status = "4XX", description = "`invalid_query`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_effective_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let workflow = request.place.workflow()?;
    let page: Page<CredentialKey> = request.query()?;
    let limit = page.limit()?;
    let mut effective = host
        .runner
        .effective_credentials(caller.as_runner_knows(), caller.workspace(), &workflow)
        .await?;
    effective.retain(|it| {
        page.after
            .as_ref()
            .is_none_or(|after| it.credential.key > *after)
    });
    let part = Part::of(effective, limit);
    let now = Timestamp::now();
    let credentials = part.entries.iter().map(|it| Effective::new(it, now));
    Ok(json(&EffectiveCredentials {
        credentials: credentials.collect(),
        next: part.next(|last| last.credential.key.to_string()),
    }))
}

/// Which credentials a workflow may use.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credential-permissions",
    params(("workspace" = String, Path), ("workflow" = String, Path)),
    responses(
        (status = 200, body = CredentialPermissions, headers(("ETag" = String, description = "of when it was set"))),
        (status = "4XX", description = "`invalid_name`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_credential_permissions(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    permissions(&caller, &host, &request.place.workflow()?).await
}

/// What a workflow may use, with the moment at which that was set as its version.
async fn permissions(
    caller: &Caller,
    host: &Host,
    workflow: &WorkflowName,
) -> Result<Response, Problem> {
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let entry = host.runner.workflow(asking, workspace, workflow).await?;
    let set_at = entry.permission_set_at.map_or(0, Timestamp::as_microsecond);
    let version = u64::try_from(set_at).unwrap_or(0);
    let shown = json(&CredentialPermissions::from(entry.permission));
    Ok(tagged(shown, version))
}

/// Say which credentials a workflow may use: all, or those of some keys, which need not exist yet.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credential-permissions",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path),
        ("If-Match" = Option<String>, Header, description = "only if it is as the answer with this `ETag` told"),
    ),
    request_body = CredentialPermissions,
    responses(
        (status = 200, description = "as it is now", body = CredentialPermissions, headers(("ETag" = String, description = "of when it was set"))),
        (status = 412, description = "`version_conflict`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "4XX", description = "`invalid_condition`, `invalid_name`, `invalid_body`, `invalid_key`, `too_many_keys`, `body_too_large`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn put_credential_permissions(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let workflow = request.place.workflow()?;
    let condition = condition(request.headers())?;
    let said: CredentialPermissions = request.json(PERMISSIONS).await?;
    let permission = said.checked()?;
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    host.runner
        .set_permission_if(asking, workspace, &workflow, &permission, &condition)
        .await?;
    permissions(&caller, &host, &workflow).await
}
