//! Claims about the audit: what is told, and that it is told with the change or not at all.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{
    Caller, Condition, DenialReason, Denied, MemberName, Role, Scope, SealingPolicy,
    UsagePermission, WorkflowEgress, WorkflowName,
};
use lockstep_vault::{HostPermit, RunPermit};

use crate::audit::{
    AuditAction, AuditChain, AuditEntry, AuditFilter, AuditFrom, AuditMode, AuditUse, AuditUseKind,
    SealState,
};
use crate::credential::Removal;
use crate::error::StoreError;
use crate::store::Store;
use crate::token::NewToken;

use super::runs::completed;
use super::setup::{Setup, Tenant, alice, at, name, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    each_change_is_told_with_who_made_it(&Setup::new(make().await).await).await;
    what_changes_nothing_is_not_told(&Setup::new(make().await).await).await;
    the_uses_of_a_run_are_told_with_its_record(&Setup::new(make().await).await).await;
    a_closed_run_uses_nothing(&Setup::new(make().await).await).await;
    a_run_whose_caller_hung_up_is_told_as_cancelled(&Setup::new(make().await).await).await;
    who_has_an_open_run_cancelled_is_told(&Setup::new(make().await).await).await;
    entries_are_those_of_one_workspace(&Setup::new(make().await).await).await;
    an_untouched_chain_is_whole_and_sealed(&Setup::new(make().await).await).await;
    who_administers_a_workspace_checks_its_chain_and_no_other(&Setup::new(make().await).await)
        .await;
}

fn host() -> HostPermit {
    HostPermit::check(&alice()).unwrap()
}

async fn put(tenant: &Tenant, scope: &Scope, key: &str, value: &str, n: i64) {
    let put = tenant.sealed(scope, key, value).await;
    tenant.put(put, n).await.unwrap();
}

async fn entries(tenant: &Tenant) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        from: AuditFrom::After(0),
        ..AuditFilter::all()
    };
    tenant.store.audit(&tenant.admin, &filter).await.unwrap()
}

async fn actions(tenant: &Tenant) -> Vec<String> {
    let entries = entries(tenant).await;
    entries.into_iter().map(|entry| entry.action).collect()
}

fn token(text: &str) -> NewToken {
    NewToken {
        name: name(text),
        role: Role::Runner,
        digest: lockstep_step::Digest::of(text.as_bytes()),
        expires_at: None,
        member: None,
    }
}

/// One of each.
async fn make_changes(tenant: &Tenant) {
    let (store, admin, scope) = (&tenant.store, &tenant.admin, workspace_scope());
    put(tenant, &scope, "TOKEN", "one", 1).await;
    put(tenant, &scope, "TOKEN", "two", 2).await;
    let daily: WorkflowName = name("daily");
    store
        .add_workflow(&tenant.editor, &daily, at(3))
        .await
        .unwrap();
    let (all, any) = (UsagePermission::All, Condition::NONE);
    store
        .set_permission(admin, &daily, &all, &any, at(4))
        .await
        .unwrap();
    let egress = WorkflowEgress::All;
    store
        .set_egress(admin, &daily, &egress, at(5))
        .await
        .unwrap();
    let optional = SealingPolicy::Optional;
    store.set_sealing(admin, optional, at(6)).await.unwrap();
    store
        .add_token(admin, token("engine"), at(7))
        .await
        .unwrap();
    store
        .revoke_token(admin, &name("engine"), at(8))
        .await
        .unwrap();
    let bob: MemberName = name("bob");
    store
        .add_member(admin, &bob, Role::Viewer, at(8))
        .await
        .unwrap();
    store
        .set_member(admin, &bob, Role::Runner, at(8))
        .await
        .unwrap();
    let of_bob = NewToken {
        member: Some(bob.clone()),
        ..token("laptop")
    };
    store.add_token(admin, of_bob, at(8)).await.unwrap();
    store.remove_member(admin, &bob, at(8)).await.unwrap();
    let forced = Removal::Forced;
    let key = name("TOKEN");
    store
        .remove_credential(admin, &scope, &key, forced, &any, at(9))
        .await
        .unwrap();
    let own = Scope::Workflow(daily.clone());
    put(tenant, &own, "OWN", "three", 10).await;
    store
        .remove_workflow_with_credentials(admin, &daily, at(11))
        .await
        .unwrap();
    store.remove_workspace(admin, forced, at(12)).await.unwrap();
}

/// What they are told as.
const CHANGES: [(&str, Option<&str>, Option<u64>); 19] = [
    ("workspace.added", None, None),
    ("credential.created", Some("TOKEN"), Some(1)),
    ("credential.rotated", Some("TOKEN"), Some(2)),
    ("workflow.added", None, None),
    ("permission.set", None, None),
    ("egress.set", None, None),
    ("sealing.set", None, None),
    ("token.created", Some("engine"), None),
    ("token.revoked", Some("engine"), None),
    ("member.added", Some("bob"), None),
    ("member.set", Some("bob"), None),
    ("token.created", Some("laptop"), None),
    ("token.revoked", Some("laptop"), None),
    ("member.removed", Some("bob"), None),
    ("credential.deleted", Some("TOKEN"), Some(2)),
    ("credential.created", Some("OWN"), Some(1)),
    ("credential.deleted", Some("OWN"), Some(1)),
    ("workflow.removed", None, None),
    ("workspace.removed", None, None),
];

async fn each_change_is_told_with_who_made_it(setup: &Setup) {
    let tenant = setup.add_tenant("acme").await;
    make_changes(&tenant).await;
    let told = entries(&tenant).await;
    let words: Vec<_> = told
        .iter()
        .map(|entry| {
            let about = entry.key.as_deref().or(entry.target.as_deref());
            (entry.action.as_str(), about, entry.version)
        })
        .collect();
    assert_eq!(words, CHANGES);
    assert!(told.iter().all(|entry| entry.actor == alice().name));
    let places: Vec<u64> = told.iter().map(|entry| entry.sequence).collect();
    assert_eq!(places, Vec::from_iter(1..=CHANGES.len() as u64));
    assert_eq!(
        (told[15].scope.as_deref(), told[15].workflow.as_deref()),
        (Some("workflow"), Some("daily"))
    );
    let of_host = tenant
        .store
        .host_audit(&host(), &AuditFilter::all())
        .await
        .unwrap();
    assert_eq!(of_host[0].action, "workspace.removed");
    assert_eq!(of_host[0].target.as_deref(), Some("acme"));
}

async fn what_changes_nothing_is_not_told(setup: &Setup) {
    let tenant = setup.add_tenant("acme").await;
    let (store, admin) = (&tenant.store, &tenant.admin);
    store
        .add_token(admin, token("engine"), at(1))
        .await
        .unwrap();
    store
        .revoke_token(admin, &name("engine"), at(2))
        .await
        .unwrap();
    let before = actions(&tenant).await;
    store
        .revoke_token(admin, &name("engine"), at(3))
        .await
        .unwrap();
    assert!(
        store
            .revoke_token(admin, &name("nobody"), at(3))
            .await
            .is_err()
    );
    assert!(
        store
            .add_token(admin, token("engine"), at(3))
            .await
            .is_err()
    );
    assert!(store.add_workspace(admin, at(3)).await.is_err());
    let default = WorkflowName::default_name();
    assert!(
        store
            .remove_workflow(&tenant.editor, &default, at(3))
            .await
            .is_err()
    );
    assert_eq!(actions(&tenant).await, before);
}

fn used(n: i64, host: Option<&str>) -> AuditUse {
    AuditUse {
        at: at(n),
        what: AuditUseKind::Used {
            key: name("TOKEN"),
            scope: Scope::Workspace,
            version: 3,
            mode: AuditMode::Sealed,
            host: host.map(str::to_owned),
        },
    }
}

fn denied(n: i64) -> AuditUse {
    let denied = Denied {
        key: Some(name("OTHER")),
        reason: DenialReason::NotPermitted,
    };
    AuditUse {
        at: at(n),
        what: AuditUseKind::Denied(denied),
    }
}

async fn the_uses_of_a_run_are_told_with_its_record(setup: &Setup) {
    let tenant = setup.default_tenant();
    let run = tenant.open_run("default", 1).await;
    let store = &tenant.store;
    store
        .settle_run(&run, vec![used(2, Some("a.test"))])
        .await
        .unwrap();
    store.append_uses(&run, vec![denied(3)]).await.unwrap();
    let mut end = completed(4);
    end.uses = vec![used(4, None)];
    store.close_run(&run, end).await.unwrap();
    let told = entries(&tenant).await.split_off(1);
    let words: Vec<_> = told
        .iter()
        .map(|entry| {
            (
                entry.key.as_deref(),
                entry.host.as_deref(),
                entry.detail.as_deref(),
            )
        })
        .collect();
    let expected = [
        (Some("TOKEN"), Some("a.test"), None),
        (Some("OTHER"), None, Some("not_permitted")),
        (Some("TOKEN"), None, None),
    ];
    assert_eq!(words, expected);
    let record = store.run(&tenant.reader, &run).await.unwrap();
    for entry in told {
        assert_eq!(entry.run, Some(run.to_string()));
        assert_eq!(entry.actor, record.caller);
        assert_eq!(entry.workflow.as_deref(), Some(record.workflow.as_str()));
        assert!(entry.step.is_some());
    }
}

async fn a_run_whose_caller_hung_up_is_told_as_cancelled(setup: &Setup) {
    let tenant = setup.default_tenant();
    let run = tenant.open_run("default", 1).await;
    let mut end = completed(4);
    let what = AuditUseKind::HungUp;
    end.uses = vec![AuditUse { at: at(4), what }];
    tenant.store.close_run(&run, end).await.unwrap();
    let told = entries(&tenant).await.pop().unwrap();
    assert_eq!(told.action, "run.cancelled");
    assert_eq!(told.detail.as_deref(), Some("hung_up"));
    assert_eq!(told.run, Some(run.to_string()));
    let record = tenant.store.run(&tenant.reader, &run).await.unwrap();
    assert_eq!(told.actor, record.caller);
}

async fn a_closed_run_uses_nothing(setup: &Setup) {
    let tenant = setup.default_tenant();
    let run = tenant.open_run("default", 1).await;
    let store = &tenant.store;
    store.close_run(&run, completed(2)).await.unwrap();
    let before = actions(&tenant).await;
    assert!(store.append_uses(&run, vec![denied(3)]).await.is_err());
    assert!(store.settle_run(&run, vec![denied(3)]).await.is_err());
    let mut end = completed(3);
    end.uses = vec![denied(3)];
    assert!(store.close_run(&run, end).await.is_err());
    assert_eq!(actions(&tenant).await, before);
}

async fn who_has_an_open_run_cancelled_is_told(setup: &Setup) {
    let tenant = setup.default_tenant();
    let (one, other) = (
        tenant.open_run("default", 1).await,
        tenant.open_run("default", 1).await,
    );
    let bob = Caller {
        name: "test:bob".to_owned(),
        role: Role::Runner,
    };
    let permit = |workspace: &str, workflow: &str| {
        RunPermit::check(&bob, &name(workspace), &name(workflow)).unwrap()
    };
    let (store, ours) = (&tenant.store, permit("default", "default"));
    store.tell_cancelled(&ours, &one, at(2)).await.unwrap();
    let told = entries(&tenant).await.pop().unwrap();
    assert_eq!(told.action, "run.cancelled");
    assert_eq!((told.actor, told.at), (bob.name.clone(), at(2)));
    assert_eq!(told.run, Some(one.to_string()));
    assert_eq!(told.workflow.as_deref(), Some("default"));
    assert!(told.step.is_some());
    let before = actions(&tenant).await;
    store.close_run(&one, completed(3)).await.unwrap();
    let over = store.tell_cancelled(&ours, &one, at(4)).await;
    assert!(matches!(over, Err(StoreError::RunClosed(_))), "{over:?}");
    setup.add_tenant("acme").await;
    for theirs in [permit("acme", "default"), permit("default", "daily")] {
        let unknown = store.tell_cancelled(&theirs, &other, at(4)).await;
        assert!(
            matches!(unknown, Err(StoreError::NotFound(_))),
            "{unknown:?}"
        );
    }
    assert_eq!(actions(&tenant).await, before);
}

async fn entries_are_those_of_one_workspace(setup: &Setup) {
    let ours = setup.add_tenant("acme").await;
    let theirs = setup.add_tenant("globex").await;
    put(&ours, &workspace_scope(), "TOKEN", "one", 1).await;
    assert_eq!(actions(&theirs).await, ["workspace.added"]);
    let filter = AuditFilter {
        action: Some(AuditAction::CredentialCreated),
        key: Some(name("TOKEN")),
        since: Some(at(1)),
        until: Some(at(2)),
        ..AuditFilter::all()
    };
    let found = async |tenant: &Tenant, filter: &AuditFilter| {
        let listed = tenant.store.audit(&tenant.admin, filter).await.unwrap();
        listed.len()
    };
    assert_eq!(found(&ours, &filter).await, 1);
    assert_eq!(found(&theirs, &filter).await, 0);
    for other in [
        AuditFilter {
            until: Some(at(1)),
            ..filter.clone()
        },
        AuditFilter {
            since: Some(at(2)),
            ..filter.clone()
        },
        AuditFilter {
            key: Some(name("OTHER")),
            ..filter.clone()
        },
        AuditFilter {
            from: AuditFrom::Before(2),
            ..filter.clone()
        },
        AuditFilter {
            from: AuditFrom::After(2),
            ..filter.clone()
        },
        AuditFilter {
            actor: Some("nobody".to_owned()),
            ..filter
        },
    ] {
        assert_eq!(found(&ours, &other).await, 0, "{other:?}");
    }
}

async fn an_untouched_chain_is_whole_and_sealed(setup: &Setup) {
    setup.store.seal_heads(Arc::clone(&setup.vault));
    let tenant = setup.add_tenant("acme").await;
    put(&tenant, &workspace_scope(), "TOKEN", "one", 1).await;
    put(&tenant, &workspace_scope(), "TOKEN", "two", 2).await;
    let heads = tenant.store.audit_heads(&host()).await.unwrap();
    for chain in tenant.store.audit_chains(&host()).await.unwrap() {
        let report = tenant
            .store
            .verify_audit(&host(), &chain, &heads)
            .await
            .unwrap();
        assert_eq!(report.findings, []);
        let head = heads.iter().find(|head| head.chain == chain).unwrap();
        assert_eq!((report.entries, report.hash), (head.sequence, head.hash));
        if chain == AuditChain::Workspace(tenant.workspace().clone()) {
            assert_eq!(report.seal, SealState::UpTo(3));
        }
    }
}

async fn who_administers_a_workspace_checks_its_chain_and_no_other(setup: &Setup) {
    setup.store.seal_heads(Arc::clone(&setup.vault));
    let (ours, theirs) = (
        setup.add_tenant("acme").await,
        setup.add_tenant("globex").await,
    );
    put(&ours, &workspace_scope(), "TOKEN", "one", 1).await;
    let store = &setup.store;
    let heads = store.audit_heads(&host()).await.unwrap();
    let chain = AuditChain::Workspace(ours.workspace().clone());
    let head = store.audit_head(&ours.admin).await.unwrap();
    assert_eq!(head.as_ref(), heads.iter().find(|it| it.chain == chain));
    // Heads of others, which are wrong, are passed over.
    let mut wrong = heads.clone();
    for head in wrong.iter_mut().filter(|head| head.chain != chain) {
        head.sequence += 9;
    }
    let report = store.verify_workspace_audit(&ours.admin, &wrong).await;
    let report = report.unwrap();
    assert_eq!(
        (&report.chain, report.findings.as_slice()),
        (&chain, &[][..])
    );
    let report = store.verify_workspace_audit(&theirs.admin, &wrong).await;
    assert_eq!(report.unwrap().findings[0].code(), "truncated");
    let nowhere = setup.tenant("nowhere");
    assert_eq!(store.audit_head(&nowhere.admin).await.unwrap(), None);
}
