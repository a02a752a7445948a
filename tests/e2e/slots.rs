//! What a run finds in the slot of another workspace's run: nothing.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use lockstep_e2e::{TestHost, wat};
use lockstep_runner::{NewCredential, PutRule, RunReport, RunRequest, StepSource};
use lockstep_sandbox::{Allocation, Sandbox, SandboxConfig, StepFile};
use lockstep_secret::Secret;
use lockstep_step::{Limits, OutcomeKind, Scope, WorkflowName, WorkspaceName};

/// Runs that fill a slot and runs that look into it, for each ending.
const ROUNDS: usize = 5;
/// What ends a run that has filled its slot. The first one returns.
const ENDINGS: [(&str, OutcomeKind); 3] = [
    ("", OutcomeKind::Completed),
    ("unreachable", OutcomeKind::Trap),
    ("(loop (br 0))", OutcomeKind::Timeout),
];

async fn run(
    host: &TestHost,
    workspace: &WorkspaceName,
    ending: &str,
    cancel: &CancellationToken,
) -> RunReport {
    let source = String::from_utf8(wat("slot-filler")).unwrap();
    let request = RunRequest {
        workspace: workspace.clone(),
        workflow: WorkflowName::default_name(),
        step: StepSource::Inline(StepFile::named(
            "slot-filler.wat".to_owned(),
            source.replace("(; ending ;)", ending).into_bytes(),
        )),
        input: "null".to_owned(),
        attempt: 1,
        limits: Limits {
            timeout: Duration::from_millis(400),
            ..Limits::default()
        },
        listener: None,
        trace: None,
        cancel: cancel.clone(),
    };
    host.runner.run(&host.admin, request).await.unwrap()
}

/// Adds a workspace in which the step looks.
async fn add_looking(host: &TestHost) -> WorkspaceName {
    let workspace: WorkspaceName = "looking".parse().unwrap();
    host.runner
        .add_workspace(&host.admin, &workspace)
        .await
        .unwrap();
    let look = NewCredential {
        key: "LOOK".parse().unwrap(),
        value: Secret::new("please".to_owned()),
        note: None,
        expires_at: None,
        handling: None,
    };
    let rule = PutRule::CreateOrRotate;
    host.runner
        .put_credentials(&host.admin, &workspace, &Scope::Workspace, &[look], rule)
        .await
        .unwrap();
    workspace
}

async fn check(host: &TestHost) {
    let filling = WorkspaceName::default_name();
    let looking = add_looking(host).await;
    let never = CancellationToken::new();
    for (ending, kind) in ENDINGS {
        for _ in 0..ROUNDS {
            // The same module, whose image stays in the slot, and another one.
            for looked in [ending, ""] {
                let filled = run(host, &filling, ending, &never).await;
                assert_eq!(filled.outcome.kind(), kind, "{:?}", filled.outcome);
                check_fresh(&run(host, &looking, looked, &never).await, ending);
            }
        }
    }
    // A run that is cancelled while it is busy.
    for _ in 0..ROUNDS {
        let cancel = CancellationToken::new();
        let busy = run(host, &filling, "(loop (br 0))", &cancel);
        let later = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            cancel.cancel();
        };
        let (cancelled, ()) = tokio::join!(busy, later);
        assert_eq!(cancelled.outcome.kind(), OutcomeKind::Cancelled);
        check_fresh(
            &run(host, &looking, "(loop (br 0))", &never).await,
            "cancel",
        );
    }
}

#[track_caller]
fn check_fresh(report: &RunReport, ending: &str) {
    let output = report.outcome.output().map(|output| output.as_str());
    assert_eq!(
        output,
        Some("\"fresh\""),
        "after `{ending}`: {:?}",
        report.outcome
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_clean_for_the_next_workspace_however_its_last_run_ended() {
    let config = SandboxConfig::for_runs(1);
    assert_eq!(
        Sandbox::new(config.clone()).unwrap().allocation(),
        Allocation::Pooled
    );
    check(&TestHost::with(config).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_clean_for_the_next_workspace_without_a_pool_too() {
    // So many slots have no room in any address space.
    let config = SandboxConfig::for_runs(100_000);
    assert_eq!(
        Sandbox::new(config.clone()).unwrap().allocation(),
        Allocation::OnDemand
    );
    check(&TestHost::with(config).await).await;
}

#[tokio::test]
async fn a_step_that_looks_sees_what_is_not_fresh() {
    let host = TestHost::with(SandboxConfig::for_runs(1)).await;
    let looking = add_looking(&host).await;
    let source = String::from_utf8(wat("slot-filler")).unwrap();
    for (name, dirty) in [
        (
            "memory",
            "(memory.fill (i32.const 300000) (i32.const 1) (i32.const 1))",
        ),
        ("table", "(table.set $table (i32.const 7) (ref.func $run))"),
        ("global", "(global.set $number (i64.const 1))"),
    ] {
        let bytes = source.replace("(call $look)", &format!("{dirty} (call $look)"));
        let request = RunRequest {
            workspace: looking.clone(),
            workflow: WorkflowName::default_name(),
            step: StepSource::Inline(StepFile::named(name.to_owned(), bytes.into_bytes())),
            input: json!(null).to_string(),
            attempt: 1,
            limits: Limits::default(),
            listener: None,
            trace: None,
            cancel: CancellationToken::new(),
        };
        let report = host.runner.run(&host.admin, request).await.unwrap();
        assert_eq!(report.outcome.kind(), OutcomeKind::Trap, "{name}");
    }
}
