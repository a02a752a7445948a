//! Claims about calls that were refused.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::Right;
use lockstep_vault::HostPermit;

use crate::audit::{
    AuditChain, AuditEntry, AuditFilter, AuditFrom, Lacking, Refusal, Refused, SealState,
    TokenRefusal,
};
use crate::store::Store;

use super::setup::{Setup, alice, at, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    who_may_not_is_told_in_the_chain_of_the_workspace(&Setup::new(make().await).await).await;
    who_is_not_let_in_is_told_in_the_chain_of_the_host(&Setup::new(make().await).await).await;
}

fn refusal(what: Refused, times: u64, first: &str, n: i64) -> Refusal {
    Refusal {
        at: at(n),
        times,
        what,
        first: Some(first.to_owned()),
    }
}

/// Who, what, detail and target of each entry.
fn told(entries: &[AuditEntry]) -> Vec<(&str, &str, &str, Option<&str>)> {
    let told = entries.iter().map(|entry| {
        (
            entry.actor.as_str(),
            entry.action.as_str(),
            entry.detail.as_deref().unwrap(),
            entry.target.as_deref(),
        )
    });
    told.collect()
}

async fn who_may_not_is_told_in_the_chain_of_the_workspace(setup: &Setup) {
    setup.store.seal_heads(Arc::clone(&setup.vault));
    let tenant = setup.add_tenant("acme").await;
    let put = tenant.sealed(&workspace_scope(), "TOKEN", "one").await;
    tenant.put(put, 1).await.unwrap();
    let by_viewer = |lacking| Refused::Access {
        workspace: tenant.workspace().clone(),
        actor: "token:viewer".to_owned(),
        lacking,
    };
    let refusals = vec![
        refusal(
            by_viewer(Lacking::Right(Right::Administer)),
            1,
            "PUT /v1",
            2,
        ),
        refusal(by_viewer(Lacking::Workspace), 17, "GET /v1", 3),
    ];
    let chain = AuditChain::Workspace(tenant.workspace().clone());
    let telling = setup.store.tell_refused(&chain, refusals).await;
    telling.unwrap();
    let filter = AuditFilter {
        from: AuditFrom::After(2),
        ..AuditFilter::all()
    };
    let entries = setup.store.audit(&tenant.admin, &filter).await.unwrap();
    let expected = [
        (
            "token:viewer",
            "access.denied",
            "administer",
            Some("PUT /v1"),
        ),
        (
            "token:viewer",
            "access.denied",
            "other_workspace, 17 times",
            Some("GET /v1"),
        ),
    ];
    assert_eq!(told(&entries), expected);
    let permit = HostPermit::check(&alice()).unwrap();
    let report = setup
        .store
        .verify_audit(&permit, &chain, &[])
        .await
        .unwrap();
    assert_eq!((report.findings, report.seal), (vec![], SealState::UpTo(4)));
}

async fn who_is_not_let_in_is_told_in_the_chain_of_the_host(setup: &Setup) {
    let permit = HostPermit::check(&alice()).unwrap();
    let heads = setup.store.audit_heads(&permit).await.unwrap();
    let unknown = Refused::Token(TokenRefusal::Unknown);
    let expired = Refused::Token(TokenRefusal::Expired);
    let mut refusals = vec![
        refusal(unknown, 1_000, "", 2),
        refusal(expired, 1, "default/engine", 3),
    ];
    refusals[0].first = None;
    let telling = setup.store.tell_refused(&AuditChain::Host, refusals).await;
    telling.unwrap();
    let host = heads.iter().find(|head| head.chain == AuditChain::Host);
    let filter = AuditFilter {
        from: AuditFrom::After(host.map_or(0, |head| head.sequence)),
        ..AuditFilter::all()
    };
    let entries = setup.store.host_audit(&permit, &filter).await.unwrap();
    let expected = [
        (
            "nobody",
            "authentication.failed",
            "unknown, 1000 times",
            None,
        ),
        (
            "nobody",
            "authentication.failed",
            "expired",
            Some("default/engine"),
        ),
    ];
    assert_eq!(told(&entries), expected);
    let chain = AuditChain::Host;
    let report = setup.store.verify_audit(&permit, &chain, &heads).await;
    assert_eq!(report.unwrap().findings, []);
}
