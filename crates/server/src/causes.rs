//! Which problem each error of the runner is to a caller.

use std::error::Error as _;
use std::io;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};

use lockstep_runner::{
    BackupError, CancelError, CopyError, FollowError, HostFault, KekId, KeyError, LoadError,
    ManageError, NoTicket, OpenError, OpenStoreError, RestoreError, RunError, StoreError, Thing,
};

use crate::problem::Problem;
use crate::wire::UsedBy;

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        match &error {
            ManageError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", &error),
            ManageError::NotFound { what, nearest } => absent(what, nearest.as_deref()),
            ManageError::Exists(_) => Self::conflict("already_exists", &error),
            ManageError::ValueTooLarge { length, limit, .. } => {
                Self::too_large("value_too_large", "the value", Some(*length as u64), *limit)
            }
            ManageError::ValueEmpty(_) => Self::bad_request("value_empty", &error),
            ManageError::Note { source, .. } => Self::bad_request("invalid_note", source),
            ManageError::ExpiredAlready(_) | ManageError::TokenExpiredAlready(_) => {
                Self::bad_request("invalid_expiry", &error)
            }
            ManageError::KeyTwice(_) => Self::bad_request("key_twice", &error),
            ManageError::BeyondMember { .. } => Self::conflict("role_beyond_member", &error),
            ManageError::NoRole => Self::bad_request("role_missing", &error),
            ManageError::TooManyRules { .. } => Self::bad_request("too_many_rules", &error),
            ManageError::TooManyKeys { .. } => Self::bad_request("too_many_keys", &error),
            ManageError::Handling { .. } => Self::conflict("handling_unknown", &error),
            ManageError::Seal { .. } | ManageError::Locked(_) => Self::locked(&error),
            ManageError::Key(reason) => of_key_file(reason),
            ManageError::NotRemembered { kek, source } => not_remembered(*kek, source),
            ManageError::Verifying => Self::verifying(&error),
            ManageError::Rewrapping => Self::rewrapping(&error),
            ManageError::Load(LoadError::Invalid(_)) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_step", &error)
            }
            ManageError::Load(LoadError::Busy(_)) => Self::unavailable("capacity", &error),
            ManageError::Load(LoadError::Host(_)) | ManageError::NoRandomness(_) => {
                Self::internal(&error)
            }
            ManageError::Store(error) => error.into(),
        }
    }
}

impl From<CopyError> for Problem {
    fn from(error: CopyError) -> Self {
        match &error {
            CopyError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", &error),
            CopyError::Copying => Self::copying(&error),
            CopyError::Backup(BackupError::Store(error)) | CopyError::Store(error) => error.into(),
            CopyError::Backup(BackupError::Target { source, .. }) | CopyError::Write(source) => {
                not_written(source).unwrap_or_else(|| Self::internal(&error))
            }
            CopyError::Backup(_) => Self::internal(&error),
            CopyError::Restore(error) => error.into(),
        }
    }
}

impl From<&RestoreError> for Problem {
    /// A path of this machine and text of the body are in none.
    fn from(error: &RestoreError) -> Self {
        match error {
            RestoreError::Foreign { .. } => {
                Self::invalid_backup("the body is not a database of Lockstep")
            }
            RestoreError::Damaged { .. } => Self::invalid_backup(
                "the body is damaged, or has what no release of Lockstep has put there",
            ),
            RestoreError::NewerSchema { found, known, .. } => Self::invalid_backup(format!(
                "the body has schema {found}, and the server knows schema {known}: use a later release"
            )),
            RestoreError::Unsealed(_) => Self::backup_not_sealed(error),
            RestoreError::NoRoom {
                bytes,
                free,
                reserve,
            } => Self::no_room(error, *bytes, free.saturating_sub(*reserve)),
            RestoreError::InUse { .. } => {
                Self::conflict("in_use", "another process has the database open")
                    .hint("end what uses it, and try again")
            }
            RestoreError::Store(OpenStoreError::Store(error)) => error.into(),
            RestoreError::Store(_)
            | RestoreError::File { .. }
            | RestoreError::Incomplete { .. }
            | RestoreError::Exists { .. }
            | RestoreError::BrokenOff => Self::internal(error),
        }
    }
}

/// What the disk has no room for.
fn not_written(source: &io::Error) -> Option<Problem> {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "no_room",
            "the disk of the host has no room for a copy of the database",
        )),
        _ => None,
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => absent(what, None),
            StoreError::Exists(_) => Self::conflict("already_exists", error),
            StoreError::Permanent(_) => Self::conflict("permanent", error),
            StoreError::VersionConflict { .. } => Self::conflict("version_conflict", error),
            StoreError::Condition { current, .. } => {
                let status = StatusCode::PRECONDITION_FAILED;
                Self::new(status, "version_conflict", error)
                    .hint("get it again, and send its `ETag` as `If-Match`")
                    .at_version(*current)
            }
            StoreError::CaseConflict { existing, .. } => Self::conflict("case_conflict", error)
                .hint(format!("rotate `{existing}`, or delete it first")),
            StoreError::SealingRequired { .. } => Self::conflict("sealing_required", error),
            StoreError::InUse { dependents, .. } => {
                Self::conflict("credential_in_use", error)
                    .hint("`?force=true` deletes it all the same; what uses it then gets `missing_credential`")
                    .used_by(UsedBy::from(&**dependents))
            }
            StoreError::HasCredentials { .. } => Self::conflict("has_credentials", error),
            StoreError::AlreadyAsked(run) => Self::in_progress(run),
            StoreError::IdempotencyReused(run) => Self::key_reused(run),
            StoreError::TooManyIdempotencyKeys { .. } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_idempotency_keys",
                error,
            )
            .hint("a key is kept for a day; a request without one needs none")
            .header(RETRY_AFTER, HeaderValue::from_static("600")),
            StoreError::Wraps { .. } => Self::conflict("key_in_use", error)
                .hint("`POST /v1/host/keys/rewrap` wraps them with the primary"),
            StoreError::RunClosed(_) => Self::conflict("conflict", error),
            StoreError::Retired(_) => {
                Self::unavailable("key_unavailable", "the key of the host was retired")
            }
            StoreError::Busy | StoreError::Closed => Self::unavailable("store_unavailable", error),
            StoreError::Full | StoreError::ReadOnly => {
                tracing::error!("the database takes no more: {error}");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "store_unavailable", error)
            }
            StoreError::Corrupt { .. } | StoreError::Failed(_) => Self::internal(error),
        }
    }
}

impl From<NoTicket> for Problem {
    /// Nothing was read of the body or recorded of the run.
    fn from(full: NoTicket) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "capacity", full)
            .hint("send the request again a little later, or to another host")
            .header(RETRY_AFTER, HeaderValue::from_static("1"))
            .closing()
    }
}

impl From<FollowError> for Problem {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::NoSeat(full) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                Self::new(status, "too_many_followers", full)
                    .hint("without `Accept: text/event-stream` the log is answered as far as it is")
                    .header(RETRY_AFTER, HeaderValue::from_static("5"))
            }
            FollowError::Manage(error) => error.into(),
        }
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::Over(run) => Self::conflict("run_over", error).of_run(&run),
            CancelError::Elsewhere(run) => Self::conflict("run_elsewhere", error)
                .hint("ask the process that runs it; one that is killed leaves its runs `lost`")
                .of_run(&run),
            CancelError::Manage(error) => error.into(),
        }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match &error {
            RunError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", &error),
            RunError::NotFound { what, nearest } => absent(what, nearest.as_deref()),
            RunError::AlreadyAsked(run) => Self::in_progress(run),
            RunError::IdempotencyReused(run) => Self::key_reused(run),
            RunError::MemoryLimit { .. } => Self::bad_request("limit_too_large", &error),
            RunError::Record(source)
            | RunError::Host {
                source: HostFault::Store(source),
                ..
            } => source.into(),
            RunError::Host {
                source: HostFault::Sandbox(fault),
                ..
            } if fault.cause::<OpenError>().is_some() => Self::locked(&error),
            RunError::Host { .. } | RunError::Task => Self::internal(&error),
        }
    }
}

/// Why the keys of a key file stay as they are. Where that file is, and what the operating system said of it, is told to the
/// log of the host.
fn of_key_file(reason: &KeyError) -> Problem {
    match reason {
        KeyError::Primary { .. } => Problem::conflict("key_is_primary", reason)
            .hint("`POST /v1/host/keys/rotate` makes a new key the primary"),
        KeyError::NoFile => {
            let detail = "the keys of the host come from its environment, which cannot be changed from here";
            Problem::conflict("key_in_environment", detail).hint(
                "on the machine of the host, `lockstep key rotate --to-file PATH` writes them with a new one to a key file",
            )
        }
        KeyError::Full => Problem::conflict("key_ring_full", reason)
            .hint("`POST /v1/host/keys/rewrap`, then `DELETE /v1/host/keys/{id}` for keys with no records"),
        KeyError::NoRandomness(_) => Problem::internal(reason),
        KeyError::NoKeyFile { .. }
        | KeyError::LooseMode { .. }
        | KeyError::NextToDatabase { .. }
        | KeyError::File { .. }
        | KeyError::Exists { .. }
        | KeyError::Empty
        | KeyError::Line { .. }
        | KeyError::Damaged { .. }
        | KeyError::Missing { .. }
        | KeyError::Check { .. } => key_file_unusable(reason),
    }
}

fn key_file_unusable(reason: &KeyError) -> Problem {
    let because = reason.source().map(ToString::to_string);
    let because = because.unwrap_or_default();
    tracing::error!("the keys stay as they are: {reason}: {because}");
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, "key_file_unusable", reason.without_paths())
        .hint("the keys stay as they are; the log of the host says which file it is, and why")
}

/// Not to be sent again: that would make yet another key.
fn not_remembered(kek: KekId, source: &StoreError) -> Problem {
    tracing::error!("key `{kek}` is the primary now, but the database could not be told: {source}");
    let detail = format!("key `{kek}` is the primary now, but the database could not be told");
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, "key_not_remembered", detail)
        .hint("nothing is lost: the next `POST /v1/host/keys/rewrap` tells it")
}

fn absent(what: &Thing, nearest: Option<&str>) -> Problem {
    let code = match what {
        Thing::Credential(..) => "credential_not_found",
        Thing::Workspace(_)
        | Thing::Workflow(_)
        | Thing::Permission(_)
        | Thing::Step(..)
        | Thing::Artifact(_)
        | Thing::Run(_)
        | Thing::Kek(_)
        | Thing::Token(_)
        | Thing::Member(_) => "not_found",
    };
    let problem = Problem::new(
        StatusCode::NOT_FOUND,
        code,
        format!("{what} does not exist"),
    );
    match nearest {
        Some(nearest) => problem.hint(format!("did you mean `{nearest}`?")),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};
    use std::sync::Arc;

    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn another_verification_and_another_rewrapping_are_put_off() {
        for error in [ManageError::Verifying, ManageError::Rewrapping] {
            let answer = Problem::from(error).into_response();
            assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(answer.headers()[RETRY_AFTER], "5");
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_file_is_told_without_its_path() {
        let path = || "/srv/of/the/host/key".into();
        let source = Error::from(ErrorKind::ReadOnlyFilesystem);
        for error in [
            KeyError::File {
                path: path(),
                source,
            },
            KeyError::NoKeyFile { path: path() },
            KeyError::Exists { path: path() },
            KeyError::NextToDatabase {
                path: path(),
                data: path(),
            },
        ] {
            let problem = Problem::from(ManageError::Key(Arc::new(error)));
            let told = format!("{problem:?}");
            assert!(told.contains("key_file_unusable"), "{told}");
            assert!(!told.contains("of/the/host"), "{told}");
            let status = problem.into_response().status();
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
}
