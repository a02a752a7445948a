//! Claims about the record of runs.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_secret::Masked;
use lockstep_step::{
    CredentialUse, DenialReason, Denied, Digest, Failure, LogChunk, LogStream, Outcome,
    OutcomeKind, Phase, Receipt, RunId, Scope,
};

use crate::error::{StoreError, Thing};
use crate::run::{NewRun, RunEnd, RunFilter, RunRecord, RunSource, RunState, RunStatus, RunStep};
use crate::store::Store;

use super::setup::{Setup, Tenant, alice, at, name, scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_run_is_open_from_the_start(&Setup::new(make().await).await).await;
    a_completed_run_is_recorded_as_it_ended(&Setup::new(make().await).await).await;
    a_failed_run_is_recorded_as_it_ended(&Setup::new(make().await).await).await;
    the_version_of_the_step_is_pinned(&Setup::new(make().await).await).await;
    a_run_of_nothing_is_not_recorded(&Setup::new(make().await).await).await;
    an_id_is_used_once(&Setup::new(make().await).await).await;
    a_run_ends_once(&Setup::new(make().await).await).await;
    an_open_run_is_settled_and_then_closed(&Setup::new(make().await).await).await;
    a_refused_run_is_recorded(&Setup::new(make().await).await).await;
    a_log_is_kept_in_order(&Setup::new(make().await).await).await;
    runs_are_listed_by_what_is_asked(&Setup::new(make().await).await).await;
    runs_of_a_time_are_listed(&Setup::new(make().await).await).await;
    a_workspace_sees_its_own_runs(&Setup::new(make().await).await).await;
    a_run_of_a_live_store_is_not_lost(&Setup::new(make().await).await).await;
}

fn chunk(n: i64, stream: LogStream, text: &str) -> LogChunk {
    LogChunk {
        at: at(n),
        stream,
        text: masked(text.as_bytes().to_vec()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a claim makes up what a masker would give"
)]
fn masked<T>(text: T) -> Masked<T> {
    Masked::reread(text)
}

pub(super) fn completed(n: i64) -> RunEnd {
    RunEnd {
        at: at(n),
        outcome: Outcome::Completed(masked(r#"{"ok":true}"#.to_owned())),
        receipt: Receipt::default(),
        denied: vec![],
        log: vec![],
        uses: Vec::new(),
        waits_for_disk: true,
    }
}

fn failed(n: i64, kind: OutcomeKind) -> RunEnd {
    let failure = Failure {
        kind,
        message: Masked::host_text("it failed"),
        phase: Phase::Run,
        started: true,
        requests_sent: 2,
        retryable: true,
    };
    RunEnd {
        outcome: failure.into(),
        ..completed(n)
    }
}

fn filter() -> RunFilter {
    RunFilter {
        workflow: None,
        step: None,
        status: None,
        since: None,
        until: None,
        before: None,
        limit: 100,
    }
}

async fn record(tenant: &Tenant, run: RunId) -> RunRecord {
    tenant.store.run(&tenant.reader, &run).await.unwrap()
}

async fn listed(tenant: &Tenant, filter: &RunFilter) -> Vec<RunId> {
    let runs = tenant.store.runs(&tenant.reader, filter).await.unwrap();
    runs.into_iter().map(|run| run.id).collect()
}

async fn a_run_is_open_from_the_start(setup: &Setup) {
    let tenant = setup.default_tenant();
    let run = tenant.open_run("default", 3).await;
    let status = setup.store.run_status(&tenant.reader, &run).await.unwrap();
    assert_eq!(status, RunStatus::Open);
    let expected = RunRecord {
        id: run,
        workspace: name("default"),
        workflow: name("default"),
        step: RunStep::File("step.wasm".to_owned()),
        digest: Digest::of(b"step"),
        caller: alice().name,
        started_at: at(3),
        state: RunState::Open,
    };
    assert_eq!(record(&tenant, run).await, expected);
}

async fn a_completed_run_is_recorded_as_it_ended(setup: &Setup) {
    let tenant = setup.default_tenant();
    let run = tenant.open_run("default", 3).await;
    let used = CredentialUse {
        key: name("TOKEN"),
        scope: scope("default"),
        version: 7,
        sealed: false,
    };
    let end = RunEnd {
        receipt: Receipt {
            run_us: 12,
            peak_memory_bytes: 1 << 40,
            credentials: vec![
                used.clone(),
                CredentialUse {
                    scope: Scope::Workspace,
                    ..used
                },
            ],
            ..Receipt::default()
        },
        denied: vec![
            Denied {
                key: Some(name("OTHER")),
                reason: DenialReason::NotPermitted,
            },
            Denied {
                key: None,
                reason: DenialReason::InvalidKey,
            },
        ],
        ..completed(4)
    };
    setup.store.close_run(&run, end.clone()).await.unwrap();
    check_end(&tenant, run, end).await;
}

async fn a_failed_run_is_recorded_as_it_ended(setup: &Setup) {
    let tenant = setup.default_tenant();
    for kind in OutcomeKind::ALL {
        if kind == OutcomeKind::Completed {
            continue;
        }
        let run = tenant.open_run("default", 3).await;
        let end = failed(4, kind);
        setup.store.close_run(&run, end.clone()).await.unwrap();
        check_end(&tenant, run, end).await;
    }
}

async fn check_end(tenant: &Tenant, run: RunId, end: RunEnd) {
    let expected = RunState::Ended {
        at: end.at,
        outcome: end.outcome,
        receipt: Box::new(end.receipt),
        denied: end.denied,
    };
    assert_eq!(record(tenant, run).await.state, expected);
}

async fn the_version_of_the_step_is_pinned(setup: &Setup) {
    let tenant = setup.default_tenant();
    tenant.add_step("default", "report", "v1", &[]).await;
    tenant.add_step("default", "report", "v2", &[]).await;
    let mut run = tenant.new_run("default", 3);
    run.source = RunSource::Step(name("report"));
    let id = run.id;
    setup.store.open_run(run).await.unwrap();
    tenant.add_step("default", "report", "v3", &[]).await;
    let pinned = record(&tenant, id).await;
    let version = RunStep::Registered {
        name: name("report"),
        version: 2,
    };
    assert_eq!((pinned.step, pinned.digest), (version, Digest::of(b"v2")));
}

async fn a_run_of_nothing_is_not_recorded(setup: &Setup) {
    let tenant = setup.default_tenant();
    let mut run = tenant.new_run("default", 3);
    run.source = RunSource::Step(name("report"));
    let step = Thing::Step(name("default"), name("report"));
    let refused = setup.store.open_run(run).await;
    assert!(matches!(refused, Err(StoreError::NotFound(what)) if what == step));
    assert_eq!(listed(&tenant, &filter()).await, []);
}

async fn an_id_is_used_once(setup: &Setup) {
    let tenant = setup.default_tenant();
    let run = tenant.new_run("default", 3);
    setup.store.open_run(run.clone()).await.unwrap();
    let id = Thing::Run(run.id);
    let again = setup.store.open_run(run).await;
    assert!(matches!(again, Err(StoreError::Exists(what)) if what == id));
}

async fn an_open_run_is_settled_and_then_closed(setup: &Setup) {
    let (tenant, store) = (setup.default_tenant(), &setup.store);
    let run = tenant.open_run("default", 3).await;
    store.settle_run(&run, Vec::new()).await.unwrap();
    store.settle_run(&run, Vec::new()).await.unwrap();
    store.close_run(&run, completed(4)).await.unwrap();
    check_end(&tenant, run, completed(4)).await;
    let late = store.settle_run(&run, Vec::new()).await;
    assert!(matches!(late, Err(StoreError::RunClosed(id)) if id == run));
    let unknown = RunId::generate();
    let settled = store.settle_run(&unknown, Vec::new()).await;
    assert!(matches!(settled, Err(StoreError::NotFound(Thing::Run(id))) if id == unknown));
}

async fn a_run_ends_once(setup: &Setup) {
    let (tenant, store) = (setup.default_tenant(), &setup.store);
    let run = tenant.open_run("default", 3).await;
    store.close_run(&run, completed(4)).await.unwrap();
    let is_closed = |result: Result<(), StoreError>| matches!(result, Err(StoreError::RunClosed(id)) if id == run);
    assert!(is_closed(
        store.close_run(&run, failed(5, OutcomeKind::Trap)).await
    ));
    assert!(is_closed(store.forbid_run(&run, at(5)).await));
    let late = vec![chunk(5, LogStream::Stdout, "late")];
    assert!(is_closed(store.append_log(&run, late).await));
    check_end(&tenant, run, completed(4)).await;

    let unknown = RunId::generate();
    let closed = store.close_run(&unknown, completed(4)).await;
    assert!(matches!(closed, Err(StoreError::NotFound(Thing::Run(id))) if id == unknown));
}

async fn a_refused_run_is_recorded(setup: &Setup) {
    let tenant = setup.default_tenant();
    let run = tenant.open_run("default", 3).await;
    setup.store.forbid_run(&run, at(4)).await.unwrap();
    let state = record(&tenant, run).await.state;
    assert_eq!(state, RunState::Forbidden { at: at(4) });
    assert_eq!(state.status().as_str(), "forbidden");
}

async fn a_log_is_kept_in_order(setup: &Setup) {
    let (tenant, store) = (setup.default_tenant(), &setup.store);
    let run = tenant.open_run("default", 3).await;
    let chunks = [
        chunk(4, LogStream::Stdout, "one\n"),
        chunk(5, LogStream::Stderr, "two\n"),
        chunk(5, LogStream::Stdout, ""),
        chunk(6, LogStream::Stdout, "three \u{1f600}"),
    ];
    store.append_log(&run, chunks[..1].to_vec()).await.unwrap();
    store.append_log(&run, chunks[1..3].to_vec()).await.unwrap();
    let end = RunEnd {
        log: chunks[3..].to_vec(),
        ..completed(7)
    };
    store.close_run(&run, end).await.unwrap();

    let told = async |sequence, limit| {
        let log = store.log(&tenant.reader, &run, sequence, limit).await;
        let log = log.unwrap().into_iter();
        log.map(|entry| (entry.sequence, entry.chunk))
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = (0..).zip(chunks).collect();
    assert_eq!(told(0, 100).await, all);
    assert_eq!(told(1, 2).await, all[1..3]);
    assert_eq!(told(4, 100).await, []);
    let unknown = RunId::generate();
    let log = store.log(&tenant.reader, &unknown, 0, 1).await;
    assert!(matches!(log, Err(StoreError::NotFound(Thing::Run(id))) if id == unknown));
}

async fn runs_are_listed_by_what_is_asked(setup: &Setup) {
    let (tenant, store) = (setup.default_tenant(), &setup.store);
    tenant.add_workflow("daily").await;
    let one = tenant.open_run("default", 1).await;
    let two = tenant.open_run("daily", 2).await;
    let three = tenant.open_run("default", 3).await;
    store.close_run(&one, completed(4)).await.unwrap();
    store
        .close_run(&two, failed(5, OutcomeKind::Timeout))
        .await
        .unwrap();

    assert_eq!(listed(&tenant, &filter()).await, [three, two, one]);
    let limited = RunFilter {
        limit: 2,
        ..filter()
    };
    assert_eq!(listed(&tenant, &limited).await, [three, two]);
    let earlier = RunFilter {
        before: Some(two),
        ..filter()
    };
    assert_eq!(listed(&tenant, &earlier).await, [one]);
    let of_default = RunFilter {
        workflow: Some(name("default")),
        ..filter()
    };
    assert_eq!(listed(&tenant, &of_default).await, [three, one]);
    tenant.add_step("default", "step.wasm", "v1", &[]).await;
    let mut of_the_step = tenant.new_run("default", 4);
    of_the_step.source = RunSource::Step(name("step.wasm"));
    let (four, of_a_step) = (
        of_the_step.id,
        RunFilter {
            step: Some(name("step.wasm")),
            ..filter()
        },
    );
    store.open_run(of_the_step).await.unwrap();
    assert_eq!(listed(&tenant, &of_a_step).await, [four]);
    store
        .close_run(&four, failed(6, OutcomeKind::Trap))
        .await
        .unwrap();
    for (status, run) in [
        (RunStatus::Open, three),
        (RunStatus::Ended(OutcomeKind::Completed), one),
        (RunStatus::Ended(OutcomeKind::Timeout), two),
    ] {
        let so = RunFilter {
            status: Some(status),
            ..filter()
        };
        assert_eq!(listed(&tenant, &so).await, [run]);
    }
    let before_the_fourth = RunFilter {
        before: Some(four),
        ..limited
    };
    let runs = store
        .runs(&tenant.reader, &before_the_fourth)
        .await
        .unwrap();
    assert_eq!((runs[1].ended_at, runs[0].ended_at), (Some(at(5)), None));
}

async fn runs_of_a_time_are_listed(setup: &Setup) {
    let (tenant, store) = (setup.default_tenant(), &setup.store);
    let time = |n: i64| at(n * 10_000);
    let mut runs = Vec::new();
    for n in 1..=4 {
        let run = NewRun {
            id: RunId::least_at(time(n)),
            started_at: time(n),
            ..tenant.new_run("default", n)
        };
        runs.push(run.id);
        store.open_run(run).await.unwrap();
    }
    let check = async |since, until, expected: &[RunId]| {
        let of_a_time = RunFilter {
            since,
            until,
            ..filter()
        };
        assert_eq!(listed(&tenant, &of_a_time).await, expected);
    };
    check(Some(time(3)), None, &[runs[3], runs[2]]).await;
    check(None, Some(time(3)), &[runs[1], runs[0]]).await;
    check(Some(time(2)), Some(time(4)), &[runs[2], runs[1]]).await;
    check(Some(time(5)), None, &[]).await;
    check(None, Some(time(1)), &[]).await;
}

async fn a_workspace_sees_its_own_runs(setup: &Setup) {
    let (ours, theirs) = (setup.default_tenant(), setup.add_tenant("acme").await);
    let run = ours.open_run("default", 1).await;
    assert_eq!(listed(&theirs, &filter()).await, []);
    let told = setup.store.run(&theirs.reader, &run).await;
    assert!(matches!(told, Err(StoreError::NotFound(Thing::Run(id))) if id == run));
    let log = setup.store.log(&theirs.reader, &run, 0, 1).await;
    assert!(matches!(log, Err(StoreError::NotFound(Thing::Run(id))) if id == run));
}

async fn a_run_of_a_live_store_is_not_lost(setup: &Setup) {
    let tenant = setup.default_tenant();
    let run = tenant.open_run("default", 1).await;
    assert_eq!(setup.store.mark_lost(at(2)).await.unwrap(), []);
    assert_eq!(record(&tenant, run).await.state, RunState::Open);
}
