//! The log of a run as server-sent events: what there is of it, and what comes while the run goes on.

use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use lockstep_runner::{Followed, Follower, ManageError};
use lockstep_step::RunId;

use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;
use crate::wire::LogPiece;

/// Proxies close connections on which nothing comes, most after a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// When the host ends it cancels all runs, and those who follow one hear of its end within this time.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// The last event: the run is over, and all of its log was sent.
#[derive(Serialize)]
struct End {
    run: String,
    /// The outcome in one word, or `lost` or `forbidden`.
    status: &'static str,
}

/// The events of a run from this one on.
pub(crate) async fn follow(
    caller: &Caller,
    host: &Host,
    run: RunId,
    next: u64,
) -> Result<Response, Problem> {
    let asking = caller.as_runner_knows();
    let following = host.runner.follow(asking, caller.workspace(), &run, next);
    let follower = following.await?;
    let (stop, cancel) = (host.stop.clone(), host.cancel.clone());
    // A run of another process has no end that this one could wait for. Its client may follow it there.
    let is_elsewhere = follower.is_elsewhere();
    let ended = async move {
        if is_elsewhere {
            return stop.cancelled().await;
        }
        cancel.cancelled().await;
        tokio::time::sleep(LAST_EVENTS).await;
    };
    let events = stream::try_unfold(follower, more)
        .map_ok(move |followed| stream::iter(events(run, followed)).map(Ok::<_, ManageError>))
        .try_flatten()
        .take_until(ended);
    let alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(alive).into_response())
}

async fn more(mut follower: Follower) -> Result<Option<(Followed, Follower)>, ManageError> {
    let next = follower.next().await;
    let next = next.inspect_err(|error| {
        // The connection ends here, and the client asks again for what it has not had.
        tracing::error!("a run cannot be followed any more: {error}");
    })?;
    Ok(next.map(|followed| (followed, follower)))
}

fn events(run: RunId, followed: Followed) -> Vec<Event> {
    let pieces = match followed {
        Followed::Log(pieces) => pieces,
        Followed::End(status) => {
            let end = End {
                run: run.to_string(),
                status: status.as_str(),
            };
            return vec![event("end", &end)];
        }
    };
    let event = |piece| {
        let piece = LogPiece::from(piece);
        let id = piece.sequence.to_string();
        event("log", &piece).id(id)
    };
    pieces.into_iter().map(event).collect()
}

fn event(kind: &str, data: &impl Serialize) -> Event {
    // JSON text has no line breaks, which is all that an event could not hold.
    Event::default()
        .event(kind)
        .data(serde_json::to_string(data).unwrap_or_default())
}
