//! Runs, ended before they end by themselves.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};

use crate::body::Unread;
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::running::location;

/// Cancel a run of this host. It ends with the outcome `cancelled` soon, unless it ends by itself before. Who wanted that
/// is in the audit first, as `run.cancelled`; if that cannot be written, the run goes on.
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/runs/{run}/cancel",
    params(("workspace" = String, Path), ("run" = String, Path)),
    responses(
        (status = 202, description = "the run is told to end; its record says when it has"),
        (status = "4XX", description = "`invalid_run_id`, `not_found`, `run_over`, `run_elsewhere` (it goes on in another process, which alone can end it)", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn cancel_run(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let run = request.place.run()?;
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    host.runner.cancel(asking, workspace, &run).await?;
    let record = [(LOCATION, location(workspace, &run))];
    Ok((StatusCode::ACCEPTED, record).into_response())
}
