//! Claims about requests that are sent more than once.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_secret::Masked;
use lockstep_step::{Digest, Failure, Idempotency, Outcome, OutcomeKind, Phase, Receipt, RunId};

use crate::error::StoreError;
use crate::run::{NewRun, RunEnd, RunFilter};
use crate::store::Store;

use super::setup::{Setup, Tenant, at};

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_request_starts_one_run(&Setup::new(make().await).await).await;
    a_key_stands_for_one_request(&Setup::new(make().await).await).await;
    a_key_is_one_of_its_workspace(&Setup::new(make().await).await).await;
    a_key_is_kept_for_a_day(&Setup::new(make().await).await).await;
    a_run_that_was_turned_away_gives_its_key_back(&Setup::new(make().await).await).await;
    those_who_ask_together_start_one_run(&Setup::new(make().await).await).await;
}

fn asked(tenant: &Tenant, key: &str, request: &str, n: i64) -> NewRun {
    NewRun {
        idempotency: Some(Idempotency {
            key: key.parse().unwrap(),
            request: Digest::of(request.as_bytes()),
        }),
        ..tenant.new_run("default", n)
    }
}

async fn ask(tenant: &Tenant, key: &str, request: &str, n: i64) -> Result<RunId, StoreError> {
    let run = asked(tenant, key, request, n);
    let id = run.id;
    tenant.store.open_run(run).await.map(|_| id)
}

fn ended(kind: OutcomeKind, started: bool) -> RunEnd {
    let failure = Failure {
        kind,
        message: Masked::host_text("it failed"),
        phase: Phase::Admit,
        started,
        requests_sent: 0,
        retryable: true,
    };
    RunEnd {
        uses: Vec::new(),
        at: at(9),
        outcome: Outcome::from(failure),
        receipt: Receipt::default(),
        denied: vec![],
        log: vec![],
        waits_for_disk: true,
    }
}

async fn a_request_starts_one_run(setup: &Setup) {
    let tenant = setup.default_tenant();
    let first = ask(&tenant, "key", "request", 1).await.unwrap();
    let again = ask(&tenant, "key", "request", 2).await;
    assert!(matches!(again, Err(StoreError::AlreadyAsked(run)) if run == first));
    let end = ended(OutcomeKind::Timeout, true);
    tenant.store.close_run(&first, end).await.unwrap();
    let again = ask(&tenant, "key", "request", 3).await;
    assert!(matches!(again, Err(StoreError::AlreadyAsked(run)) if run == first));
    assert_ne!(ask(&tenant, "other", "request", 4).await.unwrap(), first);
}

async fn a_key_stands_for_one_request(setup: &Setup) {
    let tenant = setup.default_tenant();
    let first = ask(&tenant, "key", "request", 1).await.unwrap();
    let other = ask(&tenant, "key", "another", 2).await;
    assert!(matches!(other, Err(StoreError::IdempotencyReused(run)) if run == first));
}

async fn a_key_is_one_of_its_workspace(setup: &Setup) {
    let (one, other) = (setup.default_tenant(), setup.tenant("other"));
    other
        .store
        .add_workspace(&other.admin, at(0))
        .await
        .unwrap();
    let first = ask(&one, "key", "request", 1).await.unwrap();
    let second = ask(&other, "key", "request", 2).await.unwrap();
    assert_ne!(first, second);
}

async fn a_key_is_kept_for_a_day(setup: &Setup) {
    let tenant = setup.default_tenant();
    let first = ask(&tenant, "key", "request", 1).await.unwrap();
    let still = ask(&tenant, "key", "request", 1 + DAY).await;
    assert!(matches!(still, Err(StoreError::AlreadyAsked(run)) if run == first));
    let second = ask(&tenant, "key", "another", 2 + DAY).await.unwrap();
    let again = ask(&tenant, "key", "another", 3 + DAY).await;
    assert!(matches!(again, Err(StoreError::AlreadyAsked(run)) if run == second));
}

async fn a_run_that_was_turned_away_gives_its_key_back(setup: &Setup) {
    let tenant = setup.default_tenant();
    let first = ask(&tenant, "key", "request", 1).await.unwrap();
    let end = ended(OutcomeKind::Capacity, false);
    tenant.store.close_run(&first, end).await.unwrap();
    assert_ne!(ask(&tenant, "key", "request", 2).await.unwrap(), first);
}

async fn those_who_ask_together_start_one_run(setup: &Setup) {
    let tenant = setup.default_tenant();
    let together = (0..20).map(|n| {
        let run = asked(&tenant, "key", "request", n);
        let store = Arc::clone(&tenant.store);
        tokio::spawn(async move { store.open_run(run).await })
    });
    let mut opened = 0;
    for one in together.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(_) => opened += 1,
            Err(error) => assert!(matches!(error, StoreError::AlreadyAsked(_)), "{error}"),
        }
    }
    assert_eq!(opened, 1);
    let filter = RunFilter {
        workflow: None,
        step: None,
        status: None,
        since: None,
        until: None,
        before: None,
        limit: 100,
    };
    let runs = tenant.store.runs(&tenant.reader, &filter).await.unwrap();
    assert_eq!(runs.len(), 1);
}
