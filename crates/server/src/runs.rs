//! The record of runs.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use lockstep_runner::ManageError;
use lockstep_step::{Right, RunId};

use crate::body::{Unread, json};
use crate::caller::Caller;
use crate::follow;
use crate::host::Host;
use crate::last_event;
use crate::problem::{Problem, ProblemDetails};
use crate::run_query::RunQuery;
use crate::wire::{LogPiece, Record, Runs, Summary};

/// Pieces of a log that are read at a time.
const PIECES: u32 = 256;

/// The runs of the workspace, the latest first.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/runs",
    params(
        ("workspace" = String, Path),
        ("workflow" = Option<String>, Query, description = "only of this workflow"),
        ("step" = Option<String>, Query, description = "only of the registered step of this name"),
        ("since" = Option<String>, Query, description = "only those that began at this time (RFC 3339) or later"),
        ("until" = Option<String>, Query, description = "only those that began before this time"),
        ("status" = Option<String>, Query, description = "only those that stand so: `open`, `lost`, `forbidden` or an outcome"),
        ("before" = Option<String>, Query, description = "only those that began before this run"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "at most so many: 20, and 100 at most"),
    ),
    responses(
        (status = 200, body = Runs),
        (status = "4XX", description = "`invalid_query`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list_runs(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let filter = request.query::<RunQuery>()?.checked()?;
    let runs = host
        .runner
        .runs(caller.as_runner_knows(), caller.workspace(), &filter)
        .await?;
    let is_full = runs.len() >= filter.limit as usize;
    let runs: Vec<Summary> = runs.iter().map(Summary::from).collect();
    let next = runs.last().filter(|_| is_full).map(|last| last.run.clone());
    Ok(json(&Runs { runs, next }))
}

/// The record of a run.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/runs/{run}",
    params(("workspace" = String, Path), ("run" = String, Path)),
    responses(
        (status = 200, body = Record),
        (status = "4XX", description = "`invalid_run_id`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_run(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let run = request.place.run()?;
    let asking = caller.as_runner_knows();
    let record = host
        .runner
        .run_record(asking, caller.workspace(), &run)
        .await?;
    Ok(json(&Record::new(record, asking.role.has(Right::SeeKeys))))
}

/// The log of a run, masked as it was: JSON, one piece on each line.
///
/// With `Accept: text/event-stream` the pieces are the events `log`, and come as the run goes on. The last event is `end`,
/// with the status of the run. A client that lost the connection sends the id of its last event, and gets what came after.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/runs/{run}/logs",
    params(
        ("workspace" = String, Path), ("run" = String, Path),
        ("last-event-id" = Option<u64>, Header, description = "of events: only what came after this one"),
    ),
    responses(
        (status = 200, content((LogPiece = "application/x-ndjson"), (LogPiece = "text/event-stream"))),
        (status = "4XX", description = "`invalid_run_id`, `not_found`, `invalid_event_id`, `too_many_followers`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_run_logs(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let run = request.place.run()?;
    if request.accepts("text/event-stream") {
        let next = last_event::next(request.headers())?;
        return follow::follow(&caller, &host, run, next).await;
    }
    let log = KeptLog { caller, host, run };
    let first = log.lines_from(0).await?;
    // Read on as the client takes it: many clients and long logs would else be held in memory together.
    let lines = stream::try_unfold((log, first), async |(log, lines)| {
        let Some((lines, next)) = lines else {
            return Ok(None);
        };
        let following = log.lines_from(next).await;
        let following = following.inspect_err(|error| {
            tracing::error!("the log of a run cannot be read to its end: {error}");
        })?;
        Ok::<_, ManageError>(Some((lines, (log, following))))
    });
    let kind = [(CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(lines)).into_response())
}

/// The log of a run, for one caller.
struct KeptLog {
    caller: Caller,
    host: Host,
    run: RunId,
}

impl KeptLog {
    /// Some pieces from this one on, a line each, and the number of the next one. `None`: there are no more.
    async fn lines_from(&self, sequence: u64) -> Result<Option<(Vec<u8>, u64)>, ManageError> {
        let (asking, workspace) = (self.caller.as_runner_knows(), self.caller.workspace());
        let pieces = self
            .host
            .runner
            .run_log(asking, workspace, &self.run, sequence, PIECES)
            .await?;
        let Some(last) = pieces.last() else {
            return Ok(None);
        };
        let next = last.sequence + 1;
        let mut lines = Vec::new();
        for piece in pieces {
            lines.extend(serde_json::to_vec(&LogPiece::from(piece)).unwrap_or_default());
            lines.push(b'\n');
        }
        Ok(Some((lines, next)))
    }
}
