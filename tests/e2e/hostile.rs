//! Guests that mean harm, or behave as if: each has its outcome, and the host serves the next run.

use std::time::Duration;

use serde_json::{Value, json};

use lockstep_e2e::{Ran, TestHost, Wanted, wat};
use lockstep_sandbox::SandboxConfig;
use lockstep_step::{DenialReason, OutcomeKind, Phase};

/// Runs a guest in the text format, and expects it to end so.
async fn check(host: &TestHost, name: &str, kind: OutcomeKind, phase: Phase) -> Ran {
    let wanted = if kind == OutcomeKind::Timeout {
        soon(name)
    } else {
        Wanted::of(wat(name))
    };
    let ran = host.run(wanted).await;
    let failure = ran.report.outcome.failure();
    let failure = failure.unwrap_or_else(|| panic!("`{name}` completed"));
    let ended = (failure.kind, failure.phase);
    assert_eq!(ended, (kind, phase), "{name}: {}", failure.message);
    check_serves(host, name).await;
    ran
}

async fn check_completes(host: &TestHost, name: &str) -> Ran {
    let ran = host.run(Wanted::of(wat(name))).await;
    assert_eq!(
        ran.kind(),
        OutcomeKind::Completed,
        "{name}: {:?}",
        ran.report.outcome
    );
    check_serves(host, name).await;
    ran
}

async fn check_serves(host: &TestHost, after: &str) {
    let next = host.run(Wanted::of(wat("echo-command")).input("[1]")).await;
    assert_eq!(next.output(), json!([1]), "the run after `{after}`");
}

fn soon(name: &str) -> Wanted {
    Wanted::of(wat(name)).limits(|limits| limits.timeout = Duration::from_millis(100))
}

#[tokio::test]
async fn what_a_guest_does_for_ever_ends_at_its_timeout() {
    let host = TestHost::new().await;
    host.set("KEY", "a value of a credential").await;
    for name in [
        "endless-empty-writes",
        "endless-reads",
        "realloc-endless",
        "poll-many-pending",
    ] {
        check(&host, name, OutcomeKind::Timeout, Phase::Run).await;
    }
}

#[tokio::test]
async fn a_line_that_never_ends_is_cut_and_ends_at_the_timeout() {
    let host = TestHost::new().await;
    let limits = |limits: &mut lockstep_step::Limits| {
        limits.timeout = Duration::from_millis(500);
        limits.log_bytes = 10_000;
    };
    let ran = host
        .run(Wanted::of(wat("endless-line")).limits(limits))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::Timeout);
    assert_eq!(ran.log.matches("the log is cut here").count(), 1);
    assert!(ran.log.len() < 10_100, "{}", ran.log.len());
    assert!(ran.report.receipt.log_bytes > 10_000);
    check_serves(&host, "endless-line").await;
}

#[tokio::test]
async fn single_bytes_to_both_streams_in_turn_are_cut_before_they_are_many_pieces() {
    let host = TestHost::new().await;
    let limits = |limits: &mut lockstep_step::Limits| limits.log_bytes = 17_000;
    let wanted = Wanted::of(wat("log-alternating")).limits(limits);
    let ran = host.run(wanted).await;
    assert_eq!(ran.output(), Value::Null);
    // A byte and a change each, but for the first.
    let kept = ran.log.bytes().take_while(|byte| *byte == b'x').count();
    assert_eq!(kept, 1 + (17_000 - 1) / 17);
    assert_eq!(ran.report.receipt.log_bytes, 20_000);
}

#[tokio::test]
async fn memories_that_grow_in_turn_share_one_limit() {
    let host = TestHost::new().await;
    let wanted = Wanted::of(wat("memories-growing"));
    let ran = host.run(wanted).await;
    assert_eq!(ran.kind(), OutcomeKind::MemoryExceeded);
    assert!(ran.report.receipt.peak_memory_bytes <= 128 << 20);
    check_serves(&host, "memories-growing").await;
}

#[tokio::test]
async fn a_guest_that_breaks_the_rules_of_the_host_traps() {
    let host = TestHost::new().await;
    host.set("KEY", "a value of a credential").await;
    for (name, part) in [
        ("write-4-gib", "out of bounds"),
        ("realloc-traps", "unreachable"),
        ("realloc-out-of-bounds", "beyond end of memory"),
        ("realloc-calls-back", "cannot leave component instance"),
        ("output-not-utf8", "utf-8"),
        ("random-huge", "exceeds limit"),
        (
            "missing-too-many",
            "10001 keys in one call, over the limit of 10000",
        ),
        ("missing-huge", "fuel"),
        ("handles-hungry", "table has no free keys"),
        ("poll-million", "store handle limit exceeded"),
    ] {
        let ran = check(&host, name, OutcomeKind::Trap, Phase::Run).await;
        assert!(ran.message().contains(part), "{name}: {}", ran.message());
    }
    for name in ["data-out-of-bounds", "start-traps"] {
        check(&host, name, OutcomeKind::Trap, Phase::Start).await;
    }
}

#[tokio::test]
async fn closing_stdout_is_the_guests_own_affair() {
    let host = TestHost::new().await;
    let ran = check_completes(&host, "closed-stdout").await;
    assert_eq!((ran.output(), ran.log.as_str()), (Value::Null, ""));
}

#[tokio::test]
async fn a_million_calls_for_a_credential_open_it_once() {
    let host = TestHost::new().await;
    host.set("KEY", "a value of a credential").await;
    let wanted = Wanted::of(wat("million-credentials"));
    let ran = host
        .run(wanted.limits(|limits| limits.timeout = Duration::from_secs(100)))
        .await;
    assert_eq!(ran.output(), Value::Null);
    assert_eq!(ran.report.receipt.credentials.len(), 1);
    check_serves(&host, "million-credentials").await;
}

#[tokio::test]
async fn many_pollables_are_polled_together() {
    let host = TestHost::new().await;
    check_completes(&host, "poll-many").await;
}

#[tokio::test]
async fn denials_are_recorded_up_to_a_hundred() {
    let host = TestHost::new().await;
    let ran = check_completes(&host, "many-denials").await;
    assert_eq!(ran.report.denied.len(), 100);
    assert!(
        ran.report
            .denied
            .iter()
            .all(|denied| denied.reason == DenialReason::NotFound)
    );
}

#[tokio::test]
async fn output_may_be_nested_as_deep_as_it_is_long() {
    let host = TestHost::new().await;
    let ran = check_completes(&host, "output-deep").await;
    assert_eq!(ran.report.outcome.output().unwrap().as_str().len(), 800_000);
}

#[tokio::test]
async fn proposals_that_this_host_does_not_take_are_refused() {
    let host = TestHost::new().await;
    for (name, body) in [
        ("threads", r#"(memory (export "memory") 1 1 shared)"#),
        (
            "gc",
            r#"(memory (export "memory") 1) (type (struct (field i32)))"#,
        ),
        ("exceptions", r#"(memory (export "memory") 1) (tag)"#),
        (
            "stack switching",
            r#"(memory (export "memory") 1) (type $f (func)) (type (cont $f))"#,
        ),
        (
            "custom page sizes",
            r#"(memory (export "memory") 1 (pagesize 1))"#,
        ),
    ] {
        let text = format!(r#"(module {body} (func (export "_start")))"#);
        let ran = host.run(Wanted::of(text.into_bytes())).await;
        assert_eq!(
            ran.kind(),
            OutcomeKind::InvalidStep,
            "{name}: {:?}",
            ran.report.outcome
        );
        check_serves(&host, name).await;
    }
}

#[tokio::test]
async fn more_runs_than_places_all_come_to_their_end() {
    let host = TestHost::with(SandboxConfig::for_runs(16)).await;
    check_serves(&host, "nothing").await;
    let runs = (0..64).map(|number| {
        let wanted = match number % 4 {
            0 => soon("long-sleep"),
            1 => soon("endless-loop"),
            2 => Wanted::of(wat("memory-careful")),
            _ => Wanted::of(wat("echo-command")).input(number.to_string()),
        };
        host.run(wanted)
    });
    let ended = all(runs).await;
    for (number, ran) in ended.iter().enumerate() {
        match number % 4 {
            0 | 1 => assert_eq!(ran.kind(), OutcomeKind::Timeout),
            2 => assert_eq!(ran.output(), json!("enough")),
            _ => assert_eq!(ran.output(), json!(number)),
        }
    }
    check_serves(&host, "64 runs").await;
}

/// Polls all of them together.
async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in &mut waiting {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if waiting.iter().all(|(_, done)| done.is_some()) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}
