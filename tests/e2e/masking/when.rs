//! When text appears, and when not: what has to do with a clock.

use std::fs;

use serde_json::json;

use lockstep_e2e::{Filter, TestHost, Wanted, guest};
use lockstep_step::OutcomeKind;

const VALUE: &str = "Marmot-Quill-7731";

/// A filter that masks [`VALUE`], and the directory with its file.
fn filter() -> (tempfile::TempDir, Filter) {
    let directory = tempfile::tempdir().unwrap();
    let secrets = directory.path().join("secrets.json");
    fs::write(&secrets, json!([VALUE]).to_string()).unwrap();
    let filter = Filter::start(&secrets);
    (directory, filter)
}

/// Lets pass a time that is longer than a weak hold: another filter releases one.
fn let_a_weak_hold_pass() {
    let (_directory, mut clock) = filter();
    clock.write(b"50%");
    assert_eq!(clock.shown(3), b"50%");
}

#[test]
fn what_can_be_no_value_is_shown_without_further_input() {
    for text in [
        "Password: ",
        "50%",
        "\r 10 of 20 \r",
        "....",
        "line\n",
        "Continue? [y/N] ",
        "C:\\",
        "a &am",
        "\x1b[2K\r",
        "the last letter is an M\n",
        "100%\r",
    ] {
        let (_directory, mut filter) = filter();
        filter.write(text.as_bytes());
        let shown = filter.shown(text.len());
        assert_eq!(shown, text.as_bytes(), "{}", text.escape_debug());
        assert_eq!(filter.finish().stdout, text.as_bytes());
    }
}

#[test]
fn no_time_releases_the_beginning_of_a_value() {
    for (begun, rest) in [
        ("Marmot-Qu", "ill-7731"),
        ("M", "armot-Quill-7731"),
        ("TWFybW90LVF1", "aWxsLTc3MzE="),
        ("Marmot%2", "DQuill-7731"),
        ("Marmot\\u00", "2dQuill-7731"),
        ("Marmot&#4", "5;Quill-7731"),
        ("4d61726d", "6f742d5175696c6c2d37373331"),
        ("Marmot-\r\n  Qu", "ill-7731"),
    ] {
        let (_directory, mut filter) = filter();
        filter.write(format!("key: {begun}").as_bytes());
        assert_eq!(filter.shown(5), b"key: ");
        let_a_weak_hold_pass();
        let_a_weak_hold_pass();
        filter.write(format!("{rest}\n").as_bytes());
        let stdout = filter.finish().stdout;
        assert_eq!(
            stdout,
            b"key: ***\n",
            "{begun} {rest}: {}",
            stdout.escape_ascii()
        );
    }
}

#[test]
fn what_is_held_at_the_end_is_not_swallowed() {
    for text in [
        "Marmot-Quill-773",
        "%4",
        "\\u00",
        "&am",
        "\x1b[",
        "'Marmot-'Quill",
    ] {
        let (_directory, mut filter) = filter();
        filter.write(text.as_bytes());
        assert_eq!(filter.finish().stdout, text.as_bytes());
    }
}

/// The guest says `text`, then sleeps for an hour. The run is cancelled when `shown` is heard.
async fn check_shown_by_a_step(host: &TestHost, text: &str) {
    let input = json!({ "acts": [
        { "reveal": "KEY" }, { "stdout": text.as_bytes() }, { "sleep_ms": 3_600_000 }
    ] });
    let wanted = Wanted::of(guest("speaks"))
        .input(input.to_string())
        .cancelled_after(text);
    let ran = host.run(wanted).await;
    // Had nobody heard it, the run would have ended with `timeout`.
    assert_eq!(ran.kind(), OutcomeKind::Cancelled, "{text:?}");
    assert_eq!(ran.log, text);
}

#[tokio::test]
async fn a_step_that_waits_has_its_prompt_shown() {
    let host = TestHost::new().await;
    host.set("KEY", VALUE).await;
    for text in [
        "Password: ",
        "50%",
        "\r 10 of 20 \r",
        "C:\\",
        "a &am",
        "… M\n",
    ] {
        check_shown_by_a_step(&host, text).await;
    }
}

#[tokio::test]
async fn what_a_step_has_begun_is_shown_when_it_is_cancelled() {
    let host = TestHost::new().await;
    host.set("KEY", VALUE).await;
    let input = json!({ "acts": [
        { "reveal": "KEY" }, { "stdout": "Marmot-Qu".as_bytes() }, { "stderr": "waiting\n".as_bytes() },
        { "sleep_ms": 3_600_000 }
    ] });
    let wanted = Wanted::of(guest("speaks"))
        .input(input.to_string())
        .cancelled_after("waiting");
    let ran = host.run(wanted).await;
    assert_eq!(ran.kind(), OutcomeKind::Cancelled);
    assert!(ran.log.contains("Marmot-Qu"), "swallowed: {:?}", ran.log);
}
