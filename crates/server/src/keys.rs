//! The key-encryption keys of the host, for whoever speaks for it. They are told by their names: no key comes in or goes out.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::body::{Unread, json};
use crate::caller::Caller;
use crate::ending::unless_it_ends;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::wire::keys::{Keys, KeysRewrapped, Retired, Rotated};

/// The key-encryption keys: which there are, what each does, and how many records it wraps. A key file is read again for
/// this. For admins of `default`.
#[utoipa::path(
    get,
    path = "/v1/host/keys",
    responses((status = 200, description = "as `lockstep key status --json` tells it", body = Keys)),
    security(("token" = []))
)]
pub(crate) async fn list_keys(caller: Caller, host: Host, _: Unread) -> Result<Response, Problem> {
    let overview = host.runner.keys(caller.as_runner_knows()).await?;
    Ok(json(&Keys::from(overview)))
}

/// Make a new key the primary: it is added to the key file of the host, and the others are kept for opening. Whoever keeps
/// copies of that file copies it now. For admins of `default`.
#[utoipa::path(
    post,
    path = "/v1/host/keys/rotate",
    responses(
        (status = 201, description = "as `lockstep key rotate --json` tells it", body = Rotated),
        (status = "4XX", description = "`key_in_environment`, `key_ring_full`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`key_unavailable`, `key_file_unusable`, `key_not_remembered`, `internal`, `store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn rotate_key(caller: Caller, host: Host, _: Unread) -> Result<Response, Problem> {
    let asking = caller.as_runner_knows();
    let rotated = host.runner.rotate_key(asking, None).await?;
    let rotated = json(&Rotated::from(rotated));
    Ok((StatusCode::CREATED, rotated).into_response())
}

/// Wrap with the primary what other keys wrap, and answer when that is done, which may take minutes. Steps run and credentials
/// are set meanwhile. Whoever goes away ends it between two batches of 100, and what was done stays: ask again. One goes on at
/// a time. For admins of `default`.
#[utoipa::path(
    post,
    path = "/v1/host/keys/rewrap",
    responses(
        (status = 200, description = "as `lockstep key rewrap --json` tells it, also if some could not be", body = KeysRewrapped),
        (status = "4XX", description = "`too_many_rewrappings`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`key_unavailable`, `key_file_unusable`, `internal`, `store_unavailable`, `server_ending`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn rewrap_keys(
    caller: Caller,
    host: Host,
    _: Unread,
) -> Result<Response, Problem> {
    let asking = caller.as_runner_knows();
    let rewrapping = host.runner.rewrap_keys(asking, |_| {});
    let done = unless_it_ends(&host, rewrapping).await?;
    Ok(json(&KeysRewrapped::from(done)))
}

/// Retire a key that wraps nothing and is not the primary: it is taken off the key file, and wraps nothing any more. Backups
/// from before what it wrapped was re-wrapped still need it. For admins of `default`.
#[utoipa::path(
    delete,
    path = "/v1/host/keys/{id}",
    params(("id" = String, Path, description = "the name of the key")),
    responses(
        (status = 200, description = "retired, now or before", body = Retired),
        (status = "4XX", description = "`invalid_key_id`, `not_found`, `key_in_use`, `key_is_primary`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`key_unavailable`, `key_file_unusable`, `internal`, `store_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn retire_key(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let id = request.place.kek()?;
    let asking = caller.as_runner_knows();
    let retired = host.runner.retire_key(asking, id).await?;
    Ok(json(&Retired::from(retired)))
}
