//! Claims about registered steps.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{Condition, Digest, WorkspaceName};

use crate::error::{StoreError, Thing};
use crate::run::RunSource;
use crate::step::StepEntry;
use crate::store::Store;

use super::setup::{Setup, Tenant, alice, at, name, new_step};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_step_is_registered_and_found(&Setup::new(make().await).await).await;
    the_same_again_is_the_same_version(&Setup::new(make().await).await).await;
    a_run_that_pinned_a_version_finds_it(&Setup::new(make().await).await).await;
    a_step_that_is_removed_is_gone(&Setup::new(make().await).await).await;
    what_two_steps_run_stays_with_the_other(&Setup::new(make().await).await).await;
    another_workspace_does_not_have_it(&Setup::new(make().await).await).await;
}

async fn find(tenant: &Tenant, workflow: &str, step: &str) -> Result<StepEntry, StoreError> {
    let (workflow, step) = (name(workflow), name(step));
    tenant.store.step(&tenant.viewer, &workflow, &step).await
}

async fn remove(tenant: &Tenant, workflow: &str, step: &str) -> Result<(), StoreError> {
    let (workflow, step) = (name(workflow), name(step));
    tenant
        .store
        .remove_step(&tenant.editor, &workflow, &step, &Condition::NONE, at(9))
        .await
}

async fn has_artifact(setup: &Setup, workspace: &WorkspaceName, artifact: &Digest) -> bool {
    match setup.store.artifact(workspace, artifact).await {
        Ok(_) => true,
        Err(StoreError::NotFound(what)) => {
            assert_eq!(what, Thing::Artifact(*artifact));
            false
        }
        Err(error) => {
            assert_eq!(error.to_string(), "", "it is there or not");
            false
        }
    }
}

async fn a_step_is_registered_and_found(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_workflow("daily").await;
    let added = tenant
        .add_step("daily", "report", "code", &["B", "A"])
        .await;
    let expected = StepEntry {
        workflow: name("daily"),
        name: name("report"),
        version: 1,
        digest: Digest::of(b"code"),
        kind: "component".to_owned(),
        artifact: Digest::of(b"encoded code"),
        artifact_bytes: 12,
        references: [name("A"), name("B")].into(),
        dynamic: false,
        created_at: at(2),
        created_by: alice().name,
    };
    assert_eq!(added, expected);
    assert_eq!(find(&tenant, "daily", "report").await.unwrap(), expected);
    let bytes = setup.store.artifact(tenant.workspace(), &expected.artifact);
    assert_eq!(bytes.await.unwrap(), b"encoded code");

    // A step of the same name in another workflow is another step.
    tenant.add_step("default", "report", "other", &[]).await;
    let listed = setup.store.steps(&tenant.viewer, None).await.unwrap();
    assert_eq!(listed.len(), 2);
    let daily = name("daily");
    let listed = setup.store.steps(&tenant.viewer, Some(&daily)).await;
    assert_eq!(listed.unwrap(), [expected]);
}

async fn the_same_again_is_the_same_version(setup: &Setup) {
    let tenant = setup.default_tenant();
    let first = tenant.add_step("default", "report", "code", &["A"]).await;
    let (workflow, step) = (name("default"), name("report"));
    let again = new_step("code", &["A"]);
    let store = &setup.store;
    let again = store.put_step(
        &tenant.editor,
        &workflow,
        &step,
        again,
        &Condition::NONE,
        at(9),
    );
    assert_eq!(again.await.unwrap(), first);
    let other = tenant.add_step("default", "report", "other", &["A"]).await;
    assert_eq!(other.version, 2);
    let back = tenant.add_step("default", "report", "code", &["A"]).await;
    assert_eq!((back.version, back.digest), (3, first.digest));
}

async fn a_run_that_pinned_a_version_finds_it(setup: &Setup) {
    let tenant = setup.default_tenant();
    let first = tenant.add_step("default", "report", "v1", &[]).await;
    let mut run = tenant.new_run("default", 3);
    run.source = RunSource::Step(name("report"));
    let opened = setup.store.open_run(run).await.unwrap();
    tenant.add_step("default", "report", "v2", &[]).await;
    assert_eq!(opened.step, Some(first.clone()));
    assert!(has_artifact(setup, tenant.workspace(), &first.artifact).await);
}

async fn a_step_that_is_removed_is_gone(setup: &Setup) {
    let tenant = setup.default_tenant();
    let first = tenant.add_step("default", "report", "v1", &["A"]).await;
    let second = tenant.add_step("default", "report", "v2", &["A"]).await;
    remove(&tenant, "default", "report").await.unwrap();
    let step = Thing::Step(name("default"), name("report"));
    assert!(
        matches!(find(&tenant, "default", "report").await, Err(StoreError::NotFound(what)) if what == step)
    );
    assert!(
        matches!(remove(&tenant, "default", "report").await, Err(StoreError::NotFound(what)) if what == step)
    );
    for version in [first, second] {
        assert!(!has_artifact(setup, tenant.workspace(), &version.artifact).await);
    }
    let (scope, key) = (super::setup::workspace_scope(), name("A"));
    let dependents = setup.store.dependents(&tenant.viewer, &scope, &key).await;
    assert!(dependents.unwrap().is_empty());
}

async fn what_two_steps_run_stays_with_the_other(setup: &Setup) {
    let tenant = setup.default_tenant();
    let one = tenant.add_step("default", "one", "code", &[]).await;
    let two = tenant.add_step("default", "two", "code", &[]).await;
    assert_eq!(one.artifact, two.artifact);
    remove(&tenant, "default", "one").await.unwrap();
    assert!(has_artifact(setup, tenant.workspace(), &two.artifact).await);
    remove(&tenant, "default", "two").await.unwrap();
    assert!(!has_artifact(setup, tenant.workspace(), &two.artifact).await);
}

async fn another_workspace_does_not_have_it(setup: &Setup) {
    let (ours, theirs) = (setup.default_tenant(), setup.add_tenant("acme").await);
    let step = ours.add_step("default", "report", "code", &[]).await;
    assert!(!has_artifact(setup, theirs.workspace(), &step.artifact).await);
    assert!(find(&theirs, "default", "report").await.is_err());
    // Not even if the same bytes are registered there and removed again.
    theirs.add_step("default", "report", "code", &[]).await;
    assert!(has_artifact(setup, theirs.workspace(), &step.artifact).await);
    remove(&theirs, "default", "report").await.unwrap();
    assert!(!has_artifact(setup, theirs.workspace(), &step.artifact).await);
    assert!(has_artifact(setup, ours.workspace(), &step.artifact).await);
}
