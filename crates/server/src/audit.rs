//! The audit of a workspace: what was changed and which credentials were used, by whom; and the host's own.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{AuditChain, AuditEntry, AuditFilter, AuditFrom, ManageError};

use crate::audit_query::AuditQuery;
use crate::body::{Unread, json};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};

/// What asks for entries as JSON lines, and what they are sent as: it has more than one name.
const LINES: [&str; 2] = ["application/jsonl", "application/x-ndjson"];
/// Entries that are read at a time while they are sent.
const READ: u32 = 500;

/// A page of entries.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entries {
    entries: Vec<Entry>,
    /// What to ask for as `before` to see the next page, or as `after` if that was asked for; null if this was the last.
    next: Option<u64>,
}

/// An entry. It has no value of a credential, and nothing computed from one.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entry {
    /// The workspace, or `<host>`.
    chain: String,
    /// Its place in the chain, from 1 on.
    sequence: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who, such as `token:engine`.
    actor: String,
    /// What was done, such as `credential.used`.
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    /// The step, or the name of the file that was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// `workspace` or `workflow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// `revealed`: the step was given the value; `sealed`: the host put it into a request; `signed`: the host signed with
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// The host that the request with the value went to.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// A word that tells more, such as why a credential was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What it was done to, if none of the above, such as the name of a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// SHA-256 over all of this and the hash of the entry before.
    hash: String,
}

/// Entries of the audit, the latest first; or, with `after`, in their order. As JSON lines (`Accept: application/jsonl`)
/// all of them in their order, from `after` on, for `lockstep audit verify --file`.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/audit",
    params(
        ("workspace" = String, Path),
        ("key" = Option<String>, Query, description = "only of credentials with this key"),
        ("run" = Option<String>, Query, description = "only of this run"),
        ("workflow" = Option<String>, Query, description = "only of this workflow"),
        ("actor" = Option<String>, Query, description = "only by this caller"),
        ("action" = Option<String>, Query, description = "only these, such as `credential.used`"),
        ("since" = Option<String>, Query, description = "only from this moment on (RFC 3339)"),
        ("until" = Option<String>, Query, description = "only before this moment"),
        ("before" = Option<u64>, Query, description = "only before this entry"),
        ("after" = Option<u64>, Query, description = "only after this entry, and in the order of the chain"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "at most so many: 100, and 1000 at most; JSON lines have no limit"),
    ),
    responses(
        (status = 200, content((Entries = "application/json"), (Entry = "application/jsonl"))),
        (status = "4XX", description = "`invalid_query`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list_audit(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let chain = AuditChain::Workspace(caller.workspace().clone());
    list(
        Listed {
            caller,
            host,
            chain,
        },
        request,
    )
    .await
}

/// Entries of the host's own chain: workspaces that came and went, key-encryption keys, and tokens that let nobody in. In
/// the same order and forms as those of a workspace. For admins of `default`.
#[utoipa::path(
    get,
    path = "/v1/host/audit",
    params(
        ("key" = Option<String>, Query, description = "only of credentials with this key"),
        ("run" = Option<String>, Query, description = "only of this run"),
        ("workflow" = Option<String>, Query, description = "only of this workflow"),
        ("actor" = Option<String>, Query, description = "only by this caller"),
        ("action" = Option<String>, Query, description = "only these, such as `workspace.added`"),
        ("since" = Option<String>, Query, description = "only from this moment on (RFC 3339)"),
        ("until" = Option<String>, Query, description = "only before this moment"),
        ("before" = Option<u64>, Query, description = "only before this entry"),
        ("after" = Option<u64>, Query, description = "only after this entry, and in the order of the chain"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "at most so many: 100, and 1000 at most; JSON lines have no limit"),
    ),
    responses(
        (status = 200, content((Entries = "application/json"), (Entry = "application/jsonl"))),
        (status = "4XX", description = "`invalid_query`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn list_host_audit(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let chain = AuditChain::Host;
    list(
        Listed {
            caller,
            host,
            chain,
        },
        request,
    )
    .await
}

/// A chain that is listed for one caller.
struct Listed {
    caller: Caller,
    host: Host,
    chain: AuditChain,
}

async fn list(listed: Listed, request: Unread) -> Result<Response, Problem> {
    let kind = LINES.into_iter().find(|kind| request.accepts(kind));
    let filter = request.query::<AuditQuery>()?.checked()?;
    if let Some(kind) = kind {
        return export(listed, filter, kind).await;
    }
    let entries = listed.entries(&filter).await?;
    let is_full = entries.len() >= filter.limit as usize;
    let next = entries.last().filter(|_| is_full).map(|last| last.sequence);
    let entries = entries.into_iter().map(Entry::from).collect();
    Ok(json(&Entries { entries, next }))
}

/// Sends entries while they are read: a chain may be longer than memory.
async fn export(
    listed: Listed,
    filter: AuditFilter,
    kind: &'static str,
) -> Result<Response, Problem> {
    let from = match filter.from {
        AuditFrom::After(after) => after,
        AuditFrom::Latest | AuditFrom::Before(_) => 0,
    };
    let first = listed.lines_after(from, &filter).await?;
    let state = (listed, filter, first);
    let lines = stream::try_unfold(state, async |(listed, filter, lines)| {
        let Some((lines, last)) = lines else {
            return Ok(None);
        };
        let following = listed.lines_after(last, &filter).await;
        let following = following.inspect_err(|error| {
            tracing::error!("the audit cannot be read to its end: {error}");
        })?;
        Ok::<_, ManageError>(Some((lines, (listed, filter, following))))
    });
    Ok(([(CONTENT_TYPE, kind)], Body::from_stream(lines)).into_response())
}

impl Listed {
    async fn entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, ManageError> {
        let (runner, asking) = (&self.host.runner, self.caller.as_runner_knows());
        match &self.chain {
            AuditChain::Host => runner.host_audit(asking, filter).await,
            AuditChain::Workspace(name) => runner.audit(asking, name, filter).await,
        }
    }

    /// Some entries after this one, a line each, and the place of the last. `None`: there are no more.
    async fn lines_after(
        &self,
        place: u64,
        filter: &AuditFilter,
    ) -> Result<Option<(Vec<u8>, u64)>, ManageError> {
        let filter = AuditFilter {
            from: AuditFrom::After(place),
            limit: READ,
            ..filter.clone()
        };
        let entries = self.entries(&filter).await?;
        let Some(last) = entries.last().map(|last| last.sequence) else {
            return Ok(None);
        };
        let mut lines = Vec::new();
        for entry in entries {
            lines.extend(serde_json::to_vec(&Entry::from(entry)).unwrap_or_default());
            lines.push(b'\n');
        }
        Ok(Some((lines, last)))
    }
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        Self {
            chain: entry.chain.to_string(),
            sequence: entry.sequence,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            workflow: entry.workflow,
            step: entry.step,
            run: entry.run,
            scope: entry.scope,
            key: entry.key,
            version: entry.version,
            mode: entry.mode,
            host: entry.host,
            detail: entry.detail,
            target: entry.target,
            hash: entry.hash.to_string(),
        }
    }
}
