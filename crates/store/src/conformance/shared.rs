//! Claims about two stores on the same data.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::error::StoreError;
use crate::run::RunState;
use crate::store::Store;

use super::setup::{Setup, Tenant, at, name, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> [Arc<dyn Store>; 2]) {
    what_one_changes_the_other_sees(make().await).await;
    of_two_who_rotate_both_get_a_version(make().await).await;
    a_run_of_the_other_is_not_lost(make().await).await;
}

/// One workspace through both stores, with one vault.
async fn both([one, two]: [Arc<dyn Store>; 2]) -> [Tenant; 2] {
    let setup = Setup::new(one).await;
    let other = Setup {
        store: two,
        vault: Arc::clone(&setup.vault),
    };
    [setup.default_tenant(), other.default_tenant()]
}

async fn what_one_changes_the_other_sees(stores: [Arc<dyn Store>; 2]) {
    let [one, two] = both(stores).await;
    let before = two.snapshot().await;
    one.set(&workspace_scope(), "TOKEN", "one").await;
    assert_eq!(two.reveal("default", "TOKEN").await, Ok("one".to_owned()));
    let run = two.new_run("default", 1);
    let mark = two.store.open_run(run).await.unwrap().mark;
    assert_ne!(before.mark(), Some(mark));
    assert_eq!(two.refreshed(&before).await.mark(), Some(mark));
}

async fn of_two_who_rotate_both_get_a_version(stores: [Arc<dyn Store>; 2]) {
    const EACH: u64 = 25;
    let tenants = both(stores).await;
    let mut rotating = JoinSet::new();
    for tenant in tenants {
        rotating.spawn(async move {
            for _ in 0..EACH {
                rotate(&tenant).await;
            }
            tenant
        });
    }
    for tenant in rotating.join_all().await {
        let (scope, key) = (workspace_scope(), name("TOKEN"));
        let entry = tenant.store.credential(&tenant.viewer, &scope, &key).await;
        assert_eq!(entry.unwrap().version, 2 * EACH);
        assert_eq!(
            tenant.reveal("default", "TOKEN").await,
            Ok("value".to_owned())
        );
    }
}

/// Puts until it is the first to put its version.
async fn rotate(tenant: &Tenant) {
    loop {
        let put = tenant.sealed(&workspace_scope(), "TOKEN", "value").await;
        match tenant.put(put, 1).await {
            Err(StoreError::VersionConflict { .. }) => {}
            done => return done.expect("it is put, or too late"),
        }
    }
}

async fn a_run_of_the_other_is_not_lost(stores: [Arc<dyn Store>; 2]) {
    let [one, two] = both(stores).await;
    let run = one.open_run("default", 1).await;
    assert_eq!(two.store.mark_lost(at(2)).await.unwrap(), []);
    let record = two.store.run(&two.reader, &run).await.unwrap();
    assert_eq!(record.state, RunState::Open);
    one.store.forbid_run(&run, at(3)).await.unwrap();
}
