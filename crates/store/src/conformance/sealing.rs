//! Claims about how credentials may be used, and about workspaces that require sealing.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{Condition, DenialReason, Handling, SealedPlace, SealingPolicy};

use crate::credential::{PutBase, Removal};
use crate::error::{StoreError, Thing};
use crate::store::Store;

use super::setup::{Setup, Tenant, alice, at, name, scope, sealed_to, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    how_a_credential_may_be_used_is_told(&Setup::new(make().await).await).await;
    a_deleted_credential_leaves_nothing_of_how_it_was_used(&Setup::new(make().await).await).await;
    what_is_not_sealed_is_refused_where_sealing_is_required(&Setup::new(make().await).await).await;
    what_was_there_before_is_denied_and_stays(&Setup::new(make().await).await).await;
    the_policy_is_told_and_is_of_one_workspace(&Setup::new(make().await).await).await;
    the_policy_of_an_unknown_workspace_is_an_error(&Setup::new(make().await).await).await;
}

async fn require(tenant: &Tenant, n: i64) {
    let required = SealingPolicy::Required;
    let set = tenant.store.set_sealing(&tenant.admin, required, at(n));
    set.await.unwrap();
}

async fn base(tenant: &Tenant, key: &str) -> PutBase {
    let (scope, key) = (workspace_scope(), name(key));
    let base = tenant.store.put_base(&tenant.admin, &scope, &key);
    base.await.unwrap()
}

async fn told(tenant: &Tenant, key: &str) -> Handling {
    let key = name(key);
    let entry = tenant
        .store
        .credential(&tenant.viewer, &workspace_scope(), &key)
        .await
        .unwrap();
    let listed = tenant.store.credentials(&tenant.viewer).await.unwrap();
    assert!(listed.contains(&entry), "{listed:?}");
    entry.handling.unwrap()
}

async fn how_a_credential_may_be_used_is_told(setup: &Setup) {
    let tenant = setup.default_tenant();
    let to_slack = sealed_to(&["api.slack.com"], &[]);
    let to_two = sealed_to(&["*.b.test", "a.test:8443"], &SealedPlace::ALL);
    assert_eq!(base(&tenant, "TOKEN").await.handling, None);
    for handling in [to_slack, to_two, Handling::Reveal] {
        let put = tenant
            .sealed_as(&workspace_scope(), "TOKEN", "value", &handling)
            .await;
        tenant.put(put, 1).await.unwrap();
        assert_eq!(told(&tenant, "TOKEN").await, handling);
        assert_eq!(base(&tenant, "TOKEN").await.handling, Some(Ok(handling)));
        // The host opens it, however it may be used.
        let value = tenant.reveal("default", "TOKEN").await;
        assert_eq!(value, Ok("value".to_owned()));
    }
}

async fn a_deleted_credential_leaves_nothing_of_how_it_was_used(setup: &Setup) {
    let tenant = setup.default_tenant();
    let handling = sealed_to(&["api.slack.com"], &[]);
    let put = tenant
        .sealed_as(&workspace_scope(), "TOKEN", "value", &handling)
        .await;
    tenant.put(put, 1).await.unwrap();
    let (scope, key, forced) = (workspace_scope(), name("TOKEN"), Removal::Forced);
    let removed = tenant.store.remove_credential(
        &tenant.admin,
        &scope,
        &key,
        forced,
        &Condition::NONE,
        at(2),
    );
    removed.await.unwrap();
    let base = base(&tenant, "TOKEN").await;
    assert_eq!((base.current, base.handling), (None, None));
}

async fn what_is_not_sealed_is_refused_where_sealing_is_required(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    // The first credential of a workspace brings its key.
    tenant.set(&workspace_scope(), "FIRST", "zero").await;
    require(&tenant, 1).await;
    let sealing = base(&tenant, "TOKEN").await.sealing;
    assert_eq!(sealing, SealingPolicy::Required);
    for scope in [workspace_scope(), scope("daily")] {
        let handling = sealed_to(&["api.slack.com"], &[]);
        let sealed = tenant.sealed_as(&scope, "SEALED", "one", &handling).await;
        let revealed = tenant.sealed(&scope, "REVEALED", "two").await;
        let both = vec![sealed.clone(), revealed];
        let refused = setup.store.put_credentials(&tenant.admin, both, at(2));
        let refused = refused.await.unwrap_err();
        assert!(
            matches!(&refused, StoreError::SealingRequired { workspace, key }
                if workspace == tenant.workspace() && key.as_str() == "REVEALED"),
            "{refused}"
        );
        // Neither is set, and the sealed one alone is.
        let listed = setup.store.credentials(&tenant.viewer).await.unwrap();
        let is_new = |key: &str| key == "SEALED" || key == "REVEALED";
        let mut here = listed.iter().filter(|entry| entry.scope == scope);
        assert!(!here.any(|entry| is_new(entry.key.as_str())), "{listed:?}");
        tenant.put(sealed, 3).await.unwrap();
    }
    let value = tenant.reveal("daily", "SEALED").await;
    assert_eq!(value, Ok("one".to_owned()));
    // A rotation does not get around it.
    let unsealing = tenant.sealed(&workspace_scope(), "SEALED", "three").await;
    let refused = tenant.put(unsealing, 4).await;
    assert!(matches!(refused, Err(StoreError::SealingRequired { .. })));
}

async fn what_was_there_before_is_denied_and_stays(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    let before = tenant.snapshot().await;
    require(&tenant, 2).await;
    let after = tenant.refreshed(&before).await;
    assert_eq!(before.sealing(), SealingPolicy::Optional);
    assert_eq!(after.sealing(), SealingPolicy::Required);
    let denied = tenant.reveal("default", "TOKEN").await;
    assert_eq!(denied, Err(DenialReason::NotSealed));
    assert_eq!(told(&tenant, "TOKEN").await, Handling::Reveal);
    let set = setup
        .store
        .set_sealing(&tenant.admin, SealingPolicy::Optional, at(3));
    set.await.unwrap();
    let value = tenant.reveal("default", "TOKEN").await;
    assert_eq!(value, Ok("one".to_owned()));
}

async fn the_policy_is_told_and_is_of_one_workspace(setup: &Setup) {
    let (ours, theirs) = (setup.default_tenant(), setup.add_tenant("acme").await);
    let entry = async |tenant: &Tenant| {
        let entry = setup.store.workspace(&tenant.viewer).await.unwrap();
        let listed = setup.store.workspaces().await.unwrap();
        assert!(listed.contains(&entry), "{listed:?}");
        (entry.sealing, entry.sealing_set_at, entry.sealing_set_by)
    };
    assert_eq!(entry(&theirs).await, (SealingPolicy::Optional, None, None));
    require(&theirs, 5).await;
    let told = (SealingPolicy::Required, Some(at(5)), Some(alice().name));
    assert_eq!(entry(&theirs).await, told);
    assert_eq!(entry(&ours).await, (SealingPolicy::Optional, None, None));
    // Another workspace of the name begins as all do.
    let store = &setup.store;
    let removed = store
        .remove_workspace(&theirs.admin, Removal::Forced, at(9))
        .await;
    removed.unwrap();
    store.add_workspace(&theirs.admin, at(6)).await.unwrap();
    assert_eq!(entry(&theirs).await, (SealingPolicy::Optional, None, None));
}

async fn the_policy_of_an_unknown_workspace_is_an_error(setup: &Setup) {
    let tenant = setup.tenant("acme");
    let is_named = |error: StoreError| {
        assert!(
            matches!(&error, StoreError::NotFound(Thing::Workspace(name)) if name.as_str() == "acme"),
            "{error}"
        );
    };
    is_named(setup.store.workspace(&tenant.viewer).await.unwrap_err());
    let set = setup
        .store
        .set_sealing(&tenant.admin, SealingPolicy::Required, at(1));
    is_named(set.await.unwrap_err());
}
