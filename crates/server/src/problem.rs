//! Why a call was not carried out: problem details (RFC 9457) with a word for programs. No text of a request is in them.

use std::fmt;
use std::time::Duration;

use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{
    CancelError, FollowError, HostFault, LoadError, ManageError, NoTicket, OpenError, RunError,
    StoreError, Thing,
};
use lockstep_step::{Role, RunId};

use crate::wire::UsedBy;

/// Why a call was not carried out.
#[derive(Debug)]
pub(crate) struct Problem {
    body: Box<ProblemDetails>,
    header: Option<(HeaderName, HeaderValue)>,
    /// What is left of the body is not read, so the connection cannot be used again.
    closes: bool,
}

/// Problem details, RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    /// The status of the answer.
    status: u16,
    /// A word that stays the same, for programs.
    code: &'static str,
    /// What the status means.
    title: &'static str,
    /// What went wrong. Repeats nothing of the request's body.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// What was given, for a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// The limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// The version that is there, where the request was for another.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// What would miss a credential, where that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_by: Option<UsedBy>,
    /// The run in question.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl fmt::Display) -> Self {
        Self {
            body: Box::new(ProblemDetails {
                status: status.as_u16(),
                code,
                title: status.canonical_reason().unwrap_or("Error"),
                detail: detail.to_string(),
                hint: None,
                size: None,
                limit: None,
                version: None,
                used_by: None,
                run: None,
            }),
            header: None,
            closes: false,
        }
    }

    pub(crate) fn bad_request(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn no_token() -> Self {
        let challenge = HeaderValue::from_static("Bearer");
        Self::new(
            StatusCode::UNAUTHORIZED,
            "no_token",
            "the request shows no token",
        )
        .hint("send `Authorization: Bearer lsk_…`; `lockstep token create` makes a token")
        .header(WWW_AUTHENTICATE, challenge)
        .closing()
    }

    pub(crate) fn bad_token() -> Self {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        Self::new(
            StatusCode::UNAUTHORIZED,
            "bad_token",
            "the token is unknown, has expired or was revoked",
        )
        .header(WWW_AUTHENTICATE, challenge)
        .closing()
    }

    pub(crate) fn too_many_failures(wait: Duration) -> Self {
        let detail = "too many tokens from here, or from everywhere, were none";
        // Whole seconds, and not too early.
        let seconds = wait.as_secs() + 1;
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_failures", detail)
            .hint("if the token is good, show it again after `Retry-After`; one that was used is not put off")
            .header(RETRY_AFTER, HeaderValue::from(seconds))
            .closing()
    }

    /// The same for a workspace of others and for one that does not exist.
    pub(crate) fn unknown_workspace() -> Self {
        let detail = "the workspace does not exist, or the token is not for it";
        Self::not_found(detail).closing()
    }

    pub(crate) fn forbidden(role: Role) -> Self {
        let detail = format!("a token with the role `{role}` may not do this");
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail).closing()
    }

    pub(crate) fn not_found(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn unknown_path() -> Self {
        Self::not_found("there is nothing at this path")
            .hint("`GET /openapi.json` tells what there is")
            .closing()
    }

    pub(crate) fn unknown_method() -> Self {
        let detail = "the path does not have this method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).closing()
    }

    pub(crate) fn slow_body() -> Self {
        let detail = "the body came too slowly, or stopped coming";
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail).closing()
    }

    pub(crate) fn too_large(
        code: &'static str,
        what: &str,
        size: Option<u64>,
        limit: usize,
    ) -> Self {
        let has = size.map_or_else(
            || "is larger than".to_owned(),
            |size| format!("has {size} bytes, over"),
        );
        let detail = format!("{what} {has} the limit of {limit} bytes");
        let mut problem = Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, detail).closing();
        problem.body.size = size;
        problem.body.limit = Some(limit as u64);
        problem
    }

    pub(crate) fn unsupported_type(hint: &str) -> Self {
        let detail = "the body's `Content-Type` is not one that this path takes";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        )
        .hint(hint)
        .closing()
    }

    /// A request that was sent again, while the run that it started goes on.
    pub(crate) fn in_progress(run: &RunId) -> Self {
        let detail = "the run that this request started before goes on";
        Self::conflict("idempotency_in_progress", detail)
            .hint("ask for its record until it is over, or send the request again then")
            .of_run(run)
            .header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// A request that was sent again, when nobody knows how far the run came that it started.
    pub(crate) fn run_lost(run: &RunId) -> Self {
        let detail = "the host ended before the run did that this request started";
        Self::conflict("idempotency_run_lost", detail)
            .hint("see what it did; the same request with another key starts another run")
            .of_run(run)
    }

    pub(crate) fn key_reused(run: &RunId) -> Self {
        let detail = "the idempotency key stands for another request";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "idempotency_key_reused", detail)
            .hint("send each request with a key of its own")
            .of_run(run)
    }

    fn of_run(mut self, run: &RunId) -> Self {
        self.body.run = Some(run.to_string());
        self
    }

    /// The same, of one of several things.
    pub(crate) fn of(mut self, what: &str) -> Self {
        self.body.detail = format!("{what}: {}", self.body.detail);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    /// The host is at fault: what it was stands in the log of the host, and not in the answer.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        let mut told = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            told = format!("{told}: {cause}");
            next = cause.source();
        }
        tracing::error!("a call failed in the host: {told}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the host failed",
        )
        .hint("the log of the host says why")
    }

    fn locked(error: &dyn std::error::Error) -> Self {
        tracing::error!("the key is not available: {error}");
        Self::unavailable("key_unavailable", "the credentials are locked")
            .hint("`lockstep doctor` on the host says why")
    }

    fn unavailable(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    fn conflict(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    fn absent(what: &Thing, nearest: Option<&str>) -> Self {
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
        let problem = Self::new(
            StatusCode::NOT_FOUND,
            code,
            format!("{what} does not exist"),
        );
        match nearest {
            Some(nearest) => problem.hint(format!("did you mean `{nearest}`?")),
            None => problem,
        }
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    fn closing(mut self) -> Self {
        self.closes = true;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(CONTENT_TYPE, kind)], body).into_response();
        let headers = response.headers_mut();
        if let Some((name, value)) = self.header {
            headers.insert(name, value);
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        match &error {
            ManageError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", &error),
            ManageError::NotFound { what, nearest } => Self::absent(what, nearest.as_deref()),
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
            ManageError::Handling { .. } => Self::conflict("handling_unknown", &error),
            ManageError::Seal { .. } | ManageError::Locked(_) | ManageError::Key(_) => {
                Self::locked(&error)
            }
            ManageError::Load(LoadError::Invalid(_)) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_step", &error)
            }
            ManageError::Load(LoadError::Busy(_)) => Self::unavailable("capacity", &error),
            ManageError::Load(LoadError::Host(_))
            | ManageError::NotRemembered { .. }
            | ManageError::NoRandomness(_) => Self::internal(&error),
            ManageError::Store(error) => error.into(),
        }
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::absent(what, None),
            StoreError::Exists(_) => Self::conflict("already_exists", error),
            StoreError::Permanent(_) => Self::conflict("permanent", error),
            StoreError::VersionConflict { .. } => Self::conflict("version_conflict", error),
            StoreError::Condition { current, .. } => {
                let status = StatusCode::PRECONDITION_FAILED;
                let mut problem = Self::new(status, "version_conflict", error)
                    .hint("get it again, and send its `ETag` as `If-Match`");
                problem.body.version = *current;
                problem
            }
            StoreError::CaseConflict { existing, .. } => Self::conflict("case_conflict", error)
                .hint(format!("rotate `{existing}`, or delete it first")),
            StoreError::SealingRequired { .. } => Self::conflict("sealing_required", error),
            StoreError::InUse { dependents, .. } => {
                let mut problem = Self::conflict("credential_in_use", error)
                    .hint("`?force=true` deletes it all the same; what uses it then gets `missing_credential`");
                problem.body.used_by = Some(UsedBy::from(&**dependents));
                problem
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
            StoreError::Wraps { .. } | StoreError::RunClosed(_) => {
                Self::conflict("conflict", error)
            }
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
            RunError::NotFound { what, nearest } => Self::absent(what, nearest.as_deref()),
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
