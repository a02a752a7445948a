//! Why a call was not carried out: problem details (RFC 9457) with a word for programs. No text of a request is in them.

use std::fmt;
use std::time::Duration;

use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

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

    pub(crate) fn path_not_utf8() -> Self {
        Self::bad_request("invalid_path", "a part of the path is not UTF-8")
            .hint("names and keys have letters, digits, `.`, `_` and `-` only")
            .closing()
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

    /// A chain may take minutes to be read: the next one is not kept waiting for so long.
    pub(crate) fn verifying(detail: impl fmt::Display) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too_many_verifications", detail)
            .hint("one goes on at a time: send the request again a little later")
            .header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// The one that goes on does the same, and may take minutes.
    pub(crate) fn rewrapping(detail: impl fmt::Display) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too_many_rewrappings", detail)
            .hint(
                "one goes on at a time, and does it all: send the request again when it has ended",
            )
            .header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// A copy takes as much of the disk as the database.
    pub(crate) fn copying(detail: impl fmt::Display) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too_many_copies", detail)
            .hint("one is on its way at a time: send the request again a little later")
            .header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    pub(crate) fn replaces_database() -> Self {
        let detail = "there is a database, which the backup would replace";
        Self::conflict("already_exists", detail)
            .hint("`?force=true` replaces it, and keeps it under another name")
            .closing()
    }

    pub(crate) fn length_required() -> Self {
        let detail = "the request does not say how long its body is";
        let status = StatusCode::LENGTH_REQUIRED;
        Self::new(status, "length_required", detail)
            .hint("send it with `Content-Length`")
            .closing()
    }

    /// What is wrong with it is not told, as that may have text of the body in it.
    pub(crate) fn invalid_backup(detail: impl fmt::Display) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "invalid_backup", detail)
            .hint("nothing was changed; `lockstep restore FILE`, which looks at the file before it sends it, tells what is wrong")
    }

    /// Who sends a backup could have written into it whom the host lets in.
    pub(crate) fn backup_not_sealed(detail: impl fmt::Display) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "backup_not_sealed", detail).hint(
            "nothing was changed; restore it on the machine of the host: `lockstep restore FILE`",
        )
    }

    pub(crate) fn nothing_restored() -> Self {
        let detail = "nothing was restored since the server started";
        Self::new(StatusCode::NOT_FOUND, "nothing_restored", detail)
    }

    pub(crate) fn no_room(detail: impl fmt::Display, size: u64, free: u64) -> Self {
        let mut problem = Self::new(StatusCode::INSUFFICIENT_STORAGE, "no_room", detail);
        problem.body.size = Some(size);
        problem.body.limit = Some(free);
        problem
    }

    pub(crate) fn ending() -> Self {
        Self::unavailable("server_ending", "the server ends before this does")
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

    pub(crate) fn of_run(mut self, run: &RunId) -> Self {
        self.body.run = Some(run.to_string());
        self
    }

    pub(crate) fn at_version(mut self, version: Option<u64>) -> Self {
        self.body.version = version;
        self
    }

    pub(crate) fn used_by(mut self, dependents: UsedBy) -> Self {
        self.body.used_by = Some(dependents);
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

    pub(crate) fn locked(error: &dyn std::error::Error) -> Self {
        tracing::error!("the key is not available: {error}");
        Self::unavailable("key_unavailable", "the credentials are locked")
            .hint("`lockstep doctor` on the host says why")
    }

    pub(crate) fn unavailable(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    pub(crate) fn conflict(code: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(crate) fn closing(mut self) -> Self {
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
