//! Claims about the life of a credential: what is known of its value, its last use and its end.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use lockstep_secret::Masked;
use lockstep_step::{
    Condition, CredentialUse, DenialReason, Handling, Outcome, Receipt, RunId, Scope,
};

use crate::credential::{CredentialEntry, CredentialLastUse, Removal};
use crate::run::RunEnd;
use crate::store::Store;

use super::setup::{Setup, Tenant, at, name, reveal_at, scope, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    an_end_is_of_a_version(&Setup::new(make().await).await).await;
    an_override_that_has_expired_stays_an_override(&Setup::new(make().await).await).await;
    what_is_known_of_a_value_is_its_length_and_whether_it_can_be_masked(
        &Setup::new(make().await).await,
    )
    .await;
    a_note_stays_until_it_is_taken_away(&Setup::new(make().await).await).await;
    the_last_use_is_noted_to_the_minute(&Setup::new(make().await).await).await;
    a_use_of_a_deleted_credential_is_none_of_the_next(&Setup::new(make().await).await).await;
}

async fn entry(tenant: &Tenant, scope: &Scope) -> CredentialEntry {
    let key = name("TOKEN");
    let found = tenant.store.credential(&tenant.viewer, scope, &key).await;
    found.unwrap()
}

async fn put_until(tenant: &Tenant, scope: &Scope, value: &str, end: Option<Timestamp>) {
    let reveal = Handling::Reveal;
    let put = tenant.sealed_until(scope, "TOKEN", value, &reveal, end);
    let put = put.await;
    tenant.put(put, 1).await.unwrap();
}

/// What a run of `daily` gets that starts then.
async fn revealed(tenant: &Tenant, started_at: Timestamp) -> Result<String, DenialReason> {
    let snapshot = Arc::new(tenant.snapshot().await);
    reveal_at(&tenant.vault, snapshot, "daily", "TOKEN", started_at)
}

async fn an_end_is_of_a_version(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    put_until(&tenant, &workspace_scope(), "one", Some(at(10))).await;
    assert_eq!(
        entry(&tenant, &workspace_scope()).await.expires_at,
        Some(at(10))
    );
    assert_eq!(revealed(&tenant, at(9)).await, Ok("one".to_owned()));
    assert_eq!(revealed(&tenant, at(10)).await, Err(DenialReason::Expired));
    let (scope, key) = (workspace_scope(), name("TOKEN"));
    let base = tenant.store.put_base(&tenant.admin, &scope, &key).await;
    assert_eq!(base.unwrap().expires_at, Some(at(10)));

    let before = tenant.snapshot().await;
    put_until(&tenant, &workspace_scope(), "two", None).await;
    assert_eq!(entry(&tenant, &workspace_scope()).await.expires_at, None);
    let after = Arc::new(tenant.refreshed(&before).await);
    let told = reveal_at(&tenant.vault, after, "daily", "TOKEN", at(10));
    assert_eq!(told, Ok("two".to_owned()));
}

async fn an_override_that_has_expired_stays_an_override(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    put_until(&tenant, &workspace_scope(), "shared", None).await;
    put_until(&tenant, &scope("daily"), "own", Some(at(10))).await;
    assert_eq!(revealed(&tenant, at(9)).await, Ok("own".to_owned()));
    assert_eq!(revealed(&tenant, at(10)).await, Err(DenialReason::Expired));
    let (own, key) = (scope("daily"), name("TOKEN"));
    let forced = Removal::Forced;
    let removed =
        tenant
            .store
            .remove_credential(&tenant.admin, &own, &key, forced, &Condition::NONE, at(11));
    removed.await.unwrap();
    assert_eq!(revealed(&tenant, at(12)).await, Ok("shared".to_owned()));
}

async fn what_is_known_of_a_value_is_its_length_and_whether_it_can_be_masked(setup: &Setup) {
    let tenant = setup.default_tenant();
    for (value, maskable) in [("x1", false), ("a value of 20 bytes.", true)] {
        let mut put = tenant.sealed(&workspace_scope(), "TOKEN", value).await;
        put.maskable = maskable;
        tenant.put(put, 1).await.unwrap();
        let entry = entry(&tenant, &workspace_scope()).await;
        assert_eq!(
            (entry.value_bytes, entry.maskable),
            (Some(value.len()), Some(maskable))
        );
    }
}

async fn a_note_stays_until_it_is_taken_away(setup: &Setup) {
    let tenant = setup.default_tenant();
    for (note, kept) in [
        (Some("from the wiki"), Some("from the wiki")),
        (None, Some("from the wiki")),
        (Some("ask Ana"), Some("ask Ana")),
        (Some(""), None),
        (None, None),
    ] {
        let mut put = tenant.sealed(&workspace_scope(), "TOKEN", "value").await;
        put.note = note.map(str::to_owned);
        tenant.put(put, 1).await.unwrap();
        let entry = entry(&tenant, &workspace_scope()).await;
        assert_eq!(entry.note.as_deref(), kept);
    }
}

/// A run that ends `seconds` after the first and was given this version.
async fn use_it(tenant: &Tenant, of: &Scope, version: u64, seconds: i64) -> CredentialLastUse {
    let run = tenant.open_run("default", 1).await;
    let ended = at(1) + SignedDuration::from_secs(seconds);
    close(tenant, &run, of, version, ended).await;
    CredentialLastUse {
        at: ended,
        run,
        version,
    }
}

async fn close(tenant: &Tenant, run: &RunId, of: &Scope, version: u64, ended: Timestamp) {
    let used = CredentialUse {
        key: name("TOKEN"),
        scope: of.clone(),
        version,
        sealed: false,
    };
    let end = RunEnd {
        uses: Vec::new(),
        at: ended,
        outcome: Outcome::Completed(Masked::host_text("null")),
        receipt: Receipt {
            credentials: vec![used],
            ..Receipt::default()
        },
        denied: vec![],
        log: vec![],
        waits_for_disk: true,
    };
    tenant.store.close_run(run, end).await.unwrap();
}

async fn the_last_use_is_noted_to_the_minute(setup: &Setup) {
    let tenant = setup.default_tenant();
    let (shared, own) = (workspace_scope(), scope("default"));
    tenant.set(&shared, "TOKEN", "one").await;
    tenant.set(&own, "TOKEN", "own").await;
    assert_eq!(entry(&tenant, &shared).await.last_use, None);
    let first = use_it(&tenant, &shared, 1, 0).await;
    assert_eq!(entry(&tenant, &shared).await.last_use, Some(first.clone()));
    assert_eq!(entry(&tenant, &own).await.last_use, None);
    use_it(&tenant, &shared, 1, 59).await;
    assert_eq!(entry(&tenant, &shared).await.last_use, Some(first));
    let later = use_it(&tenant, &shared, 1, 60).await;
    assert_eq!(entry(&tenant, &shared).await.last_use, Some(later));
    // The first use of a version is told at once, and what a run that started before used does not take it back.
    let next = use_it(&tenant, &shared, 2, 61).await;
    use_it(&tenant, &shared, 1, 62).await;
    let listed = tenant.store.credentials(&tenant.viewer).await.unwrap();
    let listed = listed.into_iter().find(|entry| entry.scope == shared);
    assert_eq!(listed.unwrap().last_use, Some(next));
}

async fn a_use_of_a_deleted_credential_is_none_of_the_next(setup: &Setup) {
    let tenant = setup.default_tenant();
    let (shared, key) = (workspace_scope(), name("TOKEN"));
    tenant.set(&shared, "TOKEN", "one").await;
    use_it(&tenant, &shared, 1, 0).await;
    let forced = Removal::Forced;
    let removed = tenant.store.remove_credential(
        &tenant.admin,
        &shared,
        &key,
        forced,
        &Condition::NONE,
        at(9),
    );
    removed.await.unwrap();
    let put = tenant.sealed(&shared, "TOKEN", "two").await;
    tenant.put(put, 10).await.unwrap();
    assert_eq!(entry(&tenant, &shared).await.last_use, None);
}
