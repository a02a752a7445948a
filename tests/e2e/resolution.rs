//! Which credential a run gets: scope, usage permission, moment.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use lockstep_e2e::{Ran, TestHost, Wanted, guest, wat};
use lockstep_runner::{ManageError, NewCredential, PutRule, Removal, RunError, StoreError};
use lockstep_sandbox::StepFile;
use lockstep_secret::Secret;
use lockstep_step::{Caller, DenialReason, OutcomeKind, Role, Scope, WorkspaceName};

/// Runs the guest that reads `KEY` in a workflow.
async fn read_key(host: &TestHost, workflow: &str) -> Ran {
    host.run(
        Wanted::of(guest("credentials"))
            .input(r#"{"keys":["KEY"]}"#)
            .workflow(workflow),
    )
    .await
}

#[tokio::test]
async fn a_workflows_own_credential_overrides_the_workspaces() {
    let host = TestHost::new().await;
    host.add_workflow("alerts").await;
    host.set("KEY", "workspace value").await;
    host.set_in("alerts", "KEY", "own value of alerts").await;
    assert_eq!(
        read_key(&host, "default").await.output()["lengths"]["KEY"],
        15
    );
    let ran = read_key(&host, "alerts").await;
    assert_eq!(ran.output()["lengths"]["KEY"], 19);
    assert_eq!(
        ran.report.receipt.credentials[0].scope,
        Scope::Workflow("alerts".parse().unwrap())
    );
}

#[tokio::test]
async fn a_key_that_is_not_selected_is_missing_and_the_record_knows_why() {
    let host = TestHost::new().await;
    host.set("KEY", "some value").await;
    host.select("default", &["OTHER"]).await;
    let ran = read_key(&host, "default").await;
    assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
    assert_eq!(ran.report.denied[0].reason, DenialReason::NotPermitted);
    let hidden = ran.message().to_owned();

    host.select("default", &["KEY"]).await;
    assert_eq!(
        read_key(&host, "default").await.kind(),
        OutcomeKind::Completed
    );

    // A key that is not there at all reads the same to the guest.
    let input = r#"{"keys":["KEY"]}"#;
    host.add_workflow("empty").await;
    let workspace = WorkspaceName::default_name();
    let key = "KEY".parse().unwrap();
    host.runner
        .delete_credential(
            &host.admin,
            &workspace,
            &Scope::Workspace,
            &key,
            Removal::Forced,
        )
        .await
        .unwrap();
    let ran = host
        .run(
            Wanted::of(guest("credentials"))
                .input(input)
                .workflow("empty"),
        )
        .await;
    assert_eq!(ran.report.denied[0].reason, DenialReason::NotFound);
    assert_eq!(ran.message(), hidden);
}

#[tokio::test]
async fn a_credential_that_has_expired_is_missing_and_the_workspaces_does_not_take_its_place() {
    let host = TestHost::new().await;
    host.add_workflow("alerts").await;
    host.set("KEY", "workspace value").await;
    let end = Timestamp::now() + SignedDuration::from_millis(300);
    host.guard("own value of alerts");
    let new = [NewCredential {
        key: "KEY".parse().unwrap(),
        value: Secret::new("own value of alerts".to_owned()),
        note: None,
        expires_at: Some(end),
        handling: None,
    }];
    let (workspace, scope) = (
        WorkspaceName::default_name(),
        Scope::Workflow("alerts".parse().unwrap()),
    );
    let put = host.runner.put_credentials(
        &host.admin,
        &workspace,
        &scope,
        &new,
        PutRule::CreateOrRotate,
    );
    assert_eq!(put.await.unwrap()[0].expires_at, Some(end));
    // Runs go on until one is late.
    let late = loop {
        let ran = read_key(&host, "alerts").await;
        if ran.kind() != OutcomeKind::Completed {
            break ran;
        }
        assert!(ran.report.started_at < end);
        assert_eq!(ran.output()["lengths"]["KEY"], 19);
    };
    assert!(Timestamp::now() >= end);
    assert_eq!(late.kind(), OutcomeKind::MissingCredential);
    assert_eq!(late.report.denied[0].reason, DenialReason::Expired);
    // The guest is told what it is told of a key that is not there.
    let asks = Wanted::of(guest("credentials")).input(r#"{"keys":["KEX"]}"#);
    let absent = host.run(asks.workflow("alerts")).await;
    assert_eq!(absent.report.denied[0].reason, DenialReason::NotFound);
    assert_eq!(late.message().replace("KEY", "KEX"), absent.message());
    assert_eq!(
        read_key(&host, "default").await.output()["lengths"]["KEY"],
        15
    );
    // What would expire before any run is not taken.
    let put = host.runner.put_credentials(
        &host.admin,
        &workspace,
        &scope,
        &new,
        PutRule::CreateOrRotate,
    );
    assert!(matches!(put.await, Err(ManageError::ExpiredAlready(_))));
    // A new value has no end but its own.
    host.set_in("alerts", "KEY", "the next value of alerts")
        .await;
    let ran = read_key(&host, "alerts").await;
    assert_eq!(ran.output()["lengths"]["KEY"], 24);
}

#[tokio::test]
async fn the_next_run_sees_a_rotation_and_the_one_before_did_not() {
    let host = TestHost::new().await;
    host.set("KEY", "first value").await;
    let before = read_key(&host, "default").await;
    host.set("KEY", "second, longer value").await;
    let after = read_key(&host, "default").await;
    let seen = |ran: &Ran| {
        (
            ran.output()["lengths"]["KEY"].clone(),
            ran.report.receipt.credentials[0].version,
        )
    };
    assert_eq!(seen(&before), (json!(11), 1));
    assert_eq!(seen(&after), (json!(20), 2));
}

#[tokio::test]
async fn nothing_is_shared_across_workspaces() {
    let host = TestHost::new().await;
    host.set("KEY", "value of default").await;
    let other: WorkspaceName = "other".parse().unwrap();
    host.runner
        .add_workspace(&host.admin, &other)
        .await
        .unwrap();
    assert!(
        host.runner
            .credentials(&host.admin, &other)
            .await
            .unwrap()
            .is_empty()
    );
    let key = "KEY".parse().unwrap();
    let usage = host
        .runner
        .credential_usage(&host.admin, &other, &Scope::Workspace, &key)
        .await;
    assert!(
        matches!(usage, Err(ManageError::NotFound { .. })),
        "{usage:?}"
    );
}

#[tokio::test]
async fn only_an_admin_sets_credentials_and_a_viewer_runs_nothing() {
    let host = TestHost::new().await;
    let workspace = WorkspaceName::default_name();
    let caller = |role| Caller {
        name: "test:somebody".to_owned(),
        role,
    };
    for role in [Role::Editor, Role::Viewer] {
        let new = [NewCredential {
            key: "KEY".parse().unwrap(),
            value: Secret::new("some value".to_owned()),
            note: None,
            expires_at: None,
            handling: None,
        }];
        let caller = caller(role);
        let put = host.runner.put_credentials(
            &caller,
            &workspace,
            &Scope::Workspace,
            &new,
            PutRule::CreateOrRotate,
        );
        assert!(
            matches!(put.await, Err(ManageError::Forbidden(_))),
            "{role:?}"
        );
        assert!(
            !host
                .runner
                .credentials(&caller, &workspace)
                .await
                .unwrap()
                .is_empty()
        );
    }
    let ran = host
        .try_run(&caller(Role::Editor), Wanted::of(wat("echo-command")))
        .await;
    assert!(ran.is_ok());
    let ran = host
        .try_run(&caller(Role::Viewer), Wanted::of(wat("echo-command")))
        .await;
    assert!(matches!(ran, Err(RunError::Forbidden(_))));
}

#[tokio::test]
async fn a_credential_that_a_step_names_is_not_deleted_unless_forced() {
    let host = TestHost::new().await;
    host.set("FIRST", "the first value").await;
    let workspace = WorkspaceName::default_name();
    let workflow = "default".parse().unwrap();
    let name = "needs-three".parse().unwrap();
    let added = host
        .runner
        .add_step(
            &host.admin,
            &workspace,
            &workflow,
            &name,
            StepFile::wasm(guest("requires")),
        )
        .await
        .unwrap();
    let missing: Vec<_> = added
        .warnings
        .iter()
        .map(|warning| warning.key.as_str())
        .collect();
    assert_eq!(missing, ["SECOND", "THIRD"]);

    let key = "FIRST".parse().unwrap();
    let delete = |removal| {
        host.runner
            .delete_credential(&host.admin, &workspace, &Scope::Workspace, &key, removal)
    };
    match delete(Removal::IfUnused).await {
        Err(ManageError::Store(StoreError::InUse { dependents, .. })) => {
            assert_eq!(dependents.steps, [(workflow.clone(), name.clone())]);
        }
        other => panic!("{other:?}"),
    }
    delete(Removal::Forced).await.unwrap();
    let ran = host.run(Wanted::step("needs-three")).await;
    assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
}

#[tokio::test]
async fn an_unknown_name_offers_the_nearest() {
    let host = TestHost::new().await;
    let ran = host
        .try_run(
            &host.admin,
            Wanted::of(wat("echo-command")).workflow("defualt"),
        )
        .await;
    match ran {
        Err(RunError::NotFound { nearest, .. }) => assert_eq!(nearest.as_deref(), Some("default")),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it ran"),
    }
}
