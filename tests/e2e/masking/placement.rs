//! Where the masker stands in a run (P1 to P4): the first thing that happens to what a guest says, and until its last
//! byte.

use serde_json::json;

use lockstep_e2e::{TestHost, Wanted, guest};
use lockstep_secret::Secret;
use lockstep_step::{LogStream, OutcomeKind};

const VALUE: &str = "Marmot-Quill-7731";

async fn host() -> TestHost {
    let host = TestHost::new().await;
    host.set("KEY", VALUE).await;
    host
}

fn speaks(acts: &serde_json::Value) -> Wanted {
    Wanted::of(guest("speaks")).input(json!({ "acts": acts }).to_string())
}

#[tokio::test]
async fn each_stream_has_a_masker_of_its_own() {
    let host = host().await;
    let acts = json!([
        { "reveal": "KEY" },
        { "stdout": b"out Marmot-" }, { "stderr": b"err Marmot-Qu" },
        { "stdout": b"Quill-7731\n" }, { "stderr": b"ill-7731\n" },
    ]);
    let ran = host.run(speaks(&acts)).await;
    assert_eq!(ran.wrote(LogStream::Stdout), b"out ***\n");
    assert_eq!(ran.wrote(LogStream::Stderr), b"err ***\n");
}

#[tokio::test]
async fn what_is_split_over_two_streams_is_no_value_in_either() {
    let host = TestHost::new().await;
    // No canary: the halves side by side in the merged log are what no masker of streams can help (SECURITY.md).
    let acts = json!([{ "stdout": b"Marmot-" }, { "stderr": b"Quill-7731" }]);
    let ran = host.run(speaks(&acts)).await;
    assert_eq!(ran.wrote(LogStream::Stdout), b"Marmot-");
    assert_eq!(ran.wrote(LogStream::Stderr), b"Quill-7731");
}

/// A log that is cut anywhere within a value, in one of its spellings, shows no part of it.
#[tokio::test]
async fn a_log_is_masked_before_it_is_cut() {
    let host = host().await;
    let before = "a line before it: ";
    for said in [VALUE, "TWFybW90LVF1aWxsLTc3MzE=", "Marmot%2DQuill%2D7731"] {
        let acts = json!([{ "reveal": "KEY" }, { "stdout": format!("{before}{said} and behind it").as_bytes() }]);
        for limit in before.len()..before.len() + said.len() {
            let wanted = speaks(&acts).limits(|limits| limits.log_bytes = limit as u64);
            let ran = host.run(wanted).await;
            let log = String::from_utf8(ran.wrote(LogStream::Stdout)).unwrap();
            assert!(log.starts_with(before), "{log}");
            for part in [&said[..4], &said[said.len() - 5..said.len() - 1]] {
                assert!(!log.contains(part), "{said} cut at {limit}: {log}");
            }
        }
    }
}

#[tokio::test]
async fn the_last_bytes_of_a_step_are_masked_however_it_ends() {
    let host = host().await;
    let end = json!({ "failure": format!("failed with {VALUE}") });
    let acts = json!([{ "reveal": "KEY" }, { "stdout": b"Marmot-Quill-7731" }, { "stderr": b"Marmot-Quill-773" }]);
    let input = json!({ "acts": acts, "end": end });
    let ran = host
        .run(Wanted::of(guest("speaks")).input(input.to_string()))
        .await;
    assert_eq!(ran.kind(), OutcomeKind::StepFailed);
    assert_eq!(ran.message(), "failed with ***");
    assert_eq!(ran.wrote(LogStream::Stdout), b"***");
    assert_eq!(ran.wrote(LogStream::Stderr), b"Marmot-Quill-773");
    let recorded = host.recorded_log(&ran).await;
    assert!(recorded.windows(3).any(|window| window == b"***"));
}

#[tokio::test]
async fn a_value_revealed_in_the_midst_of_the_log_is_masked_from_then_on() {
    let host = host().await;
    let acts = json!([
        { "stdout": b"working, 50%" }, { "stderr": b"a warning\n" },
        { "reveal": "KEY" },
        { "stdout": b" Marmot-Quill-7731\n" }, { "stderr": b"Marmot-Quill-7731\n" },
    ]);
    let ran = host.run(speaks(&acts)).await;
    assert_eq!(ran.wrote(LogStream::Stdout), b"working, 50% ***\n");
    assert_eq!(ran.wrote(LogStream::Stderr), b"a warning\n***\n");
}

#[test]
fn a_secret_has_no_text_of_its_own() {
    let secret = Secret::new(VALUE.to_owned());
    assert_eq!(format!("{secret:?}"), "[secret]");
    assert!(!format!("{secret:#?} {:?}", Some(&secret)).contains("Marmot"));
}
