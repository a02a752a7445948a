//! The record of runs: opened before, closed in every case.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use lockstep_e2e::{TestHost, Wanted, guest, repository, wat};
use lockstep_runner::{HostFault, RunError, RunFilter, RunState, RunStatus, RunStep, RunSummary};
use lockstep_sandbox::{LogSink, SandboxConfig, StepFile};
use lockstep_step::{Digest, LogChunk, OutcomeKind, WorkspaceName};
use lockstep_store::SqliteStore;

fn latest(limit: u32) -> RunFilter {
    RunFilter {
        workflow: None,
        step: None,
        status: None,
        since: None,
        until: None,
        before: None,
        limit,
    }
}

/// The first run that is recorded, as soon as it is.
async fn first_run(host: &TestHost) -> RunSummary {
    loop {
        let workspace = WorkspaceName::default_name();
        let mut runs = host
            .runner
            .runs(&host.admin, &workspace, &latest(1))
            .await
            .unwrap();
        if let Some(run) = runs.pop() {
            return run;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_run_is_recorded_with_its_digest_outcome_receipt_and_log() {
    let host = TestHost::new().await;
    let wasm = guest("credentials");
    let ran = host
        .run(Wanted::of(wasm.clone()).input(r#"{"keys":["CANARY"]}"#))
        .await;
    let workspace = WorkspaceName::default_name();
    let record = host
        .runner
        .run_record(&host.admin, &workspace, &ran.report.run)
        .await
        .unwrap();
    assert_eq!(record.digest, Digest::of(&wasm));
    assert_eq!(record.step, RunStep::File("test.wasm".to_owned()));
    assert_eq!(record.caller, "test:admin");
    let RunState::Ended {
        outcome, receipt, ..
    } = record.state
    else {
        panic!("{:?}", record.state)
    };
    assert_eq!(outcome, ran.report.outcome);
    assert_eq!(*receipt, ran.report.receipt);
    assert_eq!(receipt.credentials[0].key.as_str(), "CANARY");
    assert_eq!(host.recorded_log(&ran).await, b"***\n");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_closed_record() {
    let host = TestHost::new().await;
    host.run(
        Wanted::of(wat("long-sleep")).limits(|limits| limits.timeout = Duration::from_millis(1)),
    )
    .await;
    {
        let run = host.run(Wanted::of(wat("long-sleep")));
        let gone = tokio::time::timeout(Duration::from_millis(100), run).await;
        assert!(gone.is_err());
    }
    host.runner.drain().await;
    let runs = host
        .runner
        .runs(&host.admin, &WorkspaceName::default_name(), &latest(1))
        .await
        .unwrap();
    assert_eq!(runs[0].status, RunStatus::Ended(OutcomeKind::Cancelled));
}

/// A listener with a fault.
struct Panics;

impl LogSink for Panics {
    fn write(&self, _: LogChunk) {
        panic!("a listener panics");
    }
}

#[tokio::test]
async fn a_listener_that_panics_leaves_a_closed_record_and_a_free_place() {
    let host = TestHost::with(SandboxConfig::for_runs(1)).await;
    let component = || Wanted::of(guest("credentials")).input(r#"{"keys":["CANARY"]}"#);
    let script = || Wanted::script("test.js", "console.log(credential('CANARY'))");
    for (name, wanted) in [
        ("component", &component as &dyn Fn() -> Wanted),
        ("script", &script),
    ] {
        let run = host
            .runner
            .run(&host.admin, wanted().request(Arc::new(Panics)));
        let Err(RunError::Host {
            run,
            source: HostFault::Panicked,
        }) = run.await
        else {
            panic!("{name}: the panic is not told");
        };
        let workspace = WorkspaceName::default_name();
        let record = host.runner.run_record(&host.admin, &workspace, &run).await;
        assert_eq!(
            record.unwrap().state.status(),
            RunStatus::Ended(OutcomeKind::Internal)
        );
        let log = host
            .runner
            .run_log(&host.admin, &workspace, &run, 0, 10)
            .await
            .unwrap();
        assert_eq!(log[0].chunk.text.as_bytes(), b"***\n", "{name}");
        assert_eq!(host.run(wanted()).await.kind(), OutcomeKind::Completed);
    }
}

#[tokio::test]
async fn a_run_of_a_live_process_is_not_lost_to_another_one() {
    let host = TestHost::new().await;
    let running = host.run(
        Wanted::of(wat("long-sleep")).limits(|limits| limits.timeout = Duration::from_millis(400)),
    );
    let second = async {
        assert_eq!(first_run(&host).await.status, RunStatus::Open);
        SqliteStore::open(&host.data(), Timestamp::now()).unwrap()
    };
    let (ran, _second) = tokio::join!(running, second);
    assert_eq!(ran.kind(), OutcomeKind::Timeout);
}

#[tokio::test]
async fn a_run_whose_process_was_killed_is_lost_at_the_next_start() {
    let host = TestHost::new().await;
    let sleeper = repository().join("tests/guests/long-sleep.wat");
    let mut process = host.spawn_lockstep(&[
        "run".as_ref(),
        sleeper.as_os_str(),
        "--timeout".as_ref(),
        "60s".as_ref(),
    ]);
    let open = first_run(&host).await;
    assert_eq!(open.status, RunStatus::Open);
    process.kill().unwrap();
    process.wait().unwrap();
    let next = host.lockstep(&["runs", "list", "--json"]).exits(0);
    assert!(next.stdout.contains("\"lost\""), "{}", next.stdout);
    let workspace = WorkspaceName::default_name();
    let record = host
        .runner
        .run_record(&host.admin, &workspace, &open.id)
        .await
        .unwrap();
    assert!(
        matches!(record.state, RunState::Lost { .. }),
        "{:?}",
        record.state
    );
}

#[tokio::test]
async fn a_registered_step_runs_by_name_and_the_record_pins_its_version() {
    let host = TestHost::new().await;
    let workspace = WorkspaceName::default_name();
    let (workflow, name) = ("default".parse().unwrap(), "echo".parse().unwrap());
    for (version, source) in [(1, wat("echo-command")), (2, guest("echo"))] {
        let added = host
            .runner
            .add_step(
                &host.admin,
                &workspace,
                &workflow,
                &name,
                StepFile::wasm(source.clone()),
            )
            .await
            .unwrap();
        assert_eq!(
            (added.step.version, added.step.digest),
            (version, Digest::of(&source))
        );
        let ran = host.run(Wanted::step("echo").input("[1]")).await;
        assert_eq!(ran.output(), serde_json::json!([1]));
        let record = host
            .runner
            .run_record(&host.admin, &workspace, &ran.report.run)
            .await
            .unwrap();
        assert_eq!(
            record.step,
            RunStep::Registered {
                name: name.clone(),
                version
            }
        );
        assert_eq!(record.digest, Digest::of(&source));
    }
}

#[tokio::test]
async fn a_damaged_cache_of_compiled_code_means_compiling_again() {
    let host = TestHost::new().await;
    host.run(Wanted::of(wat("echo-command"))).await;
    let cache = host.data().join("cache");
    let mut damaged = 0;
    for engine in std::fs::read_dir(&cache).unwrap() {
        for file in std::fs::read_dir(engine.unwrap().path()).unwrap() {
            std::fs::write(file.unwrap().path(), b"not code").unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    let fresh = host.another_runner();
    let ran = host
        .run_in(&fresh, Wanted::of(wat("echo-command")).input("[1]"))
        .await;
    assert_eq!(ran.output(), serde_json::json!([1]));
}
