//! The whole database: a copy of it, and a backup that takes its place. For admins of `default`.

use std::fs::File;
use std::io;

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use jiff::Timestamp;
use tokio::io::AsyncReadExt as _;

use lockstep_runner::{CopyTurn, ReadyBackup, Removal};

use crate::body::{Unread, json};
use crate::caller::Caller;
use crate::ending::unless_it_ends;
use crate::force::Force;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::replacing::Waiting;
use crate::wire::copies::{RestoreBegun, RestoreShown};

/// The media type of a backup, as it is registered: <https://www.iana.org/assignments/media-types/application/vnd.sqlite3>.
const KIND: &str = "application/vnd.sqlite3";

/// What is read of a backup at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Copy the database while it is in use: all workspaces, of one moment, credentials sealed as they are and no key. One copy
/// is on its way at a time; until it has been taken it needs as much room beside the database. The audit of the host tells
/// who took it. For admins of `default`.
#[utoipa::path(
    get,
    path = "/v1/host/backup",
    responses(
        (status = 200, description = "a database of SQLite, which `lockstep restore` takes", body = Vec<u8>, content_type = "application/vnd.sqlite3"),
        (status = "4XX", description = "`too_many_copies`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`internal`, `store_unavailable`, `server_ending`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_backup(caller: Caller, host: Host, _: Unread) -> Result<Response, Problem> {
    let taking = host.runner.take_backup(caller.as_runner_knows());
    let backup = unless_it_ends(&host, taking).await?;
    let length = HeaderValue::from(backup.contents.bytes);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(KIND)),
        (CONTENT_LENGTH, length),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"lockstep-backup.db\""),
        ),
    ];
    Ok((headers, body(backup.file, backup.turn)).into_response())
}

/// Put a backup in the place of the database. It is checked first: it must be as a host with the same key has made it, which
/// its seal tells, and whole. What is not changes nothing. Then the server takes
/// no more calls, ends its runs as it does when it is told to end, puts the backup in place, and goes on: who calls meanwhile
/// waits. The database that was there is kept beside it under another name. The tokens are those of the backup from then on.
/// For admins of `default`.
#[utoipa::path(
    post,
    path = "/v1/host/restore",
    params(("force" = Option<bool>, Query, description = "must be true: there is a database already")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "a backup, with its `Content-Length`; `application/vnd.sqlite3` is taken, too"),
    responses(
        (status = 202, description = "it is whole, and takes the place of the database when all runs have ended", body = RestoreBegun),
        (status = "4XX", description = "`already_exists`, `length_required`, `unsupported_media_type`, `body_too_slow`, `incomplete_body`, `backup_not_sealed`, `invalid_backup`, `in_use`, `too_many_copies`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`no_room`, `internal`, `store_unavailable`, `server_ending`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn restore(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    match request.query::<Force>()?.removal() {
        Removal::Forced => {}
        Removal::IfUnused => return Err(Problem::replaces_database()),
    }
    match request.media_type().as_deref() {
        Some(KIND | "application/octet-stream") => {}
        _ => {
            return Err(Problem::unsupported_type(
                "send the backup as `application/vnd.sqlite3`",
            ));
        }
    }
    let bytes = request.told().ok_or_else(Problem::length_required)?;
    let receiving = receive(&caller, &host, request, bytes);
    let backup = unless_it_ends(&host, receiving).await?;
    let asked_at = Timestamp::now();
    let begun = RestoreBegun::of(asked_at, &backup);
    if host.stop.is_cancelled() {
        return Err(Problem::ending());
    }
    host.replacing.hand_over(Waiting { asked_at, backup });
    Ok((StatusCode::ACCEPTED, json(&begun)).into_response())
}

/// How far the last restore is, or what came of it. It is forgotten when the process ends. For admins of `default`: of that
/// of the backup, once it is in place.
#[utoipa::path(
    get,
    path = "/v1/host/restore",
    responses(
        (status = 200, body = RestoreShown),
        (status = "4XX", description = "`nothing_restored`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn get_restore(_: Caller, host: Host, _: Unread) -> Result<Response, Problem> {
    let shown = match (host.replacing.asked_at(), &host.restored) {
        (Some(asked_at), _) => RestoreShown::waiting(asked_at),
        (None, Some(end)) => RestoreShown::from(end),
        (None, None) => return Err(Problem::nothing_restored()),
    };
    Ok(json(&shown))
}

async fn receive(
    caller: &Caller,
    host: &Host,
    request: Unread,
    bytes: u64,
) -> Result<ReadyBackup, Problem> {
    let runner = &host.runner;
    let incoming = runner.begin_restore(caller.as_runner_knows(), bytes).await;
    // What is not read keeps the connection from being used again.
    let incoming = incoming.map_err(|error| Problem::from(error).closing())?;
    request.into_file(incoming.file()?).await?;
    Ok(runner.finish_restore(incoming).await?)
}

/// The backup as it is read, with its turn: as long as somebody takes it, its room on the disk is taken.
fn body(file: File, turn: CopyTurn) -> Body {
    let chunks = stream::try_unfold(
        (tokio::fs::File::from_std(file), turn),
        |(mut file, turn)| async move {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            let next = (&mut file).take(CHUNK_BYTES as u64);
            let read = { next }.read_to_end(&mut chunk).await?;
            Ok::<_, io::Error>((read > 0).then_some((chunk, (file, turn))))
        },
    );
    Body::from_stream(chunks)
}
