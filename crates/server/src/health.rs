//! Whether the host is alive, whether it can do its work, and what it answers to. For everybody.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "it does", body = String, content_type = "text/plain")))]
pub(crate) async fn healthz(_: Host) -> Result<Response, Problem> {
    Ok("ok\n".into_response())
}

/// Whether the database answers, too.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "it does", body = String, content_type = "text/plain"),
        (status = "5XX", description = "it does not", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(host: Host) -> Result<Response, Problem> {
    let answer = host.runner.check_store().await;
    answer.map_err(|error| Problem::from(&error))?;
    Ok("ready\n".into_response())
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object)))]
pub(crate) async fn openapi(host: Host) -> Result<Response, Problem> {
    let document = host.document.clone();
    Ok(([(CONTENT_TYPE, "application/json")], document).into_response())
}
