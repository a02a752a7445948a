//! Claims about workspaces and workflows.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{Condition, Digest, Role, RunId, UsagePermission, WorkflowName, WorkspaceName};

use crate::audit::AuditFilter;
use crate::credential::Removal;
use crate::error::{StoreError, Thing};
use crate::run::RunFilter;
use crate::store::Store;
use crate::token::NewToken;

use super::setup::{Setup, Tenant, at, name, scope, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    the_defaults_are_there(&Setup::new(make().await).await).await;
    the_defaults_stay(&Setup::new(make().await).await).await;
    a_workspace_is_added_once(&Setup::new(make().await).await).await;
    a_workspace_and_its_first_token_are_added_together_or_not_at_all(
        &Setup::new(make().await).await,
    )
    .await;
    a_workspace_with_credentials_is_removed_by_force(&Setup::new(make().await).await).await;
    nothing_of_a_removed_workspace_comes_back(&Setup::new(make().await).await).await;
    a_workflow_is_added_once(&Setup::new(make().await).await).await;
    a_workflow_with_credentials_is_removed_by_an_admin(&Setup::new(make().await).await).await;
    a_workflow_that_is_removed_leaves_the_record_of_its_runs(&Setup::new(make().await).await).await;
    an_unknown_workspace_is_named(&Setup::new(make().await).await).await;
    an_unknown_workflow_is_named(&Setup::new(make().await).await).await;
}

async fn workspace_names(setup: &Setup) -> Vec<String> {
    let workspaces = setup.store.workspaces().await.unwrap();
    workspaces.into_iter().map(|w| w.name.into()).collect()
}

async fn workflow_names(tenant: &Tenant) -> Vec<String> {
    let workflows = tenant.store.workflows(&tenant.viewer).await.unwrap();
    workflows.into_iter().map(|w| w.name.into()).collect()
}

async fn the_defaults_are_there(setup: &Setup) {
    assert_eq!(workspace_names(setup).await, ["default"]);
    assert_eq!(workflow_names(&setup.default_tenant()).await, ["default"]);
}

async fn the_defaults_stay(setup: &Setup) {
    let tenant = setup.default_tenant();
    let removed = setup
        .store
        .remove_workspace(&tenant.admin, Removal::Forced, at(9))
        .await;
    let workspace = Thing::Workspace(WorkspaceName::default_name());
    assert!(matches!(removed, Err(StoreError::Permanent(what)) if what == workspace));
    let default = WorkflowName::default_name();
    let removed = setup
        .store
        .remove_workflow(&tenant.editor, &default, at(1))
        .await;
    let workflow = Thing::Workflow(default);
    assert!(matches!(removed, Err(StoreError::Permanent(what)) if what == workflow));
}

async fn a_workspace_is_added_once(setup: &Setup) {
    let tenant = setup.add_tenant("acme").await;
    assert_eq!(workspace_names(setup).await, ["acme", "default"]);
    assert_eq!(workflow_names(&tenant).await, ["default"]);
    let again = setup.store.add_workspace(&tenant.admin, at(1)).await;
    let acme = Thing::Workspace(name("acme"));
    assert!(matches!(again, Err(StoreError::Exists(what)) if what == acme));
    assert_eq!(setup.store.workspaces().await.unwrap()[0].created_at, at(0));
}

async fn a_workspace_and_its_first_token_are_added_together_or_not_at_all(setup: &Setup) {
    let (store, tenant) = (&setup.store, setup.tenant("acme"));
    let first = NewToken {
        name: name("first"),
        role: Role::Admin,
        member: None,
        digest: Digest::of(b"first"),
        expires_at: None,
    };
    // A workspace that is new has no members.
    let of_a_member = NewToken {
        member: Some(name("alice")),
        ..first.clone()
    };
    let refused = store
        .add_workspace_with_token(&tenant.admin, of_a_member, at(1))
        .await;
    let member = Thing::Member(name("alice"));
    assert!(matches!(refused, Err(StoreError::NotFound(what)) if what == member));
    assert_eq!(workspace_names(setup).await, ["default"]);
    let filter = AuditFilter::all();
    assert_eq!(store.audit(&tenant.admin, &filter).await.unwrap(), []);

    let added = store
        .add_workspace_with_token(&tenant.admin, first.clone(), at(2))
        .await;
    added.unwrap();
    let token = store.token(&first.digest).await.unwrap().unwrap();
    let (workspace, role) = (tenant.workspace(), Role::Admin);
    assert_eq!(
        (&token.workspace, token.role_now()),
        (workspace, Some(role))
    );
    let told = store.audit(&tenant.admin, &filter).await.unwrap();
    let actions: Vec<&str> = told.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["token.created", "workspace.added"]);

    let second = NewToken {
        name: name("second"),
        digest: Digest::of(b"second"),
        ..first
    };
    let digest = second.digest;
    let again = store
        .add_workspace_with_token(&tenant.admin, second, at(3))
        .await;
    let acme = Thing::Workspace(name("acme"));
    assert!(matches!(again, Err(StoreError::Exists(what)) if what == acme));
    assert_eq!(store.token(&digest).await.unwrap(), None);
    assert_eq!(store.tokens(&tenant.admin).await.unwrap().len(), 1);
}

async fn a_workspace_with_credentials_is_removed_by_force(setup: &Setup) {
    let tenant = setup.add_tenant("acme").await;
    tenant.add_workflow("daily").await;
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    tenant.set(&scope("daily"), "TOKEN", "two").await;
    let refused = setup
        .store
        .remove_workspace(&tenant.admin, Removal::IfUnused, at(9))
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::HasCredentials { credentials: 2, .. })
    ));
    assert_eq!(tenant.reveal("daily", "TOKEN").await, Ok("two".to_owned()));
    setup
        .store
        .remove_workspace(&tenant.admin, Removal::Forced, at(9))
        .await
        .unwrap();
    assert_eq!(workspace_names(setup).await, ["default"]);
}

async fn nothing_of_a_removed_workspace_comes_back(setup: &Setup) {
    let tenant = setup.add_tenant("acme").await;
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    tenant.add_step("default", "report", "code", &[]).await;
    let run = tenant.open_run("default", 1).await;
    let old = tenant.snapshot().await;
    let store = &setup.store;
    store
        .remove_workspace(&tenant.admin, Removal::Forced, at(9))
        .await
        .unwrap();
    store.add_workspace(&tenant.admin, at(2)).await.unwrap();

    assert_eq!(store.credentials(&tenant.viewer).await.unwrap(), []);
    assert_eq!(store.steps(&tenant.viewer, None).await.unwrap(), []);
    assert!(not_found_run(store.run(&tenant.reader, &run).await, run));
    // A snapshot of the old workspace is not taken for one of the new.
    let new = tenant.refreshed(&old).await;
    assert_eq!(new.in_workspace(&name("TOKEN")), None);
}

fn not_found_run<T>(result: Result<T, StoreError>, run: RunId) -> bool {
    matches!(result, Err(StoreError::NotFound(what)) if what == Thing::Run(run))
}

async fn a_workflow_is_added_once(setup: &Setup) {
    let tenant = setup.default_tenant();
    let daily = tenant.add_workflow("daily").await;
    assert_eq!(workflow_names(&tenant).await, ["daily", "default"]);
    let again = setup
        .store
        .add_workflow(&tenant.editor, &daily, at(1))
        .await;
    assert!(
        matches!(again, Err(StoreError::Exists(what)) if what == Thing::Workflow(daily.clone()))
    );
    // Another workspace has names of its own.
    setup.add_tenant("acme").await.add_workflow("daily").await;
    setup
        .store
        .remove_workflow(&tenant.editor, &daily, at(1))
        .await
        .unwrap();
    assert_eq!(workflow_names(&tenant).await, ["default"]);
}

async fn a_workflow_with_credentials_is_removed_by_an_admin(setup: &Setup) {
    let tenant = setup.default_tenant();
    let daily = tenant.add_workflow("daily").await;
    tenant.set(&workspace_scope(), "TOKEN", "shared").await;
    tenant.set(&scope("daily"), "TOKEN", "own").await;
    let store = &setup.store;
    let nothing = UsagePermission::Selected([].into());
    store
        .set_permission(&tenant.admin, &daily, &nothing, &Condition::NONE, at(1))
        .await
        .unwrap();
    let refused = store.remove_workflow(&tenant.editor, &daily, at(2)).await;
    assert!(matches!(
        refused,
        Err(StoreError::HasCredentials { credentials: 1, .. })
    ));
    store
        .remove_workflow_with_credentials(&tenant.admin, &daily, at(2))
        .await
        .unwrap();
    // Another workflow of this name has neither its credentials nor its permission.
    tenant.add_workflow("daily").await;
    assert_eq!(
        tenant.reveal("daily", "TOKEN").await,
        Ok("shared".to_owned())
    );
    assert_eq!(store.credentials(&tenant.viewer).await.unwrap().len(), 1);
}

async fn a_workflow_that_is_removed_leaves_the_record_of_its_runs(setup: &Setup) {
    let tenant = setup.default_tenant();
    let daily = tenant.add_workflow("daily").await;
    let run = tenant.open_run("daily", 1).await;
    let store = &setup.store;
    store
        .remove_workflow(&tenant.editor, &daily, at(2))
        .await
        .unwrap();
    let record = store.run(&tenant.reader, &run).await.unwrap();
    assert_eq!(record.workflow, daily);
    store.forbid_run(&run, at(3)).await.unwrap();
}

async fn an_unknown_workspace_is_named(setup: &Setup) {
    let tenant = setup.tenant("acme");
    let store = &setup.store;
    let is_named = |error: StoreError| {
        assert!(
            matches!(&error, StoreError::NotFound(Thing::Workspace(name)) if name.as_str() == "acme"),
            "{error}"
        );
    };
    is_named(store.workflows(&tenant.viewer).await.unwrap_err());
    is_named(store.credentials(&tenant.viewer).await.unwrap_err());
    is_named(store.steps(&tenant.viewer, None).await.unwrap_err());
    is_named(store.mark(tenant.workspace()).await.unwrap_err());
    let changes = store.changes_since(tenant.workspace(), None).await;
    is_named(changes.unwrap_err());
    is_named(
        store
            .open_run(tenant.new_run("default", 1))
            .await
            .unwrap_err(),
    );
    let filter = RunFilter {
        workflow: None,
        step: None,
        status: None,
        since: None,
        until: None,
        before: None,
        limit: 10,
    };
    is_named(store.runs(&tenant.reader, &filter).await.unwrap_err());
    let removed = store
        .remove_workspace(&tenant.admin, Removal::Forced, at(9))
        .await;
    is_named(removed.unwrap_err());
}

async fn an_unknown_workflow_is_named(setup: &Setup) {
    let tenant = setup.default_tenant();
    let store = &setup.store;
    let daily: WorkflowName = name("daily");
    let is_named = |error: StoreError| {
        assert!(
            matches!(&error, StoreError::NotFound(Thing::Workflow(name)) if *name == daily),
            "{error}"
        );
    };
    let (scope, key) = (scope("daily"), name("TOKEN"));
    is_named(
        store
            .put_base(&tenant.admin, &scope, &key)
            .await
            .unwrap_err(),
    );
    is_named(
        store
            .credential(&tenant.viewer, &scope, &key)
            .await
            .unwrap_err(),
    );
    is_named(
        store
            .dependents(&tenant.viewer, &scope, &key)
            .await
            .unwrap_err(),
    );
    is_named(store.permission(&tenant.viewer, &daily).await.unwrap_err());
    is_named(store.steps(&tenant.viewer, Some(&daily)).await.unwrap_err());
    is_named(
        store
            .open_run(tenant.new_run("daily", 1))
            .await
            .unwrap_err(),
    );
    let removed = store.remove_workflow(&tenant.editor, &daily, at(1)).await;
    is_named(removed.unwrap_err());
    let mut put = tenant.sealed(&workspace_scope(), "TOKEN", "one").await;
    put.scope = scope;
    is_named(tenant.put(put, 1).await.unwrap_err());
}
