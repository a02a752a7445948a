//! Tokens: who calls, and tokens made, listed and revoked.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use lockstep_runner::TokenRequest;

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::wire::TokenWanted;
use crate::wire::tokens::{TokenMade, TokenShown, Tokens, WhoAmI};

/// Names, words and times.
pub(crate) const FIELDS: Limit = Limit {
    bytes: 16 << 10,
    code: "body_too_large",
    what: "the body",
};

/// Who the caller is, and what the token allows now.
#[utoipa::path(
    get,
    path = "/v1/whoami",
    responses((status = 200, body = WhoAmI)),
    security(("token" = []))
)]
pub(crate) async fn whoami(caller: Caller, _: Host, _: Unread) -> Result<Response, Problem> {
    let role = caller.as_runner_knows().role;
    Ok(json(&WhoAmI::new(caller.bearer(), role)))
}

/// Make a token for the workspace. It is in this answer and in no other.
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/tokens",
    params(("workspace" = String, Path)),
    request_body = TokenWanted,
    responses(
        (status = 201, description = "made", body = TokenMade),
        (status = "4XX", description = "`invalid_body`, `role_missing`, `not_found` for its member, `already_exists`, `role_beyond_member`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn create_token(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let wanted: TokenWanted = request.json(FIELDS).await?;
    let request = TokenRequest {
        name: wanted.name.clone(),
        role: wanted.role,
        member: wanted.member.clone(),
        expires_at: wanted.expires_at,
    };
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let token = host.runner.create_token(asking, workspace, request).await?;
    let made = json(&TokenMade::new(&wanted, &token));
    Ok((StatusCode::CREATED, made).into_response())
}

/// The tokens that the workspace ever had, those that were revoked or have expired included.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/tokens",
    params(("workspace" = String, Path)),
    responses((status = 200, body = Tokens)),
    security(("token" = []))
)]
pub(crate) async fn list_tokens(
    caller: Caller,
    host: Host,
    _: Unread,
) -> Result<Response, Problem> {
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let tokens = host.runner.tokens(asking, workspace).await?;
    let tokens = tokens.into_iter().map(TokenShown::from).collect();
    Ok(json(&Tokens { tokens }))
}

/// Revoke a token. Nobody is let in with it from then on.
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/tokens/{name}",
    params(("workspace" = String, Path), ("name" = String, Path, description = "of the token, which is not the token itself")),
    responses(
        (status = 204, description = "revoked, now or before"),
        (status = "4XX", description = "`invalid_name`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn revoke_token(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let token = request.place.token()?;
    host.runner
        .revoke_token(caller.as_runner_knows(), caller.workspace(), &token)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
