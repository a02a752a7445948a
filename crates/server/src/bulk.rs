//! Several credentials of a scope, changed at once: all of it or nothing.

use axum::response::Response;

use lockstep_runner::CredentialChange;
use lockstep_step::{CredentialKey, MAX_VALUE_BYTES};

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::changes::{MAX_CHANGES, changes};
use crate::force::Force;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::setting::ToSet;
use crate::wire::Changes;

/// Each of the values at its largest, as text without escapes, and the fields around them.
const CHANGES: Limit = Limit {
    bytes: MAX_CHANGES * (MAX_VALUE_BYTES + (4 << 10)),
    code: "body_too_large",
    what: "the body",
};

/// Set, rotate and delete credentials of the workspace: all of it or nothing.
///
/// The body is an object of at most 100 keys. A string is a value, an object what a `PUT` of JSON takes, and null deletes
/// what is there.
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/credentials",
    params(("workspace" = String, Path), ("force" = Option<bool>, Query, description = "delete what something uses, too")),
    request_body(content((Object = "application/json"), (Object = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "all of it was done, and is told in the order of the body", body = Changes),
        (status = "4XX", description = "`invalid_body`, `invalid_key`, `key_twice`, `too_many_changes`, `body_too_large`, `credential_in_use`, and what a `PUT` of one answers: nothing was done", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`key_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn patch_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let scope = request.place.scope()?;
    let removal = request.query::<Force>()?.removal();
    let kind = request.media_type();
    if !matches!(
        kind.as_deref(),
        Some("application/json" | "application/merge-patch+json")
    ) {
        let hint = "the body is `application/json`: an object of keys and values";
        return Err(Problem::unsupported_type(hint));
    }
    let changes = {
        let body = request.wiped(CHANGES).await?;
        changes(&body)?.into_iter().map(change).collect()
    };
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let changed = host
        .runner
        .change_credentials(asking, workspace, &scope, changes, removal)
        .await?;
    Ok(json(&Changes::from(changed.as_slice())))
}

/// Set, rotate and delete credentials of a workflow: all of it or nothing.
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("force" = Option<bool>, Query, description = "delete what something uses, too")),
    request_body(content((Object = "application/json"), (Object = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "all of it was done, and is told in the order of the body", body = Changes),
        (status = "4XX", description = "as for credentials of the workspace", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`key_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn patch_workflow_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    patch_credentials(caller, host, request).await
}

fn change((key, said): (CredentialKey, Option<ToSet>)) -> CredentialChange {
    match said {
        Some(to_set) => CredentialChange::Set(to_set.under(key)),
        None => CredentialChange::Delete(key),
    }
}
