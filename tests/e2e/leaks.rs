//! The leak check itself: it fails when something leaks, and the masker keeps it from doing so.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;

use lockstep_e2e::{TestHost, Wanted, digits_of_keys, guest, spelling_in, wat};

#[tokio::test]
async fn a_host_that_leaks_a_canary_fails_its_test() {
    let host = TestHost::new().await;
    // What a build would do that writes guest text before it is masked.
    host.leaves(
        "an unmasked log",
        format!("token={}", host.canary()).as_bytes(),
    );
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(host)));
    let message = dropped.unwrap_err().downcast::<String>().unwrap();
    assert!(
        message.contains("canary 0 is in an unmasked log, as raw"),
        "{message}"
    );
}

#[tokio::test]
async fn a_canary_in_a_file_of_the_data_directory_fails_its_test() {
    let host = TestHost::new().await;
    std::fs::write(host.data().join("core"), host.canary()).unwrap();
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(host)));
    assert!(
        dropped
            .unwrap_err()
            .downcast::<String>()
            .unwrap()
            .contains("core")
    );
}

#[tokio::test]
async fn the_digits_of_a_key_in_an_output_fail_its_test() {
    let host = TestHost::new().await;
    let digits = digits_of_keys(&host.key_file()).remove(0);
    host.leaves("an error that repeats a line", digits.as_bytes());
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(host)));
    assert!(
        dropped
            .unwrap_err()
            .downcast::<String>()
            .unwrap()
            .contains("an error that repeats a line")
    );
}

#[test]
fn each_spelling_is_found_and_others_are_not() {
    let value = "s3cr\"t/väl+ue";
    for text in [
        "x s3cr\"t/väl+ue x",
        "s3cr\\\"t/v\\u00e4l+ue",
        "s3cr%22t%2Fv%C3%A4l%2Bue",
        "czNjciJ0L3bDpGwrdWU=",
        "czNjciJ0L3bDpGwrdWUK",
        "733363722274 no 7333637222742f76c3a46c2b7565",
    ] {
        let found = spelling_in(text.as_bytes(), value).is_some();
        // The second mixes escapes, which only the masker's views and no enumerated form can know.
        assert_eq!(found, !text.contains("\\u00e4"), "{text}");
    }
    assert_eq!(spelling_in(b"s3cr\"t/v*l+ue", value), None);
}

const SPELLINGS: [&str; 15] = [
    "raw",
    "doubled",
    "base64",
    "base64_url",
    "basic_authorization",
    "base64_of_base64",
    "hex_lower",
    "hex_upper",
    "utf16_le",
    "utf16_be",
    "percent",
    "json_unicode",
    "json_minimal",
    "entities",
    "shell_quoted",
];

/// Lets the guest `credentials` say both canaries, in this spelling, where `to` says.
async fn check_masked(host: &TestHost, to: &str, spelling: &str, cut: Option<usize>) {
    let input = json!({ "keys": ["CANARY", "CANARY_LINES"], "spellings": [spelling], "to": to, "cut": cut });
    let ran = host
        .run(Wanted::of(guest("credentials")).input(input.to_string()))
        .await;
    let said = match to {
        "stdout" | "stderr" => ran.log.clone(),
        "output" => ran.output()["said"].to_string(),
        _ => ran.log.clone() + ran.message(),
    };
    assert!(said.contains("***"), "{to}, {spelling}, {cut:?}: {said}");
}

#[tokio::test]
async fn what_a_step_prints_of_its_credentials_is_masked_in_every_spelling() {
    let host = TestHost::new().await;
    for spelling in SPELLINGS {
        for cut in [None, Some(1), Some(7)] {
            check_masked(&host, "stdout", spelling, cut).await;
        }
    }
}

#[tokio::test]
async fn every_channel_is_masked() {
    let host = TestHost::new().await;
    for to in ["stdout", "stderr", "output", "failure", "panic"] {
        for spelling in ["raw", "base64", "percent", "json_unicode"] {
            check_masked(&host, to, spelling, None).await;
        }
    }
}

#[tokio::test]
async fn text_without_values_passes_as_it_is() {
    let host = TestHost::new().await;
    let ran = host.run(Wanted::of(wat("log-not-utf8"))).await;
    let recorded = host.recorded_log(&ran).await;
    assert!(
        recorded
            .windows(2)
            .any(|pair| std::str::from_utf8(pair).is_err()),
        "{recorded:?}"
    );
}

#[tokio::test]
async fn a_value_that_nobody_asked_for_is_not_registered() {
    let host = TestHost::new().await;
    let ran = host
        .run(Wanted::of(guest("credentials")).input(r#"{"keys":[]}"#))
        .await;
    assert!(ran.report.receipt.credentials.is_empty());
    assert_eq!(ran.log, "");
}
