//! Whether chains of the audit are whole, and where they end: that of the caller's workspace, and all for whoever speaks
//! for the host.

use axum::response::Response;

use lockstep_runner::{AuditChain, AuditFinding, AuditHead, AuditReport};

use crate::body::{Limit, Unread, json};
use crate::caller::Caller;
use crate::ending::unless_it_ends;
use crate::heads::{HeadsKept, Kept};
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::wire::audit::{Heads, Verified};

/// As many heads as are taken, each of some 250 bytes, and room for white space.
const HEADS: Limit = Limit {
    bytes: 4 << 20,
    code: "body_too_large",
    what: "the body",
};

/// Where the chain of the workspace ends. Kept elsewhere, it tells later whether what was there is there still.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/audit/head",
    params(("workspace" = String, Path)),
    responses((status = 200, description = "as `lockstep audit head --json` tells it", body = Heads)),
    security(("token" = []))
)]
pub(crate) async fn get_audit_head(
    caller: Caller,
    host: Host,
    _: Unread,
) -> Result<Response, Problem> {
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let head = host.runner.audit_head(asking, workspace).await?;
    Ok(json(&head.into_iter().collect::<Heads>()))
}

/// Check the chain of the workspace: that no entry was edited, removed, moved or cut off, and that the credentials are those
/// that it speaks of. It is the server that checks: who does not trust it reads the entries, and keeps the head elsewhere.
/// One check goes on at a time.
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/audit/verify",
    params(("workspace" = String, Path)),
    request_body = Option<HeadsKept>,
    responses(
        (status = 200, description = "what was found, as `lockstep audit verify --json` tells it", body = Verified),
        (status = "4XX", description = "`invalid_body`, `body_too_large`, `too_many_heads`, `too_many_verifications`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`internal`, `store_unavailable`, `server_ending`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn verify_audit(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let kept = kept(request).await?;
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let check = host.runner.verify_audit(asking, workspace, &kept);
    let report = unless_it_ends(&host, check).await?;
    Ok(json(&Verified::from_iter([report])))
}

/// Where all chains end, the host's first. For admins of `default`.
#[utoipa::path(
    get,
    path = "/v1/host/audit/head",
    responses((status = 200, description = "as `lockstep audit head --json` tells it", body = Heads)),
    security(("token" = []))
)]
pub(crate) async fn get_host_audit_head(
    caller: Caller,
    host: Host,
    _: Unread,
) -> Result<Response, Problem> {
    let heads = host.runner.audit_heads(caller.as_runner_knows()).await?;
    Ok(json(&Heads::from_iter(heads)))
}

/// Check all chains, and the host's own. What is found of credentials in other workspaces is told without their names. For
/// admins of `default`. One check goes on at a time.
#[utoipa::path(
    post,
    path = "/v1/host/audit/verify",
    request_body = Option<HeadsKept>,
    responses(
        (status = 200, description = "what was found, as `lockstep audit verify --json` tells it", body = Verified),
        (status = "4XX", description = "`invalid_body`, `body_too_large`, `too_many_heads`, `too_many_verifications`", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "`internal`, `store_unavailable`, `server_ending`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn verify_host_audit(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let kept = kept(request).await?;
    let asking = caller.as_runner_knows();
    let check = host.runner.verify_all_audits(asking, kept);
    let reports = unless_it_ends(&host, check).await?.into_iter();
    let told = reports.map(|report| told_to(&caller, report));
    Ok(json(&told.collect::<Verified>()))
}

async fn kept(request: Unread) -> Result<Vec<AuditHead>, Problem> {
    let kept = request.optional_json::<HeadsKept>(HEADS).await?;
    let kept = kept.unwrap_or_default().checked()?;
    Ok(kept.into_iter().map(AuditHead::from).collect())
}

/// A report as whoever speaks for the host may hear it, who sees nothing of what is in other workspaces.
fn told_to(caller: &Caller, mut report: AuditReport) -> AuditReport {
    let workspace = report.chain.workspace();
    if workspace.is_some_and(|workspace| workspace != caller.workspace()) {
        let findings = report.findings.into_iter();
        report.findings = findings.map(AuditFinding::without_names).collect();
    }
    report
}

impl From<Kept> for AuditHead {
    fn from(kept: Kept) -> Self {
        Self {
            chain: kept
                .workspace
                .map_or(AuditChain::Host, AuditChain::Workspace),
            sequence: kept.sequence,
            hash: kept.hash,
            sealed_sequence: kept.sealed_sequence,
        }
    }
}
