//! Claims about changes that depend on a version, changes of several credentials, and lists that are told in parts.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{Condition, CredentialKey, DenialReason, StepName, UsagePermission, Versions};

use crate::credential::{CredentialRemovals, PutCredential, Removal};
use crate::error::{StoreError, Thing};
use crate::store::Store;

use super::setup::{Setup, Tenant, at, name, new_step, scope, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_deletion_is_for_a_version(&Setup::new(make().await).await).await;
    a_step_is_put_and_removed_for_a_version(&Setup::new(make().await).await).await;
    a_permission_is_set_for_what_was_seen(&Setup::new(make().await).await).await;
    credentials_are_deleted_and_set_together(&Setup::new(make().await).await).await;
    of_changes_of_which_one_is_refused_none_is_made(&Setup::new(make().await).await).await;
    a_key_is_spelled_anew_in_one_change(&Setup::new(make().await).await).await;
    a_scope_is_listed_in_parts(&Setup::new(make().await).await).await;
    steps_and_their_versions_are_listed_in_parts(&Setup::new(make().await).await).await;
}

/// The condition that this version is there.
fn at_version(version: u64) -> Condition {
    Condition {
        is_one_of: Some(Versions::These([version].into())),
        is_none_of: None,
    }
}

fn nothing_there() -> Condition {
    Condition {
        is_one_of: None,
        is_none_of: Some(Versions::Any),
    }
}

async fn a_deletion_is_for_a_version(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    tenant.set(&workspace_scope(), "TOKEN", "two").await;
    let delete = async |condition: Condition| {
        let (scope, key, removal) = (workspace_scope(), name("TOKEN"), Removal::IfUnused);
        let store = &tenant.store;
        store
            .remove_credential(&tenant.admin, &scope, &key, removal, &condition, at(3))
            .await
    };
    let refused = delete(at_version(1)).await;
    assert!(matches!(
        refused,
        Err(StoreError::Condition {
            current: Some(2),
            what: Thing::Credential(..)
        })
    ));
    assert_eq!(
        tenant.reveal("default", "TOKEN").await,
        Ok("two".to_owned())
    );
    delete(at_version(2)).await.unwrap();
    assert!(matches!(
        delete(at_version(2)).await,
        Err(StoreError::NotFound(Thing::Credential(..)))
    ));
}

async fn a_step_is_put_and_removed_for_a_version(setup: &Setup) {
    let tenant = setup.default_tenant();
    let (store, workflow, step) = (&setup.store, name("default"), name("report"));
    let put = async |code: &str, condition: Condition| {
        let new = new_step(code, &[]);
        let put = store.put_step(&tenant.editor, &workflow, &step, new, &condition, at(2));
        put.await.map(|step| step.version)
    };
    let refused = |result: Result<u64, StoreError>| match result {
        Err(StoreError::Condition { current, .. }) => current,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(put("v1", at_version(1)).await), None);
    assert_eq!(put("v1", nothing_there()).await.unwrap(), 1);
    // Even where nothing would change.
    assert_eq!(refused(put("v1", nothing_there()).await), Some(1));
    assert_eq!(put("v2", at_version(1)).await.unwrap(), 2);
    assert_eq!(refused(put("v3", at_version(1)).await), Some(2));
    let remove = async |condition: Condition| {
        store
            .remove_step(&tenant.editor, &workflow, &step, &condition, at(9))
            .await
    };
    assert!(matches!(
        remove(at_version(1)).await,
        Err(StoreError::Condition {
            current: Some(2),
            ..
        })
    ));
    remove(at_version(2)).await.unwrap();
}

async fn a_permission_is_set_for_what_was_seen(setup: &Setup) {
    let tenant = setup.default_tenant();
    let workflow = name("default");
    let set = async |keys: &[&str], condition: Condition, n| {
        let selected = UsagePermission::Selected(keys.iter().map(|key| name(key)).collect());
        let store = &tenant.store;
        store
            .set_permission(&tenant.admin, &workflow, &selected, &condition, at(n))
            .await
    };
    set(&["A"], at_version(0), 1).await.unwrap();
    let first = u64::try_from(at(1).as_microsecond()).unwrap();
    let refused = set(&["B"], at_version(0), 2).await;
    assert!(matches!(
        refused,
        Err(StoreError::Condition { current, what: Thing::Permission(_) }) if current == Some(first)
    ));
    let seen = tenant.store.permission(&tenant.viewer, &workflow).await;
    assert_eq!(seen.unwrap(), UsagePermission::Selected([name("A")].into()));
    set(&["B"], at_version(first), 3).await.unwrap();
}

fn removals(keys: &[&str], removal: Removal) -> CredentialRemovals {
    CredentialRemovals {
        scope: workspace_scope(),
        keys: keys.iter().map(|key| name(key)).collect(),
        removal,
    }
}

async fn change(
    tenant: &Tenant,
    removals: CredentialRemovals,
    puts: Vec<PutCredential>,
) -> Result<Vec<CredentialKey>, StoreError> {
    let store = &tenant.store;
    store
        .change_credentials(&tenant.admin, removals, puts, at(5))
        .await
}

async fn credentials_are_deleted_and_set_together(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "OLD", "old").await;
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    let before = tenant.snapshot().await;
    let puts = vec![
        tenant.sealed(&workspace_scope(), "TOKEN", "two").await,
        tenant.sealed(&workspace_scope(), "NEW", "new").await,
    ];
    let told = change(
        &tenant,
        removals(&["OLD", "ABSENT"], Removal::IfUnused),
        puts,
    )
    .await;
    assert_eq!(told.unwrap(), [name("OLD")]);
    assert_eq!(
        tenant.reveal("default", "OLD").await,
        Err(DenialReason::NotFound)
    );
    assert_eq!(
        tenant.reveal("default", "TOKEN").await,
        Ok("two".to_owned())
    );
    assert_eq!(tenant.reveal("default", "NEW").await, Ok("new".to_owned()));
    // Who had a snapshot before sees all of it.
    let after = tenant.refreshed(&before).await;
    assert!(after.in_workspace(&name("OLD")).is_none());
    assert!(after.in_workspace(&name("NEW")).is_some());
}

async fn of_changes_of_which_one_is_refused_none_is_made(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "OLD", "old").await;
    tenant.set(&workspace_scope(), "USED", "used").await;
    tenant.add_step("default", "report", "v1", &["USED"]).await;
    let new = || async { vec![tenant.sealed(&workspace_scope(), "NEW", "new").await] };
    let refused = change(
        &tenant,
        removals(&["OLD", "USED"], Removal::IfUnused),
        new().await,
    );
    assert!(matches!(refused.await, Err(StoreError::InUse { .. })));
    let mut late = new().await;
    late[0].current = Some(7);
    let refused = change(&tenant, removals(&["OLD"], Removal::IfUnused), late).await;
    assert!(matches!(refused, Err(StoreError::VersionConflict { .. })));
    assert_eq!(tenant.reveal("default", "OLD").await, Ok("old".to_owned()));
    assert_eq!(
        tenant.reveal("default", "NEW").await,
        Err(DenialReason::NotFound)
    );
    let forced = removals(&["OLD", "USED"], Removal::Forced);
    assert_eq!(change(&tenant, forced, new().await).await.unwrap().len(), 2);
}

async fn a_key_is_spelled_anew_in_one_change(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "Token", "old").await;
    let put = vec![tenant.sealed(&workspace_scope(), "TOKEN", "new").await];
    let told = change(&tenant, removals(&["Token"], Removal::IfUnused), put);
    assert_eq!(told.await.unwrap(), [name("Token")]);
    assert_eq!(
        tenant.reveal("default", "TOKEN").await,
        Ok("new".to_owned())
    );
}

async fn a_scope_is_listed_in_parts(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    for key in ["C", "A", "B"] {
        tenant.set(&workspace_scope(), key, "shared").await;
    }
    tenant.set(&scope("daily"), "OWN", "own").await;
    let list = async |of, after: Option<&str>, limit| {
        let after: Option<CredentialKey> = after.map(name);
        let store = &tenant.store;
        let listed = store
            .credentials_of(&tenant.viewer, &of, after.as_ref(), limit)
            .await;
        let keys = listed.unwrap().into_iter();
        keys.map(|entry| entry.key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(workspace_scope(), None, 2).await, ["A", "B"]);
    assert_eq!(list(workspace_scope(), Some("B"), 2).await, ["C"]);
    assert_eq!(list(workspace_scope(), Some("C"), 2).await, [""; 0]);
    assert_eq!(list(scope("daily"), None, 2).await, ["OWN"]);
    let nowhere = scope("nowhere");
    let refused = tenant
        .store
        .credentials_of(&tenant.viewer, &nowhere, None, 2)
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::NotFound(Thing::Workflow(_)))
    ));
}

async fn steps_and_their_versions_are_listed_in_parts(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    for step in ["c", "a", "b"] {
        tenant.add_step("default", step, "v1", &["TOKEN"]).await;
    }
    tenant.add_step("daily", "other", "v1", &[]).await;
    let (store, workflow) = (&tenant.store, name("default"));
    let list = async |after: Option<&str>| {
        let after: Option<StepName> = after.map(name);
        let listed = store
            .steps_of(&tenant.viewer, &workflow, after.as_ref(), 2)
            .await;
        let names = listed.unwrap().into_iter();
        names.map(|step| step.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(None).await, ["a", "b"]);
    assert_eq!(list(Some("b")).await, ["c"]);
    let mut digests = vec![];
    for code in ["v1", "v2", "v3"] {
        digests.push(tenant.add_step("default", "a", code, &[]).await.digest);
    }
    // The first was registered before, with a reference that this one does not have.
    let versions = async |before| {
        let step = name("a");
        let listed = store
            .step_versions(&tenant.viewer, &workflow, &step, before, 3)
            .await;
        listed.unwrap()
    };
    let latest = versions(None).await;
    let told: Vec<_> = latest.iter().map(|it| (it.version, it.digest)).collect();
    assert_eq!(told, [(4, digests[2]), (3, digests[1]), (2, digests[0])]);
    let first = versions(Some(2)).await;
    assert_eq!((first.len(), first[0].version), (1, 1));
    let absent = name("z");
    let refused = store
        .step_versions(&tenant.viewer, &workflow, &absent, None, 3)
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::NotFound(Thing::Step(..)))
    ));
}
