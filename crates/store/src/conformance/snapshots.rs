//! Claims about what snapshots are refreshed from.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{Condition, DenialReason, Handling, Scope, SealingPolicy, UsagePermission};
use lockstep_vault::{SnapshotMark, WorkspaceSnapshot};

use crate::credential::Removal;
use crate::error::StoreError;
use crate::store::Store;

use super::setup::{Setup, Tenant, at, name, reveal, scope, sealed_to, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    the_mark_moves_with_what_a_run_resolves_from(&Setup::new(make().await).await).await;
    a_refresh_brings_what_changed_and_no_more(&Setup::new(make().await).await).await;
    a_mark_that_leads_nowhere_brings_everything(&Setup::new(make().await).await).await;
    a_snapshot_keeps_what_it_saw(&Setup::new(make().await).await).await;
    refreshing_leads_to_what_is_there(&Setup::new(make().await).await).await;
}

async fn mark(tenant: &Tenant) -> SnapshotMark {
    tenant.store.mark(tenant.workspace()).await.unwrap()
}

async fn the_mark_moves_with_what_a_run_resolves_from(setup: &Setup) {
    let tenant = setup.default_tenant();
    let mut marks = vec![mark(&tenant).await];
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    marks.push(mark(&tenant).await);
    tenant.set(&workspace_scope(), "TOKEN", "two").await;
    marks.push(mark(&tenant).await);
    let (workflow, permission) = (name("default"), UsagePermission::Selected([].into()));
    let store = &setup.store;
    store
        .set_permission(
            &tenant.admin,
            &workflow,
            &permission,
            &Condition::NONE,
            at(1),
        )
        .await
        .unwrap();
    marks.push(mark(&tenant).await);
    let (scope, key) = (workspace_scope(), name("TOKEN"));
    store
        .remove_credential(
            &tenant.admin,
            &scope,
            &key,
            Removal::Forced,
            &Condition::NONE,
            at(2),
        )
        .await
        .unwrap();
    marks.push(mark(&tenant).await);
    store
        .set_sealing(&tenant.admin, SealingPolicy::Required, at(3))
        .await
        .unwrap();
    marks.push(mark(&tenant).await);
    assert!(
        marks.is_sorted_by(|a, b| a.revision < b.revision),
        "{marks:?}"
    );

    // Steps and runs are not resolved from, nor is another workspace.
    let last = mark(&tenant).await;
    tenant.add_step("default", "report", "code", &[]).await;
    let run = tenant.new_run("default", 3);
    assert_eq!(store.open_run(run).await.unwrap().mark, last);
    let other = setup.add_tenant("acme").await;
    other.set(&workspace_scope(), "TOKEN", "one").await;
    assert_eq!(mark(&tenant).await, last);
}

async fn a_refresh_brings_what_changed_and_no_more(setup: &Setup) {
    let tenant = setup.default_tenant();
    for key in ["ONE", "TWO", "THREE"] {
        tenant.set(&workspace_scope(), key, "value").await;
    }
    let known = mark(&tenant).await;
    let since = async |mark| {
        let changes = setup.store.changes_since(tenant.workspace(), mark).await;
        changes.unwrap()
    };
    let nothing = since(Some(known)).await;
    assert!(!nothing.from_empty && nothing.changes.is_empty());
    assert_eq!(nothing.mark, known);

    tenant.set(&workspace_scope(), "TWO", "value 2").await;
    let one = since(Some(known)).await;
    assert!(!one.from_empty && one.changes.len() == 1, "{one:?}");
    assert!(since(None).await.from_empty);
}

async fn a_mark_that_leads_nowhere_brings_everything(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "ONE", "one").await;
    let present = mark(&tenant).await;
    let future = SnapshotMark {
        revision: present.revision + 1,
        ..present
    };
    let elsewhere = SnapshotMark {
        workspace: present.workspace + 1,
        ..present
    };
    for mark in [future, elsewhere] {
        let changes = setup
            .store
            .changes_since(tenant.workspace(), Some(mark))
            .await
            .unwrap();
        assert!(changes.from_empty && changes.mark == present);
    }
}

async fn a_snapshot_keeps_what_it_saw(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.set(&workspace_scope(), "TOKEN", "one").await;
    let before = tenant.snapshot().await;
    tenant.set(&workspace_scope(), "TOKEN", "two").await;
    let after = tenant.refreshed(&before).await;
    let (before, after) = (Arc::new(before), Arc::new(after));
    let told = |snapshot| reveal(&tenant.vault, snapshot, "default", "TOKEN");
    assert_eq!(told(before), Ok("one".to_owned()));
    assert_eq!(told(after), Ok("two".to_owned()));
}

/// Random changes, refreshed after each few, against a snapshot from scratch.
async fn refreshing_leads_to_what_is_there(setup: &Setup) {
    let tenant = setup.default_tenant();
    let mut dice = Dice(1);
    let mut refreshed = tenant.snapshot().await;
    for round in 0..40 {
        for _ in 0..=dice.roll(3) {
            change_something(&tenant, &mut dice).await;
        }
        refreshed = tenant.refreshed(&refreshed).await;
        let scratch = tenant.snapshot().await;
        let told = what_runs_see(&tenant, &refreshed);
        assert_eq!(told, what_runs_see(&tenant, &scratch), "round {round}");
        assert_eq!(refreshed.mark(), scratch.mark(), "round {round}");
    }
}

async fn change_something(tenant: &Tenant, dice: &mut Dice) {
    let keys = ["A", "B", "C"];
    let key = keys[dice.roll(3)];
    let credential_key = name(key);
    let scopes = [Scope::Workspace, scope("default"), scope("daily")];
    let scope = &scopes[dice.roll(3)];
    let (daily, store) = (name("daily"), &tenant.store);
    let done = match dice.roll(7) {
        0 => store.add_workflow(&tenant.editor, &daily, at(1)).await,
        1 => {
            let admin = &tenant.admin;
            let removed = store.remove_workflow_with_credentials(admin, &daily, at(1));
            removed.await
        }
        2 => {
            let selected = UsagePermission::Selected([name(key)].into());
            let permissions = [UsagePermission::All, selected];
            let permission = &permissions[dice.roll(2)];
            let set =
                store.set_permission(&tenant.admin, &daily, permission, &Condition::NONE, at(1));
            set.await
        }
        3 => {
            let (admin, forced) = (&tenant.admin, Removal::Forced);
            let removed = store.remove_credential(
                admin,
                scope,
                &credential_key,
                forced,
                &Condition::NONE,
                at(1),
            );
            removed.await
        }
        4 => {
            let policies = [SealingPolicy::Optional, SealingPolicy::Required];
            let policy = policies[dice.roll(2)];
            store.set_sealing(&tenant.admin, policy, at(1)).await
        }
        _ => match store.put_base(&tenant.admin, scope, &credential_key).await {
            Ok(_) => {
                let handlings = [Handling::Reveal, sealed_to(&["a.test"], &[])];
                let handling = &handlings[dice.roll(2)];
                let put = tenant.sealed_as(scope, key, "value", handling).await;
                tenant.put(put, 1).await
            }
            Err(error) => Err(error),
        },
    };
    // The workflow or the credential may be there or not, as the dice fell.
    assert!(
        matches!(
            done,
            Ok(())
                | Err(StoreError::NotFound(_)
                    | StoreError::Exists(_)
                    | StoreError::SealingRequired { .. })
        ),
        "{done:?}"
    );
}

/// What each workflow gets for each key: a version, or why not.
fn what_runs_see(
    tenant: &Tenant,
    snapshot: &WorkspaceSnapshot,
) -> Vec<Result<(Scope, u64), DenialReason>> {
    let mut seen = Vec::new();
    for workflow in ["default", "daily"] {
        for key in ["A", "B", "C"] {
            let (workflow, key) = (name(workflow), name(key));
            let chosen = lockstep_vault::choose(snapshot, &workflow, &key, at(1));
            if let Ok(chosen) = &chosen {
                let told = reveal(
                    &tenant.vault,
                    Arc::new(snapshot.clone()),
                    workflow.as_str(),
                    key.as_str(),
                );
                assert_eq!(told, Ok("value".to_owned()), "{chosen:?}");
            }
            seen.push(chosen.map(|chosen| (chosen.scope, chosen.sealed.version())));
        }
    }
    seen
}

/// Numbers that look random, and are the same each time (Lehmer, 1951).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0 * 48_271 % 0x7fff_ffff;
        usize::try_from(self.0).unwrap() % sides
    }
}
