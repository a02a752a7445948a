//! Claims about where the requests of workflows may go.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{Condition, UsagePermission, WorkflowEgress, WorkflowName};

use crate::error::{StoreError, Thing};
use crate::store::Store;
use crate::workspace::WorkflowEntry;

use super::setup::{Setup, Tenant, alice, at, name};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_workflow_may_be_narrowed_and_widened_again(&Setup::new(make().await).await).await;
    the_rules_of_a_workflow_are_its_own(&Setup::new(make().await).await).await;
    rules_and_permission_are_set_apart(&Setup::new(make().await).await).await;
    a_workflow_that_is_added_again_has_no_rules(&Setup::new(make().await).await).await;
    the_rules_of_an_unknown_workflow_are_an_error(&Setup::new(make().await).await).await;
}

fn only(rules: &[&str]) -> WorkflowEgress {
    WorkflowEgress::Only(rules.iter().map(|rule| rule.parse().unwrap()).collect())
}

async fn set(tenant: &Tenant, workflow: &str, egress: &WorkflowEgress, n: i64) {
    let workflow = name(workflow);
    let set = tenant
        .store
        .set_egress(&tenant.admin, &workflow, egress, at(n));
    set.await.unwrap();
}

async fn entry(tenant: &Tenant, workflow: &str) -> WorkflowEntry {
    let workflows = tenant.store.workflows(&tenant.viewer).await.unwrap();
    let found = workflows
        .into_iter()
        .find(|it| it.name.as_str() == workflow);
    found.unwrap()
}

/// What a run of the workflow is told.
async fn told(tenant: &Tenant, workflow: &str) -> WorkflowEgress {
    let snapshot = tenant.snapshot().await;
    snapshot.egress(&name(workflow)).as_ref().clone()
}

async fn a_workflow_may_be_narrowed_and_widened_again(setup: &Setup) {
    let tenant = setup.default_tenant();
    let first = entry(&tenant, "default").await;
    assert_eq!(first.egress, WorkflowEgress::All);
    assert_eq!((first.egress_set_at, first.egress_set_by), (None, None));
    assert_eq!(told(&tenant, "default").await, WorkflowEgress::All);
    for (n, egress) in [
        only(&["GET,POST api.example.com/v1", "http://*.a.test:8080~/x|/y"]),
        only(&[]),
        WorkflowEgress::All,
    ]
    .into_iter()
    .enumerate()
    {
        let n = i64::try_from(n).unwrap();
        let before = tenant.snapshot().await;
        set(&tenant, "default", &egress, n).await;
        let entry = entry(&tenant, "default").await;
        assert_eq!(entry.egress, egress);
        assert_eq!(entry.egress_set_at, Some(at(n)));
        assert_eq!(entry.egress_set_by, Some(alice().name));
        assert_eq!(told(&tenant, "default").await, egress);
        let refreshed = tenant.refreshed(&before).await;
        assert_eq!(refreshed.egress(&name("default")).as_ref(), &egress);
    }
}

async fn the_rules_of_a_workflow_are_its_own(setup: &Setup) {
    let (tenant, other) = (setup.default_tenant(), setup.add_tenant("acme").await);
    tenant.add_workflow("daily").await;
    let egress = only(&["a.test"]);
    set(&tenant, "daily", &egress, 1).await;
    assert_eq!(told(&tenant, "daily").await, egress);
    assert_eq!(told(&tenant, "default").await, WorkflowEgress::All);
    assert_eq!(told(&other, "default").await, WorkflowEgress::All);
    assert_eq!(told(&tenant, "unknown").await, only(&[]));
}

async fn rules_and_permission_are_set_apart(setup: &Setup) {
    let tenant = setup.default_tenant();
    let workflow = name("default");
    let permission = UsagePermission::Selected([name("TOKEN")].into());
    let egress = only(&["a.test"]);
    set(&tenant, "default", &egress, 1).await;
    setup
        .store
        .set_permission(
            &tenant.admin,
            &workflow,
            &permission,
            &Condition::NONE,
            at(2),
        )
        .await
        .unwrap();
    set(&tenant, "default", &egress, 3).await;
    let entry = entry(&tenant, "default").await;
    assert_eq!((&entry.permission, &entry.egress), (&permission, &egress));
    assert_eq!(entry.permission_set_at, Some(at(2)));
    assert_eq!(entry.egress_set_at, Some(at(3)));
    let snapshot = tenant.snapshot().await;
    assert_eq!(snapshot.permission(&workflow), &permission);
    assert_eq!(snapshot.egress(&workflow).as_ref(), &egress);
}

async fn a_workflow_that_is_added_again_has_no_rules(setup: &Setup) {
    let tenant = setup.default_tenant();
    let daily = tenant.add_workflow("daily").await;
    set(&tenant, "daily", &only(&["a.test"]), 1).await;
    let seen = tenant.snapshot().await;
    let store = &setup.store;
    store
        .remove_workflow(&tenant.editor, &daily, at(2))
        .await
        .unwrap();
    let gone = tenant.refreshed(&seen).await;
    assert_eq!(gone.egress(&daily).as_ref(), &only(&[]));
    tenant.add_workflow("daily").await;
    let again = tenant.refreshed(&gone).await;
    assert_eq!(again.egress(&daily).as_ref(), &WorkflowEgress::All);
    // Who had not heard that it was gone hears of the new one.
    let late = tenant.refreshed(&seen).await;
    assert_eq!(late.egress(&daily).as_ref(), &WorkflowEgress::All);
}

async fn the_rules_of_an_unknown_workflow_are_an_error(setup: &Setup) {
    let tenant = setup.default_tenant();
    let unknown: WorkflowName = name("unknown");
    let egress = WorkflowEgress::All;
    let set = setup
        .store
        .set_egress(&tenant.admin, &unknown, &egress, at(1));
    assert!(
        matches!(set.await, Err(StoreError::NotFound(what)) if what == Thing::Workflow(unknown.clone()))
    );
}
