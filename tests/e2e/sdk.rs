//! The Rust SDK, from the outside: the three targets, failures, required credentials, recorded keys.

use serde_json::json;

use lockstep_e2e::{TestHost, Wanted, guest};
use lockstep_sandbox::{StepFile, prepare};
use lockstep_step::{DenialReason, OutcomeKind};

const TARGETS: [&str; 3] = ["wasip1", "wasip2", "unknown"];

#[tokio::test]
async fn a_step_runs_from_each_target() {
    let host = TestHost::new().await;
    for target in TARGETS {
        let ran = host
            .run(Wanted::of(guest(&format!("echo.{target}"))).input(r#"{"a":[1,"é",null]}"#))
            .await;
        assert_eq!(ran.output(), json!({"a": [1, "é", null]}), "{target}");
    }
}

#[tokio::test]
async fn a_credential_is_had_and_masked_on_each_target() {
    let host = TestHost::new().await;
    for target in TARGETS {
        let ran = host
            .run(
                Wanted::of(guest(&format!("credentials.{target}"))).input(r#"{"keys":["CANARY"]}"#),
            )
            .await;
        assert_eq!(
            ran.output()["lengths"]["CANARY"],
            host.canary().len(),
            "{target}"
        );
        // The standard library of `wasm32-unknown-unknown` prints nowhere.
        let expected = if target == "unknown" { "" } else { "***\n" };
        assert_eq!(ran.log, expected, "{target}");
    }
}

#[tokio::test]
async fn a_failure_carries_its_message_and_whether_to_try_again() {
    let host = TestHost::new().await;
    for (retryable, input) in [
        (true, r#"{"message":"later","retryable":true}"#),
        (false, r#"{"message":"no"}"#),
    ] {
        let ran = host.run(Wanted::of(guest("fails")).input(input)).await;
        let failure = ran.report.outcome.failure().unwrap();
        assert_eq!(
            (failure.kind, failure.retryable),
            (OutcomeKind::StepFailed, retryable)
        );
        assert!(input.contains(failure.message.as_str()));
    }
}

#[tokio::test]
async fn an_input_of_another_shape_is_a_failed_step() {
    let host = TestHost::new().await;
    let ran = host.run(Wanted::of(guest("fails")).input("7")).await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
}

#[tokio::test]
async fn all_credentials_that_are_missing_are_named_at_once() {
    let host = TestHost::new().await;
    host.set("SECOND", "the second value").await;
    let ran = host.run(Wanted::of(guest("requires"))).await;
    assert_eq!(ran.kind(), OutcomeKind::MissingCredential);
    assert!(
        ran.message().contains("FIRST") && ran.message().contains("THIRD"),
        "{}",
        ran.message()
    );
    assert!(!ran.message().contains("SECOND"), "{}", ran.message());
    let reasons: Vec<_> = ran
        .report
        .denied
        .iter()
        .map(|denied| denied.reason)
        .collect();
    assert_eq!(reasons, [DenialReason::NotFound; 2]);

    host.set("FIRST", "the first value").await;
    host.set("THIRD", "the third value").await;
    let ran = host.run(Wanted::of(guest("requires"))).await;
    assert_eq!(
        ran.output(),
        json!({"FIRST": 15, "SECOND": 16, "THIRD": 15})
    );
}

#[tokio::test]
async fn the_keys_that_a_step_names_are_found_when_it_is_registered() {
    for target in TARGETS {
        let artifact = prepare(&StepFile::wasm(guest(&format!("requires.{target}")))).unwrap();
        let keys: Vec<_> = artifact.keys.iter().map(|key| key.as_str()).collect();
        assert_eq!(keys, ["FIRST", "SECOND", "THIRD"], "{target}");
    }
    assert!(
        prepare(&StepFile::wasm(guest("credentials")))
            .unwrap()
            .keys
            .is_empty()
    );
}
