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
async fn a_step_has_things_signed_on_each_target() {
    let host = TestHost::new().await;
    // The secret access key of the examples of S3.
    host.set("KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        .await;
    for target in TARGETS {
        let wanted = Wanted::of(guest(&format!("signs.{target}")));
        let ran = host
            .run(wanted.input(r#""what do ya want for nothing?""#))
            .await;
        let expected = json!({
            "sha256": "501344e5adcb60e06d9efdba080a803f5eb02ecc948b06d380fca032b203cd43",
            "sha512": "1da4325ebeda77653fadceb5c7ab3076aad55e714825bc55e61c3d21cd49bd7e587ce85388b3f687172e5c11003479cb88968383a80c9cba1c1de6c01ec6743c",
            "verified": [true, false],
            "token": [50, 18, 43],
            "aws": [
                ["x-amz-date", "x-amz-content-sha256", "authorization"],
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            ],
            "basic": 66,
            "github": true,
            "refused": [["invalid_key", "KEY"], ["missing_credential", "NONE"]],
        });
        assert_eq!(ran.output(), expected, "{target}");
        let used: Vec<_> = ran.report.receipt.credentials.iter().collect();
        assert_eq!(used.len(), 1, "{target}");
        assert_eq!(ran.report.denied[0].reason, DenialReason::NotFound);
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
