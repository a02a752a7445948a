//! Credentials: set, rotated and deleted; seen without their values.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use lockstep_runner::{NewCredential, PutResult, PutRule};
use lockstep_step::{CredentialKey, MAX_VALUE_BYTES};

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::condition::{condition, tagged};
use crate::force::Force;
use crate::host::Host;
use crate::page::{Page, Part};
use crate::parse::parse;
use crate::problem::{Problem, ProblemDetails};
use crate::setting::{Setting, ToSet};
use crate::wire::{Credential, CredentialShown, Credentials, PutAnswer};

const VALUE: Limit = Limit {
    bytes: MAX_VALUE_BYTES,
    code: "value_too_large",
    what: "the value",
};

/// The largest value, of which each byte may be written as six, and the fields around it.
const SETTING: Limit = Limit {
    bytes: 6 * MAX_VALUE_BYTES + (32 << 10),
    code: "body_too_large",
    what: "the body",
};

/// Set or rotate a credential of the workspace. The body is the value, 1 to 65,536 bytes of UTF-8, or JSON that says more.
///
/// A new value expires when the request says so, and otherwise never, whatever the one before did.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/credentials/{key}",
    params(
        ("workspace" = String, Path), ("key" = String, Path),
        ("If-Match" = Option<String>, Header, description = "only if its version is one of these `ETag`s, or for `*` if it is there"),
        ("If-None-Match" = Option<String>, Header, description = "only if it is at none of these; for `*` if it is not there"),
    ),
    request_body(content(
        (Vec<u8> = "application/octet-stream"),
        (Setting<'_> = "application/json"),
    )),
    responses(
        (status = 201, description = "created", body = PutAnswer, headers(("ETag" = String, description = "the version"))),
        (status = 200, description = "rotated", body = PutAnswer, headers(("ETag" = String, description = "the version"))),
        (status = 412, description = "`version_conflict`, with the present `version`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "4XX", description = "`invalid_condition`, `invalid_key`, `value_empty`, `value_not_utf8`, `value_too_large`, `invalid_body`, `invalid_note`, `invalid_sealing`, `invalid_expiry`, `case_conflict`, `sealing_required`", body = ProblemDetails, content_type = "application/problem+json"),
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
    let condition = condition(request.headers())?;
    let new = new_credential(key, request).await?;
    let puts = host
        .runner
        .put_credentials(
            caller.as_runner_knows(),
            caller.workspace(),
            &scope,
            &[new],
            PutRule::If(&condition),
        )
        .await?;
    let put = puts.first();
    let status = match put.map(|put| put.result) {
        Some(PutResult::Created) => StatusCode::CREATED,
        Some(PutResult::Rotated) | None => StatusCode::OK,
    };
    let version = put.map_or(0, |put| put.version);
    let answer = (status, json(&put.map(PutAnswer::from))).into_response();
    Ok(tagged(answer, version))
}

async fn new_credential(key: CredentialKey, request: Unread) -> Result<NewCredential, Problem> {
    let to_set = match request.media_type().as_deref() {
        Some("application/octet-stream") => ToSet::value(request.secret(VALUE).await?),
        Some("application/json") => {
            let body = request.wiped(SETTING).await?;
            parse::<Setting<'_>>(&body)?.checked()?
        }
        _ => {
            return Err(Problem::unsupported_type(
                "the value is the whole body, as `application/octet-stream` (curl -T - -H 'Content-Type: \
             application/octet-stream'), or the field `value` of `application/json`",
            ));
        }
    };
    Ok(to_set.under(key))
}

impl ToSet {
    pub(crate) fn under(self, key: CredentialKey) -> NewCredential {
        NewCredential {
            key,
            value: self.value,
            note: self.note,
            expires_at: self.expires_at,
            handling: self.handling,
        }
    }
}

/// Set or rotate a credential of a workflow, which stands before the workspace's of the same key.
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials/{key}",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("key" = String, Path)),
    request_body(content(
        (Vec<u8> = "application/octet-stream"),
        (Setting<'_> = "application/json"),
    )),
    responses(
        (status = 201, description = "created", body = PutAnswer, headers(("ETag" = String, description = "the version"))),
        (status = 200, description = "rotated", body = PutAnswer, headers(("ETag" = String, description = "the version"))),
        (status = 412, description = "`version_conflict`, with the present `version`", body = ProblemDetails, content_type = "application/problem+json"),
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
        (status = 200, body = CredentialShown, headers(("ETag" = String, description = "the version"))),
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
    let shown = json(&CredentialShown::new(&usage, Timestamp::now()));
    Ok(tagged(shown, usage.credential.version))
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
    params(
        ("workspace" = String, Path),
        ("after" = Option<String>, Query, pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$", description = "only those behind this key"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "at most so many: 100, and 500 at most"),
    ),
    responses(
        (status = 200, body = Credentials),
        (status = "4XX", description = "`invalid_query`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let scope = request.place.scope()?;
    let page: Page<CredentialKey> = request.query()?;
    let limit = page.limit()?;
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let found = host
        .runner
        .credentials_of(asking, workspace, &scope, page.after.as_ref(), limit + 1)
        .await?;
    let part = Part::of(found, limit);
    let now = Timestamp::now();
    let credentials = part.entries.iter().map(|it| Credential::new(it, now));
    Ok(json(&Credentials {
        credentials: credentials.collect(),
        next: part.next(|last| last.key.to_string()),
    }))
}

/// A workflow's own credentials, without their values.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path),
        ("after" = Option<String>, Query, pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$", description = "only those behind this key"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "at most so many: 100, and 500 at most"),
    ),
    responses(
        (status = 200, body = Credentials),
        (status = "4XX", description = "`invalid_query`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list_workflow_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    list_credentials(caller, host, request).await
}

/// Delete a credential of the workspace.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/credentials/{key}",
    params(
        ("workspace" = String, Path), ("key" = String, Path),
        ("force" = Option<bool>, Query, description = "delete it though something uses it"),
        ("If-Match" = Option<String>, Header, description = "only if its version is one of these `ETag`s, or for `*` if it is there"),
    ),
    responses(
        (status = 204, description = "deleted"),
        (status = 412, description = "`version_conflict`, with the present `version`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "4XX", description = "`invalid_condition`, `invalid_key`, `credential_not_found`, `credential_in_use`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn delete_credential(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let (scope, key) = (request.place.scope()?, request.place.key()?);
    let condition = condition(request.headers())?;
    let removal = request.query::<Force>()?.removal();
    host.runner
        .delete_credential_if(
            caller.as_runner_knows(),
            caller.workspace(),
            (&scope, &key),
            removal,
            &condition,
        )
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Delete a credential of a workflow.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials/{key}",
    params(
        ("workspace" = String, Path), ("workflow" = String, Path), ("key" = String, Path),
        ("force" = Option<bool>, Query, description = "delete it though something uses it"),
        ("If-Match" = Option<String>, Header, description = "only if its version is one of these `ETag`s, or for `*` if it is there"),
    ),
    responses(
        (status = 204, description = "deleted"),
        (status = 412, description = "`version_conflict`, with the present `version`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "4XX", description = "`invalid_condition`, `invalid_key`, `credential_not_found`, `credential_in_use`", body = ProblemDetails, content_type = "application/problem+json"),
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
