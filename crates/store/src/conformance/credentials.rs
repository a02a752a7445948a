//! Claims about credentials and usage permissions.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{
    Condition, CredentialKey, DenialReason, Handling, Scope, UsagePermission, WorkflowName,
};
use lockstep_vault::{AdminPermit, Kek, Keyring, Vault};

use crate::credential::{CredentialEntry, Dependents, Removal};
use crate::error::{StoreError, Thing};
use crate::store::Store;

use super::setup::{Setup, Tenant, alice, at, name, new_step, scope, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_credential_is_set_and_rotated(&Setup::new(make().await).await).await;
    a_put_on_an_old_base_is_refused(&Setup::new(make().await).await).await;
    a_version_is_not_used_again_after_a_deletion(&Setup::new(make().await).await).await;
    a_key_that_differs_by_case_is_refused(&Setup::new(make().await).await).await;
    all_are_put_or_none(&Setup::new(make().await).await).await;
    a_workspace_has_one_key(&Setup::new(make().await).await).await;
    a_key_that_the_store_does_not_know_wraps_nothing(&Setup::new(make().await).await).await;
    a_workflow_overrides_its_workspace(&Setup::new(make().await).await).await;
    workspaces_share_nothing(&Setup::new(make().await).await).await;
    a_permission_selects(&Setup::new(make().await).await).await;
    a_credential_that_is_listed_is_deleted_by_force(&Setup::new(make().await).await).await;
    a_credential_that_a_step_names_is_deleted_by_force(&Setup::new(make().await).await).await;
    a_step_that_computes_keys_is_told_and_keeps_nothing(&Setup::new(make().await).await).await;
    an_override_needs_no_workspace_credential(&Setup::new(make().await).await).await;
}

async fn find(tenant: &Tenant, scope: &Scope, key: &str) -> Result<CredentialEntry, StoreError> {
    let key = name(key);
    tenant.store.credential(&tenant.viewer, scope, &key).await
}

async fn delete(tenant: &Tenant, key: &str, removal: Removal) -> Result<(), StoreError> {
    let (scope, key) = (workspace_scope(), name(key));
    tenant
        .store
        .remove_credential(
            &tenant.admin,
            &scope,
            &key,
            removal,
            &Condition::NONE,
            at(9),
        )
        .await
}

async fn permit_keys(tenant: &Tenant, workflow: &WorkflowName, keys: &[&str]) {
    let selected = UsagePermission::Selected(keys.iter().map(|key| name(key)).collect());
    tenant
        .store
        .set_permission(&tenant.admin, workflow, &selected, &Condition::NONE, at(5))
        .await
        .unwrap();
}

async fn a_credential_is_set_and_rotated(setup: &Setup) {
    let tenant = setup.default_tenant();
    let mut put = tenant.sealed(&workspace_scope(), "TOKEN", "one").await;
    put.note = Some("from the wiki".to_owned());
    tenant.put(put, 1).await.unwrap();
    let first = CredentialEntry {
        scope: Scope::Workspace,
        key: name("TOKEN"),
        version: 1,
        handling: Ok(Handling::Reveal),
        value_bytes: Some(3),
        maskable: Some(true),
        expires_at: None,
        last_use: None,
        created_at: at(1),
        created_by: alice().name,
        rotated_at: at(1),
        rotated_by: alice().name,
        note: Some("from the wiki".to_owned()),
    };
    assert_eq!(
        find(&tenant, &workspace_scope(), "TOKEN").await.unwrap(),
        first
    );
    assert_eq!(
        tenant.reveal("default", "TOKEN").await,
        Ok("one".to_owned())
    );

    let put = tenant.sealed(&workspace_scope(), "TOKEN", "two").await;
    tenant.put(put, 2).await.unwrap();
    let second = CredentialEntry {
        version: 2,
        rotated_at: at(2),
        ..first
    };
    let listed = setup.store.credentials(&tenant.viewer).await.unwrap();
    assert_eq!(listed, [second]);
    assert_eq!(
        tenant.reveal("default", "TOKEN").await,
        Ok("two".to_owned())
    );
}

async fn a_put_on_an_old_base_is_refused(setup: &Setup) {
    let tenant = setup.default_tenant();
    let (mine, theirs) = (
        tenant.sealed(&workspace_scope(), "TOKEN", "mine").await,
        tenant.sealed(&workspace_scope(), "TOKEN", "theirs").await,
    );
    // The first credential brings the workspace's key, so the other one would bring another.
    tenant.put(theirs, 1).await.unwrap();
    let refused = tenant.put(mine, 2).await;
    assert!(matches!(
        refused,
        Err(StoreError::VersionConflict {
            current: Some(1),
            ..
        })
    ));
    let (mine, theirs) = (
        tenant.sealed(&workspace_scope(), "TOKEN", "mine").await,
        tenant.sealed(&workspace_scope(), "TOKEN", "theirs 2").await,
    );
    tenant.put(theirs, 3).await.unwrap();
    let refused = tenant.put(mine, 4).await;
    assert!(matches!(
        refused,
        Err(StoreError::VersionConflict {
            current: Some(2),
            ..
        })
    ));
    assert_eq!(
        tenant.reveal("default", "TOKEN").await,
        Ok("theirs 2".to_owned())
    );
}

async fn a_version_is_not_used_again_after_a_deletion(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    tenant.set(&workspace_scope(), "TOKEN", "two").await;
    delete(&tenant, "TOKEN", Removal::IfUnused).await.unwrap();
    assert!(matches!(
        find(&tenant, &workspace_scope(), "TOKEN").await,
        Err(StoreError::NotFound(Thing::Credential(..)))
    ));
    assert!(matches!(
        delete(&tenant, "TOKEN", Removal::Forced).await,
        Err(StoreError::NotFound(Thing::Credential(..)))
    ));
    assert_eq!(
        tenant.reveal("default", "TOKEN").await,
        Err(DenialReason::NotFound)
    );

    let put = tenant.sealed(&workspace_scope(), "TOKEN", "three").await;
    assert_eq!((put.current, put.sealed.version()), (None, 3));
    tenant.put(put, 10).await.unwrap();
    let entry = find(&tenant, &workspace_scope(), "TOKEN").await.unwrap();
    assert_eq!((entry.version, entry.created_at), (3, at(10)));
}

async fn a_key_that_differs_by_case_is_refused(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    tenant.set(&workspace_scope(), "Token", "one").await;
    let put = tenant.sealed(&workspace_scope(), "TOKEN", "two").await;
    let refused = tenant.put(put, 1).await;
    let existing: CredentialKey = name("Token");
    assert!(
        matches!(refused, Err(StoreError::CaseConflict { existing: told, .. }) if told == existing)
    );
    // Another scope may, and this one too once the first is gone.
    tenant.set(&scope("daily"), "TOKEN", "two").await;
    delete(&tenant, "Token", Removal::IfUnused).await.unwrap();
    tenant.set(&workspace_scope(), "TOKEN", "three").await;
    let put = tenant.sealed(&workspace_scope(), "Token", "four").await;
    assert!(matches!(
        tenant.put(put, 1).await,
        Err(StoreError::CaseConflict { .. })
    ));
}

async fn all_are_put_or_none(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "ZERO", "zero").await;
    let one = tenant.sealed(&workspace_scope(), "ONE", "one").await;
    let mut two = tenant.sealed(&workspace_scope(), "TWO", "two").await;
    two.current = Some(7);
    let before = setup.store.mark(tenant.workspace()).await.unwrap();
    let puts = vec![one.clone(), two];
    let refused = setup
        .store
        .put_credentials(&tenant.admin, puts, at(1))
        .await;
    let two: CredentialKey = name("TWO");
    assert!(matches!(refused, Err(StoreError::VersionConflict { key, .. }) if key == two));
    assert_eq!(
        setup.store.credentials(&tenant.viewer).await.unwrap().len(),
        1
    );
    assert_eq!(setup.store.mark(tenant.workspace()).await.unwrap(), before);

    let two = tenant.sealed(&workspace_scope(), "TWO", "two").await;
    let puts = vec![one, two];
    setup
        .store
        .put_credentials(&tenant.admin, puts, at(2))
        .await
        .unwrap();
    assert_eq!(tenant.reveal("default", "ONE").await, Ok("one".to_owned()));
    assert_eq!(tenant.reveal("default", "TWO").await, Ok("two".to_owned()));
}

async fn a_workspace_has_one_key(setup: &Setup) {
    let tenant = setup.default_tenant();
    let mut put = tenant.sealed(&workspace_scope(), "ONE", "one").await;
    tenant.put(put.clone(), 1).await.unwrap();
    put = tenant.sealed(&workspace_scope(), "TWO", "two").await;
    put.workspace_key = tenant.vault.create_workspace_key(&tenant.admin).unwrap();
    assert!(matches!(
        tenant.put(put, 2).await,
        Err(StoreError::VersionConflict { current: None, .. })
    ));
    assert_eq!(tenant.reveal("default", "ONE").await, Ok("one".to_owned()));
}

async fn a_key_that_the_store_does_not_know_wraps_nothing(setup: &Setup) {
    let tenant = setup.default_tenant();
    let kek = Kek::generate().unwrap();
    let id = kek.id();
    let permit = AdminPermit::check(&alice(), tenant.workspace()).unwrap();
    let mut put = tenant.sealed(&workspace_scope(), "TOKEN", "one").await;
    put.workspace_key = Vault::new(Keyring::new(kek))
        .create_workspace_key(&permit)
        .unwrap();
    let refused = tenant.put(put, 1).await;
    assert!(matches!(refused, Err(StoreError::NotFound(Thing::Kek(told))) if told == id));
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
}

async fn a_workflow_overrides_its_workspace(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    tenant.set(&workspace_scope(), "TOKEN", "shared").await;
    tenant.set(&scope("daily"), "TOKEN", "own").await;
    assert_eq!(tenant.reveal("daily", "TOKEN").await, Ok("own".to_owned()));
    assert_eq!(
        tenant.reveal("default", "TOKEN").await,
        Ok("shared".to_owned())
    );
    let listed = setup.store.credentials(&tenant.viewer).await.unwrap();
    let scopes: Vec<_> = listed.into_iter().map(|entry| entry.scope).collect();
    assert_eq!(scopes, [Scope::Workspace, scope("daily")]);
}

async fn workspaces_share_nothing(setup: &Setup) {
    let (ours, theirs) = (setup.default_tenant(), setup.add_tenant("acme").await);
    ours.set(&workspace_scope(), "TOKEN", "ours").await;
    assert!(matches!(
        find(&theirs, &workspace_scope(), "TOKEN").await,
        Err(StoreError::NotFound(_))
    ));
    assert_eq!(
        theirs.reveal("default", "TOKEN").await,
        Err(DenialReason::NotFound)
    );
    theirs.set(&workspace_scope(), "TOKEN", "theirs").await;
    assert_eq!(ours.reveal("default", "TOKEN").await, Ok("ours".to_owned()));
}

async fn a_permission_selects(setup: &Setup) {
    let tenant = setup.default_tenant();
    let daily = tenant.add_workflow("daily").await;
    let store = &setup.store;
    tenant.set(&workspace_scope(), "ONE", "one").await;
    tenant.set(&workspace_scope(), "TWO", "two").await;
    let told = store.permission(&tenant.viewer, &daily).await.unwrap();
    assert_eq!(told, UsagePermission::All);

    permit_keys(&tenant, &daily, &["ONE", "LATER"]).await;
    let entry = &store.workflows(&tenant.viewer).await.unwrap()[0];
    let selected = UsagePermission::Selected([name("ONE"), name("LATER")].into());
    assert_eq!((&entry.name, &entry.permission), (&daily, &selected));
    assert_eq!(entry.permission_set_at, Some(at(5)));
    assert_eq!(entry.permission_set_by, Some(alice().name));
    assert_eq!(tenant.reveal("daily", "ONE").await, Ok("one".to_owned()));
    assert_eq!(
        tenant.reveal("daily", "TWO").await,
        Err(DenialReason::NotPermitted)
    );
    assert_eq!(
        tenant.reveal("daily", "LATER").await,
        Err(DenialReason::NotFound)
    );
    assert_eq!(tenant.reveal("default", "TWO").await, Ok("two".to_owned()));

    permit_keys(&tenant, &daily, &[]).await;
    let none = UsagePermission::Selected([].into());
    assert_eq!(
        store.permission(&tenant.viewer, &daily).await.unwrap(),
        none
    );
    let all = UsagePermission::All;
    store
        .set_permission(&tenant.admin, &daily, &all, &Condition::NONE, at(6))
        .await
        .unwrap();
    assert_eq!(tenant.reveal("daily", "TWO").await, Ok("two".to_owned()));
}

async fn a_credential_that_is_listed_is_deleted_by_force(setup: &Setup) {
    let tenant = setup.default_tenant();
    let daily = tenant.add_workflow("daily").await;
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    tenant.set(&workspace_scope(), "OTHER", "one").await;
    permit_keys(&tenant, &daily, &["TOKEN"]).await;
    delete(&tenant, "OTHER", Removal::IfUnused).await.unwrap();
    let lists_it = Dependents {
        workflows: vec![daily],
        steps: vec![],
        dynamic: vec![],
    };
    match delete(&tenant, "TOKEN", Removal::IfUnused).await {
        Err(StoreError::InUse { dependents, .. }) => assert_eq!(*dependents, lists_it),
        other => assert!(other.is_err(), "it is listed"),
    }
    assert_eq!(tenant.reveal("daily", "TOKEN").await, Ok("one".to_owned()));
    delete(&tenant, "TOKEN", Removal::Forced).await.unwrap();
    assert_eq!(
        tenant.reveal("daily", "TOKEN").await,
        Err(DenialReason::NotFound)
    );
}

async fn a_credential_that_a_step_names_is_deleted_by_force(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    tenant.add_step("daily", "report", "v1", &["TOKEN"]).await;
    let dependents = async || {
        let (scope, key) = (workspace_scope(), name("TOKEN"));
        let told = setup.store.dependents(&tenant.viewer, &scope, &key).await;
        told.unwrap()
    };
    let names_it = vec![(name("daily"), name("report"))];
    assert_eq!(dependents().await.steps, names_it);
    let refused = delete(&tenant, "TOKEN", Removal::IfUnused).await;
    assert!(matches!(refused, Err(StoreError::InUse { .. })));
    // The next version of the step does not name it any more.
    tenant.add_step("daily", "report", "v2", &["OTHER"]).await;
    assert!(dependents().await.is_empty());
    delete(&tenant, "TOKEN", Removal::IfUnused).await.unwrap();
}

async fn a_step_that_computes_keys_is_told_and_keeps_nothing(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    let mut computes = new_step("v1", &["OTHER"]);
    computes.dynamic = true;
    let (daily, report) = (name("daily"), name("report"));
    let put = setup.store.put_step(
        &tenant.editor,
        &daily,
        &report,
        computes,
        &Condition::NONE,
        at(2),
    );
    assert!(put.await.unwrap().dynamic);
    let (scope, key) = (workspace_scope(), name("TOKEN"));
    let told = setup.store.dependents(&tenant.viewer, &scope, &key).await;
    assert_eq!(told.unwrap().dynamic, [(daily, report)]);
    // Of a key that it names it is told as that, and not again.
    tenant.set(&workspace_scope(), "OTHER", "one").await;
    let key = name("OTHER");
    let told = setup.store.dependents(&tenant.viewer, &scope, &key).await;
    let told = told.unwrap();
    assert_eq!((told.steps.len(), told.dynamic.len()), (1, 0));
    delete(&tenant, "TOKEN", Removal::IfUnused).await.unwrap();
}

async fn an_override_needs_no_workspace_credential(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    tenant.set(&workspace_scope(), "TOKEN", "shared").await;
    tenant.set(&scope("daily"), "TOKEN", "own").await;
    tenant.add_step("daily", "report", "v1", &["TOKEN"]).await;
    let (own, key) = (scope("daily"), name("TOKEN"));
    let told = setup.store.dependents(&tenant.viewer, &own, &key).await;
    assert_eq!(told.unwrap().steps, [(name("daily"), name("report"))]);
    delete(&tenant, "TOKEN", Removal::IfUnused).await.unwrap();
    assert_eq!(tenant.reveal("daily", "TOKEN").await, Ok("own".to_owned()));
}
