//! Each way in which a run ends, brought about by a small guest.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use lockstep_e2e::{Ran, TestHost, Wanted, guest, wat};
use lockstep_sandbox::SandboxConfig;
use lockstep_step::{OutcomeKind, Phase};

/// Runs a guest in the text format, and expects it to end so; the host serves another run afterwards.
async fn check(name: &str, kind: OutcomeKind, phase: Phase) -> Ran {
    check_wanted(Wanted::of(wat(name)), name, kind, phase).await
}

async fn check_wanted(wanted: Wanted, name: &str, kind: OutcomeKind, phase: Phase) -> Ran {
    let host = TestHost::new().await;
    let ran = host.run(wanted).await;
    let failure = ran
        .report
        .outcome
        .failure()
        .unwrap_or_else(|| panic!("`{name}` completed"));
    assert_eq!(
        (failure.kind, failure.phase),
        (kind, phase),
        "{name}: {}",
        failure.message
    );
    let next = host.run(Wanted::of(wat("echo-command")).input("[1]")).await;
    assert_eq!(next.output(), json!([1]), "the run after `{name}`");
    ran
}

fn soon(wanted: Wanted) -> Wanted {
    wanted.limits(|limits| limits.timeout = Duration::from_millis(100))
}

#[tokio::test]
async fn a_guest_that_never_ends_is_stopped_at_its_timeout() {
    for name in ["endless-loop", "endless-host-calls", "long-sleep"] {
        let ran = check_wanted(
            soon(Wanted::of(wat(name))),
            name,
            OutcomeKind::Timeout,
            Phase::Run,
        )
        .await;
        assert!(ran.report.outcome.failure().unwrap().retryable);
        assert!(ran.report.receipt.run_us >= 100_000);
    }
}

#[tokio::test]
async fn a_start_function_that_never_ends_is_stopped_at_its_timeout() {
    let wanted = soon(Wanted::of(wat("endless-start")));
    let ran = check_wanted(wanted, "endless-start", OutcomeKind::Timeout, Phase::Start).await;
    assert!(ran.report.outcome.failure().unwrap().started);
}

#[tokio::test]
async fn cpu_time_is_that_of_the_guest_and_not_of_its_sleep() {
    let host = TestHost::new().await;
    let busy = host.run(soon(Wanted::of(wat("endless-loop")))).await;
    let asleep = host.run(soon(Wanted::of(wat("long-sleep")))).await;
    assert!(busy.report.receipt.cpu_us > asleep.report.receipt.cpu_us);
    assert!(
        asleep.report.receipt.cpu_us < 50_000,
        "{}",
        asleep.report.receipt.cpu_us
    );
}

#[tokio::test]
async fn a_trap_is_a_trap() {
    for name in ["trap", "stack-overflow", "output-out-of-bounds"] {
        check(name, OutcomeKind::Trap, Phase::Run).await;
    }
}

#[tokio::test]
async fn memory_over_the_limit_is_memory_exceeded() {
    check("memory-hungry", OutcomeKind::MemoryExceeded, Phase::Run).await;
    check("table-hungry", OutcomeKind::MemoryExceeded, Phase::Run).await;
    let ran = check(
        "memories-together",
        OutcomeKind::MemoryExceeded,
        Phase::Start,
    )
    .await;
    assert!(!ran.report.outcome.failure().unwrap().started);
}

#[tokio::test]
async fn a_guest_that_copes_with_refused_memory_completes() {
    let host = TestHost::new().await;
    let ran = host.run(Wanted::of(wat("memory-careful"))).await;
    assert_eq!(ran.output(), json!("enough"));
    let peak = ran.report.receipt.peak_memory_bytes;
    assert!((64 << 20..=128 << 20).contains(&peak), "{peak}");
}

#[tokio::test]
async fn an_exit_code_other_than_0_is_a_failed_step() {
    check("exit-3", OutcomeKind::StepFailed, Phase::Run).await;
    let host = TestHost::new().await;
    assert_eq!(
        host.run(Wanted::of(wat("exit-0"))).await.output(),
        json!(null)
    );
}

#[tokio::test]
async fn output_is_json_within_its_limit_and_the_last_one_counts() {
    check(
        "output-too-large",
        OutcomeKind::OutputTooLarge,
        Phase::Output,
    )
    .await;
    check("output-not-json", OutcomeKind::StepFailed, Phase::Output).await;
    let host = TestHost::new().await;
    assert_eq!(
        host.run(Wanted::of(wat("output-twice"))).await.output(),
        json!(2)
    );
}

#[tokio::test]
async fn a_log_flood_is_cut_once_and_the_run_goes_on() {
    let host = TestHost::new().await;
    let ran = host.run(Wanted::of(wat("log-flood"))).await;
    assert_eq!(ran.output(), json!("done"));
    assert_eq!(ran.log.matches("the log is cut here").count(), 1);
    assert!(ran.log.len() < (1 << 20) + 100, "{}", ran.log.len());
    assert_eq!(ran.report.receipt.log_bytes, 4 << 20);
    assert_eq!(host.recorded_log(&ran).await, ran.log.as_bytes());
}

/// A step that does not fit says what is wrong with it, and never starts.
async fn check_invalid(name: &str, part: &str) {
    let host = TestHost::new().await;
    let ran = host.run(Wanted::of(wat(name))).await;
    let failure = ran
        .report
        .outcome
        .failure()
        .unwrap_or_else(|| panic!("`{name}` completed"));
    assert_eq!(
        (failure.kind, failure.started),
        (OutcomeKind::InvalidStep, false),
        "{name}: {}",
        failure.message
    );
    assert!(
        failure.message.as_str().contains(part),
        "{name} does not say `{part}`: {}",
        failure.message
    );
    let next = host.run(Wanted::of(wat("echo-command")).input("[1]")).await;
    assert_eq!(next.output(), json!([1]), "the run after `{name}`");
}

#[tokio::test]
async fn a_step_that_fits_no_world_names_what_is_wrong() {
    check_invalid("missing-import", "`env` `print`").await;
    check_invalid("missing-import-component", "`example:other/thing@1.0.0`").await;
    check_invalid("no-entry", "`_start`").await;
    check_invalid("no-entry-component", "`run`").await;
    check_invalid("wrong-entry", "_start").await;
    check_invalid("wrong-type", "run").await;
    check_invalid("wrong-type-component", "`run`").await;
    // A memory that no limit of this host could allow is found when the step is loaded.
    check_invalid("memory-huge", "memory").await;
}

#[tokio::test]
async fn a_key_of_a_megabyte_is_missing_and_repeated_nowhere() {
    let host = TestHost::new().await;
    let ran = host.run(Wanted::of(wat("credential-key-too-long"))).await;
    assert_eq!(ran.output(), json!(null));
    assert_eq!(ran.report.denied[0].key, None);
}

#[tokio::test]
async fn input_that_is_not_json_is_refused_before_the_run() {
    let host = TestHost::new().await;
    let ran = host.run(Wanted::of(wat("echo-command")).input("{")).await;
    assert_eq!(ran.kind(), OutcomeKind::InvalidInput);
    let large = format!("\"{}\"", "x".repeat((6 << 20) - 2));
    let one_more = format!("\"{}\"", "x".repeat((6 << 20) - 1));
    let wanted = |input| {
        Wanted::of(wat("echo-command"))
            .input(input)
            .limits(|limits| limits.output_bytes = 6 << 20)
    };
    assert_eq!(host.run(wanted(large)).await.kind(), OutcomeKind::Completed);
    assert_eq!(
        host.run(wanted(one_more)).await.kind(),
        OutcomeKind::InvalidInput
    );
}

#[tokio::test]
async fn a_run_that_is_cancelled_is_recorded_as_that() {
    let host = TestHost::new().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let ran = host
        .run(Wanted::of(wat("endless-loop")).cancelled_by(&cancel))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::Cancelled);
}

#[tokio::test]
async fn a_run_that_finds_no_place_in_time_is_turned_away_and_may_be_tried_again() {
    let mut config = SandboxConfig::for_runs(1);
    config.queue_wait = Duration::from_millis(20);
    let host = TestHost::with(config).await;
    host.run(Wanted::of(wat("echo-command"))).await;
    let slow = || {
        Wanted::of(wat("long-sleep")).limits(|limits| limits.timeout = Duration::from_millis(300))
    };
    let (one, other) = tokio::join!(host.run(slow()), host.run(slow()));
    let kinds = [one.kind(), other.kind()];
    assert!(
        kinds.contains(&OutcomeKind::Timeout) && kinds.contains(&OutcomeKind::Capacity),
        "{kinds:?}"
    );
    let turned_away = if one.kind() == OutcomeKind::Capacity {
        one
    } else {
        other
    };
    let failure = turned_away.report.outcome.failure().unwrap();
    assert!(failure.retryable && !failure.started);
}

#[tokio::test]
async fn a_panic_is_a_trap_with_its_message_in_the_log() {
    let host = TestHost::new().await;
    let ran = host
        .run(Wanted::of(guest("panics")).input(r#""out of luck""#))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::Trap);
    assert!(ran.log.contains("out of luck"), "{}", ran.log);
    let ran = host.run(Wanted::of(guest("panics"))).await;
    assert_eq!(ran.kind(), OutcomeKind::Completed);
}

#[tokio::test]
async fn a_guest_sees_no_file_no_network_no_environment_and_no_argument() {
    let host = TestHost::new().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    for target in ["wasip1", "wasip2"] {
        let wanted = Wanted::of(guest(&format!("nosy.{target}")));
        let found = host
            .run(wanted.input(json!({ "port": port }).to_string()))
            .await
            .output();
        assert_eq!(found["arguments"].as_array().unwrap().len(), 0, "{found}");
        assert_eq!(found["environment"], json!([]), "{target}");
        assert_eq!(found["directory"], json!(null), "{target}");
        for what in ["file", "written", "connected"] {
            assert_eq!(found[what], false, "{target}: {what}");
        }
        assert!(
            found["seconds"].as_u64().unwrap() > 1_700_000_000,
            "it has a clock"
        );
    }
}

#[tokio::test]
async fn two_runs_share_nothing() {
    let host = TestHost::new().await;
    for _ in 0..3 {
        let ran = host.run(Wanted::of(wat("memory-careful"))).await;
        assert_eq!(ran.output(), json!("enough"));
    }
}
